//! A shell without I/O, and what must hold after every step.

use super::log::Log;
use frontdesk_actors::domain::{Assignee, ConversationState, Remembered, Status};
use frontdesk_actors::flow::mark::Mark;
use frontdesk_actors::flow::outbox::{Row, RowKind, Tie};
use frontdesk_actors::flow::policy::ChannelPolicy;
use frontdesk_actors::flow::shadow::Shadow;
use frontdesk_actors::flow::{Ctx, Effect, Flow, Incident, Input, Policy, SendOutcome, Step};
use frontdesk_actors::ids::{ConversationKey, MessageId, Node, Ticket};
use frontdesk_actors::ports::{Act, Author, Card, Growth, Look, MemoryValue, Prompt, Seen, Verdict};
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
    /// The memory as the shell last wrote it: it does when a step says that it changed.
    pub(crate) stored_memory: Vec<u8>,
    pub(crate) policy: Policy,
    pub(crate) now: Timestamp,
    pub(crate) human_mode: bool,
    pub(crate) paused: bool,
    pub(crate) asked: Option<Ticket>,
    /// Recordings that are being listened to.
    pub(crate) hearing: Vec<Ticket>,
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) acquiring: Vec<u64>,
    pub(crate) sending: Vec<Row>,
    /// Whether the desk ever told the vendor that the conversation is pending.
    pub(crate) pended: bool,
    /// Whether the customer is shown that somebody types.
    pub(crate) typing: bool,
    pub(crate) looking: Option<Looking>,
    pub(crate) vendor: Vec<Seen>,
    pub(crate) state: ConversationState,
    pub(crate) mails: Vec<frontdesk_actors::ports::VerificationMail>,
    /// What colleagues read in private notes.
    pub(crate) notes: Vec<String>,
    pub(crate) incidents: Vec<Incident>,
    /// Cards that landed.
    pub(crate) cards: Vec<Card>,
    /// How often a person was fetched, and colleagues were called again because nobody came.
    called: (usize, usize),
    /// The last seed given to the flow: challenges are made of it.
    pub(crate) seed: [u64; 3],
    pub(super) last_id: u64,
    pub(crate) node: Node,
    /// What happened, as seen from outside.
    pub(super) log: Log,
}

pub(crate) fn key() -> ConversationKey {
    ConversationKey::new("test", 1, 57)
}

pub(crate) fn settled() -> SendOutcome {
    SendOutcome::Verdict(Verdict::Settled { message: None })
}

fn may_leave_a_watcher(row: &Row) -> bool {
    match &row.kind {
        RowKind::Act(Act::Note { .. } | Act::Open | Act::MarkVerified { .. } | Act::ContactEmail { .. }) => true,
        RowKind::Remember(_) | RowKind::Bar(_) => true,
        RowKind::Act(_) | RowKind::Mail(_) | RowKind::Card(_) => false,
    }
}

pub(crate) fn is_text(row: &Row) -> bool {
    matches!(row.kind, RowKind::Act(Act::Text { .. }))
}

impl Rig {
    pub(crate) fn new(gate: bool) -> Self {
        let mut policy = plain_policy(Arc::new(PlainAnalyzer::default()), Arc::new(PlainPhrases::default()));
        policy.channels.insert(
            "test".to_owned(),
            ChannelPolicy {
                gate,
                max_text: 40,
                assigned_by_rule: Some(Duration::from_secs(10)),
                ..ChannelPolicy::default()
            },
        );
        let (now, node) = (Timestamp::from_secs(1_760_000_000), Node { name: "a".into(), boot: 1 });
        let ctx = Ctx { now, seed: [7 << 32, 0, 0], policy: &policy, human_mode: false, paused: false, node: &node };
        let flow = Flow::new(&ctx, key());
        let state = ConversationState { status: Status::Pending, assignee: Assignee::Us, version: 1 };
        Self {
            stored_memory: flow.encode_memory(),
            flow,
            policy,
            now,
            human_mode: false,
            paused: false,
            asked: None,
            hearing: Vec::new(),
            prompts: Vec::new(),
            acquiring: Vec::new(),
            sending: Vec::new(),
            pended: false,
            typing: false,
            looking: None,
            vendor: Vec::new(),
            state,
            mails: Vec::new(),
            notes: Vec::new(),
            incidents: Vec::new(),
            cards: Vec::new(),
            called: (0, 0),
            seed: [0; 3],
            last_id: 0,
            node,
            log: Log::default(),
        }
    }

    pub(super) fn ctx(&self) -> Ctx<'_> {
        Ctx {
            now: self.now,
            seed: self.seed,
            policy: &self.policy,
            human_mode: self.human_mode,
            paused: self.paused,
            node: &self.node,
        }
    }

    pub(crate) fn view(&self) -> View {
        self.flow.view(&self.policy, 1)
    }

    pub(crate) fn phase(&self) -> PhaseName {
        self.flow.phase_name()
    }

    /// The operator decides where the desk only watches.
    pub(crate) fn shadow(&mut self, shadow: Shadow) {
        self.policy.channels.get_mut("test").expect("the rig has one channel").shadow = shadow;
    }

    pub(super) fn watches(&self) -> bool {
        self.policy.channel(&key()).shadow.covers(self.flow.inbox())
    }

    /// Returns how often a person was fetched, and how often colleagues were called again.
    pub(crate) fn calls(&self) -> (usize, usize) {
        self.called
    }

    fn gate(&self) -> bool {
        self.policy.channel(&key()).gate
    }

    /// Stores the memory as a store does that writes only what is new.
    fn store_memory(&mut self) {
        let value = self.flow.memory_value(None);
        if let Some(Growth { had, adds, after: _ }) = value.growth {
            let stored: Vec<Remembered> = rmp_serde::from_slice(&self.stored_memory).expect("it was encoded");
            let whole: Vec<Remembered> = rmp_serde::from_slice(&value.whole).expect("it was encoded");
            assert_eq!(stored.len(), had, "the store has what was written last");
            let grown = [&stored[..], &whole[whole.len() - adds..]].concat();
            assert_eq!(grown[grown.len() - whole.len()..], whole, "what is new makes it whole");
        }
        assert_eq!(value.whole, MemoryValue::join(&value.newest(usize::MAX)), "it is made of its messages");
        self.flow.memory_written();
        self.stored_memory = value.whole.into();
    }

    // === Inputs ===

    /// Handles one input, performs its effects as far as the rig does that by itself, and checks what must always hold.
    pub(crate) fn step(&mut self, input: Input) -> Step {
        self.seed = [self.seed[0] + 1, 0x5eed, self.seed[2] + 111_111];
        let (seed, policy, node) = (self.seed, &self.policy, &self.node);
        let ctx = Ctx { now: self.now, seed, policy, human_mode: self.human_mode, paused: self.paused, node };
        let before = self.view();
        let told = self.log.hears(self.now, &input, &self.mails);
        let step = self.flow.handle(&ctx, input);
        self.log.heard(told, &step);
        if step.memory_changed {
            self.store_memory();
        }
        assert!(self.stored_memory == self.flow.encode_memory(), "the memory changed, and the store is not told");
        self.log.stands(&self.view());
        self.perform(&step, &before);
        self.check();
        step
    }

    fn perform(&mut self, step: &Step, before: &View) {
        for mark in &step.marks {
            self.called.0 += usize::from(matches!(mark, Mark::HandedOff(_)));
            self.called.1 += usize::from(*mark == Mark::NotPickedUp);
        }
        for effect in &step.effects {
            let goes_out = match effect {
                Effect::AskModel { .. }
                | Effect::Transcribe { .. }
                | Effect::Acquire { .. }
                | Effect::Send(_)
                | Effect::Look { .. } => true,
                Effect::Typing(on) => *on,
                Effect::AbortModel | Effect::Alert(_) => false,
            };
            assert!(!(self.paused && goes_out), "something left while everything was paused: {effect:?}");
            match effect {
                Effect::AbortModel => self.asked = None,
                Effect::AskModel { ticket, prompt } => {
                    let view = self.view();
                    let watches = self.watches();
                    assert!(
                        !self.gate() || view.verified.is_some() || watches,
                        "the model was asked before verification"
                    );
                    assert!(prompt.unanswered > 0 && prompt.unanswered <= prompt.history.len());
                    self.asked = Some(*ticket);
                    self.log.asks(*ticket, prompt);
                    self.prompts.push((**prompt).clone());
                }
                Effect::Transcribe { ticket, .. } => {
                    let people = self.phase() == PhaseName::Human && !self.watches();
                    assert!(!people || !self.flow.is_hearing(*ticket), "listened to what people have");
                    self.hearing.push(*ticket);
                }
                Effect::Acquire { row, .. } => self.acquiring.push(*row),
                Effect::Send(row) => {
                    let human = before.phase == PhaseName::Human && step.to == PhaseName::Human;
                    let speech = matches!(row.kind, RowKind::Act(Act::Text { handoff: false, .. }));
                    // An operator's decision is a person's word, until a person has written.
                    assert!(
                        !(human && speech) || row.decided.is_some(),
                        "a text was claimed while a person had it: {row:?}"
                    );
                    assert!(!self.watches() || may_leave_a_watcher(row), "it left in shadow mode: {row:?}");
                    self.pended |= row.tie == Tie::Pend;
                    self.log.sends(row);
                    self.sending.push((**row).clone());
                }
                Effect::Look { ticket, after } => {
                    let newer = self.vendor.iter().filter(|seen| seen.id > *after).cloned().collect();
                    let look = Look { state: self.state.clone(), messages: newer, complete: true };
                    self.looking = Some(Looking { ticket: *ticket, look });
                }
                Effect::Typing(on) => {
                    assert!(!self.watches(), "the customer is shown that somebody types");
                    self.typing = *on;
                }
                Effect::Alert(incident) => self.incidents.push(*incident),
            }
        }
    }

    // === The wire ===

    /// A row lands at the vendor.
    pub(crate) fn land(&mut self, row: &Row) -> Option<MessageId> {
        self.log.lands(self.now, row);
        match &row.kind {
            RowKind::Act(Act::Text { text, .. }) => {
                let id = self.next_id();
                let copies = self.copies(row);
                assert_eq!(copies, 0, "a second copy landed: {row:?}");
                self.vendor.push(Seen {
                    id,
                    at: self.now,
                    author: Author::Us(row.id.clone()),
                    text: text.clone(),
                    voice: None,
                });
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
            RowKind::Act(Act::Note { text }) => {
                self.notes.push(text.clone());
                None
            }
            RowKind::Card(card) => {
                self.cards.push((**card).clone());
                None
            }
            RowKind::Act(_) | RowKind::Remember(_) | RowKind::Bar(_) => None,
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

    /// An operator stops everything, or lets it go on, and every conversation with work is told.
    pub(crate) fn pause(&mut self, on: bool) {
        self.paused = on;
        self.step(Input::DeadlineReached);
    }

    /// What the customer reads, in order.
    pub(crate) fn said(&self) -> Vec<&str> {
        let ours = self.vendor.iter().filter(|seen| matches!(seen.author, Author::Us(_)));
        ours.map(|seen| seen.text.as_str()).collect()
    }
}
