use secrecy::ExposeSecret;

use super::*;

/// As ams-consumer's package has it.
const SHIPPED: &str = concat!(
    "[DEFAULT]
VENV = /opt/ams-consumer/

[General]
LogName = argo-ams-consumer
ReportWritMsgEveryHours = 24
AvroSchema = ",
    env!("CARGO_MANIFEST_DIR"),
    "/tests/metric_data.avsc

[AMS]
Host = msg.example.org
Project = EGI
Token = EGITOKEN
Subscriptions = sub1
PullMsgs = 100
PullIntervalSec = 3
ConnectionTimeout = 180
PullRetry = 5
PullRetrySleep = 60

[MsgRetention]
PastDaysOk = 3
FutureDaysOk = 1

[Output]
Directory = %(VENV)s/var/lib/argo-ams-consumer
Filename = argo-consumer_log_DATE.avro
ErrorFilename = argo-consumer_error_log_DATE.avro
"
);

fn migrated(text: &str) -> Migrated {
    from_text(text, Path::new("ams-consumer-egi.conf"), None, &TimeZone::UTC)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// With this line instead of the one that begins so, or without it.
fn with(begins: &str, line: Option<&str>) -> String {
    assert!(SHIPPED.lines().any(|shipped| shipped.starts_with(begins)), "{begins}");
    let lines =
        SHIPPED.lines().filter_map(|shipped| if shipped.starts_with(begins) { line } else { Some(shipped) });
    lines.collect::<Vec<_>>().join("\n")
}

/// Each problem as it is shown.
fn problems(text: &str) -> Vec<String> {
    let error = from_text(text, Path::new("a.conf"), None, &TimeZone::UTC).unwrap_err();
    error.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn the_shipped_configuration_becomes_ours_as_a_whole() {
    let migrated = migrated(SHIPPED);
    assert_eq!(migrated.warnings, []);
    assert_eq!(migrated.token.expose_secret(), "EGITOKEN");
    let text = migrated
        .text
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
        .replace(env!("CARGO_MANIFEST_DIR"), "/REPO");
    insta::assert_snapshot!(text, @r#"
    # Made of ams-consumer-egi.conf by ams-forwarder VERSION.
    # What is different and how to switch over: docs/migrating-from-ams-consumer.md.
    #
    # What must be remembered between two starts. The unit ams-forwarder@ keeps it here.
    state_dir = "/var/lib/ams-forwarder/egi"

    [log]
    # The log goes to the journal under systemd, else to standard error; LogName has no counterpart.
    # The report counts what was written, not what was pulled.
    report_every = "24h"

    [admin]
    # Metrics, health and status. Each daemon of a machine needs a port of its own.
    listen = "127.0.0.1:9464"

    [connections.egi]
    endpoint = "https://msg.example.org"
    project = "EGI"
    # Not shown: the token belongs in this file, alone, for the user of the daemon to read and for nobody else
    # (--write-token FILE writes it). A new token is taken over without a restart.
    token_file = "/etc/ams-forwarder/egi.token"
    timeout = "180s"

    [subscriptions.sub1]
    # 1000, the default, is faster: a pull takes the service about as long whatever it holds.
    max_messages = 100
    # The longest pause after an empty pull. After one with messages there is no pause.
    poll_max = "3s"
    # It is tried for ever: there is no PullRetry, after which the daemon would end.
    retry = { initial = "250ms", max = "60s" }

    [subscriptions.sub1.sinks.archive]
    type = "file"
    path = "/opt/ams-consumer//var/lib/argo-ams-consumer/argo-consumer_log_{attribute.partition_date}.avro"
    format = "avro"
    schema_file = "/REPO/tests/metric_data.avsc"
    # `past` counts the days before today; PastDaysOk counted today too, so it is one less. Messages of other
    # days go to error_path, and also those without a date, at which ams-consumer ended.
    accept_days = { attribute = "partition_date", past = 2, future = 1 }
    error_path = "/opt/ams-consumer//var/lib/argo-ams-consumer/argo-consumer_error_log_{attribute.partition_date}.avro"
    "#);
}

#[test]
fn what_is_not_needed_may_be_absent_and_the_daemon_has_its_defaults() {
    for key in [
        "LogName",
        "ReportWritMsgEveryHours",
        "PullMsgs",
        "PullIntervalSec",
        "ConnectionTimeout",
        "PullRetry ",
        "PullRetrySleep",
    ] {
        migrated(&with(key, None));
    }
}

#[test]
fn pauses_and_days_are_carried_over_as_they_were_meant() {
    for (begins, line, expected) in [
        ("PullIntervalSec", "PullIntervalSec = 0.5", "poll_max = \"500ms\"\n"),
        ("PullIntervalSec", "PullIntervalSec = 0.05", "poll_min = \"50ms\"\npoll_max = \"50ms\"\n"),
        ("PullIntervalSec", "PullIntervalSec = 0", "poll_min = \"10ms\"\npoll_max = \"10ms\"\n"),
        ("PastDaysOk", "PastDaysOk = 1", "past = 0, future = 1 }"),
        ("FutureDaysOk", "futuredaysok: 0", "past = 2, future = 0 }"),
        ("Filename", "Filename = all.avro", "/all.avro\"\n"),
        ("Host", "Host = localhost:8443", "endpoint = \"https://localhost:8443\"\n"),
    ] {
        let text = migrated(&with(begins, Some(line))).text;
        assert!(text.contains(expected), "{line}: {text}");
    }
}

#[test]
fn a_tenant_is_called_as_its_unit_or_else_as_its_project() {
    for (file, expected) in [
        ("/etc/argo-ams-consumer/ams-consumer-ni4os.conf", "ni4os"),
        ("ams-consumer.conf", "egi"),
        ("ams-consumer-a b.conf", "egi"),
        ("other.conf", "egi"),
    ] {
        let text = from_text(SHIPPED, Path::new(file), None, &TimeZone::UTC).unwrap().text;
        assert!(text.contains(&format!("\n[connections.{expected}]\n")), "{file}");
        assert!(text.contains(&format!("\nstate_dir = \"/var/lib/ams-forwarder/{expected}\"\n")), "{file}");
    }
}

#[test]
fn days_are_those_of_the_time_zone_of_the_machine() {
    let zagreb = TimeZone::get("Europe/Zagreb").unwrap();
    let nameless = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let nameless_says =
        Some("\n# The time zone of this machine has no name: set time_zone, or days are those of UTC.\n");
    for (zone, says) in [
        (&zagreb, Some("\ntime_zone = \"Europe/Zagreb\"\n")),
        (&nameless, nameless_says),
        (&TimeZone::UTC, None),
        (&TimeZone::unknown(), nameless_says),
    ] {
        let text = from_text(SHIPPED, Path::new("a.conf"), None, zone).unwrap().text;
        assert!(says.map_or(!text.contains("time_zone"), |says| text.contains(says)), "{text}");
    }
}

#[test]
fn what_is_not_known_is_named_with_its_line_and_left_out() {
    let text = with("LogName", Some("LogName = a\nWritePlaintext = False"))
        + "\n[Brokers]\nServer = x\n[DEFAULT2]\n";
    let text = text.replace("VENV = ", "Unused = 1\nVENV = ");
    let warnings: Vec<_> = migrated(&text).warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"), @r#"
    ams-consumer-egi.conf:2:1: DEFAULT.Unused: is not known, and left out
        hint: no section has such a key, and no value refers to it
    ams-consumer-egi.conf:7:1: General.WritePlaintext: is not known, and left out
        hint: [General] may have LogName, ReportWritMsgEveryHours, AvroSchema
    ams-consumer-egi.conf:31:1: Brokers.Server: is not known, and left out
        hint: the sections that there are: General, AMS, MsgRetention, Output
    "#);
}

#[test]
fn what_is_wrong_is_named_with_section_key_value_and_the_way_out() {
    let text = SHIPPED
        .replace("= 24", "= daily")
        .replace("Host = msg.example.org", "Host = https://msg.example.org")
        .replace("Project = EGI", "Project = EGI ; the tenant")
        .replace("Subscriptions = sub1", "Subscriptions = sub1,sub2")
        .replace("PullMsgs = 100", "PullMsgs = 0")
        .replace("PullIntervalSec = 3", "PullIntervalSec = -1")
        .replace("PastDaysOk = 3", "PastDaysOk = 0")
        .replace("FutureDaysOk = 1", "FutureDaysOk =")
        .replace("Filename = argo-consumer_log_DATE.avro", "Filename = {x}_DATE.avro");
    let same = with("ErrorFilename", Some("ErrorFilename = argo-consumer_log_DATE.avro"));
    assert_eq!(
        problems(&same),
        ["a.conf:27:1: Output.ErrorFilename: is the same file as Filename\n    hint: a file of its own"]
    );
    insta::assert_snapshot!(problems(&text).join("\n"), @r#"
    a.conf:6:1: General.ReportWritMsgEveryHours: "daily" is no such number
        hint: a whole number of hours, 1 or more
    a.conf:10:1: AMS.Host: "https://msg.example.org" is more than a host
        hint: the name of the host, and the port if it is not 443
    a.conf:11:1: AMS.Project: "EGI ; the tenant" is several values to ams-consumer
        hint: one, without comma and space; a comment stands on a line of its own
    a.conf:13:1: AMS.Subscriptions: "sub1,sub2" is several values to ams-consumer
        hint: one, without comma and space; a comment stands on a line of its own
    a.conf:14:1: AMS.PullMsgs: "0" is no such number
        hint: a whole number of messages, 1 or more
    a.conf:15:1: AMS.PullIntervalSec: "-1" is no such number
        hint: a number of seconds
    a.conf:21:1: MsgRetention.PastDaysOk: "0" is no such number
        hint: a whole number of days, 1 or more: 1 is today alone
    a.conf:22:1: MsgRetention.FutureDaysOk: is empty
        hint: a value
    a.conf:26:1: Output.Filename: "/opt/ams-consumer//var/lib/argo-ams-consumer/{x}_DATE.avro" has a brace in it
        hint: a path without { and }, which stand for placeholders
    "#);
}

#[test]
fn what_the_daemon_would_not_take_is_named_where_the_file_has_it() {
    let text = SHIPPED
        .replace("Host = msg.example.org", "Host = msg.example.org:https")
        .replace("Project = EGI", "Project = E.G.I")
        .replace("PullMsgs = 100", "PullMsgs = 1000000")
        .replace("ConnectionTimeout = 180", "ConnectionTimeout = 86400")
        .replace(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/"), "/nowhere/");
    insta::assert_snapshot!(problems(&text).join("\n"), @r#"
    a.conf:7:1: General.AvroSchema: "/nowhere/metric_data.avsc" cannot be read: No such file or directory (os error 2)
        hint: a file with an Avro schema in JSON
    a.conf:10:1: AMS.Host: "https://msg.example.org:https" is not an http or https URL
        hint: scheme, host and port such as "https://msg.example.org", or "emulator"
    a.conf:11:1: AMS.Project: "E.G.I" is not a name of the service
        hint: A-Z, a-z, 0-9, _ and -
    a.conf:14:1: AMS.PullMsgs: 1000000 is out of bounds
        hint: a whole number from 1 to 100000
    a.conf:16:1: AMS.ConnectionTimeout: "86400s" is out of bounds
        hint: from "100ms" to "1h"
    "#);
}

#[test]
fn without_its_sections_everything_that_is_missing_is_named() {
    insta::assert_snapshot!(problems("[AMS]\nToken = t\n").join("\n"), @r#"
    a.conf: General.AvroSchema: is missing, and ams-consumer does not run without it
        hint: in the section [General], as in AvroSchema = /etc/argo-ams-consumer/metric_data.avsc
    a.conf: MsgRetention.PastDaysOk: is missing, and ams-consumer does not run without it
        hint: in the section [MsgRetention], as in PastDaysOk = 3
    a.conf: MsgRetention.FutureDaysOk: is missing, and ams-consumer does not run without it
        hint: in the section [MsgRetention], as in FutureDaysOk = 1
    a.conf: Output.Directory: is missing, and ams-consumer does not run without it
        hint: in the section [Output], as in Directory = /var/lib/argo-ams-consumer
    a.conf: Output.Filename: is missing, and ams-consumer does not run without it
        hint: in the section [Output], as in Filename = argo-consumer_log_DATE.avro
    a.conf: Output.ErrorFilename: is missing, and ams-consumer does not run without it
        hint: in the section [Output], as in ErrorFilename = argo-consumer_error_log_DATE.avro
    a.conf:1:1: AMS.Host: is missing, and ams-consumer does not run without it
        hint: in the section [AMS], as in Host = msg.example.org
    a.conf:1:1: AMS.Project: is missing, and ams-consumer does not run without it
        hint: in the section [AMS], as in Project = EGI
    a.conf:1:1: AMS.Subscriptions: is missing, and ams-consumer does not run without it
        hint: in the section [AMS], as in Subscriptions = sub1
    "#);
}

#[test]
fn no_message_shows_the_token() {
    for token in ["s3cret value", "s3cret%", "%(s3cret)s", "", "s3cret\n  s3cret"] {
        let problems = problems(&with("Token", Some(&format!("Token = {token}")))).join("\n");
        assert!(problems.starts_with("a.conf:") && problems.contains("Token"), "{problems}");
        assert!(!problems.contains("s3cret"), "{problems}");
    }
    let migrated = migrated(&with("Token", Some("TOKEN = s3cret%%")));
    assert!(!format!("{migrated:?}").contains("s3cret"));
    assert_eq!(migrated.token.expose_secret(), "s3cret%");
}
