//! A project for one test, on a service that others may use as well.

use std::env;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use ams_forwarder::client::{
    AmsClient, Batch, ErrorKind, ExposeSecret, NewMessage, PageRequest, PullLimits, Result, Role, SchemaName,
    SecretString, SubscriptionName, TopicName, UserInfo, UserName,
};
use ams_forwarder::emulator;
use reqwest::Certificate;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use crate::common::until;

pub(super) const ALL: PageRequest = PageRequest { size: None, token: None };

/// A token that nobody has.
pub(super) const NOBODY: &str = "0123456789abcdef0123456789abcdef01234567";

/// Clones are the same stage.
#[derive(Clone)]
pub(super) struct Stage {
    /// A client of the stage's project that may do everything.
    pub(super) admin: AmsClient,
    service: Service,
    left_behind: Arc<Mutex<LeftBehind>>,
}

/// What does not go with the project.
#[derive(Default)]
struct LeftBehind {
    users: Vec<UserName>,
    registrations: Vec<String>,
}

#[derive(Clone)]
struct Service {
    endpoint: String,
    ca_file: Option<PathBuf>,
    is_local: bool,
    token: SecretString,
}

impl Service {
    /// The one that the environment names, or an emulator that ends with the test's runtime.
    async fn find() -> Self {
        if let Ok(endpoint) = env::var("AMS_TEST_ENDPOINT") {
            let token = env::var("AMS_TEST_TOKEN").expect("AMS_TEST_ENDPOINT needs AMS_TEST_TOKEN");
            let ca_file = env::var_os("AMS_TEST_CA").map(PathBuf::from);
            return Self { endpoint, ca_file, is_local: false, token: token.into() };
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(emulator::run(listener, std::future::pending()));
        Self { endpoint, ca_file: None, is_local: true, token: emulator::Options::default().token.into() }
    }

    fn client(&self, project: &str, token: SecretString) -> AmsClient {
        let mut builder = AmsClient::builder(&self.endpoint, project.parse().unwrap()).token(token);
        if let Some(file) = &self.ca_file {
            builder = builder.ca_file(file);
        }
        if self.is_local {
            builder = builder.no_proxy();
        }
        builder.build().unwrap()
    }
}

/// Plays a test on a stage of its own, and clears the stage whatever becomes of it.
pub(super) async fn on_stage<P>(name: &str, play: impl FnOnce(Stage) -> P)
where
    P: Future<Output = ()> + 'static,
{
    play_on(Service::find().await, name, play).await;
}

async fn play_on<P>(service: Service, name: &str, play: impl FnOnce(Stage) -> P)
where
    P: Future<Output = ()> + 'static,
{
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    let project = format!("CONF_{name}_{now}_{}", std::process::id());
    let admin = service.client(&project, service.token.clone());
    let stage = Stage { admin, service, left_behind: Arc::default() };
    stage.admin.create_project("conformance").await.unwrap();
    // As a task of its own, so that its panic can be caught.
    let tasks = LocalSet::new();
    let played = tasks.run_until(tasks.spawn_local(play(stage.clone()))).await;
    let cleared = stage.clear().await;
    if let Err(failed) = played {
        std::panic::resume_unwind(failed.into_panic());
    }
    cleared.unwrap();
}

impl Stage {
    /// The project's name.
    pub(super) fn project(&self) -> &str {
        self.admin.project().as_str()
    }

    /// A name that no other test gives a user; the user is deleted in the end.
    pub(super) fn user_name(&self, suffix: &str) -> UserName {
        let name: UserName = format!("{}_{suffix}", self.project()).parse().unwrap();
        self.left_behind.lock().unwrap().users.push(name.clone());
        name
    }

    /// Has a registration deleted in the end.
    pub(super) fn forget_registration(&self, uuid: &str) {
        self.left_behind.lock().unwrap().registrations.push(uuid.to_owned());
    }

    /// A new member of the project, and a client of theirs.
    pub(super) async fn member(&self, suffix: &str, role: Role) -> (UserName, AmsClient) {
        let name = self.user_name(suffix);
        let made = self.admin.create_member(&name, "conformance@example.org", &[role]).await.unwrap();
        (name, self.client_of(&made))
    }

    /// A client with the token that an answer had.
    pub(super) fn client_of(&self, user: &UserInfo) -> AmsClient {
        self.client_with(user.token.as_ref().unwrap().expose_secret())
    }

    pub(super) fn client_with(&self, token: &str) -> AmsClient {
        self.service.client(self.project(), token.into())
    }

    /// A topic and a subscription of it, both of that name.
    pub(super) async fn lay(&self, name: &str) -> (TopicName, SubscriptionName) {
        let (topic, subscription) = (topic(name), subscription(name));
        self.admin.create_topic(&topic).await.unwrap();
        let deadline = Some(std::time::Duration::from_mins(1));
        self.admin.create_subscription(&subscription, &topic, deadline).await.unwrap();
        (topic, subscription)
    }

    /// Publishes messages with these texts, and expects contiguous ids from `first`.
    pub(super) async fn publish(&self, topic: &TopicName, first: u64, texts: &[&str]) {
        let messages: Vec<_> = texts.iter().map(|text| NewMessage::new(*text)).collect();
        let expected: Vec<u64> = (first..).take(texts.len()).collect();
        assert_eq!(self.admin.publish(topic, &messages).await.unwrap(), expected);
    }

    /// Publishes a body that the library refuses to make.
    pub(super) async fn publish_anyhow(&self, topic: &TopicName, body: &str) {
        // Only the first can succeed; one is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder();
        if let Some(file) = &self.service.ca_file {
            http = http.tls_certs_only(Certificate::from_pem_bundle(&std::fs::read(file).unwrap()).unwrap());
        }
        if self.service.is_local {
            http = http.no_proxy();
        }
        let url = format!("{}/v1/projects/{}/topics/{topic}:publish", self.service.endpoint, self.project());
        let request = http.build().unwrap().post(url).header("x-api-key", self.service.token.expose_secret());
        assert_eq!(request.body(body.to_owned()).send().await.unwrap().status(), 200);
    }

    async fn clear(&self) -> Result<()> {
        let admin = &self.admin;
        // Other than what is there before its topic is gone, a subscription may stay for ever.
        for found in gone(admin.subscriptions(&ALL).await)?.map(|page| page.items).unwrap_or_default() {
            gone(admin.delete_subscription(&found.name).await)?;
        }
        for found in gone(admin.topics(&ALL).await)?.map(|page| page.items).unwrap_or_default() {
            gone(admin.delete_topic(&found.name).await)?;
        }
        for found in gone(admin.schemas().await)?.unwrap_or_default() {
            gone(admin.delete_schema(&found.name).await)?;
        }
        let left_behind = std::mem::take(&mut *self.left_behind.lock().unwrap());
        for name in left_behind.users {
            gone(admin.delete_user(&name).await)?;
        }
        for uuid in left_behind.registrations {
            gone(admin.delete_registration(&uuid).await)?;
        }
        gone(admin.delete_project().await).map(|_| ())
    }
}

/// What a test took away itself need not be taken away.
fn gone<T>(outcome: Result<T>) -> Result<Option<T>> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Pulls until so many messages come at once: the service may give fewer than there are.
pub(super) async fn pull(client: &AmsClient, from: &SubscriptionName, most: u32, expected: usize) -> Batch {
    let limits = PullLimits { max_messages: most, max_bytes: 8 << 20 };
    until("a pull of all messages", async || {
        let batch = client.pull(from, limits).await.unwrap();
        assert!(batch.len() <= expected, "{batch:?}");
        (batch.len() == expected).then_some(batch)
    })
    .await
}

/// The texts of messages.
pub(super) fn texts(batch: &Batch) -> Vec<String> {
    let text = |message: ams_forwarder::client::Message<'_>| {
        let mut payload = Vec::new();
        message.decode_data(&mut payload).unwrap();
        String::from_utf8(payload).unwrap()
    };
    batch.iter().map(text).collect()
}

pub(super) fn topic(name: &str) -> TopicName {
    name.parse().unwrap()
}

pub(super) fn subscription(name: &str) -> SubscriptionName {
    name.parse().unwrap()
}

pub(super) fn schema(name: &str) -> SchemaName {
    name.parse().unwrap()
}

/// A page of so many, after the one that gave the token.
pub(super) fn page(size: u32, token: Option<String>) -> PageRequest {
    PageRequest { size: Some(size), token }
}

#[tokio::test]
async fn a_stage_is_cleared_when_its_test_fails() {
    let service = Service::find().await;
    let (tell, told) = std::sync::mpsc::channel();
    let tasks = LocalSet::new();
    let failing = tasks.spawn_local(play_on(service, "failing", |stage| async move {
        stage.lay("t").await;
        let (name, _) = stage.member("m", Role::Consumer).await;
        tell.send((stage.admin, name)).unwrap();
        panic!("as every test can");
    }));
    assert!(tasks.run_until(failing).await.unwrap_err().is_panic());
    let (admin, user) = told.recv().unwrap();
    assert_eq!(admin.project_info().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(admin.user(&user).await.unwrap_err().kind(), ErrorKind::NotFound);
}
