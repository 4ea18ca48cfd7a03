//! What systemd is told (`Type=notify`): when the daemon is ready, how it is doing, that it stops. Without systemd all
//! of it does nothing.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use super::overview::Overview;

/// How often the status line may change.
const PACE: Duration = Duration::from_secs(1);

/// The pipelines run and the admin address answers.
pub(crate) fn ready(line: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(line)]);
}

/// The daemon was asked to end.
pub(crate) fn stopping(line: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(line)]);
}

/// Keeps the status line that `systemctl status` shows up to date, until `stop`.
pub(crate) async fn keep_status(overview: Overview, stop: CancellationToken) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    follow(|| overview.line(), |line| tell(&[NotifyState::Status(line)]), stop).await;
}

async fn follow(current: impl Fn() -> String, mut tell: impl FnMut(&str), stop: CancellationToken) {
    let mut told = String::new();
    loop {
        let line = current();
        if line != told {
            tell(&line);
            told = line;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PACE) => {}
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("systemd cannot be told how the daemon is doing: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_line_is_told_when_it_changes_and_at_most_once_a_second() {
        let stop = CancellationToken::new();
        let asked = Cell::new(0);
        let told = RefCell::new(Vec::new());
        let began = tokio::time::Instant::now();
        follow(
            || {
                asked.set(asked.get() + 1);
                if asked.get() == 6 {
                    stop.cancel();
                }
                ["one", "one", "two", "two", "two", "one"][asked.get() - 1].to_owned()
            },
            |line| {
                told.borrow_mut().push((began.elapsed().as_secs(), line.to_owned()));
            },
            stop.clone(),
        )
        .await;
        let expected = [(0, "one"), (2, "two"), (5, "one")].map(|(at, line)| (at, line.to_owned()));
        assert_eq!(*told.borrow(), expected);
    }
}
