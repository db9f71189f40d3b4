//! From inputs to signals: what is the same in every phase. Duplicates, the vendor's state, the human switch.

use crate::domain::{Assignee, ConversationState, CustomerMessage, Event, Inbound, Order, Remembered, Role, Status};
use crate::flow::desk::Desk;
use crate::flow::edges::{edges, in_turn};
use crate::flow::effect::{Effect, Incident};
use crate::flow::input::Input;
use crate::flow::mark::{GateMark, Mark};
use crate::flow::opened::given_back;
use crate::flow::orders::given_back_in;
use crate::flow::phase::{Back, Phase, Signal};
use crate::ids::MessageId;
use crate::language::Reason;
use crate::ports::Verdict;
use crate::time::Timestamp;
use crate::view::Intake;

/// How many takes without progress are enough: then a person is fetched.
const MAX_TAKES: u32 = 3;

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
            Input::Inbound(inbound) => {
                self.is_told(&inbound.event);
                self.hear_inbound(phase, *inbound)
            }
            Input::ContactKnown(verified) => {
                self.gate_mark(GateMark::Known);
                Heard::accepted(vec![Signal::Proven(verified)])
            }
            Input::LinkConfirmed(challenge) => Heard::accepted(vec![Signal::Confirmed(challenge)]),
            Input::LinkDisowned(challenge) => Heard::accepted(vec![Signal::Disowned(challenge)]),
            Input::Ordered(Order::Human) => Heard::accepted(vec![Signal::FetchPerson(Reason::Operator)]),
            Input::Ordered(order) => {
                if order == Order::Bot && !matches!(phase, Phase::Human(_)) {
                    // The desk has it already, as far as it knows: the operator may know better.
                    self.common.volatile.suspect = true;
                    self.look();
                }
                let signals = self.ordered(order);
                if order == Order::Bot {
                    self.resumed();
                }
                Heard::accepted(signals)
            }
            Input::Erased => {
                self.erase(phase);
                Heard::accepted(Vec::new())
            }
            Input::Decided { row, decision } => {
                self.decide(phase, &row, decision);
                Heard::accepted(Vec::new())
            }
            Input::Poisoned => Heard::accepted(vec![Signal::FetchPerson(Reason::Poison)]),
            Input::HumanModeOff => Heard::accepted(vec![Signal::HandedBack(Back::ModeOff)]),
            Input::ModelReplied { ticket, result } => Heard::accepted(vec![Signal::Replied { ticket, result }]),
            Input::Transcribed { ticket, result } => Heard::accepted(self.transcribed(ticket, result)),
            Input::Cleared { row } => {
                self.cleared(phase, row);
                Heard::accepted(Vec::new())
            }
            Input::Sent { row, attempt, outcome } => Heard::accepted(self.sent(row, attempt, outcome)),
            Input::Looked { ticket, result } => Heard::accepted(self.looked(phase, ticket, result)),
            Input::LookAround => {
                self.common.volatile.suspect = true;
                self.look();
                Heard::accepted(Vec::new())
            }
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
        let mut event = inbound.event;
        if let Some(handle) = inbound.reply {
            event = self.stands_last(event);
            if !self.common.outbox.replies.hear(handle, event.customers_message()) {
                self.why = Some("taken before");
                self.marks.push(Mark::Duplicate);
                return Heard { intake: Intake::Duplicate, signals: Vec::new() };
            }
        }
        let missed = matches!(event, Event::Missed { .. });
        self.common.volatile.started &= !missed;
        let may_be_ours = missed || self.in_aftermath();
        let overtaken = self.is_overtaken(phase, &event, inbound.state.as_ref());
        let noted = given_back_in(&event, inbound.state.as_ref());
        // Put away still, and not only when it was listed.
        let resolved = !overtaken && inbound.state.as_ref().is_some_and(|state| state.status == Status::Resolved);
        let version = inbound.state.as_ref().map_or(0, |state| state.version);
        // What came since has changed whose the conversation is.
        let spoken = matches!(event, Event::PersonWrote { .. } | Event::Ordered { order: Order::Human, .. });
        let over = spoken && inbound.state.as_ref().is_some_and(|state| self.is_over(state));
        let wrote = if let Event::CustomerWrote(message) = &event { Some((message.id, message.at)) } else { None };
        if let (Event::PersonWrote { .. }, Some(state)) = (&event, &inbound.state) {
            self.is_taken_in(state);
        }
        let of_state =
            inbound.state.map(|state| self.hear_state(phase, state, (may_be_ours, false))).unwrap_or_default();
        let proof = inbound.proof.filter(|_| self.common.verified.is_none()).map(|proof| {
            Signal::Proven(crate::domain::Verified { address: proof.address, at: self.ctx.now, by: proof.by })
        });
        let from_person = matches!(event, Event::PersonWrote { .. });
        self.read_back |= spoken && overtaken && !over;
        let said = self.forgotten_carried(&event);
        let (intake, mut of_event) = self.hear_event(phase, event, overtaken);
        if over && !of_event.is_empty() {
            of_event.clear();
            self.words_are_over(phase);
        }
        self.note_taken(&of_event, if spoken && version > 0 { version } else { self.newest_version() });
        if let Some((id, at)) = wrote.filter(|_| intake == Intake::Accepted) {
            self.note_since_taken(phase, (id, version));
            self.is_heard_from_the_start(at);
        }
        if noted.is_some() && !of_event.is_empty() {
            self.note_order(noted);
        }
        of_event.extend(self.said_and_forgotten(phase, said.as_slice(), &[]));
        if missed && resolved && !of_event.is_empty() {
            // A customer who writes reopens it: what was written before is dealt with.
            of_event.push(Signal::HandedBack(Back::Resolved));
        }
        let mut signals: Vec<Signal> = proof.into_iter().collect();
        signals.extend(in_turn(of_event, of_state, (missed, from_person)));
        let intake = if signals.is_empty() { intake } else { Intake::Accepted };
        Heard { intake, signals }
    }

    /// A person wrote, and people were done with the conversation after that: nobody has it because of these words.
    fn words_are_over(&mut self, phase: &Phase) {
        self.why = Some("people were done with it after that");
        if matches!(phase, Phase::Human(_)) {
            // What stands before them that person had read.
            self.leave_to_people(&Reason::PersonWrote);
        }
    }

    /// `overtaken` says that the vendor's state has changed since the event.
    fn hear_event(&mut self, phase: &Phase, event: Event, overtaken: bool) -> (Intake, Vec<Signal>) {
        match event {
            Event::CustomerWrote(message) => self.customer_wrote(message),
            Event::PersonWrote { id, at, text } => {
                self.is_placed(id);
                self.person_wrote(id, at, text)
            }
            Event::OtherWrote { id } => {
                self.saw(id);
                (Intake::Ignored("neither the customer nor a person wrote it"), Vec::new())
            }
            Event::Echo { row, id } => {
                self.saw(id);
                match self.common.outbox.by_id(&row).map(|row| row.seq) {
                    Some(seq) => (Intake::Accepted, self.landed(seq, Verdict::Settled { message: Some(id) })),
                    None => {
                        self.echoed_again(&row, id);
                        (Intake::Ignored("our own message"), Vec::new())
                    }
                }
            }
            Event::Carried { id, at, text } => self.carried(id, at, &text),
            Event::Fared { id, reached } => self.fared(id, reached),
            Event::Ordered { id, order } => self.ordered_by_note(phase, (id, order), overtaken),
            Event::Edited { id, text } => (self.edited(self.common.seen.placed(id), &text), Vec::new()),
            Event::Deleted { id } => self.deleted(id),
            Event::Assigned => self.assigned(phase, overtaken),
            Event::StateChanged | Event::StatusChanged { .. } => {
                (Intake::Ignored("nothing changed for the desk"), Vec::new())
            }
            Event::Missed { events, complete } => self.hear_missed(phase, events, (complete, overtaken)),
        }
    }

    /// The vendor tells how it was until it changed. That counts in the people's hands alone: there it tells of a hand-back whose
    /// state looks like the one that is known. Of what is older than that only a person's putting away is news.
    pub(crate) fn hear_before(&mut self, phase: &Phase, input: &Input) -> Vec<Signal> {
        let Input::Inbound(inbound) = input else { return Vec::new() };
        let Event::StatusChanged { before } = &inbound.event else { return Vec::new() };
        let news = before.version >= self.newest_version() || before.status == Status::Resolved;
        if !news || !matches!(phase, Phase::Human(_)) {
            return Vec::new();
        }
        self.hear_state(phase, before.clone(), (self.in_aftermath(), false))
    }

    /// A person was assigned. Where the state before it was heard of, the edge between the two has said so already.
    fn assigned(&mut self, phase: &Phase, overtaken: bool) -> (Intake, Vec<Signal>) {
        let stands = self
            .common
            .state
            .as_ref()
            .is_some_and(|state| state.status != Status::Resolved && matches!(state.assignee, Assignee::Person(_)));
        // Older than the first state that was heard, it was before everything that could have given the conversation back.
        let overtaken = overtaken && !self.common.found_assigned;
        if overtaken || !stands || matches!(phase, Phase::Human(_)) {
            return (Intake::Ignored("nothing changed for the desk"), Vec::new());
        }
        self.common.found_assigned = false;
        (Intake::Accepted, vec![Signal::TakenOver(Reason::PersonAssigned)])
    }

    /// Takes what happened unheard, in its order. Nothing is said before all of it is known.
    fn hear_missed(
        &mut self,
        phase: &Phase,
        events: Vec<Event>,
        (complete, overtaken): (bool, bool),
    ) -> (Intake, Vec<Signal>) {
        self.common.volatile.suspect |= !complete;
        let overtaken = overtaken || self.is_taken_since_gap(phase);
        let mut intake = Intake::Ignored("nothing was missed");
        let mut signals = Vec::new();
        // What was asked before it may be answered, so it counts together with what it is read back with.
        let said: Vec<_> = events.iter().filter_map(|event| self.forgotten(event)).collect();
        for event in events.into_iter().filter(|event| !matches!(event, Event::Missed { .. })) {
            let person = if let Event::PersonWrote { id, .. } = &event { Some(*id) } else { None };
            if let Event::CustomerWrote(message) = &event {
                self.is_untold(message.id);
            }
            let (taken, of_event) = self.hear_event(phase, event, overtaken);
            if let Some(id) = person.filter(|_| taken == Intake::Accepted) {
                self.is_shown(id);
            }
            if taken == Intake::Accepted || matches!(intake, Intake::Ignored(_)) {
                intake = taken;
            }
            signals.extend(of_event);
        }
        signals.extend(self.said_and_forgotten(phase, &said, &signals));
        if complete {
            self.close_gap();
            self.outlive_forgetting();
        }
        (intake, signals)
    }

    /// The customer wrote: once per id.
    pub(super) fn customer_wrote(&mut self, message: CustomerMessage) -> (Intake, Vec<Signal>) {
        if !self.first_time(message.id) {
            return (Intake::Duplicate, Vec::new());
        }
        let id = message.id;
        let Some(message) = self.keep_recording(message) else {
            return (Intake::Accepted, vec![Signal::Spoke(id)]);
        };
        self.note_words(&message);
        (Intake::Accepted, vec![Signal::Wrote(message)])
    }

    /// A person wrote to the customer: once per id.
    pub(super) fn person_wrote(&mut self, id: MessageId, at: Timestamp, text: String) -> (Intake, Vec<Signal>) {
        if !self.first_time(id) {
            return (Intake::Duplicate, Vec::new());
        }
        self.common.person = self.common.person.max(id);
        if !text.trim().is_empty() {
            self.remember(Remembered { id: Some(id), role: Role::Person, text, at, voice: false });
        }
        // Whoever wrote them may be gone: an operator has given it back since.
        self.read_back |= self.common.resumed.is_some_and(|resumed| at < resumed);
        (Intake::Accepted, self.taken_by_words(id, Reason::PersonWrote))
    }

    /// Notes a vendor id. Returns whether it was new.
    pub(super) fn first_time(&mut self, id: MessageId) -> bool {
        self.saw(id);
        if self.common.seen.contains(id) {
            self.why = Some("taken before");
            self.marks.push(Mark::Duplicate);
            return false;
        }
        self.common.seen.insert(id);
        self.common.heard = self.common.heard.max(self.common.volatile.version);
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
    /// `missed`: events may have been missed up to now, so that the vendor may have opened it because of us. `looked`: it was
    /// seen, not heard of.
    pub(super) fn hear_state(
        &mut self,
        phase: &Phase,
        new: ConversationState,
        (missed, looked): (bool, bool),
    ) -> Vec<Signal> {
        let known = self.common.state.as_ref().map_or(0, |state| state.version);
        let known = known.max(self.common.volatile.version).max(self.common.heard);
        if new.version < known {
            self.why = Some("an older state of the conversation");
            self.marks.push(Mark::OlderState);
            self.note_put_away(&new);
            return self.heard_of_before(phase, &new);
        }
        self.common.volatile.version = new.version;
        self.note_put_away(&new);
        let old = self.common.state.as_ref();
        let changed = old.is_none_or(|old| old.status != new.status || old.assignee != new.assignee);
        let pended = self.common.pended.is_some();
        let mut signals = edges(old, &new, pended);
        if !looked {
            self.outlive_pend();
        }
        if !signals.is_empty() {
            // Whoever reads this elsewhere must know what it was decided by.
            self.common.heard = self.common.heard.max(new.version);
            self.note_taken(&signals, new.version);
        }
        if signals.iter().any(|signal| matches!(signal, Signal::TakenOver(_))) {
            self.is_taken_in(&new);
        }
        signals.extend(self.is_back_unseen(phase, (known, &new), looked).then(|| given_back(false)));
        let ours_alone = self.is_own_pend(phase, &new, looked);
        let old = self.common.state.as_ref();
        if ours_alone {
            signals.retain(|signal| !matches!(signal, Signal::HandedBack(Back::Pending)));
            self.why = Some("pending by the desk's own order, which a person has overtaken");
        } else if !pended && signals.contains(&given_back(false)) {
            // Up to there people had it; when they gave it back between the two is not known.
            self.common.done = self.common.done.max(known + 1);
        }
        let is_human = matches!(phase, Phase::Human(_));
        let ours = self.channel().is_ours(&new);
        let bot_missing = new.status == Status::Open && new.assignee == Assignee::Nobody;
        // Whoever has just set the desk up tries it at once: then no bot is the likelier reason.
        let known_missed = missed && !self.common.volatile.started;
        if old.is_none() && !known_missed && !ours && !self.in_shadow() && bot_missing {
            self.effects.push(Effect::Alert(Incident::NoBotConnected));
        }
        let not_ours = !ours && new.status != Status::Resolved;
        if not_ours && !is_human && !self.may_precede_pend(new.version, looked) {
            let away = missed && self.is_opened_by_failure(&new);
            // Before an operator's order or after it: that person may think that the desk has it.
            self.common.unannounced |= self.common.volatile.resumed;
            signals.push(Signal::TakenOver(if away { Reason::DeskAway } else { Reason::NotPending }));
            self.common.heard = self.common.heard.max(new.version);
        }
        if changed {
            let first = self.common.state.is_none();
            self.common.found_assigned = first && matches!(new.assignee, Assignee::Person(_));
            self.common.state = Some(new);
        }
        if let Phase::Human(human) = phase
            && ours_alone
        {
            human.open_if_pending(self);
        }
        signals
    }

    fn recovered(&mut self, takes: u32) -> Vec<Signal> {
        (self.common.volatile.gap, self.common.volatile.elsewhere) = (true, false);
        let mut signals = self.doubt_the_wire();
        if takes >= MAX_TAKES {
            signals.push(Signal::FetchPerson(Reason::Interrupted));
        }
        signals
    }
}
