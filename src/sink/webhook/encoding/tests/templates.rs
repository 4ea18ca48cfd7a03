use super::*;

fn made(keys: &str, slice: &Slice, wanted: usize) -> Result<String, Unfit> {
    let request = encoding(&format!("format = \"template\"\n{keys}")).request(slice, wanted)?;
    Ok(String::from_utf8(request.body.to_vec()).unwrap())
}

fn one() -> Slice {
    // {"host":"h\"1","n":[1,2]}
    slice_of(
        r#"{"messageId":"7","attributes":{"a":"1","odd name":"2"},"data":"eyJob3N0IjoiaFwiMSIsIm4iOlsxLDJdfQ==","publishTime":"T"}"#,
        0,
    )
}

#[test]
fn a_template_knows_the_message_and_writes_json() {
    let template = r#"template = '''{
        "text": {{ message.json.host ~ " of " ~ message.attributes.a }}, "all": {{ message.json }},
        "odd": {{ message.attributes["odd name"] }}, "raw": {{ message.data }}, "as": {{ message.data_base64 }},
        "id": {{ [project, subscription, message.messageId, message.publishTime] }},
        "if": {% if message.attributes.b is defined %}1{% else %}2{% endif %},
        "some": [{% for n in message.json.n %}{{ n }}{% if not loop.last %},{% endif %}{% endfor %}]
    }'''"#;
    let made: serde_json::Value = serde_json::from_str(&made(template, &one(), 1).unwrap()).unwrap();
    assert_eq!(
        made,
        serde_json::json!({
            "text": "h\"1 of 1", "all": {"host": "h\"1", "n": [1, 2]}, "odd": "2",
            "raw": "{\"host\":\"h\\\"1\",\"n\":[1,2]}", "as": "eyJob3N0IjoiaFwiMSIsIm4iOlsxLDJdfQ==",
            "id": ["P", "S", "7", "T"], "if": 2, "some": [1, 2],
        })
    );
}

#[test]
fn what_is_no_json_is_written_as_it_is_and_several_messages_are_a_list() {
    let plain = "content_type = \"text/plain\"\ntemplate = '{{ message.json.host }}'";
    assert_eq!(made(plain, &one(), 1).unwrap(), "h\"1");
    let several = "batch = 10\ntemplate = '[{% for m in messages %}{{ m.messageId }}{% if not loop.last %},{% endif %}{% endfor %}]'";
    assert_eq!(made(several, &slice(3, 6, 0), 10).unwrap(), r#"["3","4","5"]"#);
}

#[test]
fn a_template_that_fails_says_where_and_shows_nothing_of_the_message() {
    for (template, reason) in [
        ("{{ message.json.nosuch }}", "the template fails: in line 1: undefined value"),
        ("\n\n\n{{ message.attributes.nosuch }}", "the template fails: in line 3: undefined value"),
        ("{{ message.json.host|int }}", "the template fails: in line 1: invalid operation"),
        ("{{ message.json.host + 1 }}", "the template fails: in line 1: invalid operation"),
        ("{{ message.json }},", "the template makes no JSON: see line 1, column 26 of it"),
        ("", "the template makes no JSON: see line 1, column 0 of it"),
    ] {
        let unfit = made(&format!("template = '''{template}'''"), &one(), 1).unwrap_err();
        assert_eq!((unfit.messages, unfit.reason.as_ref()), (1, reason), "{template}");
    }
    let no_text = slice_of(r#"{"messageId":"7","data":"/w==","publishTime":"T"}"#, 0);
    assert!(made("template = '{{ message.data }}'", &no_text, 1).is_err());
    let several =
        made("batch = 5\ntemplate = '{{ messages[0].json.nosuch }}'", &slice(0, 9, 0), 5).unwrap_err();
    assert_eq!(several.messages, 5, "it may be any of them");
}
