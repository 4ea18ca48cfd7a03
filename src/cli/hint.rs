//! What may help when the service refuses: told by the request it refused, for its own texts do not say what is
//! missing.

use super::connection::Connection;
use crate::client::{self, ErrorKind};

/// What may help against `error`, if anything is known to.
pub(super) fn of(error: &client::Error, connection: &Connection) -> Option<String> {
    let request = Request::of(error);
    match error.kind() {
        ErrorKind::Untrusted => {
            Some("--ca-file or --ca-dir names the authorities to trust instead of the system's".to_owned())
        }
        ErrorKind::Unauthorized => Some(unauthorized(error, &request, connection)),
        ErrorKind::Forbidden if request.is_of("members") && request.method != "GET" => {
            let user = request.name;
            Some(format!("it needs {}, and that {user} is a member: `ams member list`", request.role()))
        }
        ErrorKind::Forbidden => Some(forbidden(&request)),
        // 404 of somebody else: there is no AMS behind the address, or not at that path.
        ErrorKind::NotFound if error.may_have_happened() => {
            Some("is --endpoint the address of an AMS? `ams version` asks it".to_owned())
        }
        ErrorKind::NotFound => not_found(error, &request),
        ErrorKind::Conflict => conflict(error, &request),
        ErrorKind::Transient => Some(transient(error)),
        ErrorKind::TooLarge if request.verb == "pull" => Some("ask for fewer: --max".to_owned()),
        ErrorKind::Invalid if request.verb == "modifyOffset" => {
            Some(format!("`ams subscription offsets {}` shows the bounds", request.name))
        }
        _ => None,
    }
}

/// A request, taken apart: `POST /v1/projects/P/topics/T:publish`.
struct Request<'a> {
    method: &'static str,
    project: Option<&'a str>,
    /// `topics`, `members`, …; `projects` for the project itself.
    collection: &'a str,
    name: &'a str,
    verb: &'a str,
}

impl<'a> Request<'a> {
    fn of(error: &'a client::Error) -> Self {
        let path = error.path().trim_start_matches("/v1/");
        let (path, verb) = path.split_once(':').unwrap_or((path, ""));
        let mut parts = path.split('/');
        let (collection, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let method = error.method();
        if collection != "projects" || name.is_empty() {
            return Self { method, project: None, collection, name, verb };
        }
        match parts.next() {
            None => Self { method, project: Some(name), collection, name, verb },
            Some(collection) => {
                Self { method, project: Some(name), collection, name: parts.next().unwrap_or_default(), verb }
            }
        }
    }

    fn is_of(&self, collection: &str) -> bool {
        self.collection == collection
    }

    /// Whom the service lets do this.
    fn role(&self) -> String {
        let reads = self.method == "GET";
        let role = match (self.collection, self.verb) {
            ("topics", "publish") | ("schemas", "validate") => "publisher",
            ("topics", "" | "metrics") if reads => "publisher",
            (
                "subscriptions",
                "pull" | "acknowledge" | "offsets" | "timeToOffset" | "modifyOffset" | "modifyAckDeadline",
            ) => "consumer",
            ("subscriptions", "" | "metrics") if reads => "consumer",
            ("schemas", "") if reads => "publisher or consumer",
            ("topics" | "subscriptions" | "members" | "schemas", _) => "project_admin",
            ("projects", "" | "metrics") if reads && self.project.is_some() => "project_admin",
            _ if reads => "service_admin or admin_viewer",
            _ => "service_admin",
        };
        match self.project {
            Some(project) if !role.starts_with("service") => format!("the role {role} in project {project}"),
            _ => format!("the role {role}"),
        }
    }

    /// The access list that must name the user, and the command that adds to it.
    fn access_list(&self) -> Option<String> {
        let kind = match (self.collection, self.verb) {
            ("topics", "publish" | "metrics") => "topic",
            ("subscriptions", "pull" | "metrics") => "subscription",
            _ => return None,
        };
        let name = self.name;
        Some(format!(
            "a place in the access list of the {kind}: an admin can do `ams {kind} acl add {name} USER`"
        ))
    }
}

fn forbidden(request: &Request<'_>) -> String {
    match request.access_list() {
        Some(list) => format!("it needs {}, and {list}", request.role()),
        None => format!("it needs {}", request.role()),
    }
}

fn unauthorized(error: &client::Error, request: &Request<'_>, connection: &Connection) -> String {
    let by = connection.credential_given_by().unwrap_or("the options");
    // Without an answer it was the credential itself, and the message says what is wrong with it.
    if error.status().is_none() {
        return format!("the credential was given by {by}");
    }
    if request.is_of("users") && matches!(request.name, "profile" | "usageReport") {
        return format!(
            "the service does not know the token given by {by} as a user's; its own admin token is none"
        );
    }
    match request.project {
        Some(project) => format!(
            "the service does not know the token given by {by}, or its user has no role in project {project}"
        ),
        None => format!("the service does not know the token given by {by}"),
    }
}

fn not_found(error: &client::Error, request: &Request<'_>) -> Option<String> {
    let said = error.message().to_ascii_lowercase();
    let list = |kind: &str| Some(format!("`ams {kind} list` shows what is there"));
    if said.starts_with("project") {
        return list("project");
    }
    if said.starts_with("user") && !request.is_of("registrations") {
        return list(if request.project.is_some() { "member" } else { "user" });
    }
    match request.collection {
        "topics" if said.starts_with("schema") => list("schema"),
        "topics" => list("topic"),
        "subscriptions" if said.starts_with("topic") => list("topic"),
        "subscriptions" => list("subscription"),
        "schemas" => list("schema"),
        "registrations" => list("registration"),
        _ => None,
    }
}

fn conflict(error: &client::Error, request: &Request<'_>) -> Option<String> {
    let said = error.message().to_ascii_lowercase();
    let name = request.name;
    if said.contains("push") {
        return Some(
            "the operator of the service has switched push off, or the subscription has none".to_owned(),
        );
    }
    match request.verb {
        "pull" | "acknowledge" => Some(format!(
            "the subscription's topic is gone; `ams subscription show {name}` says which it was"
        )),
        "timeToOffset" => Some("nothing was published since; --end is behind the newest message".to_owned()),
        _ => None,
    }
}

fn transient(error: &client::Error) -> String {
    let mut hint = match (error.class(), error.status()) {
        ("connect", _) => "is --endpoint right, and does the service run?".to_owned(),
        ("timeout", _) => "the service or its broker is slow or down; try again later".to_owned(),
        (_, Some(429)) => "the service is asked too often; try again later".to_owned(),
        _ => "the service or its broker has trouble; try again later".to_owned(),
    };
    if error.may_have_happened() && error.method() != "GET" {
        hint += ". It may have been done all the same: look before trying again";
    }
    hint
}

#[cfg(test)]
mod tests;
