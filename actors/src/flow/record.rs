//! The control record: what must survive everything. Encoded as MessagePack with named fields, so that it can evolve
//! and be read by people's tools; versioned, so that a newer record is refused and not misread.

use crate::domain::{Contact, ConversationState, Lang, Verified};
use crate::flow::Ctx;
use crate::flow::landed::Landed;
use crate::flow::opened::Opened;
use crate::flow::outbox::Outbox;
use crate::flow::pended::{self, Pended};
use crate::flow::phase::{Fate, Owed, Phase};
use crate::flow::seen::{SeenWindow, packed};
use crate::flow::shadow::Drafted;
use crate::flow::unannounced::Opening;
use crate::flow::voice::{Hearing, Unheard};
use crate::ids::{ConversationKey, MessageId, Ticket};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The version this binary writes. Bump it with every change that an older binary would misread.
const VERSION: u16 = 4;

/// Room for the record of a conversation of some length: growing step by step would copy it again and again.
const ROOM: usize = 3072;

/// How deep stored values may nest; ours go to a dozen. A value is read by recursion, also one that is passed over, so
/// that without a bound a damaged one could overflow the stack, which ends the process.
const DEPTH: usize = 64;

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
    /// The newest version of the vendor's state that came with a message, also where it changed nothing: a state that is
    /// heard late, on another node, was before that message.
    #[serde(default)]
    pub(crate) heard: u64,
    /// The newest message of a person: an older order to take the conversation back comes too late.
    #[serde(default)]
    pub(crate) person: MessageId,
    /// Words of people that only looks have shown, under times that may be too late.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) shown: Vec<MessageId>,
    /// A row of ours that makes the conversation pending may have left or land yet, and the vendor has not shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pended: Option<Pended>,
    /// A row of ours that opens the conversation for the people has landed, since they have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) opened: Option<Opened>,
    /// A row of ours that opens the conversation may have left or land yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) opening: Option<Opening>,
    /// The people have it, and it may be that nobody of them knows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unannounced: bool,
    /// The version of the conversation that a colleague's note was of by which the desk has it, if it was the desk's then.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) ordered: u64,
    /// The first state that was heard had a person assigned, and nothing has changed since: they may have been there long
    /// before, or have come a moment ago in a webhook that is late.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) found_assigned: bool,
    /// What the customer asked and nobody has answered, in the vendor's order.
    pub(crate) owed: Vec<Owed>,
    /// What the customer said and nobody has heard yet, in the vendor's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unheard: Vec<Unheard>,
    /// What the customer said last to the people who had the conversation: it is the desk's if it turns out to have been
    /// given back before that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) theirs: Vec<Unheard>,
    /// What the customer wrote to the people who had the conversation, and nobody is known to have answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "packed")]
    pub(crate) left: Vec<MessageId>,
    /// What of the customer's only a look has shown, by what is unique in the ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) untold: Vec<u64>,
    /// The first words of the chat, for the verification page.
    pub(crate) first_words: String,
    pub(crate) outbox: Outbox,
    pub(crate) spent: Vec<(String, Fate)>,
    /// Before this moment the customer was not waiting for the desk: they were proving their address, or people had the
    /// conversation.
    #[serde(default)]
    pub(crate) waits_since: Timestamp,
    /// Where our last texts stand.
    #[serde(default)]
    pub(crate) landed: Landed,
    /// Messages that will never arrive, by what is unique in their ids: the vendor may say so before it has answered the send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) undelivered: Vec<u64>,
    /// How often the desk took the conversation back because nobody came, since a person was last there.
    #[serde(default)]
    pub(crate) returned: u32,
    /// In shadow mode: what the desk would have said last. Not every channel has a place for notes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) drafts: Vec<Drafted>,
    /// How many verification mails in a row the mail server refused for good.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub(crate) refused_mails: u32,
    /// The version of the vendor's state that was known when a person last did something.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) taken: u64,
    /// The newest version in which people are known to have been done with it: resolved, or given back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) done: u64,
    /// The newest note by which a colleague has given it back: a person's words from before it do not take it again.
    #[serde(default, skip_serializing_if = "is_none_so_far")]
    pub(crate) handed: MessageId,
    /// When an operator gave it back to the desk last: a person's words from before that may be heard after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resumed: Option<Timestamp>,
    /// When the store was last found to have forgotten something while people had it, where their idleness counts: what they
    /// wrote until then may be among it, and a vendor at which nothing can be looked at never shows it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) forgot: Option<Timestamp>,
    /// What the customer wrote since a person has it, each with the version of the state that came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) since_taken: Vec<(MessageId, u64)>,
    #[serde(skip)]
    pub(crate) volatile: Volatile,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_none_yet(count: &u32) -> bool {
    *count == 0
}

fn is_none_so_far(id: &MessageId) -> bool {
    *id == MessageId::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) const fn is_zero(version: &u64) -> bool {
    *version == 0
}

/// What a process knows beside the record and may forget.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Volatile {
    /// The ticket drawn last. Begun anew, at random, with every process: a late result must fit nobody's call but its own.
    pub(crate) ticket: Ticket,
    /// When an input was last handled.
    pub(crate) handled: Option<Timestamp>,
    /// Whether the customer is shown that somebody types.
    pub(crate) typing: bool,
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
    /// The recordings that are being listened to here.
    pub(crate) hearing: Vec<Hearing>,
    /// The mail that is to leave, and since when this process has waited for it without a stop.
    pub(crate) mail: Option<(u64, Timestamp)>,
    /// Rows of unknown outcome that this node waits for.
    pub(crate) waiting: Vec<Waiting>,
    /// The last rows other than texts that landed.
    pub(crate) settled: Vec<u64>,
    /// Since when this node knows of a row that made the conversation pending.
    pub(crate) pended: Option<pended::Known>,
    /// Whether people may have given the conversation back since the desk opened it, and a look is awaited that tells.
    pub(crate) back_doubted: bool,
    /// Whether an operator has given it back, and a look is awaited that tells in which version of the vendor's state.
    pub(crate) resumed: bool,
    /// Another node wrote last, and goes on with the turn as long as its lease lasts.
    pub(crate) elsewhere: bool,
    /// Work crossed a process start or a lease: look before speaking.
    pub(crate) gap: bool,
    /// Events may have been missed since the conversation was last heard of: look before speaking.
    pub(crate) suspect: bool,
    /// Until when they may have been.
    pub(crate) missed_until: Timestamp,
    /// Whether that was because the process was not there, in a conversation that began soon after its start.
    pub(crate) started: bool,
    /// The store may have forgotten what was written last: until when the vendor may first show what had left by then.
    pub(crate) forgot_until: Option<Timestamp>,
}

/// A try of a row whose outcome is unknown, as one node waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// The row, with the moment that names the try, as stored. Another node may have found out what became of an earlier
    /// try, and have claimed the row again.
    pub(crate) of: (u64, Timestamp),
    /// How long all nodes had waited for it when this one began to count, as stored.
    pub(crate) before: Duration,
    /// Since when this node counts, by its own clock.
    pub(crate) since: Timestamp,
}

impl Volatile {
    /// Begins, knowing nothing.
    pub(crate) fn begin(ctx: &Ctx<'_>) -> Self {
        // Room above for all tickets a conversation can ever draw.
        Self { ticket: Ticket(ctx.seed[2] >> 24), ..Self::default() }
    }
}

impl Volatile {
    /// Returns for how long a row has been waited for until `seen`, with what the record says of it, and counts anew from
    /// there.
    pub(crate) fn waited(
        &mut self,
        of: (u64, Timestamp),
        before: Duration,
        (seen, now): (Timestamp, Timestamp),
    ) -> Duration {
        self.wait_for(of, before, now);
        let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.of == of) else { return before };
        waiting.before = before + seen.since(waiting.since);
        waiting.since = seen.max(waiting.since);
        waiting.before
    }

    /// Begins to count for a row at this moment, unless that goes on already: what stands in the record may be by another
    /// clock. Where another node has counted meanwhile, it counted the same time as this one, which must not count twice.
    pub(crate) fn wait_for(&mut self, of: (u64, Timestamp), before: Duration, now: Timestamp) {
        if self.waiting.iter().any(|waiting| waiting.of == of && waiting.before == before) {
            return;
        }
        self.waiting.retain(|waiting| waiting.of != of);
        self.waiting.push(Waiting { of, before, since: now });
    }
}

impl Common {
    /// Draws the next ticket.
    pub(crate) fn ticket(&mut self) -> Ticket {
        self.volatile.ticket.0 += 1;
        self.volatile.ticket
    }

    /// Returns since when people are known not to have written, whose last words that are known are from this moment.
    pub(crate) fn idle_since(&self, last_word: Timestamp) -> Timestamp {
        self.forgot.map_or(last_word, |forgot| forgot.max(last_word))
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
    let Version { v } = read(bytes)?;
    if v > VERSION {
        return Err(DecodeError::TooNew { found: v });
    }
    let record: RecordIn = read(bytes)?;
    Ok((record.common, record.phase))
}

/// Reads what was stored. Anything may stand there: it is read or refused, never a panic.
pub(crate) fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, rmp_serde::decode::Error> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
    reader.set_max_depth(DEPTH);
    T::deserialize(&mut reader)
}
