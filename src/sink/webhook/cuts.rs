//! Which messages make the next request.

use crate::sink::Slice;
use crate::sink::span::Span;

/// Kept as long as the daemon runs, so that a request that is under way when its pipeline panics or gives the batch
/// back is cut in the same way again.
#[derive(Debug)]
pub(super) struct Cuts {
    most: usize,
    /// The request that was sent, and neither taken nor refused.
    pending: Option<Span>,
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
        Self { most: most.max(1), pending: None, unheard: false, suspects: None }
    }

    /// How many messages of `slice` the next request has, at the most.
    pub(super) fn next(&mut self, slice: &Slice) -> usize {
        if let Some(pending) = self.pending.filter(|pending| pending.begins(slice))
            && let Some(same) = pending.covered_by(slice)
        {
            return same;
        }
        self.suspects.take_if(|suspects| !suspects.span.touches(slice));
        match &self.suspects {
            Some(suspects) => suspects.width.min(suspects.span.count(slice)),
            None => self.most,
        }
    }

    /// The first `count` messages of `slice` are on their way.
    pub(super) fn sent(&mut self, slice: &Slice, count: usize) {
        let pending = Span::of(slice, count);
        self.unheard &= pending == self.pending;
        self.pending = pending;
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
    use crate::sink::tests::slice;

    #[test]
    fn a_request_that_failed_is_cut_in_the_same_way_again() {
        let mut cuts = Cuts::new(10);
        assert_eq!(cuts.next(&slice(0, 3, 0)), 10, "as many as there are");
        cuts.sent(&slice(0, 3, 0), 3);
        assert_eq!(cuts.next(&slice(0, 20, 0)), 3, "the same, though there are more");
        assert_eq!(cuts.next(&slice(0, 2, 0)), 10, "not all of it is there");
        assert_eq!(cuts.next(&slice(1, 20, 0)), 10, "it begins elsewhere");
        assert_eq!(cuts.next(&slice(0, 20, 1)), 10, "the ids mean something else");
        cuts.taken();
        assert_eq!(cuts.next(&slice(0, 20, 0)), 10);
    }

    #[test]
    fn a_refused_request_is_halved_until_the_one_at_fault_stands_alone() {
        let mut cuts = Cuts::new(8);
        let (bad, end) = (5, 12);
        let (mut first, mut sent) = (0, Vec::new());
        let rejected = loop {
            let slice = slice(first, end, 0);
            let count = cuts.next(&slice).min(slice.messages().count());
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
        assert_eq!(cuts.next(&slice(5, 12, 0)), 1, "still the only one that is tried");
        assert_eq!(cuts.next(&slice(6, 12, 0)), 1, "its neighbours carefully");
        cuts.taken();
        assert_eq!(cuts.next(&slice(7, 12, 0)), 1, "no more than the suspects");
        cuts.taken();
        assert_eq!(cuts.next(&slice(8, 12, 0)), 8, "the rest as ever");
    }
}
