use std::ops::Add;
use std::path::{Component, Path};

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn layout(text: &str) -> PathLayout {
    PathTemplate::parse(text).unwrap().layout("P", "s", "k")
}

fn render(text: &str, values: &[&str]) -> String {
    let layout = layout(text);
    let attributes: Vec<_> = values.iter().copied().map(Some).collect();
    let values = PathValues {
        published: Some(date(2026, 11, 23).at(7, 5, 0, 0)),
        arrived: date(2026, 11, 24),
        topic: "t",
        attributes: &attributes,
    };
    layout.render(&values).into_os_string().into_string().unwrap()
}

#[test]
fn placeholders_are_filled_in() {
    for (text, expected) in [
        ("out/{project}/{subscription}/{date}.jsonl", "out/P/s/2026-11-23.jsonl"),
        ("{date}{date}", "2026-11-232026-11-23"),
        ("/plain", "/plain"),
        ("./ü {project}", "./ü P"),
        ("{sink}{topic}{hour}-{arrival_date}", "kt07-2026-11-24"),
    ] {
        assert_eq!(render(text, &[]), expected);
        assert_eq!(PathTemplate::parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn what_is_dangerous_in_a_value_is_written_in_hexadecimal() {
    for (value, expected) in [
        ("2026-11-23", "2026-11-23"),
        ("Ωmega_1,2:3=4+5@6", "Ωmega_1,2:3=4+5@6"),
        ("", "none"),
        (".", "%2E"),
        ("..", "%2E."),
        (".hidden", "%2Ehidden"),
        ("a.b", "a.b"),
        ("-rf", "%2Drf"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        ("/", "%2F"),
        ("a\0b\n", "a%00b%0A"),
        ("100%", "100%25"),
        ("%2F", "%252F"),
        ("a b~$*", "a%20b%7E%24%2A"),
        ("\u{202e}x", "%E2%80%AEx"),
        // As a file is called that was rotated.
        ("x.2026-11-24T16-30-10Z-1", "x%2E2026-11-24T16-30-10Z-1"),
        ("x.2026-11-24", "x.2026-11-24"),
    ] {
        assert_eq!(render("{attribute.a}", &[value]), expected);
    }
}

#[test]
fn a_value_that_is_too_long_is_cut_and_carries_a_digest() {
    let (one, two) = ("x".repeat(300), "x".repeat(301));
    let one = render("d/{attribute.a}.jsonl", &[&one]);
    assert!(one.starts_with("d/xxx") && one.ends_with(".jsonl") && one.contains("x%-"), "{one}");
    assert_eq!(one.len(), 2 + 255 - 48);
    assert_ne!(one, render("d/{attribute.a}.jsonl", &[&two]));
    // The same in every version: files are found again after an update.
    assert_eq!(
        render("{attribute.a}/f", &[&"é".repeat(200)]),
        format!("{}%-df20b2aa6262e99e/f", "é".repeat(118))
    );
}

#[test]
fn what_is_no_template_is_refused() {
    for (text, what) in [
        ("", "is not the path of a file"),
        ("out/", "is not the path of a file"),
        ("out/..", "is not the path of a file"),
        (".", "is not the path of a file"),
        ("a\0b", "has a control character"),
        ("a{", "has a { without its }"),
        ("a}", "has a } without its {"),
        ("{{date}}", "has an unknown placeholder"),
        ("{Date }", "has an unknown placeholder"),
        ("{attribute}", "has an unknown placeholder"),
        ("{attribute.}", "has an attribute without a name"),
        ("{attribute.:-x}", "has an attribute without a name"),
        ("{attribute.a:-}", "has a default that is no part of a file's name"),
        ("{attribute.a:-../x}", "has a default that is no part of a file's name"),
        ("{attribute.a:-.x}", "has a default that is no part of a file's name"),
    ] {
        assert_eq!(PathTemplate::parse(text).unwrap_err().what, what, "{text}");
    }
}

#[test]
fn a_template_whose_paths_can_be_too_long_is_refused() {
    let check = |text: &str| layout(text).check().map_err(|wrong| wrong.what);
    for text in
        ["{attribute.a}{attribute.b}{attribute.c}.jsonl", &"x".repeat(207), &format!("{}/x", "x".repeat(255))]
    {
        assert_eq!(check(text), Ok(()), "{text}");
    }
    let too_long = |most: usize| Err(format!("has a name in it that can be longer than {most} bytes"));
    assert_eq!(check(&"x".repeat(208)), too_long(207));
    assert_eq!(check(&format!("{}/x", "x".repeat(256))), too_long(255));
    assert_eq!(check(&format!("{}{{attribute.a}}", "x".repeat(180))), too_long(207));
    assert_eq!(check(&"{attribute.a}".repeat(6)), too_long(207));
    assert_eq!(check(&"{attribute.a}/".repeat(15).add("x")), Ok(()));
    assert!(check(&"{attribute.a}/".repeat(16).add("x")).unwrap_err().contains("4095"));
}

#[test]
fn paths_meet_where_some_values_make_them_one_file() {
    let shape = |text: &str, key: &str| PathTemplate::parse(text).unwrap().layout("P", key, "k").shape();
    let meet = |a: &str, b: &str| {
        let meet = shape(a, "a").meets(&shape(b, "b"));
        assert_eq!(meet, shape(b, "b").meets(&shape(a, "a")));
        meet
    };
    for (a, b) in [
        ("out/x", "out/./x"),
        ("out/x", "./out//y/../x"),
        ("/x", "/../x"),
        ("out/{project}", "out/P"),
        ("out/{subscription}", "out/a"),
        ("out/{date}", "out/{date}"),
        ("out/{date}", "out/{arrival_date}"),
        ("out/{date}", "out/2026-11-23"),
        ("out/{date}/x", "out/1999-99-99/x"),
        ("out/{date}", "out/2026-{hour}-23"),
        ("out/{attribute.a}", "out/x"),
        ("out/{attribute.a}", "out/{attribute.b}"),
        ("out/{attribute.a}", "out/{date}.jsonl"),
        ("out/{attribute.a}.jsonl", "out/errors.jsonl"),
        ("out/{attribute.a}-x", "out/y-{attribute.a}"),
        ("out/{topic}/{date}", "out/a/{attribute.b}"),
        ("out/a{attribute.a}c{attribute.b}e", "out/abbbbcccde"),
        ("out/{attribute.a}{attribute.b}", "out/ab"),
    ] {
        assert!(meet(a, b), "{a} {b}");
    }
    for (a, b) in [
        ("out/{subscription}", "out/{subscription}"),
        ("out/{subscription}-{date}", "out/{subscription}-{date}"),
        ("out/{date}", "out/x{date}"),
        ("out/{date}", "out/2026-11-2x"),
        ("out/{date}", "out/today"),
        ("out/x", "/out/x"),
        ("out/{date}/x", "out/{date}"),
        ("out/{attribute.a}", "out/x/y"),
        ("out/{attribute.a}/x", "out/x/y"),
        ("out/{attribute.a}.jsonl", "out/{attribute.a}.txt"),
        ("out/x{attribute.a}", "out/{date}"),
        ("out/a{attribute.a}c{attribute.b}e", "out/abbbbde"),
        ("out/{attribute.a}{attribute.b}", "out/a"),
    ] {
        assert!(!meet(a, b), "{a} {b}");
    }
}

#[test]
fn a_relative_path_meets_its_absolute_form() {
    let here = std::env::current_dir().unwrap();
    let absolute = layout(&format!("{}/out/x", here.display()));
    assert!(absolute.shape().meets(&layout("out/x").shape()));
}

/// Values as nobody should send them, and as many do.
fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        ".*",
        "[./%-]{0,6}",
        "[a-c./]{1,3}",
        "[a%é/]{100,400}",
        r"\PC{0,300}",
        "x\\.2026-11-2[0-9]T[0-9]{2}.*"
    ]
}

const TEMPLATES: [&str; 6] = [
    "base/{attribute.a}/{attribute.b}",
    "base/{attribute.a}{attribute.b}/f",
    "base/x-{attribute.a}/.{attribute.b}",
    "base/{date}-{attribute.a}.{attribute.b}.jsonl/f",
    "base/{attribute.a}/{topic}-{attribute.b}.jsonl",
    "base/.{attribute.a}./{attribute.b}.",
];

proptest! {
    #[test]
    fn no_value_leaves_the_directory_hides_or_is_too_long(a in values(), b in values()) {
        for text in TEMPLATES {
            let path = render(text, &[&a, &b]);
            let names: Vec<_> = path.split('/').collect();
            prop_assert_eq!(names.len(), 3);
            let (last, directories) = names.split_last().unwrap();
            prop_assert!(last.len() <= 255 - 48 && directories.iter().all(|name| name.len() <= 255));
            prop_assert!(!path.contains(char::is_control));
            let components: Vec<_> = Path::new(&path).components().collect();
            prop_assert!(components.len() == 3 && components.iter().all(|part| matches!(part, Component::Normal(_))));
            for (name, template) in names.iter().zip(text.split('/')) {
                prop_assert!(!name.starts_with(['.', '-']) || template.starts_with('.'), "{}", path);
            }
        }
    }

    #[test]
    fn two_values_never_meet(a in values(), b in values(), all in prop::bool::ANY) {
        prop_assume!(a != b && ![&a, &b].iter().any(|value| value.is_empty() || *value == NO_ATTRIBUTE));
        let templates = ["base/{attribute.a}.jsonl", "base/{attribute.a}/{date}"];
        prop_assert_ne!(render(templates[usize::from(all)], &[&a]), render(templates[usize::from(all)], &[&b]));
    }

    #[test]
    fn two_paths_that_can_be_the_same_are_found(a in values(), b in values()) {
        for one in TEMPLATES {
            let path = render(one, &[&a, &b]);
            if !path.contains(['{', '}']) {
                prop_assert!(layout(one).shape().meets(&layout(&path).shape()), "{}", path);
            }
        }
    }
}
