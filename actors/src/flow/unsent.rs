//! A verification mail that does not leave: its account is refused or has used up its day, the server is away, or others come
//! first. Tries are counted only for what gets through to the server, so that time has the last word: the customer is told
//! soon, and after as long as the tries may take a person is fetched.
//!
//! Time counts only while mails may leave: not while everything is stopped, and whoever has just begun to wait for a mail gives
//! it a chance first.

use crate::flow::Flow;
use crate::flow::desk::Desk;
use crate::flow::mark::GateMark;
use crate::flow::outbox::{Outbox, Row, RowKind, RowState, Tie};
use crate::flow::phase::{Challenge, MailNews, Phase};
use crate::flow::policy::{GatePolicy, Policy, mail_pause};
use crate::time::Timestamp;
use std::time::Duration;

/// How long the customer waits without a word after they have given an address.
const TOLD: Duration = Duration::from_secs(10);

/// How much longer than all pauses between its tries a mail may take, and how long whoever begins to wait for it does at least.
const MARGIN: Duration = Duration::from_secs(30);

/// After how many tries of unknown outcome a mail counts as sent: once more under the same Message-ID, and no more.
pub(super) const MAIL_UNKNOWN_TRIES: u32 = 2;

/// Returns within what time a mail must have left: what its tries take with the pauses between them, about five minutes.
fn patience(gate: &GatePolicy) -> Duration {
    let pauses = (1..gate.mail_tries).map(|n| mail_pause(gate.mail_retry_pause, n));
    pauses.fold(MARGIN, Duration::saturating_add)
}

/// Returns when the customer is told that a mail takes longer, if they are to be told: not where it may have left already.
fn told_at(challenge: &Challenge, row: &Row, since: Timestamp) -> Option<Timestamp> {
    (!challenge.delay_told && !row.doubted).then_some(since + TOLD)
}

/// Returns when a mail is waited for no longer, unless it is on the wire: that ends by itself.
fn lost_at(gate: &GatePolicy, row: &Row, since: Timestamp) -> Option<Timestamp> {
    match row.state {
        RowState::Queued | RowState::Waiting { .. } => Some((row.made + patience(gate)).max(since + MARGIN)),
        RowState::Sending { .. } | RowState::Unknown { .. } | RowState::Held => None,
    }
}

impl Outbox {
    /// Returns the oldest mail of a challenge that is not known to have left.
    pub(super) fn mail_of(&self, challenge: &Challenge) -> Option<&Row> {
        let ours = |row: &&Row| matches!(&row.tie, Tie::Challenge(id) if *id == challenge.id);
        self.rows().iter().filter(ours).find(|row| matches!(row.kind, RowKind::Mail(_)))
    }
}

impl Desk<'_> {
    /// Returns what time says of the open challenge's mail, if it says anything.
    pub(super) fn mail_overdue(&mut self, challenge: &Challenge) -> Option<MailNews> {
        let now = self.ctx.now;
        let row = self.common.outbox.mail_of(challenge).filter(|_| !self.ctx.paused).cloned();
        let known = self.common.volatile.mail.filter(|(seq, _)| row.as_ref().is_some_and(|row| row.seq == *seq));
        self.common.volatile.mail = known.or(row.as_ref().map(|row| (row.seq, now)));
        let (row, (_, since)) = row.zip(self.common.volatile.mail)?;
        if lost_at(&self.policy().gate, &row, since).is_some_and(|at| at <= now) {
            return Some(self.mail_is_lost(&row));
        }
        told_at(challenge, &row, since).filter(|at| *at <= now).map(|_| MailNews::Delayed)
    }

    /// A mail has not left in time. One that may have left, and was not tried again since, counts as sent; no row is on the wire.
    fn mail_is_lost(&mut self, row: &Row) -> MailNews {
        if row.doubted && row.tries < MAIL_UNKNOWN_TRIES {
            self.common.outbox.close(row.seq);
            self.common.note_settled(row.seq);
            return MailNews::Sent;
        }
        self.common.outbox.remove(row.seq);
        self.gate_mark(GateMark::MailFailed);
        MailNews::GivenUp
    }
}

impl Flow {
    /// Returns when time says something of the open challenge's mail.
    pub(super) fn mail_deadlines(&self, policy: &Policy) -> impl Iterator<Item = (Timestamp, &'static str)> {
        let challenge = match &self.phase {
            Phase::PendingVerification(pending) => Some(&pending.challenge),
            Phase::AwaitingEmail(_) | Phase::Bot(_) | Phase::Human(_) => None,
        };
        let waits = challenge.zip(self.common.volatile.mail).and_then(|(challenge, (seq, since))| {
            let row = self.common.outbox.mail_of(challenge).filter(|row| row.seq == seq)?;
            Some((told_at(challenge, row, since), lost_at(&policy.gate, row, since)))
        });
        let (told, lost) = waits.unwrap_or_default();
        told.map(|at| (at, "mail delayed")).into_iter().chain(lost.map(|at| (at, "mail not sent")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_waited_for_as_long_as_its_tries_may_take() {
        let gate = |mail_tries, secs| {
            let mail_retry_pause = Duration::from_secs(secs);
            patience(&GatePolicy { mail_tries, mail_retry_pause, ..GatePolicy::default() }).as_secs()
        };
        assert_eq!(patience(&GatePolicy::default()).as_secs(), 5 + 15 + 45 + 120 + 120 + 30, "about five minutes");
        assert_eq!((gate(1, 5), gate(3, 1)), (30, 1 + 3 + 30));
        assert_eq!(gate(100, 86_400), 99 * 120 + 30);
    }
}
