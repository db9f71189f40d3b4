//! `docs/requirements.md` does not rot: every test and file that it names exists, every requirement has its row, and no
//! row is empty. That the named tests pass is for `make test` to show.

use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENT: &str = "docs/requirements.md";

/// The sets of requirements, and how many each has.
const SETS: [(&str, usize); 5] = [("R1", 25), ("R2", 24), ("R3", 18), ("R4", 25), ("R5", 39)];

/// The folders of which files are named.
const FOLDERS: [&str; 11] =
    [".ci/", "actors/", "benches/", "config/", "deploy/", "docs/", "grafana/", "src/", "templates/", "tests/", "web/"];

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Everything between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// The cells of every row of a table, without the lines between heads and rows.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    lines.filter(|line| !line.starts_with("---")).map(|line| line.split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn every_test_that_is_named_exists() {
    let text = read(DOCUMENT);
    let named: Vec<(&str, &str)> = quoted(&text).into_iter().filter_map(|name| name.split_once(".rs::")).collect();
    assert!(named.len() > 200, "only {} tests are named", named.len());
    for (file, test) in named {
        let file = format!("{file}.rs");
        assert!(read(&file).contains(&format!("fn {test}(")), "{DOCUMENT}: there is no {test} in {file}");
    }
}

#[test]
fn every_file_that_is_named_exists() {
    for name in quoted(&read(DOCUMENT)) {
        let file = name.split("::").next().unwrap_or(name);
        let is_ours = FOLDERS.iter().any(|folder| file.starts_with(folder)) && !file.contains([' ', '*']);
        assert!(!is_ours || path(file).exists(), "{DOCUMENT}: there is no {file}");
    }
}

#[test]
fn every_requirement_has_one_row() {
    let text = read(DOCUMENT);
    let rows = rows(&text);
    for (set, count) in SETS {
        for number in 1..=count {
            let id = format!("{set}-{number:02}");
            let found = rows.iter().filter(|row| row.first() == Some(&id.as_str())).count();
            assert_eq!(found, 1, "{DOCUMENT}: rows of {id}");
        }
    }
}

#[test]
fn no_row_lacks_what_shows_it() {
    for row in rows(&read(DOCUMENT)) {
        assert!(row.len() > 1 && row.iter().all(|cell| !cell.is_empty()), "{DOCUMENT}: {row:?}");
    }
}
