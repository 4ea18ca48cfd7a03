//! The program `ams emulator`, as a process of its own that can be killed.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{PROJECT, TOKEN, Wire};

/// A running `ams emulator` with one project. It is killed when dropped.
pub(crate) struct EmulatorProcess {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl EmulatorProcess {
    /// One that keeps what it has in `data_dir`.
    pub(crate) fn start(data_dir: &Path) -> Self {
        Self::start_by(&mut Self::command(data_dir))
    }

    /// The command that [`EmulatorProcess::start`] runs.
    pub(crate) fn command(data_dir: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ams"));
        command.args(Self::arguments(data_dir));
        command
    }

    pub(crate) fn arguments(data_dir: &Path) -> Vec<String> {
        let data_dir = data_dir.display().to_string();
        let all =
            ["emulator", "--listen", "127.0.0.1:0", "--token", TOKEN, "--project", PROJECT, "--data-dir"];
        all.into_iter().chain([data_dir.as_str()]).map(ToOwned::to_owned).collect()
    }

    /// Runs a command that becomes an emulator, and waits until it takes requests.
    pub(crate) fn start_by(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let Some(address) = first.trim().strip_prefix("listening on http://") else {
            let said = said(&mut child);
            panic!("it does not start: {first}{said}");
        };
        Self { address: address.parse().unwrap(), child }
    }

    /// What becomes of an emulator that cannot start.
    pub(crate) fn fail(data_dir: &Path) -> String {
        let Output { status, stdout, stderr } = Self::command(data_dir).output().unwrap();
        assert_eq!((status.code(), stdout.len()), (Some(1), 0));
        String::from_utf8(stderr).unwrap()
    }

    pub(crate) fn wire(&self) -> Wire {
        Wire::new(self.address)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a crash does; gives what it has said to people.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        said(&mut self.child)
    }

    /// Ends it as it should be ended; gives what it has said to people.
    pub(crate) fn stop(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        said(&mut self.child)
    }
}

fn said(child: &mut Child) -> String {
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    said
}

impl Drop for EmulatorProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
