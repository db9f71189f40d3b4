//! The rules of `ARCHITECTURE.md` that no compiler and no linter knows: who may use whom, and how files look.

use std::fs;
use std::path::{Path, PathBuf};

/// The pure modules of the engine: no tokio, no ractor, no clock, no file, no environment.
const PURE: [&str; 12] = [
    "actors/src/audit/violation.rs",
    "actors/src/journal.rs",
    "actors/src/flow.rs",
    "actors/src/flow",
    "actors/src/domain.rs",
    "actors/src/ids.rs",
    "actors/src/language.rs",
    "actors/src/view.rs",
    "actors/src/time.rs",
    "actors/src/outbound/lane.rs",
    "actors/src/alerts/incidents.rs",
    "actors/src/directory/restart.rs",
];

/// What a pure module may use.
const PURE_MAY_USE: [&str; 19] = [
    "crate::audit",
    "crate::journal",
    "std::borrow",
    "crate::domain",
    "crate::flow",
    "crate::ids",
    "crate::language",
    "crate::ports",
    "crate::time",
    "crate::view",
    "self::",
    "super::",
    "serde",
    "thiserror",
    "proptest",
    "std::collections",
    "std::fmt",
    "std::sync::Arc",
    "std::time::Duration",
];

fn sources(at: &str) -> Vec<PathBuf> {
    fn collect(path: &Path, into: &mut Vec<PathBuf>) {
        if path.is_dir() {
            let mut entries: Vec<PathBuf> = fs::read_dir(path)
                .expect("a readable directory")
                .map(|entry| entry.expect("a readable entry").path())
                .collect();
            entries.sort();
            entries.iter().for_each(|entry| collect(entry, into));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path.to_owned());
        }
    }
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(at), &mut found);
    assert!(!found.is_empty(), "there is nothing at {at}");
    found
}

/// The lines of a file that are not comments, up to its tests.
fn code(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a readable file");
    let product = text.split("#[cfg(test)]").next().unwrap_or_default();
    product.lines().map(str::trim).filter(|line| !line.starts_with("//")).map(str::to_owned).collect()
}

fn uses(path: &Path) -> Vec<String> {
    let used = |line: &String| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
        line.strip_prefix("use ").map(str::to_owned)
    };
    code(path).iter().filter_map(used).collect()
}

#[test]
fn pure_modules_use_only_pure_things() {
    for path in PURE.iter().flat_map(|at| sources(at)) {
        for used in uses(&path) {
            let own_child = !used.contains("::") || used.chars().next().is_some_and(char::is_lowercase);
            let known = PURE_MAY_USE.iter().any(|may| used.starts_with(may));
            let foreign = ["tokio", "ractor", "metrics", "::metrics", "tracing", "futures", "crate::", "std::"];
            let is_foreign = foreign.iter().any(|name| used.starts_with(name));
            assert!(known || (own_child && !is_foreign), "{}: a pure module uses {used}", path.display());
        }
    }
}

#[test]
fn the_engine_names_no_vendor() {
    let words = [
        "chatwoot",
        "captain",
        "green_api",
        "green-api",
        "greenapi",
        "kommo",
        "amocrm",
        "telegram",
        "whatsapp",
        "instagram",
        "viber",
        "messenger",
        "teams",
        "slack",
        "openai",
        "gmail",
        "google",
        "salesbot",
        "redis",
        "sqlite",
    ];
    for path in sources("actors/src") {
        for line in code(&path) {
            let line = line.to_lowercase();
            let named = words.iter().find(|word| line.contains(**word));
            assert_eq!(named, None, "{}: {line}", path.display());
        }
    }
}

#[test]
fn adapters_do_not_import_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapters");
    for path in sources("src/adapters") {
        let inside =
            path.strip_prefix(&root).ok().and_then(|path| path.components().next()).expect("a file below the root");
        let own = inside.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        for used in uses(&path).iter().filter_map(|used| used.strip_prefix("crate::adapters::")) {
            assert!(used.starts_with(&own), "{}: an adapter uses another: {used}", path.display());
        }
    }
}

#[test]
fn only_the_composition_root_knows_every_part() {
    for path in sources("src/adapters").iter().chain(&sources("src/http")) {
        for used in uses(path) {
            assert!(!used.starts_with("crate::app"), "{}: {used}", path.display());
        }
    }
    for path in sources("src/adapters") {
        for used in uses(&path) {
            assert!(!used.starts_with("crate::http"), "{}: an adapter uses HTTP: {used}", path.display());
        }
    }
}

#[test]
fn files_have_one_job_and_say_which() {
    for path in sources("src").iter().chain(&sources("actors/src")) {
        if path.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(path).expect("a readable file");
        assert!(text.starts_with("//!"), "{}: no module documentation", path.display());
        let lines = code(path).len();
        assert!(lines <= 400, "{}: {lines} lines", path.display());
        assert!(!path.ends_with("mod.rs"), "{}", path.display());
        assert!(!text.contains("#[allow("), "{}: exceptions are #[expect(.., reason)]", path.display());
    }
}
