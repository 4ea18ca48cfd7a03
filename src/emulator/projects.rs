//! The routes of projects.

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
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
}

impl View {
    fn of(project: &Project) -> Self {
        let contents = project.read();
        Self {
            name: contents.name.clone(),
            created_on: clock::seconds(project.created),
            modified_on: clock::seconds(contents.modified),
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
    let projects = emulator.projects().iter().map(|project| View::of(project)).collect();
    Answer::json(&List { projects })
}

pub(crate) fn create(emulator: &Emulator, name: &str, call: &Call) -> Outcome {
    let invalid = |_| Refusal::invalid("Invalid Project Arguments");
    let fields = Fields::parse(&call.body).map_err(invalid)?;
    let description = fields.text("description").map_err(invalid)?;
    let mut projects = emulator.projects_mut();
    if projects.contains(name) {
        return Err(Refusal::already_exists("Project"));
    }
    let project = projects.insert(name, Project::new(name, description));
    Ok(Answer::json(&View::of(&project)))
}

pub(crate) fn show(project: &Project) -> Answer {
    Answer::json(&View::of(project))
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
    Ok(Answer::json(&View::of(project)))
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
