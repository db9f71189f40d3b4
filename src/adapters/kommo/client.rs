//! The way out: answers where a salesbot waits, and leaves notes on leads.
//!
//! A place takes one answer, and 404 says that nobody waits there: so an answer of unknown outcome may be repeated, and the
//! engine judges by how long ago it was first tried whether 404 means that it has landed. There
//! is nothing to look at and no status to set; the engine keeps who has the conversation.

use super::access::{Access, AccessError};
use super::account::Account;
use super::reply::{self, Answer};
use super::said::Said;
use super::transport::{Reply, Transport};
use super::verdict::{Asked, judge};
use super::wire::return_address;
use super::{CHANNEL, MAX_TEXT, Settings, lead_of};
use async_trait::async_trait;
use bytes::Bytes;
use frontdesk_actors::domain::{Assignee, ConversationState, Status};
use frontdesk_actors::ids::{ConversationKey, MessageId, OutboundId};
use frontdesk_actors::ports::{Act, Channel, Destination, Look, PortError, ReplyPlace, Store, Verdict};
use frontdesk_actors::time::Clock;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How long after its claim was asked a text may leave. What takes longer is asked again.
const FRESH: Duration = Duration::from_secs(1);

/// Why the channel cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The HTTP client cannot be made.
    #[error("make the HTTP client for Kommo")]
    Http(#[source] reqwest::Error),
}

/// The Kommo channel.
pub struct Kommo {
    pub(super) settings: Settings,
    pub(super) access: Access,
    pub(super) transport: Transport,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) account: Account,
    said: Said,
}

impl fmt::Debug for Kommo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kommo").field("settings", &self.settings).field("access", &self.access).finish_non_exhaustive()
    }
}

/// What an act brings about.
type Done = Result<(), Verdict>;

impl Kommo {
    /// Makes the channel.
    ///
    /// # Errors
    /// [`SetupError`] if the settings cannot work.
    pub fn new(settings: Settings, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let transport = Transport::new(settings.timeout).map_err(SetupError::Http)?;
        let access = Access::new(&settings, transport.clone(), store.clone(), clock.clone());
        let account = Account::new(store.clone(), &settings.subdomain);
        Ok(Self { said: Said(store.clone()), settings, access, transport, account, store, clock })
    }

    /// Returns the ways to a token.
    pub fn access(&self) -> &Access {
        &self.access
    }

    async fn perform(&self, to: &Destination, act: &Act, id: &OutboundId) -> Done {
        match act {
            Act::Text { text, handoff } => self.say(to, (text, *handoff), id).await,
            Act::Dismiss { person } => {
                let Some(place) = &to.reply else { return Ok(()) };
                let answer = if *person { Answer::WithPerson } else { Answer::Nothing };
                self.go_on(place, Asked::Dismiss, &reply::body(answer)).await
            }
            Act::Note { text } => self.note(&to.key, text, id).await,
            // The vendor has no status of its own that tells bot from people, and no mark for a verified customer.
            Act::Open
            | Act::Pend
            | Act::AddLabel(_)
            | Act::Priority(_)
            | Act::Team(_)
            | Act::MarkVerified { .. }
            | Act::ContactEmail { .. } => Ok(()),
        }
    }

    async fn say(&self, to: &Destination, (text, handoff): (&str, bool), id: &OutboundId) -> Done {
        let began = Instant::now();
        let Some(place) = &to.reply else {
            return Err(Verdict::Rejected { why: "no salesbot waits for words in this conversation".to_owned() });
        };
        if text.trim().is_empty() {
            return Err(Verdict::Rejected { why: "there is nothing to say".to_owned() });
        }
        // Without a token nothing leaves, and nothing need be noted.
        self.access.at_hand()?;
        let mut texts = reply::shown(text);
        if texts.len() > 1 {
            texts.push(text.to_owned());
        }
        self.said
            .note(&to.key, (id, &texts), self.clock.now())
            .await
            .map_err(|error| Verdict::Transient { retry_after: None, why: format!("note what is said: {error}") })?;
        if began.elapsed() > FRESH {
            // A colleague may have written meanwhile: it is asked again whether this is still wanted.
            let why = "the store took long to note what is said".to_owned();
            return Err(Verdict::Transient { retry_after: None, why });
        }
        let answer = if handoff { Answer::HandsOver(text) } else { Answer::Says(text) };
        self.go_on(place, Asked::Continue { doubted: place.doubted }, &reply::body(answer)).await
    }

    /// Lets the bot that waits at a place go on.
    async fn go_on(&self, place: &ReplyPlace, asked: Asked, body: &Value) -> Done {
        // Checked when it came, and again here: the settings may have changed since, and our token goes with it.
        let url = return_address(&self.settings.base_url, &place.handle.0)
            .map_err(|error| Verdict::Rejected { why: error.to_string() })?;
        self.post(url, asked, body).await.map(|_| ())
    }

    async fn note(&self, key: &ConversationKey, text: &str, id: &OutboundId) -> Done {
        // Only leads have notes here; who is about something else is told by the card.
        let Some(lead) = lead_of(key) else { return Ok(()) };
        let note =
            json!([{ "entity_id": lead, "note_type": "common", "params": { "text": text }, "request_id": id.0 }]);
        let url = self.url("api/v4/leads/notes").map_err(|why| Verdict::Rejected { why })?;
        self.post(url, Asked::Other, &note).await.map(|_| ())
    }

    pub(super) fn url(&self, path: &str) -> Result<Url, String> {
        let base = format!("{}/", self.settings.base_url.as_str().trim_end_matches('/'));
        Url::parse(&base).and_then(|base| base.join(path)).map_err(|error| error.to_string())
    }

    /// Writes with a token that is at hand. 401 wrote nothing: with another token it is worth a try, once the flow has been
    /// asked again.
    async fn post(&self, url: Url, asked: Asked, body: &Value) -> Result<Bytes, Verdict> {
        let held = self.access.at_hand()?;
        let reply = self.transport.post(url, Some(&held.token), body).await;
        let again = match &reply {
            Reply::Answered { status, .. } => self.access.answered(&held, *status != 401),
            Reply::Unreached(_) | Reply::Lost(_) => None,
        };
        again.map_or_else(|| judge(reply, asked), Err)
    }

    /// Reads something as the account's user.
    pub(super) async fn get(&self, path: &str) -> Result<Reply, AccessError> {
        let url = self.url(path).map_err(AccessError::Unreachable)?;
        let token = self.access.token().await?;
        let reply = self.transport.get(url.clone(), &token).await;
        if !matches!(reply, Reply::Answered { status: 401, .. }) {
            return Ok(reply);
        }
        match self.access.instead_of(&token).await? {
            Some(token) => Ok(self.transport.get(url, &token).await),
            None => Ok(reply),
        }
    }
}

#[async_trait]
impl Channel for Kommo {
    fn name(&self) -> &'static str {
        CHANNEL
    }

    fn max_text(&self) -> usize {
        MAX_TEXT
    }

    async fn send(&self, to: &Destination, act: &Act, id: &OutboundId) -> Verdict {
        match self.perform(to, act, id).await {
            Ok(()) => Verdict::Settled { message: None },
            Err(verdict) => verdict,
        }
    }

    /// There is nothing to look at: messages cannot be read through the API. Who has the conversation is the engine's own
    /// knowledge, so the state is always the same, and never newer than what is known.
    async fn look(&self, _key: &ConversationKey, _after: MessageId) -> Result<Look, PortError> {
        let state = ConversationState { status: Status::Pending, assignee: Assignee::Us, version: 0 };
        Ok(Look { state, messages: Vec::new(), complete: false })
    }

    async fn typing(&self, _key: &ConversationKey, _on: bool) -> Result<(), PortError> {
        Ok(())
    }

    fn link(&self, key: &ConversationKey) -> Option<String> {
        let lead = lead_of(key)?;
        Some(format!("{}/leads/detail/{lead}", self.settings.base_url.as_str().trim_end_matches('/')))
    }
}
