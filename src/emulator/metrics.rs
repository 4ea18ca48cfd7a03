//! The routes of metrics of projects, topics and subscriptions, and the form in which the service shows any metric.

mod form;
mod node;
mod report;

use jiff::Timestamp;

use super::answer::{Answer, Outcome, Refusal};
use super::project::Project;
use super::routes::Call;
use super::user::Role;
use super::{Emulator, clock};
use form::{Kind, List, Metric, days};
pub(crate) use report::{usage_report, va_metrics};

/// What the node uses.
pub(crate) fn node() -> Answer {
    Answer::json(&List { metrics: node::usage() })
}

fn now() -> String {
    clock::seconds(clock::now())
}

/// When something happened last. Before the first time the service shows its language's zero.
fn latest(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), clock::seconds)
}

pub(crate) fn project(emulator: &Emulator, project: &Project) -> Answer {
    let members: Vec<_> = {
        let users = emulator.users();
        users.iter().filter(|user| user.membership(&project.uuid).is_some()).cloned().collect()
    };
    let contents = project.read();
    let name = contents.name.as_str();
    let mut metrics = vec![
        Metric::count(Kind::PROJECT_TOPICS, name, now(), contents.topics.iter().count()),
        Metric::count(Kind::PROJECT_SUBSCRIPTIONS, name, now(), contents.subscriptions.iter().count()),
    ];
    let topics = |uuid: &str| contents.topics.iter().filter(|topic| topic.acl.contains(uuid)).count();
    let listed =
        |uuid: &str| contents.subscriptions.iter().filter(|listed| listed.acl.contains(uuid)).count();
    let mut push_usable = |kind, usable: &dyn Fn(&str) -> usize| {
        for user in &members {
            let count = usable(&user.uuid);
            if count > 0 {
                metrics.push(Metric::count(kind, &format!("{name}.{}", user.name), now(), count));
            }
        }
    };
    push_usable(Kind::USER_TOPICS, &topics);
    push_usable(Kind::USER_SUBSCRIPTIONS, &listed);
    metrics.push(Metric::new(Kind::PROJECT_DAILY, name, days(&project.daily_counts().total())));
    Answer::json(&List { metrics })
}

pub(crate) fn topic(project: &Project, name: &str, call: &Call) -> Outcome {
    let contents = project.read();
    let topic = contents.topics.get(name);
    call.identity.check_acl(&project.uuid, Role::Publisher, topic.map(|topic| &topic.acl))?;
    let topic = topic.ok_or_else(|| Refusal::not_found("Topic"))?;
    let subscriptions = contents.subscriptions.iter().filter(|listed| listed.topic == name).count();
    let published = topic.published().clone();
    let metrics = vec![
        Metric::count(Kind::TOPIC_SUBSCRIPTIONS, name, now(), subscriptions),
        Metric::count(Kind::TOPIC_MESSAGES, name, now(), published.messages),
        Metric::count(Kind::TOPIC_BYTES, name, now(), published.bytes),
        Metric::new(Kind::TOPIC_DAILY, name, days(&project.daily_counts().of_topic(name))),
        Metric::rate(Kind::TOPIC_RATE, name, latest(published.latest), published.rate),
    ];
    Ok(Answer::json(&List { metrics }))
}

pub(crate) fn subscription(project: &Project, name: &str, call: &Call) -> Outcome {
    let subscription = project.read().subscriptions.get(name).cloned();
    let acl = subscription.as_ref().map(|subscription| &subscription.acl);
    call.identity.check_acl(&project.uuid, Role::Consumer, acl)?;
    let consumed = subscription.ok_or_else(|| Refusal::not_found("Subscription"))?.consumed().clone();
    let metrics = vec![
        Metric::count(Kind::SUBSCRIPTION_MESSAGES, name, now(), consumed.messages),
        Metric::count(Kind::SUBSCRIPTION_BYTES, name, now(), consumed.bytes),
        Metric::rate(Kind::SUBSCRIPTION_RATE, name, latest(consumed.latest), consumed.rate),
    ];
    Ok(Answer::json(&List { metrics }))
}
