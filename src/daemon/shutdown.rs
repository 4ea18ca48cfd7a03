//! What signals mean to the daemon: SIGTERM and SIGINT ask it to stop, a second one ends it at once, SIGUSR1 asks
//! for a report, SIGHUP for all files to be opened anew. Every handler is set explicitly, so that it also works as
//! process 1 of a container, which the kernel spares the default actions.

use std::ffi::c_int;
use std::io;

use futures_util::{Stream, StreamExt};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// What was asked for by signals.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// That the daemon stops.
    pub(crate) stop: CancellationToken,
    /// A report.
    pub(crate) report: Notify,
    /// That files are opened anew.
    pub(crate) reopen: watch::Sender<()>,
}

/// Somebody asked twice: nothing is waited for any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SecondSignal;

/// The signals of this process, caught from the moment this exists.
pub(crate) struct Signals(signal_hook_tokio::Signals);

impl Signals {
    /// Sets the handlers. To be called inside the runtime.
    pub(crate) fn register() -> io::Result<Self> {
        signal_hook_tokio::Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1]).map(Self)
    }

    /// Tells what is `asked` for, and returns on the second signal that asks for an end.
    pub(crate) async fn follow(self, asked: &Asked) -> SecondSignal {
        follow(self.0, asked).await
    }
}

async fn follow(mut signals: impl Stream<Item = c_int> + Unpin, asked: &Asked) -> SecondSignal {
    let mut stopping = false;
    while let Some(signal) = signals.next().await {
        match signal {
            SIGUSR1 => asked.report.notify_one(),
            SIGHUP => {
                tracing::info!(
                    "SIGHUP: files are opened anew; the configuration is not read again in this version, a restart applies it"
                );
                asked.reopen.send_replace(());
            }
            _ if stopping => {
                tracing::warn!("{}: the second signal to end; stopping at once", name(signal));
                return SecondSignal;
            }
            _ => {
                tracing::info!("{}: stopping; a second signal ends at once", name(signal));
                stopping = true;
                asked.stop.cancel();
            }
        }
    }
    std::future::pending().await
}

const fn name(signal: c_int) -> &'static str {
    match signal {
        SIGINT => "SIGINT",
        _ => "SIGTERM",
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, stream};

    use super::*;

    /// What comes of these signals: whether the daemon ends at once, is stopping, was asked for a report, and to open
    /// its files anew.
    fn after(signals: &[c_int]) -> (bool, bool, bool, bool) {
        let asked = Asked::default();
        let reopen = asked.reopen.subscribe();
        let ended = follow(stream::iter(signals.to_vec()), &asked).now_or_never().is_some();
        let report = asked.report.notified().now_or_never().is_some();
        (ended, asked.stop.is_cancelled(), report, reopen.has_changed().unwrap())
    }

    #[test]
    fn one_signal_stops_and_a_second_of_either_kind_ends_at_once() {
        for first in [SIGTERM, SIGINT] {
            assert_eq!(after(&[first]), (false, true, false, false));
            for second in [SIGTERM, SIGINT] {
                assert_eq!(after(&[first, second]), (true, true, false, false));
            }
        }
    }

    #[test]
    fn neither_a_hangup_nor_a_request_for_a_report_stops_the_daemon() {
        assert_eq!(after(&[SIGHUP, SIGHUP]), (false, false, false, true));
        assert_eq!(after(&[SIGUSR1]), (false, false, true, false));
        assert_eq!(after(&[SIGUSR1, SIGHUP]), (false, false, true, true));
    }

    #[test]
    fn a_report_while_stopping_does_not_count_as_a_second_signal() {
        assert_eq!(after(&[SIGTERM, SIGUSR1, SIGHUP]), (false, true, true, true));
    }
}
