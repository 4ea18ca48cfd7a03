//! Schemas: what a topic asks of its messages. A topic has one at most; a publish that does not fit is refused whole.

use super::{
    AmsClient, data,
    error::Result,
    http::{Answer, Method, Repetition, Request},
    name::{ProjectName, SchemaName, TopicName},
    topics::qualified,
    word::words,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

words! {
    /// The language a schema is written in.
    SchemaKind {
        /// JSON Schema: messages are JSON texts.
        Json = "json",
        /// Avro: messages are single records in its binary encoding.
        Avro = "avro",
    }
}

/// A schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SchemaInfo {
    /// What the service knows it by, whatever the name becomes.
    pub uuid: String,
    /// Its project.
    pub project: ProjectName,
    /// Its name.
    pub name: SchemaName,
    /// Its language.
    #[serde(rename = "type")]
    pub kind: SchemaKind,
    /// What it says.
    pub schema: Value,
}

/// What to change of a schema; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaChange {
    /// Its new name. Topics keep it.
    pub name: Option<SchemaName>,
    /// Its new language.
    pub kind: Option<SchemaKind>,
    /// What it says from now on.
    pub schema: Option<Value>,
}

#[derive(Deserialize)]
struct WireSchema {
    #[serde(default)]
    uuid: String,
    name: String,
    r#type: SchemaKind,
    #[serde(default)]
    schema: Value,
}

#[derive(Deserialize)]
struct WireSchemas {
    schemas: Vec<WireSchema>,
}

/// Schemas.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::{ErrorKind, NewMessage, SchemaKind, SchemaName, TopicName};
/// use serde_json::json;
///
/// let (topic, schema): (TopicName, SchemaName) = ("results".parse()?, "result".parse()?);
/// client.create_topic(&topic).await?;
/// client.create_schema(&schema, &SchemaKind::Json, &json!({ "type": "object", "required": ["host"] })).await?;
/// client.validate_json(&schema, &json!({ "host": "a.example.org" })).await?;
/// client.attach_schema(&topic, &schema).await?;
/// let refused = client.publish(&topic, &[NewMessage::new("{}")]).await.unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::Invalid);
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// Creates a schema.
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) when it exists; [`Invalid`](super::ErrorKind::Invalid) when it is none
    /// of that language. If the call is dropped or its answer is lost, it may have been created.
    pub async fn create_schema(
        &self,
        name: &SchemaName,
        kind: &SchemaKind,
        schema: &Value,
    ) -> Result<SchemaInfo> {
        let request = self.schema_request(Method::Post, name, "");
        self.one_schema(request.json(&json!({ "type": kind, "schema": schema }))).await
    }

    /// Shows a schema. Changes nothing, so dropping it loses nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none.
    pub async fn schema(&self, name: &SchemaName) -> Result<SchemaInfo> {
        self.one_schema(self.schema_request(Method::Get, name, "")).await
    }

    /// Lists all schemas of the project. Changes nothing, so dropping it loses nothing.
    pub async fn schemas(&self) -> Result<Vec<SchemaInfo>> {
        let answer = self.0.send(self.project_request(Method::Get, "/schemas")).await?;
        let found: WireSchemas = answer.json()?;
        found.schemas.into_iter().map(|schema| schema_info(&answer, schema)).collect()
    }

    /// Changes a schema, for the topics that have it as well.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none; [`Conflict`](super::ErrorKind::Conflict) when the
    /// new name is taken; [`Invalid`](super::ErrorKind::Invalid) when it is none of its language. If the call is
    /// dropped or its answer is lost, the change may have been made.
    pub async fn update_schema(&self, name: &SchemaName, change: &SchemaChange) -> Result<SchemaInfo> {
        let mut body = serde_json::Map::new();
        if let Some(name) = &change.name {
            body.insert("name".to_owned(), name.qualified(self.project()).into());
        }
        if let Some(kind) = &change.kind {
            body.insert("type".to_owned(), kind.as_str().into());
        }
        if let Some(schema) = &change.schema {
            body.insert("schema".to_owned(), schema.clone());
        }
        self.one_schema(self.schema_request(Method::Put, name, "").json(&body)).await
    }

    /// Deletes a schema; its topics have none from then on.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none. If the call is dropped or its answer is lost, it
    /// may be gone.
    pub async fn delete_schema(&self, name: &SchemaName) -> Result<()> {
        self.0.send(self.schema_request(Method::Delete, name, "")).await?.nothing()
    }

    /// Asks whether a message fits a schema of kind [`Json`](SchemaKind::Json), without publishing it.
    ///
    /// [`Invalid`](super::ErrorKind::Invalid) when it does not; the message of the error says why. Changes nothing, so
    /// dropping it loses nothing.
    pub async fn validate_json(&self, name: &SchemaName, message: &Value) -> Result<()> {
        let request = self.schema_request(Method::Post, name, ":validate").json(message);
        self.0.send(request.repetition(Repetition::Harmless)).await?.object()
    }

    /// Asks whether a record, in Avro's binary encoding, fits a schema of kind [`Avro`](SchemaKind::Avro); otherwise as
    /// [`validate_json`](Self::validate_json).
    pub async fn validate_avro(&self, name: &SchemaName, record: &[u8]) -> Result<()> {
        let mut encoded = String::new();
        data::encode(record, &mut encoded);
        self.validate_json(name, &json!({ "data": encoded })).await
    }

    /// Has the messages of a topic checked against a schema of the same project, from now on.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such topic or schema. If the call is dropped or its
    /// answer is lost, the schema may have been attached.
    pub async fn attach_schema(&self, topic: &TopicName, schema: &SchemaName) -> Result<()> {
        let body = json!({ "schema": schema.qualified(self.project()) });
        self.0.send(self.topic_request(Method::Post, topic, ":attachSchema").json(&body)).await?.nothing()
    }

    /// Has the messages of a topic checked no longer.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such topic. If the call is dropped or its answer is
    /// lost, the schema may have been detached.
    pub async fn detach_schema(&self, topic: &TopicName) -> Result<()> {
        self.0.send(self.topic_request(Method::Post, topic, ":detachSchema")).await?.nothing()
    }

    async fn one_schema(&self, request: Request) -> Result<SchemaInfo> {
        let answer = self.0.send(request).await?;
        schema_info(&answer, answer.json()?)
    }

    /// `verb` is empty or begins with a colon.
    fn schema_request(&self, method: Method, name: &SchemaName, verb: &str) -> Request {
        self.project_request(method, &format!("/schemas/{name}{verb}"))
    }
}

fn schema_info(answer: &Answer, wire: WireSchema) -> Result<SchemaInfo> {
    let (project, name) =
        qualified(&wire.name, "schemas").ok_or_else(|| answer.not_ams("a schema without its name"))?;
    Ok(SchemaInfo { uuid: wire.uuid, project, name, kind: wire.r#type, schema: wire.schema })
}
