//! The files of one sink that are open, and what is done to all of those at once that a batch is written to.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::append_file::{Failure, FileMark, sync_directory};
use super::super::jsonl::{Encoder, Unfit};
use super::super::{Notebook, Occasion};
use super::Framing;
use super::output::Output;
use crate::client::Message;
use crate::fail_point;

/// When all buffers together hold so much, all are written.
const MUCH: usize = 4 * 1024 * 1024;

/// A file that no message has gone to for so long is closed.
const IDLE: Duration = Duration::from_mins(1);

pub(super) struct OpenFiles {
    notebook: Arc<dyn Notebook>,
    framing: Framing,
    most: usize,
    outputs: Vec<Output>,
    /// How much is in all buffers.
    pending: usize,
}

impl OpenFiles {
    /// At most `most` files are open at a time. None is yet.
    pub(super) fn new(most: usize, framing: Framing, notebook: Arc<dyn Notebook>) -> Self {
        Self { notebook, framing, most, outputs: Vec::new(), pending: 0 }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Whether a batch is written to one of them, or could not be taken back.
    pub(super) fn any_used(&self) -> bool {
        self.outputs.iter().any(|output| output.file.used)
    }

    /// Makes the files at `paths`, which are no more than may be open, ready to be written to. Returns their places, in
    /// the same order.
    pub(super) fn begin(&mut self, paths: &[Arc<Path>]) -> Result<Vec<usize>, Failure> {
        self.make_room(paths)?;
        let places = self.open(paths)?;
        let mut marks = Vec::new();
        for place in &places {
            marks.extend(self.outputs[*place].prepare()?.map(|mark| (*place, mark)));
        }
        if !marks.is_empty() {
            self.intend(marks)?;
        }
        for place in &places {
            self.outputs[*place].begin()?;
        }
        Ok(places)
    }

    /// Closes what is not needed for `paths`: what leads somewhere else by now, what was idle for long, and else the
    /// longest unused, until there is room.
    fn make_room(&mut self, paths: &[Arc<Path>]) -> Result<(), Failure> {
        let wanted: BTreeSet<&Path> = paths.iter().map(AsRef::as_ref).collect();
        let is_wanted = |output: &Output| wanted.contains(output.file.path());
        let (mut closing, mut unused) = (BTreeSet::new(), Vec::new());
        for output in &self.outputs {
            let path = output.file.path();
            if is_wanted(output) {
                if !output.file.is_still_there() {
                    tracing::warn!("{} was moved or removed; beginning a new file", path.display());
                    closing.insert(path.to_owned());
                }
            } else if output.last_used.elapsed() >= IDLE {
                closing.insert(path.to_owned());
            } else {
                unused.push((output.last_used, path));
            }
        }
        unused.sort_unstable();
        let too_many = (unused.len() + paths.len()).saturating_sub(self.most);
        closing.extend(unused.into_iter().take(too_many).map(|(_, path)| path.to_owned()));
        self.close(&closing)
    }

    fn open(&mut self, paths: &[Arc<Path>]) -> Result<Vec<usize>, Failure> {
        let open: HashMap<PathBuf, usize> =
            (0..).zip(&self.outputs).map(|(place, output)| (output.file.path().to_owned(), place)).collect();
        let mut places = Vec::with_capacity(paths.len());
        for path in paths {
            if let Some(place) = open.get(path.as_ref()) {
                places.push(*place);
            } else {
                places.push(self.outputs.len());
                self.outputs.push(Output::open(path.to_path_buf(), self.framing.of_another())?);
            }
        }
        Ok(places)
    }

    /// Makes it known, for all files at once, where they begin to be written to.
    fn intend(&mut self, marks: Vec<(usize, FileMark)>) -> Result<(), Failure> {
        let intended = self.notebook.intend(marks.iter().map(|(_, mark)| mark.clone()).collect());
        let is_known = intended.is_ok();
        for (place, mark) in marks {
            self.outputs[place].file.know(is_known.then_some(mark));
        }
        if is_known {
            fail_point::pass("file intended");
        }
        intended.map_err(|error| Failure::new("noting the lengths of files", error))
    }

    /// Adds the record of `message` to the file at that place.
    pub(super) fn push(
        &mut self,
        place: usize,
        message: &Message<'_>,
        encoder: &mut Encoder,
    ) -> Result<(), Unfit> {
        self.pending += self.outputs[place].push(message, encoder)?;
        Ok(())
    }

    /// After a record was added at that place: writes what has become too much to be held.
    pub(super) fn relieve(&mut self, place: usize) -> Result<(), Failure> {
        if self.pending >= MUCH {
            return self.flush();
        }
        let output = &mut self.outputs[place];
        if output.is_full() {
            self.pending -= output.pending();
            output.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.pending = 0;
        self.outputs.iter_mut().try_for_each(Output::flush)
    }

    /// Writes the rest, and makes all of the batch durable.
    pub(super) fn sync(&mut self) -> Result<(), Failure> {
        self.flush()?;
        let mut used: Vec<_> = self.outputs.iter_mut().filter(|output| output.file.used).collect();
        used.iter_mut().try_for_each(|output| output.file.sync())?;
        let unnamed: BTreeSet<_> = used.iter().filter_map(|output| output.file.unnamed()).collect();
        for directory in unnamed {
            sync_directory(directory)?;
            fail_point::pass("file named");
        }
        used.iter_mut().try_for_each(|output| output.file.vouch())
    }

    /// The batch is vouched for.
    pub(super) fn finish(&mut self) {
        self.outputs.iter_mut().filter(|output| output.file.used).for_each(Output::finish);
    }

    /// The open files, as they were last vouched for.
    pub(super) fn marks(&self) -> Vec<FileMark> {
        self.outputs.iter().filter_map(|output| output.file.mark().cloned()).collect()
    }

    /// Cuts every file back to what it was before the batch, those too that are synced already. A file that cannot be
    /// cut now stays marked.
    pub(super) fn take_back(&mut self) -> Result<(), Failure> {
        self.pending = 0;
        self.outputs.iter_mut().filter(|output| output.file.used).try_for_each(Output::take_back)
    }

    /// When there is something to do; `None` if never.
    pub(super) fn due(&self, occasion: Occasion) -> Option<Instant> {
        match occasion {
            Occasion::Lull | Occasion::Stop => {
                let unused = self.outputs.iter().filter(|output| !output.file.used);
                unused.map(|output| output.last_used + IDLE).min()
            }
            Occasion::Reopen => (!self.outputs.is_empty()).then(Instant::now),
        }
    }

    /// Does what is due.
    pub(super) fn tend(&mut self, occasion: Occasion) -> Result<(), Failure> {
        let is_due = |output: &&Output| {
            !output.file.used && (occasion == Occasion::Reopen || output.last_used.elapsed() >= IDLE)
        };
        let closing = self.outputs.iter().filter(is_due).map(|output| output.file.path().to_owned());
        self.close(&closing.collect())
    }

    /// Closes these files: first it is noted that nothing is to be cut from them any more.
    fn close(&mut self, closing: &BTreeSet<PathBuf>) -> Result<(), Failure> {
        if closing.is_empty() {
            return Ok(());
        }
        let paths: Vec<_> = closing.iter().map(PathBuf::as_path).collect();
        let released = self.notebook.release(&paths);
        released.map_err(|error: io::Error| Failure::new("noting that files are closed", error))?;
        self.outputs.retain(|output| !closing.contains(output.file.path()));
        Ok(())
    }
}
