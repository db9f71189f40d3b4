//! The image and the compose file hold together without a Docker to try them: what they name exists, what they set are
//! settings, and what must last lasts.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use frontdesk::config::keys::KEYS;
use frontdesk::config::{Config, Sources};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use yaml_rust2::{Yaml, YamlLoader};

/// What an operator gives beside the compose file, as `docs/setup-docker.md` says.
const GIVEN: [(&str, &str); 7] = [
    ("PUBLIC_URL", "https://desk.example.com"),
    ("CHATWOOT_BASE_URL", "https://chat.example.com"),
    ("CHATWOOT_ACCOUNT_ID", "1"),
    ("CHATWOOT_API_TOKEN", "bot-token"),
    ("CHATWOOT_WEBHOOK_SECRET", "secret"),
    ("SMTP_URL", "smtps://desk:pw@mail.example.com:465"),
    ("SENDER_EMAIL", "desk@example.com"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn compose() -> Yaml {
    let mut documents = YamlLoader::load_from_str(&read("deploy/compose.yml")).expect("deploy/compose.yml is YAML");
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

fn service<'a>(compose: &'a Yaml, name: &str) -> &'a Yaml {
    let service = &compose["services"][name];
    assert!(!service.is_badvalue(), "there is no service {name}");
    service
}

fn text(value: &Yaml) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value:?}"))
}

fn texts(value: &Yaml) -> Vec<&str> {
    value.as_vec().into_iter().flatten().map(text).collect()
}

/// The services by name.
fn services(compose: &Yaml) -> Vec<(&str, &Yaml)> {
    let services = compose["services"].as_hash().expect("a map of services");
    services.iter().map(|(name, service)| (text(name), service)).collect()
}

fn environment(service: &Yaml) -> BTreeMap<&str, &str> {
    let variables = service["environment"].as_hash().into_iter().flatten();
    variables.map(|(name, value)| (text(name), text(value))).collect()
}

/// The instructions of the Dockerfile, each on one line, without comments.
fn instructions() -> Vec<(String, String)> {
    let source = read("deploy/Dockerfile");
    let code: Vec<&str> = source.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = code.join("\n").replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| line.trim().split_once(' '));
    lines.map(|(name, rest)| (name.to_owned(), rest.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
}

fn instruction(name: &str) -> String {
    let found: Vec<String> = instructions().into_iter().filter(|(of, _)| of == name).map(|(_, rest)| rest).collect();
    assert!(!found.is_empty(), "the Dockerfile has no {name}");
    found.last().unwrap().clone()
}

/// Returns the settings that the image and the compose file bring, as the daemon reads them.
fn container(given: &[(&str, &str)]) -> Sources {
    let compose = compose();
    let image = instruction("ENV");
    let image = image.split(' ').filter_map(|pair| pair.split_once('='));
    let set = environment(service(&compose, "frontdesk"));
    Sources::of_variables(image.chain(given.iter().copied()).chain(set))
}

#[test]
fn every_variable_of_the_desk_is_a_setting() {
    let names: BTreeSet<&str> = KEYS.iter().flat_map(|key| key.names).copied().collect();
    let compose = compose();
    let image = instruction("ENV");
    let image = image.split(' ').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name);
    for name in image.chain(environment(service(&compose, "frontdesk")).into_keys()) {
        assert!(names.contains(name), "{name} is not a setting");
    }
    let guide = read("docs/setup-docker.md");
    for (name, _) in GIVEN {
        assert!(guide.contains(&format!("`{name}`")), "docs/setup-docker.md does not ask for {name}");
    }
}

#[test]
fn the_desk_starts_with_what_the_guide_asks_for_and_not_with_less() {
    let config = Config::load(&container(&GIVEN)).unwrap();
    assert!(!config.is_demo() && !config.takes_unsigned_webhooks());
    assert_eq!(config.listen.addr.to_string(), "0.0.0.0:8080");
    for (missing, _) in GIVEN {
        let rest: Vec<_> = GIVEN.into_iter().filter(|(name, _)| *name != missing).collect();
        assert!(Config::load(&container(&rest)).is_err(), "{missing} is not needed after all");
    }
}

#[test]
fn every_file_and_volume_that_is_named_exists() {
    let compose = compose();
    let declared: BTreeSet<&str> = compose["volumes"].as_hash().unwrap().keys().map(text).collect();
    let mut used = BTreeSet::new();
    for (name, service) in services(&compose) {
        for mount in texts(&service["volumes"]) {
            let source = mount.split(':').next().unwrap();
            if source.starts_with('.') {
                assert!(root().join("deploy").join(source).exists(), "{name}: {source} does not exist");
                assert!(mount.ends_with(":ro"), "{name} may write to {source}");
            } else {
                assert!(used.insert(source), "{source} is shared");
            }
        }
    }
    assert_eq!(used, declared);
    let build = &service(&compose, "frontdesk")["build"];
    let context = root().join("deploy").join(text(&build["context"])).canonicalize().unwrap();
    assert_eq!(context, root().canonicalize().unwrap());
    assert!(context.join(text(&build["dockerfile"])).exists());
    assert_eq!(text(&service(&compose, "frontdesk")["env_file"]), "../.env");
    assert!(root().join(".env.example").exists());
}

#[test]
fn what_was_acknowledged_lasts() {
    let compose = compose();
    let redis = service(&compose, "redis");
    for option in ["--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"] {
        assert!(text(&redis["command"]).contains(option), "{option}");
    }
    assert_eq!(texts(&redis["volumes"]), ["redis:/data"]);
    let desk = service(&compose, "frontdesk");
    assert_eq!(text(&desk["depends_on"]["redis"]["condition"]), "service_healthy");
    assert_eq!(environment(desk)["REDIS_URL"], "redis://redis:6379");
    let data = environment(desk)["DATA_DIR"].to_owned();
    assert!(texts(&desk["volumes"]).iter().any(|mount| mount.ends_with(&format!(":{data}"))));
    // As long as systemd waits.
    let patience = format!("TimeoutStopSec={}\n", text(&desk["stop_grace_period"]));
    assert!(read("deploy/systemd/frontdesk.service").contains(&patience));
}

#[test]
fn nothing_is_published_beyond_this_machine() {
    let compose = compose();
    for (name, service) in services(&compose) {
        for port in texts(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port} to everybody");
        }
    }
    for watcher in ["prometheus", "grafana"] {
        assert_eq!(texts(&service(&compose, watcher)["profiles"]), ["monitoring"], "{watcher} is optional");
    }
    assert!(service(&compose, "frontdesk")["profiles"].is_badvalue());
}

#[test]
fn the_image_is_small_unprivileged_and_watched() {
    let all = instructions();
    let last_stage = all.iter().rposition(|(name, _)| name == "FROM").unwrap();
    assert!(all[..last_stage].iter().any(|(name, rest)| name == "FROM" && rest.ends_with("AS build")));
    assert!(instruction("FROM").contains("-slim"));
    let user = all.iter().position(|(name, _)| name == "USER").expect("it has a user");
    assert!(last_stage < user && !["root", "0"].contains(&all[user].1.as_str()));
    assert!(all[user..].iter().all(|(name, _)| name != "RUN" && name != "COPY"), "nothing is built as the user");
    assert!(instruction("HEALTHCHECK").ends_with(r#"CMD ["frontdesk", "healthcheck"]"#));
    assert_eq!((instruction("ENTRYPOINT"), instruction("CMD")), (r#"["frontdesk"]"#.into(), r#"["serve"]"#.into()));
    let port = instruction("EXPOSE");
    assert!(instruction("ENV").contains(&format!("LISTEN_ADDR=0.0.0.0:{port}")));
    assert!(text(&service(&compose(), "frontdesk")["ports"][0]).ends_with(&format!(":{port}")));
    assert!(read("deploy/prometheus.yml").contains(&format!("\"frontdesk:{port}\"")));
}

#[test]
fn what_is_copied_exists_and_secrets_are_not() {
    for (_, rest) in instructions().iter().filter(|(name, _)| name == "COPY") {
        let mut words: Vec<&str> = rest.split(' ').collect();
        words.pop();
        if words[0].starts_with("--from=build") {
            let built = instructions().iter().any(|(name, rest)| name == "RUN" && rest.contains(words[1]));
            assert!(built, "{rest}");
            continue;
        }
        for source in words {
            assert!(root().join(source).exists(), "{source} does not exist");
        }
    }
    let kept_out: Vec<PathBuf> = read(".dockerignore").lines().map(PathBuf::from).collect();
    for secret in [".env", "data", "target", ".git"] {
        assert!(kept_out.contains(&PathBuf::from(secret)), "{secret} would be copied");
    }
}

#[test]
fn prometheus_accepts_its_file() {
    let output =
        Command::new("promtool").args(["check", "config", "deploy/prometheus.yml"]).current_dir(root()).output();
    let output = output.expect("promtool runs; `make test` installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
