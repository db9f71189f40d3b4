//! The sections of the settings: plain values, one struct per concern.
//!
//! Every field is documented at length in `config/frontdesk.toml`.

use crate::config::{BotMode, fields};
use frontdesk_actors::domain::Lang;
use secrecy::SecretString;
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// Where the desk listens and who may talk to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// The address to listen on, unless a socket is handed over.
    pub addr: SocketAddr,
    /// The address under which customers reach the desk.
    #[serde(default, deserialize_with = "fields::optional_url")]
    pub public_url: Option<Url>,
    /// The bearer token of the API; generated if absent.
    pub admin_token: Option<SecretString>,
    /// Whether webhooks without a signature are taken from anywhere.
    pub allow_unsigned_webhooks: bool,
    /// The largest body that is read, in bytes.
    pub max_body: usize,
    /// How long a webhook is held while the store is away.
    #[serde(deserialize_with = "fields::millis")]
    pub hold: Duration,
    /// How many webhooks of one account may be held at once.
    pub holds_per_account: usize,
    /// How long webhooks are served after SIGTERM.
    #[serde(deserialize_with = "fields::millis")]
    pub linger: Duration,
    /// How long work on the wire may take to finish after SIGTERM.
    #[serde(deserialize_with = "fields::millis")]
    pub drain: Duration,
}

/// Where conversations are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// The directory of the embedded store and of generated secrets.
    pub data_dir: PathBuf,
    /// This node's name; see [`StoreSettings::node_name`].
    pub node_id: Option<String>,
    /// Redis, or the comma-separated nodes of a Redis Cluster; absent means the embedded store.
    pub redis_url: Option<SecretString>,
    /// The certificates, in PEM, of those who may vouch for Redis; the system's if absent.
    pub redis_ca_file: Option<PathBuf>,
    /// Connections to Redis.
    pub redis_connections: usize,
    /// How long one Redis command may take.
    #[serde(deserialize_with = "fields::millis")]
    pub redis_timeout: Duration,
    /// How long a silent conversation is known.
    #[serde(deserialize_with = "fields::millis")]
    pub retention: Duration,
}

impl StoreSettings {
    /// Returns this node's name: `NODE_ID`, or the host's name.
    pub fn node_name(&self) -> String {
        self.node_id.clone().or_else(host_name).unwrap_or_else(|| "frontdesk".to_owned())
    }
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// How customers prove who they are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Whether an address is asked for at all.
    pub enabled: bool,
    /// Whether `email_verified` is believed without our MAC.
    pub trust_plain_attributes: bool,
    /// Signs links and marks; generated if absent.
    pub jwt_secret: Option<SecretString>,
    /// How long link and code work.
    #[serde(deserialize_with = "fields::millis")]
    pub link_ttl: Duration,
    /// How soon the same mail can be asked for again.
    #[serde(deserialize_with = "fields::millis")]
    pub resend_cooldown: Duration,
    /// How often one mail can be asked for again.
    pub resends: u32,
    /// How many wrong codes end a challenge.
    pub wrong_codes: u32,
    /// How often a failing mail is tried before a person is fetched.
    pub mail_tries: u32,
    /// The pause before a failing mail is tried again; it grows.
    #[serde(deserialize_with = "fields::millis")]
    pub mail_retry_pause: Duration,
    /// Mails to one address within an hour.
    pub mails_per_address_hour: u32,
    /// Mails to one address within a day.
    pub mails_per_address_day: u32,
    /// Mails one contact can cause within a day.
    pub mails_per_contact_day: u32,
    /// Mails one inbox can cause within an hour.
    pub mails_per_inbox_hour: u32,
}

/// Who answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// The provider's key; absent means the built-in mock.
    pub api_key: Option<SecretString>,
    /// The endpoint, up to and including its version part.
    #[serde(deserialize_with = "fields::url")]
    pub base_url: Url,
    /// The model's name.
    pub name: String,
    /// Which of the provider's interfaces is spoken.
    pub api: ModelApi,
    /// The longest answer.
    pub max_tokens: Option<u32>,
    /// The sampling temperature.
    pub temperature: Option<f32>,
    /// The desk's instructions.
    pub prompt_file: Option<PathBuf>,
    /// The folder of shared and tenants' instructions; one in the data directory if absent.
    pub instructions_dir: Option<PathBuf>,
    /// How often the files of instructions are looked at.
    #[serde(deserialize_with = "fields::millis")]
    pub instructions_poll: Duration,
    /// The longest a single call may take.
    #[serde(deserialize_with = "fields::millis")]
    pub call_timeout: Duration,
    /// The longest a turn may take.
    #[serde(deserialize_with = "fields::millis")]
    pub turn_deadline: Duration,
    /// How often a failed call is repeated.
    pub max_retries: u32,
    /// How many messages are remembered.
    pub memory_messages: usize,
    /// How long they are remembered.
    #[serde(deserialize_with = "fields::millis")]
    pub memory_ttl: Duration,
}

/// Which interface of an OpenAI-compatible provider is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelApi {
    /// Chat completions.
    Chat,
    /// Responses.
    Responses,
}

/// The Chatwoot account that is served.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chatwoot {
    /// The installation's address.
    #[serde(default, deserialize_with = "fields::optional_url")]
    pub base_url: Option<Url>,
    /// Where colleagues open the dashboard, if that is elsewhere.
    #[serde(default, deserialize_with = "fields::optional_url")]
    pub public_url: Option<Url>,
    /// The account.
    pub account_id: Option<u64>,
    /// The agent bot's token.
    pub api_token: Option<SecretString>,
    /// A user's token, for what bots may not do.
    pub user_token: Option<SecretString>,
    /// The secrets webhooks are signed with.
    #[serde(default)]
    pub webhook_secret: Vec<SecretString>,
    /// The inboxes that are served; empty means all.
    #[serde(default)]
    pub inbox_id: Vec<u64>,
    /// The inboxes in which the desk only drafts.
    #[serde(default)]
    pub shadow_inboxes: Vec<u64>,
    /// Our bot's number.
    pub bot_id: Option<u64>,
    /// Whether open conversations that nobody has are answered.
    pub answer_open_unassigned: bool,
    /// How long one text may be, in characters.
    pub max_text: usize,
    /// What happens to conversations that Chatwoot opened while the desk was away.
    pub reclaim: Reclaim,
    /// How far back events are looked for that nobody heard.
    #[serde(deserialize_with = "fields::millis")]
    pub catch_up: Duration,
    /// How long after an unknown send its absence starts to prove something.
    #[serde(deserialize_with = "fields::millis")]
    pub settle_time: Duration,
    /// How long one call may take.
    #[serde(deserialize_with = "fields::millis")]
    pub timeout: Duration,
}

/// What happens to conversations that Chatwoot opened while the desk was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reclaim {
    /// Operators are told.
    Alert,
    /// Operators are told, and the desk takes them back once it is sure that nobody has touched them.
    Auto,
}

/// What it takes to call Chatwoot.
#[derive(Debug, Clone, Copy)]
pub struct ChatwootAccess<'a> {
    /// The installation's address.
    pub base_url: &'a Url,
    /// The account.
    pub account_id: u64,
    /// The agent bot's token.
    pub api_token: &'a SecretString,
}

impl Chatwoot {
    /// Returns what it takes to call Chatwoot, or `None` if Chatwoot is not configured.
    pub fn access(&self) -> Option<ChatwootAccess<'_>> {
        let (base_url, api_token) = (self.base_url.as_ref()?, self.api_token.as_ref()?);
        Some(ChatwootAccess { base_url, account_id: self.account_id?, api_token })
    }
}

/// How verification mails leave.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The SMTP server, with or without credentials.
    pub smtp_url: Option<SecretString>,
    /// The address mails come from.
    pub sender_email: Option<String>,
    /// The sender's password.
    pub sender_password: Option<SecretString>,
    /// The name mails come from; see [`Config::sender_name`].
    pub sender_name: Option<String>,
    /// How long one SMTP conversation may take.
    #[serde(deserialize_with = "fields::millis")]
    pub timeout: Duration,
}

impl fmt::Debug for Mail {
    /// Shows no address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Which way mails take.
#[derive(Clone, Copy)]
pub enum MailRoute<'a> {
    /// Through this server; `login` applies if the URL carries no credentials of its own.
    Server {
        /// The server.
        url: &'a SecretString,
        /// The sender's address and password.
        login: Option<(&'a str, &'a SecretString)>,
    },
    /// Through Gmail (`smtp.gmail.com:465`), with an app password whose spaces are to be removed.
    Gmail {
        /// The sender's address.
        email: &'a str,
        /// The app password.
        password: &'a SecretString,
    },
    /// Nowhere: into the demo mailbox.
    Mailbox,
}

impl fmt::Debug for MailRoute<'_> {
    /// Shows neither addresses nor credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MailRoute::Server { .. } => "Server",
            MailRoute::Gmail { .. } => "Gmail",
            MailRoute::Mailbox => "Mailbox",
        })
    }
}

impl Mail {
    /// Returns the way mails take.
    pub fn route(&self) -> MailRoute<'_> {
        let login = self.sender_email.as_deref().zip(self.sender_password.as_ref());
        match (&self.smtp_url, login) {
            (Some(url), login) => MailRoute::Server { url, login },
            (None, Some((email, password))) => MailRoute::Gmail { email, password },
            (None, None) => MailRoute::Mailbox,
        }
    }
}

/// Where colleagues are told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Teams {
    /// The Workflow's URL, secret as a whole.
    pub webhook_url: Option<SecretString>,
    /// What the Workflow expects.
    pub card_shape: CardShape,
    /// Where cards go by mail when Teams accepts nothing.
    pub alert_email: Option<String>,
    /// For how long Teams must have accepted nothing.
    #[serde(deserialize_with = "fields::millis")]
    pub second_path_after: Duration,
    /// How long one post may take.
    #[serde(deserialize_with = "fields::millis")]
    pub timeout: Duration,
}

/// What a Teams Workflow expects to be posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CardShape {
    /// A message with the card attached.
    Message,
    /// The bare card.
    Card,
}

/// Languages, manners and hand-over.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desk {
    /// Whether the desk speaks to customers.
    pub mode: BotMode,
    /// The company or site, as customers know it.
    pub site_name: String,
    /// The customers' language until they have written enough to tell.
    pub default_locale: Lang,
    /// The colleagues' language.
    pub locale: Lang,
    /// The colleagues' offset from UTC, as `+05:00`.
    pub utc_offset: String,
    /// A directory with the operator's own wording.
    pub locales: Option<PathBuf>,
    /// A directory with the operator's own words that call a person.
    pub person_words: Option<PathBuf>,
    /// After how long without a person's word the bot takes over again.
    #[serde(default, deserialize_with = "fields::optional_millis")]
    pub human_idle: Option<Duration>,
    /// A label for conversations that were handed over.
    pub handoff_label: Option<String>,
    /// The priority they get.
    pub handoff_priority: Option<String>,
    /// The team that gets them.
    pub handoff_team: Option<u64>,
    /// After how long the desk apologises before it answers.
    #[serde(deserialize_with = "fields::millis")]
    pub answer_apology_after: Duration,
    /// After how long a person is fetched instead.
    #[serde(deserialize_with = "fields::millis")]
    pub answer_stale_after: Duration,
    /// After how long without a person's touch colleagues are called again.
    #[serde(default, deserialize_with = "fields::optional_millis")]
    pub pickup_after: Option<Duration>,
    /// Whether the desk then takes the conversation back.
    pub pickup_handback: bool,
    /// How long the customer must be quiet before a burst is answered.
    #[serde(deserialize_with = "fields::millis")]
    pub debounce_quiet: Duration,
    /// The longest a burst is waited for.
    #[serde(deserialize_with = "fields::millis")]
    pub debounce_max: Duration,
}

/// The page at `/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Web {
    /// Whether the chat is on outside demo mode; see [`Config::web_chat`].
    pub chat: bool,
    /// Whether the chat asks for an address first.
    pub gate: bool,
    /// Messages one visitor may send per minute.
    pub messages_per_visitor: u32,
    /// Messages all visitors together may send per minute.
    pub messages: u32,
    /// Open pages that one node serves.
    pub streams: usize,
}
