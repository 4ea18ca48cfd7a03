//! Lists that come by pages, as streams of their items.

use super::{
    AmsClient,
    error::Result,
    model::{Page, PageRequest, SubscriptionInfo, TopicInfo},
    name::ProjectName,
    users::UserInfo,
};
use futures_util::{Stream, StreamExt, stream};
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// How much is asked for at once. Without a size, the service answers with everything.
const PAGE: u32 = 100;

/// The items of a list, page by page; the next page is asked for when the one before is used up.
///
/// An error is the last item. Items that come or go meanwhile may be missed. Dropping it, or a call of
/// [`next`](Self::next), loses nothing.
pub struct Pages<T>(Pin<Box<dyn Stream<Item = Result<T>> + Send>>);

impl<T> Pages<T> {
    /// The next item; none when all were there, or after an error.
    pub async fn next(&mut self) -> Option<Result<T>> {
        self.0.next().await
    }

    /// All items, or the first error.
    pub async fn collect(mut self) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while let Some(item) = self.next().await {
            items.push(item?);
        }
        Ok(items)
    }
}

impl<T> Stream for Pages<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}

impl AmsClient {
    /// All topics, the newest first, as [`topics`](Self::topics) lists them by pages.
    ///
    /// ```
    /// # use ams_forwarder::{client::AmsClient, emulator::Emulator};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let emulator = Emulator::new(Default::default());
    /// # emulator.create_project("EGI", "")?;
    /// # emulator.create_topic("EGI", "metrics")?;
    /// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let endpoint = format!("http://{}", listener.local_addr()?);
    /// # tokio::spawn(async move { emulator.run(listener, std::future::pending()).await });
    /// # let client = AmsClient::builder(&endpoint, "EGI".parse()?).token("emulator".into()).no_proxy().build()?;
    /// let mut topics = client.all_topics();
    /// while let Some(topic) = topics.next().await {
    ///     println!("{}", topic?.name);
    /// }
    /// # assert_eq!(client.all_topics().collect().await?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn all_topics(&self) -> Pages<TopicInfo> {
        self.pages(|client, page| async move { client.topics(&page).await })
    }

    /// All subscriptions, the newest first, as [`subscriptions`](Self::subscriptions) lists them by pages.
    #[must_use]
    pub fn all_subscriptions(&self) -> Pages<SubscriptionInfo> {
        self.pages(|client, page| async move { client.subscriptions(&page).await })
    }

    /// All members of the project, as [`members`](Self::members) lists them by pages.
    #[must_use]
    pub fn all_members(&self) -> Pages<UserInfo> {
        self.pages(|client, page| async move { client.members(&page).await })
    }

    /// All users of the service, or of one project, as [`users`](Self::users) lists them by pages.
    #[must_use]
    pub fn all_users(&self, project: Option<&ProjectName>) -> Pages<UserInfo> {
        let project = project.cloned();
        self.pages(move |client, page| {
            let project = project.clone();
            async move { client.users(project.as_ref(), &page).await }
        })
    }

    fn pages<T, A>(&self, ask: impl Fn(Self, PageRequest) -> A + Send + 'static) -> Pages<T>
    where
        T: Send + 'static,
        A: Future<Output = Result<Page<T>>> + Send + 'static,
    {
        let client = self.clone();
        let pages = stream::unfold(Some(PageRequest { size: Some(PAGE), token: None }), move |page| {
            let answer = page.map(|page| ask(client.clone(), page));
            async move {
                Some(match answer?.await {
                    Ok(Page { items, next, .. }) => {
                        let next = next.map(|token| PageRequest { size: Some(PAGE), token: Some(token) });
                        (items.into_iter().map(Ok).collect(), next)
                    }
                    Err(error) => (vec![Err(error)], None),
                })
            }
        });
        Pages(Box::pin(pages.flat_map(stream::iter)))
    }
}
