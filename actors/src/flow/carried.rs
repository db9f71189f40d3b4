//! Messages that left through the desk's account at a vendor that cannot carry our ids: which of them are ours, and how they
//! have fared.
//!
//! A message whose id came with the answer to its send is known by that id. One of unknown outcome is known by its words:
//! the account sends nothing else of these words in this conversation, unless another program uses it too, and then the
//! customer has read them all the same.

use crate::flow::desk::Desk;
use crate::flow::effect::{Effect, Incident};
use crate::flow::outbox::{Row, RowKind, RowState};
use crate::flow::phase::Signal;
use crate::flow::record::Common;
use crate::ids::MessageId;
use crate::language::Reason;
use crate::ports::{Act, Verdict};
use crate::time::Timestamp;
use crate::view::Intake;
use std::time::Duration;

/// How far the vendor's clock may be behind ours. A message that left longer than this before a row was made is not that row.
const CLOCKS: Duration = Duration::from_secs(3600);

/// How many messages that never arrive are remembered.
const KEPT: usize = 8;

impl Common {
    /// Returns the number of the row that this message is, if it has become one whose outcome is not known otherwise.
    pub(crate) fn carries(&self, id: MessageId, at: Timestamp, text: &str) -> Option<u64> {
        if self.landed.holds(id) {
            return None;
        }
        // A row in doubt may have no try on record: the store may have forgotten the claim.
        let may_have_left = |row: &Row| row.tries > 0 || likelihood(&row.state) < 2;
        let is_it = |row: &&Row| may_have_left(row) && row.made <= at + CLOCKS && says(row, text);
        self.outbox.rows().iter().filter(is_it).min_by_key(|row| likelihood(&row.state)).map(|row| row.seq)
    }
}

/// Returns how likely a row of this state has left: less is more likely.
const fn likelihood(state: &RowState) -> u8 {
    match state {
        RowState::Sending { .. } | RowState::Unknown { .. } => 0,
        RowState::Held => 1,
        // It was given up for lost, by a look or by another node.
        RowState::Queued | RowState::Waiting { .. } => 2,
    }
}

/// Returns whether a row says this. Vendors trim, and change the ends of lines.
fn says(row: &Row, text: &str) -> bool {
    match &row.kind {
        RowKind::Act(Act::Text { text: ours, .. }) => ours.split_whitespace().eq(text.split_whitespace()),
        RowKind::Act(_) | RowKind::Mail(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => false,
    }
}

impl Desk<'_> {
    /// See [`crate::domain::Event::Carried`]. It may bear the time of the last thing that happened to it, so it moves no
    /// watermark: what others wrote in between may not have been heard.
    pub(crate) fn carried(&mut self, id: MessageId, at: Timestamp, text: &str) -> (Intake, Vec<Signal>) {
        if self.common.landed.holds(id) {
            return (Intake::Ignored("our own message"), Vec::new());
        }
        match self.common.carries(id, at, text) {
            Some(seq) => (Intake::Accepted, self.landed(seq, Verdict::Settled { message: Some(id) })),
            None => (Intake::Ignored("another program sent it through the desk's account"), Vec::new()),
        }
    }

    /// See [`crate::domain::Event::Fared`]. News of a message that no row is known to stand under: it may be one of unknown outcome.
    pub(crate) fn fared(&mut self, id: MessageId, reached: bool) -> (Intake, Vec<Signal>) {
        let ours = self.common.landed.holds(id);
        if !ours {
            self.look_soon();
        }
        if reached {
            return (Intake::Ignored("a message is on its way"), Vec::new());
        }
        if self.common.undelivered.contains(&id.unique) {
            return (Intake::Duplicate, Vec::new());
        }
        self.common.undelivered.push(id.unique);
        let surplus = self.common.undelivered.len().saturating_sub(KEPT);
        self.common.undelivered.drain(..surplus);
        (Intake::Accepted, if ours { self.undelivered() } else { Vec::new() })
    }

    /// A message of ours is known by its id from here on: what if the vendor had said before that it never arrives?
    pub(crate) fn failed_before(&mut self, id: MessageId) -> Vec<Signal> {
        if self.common.undelivered.contains(&id.unique) { self.undelivered() } else { Vec::new() }
    }

    fn undelivered(&mut self) -> Vec<Signal> {
        self.why = Some("the vendor took the message and could not bring it to the customer");
        self.effects.push(Effect::Alert(Incident::RowRejected));
        vec![Signal::FetchPerson(Reason::Interrupted)]
    }

    /// Rows of unknown outcome are looked up at once.
    fn look_soon(&mut self) {
        let now = self.ctx.now;
        for row in self.common.outbox.rows_mut() {
            if let RowState::Unknown { look_at, .. } = &mut row.state {
                *look_at = (*look_at).min(now);
            }
        }
    }
}
