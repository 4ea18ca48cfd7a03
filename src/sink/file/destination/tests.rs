use jiff::civil::date;

use super::*;
use crate::sink::file::tests::config;
use crate::sink::tests::{slice_of, source};

/// Where messages of these times and attributes go, on the last day of 2026 in UTC.
fn paths(keys: &str, messages: &[(&str, &str)]) -> Vec<String> {
    let mut destinations = Destinations::new(&config(keys), &source(), "out");
    destinations.set_topic("t".to_owned());
    let messages: Vec<_> = (0..)
        .zip(messages)
        .map(|(id, (time, attributes))| {
            format!(
                r#"{{"messageId":"{id}","publishTime":"{time}","attributes":{{{attributes}}},"data":""}}"#
            )
        })
        .collect();
    let now = date(2026, 12, 31).at(22, 30, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
    let route = destinations.route(&slice_of(&messages.join(","), 0), 100, now);
    route.files.iter().map(|file| route.paths[*file].display().to_string()).collect()
}

#[test]
fn every_placeholder_is_filled_in() {
    let keys =
        r#"path = "{project}/{subscription}/{sink}/{topic}/{date}/{hour}/{arrival_date}/{attribute.a}""#;
    assert_eq!(
        paths(keys, &[("2026-11-23T07:05:18.157214377Z", r#""a":"x""#)]),
        ["P/key/out/t/2026-11-23/07/2026-12-31/x"]
    );
}

#[test]
fn dates_and_hours_are_those_of_the_time_zone() {
    let times = [
        ("2026-11-23T21:59:59.9Z", ""),
        ("2026-11-23T22:00:00Z", ""),
        ("2026-07-01T21:00:00Z", ""),
        ("2026-07-01T21:00:00+03:00", ""),
    ];
    let keys = "path = \"{date} {hour} {arrival_date}\"\ntime_zone = \"Europe/Athens\"";
    assert_eq!(
        paths(keys, &times),
        [
            "2026-11-23 23 2027-01-01",
            "2026-11-24 00 2027-01-01",
            "2026-07-02 00 2027-01-01",
            "2026-07-01 21 2027-01-01"
        ]
    );
    let keys = "path = \"{date} {hour}\"\ntime_zone = \"Asia/Kathmandu\"";
    let quarters = [("2026-11-23T18:14:00Z", ""), ("2026-11-23T18:15:00Z", "")];
    assert_eq!(paths(keys, &quarters), ["2026-11-23 23", "2026-11-24 00"]);
}

#[test]
fn a_time_that_is_none_is_the_date_that_is_none() {
    let times =
        ["", "yesterday", "../../etc/x", "2026-13-01T00:00:00Z", "-000001-01-01T00:00:00Z", "2026-11-23"];
    for time in times {
        assert_eq!(paths(r#"path = "{date}/{hour}""#, &[(time, "")]), ["0000-00-00/00"], "{time}");
    }
}

#[test]
fn an_attribute_that_is_missing_or_empty_has_its_default() {
    let keys = r#"path = "{attribute.a}-{attribute.b:-other}-{attribute.a b:c}""#;
    let time = "2026-11-23T07:05:18Z";
    let messages = [
        (time, ""),
        (time, r#""a":"","b":"""#),
        (time, r#""b":"1","a":"2","a b:c":"3""#),
        (time, r#""b":"x","a":"2""#),
    ];
    assert_eq!(paths(keys, &messages), ["none-other-none", "none-other-none", "2-1-3", "2-x-none"]);
}

#[test]
fn a_batch_goes_to_no_more_files_than_may_be_open_and_remembers_no_more_than_it_may() {
    let mut destinations = Destinations::new(&config(r#"path = "{attribute.a}""#), &source(), "out");
    let message = |id: u32| {
        let value = if id.is_multiple_of(2) { 0 } else { id };
        format!(r#"{{"messageId":"{id}","attributes":{{"a":"{value}"}},"data":""}}"#)
    };
    for round in 0..20 {
        let messages: Vec<_> = (round * 1000..round * 1000 + 1000).map(message).collect();
        let route = destinations.route(&slice_of(&messages.join(","), 0), 100, Timestamp::UNIX_EPOCH);
        assert_eq!((route.paths.len(), route.files.len()), (100, 199));
        assert!(route.files.iter().step_by(2).all(|file| *file == route.files[0]));
        assert!(destinations.accepted.remembered() <= paths::REMEMBERED + 200);
    }
}
