//! Under which vendor ids our texts stand: how a text that was said twice is found out in production.

use crate::flow::desk::Desk;
use crate::flow::mark::Mark;
use crate::flow::record::Common;
use crate::ids::{MessageId, OutboundId};
use serde::{Deserialize, Serialize};

/// How many places are remembered. A second copy shows within minutes or never.
const KEPT: usize = 16;

/// How many rows other than texts are remembered to have landed.
const KEPT_SETTLED: usize = 4;

/// The last texts that landed: row, and the vendor's id in its two parts. Packed, because it is in every record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Landed(Vec<(u64, u64, u64)>);

impl Landed {
    /// Notes that a row stands under this id.
    fn note(&mut self, seq: u64, id: MessageId) {
        if !self.0.iter().any(|(row, _, unique)| (*row, *unique) == (seq, id.unique)) {
            self.0.push((seq, id.order, id.unique));
            let surplus = self.0.len().saturating_sub(KEPT);
            self.0.drain(..surplus);
        }
    }

    /// Returns whether a row of ours is known to stand under this id.
    pub(crate) fn holds(&self, id: MessageId) -> bool {
        self.0.iter().any(|(_, _, unique)| *unique == id.unique)
    }

    /// Returns whether the row is known to stand somewhere, but not here.
    fn is_elsewhere(&self, seq: u64, id: MessageId) -> bool {
        let mut places = self.0.iter().filter(|(row, ..)| *row == seq).peekable();
        places.peek().is_some() && places.all(|(_, _, unique)| *unique != id.unique)
    }

    /// Returns whether a row is known to stand somewhere.
    fn contains(&self, seq: u64) -> bool {
        self.0.iter().any(|(row, ..)| *row == seq)
    }

    /// Returns the rows that stand under more than one id.
    pub(crate) fn twice(&self) -> Vec<u64> {
        let copies = |seq: u64| self.0.iter().filter(|(row, ..)| *row == seq).count();
        let mut rows: Vec<u64> = self.0.iter().map(|(seq, ..)| *seq).filter(|seq| copies(*seq) > 1).collect();
        rows.dedup();
        rows
    }
}

impl Common {
    /// Returns the number of a row of this conversation by the id that travels with it, also of one that has left.
    fn seq_of(&self, id: &OutboundId) -> Option<u64> {
        let (epoch, seq) = id.0.split_once('-')?;
        let ours = u32::from_str_radix(epoch, 16).is_ok_and(|epoch| epoch == self.epoch);
        seq.parse().ok().filter(|_| ours)
    }

    /// Notes that a row has left the outbox because it landed. Texts are noted where they stand; of the others this process
    /// remembers the last few: the outcome of a try comes within seconds or never.
    pub(crate) fn note_settled(&mut self, seq: u64) {
        let settled = &mut self.volatile.settled;
        if !self.landed.contains(seq) && !settled.contains(&seq) {
            let surplus = (settled.len() + 1).saturating_sub(KEPT_SETTLED);
            settled.drain(..surplus);
            settled.push(seq);
        }
    }

    /// Returns whether a row is a text that is known to stand at the vendor.
    pub(crate) fn is_said(&self, seq: u64) -> bool {
        self.landed.contains(seq)
    }

    /// Returns whether a row is known to have landed.
    pub(crate) fn has_settled(&self, seq: u64) -> bool {
        self.outbox.row(seq).is_none() && (self.landed.contains(seq) || self.volatile.settled.contains(&seq))
    }
}

impl Desk<'_> {
    /// A text of ours stands at the vendor: notes where, and tells if it stands somewhere else as well.
    pub(crate) fn stands(&mut self, seq: u64, id: MessageId) {
        if self.common.landed.is_elsewhere(seq, id) {
            self.marks.push(Mark::SentTwice);
        }
        self.common.landed.note(seq, id);
    }

    /// A row that has left was seen at the vendor. Only texts are noted where they first stood: of anything else a second
    /// copy does no harm.
    pub(crate) fn stands_again(&mut self, seq: u64, id: MessageId) {
        if self.common.landed.is_elsewhere(seq, id) {
            self.stands(seq, id);
        }
    }

    /// See [`Desk::stands_again`], for a row that is known by the id that travels with it.
    pub(crate) fn echoed_again(&mut self, row: &OutboundId, id: MessageId) {
        if let Some(seq) = self.common.seq_of(row) {
            self.stands_again(seq, id);
        }
    }
}
