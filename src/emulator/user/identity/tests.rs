use super::*;
use crate::emulator::user::{Membership, Token};

const PROJECT: &str = "project";

fn user(in_project: &[Role], service: &[Role]) -> Identity {
    let membership = |project: &str, roles: &[Role]| Membership {
        project: project.to_owned(),
        roles: Some(roles.to_vec()),
    };
    Identity::User(Arc::new(User {
        projects: vec![membership("another", &[Role::ProjectAdmin]), membership(PROJECT, in_project)],
        service_roles: Some(service.to_vec()),
        ..User::new("u", Token::random().unwrap())
    }))
}

fn listing(identity: &Identity) -> Acl {
    let acl = Acl::default();
    acl.set(identity.uuid().into_iter().map(ToOwned::to_owned).collect());
    acl
}

#[test]
fn who_has_no_role_here_is_unknown_and_who_has_another_is_forbidden() {
    use Role::{AdminViewer, Consumer, ProjectAdmin, Publisher, ServiceAdmin};
    let (admitted, unknown) = (Ok(()), Err(Refusal::unauthorized()));
    let forbidden = Err(Refusal::forbidden().plain());
    let wanted = &[ProjectAdmin, Publisher];
    for (identity, project, expected) in [
        (Identity::Service, Some(PROJECT), &admitted),
        (Identity::Service, None, &admitted),
        (Identity::Nobody, Some(PROJECT), &unknown),
        (user(&[], &[]), Some(PROJECT), &unknown),
        (user(&[Publisher], &[]), Some(PROJECT), &admitted),
        (user(&[Consumer], &[]), Some(PROJECT), &forbidden),
        (user(&[Consumer, ProjectAdmin], &[]), Some(PROJECT), &admitted),
        (user(&[Publisher], &[]), None, &unknown),
        (user(&[], &[AdminViewer]), Some(PROJECT), &forbidden),
        (user(&[], &[Publisher]), Some(PROJECT), &admitted),
        (user(&[], &[ServiceAdmin]), Some(PROJECT), &admitted),
        (user(&[], &[ServiceAdmin]), None, &admitted),
    ] {
        assert_eq!(identity.admit(project, wanted), *expected, "{identity:?} in {project:?}");
    }
}

#[test]
fn an_access_list_binds_whoever_has_the_role_admins_too() {
    use Role::{Consumer, ProjectAdmin, Publisher, ServiceAdmin};
    for (identity, without_list) in [
        (Identity::Service, true),
        (user(&[ProjectAdmin], &[]), true),
        (user(&[Consumer], &[]), true),
        (user(&[], &[ServiceAdmin]), true),
        (user(&[Publisher], &[]), false),
        (user(&[Publisher, ProjectAdmin], &[]), false),
        (user(&[Publisher], &[ServiceAdmin]), false),
    ] {
        let (empty, listing) = (Acl::default(), listing(&identity));
        let check = |acl| identity.check_acl(PROJECT, Publisher, acl);
        let unlisted = if without_list { Ok(()) } else { Err(Refusal::forbidden()) };
        assert_eq!(check(Some(&empty)), unlisted, "{identity:?}");
        assert_eq!(check(None), unlisted, "{identity:?}: no such topic");
        assert_eq!(check(Some(&listing)), Ok(()), "{identity:?}: listed");
    }
}

#[test]
fn only_who_is_no_admin_is_shown_a_part() {
    use Role::{Consumer, ProjectAdmin, Publisher, ServiceAdmin};
    for (identity, partly) in [
        (Identity::Service, false),
        (user(&[Publisher], &[]), true),
        (user(&[Publisher, Consumer], &[]), true),
        (user(&[Consumer], &[]), false),
        (user(&[Publisher, ProjectAdmin], &[]), false),
        (user(&[Publisher], &[ServiceAdmin]), false),
    ] {
        assert_eq!(identity.sees_only_own(PROJECT, Publisher).is_some(), partly, "{identity:?}");
    }
}

#[test]
fn nobody_is_printed_with_a_token() {
    let identity = user(&[], &[]);
    let token = identity.user().unwrap().token.expose();
    assert_eq!(token.len(), 64);
    assert!(!format!("{identity:?}").contains(token));
}
