//! Where customers write: one vendor's double, driven and read in the same way whichever it is.

pub(crate) mod chatwoot;
pub(crate) mod kommo;
pub(crate) mod whatsapp;

use crate::chaos::evidence::{Said, Webhooks};
use crate::chaos::ledger::{Deed, Micros};
use crate::chaos::storm::{Hazard, Storm};
use anyhow::Result;
use async_trait::async_trait;
use frontdesk_sandbox::chatwoot::ChangedBy;
use std::collections::BTreeMap;
use std::fmt;

/// What the vendor knows about its webhooks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    /// When the first webhook of a message was acknowledged, by the message's id.
    pub(crate) acked: BTreeMap<u64, Micros>,
    /// When the first webhook that showed an agent assigned was acknowledged, by conversation.
    pub(crate) assigned: BTreeMap<u64, Micros>,
    pub(crate) webhooks: Webhooks,
    /// Requests that were acknowledged and still wait for the one answer that each of them needs, by conversation.
    pub(crate) hanging: Vec<(u64, u64)>,
}

impl Heard {
    /// Notes an attempt: whether it was accepted, and of which message it told.
    pub(crate) fn attempt(&mut self, accepted: bool, message: Option<u64>, at: Micros) {
        self.webhooks.sent += 1;
        if !accepted {
            self.webhooks.unanswered += 1;
            return;
        }
        self.webhooks.accepted += 1;
        if let Some(message) = message {
            first(&mut self.acked, message, at);
        }
    }
}

/// Keeps the earliest moment.
pub(crate) fn first(times: &mut BTreeMap<u64, Micros>, key: u64, at: Micros) {
    let known = times.entry(key).or_insert(at);
    *known = at.min(*known);
}

/// One vendor, with its customers and colleagues.
#[async_trait]
pub(crate) trait Venue: fmt::Debug + Send + Sync {
    /// A customer comes; returns their conversation.
    fn arrives(&self) -> u64;

    /// The customer writes; returns the message.
    fn customer_writes(&self, conversation: u64, words: &str) -> u64;

    /// The customer speaks, where the vendor carries recordings; returns the message.
    fn customer_speaks(&self, _conversation: u64, _words: &str) -> Option<u64> {
        None
    }

    /// Returns what the customer can read of the desk.
    fn replies(&self, conversation: u64) -> Vec<String> {
        self.said(conversation).into_iter().map(|said| said.text).collect()
    }

    /// A colleague writes to the customer; returns the message.
    fn agent_writes(&self, conversation: u64, words: &str) -> u64;

    /// A colleague is assigned. Returns whether the vendor knows such a thing.
    fn agent_assigns(&self, _conversation: u64) -> bool {
        false
    }

    /// A colleague declares the conversation done. Returns whether the vendor knows such a thing.
    fn resolves(&self, _conversation: u64) -> bool {
        false
    }

    /// A colleague gives the conversation back to the desk, by whatever way the vendor has.
    fn hands_back(&self, _conversation: u64) -> Option<Deed> {
        None
    }

    /// Returns the conversation's name at the desk.
    fn key(&self, conversation: u64) -> String;

    /// Returns what a card's link to the conversation contains.
    fn link(&self, conversation: u64) -> String;

    /// Returns whether our ids travel with messages.
    fn carries_ids(&self) -> bool {
        false
    }

    /// Returns the texts of the desk that the customer can read.
    fn said(&self, conversation: u64) -> Vec<Said>;

    /// Returns the texts of the desk that left it and that no customer can read: what the vendor took and could not bring, or,
    /// where nothing can be looked up, what may have been taken. The desk remembers them with reason.
    fn failed(&self, _conversation: u64) -> Vec<String> {
        Vec::new()
    }

    /// Returns the texts of the desk of which it cannot know that they were never said: their request waited no more when they
    /// were tried again.
    fn stopped(&self, _conversation: u64) -> Vec<String> {
        Vec::new()
    }

    /// Returns whether nobody waits at the vendor for what the desk has acknowledged.
    fn owes_nothing(&self, _conversation: u64) -> bool {
        true
    }

    /// Returns the conversation's statuses and who made them so, where the vendor has any.
    fn statuses(&self, _conversation: u64) -> Vec<(Micros, &'static str, ChangedBy)> {
        Vec::new()
    }

    /// Returns how many notes to colleagues the desk has left where its rows are counted by their ids.
    fn notes(&self, _conversation: u64) -> usize {
        0
    }

    /// Returns what became of the webhooks.
    fn heard(&self) -> Heard;

    /// Tells everything that happened in a conversation, for whoever reads of a broken promise.
    fn tell(&self, conversation: u64) -> Vec<(Micros, String)>;

    /// Reads which texts of which conversation a burst to the vendor posts, by the names that [`Venue::said`] gives them.
    fn posted(&self, burst: &[u8]) -> Vec<(u64, String)>;

    /// Returns what happens to webhooks on the wire, and to calls of the vendor.
    fn hazards(&self) -> (&'static Hazard, &'static Hazard);

    /// Leaves the vendor's faults to the storm.
    fn leave_to(&self, storm: &Storm);

    /// Ends all faults of the vendor.
    fn recover(&self);

    /// Delivers some of the latest webhooks once more.
    fn repeat(&self, storm: &Storm);

    /// Waits until no webhook is under way.
    ///
    /// # Errors
    /// If that does not happen in time.
    async fn wait_quiet(&self) -> Result<()>;
}
