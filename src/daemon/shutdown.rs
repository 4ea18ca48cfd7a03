//! What signals mean to the daemon: SIGTERM and SIGINT ask it to stop, a second one ends it at once, SIGUSR1 asks
//! for a report. Every handler is set explicitly, so that it also works as process 1 of a container, which the kernel
//! spares the default actions.

use std::ffi::c_int;
use std::io;

use futures_util::{Stream, StreamExt};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

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

    /// Cancels `stop` on the first signal that asks for an end, and returns on the second. `report` is notified on
    /// each SIGUSR1.
    pub(crate) async fn follow(self, stop: CancellationToken, report: &Notify) -> SecondSignal {
        follow(self.0, stop, report).await
    }
}

async fn follow(
    mut signals: impl Stream<Item = c_int> + Unpin,
    stop: CancellationToken,
    report: &Notify,
) -> SecondSignal {
    let mut asked = false;
    while let Some(signal) = signals.next().await {
        match signal {
            SIGUSR1 => report.notify_one(),
            SIGHUP => tracing::warn!(
                "SIGHUP: reloading the configuration is not available in this version; a restart applies it"
            ),
            _ if asked => {
                tracing::warn!("{}: the second signal to end; stopping at once", name(signal));
                return SecondSignal;
            }
            _ => {
                tracing::info!("{}: stopping; a second signal ends at once", name(signal));
                asked = true;
                stop.cancel();
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

    /// What comes of these signals: whether the daemon ends at once, is stopping, and was asked for a report.
    fn after(signals: &[c_int]) -> (bool, bool, bool) {
        let stop = CancellationToken::new();
        let report = Notify::new();
        let ended = follow(stream::iter(signals.to_vec()), stop.clone(), &report).now_or_never().is_some();
        (ended, stop.is_cancelled(), report.notified().now_or_never().is_some())
    }

    #[test]
    fn one_signal_stops_and_a_second_of_either_kind_ends_at_once() {
        for first in [SIGTERM, SIGINT] {
            assert_eq!(after(&[first]), (false, true, false));
            for second in [SIGTERM, SIGINT] {
                assert_eq!(after(&[first, second]), (true, true, false));
            }
        }
    }

    #[test]
    fn neither_a_hangup_nor_a_request_for_a_report_stops_the_daemon() {
        assert_eq!(after(&[SIGHUP, SIGHUP]), (false, false, false));
        assert_eq!(after(&[SIGUSR1, SIGHUP]), (false, false, true));
    }

    #[test]
    fn a_report_while_stopping_does_not_count_as_a_second_signal() {
        assert_eq!(after(&[SIGTERM, SIGUSR1, SIGHUP]), (false, true, true));
    }
}
