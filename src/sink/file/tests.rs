mod keeping;
mod rotation;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::config::{FileAccess, RotationConfig, SinkKind, sink_for_test};
use crate::sink::append_file::AppendFile;
use crate::sink::notebook::Jotter;
use crate::sink::tests::{batch, notebook, slice_of, source};

const MAX_OPEN: u32 = 32;

fn sink(path: &Path, format: &str) -> FileSink {
    sink_with(path, format, notebook())
}

fn sink_with(path: &Path, format: &str, notebook: Arc<Jotter>) -> FileSink {
    rotating(path, format, None, notebook)
}

fn rotating(path: &Path, format: &str, rotation: Option<RotationConfig>, notebook: Arc<Jotter>) -> FileSink {
    let keys = format!("path = {path:?}\nformat = {format:?}\nmax_open_files = {MAX_OPEN}");
    let config = FileConfig { rotation, ..config(&keys) };
    sink_of(&config, notebook)
}

fn sink_of(config: &FileConfig, notebook: Arc<Jotter>) -> FileSink {
    let client = AmsClient::builder("http://127.0.0.1:1", "P".parse().unwrap()).token("T".into());
    FileSink::new("out", config, &source(), &client.build().unwrap(), notebook)
}

/// The configuration of these keys.
pub(super) fn config(keys: &str) -> FileConfig {
    match sink_for_test(&format!("type = \"file\"\n{keys}")).kind {
        SinkKind::File(config) => *config,
        other => panic!("{other:?}"),
    }
}

/// Messages `first..end` with their ids as payloads, one a day from 2026-01-01 on if `daily`.
fn slice(first: u32, end: u32, daily: bool) -> Slice {
    let messages: Vec<String> = (first..end)
        .map(|id| {
            let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, id.to_string());
            let day =
                jiff::civil::date(2026, 1, 1) + jiff::Span::new().days(if daily { id.into() } else { 0i64 });
            format!(r#"{{"messageId":"{id}","data":"{data}","publishTime":"{day}T23:59:59.9Z"}}"#)
        })
        .collect();
    let batch = Arc::new(batch(&messages.join(",")));
    Slice::new(Arc::clone(&batch), 0..batch.len(), 0).unwrap()
}

async fn delivered(sink: &mut FileSink, slice: Slice) -> u64 {
    let delivery = sink.deliver(slice).await;
    assert!(delivery.trouble.is_none(), "{:?}", delivery.trouble);
    delivery.receipt.unwrap().next()
}

fn ids(range: std::ops::Range<u32>) -> String {
    range.fold(String::new(), |lines, id| lines + &format!("{id}\n"))
}

#[tokio::test]
async fn batches_are_appended_and_directories_made() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a/b/out.txt");
    let mut sink = sink(&path, "raw");
    assert_eq!(delivered(&mut sink, slice(0, 3, false)).await, 3);
    assert_eq!(delivered(&mut sink, slice(3, 5, false)).await, 5);
    assert_eq!(fs::read_to_string(path).unwrap(), ids(0..5));
}

#[tokio::test]
async fn each_message_goes_to_the_file_of_its_own_day_in_utc() {
    let dir = TempDir::new().unwrap();
    let mut sink = sink(&dir.path().join("{project}-{subscription}-{sink}-{date}.txt"), "raw");
    assert_eq!(delivered(&mut sink, slice(0, 3, true)).await, 3);
    for (day, id) in [("2026-01-01", 0), ("2026-01-02", 1), ("2026-01-03", 2)] {
        assert_eq!(
            fs::read_to_string(dir.path().join(format!("P-key-out-{day}.txt"))).unwrap(),
            format!("{id}\n")
        );
    }
}

#[tokio::test]
async fn a_replay_of_many_days_holds_few_files_open_and_loses_none_of_them() {
    let dir = TempDir::new().unwrap();
    let mut sink = sink(&dir.path().join("{date}.txt"), "raw");
    let mut next = 0;
    while next < 100 {
        let delivery = sink.deliver(slice(next, 100, true)).await;
        assert!(delivery.trouble.is_none());
        let reached = u32::try_from(delivery.receipt.unwrap().next()).unwrap();
        assert!(reached > next && reached - next <= MAX_OPEN);
        next = reached;
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 100);
}

#[tokio::test]
async fn a_time_that_is_none_never_becomes_a_path() {
    let dir = TempDir::new().unwrap();
    let evil = batch(r#"{"messageId":"0","data":"eA==","publishTime":"../../../etc/x"}"#);
    let mut sink = sink(&dir.path().join("{date}.txt"), "raw");
    assert_eq!(delivered(&mut sink, Slice::new(Arc::new(evil), 0..1, 0).unwrap()).await, 1);
    assert_eq!(fs::read_to_string(dir.path().join("0000-00-00.txt")).unwrap(), "x\n");
}

#[tokio::test]
async fn a_line_that_a_crash_tore_is_ended_and_spoils_no_other() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out.txt");
    fs::write(&path, "whole\nto").unwrap();
    delivered(&mut sink(&path, "raw"), slice(0, 1, false)).await;
    assert_eq!(fs::read_to_string(path).unwrap(), "whole\nto\n0\n");
}

/// A day whose file cannot be opened, behind one that can: the batch fails after its first file was written.
fn blocked_second_day(dir: &TempDir) -> std::path::PathBuf {
    let blocked = dir.path().join("2026-01-02.txt");
    fs::create_dir(&blocked).unwrap();
    blocked
}

async fn failed(sink: &mut FileSink, slice: Slice) {
    let delivery = sink.deliver(slice).await;
    assert!(delivery.receipt.is_none() && delivery.trouble.is_some());
}

#[tokio::test]
async fn a_batch_that_fails_is_taken_back_from_every_file_and_comes_once() {
    let dir = TempDir::new().unwrap();
    let blocked = blocked_second_day(&dir);
    let mut sink = sink(&dir.path().join("{date}.txt"), "raw");
    failed(&mut sink, slice(0, 2, true)).await;
    assert_eq!(fs::read_to_string(dir.path().join("2026-01-01.txt")).unwrap(), "");
    fs::remove_dir(blocked).unwrap();
    assert_eq!(delivered(&mut sink, slice(0, 2, true)).await, 2);
    assert_eq!(fs::read_to_string(dir.path().join("2026-01-01.txt")).unwrap(), "0\n");
}

#[tokio::test]
async fn a_torn_line_is_ended_also_when_the_first_batch_after_it_fails() {
    let dir = TempDir::new().unwrap();
    let blocked = blocked_second_day(&dir);
    let first = dir.path().join("2026-01-01.txt");
    fs::write(&first, "whole\nto").unwrap();
    let mut sink = sink(&dir.path().join("{date}.txt"), "raw");
    failed(&mut sink, slice(0, 2, true)).await;
    fs::remove_dir(blocked).unwrap();
    delivered(&mut sink, slice(0, 2, true)).await;
    assert_eq!(fs::read_to_string(first).unwrap(), "whole\nto\n0\n");
}

#[tokio::test]
async fn what_others_write_to_the_file_or_cut_from_it_is_never_taken_for_our_own() {
    let dir = TempDir::new().unwrap();
    let first = dir.path().join("2026-01-01.txt");
    let mut sink = sink(&dir.path().join("{date}.txt"), "raw");
    delivered(&mut sink, slice(0, 1, true)).await;
    fs::write(&first, "0\n# a marker\n").unwrap();
    delivered(&mut sink, slice(0, 1, true)).await;
    let blocked = blocked_second_day(&dir);
    failed(&mut sink, slice(0, 2, true)).await;
    assert_eq!(fs::read_to_string(&first).unwrap(), "0\n# a marker\n0\n");
    fs::write(&first, "").unwrap();
    failed(&mut sink, slice(0, 2, true)).await;
    assert_eq!(fs::read_to_string(&first).unwrap(), "");
    fs::remove_dir(blocked).unwrap();
    delivered(&mut sink, slice(0, 2, true)).await;
    assert_eq!(fs::read_to_string(&first).unwrap(), "0\n");
}

#[test]
fn a_file_that_is_removed_while_a_batch_is_written_is_no_place_for_it() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out.txt");
    let mut output = AppendFile::open(path.clone(), &FileAccess::default()).unwrap();
    output.begin().unwrap();
    output.append(b"0\n").unwrap();
    fs::remove_file(&path).unwrap();
    output.sync().unwrap();
    assert!(output.vouch().is_err());
}

#[tokio::test]
async fn a_file_that_was_moved_or_removed_is_begun_anew() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out.txt");
    let mut sink = sink(&path, "raw");
    delivered(&mut sink, slice(0, 1, false)).await;
    fs::rename(&path, dir.path().join("out.txt.1")).unwrap();
    delivered(&mut sink, slice(1, 2, false)).await;
    fs::remove_file(&path).unwrap();
    delivered(&mut sink, slice(2, 3, false)).await;
    assert_eq!(fs::read_to_string(path).unwrap(), "2\n");
    assert_eq!(fs::read_to_string(dir.path().join("out.txt.1")).unwrap(), "0\n");
}

#[tokio::test]
async fn two_writers_of_one_file_do_not_mix() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out.txt");
    let mut first = sink(&path, "raw");
    delivered(&mut first, slice(0, 1, false)).await;
    let mut second = sink(&path, "raw");
    let refused = second.deliver(slice(1, 2, false)).await;
    assert!(refused.receipt.is_none());
    assert!(
        matches!(&refused.trouble, Some(Trouble::Retry { error, .. }) if error.message.contains("locked"))
    );
    drop(first);
    assert_eq!(delivered(&mut second, slice(1, 2, false)).await, 2);
}

#[tokio::test]
async fn what_cannot_be_written_is_told_by_consequence() {
    let dir = TempDir::new().unwrap();
    let not_a_directory = dir.path().join("file");
    fs::write(&not_a_directory, "").unwrap();
    let mut blocked = sink(&not_a_directory.join("out.txt"), "raw");
    let delivery = blocked.deliver(slice(0, 1, false)).await;
    assert!(delivery.receipt.is_none() && matches!(delivery.trouble, Some(Trouble::Fatal(_))));
    fs::remove_file(&not_a_directory).unwrap();
    assert_eq!(delivered(&mut blocked, slice(0, 1, false)).await, 1);

    let mut device = sink(Path::new("/dev/full"), "raw");
    let delivery = device.deliver(slice(0, 1, false)).await;
    assert!(delivery.receipt.is_none() && matches!(delivery.trouble, Some(Trouble::Fatal(_))));
}

#[tokio::test]
async fn a_message_that_does_not_fit_the_format_stops_the_prefix_before_it() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out.txt");
    let mixed = batch(
        r#"{"messageId":"0","data":"MA==","publishTime":"2026-01-01T00:00:00Z"},
           {"messageId":"1","data":"!","publishTime":"2026-01-01T00:00:00Z"},
           {"messageId":"2","data":"Mg==","publishTime":"2026-01-01T00:00:00Z"}"#,
    );
    let delivery = sink(&path, "raw").deliver(Slice::new(Arc::new(mixed), 0..3, 0).unwrap()).await;
    assert_eq!(delivery.receipt.unwrap().next(), 1);
    assert!(matches!(delivery.trouble, Some(Trouble::Reject { message: 1, .. })));
    assert_eq!(fs::read_to_string(path).unwrap(), "0\n");
}

/// The last run was killed after it had written to its files, and before that was vouched for.
async fn killed_after(dir: &TempDir, vouched: Slice, written: Slice) -> Arc<Jotter> {
    let notebook = notebook();
    let mut sink = sink_with(&dir.path().join("{date}.txt"), "raw", Arc::clone(&notebook));
    let receipt = sink.deliver(vouched).await.receipt.unwrap();
    *notebook.files.lock().unwrap() = receipt.files().to_vec();
    assert!(sink.deliver(written).await.receipt.is_some());
    notebook
}

#[tokio::test]
async fn after_a_crash_what_was_not_vouched_for_is_cut_from_all_files_and_comes_once() {
    let dir = TempDir::new().unwrap();
    let notebook = killed_after(&dir, slice(0, 3, true), slice(2, 6, true)).await;
    let mut sink = sink_with(&dir.path().join("{date}.txt"), "raw", notebook);
    assert_eq!(delivered(&mut sink, slice(3, 6, true)).await, 6);
    for id in 0..6 {
        let file = dir.path().join(format!("2026-01-0{}.txt", id + 1));
        assert_eq!(fs::read_to_string(file).unwrap(), format!("{id}\n"));
    }
}

#[tokio::test]
async fn after_a_crash_rotated_files_are_cut_too_and_removed_ones_are_no_obstacle() {
    let dir = TempDir::new().unwrap();
    let notebook = killed_after(&dir, slice(0, 3, true), slice(0, 3, true)).await;
    let file = |day: u32| dir.path().join(format!("2026-01-0{day}.txt"));
    fs::rename(file(1), dir.path().join("2026-01-01.txt.1")).unwrap();
    fs::remove_file(file(2)).unwrap();
    let mut sink = sink_with(&dir.path().join("{date}.txt"), "raw", notebook);
    assert_eq!(delivered(&mut sink, slice(0, 3, true)).await, 3);
    let text = |path: &Path| fs::read_to_string(path).unwrap();
    assert_eq!(text(&dir.path().join("2026-01-01.txt.1")), "0\n");
    assert_eq!(
        (text(&file(1)), text(&file(2)), text(&file(3))),
        ("0\n".into(), "1\n".into(), "2\n2\n".into())
    );
}

#[tokio::test]
async fn what_somebody_else_appends_between_two_batches_is_not_cut_after_a_crash() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("2026-01-01.txt");
    let notebook = notebook();
    let mut first = sink_with(&dir.path().join("{date}.txt"), "raw", Arc::clone(&notebook));
    let receipt = first.deliver(slice(0, 1, false)).await.receipt.unwrap();
    *notebook.files.lock().unwrap() = receipt.files().to_vec();
    fs::write(&path, "0\n# a marker\n").unwrap();
    assert!(first.deliver(slice(1, 3, false)).await.receipt.is_some());
    drop(first);
    let mut second = sink_with(&dir.path().join("{date}.txt"), "raw", notebook);
    assert_eq!(delivered(&mut second, slice(1, 3, false)).await, 3);
    assert_eq!(fs::read_to_string(path).unwrap(), "0\n# a marker\n1\n2\n");
}

/// What the notebook knows, by the day in the name.
fn known(notebook: &Jotter) -> Vec<String> {
    let files = notebook.files.lock().unwrap();
    let mut days: Vec<_> =
        files.iter().map(|mark| mark.path.file_stem().unwrap().to_str().unwrap()[5..].to_owned()).collect();
    days.sort();
    days
}

#[tokio::test]
async fn all_files_of_a_batch_are_noted_at_once_and_stay_open() {
    let dir = TempDir::new().unwrap();
    let notebook = notebook();
    let mut sink = sink_with(&dir.path().join("{date}.txt"), "raw", Arc::clone(&notebook));
    delivered(&mut sink, slice(0, 20, true)).await;
    assert_eq!((known(&notebook).len(), *notebook.writes.lock().unwrap()), (20, 1));
    let receipt = sink.deliver(slice(5, 7, true)).await.receipt.unwrap();
    assert_eq!((receipt.files().len(), *notebook.writes.lock().unwrap()), (20, 1));
    let lengths: Vec<_> = receipt.files().iter().map(|mark| mark.length).collect();
    assert_eq!(lengths[4..8], [2, 4, 4, 2]);
}

#[tokio::test]
async fn the_longest_unused_file_is_closed_and_nothing_is_cut_from_it_any_more() {
    let dir = TempDir::new().unwrap();
    let notebook = notebook();
    let mut sink = sink_with(&dir.path().join("{date}.txt"), "raw", Arc::clone(&notebook));
    for day in 0..MAX_OPEN {
        delivered(&mut sink, slice(day, day + 1, true)).await;
    }
    delivered(&mut sink, slice(0, 1, true)).await;
    let receipt = sink.deliver(slice(MAX_OPEN, MAX_OPEN + 1, true)).await.receipt.unwrap();
    assert_eq!(receipt.files().len(), MAX_OPEN as usize);
    assert!(
        !known(&notebook).contains(&"01-02".to_owned()) && known(&notebook).contains(&"01-01".to_owned())
    );
    let closed = fs::File::open(dir.path().join("2026-01-02.txt")).unwrap();
    closed.try_lock().unwrap();
    assert!(fs::File::open(dir.path().join("2026-01-01.txt")).unwrap().try_lock().is_err());
}

#[tokio::test]
async fn files_are_closed_when_that_is_asked_for_and_opened_anew() {
    let dir = TempDir::new().unwrap();
    let (path, rotated) = (dir.path().join("2026-01-01.txt"), dir.path().join("rotated"));
    let notebook = notebook();
    let mut sink = sink_with(&dir.path().join("{date}.txt"), "raw", Arc::clone(&notebook));
    assert_eq!(sink.tend(Occasion::Reopen).await, Ok(None));
    delivered(&mut sink, slice(0, 1, true)).await;
    assert!(sink.tend(Occasion::Lull).await.unwrap().is_some_and(|due| due > Instant::now()));
    assert_eq!(known(&notebook), ["01-01"]);
    fs::rename(&path, &rotated).unwrap();
    assert_eq!(sink.tend(Occasion::Reopen).await, Ok(None));
    assert_eq!(known(&notebook), Vec::<String>::new());
    fs::File::open(&rotated).unwrap().try_lock().unwrap();
    delivered(&mut sink, slice(0, 1, true)).await;
    assert_eq!(
        (fs::read_to_string(path).unwrap(), fs::read_to_string(rotated).unwrap()),
        ("0\n".into(), "0\n".into())
    );
}

#[tokio::test]
async fn messages_of_other_days_go_to_a_file_of_their_own_in_order_and_are_counted() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let keys = format!(
        "path = {:?}\nerror_path = {:?}\nformat = \"raw\"\nmax_open_files = 2\n\
         accept_days = {{ attribute = \"day\", past = 30, future = 30 }}",
        path("log-{date}.txt"),
        path("error-{date}.txt")
    );
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let days = [today.as_str(), "2001-01-01", &today, "never", "2001-01-01", &today];
    let messages = days.iter().enumerate().map(|(id, day)| {
        let published = if id < 5 { 1 } else { 2 };
        format!(
            r#"{{"messageId":"{id}","attributes":{{"day":"{day}"}},"data":"{}","publishTime":"2026-01-0{published}T01:00:00Z"}}"#,
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, id.to_string())
        )
    });
    let slice = slice_of(&messages.collect::<Vec<_>>().join(","), 0);
    let mut sink = sink_of(&config(&keys), notebook());
    let receipt = sink.deliver(slice).await.receipt.unwrap();
    assert_eq!((receipt.messages(), receipt.misdated()), (5, 3), "the sixth message would open a third file");
    for (name, ids) in [("log-2026-01-01.txt", "0\n2\n"), ("error-2026-01-01.txt", "1\n3\n4\n")] {
        assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), ids, "{name}");
    }
}
