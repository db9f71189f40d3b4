//! Rows: everything that leaves the house, stored under a stable id before it is tried.
//!
//! Per lane a conversation has at most one row on the wire, and rows leave in order. A row of unknown outcome blocks the
//! later ones of its lane until a look settles it; a held one does not.

use crate::domain::Verified;
use crate::ids::{MessageId, Node, OutboundId};
use crate::ports::{Act, Card, VerificationMail};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Which account a row goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The conversation's own channel.
    Channel,
    /// The mail server.
    Mail,
    /// The colleagues' cards.
    Cards,
    /// The desk's own store.
    Store,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Lane; 4] = [Lane::Channel, Lane::Mail, Lane::Cards, Lane::Store];

    /// Returns the label.
    pub const fn name(self) -> &'static str {
        match self {
            Lane::Channel => "channel",
            Lane::Mail => "mail",
            Lane::Cards => "cards",
            Lane::Store => "store",
        }
    }
}

/// What a row does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// An act in the channel.
    Act(Act),
    /// A verification mail.
    Mail(Box<VerificationMail>),
    /// A card for colleagues.
    Card(Box<Card>),
    /// Remembers that the contact is verified, for their other conversations.
    Remember(Verified),
    /// Bars an address, whose owner says that they never wrote, from getting mails for a day.
    Bar(String),
}

impl RowKind {
    /// Returns the lane.
    pub const fn lane(&self) -> Lane {
        match self {
            RowKind::Act(_) => Lane::Channel,
            RowKind::Mail(_) => Lane::Mail,
            RowKind::Card(_) => Lane::Cards,
            RowKind::Remember(_) | RowKind::Bar(_) => Lane::Store,
        }
    }

    /// Returns the name, for views, the journal and labels.
    pub const fn name(&self) -> &'static str {
        match self {
            RowKind::Act(Act::Text { .. }) => "text",
            RowKind::Act(Act::Note { .. }) => "note",
            RowKind::Act(Act::Open) => "open",
            RowKind::Act(Act::Pend) => "pend",
            RowKind::Act(Act::AddLabel(_)) => "label",
            RowKind::Act(Act::Priority(_)) => "priority",
            RowKind::Act(Act::Team(_)) => "team",
            RowKind::Act(Act::MarkVerified { .. }) => "mark_verified",
            RowKind::Act(Act::ContactEmail { .. }) => "contact_email",
            RowKind::Mail(_) => "mail",
            RowKind::Card(_) => "card",
            RowKind::Remember(_) => "remember",
            RowKind::Bar(_) => "bar",
        }
    }

    /// Returns whether a second copy would be read by a customer. Only these are looked up before a repetition.
    pub const fn is_speech(&self) -> bool {
        matches!(self, RowKind::Act(Act::Text { .. }))
    }
}

/// What a row's usefulness hangs on. Asked again at its claim: a late retry must not speak over a person or reopen what an
/// agent resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tie {
    /// Only while the desk has the conversation.
    Desk,
    /// An answer of the model: like [`Tie::Desk`], and not when it has grown stale.
    Answer,
    /// Until a person has written: the announcement that one is coming.
    Handoff,
    /// Only while a person has the conversation and the vendor still calls it pending.
    Open,
    /// Only while the desk has the conversation, and unless it was resolved.
    Pend,
    /// Only while this challenge is the current one.
    Challenge(String),
    /// Always.
    Always,
}

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// Ready to go.
    Queued,
    /// To be tried again, not before this moment.
    Waiting {
        /// When.
        until: Timestamp,
    },
    /// Claimed: it may be on the wire.
    Sending {
        /// By whom.
        node: Node,
        /// When it was claimed.
        since: Timestamp,
    },
    /// It may or may not have landed.
    Unknown {
        /// When it was claimed.
        since: Timestamp,
        /// Whether the vendor has finished with it, so that absence is proof at once.
        finished: bool,
        /// When to look next.
        look_at: Timestamp,
        /// How many looks found nothing.
        looks: u32,
    },
    /// Its outcome cannot be found out: an operator decides.
    Held,
}

impl RowState {
    /// Returns the name, for views and labels.
    pub const fn name(&self) -> &'static str {
        match self {
            RowState::Queued => "queued",
            RowState::Waiting { .. } => "waiting",
            RowState::Sending { .. } => "sending",
            RowState::Unknown { .. } => "unknown",
            RowState::Held => "held",
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its number within the conversation.
    pub seq: u64,
    /// The id that travels with it.
    pub id: OutboundId,
    /// What it does.
    pub kind: RowKind,
    /// What its usefulness hangs on.
    pub tie: Tie,
    /// When it was made.
    pub made: Timestamp,
    /// How often it was claimed.
    pub tries: u32,
    /// Where it stands.
    pub state: RowState,
    /// What went wrong last, for the operator.
    pub trouble: Option<String>,
    /// On the first part of an answer: when the customer had asked.
    #[serde(default)]
    pub asked: Option<Timestamp>,
    /// The newest vendor id known when it was claimed: if it landed, it stands above.
    #[serde(default)]
    pub after: MessageId,
}

/// The rows of a conversation, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outbox {
    rows: Vec<Row>,
    next: u64,
}

impl Outbox {
    /// Adds a row. `epoch` tells this conversation's ids from those of an erased one of the same key.
    pub(crate) fn push(&mut self, kind: RowKind, tie: Tie, epoch: u32, now: Timestamp) -> u64 {
        let seq = self.next;
        self.next += 1;
        let id = OutboundId(format!("{epoch:08x}-{seq}"));
        self.rows.push(Row {
            seq,
            id,
            kind,
            tie,
            made: now,
            tries: 0,
            state: RowState::Queued,
            trouble: None,
            asked: None,
            after: MessageId::default(),
        });
        seq
    }

    /// Notes on the first part of the answer just queued when the customer had asked.
    pub(crate) fn date_answer(&mut self, asked: Option<Timestamp>) {
        let answers = |row: &&mut Row| row.tie == Tie::Answer && row.tries == 0 && row.asked.is_none();
        if let Some(first) = self.rows.iter_mut().find(answers) {
            first.asked = asked;
        }
    }

    /// Returns all rows, oldest first.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns all rows for change.
    pub(crate) fn rows_mut(&mut self) -> &mut [Row] {
        &mut self.rows
    }

    /// Returns a row.
    pub(crate) fn row(&self, seq: u64) -> Option<&Row> {
        self.rows.iter().find(|row| row.seq == seq)
    }

    /// Returns a row for change.
    pub(crate) fn row_mut(&mut self, seq: u64) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.seq == seq)
    }

    /// Returns the row with this outbound id.
    pub(crate) fn by_id(&self, id: &OutboundId) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == *id)
    }

    /// Removes a row and returns it.
    pub(crate) fn remove(&mut self, seq: u64) -> Option<Row> {
        let at = self.rows.iter().position(|row| row.seq == seq)?;
        Some(self.rows.remove(at))
    }

    /// Removes rows that were not claimed yet and whose tie is one of these, and returns them.
    pub(crate) fn cut(&mut self, loose: impl Fn(&Tie) -> bool) -> Vec<Row> {
        let unclaimed = |row: &mut Row| matches!(row.state, RowState::Queued | RowState::Waiting { .. });
        self.rows.extract_if(.., |row| unclaimed(row) && loose(&row.tie)).collect()
    }

    /// Returns the row of the lane that must leave next: the oldest that is not held.
    pub(crate) fn head(&self, lane: Lane) -> Option<&Row> {
        self.rows.iter().find(|row| row.kind.lane() == lane && row.state != RowState::Held)
    }

    /// Returns above which vendor id the messages of all rows of unknown outcome stand, if there are such rows.
    pub(crate) fn unknown_after(&self) -> Option<MessageId> {
        let unknown = self.rows.iter().filter(|row| matches!(row.state, RowState::Unknown { .. }));
        unknown.map(|row| row.after).min()
    }

    /// Returns when rows must be tried or looked up again.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = Timestamp> {
        Lane::ALL.iter().filter_map(|lane| match self.head(*lane)?.state {
            RowState::Waiting { until } => Some(until),
            RowState::Unknown { look_at, .. } => Some(look_at),
            RowState::Queued | RowState::Sending { .. } | RowState::Held => None,
        })
    }

    /// Returns whether something is left to do without an operator.
    pub(crate) fn has_work(&self) -> bool {
        self.rows.iter().any(|row| row.state != RowState::Held)
    }
}

/// When to look for a row of unknown outcome, counted from its claim: soon, because it may simply have landed, and again
/// when absence has become proof.
pub(crate) fn look_pauses(settle: Duration) -> [Duration; 3] {
    [Duration::from_secs(1), (settle / 4).max(Duration::from_secs(1)), settle]
}
