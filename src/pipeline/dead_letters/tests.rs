use std::os::unix::fs::PermissionsExt;

use super::read::Dropped;
use super::*;
use crate::client::Batch;
use crate::sink::Jotter;

const LIMIT: u64 = 64 * 1024;

struct Store {
    dir: tempfile::TempDir,
    letters: DeadLetters,
    /// What the ledger knows.
    page: Jotter,
}

fn store() -> Store {
    let dir = tempfile::tempdir().unwrap();
    let letters = DeadLetters::new(dir.path(), "metrics", LIMIT);
    Store { dir, letters, page: Jotter::default() }
}

/// A letter of message `id` with about `size` bytes.
fn letter(id: u64, sink: &str, size: usize) -> Letter {
    let answer = format!(
        r#"{{"receivedMessages":[{{"ackId":"projects/P/subscriptions/S:{id}","message":{{"messageId":"{id}",
            "attributes":{{"k":"{}"}},"data":"cGF5bG9hZA==","publishTime":"T"}}}}]}}"#,
        "x".repeat(size)
    );
    let batch = Batch::from_json(answer.into_bytes()).unwrap();
    let rejection = Rejection { sink, reason: "not so", tries: 1, epoch: 0 };
    Letter::rejected(&batch.get(0).unwrap(), "projects/P/subscriptions/S", rejection)
}

impl Store {
    /// Where the letters end then.
    fn keep(&self, letter: &Letter) -> FileMark {
        let unrecorded = self.keep_unrecorded(letter);
        *self.page.files.lock().unwrap() = vec![unrecorded.clone()];
        unrecorded
    }

    /// As after a crash.
    fn keep_unrecorded(&self, letter: &Letter) -> FileMark {
        let mut extent = None;
        let record = |end| {
            extent = Some(end);
            Ok(())
        };
        self.letters.keep_now(letter, &self.page, record).unwrap();
        extent.unwrap()
    }

    fn cut_back(&self) -> u64 {
        self.letters.cut_back_now(&self.page).unwrap()
    }

    fn ids(&self) -> Vec<u64> {
        let mut ids = Vec::new();
        let mut see = |line: &[u8]| {
            if let Some(about) = About::of(line) {
                ids.push(about.message.parse().unwrap());
            }
        };
        self.letters.each(&mut see).unwrap();
        ids
    }

    fn files(&self) -> Vec<Numbered> {
        Directory::open(&self.letters.directory, Locking::ToRead).unwrap().unwrap().files().unwrap()
    }

    fn discard(&self, ids: &[u64]) -> Dropped {
        let ids = Some(ids.iter().map(u64::to_string).collect());
        self.letters.discard(&Choice { ids, ..Choice::default() }).unwrap()
    }
}

#[test]
fn a_letter_restores_its_message_and_says_what_became_of_it() {
    let store = store();
    store.keep(&letter(7, "hook", 1));
    let unreadable = Letter::unreadable(8, "projects/P/subscriptions/S", "it \"said\" so", 3);
    store.keep(&unreadable);
    let mut lines = Vec::new();
    store
        .letters
        .each(|line| lines.push(serde_json::from_slice::<serde_json::Value>(line).unwrap()))
        .unwrap();
    for line in &mut lines {
        let time = line["deadLetter"].as_object_mut().unwrap().remove("time").unwrap();
        assert!(time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{time}");
    }
    let expected = serde_json::json!([
        {"messageId": "7", "publishTime": "T", "subscription": "projects/P/subscriptions/S",
         "attributes": {"k": "x"}, "data": "payload",
         "deadLetter": {"sink": "hook", "reason": "not so", "tries": 1, "epoch": 0}},
        {"messageId": "8", "subscription": "projects/P/subscriptions/S",
         "deadLetter": {"offset": 8, "reason": "it \"said\" so", "epoch": 3}},
    ]);
    assert_eq!(serde_json::Value::from(lines), expected);
    assert!(!format!("{:?}", letter(7, "hook", 1)).contains("payload"));
}

#[test]
fn payloads_are_for_the_owner_alone() {
    let store = store();
    store.keep(&letter(0, "hook", 1));
    store.discard(&[0]);
    store.keep(&letter(1, "hook", 1));
    store.keep(&letter(2, "hook", 1));
    store.discard(&[1]);
    for file in store.files() {
        assert_eq!(file.path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    let mode = store.letters.directory.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o027, 0, "{mode:o}");
}

#[test]
fn files_are_rotated_and_a_full_store_takes_nothing_and_loses_nothing() {
    let store = store();
    let mut kept = 0;
    let full = loop {
        match store.letters.keep_now(&letter(kept, "hook", 1000), &store.page, |_| Ok(())) {
            Ok(()) => kept += 1,
            Err(full) => break full,
        }
    };
    assert!(matches!(full, NotKept::Full { limit: LIMIT, .. }), "{full}");
    assert_eq!(store.ids(), (0..kept).collect::<Vec<_>>());
    let files = store.files();
    assert!(files.len() > 10 && files.iter().all(|file| file.length <= LIMIT / 16), "{files:?}");
    assert!(files.iter().map(|file| file.length).sum::<u64>() <= LIMIT);

    assert_eq!(store.discard(&[0, 1, 2]).letters, 3);
    store.keep(&letter(kept, "hook", 1000));
    assert_eq!(store.ids(), (3..=kept).collect::<Vec<_>>());
}

#[test]
fn a_letter_whose_progress_cannot_be_recorded_is_taken_back() {
    let store = store();
    store.keep(&letter(0, "hook", 1));
    let unwritable = |_| Err(io::ErrorKind::StorageFull.into());
    let refused = store.letters.keep_now(&letter(1, "hook", 1), &store.page, unwritable);
    assert!(matches!(refused, Err(NotKept::Io { .. })));
    assert_eq!(store.ids(), [0]);
    store.keep(&letter(1, "hook", 1));
    assert_eq!(store.ids(), [0, 1]);
}

#[test]
fn what_was_not_recorded_is_cut_off_also_the_first_letter_of_a_file() {
    let store = store();
    store.keep_unrecorded(&letter(0, "hook", 1));
    assert!(store.cut_back() > 0);
    assert_eq!(store.ids(), Vec::<u64>::new());

    store.keep(&letter(0, "hook", 3000));
    for id in 1..4 {
        store.keep_unrecorded(&letter(id, "hook", 3000));
    }
    assert!(store.files().len() > 1);
    assert!(store.cut_back() > 0);
    assert_eq!(store.ids(), [0]);
    assert_eq!(store.cut_back(), 0);
    store.keep(&letter(1, "hook", 1));
    assert_eq!(store.ids(), [0, 1]);
}

#[test]
fn a_ledger_that_knows_nothing_of_the_letters_cuts_nothing() {
    let store = store();
    store.keep(&letter(0, "hook", 1));
    store.page.files.lock().unwrap().clear();
    assert_eq!((store.cut_back(), store.ids()), (0, vec![0]));
    store.keep_unrecorded(&letter(1, "hook", 1));
    store.cut_back();
    assert_eq!(store.ids(), [0]);
}

#[test]
fn dropping_takes_what_was_chosen_and_what_the_ledger_recorded_cuts_nothing_of_the_rest() {
    let store = store();
    for id in 0..3 {
        store.keep(&letter(id, if id == 1 { "hook" } else { "copy" }, 1));
    }
    let recorded = store.files().pop().unwrap();
    let copies = Choice { sink: Some("copy".to_owned()), ..Choice::default() };
    let dropped = store.letters.discard(&copies).unwrap();
    assert_eq!((dropped.letters, store.ids()), (2, vec![1]));
    assert!(dropped.bytes > 100);
    assert_eq!((store.cut_back(), store.ids()), (0, vec![1]));

    // One that comes after, and was not recorded before a crash, is cut off all the same.
    store.keep_unrecorded(&letter(3, "hook", 1));
    assert_eq!(store.ids(), [1, 3]);
    store.cut_back();
    assert_eq!(store.ids(), [1]);
    assert_eq!(store.letters.discard(&Choice::default()).unwrap().letters, 1);
    assert_eq!(store.ids(), Vec::<u64>::new());
    store.keep(&letter(4, "hook", 1));
    assert!(store.files().pop().unwrap().number > recorded.number);
}

#[test]
fn exactly_the_lines_that_were_shown_can_be_dropped() {
    let store = store();
    store.keep(&letter(0, "hook", 1));
    let mut shown = std::collections::BTreeSet::new();
    store.letters.chosen(&Choice::default(), |line| shown.extend([line.to_vec()])).unwrap();
    // The same message again, of a later time.
    store.keep(&letter(0, "copy", 1));
    store.letters.discard(&Choice { lines: Some(shown), ..Choice::default() }).unwrap();
    let mut sinks = Vec::new();
    store.letters.each(|line| sinks.push(About::of(line).unwrap().sink.unwrap())).unwrap();
    assert_eq!(sinks, ["copy"]);
}

#[test]
fn a_torn_line_spoils_no_other_and_is_neither_a_letter_nor_dropped_with_them() {
    let store = store();
    store.keep(&letter(0, "hook", 1));
    let path = store.files()[0].path.clone();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&whole[..], &whole[..20]].concat()).unwrap();
    store.keep(&letter(1, "hook", 1));
    assert_eq!(store.ids(), [0, 1]);
    assert_eq!(store.letters.discard(&Choice::default()).unwrap().letters, 2);
    let mut left = Vec::new();
    store.letters.each(|line| left.push(line.to_vec())).unwrap();
    assert_eq!(left, [whole[..20].to_vec()]);
}

#[test]
fn nothing_is_made_before_there_is_a_letter() {
    let store = store();
    assert_eq!((store.cut_back(), store.ids()), (0, vec![]));
    assert_eq!(store.letters.discard(&Choice::default()).unwrap(), Dropped::default());
    assert_eq!(store.dir.path().read_dir().unwrap().count(), 0);
}
