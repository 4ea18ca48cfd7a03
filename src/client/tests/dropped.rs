//! Calls can be dropped at any time, and none takes the client with it.

use super::{LIMITS, documented::documented, sub, topic};
use crate::client::{testing::*, *};
use axum::response::IntoResponse;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::sync::Semaphore;

/// As a task can run it.
type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! calls {
    ($client:ident; $($call:ident($($argument:expr),*);)+) => {
        BTreeMap::from([$((stringify!($call), {
            let client = $client.clone();
            Box::pin(async move { drop(client.$call($($argument),*).await) }) as Call
        })),+])
    };
}

fn user() -> UserName {
    "u".parse().unwrap()
}

fn schema() -> SchemaName {
    "s".parse().unwrap()
}

fn every_call(client: &AmsClient) -> BTreeMap<&'static str, Call> {
    calls! { client;
        accept_registration("1");
        acknowledge(&sub("s"), 0);
        add_member(&user(), &[]);
        attach_schema(&topic("t"), &schema());
        create_member(&user(), "", &[]);
        create_project("");
        create_push_subscription(&sub("s"), &topic("t"), None, &PushConfig::http(""));
        create_schema(&schema(), &SchemaKind::Json, &json!({}));
        create_subscription(&sub("s"), &topic("t"), None);
        create_topic(&topic("t"));
        create_user(&user(), &NewUser::default());
        decline_registration("1", "");
        delete_project();
        delete_registration("1");
        delete_schema(&schema());
        delete_subscription(&sub("s"));
        delete_topic(&topic("t"));
        delete_user(&user());
        detach_schema(&topic("t"));
        member(&user());
        members(&PageRequest::default());
        modify_ack_deadline(&sub("s"), Duration::ZERO);
        modify_offset(&sub("s"), 0);
        modify_push_config(&sub("s"), &PushConfig::http(""));
        modify_subscription_acl(&sub("s"), &["u"]);
        modify_topic_acl(&topic("t"), &["u"]);
        node_metrics();
        offsets(&sub("s"));
        profile();
        project_info();
        project_metrics();
        projects();
        publish(&topic("t"), &[NewMessage::new("x")]);
        pull(&sub("s"), LIMITS);
        pull_and_acknowledge(&sub("s"), LIMITS);
        refresh_user_token(&user());
        register(&NewRegistration::default());
        registration("1");
        registrations(&RegistrationFilter::default());
        remove_member(&user());
        schema(&schema());
        schemas();
        status();
        status_details();
        stop_push(&sub("s"));
        subscription(&sub("s"));
        subscription_acl(&sub("s"));
        subscription_exists(&sub("s"));
        subscription_metrics(&sub("s"));
        subscriptions(&PageRequest::default());
        time_to_offset(&sub("s"), SystemTime::UNIX_EPOCH);
        topic(&topic("t"));
        topic_acl(&topic("t"));
        topic_exists(&topic("t"));
        topic_metrics(&topic("t"));
        topic_subscriptions(&topic("t"));
        topics(&PageRequest::default());
        update_member(&user(), &[]);
        update_project(&ProjectChange::default());
        update_schema(&schema(), &SchemaChange::default());
        update_user(&user(), &UserChange::default());
        usage_report(&ReportQuery::default());
        user(&user());
        user_by_token(&"t".into());
        user_by_uuid("1");
        users(None, &PageRequest::default());
        va_metrics(&ReportQuery::default());
        validate_avro(&schema(), b"");
        validate_json(&schema(), &json!({}));
        verify_push_endpoint(&sub("s"));
        version();
    }
}

/// Needs a message that was pulled, and is otherwise `publish`.
const NOT_MADE: [&str; 1] = ["publish_raw"];

#[tokio::test]
async fn a_call_that_is_dropped_while_it_waits_leaves_the_client_as_it_was() {
    let (arrived, silent) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (tell, hold) = (Arc::clone(&arrived), Arc::clone(&silent));
    let endpoint = serve_fn(move |_| {
        let (tell, hold) = (Arc::clone(&tell), Arc::clone(&hold));
        async move {
            tell.add_permits(1);
            drop(hold.acquire().await);
            OFFSETS.into_response()
        }
    })
    .await;
    let client = client(&endpoint);
    let calls = every_call(&client);
    let names: BTreeSet<_> =
        calls.keys().map(ToString::to_string).chain(NOT_MADE.map(str::to_owned)).collect();
    assert_eq!(names, documented().into_keys().collect(), "a call is not tried");
    for call in calls.into_values() {
        let waiting = tokio::spawn(call);
        arrived.acquire().await.unwrap().forget();
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
    }
    silent.close();
    assert_eq!(offsets(&client).await.unwrap().max, 3);
}
