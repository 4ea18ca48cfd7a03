//! What the emulator keeps, and whom it puts up with, has bounds: retention by count and age, memory, connections,
//! clients that are slow or send what is no HTTP.

use std::time::Duration;

use ams_forwarder::emulator::{Fault, Options, Retention};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::pki::{Authority, connect, exchange};
use crate::common::{PATIENCE, PROJECT, Service, TOKEN, until};

const TOPIC: &str = "/emulator/projects/TEST/topics/a";
const OFFSETS: &str = "/v1/projects/TEST/subscriptions/a:offsets";

async fn start(options: Options) -> Service {
    let service = Service::with_options(options).await;
    service.emulator.create_topic(PROJECT, "a").unwrap();
    service.emulator.create_subscription(PROJECT, "a", "a").unwrap();
    service
}

async fn ask(service: &Service, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let (text, end) = exchange(&mut stream, method, path, TOKEN, body).await;
    end.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

async fn bounds(service: &Service) -> (i64, i64) {
    let offsets = service.offsets("a").await;
    (offsets.min, offsets.max)
}

#[tokio::test]
async fn retention_by_count_moves_the_start_of_the_log() {
    let retention = Retention { messages: Some(10), ..Retention::default() };
    let service = start(Options { retention, ..Options::default() }).await;
    service.publish("a", 0..25).await;
    assert_eq!(bounds(&service).await, (15, 25));
    assert_eq!(service.offsets("a").await.current, 15, "the subscription is moved");
    let fewer = Retention { messages: Some(3), ..Retention::UNLIMITED };
    service.emulator.set_retention(PROJECT, "a", fewer).unwrap();
    assert_eq!(service.emulator.retention(PROJECT, "a").unwrap(), fewer);
    assert_eq!(bounds(&service).await, (22, 25), "what is too much goes at once");
    service.emulator.create_topic(PROJECT, "b").unwrap();
    assert_eq!(service.emulator.retention(PROJECT, "b").unwrap(), retention, "it was for one topic");
}

#[tokio::test]
async fn retention_by_age_moves_the_start_of_the_log_as_time_goes_by() {
    let retention = Retention { age: Some(Duration::from_hours(168)), ..Retention::default() };
    let service = start(Options { retention, ..Options::default() }).await;
    service.publish("a", 0..5).await;
    let day = Duration::from_hours(24);
    service.emulator.inject(Fault::clock_ahead(6 * day)).unwrap();
    service.publish("a", 5..8).await;
    assert_eq!(bounds(&service).await, (0, 8));
    service.emulator.inject(Fault::clock_ahead(2 * day)).unwrap();
    assert_eq!(bounds(&service).await, (5, 8), "eight days after the first five");
    service.emulator.inject(Fault::clock_ahead(10 * day)).unwrap();
    assert_eq!(bounds(&service).await, (8, 8), "an age leaves nothing over");
}

#[tokio::test]
async fn what_a_topic_keeps_is_shown_set_and_cut_over_http() {
    let service = start(Options::default()).await;
    service.publish("a", 0..9).await;
    let (status, shown) = ask(&service, "GET", TOPIC, "").await;
    assert_eq!((status, &shown["min"], &shown["max"]), (200, &json!(0), &json!(9)));
    assert_eq!(shown["retention"], json!({"bytes": 512 << 20}));
    let wanted = r#"{"retention":{"messages":6,"age":"7d"}}"#;
    let (status, set) = ask(&service, "PUT", TOPIC, wanted).await;
    assert_eq!((status, &set["min"]), (200, &json!(3)));
    assert_eq!(set["retention"], json!({"messages": 6, "age": "168h"}));
    let (status, cut) = ask(&service, "POST", &format!("{TOPIC}:cut"), r#"{"below":7}"#).await;
    assert_eq!((status, &cut["min"]), (200, &json!(7)));
    for (method, path, body, want) in [
        ("PUT", TOPIC, r#"{"retention":{"messages":0}}"#, 400),
        ("PUT", TOPIC, r#"{"retention":{"age":"soon"}}"#, 400),
        ("PUT", TOPIC, r#"{"retention":{"count":1}}"#, 400),
        ("PUT", "/emulator/projects/TEST/topics/nosuch", wanted, 404),
        ("POST", "/emulator/projects/TEST/topics/a:cut", "{}", 400),
        ("DELETE", TOPIC, "", 404),
        ("GET", "/emulator/nosuch", "", 404),
    ] {
        assert_eq!(ask(&service, method, path, body).await.0, want, "{method} {path} {body}");
    }
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let (text, _) = exchange(&mut stream, "GET", TOPIC, "wrong", "").await;
    assert!(text.starts_with("HTTP/1.1 401 "), "{text}");
}

#[tokio::test]
async fn a_publish_beyond_the_memory_limit_is_refused_and_says_so_until_there_is_room() {
    let options = Options { memory_limit: Some(1_000_000), ..Options::default() };
    let service = start(options).await;
    let path = "/v1/projects/TEST/topics/a:publish";
    let body = format!(r#"{{"messages":[{{"data":"{}"}}]}}"#, "x".repeat(100_000));
    let mut published = 0;
    let refused = loop {
        let (status, answer) = ask(&service, "POST", path, &body).await;
        if status != 200 {
            break (status, answer);
        }
        published += 1;
    };
    assert!((5..=9).contains(&published), "{published} of 100 kB in 1 MB");
    let error = json!({"code": 500, "message": "The emulator's memory limit is reached", "status": "INTERNAL_SERVER_ERROR"});
    assert_eq!(refused, (500, json!({"error": error})));
    assert_eq!(bounds(&service).await, (0, published), "what is refused is not there");
    let all = r#"{"maxMessages":"100","returnImmediately":"true"}"#;
    let pull = "/v1/projects/TEST/subscriptions/a:pull";
    assert_eq!(ask(&service, "POST", pull, all).await.0, 500, "the answer is held too");
    assert_eq!(ask(&service, "POST", pull, r#"{"maxMessages":"1"}"#).await.0, 200);

    service.emulator.remove_records_below(PROJECT, "a", published.unsigned_abs()).unwrap();
    until("the room to be free", async || {
        let (_, memory) = ask(&service, "GET", "/emulator/memory", "").await;
        assert_eq!(memory["limit"], 1_000_000);
        (memory["used"].as_u64().unwrap() == 0).then_some(())
    })
    .await;
    assert_eq!(ask(&service, "POST", path, &body).await.0, 200);
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_one_to_end() {
    let service = start(Options { max_connections: 2, ..Options::default() }).await;
    let request = format!("GET {OFFSETS} HTTP/1.1\r\nhost: x\r\nx-api-key: {TOKEN}\r\n\r\n");
    let mut kept = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        kept.push(stream);
    }
    let mut bytes = [0; 1024];
    for stream in &mut kept[..2] {
        assert!(stream.read(&mut bytes).await.unwrap() > 0);
    }
    let third = tokio::time::timeout(Duration::from_millis(200), kept[2].read(&mut bytes)).await;
    assert!(third.is_err(), "it is served though two others are open");
    kept.remove(0);
    let third = tokio::time::timeout(PATIENCE, kept[1].read(&mut bytes)).await.unwrap();
    assert!(third.unwrap() > 0);
}

#[tokio::test]
async fn a_client_that_never_finishes_what_it_sends_or_takes_is_left() {
    let client_timeout = Duration::from_millis(200);
    let service = start(Options { client_timeout, ..Options::default() }).await;
    for _ in 0..40 {
        service.publish_sized("a", 0..20, 50_000).await;
    }
    let pull = r#"{"maxMessages":"800","returnImmediately":"true"}"#;
    let length = pull.len();
    let head =
        format!("POST /v1/projects/TEST/subscriptions/a:pull HTTP/1.1\r\nhost: x\r\nx-api-key: {TOKEN}\r\n");
    let whole = format!("{head}content-length: {length}\r\n\r\n{pull}");
    let half_a_body = format!("{head}content-length: 99\r\n\r\n{{");
    for sent in [&b""[..], b"GET /v1/stat", half_a_body.as_bytes()] {
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "{}", String::from_utf8_lossy(sent));
    }
    // It asks for much more than the sockets hold and reads no more of it: what was held for it is free again.
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    stream.write_all(whole.as_bytes()).await.unwrap();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 8, "the answer has begun");
    let (_, topic) = ask(&service, "GET", TOPIC, "").await;
    let records = topic["bytes"].as_u64().unwrap();
    until("the answer to be dropped", async || {
        let (_, memory) = ask(&service, "GET", "/emulator/memory", "").await;
        (memory["used"].as_u64().unwrap() < records * 3 / 2).then_some(())
    })
    .await;
    let mut taken = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut taken)).await.unwrap();
    assert!(taken.len() < 30_000_000, "all of it was sent: {} bytes", taken.len());
}

#[tokio::test]
async fn the_head_of_a_request_is_bounded() {
    let service = start(Options::default()).await;
    let large = format!("GET {OFFSETS} HTTP/1.1\r\nhost: x\r\nx-much: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET {OFFSETS} HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    for head in [large, many] {
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        // It may hang up before it has everything.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(ask(&service, "GET", OFFSETS, "").await.0, 200);
}

/// Random bytes, some of them with beginnings that lead further in.
fn garbage(random: &mut fastrand::Rng) -> Vec<u8> {
    let beginnings: [&[u8]; 6] = [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"POST /v1/projects/TEST/topics/a:publish HTTP/1.1\r\ncontent-length: 50\r\nx-api-key: x\r\n\r\n",
        b"POST /v1/projects/TEST HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let mut bytes = random.choice(beginnings).unwrap().to_vec();
    let length = random.usize(..2_000);
    bytes.extend(std::iter::repeat_with(|| random.u8(..)).take(length));
    bytes
}

#[tokio::test]
async fn arbitrary_bytes_disturb_neither_listener() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let authority = Authority::new("test CA");
    let tls = Some(authority.server(&["localhost"]));
    let plain = start(Options::default()).await;
    let secure = start(Options { tls, ..Options::default() }).await;
    for _ in 0..300 {
        for service in [&plain, &secure] {
            let mut stream = TcpStream::connect(service.address).await.unwrap();
            // It may hang up before it has everything.
            let _ = stream.write_all(&garbage(&mut random)).await;
            let _ = stream.shutdown().await;
            let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
            assert!(ended.is_ok(), "it keeps who has left");
        }
        let mut inside = connect(secure.address, &authority.pem, None).await.unwrap();
        let _ = inside.write_all(&garbage(&mut random)).await;
        let _ = inside.shutdown().await;
        let ended = tokio::time::timeout(PATIENCE, inside.read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "it keeps who has left");
    }
    assert_eq!(ask(&plain, "GET", OFFSETS, "").await.0, 200);
    let mut stream = connect(secure.address, &authority.pem, None).await.unwrap();
    let (text, _) = exchange(&mut stream, "GET", OFFSETS, TOKEN, "").await;
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
}
