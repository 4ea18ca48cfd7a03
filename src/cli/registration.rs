//! `ams registration`: people ask for a user, and the service's admins accept or decline.

use clap::Subcommand;

use super::output::{Confirmation, Record};
use super::{Error, Session, user};
use crate::client::{
    ExposeSecret, NewRegistration, RegistrationFilter, RegistrationInfo, RegistrationStatus, UserName,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists registrations: those that all of the options fit
    List {
        /// pending, accepted or declined
        #[arg(long)]
        status: Option<RegistrationStatus>,
        /// The name the user is to have
        #[arg(long)]
        name: Option<String>,
        /// The e-mail address
        #[arg(long)]
        email: Option<String>,
        /// The organization
        #[arg(long)]
        organization: Option<String>,
    },
    /// Shows a registration
    Show {
        /// Its UUID
        uuid: String,
        /// The activation token, too
        #[arg(long)]
        show_token: bool,
    },
    /// Asks for a user; the activation token is in the answer
    Create {
        /// The name the user is to have
        name: UserName,
        /// The e-mail address
        #[arg(long)]
        email: String,
        /// The person's first name
        #[arg(long, value_name = "NAME", default_value = "")]
        first_name: String,
        /// The person's last name
        #[arg(long, value_name = "NAME", default_value = "")]
        last_name: String,
        /// The person's organization
        #[arg(long, default_value = "")]
        organization: String,
        /// A text for people
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// Makes a registration a user, without roles; the user's token is in the answer
    Accept {
        /// Its UUID
        uuid: String,
    },
    /// Declines a registration
    Decline {
        /// Its UUID
        uuid: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        comment: String,
    },
    /// Deletes a registration; the user, if it became one, stays
    Delete {
        /// Its UUID
        uuid: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

pub(crate) async fn run(session: &Session, command: Command) -> Result<(), Error> {
    let Session { client, console } = session;
    match command {
        Command::List { status, name, email, organization } => {
            let filter = RegistrationFilter { status, name, email, organization, activation_token: None };
            let found = client.registrations(&filter).await?;
            console.list(&found.iter().map(record).collect::<Vec<_>>())
        }
        Command::Show { uuid, show_token } => {
            let found = client.registration(&uuid).await?;
            console.one(&if show_token { with_token(&found) } else { record(&found) })
        }
        Command::Create { name, email, first_name, last_name, organization, description } => {
            let name = name.into();
            let asked = NewRegistration { name, email, first_name, last_name, organization, description };
            console.one(&with_token(&client.register(&asked).await?))
        }
        Command::Accept { uuid } => console.one(&user::with_token(&client.accept_registration(&uuid).await?)),
        Command::Decline { uuid, comment } => {
            client.decline_registration(&uuid, &comment).await?;
            console.done("declined", "registration", &uuid)
        }
        Command::Delete { uuid, confirmation } => {
            confirmation.ask(&format!("delete registration {uuid}"))?;
            client.delete_registration(&uuid).await?;
            console.done("deleted", "registration", &uuid)
        }
    }
}

fn record(registration: &RegistrationInfo) -> Record {
    Record::default()
        .with("uuid", &registration.uuid)
        .with("name", &registration.name)
        .with("email", &registration.email)
        .with("organization", &registration.organization)
        .with("status", &registration.status)
        .with("registered_at", &registration.registered_at)
        .with_detail("first_name", &registration.first_name)
        .with_detail("last_name", &registration.last_name)
        .with_detail("description", &registration.description)
        .with_detail("decline_comment", &registration.decline_comment)
        .with_detail("modified_by", &registration.modified_by)
        .with_detail("modified_at", &registration.modified_at)
}

fn with_token(registration: &RegistrationInfo) -> Record {
    let token = registration.activation_token.as_ref();
    record(registration).with("activation_token", token.map(ExposeSecret::expose_secret))
}
