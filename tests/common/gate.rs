//! A proxy between daemon and service: it counts what passes, and does by rule what networks, proxies and a service in
//! trouble do.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::http::Exchange;

/// What is done with a request that a rule is for.
#[derive(Clone)]
pub(crate) enum Action {
    /// It never reaches the service; this is the answer.
    Answer(u16, &'static str),
    /// It waits until the rule is lifted, and is then passed on, unless its sender has left.
    Hold,
    /// The service gets it, and its answer is lost.
    LoseAnswer,
    /// The service gets it, and the connection breaks in the middle of its answer.
    CutAnswer,
    /// Both sides get what is theirs, after somebody has looked at it.
    Show(Arc<dyn Fn(&Request) + Send + Sync>),
}

/// A request on its way to the service.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) body: String,
}

impl Request {
    /// For an acknowledgement: the highest id that it covers.
    pub(crate) fn acknowledges_through(&self) -> u64 {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        let ids = body["ackIds"].as_array().unwrap().iter();
        ids.map(|id| id.as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap()).max().unwrap()
    }
}

/// The proxy; it ends when dropped.
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    service: SocketAddr,
    rules: Mutex<Vec<Arc<Active>>>,
    requests: Mutex<Vec<Request>>,
}

struct Active {
    path: String,
    action: Action,
    /// How many requests it is still for.
    left: AtomicUsize,
    met: AtomicUsize,
    lifted: watch::Sender<bool>,
}

/// A rule of a [`Gate`]; it is lifted when dropped.
pub(crate) struct Rule {
    shared: Arc<Shared>,
    active: Arc<Active>,
}

impl Gate {
    pub(crate) async fn before(service: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { service, rules: Mutex::default(), requests: Mutex::default() });
        let passing = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            // Connections end with the gate: the set aborts them.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&passing);
                connections.spawn(async move {
                    // A side that hangs up in the middle is the other side's matter.
                    let _ = pass(stream, &shared).await;
                });
            }
        });
        Self { address, shared, task }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, `action` is done with every request whose path contains `path`.
    pub(crate) fn rule(&self, path: &str, action: Action) -> Rule {
        self.rule_for(usize::MAX, path, action)
    }

    /// The same for the next `count` such requests.
    pub(crate) fn rule_for(&self, count: usize, path: &str, action: Action) -> Rule {
        Rule { shared: Arc::clone(&self.shared), active: self.add(count, path, action) }
    }

    fn add(&self, count: usize, path: &str, action: Action) -> Arc<Active> {
        let active = Arc::new(Active {
            path: path.to_owned(),
            action,
            left: count.into(),
            met: 0.into(),
            lifted: watch::Sender::new(false),
        });
        self.shared.rules.lock().unwrap().push(Arc::clone(&active));
        active
    }

    /// The same for all requests, as long as the gate stands.
    pub(crate) fn keep(&self, path: &str, action: Action) {
        self.add(usize::MAX, path, action);
    }

    /// The requests that came so far and whose path contains `path`.
    pub(crate) fn requests(&self, path: &str) -> Vec<Request> {
        let requests = self.shared.requests.lock().unwrap();
        requests.iter().filter(|request| request.path.contains(path)).cloned().collect()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rule {
    /// How many requests it was for until now.
    pub(crate) fn met(&self) -> usize {
        self.active.met.load(Ordering::SeqCst)
    }

    /// Ends the rule, and lets go what it holds.
    pub(crate) fn lift(self) {
        drop(self);
    }
}

impl Drop for Rule {
    fn drop(&mut self) {
        self.shared.rules.lock().unwrap().retain(|active| !Arc::ptr_eq(active, &self.active));
        self.active.lifted.send_replace(true);
    }
}

impl Shared {
    /// The latest rule for this request, if there is one.
    fn rule_of(&self, request: &Request) -> Option<Arc<Active>> {
        let rules = self.rules.lock().unwrap();
        let rule = rules.iter().rev().find(|rule| {
            let less = |left: usize| left.checked_sub(1);
            request.path.contains(&rule.path)
                && rule.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
        })?;
        rule.met.fetch_add(1, Ordering::SeqCst);
        Some(Arc::clone(rule))
    }
}

async fn pass(client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = BufReader::new(client);
    let mut service: Option<BufReader<TcpStream>> = None;
    while let Some(exchange) = Exchange::read(&mut client).await? {
        let request = Request {
            path: exchange.head.split(' ').nth(1).unwrap_or_default().to_owned(),
            body: String::from_utf8_lossy(&exchange.body).into_owned(),
        };
        let rule = shared.rule_of(&request);
        shared.requests.lock().unwrap().push(request.clone());
        let action = rule.as_ref().map(|rule| &rule.action);
        match action {
            Some(Action::Answer(status, body)) => {
                client.write_all(&Exchange::answer(*status, body).bytes()).await?;
                continue;
            }
            Some(Action::Hold) => {
                let mut lifted = rule.as_ref().unwrap().lifted.subscribe();
                tokio::select! {
                    _ = lifted.wait_for(|lifted| *lifted) => {}
                    // A client says nothing before it is answered, so this is its leaving.
                    _ = client.fill_buf() => return Ok(()),
                }
            }
            Some(Action::Show(look)) => look(&request),
            Some(Action::LoseAnswer | Action::CutAnswer) | None => {}
        }
        let answer = loop {
            let fresh = service.is_none();
            let stream = match &mut service {
                Some(stream) => stream,
                None => service.insert(BufReader::new(TcpStream::connect(shared.service).await?)),
            };
            stream.write_all(&exchange.bytes()).await?;
            match Exchange::read(stream).await? {
                Some(answer) => break answer,
                // It was closed for being idle.
                None if !fresh => service = None,
                None => return Ok(()),
            }
        };
        let bytes = answer.bytes();
        match action {
            Some(Action::LoseAnswer) => return Ok(()),
            Some(Action::CutAnswer) => {
                return client.write_all(&bytes[..bytes.len() - answer.body.len() / 2]).await;
            }
            _ => client.write_all(&bytes).await?,
        }
    }
    Ok(())
}
