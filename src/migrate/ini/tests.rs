use super::*;

/// The value of a key, or what is wrong with it.
fn value(text: &str, section: &str, key: &str) -> Result<String, String> {
    let ini = Ini::parse(text).unwrap();
    ini.value(section, ini.entry(section, key).unwrap()).map_err(|fault| fault.what)
}

fn faults(text: &str) -> Vec<(usize, usize, String)> {
    let faults = Ini::parse(text).unwrap_err();
    faults.into_iter().map(|fault| (fault.place.line, fault.place.column, fault.what)).collect()
}

#[test]
fn keys_and_sections_are_found_in_any_case_and_with_either_sign() {
    let text = "[General]\nLogName = a\n[ams]\nPULLMSGS:100\n[Output]\n  directory=/x = y:z\n";
    for (section, key, expected) in
        [("general", "LOGNAME", "a"), ("AMS", "PullMsgs", "100"), ("Output", "Directory", "/x = y:z")]
    {
        assert_eq!(value(text, section, key).as_deref(), Ok(expected), "{key}");
    }
}

#[test]
fn comments_are_whole_lines_and_what_stands_behind_a_value_is_part_of_it() {
    let text = "# [AMS]\n; x = y\n[AMS]\n   # indented\nProject = EGI ; not a comment\n";
    assert_eq!(value(text, "AMS", "project").as_deref(), Ok("EGI ; not a comment"));
    assert_eq!(Ini::parse(text).unwrap().section("AMS").unwrap().line, 3);
}

#[test]
fn a_value_goes_on_in_deeper_lines_over_comments_and_empty_ones() {
    let text = "[AMS]\nToken =\n    abc\n# no part of it\n\n    def\nProject = P\n  Host = no key\n";
    assert_eq!(value(text, "AMS", "token").as_deref(), Ok("abc\ndef"));
    assert_eq!(value(text, "AMS", "project").as_deref(), Ok("P\nHost = no key"));
    let deep = "[AMS]\n  Token = a\n  Project = b\n";
    assert_eq!(value(deep, "AMS", "project").as_deref(), Ok("b"), "not deeper than the key before");
}

#[test]
fn references_lead_to_keys_of_the_section_and_of_the_defaults() {
    let text = "[DEFAULT]\nVENV = /opt/%(what)s\nwhat = x\n[Output]\nwhat = y\nDirectory = %(venv)s/100%%/%(Name)s\n\
                name = z\n";
    assert_eq!(value(text, "Output", "Directory").as_deref(), Ok("/opt/y/100%/z"));
    assert_eq!(value(text, "Output", "venv").as_deref(), Ok("/opt/y"), "defaults are keys of every section");
    let ini = Ini::parse(text).unwrap();
    assert!(ini.is_referred_to("VENV") && !ini.is_referred_to("Directory"));
}

#[test]
fn wrong_references_are_faults_of_the_value_and_nothing_of_it_is_shown() {
    for (raw, expected) in [
        ("50%", "has a % that is neither %% nor %(KEY)s"),
        ("%(x", "has a % that is neither %% nor %(KEY)s"),
        ("%(x)d", "has a % that is neither %% nor %(KEY)s"),
        ("%(x)s", "refers with %(KEY)s to a key that there is not"),
        ("%(token)s", "refers to itself, or to others too deeply"),
    ] {
        let text = format!("[AMS]\nToken = {raw}\n");
        assert_eq!(value(&text, "AMS", "Token"), Err(expected.to_owned()), "{raw}");
    }
}

#[test]
fn everything_that_cannot_be_read_is_reported_at_once_with_its_place() {
    let text = "Host = a\n[AMS]\nno value\n  [ams]\n[]\n= x\nProject = P\nPROJECT = Q\n";
    let stands = |what: &str| what.to_owned();
    assert_eq!(
        faults(text),
        [
            (1, 1, stands("stands before the first section")),
            (3, 1, stands("is neither a section nor a key with a value")),
            (4, 3, stands("is a section that stands twice")),
            (5, 1, stands("is neither a section nor a key with a value")),
            (6, 1, stands("is neither a section nor a key with a value")),
            (8, 1, stands("is a key that stands twice in its section")),
        ]
    );
}

#[test]
fn what_an_editor_of_another_system_leaves_does_not_matter() {
    assert_eq!(value("\u{feff}[AMS]\r\nProject = P\r\n", "AMS", "Project").as_deref(), Ok("P"));
    assert_eq!(Ini::parse("").unwrap().sections().count(), 0);
}
