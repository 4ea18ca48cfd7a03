//! What is known of a subscription's progress: how far each sink got, how far the service was told, and how long the
//! files were at that point. Kept on disk ([`journal`]), so that a crash repeats nothing that stands in a file.
//!
//! The only place where receipts become permission to acknowledge: an [`AckToken`] covers what *every* required sink
//! has vouched for and what outlives a power loss, and there is no other way to make one.
//!
//! A change is one of two kinds. Progress is true as soon as a sink has vouched for it: it changes what is known, and is
//! kept when there is time ([`Ledger::keep`]), at the latest by [`Ledger::commit`]. A turn of the story (a new epoch,
//! messages that will never come) is kept first and known then.
//!
//! All positions are "one past": the id of the next message.

mod content;
mod error;
mod journal;
mod page;
mod release;
mod state;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinError;

use super::story::{self, Inherited, Missing};
use crate::fail_point;
use crate::sink::{FileMark, Receipt};
pub(crate) use content::LedgerContent;
pub use error::LedgerError;
pub(super) use error::Unwritable;
use journal::{Found, Journal};
pub(super) use page::Page;
use state::State;
pub(crate) use state::{Tally, Turn};

/// The owner of the files of dead letters; no sink is called so.
pub(crate) const DEAD_LETTERS: &str = "dead letters";

/// The progress of one subscription. Shared by its sinks; outlives a pipeline that panicked.
#[derive(Debug)]
pub(crate) struct Ledger {
    required: BTreeSet<String>,
    /// Never held while the disk is at work.
    state: Mutex<State>,
    /// Taken before `state` where both are: what is written later is never older.
    journal: Mutex<Journal>,
    /// What is known comes from an earlier run, and the service was not asked yet what became of it.
    inherited: AtomicBool,
}

/// Which subscription a ledger is of: one that was pointed somewhere else begins anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerKey {
    /// Host and port of the service, or `emulator`.
    pub(crate) authority: String,
    pub(crate) project: String,
    pub(crate) subscription: String,
}

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// Rises whenever ids may come again with another meaning or on purpose.
    pub(crate) epoch: u64,
    /// The first message that is not acknowledged.
    pub(crate) acked: u64,
    /// The first message that some required sink does not have; never below `acked`.
    pub(crate) delivered: u64,
}

/// Permission to acknowledge, cumulatively, all messages before `end`. Dropping it acknowledges nothing.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an ack token that is dropped acknowledges nothing"]
pub(crate) struct AckToken {
    start: u64,
    end: u64,
}

impl AckToken {
    /// The id of the last message that it covers.
    pub(crate) fn through(&self) -> u64 {
        self.end - 1
    }

    /// One past [`AckToken::through`]: where the subscription stands once this is accepted.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Where the subscription stands as long as this is not accepted.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }
}

impl LedgerKey {
    /// Where its journal is. A plus sign is in no name of the service's, so two keys never share a file.
    pub(crate) fn path(&self, state_dir: &Path) -> PathBuf {
        let Self { authority, project, subscription } = self;
        state_dir.join("ledger").join(format!("{authority}+{project}+{subscription}.journal"))
    }
}

impl Ledger {
    /// Opens the journal at `path`, or begins one, for the sinks of that name, each required or not. A damaged one
    /// counts as lost: then everything that is not acknowledged comes again. Blocks.
    pub(crate) fn open<'a>(
        path: &Path,
        sinks: impl IntoIterator<Item = (&'a str, bool)>,
    ) -> Result<Self, LedgerError> {
        let (mut journal, found) = Journal::open(path)?;
        say(path, found.as_ref());
        let sinks: Vec<_> = sinks.into_iter().collect();
        let required = sinks.iter().filter(|(_, required)| *required);
        let required = required.map(|(name, _)| (*name).to_owned()).collect();
        let mut state = found.and_then(|found| found.state).unwrap_or_default();
        let files = state.files.len();
        state.fit(sinks.iter().map(|(name, _)| *name), &[DEAD_LETTERS]);
        if state.files.len() < files {
            // Before somebody else writes to them.
            journal.keep(&state, true)?;
        }
        let inherited = AtomicBool::new(state.acked.is_some());
        Ok(Self { required, state: Mutex::new(state), journal: Mutex::new(journal), inherited })
    }

    /// `None` until [`Ledger::start`].
    pub(crate) fn position(&self) -> Option<Position> {
        self.state().position(&self.required)
    }

    /// Begins at the service's own position, unless there is a position already.
    pub(crate) fn start(&self, current: u64) {
        let mut state = self.state();
        if state.acked.is_none() {
            state.move_to(current);
        }
    }

    /// The next message that `sink` wants.
    pub(crate) fn next_for(&self, sink: &str) -> u64 {
        self.state().sinks.get(sink).copied().unwrap_or_default()
    }

    /// `sink` holds all messages that `receipt` covers, in the files that it names.
    pub(crate) fn delivered(&self, sink: &str, receipt: &Receipt) {
        let mut state = self.state();
        state.advance(sink, receipt.next());
        state.set_files(sink, receipt.files());
    }

    /// The best-effort `sink` will not be given what comes before `next`. Says how many messages that are. A required
    /// sink is never given up.
    pub(crate) fn give_up(&self, sink: &str, next: u64) -> u64 {
        if self.required.contains(sink) {
            return 0;
        }
        let mut state = self.state();
        let missed = state.sinks.get(sink).map_or(0, |had| next.saturating_sub(*had));
        state.advance(sink, next);
        missed
    }

    /// The message before `next` will never be taken by `sink`, and is among the dead letters, which end at `letters`.
    /// Kept over a kill, as far as that can be done now. Blocks.
    pub(crate) fn set_aside(&self, sink: &str, next: u64, letters: FileMark) {
        {
            let mut state = self.state();
            state.set_files(DEAD_LETTERS, &[letters]);
            state.advance(sink, next);
        }
        let _ = self.write(false);
    }

    /// The message before `next` will never be taken by `sink`, and whoever wrote the configuration wants it dropped.
    pub(crate) fn pass_over(&self, sink: &str, next: u64) {
        self.state().advance(sink, next);
    }

    /// The record before `next` cannot be handed out by the service, and is noted among the dead letters, which end at
    /// `letters`. No sink waits for it, and the subscription is to be moved past it once this is durable. Blocks.
    pub(crate) fn leave_out(&self, next: u64, letters: &FileMark) -> Result<(), Unwritable> {
        self.change(|state| {
            state.set_files(DEAD_LETTERS, std::slice::from_ref(letters));
            state.leave_out(next);
        })
    }

    /// Keeps what is known over a kill. What cannot be written now is written with the next change.
    pub(crate) async fn keep(self: &Arc<Self>) -> Result<(), Unwritable> {
        self.on_disk(|ledger| ledger.write(false)).await
    }

    /// Makes durable what is known. Then says what may be acknowledged of a pull that ended before `pulled`; `None` if
    /// that is nothing new.
    pub(crate) async fn commit(self: &Arc<Self>, pulled: u64) -> Result<Option<AckToken>, Unwritable> {
        let token = {
            let mut state = self.state();
            let token = state.token(&self.required, pulled);
            state.asked.extend(token.as_ref().map(AckToken::end));
            token
        };
        if token.is_some() {
            self.on_disk(|ledger| ledger.write(true)).await?;
        }
        Ok(token)
    }

    /// The service accepted `token`. Says how many messages that acknowledged.
    #[expect(clippy::needless_pass_by_value, reason = "an acknowledgement uses up its token")]
    pub(crate) fn acknowledged(&self, token: AckToken) -> u64 {
        self.accepted(token.end)
    }

    /// The service says that all before `current` is acknowledged, by whomever. Says how many messages that adds;
    /// only what was delivered counts.
    pub(crate) fn accepted(&self, current: u64) -> u64 {
        self.state().accepted(&self.required, current)
    }

    /// The messages before `first` will never come: removed by retention, or skipped by somebody's seek.
    pub(crate) async fn skip_to(self: &Arc<Self>, first: u64, missing: Missing) -> Result<(), Unwritable> {
        self.turn(move |state| state.skip_to(first, missing)).await
    }

    /// The story begins anew at `first`: all from there on is delivered again to every sink.
    pub(crate) async fn begin_epoch(self: &Arc<Self>, first: u64, turn: Turn) -> Result<(), Unwritable> {
        self.turn(move |state| state.begin_epoch(first, turn)).await?;
        // What an earlier run has left is of no account any more.
        self.inherited.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// What was found so far, by earlier runs too.
    pub(crate) fn tally(&self) -> Tally {
        self.state().tally
    }

    /// What it means that the service is at `current` of a log that starts at `min`, if all that is known comes from an
    /// earlier run; `None` after that was asked once.
    pub(crate) fn inherited(&self, current: u64, min: u64) -> Option<Inherited> {
        let position = self.position()?;
        let was_asked = self.state().asked.contains(&current);
        let is_first = self.inherited.swap(false, Ordering::Relaxed);
        is_first.then(|| story::inherited(current, min, was_asked, position))
    }

    /// What is known is older than what the service was told: the files may hold more than it says, and are left as
    /// they are.
    pub(crate) fn distrust_files(&self) {
        self.state().files.clear();
    }

    async fn turn(self: &Arc<Self>, change: impl Fn(&mut State) + Send + 'static) -> Result<(), Unwritable> {
        self.on_disk(|ledger| ledger.change(change)).await
    }

    /// Changes what is known, but only once that is durable. Blocks.
    fn change(&self, change: impl Fn(&mut State)) -> Result<(), Unwritable> {
        let mut journal = self.journal();
        let mut changed = self.state().clone();
        change(&mut changed);
        journal.keep(&changed, true)?;
        fail_point::pass("turn kept");
        // Not `changed` itself: a sink may have vouched for something meanwhile.
        change(&mut self.state());
        Ok(())
    }

    /// The next state goes to a new file, as after a failure.
    #[cfg(test)]
    pub(super) fn break_for_test(&self) {
        self.journal().forget_file();
    }

    fn write(&self, durable: bool) -> Result<(), Unwritable> {
        let mut journal = self.journal();
        let state = self.state().clone();
        journal.keep(&state, durable)
    }

    /// Away from the threads that must not block. Once begun it is done, also when nobody waits for it any more.
    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let ledger = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&ledger)).await;
        match done.map_err(JoinError::try_into_panic) {
            Ok(done) => done,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // Blocking jobs are cancelled only when the runtime ends, and then nobody is left to answer.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says what was lost of a journal.
fn say(path: &Path, found: Option<&Found>) {
    let path = path.display();
    match found {
        None => {
            tracing::info!("there is no ledger {path} yet: beginning at what the service has acknowledged");
        }
        Some(Found { state: None, .. }) => tracing::error!(
            "the ledger {path} is damaged and counts as lost: what the sinks have and the service has not heard of comes \
             again. It is kept as *.damaged"
        ),
        Some(Found { damaged, torn, .. }) => {
            if *damaged > 0 {
                tracing::warn!(
                    "{damaged} bytes of the ledger {path} are damaged; what was written later is whole"
                );
            }
            if *torn > 0 {
                tracing::info!(
                    "the last {torn} bytes of the ledger {path} were torn by a crash; they are cut off"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
