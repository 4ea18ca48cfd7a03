//! Which days' messages go to the file, and which to the other one. See [`AcceptDays`].

use jiff::civil::Date;

use super::destination::value_of;
use crate::client::Message;
use crate::config::AcceptDays;

/// The days around today whose messages are accepted.
///
/// Today is what it is when a message is delivered. Whoever is asked again on the next day may answer otherwise: that
/// doubles nothing, because an attempt is either vouched for as a whole or taken back from all files before the next.
pub(super) struct Window {
    attribute: String,
    past: i64,
    future: i64,
}

impl Window {
    pub(super) fn new(days: &AcceptDays) -> Self {
        Self { attribute: days.attribute.clone(), past: days.past.into(), future: days.future.into() }
    }

    /// Where the date is.
    pub(super) fn attribute(&self) -> &str {
        &self.attribute
    }

    /// Whether the day that `message` is of is among them. One without a date is of none.
    pub(super) fn takes(&self, message: &Message<'_>, today: Date) -> bool {
        value_of(message, &self.attribute).and_then(date).is_some_and(|date| {
            let days = today.duration_until(date).as_hours() / 24;
            (-self.past..=self.future).contains(&days)
        })
    }
}

/// A date in the one form that is also fit for the name of a file.
fn date(text: &str) -> Option<Date> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tests::batch;

    /// Whether a message with this attribute is taken on 24 November 2026, with three days back and one ahead.
    fn is_taken(attributes: &str) -> bool {
        let batch = batch(&format!(r#"{{"messageId":"7","attributes":{{{attributes}}},"data":""}}"#));
        let window = Window { attribute: "partition_date".to_owned(), past: 3, future: 1 };
        window.takes(&batch.get(0).unwrap(), Date::constant(2026, 11, 24))
    }

    #[test]
    fn the_days_from_the_first_to_the_last_are_taken_and_no_other() {
        for (day, expected) in [
            ("2025-11-24", false),
            ("2026-11-20", false),
            ("2026-11-21", true),
            ("2026-11-24", true),
            ("2026-11-25", true),
            ("2026-11-26", false),
            ("9999-12-31", false),
            ("0001-01-01", false),
        ] {
            assert_eq!(is_taken(&format!(r#""partition_date":"{day}""#)), expected, "{day}");
        }
    }

    #[test]
    fn what_is_no_date_in_the_one_form_is_not_taken() {
        for text in [
            "",
            "today",
            "2026-11-24T00",
            "20261124",
            "2026-11-24 ",
            " 2026-11-24",
            "2026-1-24",
            "2026-02-30",
            "+002026-11-24",
            "2026-11-24T00:00:00Z",
            "../2026-11-24",
            "２０２６-11-24",
        ] {
            assert!(!is_taken(&format!(r#""partition_date":"{text}""#)), "{text}");
        }
        assert!(!is_taken(""), "there is none");
        assert!(!is_taken(r#""date":"2026-11-24""#), "another attribute has it");
    }
}
