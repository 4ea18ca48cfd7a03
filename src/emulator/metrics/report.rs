//! The reports over projects: `/v1/metrics/va_metrics` and `/v1/users/usageReport`.

use std::sync::Arc;

use jiff::civil::{Date, date};
use serde::Serialize;

use super::form::{List, Number};
use super::node;
use crate::emulator::activity::day_of;
use crate::emulator::answer::{Answer, Outcome, Refusal};
use crate::emulator::project::Project;
use crate::emulator::routes::Call;
use crate::emulator::user::Role;
use crate::emulator::{Emulator, clock, json};

#[derive(Serialize)]
struct Report {
    projects_metrics: Projects,
    total_users_count: u64,
    total_topics_count: u64,
    total_subscriptions_count: u64,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "these are the names on the wire")]
struct Projects {
    projects: Vec<ProjectMetrics>,
    total_message_count: u64,
    average_daily_messages: Number,
}

#[derive(Serialize)]
struct ProjectMetrics {
    project: String,
    message_count: u64,
    average_daily_messages: Number,
    topics_count: u64,
    subscriptions_count: u64,
    users_count: u64,
}

/// The days of a report, both included.
struct Period {
    start: Date,
    end: Date,
}

impl Period {
    /// From the parameters; from the beginning of time to today where they are not given.
    fn of(call: &Call) -> Result<Self, Refusal> {
        let day = |name, default, invalid: &'static str| match call.parameter(name) {
            "" => Ok(default),
            given => parse_day(given).ok_or_else(|| Refusal::invalid(invalid)),
        };
        let start = day("start_date", date(1970, 1, 1), "Start date is not in valid format")?;
        let end = day("end_date", day_of(clock::now()), "End date is not in valid format")?;
        if start > end {
            return Err(Refusal::invalid("Start date cannot be after the end date"));
        }
        Ok(Self { start, end })
    }

    fn contains(&self, day: Date) -> bool {
        (self.start..=self.end).contains(&day)
    }

    fn days(&self) -> f64 {
        1.0 + f64::from(self.start.until(self.end).map_or(0, |span| span.get_days()))
    }
}

/// A day in the one form that is taken, `2026-11-23`.
fn parse_day(text: &str) -> Option<Date> {
    let form = b"dddd-dd-dd";
    let is_of_form =
        |(byte, &want): (u8, &u8)| if want == b'd' { byte.is_ascii_digit() } else { byte == want };
    let fits = text.len() == form.len() && text.bytes().zip(form).all(is_of_form);
    text.parse().ok().filter(|_| fits)
}

/// The projects that the parameter names, if it names any.
fn named(call: &Call) -> Vec<&str> {
    Some(call.parameter("projects"))
        .filter(|names| !names.is_empty())
        .map_or_else(Vec::new, |names| names.split(',').collect())
}

/// Messages, topics, subscriptions and users of projects, of all if none are named.
pub(crate) fn va_metrics(emulator: &Emulator, call: &Call) -> Outcome {
    let period = Period::of(call)?;
    let names = named(call);
    let projects = if names.is_empty() {
        emulator.projects().iter().map(Arc::clone).collect()
    } else {
        let find = |name: &&str| {
            emulator.project(name).ok_or_else(|| Refusal::not_found(&format!("Project {name}")))
        };
        names.iter().map(find).collect::<Result<Vec<_>, _>>()?
    };
    Ok(Answer::text(json::indented(&report(emulator, &projects, &period), " ")))
}

/// The same of the projects that the user who asks is an admin of, with what the node uses.
pub(crate) fn usage_report(emulator: &Emulator, call: &Call) -> Outcome {
    #[derive(Serialize)]
    struct UsageReport {
        va_metrics: Report,
        operational_metrics: List,
    }
    let user = call.identity.user().ok_or_else(|| Refusal::unauthorized().formatted())?;
    let period = Period::of(call)?;
    let names = named(call);
    let is_admin = |project: &Project| {
        let roles = user.membership(&project.uuid).and_then(|membership| membership.roles.as_ref());
        roles.is_some_and(|roles| roles.contains(&Role::ProjectAdmin))
    };
    let is_wanted = |project: &Project| names.is_empty() || names.contains(&project.read().name.as_str());
    let all: Vec<_> = emulator.projects().iter().map(Arc::clone).collect();
    let projects: Vec<_> =
        all.into_iter().filter(|project| is_admin(project) && is_wanted(project)).collect();
    let metrics = if projects.is_empty() { Vec::new() } else { node::usage() };
    let va_metrics = report(emulator, &projects, &period);
    Ok(Answer::json(&UsageReport { va_metrics, operational_metrics: List { metrics } }))
}

/// Projects to which nothing was published in that time are left out, with all they have.
fn report(emulator: &Emulator, projects: &[Arc<Project>], period: &Period) -> Report {
    let mut report = Report {
        projects_metrics: Projects {
            projects: Vec::new(),
            total_message_count: 0,
            average_daily_messages: Number::Count(0),
        },
        total_users_count: 0,
        total_topics_count: 0,
        total_subscriptions_count: 0,
    };
    let mut average = 0.0;
    for project in projects {
        let Some((metrics, daily)) = project_metrics(emulator, project, period) else { continue };
        report.projects_metrics.total_message_count += metrics.message_count;
        average += daily;
        report.total_users_count += metrics.users_count;
        report.total_topics_count += metrics.topics_count;
        report.total_subscriptions_count += metrics.subscriptions_count;
        report.projects_metrics.projects.push(metrics);
    }
    report.projects_metrics.average_daily_messages = Number::Float(average);
    report
}

/// What happened in a project, and how many messages a day that is; `None` if nothing was published.
fn project_metrics(emulator: &Emulator, project: &Project, period: &Period) -> Option<(ProjectMetrics, f64)> {
    let counts = project.daily_counts().total();
    let counts: Vec<u64> =
        counts.into_iter().filter(|&(day, _)| period.contains(day)).map(|(_, count)| count).collect();
    if counts.is_empty() {
        return None;
    }
    let message_count = counts.iter().sum::<u64>();
    // Rounded up to two decimals, as the service does.
    let daily = (message_count as f64 / period.days() * 100.0).ceil() / 100.0;
    let is_new = |time| period.contains(day_of(time));
    let members = emulator.users();
    let users =
        members.iter().filter(|user| user.membership(&project.uuid).is_some() && is_new(user.created));
    let users_count = users.count() as u64;
    drop(members);
    let contents = project.read();
    let metrics = ProjectMetrics {
        project: contents.name.clone(),
        message_count,
        average_daily_messages: Number::Float(daily),
        topics_count: contents.topics.iter().filter(|topic| is_new(topic.created)).count() as u64,
        subscriptions_count: contents.subscriptions.iter().filter(|listed| is_new(listed.created)).count()
            as u64,
        users_count,
    };
    Some((metrics, daily))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_form() {
        assert_eq!(parse_day("2026-11-23"), Some(date(2026, 11, 23)));
        for wrong in
            ["", "yesterday", "2026-11-3", "20261123", "2026-13-01", "2026-11-23T00:00:00Z", "+2026-1-1"]
        {
            assert_eq!(parse_day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_and_the_last_day_count() {
        let period = Period { start: date(2026, 8, 1), end: date(2026, 8, 31) };
        assert_eq!(period.days(), 31.0);
        assert!(period.contains(date(2026, 8, 1)) && period.contains(date(2026, 8, 31)));
        assert!(!period.contains(date(2026, 9, 1)));
    }
}
