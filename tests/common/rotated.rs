//! Output files that were rotated and compressed, read back.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// One file, under its own name or one that rotation gave it.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Decompressed.
    pub(crate) text: String,
}

/// The files in `directory` by the names that they had first, in the order in which they were begun.
pub(crate) fn read_rotated(directory: &Path) -> BTreeMap<String, Vec<Part>> {
    let mut found: BTreeMap<String, BTreeMap<(String, u32), Part>> = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let (of, order) = split(&name);
        let part = Part { text: decompressed(&path), name: name.clone() };
        let other = found.entry(of).or_default().insert(order, part);
        assert!(other.is_none(), "{name} is there as {} too", other.unwrap().name);
    }
    found.into_iter().map(|(of, parts)| (of, parts.into_values().collect())).collect()
}

/// `metrics.2026-11-24T16-30-10Z-2.jsonl.zst` is the second of that second of `metrics.jsonl`. What was not rotated is
/// the last.
fn split(name: &str) -> (String, (String, u32)) {
    let plain = name.strip_suffix(".zst").or(name.strip_suffix(".gz")).unwrap_or(name);
    let mut words: Vec<_> = plain.split('.').collect();
    let is_stamp = |word: &&str| word.len() >= 20 && &word[10..11] == "T" && &word[19..20] == "Z";
    let Some(at) = words.iter().position(is_stamp) else { return (plain.to_owned(), ("~".to_owned(), 0)) };
    let (stamp, number) = words.remove(at).split_at(20);
    let number = number.strip_prefix('-').map_or(1, |number| number.parse().unwrap());
    (words.join("."), (stamp.to_owned(), number))
}

fn decompressed(path: &Path) -> String {
    let mut file = std::fs::File::open(path).unwrap();
    let mut text = String::new();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("zst") => zstd::Decoder::new(file).unwrap().read_to_string(&mut text).unwrap(),
        Some("gz") => flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap(),
        _ => file.read_to_string(&mut text).unwrap(),
    };
    text
}
