//! Writes the neutral log of `history.rs` from what the parties of a conversation do, whoever plays them: the world of fakes
//! around an engine, or the rig around the flow alone.

use super::history::{Answer, Hands, Happening, History, Leftover, Page, Recalled, Rest, Speech, What};
use super::invariants::{Findings, Rules, check};
use crate::domain::{Assignee, ConversationState, Event, Inbound, Order, Status};
use crate::flow::outbox::{Row, RowKind};
use crate::ids::{ConversationKey, MessageId, OutboundId};
use crate::ports::{Act, Prompt, VerificationMail};
use crate::time::Timestamp;
use crate::view::{PhaseName, RowView, View};

/// What the model said in a conversation.
#[derive(Debug, Clone)]
struct Spoken {
    key: ConversationKey,
    words: String,
    answer: Answer,
}

/// The log, as it is written.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    /// When what is noted next happens.
    pub now: Timestamp,
    history: History,
    calls: u64,
    spoken: Vec<Spoken>,
}

impl Recorder {
    /// Notes anything else.
    pub fn note(&mut self, key: &ConversationKey, what: What) {
        self.history.note(self.now, "", key.as_str(), what);
    }

    fn next(&self, kind: char) -> String {
        format!("{kind}{}", self.history.entries.len())
    }

    // === At the vendor ===

    /// A message of somebody appears.
    pub fn wrote(&mut self, key: &ConversationKey, id: MessageId, happening: Happening) {
        self.note(key, What::Happened { fact: message(id), happening });
    }

    /// The customer takes a message back.
    pub fn deleted(&mut self, key: &ConversationKey, id: MessageId) {
        let fact = self.next('d');
        self.note(key, What::Happened { fact, happening: Happening::Deleted { of: message(id) } });
    }

    /// Status or assignee change.
    pub fn changed(&mut self, key: &ConversationKey, old: &ConversationState, new: &ConversationState) {
        let assigned = new.assignee != old.assignee;
        let taken = assigned && matches!(new.assignee, Assignee::Person(_) | Assignee::OtherBot(_));
        let turned = new.status != old.status;
        let freed = assigned && new.assignee == Assignee::Us && (new.status == Status::Pending || !turned);
        if turned && matches!(new.status, Status::Resolved | Status::Pending) {
            let happening = Happening::HandedBack { done: new.status == Status::Resolved };
            self.note(key, What::Happened { fact: version(new.version), happening });
        }
        // Whoever resolves is done, also if assigned in the same step; another bot is not.
        let done = matches!(new.assignee, Assignee::Person(_)) && new.status == Status::Resolved;
        let happening = match new.status {
            _ if done => return,
            _ if taken => Happening::TakenOver,
            Status::Open | Status::Snoozed if turned => Happening::Opened,
            Status::Pending | Status::Open if freed => Happening::HandedBack { done: false },
            Status::Pending | Status::Open | Status::Snoozed | Status::Resolved => return,
        };
        self.note(key, What::Happened { fact: version(new.version), happening });
    }

    /// The desk gives the conversation to the people.
    pub fn given_away(&mut self, key: &ConversationKey) {
        let fact = self.next('g');
        self.note(key, What::Happened { fact, happening: Happening::GivenAway });
    }

    /// A send of ours begins.
    pub fn posted(&mut self, key: &ConversationKey, act: &Act, id: &OutboundId) {
        self.note(key, What::Posted { row: id.0.clone(), speech: speech(act), stood_still: false });
    }

    /// An act of ours is done there.
    pub fn landed(&mut self, key: &ConversationKey, act: &Act, id: &OutboundId) {
        let Act::Text { text, .. } = act else { return };
        let of = |spoken: &&Spoken| spoken.key == *key && spoken.words.contains(text.as_str());
        let answer = self.spoken.iter().rev().find(of).map(|spoken| spoken.answer.clone());
        self.note(key, What::Landed { row: id.0.clone(), speech: speech(act), words: text.clone(), answer });
    }

    // === At the model ===

    /// The model is asked; returns what its answer will be about.
    pub fn asked(&mut self, prompt: &Prompt) -> Answer {
        self.calls += 1;
        let call = format!("call{}", self.calls);
        let unanswered = prompt.history.iter().rev().take(prompt.unanswered);
        let about: Vec<String> = unanswered.filter_map(|said| said.id).map(message).collect();
        self.note(&prompt.key, What::Asked { call: call.clone(), about: about.clone() });
        Answer { call, about }
    }

    /// The model answers.
    pub fn answered(&mut self, prompt: &Prompt, answer: Answer, words: &str) {
        self.spoken.push(Spoken { key: prompt.key.clone(), words: words.to_owned(), answer });
    }

    // === At the transcriber ===

    /// A recording was understood as these words: they may be remembered from here on.
    pub fn heard(&mut self, key: &ConversationKey, words: &str) {
        let fact = self.next('h');
        let happening = Happening::CustomerWrote { words: words.to_owned(), asks: false };
        self.note(key, What::Happened { fact, happening });
    }

    // === At the engine ===

    /// A webhook is delivered: what it proves counts from here on.
    pub fn delivers(&mut self, inbound: &Inbound, mails: &[VerificationMail]) {
        let typed = |text: &str| mails.iter().any(|mail| mail.key == inbound.key && text.contains(&mail.code));
        let proves = matches!(&inbound.event, Event::CustomerWrote(wrote) if typed(&wrote.text));
        if proves || inbound.proof.is_some() {
            self.note(&inbound.key, What::Proved);
        }
    }

    /// A webhook was acknowledged.
    pub fn acked(&mut self, inbound: &Inbound) {
        let fact = match &inbound.event {
            Event::CustomerWrote(wrote) => message(wrote.id),
            Event::PersonWrote { id, .. } | Event::Ordered { id, .. } => message(*id),
            Event::StateChanged | Event::StatusChanged { .. } | Event::Assigned => match &inbound.state {
                Some(state) => version(state.version),
                None => return,
            },
            // What such news are about is no fact of its own.
            Event::OtherWrote { .. }
            | Event::Echo { .. }
            | Event::Carried { .. }
            | Event::Fared { .. }
            | Event::Edited { .. }
            | Event::Deleted { .. }
            | Event::Missed { .. } => return,
        };
        self.note(&inbound.key, What::Acked { fact });
        if let Event::Ordered { order, .. } = &inbound.event {
            self.ordered(&inbound.key, *order);
        }
    }

    /// An order of a colleague or an operator has been carried out.
    pub fn ordered(&mut self, key: &ConversationKey, order: Order) {
        let fact = self.next('o');
        let happening = match order {
            // The memory is emptied, and the conversation goes on.
            Order::Forget => return,
            Order::Human => Happening::TakenOver,
            Order::Bot => Happening::HandedBack { done: false },
        };
        self.note(key, What::Happened { fact: fact.clone(), happening });
        self.note(key, What::Acked { fact });
    }

    /// The person of a conversation has been forgotten.
    pub fn erased(&mut self, key: &ConversationKey) {
        self.note(key, What::Erased);
    }

    /// A button is pressed; returns the number of this press.
    pub fn presses(&mut self, key: &ConversationKey, challenge: &str, mails: &[VerificationMail]) -> String {
        let press = self.next('p');
        self.note(key, What::Pressed { press: press.clone(), challenge: challenge.to_owned() });
        if mails.iter().any(|mail| mail.key == *key && mail.challenge == challenge) {
            self.note(key, What::Proved);
        }
        press
    }

    /// The page says what came of a press.
    pub fn told(&mut self, key: &ConversationKey, press: String, page: Page) {
        self.note(key, What::Told { press, page });
    }

    /// A conversation has come to rest, which at most remembered so many messages, where that was seen.
    pub fn rested(&mut self, view: &View, fullest: Option<usize>) {
        let held = |row: &RowView| row.state == "held";
        for row in view.outbox.iter().filter(|row| held(row)) {
            self.note(&view.key, What::Held { row: row.id.0.clone() });
        }
        let rows =
            view.outbox.iter().map(|row| Leftover { row: row.id.0.clone(), held: held(row), words: row.text.clone() });
        let hands = match view.phase {
            PhaseName::AwaitingEmail | PhaseName::PendingVerification => Hands::Gate,
            PhaseName::Bot => Hands::Desk,
            PhaseName::Human => Hands::People,
        };
        let memory = view.memory.iter().map(|said| Recalled { by: said.role, words: said.text.clone() });
        let rest = Rest {
            hands,
            owed: view.owed,
            rows: rows.collect(),
            busy: view.thinking,
            memory: Some(memory.collect()),
            fullest,
        };
        self.note(&view.key, What::Rested(Box::new(rest)));
    }

    /// Judges what was noted so far.
    pub fn judge(&self, rules: &Rules) -> Findings {
        check(&self.history, rules)
    }
}

/// Returns what the customer does with these words. An address, a code or the wish for another mail asks for nothing.
pub fn customer_wrote(words: &str) -> Happening {
    let code = words.len() == 6 && words.chars().all(|letter| letter.is_ascii_digit());
    let asks = !code && !words.contains('@') && words != "resend" && !words.trim().is_empty();
    Happening::CustomerWrote { words: words.to_owned(), asks }
}

fn message(id: MessageId) -> String {
    format!("m{}", id.unique)
}

fn version(version: u64) -> String {
    format!("v{version}")
}

/// Returns what a row is to the customer.
pub fn speech_of(row: &Row) -> Speech {
    match &row.kind {
        RowKind::Act(act) => speech(act),
        RowKind::Mail(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => Speech::None,
    }
}

fn speech(act: &Act) -> Speech {
    match act {
        Act::Text { handoff: true, .. } => Speech::Announcement,
        Act::Text { handoff: false, .. } => Speech::Words,
        Act::Note { .. }
        | Act::Dismiss { .. }
        | Act::Open
        | Act::Pend
        | Act::AddLabel(_)
        | Act::Priority(_)
        | Act::Team(_)
        | Act::MarkVerified { .. }
        | Act::ContactEmail { .. } => Speech::None,
    }
}
