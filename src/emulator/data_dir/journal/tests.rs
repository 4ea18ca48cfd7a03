use super::*;

fn set(key: &str, value: &str) -> Change {
    Change { key: key.to_owned(), value: Some(value.to_owned()) }
}

fn remove(key: &str) -> Change {
    Change { key: key.to_owned(), value: None }
}

fn kept(directory: &Path) -> Vec<(String, String)> {
    Journal::open(directory).unwrap().live().clone().into_iter().collect()
}

#[test]
fn the_last_word_on_a_key_counts() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path()).unwrap();
    journal.write(vec![set("a", "1"), set("b", "\"x\""), set("c", "3")]).unwrap();
    journal.write(vec![set("a", "2"), remove("c"), remove("never")]).unwrap();
    let length = journal.file.length();
    journal.write(vec![set("a", "2"), remove("c")]).unwrap();
    assert_eq!(journal.file.length(), length, "what is said already is not said again");
    assert_eq!(kept(directory.path()), [("a", "2"), ("b", "\"x\"")].map(|(k, v)| (k.into(), v.into())));
}

#[test]
fn a_change_of_several_keys_is_kept_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path()).unwrap();
    journal.write(vec![set("a", "1"), set("b", "1")]).unwrap();
    let whole = journal.file.length();
    journal.write(vec![set("a", "2"), set("b", "2")]).unwrap();
    let end = journal.file.length();
    let bytes = std::fs::read(journal.path()).unwrap();
    for length in whole..end {
        std::fs::write(journal.path(), &bytes[..usize::try_from(length).unwrap()]).unwrap();
        assert_eq!(kept(directory.path()), [("a", "1"), ("b", "1")].map(|(k, v)| (k.into(), v.into())));
    }
}

#[test]
fn however_often_something_changes_the_file_stays_short() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path()).unwrap();
    let key = "k".repeat(1000);
    for number in 0..10_000 {
        journal.write(vec![set(&key, &number.to_string()), set("other", "1")]).unwrap();
        assert!(journal.file.length() < 2 * SMALL, "{number}");
    }
    assert_eq!(kept(directory.path()), [(key, "9999".to_owned()), ("other".to_owned(), "1".to_owned())]);
    assert!(!directory.path().join(NEW_NAME).exists());
}
