use super::*;

fn ams(message: &str) -> String {
    serde_json::json!({"error": {"code": 1, "message": message, "status": "S"}}).to_string()
}

/// Status, call, who answers and what; then the kind, and whether the service may have done it.
const TABLE: &str = "\
400 | other        | ams  | Invalid Topic name | invalid | refused
400 | acknowledge  | ams  | Invalid ack id | invalid | refused
400 | modifyOffset | ams  | Offset out of bounds | invalid | may have happened
400 | other        | page |  | invalid | may have happened
401 | pull         | ams  | Unauthorized | unauthorized | refused
403 | pull         | ams  | Access to this resource is forbidden | forbidden | refused
403 | other        | page |  | forbidden | may have happened
404 | pull         | ams  | Subscription doesn't exist | not_found | refused
404 | other        | text | 404 page not found | not_found | may have happened
407 | other        | page |  | unauthorized | may have happened
408 | acknowledge  | ams  | ack timeout | ack_deadline_passed | refused
408 | acknowledge  | page |  | transient | may have happened
408 | pull         | ams  | timeout | transient | may have happened
409 | pull         | ams  | Subscription's topic doesn't exist | conflict | refused
413 | other        | page |  | too_large | refused
418 | other        | text |  | invalid | may have happened
429 | pull         | ams  | slow down | transient | refused
429 | pull         | page |  | transient | may have happened
500 | acknowledge  | ams  | no ack pending | ack_window_gone | refused
500 | acknowledge  | ams  | wrong ack | ack_window_gone | refused
500 | acknowledge  | text | wrong ack | transient | may have happened
500 | acknowledge  | ams  | Backend Error | transient | may have happened
500 | pull         | ams  | wrong ack | transient | may have happened
500 | pull         | ams  | Message retrieved from broker network has invalid JSON Structure | poisoned_record | refused
500 | pull         | ams  | Error exporting data to JSON | poisoned_record | refused
500 | other        | ams  | Error exporting data to JSON | transient | may have happened
500 | other        | ams  | Backend Error | transient | may have happened
502 | other        | page |  | transient | may have happened
503 | other        | page |  | transient | may have happened
504 | other        | page |  | transient | may have happened
";

#[test]
fn an_answer_is_judged_by_status_call_and_content() {
    for line in TABLE.lines() {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [status, call, who, said, kind, done] = columns[..] else { panic!("{line}") };
        let call = match call {
            "pull" => Call::Pull,
            "acknowledge" => Call::Acknowledge,
            "modifyOffset" => Call::ModifyOffset,
            _ => Call::Other,
        };
        let body = match who {
            "ams" => ams(said),
            "page" => "<html><head><title>Down</title></head></html>".to_owned(),
            _ => said.to_owned(),
        };
        let verdict = judge(call, status.parse().unwrap(), "Reason", &body);
        let got = (verdict.kind.as_str(), verdict.may_have_happened);
        assert_eq!(got, (kind, done == "may have happened"), "{line}");
    }
}

#[test]
fn the_message_is_the_services_or_the_start_of_the_text_or_the_reason() {
    let message = |body: &str| judge(Call::Other, 502, "Bad Gateway", body).message;
    assert_eq!(message(&ams("Backend Error")), "Backend Error");
    assert_eq!(message(""), "Bad Gateway");
    assert_eq!(message(" \r\n "), "Bad Gateway");
    assert_eq!(message(&ams("")), "Bad Gateway");
    assert_eq!(message("<h1>\n  Bad \u{1b}[31m gateway</h1>"), "<h1> Bad [31m gateway</h1>");
    assert_eq!(message(&"é".repeat(500)), "é".repeat(200));
    assert_eq!(message(&"word ".repeat(500)).chars().count(), 200);
}

#[test]
fn retry_after_is_read_in_both_forms_and_never_longer_than_a_day() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
    let seconds = |value| retry_after(value, now).map(|wait| wait.as_secs());
    assert_eq!(seconds("120"), Some(120));
    assert_eq!(seconds(" 0 "), Some(0));
    assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
    assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
    assert_eq!(seconds("18446744073709551615"), Some(86_400));
    assert_eq!(seconds("Fri, 06 Nov 2054 08:50:07 GMT"), Some(86_400));
    for nonsense in ["", "soon", "-1", "1.5", "1994-11-06"] {
        assert_eq!(seconds(nonsense), None, "{nonsense}");
    }
}
