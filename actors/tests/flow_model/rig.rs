//! A shell without I/O, and what must hold after every step.

use frontdesk_actors::domain::{Assignee, Contact, ConversationState, CustomerMessage, Event, Inbound, Status};
use frontdesk_actors::flow::outbox::{Row, RowKind};
use frontdesk_actors::flow::policy::ChannelPolicy;
use frontdesk_actors::flow::{Ctx, Effect, Flow, Incident, Input, Policy, SendOutcome, Step};
use frontdesk_actors::ids::{ContactKey, ConversationKey, MessageId, Node, Ticket};
use frontdesk_actors::ports::{Act, Author, Look, ModelReply, Prompt, Seen, Verdict};
use frontdesk_actors::testkit::{PlainAnalyzer, PlainPhrases, plain_policy};
use frontdesk_actors::time::Timestamp;
use frontdesk_actors::view::{PhaseName, View};
use std::sync::Arc;
use std::time::Duration;

/// A look that is running, with the picture it will show.
#[derive(Debug, Clone)]
pub(crate) struct Looking {
    pub(crate) ticket: Ticket,
    pub(crate) look: Look,
}

#[derive(Debug, Clone)]
pub(crate) struct Rig {
    pub(crate) flow: Flow,
    pub(crate) policy: Policy,
    pub(crate) now: Timestamp,
    pub(crate) human_mode: bool,
    pub(crate) asked: Option<Ticket>,
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) acquiring: Vec<u64>,
    pub(crate) sending: Vec<Row>,
    pub(crate) looking: Option<Looking>,
    pub(crate) vendor: Vec<Seen>,
    pub(crate) state: ConversationState,
    pub(crate) mails: Vec<frontdesk_actors::ports::VerificationMail>,
    pub(crate) incidents: Vec<Incident>,
    /// The last seed given to the flow: challenges are made of it.
    pub(crate) seed: [u64; 3],
    last_id: u64,
    node: Node,
}

pub(crate) fn key() -> ConversationKey {
    ConversationKey::new("test", 1, 57)
}

pub(crate) fn settled() -> SendOutcome {
    SendOutcome::Verdict(Verdict::Settled { message: None })
}

pub(crate) fn is_text(row: &Row) -> bool {
    matches!(row.kind, RowKind::Act(Act::Text { .. }))
}

impl Rig {
    pub(crate) fn new(gate: bool) -> Self {
        let mut policy = plain_policy(Arc::new(PlainAnalyzer::default()), Arc::new(PlainPhrases::default()));
        policy.channels.insert("test".to_owned(), ChannelPolicy { gate, max_text: 40, ..ChannelPolicy::default() });
        let (now, node) = (Timestamp::from_secs(1_760_000_000), Node { name: "a".into(), boot: 1 });
        let ctx = Ctx { now, seed: [7 << 32, 0, 0], policy: &policy, human_mode: false, node: &node };
        let flow = Flow::new(&ctx, key());
        let state = ConversationState { status: Status::Pending, assignee: Assignee::Us, version: 1 };
        Self {
            flow,
            policy,
            now,
            human_mode: false,
            asked: None,
            prompts: Vec::new(),
            acquiring: Vec::new(),
            sending: Vec::new(),
            looking: None,
            vendor: Vec::new(),
            state,
            mails: Vec::new(),
            incidents: Vec::new(),
            seed: [0; 3],
            last_id: 0,
            node,
        }
    }

    pub(crate) fn view(&self) -> View {
        self.flow.view(&self.policy, 1)
    }

    pub(crate) fn phase(&self) -> PhaseName {
        self.flow.phase_name()
    }

    fn gate(&self) -> bool {
        self.policy.channel(&key()).gate
    }

    // === Inputs ===

    /// Handles one input, performs its effects as far as the rig does that by itself, and checks what must always hold.
    pub(crate) fn step(&mut self, input: Input) -> Step {
        self.seed = [self.seed[0] + 1, 0x5eed, self.seed[2] + 111_111];
        let ctx =
            Ctx { now: self.now, seed: self.seed, policy: &self.policy, human_mode: self.human_mode, node: &self.node };
        let before = self.view();
        let step = self.flow.handle(&ctx, input);
        self.perform(&step, &before);
        self.check();
        step
    }

    fn perform(&mut self, step: &Step, before: &View) {
        for effect in &step.effects {
            match effect {
                Effect::AbortModel => self.asked = None,
                Effect::AskModel { ticket, prompt } => {
                    let view = self.view();
                    assert!(!self.gate() || view.verified.is_some(), "the model was asked before verification");
                    assert!(prompt.unanswered > 0 && prompt.unanswered <= prompt.history.len());
                    self.asked = Some(*ticket);
                    self.prompts.push((**prompt).clone());
                }
                Effect::Acquire { row, .. } => self.acquiring.push(*row),
                Effect::Send(row) => {
                    let human = before.phase == PhaseName::Human && step.to == PhaseName::Human;
                    let speech = matches!(row.kind, RowKind::Act(Act::Text { handoff: false, .. }));
                    assert!(!(human && speech), "a text was claimed while a person had it: {row:?}");
                    self.sending.push((**row).clone());
                }
                Effect::Look { ticket, after } => {
                    let newer = self.vendor.iter().filter(|seen| seen.id > *after).cloned().collect();
                    let look = Look { state: self.state.clone(), messages: newer, complete: true };
                    self.looking = Some(Looking { ticket: *ticket, look });
                }
                Effect::Typing(_) => {}
                Effect::Alert(incident) => self.incidents.push(*incident),
            }
        }
    }

    pub(crate) fn inbound(&mut self, event: Event) -> Inbound {
        let contact = Contact { key: ContactKey::new("test", 1, 9), name: Some("Jane".to_owned()), email: None };
        let state = Some(self.state.clone());
        Inbound { key: key(), inbox: "1".to_owned(), contact: Some(contact), state, proof: None, event }
    }

    pub(crate) fn next_id(&mut self) -> MessageId {
        self.last_id += 1;
        MessageId::numeric(self.last_id)
    }

    /// The customer writes; nobody hears of it yet.
    pub(crate) fn customer_event(&mut self, text: &str) -> Inbound {
        let id = self.next_id();
        let seen = Seen { id, at: self.now, author: Author::Customer, text: text.to_owned() };
        self.vendor.push(seen);
        let attachments = u32::from(text.is_empty());
        self.inbound(Event::CustomerWrote(CustomerMessage { id, at: self.now, text: text.to_owned(), attachments }))
    }

    pub(crate) fn customer(&mut self, text: &str) -> Step {
        let inbound = self.customer_event(text);
        self.step(Input::Inbound(Box::new(inbound)))
    }

    /// A person writes; nobody hears of it yet.
    pub(crate) fn person_event(&mut self, text: &str) -> Inbound {
        let id = self.next_id();
        self.vendor.push(Seen { id, at: self.now, author: Author::Person, text: text.to_owned() });
        self.inbound(Event::PersonWrote { id, at: self.now, text: text.to_owned() })
    }

    pub(crate) fn person(&mut self, text: &str) -> Step {
        let inbound = self.person_event(text);
        self.step(Input::Inbound(Box::new(inbound)))
    }

    pub(crate) fn set_state(&mut self, status: Status, assignee: Assignee) -> Step {
        self.state = ConversationState { status, assignee, version: self.state.version + 1 };
        let inbound = self.inbound(Event::StateChanged);
        self.step(Input::Inbound(Box::new(inbound)))
    }

    pub(crate) fn reply(&mut self, text: &str) -> Step {
        let ticket = self.asked.take().expect("the model is being asked");
        self.step(Input::ModelReplied { ticket, result: Ok(ModelReply::Text(text.to_owned())) })
    }

    // === The wire ===

    /// A row lands at the vendor.
    pub(crate) fn land(&mut self, row: &Row) -> Option<MessageId> {
        match &row.kind {
            RowKind::Act(Act::Text { text, .. }) => {
                let id = self.next_id();
                let copies = self.copies(row);
                assert_eq!(copies, 0, "a second copy landed: {row:?}");
                self.vendor.push(Seen { id, at: self.now, author: Author::Us(row.id.clone()), text: text.clone() });
                Some(id)
            }
            RowKind::Act(Act::Open) => {
                self.state.status = Status::Open;
                self.state.version += 1;
                None
            }
            RowKind::Act(Act::Pend) => {
                self.state.status = Status::Pending;
                self.state.version += 1;
                None
            }
            RowKind::Mail(mail) => {
                self.mails.push((**mail).clone());
                None
            }
            RowKind::Act(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => None,
        }
    }

    pub(crate) fn copies(&self, row: &Row) -> usize {
        self.vendor.iter().filter(|seen| seen.author == Author::Us(row.id.clone())).count()
    }

    /// Ends the oldest send.
    pub(crate) fn end_send(&mut self, lands: bool, outcome: SendOutcome) -> Step {
        let row = self.sending.remove(0);
        if lands {
            self.land(&row);
        }
        self.step(Input::Sent { row: row.seq, attempt: row.tries, outcome })
    }

    pub(crate) fn end_look(&mut self, complete: bool) -> Step {
        let Looking { ticket, mut look } = self.looking.take().expect("a look is running");
        look.complete = complete;
        self.step(Input::Looked { ticket, result: Ok(Box::new(look)) })
    }

    pub(crate) fn clear_one(&mut self) -> Step {
        let row = self.acquiring.remove(0);
        self.step(Input::Cleared { row })
    }

    /// Lets everything that waits or runs succeed, but the model.
    pub(crate) fn flush(&mut self) {
        for _ in 0..200 {
            if self.looking.is_some() {
                self.end_look(true);
            } else if !self.acquiring.is_empty() {
                self.clear_one();
            } else if let Some(row) = self.sending.first().cloned() {
                let outcome = SendOutcome::Verdict(Verdict::Settled { message: None });
                self.sending.remove(0);
                self.land(&row);
                self.step(Input::Sent { row: row.seq, attempt: row.tries, outcome });
            } else {
                return;
            }
        }
        panic!("it never comes to rest: {:?}", self.view());
    }

    /// Lets time pass, deadline by deadline, with everything succeeding at once.
    pub(crate) fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        for _ in 0..500 {
            self.flush();
            match self.flow.deadline(&self.policy) {
                Some((at, _)) if at <= end => {
                    self.now = self.now.max(at);
                    self.step(Input::DeadlineReached);
                }
                Some(_) | None => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("deadlines never end: {:?}", self.view());
    }

    /// What the customer reads, in order.
    pub(crate) fn said(&self) -> Vec<&str> {
        let ours = self.vendor.iter().filter(|seen| matches!(seen.author, Author::Us(_)));
        ours.map(|seen| seen.text.as_str()).collect()
    }

    /// The process dies and another restores the conversation; what is on the wire has landed or not.
    pub(crate) fn crash(&mut self, landed: bool) {
        for row in std::mem::take(&mut self.sending) {
            if landed {
                self.land(&row);
            }
        }
        (self.asked, self.looking) = (None, None);
        self.acquiring.clear();
        self.node.boot += 1;
        self.flow = self.restored();
        self.flow.suspect();
        self.step(Input::DeadlineReached);
    }

    pub(crate) fn restored(&self) -> Flow {
        let ctx =
            Ctx { now: self.now, seed: self.seed, policy: &self.policy, human_mode: self.human_mode, node: &self.node };
        let memory = self.flow.encode_memory();
        Flow::restore(&ctx, &self.flow.encode(), Some(&memory)).expect("what was encoded can be decoded")
    }

    // === What must always hold ===

    fn check(&self) {
        let view = self.view();
        assert!(view.memory.len() <= self.policy.memory_messages);
        let deadline = self.flow.deadline(&self.policy);
        assert!(deadline.is_none_or(|(at, _)| at > self.now), "a deadline in the past: {deadline:?} at {:?}", self.now);
        let in_flight =
            self.asked.is_some() || self.looking.is_some() || !self.sending.is_empty() || !self.acquiring.is_empty();
        assert!(!self.flow.has_work() || in_flight || deadline.is_some(), "stuck with work: {view:?}");
        if let Some(ticket) = self.flow.thinking() {
            assert_eq!(self.asked, Some(ticket), "the flow waits for a call that was never made or was aborted");
        }
        self.check_round_trip(&view);
        self.check_stale_inputs();
    }

    /// A stored conversation comes back as it was, but for what only a living process knows.
    fn check_round_trip(&self, view: &View) {
        let back = self.restored();
        let seen = back.view(&self.policy, 1);
        assert_eq!((seen.phase, &seen.reason, &seen.verified), (view.phase, &view.reason, &view.verified));
        let mail_is_out =
            |row: &frontdesk_actors::engine::RowView| row.kind == "mail" && row.state == "sending" && row.tries > 1;
        if view.outbox.iter().any(mail_is_out) {
            // Once more and no more: it counts as sent, and the customer is told so.
            return;
        }
        assert_eq!((seen.owed, &seen.memory, seen.failures), (view.owed, &view.memory, view.failures));
        assert_eq!((&seen.status, &seen.assignee, &seen.contact), (&view.status, &view.assignee, &view.contact));
        assert_eq!(seen.outbox.len(), view.outbox.len());
        for (after, before) in seen.outbox.iter().zip(&view.outbox) {
            let kept = after.state == before.state;
            let doubted = before.state == "sending" && matches!(after.state.as_str(), "unknown" | "waiting");
            assert!(after.id == before.id && (kept || doubted), "{before:?} came back as {after:?}");
        }
        assert!(!seen.thinking, "nobody is asked right after a start");
    }

    /// Answers to abandoned attempts change nothing that time alone would not.
    fn check_stale_inputs(&self) {
        let ctx =
            Ctx { now: self.now, seed: self.seed, policy: &self.policy, human_mode: self.human_mode, node: &self.node };
        let after = |input: Input| {
            let mut flow = self.flow.clone();
            flow.handle(&ctx, input);
            flow.encode()
        };
        let by_time = after(Input::DeadlineReached);
        let stale = Ticket(u64::MAX);
        let reply = Input::ModelReplied { ticket: stale, result: Ok(ModelReply::Text("late".to_owned())) };
        assert!(after(reply) == by_time, "a late answer changed something");
        let look = Look { state: self.state.clone(), messages: Vec::new(), complete: true };
        let look = Input::Looked { ticket: stale, result: Ok(Box::new(look)) };
        assert!(after(look) == by_time, "a late look changed something");
        for row in self.view().outbox {
            let seq = row.id.0.split_once('-').and_then(|(_, seq)| seq.parse().ok()).expect("row ids end in a number");
            for attempt in 0..row.tries {
                let sent = Input::Sent { row: seq, attempt, outcome: settled() };
                assert!(after(sent) == by_time, "an outcome of an earlier try changed something: {row:?}");
            }
            // A try the record has lost, because the store has: what became of it counts all the same.
            let sent = Input::Sent { row: seq, attempt: row.tries + 1, outcome: settled() };
            assert!(after(sent) != by_time, "the outcome of a lost try was not heard: {row:?}");
        }
    }
}
