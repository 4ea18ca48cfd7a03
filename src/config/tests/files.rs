//! The files that come with the program.

use jiff::tz::TimeZone;

use super::*;

fn shipped(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)).unwrap()
}

fn load_shipped(name: &str) -> Config {
    let environment = |name: &str| (name == "EGI_TOKEN").then(|| "t".to_owned());
    let text = shipped(name);
    parse(&sources(&[(name, &text)]), &environment).unwrap_or_else(|error| panic!("{error}"))
}

/// The file with its `#key = value` lines in force.
fn uncommented(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn the_commented_lines_of_the_reference_file_are_the_defaults() {
    let text = shipped("ams-forwarder.toml");
    let explicit = uncommented(&text);
    let set =
        |text: &str| text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())).count();
    assert!(set(&explicit) > set(&text) + 15, "nothing was uncommented");
    let [defaults, explicit] = [&text, &explicit].map(|text| format!("{:#?}", read_text(text).unwrap()));
    assert_eq!(explicit, defaults);
}

#[test]
fn the_reference_file_shows_every_key() {
    let text = shipped("ams-forwarder.toml");
    let shown = |key: &str| {
        text.lines().any(|line| {
            let line = line.trim_start_matches('#').trim_start();
            line.starts_with(&format!("{key} = "))
                || line.starts_with(&format!("[{key}"))
                || line.contains(&format!("{{ {key} = "))
                || line.contains(&format!(", {key} = "))
                || line.contains(&format!(".{key}."))
        })
    };
    let absent: Vec<_> = schema::ALL.iter().flat_map(|table| table.keys).filter(|key| !shown(key)).collect();
    assert!(absent.is_empty(), "not in config/ams-forwarder.toml: {absent:?}");
}

#[test]
fn the_quickstart_is_sound_and_keeps_to_its_folder() {
    let config = load_shipped("quickstart.toml");
    assert_eq!(config.warnings, []);
    assert!(config.state_dir.starts_with("./quickstart"));
    let emulator = config.emulator.unwrap();
    let demo = emulator.demo.unwrap();
    let connection = &config.connections["demo"];
    assert_eq!(connection.endpoint, Endpoint::Emulator);
    assert_eq!(connection.project, demo.project);
    let [subscription] = config.subscriptions.as_slice() else { panic!("one subscription") };
    assert_eq!(subscription.subscription, demo.subscription);
    let [archive, show] = subscription.sinks.as_slice() else { panic!("two sinks") };
    let SinkKind::File(file) = &archive.kind else { panic!("{archive:?}") };
    assert!(file.path.as_str().starts_with("./quickstart/"));
    assert_eq!((&file.format, file.max_open_files), (&FileFormat::Lines(Format::Jsonl), 256));
    assert_eq!(file.time_zone, TimeZone::UTC);
    assert!(archive.required && !show.required);
    let SinkKind::Stdout(stdout) = &show.kind else { panic!("{show:?}") };
    assert_eq!(
        (stdout.format, stdout.on_closed, show.attempts),
        (StdoutFormat::Jsonl, OnClosed::Disable, Some(3))
    );
}

#[test]
fn the_examples_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let config = load_shipped(&format!("examples/{name}"));
        assert_eq!(config.warnings, [], "{name}");
        count += 1;
    }
    assert!(count >= 3);
}
