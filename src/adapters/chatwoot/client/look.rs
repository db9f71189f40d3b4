//! Looks at a conversation: its state, and the messages since a watermark as far as the token lets us see.
//!
//! Absence proves something only if everything was seen. With a user token that is every message after the watermark,
//! page by page. With a bot's it is the case only if the latest message that is not an activity line is not newer than
//! the watermark: ids are shared by the whole installation, so one newer message never proves that there is no other.

use super::answer::{Body, Refusal};
use super::transport::{Call, Token};
use super::{Chatwoot, Reach};
use crate::adapters::chatwoot::lenient::{self, Object};
use crate::adapters::chatwoot::wire::{ContentAttributes, MessageType, RestConversation, RestMessage, RestPage};
use crate::adapters::chatwoot::{moment, state, voice};
use frontdesk_actors::domain::ConversationState;
use frontdesk_actors::ids::{ConversationKey, MessageId, OutboundId};
use frontdesk_actors::ports::{Author, Look, Seen};

/// How many messages Chatwoot returns after an id.
const PAGE: usize = 100;

/// A conversation with more new messages than this many pages is not read to the end.
const MOST_PAGES: usize = 10;

/// How many messages of a page the next one shows again.
const OVERLAP: usize = 20;

/// Messages and whether they are all there are.
struct Messages {
    seen: Vec<Seen>,
    complete: bool,
}

impl Messages {
    fn in_order(mut seen: Vec<Seen>, complete: bool) -> Self {
        seen.sort_by_key(|message| message.id);
        seen.dedup_by_key(|message| message.id);
        Self { seen, complete }
    }
}

impl Chatwoot {
    /// Finds out what the tokens let us see, by asking for a conversation that cannot exist: Chatwoot checks the token
    /// and its scope first.
    pub(super) async fn probe_tokens(&self) -> Result<Reach, Refusal> {
        let asked = self.call(Call::get("check CHATWOOT_API_TOKEN", "conversations/0")).await;
        let bot_looks = match asked {
            Ok(_) => true,
            Err(refusal) if refusal.is_rejected() => true,
            Err(refusal) if refusal.is_bot_scope() => false,
            Err(refusal) => return Err(refusal),
        };
        let call = Call::get("check CHATWOOT_USER_TOKEN", "conversations/0/messages").with(Token::User);
        let history = self.transport.has_user()
            && match self.call(call).await {
                Ok(_) => true,
                Err(refusal) if refusal.is_rejected() => true,
                Err(refusal) => return Err(refusal),
            };
        Ok(Reach { looks: bot_looks || history, history })
    }

    /// Looks at the conversation.
    pub(super) async fn look_at(&self, key: &ConversationKey, after: MessageId) -> Result<Look, Refusal> {
        let conversation = self.conversation(key)?;
        let body = self.fetch_conversation(conversation).await?;
        let shown: RestConversation<'_> = understand(&body)?;
        let state = self.state_of(&shown)?;
        let muted = is_muted(&shown);
        let messages = match self.history(conversation, after, muted).await? {
            Some(messages) => messages,
            None => glimpse(&shown, after, muted),
        };
        Ok(Look { state, messages: messages.seen, complete: messages.complete })
    }

    /// Reads how a conversation stands.
    pub(super) async fn read_state(&self, conversation: u64) -> Result<ConversationState, Refusal> {
        let body = self.fetch_conversation(conversation).await?;
        self.state_of(&understand(&body)?)
    }

    fn state_of(&self, shown: &RestConversation<'_>) -> Result<ConversationState, Refusal> {
        let state = state::read(&shown.status, &shown.meta, &shown.updated_at, &self.bot);
        state.ok_or_else(|| Refusal::doubtful("read the conversation: the answer has no status"))
    }

    /// Reads every message after the watermark; `None` without a user token that may.
    async fn history(&self, conversation: u64, after: MessageId, muted: bool) -> Result<Option<Messages>, Refusal> {
        if !self.transport.has_user() {
            return Ok(None);
        }
        let path = format!("conversations/{conversation}/messages");
        let mut seen = Vec::new();
        let mut watermark = after.order;
        let mut complete = false;
        for _ in 0..MOST_PAGES {
            let call = Call::get("read the conversation's messages", &path).query(format!("after={watermark}"));
            let body = match self.call(call.with(Token::User)).await {
                Ok(body) => body,
                Err(refusal) if refusal.is_forbidden() => {
                    tracing::warn!(why = %refusal.why(), "looking without the messages");
                    return Ok(None);
                }
                Err(refusal) => return Err(refusal),
            };
            let page: RestPage<'_> = understand(&body)?;
            let messages = page.payload.items();
            if !page.payload.is_given() || messages.iter().any(|message| message.id.id().is_none()) {
                return Err(Refusal::doubtful("read the conversation's messages: the answer holds none"));
            }
            seen.extend(messages.iter().filter_map(|message| read(message, muted)));
            complete = messages.len() < PAGE;
            let ids = messages.iter().filter_map(|message| message.id.id()).collect();
            watermark = next_watermark(ids, watermark);
            if complete {
                break;
            }
        }
        Ok(Some(Messages::in_order(seen, complete)))
    }
}

/// Returns where the next page starts. Pages are cut by time but continued by id, and two messages of the same moment may
/// have them the other way round, so pages overlap.
pub(super) fn next_watermark(mut ids: Vec<u64>, watermark: u64) -> u64 {
    ids.sort_unstable();
    let next = ids.get(ids.len().saturating_sub(OVERLAP)).copied().unwrap_or(watermark);
    next.max(watermark)
}

/// Takes what the conversation itself shows: its last message of any kind, and its last one that is not an activity line.
fn glimpse(shown: &RestConversation<'_>, after: MessageId, muted: bool) -> Messages {
    let last = &shown.last_non_activity_message;
    let candidates = shown.messages.items().iter().chain(last.get());
    let seen = candidates.filter_map(|message| read(message, muted));
    let newer: Vec<Seen> = seen.filter(|message| message.id.order > after.order).collect();
    let complete = match last {
        Object::Is(message) => message.id.id().is_some_and(|id| id <= after.order),
        Object::Null => newer.is_empty(),
        Object::Absent | Object::Odd => false,
    };
    Messages::in_order(newer, complete)
}

/// Returns whether people have muted the customer: nothing they write wakes the conversation, as with webhooks.
fn is_muted(shown: &RestConversation<'_>) -> bool {
    let contact = shown.meta.get().and_then(|meta| meta.sender.get());
    shown.muted.is_true() || contact.is_some_and(|contact| contact.blocked.is_true())
}

/// Reads one message; `None` if it has no id.
fn read(message: &RestMessage<'_>, muted: bool) -> Option<Seen> {
    Some(Seen {
        id: MessageId::numeric(message.id.id()?),
        at: moment::read(&message.created_at).unwrap_or_default(),
        author: author(message, muted),
        text: message.content.text().unwrap_or_default().to_owned(),
        voice: voice::of(&message.attachments),
    })
}

/// Tells who wrote a message, by the rules of the webhooks: our own id first, then privacy, then the sender.
fn author(message: &RestMessage<'_>, muted: bool) -> Author {
    let attributes = message.content_attributes.get();
    let ours =
        |attributes: &ContentAttributes<'_>| attributes.frontdesk_id.filled().map(|row| OutboundId(row.to_owned()));
    if attributes.is_some_and(|attributes| attributes.deleted.is_true()) {
        // What is left of it are not the author's words.
        return attributes.and_then(ours).map_or(Author::Private, Author::Us);
    }
    match MessageType::read(&message.message_type) {
        Some(MessageType::Incoming) if muted => Author::Other,
        Some(MessageType::Incoming) => Author::Customer,
        Some(MessageType::Activity) => Author::Private,
        Some(MessageType::Template) | None => Author::Other,
        Some(MessageType::Outgoing) => match attributes.and_then(ours) {
            Some(row) => Author::Us(row),
            None if message.private.is_true() => Author::Private,
            None if is_persons(message) => Author::Person,
            None => Author::Other,
        },
    }
}

fn is_persons(message: &RestMessage<'_>) -> bool {
    let kind = message.sender.get().and_then(|sender| sender.kind.text()).or(message.sender_type.text());
    let by_app = message.content_attributes.get().is_some_and(|attributes| attributes.external_echo.is_set());
    let campaign = message.additional_attributes.get().is_some_and(|additional| additional.campaign_id.is_set());
    (matches!(kind, Some("user" | "User")) || by_app) && !campaign
}

pub(super) fn understand<'a, T: serde::Deserialize<'a>>(body: &'a Body) -> Result<T, Refusal> {
    let document = body.as_deref().and_then(|body| lenient::read(body).ok()).and_then(Object::into_inner);
    document
        .ok_or_else(|| Refusal::doubtful("the answer is cut or not Chatwoot's: check what CHATWOOT_BASE_URL leads to"))
}
