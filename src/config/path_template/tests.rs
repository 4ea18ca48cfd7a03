use super::*;

fn template(text: &str) -> PathTemplate {
    PathTemplate::parse(text).unwrap()
}

#[test]
fn placeholders_are_filled_in() {
    for (text, expected) in [
        ("out/{project}/{subscription}/{date}.jsonl", "out/P/s/2026-11-23.jsonl"),
        ("{date}{date}", "2026-11-232026-11-23"),
        ("/plain", "/plain"),
        ("./ü {project}", "./ü P"),
    ] {
        assert_eq!(template(text).render("P", "s", "2026-11-23"), Path::new(expected));
        assert_eq!(template(text).as_str(), text);
    }
    assert!(template("a{date}").depends_on_date());
    assert!(!template("{project}{subscription}").depends_on_date());
}

#[test]
fn a_date_that_is_none_never_becomes_part_of_a_path() {
    for date in ["", "../../etc/x", "2026-11-2", "2026-11-233", "2026/11/23", "\0\0\0\0-\0\0-\0\0"] {
        assert_eq!(template("out/{date}").render("P", "s", date), Path::new("out/0000-00-00"), "{date}");
    }
}

#[test]
fn what_is_no_template_is_refused() {
    for (text, what) in [
        ("", "is not the path of a file"),
        ("out/", "is not the path of a file"),
        ("out/..", "is not the path of a file"),
        (".", "is not the path of a file"),
        ("a\0b", "has a NUL character"),
        ("a{", "has a { without its }"),
        ("a}", "has a } without its {"),
        ("{{date}}", "has an unknown placeholder"),
        ("{Date }", "has an unknown placeholder"),
        ("{hour}", "has {hour}, which is not available in this version"),
        ("{arrival_date}", "has {arrival_date}, which is not available in this version"),
    ] {
        assert_eq!(PathTemplate::parse(text).unwrap_err().what, what, "{text}");
    }
}

#[test]
fn paths_meet_where_some_date_makes_them_one_file() {
    let meet = |a: &str, b: &str| template(a).shape("P", "a").meets(&template(b).shape("P", "b"));
    for (a, b) in [
        ("out/x", "out/./x"),
        ("out/x", "./out//y/../x"),
        ("/x", "/../x"),
        ("out/{project}", "out/P"),
        ("out/{subscription}", "out/a"),
        ("out/{date}", "out/{date}"),
        ("out/{date}", "out/2026-11-23"),
        ("out/{date}/x", "out/1999-99-99/x"),
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
    ] {
        assert!(!meet(a, b), "{a} {b}");
    }
}

#[test]
fn a_relative_path_meets_its_absolute_form() {
    let here = std::env::current_dir().unwrap();
    let absolute = template(&format!("{}/out/x", here.display()));
    assert!(absolute.shape("P", "a").meets(&template("out/x").shape("P", "a")));
}
