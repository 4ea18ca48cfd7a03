use std::fs;
use std::io::Write;

use tempfile::TempDir;

use super::*;
use crate::config::FileAccess;

/// A file of `whole`, marked, and then `rest` behind the mark.
fn marked(path: &Path, whole: &str, rest: &str) -> FileMark {
    fs::write(path, whole).unwrap();
    let mut file = OpenOptions::new().read(true).append(true).open(path).unwrap();
    let mark = FileMark::of(path, &file, whole.len() as u64).unwrap();
    file.write_all(rest.as_bytes()).unwrap();
    // As it comes back from the disk.
    serde_json::from_str(&serde_json::to_string(&mark).unwrap()).unwrap()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn what_is_behind_the_mark_is_cut_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out");
    for (whole, rest) in [("0\n1\n", "2\n3"), ("", "0\n"), ("0\n", "")] {
        let mark = marked(&path, whole, rest);
        for _ in 0..2 {
            mark.restore(true).unwrap();
            assert_eq!(text(&path), whole);
        }
    }
}

#[test]
fn a_file_that_was_rotated_is_found_under_its_new_name() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out");
    let mark = marked(&path, "0\n", "1\n");
    fs::rename(&path, dir.path().join("out.1")).unwrap();
    fs::write(&path, "somebody else's\n").unwrap();
    mark.restore(true).unwrap();
    assert_eq!(text(&dir.path().join("out.1")), "0\n");
    assert_eq!(text(&path), "somebody else's\n");
}

#[test]
fn a_file_that_is_not_provably_the_same_is_left_as_it_is() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out");
    // Another inode.
    let mark = marked(&path, "0\n", "1\n");
    fs::copy(&path, dir.path().join("copy")).unwrap();
    fs::rename(dir.path().join("copy"), &path).unwrap();
    mark.restore(true).unwrap();
    assert_eq!(text(&path), "0\n1\n");
    // Shorter than it was.
    let mark = marked(&path, "0\n1\n", "");
    fs::write(&path, "0\n").unwrap();
    mark.restore(true).unwrap();
    assert_eq!(text(&path), "0\n");
    // Cut, and written to by somebody else.
    let mark = marked(&path, "0\n1\n", "");
    fs::write(&path, "somebody else's\n").unwrap();
    mark.restore(true).unwrap();
    assert_eq!(text(&path), "somebody else's\n");
    // The same inode, used again for another file.
    let mut mark = marked(&path, "", "0\n");
    mark.born = mark.born.map(|born| born + 1);
    if mark.born.is_some() {
        mark.restore(true).unwrap();
        assert_eq!(text(&path), "0\n");
    }
}

#[test]
fn a_file_or_directory_that_is_gone_is_no_obstacle() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("sub/out");
    fs::create_dir(dir.path().join("sub")).unwrap();
    let mark = marked(&path, "0\n", "1\n");
    fs::remove_file(&path).unwrap();
    mark.restore(true).unwrap();
    fs::remove_dir(dir.path().join("sub")).unwrap();
    mark.restore(true).unwrap();
    fs::write(dir.path().join("sub"), "a file where the directory was").unwrap();
    mark.restore(true).unwrap();
    assert!(!path.exists());
}

#[test]
fn a_file_that_another_process_writes_to_is_not_cut() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out");
    let mark = marked(&path, "0\n", "1\n");
    let other = File::open(&path).unwrap();
    other.lock().unwrap();
    assert!(mark.restore(true).is_err());
    assert_eq!(text(&path), "0\n1\n");
}

#[test]
fn where_a_file_begins_to_be_written_to_is_known_before() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out");
    fs::write(&path, "0\n").unwrap();
    let mut file = super::super::AppendFile::open(path.clone(), &FileAccess::default()).unwrap();
    let begun = |file: &mut super::super::AppendFile| {
        let mark = file.begin().unwrap();
        file.know(mark.clone());
        mark.map(|mark| mark.length)
    };
    assert_eq!(begun(&mut file), Some(2));
    file.append(b"1\n").unwrap();
    file.sync().unwrap();
    file.vouch().unwrap();
    // Nobody else has written to it: there is nothing new to know.
    let known = file.mark().unwrap().length;
    assert_eq!((known, file.begin().unwrap()), (4, None));
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"# a marker\n").unwrap();
    assert_eq!(begun(&mut file), Some(15));
}
