//! How colleagues are told. See `ports.rs`.

use super::Verdict;
use crate::language::Reason;
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where colleagues are told (Teams).
#[async_trait]
pub trait AlertSink: Send + Sync + fmt::Debug {
    /// Posts one card.
    async fn post(&self, card: &Card) -> Verdict;
}

/// A card for colleagues. Text is plain; the sink escapes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Card {
    /// A customer waits for a person.
    Handoff {
        /// Why.
        reason: Reason,
        /// Name and address of the customer, as far as known.
        customer: String,
        /// What the customer said last.
        message: String,
        /// When.
        at: Timestamp,
        /// Where to open the conversation.
        link: Option<String>,
    },
    /// The desk has fetched a person, and nobody has come yet.
    Waiting {
        /// Why a person was fetched.
        reason: Reason,
        /// Name and address of the customer, as far as known.
        customer: String,
        /// What the customer said last.
        message: String,
        /// Since when they wait.
        since: Timestamp,
        /// When this was told.
        at: Timestamp,
        /// Where to open the conversation.
        link: Option<String>,
    },
    /// Something about the desk itself needs an operator.
    Incident {
        /// What is wrong and what to do, in one or two sentences.
        text: String,
        /// How many more times it happened since the last card.
        repeats: u64,
        /// When.
        at: Timestamp,
    },
    /// An incident is over.
    Resolved {
        /// What was wrong.
        text: String,
        /// When it ended.
        at: Timestamp,
    },
}
