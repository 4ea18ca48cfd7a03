//! From ams-consumer: its configuration becomes one of ours, and the daemon does with it what ams-consumer's users know,
//! and loses nothing.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use ams_forwarder::client::{AmsClient, NewMessage};
use ams_forwarder::emulator::Options;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rustix::process::Signal;

use crate::common::avro::{METRIC_DATA, metric, metrics_in};
use crate::common::pki::Authority;
use crate::common::{Forwarder, Home, Launch, PROJECT, Service, TOKEN, eventually, is_there};

/// An AMS that speaks TLS, for ams-consumer speaks nothing else, with a subscription `sub1`.
async fn service(home: &Home) -> Service {
    let authority = Authority::new("test CA");
    let tls = Some(authority.server(&["localhost", "127.0.0.1"]));
    let mut service = Service::with_options(Options { tls, ..Options::default() }).await;
    service.emulator.create_topic(PROJECT, "metrics").unwrap();
    service.emulator.create_subscription(PROJECT, "sub1", "metrics").unwrap();
    let endpoint = format!("https://{}", service.address);
    let builder = AmsClient::builder(&endpoint, PROJECT.parse().unwrap()).token(TOKEN.into()).no_proxy();
    home.write("metric_data.avsc", METRIC_DATA);
    service.client = builder.ca_file(home.write("ca.pem", &authority.pem)).build().unwrap();
    service
}

/// A configuration as ams-consumer has it for a tenant.
fn consumer(home: &Home, service: &Service) -> String {
    format!(
        "# Of the tenant.\n[DEFAULT]\nBASE = {home}\n\n[General]\nLogName = tenant\nReportWritMsgEveryHours = 24\n\
         AvroSchema = %(BASE)s/metric_data.avsc\n\n[AMS]\nhost: localhost:{port}\nPROJECT = {PROJECT}\nToken = {TOKEN}\n\
         Subscriptions = sub1\nPullMsgs = 10\nPullIntervalSec = 0.05\nConnectionTimeout = 20\nPullRetry = 5\n\
         PullRetrySleep = 1\n\n[MsgRetention]\nPastDaysOk = 3\nFutureDaysOk = 1\n\n[Output]\nDirectory = %(base)s/out\n\
         Filename = argo-consumer_log_DATE.avro\nErrorFilename = argo-consumer_error_log_DATE.avro\n",
        home = home.dir().display(),
        port = service.address.port()
    )
}

/// Migrates it into `forwarder.toml`, which differs from what was printed in what one machine has once alone.
fn migrate(home: &Home) {
    let arguments = ["migrate", "ams-consumer", "ams-consumer-tenant.conf", "--write-token", "tenant.token"];
    let output = Launch::new(home).to_its_end(&arguments);
    let (printed, said) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
    let state = home.path("state").display().to_string();
    let text = printed.replace("/var/lib/ams-forwarder/tenant", &state).replace(":9464", ":0");
    assert_ne!(text, printed);
    home.write("forwarder.toml", &text);

    let token = home.path("tenant.token");
    assert_eq!(std::fs::read_to_string(&token).unwrap(), format!("{TOKEN}\n"));
    assert_eq!(token.metadata().unwrap().mode() & 0o777, 0o600);
    let checked = Launch::new(home).to_its_end(&["check", "--config", "forwarder.toml"]);
    assert_eq!(String::from_utf8_lossy(&checked.stderr), "");
    assert_eq!(checked.status.code(), Some(0));
}

fn start(home: &Home) -> Forwarder {
    let authorities = home.path("ca.pem").display().to_string();
    Launch::new(home).env("SSL_CERT_FILE", &authorities).start_file("forwarder.toml")
}

/// The days of messages that come in turn, with the names of their files.
fn days(today: Date) -> Vec<(Option<String>, String)> {
    let day = |days: i64| today.checked_add(days.days()).unwrap().to_string();
    let mut names = Vec::new();
    for (days, kind) in
        [(0, "log"), (-1, "log"), (-2, "log"), (-3, "error_log"), (1, "log"), (2, "error_log")]
    {
        names.push((Some(day(days)), format!("argo-consumer_{kind}_{}.avro", day(days))));
    }
    names.push((None, "argo-consumer_error_log_none.avro".to_owned()));
    names.push((Some("soon".to_owned()), "argo-consumer_error_log_soon.avro".to_owned()));
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_writes_the_files_of_ams_consumer_and_a_kill_loses_and_doubles_nothing() {
    let home = Home::new();
    let service = service(&home).await;
    home.write("ams-consumer-tenant.conf", &consumer(&home, &service));
    migrate(&home);
    let days = days(Timestamp::now().to_zoned(TimeZone::system()).date());
    let message = |number: u64| {
        let message = NewMessage::new(metric(number));
        match &days[usize::try_from(number).unwrap() % days.len()].0 {
            Some(day) => message.attribute("partition_date", day.as_str()).unwrap(),
            None => message,
        }
    };
    let publish = async |numbers: std::ops::Range<u64>| {
        let messages: Vec<_> = numbers.map(message).collect();
        service.client.publish(&"metrics".parse().unwrap(), &messages).await.unwrap();
    };

    publish(0..400).await;
    let forwarder = start(&home);
    eventually("some of it", async || service.offsets("sub1").await.current > 30).await;
    forwarder.kill().await;
    publish(400..600).await;
    let mut forwarder = start(&home);
    eventually("all of it", async || service.is_acknowledged_to("sub1", 600).await).await;
    forwarder.signal(Signal::USR1).await;
    forwarder.logs(&["report: sub1 is", " of them to error_path"]).await;
    forwarder.stop().await;

    let mut expected: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for number in 0..600 {
        expected.entry(&days[usize::try_from(number).unwrap() % days.len()].1).or_default().push(number);
    }
    assert_eq!(std::fs::read_dir(home.path("out")).unwrap().count(), expected.len());
    for (name, numbers) in expected {
        assert_eq!(metrics_in(&home.path("out").join(name)), numbers, "{name}");
    }
}

#[test]
fn what_is_wrong_or_left_out_is_said_with_the_exit_codes_that_scripts_rely_on() {
    let home = Home::new();
    let run = |arguments: &[&str]| {
        let output = Launch::new(&home).to_its_end(&[&["migrate", "ams-consumer"], arguments].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, stdout, stderr) = run(&["absent.conf"]);
    assert_eq!((code, stdout.as_str()), (Some(78), ""));
    assert!(stderr.contains("absent.conf: cannot be read"), "{stderr}");
    assert_eq!(run(&[]).0, Some(2));

    home.write("wrong.conf", &format!("[AMS]\nToken = {TOKEN} {TOKEN}\n{TOKEN}\n"));
    let (code, stdout, stderr) = run(&["wrong.conf"]);
    assert_eq!((code, stdout.as_str()), (Some(78), ""));
    assert!(stderr.contains("wrong.conf:3:1: is neither a section nor a key"), "{stderr}");
    assert!(stderr.contains("1 problem in the configuration"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_is_written_where_it_was_told_to_alone_and_over_no_other_file() {
    let home = Home::new();
    let service = service(&home).await;
    let conf = consumer(&home, &service) + "WritePlaintext = True\n";
    home.write("ams-consumer-tenant.conf", &conf);
    let other = home.write("other", "not to be lost");
    let file = "ams-consumer-tenant.conf";
    let refused = Launch::new(&home).to_its_end(&["migrate", "ams-consumer", file, "--write-token", "other"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&refused.stdout), "");
    assert_eq!(std::fs::read_to_string(other).unwrap(), "not to be lost");

    let printed = Launch::new(&home).to_its_end(&["migrate", "ams-consumer", file]);
    assert_eq!(printed.status.code(), Some(0));
    let warning = String::from_utf8_lossy(&printed.stderr).into_owned();
    assert!(warning.starts_with("warning: ams-consumer-tenant.conf:"), "{warning}");
    assert!(warning.contains("Output.WritePlaintext: is not known, and left out"), "{warning}");
    let names = std::fs::read_dir(home.dir()).unwrap().map(|entry| entry.unwrap().file_name());
    let written: Vec<_> = names.filter(|name| name.to_string_lossy().contains("token")).collect();
    assert_eq!(written, Vec::<std::ffi::OsString>::new());
}

#[test]
fn systemd_takes_the_units_of_one_daemon_and_of_one_for_each_tenant() {
    if !is_there("systemd-analyze") {
        return;
    }
    let home = Home::new();
    let program = env!("CARGO_BIN_EXE_ams-forwarder");
    for (unit, instance) in [
        ("ams-forwarder.service", "ams-forwarder.service"),
        ("ams-forwarder@.service", "ams-forwarder@tenant.service"),
    ] {
        let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(unit);
        let text = std::fs::read_to_string(shipped).unwrap();
        home.write(unit, &text.replace("/usr/bin/ams-forwarder", program));
        let mut command = std::process::Command::new("systemd-analyze");
        let output = command.args(["--man=no", "verify"]).arg(home.path(instance)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let of_ours: Vec<_> = said.lines().filter(|line| line.contains("ams-forwarder")).collect();
        assert_eq!((output.status.code(), of_ours), (Some(0), Vec::new()), "{said}");
    }
}
