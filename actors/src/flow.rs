//! One conversation as a pure state machine: no clock, no randomness, no I/O.
//!
//! ```text
//!                 address               link or code
//! AwaitingEmail ──────────▶ PendingVerification ──────────▶ Bot ⇄ Human
//!       ▲                        │ expired, wrong codes      ▲       ▲
//!       └────────────────────────┘                           └───────┴── from every phase: a person
//! ```
//!
//! [`Flow::handle`] takes one input and answers with effects; the shell (`conversation.rs`) commits the record before it
//! performs them. What is common to all phases (dedupe, the vendor's state, outcomes of rows, looks) is in `hear.rs`;
//! what each phase does is in `phases/`, one file per phase, every signal answered in each.

#![deny(clippy::disallowed_methods)]

pub mod effect;
pub mod input;
pub mod mark;
pub mod memory;
pub mod outbox;
pub mod policy;
pub mod text;

mod desk;
mod hear;
mod look;
mod phase;
mod phases;
mod pump;
mod record;
mod seen;
mod settle;
mod view;

pub use effect::{Effect, Incident};
pub use input::{Input, SendOutcome};
pub use mark::Mark;
pub use policy::Policy;
pub use record::DecodeError;

use crate::ids::{ConversationKey, Node};
use crate::language::Reason;
use crate::time::Timestamp;
use crate::view::{Intake, PhaseName};
use desk::{Desk, Next};
use memory::Memory;
use phase::{Back, Phase, Signal};
use record::{Common, Volatile};

/// What an input is handled with.
#[derive(Debug, Clone, Copy)]
pub struct Ctx<'a> {
    /// The present moment.
    pub now: Timestamp,
    /// Fresh random numbers, for challenges. Unguessable outside tests.
    pub seed: [u64; 3],
    /// The rules.
    pub policy: &'a Policy,
    /// Whether the global human switch is on.
    pub human_mode: bool,
    /// This node and run.
    pub node: &'a Node,
}

/// What came of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What must now be done, in order.
    pub effects: Vec<Effect>,
    /// What became of the input.
    pub intake: Intake,
    /// The phase before.
    pub from: PhaseName,
    /// The phase after.
    pub to: PhaseName,
    /// Whether this very input verified the customer.
    pub confirmed: bool,
    /// Whether the memory changed.
    pub memory_changed: bool,
    /// What was decided, for the journal.
    pub why: Option<&'static str>,
    /// What is worth counting.
    pub marks: Vec<Mark>,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    common: Common,
    phase: Phase,
    memory: Memory,
}

impl Flow {
    /// Makes a conversation that has not heard anything yet.
    pub fn new(ctx: &Ctx<'_>, key: ConversationKey) -> Self {
        let gate = ctx.policy.channel(&key).gate;
        let phase = if gate { Phase::AwaitingEmail(Default::default()) } else { Phase::Bot(Default::default()) };
        let common = Common {
            key,
            epoch: u32::try_from(ctx.seed[0] >> 32).unwrap_or_default(),
            inbox: String::new(),
            contact: None,
            born: ctx.now,
            lang: None,
            verified: None,
            state: None,
            seen: Default::default(),
            watermark: Default::default(),
            owed: Vec::new(),
            first_words: String::new(),
            outbox: Default::default(),
            next_ticket: Default::default(),
            spent: Vec::new(),
            volatile: Volatile::default(),
        };
        Self { common, phase, memory: Memory::default() }
    }

    /// Restores a conversation as stored. Rows that were on the wire are of unknown outcome now, and unfinished work must
    /// look before it speaks: whoever worked on it is gone.
    ///
    /// # Errors
    /// [`DecodeError`] if the record cannot be read. A damaged memory is no error: it is context only.
    pub fn restore(ctx: &Ctx<'_>, record: &[u8], memory: Option<&[u8]>) -> Result<Self, DecodeError> {
        let (common, phase) = record::decode(record)?;
        let memory = memory.and_then(|bytes| rmp_serde::from_slice(bytes).ok()).unwrap_or_default();
        let mut flow = Self { common, phase, memory };
        flow.doubt_the_wire(ctx);
        if let Phase::Bot(bot) = &mut flow.phase {
            bot.revive(ctx.now);
        }
        flow.common.volatile.gap = flow.has_work();
        Ok(flow)
    }

    /// Returns the control record, encoded.
    pub fn encode(&self) -> Vec<u8> {
        record::encode(&self.common, &self.phase)
    }

    /// Returns the memory, encoded.
    pub fn encode_memory(&self) -> Vec<u8> {
        // Room for the names around each text, and the texts.
        let room = self.memory.messages().iter().map(|message| 64 + message.text.len()).sum();
        let mut memory = Vec::with_capacity(room);
        rmp_serde::encode::write_named(&mut memory, &self.memory).expect("a memory has only encodable fields");
        memory
    }

    /// Advances the conversation by one input and returns what must now be done, in order.
    pub fn handle(&mut self, ctx: &Ctx<'_>, input: Input) -> Step {
        let from = self.phase.name();
        let mut desk = Desk {
            ctx,
            common: &mut self.common,
            memory: &mut self.memory,
            memory_dirty: false,
            effects: Vec::new(),
            why: None,
            confirmed: false,
            marks: Vec::new(),
            person_has_it: matches!(&self.phase, Phase::Human(human) if human.touched),
        };
        let heard = desk.hear(&mut self.phase, input);
        for signal in heard.signals {
            if let Some(mode) = human_switch(&self.phase, ctx, &signal) {
                apply(&mut self.phase, &mut desk, mode);
            }
            apply(&mut self.phase, &mut desk, signal);
        }
        // Always: a deadline that has passed is taken off the list of deadlines, whatever the input was.
        let before = self.phase.name();
        apply(&mut self.phase, &mut desk, Signal::Tick);
        if self.phase.name() != before {
            // What time led to begins at once: nothing else would wake a conversation that people left.
            apply(&mut self.phase, &mut desk, Signal::Tick);
        }
        desk.pump(&mut self.phase);
        desk.common.volatile.handled = Some(ctx.now);
        let (effects, why, confirmed, memory_changed, marks) =
            (desk.effects, desk.why, desk.confirmed, desk.memory_dirty, desk.marks);
        Step { effects, intake: heard.intake, from, to: self.phase.name(), confirmed, memory_changed, why, marks }
    }

    /// Events may have been missed: the vendor is looked at before the desk speaks again.
    pub fn suspect(&mut self) {
        self.common.volatile.suspect = true;
    }

    /// Returns when something was last said that is remembered.
    pub fn last_word(&self) -> Option<Timestamp> {
        self.memory.messages().last().map(|message| message.at)
    }

    /// Returns whether something is left to do without a customer, a person or an operator.
    pub fn has_work(&self) -> bool {
        let turn = matches!(&self.phase, Phase::Bot(bot) if bot.turn.is_some());
        turn || self.common.outbox.has_work()
    }

    /// Returns whether the contact's verification in another conversation would change anything.
    pub fn wants_contact(&self) -> bool {
        self.common.verified.is_none() && matches!(self.phase, Phase::AwaitingEmail(_) | Phase::PendingVerification(_))
    }
}

/// What the global human switch means to a customer's message: asked when the message is heard, after everything that came
/// with it.
fn human_switch(phase: &Phase, ctx: &Ctx<'_>, signal: &Signal) -> Option<Signal> {
    if !matches!(signal, Signal::Wrote(_)) {
        return None;
    }
    match phase {
        Phase::Human(human) => (!ctx.human_mode && human.is_by_switch()).then_some(Signal::HandedBack(Back::ModeOff)),
        Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Bot(_) => {
            ctx.human_mode.then_some(Signal::TakenOver(Reason::HumanMode))
        }
    }
}

/// Lets the phase answer a signal, and a phase it leads to begin.
fn apply(phase: &mut Phase, desk: &mut Desk<'_>, signal: Signal) {
    let before = phase.name();
    let next = match phase {
        Phase::AwaitingEmail(phase) => phase.on(desk, signal),
        Phase::PendingVerification(phase) => phase.on(desk, signal),
        Phase::Bot(phase) => phase.on(desk, signal),
        Phase::Human(phase) => phase.on(desk, signal),
    };
    if let Next::Go(next) = next {
        let leaves_bot = matches!(phase, Phase::Bot(_));
        *phase = next;
        if leaves_bot && before != phase.name() {
            desk.effects.push(Effect::AbortModel);
        }
    }
}
