//! From inputs to signals: what is the same in every phase. Duplicates, the vendor's state, the human switch.

use crate::domain::{Assignee, ConversationState, CustomerMessage, Event, Inbound, Order, Remembered, Role, Status};
use crate::flow::desk::Desk;
use crate::flow::effect::{Effect, Incident};
use crate::flow::input::Input;
use crate::flow::mark::{GateMark, Mark};
use crate::flow::outbox::Tie;
use crate::flow::phase::{Back, Phase, Signal};
use crate::ids::MessageId;
use crate::language::Reason;
use crate::ports::Verdict;
use crate::time::Timestamp;
use crate::view::Intake;

/// How many takes without progress are enough: then a person is fetched.
const MAX_TAKES: u32 = 3;

/// How many characters of the first message the verification page shows.
const FIRST_WORDS: usize = 80;

/// What an input means to the phase.
pub(crate) struct Heard {
    pub(crate) intake: Intake,
    pub(crate) signals: Vec<Signal>,
}

impl Heard {
    fn accepted(signals: Vec<Signal>) -> Self {
        Self { intake: Intake::Accepted, signals }
    }
}

impl Desk<'_> {
    pub(crate) fn hear(&mut self, phase: &mut Phase, input: Input) -> Heard {
        match input {
            Input::Inbound(inbound) => self.hear_inbound(phase, *inbound),
            Input::ContactKnown(verified) => {
                self.gate_mark(GateMark::Known);
                Heard::accepted(vec![Signal::Proven(verified)])
            }
            Input::LinkConfirmed(challenge) => Heard::accepted(vec![Signal::Confirmed(challenge)]),
            Input::LinkDisowned(challenge) => Heard::accepted(vec![Signal::Disowned(challenge)]),
            Input::Ordered(Order::Human) => Heard::accepted(vec![Signal::FetchPerson(Reason::Operator)]),
            Input::Ordered(order) => Heard::accepted(self.ordered(order)),
            Input::HumanModeOff => Heard::accepted(vec![Signal::HandedBack(Back::ModeOff)]),
            Input::ModelReplied { ticket, result } => Heard::accepted(vec![Signal::Replied { ticket, result }]),
            Input::Cleared { row } => {
                self.cleared(phase, row);
                Heard::accepted(Vec::new())
            }
            Input::Sent { row, attempt, outcome } => Heard::accepted(self.sent(row, attempt, outcome)),
            Input::Looked { ticket, result } => Heard::accepted(self.looked(phase, ticket, result)),
            Input::DeadlineReached => Heard::accepted(Vec::new()),
            Input::Recovered { takes } => Heard::accepted(self.recovered(takes)),
        }
    }

    fn hear_inbound(&mut self, phase: &Phase, inbound: Inbound) -> Heard {
        if self.common.inbox != inbound.inbox {
            self.common.inbox = inbound.inbox;
        }
        if inbound.contact.is_some() && self.common.contact != inbound.contact {
            self.common.contact = inbound.contact;
        }
        self.common.volatile.fresh = Some(self.ctx.now);
        let of_state = inbound.state.map(|state| self.hear_state(phase, state)).unwrap_or_default();
        let proof = inbound.proof.filter(|_| self.common.verified.is_none()).map(|proof| {
            Signal::Proven(crate::domain::Verified { address: proof.address, at: self.ctx.now, by: proof.by })
        });
        // A person's words count first, and outweigh a conversation that looks the bot's.
        let event_first = matches!(inbound.event, Event::PersonWrote { .. });
        let (intake, of_event) = self.hear_event(inbound.event);
        let mut signals: Vec<Signal> = proof.into_iter().collect();
        let mut of_state = of_state;
        if event_first {
            of_state.retain(|signal| *signal != Signal::HandedBack(Back::Pending));
        }
        let (first, then) = if event_first { (of_event, of_state) } else { (of_state, of_event) };
        signals.extend(first);
        signals.extend(then);
        let intake = if signals.is_empty() { intake } else { Intake::Accepted };
        Heard { intake, signals }
    }

    fn hear_event(&mut self, event: Event) -> (Intake, Vec<Signal>) {
        match event {
            Event::CustomerWrote(message) => self.customer_wrote(message),
            Event::PersonWrote { id, at, text } => self.person_wrote(id, at, text),
            Event::OtherWrote { id } => {
                self.saw(id);
                (Intake::Ignored("neither the customer nor a person wrote it"), Vec::new())
            }
            Event::Echo { row, id } => {
                self.saw(id);
                match self.common.outbox.by_id(&row).map(|row| row.seq) {
                    Some(seq) => (Intake::Accepted, self.landed(seq, Verdict::Settled { message: Some(id) })),
                    None => (Intake::Ignored("our own message"), Vec::new()),
                }
            }
            Event::Ordered { id, order } => {
                if !self.first_time(id) {
                    return (Intake::Duplicate, Vec::new());
                }
                let signals = match order {
                    Order::Human => vec![Signal::TakenOver(Reason::ColleagueNote)],
                    Order::Bot | Order::Forget => self.ordered(order),
                };
                (Intake::Accepted, signals)
            }
            Event::Deleted { id } => {
                let remembered = self.memory.remove(id);
                self.memory_dirty |= remembered;
                let owed = self.common.owed.iter().any(|owed| owed.id == id);
                if owed || remembered {
                    (Intake::Accepted, vec![Signal::Deleted(id)])
                } else {
                    (Intake::Ignored("the deleted message was not remembered"), Vec::new())
                }
            }
            Event::StateChanged => (Intake::Ignored("nothing changed for the desk"), Vec::new()),
        }
    }

    /// The customer wrote: once per id.
    pub(super) fn customer_wrote(&mut self, message: CustomerMessage) -> (Intake, Vec<Signal>) {
        if !self.first_time(message.id) {
            return (Intake::Duplicate, Vec::new());
        }
        if self.common.first_words.is_empty() {
            self.common.first_words = message.text.chars().take(FIRST_WORDS).collect();
        }
        if !message.text.trim().is_empty() {
            self.remember(Remembered {
                id: Some(message.id),
                role: Role::Customer,
                text: message.text.clone(),
                at: message.at,
            });
        }
        (Intake::Accepted, vec![Signal::Wrote(message)])
    }

    /// A person wrote to the customer: once per id.
    pub(super) fn person_wrote(&mut self, id: MessageId, at: Timestamp, text: String) -> (Intake, Vec<Signal>) {
        if !self.first_time(id) {
            return (Intake::Duplicate, Vec::new());
        }
        if !text.trim().is_empty() {
            self.remember(Remembered { id: Some(id), role: Role::Person, text, at });
        }
        (Intake::Accepted, vec![Signal::TakenOver(Reason::PersonWrote)])
    }

    /// Notes a vendor id. Returns whether it was new.
    fn first_time(&mut self, id: MessageId) -> bool {
        self.saw(id);
        if self.common.seen.contains(id) {
            self.why = Some("taken before");
            self.marks.push(Mark::Duplicate);
            return false;
        }
        self.common.seen.insert(id);
        if !self.common.volatile.gap && !self.common.volatile.suspect {
            self.common.watermark = self.common.watermark.max(id);
        }
        true
    }

    pub(super) fn saw(&mut self, id: MessageId) {
        let volatile = &mut self.common.volatile;
        volatile.watermark = volatile.watermark.max(id);
    }

    /// Takes the vendor's state where it is newer than what was seen, and tells what the change means.
    pub(super) fn hear_state(&mut self, phase: &Phase, new: ConversationState) -> Vec<Signal> {
        let known = self.common.state.as_ref().map_or(0, |state| state.version).max(self.common.volatile.version);
        if new.version < known {
            self.why = Some("an older state of the conversation");
            self.marks.push(Mark::OlderState);
            return Vec::new();
        }
        self.common.volatile.version = new.version;
        let old = self.common.state.as_ref();
        let changed = old.is_none_or(|old| old.status != new.status || old.assignee != new.assignee);
        let mut signals = edges(old, &new);
        let pending_ours = self.common.outbox.rows().iter().any(|row| row.tie == Tie::Pend);
        let is_human = matches!(phase, Phase::Human(_));
        let ours = self.channel().is_ours(&new);
        if old.is_none() && !ours && new.status == Status::Open && new.assignee == Assignee::Nobody {
            self.effects.push(Effect::Alert(Incident::NoBotConnected));
        }
        let not_ours = !ours && new.status != Status::Resolved;
        if not_ours && !is_human && !pending_ours {
            signals.push(Signal::TakenOver(Reason::NotPending));
        }
        if changed {
            self.common.state = Some(new);
        }
        signals
    }

    fn ordered(&mut self, order: Order) -> Vec<Signal> {
        match order {
            Order::Bot => vec![Signal::HandedBack(Back::Order)],
            Order::Human => vec![Signal::FetchPerson(Reason::Operator)],
            Order::Forget => {
                self.memory.clear();
                self.memory_dirty = true;
                self.common.first_words.clear();
                vec![Signal::Forgotten]
            }
        }
    }

    fn recovered(&mut self, takes: u32) -> Vec<Signal> {
        self.common.volatile.gap = true;
        let mut signals = self.doubt_the_wire();
        if takes >= MAX_TAKES {
            signals.push(Signal::FetchPerson(Reason::Interrupted));
        }
        signals
    }
}

/// What the difference between two states means. Whoever resolves is done, also if assigned in the same step. An assignee that merely stays means nothing: after a resolve the old one
/// is still there.
fn edges(old: Option<&ConversationState>, new: &ConversationState) -> Vec<Signal> {
    let mut signals = Vec::new();
    let status_changed = old.is_some_and(|old| old.status != new.status);
    match new.status {
        Status::Resolved if status_changed => signals.push(Signal::HandedBack(Back::Resolved)),
        Status::Pending if status_changed => signals.push(Signal::HandedBack(Back::Pending)),
        Status::Pending | Status::Resolved | Status::Open | Status::Snoozed => {}
    }
    let before = old.map(|old| &old.assignee);
    match (&new.assignee, before) {
        (Assignee::Person(person), Some(before))
            if *before != Assignee::Person(person.clone()) && new.status != Status::Resolved =>
        {
            signals.push(Signal::TakenOver(Reason::PersonAssigned));
        }
        (Assignee::Us, Some(Assignee::Person(_) | Assignee::OtherBot(_))) if new.status == Status::Pending => {
            signals.push(Signal::HandedBack(Back::Pending));
        }
        (Assignee::OtherBot(other), before) if before != Some(&Assignee::OtherBot(other.clone())) => {
            signals.push(Signal::TakenOver(Reason::OtherBot));
        }
        (Assignee::Person(_) | Assignee::Us | Assignee::OtherBot(_) | Assignee::Nobody, _) => {}
    }
    signals
}
