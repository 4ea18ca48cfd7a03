//! Two small disks, one for the state directory and one for the output, that are full when wanted. The daemon sees them
//! in a namespace that outlives it; nobody else does, and they are gone with the process that holds it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::common::Namespace;

/// Mounts a file system on each of two directories, and keeps them.
const HOLD: &str = "mount -t tmpfs -o mode=0777 small \"$0\" && mount -t tmpfs -o mode=0777 small \"$1\" && echo ready && \
                    exec sleep 100000";

/// Leaves room for two blocks.
const FILL: &str = "set -- $(stat -f -c '%S %b %f' \"$0\") && \
                    mount -o remount,size=$(($1 * ($2 - $3 + 2))) \"$0\"";

const WIDEN: &str = "mount -o remount,size=1g \"$0\"";

/// The two, in a namespace.
pub(crate) struct Disks {
    holder: Child,
    as_root: bool,
}

impl Disks {
    /// `None` where there can be none.
    pub(crate) fn on(directories: [&Path; 2]) -> Option<Self> {
        let namespace = Namespace::Mounts.command()?;
        let as_root = !namespace.iter().any(|word| word == "--user");
        let mut command = Command::new(&namespace[0]);
        command.args(&namespace[1..]).args(["sh", "-c", HOLD]).args(directories).stdout(Stdio::piped());
        let mut holder = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "the disks could not be mounted");
        Some(Self { holder, as_root })
    }

    /// What goes before a program that is to see them, started in `directory`.
    pub(crate) fn before(&self, directory: &Path) -> Vec<String> {
        let mut words =
            vec!["nsenter".to_owned(), format!("--target={}", self.holder.id()), "--mount".into()];
        if !self.as_root {
            words.extend(["--user".to_owned(), "--preserve-credentials".to_owned()]);
        }
        words.extend(["--", "sh", "-c", "cd \"$0\" && exec \"$@\""].map(ToOwned::to_owned));
        words.push(directory.display().to_string());
        words
    }

    /// A path as the daemon sees it.
    pub(crate) fn seen(&self, path: &Path) -> PathBuf {
        Path::new(&format!("/proc/{}/root", self.holder.id())).join(path.strip_prefix("/").unwrap())
    }

    /// Makes the one at `directory` full. Whether that worked: it may have grown meanwhile.
    pub(crate) fn fill(&self, directory: &Path) -> bool {
        self.run(FILL, directory)
    }

    pub(crate) fn widen(&self, directory: &Path) {
        assert!(self.run(WIDEN, directory), "the disk stays full");
    }

    fn run(&self, script: &str, directory: &Path) -> bool {
        let before = self.before(Path::new("/"));
        let mut command = Command::new(&before[0]);
        command.args(&before[1..]).args(["sh", "-c", script]).arg(directory).stderr(Stdio::null());
        command.status().unwrap().success()
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
