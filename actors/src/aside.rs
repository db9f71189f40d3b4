//! What is set aside until an operator acts: events that made their conversation fail twice, and conversations that nobody
//! can serve. Both are kept in the store, in order, so that nothing that was acknowledged is lost, and the customer is
//! given to the people past the flow: it is the flow that failed.
//!
//! Each entry is durable before anything is answered or opened. That the people have the conversation is an entry too, so
//! that a process which dies in between is made up for by its successor's sweep (`engine/stuck.rs`).

mod rescue;

pub(crate) use rescue::rescue_soon;

use crate::directory::DirectoryMsg;
use crate::domain::Inbound;
use crate::flow::Incident;
use crate::ids::{ConversationKey, ReplyHandle};
use crate::ports::{PortError, PortErrorKind};
use crate::shared::Shared;
use crate::time::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before the store is tried again.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// How long a part of an id must be to be looked for on its own: a telephone number has at least so many digits.
const SHORTEST_NAME: usize = 7;

/// One thing kept about a conversation.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// An event that it could not take.
    Event {
        /// When it was parked.
        at: Timestamp,
        /// The event.
        inbound: Box<Inbound>,
    },
    /// A webhook that nobody can read.
    Unread {
        /// When it was parked.
        at: Timestamp,
        /// What came.
        body: String,
    },
    /// Nobody serves it.
    Quarantined {
        /// Since when.
        at: Timestamp,
        /// Why, for the operator.
        why: String,
    },
    /// It is about to be given to the people: from here on they may have it by our doing.
    Rescuing {
        /// Since when.
        at: Timestamp,
    },
    /// Colleagues have been called to it.
    Called {
        /// When.
        at: Timestamp,
    },
    /// The people have it, and everybody knows.
    Rescued {
        /// Since when.
        at: Timestamp,
    },
}

impl Entry {
    const fn at(&self) -> Timestamp {
        match self {
            Entry::Event { at, .. }
            | Entry::Unread { at, .. }
            | Entry::Quarantined { at, .. }
            | Entry::Rescuing { at }
            | Entry::Called { at }
            | Entry::Rescued { at } => *at,
        }
    }

    /// Returns whether it says how far the giving to the people has come.
    const fn is_of_rescue(&self) -> bool {
        match self {
            Entry::Rescuing { .. } | Entry::Called { .. } | Entry::Rescued { .. } => true,
            Entry::Event { .. } | Entry::Unread { .. } | Entry::Quarantined { .. } => false,
        }
    }

    fn event(&self) -> Option<&Inbound> {
        match self {
            Entry::Event { inbound, .. } => Some(inbound),
            Entry::Unread { .. }
            | Entry::Quarantined { .. }
            | Entry::Rescuing { .. }
            | Entry::Called { .. }
            | Entry::Rescued { .. } => None,
        }
    }
}

/// Everything kept about one conversation, in order.
#[derive(Default)]
pub(crate) struct Aside {
    /// Number and entry; `None` for one that this version cannot read.
    kept: Vec<(u64, Option<Entry>)>,
}

impl Aside {
    pub(crate) async fn read(shared: &Shared, key: &ConversationKey) -> Result<Self, PortError> {
        let kept = shared.ports.store.parked(key).await?;
        let decode = |(number, entry): (u64, Bytes)| (number, serde_json::from_slice(&entry).ok());
        Ok(Self { kept: kept.into_iter().map(decode).collect() })
    }

    /// Returns whether nothing is set aside. What says how far a rescue came may be left, where that ended after the events
    /// had been taken back.
    pub(crate) fn is_over(&self) -> bool {
        self.kept.iter().all(|(_, entry)| entry.as_ref().is_some_and(Entry::is_of_rescue))
    }

    fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.kept.iter().filter_map(|(_, entry)| entry.as_ref())
    }

    /// Returns why nobody serves the conversation, if nobody does.
    pub(crate) fn quarantined(&self) -> Option<&str> {
        self.entries()
            .find_map(|entry| if let Entry::Quarantined { why, .. } = entry { Some(why.as_str()) } else { None })
    }

    /// Returns how many events are parked, those that this version cannot read among them.
    pub(crate) fn events(&self) -> usize {
        let is_event = |entry: &Entry| matches!(entry, Entry::Event { .. } | Entry::Unread { .. });
        self.kept.iter().filter(|(_, entry)| entry.as_ref().is_none_or(is_event)).count()
    }

    /// Returns how many webhooks are kept that nobody can read.
    pub(crate) fn unread(&self) -> usize {
        self.entries().filter(|entry| matches!(entry, Entry::Unread { .. })).count()
    }

    /// Returns since when something is kept.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.entries().map(Entry::at).min()
    }

    /// Returns whether the people must be given the conversation: a customer wrote, or it was set aside, and that has not
    /// been done since.
    pub(crate) fn needs_rescue(&self) -> bool {
        let last = self.kept.iter().rev().find_map(|(_, entry)| match entry {
            Some(Entry::Event { inbound, .. }) => inbound.event.is_from_customer().then_some(true),
            Some(Entry::Quarantined { .. }) | None => Some(true),
            Some(Entry::Rescued { .. }) => Some(false),
            Some(Entry::Unread { .. } | Entry::Rescuing { .. } | Entry::Called { .. }) => None,
        });
        last.unwrap_or(false)
    }

    /// Returns whether the people may have been given it already by a rescue that has not come to its end.
    fn is_begun(&self) -> bool {
        self.entries().any(|entry| matches!(entry, Entry::Rescuing { .. }))
    }

    /// Returns whether such a rescue has called colleagues.
    fn is_called(&self) -> bool {
        self.entries().any(|entry| matches!(entry, Entry::Called { .. }))
    }

    /// Returns the number of the newest event.
    fn newest(&self) -> Option<u64> {
        let events = self.kept.iter().filter(|(_, entry)| entry.as_ref().is_some_and(|entry| entry.event().is_some()));
        events.map(|(number, _)| *number).max()
    }

    /// Takes out the events, oldest first, with their numbers.
    pub(crate) fn into_events(self) -> impl Iterator<Item = (u64, Inbound)> {
        self.kept.into_iter().filter_map(|(number, entry)| match entry {
            Some(Entry::Event { inbound, .. }) => Some((number, *inbound)),
            Some(
                Entry::Unread { .. }
                | Entry::Quarantined { .. }
                | Entry::Rescuing { .. }
                | Entry::Called { .. }
                | Entry::Rescued { .. },
            )
            | None => None,
        })
    }

    /// Returns the numbers of everything that cannot be delivered again.
    fn remarks(&self) -> impl Iterator<Item = u64> {
        let remark = |entry: &Entry| entry.event().is_none();
        self.kept.iter().filter(move |(_, entry)| entry.as_ref().is_some_and(remark)).map(|(number, _)| *number)
    }

    /// Returns the numbers of what says how far an earlier rescue has come.
    fn rescues(&self) -> impl Iterator<Item = u64> {
        let kept = self.kept.iter().filter(|(_, entry)| entry.as_ref().is_some_and(Entry::is_of_rescue));
        kept.map(|(number, _)| *number)
    }

    /// Returns where somebody waits for an answer to what is set aside.
    fn waiting(&self) -> Vec<ReplyHandle> {
        self.entries().filter_map(|entry| entry.event()?.reply.clone()).collect()
    }

    /// Returns the customer's latest parked message, and its words.
    fn last_words(&self) -> Option<(&Inbound, &str)> {
        self.entries().rev().find_map(|entry| {
            let inbound = entry.event()?;
            Some((inbound, inbound.event.customers_words()?))
        })
    }
}

/// Forgets what is no event: why nobody served a conversation, and how far the giving to the people has come.
///
/// # Errors
/// [`PortError`]: some of it may be left.
pub(crate) async fn forget_remarks(shared: &Shared, key: &ConversationKey, aside: &Aside) -> Result<(), PortError> {
    for number in aside.remarks() {
        shared.ports.store.unpark(key, number).await?;
    }
    Ok(())
}

async fn keep(shared: &Shared, key: &ConversationKey, entry: &Entry) -> Result<u64, PortError> {
    let entry = serde_json::to_vec(entry).expect("an entry has only encodable fields");
    shared.ports.store.park(key, entry.into()).await
}

/// Keeps an event that its conversation could not take. When this returns, it is durable.
///
/// # Errors
/// [`PortError`]: it is not; [`PortErrorKind::Rejected`] if too much of this conversation is parked already.
pub(crate) async fn park(shared: &Arc<Shared>, inbound: Inbound) -> Result<(), PortError> {
    let (key, at) = (inbound.key.clone(), shared.ports.clock.now());
    keep(shared, &key, &Entry::Event { at, inbound: Box::new(inbound) }).await?;
    rescue_soon(shared, &key);
    Ok(())
}

/// Keeps a webhook that nobody can read. When this returns, it is durable.
///
/// # Errors
/// [`PortError`]: it is not; [`PortErrorKind::Rejected`] if too many are kept already.
pub(crate) async fn park_unread(shared: &Shared, key: &ConversationKey, body: String) -> Result<(), PortError> {
    let at = shared.ports.clock.now();
    keep(shared, key, &Entry::Unread { at, body }).await.map(drop)
}

/// Forgets what nobody could read and what names the person of a conversation. What names nobody stays for operators.
///
/// # Errors
/// [`PortError`]: some of it may be left.
pub(crate) async fn forget_unread(shared: &Shared, key: &ConversationKey) -> Result<(), PortError> {
    let unread = ConversationKey::unread(key.channel(), key.account());
    let name = name_in(key.id());
    for (number, entry) in Aside::read(shared, &unread).await?.kept {
        if matches!(entry, Some(Entry::Unread { body, .. }) if body.contains(name)) {
            shared.ports.store.unpark(&unread, number).await?;
        }
    }
    Ok(())
}

/// Returns the part of a conversation's id that says who it is with. A number may stand elsewhere without what follows the
/// `@`; what is shorter than a number would be found in anything.
fn name_in(id: &str) -> &str {
    id.split_once('@').map(|(name, _)| name).filter(|name| name.len() >= SHORTEST_NAME).unwrap_or(id)
}

/// Writes down that nobody serves a conversation, however long the store takes, and gives it to the people.
pub(crate) fn quarantine(shared: &Arc<Shared>, key: &ConversationKey, why: &'static str) {
    let (shared, key) = (shared.clone(), key.clone());
    shared.clone().spawn(async move {
        while let Err(error) = note_quarantine(&shared, &key, why).await {
            tracing::warn!(conversation = %key, error = %error, "cannot write down that a conversation is set aside");
            tokio::time::sleep(STORE_PAUSE).await;
        }
        if let Some(directory) = shared.directory.get() {
            // The Directory outlives its tasks.
            let _ = directory.cast(DirectoryMsg::Noted(key.clone()));
        }
        rescue_soon(&shared, &key);
    });
}

async fn note_quarantine(shared: &Shared, key: &ConversationKey, why: &str) -> Result<(), PortError> {
    if Aside::read(shared, key).await?.quarantined().is_some() {
        return Ok(());
    }
    let entry = Entry::Quarantined { at: shared.ports.clock.now(), why: why.to_owned() };
    match keep(shared, key, &entry).await {
        // So much is parked that the conversation is in the list anyway.
        Err(error) if error.kind == PortErrorKind::Rejected => Ok(()),
        kept => kept.map(drop),
    }
}

/// Tells operators, and what is known of it.
pub(crate) fn tell(shared: &Shared, key: &ConversationKey, incident: Incident) {
    shared.raise(incident);
    tracing::error!(conversation = %key, incident = incident.name(), "an event is parked until an operator requeues it");
}
