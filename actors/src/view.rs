//! What the engine answers: acknowledgements, views and errors.

#![deny(clippy::disallowed_methods)]

mod operating;
mod people;

pub use operating::{Decided, Decision, OutboxRow, Requeued, SetAside};
pub use people::{Found, Phone, Summarised, Whose};

use crate::domain::{Assignee, Contact, Lang, Remembered, Status, Verified};
use crate::ids::{ConversationKey, OutboundId};
use crate::language::Reason;
use crate::ports::PortError;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The acknowledgement of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// What became of it.
    pub intake: Intake,
    /// The phase after it.
    pub phase: PhaseName,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// It changed the conversation, durably.
    Accepted,
    /// It was taken before.
    Duplicate,
    /// It concerns nobody; why.
    Ignored(&'static str),
    /// It made the conversation fail twice; it is kept for an operator, and a person was fetched.
    Parked,
}

/// The phases by name, for labels and views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseName {
    /// Asked for an address.
    AwaitingEmail,
    /// A mail is out.
    PendingVerification,
    /// The desk answers.
    Bot,
    /// A person has it.
    Human,
}

impl PhaseName {
    /// Returns the label.
    pub const fn as_str(self) -> &'static str {
        match self {
            PhaseName::AwaitingEmail => "awaiting_email",
            PhaseName::PendingVerification => "pending_verification",
            PhaseName::Bot => "bot",
            PhaseName::Human => "human",
        }
    }
}

/// Why an event was not taken.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeliverError {
    /// Too much is waiting: ask the vendor to slow down (429).
    #[error("the desk is busy")]
    Busy,
    /// The store cannot be reached: hold, then ask the vendor to repeat (500).
    #[error("the store is unavailable")]
    Unavailable(#[source] PortError),
    /// The daemon is stopping.
    #[error("the desk is closing")]
    Closing,
    /// There is no such conversation.
    #[error("no such conversation")]
    Unknown,
    /// The conversation's record cannot be read; an operator must requeue it.
    #[error("the conversation is quarantined")]
    Quarantined,
}

/// What a verification link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChallengeView {
    /// It can be confirmed.
    Open {
        /// The address to be proven.
        address: String,
        /// When the mail was asked for.
        issued: Timestamp,
        /// The first words of the chat, for "is this you?".
        first_words: String,
        /// The customer's language.
        lang: Lang,
    },
    /// This very request verified the address.
    Done {
        /// The customer's language.
        lang: Lang,
    },
    /// It was used before.
    Used {
        /// The customer's language.
        lang: Lang,
    },
    /// It has expired, was replaced by a newer one, or was ended after wrong codes.
    Expired {
        /// The customer's language.
        lang: Lang,
    },
    /// It was ended by "this was not me".
    Disowned {
        /// The customer's language.
        lang: Lang,
    },
    /// This conversation never made such a challenge.
    Foreign,
}

/// A conversation as operators and tests see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The conversation.
    pub key: ConversationKey,
    /// The phase.
    pub phase: PhaseName,
    /// In the human phase: why.
    pub reason: Option<Reason>,
    /// The customer's language.
    pub lang: Lang,
    /// The customer, as far as known.
    pub contact: Option<Contact>,
    /// The verification, if there is one.
    pub verified: Option<Verified>,
    /// The vendor's status, as last seen.
    pub status: Option<Status>,
    /// The vendor's assignee, as last seen.
    pub assignee: Option<Assignee>,
    /// How many customer messages are owed an answer.
    pub owed: usize,
    /// Whether a model call is running.
    pub thinking: bool,
    /// How many model calls failed in a row.
    pub failures: u32,
    /// What has not left the house yet, or is not known to have.
    pub outbox: Vec<RowView>,
    /// What is remembered, oldest first.
    pub memory: Vec<Remembered>,
    /// In shadow mode: what the desk would have said last, oldest first.
    #[serde(default)]
    pub drafts: Vec<DraftView>,
    /// The next deadline and its reason.
    pub next: Option<(Timestamp, String)>,
    /// How many commits made it.
    pub version: u64,
}

/// What the desk would have said in shadow mode, as operators see it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftView {
    /// When.
    pub at: Timestamp,
    /// The words.
    pub text: String,
    /// Why it would have fetched a person, by name, where it would have.
    #[serde(default)]
    pub because: Option<String>,
}

impl fmt::Debug for DraftView {
    /// Shows no words of the conversation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DraftView").field("at", &self.at).field("because", &self.because).finish_non_exhaustive()
    }
}

/// An outbox row as operators see it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowView {
    /// The id that travels with it.
    pub id: OutboundId,
    /// What it is: `text`, `note`, `open`, `mail`, `card`…
    pub kind: String,
    /// Where it stands: `queued`, `waiting`, `sending`, `unknown`, `held`.
    pub state: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was made.
    pub created: Timestamp,
    /// What went wrong last, for the operator.
    pub trouble: Option<String>,
    /// What it says to the customer, if it is a text.
    #[serde(default)]
    pub text: Option<String>,
}

impl fmt::Debug for RowView {
    /// Shows no words of the conversation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, kind, state, tries, .. } = self;
        let mut shown = f.debug_struct("RowView");
        shown.field("id", id).field("kind", kind).field("state", state).field("tries", tries).finish_non_exhaustive()
    }
}

/// What operators ask first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendStatus {
    /// Whether nothing leaves the house until somebody resumes.
    pub paused: bool,
    /// Since when, in UTC milliseconds.
    pub paused_since: Option<Timestamp>,
    /// Whether the global human switch is on.
    pub human_mode: bool,
    /// What has not left the house.
    pub waiting: Waiting,
}

/// What waits to leave the house.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Sends: texts, mails, cards, changes of status.
    pub rows: usize,
    /// Customer messages the desk owes an answer.
    pub questions: usize,
    /// In how many conversations.
    pub conversations: usize,
}

/// A conversation in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The conversation.
    pub key: ConversationKey,
    /// The phase.
    pub phase: PhaseName,
    /// In the human phase: why, by name.
    pub reason: Option<String>,
    /// The customer's name, if known.
    pub name: Option<String>,
    /// Whether the customer is verified.
    pub verified: bool,
    /// How many customer messages are owed an answer.
    pub owed: usize,
    /// How many of its rows are held: their outcome is unknown, an operator decides.
    #[serde(default)]
    pub held: usize,
    /// How many rows have not left the house yet, or are not known to have; the held ones among them.
    #[serde(default)]
    pub unsettled: usize,
    /// When it last changed.
    pub changed: Timestamp,
}
