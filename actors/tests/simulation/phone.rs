//! GREEN-API as a pure model: an instance with its paired phone. Its messages carry no id of ours; chats have no status and no
//! assignee; a word typed on the phone takes a chat, and `/bot` gives it back. Notifications are delivered one at a time and
//! repeated until they are answered 200; a look reads journals that lag behind, under whole seconds.

use super::dice::{Fault, Stream};
use super::vendor::Delivery;
use super::world::{Event, World};
use frontdesk_actors::domain::{self, Contact, ConversationState, CustomerMessage, Inbound, Order};
use frontdesk_actors::ids::MessageId;
use frontdesk_actors::ports::{Author, Look, Seen};
use frontdesk_actors::testkit::history::{Happening, What};
use frontdesk_actors::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// How long a message may take at most until a journal shows it.
const LAG: i64 = 120_000;

/// How long after it left an outgoing message is read, at most: a journal shows it under that time then.
const READ: i64 = 60_000;

/// What the instance holds.
#[derive(Debug, Default)]
pub(crate) struct Phone {
    /// Makes the ids of each run others, so that messages of one second stand in any order.
    salt: u64,
    last: u64,
    /// Notifications that were not taken yet, oldest first.
    queue: VecDeque<Delivery>,
    /// Whether the first of them is on its way, or rests.
    delivering: bool,
    /// How long one rests that was not taken.
    pause: i64,
    /// What the journals show of each message.
    journal: BTreeMap<u64, Shown>,
}

/// When a journal shows a message, and under which times.
#[derive(Debug, Clone, Copy)]
struct Shown {
    /// Until then it stands in the queue of what is to leave.
    leaves: i64,
    from: i64,
    read: Option<i64>,
}

impl World {
    /// Draws what is peculiar to this run's instance.
    pub(crate) fn pair_phone(&mut self) {
        self.vendor.phone.salt = self.dice.draw(Stream::Setup);
        let pauses = [3_000, 15_000, 60_000];
        let drawn = usize::try_from(self.dice.draw(Stream::Setup) % 3).unwrap_or_default();
        self.vendor.phone.pause = pauses[drawn];
    }

    fn second(&self) -> Timestamp {
        Timestamp::from_secs(self.now.div_euclid(1000))
    }

    /// Adds a message that leaves at some time, and returns its id.
    fn phone_adds(&mut self, key: usize, (author, text): (Author, &str), leaves: i64) -> (MessageId, Timestamp) {
        let phone = &mut self.vendor.phone;
        phone.last += 1;
        let at = Timestamp::from_secs(leaves.div_euclid(1000));
        let name = format!("{:x}-{}", phone.salt, phone.last);
        let id = MessageId::opaque(u64::try_from(at.as_secs()).unwrap_or_default(), &name);
        // Mostly soon.
        let longest = if self.latency(0, 9) < 7 { 2_000 } else { LAG };
        let from = leaves + self.latency(0, longest);
        let outgoing = author != Author::Customer;
        let read = outgoing.then(|| leaves + self.latency(500, READ));
        self.vendor.phone.journal.insert(id.unique, Shown { leaves, from, read });
        self.vendor.chats[key].messages.push(Seen { id, at, author, text: text.to_owned(), voice: None });
        (id, at)
    }

    // === What people do ===

    pub(crate) fn phone_hears_customer(&mut self, key: usize, text: &str, asks: bool) {
        let (id, at) = self.phone_adds(key, (Author::Customer, text), self.now);
        let happening = Happening::CustomerWrote { words: text.to_owned(), asks };
        let fact = self.phone_happened(key, id, happening);
        let message = CustomerMessage { id, at, text: text.to_owned(), attachments: 0, voice: None };
        let message = self.as_heard_of(key, message);
        self.notify(key, 0, domain::Event::CustomerWrote(message), Some(fact));
    }

    pub(crate) fn phone_types(&mut self, key: usize, text: &str) {
        let (id, at) = self.phone_adds(key, (Author::Person, text), self.now);
        let fact = self.phone_happened(key, id, Happening::PersonWrote { words: text.to_owned() });
        self.notify(key, 0, domain::Event::PersonWrote { id, at, text: text.to_owned() }, Some(fact));
    }

    /// Somebody types the word that gives a chat back.
    pub(crate) fn phone_gives_back(&mut self, key: usize) {
        let (id, _) = self.phone_adds(key, (Author::Private, ""), self.now);
        let fact = self.phone_happened(key, id, Happening::AskedBack);
        self.notify(key, 0, domain::Event::Ordered { id, order: Order::Bot }, Some(fact));
    }

    pub(crate) fn phone_deletes(&mut self, key: usize) {
        let chat = &mut self.vendor.chats[key];
        let Some(at) = chat.messages.iter().rposition(|seen| seen.author == Author::Customer) else { return };
        let gone = chat.messages.remove(at).id;
        let of = self.fact_of(gone);
        let fact = format!("d{of}");
        self.log("", Some(key), What::Happened { fact: fact.clone(), happening: Happening::Deleted { of } });
        // It is named without its time.
        let id = MessageId { order: 0, ..gone };
        self.notify(key, 0, domain::Event::Deleted { id }, Some(fact));
    }

    fn phone_happened(&mut self, key: usize, id: MessageId, happening: Happening) -> String {
        let fact = self.fact_of(id);
        self.log("", Some(key), What::Happened { fact: fact.clone(), happening });
        fact
    }

    // === What the desk does ===

    /// Takes a text into the queue of what is to leave. Returns its id, as the answer names it: without a time; and whether it
    /// is ever brought to the customer.
    pub(crate) fn phone_sends(&mut self, n: usize, key: usize, text: &str) -> (MessageId, bool) {
        let leaves = self.now + self.latency(0, 3_000);
        let (id, at) = self.phone_adds(key, (Author::Carried, text), leaves);
        let named = MessageId { order: 0, ..id };
        let soon = leaves - self.now;
        if self.strikes(Fault::NotBrought, n, key).is_some() {
            self.notify(key, soon, domain::Event::Fared { id: named, reached: false }, None);
            return (named, false);
        }
        self.notify(key, soon, domain::Event::Carried { id, at, text: text.to_owned() }, None);
        self.notify(key, soon + 200, domain::Event::Fared { id: named, reached: true }, None);
        let read = self.vendor.phone.journal[&id.unique].read.unwrap_or(leaves);
        self.notify(key, read - self.now, domain::Event::Fared { id: named, reached: true }, None);
        (named, true)
    }

    /// Reads the queue and the journals of a chat, from the second of a message on.
    pub(crate) fn phone_shows(&self, key: usize, after: MessageId, state: ConversationState) -> Look {
        let now = self.now;
        let since = Timestamp::from_secs(i64::try_from(after.order).unwrap_or(i64::MAX));
        let shown = |seen: &Seen| {
            let shown = self.vendor.phone.journal[&seen.id.unique];
            let ours = seen.author == Author::Carried;
            if ours && now < shown.leaves {
                return Some(self.second());
            }
            let last = shown.read.filter(|read| *read <= now).unwrap_or(shown.leaves);
            (shown.from <= now).then(|| Timestamp::from_secs(last.div_euclid(1000)))
        };
        let messages = self.vendor.chats[key].messages.iter().filter_map(|seen| {
            let at = shown(seen)?;
            let order = match seen.author {
                Author::Carried => 0,
                Author::Customer | Author::Person | Author::Private | Author::Us(_) | Author::Other => {
                    u64::try_from(at.as_secs()).unwrap_or_default()
                }
            };
            Some(Seen { id: MessageId { order, ..seen.id }, at, ..seen.clone() })
        });
        let mut messages: Vec<Seen> = messages.filter(|seen| seen.at >= since).collect();
        messages.sort_by_key(|seen| (seen.at, seen.id));
        Look { state, messages, complete: true }
    }

    // === Notifications ===

    fn notify(&mut self, key: usize, after: i64, event: domain::Event, fact: Option<String>) {
        let theirs = matches!(event, domain::Event::CustomerWrote(_) | domain::Event::Deleted { .. });
        let contact = theirs.then(|| Contact { key: self.contact(key), name: None, email: None });
        let conversation = self.keys[key].clone();
        let inbox = "1".to_owned();
        let inbound = Inbound { key: conversation, inbox, contact, state: None, proof: None, reply: None, event };
        let delivery = Delivery::new(key, inbound, fact);
        if after > 0 {
            self.put(after, Event::Notify(Box::new(delivery)));
        } else {
            self.enqueue(delivery);
        }
    }

    pub(crate) fn enqueue(&mut self, delivery: Delivery) {
        self.vendor.phone.queue.push_back(delivery);
        if !self.vendor.phone.delivering {
            self.deliver_head(0);
        }
    }

    fn deliver_head(&mut self, pause: i64) {
        let Some(head) = self.vendor.phone.queue.front().cloned() else {
            self.vendor.phone.delivering = false;
            return;
        };
        self.vendor.phone.delivering = true;
        let again = self.vendor.numbered(head);
        let late = self.dice.strikes(Fault::Reorder).map_or(0, |how| i64::try_from(how % 20_000).unwrap_or_default());
        let after = pause + self.latency(3, 40) + late;
        self.put(after, Event::Webhook(Box::new(again)));
    }

    /// The first notification was answered 200, or it was not. One whose answer is lost comes again.
    pub(crate) fn notified(&mut self, taken: bool) {
        if !taken || self.dice.strikes(Fault::Duplicate).is_some() {
            let pause = self.vendor.phone.pause;
            return self.deliver_head(pause);
        }
        self.vendor.phone.queue.pop_front();
        self.let_another_pass();
        self.deliver_head(0);
    }

    /// The next notification lets another one pass, where that changes the order of nobody's words.
    fn let_another_pass(&mut self) {
        let queue = &self.vendor.phone.queue;
        let (Some(first), Some(second)) = (queue.front(), queue.get(1)) else { return };
        let news = |delivery: &Delivery| {
            matches!(delivery.inbound.event, domain::Event::Carried { .. } | domain::Event::Fared { .. })
        };
        let may = first.key != second.key || news(first) || news(second);
        if may && self.dice.strikes(Fault::Reorder).is_some() {
            self.vendor.phone.queue.swap(0, 1);
        }
    }
}
