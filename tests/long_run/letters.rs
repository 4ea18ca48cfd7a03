//! The dead letters of a subscription, as they are on the disk.

use std::collections::{BTreeMap, BTreeSet};

use super::scene::{Scene, Subscription};
use super::truth::{Id, Truth};

/// How often each message is among them: once for each time that it came in a new epoch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letters {
    rejected: BTreeMap<(String, Id), u64>,
    unreadable: BTreeMap<u64, u64>,
    /// What should not be there.
    pub(crate) faults: Vec<String>,
}

impl Letters {
    pub(crate) fn of(scene: &Scene, subscription: &Subscription, truth: &Truth) -> Self {
        let directory = scene.seen(&scene.home.path("state")).join("dead-letters").join(&subscription.key);
        let (mut letters, mut seen) = (Self::default(), BTreeSet::new());
        let files = std::fs::read_dir(&directory).into_iter().flatten().map(|entry| entry.unwrap().path());
        for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "jsonl")) {
            for line in std::fs::read_to_string(&file).unwrap().lines() {
                match Letter::read(line) {
                    Some(letter) => {
                        letters.faults.extend(letter.fault(truth));
                        if !seen.insert(letter.clone()) {
                            letters.faults.push(format!("a dead letter is there twice: {letter:?}"));
                        }
                        letters.add(letter);
                    }
                    None => letters.faults.push(format!("a dead letter is torn: {line:?}")),
                }
            }
        }
        letters
    }

    fn add(&mut self, letter: Letter) {
        let count = match letter {
            Letter::Rejected { sink, id, .. } => self.rejected.entry((sink, id)).or_default(),
            Letter::Unreadable { offset, .. } => self.unreadable.entry(offset).or_default(),
        };
        *count += 1;
    }

    /// Whether there is one more letter of a message that `sink` refused.
    pub(crate) fn has(&self, sink: &str, id: Id) -> bool {
        self.rejected.get(&(sink.to_owned(), id)).is_some_and(|count| *count > 0)
    }

    /// One message that `sink` refused once.
    pub(crate) fn of_one(sink: &str, id: Id) -> Self {
        Self { rejected: BTreeMap::from([((sink.to_owned(), id), 1)]), ..Self::default() }
    }

    /// Whether there is one more letter that says why `sink` does not have this message.
    pub(crate) fn take(&mut self, sink: &str, id: Id, is_poison: bool) -> bool {
        let count = if is_poison {
            self.unreadable.get_mut(&id.offset)
        } else {
            self.rejected.get_mut(&(sink.to_owned(), id))
        };
        let Some(count) = count.filter(|count| **count > 0) else { return false };
        *count -= 1;
        true
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Letter {
    Rejected { sink: String, id: Id, epoch: u64 },
    Unreadable { offset: u64, epoch: u64 },
}

impl Letter {
    fn read(line: &str) -> Option<Self> {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let about = &line["deadLetter"];
        let epoch = about["epoch"].as_u64()?;
        if let Some(offset) = about["offset"].as_u64() {
            return Some(Self::Unreadable { offset, epoch });
        }
        let id = Id::read(line["data"].as_str()?)?;
        Some(Self::Rejected { sink: about["sink"].as_str()?.to_owned(), id, epoch })
    }

    fn fault(&self, truth: &Truth) -> Option<String> {
        let is_right = match self {
            Self::Rejected { id, .. } => truth.was_published(*id),
            Self::Unreadable { offset, .. } => {
                (0..=truth.number()).any(|log| truth.is_poison(Id { log, offset: *offset }))
            }
        };
        (!is_right).then(|| format!("a dead letter of nothing that was published: {self:?}"))
    }
}
