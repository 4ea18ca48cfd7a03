//! A webhook whose receiver fails often and in every way gets every message, in order, and can tell what came twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;

use crate::common::{Config, Delivered, Forwarder, Home, Service, breaks, eventually, numbers};

const MESSAGES: u64 = 50_000;
/// So many of them are published a few at a time.
const SLOWLY: u64 = 1_700;
const PAGE: &str = "<html><body><h1>502 Bad Gateway</h1></body></html>";

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Taken,
    InternalError,
    BadGateway,
    /// To come again at once.
    Unavailable,
    /// To come again after a second.
    UnavailableForLong,
    RequestTimeout,
    TooMany,
    /// The connection ends before the messages are read.
    Unread,
    /// No answer, until the sender gives up.
    Hangs,
    TakenAndHangs,
    TakenAndHalfAnswered,
    TakenAndAnswerLost,
}

/// The fates of 500 requests, of which three in ten fail. As many are the least that the messages need, so that each
/// fate occurs that often whatever the seed.
const FATES: [(Fate, usize); 12] = [
    (Fate::Taken, 350),
    (Fate::InternalError, 18),
    (Fate::BadGateway, 18),
    (Fate::Unavailable, 18),
    (Fate::UnavailableForLong, 2),
    (Fate::RequestTimeout, 18),
    (Fate::TooMany, 18),
    (Fate::Unread, 18),
    (Fate::Hangs, 2),
    (Fate::TakenAndHangs, 2),
    (Fate::TakenAndHalfAnswered, 18),
    (Fate::TakenAndAnswerLost, 18),
];

impl Fate {
    fn is_taken(self) -> bool {
        use Fate::{Taken, TakenAndAnswerLost, TakenAndHalfAnswered, TakenAndHangs};
        matches!(self, Taken | TakenAndHangs | TakenAndHalfAnswered | TakenAndAnswerLost)
    }

    async fn answer(self) -> Response {
        let later = |seconds| (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", seconds)]).into_response();
        match self {
            Self::Taken => StatusCode::OK.into_response(),
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Self::BadGateway => {
                (StatusCode::BAD_GATEWAY, [("content-type", "text/html")], PAGE).into_response()
            }
            Self::Unavailable => later("0"),
            Self::UnavailableForLong => later("1"),
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT.into_response(),
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS.into_response(),
            Self::Hangs | Self::TakenAndHangs => std::future::pending().await,
            Self::TakenAndHalfAnswered => breaks(&["half an "]),
            Self::Unread | Self::TakenAndAnswerLost => breaks(&[]),
        }
    }
}

/// A request that came.
struct Came {
    at: Instant,
    key: String,
    /// `None` if it was not read.
    body: Option<Bytes>,
    fate: Fate,
}

struct Receiver {
    random: fastrand::Rng,
    fates: Vec<Fate>,
    came: Vec<Came>,
}

impl Receiver {
    /// One that listens at the URL that is returned.
    async fn start(seed: u64) -> (String, Arc<Mutex<Self>>) {
        let mut random = fastrand::Rng::with_seed(seed);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Self { random: random.fork(), fates: Vec::new(), came: Vec::new() };
        let receiver = Arc::new(Mutex::new(receiver));
        let taking = Arc::clone(&receiver);
        let hook = move |request: Request| take(Arc::clone(&taking), request);
        // Every other connection ends with a reset, and the rest as connections end.
        let listener = listener.tap_io(move |connection| {
            if random.bool() {
                connection.set_zero_linger().unwrap();
            }
        });
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(hook)).await });
        (url, receiver)
    }

    fn fate(&mut self) -> Fate {
        if self.fates.is_empty() {
            self.fates = FATES.iter().flat_map(|(fate, count)| std::iter::repeat_n(*fate, *count)).collect();
            self.random.shuffle(&mut self.fates);
        }
        self.fates.pop().unwrap()
    }
}

/// Only notes what came, for the sender does not wait long; it is looked at in the end.
async fn take(receiver: Arc<Mutex<Receiver>>, request: Request) -> Response {
    let key = request.headers()["idempotency-key"].to_str().unwrap().to_owned();
    let fate = receiver.lock().unwrap().fate();
    let mut body = None;
    if fate != Fate::Unread {
        body = to_bytes(request.into_body(), usize::MAX).await.ok();
        if body.is_none() {
            // The sender gave up before all of it was here: its fate is the next one's.
            receiver.lock().unwrap().fates.push(fate);
            return breaks(&[]);
        }
    }
    receiver.lock().unwrap().came.push(Came { at: Instant::now(), key, body, fate });
    fate.answer().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_fails_three_times_in_ten_gets_all_in_order_and_only_what_it_did_not_confirm_again() {
    let seed = std::env::var("AMS_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("AMS_TEST_SEED={seed} fails in the same ways again");

    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let (url, receiver) = Receiver::start(seed).await;
    let sinks = format!(
        "[subscriptions.a.sinks.hook]\ntype = \"webhook\"\nurl = \"{url}\"\nbatch = 100\ntimeout = \"1s\"\n\
         retry = {{ initial = \"5ms\", max = \"50ms\" }}\n"
    );
    let config = Config::new(&home, &service.endpoint()).subscription("a", "max_messages = 5000", &sinks);
    let forwarder = Forwarder::start(&home, &config);
    // First a few after each request, so that there is more by the time it comes again.
    for first in (0..SLOWLY).step_by(17) {
        let before = receiver.lock().unwrap().came.len();
        service.publish("a", first..SLOWLY.min(first + 17)).await;
        eventually("a request", async || receiver.lock().unwrap().came.len() > before).await;
    }
    service.publish("a", SLOWLY..MESSAGES).await;
    eventually("all", async || service.is_acknowledged_to("a", MESSAGES).await).await;
    let timeouts = forwarder.metrics().await;
    let timeouts = timeouts.get("failures_total", &[("operation", "hook"), ("class", "timeout")]);
    forwarder.stop().await;

    let mut came = std::mem::take(&mut receiver.lock().unwrap().came);
    tell_what_was_answered_too_late(&mut came, timeouts);
    assert_each_fate_occurred(&came);
    assert_a_request_comes_again_only_as_it_was(&came);
    assert_all_arrived_and_only_the_unconfirmed_twice(&came);
}

/// Where the machine is slow, an answer may come when the sender has just given up: it is lost then, and the request is
/// rightly sent again. There are no more of these than timeouts, which the sender counts, of requests that were to be
/// answered.
fn tell_what_was_answered_too_late(came: &mut [Came], timeouts: f64) {
    let (mut hung, mut late) = (0_u32, 0_u32);
    for index in 0..came.len() {
        let comes_again = came.get(index + 1).is_some_and(|next| next.key == came[index].key);
        match came[index].fate {
            Fate::Hangs | Fate::TakenAndHangs => hung += 1,
            Fate::Taken if comes_again => {
                came[index].fate = Fate::TakenAndAnswerLost;
                late += 1;
            }
            _ => {}
        }
    }
    println!("{timeouts} timeouts, {hung} of requests that hung; {late} answers came too late");
    assert!(f64::from(hung + late) <= timeouts, "{late} requests came again though they were confirmed");
}

fn assert_each_fate_occurred(came: &[Came]) {
    let mut counts = BTreeMap::<_, usize>::new();
    for request in came {
        *counts.entry(request.fate).or_default() += 1;
    }
    println!("{} requests: {counts:?}", came.len());
    for (fate, least) in FATES {
        assert!(counts.get(&fate).is_some_and(|count| *count >= least), "{fate:?}: {counts:?}");
    }
}

/// After each that failed, and after no other, the same comes next: the key tells.
fn assert_a_request_comes_again_only_as_it_was(came: &[Came]) {
    let (mut bodies, mut confirmed) = (HashMap::new(), BTreeSet::new());
    for (index, request) in came.iter().enumerate() {
        let Came { at, key, body, fate } = request;
        assert!(!confirmed.contains(key), "request {index}, {key}, was confirmed before");
        if let Some(body) = body {
            assert!(bodies.entry(key).or_insert(body) == &body, "request {index}, {key}, has another body");
        }
        if *fate == Fate::Taken {
            confirmed.insert(key);
        } else {
            let next = came.get(index + 1).map(|next| (&next.key, next.at.duration_since(*at)));
            let (next, pause) = next.expect("a request that failed is not the last");
            assert_eq!(next, key, "after request {index}, {fate:?}");
            let least = Duration::from_secs(u64::from(*fate == Fate::UnavailableForLong));
            assert!(pause >= least, "request {index}, {key}, came again after {pause:?}, not {least:?}");
        }
    }
}

fn assert_all_arrived_and_only_the_unconfirmed_twice(came: &[Came]) {
    let (mut seen, mut unconfirmed) = (BTreeSet::new(), BTreeSet::<u64>::new());
    let mut delivered = Delivered::default();
    for request in came.iter().filter(|request| request.fate.is_taken()) {
        let numbers = numbers(request.body.as_ref().unwrap());
        for number in &numbers {
            let first = seen.insert(*number);
            assert!(first || unconfirmed.contains(number), "{number} came again in {}", request.key);
        }
        if request.fate != Fate::Taken {
            unconfirmed.extend(&numbers);
        }
        delivered.numbers.extend(numbers);
    }
    delivered.assert_complete(MESSAGES);
    println!("{} messages came again", delivered.repeated());
    assert!(delivered.repeated() > 0, "of those taken without an answer some must come again");
}
