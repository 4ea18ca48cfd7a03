use super::*;

fn environment(name: &str) -> Option<String> {
    match name {
        "NAME" => Some("value".to_owned()),
        "_A1" => Some("$NAME ${NAME} $$".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

#[test]
fn variables_and_dollars_are_put_in() {
    for (text, expected) in [
        ("plain", "plain"),
        ("${NAME}", "value"),
        ("a${NAME}b${NAME}c", "avaluebvaluec"),
        ("${MISSING:-default}", "default"),
        ("${MISSING:-}", ""),
        ("${MISSING:-a:-b}", "a:-b"),
        ("${EMPTY}", ""),
        ("${EMPTY:-default}", "default"),
        ("${NAME:-default}", "value"),
        ("$$", "$"),
        ("$${NAME}", "${NAME}"),
        ("$$${NAME}", "$value"),
        ("}{", "}{"),
    ] {
        assert_eq!(expand(text, &environment).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_a_variable_holds_is_not_searched_for_variables() {
    assert_eq!(expand("${_A1}", &environment).unwrap(), "$NAME ${NAME} $$");
}

#[test]
fn mistakes_are_named_without_the_text_around_them() {
    for (text, what) in [
        ("s3cret$", "has a $ that begins no variable"),
        ("s3cret$NAME", "has a $ that begins no variable"),
        ("s3cret${NAME", "has a ${ without its }"),
        ("${}s3cret", "has a ${…} without a variable's name"),
        ("${s3cret!}", "has a ${…} without a variable's name"),
        ("${1A}", "has a ${…} without a variable's name"),
        ("${NAME-s3cret}", "has a ${…} without a variable's name"),
        ("${MISSING}s3cret", "needs the environment variable MISSING, which is not set"),
        ("${MISSING:-${s3cret}}", "has a $ in the default of a variable"),
    ] {
        let error = expand(text, &environment).unwrap_err();
        assert_eq!(error.what, what, "{text}");
        assert!(!error.hint.contains("s3cret"), "{text}");
    }
}
