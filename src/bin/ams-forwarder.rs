//! Forwards subscriptions of the ARGO Messaging Service: arguments, configuration, daemon, exit code.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ams_forwarder::config::{self, Config, ConfigError};
use ams_forwarder::daemon::{self, Ending};
use ams_forwarder::{maintenance, migrate};
use clap::{Parser, Subcommand};

const CONFIG: &str = "/etc/ams-forwarder/ams-forwarder.toml";
const WRONG_USAGE: u8 = 2;
/// `EX_CONFIG` of sysexits.h; the systemd unit does not start again after it.
const WRONG_CONFIGURATION: u8 = 78;
/// What a shell reports of a program that SIGINT ended.
const ENDED_BY_SIGNAL: u8 = 130;

/// Forwards messages from subscriptions of the ARGO Messaging Service
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration; files of a folder conf.d beside it are read after it
    #[arg(long, global = true, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run until SIGTERM or SIGINT
    Run {
        /// A level such as debug, or a filter such as `info,ams_forwarder::pipeline=debug`; wins over log.level
        #[arg(long, value_name = "FILTER", env = "AMS_FORWARDER_LOG", value_parser = daemon::log_level)]
        log_level: Option<String>,
    },
    /// Check the configuration and report everything that is wrong with it
    Check,
    #[command(flatten)]
    Maintenance(maintenance::Command),
    /// Make a configuration of another program's file
    #[command(subcommand)]
    Migrate(migrate::Command),
}

fn main() -> ExitCode {
    obey(Arguments::parse()).unwrap_or_else(|error| {
        if let Some(problems) = error.chain().find_map(|cause| cause.downcast_ref::<ConfigError>()) {
            eprintln!("{problems}");
            return WRONG_CONFIGURATION.into();
        }
        eprintln!("ams-forwarder: {error:#}");
        let is_usage = error.downcast_ref().is_some_and(maintenance::Error::is_wrong_usage);
        if is_usage { WRONG_USAGE.into() } else { ExitCode::FAILURE }
    })
}

fn obey(Arguments { config: path, command }: Arguments) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run { log_level } => {
            if daemon::run(&config::load(&path)?, log_level.as_deref())? == Ending::AskedTwice {
                return Ok(ENDED_BY_SIGNAL.into());
            }
        }
        Command::Check => check(&path, &config::load(&path)?)?,
        Command::Maintenance(command) => maintenance::run(&config::load(&path)?, command)?,
        Command::Migrate(command) => migrate::run(command)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check(path: &Path, config: &Config) -> io::Result<()> {
    for warning in config.warnings.iter().map(ToString::to_string).chain(daemon::unusable_files(config)) {
        eprintln!("warning: {warning}");
    }
    let subscriptions = config.subscriptions.len();
    let sinks = config.subscriptions.iter().flat_map(|one| &one.sinks).count();
    writeln!(io::stdout(), "{}: ok: {subscriptions} subscriptions, {sinks} sinks", path.display())
}
