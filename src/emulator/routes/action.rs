//! The table of routes: what each asks for, and who may.

use super::path::Shape;
use crate::emulator::user::Role::{self, AdminViewer, Consumer, ProjectAdmin, Publisher, PushWorker};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Status,
    Version,
    NodeMetrics,
    VaMetrics,

    ListUsers,
    ShowProfile,
    ShowUsageReport,
    ShowUser,
    ShowUserByUuid,
    ShowUserByToken,
    CreateUser,
    UpdateUser,
    DeleteUser,
    RefreshToken,

    ListProjects,
    CreateProject,
    ShowProject,
    UpdateProject,
    DeleteProject,
    ProjectMetrics,

    ListMembers,
    ShowMember,
    CreateMember,
    UpdateMember,
    AddMember,
    RemoveMember,

    ListTopics,
    CreateTopic,
    ShowTopic,
    DeleteTopic,
    Publish,
    ShowTopicAcl,
    ModifyTopicAcl,
    TopicMetrics,
    ListTopicSubscriptions,
    AttachSchema,
    DetachSchema,

    ListSubscriptions,
    CreateSubscription,
    ShowSubscription,
    DeleteSubscription,
    ShowSubscriptionAcl,
    ModifySubscriptionAcl,
    SubscriptionMetrics,
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

    ListRegistrations,
    Register,
    ShowRegistration,
    DeleteRegistration,
    AcceptRegistration,
    DeclineRegistration,
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

impl Route {
    /// Whether there may be something else to keep afterwards. Where messages are concerned, that is done before.
    pub(crate) fn changes_things(&self) -> bool {
        let is_of_messages = matches!(
            self.action,
            Action::Publish
                | Action::Pull
                | Action::Acknowledge
                | Action::ModifyOffset
                | Action::ValidateMessage
        );
        self.method != "GET" && !is_of_messages
    }
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
const SERVICE_AND_VIEWERS: Access = Access::Roles(&[AdminViewer]);
const ADMINS: Access = Access::Roles(&[ProjectAdmin]);
const ADMINS_AND_VIEWERS: Access = Access::Roles(&[ProjectAdmin, AdminViewer]);
const PUBLISHERS: Access = Access::Roles(&[ProjectAdmin, Publisher]);
const PUBLISHERS_AND_VIEWERS: Access = Access::Roles(&[ProjectAdmin, Publisher, AdminViewer]);
const CONSUMERS: Access = Access::Roles(&[ProjectAdmin, Consumer]);
const CONSUMERS_AND_VIEWERS: Access = Access::Roles(&[ProjectAdmin, Consumer, AdminViewer]);
/// With the service's own push server, which takes messages to hand them on.
const RECEIVERS: Access = Access::Roles(&[ProjectAdmin, Consumer, PushWorker]);
const RECEIVERS_AND_VIEWERS: Access = Access::Roles(&[ProjectAdmin, Consumer, PushWorker, AdminViewer]);
const MEMBERS_AND_VIEWERS: Access = Access::Roles(&[ProjectAdmin, Publisher, Consumer, AdminViewer]);

/// Every route.
const ROUTES: &[Route] = &[
    route("GET", Shape::Status, "", Action::Status, Access::Open),
    route("GET", Shape::Version, "", Action::Version, Access::Open),
    route("GET", Shape::Metrics, "", Action::NodeMetrics, SERVICE_AND_VIEWERS),
    route("GET", Shape::VaMetrics, "", Action::VaMetrics, SERVICE_AND_VIEWERS),
    //
    route("GET", Shape::Users, "", Action::ListUsers, SERVICE_AND_VIEWERS),
    route("GET", Shape::Profile, "", Action::ShowProfile, Access::Open),
    route("GET", Shape::UsageReport, "", Action::ShowUsageReport, Access::Open),
    route("GET", Shape::User, "", Action::ShowUser, SERVICE),
    route("GET", Shape::UserByUuid, "", Action::ShowUserByUuid, SERVICE),
    route("GET", Shape::UserByToken, "", Action::ShowUserByToken, SERVICE),
    route("POST", Shape::User, "", Action::CreateUser, SERVICE),
    route("PUT", Shape::User, "", Action::UpdateUser, SERVICE),
    route("DELETE", Shape::User, "", Action::DeleteUser, SERVICE),
    route("POST", Shape::User, "refreshToken", Action::RefreshToken, SERVICE),
    //
    route("GET", Shape::Projects, "", Action::ListProjects, SERVICE_AND_VIEWERS),
    route("POST", Shape::Project, "", Action::CreateProject, SERVICE),
    route("GET", Shape::Project, "", Action::ShowProject, ADMINS_AND_VIEWERS),
    route("PUT", Shape::Project, "", Action::UpdateProject, SERVICE),
    route("DELETE", Shape::Project, "", Action::DeleteProject, SERVICE),
    route("GET", Shape::Project, "metrics", Action::ProjectMetrics, ADMINS_AND_VIEWERS),
    //
    route("GET", Shape::Members, "", Action::ListMembers, ADMINS_AND_VIEWERS),
    route("GET", Shape::Member, "", Action::ShowMember, ADMINS_AND_VIEWERS),
    route("POST", Shape::Member, "", Action::CreateMember, ADMINS),
    route("PUT", Shape::Member, "", Action::UpdateMember, ADMINS),
    route("POST", Shape::Member, "add", Action::AddMember, ADMINS),
    route("POST", Shape::Member, "remove", Action::RemoveMember, ADMINS),
    //
    route("GET", Shape::Topics, "", Action::ListTopics, PUBLISHERS_AND_VIEWERS),
    route("PUT", Shape::Topic, "", Action::CreateTopic, ADMINS),
    route("GET", Shape::Topic, "", Action::ShowTopic, PUBLISHERS_AND_VIEWERS),
    route("DELETE", Shape::Topic, "", Action::DeleteTopic, ADMINS),
    route("POST", Shape::Topic, "publish", Action::Publish, PUBLISHERS),
    route("GET", Shape::Topic, "acl", Action::ShowTopicAcl, ADMINS_AND_VIEWERS),
    route("POST", Shape::Topic, "modifyAcl", Action::ModifyTopicAcl, ADMINS),
    route("GET", Shape::Topic, "metrics", Action::TopicMetrics, PUBLISHERS_AND_VIEWERS),
    route("GET", Shape::TopicSubscriptions, "", Action::ListTopicSubscriptions, MEMBERS_AND_VIEWERS),
    route("POST", Shape::Topic, "attachSchema", Action::AttachSchema, ADMINS),
    route("POST", Shape::Topic, "detachSchema", Action::DetachSchema, ADMINS),
    //
    route("GET", Shape::Subscriptions, "", Action::ListSubscriptions, CONSUMERS_AND_VIEWERS),
    route("PUT", Shape::Subscription, "", Action::CreateSubscription, ADMINS),
    route("GET", Shape::Subscription, "", Action::ShowSubscription, RECEIVERS_AND_VIEWERS),
    route("DELETE", Shape::Subscription, "", Action::DeleteSubscription, ADMINS),
    route("GET", Shape::Subscription, "acl", Action::ShowSubscriptionAcl, ADMINS_AND_VIEWERS),
    route("POST", Shape::Subscription, "modifyAcl", Action::ModifySubscriptionAcl, ADMINS),
    route("GET", Shape::Subscription, "metrics", Action::SubscriptionMetrics, CONSUMERS_AND_VIEWERS),
    route("POST", Shape::Subscription, "pull", Action::Pull, RECEIVERS),
    route("POST", Shape::Subscription, "acknowledge", Action::Acknowledge, RECEIVERS),
    route("GET", Shape::Subscription, "offsets", Action::Offsets, CONSUMERS_AND_VIEWERS),
    route("POST", Shape::Subscription, "modifyOffset", Action::ModifyOffset, CONSUMERS),
    route("GET", Shape::Subscription, "timeToOffset", Action::TimeToOffset, CONSUMERS_AND_VIEWERS),
    route("POST", Shape::Subscription, "modifyAckDeadline", Action::ModifyAckDeadline, CONSUMERS),
    route("POST", Shape::Subscription, "modifyPushConfig", Action::ModifyPushConfig, ADMINS),
    route("POST", Shape::Subscription, "verifyPushEndpoint", Action::VerifyPushEndpoint, ADMINS),
    //
    route("GET", Shape::Schemas, "", Action::ListSchemas, MEMBERS_AND_VIEWERS),
    route("POST", Shape::Schema, "", Action::CreateSchema, ADMINS),
    route("GET", Shape::Schema, "", Action::ShowSchema, MEMBERS_AND_VIEWERS),
    route("PUT", Shape::Schema, "", Action::UpdateSchema, ADMINS),
    route("DELETE", Shape::Schema, "", Action::DeleteSchema, ADMINS),
    route("POST", Shape::Schema, "validate", Action::ValidateMessage, PUBLISHERS),
    //
    route("GET", Shape::Registrations, "", Action::ListRegistrations, SERVICE_AND_VIEWERS),
    route("POST", Shape::Registrations, "", Action::Register, SERVICE),
    route("GET", Shape::Registration, "", Action::ShowRegistration, SERVICE_AND_VIEWERS),
    route("DELETE", Shape::Registration, "", Action::DeleteRegistration, SERVICE),
    route("POST", Shape::Registration, "accept", Action::AcceptRegistration, SERVICE),
    route("POST", Shape::Registration, "decline", Action::DeclineRegistration, SERVICE),
];

/// The route that a request takes, if there is one.
pub(crate) fn find(method: &str, shape: Shape, verb: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.shape == shape && route.method == method && route.verb == verb)
}
