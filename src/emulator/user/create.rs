//! Users for tests that have the emulator in their own process.

use super::{Membership, Role, Token, User};
use crate::emulator::data_dir::Scope;
use crate::emulator::{Emulator, EmulatorError, check_name};

impl Emulator {
    /// Creates a user with roles in the service, or gives an existing one exactly these, and returns the token.
    pub fn create_user(&self, name: &str, service_roles: &[Role]) -> Result<String, EmulatorError> {
        self.change_user(name, |user| user.service_roles = Some(service_roles.to_vec()))
    }

    /// Creates a user with roles in a project, or gives an existing one exactly these there, and returns the token.
    pub fn create_member(&self, project: &str, name: &str, roles: &[Role]) -> Result<String, EmulatorError> {
        let project = self.existing_project(project)?.uuid.clone();
        self.change_user(name, |user| {
            user.projects.retain(|membership| membership.project != project);
            user.projects.push(Membership { project, roles: Some(roles.to_vec()) });
        })
    }

    fn change_user(&self, name: &str, change: impl FnOnce(&mut User)) -> Result<String, EmulatorError> {
        check_name("user", name)?;
        let mut users = self.users_mut();
        let mut user = match users.by_name(name) {
            Some(user) => User::clone(user),
            None => User::new(name, Token::random().map_err(|_| EmulatorError::NoRandomness)?),
        };
        change(&mut user);
        let user = users.put(user);
        drop(users);
        self.keep(Scope::Everything)?;
        Ok(user.token.expose().to_owned())
    }
}
