//! What a user of the emulator may do follows at once from what the user is now: deleted, removed from a project, given
//! another token, listed or not; and nobody is shown what is another's secret. The metrics are true.

use ams_forwarder::emulator::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{PROJECT, Service, TOKEN};

/// A service with a topic and a subscription `a`, and a publisher and a consumer who may use them.
struct Stage {
    service: Service,
    http: reqwest::Client,
    publisher: String,
    consumer: String,
    admin: String,
}

impl Stage {
    async fn set() -> Self {
        // Only the first can succeed; one is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let service = Service::with(&["a", "b"]).await;
        let emulator = &service.emulator;
        let publisher = emulator.create_member(PROJECT, "pub", &[Role::Publisher]).unwrap();
        let consumer = emulator.create_member(PROJECT, "con", &[Role::Consumer]).unwrap();
        let admin = emulator.create_member(PROJECT, "adm", &[Role::ProjectAdmin]).unwrap();
        emulator.set_topic_acl(PROJECT, "a", &["pub"]).unwrap();
        emulator.set_subscription_acl(PROJECT, "a", &["con"]).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { service, http, publisher, consumer, admin }
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/v1/{}", self.service.endpoint(), path.replace("{P}", PROJECT));
        let request = self.http.request(method, url).header("x-api-key", token).body(body.to_string());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }

    async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        self.ask(Method::GET, path, token, json!({})).await
    }

    /// As the service token.
    async fn order(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, TOKEN, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn publish(&self, token: &str, data: &str) -> u16 {
        let body = json!({"messages": [{"data": data}]});
        self.ask(Method::POST, "projects/{P}/topics/a:publish", token, body).await.0
    }

    async fn pull(&self, token: &str) -> u16 {
        let body = json!({"maxMessages": "10", "returnImmediately": "true"});
        self.ask(Method::POST, "projects/{P}/subscriptions/a:pull", token, body).await.0
    }
}

#[tokio::test]
async fn a_deleted_user_and_an_old_token_are_refused_at_once() {
    let stage = Stage::set().await;
    assert_eq!(stage.publish(&stage.publisher, "YQ==").await, 200);
    let renewed = stage.order(Method::POST, "users/pub:refreshToken", json!({})).await;
    let renewed = renewed["token"].as_str().unwrap().to_owned();
    assert_eq!(stage.publish(&stage.publisher, "YQ==").await, 401);
    assert_eq!(stage.publish(&renewed, "YQ==").await, 200);

    stage.order(Method::DELETE, "users/pub", json!({})).await;
    assert_eq!(stage.publish(&renewed, "YQ==").await, 401);
    assert_eq!(stage.get("users/profile", &renewed).await.0, 401);
    let acl = stage.order(Method::GET, "projects/{P}/topics/a:acl", json!({})).await;
    assert_eq!(acl, json!({"authorized_users": []}));
}

#[tokio::test]
async fn a_user_made_anew_under_a_name_is_not_the_one_who_was_listed() {
    let stage = Stage::set().await;
    stage.order(Method::DELETE, "users/pub", json!({})).await;
    let anew = stage.service.emulator.create_member(PROJECT, "pub", &[Role::Publisher]).unwrap();
    assert_ne!(anew, stage.publisher);
    assert_eq!(stage.publish(&anew, "YQ==").await, 403);
}

#[tokio::test]
async fn who_is_removed_from_a_project_has_nothing_in_it_and_gets_it_back_when_added() {
    let stage = Stage::set().await;
    assert_eq!(stage.pull(&stage.consumer).await, 200);
    stage.order(Method::POST, "projects/{P}/members/con:remove", json!({})).await;
    assert_eq!(stage.pull(&stage.consumer).await, 401);
    let (status, profile) = stage.get("users/profile", &stage.consumer).await;
    assert_eq!((status, &profile["projects"]), (200, &Value::Null), "still a user, of no project");

    let role = |role| json!({"project": PROJECT, "roles": [role]});
    stage.order(Method::POST, "projects/{P}/members/con:add", role("publisher")).await;
    assert_eq!(stage.pull(&stage.consumer).await, 403, "another role");
    let roles = json!({"projects": [role("consumer")]});
    let changed = stage.order(Method::PUT, "projects/{P}/members/con", roles).await;
    assert_eq!(changed["projects"][0]["subscriptions"], json!(["a"]));
    assert_eq!(stage.pull(&stage.consumer).await, 200);
}

#[tokio::test]
async fn an_access_list_counts_from_the_next_request_on_and_ends_with_its_topic() {
    let stage = Stage::set().await;
    let list = |users: &[&str]| json!({"authorized_users": users});
    let modify = "projects/{P}/topics/a:modifyAcl";
    stage.order(Method::POST, modify, list(&[])).await;
    assert_eq!(stage.publish(&stage.publisher, "YQ==").await, 403);
    stage.order(Method::POST, modify, list(&["pub"])).await;
    assert_eq!(stage.publish(&stage.publisher, "YQ==").await, 200);
    for invalid in [json!({}), json!({"authorized_users": "pub"}), json!({"authorized_users": null})] {
        assert_eq!(stage.ask(Method::POST, modify, TOKEN, invalid).await.0, 400);
    }
    stage.order(Method::DELETE, "projects/{P}/topics/a", json!({})).await;
    stage.order(Method::PUT, "projects/{P}/topics/a", json!({})).await;
    assert_eq!(stage.publish(&stage.publisher, "YQ==").await, 403);
}

#[tokio::test]
async fn members_stay_members_when_their_project_gets_another_name() {
    let stage = Stage::set().await;
    stage.order(Method::PUT, "projects/{P}", json!({"name": "RENAMED"})).await;
    assert_eq!(stage.publish(&stage.publisher, "YQ==").await, 404);
    assert_eq!(stage.get("projects/RENAMED/topics", &stage.publisher).await.0, 200);
    let profile = stage.get("users/profile", &stage.publisher).await.1;
    assert_eq!(profile["projects"][0]["project"], "RENAMED");
}

#[tokio::test]
async fn nobody_but_a_service_admin_sees_the_tokens_of_others() {
    let stage = Stage::set().await;
    let viewer = stage.service.emulator.create_user("viewer", &[Role::AdminViewer]).unwrap();
    let service_admin = stage.service.emulator.create_user("root", &[Role::ServiceAdmin]).unwrap();
    stage.service.emulator.create_project("OTHER", "").unwrap();
    stage.service.emulator.create_member("OTHER", "con", &[Role::Consumer]).unwrap();
    for (who, token) in [("project admin", &stage.admin), ("viewer", &viewer)] {
        for path in ["projects/{P}/members?details=true", "projects/{P}/members/con", "users?details=true"] {
            let (status, seen) = stage.get(path, token).await;
            assert!(status == 200 || (who, status) == ("project admin", 401), "{who} {path}: {status}");
            let seen = seen.to_string();
            assert!(!seen.contains(&stage.consumer) && !seen.contains("OTHER"), "{who} {path}: {seen}");
        }
    }
    let seen = stage.get("projects/{P}/members/con", &service_admin).await.1.to_string();
    assert!(seen.contains(&stage.consumer) && seen.contains("OTHER"), "{seen}");
}

#[tokio::test]
async fn what_a_user_makes_is_shown_as_made_by_that_user() {
    let stage = Stage::set().await;
    let service_admin = stage.service.emulator.create_user("root", &[Role::ServiceAdmin]).unwrap();
    let made = stage.ask(Method::POST, "projects/NEW", &service_admin, json!({})).await.1;
    assert_eq!(made["created_by"], "root");
    let made = stage.ask(Method::POST, "users/new", &service_admin, json!({})).await.1;
    assert_eq!(made["created_by"], "root");
    stage.order(Method::DELETE, "users/root", json!({})).await;
    let shown = stage.order(Method::GET, "users/new", json!({})).await;
    assert_eq!(shown["created_by"], Value::Null, "nobody has that name any more");
}

#[tokio::test]
async fn a_publisher_and_a_consumer_are_shown_what_lists_them() {
    let stage = Stage::set().await;
    for (path, key, token) in [
        ("projects/{P}/topics", "topics", &stage.publisher),
        ("projects/{P}/subscriptions", "subscriptions", &stage.consumer),
    ] {
        let shown = stage.get(path, token).await.1;
        assert_eq!((&shown["totalSize"], shown[key].as_array().unwrap().len()), (&json!(1), 1));
        assert_eq!(stage.get(path, &stage.admin).await.1["totalSize"], 2);
    }
}

#[tokio::test]
async fn wrong_users_are_refused_with_the_reason_and_leave_nothing_behind() {
    let stage = Stage::set().await;
    let twice = json!({"projects": [{"project": PROJECT}, {"project": PROJECT}]});
    for (method, path, body, status, message) in [
        (Method::POST, "users/new", twice, 400, format!("duplicate reference of project {PROJECT}")),
        (Method::POST, "users/new", json!({"service_roles": ["x"]}), 400, "invalid role: x".to_owned()),
        (Method::POST, "users/new", json!({"email": 7}), 400, "Invalid User Arguments".to_owned()),
        (
            Method::PUT,
            "users/pub",
            json!({"name": "con"}),
            400,
            "invalid user name change, name already exists".to_owned(),
        ),
        (Method::PUT, "users/new", json!({}), 404, "User doesn't exist".to_owned()),
        (Method::POST, "users/new:refreshToken", json!({}), 404, "User doesn't exist".to_owned()),
        (Method::DELETE, "users/new", json!({}), 404, "User doesn't exist".to_owned()),
    ] {
        let (got, answer) = stage.ask(method, path, TOKEN, body).await;
        assert_eq!((got, answer["error"]["message"].as_str()), (status, Some(message.as_str())), "{path}");
    }
    assert_eq!(stage.get("users/new", TOKEN).await.0, 404);
    let renamed = stage.order(Method::PUT, "users/pub", json!({"name": "author"})).await;
    assert_eq!(renamed["name"], "author");
    assert_eq!(stage.publish(&stage.publisher, "YQ==").await, 200, "the same user, the same token");
    assert_eq!(stage.get("users/pub", TOKEN).await.0, 404);
}

#[tokio::test]
async fn reports_say_what_was_published_and_made() {
    let stage = Stage::set().await;
    for _ in 0..3 {
        assert_eq!(stage.publish(&stage.publisher, "YWI=").await, 200);
    }
    assert_eq!(stage.pull(&stage.consumer).await, 200);
    assert_eq!(stage.pull(&stage.consumer).await, 200);
    let values = |metrics: Value| -> Vec<Value> {
        let metrics = metrics["metrics"].as_array().unwrap().clone();
        metrics.iter().map(|metric| metric["timeseries"][0]["value"].clone()).collect()
    };
    let topic = values(stage.get("projects/{P}/topics/a:metrics", &stage.publisher).await.1);
    assert_eq!(topic[..4], [json!(1), json!(3), json!(12), json!(3)]);
    assert!(topic[4].as_f64().unwrap() > 0.0);
    let subscription = values(stage.get("projects/{P}/subscriptions/a:metrics", &stage.consumer).await.1);
    assert_eq!(subscription[..2], [json!(6), json!(24)]);
    let project = stage.get("projects/{P}:metrics", &stage.admin).await.1;
    let names = |metric: &Value| format!("{}", metric["resource_name"].as_str().unwrap());
    let named: Vec<String> = project["metrics"].as_array().unwrap().iter().map(names).collect();
    assert_eq!(named, [PROJECT, PROJECT, "TEST.pub", "TEST.con", PROJECT]);
    assert_eq!(values(project), [json!(2), json!(2), json!(1), json!(1), json!(3)]);

    let report = stage.order(Method::GET, "metrics/va_metrics", json!({})).await;
    let listed = &report["projects_metrics"]["projects"][0];
    assert_eq!(listed["message_count"], 3);
    assert_eq!((&listed["topics_count"], &listed["users_count"]), (&json!(2), &json!(3)));
    assert_eq!(report["total_subscriptions_count"], 2);
    let past = "metrics/va_metrics?end_date=2020-01-01";
    assert_eq!(stage.order(Method::GET, past, json!({})).await["projects_metrics"]["projects"], json!([]));
    let (status, refused) = stage.get("metrics/va_metrics?projects=NOSUCH", TOKEN).await;
    assert_eq!((status, &refused["error"]["message"]), (404, &json!("Project NOSUCH doesn't exist")));

    let usage = stage.get("users/usageReport", &stage.admin).await.1;
    assert_eq!(usage["va_metrics"]["projects_metrics"]["total_message_count"], 3);
    assert_eq!(usage["operational_metrics"]["metrics"][1]["metric"], "ams_node.memory_usage");
    let usage = stage.get("users/usageReport", &stage.consumer).await.1;
    assert_eq!(usage["va_metrics"]["projects_metrics"]["projects"], json!([]), "no admin of any project");
}
