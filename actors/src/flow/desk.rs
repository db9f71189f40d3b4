//! What the phases have in common to work with: the record around the phase, the memory, and the effects so far.

use crate::domain::{Lang, Remembered, Role, Status, Verified};
use crate::flow::effect::{Effect, Incident};
use crate::flow::mark::{Dropped, GateMark, Mark};
use crate::flow::memory::Memory;
use crate::flow::outbox::{Row, RowKind, Tie};
use crate::flow::phase::{AwaitingEmail, Bot, Challenge, Human, Owed, PendingVerification, Phase};
use crate::flow::policy::{ChannelPolicy, Policy};
use crate::flow::record::Common;
use crate::flow::{Ctx, text};
use crate::language::{HandoffNote, Phrase, Reason};
use crate::ports::{Act, Card};

/// How many messages may be owed at once; a flood beyond it loses its oldest.
const MAX_OWED: usize = 40;

/// How many remembered messages a hand-over note quotes.
const QUOTED: usize = 6;

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
    pub(crate) marks: Vec<Mark>,
    /// Whether a person had the conversation before this input.
    pub(crate) person_has_it: bool,
}

impl Desk<'_> {
    pub(crate) fn policy(&self) -> &Policy {
        self.ctx.policy
    }

    pub(crate) fn channel(&self) -> ChannelPolicy {
        self.ctx.policy.channel(&self.common.key)
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
        if let Some(lang) = self.ctx.policy.analyzer.language(text) {
            self.common.lang = Some(lang);
        }
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
        let last = self.memory.messages().iter().rfind(|message| message.role == Role::Desk);
        let just =
            last.is_some_and(|last| last.text == text && self.ctx.now.since(last.at) < self.channel().debounce_max);
        if !just {
            self.speak(&text, &Tie::Desk);
        }
    }

    /// Says a text to the customer, in parts the channel can carry, and remembers it.
    pub(crate) fn speak(&mut self, text: &str, tie: &Tie) {
        for part in text::split(text, self.channel().max_text) {
            let handoff = matches!(tie, Tie::Handoff);
            self.remember(Memory::spoken(&part, self.ctx.now));
            self.push(RowKind::Act(Act::Text { text: part, handoff }), tie.clone());
        }
    }

    pub(crate) fn act(&mut self, act: Act, tie: Tie) {
        self.push(RowKind::Act(act), tie);
    }

    pub(crate) fn push(&mut self, kind: RowKind, tie: Tie) {
        self.common.outbox.push(kind, tie, self.common.epoch, self.ctx.now);
    }

    pub(crate) fn remember(&mut self, message: Remembered) {
        self.memory.insert(message, self.ctx.policy.memory_messages);
        self.memory_dirty = true;
    }

    // === What is owed ===

    /// Notes that this message must be answered, in the vendor's order.
    pub(crate) fn owe(&mut self, owed: Owed) {
        let at = self.common.owed.partition_point(|earlier| earlier.id < owed.id);
        self.common.owed.insert(at, owed);
        let surplus = self.common.owed.len().saturating_sub(MAX_OWED);
        self.common.owed.drain(..surplus);
    }

    // === The customer is known ===

    /// Writes down that the customer is verified, here and for their other conversations.
    pub(crate) fn admit(&mut self, verified: Verified) {
        use crate::domain::ProofKind;
        self.gate_mark(GateMark::Verified(verified.by));
        self.common.verified = Some(verified.clone());
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

    /// Returns the phase in which the desk has the conversation.
    pub(crate) fn own_phase(&mut self, parked: Option<Challenge>) -> Phase {
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

    /// Fetches a person: tells the customer, gives the conversation to the people, and tells them why.
    pub(crate) fn fetch_person(&mut self, reason: Reason, parked: Option<Challenge>) -> Phase {
        self.fall_silent();
        self.marks.push(Mark::HandedOff(reason.clone()));
        let asked = matches!(reason, Reason::AskedByCustomer | Reason::AskedByModel(_) | Reason::Operator);
        let phrase = if asked { Phrase::HandoffAsked } else { Phrase::HandoffSorry };
        self.say_tied(&phrase, &Tie::Handoff);
        self.act(Act::Open, Tie::Open);
        self.mark_for_people();
        let note =
            self.ctx.policy.phrases.say(self.ctx.policy.desk_lang, &Phrase::HandoffNote(Box::new(self.note(&reason))));
        self.act(Act::Note { text: note }, Tie::Always);
        let card = self.card(&reason);
        self.push(RowKind::Card(Box::new(card)), Tie::Handoff);
        self.human(reason, false, parked)
    }

    /// A person took it: the desk is silent, and gives up what the vendor still calls the bot's.
    pub(crate) fn give_way(&mut self, reason: Reason, parked: Option<Challenge>) -> Phase {
        self.fall_silent();
        self.marks.push(Mark::TakenOver(reason.clone()));
        let touched = matches!(reason, Reason::PersonWrote | Reason::PersonAssigned | Reason::ColleagueNote);
        let pending = self.common.state.as_ref().is_none_or(|state| state.status == Status::Pending);
        if pending && !matches!(reason, Reason::OtherBot) {
            self.act(Act::Open, Tie::Open);
        }
        if matches!(reason, Reason::OtherBot) {
            self.effects.push(Effect::Alert(Incident::OtherBot));
        }
        self.human(reason, touched, parked)
    }

    fn human(&mut self, reason: Reason, touched: bool, parked: Option<Challenge>) -> Phase {
        if touched {
            self.common.owed.clear();
        }
        Phase::Human(Human { since: self.ctx.now, reason, touched, last_word: self.ctx.now, parked })
    }

    /// Drops everything that was to be said.
    pub(crate) fn fall_silent(&mut self) {
        let cut = self.common.outbox.cut(|tie| match tie {
            Tie::Desk | Tie::Answer | Tie::Pend | Tie::Challenge(_) => true,
            Tie::Handoff | Tie::Open | Tie::Always => false,
        });
        for row in &cut {
            self.unsay(row);
            self.marks.push(Mark::RowDropped(Dropped::PersonHasIt));
            self.why = Some("dropped what was not yet sent");
        }
    }

    /// A row was dropped: what it would have said was never said.
    pub(crate) fn unsay(&mut self, row: &Row) {
        if let RowKind::Act(Act::Text { text, .. }) = &row.kind {
            self.memory_dirty |= self.memory.unsay(text);
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

    fn note(&self, reason: &Reason) -> HandoffNote {
        let messages = self.memory.messages();
        let last = messages.iter().skip(messages.len().saturating_sub(QUOTED));
        HandoffNote {
            reason: reason.clone(),
            name: self.common.contact.as_ref().and_then(|contact| contact.name.clone()),
            email: self.known_address(),
            lang: self.lang(),
            open_questions: self.common.owed.iter().map(|owed| owed.text.clone()).collect(),
            exchanged: messages.len(),
            last: last.map(|message| (message.role, message.text.clone())).collect(),
        }
    }

    fn known_address(&self) -> Option<(String, Option<crate::domain::ProofKind>)> {
        let proven = self.common.verified.as_ref();
        let address = proven
            .and_then(|verified| verified.address.clone())
            .map(|address| (address, proven.map(|verified| verified.by)));
        let on_file =
            || self.common.contact.as_ref().and_then(|contact| contact.email.clone()).map(|email| (email, None));
        address.or_else(on_file)
    }

    fn card(&self, reason: &Reason) -> Card {
        let name = self.common.contact.as_ref().and_then(|contact| contact.name.clone());
        let address = self.known_address().map(|(address, _)| address);
        let customer = match (name, address) {
            (Some(name), Some(address)) => format!("{name} ({address})"),
            (Some(name), None) => name,
            (None, Some(address)) => address,
            (None, None) => self.common.key.to_string(),
        };
        let said = |message: &&Remembered| message.role == Role::Customer;
        let message = self.memory.messages().iter().rev().find(said).map(|message| message.text.clone());
        Card::Handoff {
            reason: reason.clone(),
            customer,
            message: message.unwrap_or_default(),
            at: self.ctx.now,
            link: None,
        }
    }
}
