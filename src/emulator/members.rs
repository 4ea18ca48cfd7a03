//! The routes of a project's members: users as a project admin may see and change them.

use super::Emulator;
use super::answer::{Answer, Outcome, Refusal};
use super::project::Project;
use super::routes::Call;
use super::user::{Membership, MembershipRequest, User, UserRequest, UserView, named_roles, page_of_users};
use super::users;

fn no_member() -> Refusal {
    Refusal::forbidden_since("User is not a member of the project")
}

pub(crate) fn list(emulator: &Emulator, project: &Project, call: &Call) -> Outcome {
    page_of_users(emulator, Some(project), call)
}

pub(crate) fn show(emulator: &Emulator, project: &Project, name: &str, call: &Call) -> Outcome {
    let user = users::find(emulator, name)?;
    user.membership(&project.uuid).ok_or_else(|| Refusal::not_found("User"))?;
    Ok(Answer::json(&UserView::member(emulator, &user, project, &call.identity)))
}

/// Makes a user who is nothing but a member of this project. Of what else the body says only the e-mail address counts.
pub(crate) fn create(emulator: &Emulator, project: &Project, name: &str, call: &Call) -> Outcome {
    let request = UserRequest::parse(&call.body)?;
    if users::find(emulator, name).is_ok() {
        return Err(Refusal::already_exists("User"));
    }
    let wanted = request.within(&project.read().name).and_then(|wanted| wanted.roles.as_deref());
    let membership = Membership { project: project.uuid.clone(), roles: named_roles(wanted)? };
    let user = User {
        email: request.email,
        service_roles: Some(Vec::new()),
        projects: vec![membership],
        created_by: call.identity.uuid().map(ToOwned::to_owned),
        ..User::new(name, users::new_token()?)
    };
    users::insert(emulator, user)
}

/// Changes the roles within this project, and nothing else.
pub(crate) fn update(emulator: &Emulator, project: &Project, name: &str, call: &Call) -> Outcome {
    let request = UserRequest::parse(&call.body)?;
    let user = users::find(emulator, name)?;
    let project_name = project.read().name.clone();
    let wanted = request.within(&project_name).filter(|_| user.membership(&project.uuid).is_some());
    let roles = named_roles(wanted.ok_or_else(no_member)?.roles.as_deref())?;
    let user = users::change_memberships(emulator, name, |memberships| {
        let mut memberships = memberships.iter_mut();
        let own = memberships.find(|membership| membership.project == project.uuid);
        own.ok_or_else(no_member)?.roles = roles;
        Ok(())
    })?;
    Ok(Answer::json(&UserView::member(emulator, &user, project, &call.identity)))
}

pub(crate) fn add(emulator: &Emulator, project: &Project, name: &str, call: &Call) -> Outcome {
    let user = users::find(emulator, name)?;
    let wanted = MembershipRequest::parse(&call.body).map_err(|_| Refusal::invalid_body())?;
    let already = || Refusal::conflict("User is already a member of the project");
    if user.membership(&project.uuid).is_some() {
        return Err(already());
    }
    let membership =
        Membership { project: project.uuid.clone(), roles: named_roles(wanted.roles.as_deref())? };
    let user = users::change_memberships(emulator, name, |memberships| {
        if memberships.iter().any(|membership| membership.project == project.uuid) {
            return Err(already());
        }
        memberships.push(membership);
        Ok(())
    })?;
    Ok(Answer::json(&UserView::member(emulator, &user, project, &call.identity)))
}

pub(crate) fn remove(emulator: &Emulator, project: &Project, name: &str) -> Outcome {
    users::change_memberships(emulator, name, |memberships| {
        let before = memberships.len();
        memberships.retain(|membership| membership.project != project.uuid);
        if memberships.len() < before { Ok(()) } else { Err(no_member()) }
    })?;
    Ok(Answer::text(b"{}".to_vec()))
}
