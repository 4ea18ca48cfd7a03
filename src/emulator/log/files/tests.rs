use std::borrow::Cow;

use super::super::{Bounds, Limits, Log};
use super::*;
use crate::emulator::attributes::Poison;
use crate::emulator::memory::Memory;
use crate::emulator::message::Prepared;
use crate::emulator::retention::Retention;

fn limits() -> Limits {
    Limits { retention: Retention::UNLIMITED, memory: Memory::new(None) }
}

fn open_with(directory: &Path, limits: Limits, permits: usize) -> Result<Log, DataDirError> {
    let files = LogFiles::new(directory.join("log"), Arc::new(Semaphore::new(permits)));
    Log::open(limits, None, files)
}

fn open(directory: &Path) -> Log {
    open_with(directory, limits(), 1).unwrap()
}

fn good(data: &str) -> Prepared<'_> {
    let data_bytes = data.len() as u64;
    Prepared::Good { attributes: Vec::new(), data: Cow::Borrowed(data.as_bytes()), data_bytes }
}

/// All that a pull would show.
fn shown(log: &Log) -> String {
    String::from_utf8(log.records(0, u64::MAX).answer("p:").unwrap()).unwrap()
}

fn names_in(directory: &Path) -> Vec<u64> {
    names(&directory.join("log")).unwrap()
}

fn bytes_in(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory.join("log")).unwrap();
    entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn a_log_is_the_same_when_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    // None of its files stays open either.
    for permits in [1, 0] {
        let log = open_with(directory.path(), limits(), permits).unwrap();
        log.append(&[good("a"), good("b")]).unwrap();
        let poison = Poison::Unreadable;
        log.append(&[good("c"), Prepared::Poisoned { poison, data_bytes: 3 }, good("d")]).unwrap();
        let (bounds, bytes) = (log.bounds(), log.bytes());
        drop(log);
        let log = open(directory.path());
        assert_eq!((log.bounds(), log.bytes()), (bounds, bytes));
        let poisoned = bounds.max.unsigned_abs() - 2;
        assert_eq!(log.records(poisoned, 1).answer(""), Err(poison));
        assert_eq!(log.records(poisoned, 1).data_bytes(), 3);
        log.remove_below(poisoned + 1);
        let before = shown(&log);
        drop(log);
        assert_eq!(shown(&open(directory.path())), before);
    }
}

#[test]
fn what_was_removed_stays_removed_and_ids_and_times_go_on_when_all_was() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let far = Timestamp::MAX - jiff::SignedDuration::from_hours(24);
    log.append(&[good("a"), good("b"), good("c")]).unwrap();
    log.state().last_time = far;
    log.append(&[good("d")]).unwrap();
    for below in [2, 4] {
        log.remove_below(below);
        let bounds = open(directory.path()).bounds();
        assert_eq!(bounds, Bounds { min: below.cast_signed(), max: 4 });
    }
    let log = open(directory.path());
    assert_eq!(log.append(&[good("e")]), Ok(4..5));
    assert!(log.state().last_time > far, "{}", log.state().last_time);
}

#[test]
fn the_disk_holds_little_more_than_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let bytes = 4 << 20;
    log.set_retention(Retention { bytes: Some(bytes), ..Retention::UNLIMITED });
    let data = "x".repeat(50_000);
    let most = bytes as u64 + 2 * SHORTEST + 100_000;
    for _ in 0..1000 {
        log.append(&[good(&data)]).unwrap();
        assert!(bytes_in(directory.path()) < most, "{}", bytes_in(directory.path()));
    }
    assert!(names_in(directory.path()).len() > 2);
    let bounds = log.bounds();
    drop(log);
    let log = open_with(
        directory.path(),
        Limits {
            retention: Retention { bytes: Some(bytes), ..Retention::UNLIMITED },
            memory: Memory::new(None),
        },
        1,
    );
    let log = log.unwrap();
    assert_eq!(log.bounds(), bounds);
    log.remove_below(u64::MAX);
    assert!(bytes_in(directory.path()) < 1000, "an empty log takes next to nothing");
    drop(log);
    assert_eq!(open(directory.path()).bounds(), Bounds { min: 1000, max: 1000 });
}

#[test]
fn a_file_that_is_missing_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let data = "x".repeat(900_000);
    for _ in 0..6 {
        log.append(&[good(&data)]).unwrap();
    }
    drop(log);
    let files = names_in(directory.path());
    assert_eq!(files, [0, 2, 4]);
    fs::remove_file(directory.path().join(format!("log/{:020}.log", 2))).unwrap();
    let refused = open_with(directory.path(), limits(), 1).unwrap_err().to_string();
    assert!(refused.contains("the records from 2 to 4 are missing"), "{refused}");
}

#[test]
fn more_than_the_memory_takes_is_refused_and_what_is_kept_of_it_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    for _ in 0..10 {
        log.append(&[good(&"x".repeat(10_000))]).unwrap();
    }
    drop(log);
    let small = |retention| Limits { retention, memory: Memory::new(Some(60_000)) };
    let refused = open_with(directory.path(), small(Retention::UNLIMITED), 1).unwrap_err().to_string();
    assert!(refused.contains("memory limit of 60000 bytes"), "{refused}");
    let fewer = Retention { messages: Some(3), ..Retention::UNLIMITED };
    let log = open_with(directory.path(), small(fewer), 1).unwrap();
    assert_eq!(log.bounds(), Bounds { min: 7, max: 10 });
}

#[test]
fn where_nothing_can_be_written_nothing_is_in_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    fs::write(directory.path().join("log"), "in the way").unwrap();
    assert_eq!(log.append(&[good("a")]), Err(super::super::Rejected::NotKept));
    assert_eq!((log.bounds(), log.memory().used()), (Bounds { min: 0, max: 0 }, 0));
    fs::remove_file(directory.path().join("log")).unwrap();
    assert_eq!(log.append(&[good("b")]), Ok(0..1));
    assert!(shown(&open(directory.path())).contains("\"data\": \"b\""));
}

#[test]
fn a_frame_of_something_else_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path()).append(&[good("a")]).unwrap();
    let path = directory.path().join(format!("log/{:020}.log", 0));
    let whole = fs::read(&path).unwrap();
    let place = Place { first: 0, next: 1, last_time: Timestamp::UNIX_EPOCH };
    let beyond = Place { first: 2, ..place };
    let later = Place { next: 2, ..place };
    let with = |head: Vec<u8>, rest: &[u8]| [head, rest.to_vec()].concat();
    for frame in [
        vec![],
        vec![7],
        with(place.encode(7), b""),
        with(place.encode(START), b"more"),
        with(beyond.encode(START), b""),
        with(later.encode(START), b""),
        with(later.encode(RECORDS), b""),
        with(later.encode(RECORDS), &[0xff; 64]),
        with(later.encode(RECORDS), &[&1_u64.to_le_bytes()[..], &9_u64.to_le_bytes(), &[0; 17]].concat()),
    ] {
        fs::write(&path, &whole).unwrap();
        FrameFile::open(&path, |_, _| Ok(())).unwrap().append(&frame, b"").unwrap();
        let refused = open_with(directory.path(), limits(), 1).map(|log| log.bounds());
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains(&format!("offset {}: this is no frame", whole.len())),
            "{frame:?}: {refused}"
        );
    }
}
