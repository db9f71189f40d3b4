//! What the journal says about a step. Names, numbers and moments only: never a customer's words, an address or a secret.

use crate::domain::{Event, Inbound};
use crate::flow::Step;
use crate::flow::effect::Effect;
use crate::flow::input::{Input, SendOutcome};
use crate::flow::mark::Mark;
use crate::flow::phase::Phase;
use crate::flow::record::Common;
use crate::ids::OutboundId;
use crate::journal::{Did, Fact, Heard, JournalEntry, Label, PersonHasIt, RowName, SeenState, number, order};
use crate::ports::{Look, ModelReply, PortErrorKind, Verdict};
use crate::time::Timestamp;
use crate::view::Intake;

impl Common {
    /// Returns the names of a row, also of one that has left.
    pub(crate) fn row_name(&self, seq: u64) -> RowName {
        match self.outbox.row(seq) {
            Some(row) => RowName { id: row.id.clone(), kind: row.kind.name().into() },
            None => {
                let kind = if self.is_said(seq) { "text" } else { "gone" };
                RowName { id: OutboundId(format!("{:08x}-{seq}", self.epoch)), kind: kind.into() }
            }
        }
    }
}

/// Returns what was heard, and the vendor's state that came with it.
pub(super) fn heard(common: &Common, input: &Input) -> (Heard, Option<SeenState>) {
    let heard = match input {
        Input::Inbound(inbound) => return (event(common, inbound), inbound.state.as_ref().map(SeenState::of)),
        Input::ContactKnown(_) => Heard::ContactKnown,
        Input::LinkConfirmed(_) => Heard::LinkConfirmed,
        Input::LinkDisowned(_) => Heard::LinkDisowned,
        Input::Ordered(given) => Heard::Ordered { order: order(*given).into() },
        Input::Decided { row, decision } => {
            let kind = common.outbox.by_id(row).map_or("gone", |row| row.kind.name());
            let row = RowName { id: row.clone(), kind: kind.into() };
            Heard::Decided { row, decision: decision.name().into() }
        }
        Input::Poisoned => Heard::Poisoned,
        Input::Erased => Heard::Ordered { order: "erase".into() },
        Input::HumanModeOff => Heard::HumanModeOff,
        Input::ModelReplied { ticket, result } => {
            let outcome = match result {
                Ok(ModelReply::Text(_)) => "text",
                Ok(ModelReply::RequestHuman { .. }) => "request_human",
                Err(error) => error.kind.name(),
            };
            Heard::ModelReplied { ticket: ticket.0, outcome: outcome.into() }
        }
        Input::Transcribed { ticket, result } => {
            let outcome = match result {
                Ok(words) if words.trim().is_empty() => "silence",
                Ok(_) => "words",
                Err(error) => error.kind.name(),
            };
            Heard::Transcribed { ticket: ticket.0, outcome: outcome.into() }
        }
        Input::Cleared { row } => Heard::Cleared { row: common.row_name(*row) },
        Input::Sent { row, attempt, outcome } => {
            Heard::Sent { row: common.row_name(*row), attempt: *attempt, outcome: sent(outcome).into() }
        }
        Input::Looked { ticket, result } => {
            let messages = result.as_ref().map_or(0, |look| u32::try_from(look.messages.len()).unwrap_or(u32::MAX));
            let seen = result.as_ref().ok().map(|look| SeenState::of(&look.state));
            return (Heard::Looked { ticket: ticket.0, outcome: looked(result).into(), messages }, seen);
        }
        Input::LookAround => Heard::LookAround,
        Input::DeadlineReached => Heard::DeadlineReached,
        Input::Recovered { takes } => Heard::Recovered { takes: *takes },
    };
    (heard, None)
}

fn event(common: &Common, inbound: &Inbound) -> Heard {
    match &inbound.event {
        Event::CustomerWrote(message) => {
            Heard::CustomerWrote { message: number(message.id), words: !message.text.trim().is_empty() }
        }
        Event::PersonWrote { id, .. } => Heard::PersonWrote { message: number(*id) },
        Event::OtherWrote { id } => Heard::OtherWrote { message: number(*id) },
        Event::Echo { row, id } => {
            let known = common.outbox.by_id(row).map(|row| row.kind.name());
            let row = RowName { id: row.clone(), kind: known.unwrap_or("gone").into() };
            Heard::Echo { row, message: number(*id) }
        }
        Event::Carried { id, .. } => Heard::Carried { message: number(*id) },
        Event::Fared { id, reached } => Heard::Fared { message: number(*id), reached: *reached },
        Event::Ordered { order: given, .. } => Heard::NoteOrdered { order: order(*given).into() },
        Event::Edited { id, .. } => Heard::Edited { message: number(*id) },
        Event::Deleted { id } => Heard::Deleted { message: number(*id) },
        Event::Assigned | Event::StateChanged | Event::StatusChanged { .. } => Heard::StateChanged,
        Event::Missed { events, complete } => {
            Heard::Missed { events: u32::try_from(events.len()).unwrap_or(u32::MAX), complete: *complete }
        }
    }
}

const fn sent(outcome: &SendOutcome) -> &'static str {
    match outcome {
        SendOutcome::Verdict(Verdict::Settled { .. }) => "settled",
        SendOutcome::Verdict(Verdict::Transient { .. }) => "transient",
        SendOutcome::Verdict(Verdict::Rejected { .. } | Verdict::Gone { .. }) => "rejected",
        SendOutcome::Verdict(Verdict::AccountFault { .. }) => "account_fault",
        SendOutcome::Verdict(Verdict::Unknown { .. }) => "unknown",
        SendOutcome::ClaimLapsed => "claim_lapsed",
        SendOutcome::Capped { .. } => "capped",
    }
}

fn looked(result: &Result<Box<Look>, PortErrorKind>) -> &'static str {
    match result {
        Ok(look) if look.complete => "complete",
        Ok(_) => "partial",
        Err(PortErrorKind::Transient) => "transient",
        Err(PortErrorKind::Throttled(_)) => "throttled",
        Err(PortErrorKind::Rejected) => "rejected",
        Err(PortErrorKind::Forbidden) => "forbidden",
        Err(PortErrorKind::Broken) => "broken",
    }
}

/// Returns that a person has it, where one does.
pub(super) fn person(phase: &Phase) -> Option<PersonHasIt> {
    match phase {
        Phase::Human(human) => {
            Some(PersonHasIt { since: human.since, reason: human.reason.name().into(), touched: human.touched })
        }
        Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Bot(_) => None,
    }
}

/// Returns what was done. `row` names the rows that wait for a permit.
pub(super) fn did(effects: &[Effect], row: impl Fn(u64) -> RowName) -> Vec<Did> {
    let done = |effect: &Effect| match effect {
        Effect::AbortModel => Some(Did::AbortedModel),
        Effect::AskModel { ticket, .. } => Some(Did::AskedModel(*ticket)),
        Effect::Transcribe { ticket, .. } => Some(Did::Listened(*ticket)),
        Effect::Acquire { row: seq, .. } => Some(Did::Queued(row(*seq))),
        Effect::Send(sent) => Some(Did::Sent(RowName { id: sent.id.clone(), kind: sent.kind.name().into() })),
        Effect::Look { ticket, .. } => Some(Did::Looked(*ticket)),
        Effect::Alert(incident) => Some(Did::Alerted(incident.name().into())),
        Effect::Typing(_) => None,
    };
    effects.iter().filter_map(done).collect()
}

fn fact(mark: &Mark) -> Fact {
    match mark {
        Mark::Gate(step) => Fact::Gate(step.name().into()),
        Mark::HandedOff(reason) => Fact::HandedOff(reason.name().into()),
        Mark::TakenOver(reason) => Fact::TakenOver(reason.name().into()),
        Mark::HandedBack => Fact::HandedBack,
        Mark::NotPickedUp => Fact::NotPickedUp,
        Mark::Drafted(what) => Fact::Drafted((*what).into()),
        Mark::Answered => Fact::Answered,
        Mark::TurnRestarted => Fact::TurnRestarted,
        Mark::TurnFailed => Fact::TurnFailed,
        Mark::RowDropped(why) => Fact::Dropped(why.name().into()),
        Mark::RowResent => Fact::Resent,
        Mark::Duplicate => Fact::Duplicate,
        Mark::Late(kind) => Fact::Late((*kind).into()),
        Mark::SettledBefore => Fact::SettledBefore,
        Mark::OlderState => Fact::OlderState,
        Mark::AnswerLanded(after) => Fact::AnswerLanded(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
        Mark::SentAfterPerson => Fact::SentAfterPerson,
        Mark::SentTwice => Fact::SentTwice,
    }
}

impl Step {
    /// Returns what the journal says about it.
    pub fn entry(&self, at: Timestamp) -> JournalEntry {
        let ignored: Option<Label> = match self.intake {
            Intake::Ignored(why) => Some(why.into()),
            Intake::Accepted | Intake::Duplicate | Intake::Parked => None,
        };
        JournalEntry {
            at,
            heard: self.noted.heard.clone(),
            state: self.noted.state.clone(),
            from: self.from,
            to: self.to,
            person: self.noted.person.clone(),
            facts: self.marks.iter().map(fact).collect(),
            did: self.noted.did.iter().chain(&self.noted.dropped).cloned().collect(),
            why: self.why.map(Label::from).or(ignored),
            owed: u32::try_from(self.noted.owed).unwrap_or(u32::MAX),
            again: 0,
        }
    }
}

/// What a step leaves for the journal beside what the shell acts upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    pub(super) heard: Heard,
    pub(super) state: Option<SeenState>,
    pub(super) person: Option<PersonHasIt>,
    pub(super) did: Vec<Did>,
    pub(super) dropped: Vec<Did>,
    pub(super) owed: usize,
}
