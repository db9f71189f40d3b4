//! The journal: what a conversation heard, what that led to, what was done, and how it ended.
//!
//! An entry is made of names, numbers and moments only. It holds no customer's words, no address and no secret, so that it
//! can be shown to whoever is on duty. It is stored as JSON beside the record, capped by the store.

#![deny(clippy::disallowed_methods)]

use crate::domain::{Assignee, ConversationState, Order, Status};
use crate::ids::{MessageId, OutboundId, Ticket};
use crate::time::Timestamp;
use crate::view::PhaseName;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Room for an encoded entry: growing step by step would copy it.
const ROOM: usize = 384;

/// A name out of a closed set: of a reason, a verdict, an error.
pub type Label = Cow<'static, str>;

/// One step of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When it was handled.
    pub at: Timestamp,
    /// What was heard.
    pub heard: Heard,
    /// The vendor's state that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SeenState>,
    /// The phase before.
    pub from: PhaseName,
    /// The phase after.
    pub to: PhaseName,
    /// Who had the conversation after it, if a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonHasIt>,
    /// What was established.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// What was done about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub did: Vec<Did>,
    /// Why nothing was done, or what was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Label>,
    /// How many customer messages were owed an answer after it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub owed: u32,
    /// How often the same was heard in a row, beyond the first time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub again: u32,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// The customer wrote.
    CustomerWrote {
        /// The vendor's number of the message.
        message: u64,
        /// Whether there were words, not only attachments.
        words: bool,
    },
    /// A person of the company wrote to the customer.
    PersonWrote {
        /// The vendor's number of the message.
        message: u64,
    },
    /// Somebody else wrote: a greeting, an automation, another bot.
    OtherWrote {
        /// The vendor's number of the message.
        message: u64,
    },
    /// A message of ours came back.
    Echo {
        /// The row.
        row: RowName,
        /// The vendor's number of the message.
        message: u64,
    },
    /// A message left through the desk's account, by us or by another program.
    Carried {
        /// The vendor's number of the message.
        message: u64,
    },
    /// The vendor told how such a message has fared.
    Fared {
        /// The vendor's number of the message.
        message: u64,
        /// Whether it is on its way or there.
        reached: bool,
    },
    /// A colleague gave an order in a private note.
    NoteOrdered {
        /// The order.
        order: Label,
    },
    /// The customer's message was changed, in its words or otherwise.
    Edited {
        /// The vendor's number of the message.
        message: u64,
    },
    /// A customer's message was deleted.
    Deleted {
        /// The vendor's number of the message.
        message: u64,
    },
    /// Only the vendor's state changed.
    StateChanged,
    /// What nobody had heard was read back from the vendor.
    Missed {
        /// How many events that were, known ones among them.
        events: u32,
        /// Whether they were all there are.
        complete: bool,
    },
    /// Events may have been missed: the vendor is to be looked at.
    LookAround,
    /// The contact was verified in another conversation.
    ContactKnown,
    /// The button behind the link was pressed.
    LinkConfirmed,
    /// "This was not me" was pressed.
    LinkDisowned,
    /// An operator gave an order.
    Ordered {
        /// The order.
        order: Label,
    },
    /// An operator decided about a row of unknown outcome.
    Decided {
        /// The row.
        row: RowName,
        /// `resend` or `drop`.
        decision: Label,
    },
    /// It failed again and again on work of its own.
    Poisoned,
    /// The global human switch was turned off.
    HumanModeOff,
    /// A model call ended.
    ModelReplied {
        /// Which call.
        ticket: u64,
        /// `text`, `request_human`, or the kind of error.
        outcome: Label,
    },
    /// A recording was listened to.
    Transcribed {
        /// Which call.
        ticket: u64,
        /// `words`, `silence`, or the kind of error.
        outcome: Label,
    },
    /// The gate let a row through.
    Cleared {
        /// The row.
        row: RowName,
    },
    /// A send ended.
    Sent {
        /// The row.
        row: RowName,
        /// Which try.
        attempt: u32,
        /// The verdict, or why nothing was sent.
        outcome: Label,
    },
    /// A look at the vendor ended.
    Looked {
        /// Which look.
        ticket: u64,
        /// `complete`, `partial`, or the kind of error.
        outcome: Label,
        /// How many messages it showed.
        messages: u32,
    },
    /// A deadline was reached.
    DeadlineReached,
    /// Unfinished work was taken from the wake index.
    Recovered {
        /// How often without progress.
        takes: u32,
    },
    /// The stored entry cannot be read: another version wrote it.
    Unreadable,
}

/// A row by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowName {
    /// The id that travels with it.
    pub id: OutboundId,
    /// What it is: `text`, `note`, `open`…; `gone` if it had left the outbox.
    pub kind: Label,
}

/// The vendor's state of the conversation, without anybody's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenState {
    /// The status.
    pub status: Status,
    /// Who is assigned: `nobody`, `us`, `person`, `other_bot`.
    pub assignee: Label,
}

/// That a person has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonHasIt {
    /// Since when.
    pub since: Timestamp,
    /// Why, by the reason's name.
    pub reason: Label,
    /// Whether a person has written, was assigned, or took it.
    pub touched: bool,
}

/// What a step established.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A step at the gate, by name.
    Gate(Label),
    /// A person was fetched, for this reason.
    HandedOff(Label),
    /// A person took it, for this reason.
    TakenOver(Label),
    /// The desk has it again.
    HandedBack,
    /// Nobody came although a person had been fetched.
    NotPickedUp,
    /// In shadow mode, a note shows what the desk would have done: `answer` or `person`.
    Drafted(Label),
    /// A turn ended with an answer.
    Answered,
    /// A turn started over because the customer wrote more.
    TurnRestarted,
    /// A model call of a turn failed.
    TurnFailed,
    /// A row was dropped unsent, for this reason.
    Dropped(Label),
    /// A row of unknown outcome is sent again.
    Resent,
    /// It had been taken before.
    Duplicate,
    /// A result for an abandoned attempt: `model`, `send` or `look`.
    Late(Label),
    /// The outcome of a send that an echo, a look or another try had told before.
    SettledBefore,
    /// The vendor's state was older than what was known.
    OlderState,
    /// The first part of an answer landed this many milliseconds after the question.
    AnswerLanded(u64),
    /// A text landed although a person had taken over meanwhile.
    SentAfterPerson,
    /// One row stands at the vendor under two message ids.
    SentTwice,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Did {
    /// The running model call was ended.
    AbortedModel,
    /// The model was asked.
    AskedModel(Ticket),
    /// A recording is listened to.
    Listened(Ticket),
    /// A row was given to the wire.
    Sent(RowName),
    /// A row waits for its turn at the gate.
    Queued(RowName),
    /// A row was dropped unsent.
    Dropped(RowName),
    /// The vendor is looked at.
    Looked(Ticket),
    /// Operators were told about an incident, by name.
    Alerted(Label),
}

impl SeenState {
    /// Returns the state without anybody's name.
    pub fn of(state: &ConversationState) -> Self {
        let assignee = match &state.assignee {
            Assignee::Nobody => "nobody",
            Assignee::Us => "us",
            Assignee::Person(_) => "person",
            Assignee::OtherBot(_) => "other_bot",
        };
        Self { status: state.status, assignee: assignee.into() }
    }
}

impl JournalEntry {
    /// Encodes it for the store.
    pub fn encode(&self) -> Vec<u8> {
        let mut encoded = Vec::with_capacity(ROOM);
        serde_json::to_writer(&mut encoded, self).expect("a journal entry has only encodable fields");
        encoded
    }

    /// Reads a stored entry. One that cannot be read becomes [`Heard::Unreadable`]: a gap in an explanation is said, not
    /// hidden.
    pub fn decode(stored: &[u8]) -> Self {
        /// What every version had.
        #[derive(Deserialize)]
        struct Dated {
            at: Timestamp,
        }
        let dated = || serde_json::from_slice::<Dated>(stored).map_or(Timestamp::default(), |dated| dated.at);
        serde_json::from_slice(stored).unwrap_or_else(|_| Self {
            at: dated(),
            heard: Heard::Unreadable,
            state: None,
            from: PhaseName::AwaitingEmail,
            to: PhaseName::AwaitingEmail,
            person: None,
            facts: Vec::new(),
            did: Vec::new(),
            why: None,
            owed: 0,
            again: 0,
        })
    }

    /// Returns whether it tells somebody something although nothing was written: what people and customers did, results that
    /// came too late, and whatever was done about it, as asking the model. Idle ticks and echoes do not.
    pub fn is_telling(&self) -> bool {
        let did_something = self.did.iter().any(|did| !matches!(did, Did::Queued(_)));
        did_something || self.is_heard_of()
    }

    fn is_heard_of(&self) -> bool {
        match &self.heard {
            Heard::CustomerWrote { .. }
            | Heard::PersonWrote { .. }
            | Heard::OtherWrote { .. }
            | Heard::NoteOrdered { .. }
            | Heard::Edited { .. }
            | Heard::Deleted { .. }
            | Heard::LinkConfirmed
            | Heard::LinkDisowned
            | Heard::Ordered { .. }
            | Heard::Decided { .. }
            | Heard::Poisoned
            | Heard::HumanModeOff
            | Heard::ModelReplied { .. }
            | Heard::Transcribed { .. }
            | Heard::Sent { .. }
            | Heard::Looked { .. }
            | Heard::Missed { .. }
            | Heard::Unreadable => true,
            Heard::StateChanged => self.facts.contains(&Fact::OlderState),
            Heard::Fared { reached, .. } => !reached,
            Heard::Echo { .. }
            | Heard::Carried { .. }
            | Heard::ContactKnown
            | Heard::Cleared { .. }
            | Heard::LookAround
            | Heard::DeadlineReached
            | Heard::Recovered { .. } => false,
        }
    }

    /// Returns whether `other` tells the same again: the same kind of input, with the same end. What somebody decided or ordered
    /// is repeated only by the very same.
    pub fn is_repeated_by(&self, other: &JournalEntry) -> bool {
        let decides = matches!(self.heard, Heard::Decided { .. } | Heard::Ordered { .. } | Heard::NoteOrdered { .. });
        std::mem::discriminant(&self.heard) == std::mem::discriminant(&other.heard)
            && (!decides || self.heard == other.heard)
            && self.why == other.why
            && (self.from, self.to) == (other.from, other.to)
            && self.facts == other.facts
            && self.did.is_empty()
            && other.did.is_empty()
    }
}

/// Returns the name of an order.
pub const fn order(order: Order) -> &'static str {
    match order {
        Order::Bot => "bot",
        Order::Human => "human",
        Order::Forget => "forget",
    }
}

/// Returns the number a vendor gave a message.
pub(crate) const fn number(id: MessageId) -> u64 {
    id.order
}

// By reference: the signature is serde's.
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests;
