//! What a machine must have for some of the tests, and what a child process is.

use std::path::Path;
use std::process::{Command, Stdio};

/// Whether a program can be found. Where it cannot, the test is passed over and says so, except with `CI=true`.
pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let there = path.split(':').any(|directory| Path::new(directory).join(program).is_file());
    there || pass_over(&format!("there is no {program}"))
}

/// Whether programs can be traced; passed over as in [`is_there`].
pub(crate) fn strace_works() -> bool {
    let tried = || Command::new("strace").args(["--output=/dev/null", "true"]).stderr(Stdio::null()).status();
    is_there("strace")
        && (tried().is_ok_and(|status| status.success()) || pass_over("this machine lets nobody be traced"))
}

/// Whether Python can run these lines; passed over as in [`is_there`], with what `.ci/run` installs for them.
pub(crate) fn python_runs(lines: &str, packages: &str) -> bool {
    let tried = || Command::new("python3").args(["-c", lines]).stderr(Stdio::null()).status();
    is_there("python3")
        && (tried().is_ok_and(|status| status.success())
            || pass_over(&format!("Python lacks something: pip install {packages}")))
}

fn pass_over(why: &str) -> bool {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
    eprintln!("passed over: {why}");
    false
}

/// A way to run a program in namespaces of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Namespace {
    /// It may mount what nobody else sees.
    Mounts,
    /// It is process 1.
    Processes,
}

impl Namespace {
    /// The command line that goes before a program; `None` where that is impossible, passed over as in [`is_there`].
    pub(crate) fn command(self) -> Option<Vec<String>> {
        if !is_there("unshare") {
            return None;
        }
        let options: &[&str] = match self {
            Self::Mounts => &["--mount"],
            Self::Processes => &["--pid", "--fork", "--mount-proc", "--kill-child"],
        };
        let as_root = ["--user", "--map-root-user"];
        let ways = [options.to_vec(), [&as_root, options].concat()];
        for way in ways {
            let tried = Command::new("unshare").args(&way).arg("true").stderr(Stdio::null()).status();
            if tried.is_ok_and(|status| status.success()) {
                return Some(["unshare"].iter().chain(&way).map(ToString::to_string).collect());
            }
        }
        pass_over("this machine allows no namespaces");
        None
    }
}

/// The process that runs `program`: `process` itself, or one that descends from it.
pub(crate) fn find_running(program: &Path, process: u32) -> Option<u32> {
    let runs = std::fs::read_link(format!("/proc/{process}/exe")).ok()?;
    if runs == program {
        return Some(process);
    }
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
    children.split_whitespace().find_map(|child| find_running(program, child.parse().ok()?))
}
