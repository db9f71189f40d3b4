//! The table of settings: every key, the environment names that set it, and what it may hold.
//!
//! It is the contract with operators. `config/frontdesk.toml` and `.env.example` are held against it by `tests/ops.rs`.

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// The path of a file or directory.
    Path,
    /// Text that is never shown.
    Secret,
    /// Comma-separated texts that are never shown.
    SecretList,
    /// An `http` or `https` address.
    Url,
    /// An IP address and a port to listen on.
    Address,
    /// on or off.
    Switch,
    /// A whole number within bounds.
    Whole(u64, u64),
    /// A number within bounds.
    Decimal(f64, f64),
    /// Comma-separated whole numbers.
    WholeList,
    /// A duration.
    Span,
    /// A duration, or off.
    OptionalSpan,
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// Returns whether the value must never be shown, and may be read from a file named by `NAME_FILE`.
    pub const fn is_secret(self) -> bool {
        matches!(self, Kind::Secret | Kind::SecretList)
    }
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Where it stands in the file: `section.key`.
    pub path: &'static str,
    /// Its names in the environment: the contract's first, then aliases. Empty if it has only the generic name.
    pub names: &'static [&'static str],
    /// What it may hold.
    pub kind: Kind,
}

impl Key {
    /// Returns the name that every key has: `FRONTDESK__SECTION__KEY`.
    pub fn generic_name(&self) -> String {
        format!("{GENERIC_PREFIX}{}", self.path.to_ascii_uppercase().replace('.', "__"))
    }

    /// Returns the name by which operators know it.
    pub fn name(&self) -> String {
        self.names.first().map_or_else(|| self.generic_name(), |name| (*name).to_owned())
    }

    /// Finds a key by its path.
    pub fn find(path: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.path == path)
    }
}

/// How generic environment names start.
pub const GENERIC_PREFIX: &str = "FRONTDESK__";

/// The variable that names the operator's own file.
pub const FILE_VARIABLE: &str = "FRONTDESK_CONFIG";

const SCOPES: &[&str] = &["node", "cluster"];

const LOCALES: &[&str] = &["en", "ru", "kk", "mn"];

const fn key(path: &'static str, names: &'static [&'static str], kind: Kind) -> Key {
    Key { path, names, kind }
}

/// Every setting, in the order of `config/frontdesk.toml`.
pub const KEYS: &[Key] = &[
    key("listen.addr", &["LISTEN_ADDR"], Kind::Address),
    key("listen.public_url", &["PUBLIC_URL", "VERIFICATION_URL"], Kind::Url),
    key("listen.admin_token", &["ADMIN_TOKEN"], Kind::Secret),
    key("listen.allow_unsigned_webhooks", &["ALLOW_UNSIGNED_WEBHOOKS"], Kind::Switch),
    key("listen.max_body", &[], Kind::Whole(1024, 64 << 20)),
    key("listen.hold", &[], Kind::Span),
    key("listen.holds_per_account", &[], Kind::Whole(0, 10_000)),
    key("listen.linger", &[], Kind::Span),
    key("listen.drain", &[], Kind::Span),
    key("store.data_dir", &["DATA_DIR"], Kind::Path),
    key("store.node_id", &["NODE_ID"], Kind::Text),
    key("store.redis_url", &["REDIS_URL"], Kind::Secret),
    key("store.redis_ca_file", &["REDIS_CA_FILE"], Kind::Path),
    key("store.redis_connections", &[], Kind::Whole(1, 256)),
    key("store.redis_timeout", &[], Kind::Span),
    key("store.retention", &[], Kind::Span),
    key("gate.enabled", &["GATE"], Kind::Switch),
    key("gate.trust_plain_attributes", &["GATE_TRUST_PLAIN_ATTRIBUTES"], Kind::Switch),
    key("gate.jwt_secret", &["JWT_SECRET"], Kind::Secret),
    key("gate.link_ttl", &[], Kind::Span),
    key("gate.resend_cooldown", &[], Kind::Span),
    key("gate.resends", &[], Kind::Whole(0, 100)),
    key("gate.wrong_codes", &[], Kind::Whole(1, 100)),
    key("gate.mail_tries", &[], Kind::Whole(1, 100)),
    key("gate.mails_per_address_hour", &[], Kind::Whole(1, 1_000_000)),
    key("gate.mails_per_address_day", &[], Kind::Whole(1, 1_000_000)),
    key("gate.mails_per_contact_day", &[], Kind::Whole(1, 1_000_000)),
    key("gate.mails_per_inbox_hour", &[], Kind::Whole(1, 1_000_000)),
    key("model.api_key", &["OPENAI_API_KEY"], Kind::Secret),
    key("model.base_url", &["OPENAI_BASE_URL"], Kind::Url),
    key("model.name", &["OPENAI_MODEL"], Kind::Text),
    key("model.api", &["OPENAI_API"], Kind::Choice(&["chat", "responses"])),
    key("model.max_tokens", &["OPENAI_MAX_TOKENS"], Kind::Whole(16, 10_000_000)),
    key("model.temperature", &["OPENAI_TEMPERATURE"], Kind::Decimal(0.0, 2.0)),
    key("model.prompt_file", &["PROMPT_FILE"], Kind::Path),
    key("model.instructions_dir", &["INSTRUCTIONS_DIR"], Kind::Path),
    key("model.instructions_poll", &["INSTRUCTIONS_POLL"], Kind::Span),
    key("model.call_timeout", &["AI_CALL_TIMEOUT"], Kind::Span),
    key("model.turn_deadline", &["AI_TURN_DEADLINE"], Kind::Span),
    key("model.max_retries", &["MAX_AI_RETRIES"], Kind::Whole(0, 20)),
    key("model.memory_messages", &["MEMORY_MESSAGES"], Kind::Whole(0, 1000)),
    key("model.memory_ttl", &["MEMORY_TTL"], Kind::Span),
    key("transcription.base_url", &["TRANSCRIPTION_BASE_URL"], Kind::Url),
    key("transcription.api_key", &["TRANSCRIPTION_API_KEY"], Kind::Secret),
    key("transcription.model", &["TRANSCRIPTION_MODEL"], Kind::Text),
    key("transcription.language", &["TRANSCRIPTION_LANGUAGE"], Kind::Choice(&["auto", "en", "ru", "kk", "mn"])),
    key("transcription.call_timeout", &[], Kind::Span),
    key("transcription.deadline", &[], Kind::Span),
    key("transcription.max_bytes", &[], Kind::Whole(1024, 25 << 20)),
    key("transcription.max_length", &[], Kind::Span),
    key("transcription.hosts", &["TRANSCRIPTION_HOSTS"], Kind::Text),
    key("transcription.ffmpeg", &[], Kind::Text),
    key("google.docs_id", &["GOOGLE_DOCS_ID"], Kind::Text),
    key("google.credentials", &["GOOGLE_APPLICATION_CREDENTIALS"], Kind::Path),
    key("google.docs_base_url", &["GOOGLE_DOCS_BASE_URL"], Kind::Url),
    key("google.docs_poll", &["GOOGLE_DOCS_POLL"], Kind::Span),
    key("google.timeout", &[], Kind::Span),
    key("chatwoot.base_url", &["CHATWOOT_BASE_URL"], Kind::Url),
    key("chatwoot.public_url", &["CHATWOOT_PUBLIC_URL"], Kind::Url),
    key("chatwoot.account_id", &["CHATWOOT_ACCOUNT_ID"], Kind::Whole(1, u64::MAX >> 1)),
    key("chatwoot.api_token", &["CHATWOOT_API_TOKEN", "CHATWOOT_API_KEY"], Kind::Secret),
    key("chatwoot.user_token", &["CHATWOOT_USER_TOKEN"], Kind::Secret),
    key("chatwoot.webhook_secret", &["CHATWOOT_WEBHOOK_SECRET"], Kind::SecretList),
    key("chatwoot.inbox_id", &["CHATWOOT_INBOX_ID"], Kind::WholeList),
    key("chatwoot.shadow_inboxes", &["SHADOW_INBOXES"], Kind::WholeList),
    key("chatwoot.bot_id", &["CHATWOOT_BOT_ID"], Kind::Whole(1, u64::MAX >> 1)),
    key("chatwoot.answer_open_unassigned", &["ANSWER_OPEN_UNASSIGNED"], Kind::Switch),
    key("chatwoot.reclaim", &["RECLAIM"], Kind::Choice(&["alert", "auto"])),
    key("chatwoot.catch_up", &["CATCH_UP"], Kind::Span),
    key("chatwoot.max_text", &[], Kind::Whole(100, 100_000)),
    key("chatwoot.settle_time", &["SETTLE_TIME"], Kind::Span),
    key("chatwoot.timeout", &[], Kind::Span),
    key("green_api.api_url", &["GREEN_API_URL"], Kind::Url),
    key("green_api.media_url", &["GREEN_MEDIA_URL"], Kind::Url),
    key("green_api.id_instance", &["GREEN_ID_INSTANCE"], Kind::Whole(1, 999_999_999_999)),
    key("green_api.api_token", &["GREEN_API_TOKEN"], Kind::Secret),
    key("green_api.webhook_token", &["GREEN_WEBHOOK_TOKEN"], Kind::Secret),
    key("green_api.polling", &["GREEN_POLLING"], Kind::Switch),
    key("green_api.handback_word", &["GREEN_HANDBACK_WORD"], Kind::Text),
    key("green_api.human_idle", &["GREEN_HUMAN_IDLE"], Kind::OptionalSpan),
    key("green_api.groups", &["GREEN_GROUPS"], Kind::Switch),
    key("green_api.gate", &["GREEN_GATE"], Kind::Switch),
    key("green_api.max_text", &[], Kind::Whole(100, 20_000)),
    key("green_api.typing", &["GREEN_TYPING"], Kind::OptionalSpan),
    key("green_api.settle_time", &["GREEN_SETTLE_TIME"], Kind::Span),
    key("green_api.timeout", &[], Kind::Span),
    key("green_api.rate_per_minute", &["GREEN_RATE_PER_MINUTE"], Kind::Whole(1, 3000)),
    key("green_api.width", &["GREEN_WIDTH"], Kind::Whole(1, 100)),
    key("kommo.subdomain", &["KOMMO_SUBDOMAIN"], Kind::Text),
    key("kommo.client_id", &["KOMMO_CLIENT_ID"], Kind::Text),
    key("kommo.client_secret", &["KOMMO_CLIENT_SECRET"], Kind::Secret),
    key("kommo.redirect_uri", &["KOMMO_REDIRECT_URI"], Kind::Url),
    key("kommo.token", &["KOMMO_TOKEN"], Kind::Secret),
    key("kommo.webhook_secret", &["KOMMO_WEBHOOK_SECRET"], Kind::Secret),
    key("kommo.base_url", &["KOMMO_BASE_URL"], Kind::Url),
    key("kommo.oauth_url", &["KOMMO_OAUTH_URL"], Kind::Url),
    key("kommo.gate", &["KOMMO_GATE"], Kind::Switch),
    key("kommo.human_idle", &["KOMMO_HUMAN_IDLE"], Kind::OptionalSpan),
    key("kommo.timeout", &[], Kind::Span),
    key("mail.smtp_url", &["SMTP_URL"], Kind::Secret),
    key("mail.sender_email", &["SENDER_EMAIL"], Kind::Text),
    key("mail.sender_password", &["SENDER_PASSWORD"], Kind::Secret),
    key("mail.sender_name", &["SENDER_NAME"], Kind::Text),
    key("mail.timeout", &[], Kind::Span),
    key("teams.webhook_url", &["TEAMS_WEBHOOK_URL"], Kind::Secret),
    key("teams.card_shape", &["TEAMS_CARD_SHAPE"], Kind::Choice(&["message", "card"])),
    key("teams.timeout", &[], Kind::Span),
    key("teams.alert_email", &["ALERT_EMAIL"], Kind::Text),
    key("teams.second_path_after", &[], Kind::Span),
    key("desk.mode", &["BOT_MODE"], Kind::Choice(&["live", "shadow"])),
    key("desk.site_name", &["SITE_NAME"], Kind::Text),
    key("desk.default_locale", &["DEFAULT_LOCALE"], Kind::Choice(LOCALES)),
    key("desk.locale", &["DESK_LOCALE"], Kind::Choice(LOCALES)),
    key("desk.utc_offset", &["DESK_UTC_OFFSET"], Kind::Text),
    key("desk.locales", &[], Kind::Path),
    key("desk.person_words", &["PERSON_WORDS"], Kind::Path),
    key("desk.human_idle", &["HUMAN_IDLE"], Kind::OptionalSpan),
    key("desk.handoff_label", &["HANDOFF_LABEL"], Kind::Text),
    key("desk.handoff_priority", &["HANDOFF_PRIORITY"], Kind::Choice(&["low", "medium", "high", "urgent"])),
    key("desk.handoff_team", &["HANDOFF_TEAM"], Kind::Whole(1, u64::MAX >> 1)),
    key("desk.answer_apology_after", &["ANSWER_APOLOGY_AFTER"], Kind::Span),
    key("desk.answer_stale_after", &["ANSWER_STALE_AFTER"], Kind::Span),
    key("desk.pickup_after", &["PICKUP_AFTER"], Kind::OptionalSpan),
    key("desk.pickup_handback", &["PICKUP_HANDBACK"], Kind::Switch),
    key("desk.debounce_quiet", &["DEBOUNCE_QUIET"], Kind::Span),
    key("desk.debounce_max", &["DEBOUNCE_MAX"], Kind::Span),
    key("limits.chatwoot_per_minute", &["CHATWOOT_RATE_PER_MINUTE"], Kind::Whole(1, 100_000_000)),
    key("limits.chatwoot_scope", &["CHATWOOT_RATE_SCOPE"], Kind::Choice(SCOPES)),
    key("limits.chatwoot_width", &["CHATWOOT_WIDTH"], Kind::Whole(1, 10_000)),
    key("limits.kommo_per_second", &["KOMMO_RATE_PER_SECOND"], Kind::Whole(1, 10_000)),
    key("limits.openai_per_minute", &["OPENAI_RATE_PER_MINUTE"], Kind::Whole(1, 100_000_000)),
    key("limits.openai_scope", &["OPENAI_RATE_SCOPE"], Kind::Choice(SCOPES)),
    key("limits.openai_width", &["OPENAI_WIDTH"], Kind::Whole(1, 10_000)),
    key("limits.transcription_per_minute", &["TRANSCRIPTION_RATE_PER_MINUTE"], Kind::Whole(1, 100_000_000)),
    key("limits.transcription_scope", &["TRANSCRIPTION_RATE_SCOPE"], Kind::Choice(SCOPES)),
    key("limits.transcription_width", &["TRANSCRIPTION_WIDTH"], Kind::Whole(1, 10_000)),
    key("limits.smtp_per_minute", &["SMTP_RATE_PER_MINUTE"], Kind::Whole(1, 100_000_000)),
    key("limits.smtp_scope", &["SMTP_RATE_SCOPE"], Kind::Choice(SCOPES)),
    key("limits.smtp_width", &["SMTP_WIDTH"], Kind::Whole(1, 1000)),
    key("limits.teams_per_second", &["TEAMS_RATE_PER_SECOND"], Kind::Whole(1, 100_000)),
    key("limits.teams_scope", &["TEAMS_RATE_SCOPE"], Kind::Choice(SCOPES)),
    key("limits.waiting", &[], Kind::Whole(1, 100_000_000)),
    key("limits.waiting_per_conversation", &[], Kind::Whole(1, 1_000_000)),
    key("limits.passivate_after", &[], Kind::Span),
    key("web.chat", &["WEB_CHAT"], Kind::Switch),
    key("web.gate", &["WEB_GATE"], Kind::Switch),
    key("web.messages_per_visitor", &[], Kind::Whole(1, 1_000_000)),
    key("web.messages", &[], Kind::Whole(1, 100_000_000)),
    key("web.streams", &[], Kind::Whole(1, 1_000_000)),
    key("log.filter", &["LOG"], Kind::Text),
    key("log.format", &["LOG_FORMAT"], Kind::Choice(&["json", "text", "auto"])),
];
