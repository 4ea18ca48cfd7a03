//! Users: who they are and what they may do, who asks, and how the service shows and reads them.

mod create;
mod directory;
mod identity;
mod request;
mod role;
mod token;
mod view;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{clock, registry};
pub(crate) use directory::Directory;
pub(crate) use identity::Identity;
pub(crate) use request::{MembershipRequest, UserRequest, named_roles};
pub use role::Role;
pub(crate) use token::Token;
pub(crate) use view::{UserView, page_of_users};

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
    /// `None` where they were never given: the service shows that as `null` in places.
    pub(crate) roles: Option<Vec<Role>>,
}

impl User {
    /// A user with a UUID of its own, a name and a token.
    pub(crate) fn new(name: &str, token: Token) -> Self {
        let created = clock::now();
        Self {
            uuid: registry::new_uuid(),
            name: name.to_owned(),
            token,
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
        }
    }

    /// What the user is in the project of that UUID, if a member.
    pub(crate) fn membership(&self, project: &str) -> Option<&Membership> {
        self.projects.iter().find(|membership| membership.project == project)
    }

    /// The roles that count in a project, or outside of any: those in it and those in the service.
    pub(crate) fn roles(&self, project: Option<&str>) -> impl Iterator<Item = Role> {
        let in_project = project.and_then(|project| self.membership(project)?.roles.as_ref());
        in_project.into_iter().flatten().chain(self.service_roles.iter().flatten()).copied()
    }
}
