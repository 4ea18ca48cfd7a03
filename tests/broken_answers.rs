//! Only what the service itself said counts: not half an answer, nor a page that somebody in between has sent.

use crate::common::{Action, Config, Delivered, Forwarder, Gate, Home, Metrics, Service, eventually};

const PAGE: &str = "<html><body>Please log in to the network</body></html>";

/// Does that to the first five requests of each kind, and expects all messages once.
async fn everything_arrives_once_in_spite_of(action: Action) {
    let (metrics, delivered) = forward_in_spite_of(action).await;
    delivered.assert_exactly(50);
    for name in ["rewinds_total", "rival_acknowledgements_total"] {
        assert_eq!(metrics.of("a", name), 0, "{name}");
    }
}

/// Does that to the first five requests of each kind, and waits until all of 50 messages are acknowledged.
async fn forward_in_spite_of(action: Action) -> (Metrics, Delivered) {
    let (service, home) = (Service::with(&["a"]).await, Home::new());
    let gate = Gate::before(service.address).await;
    let config = Config::new(&home, &gate.endpoint()).file_with("a", "max_messages = 5");
    let rules = ["a:offsets", "a:pull", "a:acknowledge"].map(|path| gate.rule_for(5, path, action.clone()));
    let forwarder = Forwarder::start(&home, &config);
    service.publish("a", 0..50).await;
    eventually("all", async || service.is_acknowledged_to("a", 50).await).await;
    forwarder.counted("a", "messages_acknowledged_total", 50).await;
    assert_eq!(rules.map(|rule| rule.met()), [5, 5, 5]);
    let metrics = forwarder.metrics().await;
    for name in ["messages_lost_total", "messages_skipped_total", "log_resets_total"] {
        assert_eq!(metrics.of("a", name), 0, "{name}");
    }
    forwarder.stop().await;
    (metrics, Delivered::in_file(&home.out("a")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_an_answer_is_none() {
    everything_arrives_once_in_spite_of(Action::CutAnswer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_asked_for_again() {
    everything_arrives_once_in_spite_of(Action::LoseAnswer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_proxy_is_no_answer_even_with_status_200() {
    everything_arrives_once_in_spite_of(Action::Answer(200, PAGE)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_json_with_status_200_loses_nothing() {
    // Some object is all that the service says to an acknowledgement, so one of another's is believed; the messages come
    // again, and are delivered again.
    let (_, delivered) = forward_in_spite_of(Action::Answer(200, "{\"status\":\"ok\"}")).await;
    delivered.assert_complete(50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_with_status_200_is_no_answer() {
    everything_arrives_once_in_spite_of(Action::Answer(200, "")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_without_its_service_is_waited_for() {
    everything_arrives_once_in_spite_of(Action::Answer(503, PAGE)).await;
}
