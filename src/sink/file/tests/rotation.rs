use std::path::PathBuf;
use std::time::Duration;

use super::super::rotated::{Form, Rotated};
use super::*;
use crate::config::{Compression, KeepConfig};

const NEVER: RotationConfig = RotationConfig {
    size: None,
    age: None,
    at: None,
    compress: Compression::None,
    keep: KeepConfig { files: None, age: None, size: None },
};

/// A file sink, its notebook and what is in its directory.
struct Scene {
    directory: TempDir,
    notebook: Arc<Jotter>,
    rotation: RotationConfig,
    name: &'static str,
    sink: FileSink,
}

impl Scene {
    fn new(name: &'static str, rotation: RotationConfig) -> Self {
        let (directory, notebook) = (TempDir::new().unwrap(), notebook());
        let path = directory.path().join(name);
        let sink = rotating(&path, "raw", Some(rotation.clone()), Arc::clone(&notebook));
        Self { directory, notebook, rotation, name, sink }
    }

    /// Another run.
    fn begin_anew(&mut self) {
        let path = self.directory.path().join(self.name);
        // The files are unlocked first.
        self.sink = sink(&path, "raw");
        self.sink = rotating(&path, "raw", Some(self.rotation.clone()), Arc::clone(&self.notebook));
    }

    /// Delivers messages, and notes the receipt as the pipeline does.
    async fn deliver(&mut self, ids: std::ops::Range<u32>, daily: bool) {
        let delivery = self.sink.deliver(slice(ids.start, ids.end, daily)).await;
        assert!(delivery.trouble.is_none(), "{:?}", delivery.trouble);
        *self.notebook.files.lock().unwrap() = delivery.receipt.unwrap().files().to_vec();
    }

    async fn tend(&mut self) -> Option<Instant> {
        self.sink.tend(Occasion::Lull).await.unwrap()
    }

    /// The contents of rotated files in order of their names, and of the others.
    fn contents(&self) -> (Vec<String>, Vec<String>) {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort_by_key(|path| (Rotated::parse(path).map(|(rotated, _)| rotated), path.clone()));
        let (rotated, others): (Vec<_>, Vec<_>) =
            paths.into_iter().partition(|path| Rotated::parse(path).is_some());
        let read = |paths: Vec<PathBuf>| paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        (read(rotated), read(others))
    }

    fn marks(&self) -> usize {
        self.notebook.files().len()
    }
}

#[tokio::test]
async fn a_file_that_a_batch_would_make_too_long_is_rotated_before_it_and_the_batch_stays_whole() {
    let mut scene = Scene::new("out.txt", RotationConfig { size: Some(100), ..NEVER });
    for batch in 0..3 {
        scene.deliver(batch * 5..batch * 5 + 5, false).await;
        assert_eq!(scene.marks(), 1, "only the new one is written to");
    }
    assert_eq!(scene.contents(), (vec![ids(0..5), ids(5..10)], vec![ids(10..15)]));
}

#[tokio::test]
async fn what_is_not_vouched_for_is_not_rotated() {
    let mut scene = Scene::new("out.txt", RotationConfig { size: Some(100), ..NEVER });
    scene.deliver(0..5, false).await;
    // Nobody hears of this one, as when the pipeline ends.
    assert!(scene.sink.deliver(slice(5, 10, false)).await.receipt.is_some());
    drop(scene.sink.deliver(slice(10, 15, false)).await);
    let (rotated, others) = scene.contents();
    assert_eq!(rotated, [ids(0..5)]);
    assert_eq!(others, [ids(5..15)]);
}

#[tokio::test]
async fn a_file_that_is_due_is_rotated_though_no_message_comes_also_when_it_is_not_open() {
    // More than may be open: some are closed before they are due.
    let rotation = RotationConfig { age: Some(Duration::from_millis(50)), ..NEVER };
    let mut scene = Scene::new("{date}.txt", rotation);
    let mut next = 0;
    while next < 2 * MAX_OPEN {
        scene.deliver(next..(next + 20).min(2 * MAX_OPEN), true).await;
        next += 20;
    }
    while let Some(due) = scene.tend().await {
        tokio::time::sleep_until(due.into()).await;
    }
    let lines = (0..2 * MAX_OPEN).map(|id| ids(id..id + 1)).collect();
    assert_eq!(scene.contents(), (lines, vec![]));
    assert_eq!(scene.marks(), 0);
}

#[tokio::test]
async fn a_new_run_rotates_the_file_of_the_last_one_by_its_birth_though_no_message_comes() {
    let mut scene = Scene::new("out.txt", RotationConfig { age: Some(Duration::ZERO), ..NEVER });
    scene.rotation.age = Some(Duration::from_hours(1));
    scene.begin_anew();
    scene.deliver(0..3, false).await;
    assert_eq!(scene.contents().1, [ids(0..3)]);
    // It was stopped, so nothing is to be cut.
    scene.notebook.files.lock().unwrap().clear();
    scene.rotation.age = Some(Duration::ZERO);
    scene.begin_anew();
    scene.tend().await;
    assert_eq!(scene.contents(), (vec![ids(0..3)], vec![]));
}

#[tokio::test]
async fn a_file_that_was_renamed_before_a_crash_is_cut_there_forgotten_and_then_compressed() {
    // What the run before has on its way would go on beside this one, as after a crash nothing does.
    let mut scene = Scene::new("out.txt", NEVER);
    scene.deliver(0..3, false).await;
    scene.rotation = RotationConfig { size: Some(1 << 20), compress: Compression::Gzip, ..NEVER };
    let path = scene.directory.path().join("out.txt");
    let rotated = Rotated { of: path.clone(), at: jiff::Timestamp::UNIX_EPOCH, number: 1 };
    fs::rename(&path, rotated.plain()).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(rotated.plain()).unwrap();
    std::io::Write::write_all(&mut file, b"left by a crash").unwrap();
    drop(file);
    scene.begin_anew();
    scene.deliver(3..5, false).await;
    let compressed = rotated.compressed(Compression::Gzip).unwrap();
    while rotated.plain().exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut text = String::new();
    let mut decoder = flate2::read::GzDecoder::new(fs::File::open(compressed).unwrap());
    std::io::Read::read_to_string(&mut decoder, &mut text).unwrap();
    assert_eq!(text, ids(0..3));
    assert_eq!(fs::read_to_string(path).unwrap(), ids(3..5));
    assert_eq!(scene.marks(), 1);
}

#[tokio::test]
async fn a_message_whose_file_would_be_taken_for_a_rotated_one_is_rejected() {
    let mut scene =
        Scene::new("out.2026-11-24T16-30-10Z.txt", RotationConfig { size: Some(1 << 20), ..NEVER });
    let delivery = scene.sink.deliver(slice(7, 9, false)).await;
    assert!(matches!(delivery.trouble, Some(Trouble::Reject { message: 7, .. })), "{delivery:?}");
    assert!(delivery.receipt.is_none());
    let form = Rotated::parse(&scene.directory.path().join(scene.name)).unwrap().1;
    assert_eq!(form, Form::Plain);
    assert_eq!(fs::read_dir(scene.directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn where_another_sink_may_rotate_a_message_is_kept_from_the_names_of_its_rotated_files_too() {
    let dir = TempDir::new().unwrap();
    let mut sink = sink(&dir.path().join("out.2026-11-24T16-30-10Z.txt"), "raw");
    let delivery = sink.deliver(slice(7, 9, false)).await;
    assert!(matches!(delivery.trouble, Some(Trouble::Reject { message: 7, .. })), "{delivery:?}");
    let mut sink = rotating(&dir.path().join("out.txt.gz"), "raw", None, notebook());
    delivered(&mut sink, slice(7, 9, false)).await;
}

#[tokio::test]
async fn a_file_that_somebody_else_holds_keeps_no_other_from_being_rotated() {
    let dir = TempDir::new().unwrap();
    let (held, other) = (dir.path().join("a.txt"), dir.path().join("b.txt"));
    for path in [&held, &other] {
        fs::write(path, "1\n").unwrap();
    }
    let lock = fs::File::open(&held).unwrap();
    lock.lock().unwrap();
    let keys = format!(
        "path = {held:?}\nformat = \"raw\"\nerror_path = {other:?}\naccept_days = {{ attribute = \"day\", past = 1, future = 1 }}"
    );
    let rotation = Some(RotationConfig { age: Some(Duration::from_millis(1)), ..NEVER });
    let mut sink = sink_of(&FileConfig { rotation, ..config(&keys) }, notebook());
    while other.exists() {
        sink.tend(Occasion::Lull).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(held.exists());
}
