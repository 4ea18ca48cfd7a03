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
