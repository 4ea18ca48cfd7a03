use proptest::prelude::*;

use super::*;

#[test]
fn durations_are_numbers_with_units() {
    for (text, milliseconds) in [
        ("250ms", 250),
        ("10s", 10_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("1d2h3m4s5ms", 93_784_005),
        ("90m", 5_400_000),
        ("0s", 0),
        ("007s", 7_000),
    ] {
        assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
}

#[test]
fn what_is_no_duration_is_refused_with_a_reason() {
    for (text, what) in [
        ("", "is not a duration"),
        ("10", "is not a duration"),
        ("s", "is not a duration"),
        ("1.5s", "is not a duration"),
        ("-1s", "is not a duration"),
        ("10 s", "is not a duration"),
        ("10S", "is not a duration"),
        ("10sec", "is not a duration"),
        ("1h30", "is not a duration"),
        ("١s", "is not a duration"),
        ("30m1h", "has its units twice or out of order"),
        ("1s1s", "has its units twice or out of order"),
        ("18446744073709551615d", "is too long a duration"),
        ("99999999999999999999s", "is too long a duration"),
        ("213503982334d18446744073709551615ms", "is too long a duration"),
    ] {
        assert_eq!(duration(text).unwrap_err().what, what, "{text}");
    }
}

#[test]
fn sizes_are_decimal_or_binary() {
    for (text, bytes) in [
        ("0B", 0),
        ("512B", 512),
        ("1KB", 1_000),
        ("64KiB", 65_536),
        ("10MB", 10_000_000),
        ("256MiB", 268_435_456),
        ("2GB", 2_000_000_000),
        ("1GiB", 1_073_741_824),
    ] {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
    for text in ["", "10", "MiB", "1.5MiB", "-1B", "1 MiB", "1mib", "1M", "1MiB1KiB", "1TiB"] {
        assert_eq!(size(text).unwrap_err().what, "is not a size", "{text}");
    }
    for text in ["99999999999999999999B", "18446744073709551615KiB"] {
        assert_eq!(size(text).unwrap_err().what, "is too large", "{text}");
    }
}

proptest! {
    #[test]
    fn a_shown_duration_reads_as_itself(milliseconds: u64) {
        let shown = Duration::from_millis(milliseconds);
        prop_assert_eq!(duration(&show_duration(shown)), Ok(shown));
    }

    #[test]
    fn a_shown_size_reads_as_itself(bytes: u64, shift in 0..60) {
        let bytes = bytes >> shift << (shift % 31);
        prop_assert_eq!(size(&show_size(bytes)), Ok(bytes));
    }

    #[test]
    fn any_text_gives_an_answer(text in "[0-9dhmsKMGiB٣ .-]{0,20}") {
        let _ = (duration(&text), size(&text));
    }
}
