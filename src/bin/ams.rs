//! The command line client of the ARGO Messaging Service, and an emulator of it.

use std::error::Error;
use std::process::ExitCode;

use ams_forwarder::cli::{self, Failure};

fn main() -> ExitCode {
    let arguments = cli::Arguments::of_this_process();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ams: cannot start: {error}");
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
            eprint!("ams: {error}");
            let causes = std::iter::successors(error.source(), |&cause| cause.source());
            causes.for_each(|cause| eprint!(": {cause}"));
            eprintln!();
            if let Some(hint) = hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(error.exit_code())
        }
    }
}
