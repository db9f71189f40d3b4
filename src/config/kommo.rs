//! The Kommo account that is served. Documented at length in `config/frontdesk.toml`.

use super::validate::Review;
use super::{Config, fields};
use frontdesk_actors::flow::shadow::Shadow;
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// For how long one node alone may refresh the tokens of OAuth: a call that takes longer would meet the next node's.
const REFRESH_TURN: Duration = Duration::from_secs(30);

/// Where the administrator's browser comes back to.
const OAUTH_END: &str = "/oauth/kommo";

/// The Kommo account that is served.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kommo {
    /// The account: the first part of its address.
    pub subdomain: Option<String>,
    /// The integration's id.
    pub client_id: Option<String>,
    /// The integration's secret key: checks who calls.
    pub client_secret: Option<SecretString>,
    /// Where Kommo sends the administrator's browser back to.
    #[serde(default, deserialize_with = "fields::optional_url")]
    pub redirect_uri: Option<Url>,
    /// The long-lived token.
    pub token: Option<SecretString>,
    /// Stands in the address of the account's webhook.
    pub webhook_secret: Option<SecretString>,
    /// Where the account is, if elsewhere than under its own name.
    #[serde(default, deserialize_with = "fields::optional_url")]
    pub base_url: Option<Url>,
    /// Where administrators allow the integration.
    #[serde(deserialize_with = "fields::url")]
    pub oauth_url: Url,
    /// Whether customers prove an address first.
    pub gate: bool,
    /// After how long without a person's word the desk takes a chat back.
    #[serde(default, deserialize_with = "fields::optional_millis")]
    pub human_idle: Option<Duration>,
    /// How long one call may take.
    #[serde(deserialize_with = "fields::millis")]
    pub timeout: Duration,
}

/// What it takes to serve an account.
#[derive(Debug, Clone)]
pub struct KommoAccess<'a> {
    /// The account.
    pub subdomain: &'a str,
    /// Where it is.
    pub base_url: Url,
    /// Checks who calls.
    pub client_secret: &'a SecretString,
}

impl Kommo {
    /// Returns what it takes to serve the account, or `None` if Kommo is not configured.
    pub fn access(&self) -> Option<KommoAccess<'_>> {
        let (subdomain, client_secret) = (self.subdomain.as_deref()?, self.client_secret.as_ref()?);
        let own = || Url::parse(&format!("https://{subdomain}.kommo.com")).ok();
        Some(KommoAccess { subdomain, base_url: self.base_url.clone().or_else(own)?, client_secret })
    }
}

impl Config {
    /// Returns whether somebody meant to serve Kommo: any of its settings is given, complete or not.
    pub fn serves_kommo(&self) -> bool {
        let keys = ["subdomain", "client_id", "client_secret", "redirect_uri", "token", "webhook_secret", "base_url"];
        keys.iter().any(|key| self.provenance.is_given(&format!("kommo.{key}")))
    }

    /// Returns whether the desk only drafts in Kommo's chats.
    pub fn kommo_shadow(&self) -> Shadow {
        self.web_shadow()
    }

    pub(super) fn check_kommo(&self, review: &mut Review) {
        if !self.serves_kommo() {
            return;
        }
        let given = |key: &str| self.provenance.is_given(&format!("kommo.{key}"));
        for (key, name, meaning) in [
            ("subdomain", "KOMMO_SUBDOMAIN", "the first part of the account's address: NAME in NAME.kommo.com"),
            ("client_secret", "KOMMO_CLIENT_SECRET", "the secret key of the integration"),
        ] {
            if !given(key) {
                review.problem(name, "is not set although Kommo is configured", format!("set it to {meaning}"));
            }
        }
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if self.kommo.subdomain.as_ref().is_some_and(|name| !name.chars().all(plain) || name.len() > 63) {
            let fix = "write NAME of https://NAME.kommo.com, without the rest";
            review.problem("KOMMO_SUBDOMAIN", "is not the first part of an address", fix);
        }
        let by_oauth = given("client_id") && given("redirect_uri");
        if !given("token") && !by_oauth {
            review.problem(
                "KOMMO_TOKEN",
                "is not set, and KOMMO_CLIENT_ID and KOMMO_REDIRECT_URI are not either, so nothing could be answered",
                "set KOMMO_TOKEN to a long-lived token of the integration, or the other two to connect by OAuth",
            );
        }
        if !given("webhook_secret") {
            review.warn(
                "KOMMO_WEBHOOK_SECRET is not set: what colleagues write to customers in Kommo is not heard, so that the \
                 desk may talk over them; docs/setup-kommo.md shows how to set the webhook up",
            );
        }
        review.warn_if_guessable("KOMMO_WEBHOOK_SECRET", self.kommo.webhook_secret.as_ref(), 16);
        if self.kommo.timeout >= REFRESH_TURN {
            review.problem(
                "kommo.timeout",
                "is not below 30 s, so two nodes could use the same refresh token, which is good once",
                "keep it at 10s",
            );
        }
        if self.kommo.redirect_uri.as_ref().is_some_and(|url| url.path() != OAUTH_END) {
            review.problem(
                "KOMMO_REDIRECT_URI",
                "does not lead to this desk's /oauth/kommo, so that nobody could finish a connection",
                "set it, here and in the integration, to PUBLIC_URL with /oauth/kommo at its end",
            );
        }
        self.check_kommo_tls(review);
    }

    fn check_kommo_tls(&self, review: &mut Review) {
        if self.kommo.oauth_url.scheme() == "http" && !super::is_local(&self.kommo.oauth_url) {
            review.warn("KOMMO_OAUTH_URL has no TLS: whoever listens can connect the desk to an account of theirs");
        }
        if let Some(url) = &self.kommo.base_url
            && url.scheme() == "http"
            && !super::is_local(url)
        {
            review.warn("KOMMO_BASE_URL has no TLS: the token and every answer travel in clear");
        }
    }
}
