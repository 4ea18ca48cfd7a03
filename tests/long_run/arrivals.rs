//! What arrived at the sinks, in the order of its arrival.

use std::collections::BTreeMap;
use std::path::Path;

use super::scene::{Channel, Place, Scene, Subscription};
use super::truth::Id;
use crate::common::PROJECT;

/// What is in one place.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    pub(crate) ids: Vec<Id>,
    /// Lines that are no message.
    pub(crate) torn: usize,
}

/// What is on standard output, by the full name of the subscription.
pub(crate) type Shown = BTreeMap<String, Arrivals>;

impl Arrivals {
    pub(crate) async fn of(
        scene: &Scene,
        subscription: &Subscription,
        channel: &Channel,
        shown: &mut Shown,
    ) -> Self {
        match &channel.place {
            Place::File(path) => Self::in_file(&scene.seen(path)),
            Place::Webhook(path) => Self {
                ids: scene
                    .receiver
                    .posts(path)
                    .iter()
                    .filter(|post| post.taken)
                    .flat_map(|post| post.numbers.iter().zip(&post.paddings))
                    .map(|(number, padding)| Id::of(*number, *padding))
                    .collect(),
                torn: 0,
            },
            Place::Topic(topic) => {
                let texts = scene.service.take_all_texts(topic).await;
                Self { ids: texts.iter().map(|text| Id::read(text).unwrap()).collect(), torn: 0 }
            }
            Place::Stdout => {
                let name = format!("projects/{PROJECT}/subscriptions/{}", subscription.key);
                shown.remove(&name).unwrap_or_default()
            }
        }
    }

    fn in_file(path: &Path) -> Self {
        let mut arrivals = Self::default();
        for line in read(path).lines() {
            match message(line) {
                Some((_, id)) => arrivals.ids.push(id),
                None => arrivals.torn += 1,
            }
        }
        arrivals
    }
}

/// A line that a kill has cut short has the next one behind it, for nobody can take back what was shown.
pub(crate) fn shown(path: &Path) -> Shown {
    let mut shown = Shown::new();
    for line in read(path).lines() {
        let whole = line.rfind("{\"messageId\"").map_or("", |start| &line[start..]);
        if let Some((subscription, id)) = message(whole) {
            shown.entry(subscription).or_default().ids.push(id);
        }
    }
    shown
}

fn read(path: &Path) -> String {
    match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// The subscription and the message in a line, if it is one.
fn message(line: &str) -> Option<(String, Id)> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let id = Id::read(line["data"].as_str()?)?;
    (line["messageId"].as_str()?.parse() == Ok(id.offset)).then_some(())?;
    Some((line["subscription"].as_str()?.to_owned(), id))
}
