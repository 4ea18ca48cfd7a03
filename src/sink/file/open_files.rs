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
use super::rotator::{self, Rotator, instant};
use crate::client::Message;
use crate::config::{FileAccess, FileConfig, SyncMode};
use crate::fail_point;

/// When all buffers together hold so much, all are written.
const MUCH: usize = 4 * 1024 * 1024;

/// A file that no message has gone to for so long is closed.
const IDLE: Duration = Duration::from_mins(1);

pub(super) struct OpenFiles {
    notebook: Arc<dyn Notebook>,
    framing: Framing,
    access: FileAccess,
    most: usize,
    rotator: Option<Rotator>,
    sync: SyncMode,
    outputs: Vec<Output>,
    /// How much is in all buffers.
    pending: usize,
}

impl OpenFiles {
    /// As `config` says. None is open yet.
    pub(super) fn new(config: &FileConfig, rotator: Option<Rotator>, notebook: Arc<dyn Notebook>) -> Self {
        Self {
            notebook,
            framing: Framing::of(&config.format),
            access: config.access,
            most: config.max_open_files as usize,
            rotator,
            sync: config.sync,
            outputs: Vec::new(),
            pending: 0,
        }
    }

    /// Nothing is to be cut from what earlier runs have left.
    pub(super) fn are_whole(&mut self) {
        if let Some(rotator) = &mut self.rotator {
            rotator.begin();
        }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Whether all is in them that was vouched for, and nothing else, as durable as it shall be.
    pub(super) fn are_settled(&self) -> bool {
        !self.outputs.iter().any(|output| output.file.used) && self.sync_due().is_none()
    }

    /// Makes the files at `paths`, which are no more than may be open, ready to be written to. Returns their places, in
    /// the same order. `bytes` is about how much will be written to each.
    pub(super) fn begin(&mut self, paths: &[Arc<Path>], bytes: &[u64]) -> Result<Vec<usize>, Failure> {
        self.hand_on()?;
        self.make_room(paths)?;
        let mut places = self.open(paths)?;
        if self.rotate(places.iter().copied().zip(bytes.iter().copied()))? {
            places = self.open(paths)?;
        }
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
                let mut output = Output::open(path.to_path_buf(), self.framing.of_another(), &self.access)?;
                if let Some(rotator) = &mut self.rotator {
                    output.due = rotator.opened(&output.file)?;
                }
                self.outputs.push(output);
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

    /// Writes the rest, and makes all of the batch durable, unless that has time.
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
        self.flush()?;
        self.sync_what_is_due()?;
        self.outputs.iter_mut().filter(|output| output.file.used).try_for_each(|output| output.file.vouch())
    }

    /// When the next sync is due; `None` if there is nothing to sync.
    fn sync_due(&self) -> Option<Instant> {
        let interval = match self.sync {
            SyncMode::EachBatch => Duration::ZERO,
            SyncMode::Interval(interval) => interval,
            SyncMode::Never => return None,
        };
        self.outputs.iter().filter_map(|output| output.dirty_since).min().map(|since| since + interval)
    }

    /// Syncs all files if the oldest of what is in them has waited long enough.
    pub(super) fn sync_what_is_due(&mut self) -> Result<(), Failure> {
        if self.sync_due().is_some_and(|due| due <= Instant::now()) { self.sync(|_| true) } else { Ok(()) }
    }

    /// Makes durable what is in these files.
    fn sync(&mut self, which: impl Fn(&Output) -> bool) -> Result<(), Failure> {
        let is_dirty = |output: &&mut Output| output.dirty_since.is_some() && which(output);
        let mut dirty: Vec<_> = self.outputs.iter_mut().filter(is_dirty).collect();
        dirty.iter_mut().try_for_each(|output| output.file.sync())?;
        // A directory that is gone has no names, which only a batch on its way has to be told.
        let unnamed = |output: &&mut Output| {
            output
                .file
                .unnamed()
                .filter(|directory| output.file.used || directory.exists())
                .map(Path::to_owned)
        };
        let unnamed: BTreeSet<_> = dirty.iter().filter_map(unnamed).collect();
        for directory in unnamed {
            sync_directory(&directory)?;
            fail_point::pass("file named");
        }
        for output in dirty {
            output.file.is_named();
            output.dirty_since = None;
        }
        Ok(())
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
        let now = match occasion {
            Occasion::Lull => None,
            Occasion::Reopen => (!self.outputs.is_empty()).then(Instant::now),
            Occasion::Stop => self.sync_due().map(|_| Instant::now()),
        };
        let unused = || self.outputs.iter().filter(|output| !output.file.used);
        let idle = unused().map(|output| output.last_used + IDLE).min();
        let rotated = unused().filter_map(|output| output.due);
        let rotated = rotated.chain(self.rotator.as_ref().and_then(Rotator::next)).min().map(instant);
        [now, idle, rotated, self.sync_due()].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(super) fn tend(&mut self, occasion: Occasion) -> Result<(), Failure> {
        match occasion {
            Occasion::Lull | Occasion::Reopen => self.sync_what_is_due()?,
            Occasion::Stop if self.sync == SyncMode::Never => {}
            Occasion::Stop => self.sync(|_| true)?,
        }
        self.hand_on()?;
        self.rotate((0..self.outputs.len()).map(|place| (place, 0)))?;
        if let Some(rotator) = &mut self.rotator {
            rotator.rename_closed(&*self.notebook);
            self.hand_on()?;
        }
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
        let is_closing = |output: &Output| closing.contains(output.file.path());
        if self.sync != SyncMode::Never {
            self.sync(is_closing)?;
        }
        let paths: Vec<_> = closing.iter().map(PathBuf::as_path).collect();
        let released = self.notebook.release(&paths);
        released.map_err(|error: io::Error| Failure::new("noting that files are closed", error))?;
        fail_point::pass("file released");
        self.outputs.retain(|output| {
            let stays = !closing.contains(output.file.path());
            if let Some(rotator) = self.rotator.as_mut().filter(|_| !stays) {
                rotator.closed(output.file.path(), output.due);
            }
            stays
        });
        Ok(())
    }

    /// Rotates those of the open files at these places that are due before so much is written to each. Whether there were
    /// any; the places are others then.
    fn rotate(&mut self, places: impl Iterator<Item = (usize, u64)>) -> Result<bool, Failure> {
        let Some(rotator) = &mut self.rotator else { return Ok(false) };
        let mut due = Vec::new();
        for (place, more) in places {
            let Output { file, due: at, .. } = &self.outputs[place];
            if !file.used && rotator.is_due(*at, file.metadata()?.len(), more) {
                due.push(place);
            }
        }
        if due.is_empty() {
            return Ok(false);
        }
        let marks = rotator::marks(&*self.notebook);
        for place in due {
            let output = &mut self.outputs[place];
            output.due = rotator.rename(&output.file, &marks)?.or(output.due);
        }
        self.hand_on()
    }

    /// Closes what was renamed and hands it on. Whether there was anything.
    fn hand_on(&mut self) -> Result<bool, Failure> {
        let moved = self.rotator.as_ref().map(Rotator::moved).transpose()?.unwrap_or_default();
        self.close(&moved)?;
        if let Some(rotator) = &mut self.rotator {
            rotator.hand_on();
        }
        Ok(!moved.is_empty())
    }
}
