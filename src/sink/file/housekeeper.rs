//! What becomes of rotated files, on a thread of its own that leaves the processor to others: one after the other they are
//! compressed, and the oldest are removed. What cannot be done now is tried again; it holds nobody up.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::super::append_file::{Failure, parent};
use super::compress::{Outcome, compress};
use super::keep::{self, rotated_in};
use super::rotated::Rotated;
use super::survey::Survey;
use crate::config::{Compression, KeepConfig};

/// When what failed is tried again.
const RETRY: Duration = Duration::from_mins(1);

/// How often files are looked for that have become too old.
const LOOK: Duration = Duration::from_hours(1);

/// How much less important it is than the rest of the daemon.
const NICE: i32 = 10;

/// The way to the thread, which is started with the first thing to do and ends some time after this is dropped. What it
/// has not done by then is done after the next start.
#[derive(Debug)]
pub(super) struct Housekeeper {
    survey: Survey,
    compression: Compression,
    keep: KeepConfig,
    jobs: Option<Sender<Job>>,
}

#[derive(Debug)]
enum Job {
    Rotated(Rotated),
    LookAround,
}

impl Housekeeper {
    /// For the rotated files that `survey` finds.
    pub(super) fn new(survey: Survey, compression: Compression, keep: KeepConfig) -> Self {
        Self { survey, compression, keep, jobs: None }
    }

    /// A file was rotated, and all in it is vouched for: it is nobody else's any more.
    pub(super) fn rotated(&mut self, rotated: Rotated) {
        self.send(Job::Rotated(rotated));
    }

    /// There may be files of earlier runs, and nothing is to be cut from them any more.
    pub(super) fn look_around(&mut self) {
        self.send(Job::LookAround);
    }

    fn send(&mut self, job: Job) {
        if self.jobs.is_none() {
            let started = Thread::new(self.survey.clone(), self.compression, self.keep).start();
            self.jobs = started
                .inspect_err(|error| tracing::warn!("cannot start the thread for rotated files: {error}"))
                .ok();
        }
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
    }
}

struct Thread {
    survey: Survey,
    compression: Compression,
    keep: KeepConfig,
    /// What could not be compressed yet.
    waiting: BTreeSet<Rotated>,
    complained: bool,
    next_look: Instant,
}

impl Thread {
    fn new(survey: Survey, compression: Compression, keep: KeepConfig) -> Self {
        let next_look = Instant::now() + LOOK;
        Self { survey, compression, keep, waiting: BTreeSet::new(), complained: false, next_look }
    }

    fn start(mut self) -> std::io::Result<Sender<Job>> {
        let (jobs, receiver) = channel();
        let work = move || {
            let _ = rustix::process::nice(NICE);
            self.run(&receiver);
        };
        std::thread::Builder::new().name("rotated files".to_owned()).spawn(work)?;
        Ok(jobs)
    }

    fn run(&mut self, jobs: &Receiver<Job>) {
        loop {
            let look = self.next_look.saturating_duration_since(Instant::now());
            let wait = if self.waiting.is_empty() { look } else { look.min(RETRY) };
            match jobs.recv_timeout(wait) {
                Ok(Job::Rotated(rotated)) => {
                    let of = rotated.of.clone();
                    self.compress(rotated);
                    self.tidy(&of);
                }
                Ok(Job::LookAround) => self.look_around(),
                Err(RecvTimeoutError::Timeout) => {
                    self.try_again();
                    if self.next_look <= Instant::now() {
                        self.look_around();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn compress(&mut self, rotated: Rotated) {
        match compress(&rotated, self.compression) {
            Ok(Outcome::Done) => {}
            Ok(Outcome::Locked) => {
                self.waiting.insert(rotated);
                return;
            }
            Err(failure) => {
                self.complain(&failure);
                self.waiting.insert(rotated);
                return;
            }
        }
        self.waiting.remove(&rotated);
        if self.waiting.is_empty() && std::mem::take(&mut self.complained) {
            tracing::info!("rotated files of {} are seen to again", self.survey);
        }
    }

    fn try_again(&mut self) {
        for rotated in self.waiting.clone() {
            self.compress(rotated);
        }
    }

    /// Removes what is not to be kept of the files of this path.
    fn tidy(&mut self, of: &Path) {
        if !self.keep.limits() {
            return;
        }
        let found = rotated_in(parent(of), |path| path == of);
        let files = found.map(|mut found| found.remove(of).unwrap_or_default());
        let removed = files.and_then(|files| keep::remove(&files, self.keep, Timestamp::now()));
        match removed {
            Ok(removed) => {
                for path in removed {
                    tracing::info!("{} is removed, as keep says", path.display());
                }
            }
            Err(error) => {
                let doing = format!("removing the oldest rotated files of {}", of.display());
                self.complain(&Failure::new(&doing, error));
            }
        }
    }

    fn look_around(&mut self) {
        self.next_look = Instant::now() + LOOK;
        for (of, files) in self.survey.rotated() {
            for (rotated, forms) in files {
                if forms.unfinished
                    || (forms.plain && (forms.compressed || self.compression != Compression::None))
                {
                    self.compress(rotated);
                }
            }
            self.tidy(&of);
        }
    }

    /// Once, until it goes well.
    fn complain(&mut self, failure: &Failure) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!("{failure}; nothing is lost, and it is tried again later");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn what_cannot_be_compressed_stays_and_is_tried_again_and_that_is_said_once() {
        let directory = tempfile::tempdir().unwrap();
        let of = directory.path().join("a.jsonl");
        let rotated =
            |number| Rotated { of: of.clone(), at: "2026-11-24T16:30:10Z".parse().unwrap(), number };
        // What cannot be removed is in the way.
        let unfinished: PathBuf = rotated(1).unfinished(Compression::Zstd).unwrap();
        std::fs::create_dir(&unfinished).unwrap();
        std::fs::write(rotated(1).plain(), "1").unwrap();
        let survey = Survey::new([&of.display().to_string()]);
        let mut thread = Thread::new(survey, Compression::Zstd, KeepConfig::default());
        thread.compress(rotated(1));
        assert!(thread.complained && rotated(1).plain().exists());
        thread.try_again();
        assert_eq!(thread.waiting.len(), 1);

        std::fs::write(rotated(2).plain(), "2").unwrap();
        thread.look_around();
        assert!(!rotated(2).plain().exists(), "the others are seen to");
        assert!(thread.complained);
        std::fs::remove_dir(unfinished).unwrap();
        thread.try_again();
        assert!(thread.waiting.is_empty() && !thread.complained);
        assert!(!rotated(1).plain().exists() && rotated(1).compressed(Compression::Zstd).unwrap().exists());
    }

    #[test]
    fn what_earlier_runs_have_left_is_taken_up_and_tidied() {
        let directory = tempfile::tempdir().unwrap();
        let of = directory.path().join("a.jsonl");
        let rotated = |number| Rotated { of: of.clone(), at: Timestamp::UNIX_EPOCH, number };
        for number in 1..=4 {
            std::fs::write(rotated(number).plain(), "x").unwrap();
        }
        std::fs::write(rotated(4).unfinished(Compression::Gzip).unwrap(), "half").unwrap();
        std::fs::write(&of, "x").unwrap();
        let keep = KeepConfig { files: Some(2), ..KeepConfig::default() };
        let survey = Survey::new([&of.display().to_string()]);
        Thread::new(survey, Compression::Gzip, keep).look_around();
        let mut left: Vec<_> =
            std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        left.sort();
        let gz = |number| rotated(number).compressed(Compression::Gzip).unwrap();
        assert_eq!(left, [gz(3), gz(4), of.clone()]);
    }
}
