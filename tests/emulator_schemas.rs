//! A topic with a schema takes what fits and nothing else, and registrations become users: what the recordings of the real
//! service do not show.

use ams_forwarder::emulator::Role;
use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{PROJECT, Service, TOKEN};

struct Stage {
    service: Service,
    http: reqwest::Client,
}

impl Stage {
    async fn set() -> Self {
        // Only the first can succeed; one is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let service = Service::with(&["a"]).await;
        Self { service, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    async fn send(&self, method: Method, path: &str, token: &str, body: String) -> (u16, Value) {
        let url = format!("{}/v1/{}", self.service.endpoint(), path.replace("{P}", PROJECT));
        let request = self.http.request(method, url).header("x-api-key", token).body(body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, TOKEN, body.to_string()).await
    }

    async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, TOKEN, String::new()).await.1
    }

    /// Gives the topic a schema of that type.
    async fn demand(&self, name: &str, kind: &str, schema: Value) {
        let schema = json!({"type": kind, "schema": schema});
        assert_eq!(self.post(&format!("projects/{{P}}/schemas/{name}"), schema).await.0, 200);
        let attached = json!({"schema": full_name(name)});
        assert_eq!(self.post("projects/{P}/topics/a:attachSchema", attached).await.0, 200);
    }

    async fn publish(&self, data: &[&str]) -> (u16, Value) {
        let messages: Vec<_> = data.iter().map(|data| json!({"data": data})).collect();
        self.post("projects/{P}/topics/a:publish", json!({"messages": messages})).await
    }

    /// How many messages the topic has.
    async fn published(&self) -> i64 {
        self.get("projects/{P}/subscriptions/a:offsets").await["max"].as_i64().unwrap()
    }
}

fn full_name(name: &str) -> String {
    format!("projects/{PROJECT}/schemas/{name}")
}

fn message(answer: &Value) -> &str {
    answer["error"]["message"].as_str().unwrap_or_default()
}

/// `{"n": 1}`, `{"n": "x"}` and something that is no base64.
const FITS: &str = "eyJuIjogMX0=";
const MISFIT: &str = "eyJuIjogIngifQ==";
const NO_BASE64: &str = "a b";

#[tokio::test]
async fn of_a_batch_in_which_one_message_does_not_fit_nothing_is_published() {
    let stage = Stage::set().await;
    stage.demand("s", "json", json!({"properties": {"n": {"type": "integer"}}})).await;
    let (status, answer) = stage.publish(&[FITS, FITS, FITS, MISFIT]).await;
    assert_eq!(status, 400);
    assert_eq!(
        message(&answer),
        "Message 3 data is not valid,n: Invalid type. Expected: integer, given: string"
    );
    let (status, answer) = stage.publish(&[FITS, NO_BASE64]).await;
    assert_eq!(status, 400);
    assert_eq!(
        message(&answer),
        "Message 1 is not in valid base64 enocding,illegal base64 data at input byte 1"
    );
    assert_eq!(stage.published().await, 0);
    assert_eq!(stage.publish(&[FITS, FITS]).await.0, 200);
    assert_eq!(stage.published().await, 2);
}

#[tokio::test]
async fn an_avro_topic_takes_data_of_its_schema() {
    let stage = Stage::set().await;
    let fields = json!([{"name": "u", "type": ["null", "string"]}, {"name": "n", "type": "int"}]);
    stage.demand("s", "avro", json!({"type": "record", "name": "R", "fields": fields})).await;
    // null and 1; "x" and 1; neither.
    assert_eq!(stage.publish(&["AAI=", "AgJ4Ag=="]).await.0, 200);
    let (status, answer) = stage.publish(&["AAI=", "BAI="]).await;
    assert_eq!(status, 400);
    let expected = "Message 1 is not valid.cannot decode binary record \"R\" field \"u\": \
        cannot decode binary union: index ought to be between 0 and 1; read index: 2";
    assert_eq!(message(&answer), expected);
    assert_eq!(stage.published().await, 2);
}

#[tokio::test]
async fn a_topic_keeps_its_schema_under_a_new_name_and_loses_it_with_the_schema() {
    let stage = Stage::set().await;
    stage.demand("s", "json", json!({"type": "array"})).await;
    let update = |body: Value| stage.send(Method::PUT, "projects/{P}/schemas/s", TOKEN, body.to_string());
    assert_eq!(update(json!({"name": full_name("other")})).await.0, 200);
    assert_eq!(stage.get("projects/{P}/topics/a").await["schema"], full_name("other"));
    assert_eq!(stage.publish(&[FITS]).await.0, 400);
    let loosened = json!({"schema": {"type": "object"}}).to_string();
    assert_eq!(stage.send(Method::PUT, "projects/{P}/schemas/other", TOKEN, loosened).await.0, 200);
    assert_eq!(stage.publish(&[FITS]).await.0, 200);
    assert_eq!(stage.publish(&["W10="]).await.0, 400);
    assert_eq!(stage.send(Method::DELETE, "projects/{P}/schemas/other", TOKEN, String::new()).await.0, 200);
    assert_eq!(stage.get("projects/{P}/topics/a").await.get("schema"), None);
    assert_eq!(stage.publish(&["W10="]).await.0, 200);
}

#[tokio::test]
async fn a_topic_can_be_made_with_a_schema() {
    let stage = Stage::set().await;
    stage.demand("s", "json", json!({"type": "object"})).await;
    let create = |topic: &'static str, schema: String| {
        let path = format!("projects/{{P}}/topics/{topic}");
        let stage = &stage;
        async move { stage.send(Method::PUT, &path, TOKEN, json!({"schema": schema}).to_string()).await }
    };
    let (status, answer) = create("b", full_name("s")).await;
    assert_eq!((status, &answer["schema"]), (200, &json!(full_name("s"))));
    let topics = stage.get("projects/{P}/topics").await;
    assert_eq!(topics["topics"][0]["schema"], full_name("s"));
    let (status, answer) = create("c", full_name("nosuch")).await;
    assert_eq!((status, message(&answer)), (404, "Schema doesn't exist"));
    let (status, answer) = create("c", "s".to_owned()).await;
    assert_eq!((status, message(&answer)), (400, "wrong schema name declaration"));
}

#[tokio::test]
async fn five_thousand_messages_are_held_against_a_schema_in_one_request() {
    let stage = Stage::set().await;
    let name = json!({"type": "string", "pattern": "^[a-z]{1,50}$"});
    let people = json!({"definitions": {"name": name}, "properties": {"n": {"$ref": "#/definitions/name"}}});
    stage.demand("s", "json", people).await;
    let mut data = vec!["eyJuIjogIngifQ=="; 5000];
    assert_eq!(stage.publish(&data).await.0, 200);
    data[4999] = FITS;
    let (status, answer) = stage.publish(&data).await;
    assert_eq!(status, 400);
    assert!(message(&answer).starts_with("Message 4999 data is not valid,n: "), "{answer}");
    assert_eq!(stage.published().await, 5000);
}

#[tokio::test]
async fn a_schema_that_is_too_large_is_refused_with_the_bound() {
    let stage = Stage::set().await;
    let large = json!({"type": "json", "schema": {"description": "x".repeat(256 * 1024)}});
    let (status, answer) = stage.post("projects/{P}/schemas/large", large).await;
    assert_eq!(status, 400);
    assert_eq!(message(&answer), "Schema is larger than the 262144 bytes this emulator takes");
}

#[tokio::test]
async fn a_registration_is_accepted_once_and_becomes_a_user_whose_token_works() {
    let stage = Stage::set().await;
    let admin = stage.service.emulator.create_user("boss", &[Role::ServiceAdmin]).unwrap();
    let (_, pending) =
        stage.post("registrations", json!({"name": "new", "email": "e", "organization": "o"})).await;
    assert_eq!(pending["status"], "pending");
    assert_eq!(pending["activation_token"].as_str().unwrap().len(), 64);
    let uuid = pending["uuid"].as_str().unwrap();
    let accept = format!("registrations/{uuid}:accept");
    let (status, user) = stage.send(Method::POST, &accept, &admin, String::new()).await;
    assert_eq!((status, &user["name"], &user["created_by"]), (200, &json!("new"), &json!("boss")));
    let (status, profile) =
        stage.send(Method::GET, "users/profile", user["token"].as_str().unwrap(), String::new()).await;
    assert_eq!((status, &profile["uuid"]), (200, &user["uuid"]));

    let kept = stage.get(&format!("registrations/{uuid}")).await;
    assert_eq!((&kept["status"], &kept["modified_by"]), (&json!("accepted"), &json!("boss")));
    assert!(kept["modified_at"].is_string());
    assert_eq!(kept.get("activation_token"), None);
    for verb in ["accept", "decline"] {
        let (status, answer) = stage.post(&format!("registrations/{uuid}:{verb}"), json!({})).await;
        assert_eq!((status, message(&answer)), (404, "User registration doesn't exist"));
    }
}

#[tokio::test]
async fn a_declined_registration_says_why_and_makes_nobody() {
    let stage = Stage::set().await;
    let mut uuids = Vec::new();
    for (name, organization) in [("one", "o"), ("two", "p"), ("two", "o")] {
        let body = json!({"name": name, "email": "e", "organization": organization});
        uuids.push(stage.post("registrations", body).await.1["uuid"].as_str().unwrap().to_owned());
    }
    let decline = format!("registrations/{}:decline", uuids[1]);
    let (status, answer) = stage.send(Method::POST, &decline, TOKEN, "no json".to_owned()).await;
    assert_eq!((status, message(&answer)), (400, "Invalid Request Body"));
    assert_eq!(stage.post(&decline, json!({"comment": "not you"})).await, (200, json!({})));
    let kept = stage.get(&format!("registrations/{}", uuids[1])).await;
    assert_eq!((&kept["status"], &kept["decline_comment"]), (&json!("declined"), &json!("not you")));
    assert_eq!(kept.get("modified_by"), None);
    assert_eq!(message(&stage.get("users/two").await), "User doesn't exist");

    for (query, found) in [
        ("", vec![0, 1, 2]),
        ("name=two", vec![1, 2]),
        ("name=two&status=pending", vec![2]),
        ("organization=o", vec![0, 2]),
        ("status=accepted", vec![]),
        ("email=x", vec![]),
    ] {
        let list = stage.get(&format!("registrations?{query}")).await;
        let list = list["user_registrations"].as_array().unwrap().clone();
        let list: Vec<_> = list.iter().map(|one| one["uuid"].as_str().unwrap().to_owned()).collect();
        assert_eq!(list, found.iter().map(|&at: &usize| uuids[at].clone()).collect::<Vec<_>>(), "{query}");
    }
}

#[tokio::test]
async fn two_registrations_of_one_name_make_one_user() {
    let stage = Stage::set().await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push(stage.post("registrations", json!({"name": "same"})).await.1);
    }
    let accept = |at: usize| format!("registrations/{}:accept", answers[at]["uuid"].as_str().unwrap());
    assert_eq!(stage.post(&accept(0), json!({})).await.0, 200);
    let (status, answer) = stage.post(&accept(1), json!({})).await;
    assert_eq!((status, message(&answer)), (409, "User already exists"));
    let kept = stage.get(&format!("registrations/{}", answers[1]["uuid"].as_str().unwrap())).await;
    assert_eq!(kept["status"], "pending");
}

/// Pieces of which schemas, messages and nonsense are made.
fn fragment() -> impl Strategy<Value = Value> {
    let keyword = prop::sample::select(vec![
        "type",
        "properties",
        "items",
        "$ref",
        "allOf",
        "anyOf",
        "not",
        "required",
        "enum",
        "pattern",
        "name",
        "fields",
        "symbols",
        "size",
        "values",
        "default",
        "format",
        "minimum",
        "definitions",
        "a",
    ]);
    let leaf = prop_oneof![
        Just(json!("#")),
        Just(json!("#/definitions/a")),
        prop::sample::select(vec![
            "object", "array", "record", "enum", "fixed", "map", "int", "null", "R", "[", "date"
        ])
        .prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keyword.clone(), inner, 0..5)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

/// Whatever is sent as a schema and held against it, there is an answer, and it is never a failure of the service.
#[test]
fn no_schema_and_no_message_brings_it_down() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::set());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400));
    let kind = prop::sample::select(vec!["json", "avro"]);
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    let tried = runner.run(&(kind, fragment(), fragment(), bytes), |(kind, schema, document, bytes)| {
        let statuses = runtime.block_on(async {
            let path = "projects/{P}/schemas/any";
            let schema = json!({"type": kind, "schema": schema});
            let created = stage.post(path, schema).await.0;
            let body = if kind == "json" {
                document
            } else {
                json!({"data": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)})
            };
            let validated = stage.post(&format!("{path}:validate"), body).await.0;
            stage.send(Method::DELETE, path, TOKEN, String::new()).await;
            [created, validated]
        });
        prop_assert!(statuses.iter().all(|status| matches!(status, 200 | 400 | 404)), "{statuses:?}");
        Ok(())
    });
    tried.unwrap();
}
