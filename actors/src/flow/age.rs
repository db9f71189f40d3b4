//! How old a question may be: answered as if nothing had happened, answered with an apology, or left to a person. An
//! outage is noticed by customers as silence, and an answer to what they asked yesterday is worse than none.

use crate::flow::desk::Desk;
use crate::flow::outbox::Tie;
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
}
