//! The roles a user can have, in a project or in the service.

use serde::{Deserialize, Serialize};

/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// May do everything, everywhere.
    ServiceAdmin,
    /// Sees what a service admin sees, and changes nothing.
    AdminViewer,
    /// May do everything in the project.
    ProjectAdmin,
    /// May publish to the topics that list the user.
    Publisher,
    /// May pull from and acknowledge on the subscriptions that list the user.
    Consumer,
    /// The service's own push server.
    PushWorker,
}

impl Role {
    /// All roles.
    pub(crate) const ALL: [Self; 6] = [
        Self::ServiceAdmin,
        Self::AdminViewer,
        Self::ProjectAdmin,
        Self::Publisher,
        Self::Consumer,
        Self::PushWorker,
    ];

    /// As the service writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ServiceAdmin => "service_admin",
            Self::AdminViewer => "admin_viewer",
            Self::ProjectAdmin => "project_admin",
            Self::Publisher => "publisher",
            Self::Consumer => "consumer",
            Self::PushWorker => "push_worker",
        }
    }

    /// The role of that name, if there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_written_and_kept_by_its_name() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        assert_eq!(Role::named("nosuchrole"), None);
    }
}
