//! Chatwoot as a pure model: conversations with status, assignee and version, one numbering of messages for all of them, and
//! webhooks that are repeated on 429 and 500 only, three times, three seconds apart; a message that is never taken opens a
//! pending conversation.

use super::bots::Bots;
use super::dice::{Fault, Stream};
use super::kind::Kind;
use super::model::Call;
use super::node::NodeEvent;
use super::people::Customer;
use super::phone::Phone;
use super::world::{Event, World};
use frontdesk_actors::domain::{
    self, Assignee, Contact, ConversationState, CustomerMessage, Inbound, Order, Status, Voice,
};
use frontdesk_actors::ids::{MessageId, OutboundId};
use frontdesk_actors::ports::{Act, Author, Look, Seen};
use frontdesk_actors::testkit::history::{Happening, What};
use frontdesk_actors::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// How long Chatwoot waits before it delivers again.
const AGAIN: i64 = 3_000;

/// How often it delivers at most.
const DELIVERIES: u8 = 3;

/// A webhook on its way.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) id: u64,
    pub(crate) key: usize,
    pub(crate) inbound: Inbound,
    /// The fact it tells of.
    pub(crate) fact: Option<String>,
    /// Whether it is about a message: only those open a conversation when they fail.
    is_message: bool,
    pub(crate) tries: u8,
}

impl Delivery {
    /// Makes a delivery of something. It is numbered when it leaves.
    pub(crate) fn new(key: usize, inbound: Inbound, fact: Option<String>) -> Self {
        Self { id: 0, key, inbound, fact, is_message: true, tries: 0 }
    }
}

/// One conversation at the vendor.
#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) state: ConversationState,
    pub(crate) messages: Vec<Seen>,
}

#[derive(Debug)]
pub(crate) struct Vendor {
    pub(crate) chats: Vec<Chat>,
    last_message: u64,
    last_version: u64,
    last_delivery: u64,
    open: BTreeMap<u64, Delivery>,
    pub(crate) customers: Vec<Customer>,
    pub(crate) presses: u64,
    /// Every call of the model.
    pub(crate) calls: Vec<Call>,
    /// What rows that were claimed say.
    pub(crate) words: BTreeMap<(usize, String), String>,
    /// Rows that were held at some time.
    pub(crate) held: BTreeSet<(usize, String)>,
    /// Whether the desk may read all messages, or only the last one.
    pub(crate) history_token: bool,
    pub(crate) phone: Phone,
    pub(crate) bots: Bots,
}

impl Vendor {
    pub(crate) fn new(conversations: i64, state: &ConversationState, history_token: bool) -> Self {
        let chats = (0..conversations).map(|_| Chat { state: state.clone(), messages: Vec::new() }).collect();
        let customers = (0..conversations).map(|_| Customer::default()).collect();
        Self {
            chats,
            last_message: 0,
            last_version: 1,
            last_delivery: 0,
            open: BTreeMap::new(),
            customers,
            presses: 0,
            calls: Vec::new(),
            words: BTreeMap::new(),
            held: BTreeSet::new(),
            history_token,
            phone: Phone::default(),
            bots: Bots::default(),
        }
    }

    /// Gives a delivery the next number.
    pub(crate) fn numbered(&mut self, delivery: Delivery) -> Delivery {
        self.last_delivery += 1;
        Delivery { id: self.last_delivery, ..delivery }
    }

    fn add(&mut self, key: usize, at: Timestamp, author: Author, text: &str) -> MessageId {
        self.last_message += 1;
        // A message changes the conversation's `updated_at` as well.
        self.last_version += 1;
        self.chats[key].state.version = self.last_version;
        let id = MessageId::numeric(self.last_message);
        self.chats[key].messages.push(Seen { id, at, author, text: text.to_owned(), voice: None });
        id
    }

    /// Shows a conversation, as far as the token may see.
    pub(crate) fn look(&self, key: usize, after: MessageId) -> Look {
        let chat = &self.chats[key];
        let newer: Vec<Seen> = chat.messages.iter().filter(|seen| seen.id > after).cloned().collect();
        if self.history_token {
            return Look { state: chat.state.clone(), messages: newer, complete: true };
        }
        let last = newer.into_iter().next_back();
        Look { state: chat.state.clone(), complete: last.is_none(), messages: last.into_iter().collect() }
    }
}

pub(crate) fn message_fact(id: MessageId) -> String {
    format!("m{}", id.order)
}

impl World {
    fn stamp(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    // === What people do ===

    pub(crate) fn customer_writes(&mut self, key: usize, text: &str, asks: bool) {
        match self.kind {
            Kind::Chatwoot => {}
            Kind::GreenApi => return self.phone_hears_customer(key, text, asks),
            Kind::Kommo => return self.bot_asks(key, text, asks),
        }
        match self.vendor.chats[key].state.status {
            // Whose it was stays assigned: the status alone tells that the bot has it again.
            Status::Resolved => self.change(key, |state| state.status = Status::Pending),
            Status::Snoozed => self.change(key, |state| state.status = Status::Open),
            Status::Pending | Status::Open => {}
        }
        let at = self.stamp();
        let id = self.vendor.add(key, at, Author::Customer, text);
        let fact = message_fact(id);
        self.log(
            "",
            Some(key),
            What::Happened { fact: fact.clone(), happening: Happening::CustomerWrote { words: text.to_owned(), asks } },
        );
        let message =
            self.as_heard_of(key, CustomerMessage { id, at, text: text.to_owned(), attachments: 0, voice: None });
        self.webhook(key, domain::Event::CustomerWrote(message), Some(fact));
    }

    /// Returns a message as the vendor tells of it: of what was spoken only where the recording is.
    pub(crate) fn as_heard_of(&mut self, key: usize, message: CustomerMessage) -> CustomerMessage {
        if !self.voice || message.text.is_empty() || !message.id.unique.is_multiple_of(3) {
            return CustomerMessage { attachments: u32::from(message.text.is_empty()), ..message };
        }
        let voice = Some(Voice::at(message.text));
        if let Some(seen) = self.vendor.chats[key].messages.last_mut() {
            (seen.text, seen.voice) = (String::new(), voice.clone());
        }
        CustomerMessage { text: String::new(), attachments: 1, voice, ..message }
    }

    pub(crate) fn person_writes(&mut self, key: usize, text: &str) {
        match self.kind {
            Kind::Chatwoot => {}
            Kind::GreenApi => return self.phone_types(key, text),
            Kind::Kommo => return self.user_writes(key, text),
        }
        let at = self.stamp();
        let id = self.vendor.add(key, at, Author::Person, text);
        let fact = message_fact(id);
        let happening = Happening::PersonWrote { words: text.to_owned() };
        self.log("", Some(key), What::Happened { fact: fact.clone(), happening });
        self.webhook(key, domain::Event::PersonWrote { id, at, text: text.to_owned() }, Some(fact));
    }

    pub(crate) fn note_order(&mut self, key: usize, order: Order) {
        let at = self.stamp();
        let id = self.vendor.add(key, at, Author::Private, "");
        let fact = message_fact(id);
        let happening = match order {
            Order::Bot => Happening::AskedBack,
            Order::Human | Order::Forget => Happening::TakenOver,
        };
        self.log("", Some(key), What::Happened { fact: fact.clone(), happening });
        self.webhook(key, domain::Event::Ordered { id, order }, Some(fact));
    }

    pub(crate) fn customer_deletes(&mut self, key: usize) {
        let chat = &mut self.vendor.chats[key];
        let Some(at) = chat.messages.iter().rposition(|seen| seen.author == Author::Customer) else { return };
        let gone = chat.messages.remove(at);
        let fact = format!("d{}", gone.id.order);
        let happening = Happening::Deleted { of: message_fact(gone.id) };
        self.log("", Some(key), What::Happened { fact: fact.clone(), happening });
        self.webhook(key, domain::Event::Deleted { id: gone.id }, Some(fact));
    }

    /// Changes status or assignee, and tells.
    pub(crate) fn change(&mut self, key: usize, change: impl FnOnce(&mut ConversationState)) {
        let before = self.vendor.chats[key].state.clone();
        let fact = self.change_quietly(key, change);
        let after = &self.vendor.chats[key].state;
        let happening = match after.status {
            Status::Pending => Happening::HandedBack { done: false },
            Status::Resolved => Happening::HandedBack { done: true },
            Status::Open | Status::Snoozed => Happening::TakenOver,
        };
        self.log("", Some(key), What::Happened { fact: fact.clone(), happening });
        let event = self.changed(key, before);
        self.webhook(key, event, Some(fact));
    }

    /// One webhook of several tells how it was before.
    fn changed(&self, key: usize, before: ConversationState) -> domain::Event {
        let after = &self.vendor.chats[key].state;
        if after.status == before.status || after.version.is_multiple_of(3) {
            return domain::Event::StateChanged;
        }
        domain::Event::StatusChanged { before }
    }

    fn change_quietly(&mut self, key: usize, change: impl FnOnce(&mut ConversationState)) -> String {
        self.vendor.last_version += 1;
        let state = &mut self.vendor.chats[key].state;
        change(state);
        state.version = self.vendor.last_version;
        format!("s{}", state.version)
    }

    // === What the desk does ===

    /// Performs an act of ours; returns the message it made.
    pub(crate) fn land(&mut self, key: usize, act: &Act, row: &OutboundId) -> Option<MessageId> {
        let at = self.stamp();
        match act {
            Act::Text { text, .. } => {
                let id = self.vendor.add(key, at, Author::Us(row.clone()), text);
                self.webhook(key, domain::Event::Echo { row: row.clone(), id }, None);
                Some(id)
            }
            Act::Note { text } => Some(self.vendor.add(key, at, Author::Private, text)),
            Act::Open | Act::Pend => {
                let opens = *act == Act::Open;
                let before = self.vendor.chats[key].state.clone();
                let given = opens && self.vendor.chats[key].state.status == Status::Pending;
                let fact = self.change_quietly(key, |state| {
                    state.status = if opens { Status::Open } else { Status::Pending };
                    if opens && state.assignee == Assignee::Us {
                        state.assignee = Assignee::Nobody;
                    }
                });
                // Whose it is is told of every message in it, by the vendor.
                let assigned = matches!(self.vendor.chats[key].state.assignee, Assignee::Person(_));
                if given {
                    let happening = if assigned { Happening::TakenOver } else { Happening::GivenAway };
                    self.log("", Some(key), What::Happened { fact, happening });
                } else {
                    let text = format!("{} lands as {fact}", row.0);
                    self.log("", Some(key), What::Note { text });
                }
                let event = self.changed(key, before);
                self.webhook(key, event, None);
                None
            }
            Act::Dismiss { .. }
            | Act::AddLabel(_)
            | Act::Priority(_)
            | Act::Team(_)
            | Act::MarkVerified { .. }
            | Act::ContactEmail { .. } => None,
        }
    }

    // === Webhooks ===

    fn webhook(&mut self, key: usize, event: domain::Event, fact: Option<String>) {
        let is_message = !matches!(
            event,
            domain::Event::StateChanged | domain::Event::StatusChanged { .. } | domain::Event::Deleted { .. }
        );
        let contact = Contact { key: self.contact(key), name: None, email: None };
        let state = Some(self.vendor.chats[key].state.clone());
        let conversation = self.keys[key].clone();
        let inbound = Inbound {
            key: conversation,
            inbox: "1".to_owned(),
            contact: Some(contact),
            state,
            proof: None,
            reply: None,
            event,
        };
        self.post(Delivery { is_message, ..Delivery::new(key, inbound, fact) });
    }

    /// Sends a webhook on its way: once, perhaps late, or twice.
    pub(crate) fn post(&mut self, delivery: Delivery) {
        let delivery = self.vendor.numbered(delivery);
        if let Some(how) = self.dice.strikes(Fault::Duplicate) {
            let again = self.vendor.numbered(delivery.clone());
            self.put(i64::try_from(how % 9_000).unwrap_or_default(), Event::Webhook(Box::new(again)));
        }
        let late = self.dice.strikes(Fault::Reorder).map_or(0, |how| i64::try_from(how % 20_000).unwrap_or_default());
        let after = self.latency(3, 40) + late;
        self.put(after, Event::Webhook(Box::new(delivery)));
    }

    /// Brings a webhook to one of the nodes that listen. A refused connection is not tried again.
    pub(crate) fn balance(&mut self, mut delivery: Delivery) {
        let alive: Vec<usize> = (0..self.nodes.len()).filter(|n| self.nodes[*n].alive).collect();
        if alive.is_empty() {
            self.failed(delivery);
            return;
        }
        let chosen = self.dice.draw(Stream::Node) % u64::try_from(alive.len()).unwrap_or(1);
        let n = alive[usize::try_from(chosen).unwrap_or_default()];
        delivery.tries += 1;
        self.put(self.kind.patience(), Event::GiveUp(delivery.id));
        self.vendor.open.insert(delivery.id, delivery.clone());
        self.put_on(n, 1, NodeEvent::Webhook(Box::new(delivery)));
    }

    /// A node has answered a webhook.
    pub(crate) fn answered(&mut self, delivery: u64, taken: bool) {
        let Some(delivery) = self.vendor.open.remove(&delivery) else { return };
        if taken {
            if self.kind == Kind::GreenApi {
                self.notified(true);
            }
        } else if self.kind == Kind::Chatwoot && delivery.tries < DELIVERIES {
            // Under a new number, so that the patience for the old one ends nothing.
            let again = self.vendor.numbered(delivery);
            self.put(AGAIN, Event::Webhook(Box::new(again)));
        } else {
            self.failed(delivery);
        }
    }

    pub(crate) fn unanswered(&mut self, delivery: u64) {
        if let Some(delivery) = self.vendor.open.remove(&delivery) {
            self.failed(delivery);
        }
    }

    fn failed(&mut self, delivery: Delivery) {
        match self.kind {
            Kind::Chatwoot => {}
            Kind::GreenApi => return self.notified(false),
            Kind::Kommo => return self.told_again(delivery),
        }
        if delivery.is_message && self.vendor.chats[delivery.key].state.status == Status::Pending {
            // Nobody has it: this is the vendor's own doing, and no person's.
            let before = self.vendor.chats[delivery.key].state.clone();
            let fact = self.change_quietly(delivery.key, |state| state.status = Status::Open);
            self.log("", Some(delivery.key), What::Happened { fact, happening: Happening::Opened });
            let event = self.changed(delivery.key, before);
            self.webhook(delivery.key, event, None);
        }
    }
}
