//! The WhatsApp number that is served through GREEN-API. Documented at length in `config/frontdesk.toml`.

use crate::config::validate::Review;
use crate::config::{Config, fields, is_local};
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// The WhatsApp number that is served through GREEN-API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GreenApi {
    /// The address of the instance's API.
    #[serde(default, deserialize_with = "fields::optional_url")]
    pub api_url: Option<Url>,
    /// The address of the instance's files.
    #[serde(default, deserialize_with = "fields::optional_url")]
    pub media_url: Option<Url>,
    /// The instance.
    pub id_instance: Option<u64>,
    /// The instance's token.
    pub api_token: Option<SecretString>,
    /// What webhooks carry in `Authorization`.
    pub webhook_token: Option<SecretString>,
    /// Whether notifications are fetched.
    pub polling: bool,
    /// What a colleague writes on the phone to give a chat back.
    pub handback_word: Option<String>,
    /// After how long without a colleague's word the desk takes a chat back.
    #[serde(default, deserialize_with = "fields::optional_millis")]
    pub human_idle: Option<Duration>,
    /// Whether groups are answered.
    pub groups: bool,
    /// Whether an address is asked for first.
    pub gate: bool,
    /// How long one text may be, in characters.
    pub max_text: usize,
    /// For how long "is typing" is shown at most.
    #[serde(default, deserialize_with = "fields::optional_millis")]
    pub typing: Option<Duration>,
    /// How long after an unknown send its absence starts to prove something.
    #[serde(deserialize_with = "fields::millis")]
    pub settle_time: Duration,
    /// How long one call may take.
    #[serde(deserialize_with = "fields::millis")]
    pub timeout: Duration,
    /// Calls per minute, of all nodes together.
    pub rate_per_minute: u32,
    /// Calls at once.
    pub width: usize,
}

/// What it takes to call GREEN-API.
#[derive(Debug, Clone, Copy)]
pub struct GreenAccess<'a> {
    /// The address of the instance's API.
    pub api_url: &'a Url,
    /// The instance.
    pub instance: u64,
    /// The instance's token.
    pub token: &'a SecretString,
}

impl GreenApi {
    /// Returns what it takes to call GREEN-API, or `None` if it is not configured.
    pub fn access(&self) -> Option<GreenAccess<'_>> {
        Some(GreenAccess {
            api_url: self.api_url.as_ref()?,
            instance: self.id_instance?,
            token: self.api_token.as_ref()?,
        })
    }
}

impl Config {
    /// Returns whether somebody meant to serve WhatsApp: any setting of the account is given, complete or not.
    pub fn serves_green_api(&self) -> bool {
        ["api_url", "id_instance", "api_token", "webhook_token"]
            .iter()
            .any(|key| self.provenance.is_given(&format!("green_api.{key}")))
    }

    /// Returns whether GREEN-API's webhooks are taken without a token: nobody else can reach the desk, or the operator
    /// allowed it. A desk that fetches notifications takes none at all.
    pub fn takes_green_api_unsigned(&self) -> bool {
        let reachable = self.is_reachable() && !self.listen.allow_unsigned_webhooks;
        !self.green_api.polling && self.green_api.webhook_token.is_none() && !reachable
    }

    /// Returns whether any customer is asked for an address. Without Chatwoot the page or WhatsApp must want it.
    pub fn asks_for_addresses(&self) -> bool {
        let only_whatsapp = self.serves_green_api() && !self.serves_chatwoot() && !self.web.chat;
        self.gate.enabled && (self.green_api.gate || !only_whatsapp)
    }

    pub(super) fn check_green_api(&self, review: &mut Review) {
        if !self.serves_green_api() {
            return;
        }
        let parts = [
            ("green_api.api_url", "GREEN_API_URL", "the apiUrl that the instance's console shows"),
            ("green_api.id_instance", "GREEN_ID_INSTANCE", "the idInstance that the console shows"),
            ("green_api.api_token", "GREEN_API_TOKEN", "the apiTokenInstance that the console shows"),
        ];
        for (_, name, meaning) in parts.into_iter().filter(|(path, ..)| !self.given(path)) {
            review.problem(name, "is not set although GREEN-API is configured", format!("set it to {meaning}"));
        }
        if let Some(url) = &self.green_api.api_url {
            if url.path().contains("waInstance") {
                review.problem("GREEN_API_URL", "contains the path of a method", "end it after the host");
            }
            if url.scheme() == "http" && !is_local(url) {
                review.warn("GREEN_API_URL has no TLS: the token and every message travel in clear");
            }
        }
        self.check_green_webhooks(review);
        if self.green_api.settle_time <= self.green_api.timeout {
            review.problem(
                "GREEN_SETTLE_TIME",
                "is not longer than green_api.timeout, so a send that still runs could be taken for lost and repeated",
                "keep it at 3m",
            );
        }
        if self.green_api.human_idle.is_none() && self.green_api.handback_word.is_none() {
            review.warn(
                "neither GREEN_HUMAN_IDLE nor GREEN_HANDBACK_WORD is set: one message from the phone silences the desk in \
                 that chat until an operator gives it back",
            );
        }
    }

    fn check_green_webhooks(&self, review: &mut Review) {
        if self.green_api.polling {
            return;
        }
        if let Some(token) = &self.green_api.webhook_token {
            review.warn_if_guessable("GREEN_WEBHOOK_TOKEN", Some(token), 16);
        } else if self.listen.public_url.is_some() || !self.takes_green_api_unsigned() {
            review.problem(
                "GREEN_WEBHOOK_TOKEN",
                "is not set, and others can reach the desk, directly or at PUBLIC_URL: anybody could speak as a customer",
                "set it to the output of `openssl rand -hex 24` and run `frontdesk green-api setup`",
            );
        } else {
            review.warn(
                "GREEN-API's webhooks are taken without a token: whoever reaches this address (also through a proxy) can \
                 speak as a customer; set GREEN_WEBHOOK_TOKEN",
            );
        }
    }
}
