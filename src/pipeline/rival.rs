//! Finding out that another consumer reads the same subscription, which the service tells nobody.
//!
//! A rival shows itself in two ways: our acknowledgement is refused because its own was first, for all of the batch or a
//! part, or messages are missing that it acknowledged before we pulled. The faster one of two that keep step sees neither. So once in a while an
//! acknowledgement is held back for twice as long as the delivery took: one who pulled the same batch is first then.

use std::time::Duration;

use super::complaint::Complaint;

/// An acknowledgement is held back once in so many batches, at a moment that two daemons do not share.
const HOLD_ONCE_IN: u32 = 20;

/// What the acknowledgement of a rival may take, beyond its delivery.
const MARGIN: Duration = Duration::from_millis(5);

const LONGEST_HOLD: Duration = Duration::from_millis(500);

/// Moves with no more than so many batches between them are no seeks of an operator.
const MOVES_WITHIN: u64 = 50;

/// What is known of a rival.
#[derive(Debug)]
pub(super) struct RivalWatch {
    batches: u64,
    hold_at: u32,
    moved_at: Option<u64>,
    complaint: Complaint,
    random: fastrand::Rng,
}

impl RivalWatch {
    pub(super) fn new() -> Self {
        let mut random = fastrand::Rng::new();
        let hold_at = random.u32(0..HOLD_ONCE_IN);
        Self { batches: 0, hold_at, moved_at: None, complaint: Complaint::default(), random }
    }

    /// A batch was delivered in that time. How long to hold back its acknowledgement.
    pub(super) fn hold(&mut self, delivery: Duration) -> Option<Duration> {
        let place = self.batches % u64::from(HOLD_ONCE_IN);
        self.batches += 1;
        let hold = place == u64::from(self.hold_at);
        if self.batches.is_multiple_of(u64::from(HOLD_ONCE_IN)) {
            self.hold_at = self.random.u32(0..HOLD_ONCE_IN);
        }
        hold.then(|| (delivery * 2 + MARGIN).min(LONGEST_HOLD))
    }

    /// The subscription was moved forward, over messages that were not pulled or a part of a batch that was. Whether that
    /// is a rival's doing: once, it may have been a seek.
    pub(super) fn moved(&mut self) -> bool {
        let last = self.moved_at.replace(self.batches);
        last.is_some_and(|last| self.batches - last <= MOVES_WITHIN)
    }

    /// Whether it is time to say that there is a rival.
    pub(super) fn is_news(&mut self) -> bool {
        self.complaint.is_news("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_in_twenty_batches_an_acknowledgement_is_held_back_by_the_time_of_delivery() {
        let mut watch = RivalWatch::new();
        let mut places = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let holds: Vec<_> = (0..HOLD_ONCE_IN).map(|_| watch.hold(Duration::from_millis(30))).collect();
            let held: Vec<_> = holds.iter().flatten().collect();
            assert_eq!(held, [&Duration::from_millis(65)]);
            places.extend(holds.iter().position(Option::is_some));
        }
        assert!(places.len() > 10, "{places:?}");
        let longest = (0..HOLD_ONCE_IN).find_map(|_| watch.hold(Duration::from_mins(1)));
        assert_eq!(longest, Some(LONGEST_HOLD));
    }

    #[test]
    fn one_move_may_be_a_seek_and_two_in_a_short_time_are_a_rival() {
        let mut watch = RivalWatch::new();
        assert!(!watch.moved());
        watch.hold(Duration::ZERO);
        assert!(watch.moved() && watch.moved());
        for _ in 0..=MOVES_WITHIN {
            watch.hold(Duration::ZERO);
        }
        assert!(!watch.moved());
    }
}
