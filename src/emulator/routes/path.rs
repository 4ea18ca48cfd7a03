//! The paths of the service and the names in them.

use crate::client::is_valid_name;
use crate::emulator::answer::Refusal;
use crate::emulator::data_dir::Scope;
use crate::emulator::project::Project;

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
    Metrics,
    VaMetrics,

    Users,
    Profile,
    UsageReport,
    User,
    UserByUuid,
    UserByToken,

    Projects,
    Project,

    Members,
    Member,

    Topics,
    Topic,
    TopicSubscriptions,

    Subscriptions,
    Subscription,

    Schemas,
    Schema,

    Registrations,
    Registration,
}

impl<'a> Path<'a> {
    /// What a change by this path is about.
    pub(crate) fn scope(&self, project: Option<&'a Project>) -> Scope<'a> {
        match (self.shape, project) {
            (Shape::Topic, Some(project)) => Scope::Topic(project, self.name),
            (Shape::Subscription, Some(project)) => Scope::Subscription(project, self.name),
            _ => Scope::Everything,
        }
    }

    /// The method matters only where two routes have one path.
    pub(crate) fn parse(method: &str, path: &'a str) -> Option<Self> {
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
            ["metrics"] => (Shape::Metrics, "", ""),
            ["metrics", "va_metrics"] => (Shape::VaMetrics, "", ""),

            ["users"] => (Shape::Users, "", ""),
            ["users", "profile"] if method == "GET" => (Shape::Profile, "", ""),
            ["users", "usageReport"] if method == "GET" => (Shape::UsageReport, "", ""),
            ["users", user] => (Shape::User, "", user),
            ["users:byUUID", uuid] => (Shape::UserByUuid, "", uuid),
            ["users:byToken", token] => (Shape::UserByToken, "", token),

            ["projects"] => (Shape::Projects, "", ""),
            ["projects", project] => (Shape::Project, project, ""),

            ["projects", project, "members"] => (Shape::Members, project, ""),
            ["projects", project, "members", user] => (Shape::Member, project, user),

            ["projects", project, "topics"] => (Shape::Topics, project, ""),
            ["projects", project, "topics", topic] => (Shape::Topic, project, topic),
            ["projects", project, "topics", topic, "subscriptions"] => {
                (Shape::TopicSubscriptions, project, topic)
            }

            ["projects", project, "subscriptions"] => (Shape::Subscriptions, project, ""),
            ["projects", project, "subscriptions", name] => (Shape::Subscription, project, name),

            ["projects", project, "schemas"] => (Shape::Schemas, project, ""),
            ["projects", project, "schemas", name] => (Shape::Schema, project, name),

            ["registrations"] => (Shape::Registrations, "", ""),
            ["registrations", uuid] => (Shape::Registration, "", uuid),
            _ => return None,
        };
        Some(Self { shape, project, name, verb })
    }

    /// The same path with its verb as a part of the last name: so the service reads a verb that no route has.
    pub(crate) fn without_verb(self, path: &'a str) -> Option<Self> {
        let last = path.rsplit_once('/').map(|(_, last)| last).filter(|_| !self.verb.is_empty())?;
        match (self.project, self.name) {
            ("", "") => None,
            (_, "") if self.shape != Shape::Project => None,
            (_, "") => Some(Self { project: last, verb: "", ..self }),
            _ => Some(Self { name: last, verb: "", ..self }),
        }
    }

    /// The service looks at the names before anything else, the project's first.
    pub(crate) fn check_names(&self) -> Result<(), Refusal> {
        let of_name = match self.shape {
            Shape::Topic | Shape::TopicSubscriptions => "topic",
            Shape::Subscription => "subscription",
            Shape::Schema => "schema",
            Shape::User | Shape::Member => "user",
            Shape::UserByUuid | Shape::Registration => "uuid",
            Shape::UserByToken => "token",
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
        let parse = |path| Path::parse("POST", path);
        let path = parse("/v1/projects/P/subscriptions/s:pull").unwrap();
        assert_eq!(path, Path { shape: Shape::Subscription, project: "P", name: "s", verb: "pull" });
        assert_eq!(parse("/v1/projects/P:metrics").unwrap().verb, "metrics");
        assert_eq!(parse("/v1/projects/P/topics/a.b").unwrap().name, "a.b");
        assert_eq!(parse("/v1/users:byUUID/u").unwrap().shape, Shape::UserByUuid);
        for unknown in
            ["", "/", "/v1", "/v1/", "/v1/projects/", "/v2/projects", "/v1/projects/P/topics/t/x", "/v1//"]
        {
            assert_eq!(parse(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_user_may_have_the_name_of_a_route() {
        assert_eq!(Path::parse("GET", "/v1/users/profile").unwrap().shape, Shape::Profile);
        assert_eq!(Path::parse("POST", "/v1/users/profile").unwrap().name, "profile");
    }

    #[test]
    fn a_verb_that_no_route_has_is_a_part_of_the_name() {
        let name = "/v1/projects/P/topics/t:nosuch";
        let path = Path::parse("GET", name).unwrap().without_verb(name).unwrap();
        assert_eq!((path.project, path.name, path.verb), ("P", "t:nosuch", ""));
        let project = "/v1/projects/P:nosuch";
        let path = Path::parse("GET", project).unwrap().without_verb(project).unwrap();
        assert_eq!((path.project, path.name), ("P:nosuch", ""));
        assert_eq!(Path::parse("GET", "/v1/status").unwrap().without_verb("/v1/status"), None);
        let list = "/v1/projects/P/topics:x";
        assert_eq!(Path::parse("GET", list).unwrap().without_verb(list), None);
    }
}
