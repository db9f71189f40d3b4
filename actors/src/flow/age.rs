//! How old a question may be: answered as if nothing had happened, answered with an apology, or left to a person. An
//! outage is noticed by customers as silence, and an answer to what they asked yesterday is worse than none.

use crate::flow::desk::Desk;
use crate::flow::outbox::{Row, Tie};
use crate::flow::phase::Phase;
use crate::language::Phrase;
use crate::time::Timestamp;

/// How welcome an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// Nobody has waited long.
    Fresh,
    /// The customer has waited: the desk apologises first.
    Late,
    /// Too long: a person is fetched.
    Stale,
}

impl Desk<'_> {
    /// Returns how old a question of this moment is, as far as the desk is to blame.
    pub(crate) fn age_of(&self, asked: Timestamp) -> Age {
        let waited = self.ctx.now.since(asked.max(self.common.waits_since));
        let outbox = &self.policy().outbox;
        match waited {
            waited if waited >= outbox.stale => Age::Stale,
            waited if waited >= outbox.apology => Age::Late,
            _ => Age::Fresh,
        }
    }

    /// Returns how old the oldest question is that is owed an answer.
    pub(crate) fn age_of_owed(&self) -> Age {
        self.common.owed.iter().map(|owed| owed.at).min().map_or(Age::Fresh, |asked| self.age_of(asked))
    }

    /// Says sorry before an answer that is being queued. Returns whether it was due.
    pub(crate) fn apologise_if_late(&mut self, asked: Option<Timestamp>) -> bool {
        let late = !self.in_shadow() && asked.is_some_and(|asked| self.age_of(asked) == Age::Late);
        if late {
            self.say_tied(&Phrase::LateAnswer, &Tie::Answer);
        }
        late
    }

    /// An answer is about to leave. One that was given in time, and has waited since, begins with the apology: in the same text,
    /// because rows leave in the order in which they were made, and some places take one text only.
    pub(crate) fn apologise_at_last(&mut self, seq: u64) {
        let Some(row) = self.common.outbox.row(seq) else { return };
        let begins = row.tie == Tie::Answer && !row.sorry && !row.doubted && row.decided.is_none();
        let Some(asked) = row.asked.filter(|_| begins) else { return };
        if self.age_of(asked) != Age::Late {
            return;
        }
        let sorry = self.ctx.policy.phrases.say(self.lang(), &Phrase::LateAnswer);
        let Some(row) = self.common.outbox.row_mut(seq) else { return };
        row.sorry = true;
        if let Some((said, begins)) = row.begin_with(&sorry) {
            self.memory_dirty |= self.memory.reword(&said, &begins);
        }
    }

    /// Returns whether words of the desk's own have waited too long to be welcome.
    pub(crate) fn has_outlived(&self, said: Timestamp) -> bool {
        self.ctx.now.since(said) >= self.policy().outbox.stale
    }

    /// Returns whether somebody has asked something at the gate and waits for just these words: then they cannot simply be
    /// dropped. Behind the gate the question itself is owed, and younger words say how to go on.
    pub(crate) fn is_waited_for(&self, phase: &Phase, row: &Row) -> bool {
        let at_gate = match phase {
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) => true,
            Phase::Bot(_) | Phase::Human(_) => false,
        };
        let is_younger = |other: &Row| other.seq > row.seq && other.tie == Tie::Desk && other.kind.is_speech();
        at_gate
            && row.kind.is_speech()
            && !self.common.owed.is_empty()
            && !self.common.outbox.is_stranded(row)
            && !self.common.outbox.rows().iter().any(is_younger)
    }
}
