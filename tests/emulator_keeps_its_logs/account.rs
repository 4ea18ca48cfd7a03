//! What is known of the emulator's state from the answers alone, and what an answer must not contradict.

use std::sync::Mutex;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::SeqCst;

/// What tells a message from every other one; its data.
pub(super) type Tag = u64;

/// A topic: which message has which id.
pub(super) struct Topic {
    pub(super) name: String,
    records: Mutex<Vec<Record>>,
    /// One past the highest id that a publish was answered with.
    pub(super) published: AtomicI64,
    /// Below this the log may have been cut off.
    pub(super) cut: AtomicI64,
}

#[derive(Clone, Copy, Default)]
struct Record {
    /// 0 while nobody saw it.
    tag: Tag,
    /// Whether its publish was answered with this id.
    is_answered: bool,
}

impl Topic {
    pub(super) fn new(name: String) -> Self {
        Self { name, records: Mutex::default(), published: AtomicI64::new(0), cut: AtomicI64::new(0) }
    }

    fn note(&self, id: i64, tag: Tag, by_publisher: bool) {
        let mut records = self.records.lock().unwrap();
        let index = usize::try_from(id).unwrap();
        if records.len() <= index {
            records.resize(index + 1, Record::default());
        }
        let record = &mut records[index];
        assert!(
            record.tag == 0 || record.tag == tag,
            "{}: {id} is {tag} now and was {}",
            self.name,
            record.tag
        );
        assert!(!(by_publisher && record.is_answered), "{}: {id} was given twice", self.name);
        record.tag = tag;
        record.is_answered |= by_publisher;
    }

    pub(super) fn was_published(&self, ids: &[i64], tags: &[Tag]) {
        assert!(ids.is_sorted_by(|one, next| one < next), "{}: {ids:?}", self.name);
        for (&id, &tag) in ids.iter().zip(tags) {
            self.note(id, tag, true);
        }
        self.published.fetch_max(ids.last().unwrap() + 1, SeqCst);
    }

    /// Takes the answer of a pull apart, and gives its first and last id. There is no hole in it, and times rise.
    pub(super) fn pulled(&self, answer: &str) -> Option<(i64, i64)> {
        let mut ids: Option<(i64, i64)> = None;
        let mut before = "";
        for record in answer.split("\"messageId\": \"").skip(1) {
            let (id, rest) = record.split_once('"').unwrap();
            let field = |name: &str| rest.split_once(name).unwrap().1.split('"').next().unwrap();
            let (id, tag) = (id.parse().unwrap(), field("\"data\": \"").parse().unwrap());
            let time = field("\"publishTime\": \"").strip_suffix('Z').unwrap();
            assert!(before < time, "{}: {time} after {before}", self.name);
            assert!(ids.is_none_or(|(_, last)| id == last + 1), "{}: {id} after {ids:?}", self.name);
            self.note(id, tag, false);
            before = time;
            ids = Some((ids.map_or(id, |(first, _)| first), id));
        }
        ids
    }

    /// All publishes are answered: every id below `max` was given to one message, and no message has two.
    pub(super) fn is_whole(&self, max: i64) {
        let records = self.records.lock().unwrap();
        assert_eq!(i64::try_from(records.len()).unwrap(), max, "{}: as many ids were seen", self.name);
        let missing = records.iter().position(|record| !record.is_answered);
        assert_eq!(missing, None, "{}: nobody published this id", self.name);
        let mut tags: Vec<_> = records.iter().map(|record| record.tag).collect();
        tags.sort_unstable();
        assert!(tags.is_sorted_by(|one, next| one < next), "{}: a message is there twice", self.name);
    }
}

/// A subscription that many use: how far it must have come.
pub(super) struct Place {
    pub(super) name: String,
    /// The number of its topic.
    pub(super) topic: usize,
    pub(super) is_sought: bool,
    account: Mutex<Account>,
}

/// What is certain while nobody seeks.
struct Account {
    seeks_begun: u64,
    seeks_ended: u64,
    floor: i64,
}

/// What is certain when a request is sent.
pub(super) struct Look {
    seeks_begun: u64,
    /// `None` while somebody seeks: it may be anywhere.
    floor: Option<i64>,
}

impl Place {
    pub(super) fn new(name: String, topic: usize, is_sought: bool) -> Self {
        let account = Account { seeks_begun: 0, seeks_ended: 0, floor: 0 };
        Self { name, topic, is_sought, account: Mutex::new(account) }
    }

    /// Before a request.
    pub(super) fn look(&self) -> Look {
        let account = self.account.lock().unwrap();
        let is_quiet = account.seeks_begun == account.seeks_ended;
        Look { seeks_begun: account.seeks_begun, floor: is_quiet.then_some(account.floor) }
    }

    /// At some time since `look` it stood at `offset`, or there at least where it `is_place`.
    pub(super) fn saw(&self, look: &Look, offset: i64, is_place: bool, who: &str) {
        let mut account = self.account.lock().unwrap();
        let Some(floor) = look.floor.filter(|_| account.seeks_begun == look.seeks_begun) else {
            return;
        };
        assert!(offset >= floor, "{who}: {} runs back from {floor} to {offset}", self.name);
        if is_place {
            account.floor = account.floor.max(offset);
        }
    }

    /// Before a seek. Gives its number, if there is no other one under way.
    pub(super) fn begin_seek(&self) -> Option<u64> {
        let mut account = self.account.lock().unwrap();
        let is_quiet = account.seeks_begun == account.seeks_ended;
        account.seeks_begun += 1;
        account.floor = i64::MIN;
        is_quiet.then_some(account.seeks_begun)
    }

    /// Nothing is certain after it unless it was the only one all the time.
    pub(super) fn end_seek(&self, number: Option<u64>, offset: i64) {
        let mut account = self.account.lock().unwrap();
        account.seeks_ended += 1;
        if number == Some(account.seeks_begun) {
            account.floor = offset;
        }
    }
}

/// The ids of a publish's answer.
pub(super) fn published_ids(answer: &str) -> Vec<i64> {
    answer.split('"').filter_map(|text| text.parse().ok()).collect()
}
