//! Members: users as the admins of a project see and change them.

use super::{
    AmsClient,
    error::Result,
    http::{Method, Request},
    model::{Page, PageRequest},
    name::UserName,
    role::{ProjectRoles, Role},
    users::UserInfo,
};
use serde_json::json;

/// Members of the project.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::{PageRequest, Role, UserName};
///
/// let name: UserName = "archive".parse()?;
/// client.create_member(&name, "archive@example.org", &[Role::Consumer]).await?;
/// client.update_member(&name, &[Role::Consumer, Role::Publisher]).await?;
/// let members = client.members(&PageRequest::default()).await?;
/// assert_eq!(members.items[0].projects[0].roles, [Role::Consumer, Role::Publisher]);
/// client.remove_member(&name).await?;
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// Lists the members of the project, the newest first, and what they are in it; for project admins. Tokens, if
    /// at all, are shown to service admins alone. Changes nothing, so dropping it loses nothing.
    ///
    /// [`Invalid`](super::ErrorKind::Invalid) for a page token that the service did not give.
    pub async fn members(&self, page: &PageRequest) -> Result<Page<UserInfo>> {
        self.page_of_users(self.project_request(Method::Get, "/members"), page).await
    }

    /// Shows a member of the project. Changes nothing, so dropping it loses nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such user, or when it is no member.
    pub async fn member(&self, name: &UserName) -> Result<UserInfo> {
        self.0.send(self.member_request(Method::Get, name, "")).await?.json()
    }

    /// Creates a user who is a member of this project and nothing else; the token is in the answer. A project admin
    /// may do that.
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) when the name is taken, in whatever project;
    /// [`Invalid`](super::ErrorKind::Invalid) for a role that the service does not know. If the call is dropped or its
    /// answer is lost, the user may have been created, and only a service admin can give it a token that is known.
    pub async fn create_member(&self, name: &UserName, email: &str, roles: &[Role]) -> Result<UserInfo> {
        let body = json!({ "email": email, "projects": [self.own_roles(roles)] });
        self.0.send(self.member_request(Method::Post, name, "").json(&body)).await?.json()
    }

    /// Gives a member other roles in the project.
    ///
    /// [`Forbidden`](super::ErrorKind::Forbidden) when the user is no member. If the call is dropped or its answer is
    /// lost, the change may have been made.
    pub async fn update_member(&self, name: &UserName, roles: &[Role]) -> Result<UserInfo> {
        let body = json!({ "projects": [self.own_roles(roles)] });
        self.0.send(self.member_request(Method::Put, name, "").json(&body)).await?.json()
    }

    /// Makes an existing user a member of the project.
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) when it is one, [`NotFound`](super::ErrorKind::NotFound) when there is
    /// no such user. If the call is dropped or its answer is lost, the user may have become a member.
    pub async fn add_member(&self, name: &UserName, roles: &[Role]) -> Result<UserInfo> {
        let request = self.member_request(Method::Post, name, ":add").json(&self.own_roles(roles));
        self.0.send(request).await?.json()
    }

    /// Takes a member out of the project. The user stays.
    ///
    /// [`Forbidden`](super::ErrorKind::Forbidden) when the user is no member. If the call is dropped or its answer is
    /// lost, the user may be out.
    pub async fn remove_member(&self, name: &UserName) -> Result<()> {
        self.0.send(self.member_request(Method::Post, name, ":remove")).await?.nothing()
    }

    fn own_roles(&self, roles: &[Role]) -> ProjectRoles {
        ProjectRoles { project: self.project().clone(), roles: roles.to_vec() }
    }

    /// `verb` is empty or begins with a colon.
    fn member_request(&self, method: Method, name: &UserName, verb: &str) -> Request {
        self.project_request(method, &format!("/members/{name}{verb}"))
    }
}
