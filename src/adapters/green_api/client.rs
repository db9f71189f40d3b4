//! The way out: sends through GREEN-API's REST interface, and looks at chats through its journals.
//!
//! One request per step, no retries and no redirects: what an answer means is decided in `answer`, what is tried again is the
//! engine's decision. GREEN-API has no notes, labels or statuses: such acts settle without a request.

mod answer;
mod journal;
mod poll;
mod ready;
mod transport;

pub(super) use journal::{By, Shown};
pub use poll::Notification;
pub(super) use transport::Call;
pub use transport::SetupError;

use super::health::{Health, HealthPost, InstanceState};
use super::json::text;
use super::webhook::{self, ParseContext};
use super::{CHANNEL, key_of};
use answer::Refusal;
use async_trait::async_trait;
use frontdesk_actors::domain::{Assignee, ConversationState, Event, Inbound, Status};
use frontdesk_actors::ids::{ConversationKey, MessageId, OutboundId, stable_hash};
use frontdesk_actors::ports::{Act, Active, Author, Channel, Destination, Events, Look, PortError, Seen, Verdict};
use frontdesk_actors::time::{Clock, Timestamp};
use journal::Journals;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use transport::{Reply, Transport};
use url::Url;

/// GREEN-API refuses longer texts.
const LONGEST_TEXT: usize = 20_000;

/// GREEN-API shows "is typing" for at least and at most this long.
const TYPING: std::ops::RangeInclusive<u64> = 1000..=20_000;

/// How long a letter takes to be typed, so that a long answer does not come at once.
const PER_LETTER: u64 = 40;

/// How GREEN-API is reached.
#[derive(Clone)]
pub struct Settings {
    /// The address of the instance's API (`GREEN_API_URL`), as the console shows it.
    pub api_url: Url,
    /// The instance (`GREEN_ID_INSTANCE`).
    pub instance: u64,
    /// The instance's token (`GREEN_API_TOKEN`).
    pub token: SecretString,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a whole request may take.
    pub total_timeout: Duration,
    /// How long one text may be, in characters; at most 20,000.
    pub max_text: usize,
    /// For how long the customer is shown "is typing" at most; zero for not at all.
    pub typing: Duration,
}

impl Settings {
    /// Returns settings with the shipped defaults: 3 s to connect, 10 s in all, 4,000 characters per text, 5 s of typing.
    pub fn new(api_url: Url, instance: u64, token: SecretString) -> Self {
        Self {
            api_url,
            instance,
            token,
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            max_text: 4000,
            typing: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("api_url", &self.api_url.host_str())
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

/// The WhatsApp channel.
pub struct GreenApi {
    transport: Transport,
    context: ParseContext,
    journals: Journals,
    health: HealthPost,
    asked: ready::Asked,
    clock: Arc<dyn Clock>,
    max_text: usize,
    typing: Duration,
}

impl fmt::Debug for GreenApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GreenApi").field("instance", &self.context.instance).finish_non_exhaustive()
    }
}

impl GreenApi {
    /// Makes the channel. `health` hears of a plan that is used up.
    ///
    /// # Errors
    /// [`SetupError`] if the settings cannot work.
    pub fn new(
        settings: &Settings,
        context: ParseContext,
        health: HealthPost,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        Ok(Self {
            transport: Transport::new(settings)?,
            context,
            journals: Journals::default(),
            health,
            asked: ready::Asked::default(),
            clock,
            max_text: settings.max_text.clamp(1, LONGEST_TEXT),
            typing: settings.typing,
        })
    }

    /// Asks for the state of the instance. For start-up, `/test-connection` and the watch over the instance.
    ///
    /// # Errors
    /// [`PortErrorKind::Forbidden`](frontdesk_actors::ports::PortErrorKind::Forbidden) if the token is not accepted; its source
    /// says what to do. Others if GREEN-API cannot be asked.
    pub async fn state(&self) -> Result<InstanceState, PortError> {
        let operation = "ask for the state of the instance";
        let answer = self.call(Call::get(operation, "getStateInstance")).await;
        let answer = answer.map_err(|refusal| refusal.into_port_error(operation))?;
        // Null while the instance is being made.
        Ok(text(&answer, &["stateInstance"]).map_or(InstanceState::Starting, InstanceState::read))
    }

    /// Performs one call and returns the answer.
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Value, Refusal> {
        let operation = call.operation;
        self.judge(self.transport.send(call).await, operation)
    }

    /// Judges what came of a call, and tells if the plan is used up.
    fn judge(&self, reply: Reply, operation: &'static str) -> Result<Value, Refusal> {
        let answer = answer::judge(reply, operation);
        if answer.as_ref().is_err_and(Refusal::is_quota) {
            self.health.tell(Health::QuotaUsed);
        }
        answer
    }

    /// Returns the chat of a conversation, if it is one of this instance.
    fn chat<'a>(&self, key: &'a ConversationKey) -> Result<&'a str, Refusal> {
        let ours = key.channel() == CHANNEL && key.account() == self.context.instance.to_string();
        ours.then(|| key.id())
            .ok_or_else(|| Refusal::rejected("the conversation is of another instance than GREEN_ID_INSTANCE"))
    }

    async fn say(&self, to: &Destination, words: &str) -> Result<MessageId, Refusal> {
        let chat = self.chat(&to.key)?;
        self.ready().await?;
        let mut body = json!({ "chatId": chat, "message": words, "linkPreview": false });
        if let Some(millis) = self.typing_time(words) {
            body["typingTime"] = json!(millis);
        }
        let answer = self.call(Call::post("send a message", "sendMessage", body).by(to.by)).await;
        let answer = answer.inspect_err(|refusal| {
            if refusal.is_quota() {
                self.health.refused(chat);
            }
        })?;
        self.health.sent(chat);
        let id = text(&answer, &["idMessage"]);
        id.map(MessageId::named).ok_or_else(|| Refusal::doubtful("send a message: the answer has no idMessage"))
    }

    fn typing_time(&self, words: &str) -> Option<u64> {
        let most = u64::try_from(self.typing.as_millis()).unwrap_or(u64::MAX);
        let letters = u64::try_from(words.chars().count()).unwrap_or(u64::MAX);
        let wanted = letters.saturating_mul(PER_LETTER).min(most);
        (most > 0).then(|| wanted.clamp(*TYPING.start(), *TYPING.end()))
    }

    fn news_of(&self, chat: &str, contact_name: Option<&str>) -> Option<Inbound> {
        use frontdesk_actors::domain::Contact;
        use frontdesk_actors::ids::ContactKey;
        let key = key_of(self.context.instance, chat)?;
        // In a group the sender is not the chat.
        let private = !chat.ends_with("@g.us");
        let contact = private.then(|| Contact {
            key: ContactKey::new(CHANNEL, self.context.instance, chat),
            name: contact_name.map(str::to_owned),
            email: None,
        });
        let inbox = self.context.instance.to_string();
        Some(Inbound { key, inbox, contact, state: None, proof: None, reply: None, event: Event::StateChanged })
    }
}

/// Every chat is nobody's and open: WhatsApp knows no other state, so there is nothing in it to go by.
const fn state_of_every_chat() -> ConversationState {
    ConversationState { status: Status::Open, assignee: Assignee::Nobody, version: 0 }
}

#[async_trait]
impl Channel for GreenApi {
    fn name(&self) -> &'static str {
        CHANNEL
    }

    fn max_text(&self) -> usize {
        self.max_text
    }

    async fn send(&self, to: &Destination, act: &Act, id: &OutboundId) -> Verdict {
        let words = match act {
            Act::Text { text, .. } => text,
            // What only colleagues see has no place in a messenger.
            Act::Note { .. }
            | Act::Dismiss { .. }
            | Act::Open
            | Act::Pend
            | Act::AddLabel(_)
            | Act::Priority(_)
            | Act::Team(_)
            | Act::MarkVerified { .. }
            | Act::ContactEmail { .. } => return Verdict::Settled { message: None },
        };
        match self.say(to, words).await {
            Ok(message) => Verdict::Settled { message: Some(message) },
            // Rows that were refused together come back spread over some seconds.
            Err(refusal) => refusal.into_verdict(Duration::from_millis(stable_hash(id.0.as_bytes()) % 3000)),
        }
    }

    async fn look(&self, key: &ConversationKey, after: MessageId) -> Result<Look, PortError> {
        let operation = "look at a chat in the journals of GREEN-API";
        let chat = self.chat(key).map_err(|refusal| refusal.into_port_error(operation))?;
        let since = Timestamp::from_secs(i64::try_from(after.order).unwrap_or(i64::MAX));
        let journal = self.journals.read(self, since).await;
        let journal = journal.map_err(|refusal| refusal.into_look_error(operation))?;
        let mut messages: Vec<Seen> =
            journal.of(chat).filter(|shown| shown.at >= since).filter_map(|shown| self.seen(shown)).collect();
        messages.sort_by_key(|seen| (seen.at, seen.id));
        Ok(Look { state: state_of_every_chat(), messages, complete: journal.reaches(since) })
    }

    async fn active(&self, since: Timestamp, page: u32) -> Result<Active, PortError> {
        if page > 1 {
            return Ok(Active { conversations: Vec::new(), last: true });
        }
        let journal = self.journals.read(self, since).await;
        let journal = journal.map_err(|refusal| refusal.into_look_error("list the chats of GREEN-API"))?;
        let mut chats: BTreeMap<&str, (Timestamp, Option<&str>)> = BTreeMap::new();
        let served = journal.all().filter(|shown| shown.at >= since && self.context.serves(&shown.chat).is_ok());
        for shown in served {
            let (latest, name) = chats.entry(&shown.chat).or_insert((shown.at, None));
            *latest = shown.at.max(*latest);
            *name = name.or(shown.name.as_deref());
        }
        let mut chats: Vec<_> = chats.into_iter().collect();
        chats.sort_by_key(|(_, (latest, _))| std::cmp::Reverse(*latest));
        let conversations = chats.into_iter().filter_map(|(chat, (_, name))| self.news_of(chat, name)).collect();
        Ok(Active { conversations, last: true })
    }

    async fn events(
        &self,
        key: &ConversationKey,
        after: Option<MessageId>,
        since: Timestamp,
    ) -> Result<Events, PortError> {
        let operation = "read a chat in the journals of GREEN-API";
        let chat = self.chat(key).map_err(|refusal| refusal.into_port_error(operation))?;
        let known = after.map(|after| Timestamp::from_secs(i64::try_from(after.order).unwrap_or(i64::MAX)));
        let since = known.unwrap_or(since);
        let journal = self.journals.read(self, since).await;
        let journal = journal.map_err(|refusal| refusal.into_look_error(operation))?;
        let mut shown: Vec<&Shown> = journal.of(chat).filter(|shown| shown.at >= since).collect();
        shown.sort_by_key(|shown| shown.at);
        let events = shown.into_iter().filter_map(|shown| webhook::of_journal(shown, &self.context));
        // A journal does not tell where an order stands among people's words. Its webhook does, and comes until it is taken.
        let events = events.filter(|event| !matches!(event, Event::Ordered { .. })).collect();
        Ok(Events { events, state: None, complete: journal.reaches(since) })
    }

    /// The typing indicator goes with the message itself: on its own it would wait in the same queue, and cost a request.
    async fn typing(&self, _: &ConversationKey, _: bool) -> Result<(), PortError> {
        Ok(())
    }

    fn link(&self, key: &ConversationKey) -> Option<String> {
        let chat = self.chat(key).ok()?;
        // Only such an id is a telephone number.
        let number = chat.strip_suffix("@c.us")?;
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("https://wa.me/{number}"))
    }
}

impl GreenApi {
    /// Reads something that a journal shows as a look shows it. A colleague's order is no word to the customer: it is obeyed
    /// when its webhook comes.
    fn seen(&self, shown: &Shown) -> Option<Seen> {
        let (author, id, text, voice) = match webhook::of_journal(shown, &self.context)? {
            Event::CustomerWrote(message) => (Author::Customer, message.id, message.text, message.voice),
            Event::PersonWrote { id, text, .. } => (Author::Person, id, text, None),
            Event::Carried { id, text, .. } => (Author::Carried, id, text, None),
            Event::Ordered { id, .. } => (Author::Private, id, String::new(), None),
            Event::OtherWrote { .. }
            | Event::Echo { .. }
            | Event::Fared { .. }
            | Event::Edited { .. }
            | Event::Deleted { .. }
            | Event::Assigned
            | Event::StateChanged
            | Event::StatusChanged { .. }
            | Event::Missed { .. } => return None,
        };
        Some(Seen { id, at: shown.at, author, text, voice })
    }

    /// Returns the time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
