//! Users as a client writes them down.

use super::{Membership, Role};
use crate::emulator::Emulator;
use crate::emulator::answer::Refusal;
use crate::emulator::json::{Fields, WrongType};

/// The body of a request that makes or changes a user. Empty texts mean "not given".
#[derive(Debug, Default)]
pub(crate) struct UserRequest {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) organization: String,
    pub(crate) description: String,
    pub(crate) projects: Option<Vec<MembershipRequest>>,
    pub(crate) service_roles: Option<Vec<String>>,
}

/// A project and what the user is to be in it.
#[derive(Debug, Default)]
pub(crate) struct MembershipRequest {
    pub(crate) project: String,
    pub(crate) roles: Option<Vec<String>>,
}

impl UserRequest {
    /// Reads a body; what the service would refuse is "Invalid User Arguments".
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        Self::read(body).map_err(|WrongType| Refusal::invalid("Invalid User Arguments"))
    }

    fn read(body: &[u8]) -> Result<Self, WrongType> {
        let fields = Fields::parse(body)?;
        // These are the service's to give; but they have a type.
        for name in ["uuid", "token", "created_on", "modified_on", "created_by"] {
            fields.text(name)?;
        }
        let text = |name| fields.text(name).map(ToOwned::to_owned);
        let projects = fields.objects("projects")?;
        let projects = projects.map(|projects| projects.iter().map(MembershipRequest::read).collect());
        Ok(Self {
            name: text("name")?,
            email: text("email")?,
            first_name: text("first_name")?,
            last_name: text("last_name")?,
            organization: text("organization")?,
            description: text("description")?,
            projects: projects.transpose()?,
            service_roles: owned_texts(&fields, "service_roles")?,
        })
    }

    /// The memberships that are asked for, if any are. A project without a name counts for nothing.
    pub(crate) fn memberships(&self, emulator: &Emulator) -> Result<Option<Vec<Membership>>, Refusal> {
        let Some(projects) = &self.projects else {
            return Ok(None);
        };
        let mut memberships = Vec::new();
        let mut names = Vec::new();
        for wanted in projects.iter().filter(|wanted| !wanted.project.is_empty()) {
            let name = &wanted.project;
            if names.contains(&name) {
                return Err(Refusal::invalid(format!("duplicate reference of project {name}")));
            }
            names.push(name);
            let project = emulator.project(name);
            let project = project.ok_or_else(|| Refusal::invalid(format!("invalid project: {name}")))?;
            let roles = named_roles(wanted.roles.as_deref())?;
            memberships.push(Membership { project: project.uuid.clone(), roles });
        }
        Ok(Some(memberships))
    }

    /// What is asked for in one project, the first time that it is named.
    pub(crate) fn within(&self, project: &str) -> Option<&MembershipRequest> {
        self.projects.iter().flatten().find(|wanted| wanted.project == project)
    }
}

impl MembershipRequest {
    /// Reads the body of a request that adds a member.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, WrongType> {
        Self::read(&Fields::parse(body)?)
    }

    fn read(fields: &Fields) -> Result<Self, WrongType> {
        for name in ["topics", "subscriptions"] {
            fields.texts(name)?;
        }
        let project = fields.text("project")?.to_owned();
        Ok(Self { project, roles: owned_texts(fields, "roles")? })
    }
}

fn owned_texts(fields: &Fields, name: &str) -> Result<Option<Vec<String>>, WrongType> {
    let texts = fields.optional_texts(name)?;
    Ok(texts.map(|texts| texts.into_iter().map(ToOwned::to_owned).collect()))
}

/// The roles of these names, if names are given.
pub(crate) fn named_roles(names: Option<&[String]>) -> Result<Option<Vec<Role>>, Refusal> {
    let role =
        |name: &String| Role::named(name).ok_or_else(|| Refusal::invalid(format!("invalid role: {name}")));
    names.map(|names| names.iter().map(role).collect()).transpose()
}
