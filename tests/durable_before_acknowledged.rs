//! What is acknowledged is on the disk: the system calls of a run show it, and the judge of them is shown to refuse
//! runs that are wrong.

use crate::common::trace::{Verdict, judge};
use crate::common::{Config, Delivered, Home, Launch, Service, eventually, file_sink, strace_works};

/// The calls that matter, in full length.
const STRACE: [&str; 8] = [
    "strace",
    "--follow-forks",
    "--absolute-timestamps=unix,us",
    "--decode-fds=path",
    "--string-limit=8000",
    "--quiet=all",
    "--trace=openat,mkdir,mkdirat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync",
    "--output=trace",
];

const BATCHES: u64 = 5;
const BATCH: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_and_directories_are_synced_before_each_acknowledgement_goes_out() {
    if !strace_works() {
        return;
    }
    let service = Service::with(&["a"]).await;
    let home = Home::new();
    let path = home.path("out/new/{date}/{subscription}.jsonl");
    let sinks = file_sink("a", &path);
    let config = Config::new(&home, &service.endpoint()).subscription("a", "max_messages = 10", &sinks);
    let forwarder = Launch::new(&home).under(STRACE).start(&config);
    forwarder.is_up().await;
    for batch in 0..BATCHES {
        service.publish("a", batch * BATCH..(batch + 1) * BATCH).await;
        let end = (batch + 1) * BATCH;
        eventually("the acknowledgement", async || service.is_acknowledged_to("a", end).await).await;
    }
    forwarder.stop().await;

    let mut written = String::new();
    for day in std::fs::read_dir(home.path("out/new")).unwrap() {
        written += &std::fs::read_to_string(day.unwrap().path().join("a.jsonl")).unwrap();
    }
    Delivered::in_text(&written).assert_exactly(BATCHES * BATCH);

    let trace = String::from_utf8_lossy(&std::fs::read(home.path("trace")).unwrap()).into_owned();
    let out = home.path("out").display().to_string();
    let verdict = judge(&trace, &out).unwrap();
    println!("{verdict:?}");
    assert_eq!(verdict.messages, BATCHES * BATCH);
    assert!(verdict.acknowledgements as u64 >= BATCHES, "{verdict:?}");
    assert!(verdict.new_files >= 1 && verdict.new_directories >= 2, "{verdict:?}");
    assert_refused_when_anything_is_taken_out(&trace, &out);
}

fn assert_refused_when_anything_is_taken_out(trace: &str, out: &str) {
    let refused = |what: &str, changed: &str| {
        assert_ne!(trace, changed, "{what}: it has changed nothing");
        assert!(judge(changed, out).is_err(), "{what}: it should have been refused");
    };
    let without = |unwanted: &dyn Fn(&str) -> bool| {
        trace.lines().filter(|line| !unwanted(line)).collect::<Vec<_>>().join("\n")
    };
    refused("without any sync of data", &without(&|line| line.contains("fdatasync")));
    refused("without any sync of directories", &without(&|line| line.contains(" fsync(")));
    for synced in [out.to_owned(), format!("{out}/new")] {
        let of_it = format!("<{synced}>)");
        refused(
            &format!("without the sync of {synced}"),
            &without(&|line| line.contains(" fsync(") && line.contains(&of_it)),
        );
    }
    let lines: Vec<&str> = trace.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        if line.contains(" fdatasync(") && line.contains(out) {
            let rest = [&lines[..at], &lines[at + 1..]].concat();
            let resumed = rest
                .iter()
                .position(|line| line.contains("fdatasync resumed"))
                .filter(|_| line.contains("unf"));
            let rest: Vec<&str> =
                rest.iter().enumerate().filter(|(i, _)| Some(*i) != resumed).map(|(_, l)| *l).collect();
            refused(&format!("without the sync at line {at}"), &rest.join("\n"));
        }
    }
    let sync = lines.iter().position(|line| line.contains(" fdatasync(") && line.contains(out)).unwrap();
    let sent = lines.iter().position(|line| line.contains(":acknowledge HTTP/1.1")).unwrap();
    let mut early = lines.clone();
    let line = early.remove(sent);
    early.insert(sync, line);
    refused("with the acknowledgement before the sync", &early.join("\n"));
}

/// A trace as it should be, with a call that another thread interrupts.
const RIGHT: &str = r#"10 1.1 mkdir("/o/new", 0777) = 0
10 1.2 openat(AT_FDCWD</>, "/o", O_RDONLY|O_CLOEXEC) = 7</o>
10 1.3 fsync(7</o>) = 0
10 1.4 openat(AT_FDCWD</>, "/o/new/a.jsonl", O_RDWR|O_CREAT|O_APPEND, 0666) = 8</o/new/a.jsonl>
10 1.5 write(8</o/new/a.jsonl>, "{\"messageId\":\"0\",\"x\":1}\n{\"messageId\":\"1\",\"x\":1}\n", 40) = 40
10 1.6 fdatasync(8</o/new/a.jsonl> <unfinished ...>
11 1.7 sendto(5<socket:[9]>, "GET /v1/projects/P/subscriptions/a:offsets HTTP/1.1\r\n", 99, 0, NULL, 0) = 99
10 1.8 <... fdatasync resumed>)         = 0
10 1.9 openat(AT_FDCWD</>, "/o/new", O_RDONLY|O_CLOEXEC) = 9</o/new>
10 2.0 fsync(9</o/new>) = 0
11 2.1 writev(5<socket:[9]>, [{iov_base="POST /v1/projects/P/subscriptions/a:acknowledge HTTP/1.1\r\n", iov_len=9}, {iov_base="{\"ackIds\":[\"projects/P/subscriptions/a:1\"]}", iov_len=9}], 2) = 18
11 2.2 --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=1, si_uid=0} ---
"#;

#[test]
fn the_judge_takes_a_right_trace_and_refuses_wrong_ones() {
    let right = Verdict { acknowledgements: 1, messages: 2, new_files: 1, new_directories: 1 };
    assert_eq!(judge(RIGHT, "/o"), Ok(right));
    for (wrong, why) in [
        (
            RIGHT.replace("0666", "0666, O_TRUNC").replace(
                "1.8 <... fdatasync resumed>)         = 0",
                "1.8 <... fdatasync resumed>)  = -1 EIO (Input/output error)",
            ),
            "was not synced",
        ),
        (RIGHT.replace("10 1.3 fsync(7</o>) = 0\n", ""), "/o was not synced"),
        (RIGHT.replace("10 2.0 fsync(9</o/new>) = 0\n", ""), "/o/new was not synced"),
        (RIGHT.replace("a:1\\", "a:2\\"), "message 2 acknowledged at line 10: not written"),
        (
            RIGHT
                .replace("11 1.7 sendto", "11 1.7 noise")
                .replace("11 2.1 writev", "11 2.1 noise(writev")
                .replace(":acknowledge", ":a"),
            "shows nothing",
        ),
        (
            RIGHT.replace(
                "subscriptions/a:offsets HTTP/1.1\\r\\n",
                "subscriptions/a:acknowledge HTTP/1.1\\r\\n ackIds:1]",
            ),
            "was not synced",
        ),
    ] {
        let refused = judge(&wrong, "/o").unwrap_err();
        assert!(refused.contains(why), "{refused} instead of {why}");
    }
    assert_refused_when_anything_is_taken_out(RIGHT, "/o");
}
