use super::*;

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_from_words(line.split_whitespace().map(OsString::from))
}

#[test]
fn the_arguments_do_not_contradict_each_other() {
    command().debug_assert();
}

#[test]
fn options_of_the_service_stand_anywhere_and_the_last_one_counts() {
    for line in [
        "ams --project P --output json topic show t",
        "ams topic --project P --output json show t",
        "ams topic show t --output json --project P",
        "ams --project Q topic --output table show --project P t --output json",
        "ams --output json status --project P",
        "ams metrics topic t --output json --project P",
    ] {
        let options = parse(line).unwrap().options;
        assert_eq!(options.format(), output::Format::Json, "{line}");
        assert!(format!("{options:?}").contains("project: Some(\"P\")"), "{line}: {options:?}");
    }
}

#[test]
fn the_emulator_has_a_token_and_projects_of_its_own() {
    let arguments = parse("ams --token T --project P emulator --project Q --token U").unwrap();
    let Command::Emulator(emulator) = &arguments.command else { panic!("{arguments:?}") };
    assert!(format!("{emulator:?}").contains("projects: [\"Q\"]"), "{emulator:?}");
    for wrong in
        ["emulator --endpoint x", "emulator --output json", "completions bash --token x", "man --project P"]
    {
        assert!(parse(&format!("ams {wrong}")).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_wrong_is_refused_before_anything_is_asked() {
    for wrong in [
        "publish",
        "publish a.b --data x",
        "publish t --lines --data x",
        "publish t --format jsonl --data x",
        "publish t --data x --attribute k",
        "publish t --data x --attribute k=a\"b",
        "pull s --max 0",
        "topic create",
        "subscription create s",
        "subscription create s --topic t --ack-deadline 601",
        "subscription seek s",
        "subscription seek s --start --end",
        "subscription push set s --push-endpoint a --mattermost-webhook b",
        "project update P",
        "member create u",
        "user show",
        "user show u --uuid v",
        "user create u --role consumer",
        "schema attach s",
        "usage-report --start yesterday",
        "completions tcsh",
        "nosuch",
    ] {
        let error = parse(&format!("ams {wrong}")).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{wrong}");
    }
}

#[test]
fn every_command_has_help_a_page_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    clap_mangen::generate_to(command(), folder.path()).unwrap();
    let mut script = Vec::new();
    clap_complete::generate(clap_complete::Shell::Bash, &mut command(), "ams", &mut script);
    let script = String::from_utf8(script).unwrap();
    for name in command().get_subcommands().map(|command| command.get_name().to_owned()) {
        let page = std::fs::read_to_string(folder.path().join(format!("ams-{name}.1"))).unwrap();
        assert!(page.contains(".SH DESCRIPTION"), "{page}");
        assert!(script.contains(&format!("ams,{name})")), "{name} is not completed");
        let help = parse(&format!("ams {name} --help")).unwrap_err();
        assert_eq!(help.kind(), clap::error::ErrorKind::DisplayHelp, "{name}");
    }
}
