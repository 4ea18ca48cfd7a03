//! The table of routes: what each asks for, and who may.

use super::path::Shape;
use crate::emulator::user::Role::{self, AdminViewer, Consumer, ProjectAdmin, Publisher};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Status,
    Version,

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
    AttachSchema,
    DetachSchema,

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

    ListSchemas,
    CreateSchema,
    ShowSchema,
    UpdateSchema,
    DeleteSchema,
    ValidateMessage,
}

/// Who may use a route. Access lists of topics and subscriptions are the handlers' business.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    /// Anybody, without a token too; or the handler looks for itself.
    Open,
    /// The service token, service admins, and users with one of these roles in the project or the service.
    Roles(&'static [Role]),
}

/// A route of the service.
#[derive(Debug)]
pub(crate) struct Route {
    method: &'static str,
    shape: Shape,
    verb: &'static str,
    pub(crate) action: Action,
    pub(crate) access: Access,
}

const fn route(
    method: &'static str,
    shape: Shape,
    verb: &'static str,
    action: Action,
    access: Access,
) -> Route {
    Route { method, shape, verb, action, access }
}

const SERVICE: Access = Access::Roles(&[]);
const VIEWERS: Access = Access::Roles(&[AdminViewer]);
const ADMINS: Access = Access::Roles(&[ProjectAdmin]);
const PUBLISHERS: Access = Access::Roles(&[ProjectAdmin, Publisher]);
const CONSUMERS: Access = Access::Roles(&[ProjectAdmin, Consumer]);
const MEMBERS: Access = Access::Roles(&[ProjectAdmin, Publisher, Consumer]);

/// Every route.
const ROUTES: &[Route] = &[
    route("GET", Shape::Status, "", Action::Status, Access::Open),
    route("GET", Shape::Version, "", Action::Version, Access::Open),
    //
    route("GET", Shape::Projects, "", Action::ListProjects, VIEWERS),
    route("POST", Shape::Project, "", Action::CreateProject, SERVICE),
    route("GET", Shape::Project, "", Action::ShowProject, ADMINS),
    route("PUT", Shape::Project, "", Action::UpdateProject, SERVICE),
    route("DELETE", Shape::Project, "", Action::DeleteProject, SERVICE),
    //
    route("GET", Shape::Topics, "", Action::ListTopics, MEMBERS),
    route("PUT", Shape::Topic, "", Action::CreateTopic, ADMINS),
    route("GET", Shape::Topic, "", Action::ShowTopic, MEMBERS),
    route("DELETE", Shape::Topic, "", Action::DeleteTopic, ADMINS),
    route("POST", Shape::Topic, "publish", Action::Publish, PUBLISHERS),
    route("GET", Shape::TopicSubscriptions, "", Action::ListTopicSubscriptions, MEMBERS),
    route("POST", Shape::Topic, "attachSchema", Action::AttachSchema, ADMINS),
    route("POST", Shape::Topic, "detachSchema", Action::DetachSchema, ADMINS),
    //
    route("GET", Shape::Subscriptions, "", Action::ListSubscriptions, MEMBERS),
    route("PUT", Shape::Subscription, "", Action::CreateSubscription, ADMINS),
    route("GET", Shape::Subscription, "", Action::ShowSubscription, MEMBERS),
    route("DELETE", Shape::Subscription, "", Action::DeleteSubscription, ADMINS),
    route("POST", Shape::Subscription, "pull", Action::Pull, CONSUMERS),
    route("POST", Shape::Subscription, "acknowledge", Action::Acknowledge, CONSUMERS),
    route("GET", Shape::Subscription, "offsets", Action::Offsets, CONSUMERS),
    route("POST", Shape::Subscription, "modifyOffset", Action::ModifyOffset, CONSUMERS),
    route("GET", Shape::Subscription, "timeToOffset", Action::TimeToOffset, CONSUMERS),
    route("POST", Shape::Subscription, "modifyAckDeadline", Action::ModifyAckDeadline, CONSUMERS),
    route("POST", Shape::Subscription, "modifyPushConfig", Action::ModifyPushConfig, ADMINS),
    route("POST", Shape::Subscription, "verifyPushEndpoint", Action::VerifyPushEndpoint, ADMINS),
    //
    route("GET", Shape::Schemas, "", Action::ListSchemas, MEMBERS),
    route("POST", Shape::Schema, "", Action::CreateSchema, ADMINS),
    route("GET", Shape::Schema, "", Action::ShowSchema, MEMBERS),
    route("PUT", Shape::Schema, "", Action::UpdateSchema, ADMINS),
    route("DELETE", Shape::Schema, "", Action::DeleteSchema, ADMINS),
    route("POST", Shape::Schema, "validate", Action::ValidateMessage, MEMBERS),
];

/// The route that a request takes, if there is one.
pub(crate) fn find(method: &str, shape: Shape, verb: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.shape == shape && route.method == method && route.verb == verb)
}
