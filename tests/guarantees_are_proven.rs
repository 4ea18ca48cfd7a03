//! The tests that docs/guarantees.md names are there.

use std::path::Path;

#[test]
fn every_promise_names_tests_that_there_are() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(package.join("docs/guarantees.md")).unwrap();
    let is_row = |line: &&str| line.starts_with("| ") && !line.starts_with("| sink | promise |");
    let rows: Vec<_> = page.lines().filter(is_row).collect();
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        let proof = row.rsplit(" | ").next().unwrap();
        let tests: Vec<_> = proof.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "nothing proves: {row}");
        for test in tests {
            let (file, name) = test.split_once("::").unwrap();
            let source =
                std::fs::read_to_string(package.join("tests").join(file).with_extension("rs")).unwrap();
            assert!(source.contains(&format!("fn {name}(")), "there is no {test}");
        }
    }
}
