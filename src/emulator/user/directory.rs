//! All users of an emulator, to be found by name, UUID and token.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Token, User};
use crate::emulator::registry::{Page, PageRequest, Registry};

/// All users.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// By UUID.
    users: Registry<User>,
    names: HashMap<String, String>,
    tokens: HashMap<Token, String>,
}

impl Directory {
    pub(crate) fn by_uuid(&self, uuid: &str) -> Option<&Arc<User>> {
        self.users.get(uuid)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Arc<User>> {
        self.by_uuid(self.names.get(name)?)
    }

    pub(crate) fn by_token(&self, token: &str) -> Option<&Arc<User>> {
        self.by_uuid(self.tokens.get(token)?)
    }

    /// Adds a user as the newest one, or puts a changed one in its old place.
    pub(crate) fn put(&mut self, user: User) -> Arc<User> {
        if let Some(old) = self.users.get(&user.uuid) {
            self.names.remove(&old.name);
            self.tokens.remove(&old.token);
        }
        self.names.insert(user.name.clone(), user.uuid.clone());
        self.tokens.insert(user.token.clone(), user.uuid.clone());
        let uuid = user.uuid.clone();
        self.users.put(&uuid, user)
    }

    /// Puts a user back in the place it had before.
    pub(crate) fn restore(&mut self, serial: u64, user: User) {
        self.names.insert(user.name.clone(), user.uuid.clone());
        self.tokens.insert(user.token.clone(), user.uuid.clone());
        let uuid = user.uuid.clone();
        self.users.restore(serial, &uuid, user);
    }

    /// All with their places, oldest first.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (u64, &Arc<User>)> {
        self.users.placed()
    }

    pub(crate) fn remove(&mut self, uuid: &str) -> Option<Arc<User>> {
        let user = self.users.remove(uuid)?;
        self.names.remove(&user.name);
        self.tokens.remove(&user.token);
        Some(user)
    }

    /// Oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.iter()
    }

    /// One page of those that are wanted, newest first.
    pub(crate) fn page(&self, request: &PageRequest, is_wanted: impl Fn(&User) -> bool) -> Page<User> {
        self.users.page(request, is_wanted)
    }
}
