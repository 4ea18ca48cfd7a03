//! Messages in files, one line each, durable before the receipt: data synced with `fdatasync`, and the directory of a
//! file that was opened anew with `fsync`.
//!
//! A batch that cannot be written whole is taken back, so that trying it again writes no line twice; and so is, after a
//! crash, what was written and not vouched for. Files are locked: two writers would tear each other's lines.

use std::borrow::Cow;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use super::append_file::{AppendFile, Failure, FileMark};
use super::notebook::Notebook;
use super::worker::Worker;
use super::{Delivery, Encoder, Sink, Slice, Source, Trouble};
use crate::config::PathTemplate;

/// Written in pieces of this size, so that a large batch needs no buffer of its own size.
const CHUNK: usize = 1024 * 1024;

/// One batch holds at most so many files open; a replay of years of messages is delivered in several steps.
const MAX_OPEN: usize = 32;

/// A file, or several by date. See [`crate::config::SinkKind::File`].
pub(crate) struct FileSink {
    worker: Worker<Writer>,
}

impl FileSink {
    /// Nothing is opened before the first message.
    pub(crate) fn new(
        path: PathTemplate,
        source: &Source,
        encoder: Encoder,
        notebook: Arc<dyn Notebook>,
    ) -> Self {
        let writer = Writer {
            path,
            project: source.project.to_string(),
            subscription: source.key.clone(),
            encoder,
            notebook,
            restored: false,
            outputs: Vec::new(),
            buffer: Vec::new(),
        };
        Self { worker: Worker::new(writer) }
    }
}

impl Sink for FileSink {
    fn is_busy(&self) -> bool {
        self.worker.is_busy()
    }

    fn is_settled(&self) -> bool {
        let settled = |writer: &Writer| writer.restored && !writer.outputs.iter().any(|output| output.used);
        self.worker.peek(settled).unwrap_or(false)
    }

    fn deliver(&mut self, slice: Slice) -> Pin<Box<dyn Future<Output = Delivery> + Send + '_>> {
        Box::pin(self.worker.run(slice, Writer::deliver))
    }
}

struct Writer {
    path: PathTemplate,
    project: String,
    subscription: String,
    encoder: Encoder,
    notebook: Arc<dyn Notebook>,
    /// Whether the files are as they were at the last receipt, after a crash.
    restored: bool,
    /// The files of the last batch, open and locked.
    outputs: Vec<AppendFile>,
    buffer: Vec<u8>,
}

/// How far the writing of a slice got, before anything is synced.
struct Written {
    count: usize,
    rejected: Option<Trouble>,
}

impl Writer {
    fn deliver(&mut self, slice: &Slice) -> Delivery {
        self.buffer.clear();
        let outcome = self.try_to_deliver(slice);
        self.buffer.shrink_to(CHUNK * 2);
        match outcome {
            Ok((written, files)) => {
                self.outputs.retain_mut(|output| std::mem::take(&mut output.used));
                let receipt = slice.receipt(written.count).map(|receipt| receipt.with_files(files));
                Delivery { receipt, trouble: written.rejected }
            }
            Err(failure) => {
                if let Err(later) = self.take_back() {
                    tracing::warn!("cannot take back a batch yet: {later}");
                }
                Delivery { receipt: None, trouble: Some(failure.into()) }
            }
        }
    }

    fn try_to_deliver(&mut self, slice: &Slice) -> Result<(Written, Vec<FileMark>), Failure> {
        if !self.restored {
            self.notebook.files().iter().try_for_each(FileMark::restore)?;
            self.restored = true;
        }
        // A batch that could not be taken back before is taken back now, or nothing is written.
        self.take_back()?;
        let written = self.write(slice)?;
        Ok((written, self.sync()?))
    }

    fn write(&mut self, slice: &Slice) -> Result<Written, Failure> {
        let mut written = Written { count: 0, rejected: None };
        let by_date = self.path.depends_on_date();
        let mut current: Option<(Cow<'_, str>, usize)> = None;
        for message in slice.messages() {
            let date = if by_date { utc_date(message.publish_time()) } else { Cow::Borrowed("") };
            let index = match &current {
                Some((same, index)) if *same == date => *index,
                _ => {
                    if let Some((_, index)) = current {
                        self.flush(index)?;
                    }
                    let path = self.path.render(&self.project, &self.subscription, &date);
                    let Some(index) = self.open(path)? else { break };
                    current = Some((date, index));
                    index
                }
            };
            if let Err(unfit) = self.encoder.encode(&message, &mut self.buffer) {
                written.rejected =
                    Some(Trouble::Reject { message: message.id(), reason: unfit.0.to_owned() });
                break;
            }
            written.count += 1;
            if self.buffer.len() >= CHUNK {
                self.flush(index)?;
            }
        }
        if let Some((_, index)) = current {
            self.flush(index)?;
        }
        Ok(written)
    }

    /// The place in `outputs` of the file at `path`; `None` when this batch has as many files open as it may.
    fn open(&mut self, path: PathBuf) -> Result<Option<usize>, Failure> {
        if let Some(index) = self.outputs.iter().position(|output| output.path() == path) {
            if self.outputs[index].used {
                return Ok(Some(index));
            }
            if self.outputs[index].is_still_there() {
                self.outputs[index].begin(&*self.notebook)?;
                return Ok(Some(index));
            }
            tracing::warn!("{} was moved or removed; beginning a new file", path.display());
            self.outputs.swap_remove(index);
        }
        if self.outputs.iter().filter(|output| output.used).count() >= MAX_OPEN {
            return Ok(None);
        }
        let mut output = AppendFile::open(path)?;
        output.begin(&*self.notebook)?;
        self.outputs.push(output);
        Ok(Some(self.outputs.len() - 1))
    }

    fn flush(&mut self, index: usize) -> Result<(), Failure> {
        if let Some(output) = self.outputs.get_mut(index) {
            output.append(&self.buffer)?;
        }
        self.buffer.clear();
        Ok(())
    }

    fn sync(&mut self) -> Result<Vec<FileMark>, Failure> {
        let used = self.outputs.iter_mut().filter(|output| output.used);
        used.map(|output| {
            output.sync()?;
            output.mark()
        })
        .collect()
    }

    /// Cuts every file back to what it was before the batch, those too that are synced already. A file that cannot be
    /// cut now stays marked.
    fn take_back(&mut self) -> Result<(), Failure> {
        self.outputs.iter_mut().filter(|output| output.used).try_for_each(AppendFile::take_back)
    }
}

/// The date in UTC of a time as the service writes it, `2026-11-23T07:05:18.157214377Z`. The template lets nothing
/// but a date into a path.
fn utc_date(publish_time: &str) -> Cow<'_, str> {
    match publish_time.split_once('T') {
        Some((date, time)) if time.ends_with('Z') => Cow::Borrowed(date),
        _ => match publish_time.parse::<jiff::Timestamp>() {
            Ok(time) => Cow::Owned(time.strftime("%Y-%m-%d").to_string()),
            Err(_) => Cow::Borrowed(""),
        },
    }
}

#[cfg(test)]
mod tests;
