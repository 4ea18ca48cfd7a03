//! Looking for rotated files of all paths that a template can become, those too that no message comes for any more.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::keep::{Files, rotated_in};
use crate::config::PathLayout;

/// Where rotated files of a sink may be.
#[derive(Debug, Clone)]
pub(super) struct Survey(Vec<Place>);

#[derive(Debug, Clone)]
struct Place {
    root: PathBuf,
    /// The names below it, as parts of a [mask](PathLayout::mask).
    names: Vec<String>,
}

impl Survey {
    /// `paths` are [masks](PathLayout::mask).
    pub(super) fn new<'a>(paths: impl IntoIterator<Item = &'a String>) -> Self {
        Self(paths.into_iter().map(|path| Place::new(path)).collect())
    }

    /// By their path, the rotated files that there are. What cannot be read is passed over.
    pub(super) fn rotated(&self) -> BTreeMap<PathBuf, Files> {
        let mut found = BTreeMap::new();
        for Place { root, names } in &self.0 {
            walk(root, names, &mut found);
        }
        found
    }
}

impl Place {
    fn new(path: &str) -> Self {
        let mut place = Self { root: PathBuf::new(), names: Vec::new() };
        for component in Path::new(path).components() {
            match component {
                Component::Normal(name) => place.names.push(name.to_string_lossy().into_owned()),
                // Only before the first name does a template have these, or they are as good as gone.
                other if place.names.is_empty() => place.root.push(other),
                other => place.names.push(other.as_os_str().to_string_lossy().into_owned()),
            }
        }
        place
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |Place { root, names }: &Place| {
            let names = names.join("/").replace(char::from(PathLayout::ANY_DIGIT), "?");
            root.join(names.replace(char::from(PathLayout::ANY_TEXT), "*")).display().to_string()
        };
        f.write_str(&self.0.iter().map(shown).collect::<Vec<_>>().join(" and "))
    }
}

fn walk(directory: &Path, names: &[String], found: &mut BTreeMap<PathBuf, Files>) {
    let Some((name, below)) = names.split_first() else { return };
    if below.is_empty() {
        let is_ours =
            |path: &Path| path.file_name().is_some_and(|found| matches(name, &found.to_string_lossy()));
        found.extend(rotated_in(directory, is_ours).unwrap_or_default());
    } else if name.contains([char::from(PathLayout::ANY_DIGIT), char::from(PathLayout::ANY_TEXT)]) {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| matches(name, &entry.file_name().to_string_lossy())) {
            walk(&entry.path(), below, found);
        }
    } else {
        walk(&directory.join(name), below, found);
    }
}

/// Whether `name` is what `mask` stands for.
fn matches(mask: &str, name: &str) -> bool {
    let (mask, name) = (mask.as_bytes(), name.as_bytes());
    let (mut in_mask, mut in_name) = (0, 0);
    // The last place of any text, and where in the name it ends for now.
    let mut any = None;
    while in_mask < mask.len() || in_name < name.len() {
        let next = name.get(in_name);
        match mask.get(in_mask) {
            Some(&PathLayout::ANY_TEXT) => {
                any = Some((in_mask, in_name + 1));
                (in_mask, in_name) = (in_mask + 1, in_name + 1);
            }
            Some(&wanted) if next.is_some_and(|byte| stands_for(wanted, *byte)) => {
                (in_mask, in_name) = (in_mask + 1, in_name + 1);
            }
            _ => match any {
                Some((at, end)) if end < name.len() => {
                    any = Some((at, end + 1));
                    (in_mask, in_name) = (at + 1, end + 1);
                }
                _ => return false,
            },
        }
    }
    in_name == name.len()
}

fn stands_for(wanted: u8, byte: u8) -> bool {
    if wanted == PathLayout::ANY_DIGIT { byte.is_ascii_digit() } else { wanted == byte }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_fits_any_text_in_its_gaps_and_nothing_else() {
        for (mask, name, fits) in [
            ("a.jsonl", "a.jsonl", true),
            ("a.jsonl", "b.jsonl", false),
            ("\u{1}.jsonl", ".jsonl", false),
            ("\u{1}.jsonl", "x.y.jsonl", true),
            ("\u{1}.jsonl", "x.json", false),
            ("a-\u{1}\u{1}-\u{1}.x", "a-bb--c.x", true),
            ("a-\u{1}-\u{1}.x", "a-b.x", false),
            ("a\u{1}a", "a", false),
            ("a\u{1}a", "aa", false),
            ("a\u{1}a", "aaaa", true),
            ("\u{1}", "", false),
            ("\u{1}", "x", true),
            ("", "", true),
            ("a-\0\0", "a-07", true),
            ("a-\0\0", "a-b7", false),
            ("a-\0\0", "a-7", false),
            ("a-\0\0", "a-071", false),
        ] {
            assert_eq!(matches(mask, name), fits, "{mask:?} {name}");
        }
    }

    #[test]
    fn rotated_files_of_every_path_are_found_and_no_others() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "x").unwrap();
        };
        let ours = ["d/a-1/x/b.2026-11-24T16-30-10Z.jsonl", "d/a-2/x/c.2026-11-24T16-30-10Z-2.jsonl.zst"];
        for name in ours {
            write(name);
        }
        for name in [
            "d/a-1/x/b.jsonl",
            "d/a-1/x/b.2026-11-24T16-30-10Z.raw",
            "d/a-1/x/y/b.2026-11-24T16-30-10Z.jsonl",
            "d/a-1/y/b.2026-11-24T16-30-10Z.jsonl",
            "d/b-1/x/b.2026-11-24T16-30-10Z.jsonl",
            "d/b.2026-11-24T16-30-10Z.jsonl",
        ] {
            write(name);
        }
        let survey = Survey::new([&format!("{}/d/a-\u{1}/x/\u{1}.jsonl", home.path().display())]);
        let found = survey.rotated();
        let paths: Vec<_> = found.keys().collect();
        assert_eq!(paths, [&home.path().join("d/a-1/x/b.jsonl"), &home.path().join("d/a-2/x/c.jsonl")]);
        assert!(survey.to_string().ends_with("/d/a-*/x/*.jsonl"));
        assert!(Survey::new([&"/there/is/none/\u{1}/of/\u{1}".to_owned()]).rotated().is_empty());
    }
}
