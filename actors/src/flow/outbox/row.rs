//! One row: what it does, by which way, what its usefulness hangs on and where it stands.

use crate::domain::Verified;
use crate::flow::phase::Owed;
use crate::flow::replies::Place;
use crate::ids::{MessageId, Node, OutboundId};
use crate::ports::{Act, Card, ReplyPlace, VerificationMail};
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
            RowKind::Act(Act::Dismiss { .. }) => "dismiss",
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
    /// Only while the desk has the conversation, and not hours later.
    Desk,
    /// An answer of the model: like [`Tie::Desk`], and not when it has grown stale.
    Answer,
    /// Until a person has written: the announcement that one is coming.
    Handoff,
    /// Until a person has touched it or put it away: that nobody has come yet.
    Pickup,
    /// In shadow mode, until a person has answered themselves: what the desk would have said.
    Draft,
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
        /// When it was claimed, or from when on this node has waited for it.
        since: Timestamp,
        /// How long it was waited for before that. Counted by whoever waited, so that no two clocks are compared.
        #[serde(default)]
        waited: Duration,
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
    /// The newest vendor id known when it was made, and then when it was claimed: if it landed, it stands above.
    #[serde(default)]
    pub after: MessageId,
    /// When an operator decided that it is sent again. It is as young as that decision, and a person who was fetched but
    /// has not written yet does not stop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Timestamp>,
    /// On the first and the last part of an answer: what it answers. If the first is dropped unsent, nothing of the answer
    /// was said, and it is owed again; if the last is, people are told that it was not answered to the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) answers: Vec<Owed>,
    /// Whether the desk has apologised for the delay of the answer that begins here. Asked again when it leaves.
    #[serde(default)]
    pub sorry: bool,
    /// Where it leaves, in channels that can be answered nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply: Option<Place>,
    /// Whether a try at that place is of unknown outcome.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) doubted: bool,
    /// The try whose end nobody has heard, where nothing else puts the row in doubt. It may be heard yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unheard: Option<u32>,
    /// What was to be said in texts of their own before they were joined into this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<String>,
}

impl Row {
    /// Begins a text with other words. Returns how what it began with is remembered, and how it is to be from here on.
    pub(crate) fn begin_with(&mut self, words: &str) -> Option<(String, String)> {
        let RowKind::Act(Act::Text { text, .. }) = &mut self.kind else { return None };
        let first = self.parts.first().unwrap_or(text).clone();
        let begins = format!("{words}\n\n{first}");
        *text = format!("{words}\n\n{text}");
        if let Some(part) = self.parts.first_mut() {
            part.clone_from(&begins);
        }
        Some((first, begins))
    }

    /// Returns where it leaves, in channels that can be answered nowhere else.
    pub fn reply_place(&self) -> Option<ReplyPlace> {
        let place = self.reply.as_ref()?;
        Some(ReplyPlace { handle: place.handle.clone(), doubted: self.doubted })
    }
}
