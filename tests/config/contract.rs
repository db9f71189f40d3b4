//! The contract with operators, written down here name by name: a setting that is dropped or renamed everywhere else is
//! missed here.

use super::load;
use frontdesk::config::keys::Key;

/// What a setting is where nobody sets it.
#[derive(Debug, Clone, Copy)]
enum Initial {
    /// This, as `check-config` shows it.
    Is(&'static str),
    /// Nothing.
    Absent,
    /// The contract does not say.
    Open,
}
use Initial::{Absent, Is, Open};

/// A name in the environment, the key it sets, and its default.
type Promise = (&'static str, &'static str, Initial);

/// What the first milestone promised: Chatwoot, mail, the model, the page.
const DESK: &[Promise] = &[
    ("LISTEN_ADDR", "listen.addr", Is("127.0.0.1:8080")),
    ("PUBLIC_URL", "listen.public_url", Absent),
    ("VERIFICATION_URL", "listen.public_url", Absent),
    ("DATA_DIR", "store.data_dir", Is("./data")),
    ("NODE_ID", "store.node_id", Absent),
    ("REDIS_URL", "store.redis_url", Absent),
    ("JWT_SECRET", "gate.jwt_secret", Absent),
    ("ADMIN_TOKEN", "listen.admin_token", Absent),
    ("ALLOW_UNSIGNED_WEBHOOKS", "listen.allow_unsigned_webhooks", Is("off")),
    ("OPENAI_API_KEY", "model.api_key", Absent),
    ("OPENAI_BASE_URL", "model.base_url", Is("https://api.openai.com/v1")),
    ("OPENAI_MODEL", "model.name", Is("gpt-4o-mini")),
    ("OPENAI_MAX_TOKENS", "model.max_tokens", Absent),
    ("OPENAI_TEMPERATURE", "model.temperature", Absent),
    ("MAX_AI_RETRIES", "model.max_retries", Is("2")),
    ("AI_CALL_TIMEOUT", "model.call_timeout", Is("30s")),
    ("AI_TURN_DEADLINE", "model.turn_deadline", Is("90s")),
    ("MEMORY_MESSAGES", "model.memory_messages", Is("20")),
    ("MEMORY_TTL", "model.memory_ttl", Open),
    ("CHATWOOT_BASE_URL", "chatwoot.base_url", Absent),
    ("CHATWOOT_API_TOKEN", "chatwoot.api_token", Absent),
    ("CHATWOOT_API_KEY", "chatwoot.api_token", Absent),
    ("CHATWOOT_USER_TOKEN", "chatwoot.user_token", Absent),
    ("CHATWOOT_ACCOUNT_ID", "chatwoot.account_id", Absent),
    ("CHATWOOT_INBOX_ID", "chatwoot.inbox_id", Absent),
    ("CHATWOOT_WEBHOOK_SECRET", "chatwoot.webhook_secret", Absent),
    ("ANSWER_OPEN_UNASSIGNED", "chatwoot.answer_open_unassigned", Is("off")),
    ("CHATWOOT_RATE_PER_MINUTE", "limits.chatwoot_per_minute", Is("3000")),
    ("GATE_TRUST_PLAIN_ATTRIBUTES", "gate.trust_plain_attributes", Is("off")),
    ("SMTP_URL", "mail.smtp_url", Absent),
    ("SENDER_EMAIL", "mail.sender_email", Absent),
    ("SENDER_PASSWORD", "mail.sender_password", Absent),
    ("SENDER_NAME", "mail.sender_name", Open),
    ("TEAMS_WEBHOOK_URL", "teams.webhook_url", Absent),
    ("TEAMS_CARD_SHAPE", "teams.card_shape", Is("message")),
    ("DESK_LOCALE", "desk.locale", Open),
    ("HUMAN_IDLE", "desk.human_idle", Is("off")),
    ("WEB_CHAT", "web.chat", Open),
    ("WEB_GATE", "web.gate", Open),
];

/// What the third milestone promised: WhatsApp, voice, instructions, Kommo.
const CHANNELS: &[Promise] = &[
    ("GREEN_ID_INSTANCE", "green_api.id_instance", Absent),
    ("GREEN_API_TOKEN", "green_api.api_token", Absent),
    ("GREEN_API_URL", "green_api.api_url", Absent),
    ("GREEN_MEDIA_URL", "green_api.media_url", Absent),
    ("GREEN_WEBHOOK_TOKEN", "green_api.webhook_token", Absent),
    ("GREEN_HANDBACK_WORD", "green_api.handback_word", Open),
    ("GREEN_HUMAN_IDLE", "green_api.human_idle", Is("4h")),
    ("TRANSCRIPTION_BASE_URL", "transcription.base_url", Open),
    ("TRANSCRIPTION_API_KEY", "transcription.api_key", Absent),
    ("TRANSCRIPTION_MODEL", "transcription.model", Open),
    ("TRANSCRIPTION_LANGUAGE", "transcription.language", Open),
    ("GOOGLE_DOCS_ID", "google.docs_id", Absent),
    ("GOOGLE_APPLICATION_CREDENTIALS", "google.credentials", Absent),
    ("GOOGLE_DOCS_BASE_URL", "google.docs_base_url", Open),
    ("KOMMO_SUBDOMAIN", "kommo.subdomain", Absent),
    ("KOMMO_CLIENT_ID", "kommo.client_id", Absent),
    ("KOMMO_CLIENT_SECRET", "kommo.client_secret", Absent),
    ("KOMMO_REDIRECT_URI", "kommo.redirect_uri", Absent),
    ("KOMMO_TOKEN", "kommo.token", Absent),
    ("KOMMO_WEBHOOK_SECRET", "kommo.webhook_secret", Absent),
    // The default is made from the subdomain: `kommo_needs_its_account_its_secret_and_a_way_to_a_token`.
    ("KOMMO_BASE_URL", "kommo.base_url", Absent),
    ("KOMMO_HUMAN_IDLE", "kommo.human_idle", Is("4h")),
];

#[test]
fn every_promised_setting_is_there_by_its_name_and_with_its_default() {
    let defaults = load(&[]).unwrap();
    let example = include_str!("../../.env.example");
    for (name, path, default) in DESK.iter().chain(CHANNELS) {
        let key = Key::find(path).unwrap_or_else(|| panic!("{name}: there is no {path}"));
        assert!(key.names.contains(name), "{name} does not set {path}, but {:?} do", key.names);
        let line = format!("{name}=");
        let shown = example.lines().any(|text| text.trim_start_matches('#').starts_with(&line));
        assert!(shown, "{name} is not in .env.example");
        match default {
            Is(value) => assert_eq!(defaults.provenance.shown(path), Some(*value), "{name}"),
            Absent => assert_eq!(defaults.provenance.shown(path), None, "{name}"),
            Open => {}
        }
    }
}
