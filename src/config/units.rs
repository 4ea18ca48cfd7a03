//! Durations and sizes as people write them: `"1h30m"`, `"64KiB"`.

use std::time::Duration;

use super::InvalidValue;

const DURATIONS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

pub(super) const DURATION_HINT: &str = "a duration such as \"250ms\", \"10s\" or \"1h30m\" (d, h, m, s, ms)";
pub(super) const SIZE_HINT: &str =
    "a size such as \"64KiB\", \"10MB\" or \"256MiB\", or a number of bytes (B, KB, MB, GB, KiB, MiB, GiB)";

/// A duration: whole numbers with their units, the larger unit first, each at most once.
pub(super) fn duration(text: &str) -> Result<Duration, InvalidValue> {
    let wrong = |what: &str| InvalidValue::new(what, DURATION_HINT);
    let mut rest = text;
    let mut units = DURATIONS.iter();
    let mut total: u64 = 0;
    if text.is_empty() {
        return Err(wrong("is not a duration"));
    }
    while !rest.is_empty() {
        let (digits, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after, |c| c.is_ascii_alphabetic());
        if digits.is_empty() || !DURATIONS.iter().any(|(name, _)| *name == unit) {
            return Err(wrong("is not a duration"));
        }
        let Some((_, milliseconds)) = units.find(|(name, _)| *name == unit) else {
            return Err(wrong("has its units twice or out of order"));
        };
        total = digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*milliseconds))
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| wrong("is too long a duration"))?;
        rest = after;
    }
    Ok(Duration::from_millis(total))
}

/// A size in bytes: a whole number and its unit.
pub(super) fn size(text: &str) -> Result<u64, InvalidValue> {
    let (digits, unit) = split(text, |c| c.is_ascii_digit());
    match SIZES.iter().find(|(name, _)| *name == unit) {
        Some((_, bytes)) if !digits.is_empty() => digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*bytes))
            .ok_or_else(|| InvalidValue::new("is too large", SIZE_HINT)),
        _ => Err(InvalidValue::new("is not a size", SIZE_HINT)),
    }
}

/// A duration as [`duration`] reads it, without what is below a millisecond.
pub(super) fn show_duration(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (unit, milliseconds) in DURATIONS {
        let number = rest / u128::from(milliseconds);
        rest %= u128::from(milliseconds);
        if number > 0 {
            text.push_str(&number.to_string());
            text.push_str(unit);
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A size as [`size`] reads it, in the largest binary unit that divides it.
pub(super) fn show_size(bytes: u64) -> String {
    let binary = SIZES.iter().filter(|(name, _)| name.ends_with("iB") && *name != "B");
    match binary.into_iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

fn split(text: &str, takes: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !takes(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests;
