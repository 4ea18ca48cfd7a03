//! When what was written is durable, and to whom it belongs.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

/// A sink with this `sync` that has one message in a file `out.txt`, and the marks it vouched for.
async fn with_sync(dir: &TempDir, sync: &str) -> (FileSink, Arc<Jotter>) {
    let notebook = notebook();
    let mut sink = sink_of(&config(&keys_of(dir, sync)), Arc::clone(&notebook));
    let receipt = sink.deliver(slice(0, 3, false)).await.receipt.unwrap();
    *notebook.files.lock().unwrap() = receipt.files().to_vec();
    (sink, notebook)
}

fn keys_of(dir: &TempDir, keys: &str) -> String {
    format!("path = {:?}\nformat = \"raw\"\n{keys}", dir.path().join("out.txt"))
}

#[tokio::test]
async fn what_waits_for_its_sync_is_synced_in_time_and_at_the_end() {
    let dir = TempDir::new().unwrap();
    let (mut sink, _) = with_sync(&dir, "sync = \"interval\"\nsync_interval = \"1h\"").await;
    let due = sink.tend(Occasion::Lull).await.unwrap().unwrap();
    assert!(due > Instant::now() && !sink.is_settled());
    sink.tend(Occasion::Stop).await.unwrap();
    assert!(sink.is_settled());
    drop(sink);

    let (mut sink, _) = with_sync(&dir, "sync = \"interval\"\nsync_interval = \"100ms\"").await;
    loop {
        let due = sink.tend(Occasion::Lull).await.unwrap().unwrap();
        if sink.is_settled() {
            break;
        }
        tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
    }
    drop(sink);
    for sync in ["sync = \"never\"", "sync = \"batch\""] {
        assert!(with_sync(&dir, sync).await.0.is_settled());
    }
}

#[tokio::test]
async fn what_a_power_loss_costs_without_a_sync_is_no_obstacle_and_nothing_is_cut() {
    for sync in ["sync = \"interval\"", "sync = \"never\""] {
        for (left, then) in [("0\n1", "0\n1\n3\n"), ("", "3\n"), ("0\n\0\0\0\0xyz", "0\n\0\0\0\0xyz\n3\n")] {
            let dir = TempDir::new().unwrap();
            let (sink, notebook) = with_sync(&dir, sync).await;
            drop(sink);
            fs::write(dir.path().join("out.txt"), left).unwrap();
            let mut next = sink_of(&config(&keys_of(&dir, sync)), notebook);
            assert_eq!(delivered(&mut next, slice(3, 4, false)).await, 4);
            assert_eq!(fs::read_to_string(dir.path().join("out.txt")).unwrap(), then);
        }
    }
}

#[tokio::test]
async fn files_and_directories_have_the_permissions_and_the_owner_that_are_wanted() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a/b/out.txt");
    let own = dir.path().metadata().unwrap();
    let keys = format!(
        "path = {path:?}\nformat = \"raw\"\nmode = \"0604\"\ndirectory_mode = \"0711\"\nowner = \"{}\"\ngroup = \"{}\"",
        own.uid(),
        own.gid()
    );
    delivered(&mut sink_of(&config(&keys), notebook()), slice(0, 1, false)).await;
    let mode = |path: &Path| path.metadata().unwrap().mode() & 0o7777;
    assert_eq!(
        (mode(&path), mode(&dir.path().join("a")), mode(&dir.path().join("a/b"))),
        (0o604, 0o711, 0o711)
    );
    // What is in use stays as somebody has set it.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    delivered(&mut sink_of(&config(&keys), notebook()), slice(1, 2, false)).await;
    assert_eq!((mode(&path), fs::read_to_string(&path).unwrap()), (0o640, "0\n1\n".to_owned()));
}

#[test]
fn a_directory_that_is_removed_while_a_batch_is_written_is_made_anew_for_the_next_attempt() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("sub/out.txt");
    let mut files = OpenFiles::new(&config(&format!("path = {path:?}")), None, notebook());
    let paths = [Arc::from(path.as_path())];
    files.begin(&paths, &[0]).unwrap();
    fs::remove_dir_all(dir.path().join("sub")).unwrap();
    assert!(files.settle().is_err());
    files.take_back().unwrap();
    files.sync_what_is_due().unwrap();
    files.begin(&paths, &[0]).unwrap();
    files.settle().unwrap();
    assert!(path.exists());
}
