//! Who may publish to a topic and pull from a subscription.
//!
//! An ACL lists users by name. It counts for publishers and consumers alone: project admins and service admins need
//! not be in it.

use super::{
    AmsClient,
    error::Result,
    http::{Method, Repetition, Request},
    name::{SubscriptionName, TopicName},
};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct WireAcl {
    authorized_users: Vec<String>,
}

/// Access lists.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::{Role, TopicName, UserName};
///
/// let topic: TopicName = "metrics".parse()?;
/// client.create_topic(&topic).await?;
/// let publisher: UserName = "probe".parse()?;
/// client.create_member(&publisher, "probe@example.org", &[Role::Publisher]).await?;
/// client.modify_topic_acl(&topic, &[publisher]).await?;
/// assert_eq!(client.topic_acl(&topic).await?, ["probe"]);
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// The names of the users who may publish to a topic. Changes nothing, so dropping it loses nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such topic.
    pub async fn topic_acl(&self, topic: &TopicName) -> Result<Vec<String>> {
        self.acl(self.topic_request(Method::Get, topic, ":acl")).await
    }

    /// Replaces the names of the users who may publish to a topic; an empty list lets nobody but admins.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when a user does not exist, and then nothing is changed. The service
    /// answers with a success when the *topic* does not exist. If the call is dropped or its answer is lost, the
    /// change may have been made.
    pub async fn modify_topic_acl<U: AsRef<str> + Sync>(&self, topic: &TopicName, users: &[U]) -> Result<()> {
        self.modify_acl(self.topic_request(Method::Post, topic, ":modifyAcl"), users).await
    }

    /// The names of the users who may pull from a subscription. Changes nothing, so dropping it loses nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is no such subscription.
    pub async fn subscription_acl(&self, subscription: &SubscriptionName) -> Result<Vec<String>> {
        self.acl(self.subscription_request(Method::Get, subscription, ":acl")).await
    }

    /// Replaces the names of the users who may pull from a subscription; otherwise as
    /// [`modify_topic_acl`](Self::modify_topic_acl).
    pub async fn modify_subscription_acl<U: AsRef<str> + Sync>(
        &self,
        subscription: &SubscriptionName,
        users: &[U],
    ) -> Result<()> {
        self.modify_acl(self.subscription_request(Method::Post, subscription, ":modifyAcl"), users).await
    }

    async fn acl(&self, request: Request) -> Result<Vec<String>> {
        let acl: WireAcl = self.0.send(request).await?.json()?;
        Ok(acl.authorized_users)
    }

    async fn modify_acl<U: AsRef<str>>(&self, request: Request, users: &[U]) -> Result<()> {
        let users: Vec<&str> = users.iter().map(AsRef::as_ref).collect();
        let body = json!({ "authorized_users": users }).to_string();
        let request = request.body(body).repetition(Repetition::Harmless);
        self.0.send(request).await?.nothing()
    }
}
