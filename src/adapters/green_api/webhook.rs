//! The way in: a body becomes an [`Inbound`], news of the instance, or nothing. Pure; the table is in
//! `docs/green-api-wire.md`.

use super::content::{self, Content};
use super::health::{Health, InstanceState};
use super::json::{flag, text, webhook, whole};
use super::{CHANNEL, key_of};
use frontdesk_actors::domain::{Contact, CustomerMessage, Event, Inbound, Order};
use frontdesk_actors::ids::{ContactKey, MessageId};
use frontdesk_actors::time::Timestamp;
use serde_json::Value;

/// What is read by.
#[derive(Debug, Clone)]
pub struct ParseContext {
    /// The instance that is served (`GREEN_ID_INSTANCE`).
    pub instance: u64,
    /// Whether groups are answered.
    pub groups: bool,
    /// What a colleague writes on the phone to give a conversation back (`GREEN_HANDBACK_WORD`).
    pub handback: Option<String>,
}

impl ParseContext {
    /// Returns whether a chat is served: people always, groups if they are to be, statuses and channels never.
    pub(super) fn serves(&self, chat: &str) -> Result<(), &'static str> {
        match chat.rsplit_once('@').map(|(_, kind)| kind) {
            Some("g.us") if !self.groups => Err("a group; see green_api.groups"),
            Some("broadcast" | "newsletter") => Err("a status or a channel"),
            Some(_) | None => Ok(()),
        }
    }

    /// Returns what a colleague's words on the phone mean.
    pub(super) fn of_colleague(&self, id: MessageId, at: Timestamp, text: String) -> Event {
        let word = self.handback.as_deref().map(str::trim).filter(|word| !word.is_empty());
        if word.is_some_and(|word| word.to_lowercase() == text.trim().to_lowercase()) {
            return Event::Ordered { id, order: Order::Bot };
        }
        Event::PersonWrote { id, at, text }
    }
}

/// What a body turned out to be.
#[derive(Debug)]
pub enum Parsed {
    /// Something for the engine.
    Inbound(Box<Inbound>),
    /// News of the instance itself.
    Health(Health),
    /// Nothing that concerns the desk; why.
    Ignored(&'static str),
}

/// Why a body cannot be read. Holds none of its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is not JSON.
    #[error("not JSON")]
    Json,
    /// Something is not there, or not as it must be.
    #[error("without {0}")]
    Lacks(&'static str),
}

/// Reads a body.
///
/// # Errors
/// [`ParseError`] if it is nothing that GREEN-API is known to send.
pub fn parse(body: &[u8], ctx: &ParseContext) -> Result<Parsed, ParseError> {
    let body = webhook(body).map_err(|_| ParseError::Json)?;
    let kind = text(&body, &["typeWebhook"]).ok_or(ParseError::Lacks("typeWebhook"))?;
    if whole(&body, &["instanceData", "idInstance"]).is_some_and(|instance| instance != ctx.instance) {
        return Ok(Parsed::Ignored("another instance than GREEN_ID_INSTANCE"));
    }
    match kind {
        "incomingMessageReceived" => message(&body, ctx, customer),
        "outgoingMessageReceived" => message(&body, ctx, colleague),
        "outgoingAPIMessageReceived" => message(&body, ctx, carried),
        "outgoingMessageStatus" => status(&body, ctx),
        "stateInstanceChanged" => {
            let word = text(&body, &["stateInstance"]).ok_or(ParseError::Lacks("stateInstance"))?;
            Ok(Parsed::Health(Health::State(InstanceState::read(word))))
        }
        "quotaExceeded" => Ok(Parsed::Health(Health::QuotaUsed)),
        "statusInstanceChanged" | "deviceInfo" => Ok(Parsed::Ignored("a kind that GREEN-API has given up")),
        "incomingCall" | "outgoingCall" => Ok(Parsed::Ignored("a call")),
        "incomingBlock" => Ok(Parsed::Ignored("a customer has blocked the number, or let it again")),
        // A new kind may be a customer's message: it is kept where somebody sees it.
        _ => Err(ParseError::Lacks("a typeWebhook that this version knows")),
    }
}

/// What every message has.
struct Envelope<'a> {
    id: &'a str,
    at: Timestamp,
}

impl Envelope<'_> {
    fn message(&self) -> MessageId {
        MessageId::opaque(u64::try_from(self.at.as_secs()).unwrap_or_default(), self.id)
    }
}

type Reading = fn(&Envelope<'_>, Content, &ParseContext) -> Result<Event, &'static str>;

fn message(body: &Value, ctx: &ParseContext, read: Reading) -> Result<Parsed, ParseError> {
    let chat = text(body, &["senderData", "chatId"]).ok_or(ParseError::Lacks("senderData.chatId"))?;
    if let Err(why) = ctx.serves(chat) {
        return Ok(Parsed::Ignored(why));
    }
    let key = key_of(ctx.instance, chat).ok_or(ParseError::Lacks("a usable senderData.chatId"))?;
    let at = whole(body, &["timestamp"]).and_then(|secs| i64::try_from(secs).ok());
    let at = at.map(Timestamp::from_secs).ok_or(ParseError::Lacks("timestamp"))?;
    let id = text(body, &["idMessage"]).ok_or(ParseError::Lacks("idMessage"))?;
    let content = body.get("messageData").and_then(content::of_webhook);
    let content = content.ok_or(ParseError::Lacks("messageData.typeMessage"))?;
    let event = match read(&Envelope { id, at }, content, ctx) {
        Ok(event) => event,
        Err(why) => return Ok(Parsed::Ignored(why)),
    };
    // Beside a message of ours stands our own name, not the customer's.
    let theirs = matches!(event, Event::CustomerWrote(_) | Event::Edited { .. } | Event::Deleted { .. });
    let contact = theirs.then(|| contact(body.get("senderData").unwrap_or(&Value::Null), ctx)).flatten();
    let inbox = ctx.instance.to_string();
    Ok(Parsed::Inbound(Box::new(Inbound { key, inbox, contact, state: None, proof: None, reply: None, event })))
}

fn customer(envelope: &Envelope<'_>, content: Content, _: &ParseContext) -> Result<Event, &'static str> {
    match content {
        Content::Said(said) if said.text.trim().is_empty() && said.attachments == 0 => Err("an empty message"),
        Content::Said(said) => Ok(Event::CustomerWrote(CustomerMessage {
            id: envelope.message(),
            at: envelope.at,
            text: said.text,
            attachments: said.attachments,
            voice: said.voice,
        })),
        Content::Edited { id, text } => Ok(Event::Edited { id: MessageId::named(&id), text }),
        Content::Deleted { id } => Ok(Event::Deleted { id: MessageId::named(&id) }),
        Content::Nothing(why) => Err(why),
    }
}

fn colleague(envelope: &Envelope<'_>, content: Content, ctx: &ParseContext) -> Result<Event, &'static str> {
    match content {
        Content::Said(said) => Ok(ctx.of_colleague(envelope.message(), envelope.at, said.text)),
        Content::Edited { .. } | Content::Deleted { .. } => Err("a colleague has changed a message"),
        // Whoever sends a sticker has the conversation, too; a reaction or a vote is no message.
        Content::Nothing("a sticker") => {
            Ok(Event::PersonWrote { id: envelope.message(), at: envelope.at, text: String::new() })
        }
        Content::Nothing(why) => Err(why),
    }
}

fn carried(envelope: &Envelope<'_>, content: Content, _: &ParseContext) -> Result<Event, &'static str> {
    sent_by_account(envelope.message(), envelope.at, content)
}

/// A journal shows what left through the API under the time of the last thing that happened to it: its place in the order is
/// not known, and must not move a watermark past what a colleague wrote before.
fn carried_before(envelope: &Envelope<'_>, content: Content, _: &ParseContext) -> Result<Event, &'static str> {
    sent_by_account(MessageId::named(envelope.id), envelope.at, content)
}

fn sent_by_account(id: MessageId, at: Timestamp, content: Content) -> Result<Event, &'static str> {
    match content {
        Content::Said(said) => Ok(Event::Carried { id, at, text: said.text }),
        Content::Edited { .. } | Content::Deleted { .. } | Content::Nothing(_) => {
            Err("another program did something through the API that says nothing")
        }
    }
}

fn contact(sender: &Value, ctx: &ParseContext) -> Option<Contact> {
    let id = text(sender, &["sender"]).or_else(|| text(sender, &["chatId"]))?;
    let name = ["senderContactName", "senderName", "chatName"].into_iter().find_map(|key| text(sender, &[key]));
    Some(Contact { key: ContactKey::new(CHANNEL, ctx.instance, id), name: name.map(str::to_owned), email: None })
}

/// How a message has fared that left through the API. What a colleague sent from the phone is theirs.
fn status(body: &Value, ctx: &ParseContext) -> Result<Parsed, ParseError> {
    let chat = text(body, &["chatId"]).ok_or(ParseError::Lacks("chatId"))?;
    if let Err(why) = ctx.serves(chat) {
        return Ok(Parsed::Ignored(why));
    }
    if flag(body, &["sendByApi"]) == Some(false) {
        return Ok(Parsed::Ignored("how a colleague's message has fared"));
    }
    let key = key_of(ctx.instance, chat).ok_or(ParseError::Lacks("a usable chatId"))?;
    let id = text(body, &["idMessage"]).ok_or(ParseError::Lacks("idMessage"))?;
    let reached = match text(body, &["status"]).ok_or(ParseError::Lacks("status"))? {
        "pending" | "sent" | "delivered" | "read" => true,
        // It waits in the vendor's queue until WhatsApp lets the number write again.
        "yellowCard" | "suspended" => return Ok(Parsed::Health(Health::State(InstanceState::Suspended))),
        "failed" | "noAccount" | "notInGroup" => false,
        _ => return Ok(Parsed::Ignored("a status that this version does not know")),
    };
    let event = Event::Fared { id: MessageId::named(id), reached };
    let inbox = ctx.instance.to_string();
    Ok(Parsed::Inbound(Box::new(Inbound { key, inbox, contact: None, state: None, proof: None, reply: None, event })))
}

/// Makes the event of something that a journal shows; `None` where it means nothing to the desk.
pub(super) fn of_journal(shown: &super::client::Shown, ctx: &ParseContext) -> Option<Event> {
    use super::client::By;
    let envelope = Envelope { id: &shown.id, at: shown.at };
    let read: Reading = match shown.by {
        By::Customer => customer,
        By::Colleague => colleague,
        By::Account => carried_before,
    };
    read(&envelope, shown.content.clone(), ctx).ok()
}
