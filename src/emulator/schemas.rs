//! The routes of schemas, and what a topic with a schema asks of its messages.

mod avro;
mod json_schema;
mod number;
mod payload;
mod schema;

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::answer::{Answer, Outcome, Refusal};
use super::json::{self, Fields, WrongType};
use super::project::{Contents, Project};
use super::registry;
use super::routes::Call;
use schema::Wrong;
pub(crate) use schema::{Record, Schema};

/// These answers are indented by one space.
const INDENT: &str = " ";

/// The largest body that may define a schema, in bytes. The service knows no bound.
const MAX_BODY: usize = 256 * 1024;

#[derive(Serialize)]
struct View<'a> {
    uuid: &'a str,
    name: String,
    r#type: &'static str,
    schema: &'a Value,
}

impl<'a> View<'a> {
    fn of(project: &str, schema: &'a Schema) -> Self {
        let Record { uuid, name, kind, .. } = schema.record();
        Self { uuid, name: full_name(project, name), r#type: kind.name(), schema: schema.source() }
    }

    fn answer(project: &str, schema: &'a Schema) -> Answer {
        Answer::text(json::indented(&View::of(project, schema), INDENT))
    }
}

/// The name of a schema as it stands in answers and is given in requests.
pub(crate) fn full_name(project: &str, name: &str) -> String {
    format!("projects/{project}/schemas/{name}")
}

/// The schema that a request names in full. Of which project is not looked at: it is one of this project.
pub(crate) fn named<'a>(contents: &'a Contents, full_name: &str) -> Result<&'a Arc<Schema>, Refusal> {
    find(contents, short_name(full_name)?)
}

fn short_name(full_name: &str) -> Result<&str, Refusal> {
    match *full_name.split('/').collect::<Vec<_>>().as_slice() {
        ["projects", _, "schemas", name] => Ok(name),
        _ => Err(Refusal::invalid("wrong schema name declaration")),
    }
}

fn find<'a>(contents: &'a Contents, name: &str) -> Result<&'a Arc<Schema>, Refusal> {
    contents.schemas.get(name).ok_or_else(|| Refusal::not_found("Schema"))
}

/// All, oldest first.
pub(crate) fn list(project: &Project) -> Answer {
    #[derive(Serialize)]
    struct List<'a> {
        schemas: Vec<View<'a>>,
    }
    let contents = project.read();
    let schemas = contents.schemas.iter().map(|schema| View::of(&contents.name, schema)).collect();
    Answer::text(json::indented(&List { schemas }, INDENT))
}

/// What a request says of a schema; empty where it says nothing.
struct Given {
    name: String,
    kind: String,
    source: Option<Value>,
}

impl Given {
    fn read(call: &Call) -> Result<Self, Refusal> {
        if call.body.len() > MAX_BODY {
            return Err(Refusal::invalid(format!(
                "Schema is larger than the {MAX_BODY} bytes this emulator takes"
            )));
        }
        let read = || -> Result<Self, WrongType> {
            let fields = Fields::parse(&call.body)?;
            fields.text("uuid")?;
            let (name, kind) = (fields.text("name")?.to_owned(), fields.text("type")?.to_lowercase());
            Ok(Self { name, kind, source: fields.members("schema")?.map(|members| members.clone().into()) })
        };
        read().map_err(|_| Refusal::invalid("Invalid Schema Arguments"))
    }
}

/// The name in the path counts, whatever the body says.
pub(crate) fn create(project: &Project, name: &str, call: &Call) -> Outcome {
    let given = Given::read(call)?;
    let compile = || {
        let source = given.source.clone().unwrap_or_default();
        Schema::new(registry::new_uuid(), name, &given.kind, &source).map_err(Refusal::invalid)
    };
    if project.read().schemas.contains(name) {
        return Err(Refusal::already_exists("Schema"));
    }
    let schema = compile()?;
    let mut contents = project.write();
    if contents.schemas.contains(name) {
        return Err(Refusal::already_exists("Schema"));
    }
    let schema = contents.schemas.insert(name, schema);
    Ok(View::answer(&contents.name, &schema))
}

pub(crate) fn show(project: &Project, name: &str) -> Outcome {
    let contents = project.read();
    Ok(View::answer(&contents.name, find(&contents, name)?))
}

/// What is not given stays as it is. Topics keep the schema, whatever its new name.
pub(crate) fn update(project: &Project, name: &str, call: &Call) -> Outcome {
    let mut contents = project.write();
    let old = Arc::clone(find(&contents, name)?);
    let given = Given::read(call)?;
    let new_name = match given.name.as_str() {
        "" => name,
        full_name => short_name(full_name)?,
    };
    if new_name != name && contents.schemas.contains(new_name) {
        return Err(Refusal::already_exists("Schema"));
    }
    let kind = if given.kind.is_empty() { old.record().kind.name() } else { &given.kind };
    let is_given = |source: &&Value| source.as_object().is_some_and(|members| !members.is_empty());
    let source = given.source.as_ref().filter(is_given).unwrap_or(old.source());
    let schema = Schema::new(old.record().uuid.clone(), new_name, kind, source).map_err(Refusal::invalid)?;
    contents.schemas.rename(name, new_name);
    let schema = contents.schemas.put(new_name, schema);
    Ok(View::answer(&contents.name, &schema))
}

/// Its topics have none from then on.
pub(crate) fn delete(project: &Project, name: &str) -> Outcome {
    let mut contents = project.write();
    let schema = contents.schemas.remove(name).ok_or_else(|| Refusal::not_found("Schema"))?;
    for topic in contents.topics.iter() {
        let mut attached = topic.schema();
        if attached.as_deref() == Some(&schema.record().uuid) {
            *attached = None;
        }
    }
    Ok(Answer::empty())
}

/// Tries a message: the body is the document itself for JSON, and `{"data": BASE64}` for Avro.
pub(crate) fn validate(project: &Project, name: &str, call: &Call) -> Outcome {
    #[derive(Serialize)]
    struct Done {
        message: &'static str,
    }
    let schema = Arc::clone(find(&project.read(), name)?);
    let checked = match schema.record().kind {
        schema::Kind::Json => schema.check_bytes(0, &call.body),
        schema::Kind::Avro => {
            let fields = Fields::parse(&call.body).ok().filter(Fields::only_texts);
            let fields = fields.ok_or_else(Refusal::invalid_body)?;
            let data = fields
                .exact_text("data")
                .ok_or_else(|| Refusal::invalid("Invalid Schema Payload Arguments"))?;
            schema.check(0, data)
        }
    };
    checked.map_err(refused)?;
    Ok(Answer::text(json::indented(&Done { message: "Message validated successfully" }, INDENT)))
}

/// Holds the data of messages, which is base64, against the schema of their topic, if it has one. The first that does not
/// fit is an error, and none of them may be published.
pub(crate) fn check<'a>(schema: Option<&Schema>, data: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let Some(schema) = schema else { return Ok(()) };
    for (index, data) in data.enumerate() {
        schema.check(index, data).map_err(refused)?;
    }
    Ok(())
}

fn refused(wrong: Wrong) -> Refusal {
    match wrong {
        Wrong::Message(text) => Refusal::invalid(text),
        Wrong::Schema => Refusal::internal("Could not load schema for topic"),
    }
}

#[cfg(test)]
mod tests;
