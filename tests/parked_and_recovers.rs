//! What only a person can mend parks the subscription: it is named with its reason, the others go on, nothing is lost,
//! and it goes on by itself once mended.

use std::fs::File;

use crate::common::{Action, Config, Delivered, Forwarder, Gate, Home, PROJECT, Service, TOKEN, eventually};

/// As the real service says it (recording 01).
pub(crate) const FORBIDDEN: &str = "{\n   \"error\": {\n      \"code\": 403,\n      \"message\": \"Access to this \
                                    resource is forbidden\",\n      \"status\": \"FORBIDDEN\"\n   }\n}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_parks_until_its_file_is_mended() {
    let service = Service::with(&["good", "bad"]).await;
    let home = Home::new();
    let token = home.write("other-token", "not-the-token\n");
    let config = Config::new(&home, &service.endpoint())
        .connection("other", &service.endpoint(), &token)
        .file("good")
        .file_with("bad", "connection = \"other\"");
    let forwarder = Forwarder::start(&home, &config);
    others_go_on_while_it_is_parked(&service, &home, &forwarder, "401").await;
    assert!(!forwarder.log().contains("not-the-token"), "a token is in the log");

    home.write("other-token", TOKEN);
    it_recovers(&service, &home, forwarder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_subscription_parks_until_it_is_created() {
    let service = Service::with(&["good"]).await;
    service.emulator.create_topic(PROJECT, "bad").unwrap();
    let home = Home::new();
    let config = Config::new(&home, &service.endpoint()).file("good").file("bad");
    let forwarder = Forwarder::start(&home, &config);
    forwarder.is("bad", "parked").await;
    service.publish("good", 0..20).await;
    eventually("the others to go on", async || service.is_acknowledged_to("good", 20).await).await;
    assert_named_as_parked(&forwarder, "404").await;

    // A new subscription begins at the end of the log.
    service.emulator.create_subscription(PROJECT, "bad", "bad").unwrap();
    service.publish("bad", 0..10).await;
    it_recovers(&service, &home, forwarder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_parks_until_it_is_given() {
    let service = Service::with(&["good", "bad"]).await;
    let gate = Gate::before(service.address).await;
    let refused = gate.rule("subscriptions/bad:pull", Action::Answer(403, FORBIDDEN));
    let home = Home::new();
    let config = Config::new(&home, &gate.endpoint()).file("good").file("bad");
    let forwarder = Forwarder::start(&home, &config);
    others_go_on_while_it_is_parked(&service, &home, &forwarder, "403").await;

    refused.lift();
    it_recovers(&service, &home, forwarder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_acknowledgement_parks_and_the_messages_are_not_written_again() {
    let service = Service::with(&["good", "bad"]).await;
    let gate = Gate::before(service.address).await;
    let refused = gate.rule("subscriptions/bad:acknowledge", Action::Answer(403, FORBIDDEN));
    let home = Home::new();
    let config = Config::new(&home, &gate.endpoint()).file("good").file("bad");
    let forwarder = Forwarder::start(&home, &config);
    service.publish("bad", 0..10).await;
    service.publish("good", 0..20).await;
    eventually("the others to go on", async || service.is_acknowledged_to("good", 20).await).await;
    forwarder.is("bad", "parked").await;
    assert_named_as_parked(&forwarder, "403").await;
    eventually("more attempts", async || refused.met() > 2).await;

    refused.lift();
    it_recovers(&service, &home, forwarder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_that_hangs_holds_up_no_other_subscription() {
    let service = Service::with(&["good", "bad"]).await;
    let gate = Gate::before(service.address).await;
    let held = gate.rule("subscriptions/bad:pull", Action::Hold);
    let home = Home::new();
    let config = Config::new(&home, &gate.endpoint()).file("good").file("bad");
    let forwarder = Forwarder::start(&home, &config);
    eventually("the hanging", async || held.met() == 1).await;
    service.publish("bad", 0..10).await;
    service.publish("good", 0..20).await;
    eventually("the others to go on", async || service.is_acknowledged_to("good", 20).await).await;
    held.lift();
    it_recovers(&service, &home, forwarder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_parks_and_once_mended_gets_its_messages_while_another_one_still_retries() {
    let (service, home) = (Service::with(&["good", "bad"]).await, Home::new());
    // The one has a file where its directory should be, the file of the other belongs to somebody.
    let wall = home.write("wall", "");
    let somebody = File::create(home.path("held")).unwrap();
    somebody.lock().unwrap();
    let sink = |name: &str, path: &str| {
        format!(
            "[subscriptions.bad.sinks.{name}]\ntype = \"file\"\npath = \"{}\"\n\
             retry = {{ initial = \"20ms\", max = \"100ms\" }}\n",
            home.path(path).display()
        )
    };
    let sinks = sink("walled", "wall/out") + &sink("held", "held");
    let config = Config::new(&home, &service.endpoint()).file("good").subscription("bad", "", &sinks);
    let forwarder = Forwarder::start(&home, &config);
    service.publish("bad", 0..10).await;
    service.publish("good", 0..20).await;
    eventually("the others to go on", async || service.is_acknowledged_to("good", 20).await).await;
    assert_named_as_parked(&forwarder, "walled").await;
    forwarder.logs(&["WARN", "held", "locked"]).await;
    let status = forwarder.is("bad", "parked").await;
    let state = |name: &str| status["sinks"][name]["state"].clone();
    assert_eq!((state("walled"), state("held")), ("parked".into(), "retrying".into()), "{status}");

    std::fs::remove_file(&wall).unwrap();
    std::fs::create_dir(&wall).unwrap();
    let has_all = async || Delivered::in_file(&wall.join("out")).numbers.len() == 10;
    eventually("the mended one to have all", has_all).await;
    forwarder.logs(&["INFO", "sink walled takes messages again"]).await;
    let status = forwarder.is("bad", "retrying").await;
    assert!(status["reason"].as_str().unwrap().starts_with("sink held: "), "{status}");
    assert_eq!(service.offsets("bad").await.current, 0, "nothing is acknowledged yet");
    let ready = forwarder.get("/readyz?strict").await.unwrap();
    assert_eq!(ready.status, 200, "{}", ready.body);

    drop(somebody);
    eventually("all", async || service.is_acknowledged_to("bad", 10).await).await;
    forwarder.is("bad", "running").await;
    forwarder.stop().await;
    for path in [wall.join("out"), home.path("held")] {
        Delivered::in_file(&path).assert_exactly(10);
    }
}

/// Publishes 10 messages to `bad`, which is parked, and 20 to `good`.
async fn others_go_on_while_it_is_parked(service: &Service, home: &Home, forwarder: &Forwarder, why: &str) {
    service.publish("bad", 0..10).await;
    service.publish("good", 0..20).await;
    eventually("the others to go on", async || service.is_acknowledged_to("good", 20).await).await;
    forwarder.is("bad", "parked").await;
    assert_named_as_parked(forwarder, why).await;
    assert_eq!(service.offsets("bad").await.current, 0, "nothing of it is acknowledged");
    assert_eq!(Delivered::in_file(&home.out("bad")).numbers.len(), 0);
}

async fn assert_named_as_parked(forwarder: &Forwarder, why: &str) {
    let status = forwarder.is("bad", "parked").await;
    assert!(status["reason"].as_str().unwrap().contains(why), "{status}");
    assert_eq!(forwarder.status("good").await.unwrap()["state"], "running");
    let ready = forwarder.get("/readyz").await.unwrap();
    assert_eq!(ready.status, 200);
    assert!(ready.body.contains("parked: bad: ") && ready.body.contains(why), "{}", ready.body);
    assert!(!ready.body.contains("good"), "{}", ready.body);
    assert_eq!(forwarder.get("/readyz?strict").await.unwrap().status, 503);
    forwarder.logs(&["ERROR", "\"bad\"", why]).await;
    let parked = [("subscription", "bad"), ("state", "parked")];
    assert!(forwarder.metrics().await.get("subscription_state", &parked) > 0.5);
}

/// All 10 messages of `bad` and 20 of `good` arrive, each once.
async fn it_recovers(service: &Service, home: &Home, forwarder: Forwarder) {
    eventually("it to go on once mended", async || service.is_acknowledged_to("bad", 10).await).await;
    forwarder.is("bad", "running").await;
    eventually("readiness", async || forwarder.get("/readyz?strict").await.is_some_and(|a| a.status == 200))
        .await;
    forwarder.stop().await;
    Delivered::in_file(&home.out("bad")).assert_exactly(10);
    Delivered::in_file(&home.out("good")).assert_exactly(20);
}
