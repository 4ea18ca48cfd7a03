//! Users: who may use the service at all. For service admins, but for the profile.

use super::{
    AmsClient,
    error::Result,
    http::{Method, Request},
    model::{Page, PageRequest},
    name::{ProjectName, UserName},
    role::{Membership, ProjectRoles, Role, null_as_default},
    topics::{non_empty, paged},
};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};

/// A user. Times are RFC 3339, as the service sent them.
///
/// Neither `Debug` nor `Serialize` shows the token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UserInfo {
    /// What the service knows the user by, whatever the name becomes.
    pub uuid: String,
    /// What the user is in which project; where the answer says so.
    #[serde(default, deserialize_with = "null_as_default")]
    pub projects: Vec<Membership>,
    /// The name. A registration may have brought one that is no [`UserName`].
    pub name: String,
    /// The person's first name.
    #[serde(default)]
    pub first_name: String,
    /// The person's last name.
    #[serde(default)]
    pub last_name: String,
    /// The person's organization.
    #[serde(default)]
    pub organization: String,
    /// A text for people.
    #[serde(default)]
    pub description: String,
    /// What the user proves to be the user with. Shown to whoever makes the user or changes the token; services that
    /// keep more than its hash show it later to service admins and to the user as well.
    #[serde(default, deserialize_with = "secret", skip_serializing)]
    pub token: Option<SecretString>,
    /// The e-mail address.
    #[serde(default)]
    pub email: String,
    /// The roles in the service as a whole.
    #[serde(default, deserialize_with = "null_as_default")]
    pub service_roles: Vec<Role>,
    /// When the user was made.
    #[serde(default)]
    pub created_on: String,
    /// When the user was changed last.
    #[serde(default)]
    pub modified_on: String,
    /// The user who made it, where the service says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// What to make a user of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NewUser {
    /// The e-mail address.
    pub email: String,
    /// The person's first name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub first_name: String,
    /// The person's last name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_name: String,
    /// The person's organization.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub organization: String,
    /// A text for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The roles in projects.
    pub projects: Vec<ProjectRoles>,
    /// The roles in the service as a whole.
    pub service_roles: Vec<Role>,
}

/// What to change of a user; what is absent stays as it is, and so does what is empty: the service cannot be told to
/// empty a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UserChange {
    /// The new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<UserName>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The person's first name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// The person's last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// The person's organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// A text for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The roles in projects, in place of all there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<ProjectRoles>>,
    /// The roles in the service as a whole, in place of all there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_roles: Option<Vec<Role>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireUsers {
    users: Vec<UserInfo>,
    #[serde(default)]
    next_page_token: String,
    #[serde(default)]
    total_size: u64,
}

/// Users.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::{ExposeSecret, NewUser, UserName};
///
/// let name: UserName = "ann".parse()?;
/// let user = NewUser { email: "ann@example.org".to_owned(), ..NewUser::default() };
/// let made = client.create_user(&name, &user).await?;
/// let token = made.token.ok_or("a new user has a token")?;
/// assert_eq!(client.user_by_token(&token).await?.name, "ann");
/// let refreshed = client.refresh_user_token(&name).await?.token.ok_or("so it has a new one")?;
/// assert_ne!(refreshed.expose_secret(), token.expose_secret());
/// client.delete_user(&name).await?;
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// Creates a user, whose token is in the answer.
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) when the name is taken; [`Invalid`](super::ErrorKind::Invalid) when a project or a
    /// role does not exist. If the call is dropped or its answer is lost, the user may have been created;
    /// [`refresh_user_token`](Self::refresh_user_token) then gives it a token that is known.
    pub async fn create_user(&self, name: &UserName, user: &NewUser) -> Result<UserInfo> {
        self.0.send(user_request(Method::Post, name, "").json(user)).await?.json()
    }

    /// Shows a user. Changes nothing, so dropping it loses nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none, as in the two calls that follow.
    pub async fn user(&self, name: &UserName) -> Result<UserInfo> {
        self.0.send(user_request(Method::Get, name, "")).await?.json()
    }

    /// Shows the user of a UUID. Changes nothing, so dropping it loses nothing.
    pub async fn user_by_uuid(&self, uuid: &str) -> Result<UserInfo> {
        let request = Request::of_uuid(Method::Get, "/v1/users:byUUID/", uuid, "")?;
        self.0.send(request).await?.json()
    }

    /// Shows the user of a token. Changes nothing, so dropping it loses nothing.
    ///
    /// The service wants the token in the path, where logs of servers and proxies show it; errors and traces of this
    /// library do not.
    pub async fn user_by_token(&self, token: &SecretString) -> Result<UserInfo> {
        let request = Request::new(Method::Get, "/v1/users:byToken".to_owned()).secret_segment(token);
        self.0.send(request).await?.json()
    }

    /// Shows the user whose token this client has; everybody may ask. The service's own admin token is no user's:
    /// [`Unauthorized`](super::ErrorKind::Unauthorized). Changes nothing, so dropping it loses nothing.
    pub async fn profile(&self) -> Result<UserInfo> {
        let request = Request::new(Method::Get, "/v1/users/profile".to_owned());
        self.0.send(request).await?.json()
    }

    /// Lists users, the newest first, and what they are in which project; those of one project if one is given.
    /// Changes nothing, so dropping it loses nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such project; [`Invalid`](super::ErrorKind::Invalid) for a page
    /// token that the service did not give.
    pub async fn users(&self, project: Option<&ProjectName>, page: &PageRequest) -> Result<Page<UserInfo>> {
        let request = Request::new(Method::Get, "/v1/users".to_owned());
        self.page_of_users(request.maybe_query("project", project.map(ProjectName::as_str)), page).await
    }

    /// Changes a user.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none; [`Invalid`](super::ErrorKind::Invalid) when the new name is
    /// taken, or a project or a role does not exist. If the call is dropped or its answer is lost, the change may have
    /// been made.
    pub async fn update_user(&self, name: &UserName, change: &UserChange) -> Result<UserInfo> {
        self.0.send(user_request(Method::Put, name, "").json(change)).await?.json()
    }

    /// Gives a user a new token, which is in the answer. The old one is worth nothing from then on: a client that has
    /// it, this one perhaps, gets [`Unauthorized`](super::ErrorKind::Unauthorized).
    ///
    /// If the call is dropped or its answer is lost, the token may have been changed; call again.
    pub async fn refresh_user_token(&self, name: &UserName) -> Result<UserInfo> {
        self.0.send(user_request(Method::Post, name, ":refreshToken")).await?.json()
    }

    /// Deletes a user, whose token is worth nothing from then on.
    ///
    /// Some services answer with a success when there is none. If the call is dropped or its answer is lost, the user
    /// may be gone.
    pub async fn delete_user(&self, name: &UserName) -> Result<()> {
        self.0.send(user_request(Method::Delete, name, "")).await?.nothing()
    }

    pub(super) async fn page_of_users(&self, request: Request, page: &PageRequest) -> Result<Page<UserInfo>> {
        let found: WireUsers = self.0.send(paged(request.query("details", "true"), page)).await?.json()?;
        Ok(Page { items: found.users, next: non_empty(found.next_page_token), total: found.total_size })
    }
}

/// `verb` is empty or begins with a colon.
fn user_request(method: Method, name: &UserName, verb: &str) -> Request {
    Request::new(method, format!("/v1/users/{name}{verb}"))
}

pub(super) fn secret<'de, D: Deserializer<'de>>(
    form: D,
) -> std::result::Result<Option<SecretString>, D::Error> {
    let text: Option<String> = Option::deserialize(form)?;
    Ok(text.and_then(non_empty).map(SecretString::from))
}
