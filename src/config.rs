//! What an operator can set: one struct per concern, read in layers, checked as a whole.
//!
//! `config/frontdesk.toml` (compiled in) ← the operator's file ← `.env` ← the environment. The names are the table in
//! [`keys`]; what contradicts itself is found in [`Config::validate`], all of it at once, each with its fix. Nothing
//! outside this module reads the environment.

mod fields;
mod google;
mod green_api;
pub mod keys;
mod kommo;
mod layers;
mod limits;
mod log;
mod mail;
mod mode;
mod model;
mod problem;
mod provenance;
mod report;
mod sections;
mod transcription;
mod validate;
mod value;

pub use google::Google;
pub use green_api::{GreenAccess, GreenApi};
pub use kommo::{Kommo, KommoAccess};
pub use layers::Sources;
pub use limits::{Limits, Scope};
pub use log::{Log, LogFormat};
pub use mode::BotMode;
pub use problem::Problem;
pub use provenance::{Origin, Provenance};
pub use report::check_config_report;
pub use sections::{
    CardShape, Chatwoot, ChatwootAccess, Desk, Gate, Listen, Mail, MailRoute, ModelApi, ModelSettings, Reclaim,
    StoreSettings, Teams, Web,
};
pub use transcription::Transcription;
pub use validate::Review;

use serde::Deserialize;
use std::net::SocketAddr;
use url::Url;

/// The documented defaults, compiled in.
pub const DEFAULTS: &str = include_str!("../config/frontdesk.toml");

/// Every setting of the daemon.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the desk listens and who may talk to it.
    pub listen: Listen,
    /// Where conversations are kept.
    pub store: StoreSettings,
    /// How customers prove who they are.
    pub gate: Gate,
    /// Who answers.
    pub model: ModelSettings,
    /// How voice messages are understood.
    pub transcription: Transcription,
    /// The Google document with the instructions.
    pub google: Google,
    /// The Chatwoot account that is served.
    pub chatwoot: Chatwoot,
    /// The WhatsApp number that is served through GREEN-API.
    pub green_api: GreenApi,
    /// The Kommo account that is served.
    pub kommo: Kommo,
    /// How verification mails leave.
    pub mail: Mail,
    /// Where colleagues are told.
    pub teams: Teams,
    /// Languages, manners and hand-over.
    pub desk: Desk,
    /// How much at once, and how fast.
    pub limits: Limits,
    /// The page at `/`.
    pub web: Web,
    /// What is logged.
    pub log: Log,
    /// Where each value came from.
    #[serde(skip)]
    pub provenance: Provenance,
    /// What is allowed but should be known, one sentence each.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

impl Config {
    /// Returns whether this is the open demo: loopback only, no vendor's account, and not published under a name.
    ///
    /// A model key or a mail server does not end the demo: no customer comes in through them.
    pub fn is_demo(&self) -> bool {
        !self.is_reachable() && !self.serves_chatwoot() && !self.serves_green_api() && !self.serves_kommo()
    }

    /// Returns whether somebody meant to serve Chatwoot: any of its settings is given, complete or not.
    pub fn serves_chatwoot(&self) -> bool {
        ["base_url", "account_id", "api_token", "user_token", "webhook_secret"]
            .iter()
            .any(|key| self.provenance.is_given(&format!("chatwoot.{key}")))
    }

    /// Returns whether only this machine can reach the desk directly.
    pub fn is_loopback(&self) -> bool {
        self.listen.addr.ip().to_canonical().is_loopback()
    }

    /// Returns whether others can reach the desk: directly, or at `PUBLIC_URL` through a proxy on this machine.
    pub fn is_reachable(&self) -> bool {
        !self.is_loopback() || !self.listen.public_url.as_ref().is_none_or(is_local)
    }

    /// Returns whether webhooks without a signature are taken.
    pub fn takes_unsigned_webhooks(&self) -> bool {
        self.chatwoot.webhook_secret.is_empty() && (!self.is_reachable() || self.listen.allow_unsigned_webhooks)
    }

    /// Returns the address that links start with, without a slash at its end.
    pub fn public_base(&self) -> String {
        let configured = self.listen.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
        configured.unwrap_or_else(|| format!("http://{}", self.listen.addr))
    }

    /// Returns the name mails come from.
    pub fn sender_name(&self) -> &str {
        self.mail.sender_name.as_deref().unwrap_or(&self.desk.site_name)
    }

    /// Returns whether the page has a chat.
    pub fn web_chat(&self) -> bool {
        self.web.chat || self.is_demo()
    }

    /// Puts the address of a socket that was handed over in place of `LISTEN_ADDR`, and checks again: a socket unit may
    /// listen where the settings would not.
    ///
    /// # Errors
    /// The problems that appear with this address.
    pub fn listening_on(mut self, addr: SocketAddr) -> Result<Config, Vec<Problem>> {
        self.listen.addr = addr;
        let review = self.validate();
        if review.problems.is_empty() {
            self.warnings = review.warnings;
            Ok(self)
        } else {
            Err(review.problems)
        }
    }
}

/// Returns whether an address leads to this machine only.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
