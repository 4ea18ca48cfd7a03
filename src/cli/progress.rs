//! How far a long publish or pull is: on standard error, and only where a person looks at it.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A line that is drawn anew as the count grows. It is gone at its end.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// `total` is how many messages there will be, where that is known. Nothing is drawn unless standard error is a
    /// terminal, nor where `others` write to it.
    pub(super) fn new(total: Option<u64>, others: bool) -> Self {
        let (bar, form) = match total {
            Some(total) => {
                (ProgressBar::new(total), "{bar:30} {human_pos}/{human_len} messages, {per_sec:.0}")
            }
            None => (ProgressBar::new_spinner(), "{spinner} {human_pos} messages, {per_sec:.0}, {elapsed}"),
        };
        if others {
            return Self(ProgressBar::hidden());
        }
        // The forms are ours: they are right.
        let bar = ProgressStyle::with_template(form)
            .map_or_else(|_| ProgressBar::hidden(), |form| bar.with_style(form));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self(bar)
    }

    pub(super) fn add(&self, messages: u64) {
        self.0.inc(messages);
    }

    /// Says something on standard error, above the line; or does not, where it cannot be written.
    pub(super) fn say(&self, text: &str) {
        let _ = self.0.suspend(|| writeln!(io::stderr(), "{text}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
