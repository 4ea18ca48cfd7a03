//! `retry = { initial, max }`: the pauses after failures.

use std::time::Duration;

use super::section::Section;
use crate::backoff::BackoffPolicy;

/// How often a best-effort sink is tried, unless `attempts` says otherwise.
pub(super) const ATTEMPTS: u32 = 3;

const INITIAL: Duration = Duration::from_millis(250);
const MAX: Duration = Duration::from_mins(1);

/// Reads `initial` and `max`; leaves other keys and the end of the section to the caller.
pub(super) fn read(section: &mut Section<'_>) -> Option<BackoffPolicy> {
    let bounds = Duration::from_millis(1)..=Duration::from_hours(24);
    let before = section.reader.report.count();
    let initial = section.duration("initial", bounds.clone(), INITIAL);
    let max = section.duration("max", bounds, MAX);
    let valid = section.reader.report.count() == before;
    let policy = BackoffPolicy::new(initial, max);
    if let Err(error) = &policy
        && valid
    {
        let key = if section.has("initial") { "initial" } else { "max" };
        section.problem(key, error.to_string(), "initial at most max");
    }
    policy.ok()
}
