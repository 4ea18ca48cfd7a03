//! The command line client of the ARGO Messaging Service, and an emulator of it.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use ams_forwarder::cli::{self, Failure};

fn main() -> ExitCode {
    let arguments = cli::Arguments::of_this_process();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("ams: cannot start: {error}\n"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(cli::run(arguments));
    // Not waited for: a thread may be writing where nobody reads.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { error, .. }) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(Failure { error, hint }) => {
            let mut text = format!("ams: {error}");
            for cause in std::iter::successors(error.source(), |&cause| cause.source()) {
                text += ": ";
                text += &cause.to_string();
            }
            text.push('\n');
            if let Some(hint) = hint {
                text = format!("{text}hint: {hint}\n");
            }
            say(&text);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Where it cannot be written, the exit code says it alone.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
