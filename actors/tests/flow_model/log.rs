//! The rig as seen from outside, in the neutral log over which the invariants are written.

use super::rig::{Rig, is_text, key};
use frontdesk_actors::domain::{Assignee, ConversationState, Event, Inbound, Order, Status};
use frontdesk_actors::engine::{Decision, Intake, PhaseName};
use frontdesk_actors::flow::outbox::{Row, RowKind};
use frontdesk_actors::flow::{Input, SendOutcome, Step};
use frontdesk_actors::ids::{MessageId, Ticket};
use frontdesk_actors::ports::{ModelReply, Prompt, Verdict, VerificationMail};
use frontdesk_actors::testkit::history::{Answer, Happening, Page, Speech, What};
use frontdesk_actors::testkit::invariants::{Invariant, Rules};
use frontdesk_actors::testkit::recorder::{Recorder, speech_of};
use frontdesk_actors::time::Timestamp;
use frontdesk_actors::view::View;
use std::time::Duration;

/// What the rig has seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    recorder: Recorder,
    calls: Vec<(Ticket, Prompt, Answer)>,
    /// What the log of this run cannot tell: an operator has dropped a text, which may have been said and nobody is owed any
    /// more; a colleague has had everything forgotten that was said before; words at the gate have grown too old, with which
    /// nobody waited for an answer; the desk was away for longer than it tells its own change of status from a person's.
    untold: Vec<Invariant>,
    /// Whether the flow knows a state of the vendor: an assignee that it finds was assigned before.
    knows: bool,
    /// When the desk gave it away, as long as people have it: the vendor assigns it by its rules.
    given_away: Option<Timestamp>,
    /// The texts that were ever held.
    held: Vec<String>,
    /// How many messages were remembered at most.
    fullest: usize,
}

/// For how long the desk tells its own change of status from a person's.
const CLOCKS: Duration = Duration::from_secs(2 * 3600);

/// For how long an assignment after that is the vendor's own.
const ASSIGNED_BY_RULE: Duration = Duration::from_secs(10);

/// What the flow is being told, as far as its answer matters.
#[derive(Debug)]
pub(super) enum Told {
    Webhook(Box<Inbound>),
    Press(String),
    Order(Order),
    Erasure,
    ModeOff,
    Nothing,
}

impl Log {
    fn at(&mut self, now: Timestamp) -> &mut Recorder {
        self.recorder.now = now;
        &mut self.recorder
    }

    pub(super) fn writes(&mut self, now: Timestamp, id: MessageId, happening: Happening) {
        self.at(now).wrote(&key(), id, happening);
    }

    pub(super) fn changes(&mut self, now: Timestamp, old: &ConversationState, new: &ConversationState) {
        let others = matches!(new.assignee, Assignee::Person(_) | Assignee::OtherBot(_));
        let person = matches!(new.assignee, Assignee::Person(_));
        // Given back in the same step, it is no longer what the desk gave away.
        let back = new.status == Status::Pending && old.status != Status::Pending;
        let by_rule = person && !back && self.given_away.is_some_and(|since| now.since(since) < ASSIGNED_BY_RULE);
        let unseen = others && !self.knows || by_rule;
        let assignee = if unseen { new.assignee.clone() } else { old.assignee.clone() };
        self.at(now).changed(&key(), &ConversationState { assignee, ..old.clone() }, new);
    }

    /// The flow is about to be told this.
    pub(super) fn hears(&mut self, now: Timestamp, input: &Input, mails: &[VerificationMail]) -> Told {
        let log = self.at(now);
        match input {
            Input::Inbound(inbound) => {
                log.delivers(inbound, mails);
                if let Event::Deleted { id } = &inbound.event {
                    log.deleted(&key(), *id);
                }
                Told::Webhook(inbound.clone())
            }
            Input::LinkConfirmed(challenge) => Told::Press(log.presses(&key(), challenge, mails)),
            Input::Ordered(order) => Told::Order(*order),
            Input::Erased => Told::Erasure,
            Input::HumanModeOff => Told::ModeOff,
            Input::ModelReplied { ticket, result: Ok(ModelReply::Text(text)) } => {
                let call = self.calls.iter().rfind(|(call, ..)| call == ticket).cloned();
                if let Some((_, prompt, answer)) = call {
                    self.recorder.answered(&prompt, answer, text);
                }
                Told::Nothing
            }
            Input::Decided { decision: Decision::Drop, .. } => {
                self.untold.extend([Invariant::NothingLost, Invariant::TrueMemory]);
                Told::Nothing
            }
            Input::ContactKnown(_)
            | Input::LinkDisowned(_)
            | Input::Decided { .. }
            | Input::Poisoned
            | Input::ModelReplied { .. }
            | Input::Transcribed { .. }
            | Input::Cleared { .. }
            | Input::Sent { .. }
            | Input::Looked { .. }
            | Input::LookAround
            | Input::DeadlineReached
            | Input::Recovered { .. } => Told::Nothing,
        }
    }

    /// It has been told.
    pub(super) fn heard(&mut self, told: Told, step: &Step) {
        if step.to == PhaseName::Human && step.from != PhaseName::Human {
            self.recorder.given_away(&key());
            self.given_away = Some(self.recorder.now);
        }
        if step.why == Some("it has grown too old to be welcome") {
            self.untold.push(Invariant::NothingLost);
        }
        match told {
            Told::Webhook(inbound) if step.intake == Intake::Accepted => {
                self.knows = true;
                self.recorder.acked(&inbound);
                if let Event::CustomerWrote(wrote) = &inbound.event
                    && wrote.text.is_empty()
                    && step.to == PhaseName::Human
                {
                    // A picture is left to the people who seem to have it, also if they have given it back unseen.
                    self.recorder.deleted(&key(), wrote.id);
                }
                if let Event::Ordered { order, .. } = inbound.event {
                    self.ordered(order);
                }
            }
            Told::Press(press) => {
                let page = if step.confirmed { Page::Done } else { Page::Other };
                self.recorder.told(&key(), press, page);
            }
            Told::Order(order) => {
                self.recorder.ordered(&key(), order);
                self.ordered(order);
            }
            Told::Erasure => {
                self.knows = false;
                self.recorder.erased(&key());
            }
            // What a person has touched stays theirs.
            Told::ModeOff if step.from == PhaseName::Human && step.to != PhaseName::Human => {
                self.recorder.ordered(&key(), Order::Bot);
            }
            Told::Webhook(_) | Told::ModeOff | Told::Nothing => {}
        }
    }

    /// Nothing is heard for this long, and nothing done, with the desk's own change of status out, perhaps.
    pub(super) fn is_away(&mut self, span: Duration) {
        if span > CLOCKS {
            self.untold.push(Invariant::NobodyTalkedOver);
        }
    }

    fn ordered(&mut self, order: Order) {
        if order == Order::Forget {
            self.untold.extend([Invariant::TrueMemory, Invariant::NothingLost]);
        }
    }

    /// Notes how the conversation stands. What is held may have been said, and may be passed by what comes after it.
    pub(super) fn stands(&mut self, view: &View) {
        self.fullest = self.fullest.max(view.memory.len());
        for row in view.outbox.iter().filter(|row| row.state == "held") {
            let name = row.id.0.clone();
            self.recorder.note(&key(), What::Held { row: name.clone() });
            if let Some(words) = row.text.clone().filter(|_| !self.held.contains(&name)) {
                self.recorder.note(&key(), What::Doubted { row: name.clone(), words, answer: None });
                self.held.push(name);
            }
        }
    }

    pub(super) fn asks(&mut self, ticket: Ticket, prompt: &Prompt) {
        let answer = self.recorder.asked(prompt);
        self.calls.push((ticket, prompt.clone(), answer));
    }

    /// A row is claimed, and leaves at once. What an operator sends again is a person's word, until a person has written.
    pub(super) fn sends(&mut self, row: &Row) {
        let speech = match speech_of(row) {
            Speech::Words if row.decided.is_some() => Speech::Announcement,
            speech @ (Speech::None | Speech::Announcement | Speech::Words) => speech,
        };
        self.recorder.note(&key(), What::Claimed { row: row.id.0.clone(), speech });
        self.recorder.note(&key(), What::Posted { row: row.id.0.clone(), speech, stood_still: false });
    }

    pub(super) fn lands(&mut self, now: Timestamp, row: &Row) {
        match &row.kind {
            RowKind::Act(act) => self.at(now).landed(&key(), act, &row.id),
            RowKind::Card(_) => self.at(now).note(&key(), What::Called { row: row.id.0.clone() }),
            RowKind::Mail(_) | RowKind::Remember(_) | RowKind::Bar(_) => {}
        }
    }
}

impl Rig {
    /// Lets everything come to rest, the model answering, and judges what happened. `sees_calls`: where people are left with it,
    /// somebody must have come or been called. Under the human switch nobody is.
    pub(crate) fn judge(&mut self, sees_calls: bool) {
        self.paused = false;
        for row in self.sending.clone() {
            // No send outlives the settle time: the shell cuts it off.
            let verdict = Verdict::Unknown { finished: false, why: String::new() };
            let lands = row.seq % 2 == 0 && is_text(&row) && self.copies(&row) == 0;
            self.end_send(lands, SendOutcome::Verdict(verdict));
        }
        self.step(Input::DeadlineReached);
        for number in 0..2_000 {
            self.flush();
            if self.asked.is_some_and(|asked| self.flow.thinking() == Some(asked)) {
                self.reply(&format!("at last {number:04}"));
                continue;
            }
            match self.flow.deadline(&self.policy) {
                Some((at, _)) => {
                    self.now = self.now.max(at);
                    self.step(Input::DeadlineReached);
                }
                None => break,
            }
        }
        let view = self.view();
        assert!(self.flow.deadline(&self.policy).is_none(), "it never comes to rest: {view:?}");
        // The rig itself asks whether the customer is verified before the model is asked: it knows codes that no mail has told yet.
        let (gate, memory) = (false, self.policy.memory_messages);
        let fullest = Some(self.log.fullest);
        self.log.at(self.now).rested(&view, fullest);
        let mut findings = self.log.recorder.judge(&Rules { gate, memory, sees_calls, ..Rules::default() });
        findings.violations.retain(|violation| !self.log.untold.contains(&violation.invariant));
        findings.expect_none("the flow");
        assert!(view.outbox.iter().all(|row| row.state == "held"), "rows never left: {view:?}");
    }
}
