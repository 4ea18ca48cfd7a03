//! Users as the service shows them. It has three ways, which differ in who sees what and in what an absent list
//! becomes.

use std::sync::Arc;

use serde::Serialize;

use super::{Identity, Role, User};
use crate::emulator::answer::{Answer, Outcome};
use crate::emulator::project::Project;
use crate::emulator::registry::PageRequest;
use crate::emulator::routes::Call;
use crate::emulator::{Emulator, clock};

/// A user as an answer shows one.
#[derive(Serialize)]
pub(crate) struct UserView {
    uuid: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    projects: Vec<MembershipView>,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    first_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    last_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    organization: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    email: String,
    service_roles: Option<Vec<Role>>,
    created_on: String,
    modified_on: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
}

#[derive(Serialize)]
struct MembershipView {
    /// Empty where the project is gone.
    project: String,
    roles: Option<Vec<Role>>,
    topics: Vec<String>,
    subscriptions: Vec<String>,
}

impl MembershipView {
    fn all(emulator: &Emulator, user: &User) -> Vec<Self> {
        let projects: Vec<Arc<Project>> = emulator.projects().iter().map(Arc::clone).collect();
        let view = |membership: &super::Membership| {
            let project = projects.iter().find(|project| project.uuid == membership.project);
            let (name, topics, subscriptions) =
                project.map(|project| usable(project, &user.uuid)).unwrap_or_default();
            Self { project: name, roles: membership.roles.clone(), topics, subscriptions }
        };
        user.projects.iter().map(view).collect()
    }
}

/// The name of a project, and the topics and subscriptions in it that list a user.
fn usable(project: &Project, uuid: &str) -> (String, Vec<String>, Vec<String>) {
    let contents = project.read();
    let topics = contents.topics.iter().filter(|topic| topic.acl.contains(uuid));
    let subscriptions = contents.subscriptions.iter().filter(|listed| listed.acl.contains(uuid));
    (
        contents.name.clone(),
        topics.map(|topic| topic.name.clone()).collect(),
        subscriptions.map(|subscription| subscription.name.clone()).collect(),
    )
}

impl UserView {
    /// All there is, and `null` for roles that were never given: what is found by a token or a UUID.
    pub(crate) fn whole(emulator: &Emulator, user: &User) -> Self {
        let creator = user.created_by.as_ref().and_then(|uuid| emulator.users().by_uuid(uuid).cloned());
        Self {
            uuid: user.uuid.clone(),
            projects: MembershipView::all(emulator, user),
            name: user.name.clone(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            organization: user.organization.clone(),
            description: user.description.clone(),
            token: Some(user.token.expose().to_owned()),
            email: user.email.clone(),
            service_roles: user.service_roles.clone(),
            created_on: clock::seconds(user.created),
            modified_on: clock::seconds(user.modified),
            created_by: creator.map(|creator| creator.name.clone()),
        }
    }

    /// All there is, but an empty list for roles that were never given in a project: what is found by name.
    pub(crate) fn found(emulator: &Emulator, user: &User) -> Self {
        let mut view = Self::whole(emulator, user);
        for project in &mut view.projects {
            project.roles.get_or_insert_default();
        }
        view
    }

    /// A member of a project as `identity` may see one: for all but service admins without the token, what the member
    /// is elsewhere, and who made it.
    pub(crate) fn member(emulator: &Emulator, user: &User, project: &Project, identity: &Identity) -> Self {
        let view = Self::found(emulator, user);
        let privileged = identity.has(Some(&project.uuid), Role::ServiceAdmin);
        if privileged { view } else { view.reduced(user, Some(project)) }
    }

    fn reduced(mut self, user: &User, project: Option<&Project>) -> Self {
        let mut uuids = user.projects.iter().map(|membership| Some(&membership.project));
        self.projects.retain(|_| uuids.next() == Some(project.map(|project| &project.uuid)));
        Self { token: None, service_roles: Some(Vec::new()), created_by: None, ..self }
    }
}

/// A page of the users, of those of a project if one is given. Details are what they are in which project.
pub(crate) fn page_of_users(emulator: &Emulator, project: Option<&Project>, call: &Call) -> Outcome {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct List {
        users: Vec<UserView>,
        next_page_token: String,
        total_size: usize,
    }
    let request = PageRequest::new(call.parameter("pageSize"), call.parameter("pageToken"))?;
    let uuid = project.map(|project| project.uuid.as_str());
    let is_wanted = |user: &User| uuid.is_none_or(|project| user.membership(project).is_some());
    let page = emulator.users().page(&request, is_wanted);
    let details = call.parameter("details") == "true";
    let privileged = call.identity.has(uuid, Role::ServiceAdmin);
    let view = |user: &Arc<User>| {
        let mut view = UserView::whole(emulator, user);
        if !privileged {
            view = view.reduced(user, project);
        }
        if !details {
            view.projects.clear();
        }
        view
    };
    let users = page.things.iter().map(view).collect();
    Ok(Answer::json(&List { users, next_page_token: page.next_token, total_size: page.total }))
}
