//! A sink for tests that does as it is told.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Delivery, Sink, SinkError, Slice, Trouble};
use crate::client::CONNECT;

/// What a sink does with its next deliveries, in order; then it takes everything.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Does {
    /// It takes so many messages, and wants to be given the rest.
    Take(usize),
    Retry(Duration),
    Unreachable,
    Alone(Duration),
    Reject(u64),
    Incomplete,
    Fatal,
    Hang,
}

pub(crate) struct Scripted {
    pub(crate) script: Arc<Mutex<Vec<Does>>>,
    pub(crate) seen: mpsc::UnboundedSender<Vec<u64>>,
    pub(crate) hangs: bool,
}

impl Sink for Scripted {
    fn is_busy(&self) -> bool {
        self.hangs
    }

    fn deliver(&mut self, slice: Slice) -> Pin<Box<dyn Future<Output = Delivery> + Send + '_>> {
        Box::pin(async move {
            let ids: Vec<u64> = slice.messages().map(|message| message.id()).collect();
            let does = {
                let mut script = self.script.lock().unwrap();
                if script.is_empty() { None } else { Some(script.remove(0)) }
            };
            self.seen.send(ids.clone()).unwrap();
            let error = || SinkError { class: "io", message: "as told".to_owned() };
            let (count, trouble) = match does {
                None => (ids.len(), None),
                Some(Does::Take(count)) => (count, None),
                Some(Does::Retry(after)) => (0, Some(Trouble::Retry { after: Some(after), error: error() })),
                Some(Does::Unreachable) => {
                    let error = SinkError { class: CONNECT, message: "as told".to_owned() };
                    (0, Some(Trouble::Retry { after: None, error }))
                }
                Some(Does::Incomplete) => (0, Some(Trouble::Incomplete(error()))),
                Some(Does::Alone(after)) => (0, Some(Trouble::Alone { after: Some(after), error: error() })),
                Some(Does::Fatal) => (0, Some(Trouble::Fatal(error()))),
                Some(Does::Hang) => {
                    self.hangs = true;
                    std::future::pending().await
                }
                Some(Does::Reject(bad)) => {
                    let count = ids.iter().take_while(|id| **id < bad).count();
                    (count, Some(Trouble::Reject { message: bad, reason: "as told".to_owned() }))
                }
            };
            Delivery { receipt: slice.receipt(count), trouble }
        })
    }
}
