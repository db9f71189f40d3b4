//! What customers and people of the company do, and when. They act at the vendor and know nothing of the desk.

use super::dice::Stream;
use super::kind::Kind;
use super::node::NodeEvent;
use super::world::{Event, STORM, Setting, World};
use frontdesk_actors::domain::{Assignee, Order, Status};
use frontdesk_actors::testkit::history::What;

/// One thing somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Ask,
    Attach,
    AskForPerson,
    Address(u8),
    TypeCode,
    WrongCode,
    Resend,
    Press,
    Delete,
    AgentWrites,
    AgentTakes,
    AgentResolves,
    AgentReturns,
    NoteBot,
    NoteHuman,
    /// An operator orders it through the API: no state of the vendor comes with that.
    Resume,
    /// An operator has the customer forgotten, in all their conversations.
    Forget,
}

/// What a customer's mailbox and browser hold.
#[derive(Debug, Default)]
pub(crate) struct Customer {
    /// The challenges in the mails that arrived, oldest first, with their codes.
    pub(crate) mails: Vec<(String, String)>,
    /// How many of them are from before the desk was made to forget the customer: they prove nothing.
    pub(crate) void: usize,
}

impl World {
    /// Decides who does what when.
    pub(crate) fn write_scripts(&mut self) {
        for key in 0..self.keys.len() {
            let mut at = self.dice.between(Stream::Script, 0, 20_000);
            if self.gate {
                self.put(at, Event::Deed(key, Deed::Ask));
                at += self.dice.between(Stream::Script, 500, 20_000);
                self.put(at, Event::Deed(key, Deed::Address(0)));
                at += self.dice.between(Stream::Script, 2_000, 25_000);
                let proof = if self.dice.chance(Stream::Script, 50) { Deed::Press } else { Deed::TypeCode };
                self.put(at, Event::Deed(key, proof));
                if proof == Deed::Press && self.dice.chance(Stream::Script, 50) {
                    let again = self.dice.between(Stream::Script, 0, 3_000);
                    self.put(at + again, Event::Deed(key, Deed::Press));
                }
            }
            while at < STORM - 30_000 {
                at += self.dice.between(Stream::Script, 500, 45_000);
                self.write_scene(key, at);
            }
        }
    }

    fn write_scene(&mut self, key: usize, at: i64) {
        match self.dice.draw(Stream::Script) % 100 {
            0..55 => self.write_burst(key, at),
            55..60 => self.put(at, Event::Deed(key, Deed::Delete)),
            60..64 => self.put(at, Event::Deed(key, Deed::AskForPerson)),
            64..67 => self.put(at, Event::Deed(key, Deed::Attach)),
            67..71 if self.gate => {
                let deed = [Deed::Address(1), Deed::WrongCode, Deed::Resend, Deed::TypeCode];
                let chosen = self.dice.draw(Stream::Script) % 4;
                self.put(at, Event::Deed(key, deed[usize::try_from(chosen).unwrap_or_default()]));
            }
            67..72 if self.gate => self.put(at, Event::Deed(key, Deed::Press)),
            67..80 => self.put(at, Event::Deed(key, Deed::AgentWrites)),
            80..88 => self.put(at, Event::Deed(key, Deed::AgentTakes)),
            88..90 => self.put(at, Event::Deed(key, Deed::NoteHuman)),
            _ => self.put(at, Event::Deed(key, Deed::AgentResolves)),
        }
        // Whatever people took, they mostly give back.
        if self.dice.chance(Stream::Script, 35) {
            let (done, returns) = (Deed::AgentResolves, Deed::AgentReturns);
            let back = [done, done, returns, Deed::Resume, done, done, returns, Deed::NoteBot];
            let drawn = self.dice.draw(Stream::Script);
            let after = self.dice.between(Stream::Script, 200, 20_000);
            let back = back[usize::try_from(drawn % 8).unwrap_or_default()];
            let back = if self.setting == Setting::Crowd { Deed::NoteBot } else { back };
            self.put(at + after, Event::Deed(key, back));
        }
    }

    fn write_burst(&mut self, key: usize, mut at: i64) {
        for _ in 0..self.dice.between(Stream::Script, 1, 6) {
            self.put(at, Event::Deed(key, Deed::Ask));
            at += self.dice.between(Stream::Script, 100, 4_000);
        }
    }

    pub(crate) fn act(&mut self, key: usize, deed: Deed) {
        let number = self.dice.draw(Stream::Ids) % 1_000_000;
        match self.kind.deed(deed) {
            Deed::Delete if self.kind == Kind::GreenApi => self.phone_deletes(key),
            Deed::NoteBot if self.kind == Kind::GreenApi => self.phone_gives_back(key),
            Deed::Ask => self.customer_writes(key, &format!("question {number} of the customer?"), true),
            Deed::Attach => self.customer_writes(key, "", false),
            Deed::AskForPerson => self.customer_writes(key, &format!("a human please {number}"), false),
            Deed::Address(which) => {
                self.customer_writes(key, &format!("it is c{}x{which}@example.com", key % 2), false);
            }
            Deed::TypeCode => self.type_code(key),
            Deed::WrongCode => self.customer_writes(key, "000000", false),
            Deed::Resend => self.customer_writes(key, "resend", false),
            Deed::Press => self.press(key),
            Deed::Delete => self.customer_deletes(key),
            Deed::AgentWrites => self.person_writes(key, &format!("agent says {number}")),
            // Who has it already does not take it again.
            Deed::AgentTakes if self.vendor.chats[key].state.status != Status::Open => self.change(key, |state| {
                state.status = Status::Open;
                state.assignee = Assignee::Person("5".to_owned());
            }),
            Deed::AgentTakes => {}
            Deed::AgentResolves if self.vendor.chats[key].state.status != Status::Resolved => {
                self.change(key, |state| state.status = Status::Resolved);
            }
            Deed::AgentResolves => {}
            Deed::AgentReturns if self.vendor.chats[key].state.status != Status::Pending => {
                self.change(key, |state| {
                    state.status = Status::Pending;
                    state.assignee = Assignee::Us;
                });
            }
            Deed::AgentReturns => {}
            Deed::NoteBot => self.note_order(key, Order::Bot),
            Deed::NoteHuman => self.note_order(key, Order::Human),
            Deed::Resume => self.resume(key, number),
            Deed::Forget => self.forget(key),
        }
    }

    /// In one run of eight somebody is forgotten.
    pub(crate) fn plan_forgetting(&mut self) {
        if self.dice.chance(Stream::Operator, 12) {
            let last = i64::try_from(self.keys.len()).unwrap_or(1) - 1;
            let key = usize::try_from(self.dice.between(Stream::Operator, 0, last)).unwrap_or_default();
            let at = self.dice.between(Stream::Operator, 20_000, STORM);
            self.put(at, Event::Deed(key, Deed::Forget));
        }
    }

    fn forget(&mut self, key: usize) {
        let nodes = i64::try_from(self.nodes.len()).unwrap_or(1);
        let n = usize::try_from(self.dice.between(Stream::Operator, 0, nodes - 1)).unwrap_or_default();
        for other in (0..self.keys.len()).filter(|other| other % 2 == key % 2) {
            if self.nodes[n].alive {
                self.put_on(n, 2, NodeEvent::Erase(other));
            }
        }
    }

    /// The customer shows who they are, also for their other conversations, by the last mail they got.
    fn prove(&mut self, key: usize) {
        if self.vendor.customers[key].mails.len() <= self.vendor.customers[key].void {
            return;
        }
        for other in 0..self.keys.len() {
            if other % 2 == key % 2 {
                self.log("", Some(other), What::Proved);
            }
        }
    }

    fn resume(&mut self, key: usize, number: u64) {
        let nodes = u64::try_from(self.nodes.len()).unwrap_or(1);
        let n = usize::try_from(number % nodes).unwrap_or_default();
        if self.nodes[n].alive {
            self.put_on(n, 2, NodeEvent::Resume { key, fact: format!("o{number}") });
        }
    }

    fn type_code(&mut self, key: usize) {
        let Some((challenge, code)) = self.vendor.customers[key].mails.last().cloned() else { return };
        self.prove(key);
        self.use_up(key, challenge);
        self.customer_writes(key, &code, false);
    }

    fn use_up(&mut self, key: usize, challenge: String) -> String {
        self.vendor.presses += 1;
        let press = format!("p{}", self.vendor.presses);
        self.log("", Some(key), What::Pressed { press: press.clone(), challenge });
        press
    }

    fn press(&mut self, key: usize) {
        let Some((challenge, _)) = self.vendor.customers[key].mails.last().cloned() else { return };
        self.prove(key);
        let press = self.use_up(key, challenge.clone());
        let nodes = u64::try_from(self.nodes.len()).unwrap_or(1);
        let n = usize::try_from(self.dice.draw(Stream::Node) % nodes).unwrap_or_default();
        if self.nodes[n].alive {
            self.put_on(n, 2, NodeEvent::Press { key, press, challenge });
        }
    }
}
