//! What operators write is read as documented, and what they get wrong is said, all of it at once, with a fix.

use frontdesk::config::keys::{KEYS, Key, Kind};
use frontdesk::config::{Config, MailRoute, ModelApi, Origin, Problem, Sources, check_config_report};
use secrecy::ExposeSecret;
use std::fs;
use std::time::Duration;
use tempfile::TempDir;

#[path = "config/contract.rs"]
mod contract;
#[path = "config/files.rs"]
mod files;

/// A complete, sound service.
const SERVICE: &[(&str, &str)] = &[
    ("LISTEN_ADDR", "0.0.0.0:8080"),
    ("PUBLIC_URL", "https://desk.example.com"),
    ("CHATWOOT_BASE_URL", "https://chat.example.com"),
    ("CHATWOOT_ACCOUNT_ID", "1"),
    ("CHATWOOT_API_TOKEN", "bot-token"),
    ("CHATWOOT_USER_TOKEN", "user-token"),
    ("CHATWOOT_WEBHOOK_SECRET", "first,second"),
    ("SMTP_URL", "smtps://desk:pw@mail.example.com:465"),
    ("SENDER_EMAIL", "desk@example.com"),
    ("OPENAI_API_KEY", "sk-secret"),
    ("OPENAI_MODEL", "some-model"),
    ("TEAMS_WEBHOOK_URL", "https://x.environment.api.powerplatform.com/workflows/1?sig=secret"),
];

fn load(variables: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    Config::load(&Sources::of_variables(variables.iter().copied()))
}

/// The sound service with some variables replaced; an empty value removes one.
fn service_with(changes: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    load(&[SERVICE, changes].concat())
}

fn settings(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.setting.as_str()).collect()
}

fn said(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn nothing_set_is_the_demo() {
    let config = load(&[]).unwrap();
    assert!(config.is_demo() && config.web_chat() && config.takes_unsigned_webhooks());
    assert_eq!(config.listen.addr.to_string(), "127.0.0.1:8080");
    assert_eq!(config.public_base(), "http://127.0.0.1:8080");
    assert_eq!((config.model.max_retries, config.model.memory_messages), (2, 20));
    assert_eq!(config.model.turn_deadline, Duration::from_secs(90));
    assert_eq!(config.desk.debounce_quiet, Duration::from_millis(1200));
    assert_eq!(config.desk.human_idle, None);
    let gate = &config.gate;
    assert_eq!((gate.mails_per_address_hour, gate.mails_per_address_day), (3, 5));
    assert_eq!((gate.mails_per_contact_day, gate.mails_per_inbox_hour), (5, 60));
    assert_eq!(config.model.api, ModelApi::Chat);
    assert!(matches!(config.mail.route(), MailRoute::Mailbox));
    assert!(config.model.api_key.is_none() && config.store.redis_url.is_none() && config.chatwoot.access().is_none());
    assert!(config.warnings.iter().any(|warning| warning.contains("demo mode")), "{:?}", config.warnings);
}

#[test]
fn a_complete_service_has_neither_problems_nor_warnings() {
    let config = service_with(&[]).unwrap();
    assert_eq!(config.warnings, Vec::<String>::new());
    assert!(!config.is_demo() && !config.web_chat() && !config.takes_unsigned_webhooks());
    let access = config.chatwoot.access().unwrap();
    assert_eq!((access.account_id, access.api_token.expose_secret()), (1, "bot-token"));
    assert_eq!(config.chatwoot.webhook_secret.len(), 2);
}

#[test]
fn every_name_of_the_contract_is_read_and_so_is_its_generic_form() {
    let defaults = load(&[]).unwrap();
    for key in KEYS {
        let value = defaults.provenance.shown(key.path).unwrap_or_else(|| sample(key.path, key.kind));
        for name in key.names.iter().map(|name| (*name).to_owned()).chain([key.generic_name()]) {
            let cleared = key.names.iter().map(|name| (*name, ""));
            let needed = needed(key.path);
            let changes: Vec<(&str, &str)> =
                needed.into_iter().chain(cleared).chain([(name.as_str(), value)]).collect();
            let config =
                service_with(&changes).unwrap_or_else(|problems| panic!("{name}={value}: {}", said(&problems)));
            assert_eq!(config.provenance.origin(key.path), Some(&Origin::Environment(name)));
        }
    }
}

/// What a key is nothing without.
fn needed(path: &str) -> Vec<(&'static str, &'static str)> {
    static KOMMO: [(&str, &str); 3] =
        [("KOMMO_SUBDOMAIN", "fixture"), ("KOMMO_CLIENT_SECRET", "a-secret"), ("KOMMO_TOKEN", "a-token")];
    let key = Key::find(path);
    let others = |all: &'static [(&str, &str)]| {
        let own = |name: &str| key.is_some_and(|key| key.names.contains(&name));
        all.iter().copied().filter(|(name, _)| !own(name)).collect()
    };
    match path.split_once('.') {
        Some(("google", "docs_id")) => vec![("GOOGLE_APPLICATION_CREDENTIALS", "config")],
        Some(("kommo", _)) => others(&KOMMO),
        Some(("green_api", _)) => others(&WHATSAPP),
        Some(_) | None => Vec::new(),
    }
}

#[test]
fn behind_a_proxy_webhooks_must_be_signed_although_the_desk_listens_on_loopback() {
    let proxied = [("LISTEN_ADDR", "127.0.0.1:8080"), ("CHATWOOT_WEBHOOK_SECRET", "")];
    let problems = service_with(&proxied).expect_err("strangers reach it through the proxy");
    assert_eq!(settings(&problems), ["CHATWOOT_WEBHOOK_SECRET"]);
    assert!(said(&problems).contains("PUBLIC_URL") && said(&problems).contains("ALLOW_UNSIGNED_WEBHOOKS=true"));
    let with = |more: (&'static str, &'static str)| service_with(&[proxied[0], proxied[1], more]);
    assert!(with(("ALLOW_UNSIGNED_WEBHOOKS", "true")).unwrap().takes_unsigned_webhooks());
    assert!(!with(("CHATWOOT_WEBHOOK_SECRET", "one")).unwrap().takes_unsigned_webhooks());
    let local = with(("PUBLIC_URL", "http://desk.localhost")).unwrap();
    assert!(local.takes_unsigned_webhooks() && local.warnings.iter().any(|said| said.contains("without a signature")));
}

/// An instance of GREEN-API, whose settings belong together.
static WHATSAPP: [(&str, &str); 4] = [
    ("GREEN_API_URL", "https://7103.api.greenapi.com"),
    ("GREEN_ID_INSTANCE", "7103000001"),
    ("GREEN_API_TOKEN", "an0instance0token"),
    ("GREEN_WEBHOOK_TOKEN", "a-webhook-token-long-enough"),
];

#[test]
fn whatsapp_alone_is_a_service_that_needs_no_mail_server_and_its_settings_belong_together() {
    let public = [("LISTEN_ADDR", "0.0.0.0:8080"), ("PUBLIC_URL", "https://desk.example.com")];
    let alone: Vec<(&str, &str)> = WHATSAPP.into_iter().chain(public).collect();
    let config = load(&alone).unwrap_or_else(|problems| panic!("{}", said(&problems)));
    assert!(!config.is_demo() && !config.takes_green_api_unsigned());
    assert_eq!(config.green_api.access().map(|access| access.instance), Some(7_103_000_001));
    assert_eq!(config.green_api.human_idle, Some(Duration::from_secs(4 * 60 * 60)));
    for (missing, _) in WHATSAPP {
        let changes: Vec<(&str, &str)> = alone.iter().copied().filter(|(name, _)| *name != missing).collect();
        let problems = load(&changes).expect_err("they belong together");
        assert!(said(&problems).contains(missing), "{missing}: {}", said(&problems));
    }
    // Behind a proxy the desk listens on loopback, and strangers reach it all the same.
    let proxied = [("LISTEN_ADDR", "127.0.0.1:8080"), ("PUBLIC_URL", "https://desk.example.com")];
    let tokenless: Vec<(&str, &str)> = WHATSAPP[..3].iter().copied().chain(proxied).collect();
    assert!(said(&load(&tokenless).expect_err("the webhook would be open")).contains("GREEN_WEBHOOK_TOKEN"));
    let polling: Vec<(&str, &str)> = tokenless.into_iter().chain([("GREEN_POLLING", "on")]).collect();
    let config = load(&polling).unwrap_or_else(|problems| panic!("{}", said(&problems)));
    assert!(!config.takes_green_api_unsigned(), "nothing is pushed where notifications are fetched");
    let gated: Vec<(&str, &str)> = alone.iter().copied().chain([("GREEN_GATE", "on")]).collect();
    assert!(said(&load(&gated).expect_err("addresses are asked for")).contains("SMTP_URL"));
}

/// A value that fits the sound service.
fn sample(path: &str, kind: Kind) -> &'static str {
    match (path, kind) {
        ("store.redis_url", _) => "rediss://redis.example.com",
        ("mail.smtp_url", _) => "smtps://mail.example.com",
        ("model.prompt_file" | "desk.person_words" | "desk.locales", _) => "config",
        ("google.credentials", _) => "config/frontdesk.toml",
        ("google.docs_id", _) => "1a-B_2",
        ("kommo.subdomain", _) => "fixture",
        ("kommo.redirect_uri", _) => "https://desk.example.com/oauth/kommo",
        ("model.max_tokens", _) => "500",
        (_, Kind::Text) => "desk@example.com",
        (_, Kind::Secret) => "https://localhost/a-secret-that-is-long-enough",
        (_, Kind::Url) => "https://chat.example.com",
        (_, Kind::Choice(words)) => words[0],
        (_, Kind::Decimal(..)) => "0.5",
        _ => "1",
    }
}

#[test]
fn environment_beats_dotenv_beats_file_beats_default_and_empty_means_unset() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("desk.toml");
    fs::write(&file, "[desk]\nsite_name = \"From file\"\nlocale = \"ru\"\n[model]\nmax_retries = 5\nname = \"m\"\n")
        .unwrap();
    let dotenv = dir.path().join(".env");
    fs::write(&dotenv, "DESK_LOCALE=kk\nMAX_AI_RETRIES=6\nSITE_NAME=\n").unwrap();
    let mut sources = Sources::of_variables([("MAX_AI_RETRIES", "7"), ("OPENAI_MODEL", "  ")]);
    sources.dotenv = Some(dotenv);
    sources.file = Some(file.clone());
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.model.max_retries, 7);
    assert_eq!(config.desk.locale.code(), "kk");
    assert_eq!((config.desk.site_name.as_str(), config.model.name.as_str()), ("From file", "m"));
    assert_eq!(config.provenance.origin("model.name"), Some(&Origin::File(file)));
    assert_eq!(config.provenance.origin("desk.locale"), Some(&Origin::Dotenv("DESK_LOCALE".to_owned())));
    assert_eq!(config.provenance.origin("model.max_tokens"), None);
}

#[test]
fn aliases_work_and_contradict_only_when_they_differ() {
    let config = service_with(&[("CHATWOOT_API_TOKEN", ""), ("CHATWOOT_API_KEY", "by-alias")]).unwrap();
    assert_eq!(config.chatwoot.api_token.unwrap().expose_secret(), "by-alias");
    assert!(service_with(&[("CHATWOOT_API_KEY", "bot-token")]).is_ok());
    let problems = service_with(&[("CHATWOOT_API_KEY", "other")]).unwrap_err();
    assert_eq!(settings(&problems), ["CHATWOOT_API_TOKEN"]);
    assert!(!said(&problems).contains("other") && !said(&problems).contains("bot-token"));
}

#[test]
fn a_secret_that_could_be_guessed_is_warned_of_and_no_reason_not_to_start() {
    let config = service_with(&[("JWT_SECRET", "short"), ("ADMIN_TOKEN", "tiny")]).unwrap();
    for setting in ["JWT_SECRET is shorter than 32 bytes", "ADMIN_TOKEN is shorter than 16 bytes"] {
        assert!(config.warnings.iter().any(|warning| warning.contains(setting)), "{:?}", config.warnings);
    }
    assert!(config.warnings.iter().all(|warning| !warning.contains("tiny")), "a secret is never shown");
}

#[test]
fn whoever_asks_the_daemon_needs_its_address_and_no_more() {
    let asks = |variables: &[(&str, &str)]| Config::load_to_ask(&Sources::of_variables(variables.iter().copied()));
    let mended = [("LISTEN_ADDR", "0.0.0.0:8080"), ("MEMORY_MESSAGES", "0"), ("OPENAI_ASSISTANT_ID", "asst_1")];
    assert!(load(&mended).is_err());
    assert_eq!(asks(&mended).unwrap().listen.addr.port(), 8080);
    assert_eq!(settings(&asks(&[("LISTEN_ADDR", "nowhere")]).unwrap_err()), ["LISTEN_ADDR"]);
    assert_eq!(settings(&asks(&[("FRONTDESK_CONFIG", "/nowhere.toml")]).unwrap_err()), ["/nowhere.toml"]);
}

#[test]
fn all_problems_are_said_at_once_each_with_its_fix() {
    let problems = load(&[
        ("LISTEN_ADDR", "nowhere"),
        ("CHATWOOT_BASE_URL", "chat.example.com"),
        ("MEMORY_MESSAGES", "0"),
        ("AI_CALL_TIMEOUT", "2m"),
        ("OPENAI_ASSISTANT_ID", "asst_1"),
        ("TEAMS_WEBHOOK_URL", "https://contoso.webhook.office.com/webhookb2/secret"),
        ("REDIS_URL", "redis-sentinel://host:26379/primary"),
        ("SENDER_EMAIL", "desk@example.com"),
        ("FRONTDESK__MODEL__API_KEI", "sk"),
    ])
    .unwrap_err();
    let mut names = settings(&problems);
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "AI_CALL_TIMEOUT",
            "CHATWOOT_ACCOUNT_ID",
            "CHATWOOT_API_TOKEN",
            "CHATWOOT_BASE_URL",
            "FRONTDESK__MODEL__API_KEI",
            "LISTEN_ADDR",
            "MEMORY_MESSAGES",
            "OPENAI_ASSISTANT_ID",
            "PUBLIC_URL",
            "REDIS_URL",
            "SENDER_EMAIL",
            "TEAMS_WEBHOOK_URL",
        ],
        "{}",
        said(&problems)
    );
    assert!(problems.iter().all(|problem| !problem.fix.is_empty() && !problem.what.is_empty()));
    let text = said(&problems);
    for successor in ["PROMPT_FILE", "Teams Workflow", "FRONTDESK__MODEL__API_KEY", "Redis Cluster", "2026-08-26"] {
        assert!(text.contains(successor), "{successor} is missing in\n{text}");
    }
    assert!(!text.contains("webhookb2"), "{text}");
}

#[test]
fn a_vendor_needs_its_whole_set_and_the_desk_a_public_address() {
    for (removed, expected) in [
        ("CHATWOOT_BASE_URL", "CHATWOOT_BASE_URL"),
        ("CHATWOOT_ACCOUNT_ID", "CHATWOOT_ACCOUNT_ID"),
        ("CHATWOOT_API_TOKEN", "CHATWOOT_API_TOKEN"),
        ("PUBLIC_URL", "PUBLIC_URL"),
        ("CHATWOOT_WEBHOOK_SECRET", "CHATWOOT_WEBHOOK_SECRET"),
        ("SENDER_EMAIL", "SENDER_EMAIL"),
    ] {
        let problems = service_with(&[(removed, "")]).unwrap_err();
        assert_eq!(settings(&problems), [expected], "without {removed}");
    }
    assert!(service_with(&[("CHATWOOT_WEBHOOK_SECRET", ""), ("ALLOW_UNSIGNED_WEBHOOKS", "true")]).is_ok());
    assert!(service_with(&[("PUBLIC_URL", ""), ("GATE", "off")]).is_ok());
}

#[test]
fn without_a_mail_server_nobody_could_verify_so_only_a_demo_or_an_open_gate_starts() {
    let mailless = [("SMTP_URL", ""), ("SENDER_EMAIL", "")];
    let problems = service_with(&mailless).unwrap_err();
    assert_eq!(settings(&problems), ["SMTP_URL"]);
    assert!(service_with(&[mailless.as_slice(), &[("GATE", "off")]].concat()).is_ok());
    let developer = [("LISTEN_ADDR", "127.0.0.1:8080"), ("CHATWOOT_BASE_URL", "http://localhost:3000")];
    let config = service_with(&[mailless.as_slice(), &developer].concat()).unwrap();
    assert!(config.warnings.iter().any(|warning| warning.contains("demo mailbox")), "{:?}", config.warnings);
}

#[test]
fn gmail_needs_only_the_sender() {
    let config =
        service_with(&[("SMTP_URL", ""), ("SENDER_PASSWORD", "abcd efgh ijkl mnop"), ("SITE_NAME", "Tenge")]).unwrap();
    assert!(matches!(config.mail.route(), MailRoute::Gmail { email: "desk@example.com", .. }));
    assert_eq!(config.sender_name(), "Tenge");
}

#[test]
fn an_address_that_is_published_or_handed_over_ends_the_demo() {
    assert!(!load(&[("PUBLIC_URL", "https://desk.example.com")]).unwrap().is_demo());
    let problems = load(&[]).unwrap().listening_on("0.0.0.0:8080".parse().unwrap()).unwrap_err();
    assert_eq!(settings(&problems), ["SMTP_URL"]);
    let config = load(&[("GATE", "off")]).unwrap().listening_on("0.0.0.0:8080".parse().unwrap()).unwrap();
    assert!(!config.is_demo());
}

#[test]
fn neither_debug_nor_the_report_shows_a_secret() {
    let config = service_with(&[
        ("REDIS_URL", "rediss://user:redispw@redis.example.com:6380"),
        ("JWT_SECRET", "jwt-secret-jwt-secret-jwt-secret-jwt"),
        ("ADMIN_TOKEN", "admin-token-admin-token"),
    ])
    .unwrap();
    let shown = format!("{config:?}\n{}", check_config_report(&config));
    for secret in
        ["redispw", "jwt-secret", "admin-token", "bot-token", "user-token", "first", "sk-secret", "sig=", "desk:pw"]
    {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
    assert!(!format!("{config:?}").contains("desk@example.com"));
    let report = check_config_report(&config);
    for line in [
        "  redis_url                set                              environment REDIS_URL",
        "  max_retries              2                                default",
        "  max_tokens               not set                          default",
    ] {
        assert!(report.contains(line), "{line:?} is missing in\n{report}");
    }
}

#[test]
fn a_desk_without_a_channel_is_warned_of_and_every_warning_is_printed_once() {
    let service = [("PUBLIC_URL", "https://desk.example.com"), ("GATE", "off")];
    let deaf = load(&service).unwrap();
    let report = check_config_report(&deaf);
    assert!(!deaf.is_demo() && report.matches("warning: no channel is set").count() == 1, "{report}");
    let open = load(&[service.as_slice(), &[("WEB_CHAT", "on")]].concat()).unwrap();
    assert!(!open.warnings.iter().any(|warning| warning.contains("no channel")), "{:?}", open.warnings);
}

#[test]
fn redis_can_be_one_server_or_a_cluster_but_no_sentinel() {
    for good in [
        "rediss://redis.example.com",
        "rediss://user:p%40w@redis.example.com:6380/2",
        "rediss+cluster://a.example.com:1",
        "rediss://u:p@a.example.com:1, b.example.com:2,rediss://c.example.com:3",
    ] {
        let config =
            service_with(&[("REDIS_URL", good)]).unwrap_or_else(|problems| panic!("{good}: {}", said(&problems)));
        assert_eq!(config.warnings, Vec::<String>::new(), "{good}");
    }
    for bad in
        ["redis.example.com:6379", "https://redis.example.com", "redis://", "redis+sentinel://h/m", "sentinel://h"]
    {
        assert_eq!(settings(&service_with(&[("REDIS_URL", bad)]).unwrap_err()), ["REDIS_URL"], "{bad}");
    }
    let config = service_with(&[("REDIS_URL", "redis://:pw@redis.example.com")]).unwrap();
    assert!(config.warnings.iter().any(|warning| warning.contains("no TLS")), "{:?}", config.warnings);
}

#[test]
fn offsets_from_utc_are_read_as_people_write_them() {
    for good in ["+05:00", "-0330", "+8", "Z", "utc", "+00:00"] {
        assert!(service_with(&[("DESK_UTC_OFFSET", good)]).is_ok(), "{good}");
    }
    for bad in ["5", "+25:00", "+05:99", "Asia/Almaty", "+", "+:", "+\u{661}\u{661}\u{661}"] {
        assert!(service_with(&[("DESK_UTC_OFFSET", bad)]).is_err(), "{bad}");
    }
}

#[test]
fn kommo_needs_its_account_its_secret_and_a_way_to_a_token() {
    let settings = [("KOMMO_SUBDOMAIN", "fixture"), ("KOMMO_CLIENT_SECRET", "a-secret"), ("KOMMO_TOKEN", "a-token")];
    let config = service_with(&settings).unwrap_or_else(|problems| panic!("{}", said(&problems)));
    let access = config.kommo.access().expect("it is configured");
    assert_eq!((access.subdomain, access.base_url.as_str()), ("fixture", "https://fixture.kommo.com/"));
    assert!(config.serves_kommo() && !config.kommo.gate);
    assert!(config.warnings.iter().any(|warning| warning.contains("KOMMO_WEBHOOK_SECRET")), "{:?}", config.warnings);
    for missing in 0..settings.len() {
        let some: Vec<_> =
            settings.iter().enumerate().filter(|(index, _)| *index != missing).map(|(_, it)| *it).collect();
        let problems = service_with(&some).expect_err("something is missing");
        assert!(said(&problems).contains(settings[missing].0), "{}", said(&problems));
    }
    let short = [settings[0], settings[1], settings[2], ("KOMMO_WEBHOOK_SECRET", "short")];
    let warned = service_with(&short).unwrap().warnings;
    assert!(warned.iter().any(|warning| warning.contains("KOMMO_WEBHOOK_SECRET is shorter")), "{warned:?}");
    let whole = [("KOMMO_SUBDOMAIN", "fixture.kommo.com"), settings[1], settings[2]];
    assert!(service_with(&whole).is_err());
    for (address, good) in [
        ("https://desk.example.com/oauth/kommo", true),
        ("https://desk.example.com/", false),
        ("https://desk.example.com/oauth/kommo/", false),
        ("https://desk.example.com/desk/oauth/kommo", false),
    ] {
        let returned = service_with(&[settings[0], settings[1], settings[2], ("KOMMO_REDIRECT_URI", address)]);
        let told = returned.as_ref().err().map(|problems| said(problems));
        assert_eq!(told.is_none_or(|told| !told.contains("KOMMO_REDIRECT_URI")), good, "{address}");
    }
    assert_eq!(config.kommo.oauth_url.as_str(), "https://www.kommo.com/oauth");
    let slow = [settings[0], settings[1], settings[2], ("FRONTDESK__KOMMO__TIMEOUT", "30s")];
    assert!(said(&service_with(&slow).expect_err("two nodes could refresh")).contains("kommo.timeout"));
}
