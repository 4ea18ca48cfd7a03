//! Where messages go. A sink is given messages in order and answers by consequence: how long a prefix of them is
//! durable now, and what became of the rest.
//!
//! A sink knows nothing of acknowledgements. What follows from a rejection or a failure is decided by the pipeline,
//! its only caller.

mod append_file;
mod avro;
mod file;
mod jsonl;
mod notebook;
mod outlet;
#[cfg(test)]
pub(crate) mod scripted;
mod span;
mod stdout;
mod topic;
mod webhook;
mod worker;

use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::{Batch, Message, ProjectName, SubscriptionName};
use crate::config::OnClosed;

pub(crate) use append_file::{FileMark, make_directories, sync_directory};
pub(crate) use jsonl::Encoder;
#[cfg(test)]
pub(crate) use notebook::Jotter;
pub(crate) use notebook::Notebook;
pub(crate) use outlet::{Outlet, OutletError};

/// A receiver may ask for a longer pause; it is given this one, so that a slip of its does not stop a subscription for
/// a day.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Which subscription the messages come from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) project: ProjectName,
    pub(crate) subscription: SubscriptionName,
    /// Its key in the configuration.
    pub(crate) key: String,
}

/// A place that messages are delivered to. Used by one pipeline at a time, one call at a time.
///
/// Dropping the future of [`Sink::deliver`] may leave work going on in the background; the sink must then still be
/// usable, and the messages are delivered again.
pub(crate) trait Sink: Send + Sync {
    /// Whether a delivery that nobody waits for any more is still at work; the next one would wait for it.
    fn is_busy(&self) -> bool {
        false
    }

    /// Whether all that is in its files is vouched for, as far as it knows: there is nothing to cut back after a crash.
    fn is_settled(&self) -> bool {
        true
    }

    /// Delivers the messages of `slice` in order, or as many of them as one step takes. A slice that begins where the
    /// last one did is another attempt.
    fn deliver(&mut self, slice: Slice) -> Pin<Box<dyn Future<Output = Delivery> + Send + '_>>;

    /// Does what is due while nothing is to be delivered, and says when it wants to be asked again at the latest; `None`
    /// if it need not be. What fails does no harm to what was vouched for, and is tried again. Returns at once if there
    /// is nothing to do, and does not wait for a delivery that is still at work.
    fn tend(&mut self, occasion: Occasion) -> Pin<Box<dyn Future<Output = Tended> + Send + '_>> {
        let _ = occasion;
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// When a sink wants to be tended again at the latest.
pub(crate) type Tended = Result<Option<Instant>, SinkError>;

/// Why a sink is tended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// There is nothing to deliver at the moment.
    Lull,
    /// Somebody wants all files to be opened anew.
    Reopen,
    /// The pipeline ends: nothing comes after this.
    Stop,
}

/// Some neighbouring messages of a batch, at least one. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    batch: Arc<Batch>,
    range: Range<usize>,
    epoch: u64,
}

impl Slice {
    /// The messages of `batch` at `range`, or `None` if that is none. Their ids mean the same as long as the `epoch`
    /// does.
    pub(crate) fn new(batch: Arc<Batch>, range: Range<usize>, epoch: u64) -> Option<Self> {
        (!range.is_empty() && range.end <= batch.len()).then_some(Self { batch, range, epoch })
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        self.range.clone().filter_map(|index| self.batch.get(index))
    }

    /// The message with this id.
    pub(crate) fn message(&self, id: u64) -> Option<Message<'_>> {
        self.messages().find(|message| message.id() == id)
    }

    /// What is left of it behind its first `count` messages.
    fn after(&self, count: usize) -> Option<Self> {
        Self::new(Arc::clone(&self.batch), self.range.start + count..self.range.end, self.epoch)
    }

    fn first(&self) -> Option<Message<'_>> {
        self.batch.get(self.range.start)
    }

    fn last(&self) -> Option<Message<'_>> {
        self.batch.get(self.range.end.checked_sub(1)?)
    }

    /// The receipt for the first `count` messages. The caller vouches that they are durable where this sink puts
    /// them.
    fn receipt(&self, count: usize) -> Option<Receipt> {
        let last = self.range.start + count.min(self.range.len());
        let message =
            last.checked_sub(1).filter(|last| *last >= self.range.start).and_then(|i| self.batch.get(i))?;
        Some(Receipt { next: message.id() + 1, messages: count as u64, misdated: 0, files: Vec::new() })
    }
}

/// Proof that a sink holds messages durably: only the code of a sink can make one.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a receipt that is dropped never leads to an acknowledgement"]
pub(crate) struct Receipt {
    next: u64,
    messages: u64,
    misdated: u64,
    files: Vec<FileMark>,
}

impl Receipt {
    /// One past the id of the last message that is durable.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    #[cfg(test)]
    pub(crate) fn for_test(next: u64) -> Self {
        Self { next, messages: 0, misdated: 0, files: Vec::new() }
    }

    /// The same, of messages that are in these files.
    fn with_files(self, files: Vec<FileMark>) -> Self {
        Self { files, ..self }
    }

    /// The files that the sink has open, as they are with these messages in them.
    pub(crate) fn files(&self) -> &[FileMark] {
        &self.files
    }

    /// How many messages were delivered.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// How many of these are of days that the sink keeps apart.
    pub(crate) fn misdated(&self) -> u64 {
        self.misdated
    }
}

/// What became of the messages of one [`Sink::deliver`].
#[derive(Debug)]
pub(crate) struct Delivery {
    /// For the prefix that is durable; `None` if that is empty.
    pub(crate) receipt: Option<Receipt>,
    /// What is in the way of the rest; `None` if nothing is, and the rest, if there is one, is to be given to the sink
    /// at once.
    pub(crate) trouble: Option<Trouble>,
}

impl Delivery {
    /// Nothing was delivered.
    fn failed(trouble: Trouble) -> Self {
        Self { receipt: None, trouble: Some(trouble) }
    }

    /// Nothing was delivered yet: the sink goes about it in another way when it is asked again.
    fn otherwise() -> Self {
        Self { receipt: None, trouble: None }
    }
}

/// Why a sink did not take all messages.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The rest may be tried again, not before `after` if the receiver asked for that.
    Retry { after: Option<Duration>, error: SinkError },
    /// Messages that an earlier attempt had are missing at the end of the slice, and all of them are wanted for another
    /// one: the rest is to be pulled again. Asked again without them, the sink makes do with what there is sooner or
    /// later.
    Incomplete(SinkError),
    /// The same, and with messages behind the rest the sink could tell what is wrong: it is to be pulled again with what
    /// has come since.
    Alone { after: Option<Duration>, error: SinkError },
    /// The first message of the rest will never be taken; those behind it were not tried.
    Reject { message: u64, reason: String },
    /// The sink cannot go on until somebody changes something outside.
    Fatal(SinkError),
    /// Nobody reads any more what the sink writes, nor will anybody again.
    Closed { error: SinkError, then: OnClosed },
}

/// Why a delivery failed, in words for the log and as a class for the metrics. Holds no payload and no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SinkError {
    pub(crate) class: &'static str,
    pub(crate) message: String,
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl SinkError {
    fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    fn from_io(doing: &str, error: &std::io::Error) -> Self {
        Self { class: io_class(error), message: format!("{doing}: {error}") }
    }
}

impl Trouble {
    /// What an error of the operating system means: permissions and wrong kinds of files wait for a person, all else
    /// (a full disk above all) may pass by itself.
    pub(crate) fn from_io(doing: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        let failure = SinkError::from_io(doing, error);
        let lasting = matches!(
            error.kind(),
            K::PermissionDenied
                | K::ReadOnlyFilesystem
                | K::NotADirectory
                | K::IsADirectory
                | K::BrokenPipe
                | K::InvalidData
        );
        if lasting { Self::Fatal(failure) } else { Self::Retry { after: None, error: failure } }
    }
}

/// The class of an error of the operating system in the metrics.
pub(crate) fn io_class(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind as K;
    match error.kind() {
        K::StorageFull | K::QuotaExceeded | K::FileTooLarge => "full",
        K::PermissionDenied | K::ReadOnlyFilesystem => "permission",
        _ => "io",
    }
}

#[cfg(test)]
mod tests;
