//! `ams member`: the users of a project, for its admins.

use clap::Subcommand;

use super::output::Confirmation;
use super::{Error, Session, user};
use crate::client::{Role, UserName};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the members of the project, the newest first
    List,
    /// Shows a member
    Show {
        /// The name
        name: UserName,
    },
    /// Creates a user who is a member of this project; the token is in the answer
    Create {
        /// The name
        name: UserName,
        /// The e-mail address
        #[arg(long, default_value = "")]
        email: String,
        #[command(flatten)]
        roles: Roles,
    },
    /// Makes an existing user a member
    Add {
        /// The name
        name: UserName,
        #[command(flatten)]
        roles: Roles,
    },
    /// Gives a member other roles
    Update {
        /// The name
        name: UserName,
        #[command(flatten)]
        roles: Roles,
    },
    /// Takes a member out of the project; the user stays
    Remove {
        /// The name
        name: UserName,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Roles {
    #[arg(
        long = "role",
        value_name = "ROLE",
        required = true,
        help = "publisher, consumer or project_admin; may be repeated"
    )]
    roles: Vec<Role>,
}

pub(crate) async fn run(session: &Session, command: Command) -> Result<(), Error> {
    let Session { client, console } = session;
    match command {
        Command::List => {
            let members = client.all_members().collect().await?;
            console.list(&members.iter().map(user::record).collect::<Vec<_>>())
        }
        Command::Show { name } => console.one(&user::record(&client.member(&name).await?)),
        Command::Create { name, email, roles } => {
            console.one(&user::with_token(&client.create_member(&name, &email, &roles.roles).await?))
        }
        Command::Add { name, roles } => {
            console.one(&user::record(&client.add_member(&name, &roles.roles).await?))
        }
        Command::Update { name, roles } => {
            console.one(&user::record(&client.update_member(&name, &roles.roles).await?))
        }
        Command::Remove { name, confirmation } => {
            let project = client.project();
            confirmation.ask(&format!("take {name} out of project {project}"))?;
            client.remove_member(&name).await?;
            console.done("removed", "member", name.as_str())
        }
    }
}
