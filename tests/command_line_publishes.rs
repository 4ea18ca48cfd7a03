//! `ams publish` publishes lines without end in the memory of a few of them, and says exactly how far it got.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::common::ams::{Running, ams, done, done_with, exit_code, run};
use crate::common::{Action, Gate, Home, Memory, Service, eventually, until};

/// What `ams publish --lines` complains of.
async fn complaint(service: &Service, endpoint: &str, arguments: &str, input: &str) -> String {
    let mut command = ams(service);
    command
        .args(["publish", "a", "--lines"])
        .args(arguments.split_whitespace())
        .env("AMS_ENDPOINT", endpoint);
    let output = run(command, input).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_files_and_attributes_become_messages_in_their_order() {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let file = home.write("file", "drei\n");
    let arguments = format!(
        "publish a --data eins --file {} --data zwei --file - --attribute host=x --attribute k=a=b --output json",
        file.display()
    );
    let said: serde_json::Value =
        serde_json::from_str(&done_with(&service, &arguments, b"\xff").await).unwrap();
    let expected = serde_json::json!({
        "topic": "a", "published": 4, "first_message_id": "0", "last_message_id": "3"
    });
    assert_eq!(said, expected);
    let lines = done(&service, "pull a").await;
    for (line, data) in lines.lines().zip([
        r#""data":"eins"}"#,
        r#""data":"zwei"}"#,
        r#""data":"drei\n"}"#,
        r#""data_base64":"/w=="}"#,
    ]) {
        assert!(line.ends_with(&format!(r#""attributes":{{"host":"x","k":"a=b"}},{data}"#)), "{line}");
    }
    assert_eq!(lines.lines().count(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pull_prints_publish_reads() {
    let service = Service::with(&["a", "b"]).await;
    done_with(&service, "publish a --data ☂ --file - --attribute k=v", b"\xff\0\n").await;
    let lines = done(&service, "pull a").await;
    done_with(&service, "publish b --lines --format jsonl", lines.clone()).await;
    let again = done(&service, "pull b").await;
    let without_time = |lines: &str| -> Vec<String> {
        lines.lines().map(|line| line.split_once("\"attributes\"").unwrap().1.to_owned()).collect()
    };
    assert_eq!(without_time(&again), without_time(&lines));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_published_before_the_next_one_is_there() {
    let service = Service::with(&["a"]).await;
    let mut command = ams(&service);
    command.args(["publish", "a", "--lines"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let mut input = running.0.stdin.take().unwrap();
    for number in 1..4 {
        input.write_all(b"line\n").unwrap();
        eventually("the line", async || service.offsets("a").await.max == number).await;
    }
    drop(input);
    assert_eq!(exit_code(&mut running).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_lines_take_no_more_memory_than_few() {
    const LINES: usize = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
    const MIB: u64 = 1024 * 1024;
    let service = Service::with(&["a"]).await;
    let mut command = ams(&service);
    command.args(["publish", "a", "--lines"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let (mut input, out) = (running.0.stdin.take().unwrap(), running.0.stdout.take().unwrap());
    let process = running.0.id();
    let writing = tokio::task::spawn_blocking(move || {
        let line = format!("{}\n", "x".repeat(255));
        let thousand = line.repeat(1000);
        let mut early = 0;
        for thousands in 0..LINES / 1000 {
            input.write_all(thousand.as_bytes()).unwrap();
            if thousands == 20 {
                early = Memory::of(process).peak;
            }
        }
        let late = Memory::of(process).peak;
        (early, late, input)
    });
    let (early, late, input) = writing.await.unwrap();
    println!("{} MiB after 20,000 lines, {} MiB after {LINES}", early / MIB, late / MIB);
    assert!(late < 64 * MIB, "{} MiB", late / MIB);
    assert!(
        late < early + 8 * MIB,
        "{} MiB after 20,000 lines, {} MiB after {LINES}",
        early / MIB,
        late / MIB
    );
    drop(input);
    assert_eq!(exit_code(&mut running).await, Some(0));
    let said: Vec<_> = BufReader::new(out).lines().map(Result::unwrap).collect();
    assert!(said.contains(&format!("published         {LINES}")), "{said:?}");
    assert_eq!(service.offsets("a").await.max, i64::try_from(LINES).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_line_is_named_and_what_was_before_it_is_published() {
    let service = Service::with(&["a"]).await;
    let input = "{\"data\":\"x\"}\n".repeat(5) + "{\"dat\":\"y\"}\n" + &"{\"data\":\"z\"}\n".repeat(5);
    let said = complaint(&service, &service.endpoint(), "--format jsonl", &input).await;
    assert!(said.contains("line 6 of standard input: it needs one of `data` and `data_base64`"), "{said}");
    assert_eq!(service.offsets("a").await.max, 5);

    // Larger than a record may be, though a line may be that long.
    let input = format!("x\n{}\nz\n", "y".repeat(1_200_000));
    let said = complaint(&service, &service.endpoint(), "", &input).await;
    assert!(
        said.contains("line 2 is not published; all before are; nothing behind line 2 was sent: "),
        "{said}"
    );
    assert_eq!(service.offsets("a").await.max, 6);

    let home = Home::new();
    let schema = home.write("schema", r#"{"type":"integer"}"#);
    done(&service, &format!("schema create s --file {}", schema.display())).await;
    done(&service, "schema attach s a").await;
    let said = complaint(&service, &service.endpoint(), "", "1\n2\nthree\n4\n").await;
    assert!(
        said.contains(
            "line 3 is not published; all before are; 1 behind are; nothing behind line 4 was sent"
        ),
        "{said}"
    );
    assert!(said.contains("Message 0 data is not valid"), "{said}");
    assert_eq!(service.offsets("a").await.max, 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_been_published_is_said_and_nothing_behind_it_is_sent() {
    let service = Service::with(&["a"]).await;
    let gate = Gate::before(service.address).await;
    let rule = gate.rule_for(1, ":publish", Action::LoseAnswer);
    let said = complaint(&service, &gate.endpoint(), "", &"x\n".repeat(10)).await;
    assert!(
        said.contains("lines 1 to 10 may be published, from the front on; nothing behind line 10 was sent"),
        "{said}"
    );
    assert!(said.contains("hint: "), "{said}");
    assert_eq!(rule.met(), 1);

    // Some batches pass, then one is refused for good.
    let before = until("the lines that were sent", async || {
        let max = service.offsets("a").await.max;
        (max > 0).then_some(max)
    });
    assert_eq!(before.await, 10);
    let refuse = Action::Answer(
        403,
        r#"{"error":{"code":403,"message":"Access to this resource is forbidden","status":"FORBIDDEN"}}"#,
    );
    let mut command = ams(&service);
    command.args(["publish", "a", "--lines"]).env("AMS_ENDPOINT", gate.endpoint());
    let mut running =
        Running(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut input = running.0.stdin.take().unwrap();
    input.write_all(b"x\ny\n").unwrap();
    eventually("two lines", async || service.offsets("a").await.max == 12).await;
    let _refused = gate.rule(":publish", refuse);
    input.write_all(b"z\n").unwrap();
    assert_eq!(exit_code(&mut running).await, Some(1));
    let said = std::io::read_to_string(running.0.stderr.take().unwrap()).unwrap();
    assert!(
        said.contains("line 3 is not published; all before are; nothing behind line 3 was sent"),
        "{said}"
    );
    assert!(said.contains("hint: it needs the role publisher"), "{said}");
    assert_eq!(service.offsets("a").await.max, 12);
}
