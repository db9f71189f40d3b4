//! What operators, tests and the verification page see of a conversation.

use crate::flow::phase::{Challenge, Fate, Phase, Stage};
use crate::flow::{Flow, Policy};
use crate::ids::{ConversationKey, Ticket};
use crate::time::Timestamp;
use crate::view::{ChallengeView, RowView, Summary, View};

impl Flow {
    /// Returns when [`crate::flow::Input::DeadlineReached`] is due, and why.
    pub fn deadline(&self, policy: &Policy) -> Option<(Timestamp, &'static str)> {
        // Whatever was due when an input was last handled has been dealt with, or waits for something else.
        let handled = self.common.volatile.handled;
        let rows = self.common.outbox.deadlines().map(|at| (at, "outbox"));
        let look = self.common.volatile.look_again.map(|at| (at, "look again"));
        let all = rows.chain(look).chain(self.turn_deadlines()).chain(self.idle_deadline(policy));
        all.filter(|(at, _)| handled.is_none_or(|handled| *at > handled)).min()
    }

    fn turn_deadlines(&self) -> impl Iterator<Item = (Timestamp, &'static str)> {
        let turn = match &self.phase {
            Phase::Bot(bot) => bot.turn.as_ref(),
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Human(_) => None,
        };
        let stage = turn.and_then(|turn| match turn.stage {
            Stage::Gathering { due, .. } => Some((due, "burst")),
            Stage::Retrying { at } => Some((at, "model retry")),
            Stage::Thinking { until, .. } => Some((until, "model call")),
            Stage::Looking => None,
        });
        stage.into_iter().chain(turn.and_then(|turn| turn.deadline).map(|at| (at, "turn deadline")))
    }

    fn idle_deadline(&self, policy: &Policy) -> Option<(Timestamp, &'static str)> {
        match &self.phase {
            Phase::Human(human) => {
                policy.channel(&self.common.key).human_idle.map(|idle| (human.last_word + idle, "human idle"))
            }
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Bot(_) => None,
        }
    }

    /// Returns the ticket of the model call that should be running.
    pub fn thinking(&self) -> Option<Ticket> {
        match &self.phase {
            Phase::Bot(bot) => match bot.turn.as_ref()?.stage {
                Stage::Thinking { ticket, .. } => Some(ticket),
                Stage::Gathering { .. } | Stage::Looking | Stage::Retrying { .. } => None,
            },
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Human(_) => None,
        }
    }

    /// Returns whether the row waits for a permit.
    pub fn is_acquiring(&self, row: u64) -> bool {
        self.common.volatile.acquiring.contains(&row)
    }

    /// Returns whether nothing is remembered.
    pub fn is_forgotten(&self) -> bool {
        self.memory.messages().is_empty()
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
            Phase::Bot(_) => self.common.owed.iter().map(|owed| owed.at).min(),
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
            owed: common.owed.len(),
            thinking: self.thinking().is_some(),
            failures: match &self.phase {
                Phase::Bot(bot) => bot.turn.as_ref().map_or(0, |turn| turn.failures),
                Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Human(_) => 0,
            },
            outbox: common.outbox.rows().iter().map(row_view).collect(),
            memory: self.memory.messages().to_vec(),
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
            owed: common.owed.len(),
            held: self.held(),
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

fn row_view(row: &crate::flow::outbox::Row) -> RowView {
    RowView {
        id: row.id.clone(),
        kind: row.kind.name().to_owned(),
        state: row.state.name().to_owned(),
        tries: row.tries,
        created: row.made,
        trouble: row.trouble.clone(),
    }
}
