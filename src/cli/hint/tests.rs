use super::*;
use crate::cli::connection::Options;
use crate::client::Error;

fn connection() -> Connection {
    let variable = |name: &str| (name == "AMS_TOKEN_FILE").then(|| "token".into());
    Options::default().resolve(variable).unwrap()
}

/// A hint for what the service itself refused.
fn hint(kind: ErrorKind, request: &str, status: u16, message: &str) -> String {
    let (method, path) = request.split_once(' ').unwrap();
    let method = ["GET", "POST", "PUT", "DELETE"].into_iter().find(|known| *known == method).unwrap();
    let error = Error::new(kind, method, format!("/v1/{path}"), message);
    of(&error.with_status(status).with_may_have_happened(false), &connection()).unwrap_or_default()
}

#[test]
fn a_403_says_which_role_and_which_list() {
    for (request, expected) in [
        (
            "POST projects/P/topics/t:publish",
            "it needs the role publisher in project P, and a place in the access list of the topic: an admin can do `ams topic acl add t USER`",
        ),
        (
            "POST projects/P/subscriptions/s:pull",
            "it needs the role consumer in project P, and a place in the access list of the subscription: an admin can do `ams subscription acl add s USER`",
        ),
        ("POST projects/P/subscriptions/s:acknowledge", "it needs the role consumer in project P"),
        ("GET projects/P/subscriptions/s:offsets", "it needs the role consumer in project P"),
        ("PUT projects/P/topics/t", "it needs the role project_admin in project P"),
        ("GET projects/P/topics/t", "it needs the role publisher in project P"),
        ("GET projects/P/topics/t:acl", "it needs the role project_admin in project P"),
        ("GET projects/P/members", "it needs the role project_admin in project P"),
        (
            "PUT projects/P/members/u",
            "it needs the role project_admin in project P, and that u is a member: `ams member list`",
        ),
        (
            "POST projects/P/members/u:remove",
            "it needs the role project_admin in project P, and that u is a member: `ams member list`",
        ),
        ("POST projects/P/schemas/s", "it needs the role project_admin in project P"),
        ("GET projects/P:metrics", "it needs the role project_admin in project P"),
        ("POST projects/P", "it needs the role service_admin"),
        ("GET projects", "it needs the role service_admin or admin_viewer"),
        ("POST users/u", "it needs the role service_admin"),
        ("GET metrics", "it needs the role service_admin or admin_viewer"),
        ("POST registrations/x:accept", "it needs the role service_admin"),
    ] {
        assert_eq!(
            hint(ErrorKind::Forbidden, request, 403, "Access to this resource is forbidden"),
            expected
        );
    }
}

#[test]
fn a_401_says_where_the_token_came_from() {
    let refused = |request| hint(ErrorKind::Unauthorized, request, 401, "Unauthorized");
    assert_eq!(
        refused("GET projects/P/topics"),
        "the service does not know the token given by AMS_TOKEN_FILE, or its user has no role in project P"
    );
    assert_eq!(refused("GET users"), "the service does not know the token given by AMS_TOKEN_FILE");
    assert!(refused("GET users/profile").ends_with("its own admin token is none"));
}

#[test]
fn what_is_missing_is_to_be_looked_for_in_the_right_list() {
    for (request, said, list) in [
        ("GET projects/P/topics/t", "Topic doesn't exist", "topic"),
        ("PUT projects/P/subscriptions/s", "Topic doesn't exist", "topic"),
        ("POST projects/P/subscriptions/s:pull", "Subscription doesn't exist", "subscription"),
        ("GET projects/P", "project doesn't exist", "project"),
        ("GET projects/P/topics", "project doesn't exist", "project"),
        ("POST projects/P/topics/t:modifyAcl", "User(s): x do not exist", "member"),
        ("GET users/u", "User doesn't exist", "user"),
        ("POST projects/P/topics/t:attachSchema", "Schema doesn't exist", "schema"),
        ("GET registrations/x", "User registration doesn't exist", "registration"),
    ] {
        let expected = format!("`ams {list} list` shows what is there");
        assert_eq!(hint(ErrorKind::NotFound, request, 404, said), expected, "{request}");
    }
    let of_a_proxy = Error::new(ErrorKind::NotFound, "GET", "/v1/projects/P/topics", "404 page not found");
    let hint = of(&of_a_proxy.with_status(404), &connection()).unwrap();
    assert!(hint.contains("is --endpoint the address of an AMS?"), "{hint}");
}

#[test]
fn what_may_have_been_done_is_said() {
    let error = |method| Error::new(ErrorKind::Transient, method, "/v1/projects/P/topics/t", "Backend Error");
    let hint = |error: Error| of(&error.with_status(500), &connection()).unwrap();
    assert!(hint(error("DELETE")).ends_with("It may have been done all the same: look before trying again"));
    assert!(hint(error("GET")).ends_with("try again later"));
    let refused = error("POST").with_class("connect").with_may_have_happened(false);
    assert_eq!(of(&refused, &connection()).unwrap(), "is --endpoint right, and does the service run?");
}
