//! `accept_days` and `error_path`: messages of some days alone go to the file, others to another one.

use super::super::{PathTemplate, schema, section::Section};

/// The most days in either direction; some hundred years.
const MOST_DAYS: u32 = 36_500;

/// The days whose messages a file takes, and where those of others go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptDays {
    /// The attribute that holds the date, as in `2026-11-23`.
    pub attribute: String,
    /// How many days before today.
    pub past: u32,
    /// How many days after today.
    pub future: u32,
    /// Which file those of other days go to, and those that have no date there.
    pub error_path: PathTemplate,
}

pub(super) fn read(section: &mut Section<'_>) -> Option<AcceptDays> {
    let error_path = section.parsed("error_path", PathTemplate::parse);
    let Some(mut days) = section.optional_table("accept_days", &schema::ACCEPT_DAYS) else {
        if section.has("error_path") && !section.has("accept_days") {
            let hint =
                "accept_days = { attribute = \"partition_date\", past = 3, future = 1 }, or no error_path";
            section.unmet("error_path", "is for messages of days that accept_days leaves out", hint);
        }
        return None;
    };
    let attribute = days.parsed("attribute", |text| Ok(text.to_owned()));
    if !days.has("attribute") {
        days.missing("attribute", "the attribute that holds the date, as in attribute = \"partition_date\"");
    } else if attribute.as_deref() == Some("") {
        days.problem("attribute", "is empty", "the name of an attribute");
    }
    let mut number = |key| {
        if !days.has(key) {
            days.missing(key, format!("a number of days, as in {key} = 1; 0 is none beside today"));
        }
        days.integer(key, 0..=MOST_DAYS)
    };
    let (past, future) = (number("past"), number("future"));
    days.finish();
    if !section.has("error_path") {
        let hint = "as in error_path = \"/var/lib/ams-forwarder/out/{subscription}/other-days.jsonl\"";
        section.unmet("accept_days", "needs error_path, for messages of other days", hint);
    }
    Some(AcceptDays { attribute: attribute?, past: past?, future: future?, error_path: error_path? })
}
