//! `ams completions` and `ams man`: made of the arguments themselves.

use std::io::{self, Write};
use std::path::PathBuf;

use clap_complete::Shell;

use super::{Error, command};

/// Arguments of `ams completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell to complete for
    shell: Shell,
}

/// Arguments of `ams man`.
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// Write a page for each command into this directory, instead of the first one to standard output
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

pub(crate) fn completions(arguments: &Completions) -> Result<(), Error> {
    // Generating panics where writing fails, as on a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command(), "ams", &mut script);
    write(&script)
}

pub(crate) fn man(arguments: &Man) -> Result<(), Error> {
    if let Some(directory) = &arguments.directory {
        return clap_mangen::generate_to(command(), directory)
            .map_err(|source| Error::File { path: directory.clone(), source });
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command()).render(&mut page).map_err(Error::Output)?;
    write(&page)
}

fn write(text: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).map_err(Error::Output)
}
