use super::*;

const JOURNAL: Stderr = Stderr { journal: true, terminal: false, colours: false };
const TERMINAL: Stderr = Stderr { journal: false, terminal: true, colours: true };
const PIPE: Stderr = Stderr { journal: false, terminal: false, colours: false };

#[test]
fn auto_is_journald_under_systemd_text_on_a_terminal_and_json_otherwise() {
    assert_eq!(choose(LogFormat::Auto, JOURNAL), Output::Journald);
    assert_eq!(choose(LogFormat::Auto, TERMINAL), Output::Text { colours: true });
    assert_eq!(choose(LogFormat::Auto, PIPE), Output::Json);
}

#[test]
fn a_format_that_is_named_wins_over_what_standard_error_is() {
    for stderr in [JOURNAL, TERMINAL, PIPE] {
        assert_eq!(choose(LogFormat::Text, stderr), Output::Text { colours: stderr.colours });
        assert_eq!(choose(LogFormat::Json, stderr), Output::Json);
        assert_eq!(choose(LogFormat::Journald, stderr), Output::Journald);
    }
}

#[test]
fn the_journal_is_only_used_when_standard_error_is_the_stream_that_systemd_named() {
    assert!(names("8:4242", 8, 4242));
    for stream in ["8:4243", "9:4242", "8", "", ":", "8:4242:1", "x:y"] {
        assert!(!names(stream, 8, 4242), "{stream}");
    }
}

#[test]
fn the_identity_of_standard_error_can_be_asked_for_without_closing_it() {
    let first = identity().unwrap();
    assert_eq!(identity().unwrap(), first);
}

#[test]
fn a_level_from_outside_is_checked_and_an_empty_one_is_none() {
    assert_eq!(log_level("").unwrap(), "");
    assert_eq!(log_level("warn,ams_forwarder::sink=debug").unwrap(), "warn,ams_forwarder::sink=debug");
    for wrong in ["inof", "info,verbose", "ams_forwarder=loud"] {
        assert!(log_level(wrong).is_err(), "{wrong}");
    }
}
