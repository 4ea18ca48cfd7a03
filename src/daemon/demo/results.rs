//! Monitoring results as an infrastructure publishes them, of hosts that do not exist.

use jiff::Timestamp;
use serde::Serialize;

use crate::client::NewMessage;

/// What a check may find, and what it then says; `{n}` is some number.
struct Check {
    service: &'static str,
    metric: &'static str,
    hosts: [&'static str; 2],
    ok: &'static str,
    troubles: [(&'static str, &'static str); 2],
}

const CHECKS: [Check; 8] = [
    Check {
        service: "org.opensciencegrid.htcondorce",
        metric: "ch.cern.HTCondorCE-JobState",
        hosts: ["ce01.example.org", "ce02.example.org"],
        ok: "OK - job completed after {n} s",
        troubles: [
            ("WARNING", "WARNING - job idle for {n} min"),
            ("CRITICAL", "CRITICAL - job held: no worker node accepted it within {n} min"),
        ],
    },
    Check {
        service: "org.opensciencegrid.htcondorce",
        metric: "ch.cern.HTCondorCE-JobSubmit",
        hosts: ["ce01.example.org", "condor.physics.example.org"],
        ok: "OK - job submitted in {n} s",
        troubles: [
            ("CRITICAL", "CRITICAL - submission refused: authorization failed"),
            ("UNKNOWN", "UNKNOWN - the proxy certificate of the monitoring host has expired"),
        ],
    },
    Check {
        service: "eu.egi.CREAM",
        metric: "eu.egi.CREAM-JobSubmit",
        hosts: ["cream01.example.org", "cream02.example.org"],
        ok: "OK - job done, {n} s in the queue",
        troubles: [
            ("WARNING", "WARNING - job still queued after {n} min"),
            ("CRITICAL", "CRITICAL - connection to port 8443 timed out after {n} s"),
        ],
    },
    Check {
        service: "argo.webui",
        metric: "org.nagios.ARGOWeb-Status",
        hosts: ["argo.example.org", "argo-devel.example.org"],
        ok: "HTTP OK: HTTP/1.1 200 OK - response in {n} ms",
        troubles: [
            ("WARNING", "HTTP WARNING: HTTP/1.1 200 OK - response in {n}00 ms"),
            ("CRITICAL", "HTTP CRITICAL: HTTP/1.1 503 Service Unavailable"),
        ],
    },
    Check {
        service: "GOCDB",
        metric: "org.nagios.GOCDB-PI",
        hosts: ["gocdb.example.org", "gocdb-failover.example.org"],
        ok: "HTTP OK: {n} sites listed",
        troubles: [
            ("CRITICAL", "CRITICAL - socket timeout after {n} s"),
            ("UNKNOWN", "UNKNOWN - the answer is no XML"),
        ],
    },
    Check {
        service: "eu.egi.storage.xrootd",
        metric: "egi.xrootd.readwrite-Put",
        hosts: ["xrootd.example.org", "se.physics.example.org"],
        ok: "OK - file written and read back in {n} s",
        troubles: [
            ("WARNING", "WARNING - file written, reading it took {n} s"),
            ("CRITICAL", "CRITICAL - no space left in the space token"),
        ],
    },
    Check {
        service: "globus-GRIDFTP",
        metric: "org.nagios.GridFTP-Check",
        hosts: ["se.example.org", "se.physics.example.org"],
        ok: "FTP OK - {n} ms response time on port 2811",
        troubles: [
            ("WARNING", "FTP WARNING - {n}00 ms response time on port 2811"),
            ("CRITICAL", "CRITICAL - connect to port 2811: Connection refused"),
        ],
    },
    Check {
        service: "org.opensciencegrid.htcondorce",
        metric: "eu.egi.CertValidity",
        hosts: ["ce02.example.org", "condor.physics.example.org"],
        ok: "CERT LIFETIME OK - certificate expires in {n}0 days",
        troubles: [
            ("WARNING", "CERT LIFETIME WARNING - certificate expires in {n} hours"),
            ("CRITICAL", "CERT LIFETIME CRITICAL - certificate expired {n} hours ago"),
        ],
    },
];

/// So many results of a hundred are not OK.
const TROUBLES_IN_100: u32 = 12;

#[derive(Serialize)]
struct MonitoringResult<'a> {
    timestamp: String,
    service: &'a str,
    hostname: &'a str,
    metric: &'a str,
    status: &'a str,
    summary: String,
}

/// A result of some check; `None` never happens, as all of it can be published.
pub(super) fn message(now: Timestamp, random: &mut fastrand::Rng) -> Option<NewMessage> {
    let check = random.choice(&CHECKS)?;
    let (status, summary) = if random.u32(0..100) < TROUBLES_IN_100 {
        *random.choice(&check.troubles)?
    } else {
        ("OK", check.ok)
    };
    let result = MonitoringResult {
        timestamp: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        service: check.service,
        hostname: random.choice(&check.hosts)?,
        metric: check.metric,
        status,
        summary: summary.replace("{n}", &random.u32(2..60).to_string()),
    };
    NewMessage::new(serde_json::to_vec(&result).ok()?)
        .attribute("partition_date", now.strftime("%Y-%m-%d").to_string())
        .and_then(|message| message.attribute("type", "metric_data"))
        .ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn results_are_json_of_all_fields_and_mostly_but_not_always_ok() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut statuses = BTreeMap::<String, u32>::new();
        for _ in 0..1000 {
            let message = message(Timestamp::UNIX_EPOCH, &mut random).unwrap();
            let result: BTreeMap<String, String> = serde_json::from_slice(message.payload()).unwrap();
            let keys: Vec<_> = result.keys().map(String::as_str).collect();
            assert_eq!(keys, ["hostname", "metric", "service", "status", "summary", "timestamp"]);
            assert_eq!(result["timestamp"], "1970-01-01T00:00:00Z");
            assert!(!result["summary"].contains('{'), "{}", result["summary"]);
            assert!(message.attributes().any(|attribute| attribute == ("partition_date", "1970-01-01")));
            *statuses.entry(result["status"].clone()).or_default() += 1;
        }
        assert!(statuses["OK"] > 800, "{statuses:?}");
        for trouble in ["WARNING", "CRITICAL", "UNKNOWN"] {
            assert!(statuses[trouble] > 5, "{statuses:?}");
        }
    }
}
