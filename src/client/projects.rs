//! Projects: the client's own, and the list of all.

use super::{
    AmsClient,
    error::Result,
    http::{Method, Request},
    model::ProjectInfo,
    name::ProjectName,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What to change of a project; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProjectChange {
    /// Its new name. A client of the old name finds nothing afterwards: see
    /// [`in_project`](AmsClient::in_project).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ProjectName>,
    /// Its new text for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Without projects the service answers `{}`.
#[derive(Deserialize)]
struct WireProjects {
    #[serde(default)]
    projects: Vec<ProjectInfo>,
}

/// Projects.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::ProjectChange;
///
/// let lab = client.in_project("LAB".parse()?);
/// lab.create_project("for trying out").await?;
/// let change = ProjectChange { description: Some("for good".to_owned()), ..ProjectChange::default() };
/// assert_eq!(lab.update_project(&change).await?.description, "for good");
/// assert_eq!(client.projects().await?.len(), 2);
/// lab.delete_project().await?;
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// Lists all projects of the service, the oldest first; needs a service admin or viewer. Changes nothing, so
    /// dropping it loses nothing.
    pub async fn projects(&self) -> Result<Vec<ProjectInfo>> {
        let request = Request::new(Method::Get, "/v1/projects".to_owned());
        let found: WireProjects = self.0.send(request).await?.json()?;
        Ok(found.projects)
    }

    /// Creates the client's project; needs the service's admin token.
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) when it exists. If the call is dropped or its answer is lost,
    /// the project may have been created.
    pub async fn create_project(&self, description: &str) -> Result<ProjectInfo> {
        let body = json!({ "description": description }).to_string();
        self.0.send(self.project_request(Method::Post, "").body(body)).await?.json()
    }

    /// Shows the client's project. Changes nothing, so dropping it loses nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none.
    pub async fn project_info(&self) -> Result<ProjectInfo> {
        self.0.send(self.project_request(Method::Get, "")).await?.json()
    }

    /// Changes name or description of the client's project; needs a service admin.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none. If the call is dropped or its answer is lost, the
    /// change may have been made.
    pub async fn update_project(&self, change: &ProjectChange) -> Result<ProjectInfo> {
        let request = self.project_request(Method::Put, "").json(change);
        self.0.send(request).await?.json()
    }

    /// Deletes the client's project with its topics and subscriptions; needs a service admin.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none. If the call is dropped or its answer is lost, the
    /// project may be gone.
    pub async fn delete_project(&self) -> Result<()> {
        self.0.send(self.project_request(Method::Delete, "")).await?.nothing()
    }

    /// `rest` is empty, or begins with a colon or a slash.
    pub(super) fn project_request(&self, method: Method, rest: &str) -> Request {
        Request::new(method, format!("/v1/projects/{}{rest}", self.project()))
    }
}
