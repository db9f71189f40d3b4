//! What an engine is made of and how it behaves.

use crate::flow::{Incident, Policy};
use crate::ids::Node;
use crate::ports::{AlertSink, Budget, Channel, Mailer, Model, Store, Transcriber};
use crate::time::Clock;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// For how long a node holds a conversation it works on, unless it renews its hold.
pub const LEASE: Duration = Duration::from_secs(5);

/// Everything outside.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Durable memory.
    pub store: Arc<dyn Store>,
    /// The channels, by name.
    pub channels: BTreeMap<String, Arc<dyn Channel>>,
    /// The language model.
    pub model: Arc<dyn Model>,
    /// Turns recordings into words; none where nothing does.
    pub transcriber: Option<Arc<dyn Transcriber>>,
    /// Sends verification mails.
    pub mailer: Arc<dyn Mailer>,
    /// Tells colleagues.
    pub alerts: Arc<dyn AlertSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness and digests.
    pub crypto: Arc<dyn Crypto>,
}

/// Unguessable numbers and one-way digests.
pub trait Crypto: Send + Sync + fmt::Debug {
    /// Returns fresh random numbers. Unguessable outside tests: verification codes are made of them.
    fn random(&self) -> [u64; 3];
    /// Returns a digest from which the text cannot be guessed. The same on every node.
    fn digest(&self, text: &str) -> String;
}

/// How an engine behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who this is.
    pub node: Node,
    /// The conversations' rules.
    pub policy: Policy,
    /// The gates by account: the channels' names, `model`, `transcription`, `mail`, `cards`. An account without one is not limited.
    pub gates: BTreeMap<String, GateSettings>,
    /// How long a conversation with work in hand is left alone by other nodes, unless renewed.
    pub lease: Duration,
    /// How often the wake index is read.
    pub poll: Duration,
    /// How long the memory lives without being refreshed.
    pub memory_ttl: Duration,
    /// After how long without an event a conversation leaves memory.
    pub passivate_after: Duration,
    /// How many events may wait in one mailbox.
    pub mailbox: usize,
    /// How many events may wait in all mailboxes together.
    pub mailboxes: usize,
    /// How many verification mails may be sent.
    pub mail_caps: MailCaps,
    /// How far back events are looked for that nobody heard, after a gap.
    pub catch_up: Duration,
    /// What operators are told to do about an incident, in one sentence.
    pub advice: fn(Incident) -> &'static str,
}

/// How fast and how wide one account may be used.
#[derive(Debug, Clone)]
pub struct GateSettings {
    /// How many calls may run at once.
    pub width: usize,
    /// How many calls may start in what time.
    pub budget: Arc<dyn Budget>,
}

/// Caps on verification mails, across conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailCaps {
    /// Per address and hour.
    pub address_hour: u32,
    /// Per address and day.
    pub address_day: u32,
    /// Per contact and day.
    pub contact_day: u32,
    /// Per inbox and hour.
    pub inbox_hour: u32,
}

impl Default for MailCaps {
    fn default() -> Self {
        Self { address_hour: 3, address_day: 5, contact_day: 5, inbox_hour: 60 }
    }
}

impl Settings {
    /// Returns settings with the shipped defaults and no gates.
    pub fn new(node: Node, policy: Policy) -> Self {
        Self {
            node,
            policy,
            gates: BTreeMap::new(),
            lease: LEASE,
            poll: Duration::from_millis(500),
            memory_ttl: Duration::from_secs(24 * 3600),
            passivate_after: Duration::from_secs(120),
            mailbox: 64,
            mailboxes: 20_000,
            mail_caps: MailCaps::default(),
            catch_up: Duration::from_secs(24 * 3600),
            advice: Incident::name,
        }
    }
}

/// A budget without a bound.
#[derive(Debug, Clone, Copy)]
pub struct NoBudget;

impl Budget for NoBudget {
    fn take(&self) -> Result<(), Duration> {
        Ok(())
    }
}
