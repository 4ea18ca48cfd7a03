//! What `ams` prints: help, tables, JSON and errors, word for word. Times, ids and tokens are left out.

use std::fmt::Write;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use ams_forwarder::emulator::Role;

use crate::common::ams::{ams, done, run};
use crate::common::{Home, PROJECT, Service, TOKEN};

/// Commands as they are typed, each with what it printed.
struct Transcript<'a> {
    service: &'a Service,
    text: String,
}

impl<'a> Transcript<'a> {
    fn of(service: &'a Service) -> Self {
        Self { service, text: String::new() }
    }

    async fn run(&mut self, arguments: &str) -> &mut Self {
        self.run_with(arguments, "").await
    }

    /// With this on standard input.
    async fn run_with(&mut self, arguments: &str, input: &str) -> &mut Self {
        let mut command = ams(self.service);
        command.args(arguments.split_whitespace());
        let output = run(command, input).await;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        writeln!(self.text, "$ ams {arguments}\n{}{}", text(&output.stdout), text(&output.stderr)).unwrap();
        if let Some(code @ 1..) = output.status.code() {
            writeln!(self.text, "({code})\n").unwrap();
        }
        self
    }

    fn assert(&self, name: &str) {
        assert!(!self.text.contains(TOKEN), "the token was shown");
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.set_prepend_module_to_snapshot(false);
        for (pattern, instead) in [
            (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "(time)"),
            (r"\d{4}-\d\d-\d\d", "(day)"),
            (r"[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}", "(uuid)"),
            (r"[\da-f]{64}", "(token)"),
            (r"127\.0\.0\.1:\d+", "(address)"),
            (r"after \d+ ms", "after (time)"),
            (env!("CARGO_PKG_VERSION"), "(version)"),
            (r"\(os error \d+\)", "(os error)"),
            // Other machines, other figures.
            (r"( +(?:ams_node|vm|localhost).*?)\d+(?:\.\d+)? +\(", "$1(number) ("),
        ] {
            settings.add_filter(pattern, instead);
        }
        settings.bind(|| insta::assert_snapshot!(name, self.text));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn help() {
    let service = Service::start().await;
    let mut transcript = Transcript::of(&service);
    transcript.run("-h").await.run("--help").await.run("publish -h").await.run("pull --help").await;
    transcript.run("subscription").await.run("subscription seek -h").await.run("topic acl -h").await;
    transcript.assert("help");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_and_subscriptions() {
    let service = Service::start().await;
    let mut transcript = Transcript::of(&service);
    transcript.run("topic list").await.run("topic list --output json").await;
    transcript.run("topic create metrics").await.run("topic create other").await;
    transcript.run("subscription create archive --topic metrics --ack-deadline 30").await;
    transcript.run("subscription create b --topic other --output json").await;
    transcript.run("topic list").await.run("topic show metrics --output json").await;
    transcript.run("topic subscriptions metrics").await;
    transcript.run("subscription list").await.run("subscription list --topic metrics --output json").await;
    transcript.run("subscription show archive").await.run("subscription ack-deadline archive 60s").await;
    transcript.run("publish metrics --data hello --data world --attribute host=a").await;
    transcript.run_with("publish metrics --lines --output json", "one\ntwo\n").await;
    transcript.run("pull archive").await.run("pull archive --max 2 --ack").await;
    transcript
        .run("subscription offsets archive")
        .await
        .run("subscription offsets archive --output json")
        .await;
    transcript.run("subscription seek archive --start").await.run("subscription seek archive --end").await;
    transcript.run("subscription seek archive --offset 1").await;
    transcript.run("subscription seek archive --time 2020-01-01T00:00:00Z --output json").await;
    transcript.run("subscription delete b").await.run("topic delete other --output json").await;
    transcript.assert("topics_and_subscriptions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people() {
    let service = Service::with(&["a"]).await;
    let mut transcript = Transcript::of(&service);
    transcript.run("member list").await;
    transcript.run("member create ada --role publisher --role consumer --email ada@example.org").await;
    transcript.run("user create grace --role TEST:publisher --email grace@example.org --output json").await;
    transcript.run("user create root --service-role admin_viewer --first-name Ro --last-name Ot").await;
    transcript
        .run("member add root --role consumer")
        .await
        .run("member update root --role project_admin")
        .await;
    transcript.run("member list").await.run("member show root --output json").await;
    transcript.run("user list").await.run("user list --in-project TEST --output json").await;
    transcript.run("user show ada").await.run("user show ada --show-token --output json").await;
    transcript.run("user update ada --rename lovelace --organization X").await;
    transcript.run("user refresh-token lovelace").await;
    transcript.run("topic acl show a").await.run("topic acl add a lovelace grace").await;
    transcript.run("topic acl remove a grace --output json").await.run("topic acl remove a nobody").await;
    transcript.run("subscription acl set a lovelace").await.run("subscription acl show a").await;
    transcript.run("member remove root").await.run("user delete grace --output json").await;
    transcript.run("registration create bob --email bob@example.org --organization X").await;
    transcript.run("registration list").await.run("registration list --status accepted").await;
    transcript.assert("people");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service() {
    let service = Service::with(&["a"]).await;
    service.publish("a", 0..3).await;
    let mut transcript = Transcript::of(&service);
    transcript.run("status").await.run("status --output json").await.run("version").await;
    transcript.run("metrics topic a").await.run("metrics subscription a --output json").await;
    transcript.run("metrics project").await.run("metrics").await;
    transcript.run("va-metrics --in-project TEST").await.run("va-metrics --output json").await;
    transcript.run("project list").await.run("project show --output json").await;
    transcript.run("project create NEW --description new").await.run("project update NEW --rename OLD").await;
    transcript.run("project delete OLD").await;
    transcript.run_with("schema create s --file -", r#"{"type":"object","required":["value"]}"#).await;
    transcript
        .run("schema attach s a")
        .await
        .run("schema list")
        .await
        .run("schema show s --output json")
        .await;
    transcript.run_with("schema validate s --file -", r#"{"value":1}"#).await;
    transcript
        .run("schema update s --rename t")
        .await
        .run("schema detach a")
        .await
        .run("schema delete t")
        .await;
    transcript.assert("the_service");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors() {
    let service = Service::with(&["a"]).await;
    let mut transcript = Transcript::of(&service);
    transcript.run("topic show nosuch").await.run("topic create a").await.run("topic create a.b").await;
    transcript.run("--token wrong topic list").await.run("topic list --token-file /nonexistent").await;
    transcript.run("pull a --token x --token-file y").await.run("publish a").await;
    transcript
        .run("topic list --endpoint http://127.0.0.1:1")
        .await
        .run("topic list --endpoint nothing")
        .await;
    transcript.run("topic list --ca-file /nonexistent").await.run("subscription seek a --offset 9").await;
    transcript.run("subscription seek a --time 2099-01-01T00:00:00Z").await;
    transcript.run("subscription create b --topic nosuch").await;
    transcript.run("subscription push set a --push-endpoint https://example.org/").await;
    transcript.run("usage-report").await.run("user profile").await.run("project show NOSUCH").await;
    transcript.run_with("schema create s --file -", "no json").await;
    transcript.run_with("schema create s --file /nonexistent", "").await;
    transcript.run("publish a --lines --data x").await.run("topic nosuch").await;
    transcript.run("schema validate nosuch --file -").await.run("registration show nosuch").await;
    transcript.assert("errors");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_users_ask_for_themselves_and_registrations_become() {
    let service = Service::with(&["a"]).await;
    // A project without messages is left out of reports.
    service.publish("a", 0..1).await;
    let json = async |arguments: &str| -> serde_json::Value {
        serde_json::from_str(&done(&service, &format!("{arguments} --output json")).await).unwrap()
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let admin = json("member create ada --role project_admin").await;
    let (uuid, token) = (text(&admin["uuid"]), text(&admin["token"]));
    assert_eq!(json(&format!("user show --uuid {uuid}")).await["name"], "ada");
    assert_eq!(json(&format!("user show --by-token {token}")).await["name"], "ada");
    assert_eq!(json(&format!("user profile --token {token}")).await["name"], "ada");
    let report = json(&format!("usage-report --token {token} --end 2100-01-01")).await;
    assert_eq!(report["projects"][0]["project"], PROJECT, "{report}");
    assert!(report["operational_metrics"][0]["timeseries"][0]["value"].is_number(), "{report}");
    let report = done(&service, &format!("usage-report --token {token}")).await;
    assert!(report.contains("operational metrics     METRIC "), "{report}");
    let viewer = text(&json("user create eva --service-role service_admin").await["token"]);
    assert_eq!(json(&format!("status --details --token {viewer}")).await["status"], "ok");

    let mut asked = Vec::new();
    for name in ["bob", "dan", "joe"] {
        let made = json(&format!("registration create {name} --email {name}@example.org")).await;
        assert!(made["activation_token"].is_string());
        asked.push(text(&made["uuid"]));
    }
    assert!(json(&format!("registration show {}", asked[0])).await.get("activation_token").is_none());
    let shown = json(&format!("registration show --show-token {}", asked[0])).await;
    assert!(shown["activation_token"].is_string(), "{shown}");
    assert_eq!(json(&format!("registration accept {}", asked[0])).await["name"], "bob");
    let declined = json(&format!("registration decline {} --comment no", asked[1])).await;
    assert_eq!(declined["action"], "declined");
    assert_eq!(json(&format!("registration delete {}", asked[2])).await["kind"], "registration");
    let left = json("registration list").await;
    let left: Vec<_> =
        left.as_array().unwrap().iter().map(|one| (text(&one["name"]), text(&one["status"]))).collect();
    assert!(left.contains(&("dan".to_owned(), "declined".to_owned())), "{left:?}");
    assert!(!left.iter().any(|(name, _)| name == "joe"), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_read_to_its_end_is_no_failure() {
    let service = Service::start().await;
    for arguments in ["status", "completions bash", "man"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = ams(&service);
        command.args(arguments.split(' ')).stdout(writer);
        let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments}: {output:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_told_what_is_missing() {
    let service = Service::with(&["a"]).await;
    let consumer = service.emulator.create_member(PROJECT, "con", &[Role::Consumer]).unwrap();
    let home = Home::new();
    let token = home.write("token", &consumer);
    // Or every command would warn of it.
    std::fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
    let mut transcript = Transcript::of(&service);
    for arguments in [
        "pull a",
        "publish a --data x",
        "topic create b",
        "member list",
        "user list",
        "subscription acl add a con",
    ] {
        let mut command = ams(&service);
        // The variable of the harness has another token: the option must win.
        command.args(arguments.split_whitespace()).arg("--token-file").arg(&token);
        let output = run(command, "").await;
        assert_eq!(output.status.code(), Some(1), "{arguments}");
        writeln!(transcript.text, "$ ams {arguments}\n{}", String::from_utf8(output.stderr).unwrap())
            .unwrap();
    }
    transcript.assert("a_user_is_told_what_is_missing");
}
