//! The command line client of the ARGO Messaging Service, and an emulator of it.

use std::process::ExitCode;

use ams_forwarder::cli;
use anyhow::Context;
use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ams: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: cli::Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(cli::run(arguments))?;
    Ok(())
}
