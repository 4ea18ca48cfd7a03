use std::fs;

use tempfile::TempDir;

use super::*;

fn state(acked: u64) -> State {
    let mut state = State { epoch: 2, acked: Some(acked), ..State::default() };
    state.sinks.insert("archive".to_owned(), acked + 5);
    state.asked.insert(acked + 3);
    state.notes.insert("hook".to_owned(), serde_json::json!({"first": 1}));
    state
}

/// What is read after these states were kept.
fn after(path: &Path, states: impl IntoIterator<Item = u64>) -> Journal {
    let (mut journal, _) = Journal::open(path).unwrap();
    for acked in states {
        journal.keep(&state(acked), false).unwrap();
    }
    journal
}

fn found(path: &Path) -> (Option<State>, usize, usize) {
    let found = read(path).unwrap().unwrap();
    (found.state, found.torn, found.damaged)
}

#[test]
fn the_last_state_is_found_again_and_written_to() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("new/s.journal");
    after(&path, [1, 2, 3]);
    assert_eq!(found(&path), (Some(state(3)), 0, 0));
    after(&path, [4]);
    assert_eq!(found(&path), (Some(state(4)), 0, 0));
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 5, "it was appended to");
}

#[test]
fn an_end_that_was_torn_anywhere_costs_only_the_last_state_and_is_cut_off() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("s.journal");
    after(&path, [1, 2]);
    let whole = fs::read(&path).unwrap();
    let last = whole.iter().rev().skip(1).position(|byte| *byte == b'\n').unwrap() + 1;
    for torn in 1..=last {
        for filled in [0, 4096] {
            let mut text = whole[..whole.len() - torn].to_vec();
            let whole_lines = text.len() == whole.len() - last;
            text.resize(text.len() + filled, 0);
            fs::write(&path, &text).unwrap();
            let (state_found, torn_found, _) = found(&path);
            assert_eq!(state_found, Some(state(1)), "{torn}");
            assert_eq!(torn_found == 0, whole_lines && filled == 0, "{torn}");
        }
    }
    after(&path, [3]);
    assert_eq!(found(&path), (Some(state(3)), 0, 0));
}

#[test]
fn damage_in_the_middle_costs_nothing_and_is_noticed() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("s.journal");
    after(&path, [1, 2, 3]);
    let whole = fs::read(&path).unwrap();
    let last = whole.iter().rev().skip(1).position(|byte| *byte == b'\n').unwrap() + 1;
    for at in 0..whole.len() - last {
        let mut text = whole.clone();
        text[at] ^= 0x41;
        // A version that is greater by chance is not what is asked here, nor the end of a line, which takes the next one
        // with it.
        if at == TITLE.len() || whole[at] == b'\n' {
            continue;
        }
        fs::write(&path, &text).unwrap();
        let (state_found, torn, damaged) = found(&path);
        assert_eq!((state_found, torn), (Some(state(3)), 0), "{at}");
        assert!(damaged > 0, "{at}");
    }
}

#[test]
fn a_journal_without_a_whole_state_counts_as_lost_and_is_put_aside() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("s.journal");
    for rubbish in
        [&b""[..], b"\0\0\0\0", b"rubbish\nand more\n", b"ams-forwarder ledger, version 1\n", &[0xff; 5000]]
    {
        fs::write(&path, rubbish).unwrap();
        let (mut journal, found_there) = Journal::open(&path).unwrap();
        assert_eq!(found_there.unwrap().state, None);
        assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), rubbish);
        journal.keep(&state(1), true).unwrap();
        assert_eq!(found(&path), (Some(state(1)), 0, 0));
    }
}

#[test]
fn a_newer_version_is_refused_with_both_versions_and_left_as_it_is() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("s.journal");
    let text = format!("{TITLE}{}\nwho knows\n", VERSION + 1);
    fs::write(&path, &text).unwrap();
    let error = Journal::open(&path).unwrap_err().to_string();
    let versions = [format!("is of version {}", VERSION + 1), format!("up to {VERSION}")];
    assert!(versions.iter().all(|version| error.contains(version)), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_long_journal_is_compacted_with_a_commit() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("s.journal");
    let mut journal = after(&path, 0..4000);
    assert!(fs::metadata(&path).unwrap().len() > LONGEST);
    journal.keep(&state(4000), true).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    journal.keep(&state(4001), false).unwrap();
    assert_eq!(found(&path), (Some(state(4001)), 0, 0));
}

#[test]
fn what_cannot_be_written_is_written_when_it_can_be() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("s.journal");
    let mut journal = after(&path, [1]);
    // Any failure makes it write a new file, which something stands in the way of.
    journal.file = Some(File::open(&path).unwrap());
    fs::create_dir(path.with_extension("new")).unwrap();
    for _ in 0..2 {
        let error = journal.keep(&state(2), true).unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
    assert_eq!(found(&path).0, Some(state(1)));
    fs::remove_dir(path.with_extension("new")).unwrap();
    journal.keep(&state(2), true).unwrap();
    assert_eq!(found(&path), (Some(state(2)), 0, 0));
}

/// The journals that earlier versions have written: each is read for ever.
#[test]
fn a_journal_of_each_version_is_read() {
    for version in 1..=VERSION {
        let path = format!("{}/tests/ledgers/{version}.journal", env!("CARGO_MANIFEST_DIR"));
        let (state, torn, damaged) = found(Path::new(&path));
        let state = state.unwrap();
        assert_eq!((torn, damaged), (0, 0), "{version}");
        assert_eq!((state.epoch, state.acked), (2, Some(100)), "{version}");
        assert_eq!(
            state.sinks.iter().map(|(name, next)| (name.as_str(), *next)).collect::<Vec<_>>(),
            [("alerting", 120), ("archive", 140)]
        );
        let mark = &state.files["archive"][0];
        assert_eq!((mark.path.to_str(), mark.inode, mark.length), (Some("/var/out/a.jsonl"), 7, 4711));
    }
}
