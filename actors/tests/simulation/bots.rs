//! Kommo as a pure model: every message of a customer is the request of a salesbot that waits at a place of its own, and takes
//! one answer there, with words or without. Nothing carries an id of ours, nothing can be looked at, and what people write comes
//! as webhooks. 404 says that nobody waits any more.

use super::dice::{Fault, Stream};
use super::kind::Kind;
use super::vendor::Delivery;
use super::world::{Event, World};
use frontdesk_actors::domain::{self, Contact, CustomerMessage, Inbound};
use frontdesk_actors::flow::outbox::{Row, RowKind};
use frontdesk_actors::ids::{MessageId, ReplyHandle};
use frontdesk_actors::ports::{Act, Verdict};
use frontdesk_actors::testkit::history::{Happening, What};
use frontdesk_actors::time::Timestamp;
use frontdesk_actors::view::View;
use std::collections::{BTreeMap, BTreeSet};

/// How often something is sent that is not taken, and how long it rests.
const TRIES: u8 = 6;
const AGAIN: i64 = 4_000;

/// What the account holds.
#[derive(Debug, Default)]
pub(crate) struct Bots {
    last: u64,
    places: BTreeMap<String, Place>,
    /// Rows that were refused, by a place at which no try before it may have landed.
    refused: BTreeSet<(usize, u64)>,
    /// Rows that left last after a try of unknown outcome: whoever is refused then knows nothing of that one.
    in_doubt: BTreeSet<(usize, u64)>,
}

impl Bots {
    /// Notes that a row was refused.
    pub(crate) fn refused(&mut self, key: usize, row: u64) {
        if !self.in_doubt.contains(&(key, row)) {
            self.refused.insert((key, row));
        }
    }

    /// Notes that a row leaves, and whether a try of it before this may have landed.
    fn leaves(&mut self, of: (usize, u64), doubted: bool) {
        self.refused.remove(&of);
        if doubted {
            self.in_doubt.insert(of);
        } else {
            self.in_doubt.remove(&of);
        }
    }
}

/// Where a salesbot waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Waits,
    /// Something was sent there, whatever became of it: from here on nobody could tell that it was stopped.
    Tried,
    WentOn,
    Stopped,
}

impl World {
    // === What people do ===

    pub(crate) fn bot_asks(&mut self, key: usize, text: &str, asks: bool) {
        self.vendor.bots.last += 1;
        let place = format!("r{}", self.vendor.bots.last);
        // Requests have no number and no time: see `number_request`.
        let id = MessageId::named(&place);
        let fact = self.fact_of(id);
        let happening = Happening::CustomerWrote { words: text.to_owned(), asks };
        self.log("", Some(key), What::Happened { fact: fact.clone(), happening });
        self.log("", Some(key), What::Waits { place: place.clone(), fact: fact.clone() });
        self.vendor.bots.places.insert(place.clone(), Place::Waits);
        let at = Timestamp::from_millis(self.now);
        let attachments = u32::from(text.is_empty());
        let message = CustomerMessage { id, at, text: text.to_owned(), attachments, voice: None };
        self.tell(key, domain::Event::CustomerWrote(message), Some(ReplyHandle(place)), Some(fact));
    }

    pub(crate) fn user_writes(&mut self, key: usize, text: &str) {
        let (id, at) = self.bot_numbers();
        let fact = self.fact_of(id);
        let happening = Happening::PersonWrote { words: text.to_owned() };
        self.log("", Some(key), What::Happened { fact: fact.clone(), happening });
        self.tell(key, domain::Event::PersonWrote { id, at, text: text.to_owned() }, None, Some(fact));
    }

    /// Numbers what was written to the customer: under a whole second, as milliseconds.
    fn bot_numbers(&mut self) -> (MessageId, Timestamp) {
        self.vendor.bots.last += 1;
        let at = Timestamp::from_secs(self.now.div_euclid(1000));
        let order = u64::try_from(at.as_millis()).unwrap_or_default();
        (MessageId::opaque(order, &format!("w{}", self.vendor.bots.last)), at)
    }

    /// A request that has come in is ordered as it comes, by the clock of the node that it came to.
    pub(crate) fn number_request(&self, n: usize, inbound: &mut Inbound) {
        let now = self.clock(n);
        if let (Kind::Kommo, domain::Event::CustomerWrote(message)) = (self.kind, &mut inbound.event) {
            message.id.order = u64::try_from(now.as_millis()).unwrap_or_default();
            message.at = now;
        }
    }

    fn tell(&mut self, key: usize, event: domain::Event, reply: Option<ReplyHandle>, fact: Option<String>) {
        let contact = reply.is_some().then(|| Contact { key: self.contact(key), name: None, email: None });
        let (conversation, inbox) = (self.keys[key].clone(), "1".to_owned());
        let inbound = Inbound { key: conversation, inbox, contact, state: None, proof: None, reply, event };
        self.post(Delivery::new(key, inbound, fact));
    }

    /// It was not taken: it comes again, some times.
    pub(crate) fn told_again(&mut self, delivery: Delivery) {
        if delivery.tries < TRIES {
            let again = self.vendor.numbered(delivery);
            self.put(AGAIN, Event::Webhook(Box::new(again)));
        }
    }

    // === What the desk does ===

    /// Notes that an answer is on its way to where somebody waits.
    pub(crate) fn bot_is_tried(&mut self, n: usize, key: usize, row: &Row) {
        let Some(reply) = row.reply_place() else { return };
        let place = reply.handle.0.clone();
        let stops = self.vendor.bots.places.get(&place) == Some(&Place::Waits);
        if stops && self.strikes(Fault::BotStopped, n, key).is_some() {
            self.vendor.bots.places.insert(place.clone(), Place::Stopped);
            self.log("", Some(key), What::Stopped { place: place.clone() });
        } else if stops {
            self.vendor.bots.places.insert(place.clone(), Place::Tried);
        }
        self.vendor.bots.leaves((key, row.seq), reply.doubted);
        self.log_on(n, key, What::Tried { place, row: row.id.0.clone() });
    }

    /// An answer has come to where somebody waits, or waited. Returns what is answered.
    pub(crate) fn bot_goes_on(&mut self, key: usize, row: &Row) -> Verdict {
        let settled = Verdict::Settled { message: None };
        let RowKind::Act(act) = &row.kind else { return settled };
        let Some(reply) = row.reply_place() else {
            let why = "nobody waits for words here".to_owned();
            return if row.kind.is_speech() { Verdict::Rejected { why } } else { settled };
        };
        let place = reply.handle.0;
        let stands = self.vendor.bots.places.get(&place).copied();
        if matches!(stands, Some(Place::Waits | Place::Tried)) {
            self.vendor.bots.places.insert(place.clone(), Place::WentOn);
            self.log("", Some(key), What::WentOn { place, row: row.id.0.clone() });
            if let Act::Text { text, .. } = act {
                self.bot_says(key, row, text);
            }
            return settled;
        }
        if stands == Some(Place::Stopped) && reply.doubted {
            self.bot_tells_nothing(key, row);
        }
        match act {
            Act::Text { .. } if reply.doubted => Verdict::Unknown { finished: true, why: "404".to_owned() },
            Act::Text { .. } => Verdict::Gone { why: "404".to_owned() },
            Act::Note { .. }
            | Act::Dismiss { .. }
            | Act::Open
            | Act::Pend
            | Act::AddLabel(_)
            | Act::Priority(_)
            | Act::Team(_)
            | Act::MarkVerified { .. }
            | Act::ContactEmail { .. } => settled,
        }
    }

    /// What was joined for one place is read, text by text; the account tells of it.
    fn bot_says(&mut self, key: usize, row: &Row, text: &str) {
        for (number, part) in text.split("\n\n").enumerate() {
            let suffix = if number == 0 { String::new() } else { format!("-p{number}") };
            self.text_lands(key, row, (format!("{}{suffix}", row.id.0), part));
        }
        let (id, _) = self.bot_numbers();
        self.tell(key, domain::Event::OtherWrote { id }, None, None);
    }

    /// An answer in doubt comes to where nobody waits, because the bot was stopped: the vendor says the same where the first
    /// try had landed, so that the desk takes it for said.
    fn bot_tells_nothing(&mut self, key: usize, row: &Row) {
        let RowKind::Act(Act::Text { text, .. }) = &row.kind else { return };
        for part in text.split("\n\n") {
            let answer = self.answer_in(part);
            self.log("", Some(key), What::Doubted { row: row.id.0.clone(), words: part.to_owned(), answer });
        }
    }

    /// Says in the log which texts were claimed and never landed, and not because they were refused: whether they were read
    /// nobody could find out.
    pub(crate) fn note_doubted(&mut self, key: usize) {
        let landed = |of: &str| {
            self.history.entries.iter().any(|entry| matches!(&entry.what, What::Landed { row, .. } if row == of))
        };
        // Another node may have put a row in doubt that was refused since.
        let alone = self.nodes.len() == 1;
        let refused = |row: &str| {
            let number = row.rsplit('-').next().and_then(|number| number.parse().ok());
            alone && number.is_some_and(|number| self.vendor.bots.refused.contains(&(key, number)))
        };
        let texts = self
            .vendor
            .words
            .iter()
            .filter(|((of, row), words)| *of == key && !words.is_empty() && !landed(row) && !refused(row));
        let texts: Vec<(String, String)> = texts.map(|((_, row), words)| (row.clone(), words.clone())).collect();
        for (row, text) in texts {
            for part in text.split("\n\n") {
                self.log("", Some(key), What::Doubted { row: row.clone(), words: part.to_owned(), answer: None });
            }
        }
    }

    /// Says in the log what is left to say and has no place to leave at.
    pub(crate) fn note_stranded(&mut self, key: usize, view: &View) {
        let texts = view.outbox.iter().filter(|row| row.kind == "text" && row.state == "queued");
        let left: Vec<(String, String)> = texts.filter_map(|row| Some((row.id.0.clone(), row.text.clone()?))).collect();
        for (row, text) in left {
            for part in text.split("\n\n") {
                let answer = self.answer_in(part);
                self.log("", Some(key), What::Stranded { row: row.clone(), words: part.to_owned(), answer });
            }
        }
    }

    /// Draws what is peculiar to this run's account.
    pub(crate) fn open_account(&mut self) {
        self.vendor.bots.last = self.dice.draw(Stream::Setup) % 1_000_000;
    }
}
