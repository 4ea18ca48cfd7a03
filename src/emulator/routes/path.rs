//! The paths of the service and the names in them.

use crate::client::is_valid_name;
use crate::emulator::answer::Refusal;

/// A path of the service: `/v1/projects/PROJECT/topics/NAME:VERB` and its shorter forms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path<'a> {
    pub(crate) shape: Shape,
    pub(crate) project: &'a str,
    /// The name of what stands at the end of the path: a topic, a subscription.
    pub(crate) name: &'a str,
    pub(crate) verb: &'a str,
}

/// What a path is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Status,
    Version,

    Projects,
    Project,

    Topics,
    Topic,
    TopicSubscriptions,

    Subscriptions,
    Subscription,

    Schemas,
    Schema,
}

impl<'a> Path<'a> {
    pub(crate) fn parse(path: &'a str) -> Option<Self> {
        let (path, verb) = match path.rsplit_once('/') {
            Some((_, last)) if last.contains(':') => path.rsplit_once(':')?,
            _ => (path, ""),
        };
        let segments: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
        if segments.contains(&"") {
            return None;
        }
        let (shape, project, name) = match *segments.as_slice() {
            ["status"] => (Shape::Status, "", ""),
            ["version"] => (Shape::Version, "", ""),

            ["projects"] => (Shape::Projects, "", ""),
            ["projects", project] => (Shape::Project, project, ""),

            ["projects", project, "topics"] => (Shape::Topics, project, ""),
            ["projects", project, "topics", topic] => (Shape::Topic, project, topic),
            ["projects", project, "topics", topic, "subscriptions"] => {
                (Shape::TopicSubscriptions, project, topic)
            }

            ["projects", project, "subscriptions"] => (Shape::Subscriptions, project, ""),
            ["projects", project, "subscriptions", name] => (Shape::Subscription, project, name),

            ["projects", project, "schemas"] => (Shape::Schemas, project, ""),
            ["projects", project, "schemas", name] => (Shape::Schema, project, name),
            _ => return None,
        };
        Some(Self { shape, project, name, verb })
    }

    /// The service looks at the names before anything else, the project's first.
    pub(crate) fn check_names(&self) -> Result<(), Refusal> {
        let of_name = match self.shape {
            Shape::Topic | Shape::TopicSubscriptions => "topic",
            Shape::Subscription => "subscription",
            Shape::Schema => "schema",
            _ => "",
        };
        for (what, given) in [("project", self.project), (of_name, self.name)] {
            if !what.is_empty() && !given.is_empty() && !is_valid_name(given) {
                return Err(Refusal::invalid(format!("Invalid {what} name")).plain());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart_into_names_and_a_verb() {
        let path = Path::parse("/v1/projects/P/subscriptions/s:pull").unwrap();
        assert_eq!(path, Path { shape: Shape::Subscription, project: "P", name: "s", verb: "pull" });
        assert_eq!(Path::parse("/v1/projects/P:metrics").unwrap().verb, "metrics");
        assert_eq!(Path::parse("/v1/projects/P/topics/a.b").unwrap().name, "a.b");
        for unknown in
            ["", "/", "/v1", "/v1/", "/v1/projects/", "/v2/projects", "/v1/projects/P/topics/t/x", "/v1//"]
        {
            assert_eq!(Path::parse(unknown), None, "{unknown}");
        }
    }
}
