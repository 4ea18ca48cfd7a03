//! `ams user`: users of the service as a whole, for its admins; but for the profile, which is everybody's own.

use clap::{Args, Subcommand};
use secrecy::SecretString;

use super::output::{Confirmation, Record};
use super::{Error, Session};
use crate::client::{
    AmsClient, ExposeSecret, Membership, NewUser, ProjectName, ProjectRoles, Role, UserChange, UserInfo,
    UserName,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the users of the service, the newest first
    List {
        /// Those of this project only
        #[arg(long, value_name = "PROJECT")]
        in_project: Option<ProjectName>,
    },
    /// Shows a user
    Show {
        #[command(flatten)]
        whom: Whom,
        /// The token, too
        #[arg(long)]
        show_token: bool,
    },
    /// Shows the user whose token is used
    Profile,
    /// Creates a user; the token is in the answer
    Create {
        /// The name
        name: UserName,
        #[command(flatten)]
        about: About,
    },
    /// Changes a user; what is not given stays as it is
    Update {
        /// The name
        name: UserName,
        /// The new name
        #[arg(long, value_name = "NAME")]
        rename: Option<UserName>,
        #[command(flatten)]
        about: About,
    },
    /// Deletes a user, whose token is worth nothing from then on
    Delete {
        /// The name
        name: UserName,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Gives a user a new token, which is in the answer; the old one is worth nothing from then on
    RefreshToken {
        /// The name
        name: UserName,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// By what a user is looked for.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whom {
    /// The name
    name: Option<UserName>,
    /// The UUID, instead
    #[arg(long)]
    uuid: Option<String>,
    /// The token, instead; it stands in the request's path then, which servers and proxies log
    #[arg(long, value_name = "TOKEN")]
    by_token: Option<String>,
}

/// Without the token.
impl std::fmt::Debug for Whom {
    fn fmt(&self, form: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        form.debug_struct("Whom").field("name", &self.name).field("uuid", &self.uuid).finish_non_exhaustive()
    }
}

/// What is known of a user.
#[derive(Debug, Args)]
pub(crate) struct About {
    /// The e-mail address
    #[arg(long)]
    email: Option<String>,
    /// The person's first name
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// The person's last name
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    /// The person's organization
    #[arg(long)]
    organization: Option<String>,
    /// A text for people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Roles in a project, such as EGI:publisher,consumer; may be repeated, and replaces all roles in projects
    #[arg(long = "role", value_name = "PROJECT:ROLE", value_parser = roles_in_project)]
    roles: Vec<ProjectRoles>,
    #[arg(
        long = "service-role",
        value_name = "ROLE",
        help = "A role in the service as a whole, such as service_admin; may be repeated, and replaces all of these"
    )]
    service_roles: Vec<Role>,
}

pub(crate) async fn run(session: &Session, command: Command) -> Result<(), Error> {
    let Session { client, console } = session;
    match command {
        Command::List { in_project } => {
            let users = client.all_users(in_project.as_ref()).collect().await?;
            console.list(&users.iter().map(record).collect::<Vec<_>>())
        }
        Command::Show { whom, show_token } => {
            let user = whom.find(client).await?;
            console.one(&if show_token { with_token(&user) } else { record(&user) })
        }
        Command::Profile => console.one(&record(&client.profile().await?)),
        Command::Create { name, about } => {
            console.one(&with_token(&client.create_user(&name, &about.new_user()).await?))
        }
        Command::Update { name, rename, about } => {
            console.one(&record(&client.update_user(&name, &about.change(rename)).await?))
        }
        Command::Delete { name, confirmation } => {
            confirmation.ask(&format!("delete user {name}"))?;
            client.delete_user(&name).await?;
            console.done("deleted", "user", name.as_str())
        }
        Command::RefreshToken { name, confirmation } => {
            confirmation.ask(&format!("make the token of user {name} worth nothing, and give a new one"))?;
            console.one(&with_token(&client.refresh_user_token(&name).await?))
        }
    }
}

impl Whom {
    async fn find(self, client: &AmsClient) -> Result<UserInfo, Error> {
        Ok(match (self.name, self.uuid, self.by_token) {
            (Some(name), ..) => client.user(&name).await?,
            (_, Some(uuid), _) => client.user_by_uuid(&uuid).await?,
            (.., token) => client.user_by_token(&SecretString::from(token.unwrap_or_default())).await?,
        })
    }
}

impl About {
    fn new_user(self) -> NewUser {
        NewUser {
            email: self.email.unwrap_or_default(),
            first_name: self.first_name.unwrap_or_default(),
            last_name: self.last_name.unwrap_or_default(),
            organization: self.organization.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            projects: self.roles,
            service_roles: self.service_roles,
        }
    }

    fn change(self, name: Option<UserName>) -> UserChange {
        UserChange {
            name,
            email: self.email,
            first_name: self.first_name,
            last_name: self.last_name,
            organization: self.organization,
            description: self.description,
            projects: (!self.roles.is_empty()).then_some(self.roles),
            service_roles: (!self.service_roles.is_empty()).then_some(self.service_roles),
        }
    }
}

fn roles_in_project(text: &str) -> Result<ProjectRoles, String> {
    let (project, roles) =
        text.split_once(':').ok_or("a project and its roles are expected: EGI:publisher,consumer")?;
    let project = project.parse().map_err(|error| format!("{error}"))?;
    Ok(ProjectRoles { project, roles: roles.split(',').map(Role::from).collect() })
}

/// A user as everybody may see it.
pub(super) fn record(user: &UserInfo) -> Record {
    let projects = user.projects.iter().map(membership).collect::<Vec<_>>().join("; ");
    Record::default()
        .with("name", &user.name)
        .with("email", &user.email)
        .with_text("projects", &user.projects, projects)
        .with("service_roles", &user.service_roles)
        .with("uuid", &user.uuid)
        .with_detail("first_name", &user.first_name)
        .with_detail("last_name", &user.last_name)
        .with_detail("organization", &user.organization)
        .with_detail("description", &user.description)
        .with_detail("created_on", &user.created_on)
        .with_detail("modified_on", &user.modified_on)
        .with_detail("created_by", &user.created_by)
}

/// A user with the token.
pub(super) fn with_token(user: &UserInfo) -> Record {
    record(user).with("token", user.token.as_ref().map(ExposeSecret::expose_secret))
}

fn membership(of: &Membership) -> String {
    let project = of.project.as_ref().map_or("(gone)", ProjectName::as_str);
    format!("{project}: {}", of.roles.iter().map(Role::as_str).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_given_by_project() {
        let roles = roles_in_project("EGI:publisher,consumer").unwrap();
        assert_eq!((roles.project.as_str(), roles.roles), ("EGI", vec![Role::Publisher, Role::Consumer]));
        for wrong in ["EGI", "a b:publisher", ":publisher"] {
            assert!(roles_in_project(wrong).is_err(), "{wrong}");
        }
    }
}
