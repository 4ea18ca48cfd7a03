use std::time::Duration;

use super::*;
use crate::emulator::Retention;
use crate::emulator::user::Role;

fn open(directory: &Path) -> Emulator {
    Emulator::open(Options::default(), directory).unwrap()
}

/// All that would be kept, in its order.
fn all(emulator: &Emulator) -> std::collections::BTreeMap<String, String> {
    kept::collect(emulator, Scope::Everything).entries
}

#[test]
fn what_is_made_is_there_again_and_what_is_left_over_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let emulator = open(directory.path());
    emulator.create_project("P", "a project").unwrap();
    for topic in ["b", "a", "gone"] {
        emulator.create_topic("P", topic).unwrap();
        emulator.create_subscription("P", topic, topic).unwrap();
    }
    let token = emulator.create_member("P", "somebody", &[Role::Consumer]).unwrap();
    emulator.set_subscription_acl("P", "a", &["somebody"]).unwrap();
    emulator.set_topic_acl("P", "b", &["somebody"]).unwrap();
    let age = Some(Duration::from_millis(90_061_500));
    emulator.set_retention("P", "a", Retention { messages: Some(7), age, bytes: None }).unwrap();
    emulator.set_retention("P", "b", Retention::UNLIMITED).unwrap();
    let made = all(&emulator);
    drop(emulator);
    let left_over = directory.path().join("topics").join(registry::new_uuid());
    let of_somebody = directory.path().join("topics/notes");
    for path in [&left_over, &of_somebody] {
        fs::create_dir(path).unwrap();
        fs::write(path.join("file"), "").unwrap();
    }

    let emulator = open(directory.path());
    assert_eq!(all(&emulator), made);
    assert!(!left_over.exists() && of_somebody.exists());
    assert!(matches!(emulator.identity(&token).user(), Some(user) if user.name == "somebody"));
    assert_eq!(emulator.retention("P", "gone").unwrap(), Retention::default());
    let kept_age = emulator.retention("P", "a").unwrap().age;
    assert_eq!(kept_age, age);
    let names = |emulator: &Emulator| {
        let project = emulator.project("P").unwrap();
        project.read().topics.iter().map(|topic| topic.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&emulator), ["b", "a", "gone"], "in the order of their making");
}

#[test]
fn only_its_owner_can_look_into_it() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b");
    let emulator = open(&path);
    emulator.create_project("P", "").unwrap();
    for name in ["", "topics", "lock", "journal"] {
        assert_eq!(fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o077, 0, "{name}");
    }
}

#[test]
fn a_directory_is_of_one_emulator_until_its_last_clone_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let emulator = open(directory.path());
    let clone = emulator.clone();
    drop(emulator);
    let refused = Emulator::open(Options::default(), directory.path()).unwrap_err().to_string();
    assert!(refused.contains(&directory.path().display().to_string()), "{refused}");
    assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
    drop(clone);
    open(directory.path());
}

#[test]
fn topics_without_a_journal_are_not_taken_for_left_over() {
    let directory = tempfile::tempdir().unwrap();
    let emulator = open(directory.path());
    emulator.create_project("P", "").unwrap();
    drop(emulator);
    fs::remove_file(directory.path().join("journal")).unwrap();
    let refused = Emulator::open(Options::default(), directory.path()).unwrap_err().to_string();
    assert!(refused.contains("journal is damaged at offset 0: it is missing"), "{refused}");
}

#[test]
fn what_cannot_be_understood_is_named_and_a_secret_in_it_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let emulator = open(directory.path());
    let value = Some(r#"{"token":"a secret","serial":"#.to_owned());
    emulator.keeping().unwrap().write(vec![Change { key: "user/x".to_owned(), value }]).unwrap();
    drop(emulator);
    let refused = Emulator::open(Options::default(), directory.path()).unwrap_err().to_string();
    assert!(refused.contains("user/x cannot be understood") && !refused.contains("a secret"), "{refused}");
}

#[test]
fn a_directory_is_free_at_once_though_the_process_starts_others() {
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| {
            for _ in 0..200 {
                std::process::Command::new("true").status().unwrap();
            }
        });
        while !starting.is_finished() {
            open(directory.path());
        }
    });
}
