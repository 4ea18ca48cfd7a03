//! A table of mistakes: what is written, and what is said of it.

use super::*;

/// Sections `## TABLE`; in them lines of TOML that [`changed`] puts into that table, and after each the messages.
fn check(cases: &str) {
    let mut table = "";
    let mut toml = String::new();
    let mut expected: Vec<&str> = Vec::new();
    let mut count = 0;
    for line in cases.lines().chain(["## end"]) {
        let message = line.strip_prefix("    => ");
        if message.is_none() && !expected.is_empty() {
            let text = if table == "whole file" { toml.clone() } else { changed(table, &toml) };
            assert_eq!(problems(&text), expected.join("\n"), "[{table}] {toml}");
            count += 1;
            toml.clear();
            expected.clear();
        }
        match (message, line.strip_prefix("## ")) {
            (Some(message), _) => expected.push(message),
            (None, Some("top")) => table = "",
            (None, Some(name)) => table = name,
            (None, None) => toml.extend([line, "\n"]),
        }
    }
    assert!(count > 5, "only {count} cases were found");
}

#[test]
fn a_mistake_outside_of_subscriptions_is_named_with_what_would_be_right() {
    check(MAIN);
}

#[test]
fn a_mistake_in_a_subscription_is_named_with_what_would_be_right() {
    check(SUBSCRIPTIONS);
}

#[test]
fn a_mistake_in_a_webhook_or_topic_is_named_with_what_would_be_right() {
    check(include_str!("network_sinks.txt"));
}

#[test]
fn a_mistake_in_when_and_for_whom_files_are_kept_is_named_with_what_would_be_right() {
    check(include_str!("keeping.txt"));
}

#[test]
fn a_mistake_in_the_rotation_of_files_is_named_with_what_would_be_right() {
    check(include_str!("rotation.txt"));
}

#[test]
fn a_mistake_in_the_days_that_a_file_accepts_is_named_with_what_would_be_right() {
    check(include_str!("accept_days.txt"));
}

const MAIN: &str = r#"## top
statedir = "x"
    => statedir: is not a known key | did you mean `state_dir`?
state_dir = 3
    => state_dir: 3 is an integer | must be a string
state_dir = ""
    => state_dir: "" is not a path | a path, absolute or from the working directory
listen = "x"
    => listen: is not a known key | `listen` belongs in [admin] or [emulator]
zzz = 1
    => zzz: is not a known key | the top of the file has state_dir, log, admin, shutdown, limits, connections, subscriptions, emulator
level = "info"
    => level: is not a known key | `level` belongs in [log]
sinks = 1
    => sinks: is not a known key | `sinks` belongs in [subscriptions.NAME]
connection = "c"
    => connection: is not a known key | `connection` belongs in [subscriptions.NAME] or [subscriptions.NAME.sinks.NAME]
state_dir = "a$b"
    => state_dir: "a$b" has a $ that begins no variable | ${NAME} or ${NAME:-default} for a variable of the environment, $$ for a dollar sign
state_dir = "${X}"
    => state_dir: "${X}" needs the environment variable X, which is not set | set X, or give a default: ${X:-default}
state_dir = "${X:-$Y}"
    => state_dir: "${X:-$Y}" has a $ in the default of a variable | a default is plain text
state_dir = "${X"
    => state_dir: "${X" has a ${ without its } | ${NAME} or ${NAME:-default} for a variable of the environment, $$ for a dollar sign
"a b" = 1
    => "a b": is not a known key | the top of the file has state_dir, log, admin, shutdown, limits, connections, subscriptions, emulator
log = "debug"
    => log: is a string | must be a table, [log]
emulator = true
    => emulator: is a boolean | must be a table, [emulator]
## log
level = "inof"
    => log.level: "inof" is not a level or filter | did you mean "info"?
level = "info,a=b=c"
    => log.level: "info,a=b=c" is not a level or filter | off, error, warn, info, debug or trace, or a filter such as "info,ams_forwarder::pipeline=debug"
report_every = "0s"
    => log.report_every: "0s" is out of bounds | from "1s" to "366d"
format = "jsn"
    => log.format: "jsn" is none of the values there are | did you mean "json"? ("auto", "text", "json", "journald")
format = true
    => log.format: true is a boolean | must be a string
fromat = "json"
    => log.fromat: is not a known key | did you mean `format`?
level = "verbose"
    => log.level: "verbose" is not a level or filter | off, error, warn, info, debug or trace, or a filter such as "info,ams_forwarder::pipeline=debug"
## admin
listen = "9464"
    => admin.listen: "9464" is not an address to listen on | IP and port such as "127.0.0.1:9464" or "[::1]:9464"
listen = 9464
    => admin.listen: 9464 is an integer | must be a string
listen = "localhost:1"
    => admin.listen: "localhost:1" is not an address to listen on | IP and port such as "127.0.0.1:9464" or "[::1]:9464"
## shutdown
grace = 25
    => shutdown.grace: is a number without a unit | a duration such as "250ms", "10s" or "1h30m" (d, h, m, s, ms)
grace = "0s"
    => shutdown.grace: "0s" is out of bounds | from "1s" to "1h"
grace = "25"
    => shutdown.grace: "25" is not a duration | a duration such as "250ms", "10s" or "1h30m" (d, h, m, s, ms)
grace = 1.5
    => shutdown.grace: 1.5 is a float | must be a string
grace = "2d"
    => shutdown.grace: "2d" is out of bounds | from "1s" to "1h"
## limits
in_flight_bytes = "1MiB"
    => limits.in_flight_bytes: "1MiB" is too small | at least "8MiB"
in_flight_bytes = -1
    => limits.in_flight_bytes: -1 is not a size | a size such as "64KiB", "10MB" or "256MiB", or a number of bytes (B, KB, MB, GB, KiB, MiB, GiB)
in_flight_bytes = 100
    => limits.in_flight_bytes: 100 is too small | at least "8MiB"
in_flight_bytes = "9"
    => limits.in_flight_bytes: "9" is not a size | a size such as "64KiB", "10MB" or "256MiB", or a number of bytes (B, KB, MB, GB, KiB, MiB, GiB)
max_messages = 3
    => limits.max_messages: is not a known key | `max_messages` belongs in [subscriptions.NAME]
## connections.c
endpoint = "msg.example.org"
    => connections.c.endpoint: "msg.example.org" is not an http or https URL | scheme, host and port such as "https://msg.example.org", or "emulator"; https:// or http:// is missing
endpoint = "https://u:pw@h"
    => connections.c.endpoint: the value has a user or password in it | token or token_file instead
endpoint = "https://h/v1"
    => connections.c.endpoint: "https://h/v1" has a path | scheme, host and port such as "https://msg.example.org", or "emulator"
endpoint = "https://h?key=s"
    => connections.c.endpoint: the value has a query or fragment | scheme, host and port such as "https://msg.example.org", or "emulator"
endpoint = "ftp://h"
    => connections.c.endpoint: "ftp://h" is not an http or https URL | scheme, host and port such as "https://msg.example.org", or "emulator"
endpoint = "emulator"
    => connections.c.endpoint: "emulator" needs the table [emulator], which is missing | [emulator] with listen = "127.0.0.1:8538"
project = "a b"
    => connections.c.project: "a b" is not a name of the service | A-Z, a-z, 0-9, _ and -
endpoint = "emulater"
token = "x"
    => connections.c.endpoint: "emulater" is not an http or https URL | scheme, host and port such as "https://msg.example.org", or "emulator"; https:// or http:// is missing
token = "a b"
    => connections.c.token: the value has white space or other characters no token has | the token alone
token = ""
    => connections.c.token: the value is empty | the token
token = 5
    => connections.c.token: is an integer | must be a string
token = "${T}"
    => connections.c.token: the value needs the environment variable T, which is not set | set T, or give a default: ${T:-default}
token = "pw$x"
    => connections.c.token: the value has a $ that begins no variable | ${NAME} or ${NAME:-default} for a variable of the environment, $$ for a dollar sign
token_file = "x"
    => connections.c.token_file: stands beside token | one of the two
ca_file = "a"
ca_dir = "b"
    => connections.c.ca_dir: stands beside ca_file | one of the two
proxy = "u:pw@proxy"
    => connections.c.proxy: the value is not an http or https URL | a URL such as "http://proxy.example.org:3128"; https:// or http:// is missing
timeout = "0s"
    => connections.c.timeout: "0s" is out of bounds | from "100ms" to "1h"
certificate = "x"
private_key = "y"
    => connections.c.certificate: stands beside token | one of the two
certificate = "x"
    => connections.c.certificate: stands without private_key | private_key = "FILE"; the same file may hold both
    => connections.c.certificate: stands beside token | one of the two
authn_endpoint = "http://msg.example.org:8443"
    => connections.c.authn_endpoint: "http://msg.example.org:8443" is not an https URL, and a certificate is shown over TLS alone | a URL such as "https://msg.example.org:8443"
    => connections.c.authn_endpoint: stands without certificate | certificate = "FILE" and private_key = "FILE"
    => connections.c.authn_endpoint: stands beside token | one of the two
tokenfile = "f"
    => connections.c.tokenfile: is not a known key | did you mean `token_file`?
poll_min = "1s"
    => connections.c.poll_min: is not a known key | `poll_min` belongs in [subscriptions.NAME]
endpoint = "http://ams.example.org"
    => none
## connections."a b"
endpoint = 1
    => subscriptions.s.connection: is missing | one of a b, c
    => connections."a b".project: is missing | the project's name, as in project = "EGI"
    => connections."a b": is not a valid name | 1 to 64 of A-Z, a-z, 0-9, _ and -
    => connections."a b".endpoint: 1 is an integer | must be a string
## connections.d
# nothing
    => subscriptions.s.connection: is missing | one of c, d
    => connections.d.endpoint: is missing | scheme, host and port such as "https://msg.example.org", or "emulator"
    => connections.d.project: is missing | the project's name, as in project = "EGI"
    => connections.d.token: is missing | token_file = "FILE", or token = "${NAME}", or certificate and private_key
## emulator
listen = "127.0.0.1:9464"
    => emulator.listen: admin (127.0.0.1:9464) and emulator (127.0.0.1:9464) listen on the same address | two different ports
demo = {}
    => emulator.demo.project: is missing | a name to make, as in project = "DEMO"
    => emulator.demo.topic: is missing | a name to make, as in topic = "metrics"
    => emulator.demo.subscription: is missing | a name to make, as in subscription = "metrics"
demo = { project = "D", topic = "t", subscription = "s", rate = 0 }
    => emulator.demo.rate: 0 is out of bounds | a number above 0 and at most 10000
demo = { project = "D", topic = "t", subscription = "s", rate = 1e9, x = 1 }
    => emulator.demo.rate: 1000000000.0 is out of bounds | a number above 0 and at most 10000
    => emulator.demo.x: is not a known key | [emulator.demo] has project, topic, subscription, rate
tls = true
    => emulator.tls: is not a known key | [emulator] has listen, token, demo
demo = true
    => emulator.demo: is a boolean | must be a table, [emulator.demo]"#;

const SUBSCRIPTIONS: &str = r#"## subscriptions.s
connection = "d"
    => subscriptions.s.connection: "d" names no connection there is | did you mean "c"?
connection = "cc"
    => subscriptions.s.connection: "cc" names no connection there is | did you mean "c"?
subscription = "a/b"
    => subscriptions.s.subscription: "a/b" is not a name of the service | A-Z, a-z, 0-9, _ and -
max_messages = 0
    => subscriptions.s.max_messages: 0 is out of bounds | a whole number from 1 to 100000
max_messages = 1000000
    => subscriptions.s.max_messages: 1000000 is out of bounds | a whole number from 1 to 100000
max_messages = "5"
    => subscriptions.s.max_messages: "5" is a string | must be a whole number
max_messages = 9223372036854775808
    => subscriptions.s.max_messages: the number is out of bounds | a whole number from 1 to 100000
max_batch_bytes = "1MiB"
    => subscriptions.s.max_batch_bytes: "1MiB" is too small | at least "8MiB"
max_batch_bytes = "512MiB"
    => subscriptions.s.max_batch_bytes: "512MiB" is more than limits.in_flight_bytes, so that such a batch would never be let in | at most "256MiB"
on_log_reset = "skip"
    => subscriptions.s.on_log_reset: "skip" is none of the values there are | "from_start", "halt"
poll_min = "5s"
    => subscriptions.s.poll_min: poll_min (5s) is longer than poll_max (2s) | poll_min at most poll_max
poll_max = "50ms"
    => subscriptions.s.poll_max: poll_min (100ms) is longer than poll_max (50ms) | poll_min at most poll_max
poll_min = "1ms"
    => subscriptions.s.poll_min: "1ms" is out of bounds | from "10ms" to "1h"
poll_min = 100
    => subscriptions.s.poll_min: is a number without a unit | a duration such as "250ms", "10s" or "1h30m" (d, h, m, s, ms)
on_poison = "skip"
    => none
on_poison = "x"
    => subscriptions.s.on_poison: "x" is none of the values there are | "halt", "skip"
ack_deadline = "10m"
    => none
ack_deadline = "11m"
    => subscriptions.s.ack_deadline: "11m" is out of bounds | from "1s" to "10m"
ack_deadline = "0s"
    => subscriptions.s.ack_deadline: "0s" is out of bounds | from "1s" to "10m"
ack_deadline = "1s500ms"
    => subscriptions.s.ack_deadline: "1s500ms" is no number of whole seconds | as in "120s"
ack_deadline = 120
    => subscriptions.s.ack_deadline: is a number without a unit | a duration such as "250ms", "10s" or "1h30m" (d, h, m, s, ms)
retry = { initial = "2m" }
    => subscriptions.s.retry.initial: max is 60s, below initial (120s) | initial at most max
retry = { initial = "0s" }
    => subscriptions.s.retry.initial: "0s" is out of bounds | from "1ms" to "1d"
retry = { attempts = 3 }
    => subscriptions.s.retry.attempts: is not a known key | `attempts` belongs in [subscriptions.NAME.sinks.NAME.retry]
retry = "1s"
    => subscriptions.s.retry: is a string | must be a table, [subscriptions.NAME.retry]
type = "file"
    => subscriptions.s.type: is not a known key | `type` belongs in [subscriptions.NAME.sinks.NAME]
sink = 1
    => subscriptions.s.sink: is not a known key | did you mean `sinks`?
max_mesages = 3
    => subscriptions.s.max_mesages: is not a known key | did you mean `max_messages`?
## subscriptions.s.sinks.out
type = "webhook"
url = "https://s3cret"
    => subscriptions.s.sinks.out.path: belongs to a file sink | type = "file", or no path
type = "fiel"
    => subscriptions.s.sinks.out.type: "fiel" is none of the values there are | did you mean "file"? ("file", "stdout", "webhook", "topic")
type = "kafka"
    => subscriptions.s.sinks.out.type: "kafka" is none of the values there are | "file", "stdout", "webhook", "topic"
type = "stdout"
    => subscriptions.s.sinks.out.path: belongs to a file sink | type = "file", or no path
path = ""
    => subscriptions.s.sinks.out.path: "" is not the path of a file | a path that ends with the file's name
path = "out/"
    => subscriptions.s.sinks.out.path: "out/" is not the path of a file | a path that ends with the file's name
path = "out/{dat}"
    => subscriptions.s.sinks.out.path: "out/{dat}" has an unknown placeholder | did you mean {date}?
path = "out/{attribute.a:-/}"
    => subscriptions.s.sinks.out.path: "out/{attribute.a:-/}" has a default that is no part of a file's name | letters, digits and _ - . , : = + @, first a letter, a digit or _
path = "out/{attribut.a}"
    => subscriptions.s.sinks.out.path: "out/{attribut.a}" has an unknown placeholder | did you mean {attribute.NAME}?
path = "out/{attribute.a}{attribute.b}{attribute.c}{attribute.d}{attribute.e}{attribute.f}"
    => subscriptions.s.sinks.out.path: "out/{attribute.a}{attribute.b}{attribute.c}{attribute.d}{attribute.e}{attribute.f}" has a name in it that can be longer than 207 bytes | a shorter name, or more directories
path = "out/{x"
    => subscriptions.s.sinks.out.path: "out/{x" has a { without its } | {project}, {subscription}, {sink}, {topic}, {date}, {hour}, {arrival_date} and {attribute.NAME} are filled in
path = "out/x}"
    => subscriptions.s.sinks.out.path: "out/x}" has a } without its { | {project}, {subscription}, {sink}, {topic}, {date}, {hour}, {arrival_date} and {attribute.NAME} are filled in
path = "{}"
    => subscriptions.s.sinks.out.path: "{}" has an unknown placeholder | {project}, {subscription}, {sink}, {topic}, {date}, {hour}, {arrival_date} and {attribute.NAME} are filled in
format = "avro"
    => subscriptions.s.sinks.out.schema_file: is missing | as in schema_file = "/etc/ams-forwarder/metric_data.avsc"
format = "avro"
schema_file = "none.avsc"
    => subscriptions.s.sinks.out.schema_file: "none.avsc" cannot be read: No such file or directory (os error 2) | a file with an Avro schema in JSON
format = "avro"
schema_file = "tests/recordings/README.md"
    => subscriptions.s.sinks.out.schema_file: "tests/recordings/README.md" has no Avro schema in it: Failed to parse schema from JSON: expected value at line 1 column 1 | a file with an Avro schema in JSON
format = "avro"
schema_file = "tests/metric_data.avsc"
codec = "zstd"
    => subscriptions.s.sinks.out.codec: "zstd" is none of the values there are | "null", "deflate", "snappy", "zstandard"
schema_file = "tests/metric_data.avsc"
codec = "null"
    => subscriptions.s.sinks.out.schema_file: belongs to format "avro" | format = "avro", or no schema_file
    => subscriptions.s.sinks.out.codec: belongs to format "avro" | format = "avro", or no codec
required = "yes"
    => subscriptions.s.sinks.out.required: "yes" is a string | must be true or false
required = false
    => subscriptions.s.sinks: has no sink that is required | a message is acknowledged once every required sink has it: one at least
retry = { attempts = 2 }
    => none
required = false
retry = { attempts = 0 }
    => subscriptions.s.sinks.out.retry.attempts: 0 is out of bounds | a whole number from 1 to 10000
on_reject = "drop"
    => none
on_reject = "halt"
    => none
on_reject = "deadletter"
    => subscriptions.s.sinks.out.on_reject: "deadletter" is none of the values there are | did you mean "dead_letter"? ("dead_letter", "halt", "drop")
on_reject = "halt"
required = false
    => subscriptions.s.sinks.out.on_reject: "halt" is for a required sink; a best-effort one holds nothing up | "dead_letter" or "drop", or required = true
topic = "x"
    => subscriptions.s.sinks.out.topic: belongs to a topic sink | type = "topic", or no topic
batch = 3
    => subscriptions.s.sinks.out.batch: belongs to a webhook or topic sink | type = "webhook" or type = "topic", or no batch
format = "ams"
    => subscriptions.s.sinks.out.format: "ams" is none of the values there are | "jsonl", "raw", "avro"
time_zone = "Europe/Atlantis"
    => subscriptions.s.sinks.out.time_zone: "Europe/Atlantis" is no time zone that is known here | a name such as "Europe/Athens", or "UTC"
typ = "x"
    => subscriptions.s.sinks.out.typ: is not a known key | did you mean `type`?
color = "auto"
    => subscriptions.s.sinks.out.color: belongs to a stdout sink | type = "stdout", or no color
on_closed = "end"
    => subscriptions.s.sinks.out.on_closed: belongs to a stdout sink | type = "stdout", or no on_closed
origin_attributes = true
    => subscriptions.s.sinks.out.origin_attributes: belongs to a topic sink | type = "topic", or no origin_attributes
## subscriptions.s.sinks.pull
type = "stdout"
    => subscriptions.s.sinks.pull: is a name that a sink cannot have | any other name: the metrics use this one for an operation
## subscriptions.s.sinks.b
typ = "file"
paht = "b"
    => subscriptions.s.sinks.b.type: is missing | type = "file", "stdout", "webhook" or "topic"
    => subscriptions.s.sinks.b.typ: is not a known key | did you mean `type`?
    => subscriptions.s.sinks.b.paht: is not a known key | did you mean `path`?
type = "file"
    => subscriptions.s.sinks.b.path: is missing | as in path = "/var/lib/ams-forwarder/out/{subscription}/{date}.jsonl"
type = "file"
path = "./out/x/../a"
    => subscriptions.s.sinks.b.path: can be the same file as subscriptions.s.sinks.out.path (a.toml:10:8) | a file of its own for each sink, as with {subscription} in the path
type = "file"
path = "out/b"
    => none
type = "stdout"
format = "text"
color = "always"
    => none
type = "stdout"
required = false
on_closed = "end"
    => none
type = "stdout"
on_closed = "disable"
    => subscriptions.s.sinks.b.on_closed: "disable" is for a best-effort sink; without a required one nothing would be acknowledged any more | "end", or required = false
type = "stdout"
format = "raw"
color = "sometimes"
    => subscriptions.s.sinks.b.color: "sometimes" is none of the values there are | "auto", "always", "never"
type = "stdout"
format = "raw"
color = "never"
    => subscriptions.s.sinks.b.color: is for format = "text" alone | format = "text", or no color
type = "stdout"
format = "avro"
    => subscriptions.s.sinks.b.format: "avro" is none of the values there are | "jsonl", "raw", "text"
## subscriptions.t.sinks.b
type = "stdout"
    => none
type = "file"
path = "out/a"
    => subscriptions.t.sinks.b.path: can be the same file as subscriptions.s.sinks.out.path (a.toml:10:8) | a file of its own for each sink, as with {subscription} in the path
## subscriptions.t
subscription = "s"
    => subscriptions.t.sinks: is missing | at least one sink, as in [subscriptions.NAME.sinks.archive] with type = "file"
    => subscriptions.t: consumes the same AMS subscription as subscriptions.s (a.toml:6:1) | one entry with the sinks of both, or a second subscription of the topic"#;
