//! Keeps a failure that repeats from flooding the log: it is said when it changes, and then once a minute.

use std::time::Duration;

use tokio::time::Instant;

const AGAIN_AFTER: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub(crate) struct Complaint {
    last: Option<(String, Instant)>,
    /// Since when it has gone wrong, if that was said.
    since: Option<Instant>,
    /// How often it was no news since.
    unsaid: u64,
}

impl Complaint {
    /// Whether a failure is to be logged now; `text` is what tells it from others, without times and counts. One that
    /// comes and goes counts as one that repeats.
    pub(crate) fn is_news(&mut self, text: &str) -> bool {
        let now = Instant::now();
        if let Some((last, at)) = &self.last
            && last == text
            && now < *at + AGAIN_AFTER
        {
            self.unsaid += 1;
            return false;
        }
        self.last = Some((text.to_owned(), now));
        self.since.get_or_insert(now);
        true
    }

    /// How many failures were no news since this was asked last.
    pub(crate) fn unsaid(&mut self) -> u64 {
        std::mem::take(&mut self.unsaid)
    }

    /// It goes well again. Says for how long it did not, if that was said.
    pub(crate) fn settled(&mut self) -> Option<Duration> {
        self.since.take().map(|since| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_repeats_is_said_when_it_changes_and_once_a_minute() {
        let mut complaint = Complaint::default();
        assert!(complaint.is_news("disk full"));
        assert!(!complaint.is_news("disk full"));
        assert!(complaint.is_news("no permission"));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(!complaint.is_news("no permission"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(complaint.is_news("no permission"));
        assert_eq!((complaint.unsaid(), complaint.unsaid()), (2, 0));
        assert_eq!(complaint.settled(), Some(Duration::from_mins(1)));
        assert_eq!(complaint.settled(), None);
        // It comes back at once: that is said once a minute as well, and so is that it goes on.
        assert!(!complaint.is_news("no permission"));
        assert_eq!(complaint.settled(), None);
        tokio::time::advance(AGAIN_AFTER).await;
        assert!(complaint.is_news("no permission"));
        assert_eq!(complaint.settled(), Some(Duration::ZERO));
    }
}
