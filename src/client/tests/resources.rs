//! What the recordings do not show: what a change sends, which secrets stay hidden, what follows from odd answers.

use super::{LIMITS, sub, topic};
use crate::client::{
    testing::{always, client, raw, send, serve_fn},
    *,
};
use axum::{http::StatusCode, response::IntoResponse};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_client_of_another_project_is_of_the_same_service() {
    let endpoint = serve_fn(|request| {
        let path = request.uri().path().to_owned();
        async move {
            let name = path.strip_prefix("/v1/projects/").unwrap_or_default();
            format!(r#"{{"name":"{name}"}}"#).into_response()
        }
    })
    .await;
    let client = client(&endpoint);
    let other = client.in_project("Q".parse().unwrap());
    assert_eq!(client.project_info().await.unwrap().name, *client.project());
    assert_eq!(other.project_info().await.unwrap().name.as_str(), "Q");
    assert_eq!((other.endpoint(), other.authority()), (client.endpoint(), client.authority()));
}

/// The request that a call makes: its line, and its body.
async fn request_of(call: impl AsyncFnOnce(AmsClient)) -> (String, serde_json::Value) {
    let (tell, told) = std::sync::mpsc::channel();
    let endpoint = raw(move |request, stream| {
        tell.send(request).unwrap();
        send(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
    })
    .await;
    call(client(&endpoint)).await;
    let request: String = told.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test]
async fn a_change_says_what_changes_and_nothing_else() {
    let (_, body) = request_of(async |client| {
        client.update_project(&ProjectChange::default()).await.unwrap_err();
    })
    .await;
    assert_eq!(body, json!({}));
    let (line, body) = request_of(async |client| {
        let change = UserChange { email: Some("e".to_owned()), ..UserChange::default() };
        client.update_user(&"u".parse().unwrap(), &change).await.unwrap_err();
    })
    .await;
    assert_eq!((line.as_str(), body), ("PUT /v1/users/u HTTP/1.1", json!({ "email": "e" })));
    let (line, body) = request_of(async |client| {
        let change = SchemaChange { name: Some("n".parse().unwrap()), ..SchemaChange::default() };
        client.update_schema(&"s".parse().unwrap(), &change).await.unwrap_err();
    })
    .await;
    assert_eq!(
        (line.as_str(), body),
        ("PUT /v1/projects/P/schemas/s HTTP/1.1", json!({ "name": "projects/P/schemas/n" }))
    );
}

#[tokio::test]
async fn push_is_asked_for_in_the_form_of_the_service() {
    let push = PushConfig::http("https://a.example.org/x").max_messages(3).retry(PushRetry::SlowStart);
    let (line, body) =
        request_of(async |client| client.modify_push_config(&sub("s"), &push).await.unwrap()).await;
    assert_eq!(line, "POST /v1/projects/P/subscriptions/s:modifyPushConfig HTTP/1.1");
    assert_eq!(
        body,
        json!({ "pushConfig": {
            "type": "http_endpoint",
            "pushEndpoint": "https://a.example.org/x",
            "maxMessages": 3,
            "retryPolicy": { "type": "slowstart" },
            "authorizationHeader": { "type": "autogen" },
            "base64Decode": false,
        } })
    );
    let push = PushConfig::mattermost("https://chat.example.org/hooks/S3CRET", "ams", "alarms");
    assert!(!format!("{push:?}").contains("S3CRET"));
    let push = push.without_authorization().base64_decode();
    let (_, body) =
        request_of(async |client| client.modify_push_config(&sub("s"), &push).await.unwrap()).await;
    assert_eq!(
        body["pushConfig"],
        json!({
            "type": "mattermost",
            "mattermostUrl": "https://chat.example.org/hooks/S3CRET",
            "mattermostUsername": "ams",
            "mattermostChannel": "alarms",
            "maxMessages": 1,
            "retryPolicy": { "type": "linear", "period": 3000 },
            "authorizationHeader": { "type": "disabled" },
            "base64Decode": true,
        })
    );
}

#[tokio::test]
async fn what_the_service_says_of_a_push_is_kept_and_its_secrets_are_shown_nowhere() {
    let answer = r#"{"name":"/projects/P/subscriptions/s","topic":"/projects/P/topics/t","ackDeadlineSeconds":10,
        "pushConfig":{"type":"http_endpoint","pushEndpoint":"https://a.example.org/x","maxMessages":3,
        "authorizationHeader":{"type":"autogen","value":"S3CRET-1"},"retryPolicy":{"type":"linear","period":300},
        "verificationHash":"hash","verified":true,"mattermostUrl":"https://chat.example.org/S3CRET-2"}}"#;
    let shown = always(answer).await.subscription(&sub("s")).await.unwrap();
    let push = shown.push.clone().unwrap();
    assert_eq!((push.kind.as_str(), push.max_messages, push.verified), ("http_endpoint", 3, true));
    assert_eq!(push.retry, Some(PushRetry::Linear(Duration::from_millis(300))));
    assert_eq!(push.authorization.unwrap().expose_secret(), "S3CRET-1");
    assert_eq!(push.mattermost_url.unwrap().expose_secret(), "https://chat.example.org/S3CRET-2");
    let written = serde_json::to_value(&shown).unwrap();
    assert_eq!(written["push"]["endpoint"], "https://a.example.org/x");
    assert_eq!(
        (&written["ack_deadline_seconds"], &written["push"]["type"]),
        (&json!(10), &json!("http_endpoint"))
    );
    assert!(!format!("{shown:?}{written}").contains("S3CRET"));
}

#[tokio::test]
async fn tokens_of_users_and_registrations_are_shown_nowhere() {
    let client =
        always(r#"{"uuid":"1","name":"u","token":"S3CRET","service_roles":null,"new":{"field":1}}"#).await;
    let user = client.profile().await.unwrap();
    assert_eq!(user.token.as_ref().unwrap().expose_secret(), "S3CRET");
    let client = always(r#"{"uuid":"1","name":"u","status":"postponed","activation_token":"S3CRET"}"#).await;
    let registration = client.registration("1").await.unwrap();
    assert_eq!(registration.status, RegistrationStatus::Other("postponed".to_owned()));
    let written = json!([user, registration]);
    assert!(!format!("{user:?}{registration:?}{written}").contains("S3CRET"), "{written}");
}

#[tokio::test]
async fn a_token_that_is_looked_up_travels_escaped_and_no_error_shows_it() {
    let token = SecretString::from("a/b?c=d#e%f+g");
    let (line, _) = request_of(async |client| drop(client.user_by_token(&token).await)).await;
    assert_eq!(line, "GET /v1/users:byToken/a%2Fb%3Fc=d%23e%25f+g HTTP/1.1");
    let echoes = (StatusCode::NOT_FOUND, "<p>no user a/b?c=d#e%f+g</p>");
    let error = always(echoes).await.user_by_token(&token).await.unwrap_err();
    assert_eq!((error.path(), error.message()), ("/v1/users:byToken", "<p>no user ***</p>"));
}

#[tokio::test]
async fn what_is_no_uuid_is_refused_before_it_becomes_another_path() {
    let client = always("{}").await;
    for bad in ["", "../profile", "a b", "x:accept", "x?y"] {
        let errors =
            [client.user_by_uuid(bad).await.unwrap_err(), client.accept_registration(bad).await.unwrap_err()];
        for error in errors {
            assert!(error.kind() == ErrorKind::Invalid && !error.may_have_happened(), "{bad}: {error}");
        }
    }
}

#[tokio::test]
async fn a_thing_is_missing_only_by_the_services_own_word() {
    let missing = r#"{"error":{"code":404,"message":"Topic doesn't exist","status":"NOT_FOUND"}}"#;
    let client = always((StatusCode::NOT_FOUND, missing)).await;
    assert!(!client.topic_exists(&topic("t")).await.unwrap());
    assert!(!client.subscription_exists(&sub("s")).await.unwrap());
    let client = always((StatusCode::NOT_FOUND, "404 page not found")).await;
    assert_eq!(client.topic_exists(&topic("t")).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_acknowledgement_whose_answer_was_lost_is_looked_up_before_messages_are_given_up() {
    const BATCH: &str = r#"{"receivedMessages":[{"ackId":"projects/P/subscriptions/s:4","message":{"messageId":"4","data":"YQ=="}}]}"#;
    for (current, acknowledged) in [(5, true), (4, false)] {
        let endpoint = serve_fn(move |request| async move {
            match request.uri().path() {
                path if path.ends_with(":pull") => BATCH.into_response(),
                path if path.ends_with(":offsets") => {
                    format!(r#"{{"max":9,"min":0,"current":{current}}}"#).into_response()
                }
                _ => StatusCode::BAD_GATEWAY.into_response(),
            }
        })
        .await;
        let outcome = client(&endpoint).pull_and_acknowledge(&sub("s"), LIMITS).await;
        assert_eq!(outcome.is_ok_and(|batch| batch.last_id() == Some(4)), acknowledged, "current {current}");
    }
}
