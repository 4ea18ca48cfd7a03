//! Users.

use ams_forwarder::client::{
    ErrorKind, ExposeSecret, NewUser, ProjectName, ProjectRoles, Role, SecretString, UserChange, UserName,
};

use super::refused;
use super::stage::{ALL, NOBODY, Stage, on_stage, page};

fn ann(stage: &Stage) -> NewUser {
    NewUser {
        email: "ann@example.org".to_owned(),
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        organization: "Lab".to_owned(),
        description: "test".to_owned(),
        projects: vec![roles(stage, &[Role::Consumer, Role::Publisher])],
        service_roles: Vec::new(),
    }
}

fn roles(stage: &Stage, roles: &[Role]) -> ProjectRoles {
    ProjectRoles { project: stage.admin.project().clone(), roles: roles.to_vec() }
}

fn nosuch(stage: &Stage) -> UserName {
    format!("{}_nosuch", stage.project()).parse().unwrap()
}

#[tokio::test]
async fn a_user_is_created_and_found_by_name_uuid_and_token() {
    on_stage("user", async |stage| {
        let (admin, name) = (&stage.admin, stage.user_name("ann"));
        let made = admin.create_user(&name, &ann(&stage)).await.unwrap();
        let about = [&made.email, &made.first_name, &made.last_name, &made.organization, &made.description];
        assert_eq!(about, ["ann@example.org", "Ann", "Lee", "Lab", "test"]);
        let membership = &made.projects[0];
        assert_eq!(membership.project.as_ref(), Some(admin.project()));
        assert_eq!(membership.roles, [Role::Consumer, Role::Publisher]);
        assert!(membership.topics.is_empty() && membership.subscriptions.is_empty());
        assert!(made.service_roles.is_empty());
        let token = made.token.clone().unwrap();

        assert_eq!(admin.user(&name).await.unwrap().uuid, made.uuid);
        assert_eq!(admin.user_by_uuid(&made.uuid).await.unwrap().name, name.as_str());
        assert_eq!(admin.user_by_token(&token).await.unwrap().uuid, made.uuid);
        let profile = stage.client_of(&made).profile().await.unwrap();
        assert_eq!((profile.uuid, profile.email), (made.uuid, made.email));

        refused(admin.create_user(&name, &NewUser::default()).await, 409, ErrorKind::Conflict);
        let elsewhere = ProjectRoles {
            project: format!("{}_nosuch", stage.project()).parse().unwrap(),
            roles: vec![Role::Consumer],
        };
        let elsewhere = NewUser { projects: vec![elsewhere], ..NewUser::default() };
        refused(admin.create_user(&stage.user_name("x"), &elsewhere).await, 400, ErrorKind::Invalid);
    })
    .await;
}

#[tokio::test]
async fn a_user_who_does_not_exist_is_missed_and_no_token_is_told() {
    on_stage("no_user", async |stage| {
        let admin = &stage.admin;
        refused(admin.user(&nosuch(&stage)).await, 404, ErrorKind::NotFound);
        refused(admin.user_by_uuid("zzzz").await, 404, ErrorKind::NotFound);
        let token = SecretString::from(NOBODY);
        let error = refused(admin.user_by_token(&token).await, 404, ErrorKind::NotFound);
        assert!(!format!("{error} {error:?}").contains(NOBODY), "{error}");
        super::not_sent(admin.user_by_uuid("../profile").await, ErrorKind::Invalid);
    })
    .await;
}

#[tokio::test]
async fn a_user_is_changed_gets_another_token_and_is_deleted() {
    on_stage("change", async |stage| {
        let (admin, name) = (&stage.admin, stage.user_name("ann"));
        let made = admin.create_user(&name, &ann(&stage)).await.unwrap();
        let change = UserChange {
            email: Some("new@example.org".to_owned()),
            projects: Some(vec![roles(&stage, &[Role::Consumer])]),
            ..UserChange::default()
        };
        let changed = admin.update_user(&name, &change).await.unwrap();
        assert_eq!((changed.email.as_str(), changed.first_name.as_str()), ("new@example.org", "Ann"));
        assert_eq!(changed.projects[0].roles, [Role::Consumer]);
        let other = stage.user_name("bea");
        let rename = UserChange { name: Some(other.clone()), ..UserChange::default() };
        assert_eq!(admin.update_user(&name, &rename).await.unwrap().uuid, made.uuid);

        let refreshed = admin.refresh_user_token(&other).await.unwrap();
        let (old, new) = (made.token.clone().unwrap(), refreshed.token.clone().unwrap());
        assert_ne!(old.expose_secret(), new.expose_secret());
        refused(stage.client_of(&made).profile().await, 401, ErrorKind::Unauthorized);
        assert_eq!(stage.client_of(&refreshed).profile().await.unwrap().name, other.as_str());

        admin.delete_user(&other).await.unwrap();
        refused(admin.user(&other).await, 404, ErrorKind::NotFound);
        refused(stage.client_of(&refreshed).profile().await, 401, ErrorKind::Unauthorized);
    })
    .await;
}

#[tokio::test]
async fn users_are_listed_by_pages_and_by_project() {
    on_stage("users", async |stage| {
        let (_, as_consumer) = stage.member("a", Role::Consumer).await;
        let (b, _) = stage.member("b", Role::Publisher).await;
        let admin = &stage.admin;
        let ours = admin.users(Some(admin.project()), &ALL).await.unwrap();
        assert_eq!((ours.items.len(), ours.total, ours.items[0].name.as_str()), (2, 2, b.as_str()));
        assert_eq!(ours.items[0].projects[0].roles, [Role::Publisher]);
        let first = admin.users(None, &page(1, None)).await.unwrap();
        assert!(first.items.len() == 1 && first.total >= 2 && first.next.is_some());
        let second = admin.users(None, &page(1, first.next)).await.unwrap();
        assert_ne!(second.items[0].uuid, first.items[0].uuid);

        let nosuch: ProjectName = format!("{}_nosuch", stage.project()).parse().unwrap();
        refused(admin.users(Some(&nosuch), &ALL).await, 404, ErrorKind::NotFound);
        refused(as_consumer.users(None, &ALL).await, 401, ErrorKind::Unauthorized);
    })
    .await;
}
