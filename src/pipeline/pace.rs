//! How much to ask for.

/// The largest answer to a pull of a single message; a message above it is treated as one that cannot be delivered.
pub(crate) const LARGEST_MESSAGE: usize = 64 * 1024 * 1024;

/// The least that is set aside for an answer.
const SMALLEST_RESERVATION: usize = 1024 * 1024;

/// How many messages the next pull asks for, and how large its answer may be.
///
/// Halves when an answer is too large or a record in it blocks the pull, and doubles back with each success.
#[derive(Debug)]
pub(crate) struct BatchSize {
    max_messages: u32,
    max_bytes: usize,
    messages: u32,
    /// What a message takes on the wire, by the largest answer of late.
    bytes_per_message: usize,
    /// The last answer did not fit what was set aside for it, though it may fit `max_bytes`.
    underestimated: bool,
}

impl BatchSize {
    pub(crate) fn new(max_messages: u32, max_bytes: usize) -> Self {
        Self {
            max_messages,
            max_bytes,
            messages: max_messages,
            bytes_per_message: 1024,
            underestimated: false,
        }
    }

    /// Messages to ask for.
    pub(crate) fn messages(&self) -> u32 {
        self.messages
    }

    /// Bytes to set aside for the answer, which is cut off beyond them.
    pub(crate) fn bytes(&self) -> usize {
        if self.underestimated {
            return self.most();
        }
        let expected = self.bytes_per_message.saturating_mul(2).saturating_mul(self.messages as usize);
        expected.clamp(SMALLEST_RESERVATION, self.most())
    }

    fn most(&self) -> usize {
        if self.messages == 1 { LARGEST_MESSAGE } else { self.max_bytes }
    }

    /// An answer of `messages` in `bytes` came through.
    pub(crate) fn fitted(&mut self, messages: usize, bytes: usize) {
        self.messages = self.messages.saturating_mul(2).min(self.max_messages);
        self.underestimated = false;
        if let Some(now) = bytes.checked_div(messages) {
            self.bytes_per_message = now.max(self.bytes_per_message / 2).max(1);
        }
    }

    /// The answer was larger than [`BatchSize::bytes`]: whether more than that may be set aside for it, which the
    /// next pull then does.
    pub(crate) fn was_underestimated(&mut self) -> bool {
        let was = self.bytes() < self.most();
        self.underestimated |= was;
        was
    }

    /// Something in the range makes the pull fail, or its answer is too large. `false` if it was a single message.
    pub(crate) fn halve(&mut self) -> bool {
        let single = self.messages == 1;
        self.messages = (self.messages / 2).max(1);
        !single
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn a_large_answer_is_first_given_all_its_room_and_then_halved_until_it_fits() {
        let mut size = BatchSize::new(1000, 8 * MIB);
        assert!(size.bytes() < 8 * MIB);
        assert!(size.was_underestimated());
        assert_eq!((size.messages(), size.bytes()), (1000, 8 * MIB));
        assert!(!size.was_underestimated() && size.halve());
        assert_eq!((size.messages(), size.bytes()), (500, 8 * MIB));
        size.fitted(500, 7 * MIB);
        assert_eq!(size.messages(), 1000);
        assert_eq!(size.bytes(), 8 * MIB);
    }

    #[test]
    fn a_single_message_may_have_64_mib_whatever_the_limit_and_no_more() {
        let mut size = BatchSize::new(2, 8 * MIB);
        assert!(size.halve() && size.was_underestimated());
        assert_eq!((size.messages(), size.bytes()), (1, LARGEST_MESSAGE));
        assert!(!size.was_underestimated() && !size.halve());
    }
}
