//! Reports over projects and a time: what was published in them, and what they have.

use super::{
    AmsClient,
    error::Result,
    http::{Method, Request},
    metrics::{Metric, WireMetrics},
    name::ProjectName,
    role::null_as_default,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A day of the calendar, `2026-11-23`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(jiff::civil::Date);

/// A text that is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is no day: 2026-11-23 is one")]
pub struct InvalidDay {
    /// What was given.
    pub value: String,
}

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> std::result::Result<Self, InvalidDay> {
        jiff::civil::Date::strptime("%Y-%m-%d", text)
            .map(Self)
            .map_err(|_| InvalidDay { value: text.to_owned() })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a report is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportQuery {
    /// The projects; all that may be seen when there are none.
    pub projects: Vec<ProjectName>,
    /// The first day that counts; the service's first day when absent.
    pub start: Option<Day>,
    /// The last day that counts; today when absent.
    pub end: Option<Day>,
}

/// What projects did in a time. Projects to which nothing was published may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct VaMetrics {
    /// The projects one by one, and what they published together.
    pub projects_metrics: ProjectsUsage,
    /// Users who were made in that time.
    pub total_users_count: u64,
    /// Topics that were made in that time.
    pub total_topics_count: u64,
    /// Subscriptions that were made in that time.
    pub total_subscriptions_count: u64,
}

/// What projects published in a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ProjectsUsage {
    /// The projects one by one.
    #[serde(deserialize_with = "null_as_default")]
    pub projects: Vec<ProjectUsage>,
    /// Messages published.
    pub total_message_count: u64,
    /// Messages a day.
    pub average_daily_messages: f64,
}

/// What a project did in a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ProjectUsage {
    /// Its name.
    pub project: String,
    /// Messages published.
    pub message_count: u64,
    /// Messages a day.
    pub average_daily_messages: f64,
    /// Topics that were made in that time.
    pub topics_count: u64,
    /// Subscriptions that were made in that time.
    pub subscriptions_count: u64,
    /// Users who were made in that time.
    pub users_count: u64,
}

/// What the projects of an admin did in a time, and what the service's nodes use.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct UsageReport {
    /// The projects of which the user who asks is an admin.
    pub va_metrics: VaMetrics,
    /// As [`node_metrics`](AmsClient::node_metrics).
    pub operational_metrics: Vec<Metric>,
}

#[derive(Deserialize)]
struct WireUsageReport {
    va_metrics: VaMetrics,
    operational_metrics: WireMetrics,
}

/// Reports.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::ReportQuery;
///
/// let query = ReportQuery { start: Some("2026-11-01".parse()?), ..ReportQuery::default() };
/// let report = client.va_metrics(&query).await?;
/// println!("{} messages since November", report.projects_metrics.total_message_count);
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// What projects did in a time; for service admins and viewers. Changes nothing, so dropping it loses nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when a project does not exist; [`Invalid`](super::ErrorKind::Invalid)
    /// when the time ends before it starts.
    pub async fn va_metrics(&self, query: &ReportQuery) -> Result<VaMetrics> {
        self.0.send(report_request("/v1/metrics/va_metrics", query)).await?.json()
    }

    /// What the projects of which this client's user is an admin did in a time, and what the service's nodes use.
    /// Changes nothing, so dropping it loses nothing.
    ///
    /// [`Unauthorized`](super::ErrorKind::Unauthorized) with the service's own admin token, which is no user's;
    /// [`Invalid`](super::ErrorKind::Invalid) when the time ends before it starts.
    pub async fn usage_report(&self, query: &ReportQuery) -> Result<UsageReport> {
        let found: WireUsageReport =
            self.0.send(report_request("/v1/users/usageReport", query)).await?.json()?;
        Ok(UsageReport {
            va_metrics: found.va_metrics,
            operational_metrics: found.operational_metrics.metrics,
        })
    }
}

fn report_request(path: &str, query: &ReportQuery) -> Request {
    let projects: Vec<&str> = query.projects.iter().map(ProjectName::as_str).collect();
    Request::new(Method::Get, path.to_owned())
        .maybe_query("projects", (!projects.is_empty()).then(|| projects.join(",")))
        .maybe_query("start_date", query.start.map(|day| day.to_string()))
        .maybe_query("end_date", query.end.map(|day| day.to_string()))
}
