//! Judges a trace of system calls, as `strace -f -y` writes it: whether messages were durable before they were
//! acknowledged. Pure, so that it can be shown to refuse what is wrong.

use std::collections::BTreeMap;

/// A system call; `begin` and `end` are lines of the trace.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) begin: usize,
    pub(crate) end: usize,
    pub(crate) name: String,
    pub(crate) arguments: String,
    pub(crate) succeeded: bool,
}

/// What a trace shows that is as it should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) acknowledgements: usize,
    pub(crate) messages: u64,
    pub(crate) new_files: usize,
    pub(crate) new_directories: usize,
}

/// Checks that each message was written below `out`, its file synced after that, and the directories of new files and
/// of new directories as well, all before the acknowledgement that covers it began to be sent. The first id is 0.
pub(crate) fn judge(trace: &str, out: &str) -> Result<Verdict, String> {
    let calls = parse(trace)?;
    let synced = |path: &str, after: usize, before: usize, how: &[&str]| {
        calls.iter().any(|call| {
            how.contains(&call.name.as_str())
                && call.succeeded
                && call.descriptor() == Some(path)
                && call.begin > after
                && call.end < before
        })
    };
    let mut verdict = Verdict { acknowledgements: 0, messages: 0, new_files: 0, new_directories: 0 };
    for acknowledgement in calls.iter().filter(|call| call.arguments.contains(":acknowledge HTTP/1.1")) {
        let at = acknowledgement.begin;
        let through = acknowledgement.acknowledged().ok_or_else(|| format!("line {at}: which id?"))?;
        verdict.acknowledgements += 1;
        while verdict.messages <= through {
            let id = verdict.messages;
            let text = format!(r#"{{\"messageId\":\"{id}\","#);
            let write = calls.iter().find(|call| {
                call.is_write()
                    && call.end < at
                    && call.arguments.contains(&text)
                    && call.path_below(out).is_some()
            });
            let Some(write) = write else {
                return Err(format!("message {id} acknowledged at line {at}: not written"));
            };
            let file = write.path_below(out).unwrap_or_default();
            if !synced(file, write.end, at, &["fdatasync", "fsync"]) {
                return Err(format!("message {id} acknowledged at line {at}: {file} was not synced"));
            }
            verdict.messages += 1;
        }
        let made = |call: &&Call| call.end < at && call.succeeded;
        (verdict.new_files, verdict.new_directories) = (0, 0);
        for call in calls.iter().filter(made) {
            let path = match call.name.as_str() {
                "mkdir" | "mkdirat" => call.quoted(),
                "openat" if call.arguments.contains("O_CREAT") => call.quoted(),
                _ => None,
            };
            let Some(path) = path.filter(|path| path.starts_with(out)) else { continue };
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            if !synced(parent, call.end, at, &["fsync"]) {
                return Err(format!("at line {at}: {path} is new, and {parent} was not synced"));
            }
            *if call.name == "openat" { &mut verdict.new_files } else { &mut verdict.new_directories } += 1;
        }
    }
    if verdict.acknowledgements == 0 || verdict.new_files == 0 {
        return Err(format!("this trace shows nothing: {verdict:?}"));
    }
    Ok(verdict)
}

impl Call {
    fn is_write(&self) -> bool {
        matches!(self.name.as_str(), "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2")
    }

    /// The path of the file descriptor that is the first argument: `19</tmp/out/a.jsonl>`.
    pub(crate) fn descriptor(&self) -> Option<&str> {
        let (number, rest) = self.arguments.split_once('<')?;
        number.parse::<u32>().ok()?;
        rest.split_once('>').map(|(path, _)| path)
    }

    fn path_below(&self, directory: &str) -> Option<&str> {
        self.descriptor().filter(|path| path.starts_with(directory))
    }

    /// The first string among the arguments.
    pub(crate) fn quoted(&self) -> Option<&str> {
        self.arguments.split('"').nth(1)
    }

    /// What is written, all of it text: strace escapes no more than a C programmer would.
    pub(crate) fn data(&self) -> Vec<u8> {
        let text = self.arguments.split_once('"').map_or("", |(_, rest)| rest);
        let (mut data, mut characters) = (Vec::new(), text.bytes());
        while let Some(byte) = characters.next().filter(|byte| *byte != b'"') {
            data.push(match byte {
                b'\\' => match characters.next().unwrap() {
                    b'n' => b'\n',
                    plain @ (b'"' | b'\\') => plain,
                    other => panic!("an escape that is not expected: {other}"),
                },
                plain => plain,
            });
        }
        data
    }

    /// The number that is the last argument.
    pub(crate) fn number(&self) -> Option<u64> {
        self.arguments.rsplit_once(", ")?.1.split([')', ' ']).next()?.parse().ok()
    }

    /// The id in `{"ackIds":["projects/P/subscriptions/S:7"]}`, as strace quotes it.
    pub(crate) fn acknowledged(&self) -> Option<u64> {
        let (_, body) = self.arguments.split_once("ackIds")?;
        let (before, _) = body.split_once(']')?;
        before.rsplit(':').next()?.trim_end_matches(['\\', '"']).parse().ok()
    }
}

/// One call for each line, or for two that belong together when another thread came in between.
pub(crate) fn parse(trace: &str) -> Result<Vec<Call>, String> {
    let mut calls: Vec<Call> = Vec::new();
    let mut unfinished: BTreeMap<&str, usize> = BTreeMap::new();
    for (line, text) in trace.lines().enumerate() {
        // The thread, the time, and then the call; signals and ends of threads are set off with signs.
        let (thread, rest) = text.split_once(' ').unwrap_or_default();
        let (_, call) = rest.trim_start().split_once(' ').unwrap_or_default();
        let call = call.trim_start();
        if call.starts_with("---") || call.starts_with("+++") || call.is_empty() {
            continue;
        }
        if let Some(resumed) = call.strip_prefix("<... ") {
            let begun = unfinished.remove(thread).ok_or_else(|| format!("line {line}: {text}"))?;
            calls[begun].end = line;
            calls[begun].succeeded = succeeded(resumed);
            continue;
        }
        let (name, arguments) = call.split_once('(').ok_or_else(|| format!("line {line}: {text}"))?;
        if arguments.ends_with("<unfinished ...>") {
            unfinished.insert(thread, calls.len());
        }
        calls.push(Call {
            begin: line,
            end: if arguments.ends_with("<unfinished ...>") { usize::MAX } else { line },
            name: name.to_owned(),
            succeeded: succeeded(arguments),
            arguments: arguments.to_owned(),
        });
    }
    Ok(calls)
}

fn succeeded(rest: &str) -> bool {
    rest.rsplit_once(" = ").is_some_and(|(_, value)| value.starts_with(|c: char| c.is_ascii_digit()))
}
