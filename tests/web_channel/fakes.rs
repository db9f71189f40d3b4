//! A store that keeps feeds and quotas in memory and can be switched off, and a desk that takes what it is given.

use async_trait::async_trait;
use bytes::Bytes;
use frontdesk::http::page::{Desk, MailView, MailboxView};
use frontdesk_actors::domain::{Inbound, Lang, Order, Remembered, Role};
use frontdesk_actors::engine::{DeliverError, Intake, PhaseName, Receipt, Summary, View};
use frontdesk_actors::ids::{ContactKey, ConversationKey, Node};
use frontdesk_actors::journal::JournalEntry;
use frontdesk_actors::ports::{
    Commit, CommitOutcome, Due, Listed, PortError, PortErrorKind, Quota, Scan, ScanCursor, ScanPage, Store, Stored,
};
use frontdesk_actors::time::{Clock, Timestamp};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// A clock that moves a second at every look.
#[derive(Debug, Default)]
pub(crate) struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_795_198_320 + self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// One feed: the number of its newest entry, and what is kept of it.
type Feed = (u64, Vec<(u64, String, Bytes)>);

/// Feeds and quotas in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    feeds: Mutex<HashMap<ConversationKey, Feed>>,
    quotas: Mutex<HashMap<String, u32>>,
    away: AtomicBool,
}

impl MemoryStore {
    /// Switches the store off or on.
    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    fn check(&self) -> Result<(), PortError> {
        if self.away.load(Ordering::Relaxed) { Err(failed("reach the store")) } else { Ok(()) }
    }
}

fn failed(operation: &str) -> PortError {
    PortError::new(PortErrorKind::Transient, operation)
}

fn not_here<T>() -> Result<T, PortError> {
    Err(PortError::new(PortErrorKind::Rejected, "use a part of the store that the page does not need"))
}

#[async_trait]
impl Scan for MemoryStore {
    async fn scan(&self, _: Option<&ScanCursor>, _: usize) -> Result<ScanPage, PortError> {
        not_here()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, _: &ConversationKey) -> Result<Option<Stored>, PortError> {
        not_here()
    }

    async fn commit(&self, _: &Commit) -> CommitOutcome {
        CommitOutcome::Unavailable(failed("commit"))
    }

    async fn erase(&self, key: &ConversationKey) -> Result<(), PortError> {
        self.check()?;
        self.feeds.lock().expect("no test panics with the lock").remove(key);
        Ok(())
    }

    async fn erase_traces(&self, _: &ConversationKey) -> Result<(), PortError> {
        not_here()
    }

    async fn erase_contact(&self, _: &ContactKey) -> Result<(), PortError> {
        not_here()
    }

    async fn take_due(&self, _: &Node, _: Duration, _: usize) -> Result<Vec<Due>, PortError> {
        not_here()
    }

    async fn renew(&self, _: &Node, _: Duration, _: &[ConversationKey]) -> Result<(), PortError> {
        not_here()
    }

    async fn reclaim(&self, _: &Node) -> Result<u64, PortError> {
        not_here()
    }

    async fn contact(&self, _: &ContactKey) -> Result<Option<Bytes>, PortError> {
        not_here()
    }

    async fn put_contact(&self, _: &ContactKey, _: Bytes) -> Result<(), PortError> {
        not_here()
    }

    async fn take_quota(&self, quotas: &[Quota]) -> Result<Option<usize>, PortError> {
        self.check()?;
        let mut taken = self.quotas.lock().expect("no test panics with the lock");
        for (index, quota) in quotas.iter().enumerate() {
            let count = taken.entry(quota.key.clone()).or_default();
            if *count >= quota.limit {
                return Ok(Some(index));
            }
            *count += 1;
        }
        Ok(None)
    }

    async fn exhaust_quota(&self, _: &str, _: Duration) -> Result<(), PortError> {
        not_here()
    }

    async fn park(&self, _: &ConversationKey, _: Bytes) -> Result<u64, PortError> {
        not_here()
    }

    async fn parked(&self, _: &ConversationKey) -> Result<Vec<(u64, Bytes)>, PortError> {
        not_here()
    }

    async fn unpark(&self, _: &ConversationKey, _: u64) -> Result<(), PortError> {
        not_here()
    }

    async fn parked_keys(&self, _: usize) -> Result<Vec<ConversationKey>, PortError> {
        not_here()
    }

    async fn setting(&self, _: &str) -> Result<Option<String>, PortError> {
        not_here()
    }

    async fn put_setting(&self, _: &str, _: &str) -> Result<(), PortError> {
        not_here()
    }

    async fn put_setting_once(&self, _: &str, _: &str) -> Result<String, PortError> {
        not_here()
    }

    async fn list(&self, _: usize) -> Result<Vec<Listed>, PortError> {
        not_here()
    }

    async fn journal(&self, _: &ConversationKey, _: usize) -> Result<Vec<Bytes>, PortError> {
        not_here()
    }

    async fn append_feed(&self, key: &ConversationKey, id: &str, entry: Bytes) -> Result<u64, PortError> {
        self.check()?;
        let mut feeds = self.feeds.lock().expect("no test panics with the lock");
        let (newest, kept) = feeds.entry(key.clone()).or_default();
        if let Some((seq, ..)) = kept.iter().find(|(_, known, _)| known == id) {
            return Ok(*seq);
        }
        *newest += 1;
        kept.push((*newest, id.to_owned(), entry));
        if kept.len() > 500 {
            kept.remove(0);
        }
        Ok(*newest)
    }

    async fn feed(&self, key: &ConversationKey, after: u64) -> Result<Vec<(u64, Bytes)>, PortError> {
        self.check()?;
        let feeds = self.feeds.lock().expect("no test panics with the lock");
        let kept = feeds.get(key).map(|(_, kept)| kept.as_slice()).unwrap_or_default();
        Ok(kept.iter().filter(|(seq, ..)| *seq > after).map(|(seq, _, entry)| (*seq, entry.clone())).collect())
    }

    async fn ping(&self) -> Result<(), PortError> {
        self.check()
    }
}

/// A mailbox with what a test puts into it.
#[derive(Debug, Default)]
pub(crate) struct FakeMailbox(pub(crate) Mutex<Vec<MailView>>);

impl MailboxView for FakeMailbox {
    fn mails(&self) -> Vec<MailView> {
        self.0.lock().expect("no test panics with the lock").clone()
    }
}

/// A desk that keeps what it is told.
#[derive(Debug)]
pub(crate) struct FakeDesk {
    /// What was delivered, oldest first.
    pub delivered: Mutex<Vec<Inbound>>,
    /// The orders given, oldest first.
    pub orders: Mutex<Vec<(ConversationKey, Order)>>,
    /// The phase of every conversation.
    pub phase: Mutex<PhaseName>,
    /// Conversations that exist besides those that were delivered to.
    pub known: Mutex<Vec<ConversationKey>>,
    /// Whether deliveries are refused.
    pub busy: AtomicBool,
    /// The global switch.
    pub human: AtomicBool,
    /// The journal of every conversation.
    pub journal: Mutex<Vec<JournalEntry>>,
    pub paused: AtomicBool,
}

impl Default for FakeDesk {
    fn default() -> Self {
        Self {
            delivered: Mutex::default(),
            orders: Mutex::default(),
            phase: Mutex::new(PhaseName::Bot),
            known: Mutex::default(),
            busy: AtomicBool::default(),
            human: AtomicBool::default(),
            journal: Mutex::default(),
            paused: AtomicBool::default(),
        }
    }
}

impl FakeDesk {
    fn phase(&self) -> PhaseName {
        *self.phase.lock().expect("no test panics with the lock")
    }

    fn keys(&self) -> Vec<ConversationKey> {
        let delivered = self.delivered.lock().expect("no test panics with the lock");
        let mut keys = self.known.lock().expect("no test panics with the lock").clone();
        keys.extend(delivered.iter().map(|inbound| inbound.key.clone()));
        keys.sort();
        keys.dedup();
        keys
    }
}

#[async_trait]
impl Desk for FakeDesk {
    async fn deliver(&self, inbound: Inbound) -> Result<Receipt, DeliverError> {
        if self.busy.load(Ordering::Relaxed) {
            return Err(DeliverError::Busy);
        }
        self.delivered.lock().expect("no test panics with the lock").push(inbound);
        Ok(Receipt { intake: Intake::Accepted, phase: self.phase() })
    }

    async fn order(&self, key: &ConversationKey, order: Order) -> Result<Receipt, DeliverError> {
        self.orders.lock().expect("no test panics with the lock").push((key.clone(), order));
        Ok(Receipt { intake: Intake::Accepted, phase: self.phase() })
    }

    async fn view(&self, key: &ConversationKey) -> Result<Option<View>, DeliverError> {
        let at = Timestamp::from_secs(1_795_198_320);
        let said = Remembered { id: None, role: Role::Customer, text: "from elsewhere".to_owned(), at, voice: false };
        Ok(self.keys().contains(key).then(|| View {
            key: key.clone(),
            phase: self.phase(),
            reason: None,
            lang: Lang::En,
            contact: None,
            verified: None,
            status: None,
            assignee: None,
            owed: 0,
            thinking: false,
            failures: 0,
            outbox: Vec::new(),
            memory: vec![said],
            drafts: Vec::new(),
            next: None,
            version: 1,
        }))
    }

    async fn journal(&self, _: &ConversationKey, _: usize) -> Result<Vec<JournalEntry>, PortError> {
        Ok(self.journal.lock().expect("no test panics with the lock").clone())
    }

    async fn list(&self, limit: usize) -> Result<Vec<Summary>, PortError> {
        let summary = |key| Summary {
            key,
            phase: self.phase(),
            reason: None,
            name: None,
            verified: false,
            owed: 1,
            held: 0,
            unsettled: 0,
            changed: Timestamp::from_secs(1_795_198_320),
        };
        Ok(self.keys().into_iter().take(limit).map(summary).collect())
    }

    fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    fn human_mode(&self) -> bool {
        self.human.load(Ordering::Relaxed)
    }
}
