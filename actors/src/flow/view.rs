//! What operators, tests and the verification page see of a conversation.

use crate::flow::outbox::{RowKind, Tie};
use crate::flow::phase::{Challenge, Doing, Fate, Phase, Stage};
use crate::flow::shadow::Drafted;
use crate::flow::{DecodeError, Flow, Policy};
use crate::ids::{ConversationKey, Ticket};
use crate::ports::Act;
use crate::time::Timestamp;
use crate::view::{ChallengeView, RowView, Summary, View};
use std::time::Duration;

/// How long after a deadline the wake index steps in, should the node that set it not have.
const GRACE: Duration = Duration::from_secs(2);

/// How often a conversation with held rows is woken, so that they are counted by whichever node runs.
const HELD: Duration = Duration::from_secs(60);

impl Flow {
    /// Returns when [`crate::flow::Input::DeadlineReached`] is due, and why.
    pub fn deadline(&self, policy: &Policy) -> Option<(Timestamp, &'static str)> {
        // Whatever was due when an input was last handled has been dealt with, or waits for something else.
        let handled = self.common.volatile.handled;
        let rows = self.common.outbox.deadlines().map(|at| (at, "outbox"));
        let look = self.common.volatile.look_again.map(|at| (at, "look again"));
        let pended = self.pended_due(policy).map(|at| (at, "pending not shown"));
        let all = rows.chain(look).chain(pended).chain(self.voice_deadlines()).chain(self.turn_deadlines());
        let all = all.chain(self.human_deadlines(policy)).chain(self.mail_deadlines(policy));
        all.filter(|(at, _)| handled.is_none_or(|handled| *at > handled)).min()
    }

    /// Returns when a change of status that the vendor has not shown is looked at.
    fn pended_due(&self, policy: &Policy) -> Option<Timestamp> {
        let leaves = self.common.outbox.rows().iter().any(|row| row.tie == Tie::Pend);
        let known = self.common.volatile.pended.filter(|_| self.common.pended.is_some() && !leaves);
        known.and_then(|known| known.due(policy.outbox.settle))
    }

    fn turn_deadlines(&self) -> impl Iterator<Item = (Timestamp, &'static str)> {
        let turn = self.phase.turn().filter(|_| !self.common.volatile.elsewhere);
        let next = turn.and_then(|turn| match (&turn.doing, &turn.stage) {
            (Doing::Thinking { until, .. }, _) => Some((*until, "model call")),
            (Doing::Looking, _) => None,
            (Doing::Waiting, Stage::Gathering { due, .. }) => Some((*due, "burst")),
            (Doing::Waiting, Stage::Retrying { at }) => Some((*at, "model retry")),
        });
        next.into_iter().chain(turn.and_then(|turn| turn.deadline).map(|at| (at, "turn deadline")))
    }

    fn human_deadlines(&self, policy: &Policy) -> impl Iterator<Item = (Timestamp, &'static str)> {
        let human = match &self.phase {
            Phase::Human(human) => Some(human),
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Bot(_) => None,
        };
        let idle = policy.channel(&self.common.key).human_idle;
        let idle = human.zip(idle).map(|(human, idle)| (self.common.idle_since(human.last_word) + idle, "human idle"));
        let pickup = human.and_then(|human| human.pickup).map(|pickup| (pickup.due, "nobody picked up"));
        let reclaim = human.and_then(|human| human.reclaim.as_ref()).map(|reclaim| (reclaim.at, "take back"));
        idle.into_iter().chain(pickup).chain(reclaim)
    }

    /// Returns after how long somebody must look at the conversation again, should whoever has it not have done so; `None` if
    /// nothing is owed and no timer runs. Work in hand is left alone for `lease`.
    pub fn wake(&self, policy: &Policy, lease: Duration, now: Timestamp) -> Option<Duration> {
        if self.has_work() {
            return Some(lease);
        }
        let deadline = self.deadline(policy).map(|(at, _)| now.until(at) + GRACE);
        // Held rows are shown as long as they are held, also after a restart.
        let held = (self.held() > 0).then_some(HELD);
        deadline.into_iter().chain(held).min()
    }

    /// Returns the ticket of the model call that should be running.
    pub fn thinking(&self) -> Option<Ticket> {
        match self.phase.turn()?.doing {
            Doing::Thinking { ticket, .. } => Some(ticket),
            Doing::Waiting | Doing::Looking => None,
        }
    }

    /// Returns whether the row waits for a permit.
    pub fn is_acquiring(&self, row: u64) -> bool {
        self.common.volatile.acquiring.contains(&row)
    }

    /// Returns whether nothing is remembered.
    pub fn is_forgotten(&self) -> bool {
        self.memory.is_empty()
    }

    /// Returns the conversation.
    pub fn key(&self) -> &ConversationKey {
        &self.common.key
    }

    /// Returns the inbox.
    pub fn inbox(&self) -> &str {
        &self.common.inbox
    }

    /// Returns the contact, where known.
    pub fn contact(&self) -> Option<&crate::domain::Contact> {
        self.common.contact.as_ref()
    }

    /// Returns the phase by name.
    pub fn phase_name(&self) -> crate::view::PhaseName {
        self.phase.name()
    }

    /// Returns how many rows are held.
    pub fn held(&self) -> usize {
        self.common.outbox.rows().iter().filter(|row| row.state == crate::flow::outbox::RowState::Held).count()
    }

    /// Returns since when the oldest unanswered customer message waits, while the desk has the conversation.
    pub fn oldest_owed(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Bot(_) => {
                let unheard = self.common.unheard.iter().map(|unheard| unheard.at);
                self.common.owed.iter().map(|owed| owed.at).chain(unheard).min()
            }
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Human(_) => None,
        }
    }

    /// Returns what a verification link leads to. `confirmed` tells that this very request verified it.
    pub fn challenge(&self, id: &str, confirmed: bool, now: Timestamp) -> ChallengeView {
        let lang = self.common.lang.unwrap_or_default();
        if confirmed {
            return ChallengeView::Done { lang };
        }
        if let Some((_, fate)) = self.common.spent.iter().rev().find(|(spent, _)| spent == id) {
            return match fate {
                Fate::Used => ChallengeView::Used { lang },
                Fate::Void => ChallengeView::Expired { lang },
                Fate::Disowned => ChallengeView::Disowned { lang },
            };
        }
        match self.open_challenge().filter(|challenge| challenge.id == id) {
            Some(challenge) if challenge.expires <= now => ChallengeView::Expired { lang },
            Some(challenge) => ChallengeView::Open {
                address: challenge.address.clone(),
                issued: challenge.issued,
                first_words: self.common.first_words.clone(),
                lang,
            },
            None => ChallengeView::Foreign,
        }
    }

    fn open_challenge(&self) -> Option<&Challenge> {
        match &self.phase {
            Phase::PendingVerification(pending) => Some(&pending.challenge),
            Phase::Human(human) => human.parked.as_ref(),
            Phase::AwaitingEmail(_) | Phase::Bot(_) => None,
        }
    }

    /// Returns everything an operator may see. `version` is the store's.
    pub fn view(&self, policy: &Policy, version: u64) -> View {
        let common = &self.common;
        let state = common.state.as_ref();
        View {
            key: common.key.clone(),
            phase: self.phase.name(),
            reason: self.reason(),
            lang: common.lang.unwrap_or(policy.default_lang),
            contact: common.contact.clone(),
            verified: common.verified.clone(),
            status: state.map(|state| state.status),
            assignee: state.map(|state| state.assignee.clone()),
            owed: common.owed.len() + common.unheard.len(),
            thinking: self.thinking().is_some(),
            failures: self.phase.turn().map_or(0, |turn| turn.failures),
            outbox: common.outbox.rows().iter().map(row_view).collect(),
            memory: self.memory.messages(),
            drafts: common.drafts.iter().map(Drafted::view).collect(),
            next: self.deadline(policy).map(|(at, why)| (at, why.to_owned())),
            version,
        }
    }

    /// Returns one line for lists.
    pub fn summary(&self, now: Timestamp) -> Summary {
        let common = &self.common;
        Summary {
            key: common.key.clone(),
            phase: self.phase.name(),
            reason: self.reason().map(|reason| reason.name().to_owned()),
            name: common.contact.as_ref().and_then(|contact| contact.name.clone()),
            verified: common.verified.is_some(),
            owed: common.owed.len() + common.unheard.len(),
            held: self.held(),
            unsettled: common.outbox.rows().len(),
            changed: now,
        }
    }

    fn reason(&self) -> Option<crate::language::Reason> {
        match &self.phase {
            Phase::Human(human) => Some(human.reason.clone()),
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Bot(_) => None,
        }
    }
}

/// Reads the rows of a stored record, as they were when it was written.
///
/// # Errors
/// [`DecodeError`] if the record cannot be read.
pub fn stored_rows(record: &[u8]) -> Result<Vec<RowView>, DecodeError> {
    let (common, _) = crate::flow::record::decode(record)?;
    Ok(common.outbox.rows().iter().map(row_view).collect())
}

fn row_view(row: &crate::flow::outbox::Row) -> RowView {
    RowView {
        id: row.id.clone(),
        kind: row.kind.name().to_owned(),
        state: row.state.name().to_owned(),
        tries: row.tries,
        created: row.made,
        trouble: row.trouble.clone(),
        text: match &row.kind {
            RowKind::Act(Act::Text { text, .. }) => Some(text.clone()),
            RowKind::Act(_) | RowKind::Mail(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => None,
        },
    }
}
