//! Everything there is in one run: the clock, what is yet to happen, the nodes, the store, the vendor, and the log.
//!
//! Nothing runs but what is taken from the agenda, one thing at a time; where two things happen at once, the one that was put
//! there first goes first. So a run is a function of its seed.

use super::dice::{Dice, Fault, FaultId, Stream};
use super::kind::Kind;
use super::node::{Node, NodeEvent};
use super::people::Deed;
use super::requests::AtStore;
use super::sabotage::Sabotage;
use super::store::Store;
use super::vendor::{Delivery, Vendor};
use super::wire::AtVendor;
use frontdesk_actors::flow::Policy;
use frontdesk_actors::ids::{ContactKey, ConversationKey};
use frontdesk_actors::testkit::history::{History, What};
use frontdesk_actors::testkit::invariants::{Findings, Rules, Violation, check};
use frontdesk_actors::testkit::{PlainAnalyzer, PlainPhrases, plain_policy};
use frontdesk_actors::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// When every run begins: some moment of 2025.
const DAWN: i64 = 1_760_000_000_000;

/// How long things go wrong.
pub(crate) const STORM: i64 = 300_000;

/// How long everything may take to come to rest afterwards: the longest is an hour that a clock was off.
const AFTER: i64 = 3 * 3600 * 1000;

/// A run that does not end by itself is ended here: more than a hundred times what a usual one takes.
const MOST_EVENTS: usize = 400_000;

/// What is yet to happen.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// Somebody outside does something.
    Deed(usize, Deed),
    /// A webhook reaches the balancer.
    Webhook(Box<Delivery>),
    /// A notification is queued, where they are delivered one at a time.
    Notify(Box<Delivery>),
    /// The vendor has waited long enough for an answer.
    GiveUp(u64),
    /// Something reaches the store.
    AtStore(Box<AtStore>),
    /// Something reaches a vendor.
    AtVendor(Box<AtVendor>),
    /// Something happens on a node, unless that run of it has ended. It waits while the node stands still.
    Node(usize, u64, Box<NodeEvent>),
    /// A node is killed, and comes back after so long.
    Crash(usize, i64),
    /// A node comes back.
    Boot(usize),
    /// A node stands still for so long.
    Pause(usize, i64),
    /// The store remembers what it holds, to come back with it.
    Snapshot,
    /// The store comes back with what it held then.
    Rollback,
    /// The faults are over.
    Calm,
}

/// What a run is like: some planted bugs show only where what they need is not rare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Setting {
    /// Like any other.
    #[default]
    Usual,
    /// Three nodes, and colleagues who give back in notes what they take.
    Crowd,
    /// Two nodes or more, a gate, and a mail server that often does not answer.
    Mails,
}

/// What a run is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) kind: Kind,
    pub(crate) setting: Setting,
    pub(crate) sabotage: Option<Sabotage>,
    /// Faults that are left out.
    pub(crate) spared: BTreeSet<FaultId>,
    /// Whether every third message is spoken.
    pub(crate) voice: bool,
    /// Whether the log tells of every input, for whoever reads it.
    pub(crate) wordy: bool,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) history: History,
    pub(crate) findings: Findings,
    pub(crate) struck: Vec<FaultId>,
    pub(crate) events: usize,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: i64,
    agenda: BTreeMap<(i64, u64), Event>,
    put: u64,
    pub(crate) dice: Dice,
    pub(crate) kind: Kind,
    pub(crate) policy: Policy,
    pub(crate) gate: bool,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) setting: Setting,
    pub(crate) voice: bool,
    pub(crate) wordy: bool,
    pub(crate) nodes: Vec<Node>,
    pub(crate) store: Store,
    snapshot: Option<(i64, Store)>,
    pub(crate) vendor: Vendor,
    pub(crate) history: History,
    pub(crate) keys: Vec<ConversationKey>,
    /// How many messages each conversation remembered at its fullest moment.
    pub(crate) fullest: BTreeMap<usize, usize>,
    /// What the audit has found.
    pub(crate) unsound: Vec<Violation>,
}

impl Setting {
    /// What goes wrong in every run of this sort, beside what its seed says.
    const fn weather(self) -> &'static [Fault] {
        match self {
            Setting::Usual | Setting::Crowd => &[],
            Setting::Mails => &[Fault::ErrorLost, Fault::TimeoutLanded, Fault::TimeoutLost, Fault::CrashSending],
        }
    }

    /// How many nodes there are at least.
    const fn nodes(self) -> usize {
        match self {
            Setting::Usual => 1,
            Setting::Crowd => 3,
            Setting::Mails => 2,
        }
    }
}

impl World {
    fn new(plan: &Plan) -> Self {
        let mut dice = Dice::new(plan.seed, plan.spared.clone(), plan.setting.weather());
        let kind = plan.kind;
        let gate = (dice.chance(Stream::Setup, 35) || plan.setting == Setting::Mails) && kind == Kind::Chatwoot;
        let mut policy = plain_policy(Arc::new(PlainAnalyzer::default()), Arc::new(PlainPhrases::default()));
        // As shipped.
        policy.handoff.pickup_after = Some(Duration::from_secs(600));
        let conversations = dice.between(Stream::Setup, 1, 3);
        let nodes = [1, 1, 2, 2, 3][usize::try_from(dice.draw(Stream::Setup) % 5).unwrap_or_default()];
        let nodes = plan.setting.nodes().max(nodes);
        let history_token = dice.chance(Stream::Setup, 75);
        policy.channels.insert("test".to_owned(), kind.policy(gate, &mut dice));
        let mut world = Self {
            now: DAWN,
            agenda: BTreeMap::new(),
            put: 0,
            dice,
            kind,
            policy,
            gate,
            sabotage: plan.sabotage,
            setting: plan.setting,
            voice: plan.voice,
            wordy: plan.wordy,
            nodes: (0..nodes).map(Node::new).collect(),
            store: Store::default(),
            snapshot: None,
            vendor: Vendor::new(conversations, &kind.begins(), history_token),
            history: History::default(),
            fullest: BTreeMap::new(),
            unsound: Vec::new(),
            keys: (0..conversations).map(|id| ConversationKey::new("test", 1, 100 + id)).collect(),
        };
        match kind {
            Kind::Chatwoot => {}
            Kind::GreenApi => world.pair_phone(),
            Kind::Kommo => world.open_account(),
        }
        for n in 0..nodes {
            world.boot(n);
        }
        world.write_scripts();
        world.plan_forgetting();
        world.plan_disasters();
        world.put(STORM, Event::Calm);
        world
    }

    /// Runs until everything has come to rest, and judges what happened.
    pub(crate) fn run(plan: &Plan) -> Outcome {
        let mut world = Self::new(plan);
        let end = DAWN + STORM + AFTER;
        let mut events = 0;
        while let Some(((at, order), event)) = world.agenda.pop_first() {
            if at > end || events > MOST_EVENTS {
                break;
            }
            world.now = at.max(world.now);
            events += 1;
            world.happen(order, event);
        }
        world.rest(events > MOST_EVENTS);
        let limit = Some((super::gate::LIMIT, Duration::from_secs(59)));
        let rules = Rules { gate: world.gate, limit, sees_calls: true, ..Rules::default() };
        let mut findings = check(&world.history, &world.kind.judged(rules));
        findings.violations.append(&mut world.unsound);
        Outcome { findings, history: world.history, struck: world.dice.struck, events }
    }

    fn happen(&mut self, order: u64, event: Event) {
        match event {
            Event::Deed(key, deed) => self.act(key, deed),
            Event::Webhook(delivery) => self.balance(*delivery),
            Event::Notify(delivery) => self.enqueue(*delivery),
            Event::GiveUp(delivery) => self.unanswered(delivery),
            Event::AtStore(request) => self.at_store(*request),
            Event::AtVendor(request) => self.at_vendor(*request),
            Event::Node(n, boot, event) => {
                let node = &self.nodes[n];
                if !node.alive || node.boot != boot {
                    return;
                }
                if node.still_until > self.now {
                    let until = node.still_until;
                    // Under its old number: what waits keeps its order.
                    self.agenda.insert((until, order), Event::Node(n, boot, event));
                    return;
                }
                self.on_node(n, *event);
            }
            Event::Crash(n, rest) => self.crash(n, rest),
            Event::Boot(n) => self.boot(n),
            Event::Pause(n, span) => {
                self.note_fault(n, &format!("stands still for {span} ms"));
                self.nodes[n].still_until = self.now + span;
            }
            Event::Snapshot => self.snapshot = Some((self.now, self.store.clone())),
            Event::Rollback => {
                if let Some((since, mut store)) = self.snapshot.take() {
                    store.run = self.store.run + 1;
                    self.store = store;
                    self.log("", None, What::StoreLost { since: Timestamp::from_millis(since) });
                    self.arm_watches();
                }
            }
            Event::Calm => self.dice.calm = true,
        }
    }

    /// Puts something on the agenda, so many milliseconds from now.
    pub(crate) fn put(&mut self, after: i64, event: Event) {
        self.put += 1;
        self.agenda.insert((self.now + after.max(0), self.put), event);
    }

    /// Puts something on the agenda of the present run of a node.
    pub(crate) fn put_on(&mut self, n: usize, after: i64, event: NodeEvent) {
        let boot = self.nodes[n].boot;
        self.put(after, Event::Node(n, boot, Box::new(event)));
    }

    pub(crate) fn latency(&mut self, low: i64, high: i64) -> i64 {
        self.dice.between(Stream::Latency, low, high)
    }

    pub(crate) fn log(&mut self, node: &str, key: Option<usize>, what: What) {
        let key = key.map_or("", |key| self.keys[key].as_str());
        self.history.note(Timestamp::from_millis(self.now), node, key, what);
    }

    pub(crate) fn log_on(&mut self, n: usize, key: usize, what: What) {
        let node = self.nodes[n].name.clone();
        self.log(&node, Some(key), what);
    }

    pub(crate) fn note_fault(&mut self, n: usize, name: &str) {
        let node = self.nodes[n].name.clone();
        // In every conversation's log, so that a violation shows what its node went through.
        for key in 0..self.keys.len() {
            self.log(&node, Some(key), What::Fault { name: name.to_owned() });
        }
    }

    /// Draws whether this goes wrong now, and writes it down.
    pub(crate) fn strikes(&mut self, fault: Fault, n: usize, key: usize) -> Option<u64> {
        let struck = self.dice.strikes(fault)?;
        self.log_on(n, key, What::Fault { name: fault.name().to_owned() });
        Some(struck)
    }

    pub(crate) fn contact(&self, key: usize) -> ContactKey {
        ContactKey::new("test", 1, key % 2)
    }

    /// Decides which disasters come when.
    fn plan_disasters(&mut self) {
        let nodes = i64::try_from(self.nodes.len()).unwrap_or(1);
        for _ in 0..6 {
            let (n, at) = (
                self.dice.between(Stream::Setup, 0, nodes - 1),
                self.dice.between(Stream::Setup, 2_000, STORM - 20_000),
            );
            let n = usize::try_from(n).unwrap_or_default();
            if let Some(how) = self.dice.strikes(Fault::Crash) {
                let rest = [50, 1_500, 8_000, 30_000][usize::try_from(how % 4).unwrap_or_default()];
                self.put(at, Event::Crash(n, rest));
            }
        }
        for _ in 0..6 {
            let (n, at) = (
                self.dice.between(Stream::Setup, 0, nodes - 1),
                self.dice.between(Stream::Setup, 2_000, STORM - 60_000),
            );
            let n = usize::try_from(n).unwrap_or_default();
            if let Some(how) = self.dice.strikes(Fault::Pause) {
                let span = [300, 1_200, 6_000, 50_000][usize::try_from(how % 4).unwrap_or_default()];
                self.put(at, Event::Pause(n, span));
            }
        }
        let (at, age) =
            (self.dice.between(Stream::Setup, 20_000, STORM - 20_000), self.dice.between(Stream::Setup, 200, 10_000));
        // Several nodes on a store that went back are the nodes' own story: see docs/simulation.md.
        if self.nodes.len() == 1 && self.dice.strikes(Fault::Rollback).is_some() {
            self.put(at - age, Event::Snapshot);
            self.put(at, Event::Rollback);
        }
    }
}
