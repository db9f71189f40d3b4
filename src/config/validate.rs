//! Finds settings that are missing, contradict each other or have died, all at once, each with its fix.
//!
//! A value that could not be read counts as given here: its own complaint is enough.

use crate::config::{Config, Problem, is_local};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use url::Url;

/// What an examination of the settings found.
#[derive(Debug, Clone, Default)]
pub struct Review {
    /// What must be changed before the desk can start.
    pub problems: Vec<Problem>,
    /// What is allowed but should be known, one sentence each.
    pub warnings: Vec<String>,
}

impl Review {
    pub(super) fn problem(&mut self, setting: &str, what: impl Into<String>, fix: impl Into<String>) {
        self.problems.push(Problem::new(setting, what, fix));
    }

    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Warns of a secret that is short enough to be guessed. It is the operator's to choose, so it is no reason not to start.
    pub(super) fn warn_if_guessable(&mut self, setting: &str, secret: Option<&SecretString>, least: usize) {
        if secret.is_some_and(|secret| secret.expose_secret().len() < least) {
            self.warn(format!(
                "{setting} is shorter than {least} bytes and could be guessed: use the output of `openssl rand -hex {least}`"
            ));
        }
    }
}

/// Chatwoot's `WEBHOOK_TIMEOUT` is 5 s unless its operator changed it.
const CHATWOOT_HANGS_UP: Duration = Duration::from_secs(5);

impl Config {
    /// Examines the settings as a whole.
    pub fn validate(&self) -> Review {
        let mut review = Review::default();
        self.check_addresses(&mut review);
        self.check_secrets(&mut review);
        self.check_chatwoot(&mut review);
        self.check_green_api(&mut review);
        self.check_webhooks(&mut review);
        self.check_kommo(&mut review);
        self.check_mail(&mut review);
        self.check_teams(&mut review);
        self.check_store(&mut review);
        self.check_model(&mut review);
        self.check_transcription(&mut review);
        self.check_google(&mut review);
        self.check_times(&mut review);
        self.check_desk(&mut review);
        self.check_files(&mut review);
        self.check_shadow(&mut review);
        self.warn_of_mode(&mut review);
        review
    }

    pub(super) fn given(&self, path: &str) -> bool {
        self.provenance.is_given(path)
    }

    fn check_addresses(&self, review: &mut Review) {
        let Some(url) = &self.listen.public_url else {
            if self.gate.enabled && self.serves_chatwoot() && !self.given("listen.public_url") {
                review.problem(
                    "PUBLIC_URL",
                    "is not set, so the links in verification mails would lead nowhere",
                    "set PUBLIC_URL to the address under which customers reach this desk",
                );
            }
            return;
        };
        if url.path().trim_end_matches('/').ends_with("/verify") {
            review.problem("PUBLIC_URL", "ends in /verify, which the desk adds itself", "leave /verify out");
        }
        if url.scheme() == "http" && !is_local(url) {
            review.warn("PUBLIC_URL has no TLS: links and tokens travel in clear; put a proxy with TLS in front");
        }
    }

    fn check_secrets(&self, review: &mut Review) {
        review.warn_if_guessable("JWT_SECRET", self.gate.jwt_secret.as_ref(), 32);
        review.warn_if_guessable("ADMIN_TOKEN", self.listen.admin_token.as_ref(), 16);
    }

    fn check_chatwoot(&self, review: &mut Review) {
        let parts = [
            ("chatwoot.base_url", "CHATWOOT_BASE_URL", "the address of your Chatwoot"),
            ("chatwoot.account_id", "CHATWOOT_ACCOUNT_ID", "the number in /app/accounts/NUMBER/"),
            ("chatwoot.api_token", "CHATWOOT_API_TOKEN", "the access token of the agent bot"),
        ];
        if self.serves_chatwoot() {
            for (_, name, meaning) in parts.into_iter().filter(|(path, ..)| !self.given(path)) {
                review.problem(name, "is not set although Chatwoot is configured", format!("set it to {meaning}"));
            }
        }
        let Some(url) = &self.chatwoot.base_url else { return };
        if ["/api", "/app"].iter().any(|part| url.path().contains(part)) {
            review.problem("CHATWOOT_BASE_URL", "contains a path of the dashboard or the API", "end it after the host");
        }
        if url.scheme() == "http" && !is_local(url) {
            review
                .warn("CHATWOOT_BASE_URL has no TLS: tokens travel in clear, which only a private network makes good");
        }
        if self.chatwoot.user_token.is_none() {
            review.warn(
                "CHATWOOT_USER_TOKEN is not set: a bot's token cannot read messages back, so after an outage a send of \
                 unknown outcome is held for an operator, and contacts keep their address",
            );
        }
    }

    fn check_webhooks(&self, review: &mut Review) {
        let unsigned = !self.given("chatwoot.webhook_secret");
        if self.serves_chatwoot() && unsigned && !self.takes_unsigned_webhooks() {
            review.problem(
                "CHATWOOT_WEBHOOK_SECRET",
                "is not set, and others can reach the desk, directly or at PUBLIC_URL: anybody could speak as a customer",
                "set it to the secrets of the account webhook and of the bot, comma-separated; or say \
                 ALLOW_UNSIGNED_WEBHOOKS=true if your Chatwoot is older than 4.13 and cannot sign",
            );
        } else if self.serves_chatwoot() && unsigned {
            review.warn(
                "webhooks are taken without a signature: whoever reaches this address (also through a proxy) can speak \
                 as a customer; set CHATWOOT_WEBHOOK_SECRET",
            );
        }
        if self.listen.hold >= CHATWOOT_HANGS_UP {
            review.problem(
                "listen.hold",
                "is 5 s or more, when Chatwoot has already hung up and opened the conversation",
                "keep it at 4s",
            );
        }
    }

    fn check_teams(&self, review: &mut Review) {
        let Some(secret) = &self.teams.webhook_url else {
            if self.serves_chatwoot() {
                review.warn("TEAMS_WEBHOOK_URL is not set: hand-overs are only seen in Chatwoot");
            }
            return;
        };
        let url = Url::parse(secret.expose_secret()).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().to_ascii_lowercase();
        if host == "outlook.office.com" || host == "webhook.office.com" || host.ends_with(".webhook.office.com") {
            review.problem(
                "TEAMS_WEBHOOK_URL",
                "is an Office 365 connector, which Microsoft retired in 2026",
                "make a Teams Workflow (\"When a Teams webhook request is received\") and use its URL; \
                 docs/setup-teams.md shows how",
            );
        } else if !url.as_ref().is_some_and(|url| url.scheme() == "https" || (url.scheme() == "http" && is_local(url)))
        {
            review.problem("TEAMS_WEBHOOK_URL", "is not an https address", "copy the whole URL of the Teams Workflow");
        }
    }

    fn check_store(&self, review: &mut Review) {
        let Some(secret) = &self.store.redis_url else { return };
        let mut scheme = "";
        for node in secret.expose_secret().split(',').map(str::trim).filter(|node| !node.is_empty()) {
            // Nodes of a cluster may leave out what the first one says.
            let (own_scheme, rest) = node.split_once("://").unwrap_or((scheme, node));
            scheme = own_scheme;
            if scheme.to_ascii_lowercase().contains("sentinel") {
                return review.problem(
                    "REDIS_URL",
                    "names Redis Sentinel, which the desk does not speak",
                    "name the primary, or a proxy or service address that follows it; or use Redis Cluster",
                );
            }
            let known = ["redis", "rediss", "redis+cluster", "rediss+cluster"].contains(&scheme);
            match Url::parse(&format!("redis://{rest}")) {
                Ok(url) if known && url.host_str().is_some() => {
                    if !scheme.starts_with("rediss") && url.password().is_some() && !is_local(&url) {
                        review.warn("REDIS_URL has a password but no TLS; rediss:// keeps it private");
                    }
                }
                Ok(_) | Err(_) => {
                    return review.problem(
                        "REDIS_URL",
                        "is not a Redis address",
                        "write redis://host:6379 or rediss://user:password@host:6380, with @ and : inside user and \
                         password as %40 and %3A",
                    );
                }
            }
        }
    }

    fn check_times(&self, review: &mut Review) {
        let pairs = [
            ("AI_CALL_TIMEOUT", self.model.call_timeout, "AI_TURN_DEADLINE", self.model.turn_deadline),
            ("DEBOUNCE_QUIET", self.desk.debounce_quiet, "DEBOUNCE_MAX", self.desk.debounce_max),
            (
                "ANSWER_APOLOGY_AFTER",
                self.desk.answer_apology_after,
                "ANSWER_STALE_AFTER",
                self.desk.answer_stale_after,
            ),
            ("DEBOUNCE_MAX", self.desk.debounce_max, "AI_TURN_DEADLINE", self.model.turn_deadline),
            ("gate.resend_cooldown", self.gate.resend_cooldown, "gate.link_ttl", self.gate.link_ttl),
            ("MEMORY_TTL", self.model.memory_ttl, "store.retention", self.store.retention),
        ];
        for (short, small, long, large) in pairs {
            if small > large {
                review.problem(short, format!("is longer than {long}"), format!("make it shorter than {long}"));
            }
        }
        let positive = [
            ("AI_CALL_TIMEOUT", self.model.call_timeout),
            ("SETTLE_TIME", self.chatwoot.settle_time),
            ("gate.link_ttl", self.gate.link_ttl),
            ("chatwoot.timeout", self.chatwoot.timeout),
            ("mail.timeout", self.mail.timeout),
            ("store.redis_timeout", self.store.redis_timeout),
        ];
        for (name, _) in positive.into_iter().filter(|(_, span)| span.is_zero()) {
            review.problem(name, "is 0, so nothing could ever succeed", "remove it to get the default");
        }
        if self.chatwoot.settle_time <= self.chatwoot.timeout {
            review.problem(
                "SETTLE_TIME",
                "is not longer than chatwoot.timeout, so a send that still runs could be taken for lost and repeated",
                "keep it at 45s",
            );
        }
    }

    fn check_desk(&self, review: &mut Review) {
        if !is_offset(&self.desk.utc_offset) {
            review.problem("DESK_UTC_OFFSET", "is not an offset from UTC", "write it as +05:00, -0330, +8 or Z");
        }
    }

    fn check_files(&self, review: &mut Review) {
        let paths = [
            ("PROMPT_FILE", &self.model.prompt_file),
            ("PERSON_WORDS", &self.desk.person_words),
            ("desk.locales", &self.desk.locales),
        ];
        for (name, path) in paths {
            let Some(path) = path else { continue };
            if let Err(error) = std::fs::File::open(path) {
                review.problem(
                    name,
                    format!("names {}, which cannot be read: {error}", path.display()),
                    "correct the path or the permissions, or remove it to use the built-in text",
                );
            }
        }
    }

    fn warn_of_mode(&self, review: &mut Review) {
        if self.is_demo() {
            review.warn(
                "demo mode: no Chatwoot, GREEN-API or Kommo is configured and only this machine can connect, so \
                 everything is open",
            );
        } else if !self.serves_chatwoot() && !self.serves_green_api() && !self.serves_kommo() && !self.web_chat() {
            review.warn(
                "no channel is set, so no customer can write to this desk: set it up for Chatwoot, GREEN-API or Kommo, or \
                 say WEB_CHAT=on; if you did, look for a misspelt name, which the environment does not tell",
            );
        }
        if self.model.api_key.is_none() {
            review.warn("OPENAI_API_KEY is not set: the built-in mock answers");
        }
        if self.gate.trust_plain_attributes {
            review.warn(
                "GATE_TRUST_PLAIN_ATTRIBUTES is on: any visitor of a web widget can mark their conversation as \
                 verified; turn it off once old conversations are migrated",
            );
        }
    }
}

fn is_offset(text: &str) -> bool {
    if matches!(text.to_ascii_uppercase().as_str(), "Z" | "UTC") {
        return true;
    }
    let Some(digits) = text.strip_prefix(['+', '-']) else { return false };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2).unwrap_or(("", "")),
        None => (digits, "0"),
    };
    let within = |part: &str, most: u8| part.len() <= 2 && part.parse::<u8>().is_ok_and(|number| number <= most);
    within(hours, 14) && within(minutes, 59)
}
