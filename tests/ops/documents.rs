//! Documents name only settings, commands and files that exist, and the README names every command.

use super::{read, root};
use frontdesk::config::keys::{FILE_VARIABLE, GENERIC_PREFIX, KEYS, Key};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A name that documents may say although nothing is set by it any more: the desk answers with its successor.
const RETIRED: &str = "OPENAI_ASSISTANT_ID";

/// The documents that operators read: those in `docs/`, and those at the top.
fn documents() -> Vec<(PathBuf, String)> {
    let below = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let top = ["README.md", "ARCHITECTURE.md", "SECURITY.md"].map(|name| root().join(name));
    let all: Vec<_> = below
        .chain(top)
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    assert!(all.len() > 20, "only {} documents", all.len());
    all
}

/// The words of a text that are written like variables of the environment.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let written_so = |word: &&str| {
        let letters = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
        word.chars().all(letters) && word.starts_with(|first: char| first.is_ascii_uppercase()) && word.contains('_')
    };
    words.filter(written_so)
}

/// Everything that is set in a code span: between single backticks on one line.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The commands that a help page lists, without `help` itself.
fn commands(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_frontdesk")).args(arguments).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let list = help.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| !line.is_empty());
    // Deeper lines go on with what a command does.
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|name| !name.is_empty());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn documents_only_name_settings_and_files_that_exist() {
    let names: BTreeSet<&str> = KEYS.iter().flat_map(|key| key.names).copied().chain([FILE_VARIABLE]).collect();
    let generic: BTreeSet<String> = KEYS.iter().map(Key::generic_name).collect();
    let ours: BTreeSet<&str> =
        KEYS.iter().flat_map(|key| key.names).filter_map(|name| Some(name.split_once('_')?.0)).collect();
    for (path, text) in documents() {
        for (target, _) in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
            let file = target.split('#').next().unwrap();
            let is_ours = !file.is_empty() && !file.contains("://");
            assert!(!is_ours || path.with_file_name(file).exists(), "{}: {target}", path.display());
        }
        for variable in variables(&text) {
            let looks_like_ours = ours.iter().any(|prefix| variable.starts_with(&format!("{prefix}_")));
            let is_one = names.contains(variable) || names.contains(variable.trim_end_matches("_FILE"));
            let known = is_one || variable == RETIRED;
            assert!(!looks_like_ours || known, "{}: {variable} is not a setting", path.display());
            let is_generic = variable.starts_with(GENERIC_PREFIX);
            assert!(!is_generic || generic.contains(variable), "{}: {variable} is not a setting", path.display());
        }
    }
}

#[test]
fn documents_only_name_commands_that_exist() {
    let all = commands(&[]);
    let groups = ["chats", "outbox", "green-api"].map(|group| (group, commands(&[group])));
    for (path, text) in documents() {
        for span in spans(&text) {
            let mut words = span.split(' ');
            if words.next() != Some("frontdesk") {
                continue;
            }
            let Some(command) = words.next().filter(|word| word.starts_with(|first: char| first.is_ascii_lowercase()))
            else {
                continue;
            };
            assert!(all.contains(command), "{}: there is no `{span}`", path.display());
            let verbs = groups.iter().find(|(group, _)| *group == command).map(|(_, verbs)| verbs);
            if let (Some(verbs), Some(verb)) = (verbs, words.next())
                && verb.starts_with(|first: char| first.is_ascii_lowercase())
            {
                assert!(verbs.contains(verb), "{}: there is no `{span}`", path.display());
            }
        }
    }
}

#[test]
fn the_readme_lists_every_command() {
    let text = read("README.md");
    let listed = text.lines().filter_map(|line| line.strip_prefix("./target/release/frontdesk ")?.split(' ').next());
    let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
    assert_eq!(listed, commands(&[]));
}
