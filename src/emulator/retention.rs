//! How much of a topic's log is kept.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::optional as friendly;
use jiff::{Span, SpanRelativeTo};
use serde::{Deserialize, Deserializer, Serialize};

use super::data_dir::Scope;
use super::{Emulator, EmulatorError};

/// What a topic keeps before its oldest records are removed, as retention does on the real service: the start of the
/// log moves up, subscriptions behind it lose messages without a word. Whatever bound is met first counts; `None` is no
/// bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// How many records, at least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// How old a record may become, by the emulator's clock. Records that are too old go when the log is next looked
    /// at, or within some seconds.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "friendly::serialize",
        deserialize_with = "age"
    )]
    pub age: Option<Duration>,
    /// How many bytes of records. It counts what they take in memory, which is about 1.4 times the payload plus 200
    /// bytes. The newest record stays, whatever its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
}

impl Retention {
    /// Everything is kept, until there is no memory left.
    pub const UNLIMITED: Self = Self { messages: None, age: None, bytes: None };
}

impl Default for Retention {
    /// 512 MiB, which is a million messages of 256 bytes, of any age.
    fn default() -> Self {
        Self { bytes: Some(512 * 1024 * 1024), ..Self::UNLIMITED }
    }
}

/// Reads an age such as `90m`, `36h` or `7d`; a day has 24 hours.
pub(crate) fn parse_age(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    let age = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())?;
    Duration::try_from(age).map_err(|_| "an age is not negative".to_owned())
}

fn age<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse_age(&text).map_err(serde::de::Error::custom)).transpose()
}

impl Emulator {
    /// What a topic keeps from now on, instead of [`Options::retention`](super::Options::retention). What is too much
    /// now is removed at once.
    pub fn set_retention(
        &self,
        project: &str,
        topic: &str,
        retention: Retention,
    ) -> Result<(), EmulatorError> {
        self.existing_topic(project, topic)?.log.set_retention(retention);
        Ok(self.keep(Scope::Topic(&*self.existing_project(project)?, topic))?)
    }

    /// What a topic keeps.
    pub fn retention(&self, project: &str, topic: &str) -> Result<Retention, EmulatorError> {
        Ok(self.existing_topic(project, topic)?.log.retention())
    }

    /// Removes the records of a topic below `offset`, as retention does: the start of the log moves up to it, though
    /// never beyond the end. Subscriptions behind it are moved when they are next looked at or pulled.
    pub fn remove_records_below(&self, project: &str, topic: &str, offset: u64) -> Result<(), EmulatorError> {
        self.existing_topic(project, topic)?.log.remove_below(offset);
        Ok(())
    }

    /// Removes, in all topics, what is too old.
    pub(crate) fn expire(&self) {
        let projects: Vec<_> = self.projects().iter().cloned().collect();
        for project in projects {
            let topics: Vec<_> = project.read().topics.iter().cloned().collect();
            for topic in topics {
                topic.log.expire();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_may_be_in_days() {
        assert_eq!(parse_age("7d").unwrap(), Duration::from_hours(168));
        assert_eq!(parse_age("1h 30m").unwrap(), Duration::from_mins(90));
        for wrong in ["", "7", "-1h", "soon", "1 month"] {
            assert!(parse_age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_kept_is_written_and_read_in_the_same_form() {
        let text = r#"{"messages":3,"age":"168h","bytes":1000}"#;
        let retention: Retention = serde_json::from_str(text).unwrap();
        let age = Some(Duration::from_hours(168));
        assert_eq!(retention, Retention { messages: Some(3), age, bytes: Some(1000) });
        assert_eq!(serde_json::to_string(&retention).unwrap(), text);
        assert_eq!(serde_json::from_str::<Retention>("{}").unwrap(), Retention::UNLIMITED);
        assert!(serde_json::from_str::<Retention>(r#"{"mesages":3}"#).is_err());
    }
}
