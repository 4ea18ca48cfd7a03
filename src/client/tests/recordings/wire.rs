//! What the model keeps, in the form of the service: the way back from each type.

use crate::client::{
    Batch, ExposeSecret, Metric, Page, RegistrationInfo, SchemaInfo, SubscriptionInfo, SubscriptionName,
    TopicInfo, UserInfo, VaMetrics,
};
use serde_json::{Map, Value, json};

pub(super) fn topic(topic: &TopicInfo) -> Value {
    let mut wire = json!({
        "name": format!("/{}", topic.name.qualified(&topic.project)),
        "created_on": topic.created_on,
    });
    if let Some(schema) = &topic.schema {
        wire["schema"] = schema.as_str().into();
    }
    wire
}

/// No subscription of the recordings is pushed.
pub(super) fn subscription(subscription: &SubscriptionInfo) -> Value {
    assert!(subscription.push.is_none());
    json!({
        "name": format!("/{}", subscription.name.qualified(&subscription.project)),
        "topic": format!("/{}", subscription.topic.qualified(&subscription.topic_project)),
        "pushConfig": {
            "type": "", "pushEndpoint": "", "maxMessages": 0, "authorizationHeader": {}, "retryPolicy": {},
            "verificationHash": "", "verified": false, "mattermostUrl": "", "mattermostUsername": "",
            "mattermostChannel": "", "base64Decode": false,
        },
        "ackDeadlineSeconds": subscription.ack_deadline.as_secs(),
        "createdOn": subscription.created_on,
    })
}

pub(super) fn schema(schema: &SchemaInfo) -> Value {
    json!({
        "uuid": schema.uuid,
        "name": schema.name.qualified(&schema.project),
        "type": schema.kind.as_str(),
        "schema": schema.schema,
    })
}

pub(super) fn user(user: &UserInfo) -> Value {
    let mut wire = serde_json::to_value(user).unwrap();
    if let Some(token) = &user.token {
        wire["token"] = token.expose_secret().into();
    }
    wire
}

pub(super) fn registration(registration: &RegistrationInfo) -> Value {
    let mut wire = serde_json::to_value(registration).unwrap();
    if let Some(token) = &registration.activation_token {
        wire["activation_token"] = token.expose_secret().into();
    }
    wire
}

#[expect(clippy::needless_pass_by_value, reason = "what a call gives is given on")]
pub(super) fn acl(users: Vec<String>) -> Value {
    json!({ "authorized_users": users })
}

#[expect(clippy::needless_pass_by_value, reason = "what a call gives is given on")]
pub(super) fn metrics(metrics: Vec<Metric>) -> Value {
    json!({ "metrics": metrics })
}

pub(super) fn page<T>(page: &Page<T>, list: &str, item: impl Fn(&T) -> Value) -> Value {
    json!({
        list: page.items.iter().map(item).collect::<Vec<_>>(),
        "nextPageToken": page.next.as_deref().unwrap_or_default(),
        "totalSize": page.total,
    })
}

/// Of the averages, whole numbers are written without a fraction.
pub(super) fn report(report: &VaMetrics) -> Value {
    let mut wire = json!(report);
    let average = &mut wire["projects_metrics"]["average_daily_messages"];
    if *average == json!(0.0) {
        *average = 0.into();
    }
    wire
}

pub(super) fn batch(batch: &Batch, subscription: &SubscriptionName) -> Value {
    let messages: Vec<Value> = batch
        .iter()
        .map(|message| {
            let mut wire = json!({
                "messageId": message.id().to_string(),
                "data": message.data_text(),
                "publishTime": message.publish_time(),
            });
            if message.has_attributes() {
                let attributes: Map<String, Value> =
                    message.attributes().map(|(key, value)| (key.to_owned(), value.into())).collect();
                wire["attributes"] = attributes.into();
            }
            let name = subscription.qualified(&"P".parse().unwrap());
            json!({ "ackId": format!("{name}:{}", message.id()), "message": wire })
        })
        .collect();
    json!({ "receivedMessages": messages })
}
