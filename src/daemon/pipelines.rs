//! From the configuration to running pipelines: each gets what it is made of, and the supervisor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::RunError;
use super::supervisor::{Failure, Supervisor};
use crate::backoff::BackoffPolicy;
use crate::client::AmsClient;
use crate::config::{Config, SinkConfig, SubscriptionConfig};
use crate::metrics::{Metrics, SubscriptionMetrics};
use crate::pipeline::{
    Budget, DeadLetters, Ledger, LedgerKey, Outlet, OutletError, Parts, Pipeline, State, Status,
    StatusHandle, Tally,
};

/// Waits before a pipeline that panicked is started again.
const SHORTEST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// By the key of the subscription.
pub(crate) type Ledgers = BTreeMap<String, Arc<Ledger>>;

/// Where nothing else says it: the emulator in this process, at whatever port.
const EMULATOR: &str = "emulator";

/// The ledgers of all subscriptions. Blocks.
pub(crate) fn ledgers(config: &Config) -> Result<Ledgers, RunError> {
    let keys = config.subscriptions.iter().map(|subscription| ledger_key(config, subscription));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    Ledger::release_others(&config.state_dir, &keys);
    let mut ledgers = BTreeMap::new();
    for (subscription, key) in config.subscriptions.iter().zip(keys) {
        let path = key.path(&config.state_dir);
        let sinks = subscription.sinks.iter().map(|sink| (sink.name.as_str(), sink.required));
        ledgers.insert(subscription.key.clone(), Arc::new(Ledger::open(&path, sinks)?));
    }
    Ok(ledgers)
}

/// Which subscription an entry of the configuration is of.
pub(crate) fn ledger_key(config: &Config, subscription: &SubscriptionConfig) -> Result<LedgerKey, RunError> {
    let name = &subscription.connection;
    let connection =
        config.connections.get(name).ok_or_else(|| RunError::NoConnection { name: name.clone() })?;
    Ok(LedgerKey {
        authority: connection.endpoint.authority().unwrap_or_else(|| EMULATOR.to_owned()),
        project: connection.project.to_string(),
        subscription: subscription.subscription.to_string(),
    })
}

/// What all pipelines are made with.
pub(crate) struct Shared<'a> {
    /// By the key of the connection.
    pub(crate) clients: &'a BTreeMap<String, AmsClient>,
    pub(crate) ledgers: &'a Ledgers,
    pub(crate) metrics: &'a Metrics,
    /// Changes when files are to be opened anew.
    pub(crate) reopen: watch::Receiver<()>,
    /// To be cancelled where the daemon is to end.
    pub(crate) end: CancellationToken,
}

/// Starts a pipeline for every subscription, until `stop`. Returns who keeps them alive, and what each is doing.
pub(crate) fn start(
    config: &Config,
    shared: &Shared<'_>,
    stop: &CancellationToken,
) -> Result<(Supervisor, Vec<watch::Receiver<Status>>), RunError> {
    let Shared { clients, ledgers, .. } = shared;
    let budget = Budget::new(config.in_flight_bytes);
    let mut supervisor = Supervisor::new(BackoffPolicy::new(SHORTEST_WAIT, LONGEST_WAIT)?, stop.clone());
    let mut statuses = Vec::with_capacity(config.subscriptions.len());
    for subscription in &config.subscriptions {
        let client = clients
            .get(&subscription.connection)
            .ok_or_else(|| RunError::NoConnection { name: subscription.connection.clone() })?;
        let outlets = outlets(subscription, client, clients)?;
        let Some(ledger) = ledgers.get(&subscription.key) else { continue };
        let kept = Kept {
            ledger: Arc::clone(ledger),
            dead_letters: DeadLetters::new(
                &config.state_dir,
                &subscription.key,
                config.dead_letter_bytes as u64,
            ),
        };
        let parts = parts(subscription, client.clone(), outlets, kept, &budget, shared);
        statuses.push(parts.status.subscribe());
        launch(parts, &mut supervisor, stop.clone());
    }
    Ok((supervisor, statuses))
}

/// What is kept of a subscription from one run to the next.
struct Kept {
    ledger: Arc<Ledger>,
    dead_letters: DeadLetters,
}

/// The sinks of a subscription, as far as they can be made before there are messages.
fn outlets(
    config: &SubscriptionConfig,
    own: &AmsClient,
    clients: &BTreeMap<String, AmsClient>,
) -> Result<Arc<[Outlet]>, RunError> {
    let outlet = |sink: &SinkConfig| {
        Outlet::new(sink, own, clients).map_err(|source| match source {
            OutletError::NoConnection(name) => RunError::NoConnection { name },
            OutletError::Client(source) => {
                RunError::Sink { subscription: config.key.clone(), name: sink.name.clone(), source }
            }
        })
    };
    config.sinks.iter().map(outlet).collect()
}

fn parts(
    config: &SubscriptionConfig,
    client: AmsClient,
    outlets: Arc<[Outlet]>,
    kept: Kept,
    budget: &Budget,
    shared: &Shared<'_>,
) -> Parts {
    let full_name = format!("projects/{}/subscriptions/{}", client.project(), config.subscription);
    let sinks: Vec<_> = config.sinks.iter().map(|sink| sink.name.clone()).collect();
    let metrics = shared.metrics.subscription(&config.key, &sinks);
    resume(&metrics, kept.ledger.tally());
    Parts {
        ledger: kept.ledger,
        status: StatusHandle::new(config, &full_name, Arc::clone(&metrics)),
        config: Arc::new(config.clone()),
        client,
        outlets,
        dead_letters: kept.dead_letters,
        budget: budget.clone(),
        metrics,
        reopen: shared.reopen.clone(),
        end: shared.end.clone(),
    }
}

/// Goes on counting where an earlier run was, or was killed before anybody had asked for its metrics.
fn resume(metrics: &SubscriptionMetrics, tally: Tally) {
    metrics.lost.inc_by(tally.lost);
    metrics.skipped.inc_by(tally.skipped);
    metrics.rewinds.inc_by(tally.rewinds);
    metrics.log_resets.inc_by(tally.log_resets);
}

/// The same parts for each start: what the ledger knows outlives a pipeline that panicked.
fn launch(parts: Parts, supervisor: &mut Supervisor, stop: CancellationToken) {
    let (key, status, metrics) = (parts.config.key.clone(), parts.status.clone(), Arc::clone(&parts.metrics));
    let name = key.clone();
    let start = move || {
        let (parts, stop) = (parts.clone(), stop.clone());
        // Inside the future, so that a panic while it is made is caught as well.
        async move { Pipeline::new(parts).run(stop).await }
    };
    let on_failure = move |failure: &Failure| {
        metrics.restarts.inc();
        let Failure { reason, again_in } = failure;
        tracing::error!(
            subscription = key,
            "the pipeline of {key} failed: {reason}; it starts again in {again_in:.1?}, nothing is lost"
        );
        status.set(
            State::Retrying,
            Some(format!("the pipeline failed: {reason}; it starts again in {again_in:.1?}")),
        );
    };
    supervisor.supervise(&name, start, on_failure);
}
