//! What every sink must do, whatever it is and wherever it puts messages: take them in order, vouch for a prefix and no
//! more, go on where it stopped, name the message that it will never take and no other, and keep its promise over a
//! failure in the middle, a delivery that is given up, a panic and a crash.
//!
//! A kind of sink and the place where it puts messages are a [`Subject`], in a file of its own below this one. Another
//! way to set up a kind that is there already takes a few lines, as for the formats of files and webhooks. It is made of:
//!
//! - [`Files`](files::Files): the keys of a file sink, `{out}` for a directory of its own, and how the ids are read from
//!   the bytes of one file. Its fields say what makes a payload (`payload`) and what spoils a message (`spoil`).
//! - [`OverHttp`](over_http::OverHttp): the keys of a sink that posts to `{url}`, how the payloads are read from a
//!   request, and how a bad one is refused. A payload is the id as text, `bad` in front of it if it is to be refused.
//! - Something else is another implementation of [`Subject`]; the scenes stay as they are.

pub(in crate::sink) mod files;
pub(in crate::sink) mod over_http;
mod standard_output;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{notebook, rest, slice_of};
use crate::sink::{Arc, Jotter, Occasion, Receipt, Sink, Slice, Trouble};

/// A kind of sink, and a place where it puts messages.
pub(in crate::sink) trait Subject {
    /// What it promises.
    fn promise(&self) -> Promise;

    /// A daemon starts: what it makes its sink of, and another one after a panic.
    fn start(&self) -> Opener;

    /// The ids of what is in the place, in the order in which it came there.
    fn arrived(&self) -> Vec<u64>;

    /// What the place does from now on.
    fn weather(&self, weather: Weather);

    /// What a message has as its payload.
    fn payload(&self, id: u64) -> Vec<u8> {
        id.to_string().into_bytes()
    }

    /// Makes `message` one that will never be taken. Whether there is such a message.
    fn spoil(&self, message: &mut Value) -> bool {
        let _ = message;
        false
    }

    /// If it waits for answers: where they can be held back.
    fn hold(&self) -> Option<&Hold> {
        None
    }
}

/// Makes a sink that remembers what is in a notebook.
pub(in crate::sink) type Opener = Box<dyn Fn(Arc<Jotter>) -> Box<dyn Sink>>;

/// What a sink promises.
#[derive(Debug, Clone, Copy)]
pub(in crate::sink) struct Promise {
    /// Messages come in their order.
    pub(in crate::sink) order: bool,
    /// So many messages may come a second time when nobody heard that they arrived; 0 is exactly once.
    pub(in crate::sink) again: usize,
}

/// What the place of a sink does with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sink) enum Weather {
    /// It takes them.
    Good,
    /// It takes so many more, about, and then none.
    BadAfter(usize),
}

const BAD: Weather = Weather::BadAfter(0);

/// A server that takes messages, says when it did, and answers nothing.
#[derive(Debug, Clone, Default)]
pub(in crate::sink) struct Hold {
    pub(in crate::sink) on: Arc<AtomicBool>,
    pub(in crate::sink) took: Arc<Notify>,
}

/// Plays every scene, each in a place of its own.
pub(in crate::sink) async fn conforms<S: Subject>(new: impl AsyncFn() -> S) {
    all_comes_in_order_and_once(&new().await).await;
    nothing_is_vouched_for_that_failed(&new().await).await;
    after_a_failure_in_the_middle_the_rest_comes(&new().await).await;
    what_will_never_be_taken_is_named_and_nothing_else(&new().await).await;
    one_that_is_given_up_in_the_middle_goes_on(&new().await).await;
    a_new_one_goes_on_after_a_panic(&new().await).await;
    a_new_one_goes_on_after_a_stop(&new().await).await;
    a_new_one_goes_on_after_a_crash(&new().await).await;
    a_wanted_replay_comes_again(&new().await).await;
    a_reopened_one_goes_on(&new().await).await;
}

async fn all_comes_in_order_and_once(subject: &dyn Subject) {
    let mut daemon = Daemon::start(subject);
    daemon.gives_all(&daemon.slice(0..5)).await;
    // A batch that was pulled again begins with what it has.
    daemon.gives_all(&rest(&daemon.slice(3..9), 5).unwrap()).await;
    daemon.gives_all(&daemon.slice(9..10)).await;
    account(subject, 0..10, 0..0);
}

async fn nothing_is_vouched_for_that_failed(subject: &dyn Subject) {
    let mut daemon = Daemon::start(subject);
    for first in [0, 9] {
        subject.weather(BAD);
        let slice = daemon.slice(first..first + 9);
        for _ in 0..2 {
            let failed = daemon.sink.deliver(slice.clone()).await;
            assert_eq!(failed.receipt, None, "nothing is vouched for");
            assert!(is_failure(failed.trouble.as_ref()), "{failed:?}");
        }
        subject.weather(Weather::Good);
        daemon.gives_all(&slice).await;
    }
    account(subject, 0..18, 0..0);
}

async fn after_a_failure_in_the_middle_the_rest_comes(subject: &dyn Subject) {
    let mut daemon = Daemon::start(subject);
    let mut next = 0;
    for takes in [1, 3, 5] {
        let slice = daemon.slice(next..next + 12);
        subject.weather(Weather::BadAfter(takes));
        let (reached, trouble) = daemon.gives(&slice).await;
        assert!(trouble.is_none() || is_failure(trouble.as_ref()), "{trouble:?}");
        subject.weather(Weather::Good);
        if let Some(left) = rest(&slice, reached) {
            daemon.gives_all(&left).await;
        }
        account(subject, next..next + 12, reached..next + 12);
        next += 12;
    }
}

async fn what_will_never_be_taken_is_named_and_nothing_else(subject: &dyn Subject) {
    let mut daemon = Daemon::start(subject);
    let bad = [0, 4, 5, 11, 19];
    if !subject.spoil(&mut message(subject, 0)) {
        return;
    }
    let all = daemon.slice_with(0..20, &bad);
    let mut left = Some(all.clone());
    for id in bad {
        // Named again as long as nobody has decided what becomes of it.
        for _ in 0..2 {
            let (reached, trouble) = daemon.gives(left.as_ref().unwrap()).await;
            let Some(Trouble::Reject { message, reason }) = trouble else { panic!("{id}: {trouble:?}") };
            assert_eq!((message, reached), (id, id), "all before it is vouched for");
            assert!(!reason.is_empty());
            left = rest(&all, id);
        }
        left = rest(&all, id + 1);
    }
    assert!(left.is_none());
    daemon.gives_all(&daemon.slice(20..25)).await;
    account(subject, (0..25).filter(|id| !bad.contains(id)), 0..0);
}

async fn one_that_is_given_up_in_the_middle_goes_on(subject: &dyn Subject) {
    let mut daemon = Daemon::start(subject);
    daemon.gives_all(&daemon.slice(0..5)).await;
    // By the next time there may be more to be had.
    for (given_up, again) in [(5..9, 5..9), (9..13, 9..20)] {
        let reached = daemon.is_given_up_with(given_up.clone()).await;
        if let Some(left) = rest(&daemon.slice(again.clone()), reached) {
            daemon.gives_all(&left).await;
        }
        account(subject, again, given_up);
    }
    account(subject, 0..5, 0..0);
}

async fn a_new_one_goes_on_after_a_panic(subject: &dyn Subject) {
    let mut daemon = Daemon::start(subject);
    daemon.gives_all(&daemon.slice(0..5)).await;
    daemon.panics();
    daemon.gives_all(&daemon.slice(5..9)).await;
    account(subject, 0..9, 0..0);
}

async fn a_new_one_goes_on_after_a_stop(subject: &dyn Subject) {
    let mut daemon = Daemon::start(subject);
    daemon.gives_all(&daemon.slice(0..5)).await;
    drop(daemon);
    // What it had remembered is not needed.
    let mut daemon = Daemon::start(subject);
    daemon.gives_all(&daemon.slice(5..9)).await;
    account(subject, 0..9, 0..0);
}

/// What was delivered and not recorded comes again, where the sink cannot know better.
async fn a_new_one_goes_on_after_a_crash(subject: &dyn Subject) {
    let mut daemon = Daemon::start(subject);
    daemon.gives_all(&daemon.slice(0..5)).await;
    let unrecorded = daemon.sink.deliver(daemon.slice(5..9)).await;
    assert!(unrecorded.receipt.is_some(), "{unrecorded:?}");
    let mut daemon = daemon.crashes();
    daemon.gives_all(&daemon.slice(5..12)).await;
    account(subject, 0..12, 5..9);

    if subject.hold().is_some() {
        daemon.is_given_up_with(12..16).await;
        let mut daemon = daemon.crashes();
        daemon.gives_all(&daemon.slice(12..20)).await;
        account(subject, 12..20, 12..16);
    }
}

/// The ids mean something else by then.
async fn a_wanted_replay_comes_again(subject: &dyn Subject) {
    let mut daemon = Daemon::start(subject);
    daemon.gives_all(&daemon.slice(0..5)).await;
    daemon.epoch = 1;
    daemon.gives_all(&daemon.slice(0..9)).await;
    let mut arrived = subject.arrived();
    arrived.sort_unstable();
    assert_eq!(arrived, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8]);
}

/// And so does one that was idle, and one that is told to stop.
async fn a_reopened_one_goes_on(subject: &dyn Subject) {
    let mut daemon = Daemon::start(subject);
    for (ids, occasion) in [(0..5, Occasion::Reopen), (5..9, Occasion::Lull), (9..12, Occasion::Stop)] {
        daemon.gives_all(&daemon.slice(ids)).await;
        daemon.sink.tend(occasion).await.unwrap();
    }
    account(subject, 0..12, 0..0);
}

/// What makes sinks, and the one at work.
struct Daemon<'a> {
    subject: &'a dyn Subject,
    opener: Opener,
    notebook: Arc<Jotter>,
    sink: Box<dyn Sink>,
    epoch: u64,
}

impl<'a> Daemon<'a> {
    fn start(subject: &'a dyn Subject) -> Self {
        Self::start_with(subject, notebook())
    }

    fn start_with(subject: &'a dyn Subject, notebook: Arc<Jotter>) -> Self {
        let opener = subject.start();
        let sink = opener(Arc::clone(&notebook));
        Self { subject, opener, notebook, sink, epoch: 0 }
    }

    fn panics(&mut self) {
        self.sink = (self.opener)(Arc::clone(&self.notebook));
    }

    /// The next one knows what was recorded.
    fn crashes(self) -> Self {
        let Self { subject, notebook, .. } = self;
        Self::start_with(subject, notebook)
    }

    fn slice(&self, ids: Range<u64>) -> Slice {
        self.slice_with(ids, &[])
    }

    fn slice_with(&self, ids: Range<u64>, bad: &[u64]) -> Slice {
        let messages = ids.map(|id| {
            let mut message = message(self.subject, id);
            if bad.contains(&id) {
                assert!(self.subject.spoil(&mut message));
            }
            message.to_string()
        });
        slice_of(&messages.collect::<Vec<_>>().join(","), self.epoch)
    }

    /// Gives the sink all of `slice`, step by step, until there is trouble. One past the last message that is vouched
    /// for, and the trouble.
    async fn gives(&mut self, slice: &Slice) -> (u64, Option<Trouble>) {
        let mut reached = slice.first().unwrap().id();
        for _ in 0..1_000 {
            let Some(left) = rest(slice, reached) else { return (reached, None) };
            let delivery = self.sink.deliver(left.clone()).await;
            if let Some(receipt) = delivery.receipt {
                assert_is_of_a_prefix(&receipt, &left);
                reached = self.records(&receipt);
            }
            if delivery.trouble.is_some() {
                return (reached, delivery.trouble);
            }
        }
        panic!("it stays at message {reached}");
    }

    async fn gives_all(&mut self, slice: &Slice) {
        let (_, trouble) = self.gives(slice).await;
        assert!(trouble.is_none(), "{trouble:?}");
    }

    /// Nobody waits for this delivery to its end, unless that is there at once. One past the last message that is vouched
    /// for.
    async fn is_given_up_with(&mut self, ids: Range<u64>) -> u64 {
        let first = ids.start;
        let slice = self.slice(ids);
        let attempt = self.sink.deliver(slice);
        if let Some(hold) = self.subject.hold() {
            hold.on.store(true, Ordering::SeqCst);
            tokio::select! {
                delivery = attempt => panic!("delivered without an answer: {delivery:?}"),
                () = hold.took.notified() => {}
            }
            hold.on.store(false, Ordering::SeqCst);
            return first;
        }
        match attempt.now_or_never() {
            Some(delivery) => self.records(&delivery.receipt.unwrap()),
            None => first,
        }
    }

    fn records(&self, receipt: &Receipt) -> u64 {
        *self.notebook.files.lock().unwrap() = receipt.files().to_vec();
        receipt.next()
    }
}

/// Four messages a day.
fn message(subject: &dyn Subject, id: u64) -> Value {
    json!({
        "messageId": id.to_string(),
        "attributes": { "id": id.to_string() },
        "data": STANDARD.encode(subject.payload(id)),
        "publishTime": format!("2026-01-{:02}T07:05:18.5Z", 1 + id / 4),
    })
}

fn is_failure(trouble: Option<&Trouble>) -> bool {
    matches!(trouble, Some(Trouble::Retry { .. } | Trouble::Fatal(_)))
}

fn assert_is_of_a_prefix(receipt: &Receipt, slice: &Slice) {
    let ids: Vec<_> = slice.messages().map(|message| message.id()).collect();
    let covered = usize::try_from(receipt.messages()).unwrap();
    assert_eq!(ids[covered - 1] + 1, receipt.next(), "a receipt covers a prefix");
}

/// Of the messages between the first and the last of `ids`, these have arrived and no other; and again only some of
/// the `doubtful`, no more of them than is promised.
fn account(subject: &dyn Subject, ids: impl IntoIterator<Item = u64>, doubtful: Range<u64>) {
    let ids: Vec<_> = ids.into_iter().collect();
    let (first, last) = (ids[0], ids[ids.len() - 1]);
    let arrived: Vec<_> = subject.arrived().into_iter().filter(|id| (first..=last).contains(id)).collect();
    let Promise { order, again } = subject.promise();
    let mut seen = BTreeSet::new();
    let (mut once, twice): (Vec<_>, Vec<_>) = arrived.iter().copied().partition(|id| seen.insert(*id));
    if !order {
        once.sort_unstable();
    }
    assert_eq!(once, ids, "of {arrived:?}");
    assert!(
        twice.len() <= again && twice.iter().all(|id| doubtful.contains(id)),
        "{twice:?} came again, of {arrived:?}"
    );
}
