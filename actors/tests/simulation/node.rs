//! One node: its clock, its gates, its watch over the wake index, and the conversations it has in memory. Modelled on the
//! engine's `directory/watch.rs`, `outbound/gate.rs` and `shared.rs`.

use super::actor::{Asker, Conversation, Message};
use super::dice::{Fault, Stream};
use super::gate::Gate;
use super::kind::Kind;
use super::requests::StoreCall;
use super::sabotage::Sabotage;
use super::store::{Outcome, Stored, Taken};
use super::vendor::Delivery;
use super::wire::{Looking, Sending};
use super::world::World;
use frontdesk_actors::domain::{Order, Verified};
use frontdesk_actors::flow::outbox::Lane;
use frontdesk_actors::flow::{Ctx, Input, SendOutcome};
use frontdesk_actors::ids::{self, Ticket};
use frontdesk_actors::testkit::history::{Happening, Page, What};
use frontdesk_actors::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// How long work in hand is left alone by other nodes.
pub(crate) const LEASE: i64 = 5_000;

/// How often the wake index is read.
const POLL: i64 = 500;

/// After how long without an event a conversation leaves memory.
const IDLE: i64 = 120_000;

/// What happens on a node.
#[derive(Debug, Clone)]
pub(crate) enum NodeEvent {
    Webhook(Box<Delivery>),
    HoldOver(u64),
    Press {
        key: usize,
        press: String,
        challenge: String,
    },
    /// An operator's order, and the fact it is.
    Resume {
        key: usize,
        fact: String,
    },
    /// An operator has the customer forgotten.
    Erase(usize),
    /// The conversation's actor takes the next message from its mailbox.
    Run(usize),
    /// The store answered an actor.
    Reply {
        key: usize,
        wait: u64,
        reply: Box<StoreReply>,
    },
    /// A pause of an actor is over.
    Rested {
        key: usize,
        wait: u64,
    },
    /// The local timer of an actor went off.
    Timer {
        key: usize,
        stamp: u64,
    },
    /// The result of slow work comes back, or comes again.
    Report {
        key: usize,
        input: Box<Input>,
    },
    /// An idle conversation may leave memory.
    Idle(usize),
    /// The watch reads the wake index.
    Poll(u64),
    /// What it read.
    Due(Option<Vec<Taken>>),
    /// The watch renews what is in hand.
    Renew,
    /// A claimed row is about to be sent: is its claim still good?
    Check(Box<Sending>),
    /// It is written to the socket.
    Write(Box<Sending>),
    /// A send ended.
    Sent {
        key: usize,
        row: u64,
        attempt: u32,
        lane: Lane,
        outcome: SendOutcome,
    },
    ModelEnd {
        key: usize,
        ticket: Ticket,
        call: usize,
    },
    LookEnd {
        looking: Looking,
        result: Box<Input>,
    },
    /// Those who wait at a gate are served.
    Serve(Lane),
}

/// What the store answers.
#[derive(Debug, Clone)]
pub(crate) enum StoreReply {
    Loaded(Option<Option<Stored>>),
    Contact(Option<Option<Verified>>),
    Written(Outcome),
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) boot: u64,
    pub(crate) id: ids::Node,
    pub(crate) alive: bool,
    pub(crate) still_until: i64,
    /// How far its clock is off.
    pub(crate) offset: i64,
    pub(crate) conversations: BTreeMap<usize, Conversation>,
    pub(crate) gates: BTreeMap<Lane, Gate>,
    pub(crate) missed_until: Timestamp,
    /// The run of the store, as last heard.
    pub(crate) run: u64,
    store_down: bool,
    write_failed: bool,
    poll: Option<(i64, u64)>,
    polls: u64,
    renewing: bool,
    /// Webhooks that are not answered yet.
    waiting: BTreeSet<u64>,
}

impl Node {
    pub(crate) fn new(n: usize) -> Self {
        let name = ["a", "b", "c"][n].to_owned();
        let id = ids::Node { name: name.as_str().into(), boot: 0 };
        Self {
            name,
            boot: 0,
            id,
            alive: false,
            still_until: 0,
            offset: 0,
            conversations: BTreeMap::new(),
            gates: BTreeMap::new(),
            missed_until: Timestamp::default(),
            run: 0,
            store_down: false,
            write_failed: false,
            poll: None,
            polls: 0,
            renewing: false,
            waiting: BTreeSet::new(),
        }
    }
}

impl World {
    pub(crate) fn clock(&self, n: usize) -> Timestamp {
        Timestamp::from_millis(self.now + self.nodes[n].offset)
    }

    /// Calls `with` with what the flow is handled with on this node, at this moment.
    pub(crate) fn with_ctx<T>(&mut self, n: usize, with: impl FnOnce(&Ctx<'_>) -> T) -> T {
        let seed = [self.dice.draw(Stream::Ids), self.dice.draw(Stream::Ids), self.dice.draw(Stream::Ids)];
        let now = self.clock(n);
        with(&Ctx { now, seed, policy: &self.policy, human_mode: false, paused: false, node: &self.nodes[n].id })
    }

    // === Life and death ===

    pub(crate) fn boot(&mut self, n: usize) {
        let boot = self.dice.draw(Stream::Node);
        if let Some(how) = self.dice.strikes(Fault::ClockStep) {
            let offsets = self.kind.clocks_off();
            self.nodes[n].offset = offsets[usize::try_from(how % 5).unwrap_or_default()];
            let text = format!("clock off by {} ms", self.nodes[n].offset);
            self.note_fault(n, &text);
        }
        let now = self.clock(n);
        let width = usize::try_from(1 + self.dice.draw(Stream::Node) % 4).unwrap_or(1);
        let node = &mut self.nodes[n];
        let (name, offset) = (node.name.clone(), node.offset);
        *node = Node { boot, alive: true, offset, missed_until: now, run: self.store.run, ..Node::new(n) };
        node.id = ids::Node { name: name.as_str().into(), boot };
        node.gates =
            [Lane::Channel, Lane::Mail, Lane::Cards].into_iter().map(|lane| (lane, Gate::new(lane, width))).collect();
        self.ask_store(n, None, StoreCall::Reclaim);
        self.arm_watch(n);
    }

    pub(crate) fn crash(&mut self, n: usize, rest: i64) {
        if !self.nodes[n].alive {
            return;
        }
        self.note_fault(n, Fault::Crash.name());
        let node = &mut self.nodes[n];
        node.alive = false;
        node.still_until = 0;
        node.conversations.clear();
        self.put(rest, super::world::Event::Boot(n));
    }

    // === What happens ===

    pub(crate) fn on_node(&mut self, n: usize, event: NodeEvent) {
        match event {
            NodeEvent::Webhook(delivery) => self.take_in(n, *delivery),
            NodeEvent::HoldOver(delivery) => self.respond(n, delivery, None, false),
            NodeEvent::Press { key, press, challenge } => {
                self.send(n, key, Message::Hear(Input::LinkConfirmed(challenge), Some(Asker::Press(press))));
            }
            NodeEvent::Resume { key, fact } => {
                // It counts from when it is taken: nothing says what it came before.
                if self.kind == Kind::Chatwoot {
                    let happening = Happening::AskedBack;
                    self.log("", Some(key), What::Happened { fact: fact.clone(), happening });
                }
                self.send(n, key, Message::Hear(Input::Ordered(Order::Bot), Some(Asker::Order(fact))));
            }
            NodeEvent::Erase(key) => {
                self.store.contacts.remove(&(key % 2));
                self.send(n, key, Message::Hear(Input::Erased, Some(Asker::Erasure)));
            }
            NodeEvent::Run(key) => self.run_next(n, key),
            NodeEvent::Reply { key, wait, reply } => self.store_replied(n, key, wait, *reply),
            NodeEvent::Rested { key, wait } => self.write_again(n, key, wait),
            NodeEvent::Timer { key, stamp } => {
                if self.nodes[n].conversations.get(&key).is_some_and(|actor| actor.timer == stamp) {
                    self.send(n, key, Message::Deadline);
                }
            }
            NodeEvent::Report { key, input } => self.send(n, key, Message::Hear(*input, None)),
            NodeEvent::Idle(key) => self.let_leave(n, key),
            NodeEvent::Poll(stamp) => {
                if self.nodes[n].poll.is_some_and(|(_, current)| current == stamp) {
                    self.nodes[n].poll = None;
                    self.ask_store(n, None, StoreCall::Take);
                }
            }
            NodeEvent::Due(due) => self.due(n, due),
            NodeEvent::Renew => self.renew(n),
            NodeEvent::Check(sending) => self.check_claim(n, *sending),
            NodeEvent::Write(sending) => self.transmit(n, &sending),
            NodeEvent::Sent { key, row, attempt, lane, outcome } => {
                self.sent(n, key, (row, attempt), lane, outcome);
            }
            NodeEvent::ModelEnd { key, ticket, call } => self.model_ended(n, key, ticket, call),
            NodeEvent::LookEnd { looking, result } => {
                self.release(n, Lane::Channel);
                self.send(n, looking.key, Message::Hear(*result, None));
            }
            NodeEvent::Serve(lane) => self.serve(n, lane),
        }
    }

    fn take_in(&mut self, n: usize, mut delivery: Delivery) {
        let order = (delivery.id, self.now.unsigned_abs());
        self.number_request(n, &mut delivery.inbound);
        Sabotage::bend_inbound(self.sabotage, &mut delivery.inbound, order);
        self.nodes[n].waiting.insert(delivery.id);
        let (key, asker) = (delivery.key, Asker::Webhook(delivery.id, delivery.fact.clone()));
        let asker = if self.sabotage == Some(Sabotage::AckEarly) {
            self.respond(n, delivery.id, Some((key, delivery.fact)), true);
            None
        } else {
            self.put_on(n, self.kind.hold(), NodeEvent::HoldOver(delivery.id));
            Some(asker)
        };
        self.send(n, key, Message::Hear(Input::Inbound(Box::new(delivery.inbound)), asker));
    }

    /// Answers a webhook, unless it has been answered.
    pub(crate) fn respond(&mut self, n: usize, delivery: u64, fact: Option<(usize, Option<String>)>, taken: bool) {
        if !self.nodes[n].waiting.remove(&delivery) {
            return;
        }
        if let Some((key, Some(fact))) = fact.filter(|_| taken) {
            self.log_on(n, key, What::Acked { fact });
        }
        self.answered(delivery, taken);
    }

    pub(crate) fn show_page(&mut self, n: usize, key: usize, press: String, page: Page) {
        self.log_on(n, key, What::Told { press, page });
    }

    // === The watch ===

    /// Plans the next reading of the wake index that finds something, on every node. Readings that find nothing change
    /// nothing and are left out.
    pub(crate) fn arm_watches(&mut self) {
        for n in 0..self.nodes.len() {
            self.arm_watch(n);
        }
    }

    fn arm_watch(&mut self, n: usize) {
        let Some(due) = self.store.next_due().filter(|_| self.nodes[n].alive) else { return };
        // Nodes read at different moments of each half second.
        let phase = 160 * i64::try_from(n).unwrap_or_default();
        let earliest = due.max(self.now + 1) - phase;
        let at = earliest.div_euclid(POLL) * POLL + phase + if earliest.rem_euclid(POLL) > 0 { POLL } else { 0 };
        self.poll_at(n, at);
    }

    fn poll_at(&mut self, n: usize, at: i64) {
        if self.nodes[n].poll.is_some_and(|(planned, _)| planned <= at) {
            return;
        }
        self.nodes[n].polls += 1;
        let stamp = self.nodes[n].polls;
        self.nodes[n].poll = Some((at, stamp));
        self.put_on(n, at - self.now, NodeEvent::Poll(stamp));
    }

    fn due(&mut self, n: usize, due: Option<Vec<Taken>>) {
        let Some(due) = due else {
            self.store_answers(n, false);
            self.poll_at(n, self.now + 2 * POLL);
            return;
        };
        // A store that reads but does not write has not recovered.
        if !self.nodes[n].write_failed {
            self.store_answers(n, true);
        }
        for taken in due {
            self.send(n, taken.key, Message::Wake(taken));
        }
        self.arm_watch(n);
    }

    /// Makes sure that leases are renewed as long as there is work in hand.
    pub(crate) fn keep_renewing(&mut self, n: usize) {
        if !self.nodes[n].renewing {
            self.nodes[n].renewing = true;
            self.put_on(n, LEASE / 3, NodeEvent::Renew);
        }
    }

    fn renew(&mut self, n: usize) {
        self.nodes[n].renewing = false;
        // What is left to whoever wrote last is not renewed: it comes back, should that have been this node.
        let left = |actor: &Conversation| actor.loaded.as_ref().is_some_and(|loaded| !loaded.mine);
        let here = self.nodes[n].conversations.iter().filter(|(_, actor)| actor.busy && !left(actor));
        let busy: Vec<usize> = here.map(|(key, _)| *key).collect();
        if !busy.is_empty() {
            self.ask_store(n, None, StoreCall::Renew(busy));
            self.keep_renewing(n);
        }
    }

    // === The store's health, as this node sees it ===

    pub(crate) fn store_answers(&mut self, n: usize, answers: bool) {
        let now = self.clock(n);
        let node = &mut self.nodes[n];
        let was_down = std::mem::replace(&mut node.store_down, !answers);
        if was_down || !answers {
            // Webhooks were refused meanwhile.
            node.missed_until = now;
        }
    }

    pub(crate) fn store_writes(&mut self, n: usize, writes: bool) {
        let failed = std::mem::replace(&mut self.nodes[n].write_failed, !writes);
        if failed && writes {
            self.store_answers(n, true);
        }
    }

    // === Passivation ===

    pub(crate) fn plan_leaving(&mut self, n: usize, key: usize) {
        let Some(actor) = self.nodes[n].conversations.get_mut(&key) else { return };
        if !actor.leaving {
            actor.leaving = true;
            self.put_on(n, IDLE, NodeEvent::Idle(key));
        }
    }

    fn let_leave(&mut self, n: usize, key: usize) {
        let Some(actor) = self.nodes[n].conversations.get_mut(&key) else { return };
        actor.leaving = false;
        let idle = self.now - actor.last_used >= IDLE;
        if idle && actor.may_leave() {
            self.nodes[n].conversations.remove(&key);
        } else if !actor.holds() {
            self.plan_leaving(n, key);
        }
    }
}
