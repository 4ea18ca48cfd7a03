use axum::body::Bytes;
use axum::http::{Method, Uri};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::emulator::{Options, Role};

/// Whoever asks, in the order of the columns below. A star is a member whom the access lists name.
const WHO: [&str; 11] = [
    "service token",
    "service admin",
    "admin viewer",
    "project admin",
    "publisher",
    "publisher*",
    "consumer",
    "consumer*",
    "push worker",
    "another project's admin",
    "nobody",
];

/// What each of them is answered.
const TABLE: &str = "
GET    /v1/status                             200 200 200 200 200 200 200 200 200 200 200
GET    /v1/status?details=true                403 200 200 401 401 401 401 401 401 401 403
GET    /v1/version                            200 200 200 200 200 200 200 200 200 200 200
GET    /v1/metrics                            200 200 200 401 401 401 401 401 401 401 401
GET    /v1/metrics/va_metrics                 200 200 200 401 401 401 401 401 401 401 401
GET    /v1/users                              200 200 200 401 401 401 401 401 401 401 401
GET    /v1/users/profile                      401 200 200 200 200 200 200 200 200 200 401
GET    /v1/users/usageReport                  401 200 200 200 200 200 200 200 200 200 401
GET    /v1/users/u                            200 200 403 401 401 401 401 401 401 401 401
GET    /v1/users:byToken/x                    404 404 403 401 401 401 401 401 401 401 401
GET    /v1/users:byUUID/x                     404 404 403 401 401 401 401 401 401 401 401
POST   /v1/users/new                          200 200 403 401 401 401 401 401 401 401 401
PUT    /v1/users/u                            200 200 403 401 401 401 401 401 401 401 401
DELETE /v1/users/u                            200 200 403 401 401 401 401 401 401 401 401
POST   /v1/users/u:refreshToken               200 200 403 401 401 401 401 401 401 401 401
GET    /v1/projects                           200 200 200 401 401 401 401 401 401 401 401
POST   /v1/projects/NEW                       200 200 403 401 401 401 401 401 401 401 401
GET    /v1/projects/P                         200 200 200 200 403 403 403 403 403 401 401
PUT    /v1/projects/P                         200 200 403 403 403 403 403 403 403 401 401
DELETE /v1/projects/P                         200 200 403 403 403 403 403 403 403 401 401
GET    /v1/projects/P:metrics                 200 200 200 200 403 403 403 403 403 401 401
GET    /v1/projects/NOSUCH                    404 404 404 404 404 404 404 404 404 404 404
GET    /v1/projects/P/members                 200 200 200 200 403 403 403 403 403 401 401
GET    /v1/projects/P/members/u               200 200 200 200 403 403 403 403 403 401 401
POST   /v1/projects/P/members/new             200 200 403 200 403 403 403 403 403 401 401
PUT    /v1/projects/P/members/u               403 403 403 403 403 403 403 403 403 401 401
POST   /v1/projects/P/members/u:add           409 409 403 409 403 403 403 403 403 401 401
POST   /v1/projects/P/members/u:remove        200 200 403 200 403 403 403 403 403 401 401
GET    /v1/projects/P/topics                  200 200 200 200 200 200 403 403 403 401 401
GET    /v1/projects/P/topics/t                200 200 200 200 200 200 403 403 403 401 401
PUT    /v1/projects/P/topics/new              200 200 403 200 403 403 403 403 403 401 401
DELETE /v1/projects/P/topics/t                200 200 403 200 403 403 403 403 403 401 401
POST   /v1/projects/P/topics/t:publish        200 200 403 200 403 200 403 403 403 401 401
POST   /v1/projects/P/topics/nosuch:publish   404 404 403 404 404 404 403 403 403 401 401
GET    /v1/projects/P/topics/t:acl            200 200 200 200 403 403 403 403 403 401 401
POST   /v1/projects/P/topics/t:modifyAcl      200 200 403 200 403 403 403 403 403 401 401
GET    /v1/projects/P/topics/t:metrics        200 200 200 200 403 200 403 403 403 401 401
GET    /v1/projects/P/topics/t/subscriptions  200 200 200 200 200 200 200 200 403 401 401
GET    /v1/projects/P/subscriptions           200 200 200 200 403 403 200 200 403 401 401
GET    /v1/projects/P/subscriptions/s         200 200 200 200 403 403 200 200 200 401 401
PUT    /v1/projects/P/subscriptions/new       200 200 403 200 403 403 403 403 403 401 401
DELETE /v1/projects/P/subscriptions/s         200 200 403 200 403 403 403 403 403 401 401
POST   /v1/projects/P/subscriptions/s:pull    200 200 403 200 403 403 403 200 200 401 401
POST   /v1/projects/P/subscriptions/s:acknowledge        400 400 403 400 403 403 400 400 400 401 401
GET    /v1/projects/P/subscriptions/s:offsets            200 200 200 200 403 403 200 200 403 401 401
POST   /v1/projects/P/subscriptions/s:modifyOffset       200 200 403 200 403 403 200 200 403 401 401
GET    /v1/projects/P/subscriptions/s:timeToOffset       400 400 400 400 403 403 400 400 403 401 401
POST   /v1/projects/P/subscriptions/s:modifyAckDeadline  200 200 403 200 403 403 200 200 403 401 401
POST   /v1/projects/P/subscriptions/s:modifyPushConfig   200 200 403 200 403 403 403 403 403 401 401
POST   /v1/projects/P/subscriptions/s:verifyPushEndpoint 409 409 403 409 403 403 403 403 403 401 401
GET    /v1/projects/P/subscriptions/s:acl                200 200 200 200 403 403 403 403 403 401 401
POST   /v1/projects/P/subscriptions/s:modifyAcl          200 200 403 200 403 403 403 403 403 401 401
GET    /v1/projects/P/subscriptions/s:metrics            200 200 200 200 403 403 403 200 403 401 401
POST   /v1/projects/P/topics/t:attachSchema   200 200 403 200 403 403 403 403 403 401 401
POST   /v1/projects/P/topics/t:detachSchema   200 200 403 200 403 403 403 403 403 401 401
GET    /v1/projects/P/schemas                 200 200 200 200 200 200 200 200 403 401 401
GET    /v1/projects/P/schemas/nosuch          404 404 404 404 404 404 404 404 403 401 401
POST   /v1/projects/P/schemas/new             400 400 403 400 403 403 403 403 403 401 401
PUT    /v1/projects/P/schemas/nosuch          404 404 403 404 403 403 403 403 403 401 401
DELETE /v1/projects/P/schemas/nosuch          404 404 403 404 403 403 403 403 403 401 401
POST   /v1/projects/P/schemas/nosuch:validate 404 404 403 404 404 404 403 403 403 401 401
GET    /v1/registrations                      200 200 200 401 401 401 401 401 401 401 401
GET    /v1/registrations/nosuch               404 404 404 401 401 401 401 401 401 401 401
POST   /v1/registrations                      200 200 403 401 401 401 401 401 401 401 401
POST   /v1/registrations/nosuch:accept        404 404 403 401 401 401 401 401 401 401 401
POST   /v1/registrations/nosuch:decline       404 404 403 401 401 401 401 401 401 401 401
DELETE /v1/registrations/nosuch               404 404 403 401 401 401 401 401 401 401 401
GET    /v1/projects/P/topics/t:nosuch         400 400 400 400 400 400 400 400 400 400 400
GET    /v1/nosuch                             404 404 404 404 404 404 404 404 404 404 404
GET    /emulator/faults                       200 401 401 401 401 401 401 401 401 401 401
";

/// An emulator with one of each, and their tokens.
fn start() -> (Emulator, [String; 11]) {
    let emulator = Emulator::new(Options::default());
    for project in ["P", "Q"] {
        emulator.create_project(project, "").unwrap();
    }
    emulator.create_topic("P", "t").unwrap();
    emulator.create_subscription("P", "s", "t").unwrap();
    let member = |name, role| emulator.create_member("P", name, &[role]).unwrap();
    let tokens = [
        "emulator".to_owned(),
        emulator.create_user("sa", &[Role::ServiceAdmin]).unwrap(),
        emulator.create_user("av", &[Role::AdminViewer]).unwrap(),
        member("pa", Role::ProjectAdmin),
        member("p", Role::Publisher),
        member("p_listed", Role::Publisher),
        member("c", Role::Consumer),
        member("c_listed", Role::Consumer),
        member("pw", Role::PushWorker),
        emulator.create_member("Q", "qa", &[Role::ProjectAdmin]).unwrap(),
        "nosuchtoken".to_owned(),
    ];
    member("u", Role::Consumer);
    emulator.set_topic_acl("P", "t", &["p_listed"]).unwrap();
    emulator.set_subscription_acl("P", "s", &["c_listed"]).unwrap();
    (emulator, tokens)
}

async fn ask(emulator: &Emulator, method: &str, path: &str, token: &str) -> u16 {
    let body = match path.rsplit_once(':').map_or("", |(_, verb)| verb) {
        "modifyAcl" => r#"{"authorized_users":[]}"#,
        "publish" => r#"{"messages":[]}"#,
        _ if method == "PUT" && path.contains("/subscriptions/") => r#"{"topic":"projects/P/topics/t"}"#,
        _ => "{}",
    };
    let uri: Uri = path.parse().unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let (body, stopping) = (Bytes::from(body), CancellationToken::new());
    let call = Call::new(emulator, (method, &uri), Some(token.to_owned()), body, stopping);
    answer(emulator.clone(), call).await.into_parts().0.as_u16()
}

#[tokio::test]
async fn everybody_may_do_what_the_table_says_and_nothing_else() {
    let mut wrong = Vec::new();
    for line in TABLE.trim().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [method, path, expected @ ..] = words.as_slice() else { panic!("{line}") };
        assert_eq!(expected.len(), WHO.len(), "{line}");
        for (column, expected) in expected.iter().enumerate() {
            let (emulator, tokens) = start();
            let got = ask(&emulator, method, path, &tokens[column]).await;
            if got.to_string() != *expected {
                wrong.push(format!("{method} {path} by {}: want {expected}, got {got}", WHO[column]));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_token_is_taken_from_the_query_only_where_the_header_has_none() {
    let (emulator, tokens) = start();
    let path = |token: &str| format!("/v1/projects/P?key={token}");
    assert_eq!(ask(&emulator, "GET", &path(&tokens[3]), "").await, 200);
    assert_eq!(ask(&emulator, "GET", &path(&tokens[3]), "nosuchtoken").await, 401);
    assert_eq!(ask(&emulator, "GET", &path("nosuchtoken"), &tokens[3]).await, 200);
    assert_eq!(ask(&emulator, "GET", &path(""), "").await, 401);
}
