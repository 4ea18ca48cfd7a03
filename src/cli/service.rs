//! The service as a whole: `ams status`, `version`, `metrics`, `va-metrics` and `usage-report`.

use clap::{Args, Subcommand};

use super::Error;
use super::connection::Connection;
use super::output::{Console, Record, table};
use crate::client::{
    Day, Metric, ProjectName, ProjectUsage, ReportQuery, SubscriptionName, TopicName, VaMetrics,
};

/// Arguments of `ams status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The push servers, too; for service admins
    #[arg(long)]
    details: bool,
}

/// What to show metrics of; without a word, the nodes of the service.
#[derive(Clone, Debug, Default, Subcommand)]
pub(crate) enum Metrics {
    /// The nodes of the service
    #[default]
    Node,
    /// The project
    Project,
    /// A topic
    Topic {
        /// Its name
        name: TopicName,
    },
    /// A subscription
    Subscription {
        /// Its name
        name: SubscriptionName,
    },
}

/// Arguments of `ams metrics`.
#[derive(Debug, Args)]
pub(crate) struct MetricsOf {
    #[command(subcommand)]
    of: Option<Metrics>,
}

/// What a report is about.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// A project; may be repeated. All that may be seen unless given
    #[arg(long = "in-project", value_name = "PROJECT")]
    projects: Vec<ProjectName>,
    /// The first day that counts, such as 2026-11-23
    #[arg(long, value_name = "DAY")]
    start: Option<Day>,
    /// The last day that counts
    #[arg(long, value_name = "DAY")]
    end: Option<Day>,
}

impl Report {
    fn query(self) -> ReportQuery {
        ReportQuery { projects: self.projects, start: self.start, end: self.end }
    }
}

pub(crate) async fn status(
    connection: &Connection,
    console: Console,
    arguments: &Status,
) -> Result<(), Error> {
    let client = connection.client_of_the_service()?;
    let status = if arguments.details { client.status_details().await? } else { client.status().await? };
    let servers = status.push_servers.iter().map(|server| format!("{}: {}", server.endpoint, server.status));
    let servers = servers.collect::<Vec<_>>().join(", ");
    let record = Record::default()
        .with("status", &status.status)
        .with("push_functionality", &status.push_functionality)
        .with_text("push_servers", &status.push_servers, servers);
    console.one(&record)
}

pub(crate) async fn version(connection: &Connection, console: Console) -> Result<(), Error> {
    let version = connection.client_of_the_service()?.version().await?;
    let record = Record::default()
        .with("release", &version.release)
        .with("build_time", &version.build_time)
        .with("golang", &version.golang)
        .with("compiler", &version.compiler)
        .with("os", &version.os)
        .with("architecture", &version.architecture)
        .with("distro", &version.distro)
        .with("hostname", &version.hostname);
    console.one(&record)
}

pub(crate) async fn metrics(
    connection: &Connection,
    console: Console,
    arguments: MetricsOf,
) -> Result<(), Error> {
    let metrics = match arguments.of.unwrap_or_default() {
        Metrics::Node => connection.client_of_the_service()?.node_metrics().await?,
        Metrics::Project => connection.client()?.project_metrics().await?,
        Metrics::Topic { name } => connection.client()?.topic_metrics(&name).await?,
        Metrics::Subscription { name } => connection.client()?.subscription_metrics(&name).await?,
    };
    console.list(&metrics.iter().map(metric).collect::<Vec<_>>())
}

pub(crate) async fn va_metrics(
    connection: &Connection,
    console: Console,
    report: Report,
) -> Result<(), Error> {
    let found = connection.client_of_the_service()?.va_metrics(&report.query()).await?;
    console.one(&usage(&found))
}

pub(crate) async fn usage_report(
    connection: &Connection,
    console: Console,
    report: Report,
) -> Result<(), Error> {
    let found = connection.client_of_the_service()?.usage_report(&report.query()).await?;
    let metrics: Vec<_> = found.operational_metrics.iter().map(metric).collect();
    console.one(&usage(&found.va_metrics).with_text(
        "operational_metrics",
        &metrics,
        table(&metrics).trim_end().to_owned(),
    ))
}

/// People see the newest value alone.
fn metric(metric: &Metric) -> Record {
    let newest = metric.timeseries.last();
    Record::default()
        .with("metric", &metric.metric)
        .with("resource_type", &metric.resource_type)
        .with("resource_name", &metric.resource_name)
        .with_text(
            "timeseries",
            &metric.timeseries,
            newest.map(|newest| format!("{} ({})", newest.value, newest.timestamp)).unwrap_or_default(),
        )
        .with_detail("metric_type", &metric.metric_type)
        .with_detail("value_type", &metric.value_type)
        .with_detail("description", &metric.description)
}

fn usage(found: &VaMetrics) -> Record {
    let projects: Vec<_> = found.projects_metrics.projects.iter().map(project).collect();
    Record::default()
        .with("message_count", found.projects_metrics.total_message_count)
        .with("average_daily_messages", found.projects_metrics.average_daily_messages)
        .with("topics_count", found.total_topics_count)
        .with("subscriptions_count", found.total_subscriptions_count)
        .with("users_count", found.total_users_count)
        .with_text("projects", &projects, table(&projects).trim_end().to_owned())
}

fn project(usage: &ProjectUsage) -> Record {
    Record::default()
        .with("project", &usage.project)
        .with("message_count", usage.message_count)
        .with("average_daily_messages", usage.average_daily_messages)
        .with("topics_count", usage.topics_count)
        .with("subscriptions_count", usage.subscriptions_count)
        .with("users_count", usage.users_count)
}
