//! The emulator's clock and the forms in which the service shows time.
//!
//! A fault may put the clock wrong for some requests, so what time it is depends on the request that is served.

use jiff::fmt::rfc2822;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};

tokio::task_local! {
    static SKEW: SignedDuration;
}

/// Now.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    // A clock that would be beyond what can be shown stays right.
    now.checked_add(skew()).unwrap_or(now)
}

/// By how much the clock of this task is wrong.
pub(crate) fn skew() -> SignedDuration {
    SKEW.try_with(|skew| *skew).unwrap_or_default()
}

/// Does something by a clock that is wrong by `skew`.
pub(crate) async fn skewed<F: Future>(skew: SignedDuration, doing: F) -> F::Output {
    SKEW.scope(skew, doing).await
}

/// The time in the header `date`.
pub(crate) fn http_date(time: Timestamp) -> Option<String> {
    rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()
}

/// Whole seconds, as in `created_on`.
pub(crate) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// Appends nanoseconds without trailing zeros, as in `publishTime`.
pub(crate) fn push_nanoseconds(out: &mut Vec<u8>, time: Timestamp) {
    // Writing to a Vec cannot fail.
    let _ = DateTimePrinter::new().print_timestamp(&time, out);
}

/// Milliseconds since 1970 of the one form `:timeToOffset` takes, `2026-11-23T07:00:00.000Z`.
pub(crate) fn parse_zulu(text: &str) -> Option<i64> {
    let form = b"dddd-dd-ddTdd:dd:dd.dddZ";
    let fits = text.len() == form.len()
        && text.bytes().zip(form).all(
            |(byte, &want)| {
                if want == b'd' { byte.is_ascii_digit() } else { byte == want }
            },
        );
    // A leap second is none in Go.
    if !fits || &text[17..19] == "60" {
        return None;
    }
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(nanoseconds: i128) -> String {
        let mut out = Vec::new();
        push_nanoseconds(&mut out, Timestamp::from_nanosecond(nanoseconds).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nanoseconds_are_shown_without_trailing_zeros() {
        let second = 1_000_000_000;
        assert_eq!(shown(1_795_417_533 * second + 851_710_630), "2026-11-23T07:05:33.85171063Z");
        assert_eq!(shown(1_795_417_533 * second), "2026-11-23T07:05:33Z");
        assert_eq!(shown(1_795_417_533 * second + 1), "2026-11-23T07:05:33.000000001Z");
        assert_eq!(seconds(Timestamp::from_millisecond(1_795_417_533_999).unwrap()), "2026-11-23T07:05:33Z");
    }

    #[tokio::test]
    async fn a_wrong_clock_is_wrong_for_one_task_only() {
        let hour = SignedDuration::from_hours(1);
        let ahead = skewed(hour, async { now() }).await;
        let difference = ahead.duration_since(now());
        assert!(difference > SignedDuration::from_mins(59) && difference <= hour, "{difference:?}");
        let far = skewed(SignedDuration::MAX, async { now() }).await;
        assert!(far <= now());
    }

    #[test]
    fn the_date_header_is_as_http_wants_it() {
        let time = "2026-11-03T07:05:33.85Z".parse().unwrap();
        assert_eq!(http_date(time).unwrap(), "Tue, 03 Nov 2026 07:05:33 GMT");
    }

    #[test]
    fn a_seek_by_time_takes_exactly_one_form() {
        assert_eq!(parse_zulu("1970-01-01T00:00:01.500Z"), Some(1500));
        for refused in
            ["", "yesterday", "1970-01-01T00:00:01Z", "1970-01-01T00:00:01.5Z", "1970-13-01T00:00:01.500Z"]
        {
            assert_eq!(parse_zulu(refused), None, "{refused}");
        }
        assert_eq!(parse_zulu("2016-12-31T23:59:60.000Z"), None);
        assert_eq!(parse_zulu("1970-01-01T00:00:01.500+00:00"), None);
    }
}
