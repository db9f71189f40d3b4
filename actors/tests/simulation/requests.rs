//! What lies between a node and the store: requests that are slow or lost, and answers that never come.

use super::dice::Fault;
use super::node::{LEASE, NodeEvent, StoreReply};
use super::store::{Outcome, Write};
use super::world::{Event, World};
use frontdesk_actors::ids::Node;
use frontdesk_actors::testkit::history::{Speech, What};

/// What is asked of the store.
#[derive(Debug, Clone)]
pub(crate) enum StoreCall {
    Load(usize),
    Contact(usize),
    /// With the rows it claims, and what they say.
    Write(Box<Write>, Vec<(String, Speech, String)>),
    Take,
    Renew(Vec<usize>),
    Reclaim,
}

/// A request that reaches the store.
#[derive(Debug, Clone)]
pub(crate) struct AtStore {
    n: usize,
    boot: u64,
    actor: Option<(usize, u64)>,
    call: StoreCall,
    /// The run of the store to which it was sent.
    run: u64,
    /// Whether the answer is lost.
    mute: bool,
}

impl World {
    pub(crate) fn ask_store(&mut self, n: usize, actor: Option<(usize, u64)>, call: StoreCall) {
        let boot = self.nodes[n].boot;
        let (there, back) = (self.latency(0, 3), self.latency(0, 3));
        let key = actor.map_or(0, |(key, _)| key);
        let writes = matches!(call, StoreCall::Write(..));
        let mut request = AtStore { n, boot, actor, call, run: self.store.run, mute: false };
        if self.strikes(Fault::StoreAway, n, key).is_some() {
            let reply = self.refusal(&request.call);
            self.reply(&request, there + 200, reply);
            return;
        }
        let unknown = StoreReply::Written(Outcome::Unknown);
        if writes && self.strikes(Fault::ReplyLost, n, key).is_some() {
            request.mute = true;
            self.reply(&request, there + 50, Some(unknown));
        } else if writes && self.strikes(Fault::WriteLost, n, key).is_some() {
            self.reply(&request, there + 50, Some(unknown));
            return;
        } else if let Some(how) = self.dice.strikes(Fault::WriteLate).filter(|_| writes) {
            request.mute = true;
            self.reply(&request, there + 50, Some(unknown));
            let late = 60 + i64::try_from(how % 4_000).unwrap_or_default();
            self.put(there + late, Event::AtStore(Box::new(request)));
            return;
        } else if let Some(how) = self.dice.strikes(Fault::WriteSlow).filter(|_| writes) {
            let slow = i64::try_from(how % 3_000).unwrap_or_default();
            self.put(there + slow + back, Event::AtStore(Box::new(request)));
            return;
        }
        self.put(there, Event::AtStore(Box::new(request)));
    }

    fn refusal(&self, call: &StoreCall) -> Option<StoreReply> {
        match call {
            StoreCall::Load(_) => Some(StoreReply::Loaded(None)),
            StoreCall::Contact(_) => Some(StoreReply::Contact(None)),
            StoreCall::Write(..) => Some(StoreReply::Written(Outcome::Away)),
            StoreCall::Take | StoreCall::Renew(_) | StoreCall::Reclaim => None,
        }
    }

    /// Brings an answer back to whoever asked; `None` is the answer of a store that is away.
    fn reply(&mut self, request: &AtStore, after: i64, reply: Option<StoreReply>) {
        let event = match (request.actor, reply) {
            (Some((key, wait)), Some(reply)) => NodeEvent::Reply { key, wait, reply: Box::new(reply) },
            (None, None) if matches!(request.call, StoreCall::Take) => NodeEvent::Due(None),
            (_, _) => return,
        };
        self.put(after, Event::Node(request.n, request.boot, Box::new(event)));
    }

    pub(crate) fn at_store(&mut self, request: AtStore) {
        if request.run != self.store.run {
            // Its connection has ended with that run.
            let unknown = StoreReply::Written(Outcome::Unknown);
            let wrote = matches!(request.call, StoreCall::Write(..));
            let reply = if wrote { Some(unknown) } else { self.refusal(&request.call) };
            if !request.mute {
                self.reply(&request, 1, reply);
            }
            return;
        }
        let (now, n) = (self.now, request.n);
        let id = Node { name: self.nodes[n].name.as_str().into(), boot: request.boot };
        let reply = match &request.call {
            StoreCall::Load(key) => Some(StoreReply::Loaded(Some(self.store.load(*key, now)))),
            StoreCall::Contact(contact) => Some(StoreReply::Contact(Some(self.store.contacts.get(contact).cloned()))),
            StoreCall::Write(write, claims) => Some(StoreReply::Written(self.commit(n, write, claims))),
            StoreCall::Take => {
                let due = self.store.take(&id, LEASE, now);
                let after = self.latency(0, 3);
                self.put(after, Event::Node(n, request.boot, Box::new(NodeEvent::Due(Some(due)))));
                None
            }
            StoreCall::Renew(keys) => {
                self.store.renew(&id, LEASE, keys, now);
                None
            }
            StoreCall::Reclaim => {
                self.store.reclaim(&id, now);
                None
            }
        };
        self.arm_watches();
        if !request.mute && reply.is_some() {
            let back = self.latency(0, 3);
            self.reply(&request, back, reply);
        }
    }

    fn commit(&mut self, n: usize, write: &Write, claims: &[(String, Speech, String)]) -> Outcome {
        if self.strikes(Fault::Conflict, n, write.key).is_some() {
            self.store.overtake(write.key);
        }
        let (outcome, wrote) = self.store.write(write, self.now);
        if wrote {
            if let Some(press) = write.press.clone() {
                self.log_on(n, write.key, What::Verified { press });
            }
            if write.erases {
                let customer = &mut self.vendor.customers[write.key];
                customer.void = customer.mails.len();
                self.log_on(n, write.key, What::Erased);
            }
            if let Some(fact) = write.word.clone() {
                self.log_on(n, write.key, What::TakenBack { fact });
            }
            if let Some(back) = &write.back {
                self.taken_back_by_itself(n, write.key, back);
            }
            for (row, speech, words) in claims {
                self.vendor.words.insert((write.key, row.clone()), words.clone());
                self.log_on(n, write.key, What::Claimed { row: row.clone(), speech: *speech });
            }
            self.audit(write);
        }
        outcome
    }
}
