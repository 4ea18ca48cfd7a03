//! Names of projects, topics, subscriptions, schemas and users, checked before they become part of a path.
//!
//! The service takes `[A-Za-z0-9_-]+` and answers 400 to all else (recorded: `Invalid topic name`). A name of
//! these types therefore needs no escaping in a URL, a file name or a metric label.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// A text that is no name of a project, topic, subscription, schema or user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{value:?} is no name of a {kind}: letters, digits, `_` and `-` are allowed, and at least one of them"
)]
pub struct InvalidName {
    /// What it should have named: `project`, `topic`, `subscription`, `schema` or `user`.
    pub kind: &'static str,
    /// What was given.
    pub value: String,
}

/// Whether the service takes `text` as a name.
pub(crate) fn is_valid_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $type(Arc<str>);

        impl $type {
            /// The short name, as in the service's paths.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $type {
            type Error = InvalidName;

            fn try_from(text: &str) -> Result<Self, InvalidName> {
                if is_valid_name(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidName { kind: $kind, value: text.to_owned() })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::try_from(text.as_str())
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::try_from(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.as_str().to_owned()
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
    };
}

name! {
    /// The name of a project.
    ProjectName, "project"
}
name! {
    /// The name of a topic, without its project.
    TopicName, "topic"
}
name! {
    /// The name of a subscription, without its project.
    SubscriptionName, "subscription"
}
name! {
    /// The name of a schema, without its project.
    SchemaName, "schema"
}
name! {
    /// The name of a user.
    UserName, "user"
}

impl TopicName {
    /// The name with its project, as request bodies have it: `projects/P/topics/T`.
    #[must_use]
    pub fn qualified(&self, project: &ProjectName) -> String {
        format!("projects/{project}/topics/{self}")
    }
}

impl SubscriptionName {
    /// The name with its project, as ack ids and delivered messages have it: `projects/P/subscriptions/S`.
    #[must_use]
    pub fn qualified(&self, project: &ProjectName) -> String {
        format!("projects/{project}/subscriptions/{self}")
    }
}

impl SchemaName {
    /// The name with its project, as requests and answers have it: `projects/P/schemas/S`.
    #[must_use]
    pub fn qualified(&self, project: &ProjectName) -> String {
        format!("projects/{project}/schemas/{self}")
    }
}

/// Takes `/projects/P/COLLECTION/NAME` apart; answers have the leading slash, requests do not.
pub(super) fn split_qualified<'a>(text: &'a str, collection: &str) -> Option<(&'a str, &'a str)> {
    let rest = text.strip_prefix('/').unwrap_or(text).strip_prefix("projects/")?;
    let (project, rest) = rest.split_once('/')?;
    Some((project, rest.strip_prefix(collection)?.strip_prefix('/')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_letters_digits_underscore_and_dash() {
        for good in ["a", "A-Z_0-9", "-", "metrics"] {
            assert_eq!(good.parse::<TopicName>().unwrap().as_str(), good);
        }
        for bad in ["", "a.b", "a b", "a/b", "a:pull", "ключ", "..", "a\n", "a%20b", "a?key=x"] {
            let error = bad.parse::<SubscriptionName>().unwrap_err();
            assert_eq!((error.kind, error.value.as_str()), ("subscription", bad));
        }
    }

    #[test]
    fn names_read_from_data_are_checked_too() {
        assert!(serde_json::from_str::<ProjectName>("\"P\"").is_ok());
        assert!(serde_json::from_str::<ProjectName>("\"P/../Q\"").is_err());
    }

    #[test]
    fn a_qualified_name_splits_with_and_without_its_leading_slash() {
        assert_eq!(split_qualified("/projects/P/topics/t", "topics"), Some(("P", "t")));
        assert_eq!(split_qualified("projects/P/topics/t", "topics"), Some(("P", "t")));
        for bad in ["t", "/projects/P/subscriptions/t", "/projects/P", "/projects/P/topicst", ""] {
            assert_eq!(split_qualified(bad, "topics"), None, "{bad}");
        }
    }
}
