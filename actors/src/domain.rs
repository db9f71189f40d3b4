//! Channel-neutral values: what came in, who wrote it, what the vendor says about the conversation.
//!
//! Adapters translate a vendor's payload into these at the edge; nothing here knows a vendor.

#![deny(clippy::disallowed_methods)]

use crate::ids::{ContactKey, ConversationKey, MessageId, OutboundId, ReplyHandle};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

mod voice;

pub use voice::{Voice, VoiceSource};

/// The languages the desk speaks itself. (The model answers in whatever language the customer writes.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English
    #[default]
    En,
    /// Russian
    Ru,
    /// Kazakh
    Kk,
    /// Mongolian
    Mn,
}

impl Lang {
    /// Every language, in the order of the documentation.
    pub const ALL: [Lang; 4] = [Lang::En, Lang::Ru, Lang::Kk, Lang::Mn];

    /// Returns the ISO 639-1 code.
    pub const fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Ru => "ru",
            Lang::Kk => "kk",
            Lang::Mn => "mn",
        }
    }

    /// Reads an ISO 639-1 code, with or without a region (`en-GB`).
    pub fn parse(code: &str) -> Option<Self> {
        let base = code.split(['-', '_']).next()?.to_ascii_lowercase();
        Self::ALL.into_iter().find(|lang| lang.code() == base)
    }

    /// Returns whether the language is written in Cyrillic letters.
    pub const fn is_cyrillic(self) -> bool {
        match self {
            Lang::En => false,
            Lang::Ru | Lang::Kk | Lang::Mn => true,
        }
    }
}

/// A person who writes to the company, as the channel knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Who it is.
    pub key: ContactKey,
    /// The name the channel shows.
    pub name: Option<String>,
    /// The address the channel has on file. It proves nothing.
    pub email: Option<String>,
}

/// What an inbound webhook means, in the engine's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// The conversation it belongs to.
    pub key: ConversationKey,
    /// The inbox (or instance) of the channel, for settings and limits per inbox.
    pub inbox: String,
    /// The customer, where the payload names them.
    pub contact: Option<Contact>,
    /// Status and assignee, where the payload carries them.
    pub state: Option<ConversationState>,
    /// A proof of identity that came with the payload and was checked at the edge.
    pub proof: Option<Proof>,
    /// Where the sender waits for exactly one answer, in channels that can be answered nowhere else. Each is answered once,
    /// with words or without; a second event with the same one is a repetition of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<ReplyHandle>,
    /// What happened.
    pub event: Event,
}

/// What happened in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The customer wrote.
    CustomerWrote(CustomerMessage),
    /// A person of the company wrote to the customer: they have it now.
    PersonWrote {
        /// The vendor's id of the message.
        id: MessageId,
        /// When it was written.
        at: Timestamp,
        /// What was written; empty for attachments only.
        text: String,
    },
    /// Somebody else wrote publicly: a greeting, an automation, a campaign, another bot. Never a takeover, never a turn.
    OtherWrote {
        /// The vendor's id of the message.
        id: MessageId,
    },
    /// A message of ours came back: this settles its row.
    Echo {
        /// Our id, as the vendor carried it.
        row: OutboundId,
        /// The vendor's id of the message.
        id: MessageId,
    },
    /// A message left through the desk's own account at a vendor that cannot carry our ids. It is ours if a row says so;
    /// else another program uses the same account: never a takeover, never a turn.
    Carried {
        /// The vendor's id of the message.
        id: MessageId,
        /// When it left, or when something last happened to it.
        at: Timestamp,
        /// What it says.
        text: String,
    },
    /// The vendor tells how a message that left through the desk's account has fared.
    Fared {
        /// The vendor's id of the message.
        id: MessageId,
        /// Whether it is on its way or there; otherwise it will never arrive.
        reached: bool,
    },
    /// A colleague gave the desk an order in a private note.
    Ordered {
        /// The vendor's id of the note.
        id: MessageId,
        /// The order.
        order: Order,
    },
    /// The customer changed what they wrote: what is owed and remembered says so, too.
    Edited {
        /// The vendor's id of the message.
        id: MessageId,
        /// What it says, whether that is new or not: the vendor tells other changes of a message in the same way.
        text: String,
    },
    /// The customer's message was deleted: it must not be answered or remembered.
    Deleted {
        /// The vendor's id of the deleted message.
        id: MessageId,
    },
    /// A person became the assignee, by the change that [`Inbound::state`] is of. Only this tells it of a conversation whose
    /// earlier state was never heard.
    Assigned,
    /// Only [`Inbound::state`] (or nothing that concerns the desk) changed.
    StateChanged,
    /// The status changed, and the vendor tells how the conversation had been until then: [`Inbound::state`] alone cannot tell
    /// of what came in between and went unheard.
    StatusChanged {
        /// The state before that change.
        before: ConversationState,
    },
    /// What happened while nobody heard of it, read back from the vendor.
    Missed {
        /// The events, oldest first, none of them of this kind. [`Inbound::state`] is newer than all of them.
        events: Vec<Event>,
        /// Whether they are everything since the newest event that was known.
        complete: bool,
    },
}

impl Event {
    /// Returns the id of the customer's message it tells of.
    pub fn customers_message(&self) -> Option<MessageId> {
        match self {
            Event::CustomerWrote(message) => Some(message.id),
            Event::PersonWrote { .. }
            | Event::OtherWrote { .. }
            | Event::Echo { .. }
            | Event::Ordered { .. }
            | Event::Edited { .. }
            | Event::Deleted { .. }
            | Event::Assigned
            | Event::StateChanged
            | Event::StatusChanged { .. }
            | Event::Carried { .. }
            | Event::Fared { .. }
            | Event::Missed { .. } => None,
        }
    }

    /// Returns whether it tells that the customer wrote.
    pub fn is_from_customer(&self) -> bool {
        self.customers_words().is_some()
    }

    /// Returns what the customer wrote last, if it tells of that.
    pub fn customers_words(&self) -> Option<&str> {
        match self {
            Event::CustomerWrote(message) => Some(&message.text),
            Event::Missed { events, .. } => events.iter().rev().find_map(Event::customers_words),
            Event::PersonWrote { .. }
            | Event::OtherWrote { .. }
            | Event::Echo { .. }
            | Event::Carried { .. }
            | Event::Fared { .. }
            | Event::Ordered { .. }
            | Event::Edited { .. }
            | Event::Deleted { .. }
            | Event::Assigned
            | Event::StateChanged
            | Event::StatusChanged { .. } => None,
        }
    }
}

/// A customer's message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerMessage {
    /// The vendor's id. Messages are deduplicated by it.
    pub id: MessageId,
    /// When the vendor says it was written.
    pub at: Timestamp,
    /// What was written; empty if there are only attachments.
    pub text: String,
    /// How many attachments came with it, a recording included.
    pub attachments: u32,
    /// The recording that came with it, if one did: what it says is heard before the message is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<Voice>,
}

/// An order a colleague gives in a private note, or an operator through the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// `/bot`: the desk takes the conversation back.
    Bot,
    /// `/human`: a person has it, the desk is silent.
    Human,
    /// `/forget`: erase everything remembered about this conversation.
    Forget,
}

/// The vendor's view of a conversation. It counts only if it is newer than what we last saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationState {
    /// The vendor's status.
    pub status: Status,
    /// Who is assigned.
    pub assignee: Assignee,
    /// The vendor's version of the conversation: larger is newer (Chatwoot: `updated_at` in microseconds).
    pub version: u64,
}

/// The vendor's status of a conversation, in Chatwoot's words because they are the field's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The bot's.
    Pending,
    /// The people's.
    Open,
    /// Done.
    Resolved,
    /// Put off by a person.
    Snoozed,
}

/// Who is assigned to a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Assignee {
    /// Nobody.
    Nobody,
    /// This desk's bot.
    Us,
    /// A person, by the vendor's id.
    Person(String),
    /// Another bot, by the vendor's id.
    OtherBot(String),
}

/// A proof that the customer owns an address, brought by the channel and checked at the edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The proven address, where the proof names one.
    pub address: Option<String>,
    /// What proves it.
    pub by: ProofKind,
}

/// How a customer proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// They pressed the button behind the link in our mail.
    Link,
    /// They typed the code from our mail into the chat.
    Code,
    /// Our own MAC stands in the conversation's attributes.
    Mac,
    /// The company's own server signed their identity (Chatwoot: HMAC identity validation).
    VendorIdentity,
    /// Plain attributes that the operator chose to trust.
    PlainAttributes,
}

/// A customer whose address is proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The proven address, if known.
    pub address: Option<String>,
    /// When it was proven.
    pub at: Timestamp,
    /// What proves it.
    pub by: ProofKind,
}

/// Who said something that is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The customer.
    Customer,
    /// The desk: the model's answers and the desk's own words.
    Desk,
    /// A person of the company.
    Person,
}

/// One remembered message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The vendor's id, where known; the desk's own words have none until their echo.
    pub id: Option<MessageId>,
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// Whether the customer said it, and these are the words it was understood as.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voice: bool,
}
