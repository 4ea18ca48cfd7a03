//! The routes of users.

use std::sync::Arc;

use super::answer::{Answer, Outcome, Refusal};
use super::routes::Call;
use super::user::{Membership, Token, User, UserRequest, UserView, named_roles, page_of_users};
use super::{Emulator, clock};

fn missing() -> Refusal {
    Refusal::not_found("User")
}

/// The user of that name, or the service's refusal.
pub(crate) fn find(emulator: &Emulator, name: &str) -> Result<Arc<User>, Refusal> {
    emulator.users().by_name(name).cloned().ok_or_else(missing)
}

/// A token of its own for a user. Only a machine without random numbers has none.
pub(crate) fn new_token() -> Result<Token, Refusal> {
    Token::random().map_err(|error| Refusal::internal(error.to_string()))
}

pub(crate) fn list(emulator: &Emulator, call: &Call) -> Outcome {
    match call.parameter("project") {
        "" => page_of_users(emulator, None, call),
        name => {
            let project = emulator.project(name).ok_or_else(|| Refusal::not_found("ProjectUUID"))?;
            page_of_users(emulator, Some(&project), call)
        }
    }
}

pub(crate) fn show(emulator: &Emulator, name: &str) -> Outcome {
    let user = find(emulator, name)?;
    Ok(Answer::json(&UserView::found(emulator, &user)))
}

pub(crate) fn by_uuid(emulator: &Emulator, uuid: &str) -> Outcome {
    let user = emulator.users().by_uuid(uuid).cloned().ok_or_else(missing)?;
    Ok(Answer::json(&UserView::whole(emulator, &user)))
}

pub(crate) fn by_token(emulator: &Emulator, token: &str) -> Outcome {
    let user = emulator.users().by_token(token).cloned().ok_or_else(missing)?;
    Ok(Answer::json(&UserView::whole(emulator, &user)))
}

/// The user who asks. The service token is none.
pub(crate) fn profile(emulator: &Emulator, call: &Call) -> Outcome {
    let user = call.identity.user().ok_or_else(|| Refusal::unauthorized().formatted())?;
    Ok(Answer::json(&UserView::whole(emulator, user)))
}

pub(crate) fn create(emulator: &Emulator, name: &str, call: &Call) -> Outcome {
    let request = UserRequest::parse(&call.body)?;
    if find(emulator, name).is_ok() {
        return Err(Refusal::already_exists("User"));
    }
    let projects = request.memberships(emulator)?.unwrap_or_default();
    let service_roles = named_roles(request.service_roles.as_deref())?;
    let user = User {
        email: request.email,
        first_name: request.first_name,
        last_name: request.last_name,
        organization: request.organization,
        description: request.description,
        service_roles,
        projects,
        created_by: call.identity.uuid().map(ToOwned::to_owned),
        ..User::new(name, new_token()?)
    };
    insert(emulator, user)
}

/// Adds a new user and shows it.
pub(crate) fn insert(emulator: &Emulator, user: User) -> Outcome {
    let user = {
        let mut users = emulator.users_mut();
        if users.by_name(&user.name).is_some() {
            return Err(Refusal::already_exists("User"));
        }
        users.put(user)
    };
    Ok(Answer::json(&UserView::found(emulator, &user)))
}

/// What is not given stays. Projects that are given take the place of all there were.
pub(crate) fn update(emulator: &Emulator, name: &str, call: &Call) -> Outcome {
    let request = UserRequest::parse(&call.body)?;
    find(emulator, name)?;
    let projects = request.memberships(emulator)?;
    let service_roles = named_roles(request.service_roles.as_deref())?;
    let user = {
        let mut users = emulator.users_mut();
        let mut user = users.by_name(name).map(|user| User::clone(user)).ok_or_else(missing)?;
        if request.name != user.name && users.by_name(&request.name).is_some() {
            return Err(Refusal::invalid("invalid user name change, name already exists"));
        }
        replace(&mut user.name, request.name);
        replace(&mut user.email, request.email);
        replace(&mut user.first_name, request.first_name);
        replace(&mut user.last_name, request.last_name);
        replace(&mut user.organization, request.organization);
        replace(&mut user.description, request.description);
        user.projects = projects.unwrap_or(user.projects);
        user.service_roles = service_roles.or(user.service_roles);
        user.modified = clock::now();
        users.put(user)
    };
    Ok(Answer::json(&UserView::found(emulator, &user)))
}

fn replace(text: &mut String, given: String) {
    if !given.is_empty() {
        *text = given;
    }
}

/// The old token is worth nothing from now on. The service does not take this for a modification.
pub(crate) fn refresh_token(emulator: &Emulator, name: &str) -> Outcome {
    let token = new_token()?;
    let user = {
        let mut users = emulator.users_mut();
        let user = users.by_name(name).map(|user| User::clone(user)).ok_or_else(missing)?;
        users.put(User { token, ..user })
    };
    Ok(Answer::json(&UserView::found(emulator, &user)))
}

/// Its token is worth nothing from now on.
pub(crate) fn delete(emulator: &Emulator, name: &str) -> Outcome {
    let mut users = emulator.users_mut();
    let uuid = users.by_name(name).map(|user| user.uuid.clone()).ok_or_else(missing)?;
    users.remove(&uuid);
    Ok(Answer::empty())
}

/// Changes what an existing user is in its projects.
pub(crate) fn change_memberships(
    emulator: &Emulator,
    name: &str,
    change: impl FnOnce(&mut Vec<Membership>) -> Result<(), Refusal>,
) -> Result<Arc<User>, Refusal> {
    let mut users = emulator.users_mut();
    let mut user = users.by_name(name).map(|user| User::clone(user)).ok_or_else(missing)?;
    change(&mut user.projects)?;
    user.modified = clock::now();
    Ok(users.put(user))
}
