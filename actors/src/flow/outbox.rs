//! Rows: everything that leaves the house, stored under a stable id before it is tried.
//!
//! Per lane a conversation has at most one row on the wire, and rows leave in order. A row of unknown outcome blocks the
//! later ones of its lane until a look settles it; a held one does not.

mod row;

pub use row::{Lane, Row, RowKind, RowState, Tie};

use crate::flow::phase::Owed;
use crate::flow::replies::Replies;
use crate::ids::{MessageId, OutboundId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How many rows a store may have forgotten.
const FORGOTTEN: u64 = 10_000;

/// The rows of a conversation, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outbox {
    rows: Vec<Row>,
    next: u64,
    /// Where texts leave, in channels that can be answered nowhere else.
    #[serde(default, skip_serializing_if = "Replies::is_unused")]
    pub(super) replies: Replies,
}

impl Outbox {
    /// Adds a row. `epoch` tells this conversation's ids from those of an erased one of the same key.
    pub(crate) fn push(&mut self, kind: RowKind, tie: Tie, epoch: u32, now: Timestamp) -> u64 {
        let row = self.make(kind, tie, epoch, now);
        let seq = row.seq;
        self.rows.push(row);
        seq
    }

    fn make(&mut self, kind: RowKind, tie: Tie, epoch: u32, now: Timestamp) -> Row {
        let seq = self.next;
        self.next += 1;
        let id = OutboundId(format!("{epoch:08x}-{seq}"));
        Row {
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
            decided: None,
            answers: Vec::new(),
            sorry: false,
            reply: None,
            doubted: false,
            unheard: None,
            parts: Vec::new(),
        }
    }

    /// Notes on the first and the last part of the answer just queued, which begins with the row `first`, what it answers,
    /// when the customer had asked, and whether the desk has apologised for the delay.
    pub(crate) fn close_with_answer(&mut self, first: u64, answered: Vec<Owed>, sorry: bool) {
        let mut parts = self.rows.iter_mut().filter(|row| row.tie == Tie::Answer && row.seq >= first);
        let Some(begin) = parts.next() else { return };
        begin.asked = answered.iter().map(|owed| owed.at).min();
        begin.sorry = sorry;
        if let Some(last) = parts.next_back() {
            last.answers.clone_from(&answered);
        }
        begin.answers = answered;
    }

    /// Returns the number that the next row gets.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next
    }

    /// The customer has deleted a message: no row answers it any more.
    pub(crate) fn forget_question(&mut self, id: MessageId) {
        for row in &mut self.rows {
            row.answers.retain(|owed| owed.id != id);
        }
    }

    /// The customer has changed a message: what is owed again if its answer is dropped says the same.
    pub(crate) fn reword_question(&mut self, id: MessageId, text: &str) {
        let answered = self.rows.iter_mut().flat_map(|row| &mut row.answers);
        answered.filter(|owed| owed.id == id).for_each(|owed| text.clone_into(&mut owed.text));
    }

    /// Everything said is to be forgotten: also what was asked.
    pub(crate) fn forget_questions(&mut self) {
        self.rows.iter_mut().for_each(|row| row.answers.clear());
    }

    /// Returns whether a row of this id left the house although this record has never made it: the store has forgotten
    /// the writes in between, and the number is taken from here on, or all of an earlier record of this conversation.
    pub(crate) fn has_forgotten(&mut self, id: &OutboundId, epoch: u32) -> bool {
        let Some((made_in, number)) = id.0.split_once('-') else { return false };
        if u32::from_str_radix(made_in, 16).is_ok_and(|made_in| made_in != epoch) {
            return true;
        }
        let seq = number.parse::<u64>().ok().filter(|_| made_in == format!("{epoch:08x}"));
        // A store forgets seconds, not tens of thousands of rows: anything further ahead is not ours.
        let Some(seq) = seq.filter(|seq| (self.next..self.next + FORGOTTEN).contains(seq)) else { return false };
        self.next = seq + 1;
        true
    }

    /// Returns all rows, oldest first.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns all rows for change.
    pub(crate) fn rows_mut(&mut self) -> &mut [Row] {
        &mut self.rows
    }

    /// Returns all rows and where texts leave, for change.
    pub(super) fn parts_mut(&mut self) -> (&mut [Row], &mut Replies) {
        (&mut self.rows, &mut self.replies)
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

    /// Removes a row that did not leave, and returns it. Whoever waits for it waits on.
    pub(crate) fn remove(&mut self, seq: u64) -> Option<Row> {
        let at = self.rows.iter().position(|row| row.seq == seq)?;
        let mut row = self.rows.remove(at);
        self.replies.reopen(&mut row);
        Some(row)
    }

    /// Removes a row that has left: the place it left at is answered.
    pub(crate) fn close(&mut self, seq: u64) {
        self.rows.retain(|row| row.seq != seq);
    }

    /// Takes all rows out.
    pub(super) fn take_rows(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.rows)
    }

    /// Puts rows in place of all.
    pub(super) fn put_rows(&mut self, rows: Vec<Row>) {
        self.rows = rows;
    }

    /// Removes rows that were not claimed yet and of which this holds, and returns them.
    pub(crate) fn cut(&mut self, loose: impl Fn(&Row) -> bool) -> Vec<Row> {
        let unclaimed = |row: &mut Row| matches!(row.state, RowState::Queued | RowState::Waiting { .. });
        let mut cut: Vec<Row> = self.rows.extract_if(.., |row| unclaimed(row) && loose(row)).collect();
        cut.iter_mut().rev().for_each(|row| self.replies.reopen(row));
        cut
    }

    /// Returns the row of the lane that must leave next: the oldest that is not held. One that is on the wire, or may be,
    /// comes before it: an older row that an operator sends again waits for its end.
    pub(crate) fn head(&self, lane: Lane) -> Option<&Row> {
        let leaves = |row: &&Row| row.kind.lane() == lane && row.state != RowState::Held && !self.is_stranded(row);
        let mut rows = self.rows.iter().filter(leaves);
        let wired = |row: &&Row| matches!(row.state, RowState::Sending { .. } | RowState::Unknown { .. });
        rows.clone().find(wired).or_else(|| rows.next())
    }

    /// Returns above which vendor id the messages of all rows stand that may have landed and wait for a look, if there are
    /// such rows: those of unknown outcome, and those that an operator sends again.
    pub(crate) fn unknown_after(&self) -> Option<MessageId> {
        let doubtful = self.rows.iter().filter(|row| match row.state {
            RowState::Unknown { .. } => true,
            RowState::Queued | RowState::Waiting { .. } => row.decided.is_some(),
            RowState::Sending { .. } | RowState::Held => false,
        });
        doubtful.map(|row| row.after).min()
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
        let works = |row: &Row| row.state != RowState::Held && !self.is_stranded(row);
        !self.replies.open.is_empty() || self.rows.iter().any(works)
    }

    /// Returns whether the row is a text that can be said only when the customer writes again.
    pub(crate) fn is_stranded(&self, row: &Row) -> bool {
        !self.replies.is_unused() && row.is_unplaced()
    }
}

/// When to look for a row of unknown outcome, counted from its claim: soon, because it may simply have landed, and again
/// when absence has become proof.
pub(crate) fn look_pauses(settle: Duration) -> [Duration; 3] {
    [Duration::from_secs(1), (settle / 4).max(Duration::from_secs(1)), settle]
}
