//! What the phases have in common to work with: the record around the phase, the memory, and the effects so far.

mod told;

use crate::domain::{Lang, Remembered, Role, Status, Verified};
use crate::flow::effect::{Effect, Incident};
use crate::flow::mark::{Dropped, GateMark, Mark};
use crate::flow::memory::Memory;
use crate::flow::outbox::{Row, RowKind, Tie};
use crate::flow::phase::{AwaitingEmail, Bot, Challenge, Human, PendingVerification, Phase, Pickup};
use crate::flow::policy::{ChannelPolicy, Policy};
use crate::flow::record::Common;
use crate::flow::{Ctx, text};
use crate::ids::MessageId;
use crate::journal::{Did, RowName};
use crate::language::{Phrase, Reason};
use crate::ports::Act;
use crate::view::Decided;

/// What a phase does next.
pub(crate) enum Next {
    /// It goes on.
    Stay,
    /// Another takes over.
    Go(Phase),
}

/// The desk at work on one input.
pub(crate) struct Desk<'a> {
    pub(crate) ctx: &'a Ctx<'a>,
    pub(crate) common: &'a mut Common,
    pub(crate) memory: &'a mut Memory,
    pub(crate) memory_dirty: bool,
    pub(crate) effects: Vec<Effect>,
    /// Why nothing happened, or what was decided: for the journal.
    pub(crate) why: Option<&'static str>,
    /// Whether this very input verified the customer.
    pub(crate) confirmed: bool,
    /// Whether nothing can be said to the customer: the account may not write to them.
    pub(crate) unreachable: bool,
    /// What became of an operator's decision.
    pub(crate) decided: Option<Decided>,
    pub(crate) marks: Vec<Mark>,
    /// The rows that were dropped unsent, for the journal.
    pub(crate) dropped: Vec<Did>,
    /// What was owed, is answered in part and will not be answered to the end, for the note at a hand-over.
    pub(crate) half_answered: Vec<(MessageId, String)>,
    /// Whether a person had the conversation before this input.
    pub(crate) person_has_it: bool,
    /// Whether a person's words were read back from the vendor, or heard after what came later: they may be gone.
    pub(crate) read_back: bool,
    /// With which version of the vendor's state the customer's messages came.
    pub(crate) came_in: Vec<(MessageId, u64)>,
}

/// What was decided while a conversation was read from the store. The next input's step tells it, as if it were its own:
/// a change of the memory would not be written otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    memory_dirty: bool,
    effects: Vec<Effect>,
    marks: Vec<Mark>,
    dropped: Vec<Did>,
}

impl<'a> Desk<'a> {
    /// Begins to work on an input, or on what a conversation that was just read leaves to decide.
    pub(crate) fn begin(
        ctx: &'a Ctx<'a>,
        (common, memory): (&'a mut Common, &'a mut Memory),
        phase: &Phase,
        found: Option<Box<Found>>,
    ) -> Self {
        let found = found.map(|found| *found).unwrap_or_default();
        Desk {
            ctx,
            common,
            memory,
            memory_dirty: found.memory_dirty,
            effects: found.effects,
            why: None,
            confirmed: false,
            unreachable: false,
            decided: None,
            marks: found.marks,
            dropped: found.dropped,
            half_answered: Vec::new(),
            person_has_it: matches!(phase, Phase::Human(human) if human.touched),
            read_back: false,
            came_in: Vec::new(),
        }
    }

    /// Returns what the next step is to tell, if there is anything.
    pub(crate) fn found(self) -> Option<Box<Found>> {
        let Self { memory_dirty, effects, marks, dropped, .. } = self;
        let found = Found { memory_dirty, effects, marks, dropped };
        (found != Found::default()).then(|| Box::new(found))
    }
}

impl Desk<'_> {
    pub(crate) fn policy(&self) -> &Policy {
        self.ctx.policy
    }

    pub(crate) fn channel(&self) -> ChannelPolicy {
        self.ctx.policy.channel(&self.common.key)
    }

    /// Returns how long after an unknown send its absence starts to prove something in this channel.
    pub(crate) fn settle(&self) -> std::time::Duration {
        self.ctx.policy.settle(&self.common.key)
    }

    /// Notes why nothing was done, and stays.
    pub(crate) fn ignore(&mut self, why: &'static str) -> Next {
        self.why = Some(why);
        Next::Stay
    }

    /// Counts a step at the gate.
    pub(crate) fn gate_mark(&mut self, step: GateMark) {
        self.marks.push(Mark::Gate(step));
    }

    // === Speaking ===

    /// Returns the language to speak, learning it from `text` if it can be told.
    pub(crate) fn lang_of(&mut self, text: &str) -> Lang {
        let policy = self.ctx.policy;
        let told = policy.analyzer.language_in(text, self.common.lang);
        self.common.lang = told.or(self.common.lang).or_else(|| policy.presumed(text));
        self.lang()
    }

    pub(crate) fn lang(&self) -> Lang {
        self.common.lang.unwrap_or(self.ctx.policy.default_lang)
    }

    /// Says one of the desk's own phrases.
    pub(crate) fn say(&mut self, phrase: &Phrase) {
        self.say_tied(phrase, &Tie::Desk);
    }

    pub(crate) fn say_tied(&mut self, phrase: &Phrase, tie: &Tie) {
        let text = self.ctx.policy.phrases.say(self.lang(), phrase);
        self.speak(&text, tie);
    }

    /// Says a phrase unless it was the desk's last word a moment ago.
    pub(crate) fn say_once(&mut self, phrase: &Phrase) {
        let text = self.ctx.policy.phrases.say(self.lang(), phrase);
        let last = self.memory.newest_first().find(|said| said.role == Role::Desk);
        let just =
            last.is_some_and(|last| last.text == text && self.ctx.now.since(last.at) < self.channel().debounce_max);
        if !just {
            self.speak(&text, &Tie::Desk);
        }
    }

    /// Says a text to the customer, in parts the channel can carry, and remembers it.
    pub(crate) fn speak(&mut self, text: &str, tie: &Tie) {
        if self.in_shadow() {
            return self.draft(text, None);
        }
        for part in text::split(text, self.channel().max_text) {
            let handoff = matches!(tie, Tie::Handoff | Tie::Pickup);
            self.remember(Memory::spoken(&part, self.ctx.now));
            self.push(RowKind::Act(Act::Text { text: part, handoff }), tie.clone());
        }
    }

    pub(crate) fn act(&mut self, act: Act, tie: Tie) {
        self.push(RowKind::Act(act), tie);
    }

    pub(crate) fn push(&mut self, kind: RowKind, tie: Tie) {
        let (watermark, outbox) = (self.common.watermark, &mut self.common.outbox);
        let seq = outbox.push(kind, tie, self.common.epoch, self.ctx.now);
        if let Some(row) = outbox.row_mut(seq) {
            // Its claim says it better; but a store may forget that.
            row.after = watermark;
        }
    }

    pub(crate) fn remember(&mut self, message: Remembered) {
        self.memory.insert(message, self.ctx.policy.memory_messages);
        self.memory_dirty = true;
    }

    // === The customer is known ===

    /// Writes down that the customer is verified, here and for their other conversations.
    pub(crate) fn admit(&mut self, verified: Verified) {
        use crate::domain::ProofKind;
        self.gate_mark(GateMark::Verified(verified.by));
        self.common.verified = Some(verified.clone());
        self.common.waits_since = self.ctx.now;
        let address = verified.address.clone();
        match verified.by {
            ProofKind::Link | ProofKind::Code => {
                self.act(Act::MarkVerified { address: address.clone() }, Tie::Always);
                if let Some(address) = address {
                    self.act(Act::ContactEmail { address }, Tie::Always);
                }
                self.push(RowKind::Remember(verified), Tie::Always);
            }
            ProofKind::VendorIdentity => self.push(RowKind::Remember(verified), Tie::Always),
            ProofKind::Mac | ProofKind::PlainAttributes => {}
        }
    }

    /// Returns the phase in which the desk has the conversation. What was said to the people stays theirs, as far as is known.
    pub(crate) fn own_phase(&mut self, parked: Option<Challenge>) -> Phase {
        self.common.since_taken.clear();
        self.common.unannounced = false;
        self.opening_is_news();
        if !self.channel().gate || self.common.verified.is_some() {
            return Phase::Bot(Bot::default());
        }
        match parked {
            Some(challenge) if challenge.expires > self.ctx.now => {
                Phase::PendingVerification(PendingVerification { challenge, reminded: None })
            }
            Some(_) | None => Phase::AwaitingEmail(AwaitingEmail::default()),
        }
    }

    // === A person ===

    /// Fetches a person: tells the customer, gives the conversation to the people, and tells them why. What an operator
    /// decided to send again still leaves: nobody has written yet.
    pub(crate) fn fetch_person(&mut self, reason: Reason, parked: Option<Challenge>) -> Phase {
        self.fetch_person_for(reason, parked, None)
    }

    /// Fetches a person, whom the model tells what it is about.
    pub(crate) fn fetch_person_for(
        &mut self,
        reason: Reason,
        parked: Option<Challenge>,
        summary: Option<String>,
    ) -> Phase {
        let asked = matches!(reason, Reason::AskedByCustomer | Reason::AskedByModel(_) | Reason::Operator);
        let phrase = if asked { Phrase::HandoffAsked } else { Phrase::HandoffSorry };
        if self.in_shadow() {
            let text = self.ctx.policy.phrases.say(self.lang(), &phrase);
            self.draft(&text, Some(reason));
            return self.human(Reason::ShadowMode, false, parked);
        }
        self.fall_silent_but(|row| row.decided.is_some());
        self.marks.push(Mark::HandedOff(reason.clone()));
        if !self.unreachable {
            self.say_tied(&phrase, &Tie::Handoff);
        }
        self.act(Act::Open, Tie::Open);
        self.mark_for_people();
        let note = Phrase::HandoffNote(Box::new(self.note(&reason, summary)));
        let note = self.ctx.policy.phrases.say(self.ctx.policy.desk_lang, &note);
        self.act(Act::Note { text: note }, Tie::Always);
        let card = self.card(&reason);
        self.push(RowKind::Card(Box::new(card)), Tie::Handoff);
        let due = self.ctx.policy.handoff.pickup_after.map(|after| self.ctx.now + after);
        let pickup = due.map(|due| Pickup { due, told: 0 });
        Phase::Human(Human { pickup, ..self.in_hand(reason, false, parked) })
    }

    /// A person took it: the desk is silent, and gives up what the vendor still calls the bot's.
    pub(crate) fn give_way(&mut self, reason: Reason, parked: Option<Challenge>) -> Phase {
        let answers = self.has_unsaid_answer();
        self.fall_silent();
        if answers && matches!(reason, Reason::DeskAway) {
            self.owe_again();
        }
        self.marks.push(Mark::TakenOver(reason.clone()));
        let touched = reason.is_persons_act() && !self.heard_late(&reason);
        let pending = self.common.state.as_ref().is_none_or(|state| state.status == Status::Pending);
        if pending && !matches!(reason, Reason::OtherBot) {
            self.act(Act::Open, Tie::Open);
        }
        let incident = [(Reason::OtherBot, Incident::OtherBot), (Reason::DeskAway, Incident::OpenedByFailure)];
        let told = incident.into_iter().filter(|(of, _)| *of == reason);
        self.effects.extend(told.map(|(_, incident)| Effect::Alert(incident)));
        self.common.opened = None;
        if !touched && reason.is_persons_act() {
            return self.taken_late(reason, parked);
        }
        if reason == Reason::NotPending && (self.may_be_own_opening() || self.common.unannounced) {
            return self.taken_unannounced(reason, parked);
        }
        self.human(reason, touched, parked)
    }

    /// Returns the phase in which people have the conversation, without a word.
    fn human(&mut self, reason: Reason, touched: bool, parked: Option<Challenge>) -> Phase {
        Phase::Human(self.in_hand(reason, touched, parked))
    }

    pub(crate) fn in_hand(&mut self, reason: Reason, touched: bool, parked: Option<Challenge>) -> Human {
        if touched {
            self.leave_to_people(&reason);
            self.common.returned = 0;
        }
        let (since, last_word) = (self.ctx.now, self.ctx.now);
        let reclaim = self.begin_reclaim(&reason);
        let draft = Bot::default();
        Human {
            since,
            reason,
            touched,
            last_word,
            parked,
            pickup: None,
            draft,
            quiet: false,
            reclaim,
            called: false,
            wrote_on: false,
        }
    }

    /// Drops everything that was to be said.
    pub(crate) fn fall_silent(&mut self) {
        self.fall_silent_but(|_| false);
    }

    fn fall_silent_but(&mut self, kept: impl Fn(&Row) -> bool) {
        let cut = self.common.outbox.cut(|row| match row.tie {
            Tie::Desk | Tie::Answer | Tie::Pend | Tie::Pickup | Tie::Draft | Tie::Challenge(_) => !kept(row),
            Tie::Handoff | Tie::Open | Tie::Always => false,
        });
        for row in &cut {
            self.unsay(row);
            self.marks.push(Mark::RowDropped(Dropped::PersonHasIt));
            self.dropped.push(Did::Dropped(RowName { id: row.id.clone(), kind: row.kind.name().into() }));
            self.why = Some("dropped what was not yet sent");
        }
    }

    /// A row was dropped unsent: what it would have said was never said, and what it would have answered is owed again.
    pub(crate) fn unsay(&mut self, row: &Row) {
        if row.decided.is_some() {
            // It was held before: it may well have landed then.
            return;
        }
        if row.doubted {
            // A try of it may have landed: whether it was read is for people to see, and nothing to answer again.
            self.half_answered.extend(row.answers.iter().map(|owed| (owed.id, owed.text.clone())));
            return;
        }
        if let RowKind::Act(Act::Text { text, .. }) = &row.kind {
            let whole = std::slice::from_ref(text);
            for part in if row.parts.is_empty() { whole } else { &row.parts } {
                self.memory_dirty |= self.memory.unsay(part);
            }
        }
        if row.asked.is_none() {
            // Parts before it have left, or are on the wire: what is answered half is for people, not for another answer.
            self.half_answered.extend(row.answers.iter().map(|owed| (owed.id, owed.text.clone())));
            return;
        }
        for owed in &row.answers {
            if !self.person_has_it && self.common.owed.iter().all(|known| known.id != owed.id) {
                self.owe(owed.clone());
            }
        }
    }

    fn mark_for_people(&mut self) {
        let handoff = self.ctx.policy.handoff.clone();
        if let Some(label) = handoff.label {
            self.act(Act::AddLabel(label), Tie::Always);
        }
        if let Some(priority) = handoff.priority {
            self.act(Act::Priority(priority), Tie::Always);
        }
        if let Some(team) = handoff.team {
            self.act(Act::Team(team), Tie::Always);
        }
    }
}
