//! Topics, and publishing to them.

use super::{
    AmsClient,
    error::{ErrorKind, Result},
    http::{Answer, Method, Repetition, Request},
    model::{Page, PageRequest, TopicInfo},
    name::{ProjectName, SubscriptionName, TopicName, split_qualified},
    publish::{self, NewMessage, RawMessage},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct WireTopic {
    name: String,
    #[serde(default)]
    created_on: String,
    schema: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireTopics {
    topics: Vec<WireTopic>,
    #[serde(default)]
    next_page_token: String,
    #[serde(default)]
    total_size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    message_ids: Vec<String>,
}

/// Topics, and publishing to them.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::{NewMessage, PageRequest, TopicName};
///
/// let topic: TopicName = "metrics".parse()?;
/// client.create_topic(&topic).await?;
/// let message = NewMessage::new("42").attribute("host", "a.example.org")?;
/// assert_eq!(client.publish(&topic, &[message]).await?, [0]);
/// let page = client.topics(&PageRequest::default()).await?;
/// assert_eq!((page.items[0].name.as_str(), page.total), ("metrics", 1));
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// Creates a topic. [`Conflict`](super::ErrorKind::Conflict) when it exists.
    ///
    /// If the call is dropped or its answer is lost, the topic may have been created. A topic that is deleted
    /// and created again starts at id 0, while its old subscriptions keep their place.
    pub async fn create_topic(&self, topic: &TopicName) -> Result<TopicInfo> {
        match self.0.send(self.topic_request(Method::Put, topic, "")).await {
            // It exists, and an earlier attempt may have created it.
            Err(error) if error.kind() == ErrorKind::Conflict && error.follows_doubt() => {
                self.topic(topic).await
            }
            answer => {
                let answer = answer?;
                topic_info(&answer, answer.json()?)
            }
        }
    }

    /// Shows a topic. Changes nothing, so dropping it loses nothing.
    pub async fn topic(&self, topic: &TopicName) -> Result<TopicInfo> {
        let answer = self.0.send(self.topic_request(Method::Get, topic, "")).await?;
        topic_info(&answer, answer.json()?)
    }

    /// Whether there is such a topic; in a project that does not exist there is none. Changes nothing, so dropping it
    /// loses nothing.
    ///
    /// What is not the service's own word is an error, not a no: a proxy may answer 404 as well.
    pub async fn topic_exists(&self, topic: &TopicName) -> Result<bool> {
        exists(self.topic(topic).await)
    }

    /// The subscriptions of a topic. Changes nothing, so dropping it loses nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such topic.
    pub async fn topic_subscriptions(&self, topic: &TopicName) -> Result<Vec<SubscriptionName>> {
        #[derive(Deserialize)]
        struct Names {
            subscriptions: Vec<String>,
        }
        let answer = self.0.send(self.topic_request(Method::Get, topic, "/subscriptions")).await?;
        let found: Names = answer.json()?;
        let name = |text: &String| {
            let (_, name): (ProjectName, _) = qualified(text, "subscriptions")?;
            Some(name)
        };
        let names: Option<_> = found.subscriptions.iter().map(name).collect();
        names.ok_or_else(|| answer.not_ams("a subscription that is no qualified name"))
    }

    /// Lists topics, the newest first; a publisher sees only those it may publish to. Changes nothing, so
    /// dropping it loses nothing.
    pub async fn topics(&self, page: &PageRequest) -> Result<Page<TopicInfo>> {
        let request = self.project_request(Method::Get, "/topics");
        let answer = self.0.send(paged(request, page)).await?;
        let found: WireTopics = answer.json()?;
        let items: Result<_> = found.topics.into_iter().map(|topic| topic_info(&answer, topic)).collect();
        Ok(Page { items: items?, next: non_empty(found.next_page_token), total: found.total_size })
    }

    /// Deletes a topic; its subscriptions stay, and their pulls end in a
    /// [`Conflict`](super::ErrorKind::Conflict).
    ///
    /// If the call is dropped or its answer is lost, the topic may be gone.
    pub async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        self.0.send(self.topic_request(Method::Delete, topic, "")).await?.nothing()
    }

    /// Publishes messages in their order and returns their ids. Nothing is sent when there are none.
    ///
    /// Not atomic: the service stores them one by one, and when one fails (`Backend Error`: the broker is
    /// down, or the message larger than about 1.1 MB) those before it are in the log, without an answer that
    /// says so. The same goes when the call is dropped or its answer lost: see
    /// [`may_have_happened`](super::Error::may_have_happened). While others publish too, ids may be
    /// another's.
    pub async fn publish(&self, topic: &TopicName, messages: &[NewMessage]) -> Result<Vec<u64>> {
        self.publish_body(topic, messages.len(), || publish::body(messages)).await
    }

    /// Publishes messages that were pulled, as they are: the text of their data is passed through whether it is
    /// base64 or not. Otherwise as [`publish`](Self::publish).
    pub async fn publish_raw(&self, topic: &TopicName, messages: &[RawMessage<'_>]) -> Result<Vec<u64>> {
        self.publish_body(topic, messages.len(), || publish::raw_body(messages)).await
    }

    async fn publish_body(
        &self,
        topic: &TopicName,
        count: usize,
        body: impl FnOnce() -> String,
    ) -> Result<Vec<u64>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let request = self.topic_request(Method::Post, topic, ":publish").body(body());
        let answer = self.0.send(request.repetition(Repetition::Duplicates)).await?;
        let published: Published = answer.json()?;
        if published.message_ids.len() != count {
            return Err(answer.not_ams("another number of ids than of messages"));
        }
        let ids: std::result::Result<_, _> = published.message_ids.iter().map(|id| id.parse()).collect();
        ids.map_err(|_| answer.not_ams("a message id that is no number"))
    }

    /// `rest` is empty, or begins with a colon or a slash.
    pub(super) fn topic_request(&self, method: Method, topic: &TopicName, rest: &str) -> Request {
        self.project_request(method, &format!("/topics/{topic}{rest}"))
    }
}

fn topic_info(answer: &Answer, topic: WireTopic) -> Result<TopicInfo> {
    let (project, name) =
        qualified(&topic.name, "topics").ok_or_else(|| answer.not_ams("a topic without its name"))?;
    Ok(TopicInfo { project, name, created_on: topic.created_on, schema: topic.schema.and_then(non_empty) })
}

/// The typed names in `/projects/P/COLLECTION/NAME`.
pub(super) fn qualified<'a, P: TryFrom<&'a str>, N: TryFrom<&'a str>>(
    text: &'a str,
    collection: &str,
) -> Option<(P, N)> {
    let (project, name) = split_qualified(text, collection)?;
    Some((project.try_into().ok()?, name.try_into().ok()?))
}

/// Whether a thing that was asked for is there.
pub(super) fn exists<T>(shown: Result<T>) -> Result<bool> {
    match shown {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound && !error.may_have_happened() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Adds what asks for a page.
pub(super) fn paged(mut request: Request, page: &PageRequest) -> Request {
    if let Some(size) = page.size {
        request = request.query("pageSize", size.to_string());
    }
    if let Some(token) = &page.token {
        request = request.query("pageToken", token);
    }
    request
}

/// The service writes what is absent as an empty string.
pub(super) fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
