use std::path::PathBuf;

use super::*;

struct Scene {
    directory: tempfile::TempDir,
    rotated: Rotated,
    text: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let of = directory.path().join("a.jsonl");
        let rotated = Rotated { of, at: "2026-11-24T16:30:10Z".parse().unwrap(), number: 1 };
        let text: Vec<_> = (0..100_000).flat_map(|number: u32| number.to_string().into_bytes()).collect();
        std::fs::write(rotated.plain(), &text).unwrap();
        Self { directory, rotated, text }
    }

    fn finished(&self, compression: Compression) -> PathBuf {
        self.rotated.compressed(compression).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn read(&self, compression: Compression) -> Vec<u8> {
        let file = File::open(self.finished(compression)).unwrap();
        let mut text = Vec::new();
        match compression {
            Compression::None => panic!("not compressed"),
            Compression::Gzip => flate2::read::GzDecoder::new(file).read_to_end(&mut text).unwrap(),
            Compression::Zstd => zstd::Decoder::new(file).unwrap().read_to_end(&mut text).unwrap(),
        };
        text
    }
}

const ZST: &str = "a.2026-11-24T16-30-10Z.jsonl.zst";
const PLAIN: &str = "a.2026-11-24T16-30-10Z.jsonl";

#[test]
fn a_compressed_file_takes_the_place_of_the_original_with_its_mode_and_again_is_no_failure() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let scene = Scene::new();
        std::fs::set_permissions(scene.rotated.plain(), Permissions::from_mode(0o604)).unwrap();
        compress(&scene.rotated, compression).unwrap();
        assert_eq!(scene.names().len(), 1);
        assert_eq!(scene.read(compression), scene.text);
        let found = scene.finished(compression).metadata().unwrap();
        assert_eq!(found.mode() & 0o777, 0o604);
        assert!(found.len() < scene.text.len() as u64);
        compress(&scene.rotated, compression).unwrap();
        assert_eq!(scene.names().len(), 1);
    }
}

#[test]
fn what_a_crash_left_is_finished_whatever_the_step() {
    // While it was being written.
    let scene = Scene::new();
    std::fs::write(scene.rotated.unfinished(Compression::Zstd).unwrap(), "half").unwrap();
    compress(&scene.rotated, Compression::Zstd).unwrap();
    assert_eq!((scene.names(), scene.read(Compression::Zstd) == scene.text), (vec![ZST.to_owned()], true));

    // Before the original was removed; with another compression since, too, or none.
    for now in [Compression::Zstd, Compression::Gzip, Compression::None] {
        let scene = Scene::new();
        compress(&scene.rotated, Compression::Zstd).unwrap();
        std::fs::write(scene.rotated.plain(), &scene.text).unwrap();
        compress(&scene.rotated, now).unwrap();
        assert_eq!(
            (scene.names(), scene.read(Compression::Zstd) == scene.text),
            (vec![ZST.to_owned()], true)
        );
    }

    // And somebody removed the original, or it is not to be compressed any more.
    for (there, now) in [(false, Compression::Zstd), (true, Compression::None)] {
        let scene = Scene::new();
        std::fs::write(scene.rotated.unfinished(Compression::Zstd).unwrap(), "half").unwrap();
        if !there {
            std::fs::remove_file(scene.rotated.plain()).unwrap();
        }
        compress(&scene.rotated, now).unwrap();
        assert_eq!(scene.names().len(), usize::from(there));
    }
}

#[test]
fn an_original_is_never_removed_for_a_compressed_file_that_is_not_all_of_it() {
    let whole = {
        let scene = Scene::new();
        compress(&scene.rotated, Compression::Zstd).unwrap();
        std::fs::read(scene.finished(Compression::Zstd)).unwrap()
    };
    let of = |text: &[u8]| zstd::encode_all(text, 0).unwrap();
    let scene = Scene::new();
    let (mut shorter, mut longer) = (scene.text.clone(), scene.text.clone());
    shorter.pop();
    longer.push(b'\n');
    let contents =
        [whole[..whole.len() - 1].to_vec(), Vec::new(), b"no zstd".to_vec(), of(&shorter), of(&longer)];
    for content in contents {
        let scene = Scene::new();
        std::fs::write(scene.finished(Compression::Zstd), content).unwrap();
        let failure = compress(&scene.rotated, Compression::Zstd).unwrap_err();
        assert!(failure.to_string().contains("both are left"), "{failure}");
        assert_eq!(scene.names(), [PLAIN, ZST]);
    }
}

#[test]
fn one_that_somebody_else_is_at_work_on_is_left_to_him() {
    let scene = Scene::new();
    let other = File::open(scene.rotated.plain()).unwrap();
    other.try_lock().unwrap();
    assert!(compress(&scene.rotated, Compression::Zstd).is_err());
    assert_eq!(scene.names(), [PLAIN]);
    drop(other);
    compress(&scene.rotated, Compression::Zstd).unwrap();
    assert_eq!(scene.names(), [ZST]);
}
