//! Forwards subscriptions of the ARGO Messaging Service: arguments, configuration, daemon, exit code.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ams_forwarder::config::{self, Config};
use ams_forwarder::daemon::{self, Ending};
use ams_forwarder::maintenance;
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
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match (config::load(&arguments.config), arguments.command) {
        (Ok(config), Command::Run { log_level }) => run(&config, log_level.as_deref()),
        (Ok(config), Command::Check) => check(&arguments.config, &config),
        (Ok(config), Command::Maintenance(command)) => {
            maintenance::run(&config, command).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        (Err(problems), _) => {
            eprintln!("{problems}");
            Ok(ExitCode::from(WRONG_CONFIGURATION))
        }
    };
    ended.unwrap_or_else(|error| {
        eprintln!("ams-forwarder: {error:#}");
        let is_usage = error.downcast_ref().is_some_and(maintenance::Error::is_wrong_usage);
        if is_usage { WRONG_USAGE.into() } else { ExitCode::FAILURE }
    })
}

fn run(config: &Config, log_level: Option<&str>) -> anyhow::Result<ExitCode> {
    match daemon::run(config, log_level)? {
        Ending::Asked => Ok(ExitCode::SUCCESS),
        Ending::AskedTwice => Ok(ExitCode::from(ENDED_BY_SIGNAL)),
    }
}

fn check(path: &Path, config: &Config) -> anyhow::Result<ExitCode> {
    let warnings = config.warnings.iter().map(ToString::to_string);
    for warning in warnings.chain(daemon::unusable_files(config)) {
        eprintln!("warning: {warning}");
    }
    let subscriptions = config.subscriptions.len();
    let sinks = config.subscriptions.iter().flat_map(|one| &one.sinks).count();
    writeln!(io::stdout(), "{}: ok: {subscriptions} subscriptions, {sinks} sinks", path.display())?;
    Ok(ExitCode::SUCCESS)
}
