//! The daemon as a process of its own, and what it says of itself.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::http::{self, Answer};
use super::machine::find_running;
use super::{Config, Home, Metrics, PATIENCE, TOKEN, eventually, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ams-forwarder");

/// How a daemon is started.
pub(crate) struct Launch<'a> {
    home: &'a Home,
    program: PathBuf,
    before: Vec<String>,
    environment: Vec<(String, String)>,
    stdout: Option<Stdio>,
    stderr: Option<Stdio>,
}

impl<'a> Launch<'a> {
    pub(crate) fn new(home: &'a Home) -> Self {
        Self {
            home,
            program: PROGRAM.into(),
            before: Vec::new(),
            environment: Vec::new(),
            stdout: None,
            stderr: None,
        }
    }

    /// Through another program, as in `strace -o FILE`.
    pub(crate) fn under(mut self, before: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.before.extend(before.into_iter().map(Into::into));
        self
    }

    /// With this in its environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// For another user than the one who runs the tests: a copy of the program in the home, where the place it was built
    /// in is closed to others.
    pub(crate) fn reachable_for_others(mut self) -> Self {
        let open = |path: &Path| path.metadata().is_ok_and(|found| found.mode() & 0o005 == 0o005);
        if !self.program.ancestors().all(open) {
            let copy = self.home.path("ams-forwarder");
            std::fs::copy(&self.program, &copy).unwrap();
            self.program = copy;
        }
        self
    }

    /// Instead of into the file `stdout` of the home.
    pub(crate) fn stdout(mut self, stdout: Stdio) -> Self {
        self.stdout = Some(stdout);
        self
    }

    /// Instead of into the file `log` of the home, where [`Forwarder::logs`] looks.
    pub(crate) fn stderr(mut self, stderr: Stdio) -> Self {
        self.stderr = Some(stderr);
        self
    }

    /// Runs `ams-forwarder` with these arguments in the home, to its end.
    pub(crate) fn to_its_end(&self, arguments: &[&str]) -> std::process::Output {
        let output = self.command().args(arguments).stdin(Stdio::null()).output().unwrap();
        for text in [&output.stdout, &output.stderr] {
            assert!(!String::from_utf8_lossy(text).contains(TOKEN), "the token was shown");
        }
        output
    }

    /// The same with `input` on its standard input.
    pub(crate) fn fed(&self, arguments: &[&str], input: &[u8]) -> std::process::Output {
        let file = self.home.path("input");
        std::fs::write(&file, input).unwrap();
        self.command().args(arguments).stdin(File::open(file).unwrap()).output().unwrap()
    }

    /// Starts it with `config`, and does not wait until it is there.
    pub(crate) fn start(mut self, config: &Config) -> Forwarder {
        self.home.write("forwarder.toml", &config.text());
        self.start_file("forwarder.toml")
    }

    /// The same with a configuration that is there already.
    pub(crate) fn start_file(&mut self, file: &str) -> Forwarder {
        let append =
            |name: &str| OpenOptions::new().create(true).append(true).open(self.home.path(name)).unwrap();
        let log: File = append("log");
        let started_at = log.metadata().unwrap().len();
        let stdout = self.stdout.take().unwrap_or_else(|| append("stdout").into());
        let stderr = self.stderr.take().unwrap_or_else(|| log.into());
        let mut command = self.command();
        command.args(["run", "--config", file]).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        let child = command.spawn().unwrap();
        let process = self.before.is_empty().then(|| child.id());
        Forwarder {
            child,
            process,
            program: self.program.clone(),
            log: self.home.path("log"),
            started_at,
            ended: None,
        }
    }

    /// With nothing in its environment that could change what it does, but what was asked for.
    fn command(&self) -> Command {
        let mut words = self.before.iter().map(AsRef::as_ref).chain([self.program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).current_dir(self.home.dir()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A daemon that was started. It is killed when dropped, and its log is shown if the test failed.
pub(crate) struct Forwarder {
    child: Child,
    process: Option<u32>,
    program: PathBuf,
    log: PathBuf,
    /// Where in the log file the log of this process begins.
    started_at: u64,
    ended: Option<ExitStatus>,
}

impl Forwarder {
    pub(crate) fn start(home: &Home, config: &Config) -> Self {
        Launch::new(home).start(config)
    }

    /// The daemon's own process, which is not always the child.
    pub(crate) async fn process(&mut self) -> u32 {
        let (child, program) = (self.child.id(), self.program.clone());
        if self.process.is_none() {
            let found = until("the daemon's process", async || find_running(&program, child)).await;
            self.process = Some(found);
        }
        self.process.unwrap()
    }

    pub(crate) async fn signal(&mut self, signal: Signal) {
        let process = self.process().await;
        assert!(self.poll().is_none(), "it has ended before it was told to");
        kill_process(Pid::from_raw(process.try_into().unwrap()).unwrap(), signal).unwrap();
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.signal(Signal::KILL).await;
        self.wait(PATIENCE).await;
    }

    /// SIGTERM, and waits until it has ended well.
    pub(crate) async fn stop(mut self) -> String {
        self.signal(Signal::TERM).await;
        assert_eq!(self.wait(PATIENCE).await, Some(0), "the exit code after SIGTERM");
        self.log()
    }

    /// Its exit code; fails when it takes longer than `most`.
    pub(crate) async fn wait(&mut self, most: Duration) -> Option<i32> {
        let started = Instant::now();
        let ended = until("the end of the daemon", async || self.poll()).await;
        assert!(
            started.elapsed() <= most,
            "it took {:?} to end, and not {most:?} at most",
            started.elapsed()
        );
        ended.code()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.poll().is_some()
    }

    fn poll(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap();
        }
        self.ended
    }

    /// What it has logged since it was started.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let start = usize::try_from(self.started_at).unwrap();
        String::from_utf8_lossy(log.get(start..).unwrap_or_default()).into_owned()
    }

    /// Where it answers; `None` before it has said so.
    pub(crate) fn admin(&self) -> Option<SocketAddr> {
        let log = self.log();
        let (_, said) = log.split_once("metrics, health and status on http://")?;
        said.split(|c: char| c != ':' && c != '.' && !c.is_ascii_digit()).next()?.parse().ok()
    }

    pub(crate) async fn get(&self, path: &str) -> Option<Answer> {
        http::get(self.admin()?, path).await.ok()
    }

    /// The status of one subscription; `None` while the daemon does not answer.
    pub(crate) async fn status(&self, key: &str) -> Option<serde_json::Value> {
        let answer = self.get("/status").await?;
        let report: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let of = |status: &&serde_json::Value| status["key"] == key;
        Some(report["subscriptions"].as_array().unwrap().iter().find(of).unwrap().clone())
    }

    /// Waits until the subscription is in that state. Its status then.
    pub(crate) async fn is(&self, key: &str, state: &str) -> serde_json::Value {
        until(&format!("{key} to be {state}"), async || {
            self.status(key).await.filter(|status| status["state"] == state)
        })
        .await
    }

    pub(crate) async fn metrics(&self) -> Metrics {
        until("/metrics", async || self.get("/metrics").await.map(|answer| Metrics { text: answer.body }))
            .await
    }

    /// Waits until a counter of the subscription `key` has reached `least`, and returns it.
    pub(crate) async fn counted(&self, key: &str, name: &str, least: u64) -> u64 {
        until(&format!("{name} of {key} to be {least}"), async || {
            Some(self.metrics().await.of(key, name)).filter(|count| *count >= least)
        })
        .await
    }

    /// Waits until it answers.
    pub(crate) async fn is_up(&self) {
        eventually("the daemon to answer", async || self.get("/livez").await.is_some()).await;
    }

    /// Waits until the log has a line with all of these words in it, and returns it.
    pub(crate) async fn logs(&self, words: &[&str]) -> String {
        until(&format!("a line with {words:?} in the log"), async || {
            let log = self.log();
            log.lines().find(|line| words.iter().all(|word| line.contains(word))).map(ToOwned::to_owned)
        })
        .await
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        let gone = self.poll().is_some();
        if !gone {
            // A tracer or a namespace would outlive its child, so both are killed; each is ours.
            let process = self.process.or_else(|| find_running(&self.program, self.child.id()));
            if let Some(process) = process.and_then(|id| Pid::from_raw(id.try_into().ok()?)) {
                let _ = kill_process(process, Signal::KILL);
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let log = self.log();
        if std::thread::panicking() {
            eprintln!("--- the log of the daemon ---\n{}", tail(&log));
        } else {
            assert!(!log.contains(TOKEN), "the token is in the log");
        }
    }
}

/// The last lines of a log.
fn tail(log: &str) -> &str {
    let start = log.rmatch_indices('\n').nth(60).map_or(0, |(at, _)| at + 1);
    &log[start..]
}

/// What a process has in memory, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    /// The most it ever was.
    pub(crate) peak: u64,
}

impl Memory {
    pub(crate) fn of(process: u32) -> Self {
        let file = Path::new("/proc").join(process.to_string()).join("status");
        let status = std::fs::read_to_string(file).unwrap();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
        };
        Self { now: bytes("VmRSS:"), peak: bytes("VmHWM:") }
    }
}
