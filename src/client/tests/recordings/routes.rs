//! From the route of a recorded exchange to the call that takes it.

use super::wire;
use crate::client::{
    AmsClient, NewMessage, NewRegistration, NewUser, PageRequest, ProjectChange, PullLimits, PushConfig,
    RegistrationFilter, ReportQuery, Result, Role, SchemaChange, SchemaKind, UserChange, testing::Step,
};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// What stands before a name.
const COLLECTIONS: [&str; 9] = [
    "projects",
    "topics",
    "subscriptions",
    "schemas",
    "members",
    "users",
    "users:byUUID",
    "users:byToken",
    "registrations",
];

/// What stands below `users` and is none.
const NO_USERS: [&str; 2] = ["profile", "usageReport"];

const ALL: PageRequest = PageRequest { size: None, token: None };
const LIMITS: PullLimits = PullLimits { max_messages: 100, max_bytes: 8 << 20 };

/// What an exchange asks for: `POST projects/_/topics/_:publish`, and the last name in it.
pub(super) fn route(method: &str, path: &str) -> (String, String) {
    let path = path.split('?').next().unwrap_or_default();
    let (mut route, mut name, mut before) = (Vec::new(), String::new(), "");
    for segment in path.trim_start_matches("/v1").trim_start_matches('/').split('/') {
        if COLLECTIONS.contains(&before) && !NO_USERS.contains(&segment) {
            let verb = segment.find(':').unwrap_or(segment.len());
            segment[..verb].clone_into(&mut name);
            route.push(format!("_{}", &segment[verb..]));
        } else {
            route.push(segment.to_owned());
        }
        before = segment;
    }
    (format!("{method} {}", route.join("/")), name)
}

/// Makes the call that takes an exchange, and gives what the model keeps of the answer in the form of the service; none
/// if no call does.
pub(super) async fn perform(client: &AmsClient, step: &Step) -> Option<Result<Value>> {
    let (route, name) = route(&step.method, &step.path);
    if let Some(done) = topics(client, &route, &name, step).await {
        return Some(done);
    }
    if let Some(done) = subscriptions(client, &route, &name, step).await {
        return Some(done);
    }
    if let Some(done) = schemas(client, &route, &name).await {
        return Some(done);
    }
    if let Some(done) = people(client, &route, &name).await {
        return Some(done);
    }
    others(client, &route).await
}

async fn topics(client: &AmsClient, route: &str, topic: &str, step: &Step) -> Option<Result<Value>> {
    let topic = &named(topic);
    Some(match route {
        "GET projects/_/topics" => {
            client.topics(&ALL).await.map(|page| wire::page(&page, "topics", wire::topic))
        }
        "PUT projects/_/topics/_" => client.create_topic(topic).await.map(|topic| wire::topic(&topic)),
        "GET projects/_/topics/_" => client.topic(topic).await.map(|topic| wire::topic(&topic)),
        "DELETE projects/_/topics/_" => client.delete_topic(topic).await.map(|()| Value::Null),
        "GET projects/_/topics/_:acl" => client.topic_acl(topic).await.map(wire::acl),
        "POST projects/_/topics/_:modifyAcl" => {
            client.modify_topic_acl(topic, &["u"]).await.map(|()| Value::Null)
        }
        "GET projects/_/topics/_/subscriptions" => client.topic_subscriptions(topic).await.map(|names| {
            let name =
                |name: &crate::client::SubscriptionName| format!("/{}", name.qualified(client.project()));
            json!({ "subscriptions": names.iter().map(name).collect::<Vec<_>>() })
        }),
        "GET projects/_/topics/_:metrics" => client.topic_metrics(topic).await.map(wire::metrics),
        "POST projects/_/topics/_:attachSchema" => {
            client.attach_schema(topic, &named("x")).await.map(|()| Value::Null)
        }
        "POST projects/_/topics/_:detachSchema" => client.detach_schema(topic).await.map(|()| Value::Null),
        "POST projects/_/topics/_:publish" => {
            let messages =
                vec![NewMessage::new("x"); step.text.matches('"').count().saturating_sub(2).max(2) / 2];
            client
                .publish(topic, &messages)
                .await
                .map(|ids| json!({ "messageIds": ids.iter().map(ToString::to_string).collect::<Vec<_>>() }))
        }
        _ => return None,
    })
}

async fn subscriptions(client: &AmsClient, route: &str, name: &str, step: &Step) -> Option<Result<Value>> {
    let name = &named(name);
    Some(match route {
        "GET projects/_/subscriptions" => client
            .subscriptions(&ALL)
            .await
            .map(|page| wire::page(&page, "subscriptions", wire::subscription)),
        "PUT projects/_/subscriptions/_" => {
            client.create_subscription(name, &named("t"), None).await.map(|made| wire::subscription(&made))
        }
        "GET projects/_/subscriptions/_" => {
            client.subscription(name).await.map(|shown| wire::subscription(&shown))
        }
        "DELETE projects/_/subscriptions/_" => client.delete_subscription(name).await.map(|()| Value::Null),
        "GET projects/_/subscriptions/_:acl" => client.subscription_acl(name).await.map(wire::acl),
        "POST projects/_/subscriptions/_:modifyAcl" => {
            client.modify_subscription_acl(name, &["u"]).await.map(|()| Value::Null)
        }
        "GET projects/_/subscriptions/_:metrics" => {
            client.subscription_metrics(name).await.map(wire::metrics)
        }
        "POST projects/_/subscriptions/_:modifyAckDeadline" => {
            client.modify_ack_deadline(name, Duration::from_secs(10)).await.map(|()| Value::Null)
        }
        "POST projects/_/subscriptions/_:modifyPushConfig" => {
            let push = PushConfig::http("https://127.0.0.1:1/x");
            client.modify_push_config(name, &push).await.map(|()| Value::Null)
        }
        "POST projects/_/subscriptions/_:verifyPushEndpoint" => {
            client.verify_push_endpoint(name).await.map(|()| Value::Null)
        }
        "POST projects/_/subscriptions/_:pull" => {
            client.pull(name, LIMITS).await.map(|batch| wire::batch(&batch, name))
        }
        "POST projects/_/subscriptions/_:acknowledge" => {
            client.acknowledge(name, 0).await.map(|()| json!({}))
        }
        "GET projects/_/subscriptions/_:offsets" => client.offsets(name).await.map(|offsets| json!(offsets)),
        "POST projects/_/subscriptions/_:modifyOffset" => {
            client.modify_offset(name, offset(step)).await.map(|()| Value::Null)
        }
        "GET projects/_/subscriptions/_:timeToOffset" => client
            .time_to_offset(name, SystemTime::UNIX_EPOCH)
            .await
            .map(|offset| json!({ "offset": offset })),
        _ => return None,
    })
}

/// Where a recorded seek went, or a place for those that named none.
pub(super) fn offset(step: &Step) -> u64 {
    step.body.as_ref().and_then(|body| body["offset"].as_u64()).unwrap_or_default()
}

async fn schemas(client: &AmsClient, route: &str, name: &str) -> Option<Result<Value>> {
    let name = &named(name);
    Some(match route {
        "GET projects/_/schemas" => client
            .schemas()
            .await
            .map(|found| json!({ "schemas": found.iter().map(wire::schema).collect::<Vec<_>>() })),
        "POST projects/_/schemas/_" => {
            client.create_schema(name, &SchemaKind::Json, &json!({})).await.map(|made| wire::schema(&made))
        }
        "GET projects/_/schemas/_" => client.schema(name).await.map(|shown| wire::schema(&shown)),
        "PUT projects/_/schemas/_" => {
            client.update_schema(name, &SchemaChange::default()).await.map(|changed| wire::schema(&changed))
        }
        "DELETE projects/_/schemas/_" => client.delete_schema(name).await.map(|()| Value::Null),
        "POST projects/_/schemas/_:validate" => client
            .validate_json(name, &json!({}))
            .await
            .map(|()| json!({ "message": "Message validated successfully" })),
        _ => return None,
    })
}

async fn people(client: &AmsClient, route: &str, name: &str) -> Option<Result<Value>> {
    let registration = if crate::client::is_valid_name(name) { name } else { "x" };
    let name = &named(name);
    Some(match route {
        "GET projects/_/members" => {
            client.members(&ALL).await.map(|page| wire::page(&page, "users", wire::user))
        }
        "GET projects/_/members/_" => client.member(name).await.map(|user| wire::user(&user)),
        "POST projects/_/members/_" => {
            client.create_member(name, "", &[Role::Consumer]).await.map(|user| wire::user(&user))
        }
        "POST projects/_/members/_:add" => client.add_member(name, &[]).await.map(|user| wire::user(&user)),
        "POST projects/_/members/_:remove" => client.remove_member(name).await.map(|()| json!({})),
        "GET users" => client.users(None, &ALL).await.map(|page| wire::page(&page, "users", wire::user)),
        "GET users/_" => client.user(name).await.map(|user| wire::user(&user)),
        "GET users:byUUID/_" => client.user_by_uuid(registration).await.map(|user| wire::user(&user)),
        "GET users:byToken/_" => client.user_by_token(&"t".into()).await.map(|user| wire::user(&user)),
        "GET users/profile" => client.profile().await.map(|user| wire::user(&user)),
        "POST users/_" => client.create_user(name, &NewUser::default()).await.map(|user| wire::user(&user)),
        "PUT users/_" => client.update_user(name, &UserChange::default()).await.map(|user| wire::user(&user)),
        "POST users/_:refreshToken" => client.refresh_user_token(name).await.map(|user| wire::user(&user)),
        "DELETE users/_" => client.delete_user(name).await.map(|()| Value::Null),
        "GET registrations" => client.registrations(&RegistrationFilter::default()).await.map(
            |found| json!({ "user_registrations": found.iter().map(wire::registration).collect::<Vec<_>>() }),
        ),
        "POST registrations" => {
            client.register(&NewRegistration::default()).await.map(|made| wire::registration(&made))
        }
        "GET registrations/_" => {
            client.registration(registration).await.map(|shown| wire::registration(&shown))
        }
        "POST registrations/_:accept" => {
            client.accept_registration(registration).await.map(|user| wire::user(&user))
        }
        "POST registrations/_:decline" => {
            client.decline_registration(registration, "").await.map(|()| json!({}))
        }
        "DELETE registrations/_" => client.delete_registration(registration).await.map(|()| Value::Null),
        _ => return None,
    })
}

async fn others(client: &AmsClient, route: &str) -> Option<Result<Value>> {
    Some(match route {
        "GET projects" => client.projects().await.map(|projects| json!({ "projects": projects })),
        "POST projects/_" => client.create_project("").await.map(|made| json!(made)),
        "GET projects/_" => client.project_info().await.map(|shown| json!(shown)),
        "PUT projects/_" => {
            client.update_project(&ProjectChange::default()).await.map(|changed| json!(changed))
        }
        "DELETE projects/_" => client.delete_project().await.map(|()| Value::Null),
        "GET projects/_:metrics" => client.project_metrics().await.map(wire::metrics),
        "GET metrics" => client.node_metrics().await.map(wire::metrics),
        "GET metrics/va_metrics" => {
            client.va_metrics(&ReportQuery::default()).await.map(|report| wire::report(&report))
        }
        "GET users/usageReport" => {
            client.usage_report(&ReportQuery::default()).await.map(|report| json!(report))
        }
        "GET status" => client.status().await.map(|status| json!(status)),
        "GET version" => client.version().await.map(|version| json!(version)),
        _ => return None,
    })
}

/// A name that the library refuses stands for one that the service refused.
fn named<T: for<'a> TryFrom<&'a str>>(name: &str) -> T {
    T::try_from(name).or_else(|_| T::try_from("x")).ok().unwrap()
}
