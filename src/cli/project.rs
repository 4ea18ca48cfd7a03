//! `ams project`. Without a name, the commands are about the project of the options.

use clap::Subcommand;

use super::Error;
use super::connection::Connection;
use super::output::{Confirmation, Console, Record};
use crate::client::{AmsClient, ProjectChange, ProjectInfo, ProjectName};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the projects of the service
    List,
    /// Shows a project
    Show {
        /// Its name; that of --project unless given
        name: Option<ProjectName>,
    },
    /// Creates a project
    Create {
        /// Its name
        name: ProjectName,
        /// A text for people
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// Changes name or description of a project
    Update {
        /// Its name
        name: ProjectName,
        /// Its new name
        #[arg(long, value_name = "NAME")]
        rename: Option<ProjectName>,
        /// Its new text for people
        #[arg(long, value_name = "TEXT", required_unless_present = "rename")]
        description: Option<String>,
    },
    /// Deletes a project with its topics and subscriptions
    Delete {
        /// Its name
        name: ProjectName,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

pub(crate) async fn run(connection: &Connection, console: Console, command: Command) -> Result<(), Error> {
    let client_of = |name: &ProjectName| -> Result<AmsClient, Error> { connection.client_of(name.clone()) };
    match command {
        Command::List => {
            let projects = connection.client_of_the_service()?.projects().await?;
            console.list(&projects.iter().map(record).collect::<Vec<_>>())
        }
        Command::Show { name } => {
            let client = name.as_ref().map_or_else(|| connection.client(), client_of)?;
            console.one(&record(&client.project_info().await?))
        }
        Command::Create { name, description } => {
            console.one(&record(&client_of(&name)?.create_project(&description).await?))
        }
        Command::Update { name, rename, description } => {
            let change = ProjectChange { name: rename, description };
            console.one(&record(&client_of(&name)?.update_project(&change).await?))
        }
        Command::Delete { name, confirmation } => {
            confirmation.ask(&format!("delete project {name} with its topics and subscriptions"))?;
            client_of(&name)?.delete_project().await?;
            console.done("deleted", "project", name.as_str())
        }
    }
}

fn record(project: &ProjectInfo) -> Record {
    Record::default()
        .with("name", &project.name)
        .with("description", &project.description)
        .with("created_on", &project.created_on)
        .with_detail("modified_on", &project.modified_on)
        .with_detail("created_by", &project.created_by)
}
