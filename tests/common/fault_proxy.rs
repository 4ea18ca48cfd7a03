//! A network that can be made bad: a proxy of TCP between any two parts, which does to their connections what networks
//! do. It looks into nothing, and so is for TLS too, where only requests cannot be counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// How the network is. A change takes hold of the connections that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// All passes.
    Good,
    /// Nobody listens.
    Refuses,
    /// Connections are accepted and reset.
    Resets,
    /// Connections are accepted, and nothing passes, whatever is sent.
    Hangs,
    /// Each connection ends after that many further bytes of answers.
    CutsAfter(usize),
    /// Each connection passes so many bytes a second in each direction.
    BytesPerSecond(usize),
}

/// The proxy; it ends when dropped.
pub(crate) struct FaultProxy {
    pub(crate) address: SocketAddr,
    network: watch::Sender<Network>,
    listening: watch::Receiver<bool>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
    /// Keeps the port while nobody listens on it.
    _port: TcpSocket,
}

/// How the first line of a request ends.
const SIGN: &[u8] = b" HTTP/1.1\r\n";

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl FaultProxy {
    pub(crate) async fn before(target: SocketAddr) -> Self {
        let port = bind("127.0.0.1:0".parse().unwrap());
        let address = port.local_addr().unwrap();
        let (network, changes) = watch::channel(Network::Good);
        let (says, mut listening) = watch::channel(false);
        let counts = Arc::<Counts>::default();
        let accepting = accept(address, target, changes, says, Arc::clone(&counts));
        let task = tokio::spawn(accepting);
        listening.wait_for(|listening| *listening).await.unwrap();
        Self { address, network, listening, counts, task, _port: port }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes the network like that, and waits until it is.
    pub(crate) async fn set(&self, network: Network) {
        self.network.send_replace(network);
        let wanted = network != Network::Refuses;
        self.listening.clone().wait_for(|listening| *listening == wanted).await.unwrap();
    }

    /// How many connections were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// How many requests of HTTP/1.1 came, passed on or not.
    pub(crate) fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

async fn accept(
    address: SocketAddr,
    target: SocketAddr,
    mut network: watch::Receiver<Network>,
    says: watch::Sender<bool>,
    counts: Arc<Counts>,
) {
    // Connections end with the proxy: the set aborts them.
    let mut connections = JoinSet::new();
    loop {
        if network.wait_for(|network| *network != Network::Refuses).await.is_err() {
            return;
        }
        let listener: TcpListener = bind(address).listen(1024).unwrap();
        says.send_replace(true);
        loop {
            let (client, _) = tokio::select! {
                accepted = listener.accept() => accepted.unwrap(),
                refuses = network.wait_for(|network| *network == Network::Refuses) => match refuses {
                    Ok(_) => break,
                    Err(_) => return,
                },
            };
            counts.connections.fetch_add(1, Ordering::SeqCst);
            let (network, counts) = (network.clone(), Arc::clone(&counts));
            connections.spawn(async move { serve(client, target, network, &counts).await });
        }
        drop(listener);
        says.send_replace(false);
    }
}

/// One connection, until either side leaves or the network ends it.
async fn serve(
    mut client: TcpStream,
    target: SocketAddr,
    mut network: watch::Receiver<Network>,
    counts: &Counts,
) {
    let ends = |network: &Network| matches!(network, Network::Refuses | Network::Resets);
    if !ends(&network.borrow())
        && let Ok(mut service) = TcpStream::connect(target).await
    {
        client.set_nodelay(true).unwrap();
        let (from_client, to_client) = client.split();
        let (from_service, to_service) = service.split();
        let (now, mut end) = (network.clone(), Vec::new());
        let count = |bytes: &[u8]| {
            end.extend_from_slice(bytes);
            let found = end.windows(SIGN.len()).filter(|window| *window == SIGN).count();
            counts.requests.fetch_add(found, Ordering::SeqCst);
            end.drain(..end.len().saturating_sub(SIGN.len() - 1));
        };
        tokio::select! {
            () = forward(from_client, to_service, now.clone(), false, count) => {}
            () = forward(from_service, to_client, now, true, |_| {}) => {}
            _ = network.wait_for(ends) => {}
        }
    }
    if *network.borrow() == Network::Resets {
        client.set_zero_linger().unwrap();
    }
}

/// Passes on what comes from one side, as the network allows.
async fn forward(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut network: watch::Receiver<Network>,
    are_answers: bool,
    mut look: impl FnMut(&[u8]),
) {
    let mut bytes = vec![0; 16 * 1024];
    let (mut passed, mut swallowed) = (0, false);
    loop {
        let count = tokio::select! {
            biased;
            // A connection that misses some bytes is of no use any more.
            _ = network.wait_for(|network| *network != Network::Hangs), if swallowed => return,
            count = from.read(&mut bytes) => match count {
                Ok(count) if count > 0 => count,
                _ => return,
            },
        };
        look(&bytes[..count]);
        let passing = match *network.borrow() {
            Network::Hangs => {
                swallowed = true;
                continue;
            }
            Network::CutsAfter(most) if are_answers => {
                let left = most.saturating_sub(passed);
                passed += count;
                left.min(count)
            }
            _ => {
                passed = 0;
                count
            }
        };
        if pass(&bytes[..passing], &mut to, &network).await.is_err() || passing < count {
            return;
        }
    }
}

async fn pass(
    bytes: &[u8],
    to: &mut WriteHalf<'_>,
    network: &watch::Receiver<Network>,
) -> std::io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let now = *network.borrow();
        let size = match now {
            Network::BytesPerSecond(rate) => (rate / 20).max(1).min(rest.len()),
            _ => rest.len(),
        };
        to.write_all(&rest[..size]).await?;
        rest = &rest[size..];
        if let Network::BytesPerSecond(rate) = now {
            tokio::time::sleep(Duration::from_secs_f64(size as f64 / rate as f64)).await;
        }
    }
    Ok(())
}
