//! Members of a project.

use ams_forwarder::client::{AmsClient, ErrorKind, Role, UserInfo, UserName};

use super::refused;
use super::stage::{ALL, on_stage, page};

const EMAIL: &str = "member@example.org";

fn roles_in(user: &UserInfo, client: &AmsClient) -> Vec<Role> {
    let own = user.projects.iter().find(|member| member.project.as_ref() == Some(client.project()));
    own.map(|member| member.roles.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_member_is_created_shown_changed_removed_and_added() {
    on_stage("member", async |stage| {
        let admin = &stage.admin;
        let name = stage.user_name("m");
        let made = admin.create_member(&name, EMAIL, &[Role::Consumer]).await.unwrap();
        assert_eq!((made.name.as_str(), made.email.as_str()), (name.as_str(), EMAIL));
        assert_eq!(roles_in(&made, admin), [Role::Consumer]);
        assert!(made.token.is_some() && !format!("{made:?}").contains("token: Some(\""));
        refused(admin.create_member(&name, EMAIL, &[]).await, 409, ErrorKind::Conflict);
        let unknown = Role::from("nosuchrole");
        refused(admin.create_member(&stage.user_name("x"), EMAIL, &[unknown]).await, 400, ErrorKind::Invalid);

        assert_eq!(admin.member(&name).await.unwrap().uuid, made.uuid);
        let missing: UserName = format!("{}_nosuch", stage.project()).parse().unwrap();
        refused(admin.member(&missing).await, 404, ErrorKind::NotFound);

        let both = [Role::Consumer, Role::Publisher];
        admin.update_member(&name, &both).await.unwrap();
        assert_eq!(roles_in(&admin.member(&name).await.unwrap(), admin), both);

        admin.remove_member(&name).await.unwrap();
        refused(admin.remove_member(&name).await, 403, ErrorKind::Forbidden);
        refused(admin.member(&name).await, 404, ErrorKind::NotFound);
        let added = admin.add_member(&name, &[Role::Publisher]).await.unwrap();
        assert_eq!((&added.uuid, roles_in(&added, admin)), (&made.uuid, vec![Role::Publisher]));
        refused(admin.add_member(&name, &[Role::Publisher]).await, 409, ErrorKind::Conflict);
    })
    .await;
}

#[tokio::test]
async fn a_project_admin_makes_members_and_a_consumer_does_not() {
    on_stage("made_by", async |stage| {
        let (boss, as_boss) = stage.member("boss", Role::ProjectAdmin).await;
        let (_, as_consumer) = stage.member("con", Role::Consumer).await;
        let name = stage.user_name("made");
        let made = as_boss.create_member(&name, EMAIL, &[Role::Consumer]).await.unwrap();
        assert_eq!(made.created_by.as_deref(), Some(boss.as_str()));
        assert!(made.token.is_some());
        let other = stage.user_name("other");
        refused(as_consumer.create_member(&other, EMAIL, &[]).await, 403, ErrorKind::Forbidden);

        let members = as_boss.members(&ALL).await.unwrap();
        assert!(members.items.iter().all(|member| member.token.is_none()), "tokens are for service admins");
        assert_eq!((members.items.len(), members.total), (3, 3));
    })
    .await;
}

#[tokio::test]
async fn members_are_listed_by_pages_the_newest_first() {
    on_stage("members", async |stage| {
        for suffix in ["a", "b", "c"] {
            stage.member(suffix, Role::Consumer).await;
        }
        let first = stage.admin.members(&page(2, None)).await.unwrap();
        assert_eq!((first.items.len(), first.total), (2, 3));
        assert_eq!(roles_in(&first.items[0], &stage.admin), [Role::Consumer]);
        let second = stage.admin.members(&page(2, first.next)).await.unwrap();
        assert_eq!((second.items.len(), second.next), (1, None));
        let names: Vec<_> = first.items.iter().chain(&second.items).map(|user| user.name.clone()).collect();
        let expected = ["c", "b", "a"].map(|suffix| format!("{}_{suffix}", stage.project()));
        assert_eq!(names, expected);
        refused(stage.admin.members(&page(2, Some("zzz".to_owned()))).await, 400, ErrorKind::Invalid);
    })
    .await;
}
