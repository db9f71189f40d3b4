//! The control record: what must survive everything. Encoded as MessagePack with named fields, so that it can evolve
//! and be read by people's tools; versioned, so that a newer record is refused and not misread.

use crate::domain::{Contact, ConversationState, Lang, Verified};
use crate::flow::outbox::Outbox;
use crate::flow::phase::{Fate, Owed, Phase};
use crate::flow::seen::SeenWindow;
use crate::ids::{ConversationKey, MessageId, Ticket};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The version this binary writes. Bump it with every change that an older binary would misread.
const VERSION: u16 = 2;

/// Room for the record of a conversation of some length: growing step by step would copy it again and again.
const ROOM: usize = 3072;

/// How many ended challenges are remembered, so that their links lead to the right page.
const SPENT: usize = 8;

/// Everything about a conversation that must not be lost, but its phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Common {
    pub(crate) key: ConversationKey,
    /// Tells this conversation from an erased one of the same key.
    pub(crate) epoch: u32,
    pub(crate) inbox: String,
    pub(crate) contact: Option<Contact>,
    pub(crate) born: Timestamp,
    pub(crate) lang: Option<Lang>,
    pub(crate) verified: Option<Verified>,
    /// The vendor's state, as last acted upon.
    pub(crate) state: Option<ConversationState>,
    pub(crate) seen: SeenWindow,
    /// The newest vendor id below which everything is known: a look asks for what lies above it. It stands still while
    /// events may have been missed.
    pub(crate) watermark: MessageId,
    /// What the customer asked and nobody has answered, in the vendor's order.
    pub(crate) owed: Vec<Owed>,
    /// The first words of the chat, for the verification page.
    pub(crate) first_words: String,
    pub(crate) outbox: Outbox,
    pub(crate) next_ticket: Ticket,
    pub(crate) spent: Vec<(String, Fate)>,
    #[serde(skip)]
    pub(crate) volatile: Volatile,
}

/// What a process knows beside the record and may forget.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Volatile {
    /// When an input was last handled.
    pub(crate) handled: Option<Timestamp>,
    /// Rows waiting for a permit.
    pub(crate) acquiring: Vec<u64>,
    /// The look that is running, and since when.
    pub(crate) looking: Option<(Ticket, Timestamp)>,
    /// When a failed look is repeated.
    pub(crate) look_again: Option<Timestamp>,
    /// How many looks failed in a row.
    pub(crate) failed_looks: u32,
    /// When the vendor's state was last seen.
    pub(crate) fresh: Option<Timestamp>,
    /// The newest version of the vendor's state, also where it changed nothing.
    pub(crate) version: u64,
    /// The newest vendor id seen, also of messages that change nothing.
    pub(crate) watermark: MessageId,
    /// Work crossed a process start or a lease: look before speaking.
    pub(crate) gap: bool,
    /// Events may have been missed since the conversation was last heard of: look before speaking.
    pub(crate) suspect: bool,
}

impl Common {
    /// Draws the next ticket.
    pub(crate) fn ticket(&mut self) -> Ticket {
        self.next_ticket.0 += 1;
        self.next_ticket
    }

    /// Remembers what became of a challenge.
    pub(crate) fn spend(&mut self, challenge: String, fate: Fate) {
        self.spent.push((challenge, fate));
        let surplus = self.spent.len().saturating_sub(SPENT);
        self.spent.drain(..surplus);
    }
}

#[derive(Serialize)]
struct RecordOut<'a> {
    v: u16,
    common: &'a Common,
    phase: &'a Phase,
}

#[derive(Deserialize)]
struct RecordIn {
    common: Common,
    phase: Phase,
}

#[derive(Deserialize)]
struct Version {
    v: u16,
}

/// Why a stored record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is not a record, or a damaged one.
    #[error("the record is damaged")]
    Damaged(#[from] rmp_serde::decode::Error),
    /// A newer daemon wrote it.
    #[error("the record has version {found}; this binary reads up to {VERSION}: run the newer frontdesk")]
    TooNew {
        /// Its version.
        found: u16,
    },
}

pub(crate) fn encode(common: &Common, phase: &Phase) -> Vec<u8> {
    let mut record = Vec::with_capacity(ROOM);
    rmp_serde::encode::write_named(&mut record, &RecordOut { v: VERSION, common, phase })
        .expect("a record has only encodable fields");
    record
}

pub(crate) fn decode(bytes: &[u8]) -> Result<(Common, Phase), DecodeError> {
    let Version { v } = rmp_serde::from_slice(bytes)?;
    if v > VERSION {
        return Err(DecodeError::TooNew { found: v });
    }
    let record: RecordIn = rmp_serde::from_slice(bytes)?;
    Ok((record.common, record.phase))
}
