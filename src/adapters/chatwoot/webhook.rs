//! What a webhook means. Pure: one body in, one meaning out. The table that decides every event is in
//! `docs/chatwoot-wire.md`.

mod message;

use super::lenient::{self, Scalar};
use super::wire::{Conversation, Party, Payload};
use super::{AttributeMac, BotId, CHANNEL, Subject, state};
use frontdesk_actors::domain::{Contact, Event, Inbound, Proof, ProofKind};
use frontdesk_actors::ids::{ContactKey, ConversationKey};
use std::fmt;

/// What the reading of a webhook depends on.
#[derive(Debug, Clone)]
pub struct ParseContext {
    /// The account that is served (`CHATWOOT_ACCOUNT_ID`).
    pub account: u64,
    /// The inboxes that are served (`CHATWOOT_INBOX_ID`); empty means all.
    pub inboxes: Vec<u64>,
    /// Our bot, learned from echoes.
    pub bot: BotId,
    /// Checks the mark of a verified customer.
    pub mac: AttributeMac,
    /// Whether the seed systems' attributes count without a mark (`GATE_TRUST_PLAIN_ATTRIBUTES`).
    pub trust_plain_attributes: bool,
}

/// What a webhook means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// Something happened in a conversation. Boxed: it is much larger than the rest.
    Inbound(Box<Inbound>),
    /// The minimal body without account and conversation: it belongs to the session of the web page.
    Minimal(MinimalMessage),
    /// It concerns nobody; why. To be acknowledged.
    Ignored(&'static str),
}

/// A message without account and conversation. Its `id` names nothing and is not read.
#[derive(Clone, PartialEq, Eq)]
pub struct MinimalMessage {
    /// The event's name.
    pub event: String,
    /// What was written.
    pub content: Option<String>,
    /// `incoming` or something else.
    pub message_type: Option<String>,
    /// `text` or something else.
    pub content_type: Option<String>,
}

impl MinimalMessage {
    /// Returns whether it is to be answered: a customer's message. Anything else is answered with "ignored".
    pub fn is_from_customer(&self) -> bool {
        self.event == "message_created" && self.message_type.as_deref() == Some("incoming")
    }
}

impl fmt::Debug for MinimalMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MinimalMessage").field("event", &self.event).finish_non_exhaustive()
    }
}

/// Why a webhook cannot be read. To be answered with 400.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is not JSON.
    #[error("the webhook is not JSON")]
    Json(#[source] serde_json::Error),
    /// It is JSON, but not an object.
    #[error("the webhook is not a JSON object")]
    NotAnObject,
    /// It speaks of something it does not name.
    #[error("the webhook lacks {0}")]
    Lacks(&'static str),
}

/// Reads one webhook body of an account webhook or an agent bot. Never panics, whatever the body.
///
/// # Errors
/// [`ParseError`] if the body is not JSON or does not name what it speaks of.
pub fn parse(body: &[u8], ctx: &ParseContext) -> Result<Parsed, ParseError> {
    let payload: Payload<'_> =
        lenient::read(body).map_err(ParseError::Json)?.into_inner().ok_or(ParseError::NotAnObject)?;
    let minimal = !payload.account.is_there() && !payload.conversation.is_there();
    match payload.event.text().unwrap_or_default() {
        "message_created" | "message_updated" if minimal => Ok(Parsed::Minimal(minimal_message(payload))),
        "message_created" => message(payload, ctx, message::created),
        "message_updated" => message(payload, ctx, message::updated),
        "conversation_created"
        | "conversation_updated"
        | "conversation_status_changed"
        | "conversation_opened"
        | "conversation_resolved" => conversation(payload, ctx),
        "conversation_typing_on" | "conversation_typing_off" => Ok(Parsed::Ignored("typing")),
        "contact_created" | "contact_updated" => Ok(Parsed::Ignored("contact")),
        "inbox_created" | "inbox_updated" => Ok(Parsed::Ignored("inbox")),
        "webwidget_triggered" => Ok(Parsed::Ignored("widget opened")),
        _ => Ok(Parsed::Ignored("unknown event")),
    }
}

fn minimal_message(payload: Payload<'_>) -> MinimalMessage {
    let optional = |value: Scalar<'_>| value.text().map(str::to_owned);
    MinimalMessage {
        event: payload.event.into_text(),
        content: optional(payload.content),
        message_type: optional(payload.message_type),
        content_type: optional(payload.content_type),
    }
}

/// Decides what a message event is.
type Decide = fn(&mut Payload<'_>, &Conversation<'_>, &ParseContext) -> Result<Event, ParseError>;

fn message(mut payload: Payload<'_>, ctx: &ParseContext, decide: Decide) -> Result<Parsed, ParseError> {
    let conversation = std::mem::take(&mut payload.conversation).into_inner();
    let conversation = conversation.ok_or(ParseError::Lacks("conversation"))?;
    let account = payload.account.get().and_then(|account| account.id.id());
    let inbox = payload.inbox.get().and_then(|inbox| inbox.id.id());
    let place = match Place::find(&conversation, account, inbox, ctx)? {
        Ok(place) => place,
        Err(why) => return Ok(Parsed::Ignored(why)),
    };
    let event = decide(&mut payload, &conversation, ctx)?;
    let incoming = payload.message_type.text() == Some("incoming");
    let sender = payload.sender.get().filter(|_| incoming);
    Ok(place.inbound(&conversation, sender, event, ctx))
}

fn conversation(payload: Payload<'_>, ctx: &ParseContext) -> Result<Parsed, ParseError> {
    // Only people stand in this column; bots have one of their own.
    let changes = payload.changed_attributes.items().iter().filter_map(|change| change.assignee_id.get());
    let assigned = changes.filter_map(|step| step.current_value.id()).next().is_some();
    let before = state::before(&payload, &ctx.bot);
    let event = match before {
        _ if assigned => Event::Assigned,
        Some(before) => Event::StatusChanged { before },
        None => Event::StateChanged,
    };
    let conversation = payload.into_conversation();
    Ok(match Place::find(&conversation, None, None, ctx)? {
        Ok(place) => place.inbound(&conversation, None, event, ctx),
        Err(why) => Parsed::Ignored(why),
    })
}

/// Reads a conversation of a list as a webhook about its state; `None` if it is not served.
pub(super) fn listed(conversation: &Conversation<'_>, ctx: &ParseContext) -> Option<Inbound> {
    let place = Place::find(conversation, None, None, ctx).ok()?.ok()?;
    match place.inbound(conversation, None, Event::StateChanged, ctx) {
        Parsed::Inbound(inbound) => Some(*inbound),
        Parsed::Minimal(_) | Parsed::Ignored(_) => None,
    }
}

/// Reads a message of a list as the event its webhooks told; `None` if it means nothing to the desk.
pub(super) fn told(mut message: Payload<'_>, ctx: &ParseContext) -> Option<Event> {
    let unknown = Conversation::default();
    if message::was_changed(&message) {
        let changed = message::updated(&mut message, &unknown, ctx).ok().filter(|event| *event != Event::StateChanged);
        if changed.is_some() {
            return changed;
        }
    }
    message::created(&mut message, &unknown, ctx).ok().filter(|event| *event != Event::StateChanged)
}

/// Where something happened.
struct Place {
    account: u64,
    inbox: u64,
    conversation: u64,
}

impl Place {
    /// Finds the place, or says why it is not served. Before 4.14.2 conversations did not name their account: then it
    /// is ours, since a webhook belongs to one account.
    fn find(
        conversation: &Conversation<'_>,
        account: Option<u64>,
        inbox: Option<u64>,
        ctx: &ParseContext,
    ) -> Result<Result<Self, &'static str>, ParseError> {
        let id = conversation.id.id().ok_or(ParseError::Lacks("the conversation's id"))?;
        let nested = || conversation.account.get().and_then(|account| account.id.id());
        let account = account.or_else(nested).unwrap_or(ctx.account);
        let inbox = conversation.inbox_id.id().or(inbox).unwrap_or_default();
        Ok(if account != ctx.account {
            Err("another account")
        } else if !ctx.inboxes.is_empty() && !ctx.inboxes.contains(&inbox) {
            Err("another inbox")
        } else {
            Ok(Self { account, inbox, conversation: id })
        })
    }

    fn inbound(
        &self,
        conversation: &Conversation<'_>,
        sender: Option<&Party<'_>>,
        event: Event,
        ctx: &ParseContext,
    ) -> Parsed {
        let customer = Customer::find(conversation, sender);
        Parsed::Inbound(Box::new(Inbound {
            key: ConversationKey::new(CHANNEL, self.account, self.conversation),
            inbox: self.inbox.to_string(),
            contact: customer.as_ref().map(|customer| customer.contact(self.account)),
            state: state::read(&conversation.status, &conversation.meta, &conversation.updated_at, &ctx.bot),
            proof: customer.and_then(|customer| self.proof(conversation, &customer, ctx)),
            reply: None,
            event,
        }))
    }

    /// Finds what proves the customer's address, the strongest first.
    fn proof(&self, conversation: &Conversation<'_>, customer: &Customer<'_>, ctx: &ParseContext) -> Option<Proof> {
        let attributes = &conversation.custom_attributes;
        let address = attributes.address.text().unwrap_or_default();
        let subject = Subject { account: self.account, conversation: self.conversation, contact: customer.id, address };
        if attributes.mac.text().is_some_and(|mac| ctx.mac.verify(&subject, mac)) {
            let address = Some(address.to_owned()).filter(|address| !address.is_empty());
            return Some(Proof { address, by: ProofKind::Mac });
        }
        if is_signed_by_company(conversation) {
            return Some(Proof { address: customer.signed_email(), by: ProofKind::VendorIdentity });
        }
        let plain = attributes.email_verified.is_true() && attributes.verified_contacts.contains(&customer.id);
        (plain && ctx.trust_plain_attributes).then_some(Proof { address: None, by: ProofKind::PlainAttributes })
    }
}

/// Returns whether the company's own server signed the customer's identity for the widget.
fn is_signed_by_company(conversation: &Conversation<'_>) -> bool {
    let seat = conversation.contact_inbox.get().is_some_and(|seat| seat.hmac_verified.is_true());
    seat || conversation.meta.get().is_some_and(|meta| meta.hmac_verified.is_true())
}

/// The customer of a conversation.
struct Customer<'a> {
    id: u64,
    party: Option<&'a Party<'a>>,
}

impl<'a> Customer<'a> {
    /// Finds the customer: the conversation's contact, the author of the message, or at least the owner of the seat.
    fn find(conversation: &'a Conversation<'a>, sender: Option<&'a Party<'a>>) -> Option<Self> {
        let party = conversation.meta.get().and_then(|meta| meta.sender.get()).or(sender);
        let named = party.and_then(|party| party.id.id());
        let seat = || conversation.contact_inbox.get().and_then(|seat| seat.contact_id.id());
        named.or_else(seat).map(|id| Self { id, party })
    }

    fn contact(&self, account: u64) -> Contact {
        let said = |field: fn(&'a Party<'a>) -> &'a Scalar<'a>| {
            self.party.and_then(|party| field(party).filled()).map(str::to_owned)
        };
        Contact {
            key: ContactKey::new(CHANNEL, account, self.id),
            name: said(|party| &party.name),
            email: said(|party| &party.email),
        }
    }

    /// Returns the address that the company's signature covers. It is made over the contact's `identifier` alone; the
    /// address beside it can be changed by the visitor's browser, so it counts only where it is the identifier.
    fn signed_email(&self) -> Option<String> {
        let party = self.party?;
        let (email, identifier) = (party.email.filled()?, party.identifier.filled()?);
        email.eq_ignore_ascii_case(identifier).then(|| email.to_owned())
    }
}
