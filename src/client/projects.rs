//! The client's own project.

use super::{
    AmsClient,
    error::Result,
    http::{Method, Request},
    model::ProjectInfo,
};
use serde_json::json;

impl AmsClient {
    /// Creates the client's project; needs the service's admin token.
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) when it exists. If the call is dropped or its answer is lost,
    /// the project may have been created.
    pub async fn create_project(&self, description: &str) -> Result<ProjectInfo> {
        let body = json!({ "description": description }).to_string();
        self.0.send(self.project_request(Method::Post).body(body)).await?.json()
    }

    /// Shows the client's project. Changes nothing, so dropping it loses nothing.
    pub async fn project_info(&self) -> Result<ProjectInfo> {
        self.0.send(self.project_request(Method::Get)).await?.json()
    }

    /// Deletes the client's project with its topics and subscriptions.
    ///
    /// If the call is dropped or its answer is lost, the project may be gone.
    pub async fn delete_project(&self) -> Result<()> {
        self.0.send(self.project_request(Method::Delete)).await?.nothing()
    }

    fn project_request(&self, method: Method) -> Request {
        Request::new(method, format!("/v1/projects/{}", self.project()))
    }
}
