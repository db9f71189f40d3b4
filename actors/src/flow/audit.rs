//! What must be true of every stored record, whatever happened to it. Pure: the same checks run in the daemon, in
//! `frontdesk audit`, in simulations and after faults.

use crate::audit::{Audited, HeldRow, Rules, Violation};
use crate::flow::memory::Memory;
use crate::flow::outbox::{Row, RowState};
use crate::flow::phase::Phase;
use crate::flow::record::{self, Common};
use crate::flow::{Flow, record::DecodeError};
use crate::ports::Scanned;
use crate::time::Timestamp;
use std::collections::BTreeSet;

impl Flow {
    /// Returns how many customer messages are owed an answer although the desk has the conversation and no turn is on its
    /// way to give one.
    pub fn orphaned(&self) -> usize {
        orphaned(&self.common, &self.phase)
    }
}

/// Checks one conversation as it is stored.
pub(crate) fn conversation(rules: &Rules, scanned: &Scanned, now: Timestamp) -> Audited {
    let Some(stored) = &scanned.stored else {
        return Audited { violations: vec![Violation::WakeWithoutRecord], ..Audited::default() };
    };
    let (common, phase) = match record::decode(&stored.record) {
        Ok(record) => record,
        Err(error) => return Audited { violations: vec![undecodable(&error)], ..Audited::default() },
    };
    let mut violations = Vec::new();
    if common.key != scanned.key {
        violations.push(Violation::ForeignRecord);
    }
    rows(&common, &mut violations);
    owed(&common, &phase, &mut violations);
    wake(rules, scanned, (&common, &phase), now, &mut violations);
    if matches!(phase, Phase::Bot(_)) && common.verified.is_none() && rules.is_gated(&scanned.key) {
        violations.push(Violation::AnsweredUnverified);
    }
    if let Some(memory) = &stored.memory {
        remembered(rules, memory, &mut violations);
    }
    let held = common.outbox.rows().iter().filter(|row| row.state == RowState::Held).map(held).collect();
    Audited { violations, held }
}

fn undecodable(error: &DecodeError) -> Violation {
    match error {
        DecodeError::TooNew { found } => Violation::TooNew { version: *found },
        DecodeError::Damaged(_) => Violation::Undecodable,
    }
}

fn rows(common: &Common, violations: &mut Vec<Violation>) {
    let mut ids = BTreeSet::new();
    let mut seqs = BTreeSet::new();
    for row in common.outbox.rows() {
        if !ids.insert(&row.id) || !seqs.insert(row.seq) {
            violations.push(Violation::DuplicateRow { row: row.id.clone() });
        }
    }
    let twice = common.landed.twice().into_iter();
    violations.extend(twice.map(|seq| Violation::SentTwice { row: common.row_name(seq).id }));
}

fn orphaned(common: &Common, phase: &Phase) -> usize {
    match phase {
        Phase::Bot(bot) if bot.turn.is_none() => common.owed.len(),
        Phase::Bot(_) | Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Human(_) => 0,
    }
}

fn owed(common: &Common, phase: &Phase, violations: &mut Vec<Violation>) {
    let lost = orphaned(common, phase);
    if lost > 0 {
        violations.push(Violation::OwedWithoutTurn { messages: lost });
    }
    if let Phase::Human(human) = phase
        && human.touched
    {
        // What the customer wrote after the person's last words may wait for the desk.
        let messages = common.owed.iter().filter(|owed| !owed.id.is_behind(common.person)).count();
        if messages > 0 {
            violations.push(Violation::OwedUnderPerson { messages });
        }
    }
}

/// Work that nobody would ever be woken for.
fn wake(
    rules: &Rules,
    scanned: &Scanned,
    (common, phase): (&Common, &Phase),
    now: Timestamp,
    violations: &mut Vec<Violation>,
) {
    if scanned.wake.is_some() {
        return;
    }
    let turn = matches!(phase, Phase::Bot(bot) if bot.turn.is_some());
    if turn {
        violations.push(Violation::TurnWithoutWake { messages: common.owed.len() });
    }
    let unheard = common.unheard.iter().filter(|unheard| unheard.wanted).count();
    if unheard > 0 {
        violations.push(Violation::VoiceWithoutWake { messages: unheard });
    }
    for row in common.outbox.rows() {
        match row.state {
            RowState::Queued | RowState::Waiting { .. } if common.outbox.is_stranded(row) => {}
            RowState::Queued | RowState::Waiting { .. } => {
                violations.push(Violation::RowWithoutWake { row: row.id.clone() });
            }
            RowState::Sending { since, .. } | RowState::Unknown { since, .. } => {
                if now.since(since) > rules.on_the_wire {
                    violations.push(Violation::DoubtWithoutWake { row: row.id.clone(), since });
                } else {
                    violations.push(Violation::RowWithoutWake { row: row.id.clone() });
                }
            }
            RowState::Held => {}
        }
    }
}

fn remembered(rules: &Rules, memory: &[u8], violations: &mut Vec<Violation>) {
    let Ok(memory) = Memory::decode(memory) else {
        violations.push(Violation::MemoryUndecodable);
        return;
    };
    let messages = memory.len();
    if messages > rules.memory_messages {
        violations.push(Violation::MemoryTooLong { messages, limit: rules.memory_messages });
    }
}

fn held(row: &Row) -> HeldRow {
    HeldRow { row: row.id.clone(), kind: row.kind.name(), made: row.made }
}

#[cfg(test)]
mod tests;
