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

mod age;
mod away;
pub mod effect;
pub mod input;
pub mod mark;
pub mod memory;
pub mod outbox;
pub mod policy;
pub mod shadow;
pub mod text;

mod audit;
mod carried;
mod changed;
mod clock;
mod decide;
mod desk;
mod edges;
mod erase;
mod forgotten;
mod hear;
mod known;
mod landed;
mod late;
mod left;
mod look;
mod note;
mod opened;
mod orders;
mod owed;
mod pended;
mod phase;
mod phases;
mod placed;
mod pump;
mod put_away;
mod record;
mod reload;
mod replies;
mod seen;
mod settle;
mod unannounced;
mod unsent;
mod view;
mod voice;

pub(crate) use audit::conversation as audit;
pub(crate) use away::LATE_TRIES;
pub use effect::{Effect, Incident};
pub use input::{Input, SendOutcome};
pub use known::Known;
pub use mark::Mark;
pub use note::Noted;
pub use policy::Policy;
pub use record::DecodeError;
pub(crate) use record::read;
pub use reload::Kept;
pub use view::stored_rows;
pub(crate) use voice::unheard_call;

use crate::ids::{CommitId, ConversationKey, Node};
use crate::language::Reason;
use crate::ports::MemoryValue;
use crate::time::Timestamp;
use crate::view::{Decided, Intake, PhaseName};
use desk::{Desk, Found, Next};
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
    /// Whether an operator has stopped everything that leaves the house.
    pub paused: bool,
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
    /// What became of an operator's decision, if this input was one.
    pub decided: Option<Decided>,
    /// Whether the memory changed.
    pub memory_changed: bool,
    /// What was decided, for the journal.
    pub why: Option<&'static str>,
    /// What is worth counting.
    pub marks: Vec<Mark>,
    /// What the journal says beside all that.
    pub noted: Noted,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    common: Common,
    phase: Phase,
    memory: Memory,
    /// What was decided while it was read from the store, until the next input's step tells it.
    found: Option<Box<Found>>,
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
            person: Default::default(),
            shown: Vec::new(),
            heard: 0,
            pended: None,
            opened: None,
            opening: None,
            unannounced: false,
            found_assigned: false,
            ordered: 0,
            owed: Vec::new(),
            unheard: Vec::new(),
            theirs: Vec::new(),
            left: Vec::new(),
            untold: Vec::new(),
            first_words: String::new(),
            outbox: Default::default(),
            spent: Vec::new(),
            waits_since: Timestamp::default(),
            landed: Default::default(),
            undelivered: Vec::new(),
            returned: 0,
            drafts: Vec::new(),
            refused_mails: 0,
            taken: 0,
            done: 0,
            resumed: None,
            forgot: None,
            handed: Default::default(),
            since_taken: Vec::new(),
            volatile: Volatile::begin(ctx),
        };
        Self { common, phase, memory: Memory::default(), found: None }
    }

    /// Returns the control record, encoded.
    pub fn encode(&self) -> Vec<u8> {
        record::encode(&self.common, &self.phase)
    }

    /// Returns the memory, encoded.
    pub fn encode_memory(&self) -> Vec<u8> {
        self.memory.encode()
    }

    /// Returns the memory as it is to be stored, after the commit that was stored last.
    pub fn memory_value(&self, after: Option<CommitId>) -> MemoryValue {
        self.memory.value(after)
    }

    /// The memory has been stored as it is now.
    pub fn memory_written(&mut self) {
        self.memory.was_written();
    }

    /// Advances the conversation by one input and returns what must now be done, in order.
    pub fn handle(&mut self, ctx: &Ctx<'_>, input: Input) -> Step {
        let from = self.phase.name();
        let (heard_as, state) = note::heard(&self.common, &input);
        let found = self.found.take();
        let mut desk = Desk::begin(ctx, (&mut self.common, &mut self.memory), &self.phase, found);
        // Before and after: which inbox it is may only be heard now.
        desk.stay_in_shadow(&mut self.phase);
        // Before and after: neither what waited nor what begins now is said under the switch.
        silence(&mut self.phase, &mut desk);
        let before = desk.hear_before(&self.phase, &input);
        let news = !before.is_empty();
        for signal in before {
            apply(&mut self.phase, &mut desk, signal);
        }
        let heard = desk.hear(&mut self.phase, input);
        desk.stay_in_shadow(&mut self.phase);
        for signal in heard.signals {
            if let Some(mode) = human_switch(&self.phase, ctx, &signal) {
                apply(&mut self.phase, &mut desk, mode);
            }
            apply(&mut self.phase, &mut desk, signal);
        }
        tick(&mut self.phase, &mut desk);
        silence(&mut self.phase, &mut desk);
        desk.pump(&mut self.phase);
        if desk.in_shadow() {
            desk.effects.retain(|effect| !matches!(effect, Effect::Typing(_)));
        }
        end_typing(&self.phase, &mut desk);
        desk.common.volatile.handled = Some(ctx.now);
        let (effects, why, confirmed, decided, memory_changed, marks) =
            (desk.effects, desk.why, desk.confirmed, desk.decided, desk.memory_dirty, desk.marks);
        let noted = Noted {
            heard: heard_as,
            state,
            person: note::person(&self.phase),
            did: note::did(&effects, |seq| desk.common.row_name(seq)),
            dropped: desk.dropped,
            owed: desk.common.owed.len() + desk.common.unheard.len(),
        };
        Step {
            effects,
            intake: if news { Intake::Accepted } else { heard.intake },
            from,
            to: self.phase.name(),
            confirmed,
            decided,
            memory_changed,
            why,
            marks,
            noted,
        }
    }

    /// Events may have been missed: the vendor is looked at before the desk speaks again.
    pub fn suspect(&mut self) {
        self.common.volatile.suspect = true;
    }

    /// Like [`Flow::suspect`], where it is known until when events may have been missed.
    pub fn suspect_until(&mut self, missed_until: Timestamp) {
        self.suspect();
        self.common.volatile.missed_until = missed_until;
    }

    /// Nothing was said here before, but events were missed until just now, perhaps because this process has only just been
    /// `started`: the vendor may open it because of that.
    pub fn begins_after(&mut self, missed_until: Timestamp, started: bool) {
        (self.common.volatile.missed_until, self.common.volatile.started) = (missed_until, started);
    }

    /// Returns when something was last said that is remembered.
    pub fn last_word(&self) -> Option<Timestamp> {
        self.memory.newest_first().next().map(|said| said.at)
    }

    /// Returns whether something is left to do without a customer, a person or an operator.
    pub fn has_work(&self) -> bool {
        self.phase.turn().is_some() || self.is_called_for() || self.has_unheard() || self.common.outbox.has_work()
    }

    /// Returns whether colleagues are to be called again, and only a look at the vendor is awaited.
    fn is_called_for(&self) -> bool {
        let handled = self.common.volatile.handled;
        let due = |human: &phase::Human| human.pickup.is_some_and(|pickup| handled.is_some_and(|at| pickup.due <= at));
        matches!(&self.phase, Phase::Human(human) if due(human))
    }

    /// Returns whether the contact's verification in another conversation would change anything.
    pub fn wants_contact(&self) -> bool {
        self.common.verified.is_none() && matches!(self.phase, Phase::AwaitingEmail(_) | Phase::PendingVerification(_))
    }
}

/// What the global human switch means to a customer's message: asked when the message is heard, after everything that came
/// with it.
fn human_switch(phase: &Phase, ctx: &Ctx<'_>, signal: &Signal) -> Option<Signal> {
    if !matches!(signal, Signal::Wrote(_) | Signal::Spoke(_)) {
        return None;
    }
    match phase {
        Phase::Human(human) => (!ctx.human_mode && human.is_by_switch()).then_some(Signal::HandedBack(Back::ModeOff)),
        Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Bot(_) => {
            ctx.human_mode.then_some(Signal::TakenOver(Reason::HumanMode))
        }
    }
}

/// Under the global human switch the desk says nothing: whoever it was about to answer is the people's from here on.
fn silence(phase: &mut Phase, desk: &mut Desk<'_>) {
    let speaks = match phase {
        Phase::Bot(bot) => bot.turn.is_some() || desk.has_unsaid_words(),
        Phase::AwaitingEmail(_) | Phase::PendingVerification(_) => desk.has_unsaid_words(),
        Phase::Human(_) => false,
    };
    if speaks && desk.ctx.human_mode {
        apply(phase, desk, Signal::TakenOver(Reason::HumanMode));
    }
}

/// Does what time has made due: listens to what was said, and lets the phase go on.
fn tick(phase: &mut Phase, desk: &mut Desk<'_>) {
    for signal in desk.listen(phase) {
        apply(phase, desk, signal);
    }
    // Always: a deadline that has passed is taken off the list of deadlines, whatever the input was.
    let before = phase.name();
    apply(phase, desk, Signal::Tick);
    if phase.name() != before {
        // What time led to begins at once: nothing else would wake a conversation that people left.
        apply(phase, desk, Signal::Tick);
    }
    desk.settle_pend();
}

/// Nobody answers any more, a person has come or nothing is owed: nobody is shown to type. Vendors show it until they are told.
fn end_typing(phase: &Phase, desk: &mut Desk<'_>) {
    let told = desk.effects.iter().rev().find_map(|effect| match effect {
        Effect::Typing(on) => Some(*on),
        Effect::AbortModel
        | Effect::AskModel { .. }
        | Effect::Transcribe { .. }
        | Effect::Acquire { .. }
        | Effect::Send(_)
        | Effect::Look { .. }
        | Effect::Alert(_) => None,
    });
    let typing = told.unwrap_or(desk.common.volatile.typing);
    let ended = typing && phase.turn().is_none();
    if ended {
        desk.effects.push(Effect::Typing(false));
    }
    desk.common.volatile.typing = typing && !ended;
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
