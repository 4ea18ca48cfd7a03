use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::sink::tests::slice_of;

fn text_of(payload: &[u8], attributes: &serde_json::Value, colors: bool) -> String {
    let message = json!({
        "messageId": "7",
        "attributes": attributes,
        "data": STANDARD.encode(payload),
        "publishTime": "2026-11-23T07:05:18.157214377Z",
    });
    form(&message, colors)
}

fn form(message: &serde_json::Value, colors: bool) -> String {
    let slice = slice_of(&message.to_string(), 0);
    let mut out = Vec::new();
    Text::new("metrics", colors).push(&slice.first().unwrap(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_message_is_a_line_about_it_and_its_payload_below() {
    let head = "2026-11-23T07:05:18.157Z metrics 7";
    assert_eq!(
        text_of(b"{\"a\": 1}", &json!({"empty": "", "note": "two words", "type": "metric"}), false),
        format!("{head} empty=\"\" note=\"two words\" type=metric\n  {{\"a\": 1}}\n")
    );
    assert_eq!(text_of(b"one\n\n\tthree\n", &json!({}), false), format!("{head}\n  one\n  \n  \tthree\n"));
    assert_eq!(text_of(b"", &json!({}), false), format!("{head}\n"));
    assert_eq!(text_of(b"\n", &json!({}), false), format!("{head}\n  \n"));
}

#[test]
fn what_is_no_text_is_shown_and_said_to_be_none() {
    let head = "2026-11-23T07:05:18.157Z metrics 7";
    assert_eq!(
        text_of(b"\x02\x14host\xff\xfe", &json!({}), false),
        format!("{head} (8 bytes, no UTF-8)\n  \\u{{2}}\\u{{14}}host\\xff\\xfe\n")
    );
    let message = json!({"messageId": "7", "data": "no base64 \u{1b}[2J", "publishTime": "T"});
    assert_eq!(form(&message, false), "T metrics 7 (no base64)\n  no base64 \\u{1b}[2J\n");
}

#[test]
fn nothing_of_a_message_is_obeyed_by_a_terminal() {
    for (evil, shown) in [
        ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
        ("\u{9b}2J", "\\u{9b}2J"),
        ("gone\r", "gone\\r"),
        ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
        ("a\u{200b}b", "a\\u{200b}b"),
        ("\u{7f}", "\\u{7f}"),
        ("ключ ü ☂ 🦀", "ключ ü ☂ 🦀"),
    ] {
        let text = text_of(evil.as_bytes(), &json!({ evil: evil }), false);
        assert_eq!(text.matches(shown).count(), 3, "{text:?}");
    }
    let in_time = json!({"messageId": "7", "data": "", "publishTime": "\u{1b}[2J"});
    assert_eq!(form(&in_time, false), "\\u{1b}[2J metrics 7\n");
}

#[test]
fn colours_come_where_they_are_wanted_and_can_be_had() {
    let env = |no_color: Option<&'static str>, term: &'static str| {
        move |name: &str| match name {
            "NO_COLOR" => no_color.map(Into::into),
            _ => Some(term.into()),
        }
    };
    for (color, terminal, no_color, term, expected) in [
        (Color::Auto, true, None, "xterm", true),
        (Color::Auto, true, Some(""), "xterm", true),
        (Color::Auto, true, Some("1"), "xterm", false),
        (Color::Auto, true, None, "dumb", false),
        (Color::Auto, false, None, "xterm", false),
        (Color::Always, false, Some("1"), "dumb", true),
        (Color::Never, true, None, "xterm", false),
    ] {
        assert_eq!(
            has_colors(color, terminal, env(no_color, term)),
            expected,
            "{color:?} {no_color:?} {term}"
        );
    }
    let colored = text_of(b"a\x1bb", &json!({"k": "v"}), true);
    assert_eq!(
        colored,
        "\u{1b}[2m2026-11-23T07:05:18.157Z\u{1b}[0m \u{1b}[36mmetrics\u{1b}[0m \u{1b}[1m7\u{1b}[0m \u{1b}[2mk=\u{1b}[0mv\n  \
         a\u{1b}[33m\\u{1b}\u{1b}[0mb\n"
    );
}

proptest! {
    #[test]
    fn no_payload_and_no_attribute_gets_a_control_character_through(
        payload in any::<Vec<u8>>(),
        value in any::<String>(),
        time in any::<String>(),
    ) {
        let message = json!({
            "messageId": "7",
            "attributes": { &value: &value },
            "data": STANDARD.encode(&payload),
            "publishTime": time,
        });
        let text = form(&message, false);
        prop_assert!(text.chars().all(|character| matches!(character, '\n' | '\t') || !is_unsafe(character)));
        // Nothing looks like the line of another message.
        prop_assert!(text.lines().skip(1).all(|line| line.starts_with("  ")));
    }
}
