//! The routes of projects.

use std::sync::Arc;

use serde::Serialize;

use super::Emulator;
use super::answer::{Answer, Outcome, Refusal};
use super::clock;
use super::json::Fields;
use super::project::Project;
use super::routes::Call;

#[derive(Serialize)]
struct View {
    name: String,
    created_on: String,
    modified_on: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
}

impl View {
    fn of(emulator: &Emulator, project: &Project) -> Self {
        let creator = project.created_by.as_ref().and_then(|uuid| emulator.users().by_uuid(uuid).cloned());
        let contents = project.read();
        Self {
            name: contents.name.clone(),
            created_on: clock::seconds(project.created),
            modified_on: clock::seconds(contents.modified),
            created_by: creator.map(|creator| creator.name.clone()),
            description: contents.description.clone(),
        }
    }
}

pub(crate) fn list(emulator: &Emulator) -> Answer {
    #[derive(Serialize)]
    struct List {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        projects: Vec<View>,
    }
    let projects: Vec<Arc<Project>> = emulator.projects().iter().map(Arc::clone).collect();
    Answer::json(&List { projects: projects.iter().map(|project| View::of(emulator, project)).collect() })
}

pub(crate) fn create(emulator: &Emulator, name: &str, call: &Call) -> Outcome {
    let invalid = |_| Refusal::invalid("Invalid Project Arguments");
    let fields = Fields::parse(&call.body).map_err(invalid)?;
    let description = fields.text("description").map_err(invalid)?;
    let created_by = call.identity.uuid().map(ToOwned::to_owned);
    let project = {
        let mut projects = emulator.projects_mut();
        if projects.contains(name) {
            return Err(Refusal::already_exists("Project"));
        }
        projects.insert(name, Project::new(name, description, created_by))
    };
    Ok(Answer::json(&View::of(emulator, &project)))
}

pub(crate) fn show(emulator: &Emulator, project: &Project) -> Answer {
    Answer::json(&View::of(emulator, project))
}

/// An empty name or description leaves the old one.
pub(crate) fn update(emulator: &Emulator, project: &Project, call: &Call) -> Outcome {
    let invalid = |_| Refusal::invalid_body();
    let fields = Fields::parse(&call.body).map_err(invalid)?;
    let (name, description) =
        (fields.text("name").map_err(invalid)?, fields.text("description").map_err(invalid)?);
    {
        let mut projects = emulator.projects_mut();
        let mut contents = project.write();
        if !name.is_empty() && name != contents.name {
            if projects.contains(name) {
                return Err(Refusal::invalid("invalid project name change, name already exists"));
            }
            projects.rename(&contents.name, name);
            name.clone_into(&mut contents.name);
        }
        if !description.is_empty() {
            description.clone_into(&mut contents.description);
        }
        contents.modified = clock::now();
    }
    Ok(Answer::json(&View::of(emulator, project)))
}

/// Topics and subscriptions go with it.
pub(crate) fn delete(emulator: &Emulator, name: &str) -> Answer {
    if let Some(project) = emulator.projects_mut().remove(name) {
        for topic in project.read().topics.iter() {
            topic.log.close();
        }
    }
    Answer::empty()
}
