//! The command line of `ams`: its arguments, and one module for each group of commands.
//!
//! A command prints results on standard output, as a table or as JSON, and gives back an [`Error`]; the [`Failure`] made
//! of it says what a person can do about it. The exit code is the program's business.

mod acl;
mod connection;
mod emulator;
mod error;
mod generate;
mod hint;
mod input;
mod member;
mod output;
mod progress;
mod project;
mod publish;
mod pull;
mod registration;
mod schema;
mod service;
mod signals;
mod subscription;
mod topic;
mod user;

use std::ffi::OsString;
use std::io;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::client::AmsClient;
use connection::{Connection, Options};
pub use error::{Error, Failure};
use output::Console;

const EXAMPLES: &str = "\
Examples:
  ams emulator --project DEMO                     an AMS on this machine; it prints what to export
  ams topic create metrics
  ams subscription create archive --topic metrics
  ams publish metrics --data hello --attribute host=a
  tail -f /var/log/syslog | ams publish metrics --lines
  ams pull archive --ack                          one JSON object a line
  ams pull archive --ack --follow | jq .data
  ams topic list --output json
  ams subscription seek archive --start           all of it again

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// Works with the ARGO Messaging Service.
#[derive(Debug, Parser)]
#[command(name = "ams", version, after_long_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    OnService(OnService),
    /// Runs an ARGO Messaging Service, for trying out
    Emulator(Box<emulator::Arguments>),
    /// Prints a script that completes `ams` in a shell
    Completions(generate::Completions),
    /// Prints the manual page, or writes all of them
    Man(generate::Man),
}

/// Commands that a service does.
#[derive(Debug, Subcommand)]
enum OnService {
    /// Publishes messages to a topic
    #[command(after_long_help = publish::EXAMPLES)]
    Publish(publish::Arguments),
    /// Shows the messages of a subscription, one JSON object a line
    #[command(after_long_help = pull::EXAMPLES)]
    Pull(pull::Arguments),
    /// Topics, and who may publish to them
    #[command(subcommand)]
    Topic(topic::Command),
    /// Subscriptions: where they stand, who may pull from them, where they are pushed
    #[command(subcommand)]
    Subscription(subscription::Command),
    /// Projects
    #[command(subcommand)]
    Project(project::Command),
    /// The members of a project, and their roles
    #[command(subcommand)]
    Member(member::Command),
    /// The users of the service
    #[command(subcommand)]
    User(user::Command),
    /// Schemas, against which the messages of topics are checked
    #[command(subcommand)]
    Schema(schema::Command),
    /// Registrations: people who ask for a user
    #[command(subcommand)]
    Registration(registration::Command),
    /// Says whether the service is well
    Status(service::Status),
    /// Says what the service is and runs on
    Version,
    /// Shows what the service counts
    Metrics(service::MetricsOf),
    /// Reports what projects did in a time
    VaMetrics(service::Report),
    /// Reports what the projects did of which one is an admin
    UsageReport(service::Report),
}

/// Commands that do without a service. `emulator` has a `--token` and a `--project` of its own.
const WITHOUT_SERVICE: [&str; 3] = ["emulator", "completions", "man"];

/// What a command on the service works with.
struct Session {
    client: AmsClient,
    console: Console,
}

/// The arguments as clap knows them. The options of the service stand before the command or anywhere behind it.
fn command() -> clap::Command {
    let options = Options::augment_args(clap::Command::new("options"));
    let options: Vec<_> = options.get_arguments().cloned().collect();
    Arguments::command().mut_subcommands(|command| {
        if WITHOUT_SERVICE.contains(&command.get_name()) {
            return command;
        }
        command.args(options.iter().map(|option| option.clone().global(true).hide_short_help(true)))
    })
}

impl Arguments {
    /// The arguments of this process; where they are wrong, it ends with 2 and says so.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::try_from_words(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    fn try_from_words(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = command().try_get_matches_from(words)?;
        let mut arguments = Self::from_arg_matches(&matches)?;
        if let Some((name, behind)) = matches.subcommand()
            && !WITHOUT_SERVICE.contains(&name)
        {
            arguments.options = Options::from_arg_matches(behind)?.or(arguments.options);
        }
        Ok(arguments)
    }
}

/// What a person should know goes to standard error: a private key that others can read, a broken file among the
/// authorities. It fails where somebody else does so already.
fn say_warnings() {
    let to_standard_error = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false);
    let _ = to_standard_error.with_max_level(tracing::Level::WARN).with_target(false).try_init();
}

/// Does what the arguments say.
pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    say_warnings();
    let Arguments { options, command } = arguments;
    let console = Console { format: options.format() };
    let result = match command {
        Command::Emulator(arguments) => emulator::run(*arguments).await,
        Command::Completions(arguments) => generate::completions(&arguments),
        Command::Man(arguments) => generate::man(&arguments),
        Command::OnService(command) => {
            let connection = options.resolve(|name| std::env::var_os(name))?;
            let done = on_service(&connection, console, command).await;
            return done.map_err(|error| Failure { hint: error.hint(&connection), error });
        }
    };
    Ok(result?)
}

async fn on_service(connection: &Connection, console: Console, command: OnService) -> Result<(), Error> {
    let of_project = || Ok::<_, Error>(Session { client: connection.client()?, console });
    let of_service = || Ok::<_, Error>(Session { client: connection.client_of_the_service()?, console });
    match command {
        OnService::Publish(arguments) => publish::run(&of_project()?, arguments).await,
        OnService::Pull(arguments) => pull::run(&of_project()?, arguments).await,
        OnService::Topic(command) => topic::run(&of_project()?, command).await,
        OnService::Subscription(command) => subscription::run(&of_project()?, command).await,
        OnService::Project(command) => project::run(connection, console, command).await,
        OnService::Member(command) => member::run(&of_project()?, command).await,
        OnService::User(command) => user::run(&of_service()?, command).await,
        OnService::Schema(command) => schema::run(&of_project()?, command).await,
        OnService::Registration(command) => registration::run(&of_service()?, command).await,
        OnService::Status(arguments) => service::status(connection, console, &arguments).await,
        OnService::Version => service::version(connection, console).await,
        OnService::Metrics(arguments) => service::metrics(connection, console, arguments).await,
        OnService::VaMetrics(report) => service::va_metrics(connection, console, report).await,
        OnService::UsageReport(report) => service::usage_report(connection, console, report).await,
    }
}

#[cfg(test)]
mod tests;
