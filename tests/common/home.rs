//! A directory for one test: configuration, state, output and log of its daemon.

use std::path::{Path, PathBuf};

/// Removed when dropped.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.path("out")).unwrap();
        home
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    /// The path of `name` in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The file that the subscription `key` goes to, unless a test says otherwise.
    pub(crate) fn out(&self, key: &str) -> PathBuf {
        self.path("out").join(format!("{key}.jsonl"))
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}
