//! Messages in files, durable before the receipt unless the configuration says otherwise: data synced with `fdatasync`,
//! and the directory of a file that was opened anew with `fsync`.
//!
//! A batch is written in two passes: first it is settled which message goes to which file, then all files are opened and
//! their lengths noted at once, and written to. A batch that cannot be written whole is taken back from all of them, so
//! that trying it again writes no line twice; and so is, after a crash, what was written and not vouched for. Files are
//! locked: two writers would tear each other's lines.

mod compress;
mod destination;
mod framing;
mod housekeeper;
mod keep;
mod open_files;
mod output;
mod rotated;
mod rotation;
mod rotator;
mod survey;
mod topic;
mod window;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::append_file::Failure;
use super::notebook::Notebook;
use super::worker::Worker;
use super::{Delivery, Encoder, Occasion, Receipt, Sink, Slice, Source, Tended, Trouble};
use crate::client::AmsClient;
use crate::config::{FileConfig, SyncMode};
use destination::Destinations;
use framing::Framing;
use open_files::OpenFiles;
use rotator::Rotator;
use topic::TopicOf;

/// A file, or several by date, attribute and the like. See [`crate::config::FileConfig`].
pub(crate) struct FileSink {
    worker: Worker<Writer>,
    /// Who is asked for the topic, if that is in the path.
    topic: Option<TopicOf>,
    /// The files are to be opened anew, as soon as nothing else is done to them.
    reopen: bool,
}

impl FileSink {
    /// The sink of that name for the messages of `source`, whose client `own` is. Nothing is opened before the first
    /// message.
    pub(crate) fn new(
        name: &str,
        config: &FileConfig,
        source: &Source,
        own: &AmsClient,
        notebook: Arc<dyn Notebook>,
    ) -> Self {
        let subscription = source.subscription.qualified(&source.project);
        let destinations = Destinations::new(config, source, name);
        let topic = destinations.depend_on_topic().then(|| TopicOf::new(own.clone(), source.clone()));
        let rotator = config
            .rotation
            .as_ref()
            .map(|rotation| Rotator::new(rotation, destinations.masks(), config.time_zone.clone()));
        let mut files = OpenFiles::new(config, rotator, Arc::clone(&notebook));
        if notebook.files().is_empty() {
            files.are_whole();
        }
        let writer = Writer {
            destinations,
            encoder: Encoder::of_file(&config.format, &subscription),
            files,
            notebook,
            durable: config.sync == SyncMode::EachBatch,
            restored: false,
        };
        Self { worker: Worker::new(writer), topic, reopen: false }
    }

    async fn try_to_deliver(&mut self, slice: Slice) -> Result<Delivery, Trouble> {
        if let Some(late) = self.worker.late(&slice).await {
            return Ok(late);
        }
        let topic = match &mut self.topic {
            Some(topic) => Some(topic.ask().await?),
            None => None,
        };
        let reopen = self.reopen;
        let deliver = move |writer: &mut Writer, slice: &Slice| -> Result<Delivery, Trouble> {
            if let Some(topic) = topic {
                writer.destinations.set_topic(topic);
            }
            if reopen {
                writer.tend(Occasion::Reopen).map_err(|error| Trouble::Retry { after: None, error })?;
            }
            Ok(writer.deliver(slice))
        };
        let delivery = self.worker.deliver(slice, deliver).await?;
        self.reopen = false;
        Ok(delivery)
    }
}

impl Sink for FileSink {
    fn is_busy(&self) -> bool {
        self.worker.is_busy()
    }

    fn is_settled(&self) -> bool {
        self.worker.peek(|writer| writer.restored && writer.files.are_settled()).unwrap_or(false)
    }

    fn deliver(&mut self, slice: Slice) -> Pin<Box<dyn Future<Output = Delivery> + Send + '_>> {
        Box::pin(async move { self.try_to_deliver(slice).await.unwrap_or_else(Delivery::failed) })
    }

    fn tend(&mut self, occasion: Occasion) -> Pin<Box<dyn Future<Output = Tended> + Send + '_>> {
        self.reopen |= occasion == Occasion::Reopen;
        let occasion = if self.reopen && occasion == Occasion::Lull { Occasion::Reopen } else { occasion };
        // A disk that hangs is not waited for.
        let Some(due) = self.worker.peek(|writer| writer.files.due(occasion)) else {
            return Box::pin(std::future::ready(Ok(None)));
        };
        if due.is_none_or(|due| due > Instant::now()) {
            self.reopen = false;
            return Box::pin(std::future::ready(Ok(due)));
        }
        Box::pin(async move {
            let tended = self.worker.run(move |writer| writer.tend(occasion)).await;
            self.reopen &= tended.is_err();
            tended
        })
    }
}

struct Writer {
    destinations: Destinations,
    encoder: Encoder,
    files: OpenFiles,
    notebook: Arc<dyn Notebook>,
    /// Whether all that is vouched for is on the disk.
    durable: bool,
    /// Whether the files are as they were at the last receipt, after a crash.
    restored: bool,
}

/// How far the writing of a slice got, before anything is synced.
struct Written {
    count: usize,
    /// How many of these are of days that are not accepted.
    misdated: u64,
    rejected: Option<Trouble>,
}

impl Writer {
    fn deliver(&mut self, slice: &Slice) -> Delivery {
        match self.try_to_deliver(slice) {
            Ok(written) => {
                self.files.finish();
                let receipt = slice.receipt(written.count);
                let receipt = receipt.map(|receipt| Receipt { misdated: written.misdated, ..receipt });
                let receipt = receipt.map(|receipt| receipt.with_files(self.files.marks()));
                Delivery { receipt, trouble: written.rejected }
            }
            Err(failure) => {
                if let Err(later) = self.files.take_back() {
                    tracing::warn!("cannot take back a batch yet: {later}");
                }
                Delivery { receipt: None, trouble: Some(failure.into()) }
            }
        }
    }

    fn try_to_deliver(&mut self, slice: &Slice) -> Result<Written, Failure> {
        if !self.restored {
            self.restore()?;
            self.restored = true;
        }
        // A batch that could not be taken back before is taken back now, or nothing is written.
        self.files.take_back()?;
        self.files.sync_what_is_due()?;
        let mut route = self.destinations.route(slice, self.files.most(), Timestamp::now());
        let places = self.files.begin(&route.paths, &route.bytes)?;
        let mut written = self.write(slice, route.files.iter().filter_map(|file| places.get(*file)))?;
        self.files.settle()?;
        written.rejected = written.rejected.or(route.refused.take());
        Ok(Written { misdated: route.misdated(written.count), ..written })
    }

    /// Takes back what a crash has left, also in files that have another name by now: nothing is to be cut from these any
    /// more.
    fn restore(&mut self) -> Result<(), Failure> {
        let marks = self.notebook.files();
        let mut moved = Vec::new();
        for mark in &marks {
            if !mark.restore(self.durable)? {
                moved.push(mark.path.as_path());
            }
        }
        if !moved.is_empty() {
            let released = self.notebook.release(&moved);
            released.map_err(|error| Failure::new("noting that files were moved", error))?;
        }
        self.files.are_whole();
        Ok(())
    }

    /// Writes each message to its place in `files`, as long as there are any.
    fn write<'a>(
        &mut self,
        slice: &Slice,
        places: impl Iterator<Item = &'a usize>,
    ) -> Result<Written, Failure> {
        let mut count = 0;
        for (message, place) in slice.messages().zip(places) {
            if let Err(unfit) = self.files.push(*place, &message, &mut self.encoder) {
                let rejected = Trouble::Reject { message: message.id(), reason: unfit.0.into_owned() };
                return Ok(Written { count, misdated: 0, rejected: Some(rejected) });
            }
            self.files.relieve(*place)?;
            count += 1;
        }
        Ok(Written { count, misdated: 0, rejected: None })
    }

    fn tend(&mut self, occasion: Occasion) -> Tended {
        self.files.tend(occasion)?;
        Ok(self.files.due(Occasion::Lull))
    }
}

#[cfg(test)]
mod tests;
