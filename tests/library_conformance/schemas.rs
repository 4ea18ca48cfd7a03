//! Schemas.

use ams_forwarder::client::{ErrorKind, NewMessage, SchemaChange, SchemaKind};
use serde_json::{Value, json};

use super::refused;
use super::stage::{on_stage, schema, topic};

fn json_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "name": { "type": "string" }, "n": { "type": "integer" } },
        "required": ["name"],
    })
}

fn avro_schema() -> Value {
    json!({
        "type": "record",
        "name": "R",
        "fields": [{ "name": "name", "type": "string" }, { "name": "n", "type": "int" }],
    })
}

#[tokio::test]
async fn a_schema_is_created_shown_changed_and_deleted() {
    on_stage("schema", async |stage| {
        let (admin, name) = (&stage.admin, schema("j1"));
        let made = admin.create_schema(&name, &SchemaKind::Json, &json_schema()).await.unwrap();
        assert_eq!((&made.project, &made.name, &made.kind), (admin.project(), &name, &SchemaKind::Json));
        assert!(made.schema == json_schema() && !made.uuid.is_empty());
        assert_eq!(admin.schema(&name).await.unwrap(), made);
        admin.create_schema(&schema("a1"), &SchemaKind::Avro, &avro_schema()).await.unwrap();
        assert_eq!(admin.schemas().await.unwrap().len(), 2);

        let again = admin.create_schema(&name, &SchemaKind::Json, &json_schema()).await;
        refused(again, 409, ErrorKind::Conflict);
        let wrong = admin.create_schema(&schema("x"), &SchemaKind::from("xml"), &json_schema()).await;
        refused(wrong, 400, ErrorKind::Invalid);
        let wrong = admin.create_schema(&schema("x"), &SchemaKind::Json, &json!({ "type": "nosuch" })).await;
        refused(wrong, 400, ErrorKind::Invalid);

        let rename = SchemaChange { name: Some(schema("j2")), ..SchemaChange::default() };
        let renamed = admin.update_schema(&name, &rename).await.unwrap();
        assert_eq!((renamed.name, renamed.uuid, renamed.schema), (schema("j2"), made.uuid, json_schema()));
        let other = SchemaChange { kind: Some(SchemaKind::Avro), schema: Some(avro_schema()), name: None };
        assert_eq!(admin.update_schema(&schema("j2"), &other).await.unwrap().kind, SchemaKind::Avro);
        refused(admin.update_schema(&name, &rename).await, 404, ErrorKind::NotFound);

        admin.delete_schema(&schema("j2")).await.unwrap();
        refused(admin.delete_schema(&schema("j2")).await, 404, ErrorKind::NotFound);
        refused(admin.schema(&schema("j2")).await, 404, ErrorKind::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_message_is_validated_without_being_published() {
    on_stage("validate", async |stage| {
        let (admin, j1, a1) = (&stage.admin, schema("j1"), schema("a1"));
        admin.create_schema(&j1, &SchemaKind::Json, &json_schema()).await.unwrap();
        admin.create_schema(&a1, &SchemaKind::Avro, &avro_schema()).await.unwrap();
        admin.validate_json(&j1, &json!({ "name": "x", "n": 1 })).await.unwrap();
        let error = refused(admin.validate_json(&j1, &json!({ "n": "x" })).await, 400, ErrorKind::Invalid);
        assert!(error.message().contains("name is required"), "{error}");
        // A string of one character and the number 1.
        admin.validate_avro(&a1, b"\x02x\x02").await.unwrap();
        refused(admin.validate_avro(&a1, b"zz").await, 400, ErrorKind::Invalid);
        refused(admin.validate_json(&schema("nosuch"), &json!({})).await, 404, ErrorKind::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_topic_with_a_schema_refuses_what_does_not_fit() {
    on_stage("attach", async |stage| {
        let (admin, j1, (on, subscription)) = (&stage.admin, schema("j1"), stage.lay("t").await);
        admin.create_schema(&j1, &SchemaKind::Json, &json_schema()).await.unwrap();
        refused(admin.attach_schema(&on, &schema("nosuch")).await, 404, ErrorKind::NotFound);
        refused(admin.attach_schema(&topic("nosuch"), &j1).await, 404, ErrorKind::NotFound);
        admin.attach_schema(&on, &j1).await.unwrap();
        assert_eq!(admin.topic(&on).await.unwrap().schema, Some(j1.qualified(admin.project())));

        stage.publish(&on, 0, &[r#"{"name": "x"}"#]).await;
        let messages = [NewMessage::new(r#"{"name": "x"}"#), NewMessage::new(r#"{"n": 1}"#)];
        let error = refused(admin.publish(&on, &messages).await, 400, ErrorKind::Invalid);
        assert!(!error.may_have_happened());
        assert_eq!(admin.offsets(&subscription).await.unwrap().max, 1, "it was refused whole");
        refused(admin.publish(&on, &[NewMessage::new("zzz")]).await, 400, ErrorKind::Invalid);

        admin.detach_schema(&on).await.unwrap();
        assert_eq!(admin.topic(&on).await.unwrap().schema, None);
        stage.publish(&on, 1, &["zzz"]).await;
    })
    .await;
}
