//! Registrations.

use ams_forwarder::client::{
    ErrorKind, NewRegistration, RegistrationFilter, RegistrationInfo, RegistrationStatus, Role, UserName,
};

use super::refused;
use super::stage::{Stage, on_stage};

async fn register(stage: &Stage, name: &UserName) -> RegistrationInfo {
    let registration = NewRegistration {
        name: name.to_string(),
        email: "reg@example.org".to_owned(),
        first_name: "Reg".to_owned(),
        last_name: "Ister".to_owned(),
        organization: stage.project().to_owned(),
        description: "d".to_owned(),
    };
    let made = stage.admin.register(&registration).await.unwrap();
    stage.forget_registration(&made.uuid);
    assert_eq!((made.name.as_str(), &made.status), (name.as_str(), &RegistrationStatus::Pending));
    assert!(made.activation_token.is_some() && !made.registered_at.is_empty());
    made
}

#[tokio::test]
async fn a_registration_becomes_a_user() {
    on_stage("register", async |stage| {
        let (admin, name) = (&stage.admin, stage.user_name("reg"));
        let made = register(&stage, &name).await;
        let shown = admin.registration(&made.uuid).await.unwrap();
        assert_eq!((shown.name, shown.email.as_str()), (made.name, "reg@example.org"));
        let user = admin.accept_registration(&made.uuid).await.unwrap();
        assert_eq!((user.name.as_str(), user.first_name.as_str()), (name.as_str(), "Reg"));
        assert!(user.projects.is_empty());
        assert_eq!(stage.client_of(&user).profile().await.unwrap().uuid, user.uuid);
        refused(admin.accept_registration(&made.uuid).await, 404, ErrorKind::NotFound);

        let again = NewRegistration { name: name.to_string(), ..NewRegistration::default() };
        refused(admin.register(&again).await, 409, ErrorKind::Conflict);
        admin.delete_registration(&made.uuid).await.unwrap();
        assert_eq!(admin.user(&name).await.unwrap().uuid, user.uuid, "the user stays");
    })
    .await;
}

#[tokio::test]
async fn registrations_are_declined_and_listed_by_what_fits() {
    on_stage("decline", async |stage| {
        let admin = &stage.admin;
        let (a, b) = (stage.user_name("a"), stage.user_name("b"));
        let (first, second) = (register(&stage, &a).await, register(&stage, &b).await);
        admin.decline_registration(&first.uuid, "no").await.unwrap();
        let declined = admin.registration(&first.uuid).await.unwrap();
        assert_eq!(
            (declined.status, declined.decline_comment.as_str()),
            (RegistrationStatus::Declined, "no")
        );
        refused(admin.decline_registration(&first.uuid, "").await, 404, ErrorKind::NotFound);

        let organization = Some(stage.project().to_owned());
        let all = RegistrationFilter { organization: organization.clone(), ..RegistrationFilter::default() };
        assert_eq!(admin.registrations(&all).await.unwrap().len(), 2);
        let pending = RegistrationFilter { status: Some(RegistrationStatus::Pending), ..all.clone() };
        let by_name = RegistrationFilter { name: Some(b.to_string()), ..RegistrationFilter::default() };
        let token = second.activation_token.clone();
        let by_token = RegistrationFilter { activation_token: token, ..RegistrationFilter::default() };
        for filter in [pending, by_name, by_token] {
            let found = admin.registrations(&filter).await.unwrap();
            assert_eq!(found.iter().map(|one| one.uuid.as_str()).collect::<Vec<_>>(), [second.uuid.as_str()]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_registration_that_does_not_exist_is_missed() {
    on_stage("no_reg", async |stage| {
        let admin = &stage.admin;
        refused(admin.registration("nosuch").await, 404, ErrorKind::NotFound);
        refused(admin.accept_registration("nosuch").await, 404, ErrorKind::NotFound);
        refused(admin.decline_registration("nosuch", "no").await, 404, ErrorKind::NotFound);
        refused(admin.delete_registration("nosuch").await, 404, ErrorKind::NotFound);
        let (_, as_consumer) = stage.member("con", Role::Consumer).await;
        let error = as_consumer.registrations(&RegistrationFilter::default()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden), "{error}");
    })
    .await;
}
