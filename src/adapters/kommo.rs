//! Kommo (amoCRM). Its customers can be answered only where a salesbot waits: a widget step posts a request, and the bot
//! hangs until its `return_url` is called, once. So every request is a place to answer at, and there is nothing to look at:
//! what people write is heard by the account's webhook.
//!
//! `kommo/wire.rs` is what Kommo sends, `token.rs` who may send it, `chunks.rs` and `reply.rs` what is answered,
//! `access.rs` with which token, `client.rs` the channel, `inbound.rs` what requests and webhooks mean, `places.rs` where
//! contacts write, `status.rs` what can be told about the connection. The facts and their sources are in `docs/kommo-wire.md`.

mod access;
mod account;
mod chunks;
mod client;
mod inbound;
mod oauth;
mod places;
mod reply;
mod said;
mod status;
mod token;
mod transport;
mod verdict;
mod wire;

pub use access::{Access, AccessError, Integration};
pub use client::{Kommo, SetupError};
pub use inbound::{Edge, Refused};
pub use oauth::OauthError;
pub use reply::shown;
pub use token::TokenError;
pub use wire::WireError;

use frontdesk_actors::ids::ConversationKey;
use secrecy::SecretString;
use std::fmt;
use std::time::Duration;
use url::Url;

/// The channel's name: the first part of its conversation keys.
pub const CHANNEL: &str = "kommo";

/// How long one text may be, in characters. The parts of an answer share one place, so that it hardly matters.
pub const MAX_TEXT: usize = 16_000;

/// How Kommo is reached.
#[derive(Clone)]
pub struct Settings {
    /// The account (`KOMMO_SUBDOMAIN`).
    pub subdomain: String,
    /// Where it is (`KOMMO_BASE_URL`): the only host that is answered at.
    pub base_url: Url,
    /// Where administrators allow the integration (`KOMMO_OAUTH_URL`).
    pub oauth_url: Url,
    /// Checks who calls (`KOMMO_CLIENT_SECRET`).
    pub client_secret: SecretString,
    /// The integration's id (`KOMMO_CLIENT_ID`).
    pub client_id: Option<String>,
    /// The long-lived token (`KOMMO_TOKEN`).
    pub token: Option<SecretString>,
    /// The integration, where the account is connected by OAuth.
    pub integration: Option<Integration>,
    /// Stands in the address of the account's webhook (`KOMMO_WEBHOOK_SECRET`).
    pub webhook_secret: Option<SecretString>,
    /// How long a whole request may take.
    pub timeout: Duration,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("subdomain", &self.subdomain).finish_non_exhaustive()
    }
}

/// Returns the number of the lead that a conversation is about, if it is about one.
fn lead_of(key: &ConversationKey) -> Option<u64> {
    key.id().parse().ok()
}
