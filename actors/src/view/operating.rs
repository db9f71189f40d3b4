//! What operators see of what is stuck, and what they decide about it: held rows, events that were parked, conversations
//! that were set aside.

use super::RowView;
use crate::ids::ConversationKey;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What an operator decides about a held row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It is sent again, under the same id.
    Resend,
    /// It is dropped: it has landed after all, or is not wanted any more.
    Drop,
}

impl Decision {
    /// Returns the name.
    pub const fn name(self) -> &'static str {
        match self {
            Decision::Resend => "resend",
            Decision::Drop => "drop",
        }
    }
}

/// What became of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// It is durable.
    Done,
    /// The conversation has no such row: it was settled or dropped.
    NoSuchRow,
    /// The row is not held but in this state: the desk is dealing with it.
    NotHeld(&'static str),
    /// The row would not be let through; why. It stays held.
    Unwanted(&'static str),
}

/// A row that is not known to have left the house, of some conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// The conversation.
    pub key: ConversationKey,
    /// The customer's name, if known.
    pub name: Option<String>,
    /// The row.
    #[serde(flatten)]
    pub row: RowView,
}

/// A conversation that was set aside, or events of which were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// The conversation.
    pub key: ConversationKey,
    /// Why nobody serves it; `None` if it is served and only events of it are parked.
    pub quarantined: Option<String>,
    /// How many of its events are parked.
    pub events: usize,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Whether the conversation was given to the people since.
    pub rescued: bool,
}

/// What became of an order to take a conversation back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requeued {
    /// How many parked events were taken.
    pub taken: usize,
    /// How many are parked still, because the conversation fails on them or could not be reached.
    pub left: usize,
    /// Whether the conversation is set aside still: its record cannot be read, or it keeps failing.
    pub quarantined: bool,
}
