//! Forgetting a person: their words, their name, their address and the proof of it.
//!
//! What stays says nothing about anybody and keeps the promises: which messages were heard and answered (else a repeated
//! webhook, or the next look back after an outage, would have them answered once more), the numbers of rows (else an echo of
//! an old text would be taken for another's), whether a person has the conversation (else the desk would talk over them), and
//! acts without words that are still owed to the vendor, such as opening the conversation for a person who was called.

use crate::flow::desk::Desk;
use crate::flow::effect::Effect;
use crate::flow::outbox::{Row, RowKind, RowState};
use crate::flow::phase::{AwaitingEmail, Bot, Fate, Human, Phase};
use crate::language::Reason;
use crate::ports::Act;

impl Desk<'_> {
    /// Forgets the person. A model call ends; what has not left the house and has words is dropped, and of what is on its way
    /// at this moment nobody asks any more.
    pub(crate) fn erase(&mut self, phase: &mut Phase) {
        self.memory.clear();
        self.memory_dirty = true;
        self.drop_words();
        let common = &mut *self.common;
        (common.contact, common.verified, common.lang) = (None, None, None);
        common.owed.clear();
        common.unheard.clear();
        common.theirs.clear();
        common.left.clear();
        common.since_taken.clear();
        common.drafts.clear();
        common.first_words.clear();
        match phase {
            Phase::AwaitingEmail(awaiting) => *awaiting = AwaitingEmail::default(),
            Phase::PendingVerification(pending) => {
                common.spend(pending.challenge.id.clone(), Fate::Void);
                *phase = Phase::AwaitingEmail(AwaitingEmail::default());
            }
            Phase::Bot(_) => {
                let gate = self.ctx.policy.channel(&common.key).gate;
                *phase = if gate { Phase::AwaitingEmail(AwaitingEmail::default()) } else { Phase::Bot(Bot::default()) };
            }
            Phase::Human(human) => self.leave_to(human),
        }
        self.effects.push(Effect::AbortModel);
        self.why = Some("an operator had the person forgotten");
    }

    /// A person keeps the conversation, without what was known of the customer.
    fn leave_to(&mut self, human: &mut Human) {
        if let Some(challenge) = human.parked.take() {
            self.common.spend(challenge.id, Fate::Void);
        }
        human.draft = Bot::default();
        if let Reason::AskedByModel(words) = &mut human.reason {
            words.clear();
        }
    }

    fn drop_words(&mut self) {
        let outbox = &mut self.common.outbox;
        outbox.forget_questions();
        outbox.cut(has_words);
        // Whoever waited for these may have been answered. If not, they are let go: a place takes one answer.
        let on_the_wire: Vec<u64> = outbox.rows().iter().filter(|row| has_words(row)).map(|row| row.seq).collect();
        for seq in on_the_wire {
            if let Some(row) = outbox.row_mut(seq) {
                row.doubted = true;
            }
            outbox.remove(seq);
        }
        let rows = outbox.rows();
        let volatile = &mut self.common.volatile;
        volatile.acquiring.retain(|seq| rows.iter().any(|row| row.seq == *seq && row.state == RowState::Queued));
        volatile.waiting.retain(|waiting| rows.iter().any(|row| row.seq == waiting.of.0));
    }
}

/// Returns whether a row says anything about anybody.
fn has_words(row: &Row) -> bool {
    match &row.kind {
        RowKind::Act(act) => match act {
            Act::Text { .. } | Act::Note { .. } | Act::MarkVerified { .. } | Act::ContactEmail { .. } => true,
            Act::Dismiss { .. } | Act::Open | Act::Pend | Act::AddLabel(_) | Act::Priority(_) | Act::Team(_) => false,
        },
        RowKind::Mail(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => true,
    }
}
