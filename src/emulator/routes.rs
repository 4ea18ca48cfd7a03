//! From a request to its handler, in the order in which the service looks: route, names, token, project, roles, and
//! only then the route's own code.
//!
//! A new resource is: its forms in `path`, its rows in `action`, its handlers in [`perform`] below.

mod action;
mod call;
mod path;

use std::sync::Arc;

use super::answer::{Answer, Outcome, Refusal};
use super::project::Project;
use super::{
    Emulator, acl, control, delivery, members, meta, metrics, projects, registrations, schemas,
    subscriptions, topics, users,
};
use action::{Access, Action, Route};
pub(crate) use call::{Call, percent_decoded};
use path::Path;

/// The answer to a request, whatever it is.
pub(crate) async fn answer(emulator: Emulator, call: Call) -> Answer {
    if call.path().starts_with(control::PATH) {
        return control::answer(&emulator, &call);
    }
    let Some((route, path)) = find(&call) else {
        return Answer::unknown_route();
    };
    admit_and_perform(&emulator, route, &path, &call).await.unwrap_or_else(Answer::from)
}

fn find(call: &Call) -> Option<(&'static Route, Path<'_>)> {
    let path = Path::parse(call.method(), call.path())?;
    if let Some(route) = action::find(call.method(), path.shape, path.verb) {
        return Some((route, path));
    }
    let path = path.without_verb(call.path())?;
    action::find(call.method(), path.shape, path.verb).map(|route| (route, path))
}

async fn admit_and_perform(emulator: &Emulator, route: &Route, path: &Path<'_>, call: &Call) -> Outcome {
    path.check_names()?;
    let project = emulator.project(path.project);
    admit(route, path, project.as_deref(), call)?;
    let outcome = match &project {
        Some(project) => perform_in(emulator, route.action, path, project, call).await,
        None => perform(emulator, route.action, path, call),
    };
    if route.changes_things() {
        emulator.keep(path.scope(project.as_deref()))?;
    }
    outcome
}

/// Token, project and roles, in the service's order: a missing project is found out before a wrong token.
fn admit(route: &Route, path: &Path<'_>, project: Option<&Project>, call: &Call) -> Result<(), Refusal> {
    let Access::Roles(roles) = route.access else {
        return Ok(());
    };
    if call.token().is_empty() {
        return Err(Refusal::unauthorized());
    }
    if project.is_none() && !path.project.is_empty() && route.action != Action::CreateProject {
        return Err(Refusal::not_found("project").plain());
    }
    call.identity.admit(project.map(|project| project.uuid.as_str()), roles)
}

/// What is outside of any project.
fn perform(emulator: &Emulator, action: Action, path: &Path<'_>, call: &Call) -> Outcome {
    match action {
        Action::Status => meta::status(call),
        Action::Version => Ok(meta::version(call)),
        Action::NodeMetrics => Ok(metrics::node()),
        Action::VaMetrics => metrics::va_metrics(emulator, call),

        Action::ListUsers => users::list(emulator, call),
        Action::ShowProfile => users::profile(emulator, call),
        Action::ShowUsageReport => metrics::usage_report(emulator, call),
        Action::ShowUser => users::show(emulator, path.name),
        Action::ShowUserByUuid => users::by_uuid(emulator, path.name),
        Action::ShowUserByToken => users::by_token(emulator, path.name),
        Action::CreateUser => users::create(emulator, path.name, call),
        Action::UpdateUser => users::update(emulator, path.name, call),
        Action::DeleteUser => users::delete(emulator, path.name),
        Action::RefreshToken => users::refresh_token(emulator, path.name),

        Action::ListProjects => Ok(projects::list(emulator)),
        Action::CreateProject => projects::create(emulator, path.project, call),

        Action::ListRegistrations => Ok(registrations::list(emulator, call)),
        Action::Register => registrations::register(emulator, call),
        Action::ShowRegistration => registrations::show(emulator, path.name),
        Action::DeleteRegistration => registrations::delete(emulator, path.name),
        Action::AcceptRegistration => registrations::accept(emulator, path.name, call),
        Action::DeclineRegistration => registrations::decline(emulator, path.name, call),

        // The others are within a project, and `admit` has found it.
        _ => Err(Refusal::not_found("project").plain()),
    }
}

/// What is within a project.
async fn perform_in(
    emulator: &Emulator,
    action: Action,
    path: &Path<'_>,
    project: &Arc<Project>,
    call: &Call,
) -> Outcome {
    match action {
        Action::ShowProject => Ok(projects::show(emulator, project)),
        Action::UpdateProject => projects::update(emulator, project, call),
        Action::DeleteProject => Ok(projects::delete(emulator, path.project)),
        Action::ProjectMetrics => Ok(metrics::project(emulator, project)),

        Action::ListMembers => members::list(emulator, project, call),
        Action::ShowMember => members::show(emulator, project, path.name, call),
        Action::CreateMember => members::create(emulator, project, path.name, call),
        Action::UpdateMember => members::update(emulator, project, path.name, call),
        Action::AddMember => members::add(emulator, project, path.name, call),
        Action::RemoveMember => members::remove(emulator, project, path.name),

        Action::ListTopics => topics::list(project, call),
        Action::CreateTopic => topics::create(emulator, project, path.name, call),
        Action::ShowTopic => topics::show(project, path.name),
        Action::DeleteTopic => topics::delete(project, path.name),
        Action::Publish => topics::publish(emulator, project, path.name, call),
        Action::ShowTopicAcl => acl::show_topic(emulator, project, path.name),
        Action::ModifyTopicAcl => acl::modify_topic(emulator, project, path.name, call),
        Action::TopicMetrics => metrics::topic(project, path.name, call),
        Action::ListTopicSubscriptions => topics::subscriptions(project, path.name),
        Action::AttachSchema => topics::attach_schema(project, path.name, call),
        Action::DetachSchema => topics::detach_schema(project, path.name),

        Action::ListSubscriptions => subscriptions::list(project, call),
        Action::CreateSubscription => subscriptions::create(emulator, project, path.name, call),
        Action::ShowSubscription => subscriptions::show(project, path.name),
        Action::DeleteSubscription => subscriptions::delete(project, path.name),
        Action::ShowSubscriptionAcl => acl::show_subscription(emulator, project, path.name),
        Action::ModifySubscriptionAcl => acl::modify_subscription(emulator, project, path.name, call),
        Action::SubscriptionMetrics => metrics::subscription(project, path.name, call),
        Action::ModifyAckDeadline => subscriptions::modify_ack_deadline(project, path.name, call),
        Action::ModifyPushConfig => subscriptions::modify_push_config(project, path.name, call),
        Action::VerifyPushEndpoint => Err(Refusal::push_disabled()),

        Action::Pull => delivery::pull(project, path.project, path.name, call).await,
        Action::Acknowledge => delivery::acknowledge(emulator, project, path.project, path.name, call),
        Action::Offsets => delivery::offsets(project, path.name, call),
        Action::ModifyOffset => delivery::modify_offset(emulator, project, path.name, call),
        Action::TimeToOffset => delivery::time_to_offset(project, path.name, call),

        Action::ListSchemas => Ok(schemas::list(project)),
        Action::CreateSchema => schemas::create(project, path.name, call),
        Action::ShowSchema => schemas::show(project, path.name),
        Action::UpdateSchema => schemas::update(project, path.name, call),
        Action::DeleteSchema => schemas::delete(project, path.name),
        Action::ValidateMessage => schemas::validate(project, path.name, call),

        _ => perform(emulator, action, path, call),
    }
}

#[cfg(test)]
mod tests;
