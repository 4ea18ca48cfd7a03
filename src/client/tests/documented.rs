//! What is written of the calls, held against the calls that there are.

use std::{collections::BTreeMap, path::Path};

/// Every call that waits, with its documentation in one line.
pub(super) fn documented() -> BTreeMap<String, String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/client");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut found = BTreeMap::new();
    for file in files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let Some((_, block)) = text.split_once("\nimpl AmsClient {\n") else { continue };
        let mut doc = String::new();
        for line in block.lines().take_while(|line| *line != "}") {
            let line = line.trim_start();
            if let Some(text) = line.strip_prefix("///") {
                doc.push_str(text);
            } else if let Some(rest) = line.strip_prefix("pub async fn ") {
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                found.insert(name, std::mem::take(&mut doc));
            } else {
                doc.clear();
            }
        }
    }
    found
}

#[test]
fn every_call_says_what_it_means_to_drop_it() {
    let documented = documented();
    let silent: Vec<_> = documented
        .iter()
        .filter(|(_, doc)| !doc.to_lowercase().contains("drop") && !doc.contains("therwise as [`"))
        .map(|(name, _)| name)
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn every_call_stands_in_the_librarys_page() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/library.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("## The calls").unwrap();
    let is_missing = |name: &String| !table.contains(&format!("`{name}`"));
    let missing: Vec<_> = documented().into_keys().filter(is_missing).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
