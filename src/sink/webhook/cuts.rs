//! Which messages make the next request.

use crate::sink::Slice;
use crate::sink::span::Span;

/// How often the rest of an unanswered request is waited for before its messages go without it. The service may answer
/// a pull with less than there is; that it does so again and again is for a reason that lasts.
const PATIENCE: u32 = 5;

/// Kept as long as the daemon runs, so that a request that is under way when its pipeline panics or gives the batch
/// back is cut in the same way again. What is pending is noted down as well, so that a kill changes nothing of that.
///
/// That is not always possible: where the batch is pulled again and again without all messages of the request
/// (`max_batch_bytes` cuts it, say), or the service has lost some of them or was moved into their middle, what there is
/// makes another request, with a key of its own.
#[derive(Debug)]
pub(super) struct Cuts {
    most: usize,
    /// The request that was sent, and neither taken nor refused.
    pending: Option<Span>,
    /// How often not all of it was there to be sent again.
    incomplete: u32,
    /// An attempt at it had no answer: it may have been taken.
    unheard: bool,
    /// A refused request: some message in it is at fault.
    suspects: Option<Suspects>,
}

#[derive(Debug)]
struct Suspects {
    span: Span,
    width: usize,
}

impl Cuts {
    /// At most so many messages in a request.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), pending: None, incomplete: 0, unheard: false, suspects: None }
    }

    /// The request that was under way when the process before this one ended. It may have been taken.
    pub(super) fn resume(&mut self, pending: Span) {
        if self.pending.is_none() {
            (self.pending, self.unheard) = (Some(pending), true);
        }
    }

    /// What is to be noted down, before it is sent, to resume after a kill. A single message is always cut in the same
    /// way.
    pub(super) fn pending(&self) -> Option<Span> {
        self.pending.filter(|_| self.most > 1)
    }

    /// How many messages of `slice` the next request has, at the most; `None` if it lacks messages of the request that
    /// is to be sent again, and they are worth waiting for.
    pub(super) fn next(&mut self, slice: &Slice) -> Option<usize> {
        if let Some(pending) = self.pending.filter(|pending| pending.begins(slice)) {
            if let Some(same) = pending.covered_by(slice) {
                return Some(same);
            }
            if pending.outlasts(slice) && self.incomplete < PATIENCE {
                self.incomplete += 1;
                return None;
            }
        }
        self.suspects.take_if(|suspects| !suspects.span.touches(slice));
        Some(match &self.suspects {
            Some(suspects) => suspects.width.min(suspects.span.count(slice)),
            None => self.most,
        })
    }

    /// The first `count` messages of `slice` are on their way.
    pub(super) fn sent(&mut self, slice: &Slice, count: usize) {
        let pending = Span::of(slice, count);
        self.unheard &= pending == self.pending;
        (self.pending, self.incomplete) = (pending, 0);
    }

    /// There was no answer to the request under way.
    pub(super) fn unheard(&mut self) {
        self.unheard = true;
    }

    /// Whether an attempt at the request under way had no answer.
    pub(super) fn is_unheard(&self) -> bool {
        self.unheard
    }

    /// They arrived.
    pub(super) fn taken(&mut self) {
        (self.pending, self.unheard) = (None, false);
        if let Some(suspects) = &mut self.suspects {
            suspects.width = suspects.width.saturating_mul(2);
        }
    }

    /// They were refused: fewer of them next time.
    pub(super) fn refused(&mut self, slice: &Slice, count: usize) {
        (self.pending, self.unheard) = (None, false);
        let width = (count / 2).max(1);
        match &mut self.suspects {
            Some(suspects) => suspects.width = width,
            none => *none = Span::of(slice, count).map(|span| Suspects { span, width }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tests::{slice, slice_of};

    #[test]
    fn a_request_that_failed_is_cut_in_the_same_way_again() {
        let mut cuts = Cuts::new(10);
        assert_eq!(cuts.next(&slice(0, 3, 0)), Some(10), "as many as there are");
        cuts.sent(&slice(0, 3, 0), 3);
        assert_eq!(cuts.next(&slice(0, 20, 0)), Some(3), "the same, though there are more");
        assert_eq!(cuts.next(&slice(1, 20, 0)), Some(10), "it begins elsewhere");
        assert_eq!(cuts.next(&slice(0, 2, 1)), Some(10), "the ids mean something else");
        cuts.taken();
        assert_eq!(cuts.next(&slice(0, 20, 0)), Some(10));
    }

    #[test]
    fn a_request_under_way_at_the_end_of_the_process_is_cut_in_the_same_way_again() {
        let mut cuts = Cuts::new(10);
        cuts.sent(&slice(0, 3, 0), 3);
        let mut next = Cuts::new(10);
        next.resume(cuts.pending().unwrap());
        assert_eq!(next.next(&slice(0, 20, 0)), Some(3));
        assert!(next.is_unheard(), "it may have been taken");
        let mut single = Cuts::new(1);
        single.sent(&slice(0, 3, 0), 1);
        assert_eq!(single.pending(), None);
    }

    #[test]
    fn what_is_missing_of_a_request_is_waited_for_but_not_for_ever() {
        let mut cuts = Cuts::new(10);
        cuts.sent(&slice(0, 3, 0), 3);
        assert_eq!(cuts.next(&slice(0, 2, 0)), None);
        assert_eq!(cuts.next(&slice(0, 4, 0)), Some(3), "the same, once all of it is there");
        cuts.sent(&slice(0, 4, 0), 3);
        for _ in 0..PATIENCE {
            assert_eq!(cuts.next(&slice(0, 2, 0)), None);
        }
        assert_eq!(cuts.next(&slice(0, 2, 0)), Some(10), "then without the rest");
        cuts.sent(&slice(0, 2, 0), 2);
        assert_eq!(cuts.next(&slice(0, 1, 0)), None, "which is another request");
    }

    #[test]
    fn a_request_of_which_a_message_is_lost_is_not_taken_for_the_same() {
        let lost = |missing: u64| {
            let message = |id| format!(r#"{{"messageId":"{id}","data":"eA==","publishTime":"t"}}"#);
            let left: Vec<_> = (0..9).filter(|id| *id != missing).map(message).collect();
            slice_of(&left.join(","), 0)
        };
        for missing in [1, 2] {
            let mut cuts = Cuts::new(10);
            cuts.sent(&slice(0, 9, 0), 3);
            assert_eq!(cuts.next(&lost(missing)), Some(10), "{missing}");
        }
    }

    #[test]
    fn a_refused_request_is_halved_until_the_one_at_fault_stands_alone() {
        let mut cuts = Cuts::new(8);
        let (bad, end) = (5, 12);
        let (mut first, mut sent) = (0, Vec::new());
        let rejected = loop {
            let slice = slice(first, end, 0);
            let count = cuts.next(&slice).unwrap().min(slice.messages().count());
            let last = first + count as u64 - 1;
            sent.push((first, last));
            cuts.sent(&slice, count);
            if (first..=last).contains(&bad) {
                cuts.refused(&slice, count);
                if count == 1 {
                    break first;
                }
            } else {
                cuts.taken();
                first = last + 1;
            }
        };
        assert_eq!(rejected, bad);
        assert_eq!(sent, [(0, 7), (0, 3), (4, 7), (4, 5), (4, 4), (5, 6), (5, 5)]);
        assert_eq!(cuts.next(&slice(5, 12, 0)), Some(1), "still the only one that is tried");
        assert_eq!(cuts.next(&slice(6, 12, 0)), Some(1), "its neighbours carefully");
        cuts.taken();
        assert_eq!(cuts.next(&slice(7, 12, 0)), Some(1), "no more than the suspects");
        cuts.taken();
        assert_eq!(cuts.next(&slice(8, 12, 0)), Some(8), "the rest as ever");
    }
}
