//! The way out: performs acts through Chatwoot's REST API and looks at conversations there.
//!
//! One request per step, no retries and no redirects: what an answer means is decided in `answer`, what is tried again is
//! the engine's decision. Acts are in `acts`, looks in `look`, the HTTP of both in `transport`.

mod acts;
mod answer;
mod look;
mod missed;
mod transport;

use super::{AttributeMac, BotId, CHANNEL, ParseContext};
use answer::Refusal;
use async_trait::async_trait;
use frontdesk_actors::ids::{ConversationKey, MessageId, OutboundId, stable_hash};
use frontdesk_actors::ports::{Act, Active, Channel, Destination, Events, Look, PortError, Verdict};
use frontdesk_actors::time::{Clock, Timestamp};
use secrecy::SecretString;
use serde_json::json;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use transport::{Call, Token, Transport};
use url::Url;

/// Chatwoot refuses content above 150,000 characters; breaking up template tags adds at most one for every two.
const LONGEST_TEXT: usize = 100_000;

/// How Chatwoot is reached.
#[derive(Clone)]
pub struct Settings {
    /// Where the API is (`CHATWOOT_BASE_URL`), for example `https://chat.example.com`.
    pub base_url: Url,
    /// Where colleagues open the dashboard, if that is elsewhere.
    pub public_url: Option<Url>,
    /// The account (`CHATWOOT_ACCOUNT_ID`).
    pub account: u64,
    /// The agent bot's token (`CHATWOOT_API_TOKEN`).
    pub bot_token: SecretString,
    /// A user's token (`CHATWOOT_USER_TOKEN`), for what a bot may not do: reading messages, writing contacts.
    pub user_token: Option<SecretString>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a whole request may take.
    pub total_timeout: Duration,
    /// How long one text may be, in characters; at most 100,000.
    pub max_text: usize,
    /// The inboxes that are served (`CHATWOOT_INBOX_ID`); empty means all.
    pub inboxes: Vec<u64>,
    /// Whether the seed systems' attributes count without a mark (`GATE_TRUST_PLAIN_ATTRIBUTES`).
    pub trust_plain_attributes: bool,
}

impl Settings {
    /// Returns settings with the shipped defaults: 3 s to connect, 10 s in all, 10,000 characters per text. The widget
    /// takes more than ten times that, but nobody reads it.
    pub fn new(base_url: Url, account: u64, bot_token: SecretString) -> Self {
        Self {
            base_url,
            public_url: None,
            account,
            bot_token,
            user_token: None,
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            max_text: 10_000,
            inboxes: Vec::new(),
            trust_plain_attributes: false,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("base_url", &self.base_url.host_str())
            .field("account", &self.account)
            .field("user_token", &self.user_token.is_some())
            .finish_non_exhaustive()
    }
}

/// Why the client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address is no place to send requests to.
    #[error("CHATWOOT_BASE_URL must be an http or https address with a host")]
    BaseUrl,
    /// A token contains what no header may.
    #[error("{0} contains characters that no HTTP header may carry: copy it again")]
    Token(&'static str),
    /// The HTTP client cannot be made.
    #[error("make the HTTP client for Chatwoot")]
    Http(#[source] reqwest::Error),
}

/// What the tokens let the desk see. To be told at start-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Whether conversations can be looked at. If not (Chatwoot before 4.14.2, a bot token only), work that crossed a gap
    /// fetches a person.
    pub looks: bool,
    /// Whether messages can be read (a user token): only then is an unknown send nearly always settled by a look.
    pub history: bool,
}

/// The Chatwoot channel.
pub struct Chatwoot {
    transport: Transport,
    account: u64,
    dashboard: Url,
    max_text: usize,
    mac: AttributeMac,
    bot: BotId,
    /// How lists and messages are read: as webhooks are.
    context: ParseContext,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Chatwoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chatwoot").field("account", &self.account).field("bot", &self.bot.get()).finish_non_exhaustive()
    }
}

impl Chatwoot {
    /// Makes the channel. `mac` and `bot` are shared with the reading of webhooks.
    ///
    /// # Errors
    /// [`SetupError`] if the settings cannot work.
    pub fn new(settings: Settings, mac: AttributeMac, bot: BotId, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let context = ParseContext {
            account: settings.account,
            inboxes: settings.inboxes.clone(),
            bot: bot.clone(),
            mac: mac.clone(),
            trust_plain_attributes: settings.trust_plain_attributes,
        };
        Ok(Self {
            transport: Transport::new(&settings)?,
            context,
            account: settings.account,
            dashboard: settings.public_url.unwrap_or(settings.base_url),
            max_text: settings.max_text.clamp(1, LONGEST_TEXT),
            mac,
            bot,
            clock,
        })
    }

    /// Finds out whether the tokens work and what they let the desk see. For start-up and `check-config`.
    ///
    /// # Errors
    /// [`PortErrorKind::Forbidden`](frontdesk_actors::ports::PortErrorKind::Forbidden) if a token is not accepted; its
    /// source says what to do. Others if Chatwoot cannot be asked.
    pub async fn probe(&self) -> Result<Reach, PortError> {
        self.probe_tokens().await.map_err(|refusal| refusal.into_port_error("check the tokens with Chatwoot"))
    }

    /// Returns the conversation's number, if it is one of this account.
    fn conversation(&self, key: &ConversationKey) -> Result<u64, Refusal> {
        let ours = key.channel() == CHANNEL && key.account() == self.account.to_string();
        let number = key.id().parse::<u64>().ok().filter(|number| ours && *number > 0);
        number.ok_or_else(|| Refusal::rejected(format!("{key} is not a conversation of account {}", self.account)))
    }

    /// Performs one call and returns the body of a success.
    async fn call(&self, call: Call<'_>) -> Result<answer::Body, Refusal> {
        let subject = answer::Subject { operation: call.operation, token: call.token, quotes: call.quotes };
        let reply = self.transport.send(call).await;
        answer::judge(reply, &subject, self.clock.now())
    }

    /// Asks for the conversation as the bot, and as the user where this Chatwoot does not let bots look (before 4.14.2).
    async fn fetch_conversation(&self, conversation: u64) -> Result<answer::Body, Refusal> {
        let path = format!("conversations/{conversation}");
        let operation = "read the conversation";
        let refusal = match self.call(Call::get(operation, &path)).await {
            Err(refusal) if refusal.is_bot_scope() && self.transport.has_user() => refusal,
            answered => return answered,
        };
        tracing::debug!(why = %refusal.why(), "reading the conversation with the user token");
        self.call(Call::get(operation, &path).with(Token::User)).await
    }
}

#[async_trait]
impl Channel for Chatwoot {
    fn name(&self) -> &'static str {
        CHANNEL
    }

    fn max_text(&self) -> usize {
        self.max_text
    }

    async fn send(&self, to: &Destination, act: &Act, id: &OutboundId) -> Verdict {
        match self.perform(to, act, id).await {
            Ok(message) => Verdict::Settled { message },
            // Rows that were refused together come back spread over some seconds of the next minute.
            Err(refusal) => refusal.into_verdict(Duration::from_millis(stable_hash(id.0.as_bytes()) % 3000)),
        }
    }

    async fn look(&self, key: &ConversationKey, after: MessageId) -> Result<Look, PortError> {
        self.look_at(key, after)
            .await
            .map_err(|refusal| refusal.into_port_error("look at the conversation in Chatwoot"))
    }

    async fn active(&self, since: Timestamp, page: u32) -> Result<Active, PortError> {
        let listed = self.list_active(since, page).await;
        listed.map_err(|refusal| refusal.into_port_error("list the conversations of Chatwoot"))
    }

    async fn events(
        &self,
        key: &ConversationKey,
        after: Option<MessageId>,
        since: Timestamp,
    ) -> Result<Events, PortError> {
        let read = self.read_events(key, after, since).await;
        read.map_err(|refusal| refusal.into_port_error("read the messages of a conversation in Chatwoot"))
    }

    async fn typing(&self, key: &ConversationKey, on: bool) -> Result<(), PortError> {
        let status = if on { "on" } else { "off" };
        let send = async {
            let path = format!("conversations/{}/toggle_typing_status", self.conversation(key)?);
            self.call(Call::post("show that the desk is typing", &path, json!({ "typing_status": status }))).await
        };
        let sent: Result<_, Refusal> = send.await;
        sent.map(|_| ()).map_err(|refusal| refusal.into_port_error("show that the desk is typing in Chatwoot"))
    }

    fn link(&self, key: &ConversationKey) -> Option<String> {
        let conversation = self.conversation(key).ok()?;
        let base = self.dashboard.as_str().trim_end_matches('/');
        Some(format!("{base}/app/accounts/{}/conversations/{conversation}", self.account))
    }
}
