//! What is set aside until an operator acts: events that made their conversation fail twice, and conversations that nobody
//! can serve. Both are kept in the store, in order, so that nothing that was acknowledged is lost, and the customer is
//! given to the people past the flow: it is the flow that failed.
//!
//! Each entry is durable before anything is answered or opened. That the people have the conversation is an entry too, so
//! that a process which dies in between is made up for by its successor's sweep (`engine/stuck.rs`).

use crate::alerts::AlertsMsg;
use crate::conversation::effects::{LOOK, guarded};
use crate::directory::DirectoryMsg;
use crate::domain::Inbound;
use crate::flow::Incident;
use crate::ids::{ConversationKey, MessageId, OutboundId, ReplyHandle};
use crate::language::Reason;
use crate::outbound::Priority;
use crate::ports::{Act, Card, Channel, Destination, PortError, PortErrorKind, ReplyPlace, Verdict};
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

/// A look that asks for the state only: no message is newer than this.
const NOTHING_NEWER: MessageId = MessageId { order: i64::MAX.cast_unsigned(), unique: u64::MAX };

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
    /// The people have it.
    Rescued {
        /// Since when.
        at: Timestamp,
    },
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

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Returns why nobody serves the conversation, if nobody does.
    pub(crate) fn quarantined(&self) -> Option<&str> {
        self.kept.iter().find_map(|(_, entry)| match entry {
            Some(Entry::Quarantined { why, .. }) => Some(why.as_str()),
            Some(Entry::Event { .. } | Entry::Unread { .. } | Entry::Rescued { .. }) | None => None,
        })
    }

    /// Returns how many events are parked, those that this version cannot read among them.
    pub(crate) fn events(&self) -> usize {
        let is_event = |entry: &Option<Entry>| match entry {
            Some(Entry::Event { .. } | Entry::Unread { .. }) | None => true,
            Some(Entry::Quarantined { .. } | Entry::Rescued { .. }) => false,
        };
        self.kept.iter().filter(|(_, entry)| is_event(entry)).count()
    }

    /// Returns how many webhooks are kept that nobody can read.
    pub(crate) fn unread(&self) -> usize {
        self.kept.iter().filter(|(_, entry)| matches!(entry, Some(Entry::Unread { .. }))).count()
    }

    /// Returns since when something is kept.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        let at = |entry: &Entry| match entry {
            Entry::Event { at, .. }
            | Entry::Unread { at, .. }
            | Entry::Quarantined { at, .. }
            | Entry::Rescued { at } => *at,
        };
        self.kept.iter().filter_map(|(_, entry)| entry.as_ref().map(at)).min()
    }

    /// Returns whether the people must be given the conversation: a customer wrote, or it was set aside, and that has not
    /// been done since.
    pub(crate) fn needs_rescue(&self) -> bool {
        let last = self.kept.iter().rev().find_map(|(_, entry)| match entry {
            Some(Entry::Event { inbound, .. }) => inbound.event.is_from_customer().then_some(true),
            Some(Entry::Quarantined { .. }) | None => Some(true),
            Some(Entry::Rescued { .. }) => Some(false),
            Some(Entry::Unread { .. }) => None,
        });
        last.unwrap_or(false)
    }

    /// Takes out the events, oldest first, with their numbers.
    pub(crate) fn into_events(self) -> impl Iterator<Item = (u64, Inbound)> {
        self.kept.into_iter().filter_map(|(number, entry)| match entry {
            Some(Entry::Event { inbound, .. }) => Some((number, *inbound)),
            Some(Entry::Unread { .. } | Entry::Quarantined { .. } | Entry::Rescued { .. }) | None => None,
        })
    }

    /// Returns the numbers of everything that cannot be delivered again.
    pub(crate) fn remarks(&self) -> impl Iterator<Item = u64> {
        self.kept.iter().filter_map(|(number, entry)| match entry {
            Some(Entry::Unread { .. } | Entry::Quarantined { .. } | Entry::Rescued { .. }) => Some(*number),
            Some(Entry::Event { .. }) | None => None,
        })
    }

    fn rescues(&self) -> impl Iterator<Item = u64> {
        self.kept.iter().filter(|(_, entry)| matches!(entry, Some(Entry::Rescued { .. }))).map(|(number, _)| *number)
    }

    /// Returns the customer's latest parked message: the contact, the name and the words.
    /// Returns where somebody waits for an answer to what is set aside.
    fn waiting(&self) -> Vec<ReplyHandle> {
        let places = self.kept.iter().filter_map(|(_, entry)| match entry {
            Some(Entry::Event { inbound, .. }) => inbound.reply.clone(),
            Some(Entry::Unread { .. } | Entry::Quarantined { .. } | Entry::Rescued { .. }) | None => None,
        });
        places.collect()
    }

    fn last_words(&self) -> Option<(&Inbound, &str)> {
        self.kept.iter().rev().find_map(|(_, entry)| match entry {
            Some(Entry::Event { inbound, .. }) => inbound.event.customers_words().map(|words| (&**inbound, words)),
            Some(Entry::Unread { .. } | Entry::Quarantined { .. } | Entry::Rescued { .. }) | None => None,
        })
    }
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

/// Gives a conversation to the people, unless that is being done.
pub(crate) fn rescue_soon(shared: &Arc<Shared>, key: &ConversationKey) {
    if !shared.rescuing.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(key.clone()) {
        return;
    }
    let (shared, key) = (shared.clone(), key.clone());
    shared.clone().spawn(async move {
        let rescued = guarded(LOOK * 3, rescue(&shared, &key)).await;
        shared.rescuing.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&key);
        match rescued {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(conversation = %key, error = %error, "a rescue is repeated"),
            Err(why) => tracing::warn!(conversation = %key, why, "a rescue is repeated"),
        }
    });
}

/// Opens the conversation at the vendor where it is still the bot's, calls the colleagues, and writes that down. What
/// cannot be done is left to the next sweep.
async fn rescue(shared: &Arc<Shared>, key: &ConversationKey) -> Result<(), PortError> {
    let aside = Aside::read(shared, key).await?;
    if !aside.needs_rescue() {
        return Ok(());
    }
    match open(shared, key, &aside).await {
        Opened::Now => call_colleagues(shared, key, &aside),
        Opened::Before => {}
        Opened::NotYet => return Ok(()),
    }
    let_go(shared, key, &aside).await;
    keep(shared, key, &Entry::Rescued { at: shared.ports.clock.now() }).await?;
    for number in aside.rescues() {
        shared.ports.store.unpark(key, number).await?;
    }
    Ok(())
}

/// Lets whoever waits for an answer to what was set aside go on: people have it. Where that fails nothing is said either.
async fn let_go(shared: &Shared, key: &ConversationKey, aside: &Aside) {
    let Some(channel) = shared.ports.channels.get(key.channel()) else { return };
    for handle in aside.waiting() {
        let reply = Some(ReplyPlace { handle, doubted: false });
        let to = Destination { key: key.clone(), contact: None, reply };
        let [id, ..] = shared.ports.crypto.random();
        let verdict = channel.send(&to, &Act::Dismiss { person: true }, &OutboundId(format!("rescue-{id:016x}"))).await;
        tracing::debug!(conversation = %key, ?verdict, "let a request go on that nobody can answer");
    }
}

enum Opened {
    /// This very call gave it to the people.
    Now,
    /// They had it.
    Before,
    /// It is to be tried again.
    NotYet,
}

async fn open(shared: &Shared, key: &ConversationKey, aside: &Aside) -> Opened {
    // A channel that is not served has no conversation to open.
    let Some(channel) = shared.ports.channels.get(key.channel()) else { return Opened::Before };
    let _permit = match shared.gate(key.channel()) {
        Some(gate) => Some(gate.acquire(Priority::High).await),
        None => None,
    };
    match is_ours(shared, channel.as_ref(), key).await {
        Some(true) => {}
        Some(false) => return Opened::Before,
        None => return Opened::NotYet,
    }
    let contact = aside.last_words().and_then(|(inbound, _)| inbound.contact.as_ref());
    let to = Destination { key: key.clone(), contact: contact.map(|contact| contact.key.clone()), reply: None };
    let [id, ..] = shared.ports.crypto.random();
    let verdict = channel.send(&to, &Act::Open, &OutboundId(format!("rescue-{id:016x}"))).await;
    tracing::warn!(conversation = %key, ?verdict, "gave a failing conversation to the people");
    match verdict {
        Verdict::Settled { .. } | Verdict::Rejected { .. } => Opened::Now,
        Verdict::Transient { .. } | Verdict::AccountFault { .. } | Verdict::Unknown { .. } => Opened::NotYet,
    }
}

/// Returns whether the vendor leaves the conversation to the desk; `None` if nobody can tell at this moment. Where we may
/// not look it may well be.
async fn is_ours(shared: &Shared, channel: &dyn Channel, key: &ConversationKey) -> Option<bool> {
    match channel.look(key, NOTHING_NEWER).await {
        Ok(look) => Some(shared.settings.policy.channel(key).is_ours(&look.state)),
        Err(error) => match error.kind {
            PortErrorKind::Forbidden => Some(true),
            // It is gone.
            PortErrorKind::Rejected => Some(false),
            PortErrorKind::Transient | PortErrorKind::Throttled(_) | PortErrorKind::Broken => None,
        },
    }
}

fn call_colleagues(shared: &Shared, key: &ConversationKey, aside: &Aside) {
    let words = aside.last_words();
    let name = words.and_then(|(inbound, _)| inbound.contact.as_ref()).and_then(|contact| contact.name.clone());
    let card = Card::Handoff {
        reason: Reason::Poison,
        customer: name.unwrap_or_else(|| key.to_string()),
        message: words.map(|(_, text)| text.to_owned()).unwrap_or_default(),
        at: shared.ports.clock.now(),
        link: shared.ports.channels.get(key.channel()).and_then(|channel| channel.link(key)),
    };
    if let Some(alerts) = shared.alerts.get() {
        // The alerts' actor only ends with the engine.
        let _ = alerts.cast(AlertsMsg::Post(Box::new(card)));
    }
}

/// Tells operators, and what is known of it.
pub(crate) fn tell(shared: &Shared, key: &ConversationKey, incident: Incident) {
    shared.raise(incident);
    tracing::error!(conversation = %key, incident = incident.name(), "an event is parked until an operator requeues it");
}
