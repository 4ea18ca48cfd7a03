//! Projects.

use ams_forwarder::client::{ErrorKind, ProjectChange, ProjectName};

use super::refused;
use super::stage::{NOBODY, on_stage};

#[tokio::test]
async fn a_project_is_shown_listed_and_changed() {
    on_stage("project", async |stage| {
        let shown = stage.admin.project_info().await.unwrap();
        assert_eq!((shown.name.as_str(), shown.description.as_str()), (stage.project(), "conformance"));
        assert!(!shown.created_on.is_empty() && !shown.modified_on.is_empty());
        assert!(stage.admin.projects().await.unwrap().iter().any(|project| project.name == shown.name));
        refused(stage.admin.create_project("again").await, 409, ErrorKind::Conflict);

        let other: ProjectName = format!("{}_renamed", stage.project()).parse().unwrap();
        let change = ProjectChange { name: Some(other.clone()), description: Some("changed".to_owned()) };
        let changed = stage.admin.update_project(&change).await.unwrap();
        assert_eq!((&changed.name, changed.description.as_str()), (&other, "changed"));
        let renamed = stage.admin.in_project(other);
        assert_eq!(renamed.project_info().await.unwrap().created_on, shown.created_on);
        refused(stage.admin.project_info().await, 404, ErrorKind::NotFound);
        let back = ProjectChange { name: Some(shown.name.clone()), ..change };
        assert_eq!(renamed.update_project(&back).await.unwrap().name, shown.name);
    })
    .await;
}

#[tokio::test]
async fn a_project_is_deleted_and_missed() {
    on_stage("gone", async |stage| {
        stage.admin.delete_project().await.unwrap();
        refused(stage.admin.project_info().await, 404, ErrorKind::NotFound);
        refused(stage.admin.delete_project().await, 404, ErrorKind::NotFound);
        refused(stage.admin.update_project(&ProjectChange::default()).await, 404, ErrorKind::NotFound);
        refused(stage.admin.create_topic(&super::stage::topic("t")).await, 404, ErrorKind::NotFound);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_let_in_with_a_token_that_nobody_has() {
    on_stage("nobody", async |stage| {
        let nobody = stage.client_with(NOBODY);
        let error = refused(nobody.projects().await, 401, ErrorKind::Unauthorized);
        assert!(!error.may_have_happened() && !format!("{error} {error:?}").contains(NOBODY));
        refused(nobody.profile().await, 401, ErrorKind::Unauthorized);
    })
    .await;
}
