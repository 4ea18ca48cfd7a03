//! Whole files: everything at once, `conf.d`, variables, warnings, secrets.

use proptest::prelude::*;

use super::*;

const SPOILT: &str = r#"state_dir = 7
colour = "red"

[log]
level = "inof"
[admin]
listen = "9464"

[connections.egi]
endpoint = "msg.example.org"
project = "EGI"
token = "t0p-secret value"

[connections.lab]
endpoint = "https://user:t0p-secret@lab.example.org"
project = "LAB"
token_file = "lab.token"

[subscriptions.metrics]
connection = "egy"
pol_min = "1s"
poll_max = 2
[subscriptions.metrics.sinks.archive]
type = "file"
path = "out/{day}.jsonl"
[subscriptions.metrics.sinks.acknowledge]
type = "stdout"
required = false
retry = { attempts = "many" }
"#;

#[test]
fn all_problems_are_reported_at_once_in_order_of_line() {
    let error = read_text(SPOILT).unwrap_err();
    insta::assert_snapshot!(error, @r#"
    a.toml:1:13: state_dir: 7 is an integer
        hint: must be a string
    a.toml:2:1: colour: is not a known key
        hint: the top of the file has state_dir, log, admin, shutdown, limits, connections, subscriptions, emulator
    a.toml:5:9: log.level: "inof" is not a level or filter
        hint: did you mean "info"?
    a.toml:7:10: admin.listen: "9464" is not an address to listen on
        hint: IP and port such as "127.0.0.1:9464" or "[::1]:9464"
    a.toml:10:12: connections.egi.endpoint: "msg.example.org" is not an http or https URL
        hint: scheme, host and port such as "https://msg.example.org", or "emulator"; https:// or http:// is missing
    a.toml:12:9: connections.egi.token: the value has white space or other characters no token has
        hint: the token alone
    a.toml:15:12: connections.lab.endpoint: the value has a user or password in it
        hint: token or token_file instead
    a.toml:20:14: subscriptions.metrics.connection: "egy" names no connection there is
        hint: did you mean "egi"?
    a.toml:21:1: subscriptions.metrics.pol_min: is not a known key
        hint: did you mean `poll_min`?
    a.toml:22:12: subscriptions.metrics.poll_max: is a number without a unit
        hint: a duration such as "250ms", "10s" or "1h30m" (d, h, m, s, ms)
    a.toml:25:8: subscriptions.metrics.sinks.archive.path: "out/{day}.jsonl" has an unknown placeholder
        hint: {project}, {subscription}, {sink}, {topic}, {date}, {hour}, {arrival_date} and {attribute.NAME} are filled in
    a.toml:26:1: subscriptions.metrics.sinks.acknowledge: is a name that a sink cannot have
        hint: any other name: the metrics use this one for an operation
    a.toml:29:22: subscriptions.metrics.sinks.acknowledge.retry.attempts: "many" is a string
        hint: must be a whole number
    13 problems in the configuration
    "#);
}

#[test]
fn a_syntax_error_is_one_problem_with_its_place_and_nothing_else_of_that_file() {
    for (text, expected) in [
        ("[log]\nlevel = info\n", "a.toml:2:9:"),
        ("a = 1\na = 2\n", "a.toml:2:1: not TOML: duplicate key"),
        ("token = \"t0p-secret\nb = 1", "a.toml:1:20:"),
    ] {
        let error = read_text(text).unwrap_err();
        assert_eq!(error.problems().len(), 1, "{error}");
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!error.to_string().contains("t0p-secret"), "{error}");
    }
}

#[test]
fn columns_count_characters() {
    let error = read_text(&changed("log", "# ü\n\"ü\" = 1")).unwrap_err();
    let error2 = read_text("log = { \"äöü\" = 1, level = 2 }").unwrap_err();
    assert_eq!(error.problems()[0].position.unwrap().1, 1);
    assert!(error2.problems().iter().any(|p| p.position == Some((1, 28))), "{error2}");
}

#[test]
fn a_whole_file_may_be_wrong() {
    for (text, expected) in [
        (
            "",
            "connections: at least one is needed | a table such as [connections.egi]\nsubscriptions: at least one is needed | a table such as [subscriptions.metrics]",
        ),
        (
            "[connections]\ntoken = \"t0p-secret\"\n[[subscriptions]]\na = 1",
            "connections.token: is a string | a table under a name of your own, [connections.NAME]\nsubscriptions: is an array | must be tables under names of your own, [subscriptions.NAME]",
        ),
    ] {
        assert_eq!(problems(text), expected);
    }
}

#[test]
fn files_are_read_as_though_they_were_one() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("conf.d")).unwrap();
    write("main.toml", &changed("log", "level = \"warn\""));
    write("conf.d/b.toml", "[subscriptions.b.sinks.x]\ntype = \"stdout\"\n[log]\nformat = \"json\"");
    write("conf.d/a.toml", "[subscriptions.s.sinks.more]\ntype = \"stdout\"");
    write("conf.d/.hidden.toml", "nonsense");
    write("conf.d/note.txt", "nonsense");
    let config = load(&folder.path().join("main.toml")).unwrap();
    assert_eq!((config.log.level.as_str(), config.log.format), ("warn", LogFormat::Json));
    let sinks =
        |at: usize| config.subscriptions[at].sinks.iter().map(|sink| sink.name.as_str()).collect::<Vec<_>>();
    assert_eq!((sinks(0), sinks(1)), (vec!["x"], vec!["more", "out"]));

    write("conf.d/c.toml", "[log]\nlevel = \"info\"\n[subscriptions.s]\nretry = 3\n");
    write("conf.d/d.toml", "[subscriptions.s]\nretry = { max = \"1s\" }");
    let error = load(&folder.path().join("main.toml")).unwrap_err().to_string();
    let error = error.replace(folder.path().to_str().unwrap(), "DIR");
    insta::assert_snapshot!(error, @r#"
    DIR/conf.d/c.toml:2:1: log.level: is set already at DIR/main.toml:12:1
        hint: a key is set once; the files are read as though they were one
    DIR/conf.d/c.toml:4:9: subscriptions.s.retry: is an integer
        hint: must be a table, [subscriptions.NAME.retry]
    DIR/conf.d/d.toml:2:1: subscriptions.s.retry: is set already at DIR/conf.d/c.toml:4:1
        hint: a key is set once; the files are read as though they were one
    3 problems in the configuration
    "#);
}

#[test]
fn a_file_that_cannot_be_read_hides_no_problem_of_the_others_and_makes_none_up() {
    let mut files =
        sources(&[("main.toml", "[log]\nlevel = 3\n[subscriptions.s]\nconnection = \"elsewhere\"")]);
    let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    files.push(Source { path: "conf.d/a.toml".into(), text: Err(denied) });
    let error = parse(&files, &|_| None).unwrap_err();
    insta::assert_snapshot!(error, @r#"
    main.toml:2:9: log.level: 3 is an integer
        hint: must be a string
    conf.d/a.toml: cannot be read: permission denied
    2 problems in the configuration
    "#);
}

#[test]
fn a_missing_main_file_is_a_problem_of_that_file() {
    let error = load(Path::new("/nonexistent/a.toml")).unwrap_err();
    insta::assert_snapshot!(error, @r#"
    /nonexistent/a.toml: cannot be read: No such file or directory (os error 2)
    1 problem in the configuration
    "#);
}

#[test]
fn variables_are_put_in_once_and_their_values_never_shown() {
    let environment = |name: &str| match name {
        "HOST" => Some("ams.example.org".to_owned()),
        "TOKEN" => Some("$HOME ${HOST}\n".replace(' ', "")),
        "POLL" => Some("t0p-secret".to_owned()),
        _ => None,
    };
    let text = changed("connections.c", "endpoint = \"https://${HOST}:${PORT:-8443}\"\ntoken = \"${TOKEN}\"");
    let config = parse(&sources(&[("a.toml", &text)]), &environment).unwrap();
    let connection = &config.connections["c"];
    assert_eq!(connection.endpoint, Endpoint::Url("https://ams.example.org:8443".to_owned()));
    let Login::Token(TokenSource::Inline(token)) = &connection.login else { panic!("{connection:?}") };
    assert_eq!(secrecy::ExposeSecret::expose_secret(token), "$HOME${HOST}");

    let text = changed("subscriptions.s", "poll_min = \"${POLL}\"\nconnection = \"${POLL}\"");
    let error = parse(&sources(&[("a.toml", &text)]), &environment).unwrap_err().to_string();
    assert!(error.contains("\"${POLL}\" is not a duration") && !error.contains("t0p-secret"), "{error}");
}

#[test]
fn no_secret_is_shown_by_an_error_or_by_debug() {
    let lines = "token = \"t0p-secret\"\nproxy = \"http://u:t0p-secret@proxy:3128\"";
    let text = changed("connections.c", lines) + "[emulator]\ntoken = \"t0p-secret\"";
    let config = read_text(&text).unwrap();
    let shown = format!("{config:?} {config:#?}");
    assert!(!shown.contains("t0p-secret") && shown.contains("***"), "{shown}");
    assert_eq!(config.connections["c"].proxy.as_ref().unwrap().expose(), "http://u:t0p-secret@proxy:3128");

    let hook = "type = \"webhook\"\nurl = \"https://h/t0p-secret?t0p-secret\"\nheaders = { x = \"t0p-secret\" }\n\
                basic = { username = \"u\", password = \"t0p-secret\" }";
    let shown = format!("{:?}", read_text(&changed("subscriptions.s.sinks.hook", hook)).unwrap());
    assert!(!shown.contains("t0p-secret") && shown.contains("https://h"), "{shown}");
    for lines in [
        "url = \"t0p-secret\"",
        "url = \"https://u:t0p-secret@h\"",
        "url = [\"t0p-secret\"]",
        "headers = { x = [\"t0p-secret\"] }",
        "headers = { x = \"t0p-secret\\u0001\" }",
        "basic = \"t0p-secret\"",
        "basic = { username = \"u\", password = [\"t0p-secret\"] }",
        "bearer_token = [\"t0p-secret\"]",
        "bearer_token = \"t0p-secret$\"",
    ] {
        let hook = format!("type = \"webhook\"\n{lines}");
        let error = read_text(&changed("subscriptions.s.sinks.hook", &hook)).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("t0p-secret"), "{shown}");
    }

    for lines in [
        "token = \"t0p-secret with space\"",
        "token = \"t0p-secret$\"",
        "token = { t0p = \"t0p-secret\" }",
        "token = [\"t0p-secret\"]",
        "token_file = \"f\"",
        "tokn = \"t0p-secret\"",
        "certificate = \"t0p-secret\"",
        "endpoint = \"https://t0p-secret@h\"",
        "endpoint = \"//u:t0p-secret@h\"",
        "endpoint = \"https://h?key=t0p-secret\"",
        "endpoint = \"https://h#t0p-secret\"",
        "proxy = \"t0p-secret\"",
        "proxy = \"http://u:t0p-secret@h?x\"",
        "proxy = [\"t0p-secret\"]",
    ] {
        let error = read_text(&changed("connections.c", lines)).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("t0p-secret"), "{shown}");
    }
}

#[test]
fn what_is_unwise_is_a_warning() {
    let warnings = |table: &str, lines: &str| {
        let config = read_text(&changed(table, lines)).unwrap();
        config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(
        warnings("connections.c", "endpoint = \"http://ams.example.org\"")
            .starts_with("a.toml:5:12: connections.c.endpoint: sends the token over plain http")
    );
    for local in ["http://127.0.0.1:8538", "http://[::1]:1", "http://localhost", "https://ams.example.org"] {
        assert_eq!(warnings("connections.c", &format!("endpoint = \"{local}\"")), "");
    }
    let hook =
        |lines: &str| format!("type = \"webhook\"\nurl = \"http://h.example.org/t0p-secret\"\n{lines}");
    let warned = warnings("subscriptions.s.sinks.hook", &hook("bearer_token = \"t0p-secret\""));
    assert!(
        warned.contains("subscriptions.s.sinks.hook.url: sends the credential over plain http")
            && !warned.contains("t0p-secret"),
        "{warned}"
    );
    assert_eq!(warnings("subscriptions.s.sinks.hook", &hook("")), "");
    assert!(
        warnings("emulator", "listen = \"0.0.0.0:8538\"").contains("the token is the well-known default")
    );
    assert_eq!(warnings("emulator", "listen = \"0.0.0.0:8538\"\ntoken = \"t\""), "");
}

#[test]
fn two_entries_for_one_subscription_are_found_whatever_the_endpoint_looks_like() {
    for (endpoint, expected) in [
        (
            "https://AMS.example.org:443/",
            "subscriptions.t: consumes the same AMS subscription as subscriptions.s (a.toml:6:1) | one entry with the sinks of both, or a second subscription of the topic",
        ),
        ("https://ams.example.org:8443", "none"),
    ] {
        let more = format!("endpoint = \"{endpoint}\"\nproject = \"P\"\ntoken = \"x\"");
        let text = changed("connections.d", &more).replace("max_messages = 10", "connection = \"c\"")
            + "[subscriptions.t]\nconnection = \"d\"\nsubscription = \"s\"\n[subscriptions.t.sinks.x]\ntype = \"stdout\"";
        assert_eq!(problems(&text), expected);
    }
}

#[test]
fn an_emulated_connection_has_the_emulators_token() {
    let text = changed("connections.c", "endpoint = \"emulator\"").replace("token = \"t0p-secret\"\n", "");
    let config = read_text(&format!("{text}[emulator]\ntoken = \"mine\"")).unwrap();
    let Login::Token(TokenSource::Inline(token)) = &config.connections["c"].login else { panic!("no token") };
    assert_eq!(secrecy::ExposeSecret::expose_secret(token), "mine");
}

#[test]
fn a_subscription_that_would_feed_its_own_topic_is_found_where_the_topic_is_known() {
    let demo = "[emulator]\ndemo = { project = \"P\", topic = \"t\", subscription = \"s\" }";
    let text = |endpoint: &str, topic: &str| {
        changed("subscriptions.s.sinks.copy", &format!("type = \"topic\"\ntopic = \"{topic}\""))
            .replace("https://ams.example.org", endpoint)
            + demo
    };
    assert_eq!(
        problems(&text("emulator", "t")),
        "subscriptions.s.sinks.copy.topic: is the topic of the subscription itself, which would be fed from itself without end | another topic"
    );
    assert_eq!(problems(&text("emulator", "u")), "none");
    assert_eq!(problems(&text("https://ams.example.org", "t")), "none");
}

#[test]
fn sinks_have_what_was_written_and_their_defaults() {
    let sinks = "type = \"webhook\"\nurl = \"https://h/${PATH_X:-hook}?x=1\"\nheaders = { X-A = \"${V:-v}\" }\n\
                 [subscriptions.s.sinks.copy]\ntype = \"topic\"\ntopic = \"t\"";
    let config = read_text(&changed("subscriptions.s.sinks.hook", sinks)).unwrap();
    let [copy, hook, _] = config.subscriptions[0].sinks.as_slice() else { panic!("three sinks") };
    let expected = SinkKind::Topic { connection: "c".to_owned(), topic: "t".parse().unwrap(), batch: 100 };
    assert_eq!(copy.kind, expected);
    let SinkKind::Webhook(hook) = &hook.kind else { panic!("{hook:?}") };
    assert_eq!(
        (hook.url.expose().as_str(), hook.url.origin()),
        ("https://h/hook?x=1", "https://h".to_owned())
    );
    assert_eq!((hook.batch, hook.headers["x-a"].expose()), (1, "v"));
    assert_eq!((hook.timeout.as_secs(), hook.connect_timeout.as_secs()), (60, 10));
}

#[test]
fn a_default_batch_never_exceeds_what_may_be_in_flight() {
    let config = read_text(&changed("limits", "in_flight_bytes = \"8MiB\"")).unwrap();
    assert_eq!(config.subscriptions[0].max_batch_bytes, 8 << 20);
}

#[test]
fn a_wrong_limit_makes_no_problem_of_what_is_held_against_it() {
    let text = changed("limits", "in_flight_bytes = \"1gb\"")
        .replace("max_messages = 10", "max_batch_bytes = \"1GB\"");
    assert_eq!(read_text(&text).unwrap_err().problems().len(), 1);
}

#[test]
fn a_table_of_great_depth_is_read() {
    let text = format!("{} = 1", vec!["a"; 3000].join("."));
    assert!(read_text(&text).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        let _ = read_text(&text);
    }

    #[test]
    fn no_value_makes_the_reader_panic(table in 0..BASE.len(), value in "[ -~]{0,30}", key in 0..60_usize) {
        let keys: Vec<_> = schema::ALL.iter().flat_map(|table| table.keys).collect();
        let key = keys[key % keys.len()];
        let _ = read_text(&changed(BASE[table].0, &format!("{key} = {value:?}")));
        let _ = read_text(&changed(BASE[table].0, &format!("{key} = {value}")));
    }
}

#[test]
fn a_connection_logs_in_with_a_certificate_instead_of_a_token() {
    let connection = |lines: &str| {
        let token = "token = \"t0p-secret\"";
        read_text(&changed("connections.c", lines).replace(token, ""))
            .map(|config| config.connections["c"].login.clone())
    };
    let keys = "certificate = \"cert.pem\"\nprivate_key = \"key.pem\"\n";
    let login = connection(&format!("{keys}authn_endpoint = \"https://authn.example.org:8443/\"")).unwrap();
    let expected = Login::Certificate {
        certificate: "cert.pem".into(),
        private_key: "key.pem".into(),
        authn_endpoint: Some("https://authn.example.org:8443".to_owned()),
    };
    assert_eq!(login, expected);
    assert!(matches!(connection(keys).unwrap(), Login::Certificate { authn_endpoint: None, .. }));

    let emulated = changed("connections.c", &format!("endpoint = \"emulator\"\n{keys}"));
    let emulated = emulated.replace("token = \"t0p-secret\"", "") + "\n[emulator]\n";
    let refused = "connections.c.certificate: is of no use with the emulator, which knows tokens alone | token, or nothing";
    assert_eq!(problems(&emulated), refused);
}
