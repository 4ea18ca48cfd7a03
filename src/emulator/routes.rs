//! From a request to its handler: the paths of the service, its names, its tokens, and the order in which it looks
//! at them: route, names, token, project, and only then the route's own code.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{Method, Uri};
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Outcome, Refusal};
use super::faults::{self, Broker};
use super::project::Project;
use super::{Emulator, delivery, meta, projects, subscriptions, topics};
use crate::client::is_valid_name;

/// A request, taken apart.
#[derive(Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    /// How the broker is while this is served.
    pub(crate) broker: Broker,
    query: Vec<(String, String)>,
    /// The token of the header `x-api-key`.
    header_key: Option<String>,
    pub(crate) body: Bytes,
    /// Cancelled when the emulator stops: what waits must end.
    pub(crate) stopping: CancellationToken,
}

impl Call {
    pub(crate) fn new(
        method: Method,
        uri: &Uri,
        header_key: Option<String>,
        body: Bytes,
        stopping: CancellationToken,
    ) -> Self {
        let query = Query::try_from_uri(uri).map_or_else(|_| Vec::new(), |Query(pairs)| pairs);
        Self {
            method,
            path: percent_decoded(uri.path()),
            broker: Broker::Up,
            query,
            header_key,
            body,
            stopping,
        }
    }

    pub(crate) fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Without its query, and with escapes undone.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The first value of a query parameter; empty where it is not given.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    fn token(&self) -> &str {
        match self.header_key.as_deref() {
            None | Some("") => self.parameter("key"),
            Some(token) => token,
        }
    }
}

fn percent_decoded(path: &str) -> String {
    if !path.contains('%') {
        return path.to_owned();
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let escaped = digits
            .filter(|_| byte == b'%')
            .and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// A path of the service: `/v1/projects/PROJECT/topics/NAME:VERB` and its shorter forms.
#[derive(Debug, PartialEq, Eq)]
struct Path<'a> {
    shape: Shape,
    project: &'a str,
    /// The name of the topic or subscription.
    name: &'a str,
    verb: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Projects,
    Project,
    Topics,
    Topic,
    TopicSubscriptions,
    Subscriptions,
    Subscription,
}

impl<'a> Path<'a> {
    fn parse(path: &'a str) -> Option<Self> {
        let (path, verb) = match path.rsplit_once('/') {
            Some((_, last)) if last.contains(':') => path.rsplit_once(':')?,
            _ => (path, ""),
        };
        let segments: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
        if segments.contains(&"") {
            return None;
        }
        let (shape, project, name) = match *segments.as_slice() {
            ["projects"] => (Shape::Projects, "", ""),
            ["projects", project] => (Shape::Project, project, ""),
            ["projects", project, "topics"] => (Shape::Topics, project, ""),
            ["projects", project, "topics", topic] => (Shape::Topic, project, topic),
            ["projects", project, "topics", topic, "subscriptions"] => {
                (Shape::TopicSubscriptions, project, topic)
            }
            ["projects", project, "subscriptions"] => (Shape::Subscriptions, project, ""),
            ["projects", project, "subscriptions", name] => (Shape::Subscription, project, name),
            _ => return None,
        };
        Some(Self { shape, project, name, verb })
    }

    /// The service looks at the names before anything else, the project's first.
    fn check_names(&self) -> Result<(), Refusal> {
        let check = |what: &str, given: &str| {
            if is_valid_name(given) {
                Ok(())
            } else {
                Err(Refusal::invalid(format!("Invalid {what} name")).plain())
            }
        };
        if self.shape != Shape::Projects {
            check("project", self.project)?;
        }
        match self.shape {
            Shape::Topic | Shape::TopicSubscriptions => check("topic", self.name),
            Shape::Subscription => check("subscription", self.name),
            _ => Ok(()),
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    ListProjects,
    CreateProject,
    ShowProject,
    UpdateProject,
    DeleteProject,
    ListTopics,
    CreateTopic,
    ShowTopic,
    DeleteTopic,
    Publish,
    ListTopicSubscriptions,
    ListSubscriptions,
    CreateSubscription,
    ShowSubscription,
    DeleteSubscription,
    Pull,
    Acknowledge,
    Offsets,
    ModifyOffset,
    TimeToOffset,
    ModifyAckDeadline,
    ModifyPushConfig,
    VerifyPushEndpoint,
}

impl Action {
    /// The table of routes.
    fn of(method: &Method, shape: Shape, verb: &str) -> Option<Self> {
        Some(match (method.as_str(), shape, verb) {
            ("GET", Shape::Projects, "") => Self::ListProjects,
            ("POST", Shape::Project, "") => Self::CreateProject,
            ("GET", Shape::Project, "") => Self::ShowProject,
            ("PUT", Shape::Project, "") => Self::UpdateProject,
            ("DELETE", Shape::Project, "") => Self::DeleteProject,
            ("GET", Shape::Topics, "") => Self::ListTopics,
            ("PUT", Shape::Topic, "") => Self::CreateTopic,
            ("GET", Shape::Topic, "") => Self::ShowTopic,
            ("DELETE", Shape::Topic, "") => Self::DeleteTopic,
            ("POST", Shape::Topic, "publish") => Self::Publish,
            ("GET", Shape::TopicSubscriptions, "") => Self::ListTopicSubscriptions,
            ("GET", Shape::Subscriptions, "") => Self::ListSubscriptions,
            ("PUT", Shape::Subscription, "") => Self::CreateSubscription,
            ("GET", Shape::Subscription, "") => Self::ShowSubscription,
            ("DELETE", Shape::Subscription, "") => Self::DeleteSubscription,
            ("POST", Shape::Subscription, "pull") => Self::Pull,
            ("POST", Shape::Subscription, "acknowledge") => Self::Acknowledge,
            ("GET", Shape::Subscription, "offsets") => Self::Offsets,
            ("POST", Shape::Subscription, "modifyOffset") => Self::ModifyOffset,
            ("GET", Shape::Subscription, "timeToOffset") => Self::TimeToOffset,
            ("POST", Shape::Subscription, "modifyAckDeadline") => Self::ModifyAckDeadline,
            ("POST", Shape::Subscription, "modifyPushConfig") => Self::ModifyPushConfig,
            ("POST", Shape::Subscription, "verifyPushEndpoint") => Self::VerifyPushEndpoint,
            _ => return None,
        })
    }
}

/// The answer to a request, whatever it is.
pub(crate) async fn answer(emulator: Emulator, call: Call) -> Answer {
    let outcome = match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/v1/status") => meta::status(&call),
        ("GET", "/v1/version") => Ok(meta::version()),
        _ => {
            if call.path.starts_with(faults::PATH) {
                return fault_interface(&emulator, &call);
            }
            let Some(path) = Path::parse(&call.path) else {
                return Answer::unknown_route();
            };
            let Some(action) = Action::of(&call.method, path.shape, path.verb) else {
                return Answer::unknown_route();
            };
            perform(&emulator, action, &path, &call).await
        }
    };
    outcome.unwrap_or_else(Answer::from)
}

/// What is not of the service but of the emulator. Its token may use it.
fn fault_interface(emulator: &Emulator, call: &Call) -> Answer {
    if call.token().is_empty() || call.token() != emulator.token() {
        return Refusal::unauthorized().into();
    }
    match faults::perform(&emulator.shared.faults, call) {
        Some(outcome) => outcome.unwrap_or_else(Answer::from),
        None => Answer::unknown_route(),
    }
}

async fn perform(emulator: &Emulator, action: Action, path: &Path<'_>, call: &Call) -> Outcome {
    path.check_names()?;
    let found = authenticate(emulator, action, path, call)?;
    let Some(project) = found else {
        return match action {
            Action::CreateProject => projects::create(emulator, path.project, call),
            _ => Ok(projects::list(emulator)),
        };
    };
    match action {
        Action::ListProjects => Ok(projects::list(emulator)),
        Action::CreateProject => projects::create(emulator, path.project, call),
        Action::ShowProject => Ok(projects::show(&project)),
        Action::UpdateProject => projects::update(emulator, &project, call),
        Action::DeleteProject => Ok(projects::delete(emulator, path.project)),
        Action::ListTopics => topics::list(&project, call),
        Action::CreateTopic => topics::create(emulator, &project, path.name, call),
        Action::ShowTopic => topics::show(&project, path.name),
        Action::DeleteTopic => topics::delete(&project, path.name),
        Action::Publish => topics::publish(&project, path.name, call),
        Action::ListTopicSubscriptions => topics::subscriptions(&project, path.name),
        Action::ListSubscriptions => subscriptions::list(&project, call),
        Action::CreateSubscription => subscriptions::create(emulator, &project, path.name, call),
        Action::ShowSubscription => subscriptions::show(&project, path.name),
        Action::DeleteSubscription => subscriptions::delete(&project, path.name),
        Action::ModifyAckDeadline => subscriptions::modify_ack_deadline(&project, path.name, call),
        Action::ModifyPushConfig => subscriptions::modify_push_config(&project, path.name, call),
        Action::VerifyPushEndpoint => Err(Refusal::push_disabled()),
        Action::Pull => delivery::pull(&project, path.project, path.name, call).await,
        Action::Acknowledge => delivery::acknowledge(&project, path.project, path.name, call),
        Action::Offsets => delivery::offsets(&project, path.name, call),
        Action::ModifyOffset => delivery::modify_offset(&project, path.name, call),
        Action::TimeToOffset => delivery::time_to_offset(&project, path.name, call),
    }
}

/// Token and project, in the service's order: a missing project is found out before a wrong token.
fn authenticate(
    emulator: &Emulator,
    action: Action,
    path: &Path<'_>,
    call: &Call,
) -> Result<Option<Arc<Project>>, Refusal> {
    let token = call.token();
    if token.is_empty() {
        return Err(Refusal::unauthorized());
    }
    let project = emulator.project(path.project);
    if project.is_none() && !matches!(action, Action::ListProjects | Action::CreateProject) {
        return Err(Refusal::not_found("project").plain());
    }
    if token != emulator.token() {
        return Err(Refusal::unauthorized());
    }
    Ok(project)
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

    #[test]
    fn percent_signs_are_undone_where_they_are_escapes() {
        assert_eq!(percent_decoded("/a%20b%2fc"), "/a b/c");
        assert_eq!(percent_decoded("/%zz%4%"), "/%zz%4%");
        assert_eq!(percent_decoded("/%C3%A9%ff"), "/é\u{fffd}");
    }
}
