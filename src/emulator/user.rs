//! Users: who they are, what they may do, and who asks.

mod create;
mod directory;
mod role;
mod token;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::Refusal;
use super::{clock, registry};
pub(crate) use directory::Directory;
pub use role::Role;
pub(crate) use token::Token;

/// A user, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) uuid: String,
    pub(crate) name: String,
    pub(crate) token: Token,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) organization: String,
    pub(crate) description: String,
    /// `None` where they were never given: the service shows that as `null`.
    pub(crate) service_roles: Option<Vec<Role>>,
    pub(crate) projects: Vec<Membership>,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    /// The UUID of the user who made this one; `None` for the service token.
    pub(crate) created_by: Option<String>,
}

/// What a user is in a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Membership {
    /// The UUID of the project.
    pub(crate) project: String,
    pub(crate) roles: Vec<Role>,
}

impl User {
    /// A user with a UUID and a token of its own, and nothing else but a name.
    pub(crate) fn new(name: &str) -> Result<Self, getrandom::Error> {
        let created = clock::now();
        Ok(Self {
            uuid: registry::new_uuid(),
            name: name.to_owned(),
            token: Token::random()?,
            email: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            organization: String::new(),
            description: String::new(),
            service_roles: None,
            projects: Vec::new(),
            created,
            modified: created,
            created_by: None,
        })
    }

    /// What the user is in the project of that UUID, if a member.
    pub(crate) fn membership(&self, project: &str) -> Option<&Membership> {
        self.projects.iter().find(|membership| membership.project == project)
    }

    /// The roles that count in a project, or outside of any: those in it and those in the service.
    pub(crate) fn roles(&self, project: Option<&str>) -> impl Iterator<Item = Role> {
        let in_project = project.and_then(|project| self.membership(project));
        let in_project = in_project.map_or(&[][..], |membership| &membership.roles);
        in_project.iter().chain(self.service_roles.iter().flatten()).copied()
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// No token, or one that nobody has.
    Nobody,
    /// The token of the emulator, which may do everything and is no user.
    Service,
    /// A user.
    User(Arc<User>),
}

impl Identity {
    /// Refuses who has no role at all in the project or the service, with 401, and who has none of `wanted`, with 403.
    pub(crate) fn admit(&self, project: Option<&str>, wanted: &[Role]) -> Result<(), Refusal> {
        let user = match self {
            Self::Service => return Ok(()),
            Self::Nobody => return Err(Refusal::unauthorized()),
            Self::User(user) => user,
        };
        if user.roles(project).next().is_none() {
            return Err(Refusal::unauthorized());
        }
        let mut roles = user.roles(project);
        if roles.any(|role| role == Role::ServiceAdmin || wanted.contains(&role)) {
            Ok(())
        } else {
            Err(Refusal::forbidden().plain())
        }
    }
}
