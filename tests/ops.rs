//! What operators rely on besides the daemon holds together: settings and their documentation, metrics and dashboards,
//! alerts and the runbook, units for systemd.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use frontdesk::config::keys::{FILE_VARIABLE, KEYS};
use frontdesk_actors::metrics::{ALL, Kind};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

#[path = "ops/documents.rs"]
mod documents;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs a tool in the repository and returns what it said; fails with that if the tool does.
fn run(tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool).args(arguments).current_dir(root()).output().unwrap_or_else(|error| {
        panic!("{tool} cannot be run ({error}); run `make test` once, it installs what the tests need")
    });
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{tool} {arguments:?} failed:\n{said}");
    said
}

// === Settings ===

/// The keys of `config/frontdesk.toml`, each with the comment above it.
fn documented_keys() -> Vec<(String, String)> {
    let text = read("config/frontdesk.toml");
    let (mut section, mut comment, mut keys) = (String::new(), String::new(), Vec::new());
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("# ") {
            comment.push_str(words);
            comment.push(' ');
        } else if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
            comment.clear();
        } else if let Some((name, _)) = line.split_once(" = ") {
            keys.push((format!("{section}.{name}"), std::mem::take(&mut comment)));
        } else {
            comment.clear();
        }
    }
    keys
}

#[test]
fn every_key_stands_in_the_documented_file_in_order_with_its_name_and_a_reason() {
    let documented = documented_keys();
    let paths: Vec<&str> = documented.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, KEYS.iter().map(|key| key.path).collect::<Vec<_>>());
    for (key, (path, comment)) in KEYS.iter().zip(&documented) {
        assert!(comment.trim_end().ends_with('.'), "{path} has no sentence above it: {comment:?}");
        for name in key.names {
            assert!(comment.contains(name), "the comment of {path} does not name {name}");
        }
    }
}

#[test]
fn the_example_environment_is_the_contract() {
    let text = read(".env.example");
    let examples: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once('='))
        .map(|(name, _)| name)
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
        .collect();
    let contract: BTreeSet<&str> = KEYS.iter().flat_map(|key| key.names).copied().chain([FILE_VARIABLE]).collect();
    assert_eq!(examples, contract);
}

#[test]
fn the_example_environment_starts_as_it_is_and_its_values_are_the_defaults() {
    use frontdesk::config::{Config, Sources};
    let dir = TempDir::new().unwrap();
    let dotenv = dir.path().join(".env");
    let all_lines_active = read(".env.example").lines().fold(String::new(), |text, line| {
        let bare = line.strip_prefix('#').filter(|bare| bare.starts_with(|letter: char| letter.is_ascii_uppercase()));
        text + bare.unwrap_or(line) + "\n"
    });
    fs::write(&dotenv, all_lines_active).unwrap();
    let defaults = Config::load(&Sources::default()).unwrap();
    let example = Config::load(&Sources { dotenv: Some(dotenv), ..Sources::default() }).unwrap();
    for key in KEYS {
        assert_eq!(example.provenance.shown(key.path), defaults.provenance.shown(key.path), "{}", key.path);
    }
    assert_eq!(example.warnings, defaults.warnings);
}

// === Metrics, dashboards, alerts ===

fn dashboards() -> Vec<(PathBuf, Value)> {
    let files = fs::read_dir(root().join("grafana/dashboards")).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.clone(), serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()))
        .collect()
}

/// Every query of every panel.
fn queries() -> Vec<String> {
    let queries: Vec<String> = dashboards()
        .iter()
        .flat_map(|(_, board)| board["panels"].as_array().unwrap().clone())
        .flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default())
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect();
    assert!(!queries.is_empty());
    queries
}

/// The names of our metrics in a text, without what Prometheus appends to histograms.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split(|letter| !word(letter))
        .filter(|name| name.starts_with("frontdesk_"))
        .map(|name| {
            let base = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix));
            let is_histogram =
                |base: &&str| ALL.iter().any(|metric| metric.name == *base && metric.kind == Kind::Histogram);
            base.filter(is_histogram).unwrap_or(name).to_owned()
        })
        .collect()
}

#[test]
fn every_metric_is_on_a_dashboard_and_every_metric_used_exists() {
    let known: BTreeSet<String> = ALL.iter().map(|metric| metric.name.to_owned()).collect();
    let drawn = metrics_in(&queries().join("\n"));
    assert_eq!(drawn, known);
    let watched = metrics_in(&read("grafana/alerts.yml"));
    assert!(watched.is_subset(&known), "unknown: {:?}", watched.difference(&known).collect::<Vec<_>>());
}

#[test]
fn every_query_of_a_dashboard_is_valid() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("queries.yml");
    let rules = queries().iter().enumerate().fold(String::new(), |rules, (number, query)| {
        let query = query.replace("$__rate_interval", "5m").replace("$__range", "1h").replace("$instance", ".*");
        let query = ["input", "cached", "output", "minute"]
            .iter()
            .fold(query, |query, price| query.replace(&format!("$price_{price}"), "0.6"));
        rules + &format!("  - record: query:{number}\n    expr: {}\n", Value::from(query)).replace("query:", "query:q")
    });
    fs::write(&path, format!("groups:\n- name: dashboards\n  rules:\n{rules}")).unwrap();
    run("promtool", &["check", "rules", path.to_str().unwrap()]);
}

#[test]
fn panels_ask_questions_and_do_not_overlap() {
    for (path, board) in dashboards() {
        let mut taken = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in board["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}: id of {title:?}", path.display());
            if panel["type"] == "row" {
                assert!(title.ends_with('?'), "{}: the row {title:?} asks nothing", path.display());
            }
            let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            for (x, y) in (0..at("w")).flat_map(|x| (0..at("h")).map(move |y| (x, y))) {
                assert!(at("x") + x < 24, "{}: {title:?} is too wide", path.display());
                assert!(taken.insert((at("x") + x, at("y") + y)), "{}: {title:?} overlaps", path.display());
            }
        }
    }
}

#[test]
fn alert_rules_are_valid_and_behave_as_their_tests_say() {
    run("promtool", &["check", "rules", "grafana/alerts.yml"]);
    run("promtool", &["test", "rules", "grafana/alerts.test.yml"]);
    run("promtool", &["check", "config", "config/prometheus.yml"]);
}

#[test]
fn every_alert_has_a_line_in_the_runbook_and_is_tested_firing_and_quiet() {
    let (rules, tests, runbook) =
        (read("grafana/alerts.yml"), read("grafana/alerts.test.yml"), read("docs/runbook.md"));
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() >= 10, "{alerts:?}");
    for alert in &alerts {
        assert!(rules.contains(&format!("runbook: docs/runbook.md#{}\n", alert.to_lowercase())), "{alert}");
        assert!(runbook.contains(&format!("\n### {alert}\n")), "{alert} is missing in docs/runbook.md");
        for manner in ["fires", "stays quiet"] {
            assert!(tests.contains(&format!("- name: {alert} {manner}\n")), "{alert} {manner} is not tested");
        }
    }
    for heading in runbook.lines().filter_map(|line| line.strip_prefix("### Frontdesk")) {
        assert!(
            alerts.contains(&format!("Frontdesk{heading}").as_str()),
            "the runbook knows an alert {heading:?} too many"
        );
    }
}

// === systemd ===

#[test]
#[cfg(target_os = "linux")]
fn systemd_accepts_the_units() {
    let dir = TempDir::new().unwrap();
    let unit = read("deploy/systemd/frontdesk.service");
    let installed = "/usr/local/bin/frontdesk";
    assert!(unit.contains(installed));
    let service = dir.path().join("frontdesk.service");
    fs::write(&service, unit.replace(installed, env!("CARGO_BIN_EXE_frontdesk"))).unwrap();
    let socket = dir.path().join("frontdesk.socket");
    fs::write(&socket, read("deploy/systemd/frontdesk.socket")).unwrap();
    let said = run("systemd-analyze", &["verify", "--man=no", service.to_str().unwrap(), socket.to_str().unwrap()]);
    assert!(!said.contains("frontdesk."), "{said}");
}

#[test]
fn the_socket_listens_where_the_settings_say() {
    let default = documented_default("addr = ");
    assert!(read("deploy/systemd/frontdesk.socket").contains(&format!("ListenStream={default}\n")));
    assert!(read("config/prometheus.yml").contains(&format!("\"{default}\"")));
}

fn documented_default(key: &str) -> String {
    let text = read("config/frontdesk.toml");
    let value = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    value.trim_matches('"').to_owned()
}

// === Kommo's widget ===

#[test]
fn the_widgets_step_and_the_template_are_the_same_bot() {
    let build = "let made; global.define = (_, make) => { made = make(); }; require('./widgets/kommo/script.js'); \
        const widget = { i18n: () => ({}) }; made.call(widget); \
        console.log(widget.callbacks.onSalesbotDesignerSave('frontdesk', \
            { url: 'https://desk.example.com/api/kommo/chat/webhook' }));";
    let step: Value = serde_json::from_str(&run("node", &["-e", build])).unwrap();
    let template: Value = serde_json::from_str(&read("widgets/kommo/salesbot.json")).unwrap();
    assert_eq!(step, template);
    assert!(step.to_string().len() < 64 * 1024, "Kommo takes bots of 64 KB");
    let manifest: Value = serde_json::from_str(&read("widgets/kommo/manifest.json")).unwrap();
    for locale in manifest["widget"]["locale"].as_array().unwrap() {
        let words: Value =
            serde_json::from_str(&read(&format!("widgets/kommo/i18n/{}.json", locale.as_str().unwrap()))).unwrap();
        let names =
            [&manifest["widget"]["name"], &manifest["salesbot_designer"]["frontdesk"]["settings"]["url"]["name"]];
        for name in names {
            let (section, word) = name.as_str().unwrap().split_once('.').unwrap();
            assert!(words[section][word].is_string(), "{locale}: {name}");
        }
    }
}

/// The names in a zip archive, read from its central directory.
fn names_in(archive: &[u8]) -> BTreeSet<String> {
    let number = |at: usize| usize::from(u16::from_le_bytes([archive[at], archive[at + 1]]));
    let entries = (0..archive.len().saturating_sub(46)).filter(|at| archive[*at..].starts_with(b"PK\x01\x02"));
    entries.map(|at| String::from_utf8(archive[at + 46..][..number(at + 28)].to_vec()).unwrap()).collect()
}

#[test]
fn the_widget_that_is_uploaded_holds_what_its_manifest_names() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("widget.zip");
    run("make", &["-s", "kommo-widget", &format!("WIDGET={}", file.display())]);
    let names = names_in(&fs::read(&file).unwrap());
    let manifest: Value = serde_json::from_str(&read("widgets/kommo/manifest.json")).unwrap();
    let locales = manifest["widget"]["locale"].as_array().unwrap().iter();
    let words = locales.map(|locale| format!("i18n/{}.json", locale.as_str().unwrap()));
    let expected: BTreeSet<String> = words.chain(["manifest.json", "script.js", "i18n/"].map(str::to_owned)).collect();
    assert_eq!(names, expected, "the manifest must stand at the top, and nothing else may go along");
}
