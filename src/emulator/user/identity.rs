//! Who asks, and what follows from it.

use std::sync::Arc;

use super::{Role, User};
use crate::emulator::acl::Acl;
use crate::emulator::answer::Refusal;

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
    /// The user who asks, if it is one.
    pub(crate) fn user(&self) -> Option<&Arc<User>> {
        match self {
            Self::User(user) => Some(user),
            Self::Nobody | Self::Service => None,
        }
    }

    /// What `created_by` keeps of whoever asks.
    pub(crate) fn uuid(&self) -> Option<&str> {
        self.user().map(|user| user.uuid.as_str())
    }

    /// Whether it has a role, in a project or in the service. The service token is a service admin.
    pub(crate) fn has(&self, project: Option<&str>, role: Role) -> bool {
        match self {
            Self::Nobody => false,
            Self::Service => role == Role::ServiceAdmin,
            Self::User(user) => user.roles(project).any(|has| has == role),
        }
    }

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

    /// Refuses who has the role `bound` and is not in the access list. The service looks at nothing else: a project
    /// admin needs no list, but a project admin who is a publisher too does.
    pub(crate) fn check_acl(&self, project: &str, bound: Role, acl: Option<&Acl>) -> Result<(), Refusal> {
        let listed = || self.uuid().zip(acl).is_some_and(|(uuid, acl)| acl.contains(uuid));
        if self.has(Some(project), bound) && !listed() { Err(Refusal::forbidden()) } else { Ok(()) }
    }

    /// The UUID of a user who is shown only what lists that user: one who is `bound`, and no admin.
    pub(crate) fn sees_only_own(&self, project: &str, bound: Role) -> Option<&str> {
        let has = |role| self.has(Some(project), role);
        self.uuid().filter(|_| has(bound) && !has(Role::ProjectAdmin) && !has(Role::ServiceAdmin))
    }
}

#[cfg(test)]
mod tests;
