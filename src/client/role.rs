//! What users may do, and where.

use super::{
    name::{ProjectName, SubscriptionName, TopicName},
    word::words,
};
use serde::{Deserialize, Deserializer, Serialize};

words! {
    /// A role, in a project or in the service as a whole.
    Role {
        /// In the service: may do everything, everywhere.
        ServiceAdmin = "service_admin",
        /// In the service: sees what a service admin sees, and changes nothing.
        AdminViewer = "admin_viewer",
        /// May do everything in the project.
        ProjectAdmin = "project_admin",
        /// May publish to the topics whose ACL lists the user.
        Publisher = "publisher",
        /// May pull from the subscriptions whose ACL lists the user.
        Consumer = "consumer",
        /// The service's own push server.
        PushWorker = "push_worker",
    }
}

/// Roles to be given to a user in a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectRoles {
    /// The project, which must exist.
    pub project: ProjectName,
    /// The roles; the service refuses those it does not know.
    pub roles: Vec<Role>,
}

/// What a user is in a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Membership {
    /// The project; none if it is gone by now.
    #[serde(deserialize_with = "none_if_empty")]
    pub project: Option<ProjectName>,
    /// The user's roles in it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub roles: Vec<Role>,
    /// The topics whose ACL lists the user.
    #[serde(default, deserialize_with = "null_as_default")]
    pub topics: Vec<TopicName>,
    /// The subscriptions whose ACL lists the user.
    #[serde(default, deserialize_with = "null_as_default")]
    pub subscriptions: Vec<SubscriptionName>,
}

fn none_if_empty<'de, D: Deserializer<'de>>(form: D) -> Result<Option<ProjectName>, D::Error> {
    let name = String::deserialize(form)?;
    if name.is_empty() { Ok(None) } else { name.try_into().map(Some).map_err(serde::de::Error::custom) }
}

/// The service writes `null` for lists that were never given.
pub(super) fn null_as_default<'de, D, T>(form: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(form)?.unwrap_or_default())
}
