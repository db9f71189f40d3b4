//! Which actor serves which conversation. Everybody sends through here; only the Directory changes it.

use crate::conversation::ConversationMsg;
use crate::ids::ConversationKey;
use ractor::{ActorRef, MessagingErr};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many parts the map has, so that conversations seldom wait for each other.
const PARTS: usize = 32;

/// A conversation's actor, and what others may know about it.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) actor: ActorRef<ConversationMsg>,
    pub(crate) vitals: Arc<Vitals>,
}

/// What an actor tells about itself without being asked.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    /// How many events wait in its mailbox.
    pub(crate) waiting: AtomicUsize,
    /// Whether work is in flight or owed: then it is not passivated and its wake-up is renewed.
    pub(crate) busy: AtomicBool,
    /// Whether that work is left to whoever wrote last. Its wake-up is not renewed: should it be this node's all the same,
    /// because a write of unknown outcome has landed late, it comes back, and is gone on with.
    pub(crate) left: AtomicBool,
    /// Whether it is at work that nobody outside waits for.
    pub(crate) own_work: AtomicBool,
    /// When it last did something, in UTC milliseconds.
    pub(crate) last_used: AtomicI64,
    /// Whether an event for it was refused since it last looked: somebody may have been missed.
    pub(crate) missed: AtomicBool,
    /// Whether it has been told that another node wrote, and has not heard it yet.
    pub(crate) nudged: AtomicBool,
    /// The phase, for the gauge.
    pub(crate) phase: AtomicUsize,
    /// How many of its rows are held.
    pub(crate) held: AtomicUsize,
    /// Since when its oldest customer message waits for an answer, in UTC milliseconds; 0 for none.
    pub(crate) oldest_owed: AtomicI64,
}

/// Where a conversation is.
#[derive(Debug)]
pub(crate) enum Place {
    /// An actor serves it.
    Live(Slot),
    /// Its actor is leaving or being started again; what comes meanwhile waits here.
    Between(Arc<Vitals>, Vec<ConversationMsg>),
    /// It is set aside until an operator acts.
    Quarantined {
        /// Whether the store knows.
        noted: bool,
    },
}

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Routed {
    /// It is in a mailbox, or waits for one.
    Sent,
    /// Nobody serves the conversation.
    Absent(ConversationMsg),
    /// Nobody will.
    Quarantined(ConversationMsg),
}

/// The map.
#[derive(Debug)]
pub(crate) struct Places {
    parts: Vec<Mutex<HashMap<ConversationKey, Place>>>,
}

impl Default for Places {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::default()).collect() }
    }
}

impl Places {
    /// Locks the part of the map that holds this conversation.
    pub(crate) fn lock(&self, key: &ConversationKey) -> MutexGuard<'_, HashMap<ConversationKey, Place>> {
        self.parts[usize::from(key.shard()) % PARTS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message to the conversation's actor, or parks it while there is none.
    pub(crate) fn send(&self, key: &ConversationKey, msg: ConversationMsg) -> Routed {
        let mut part = self.lock(key);
        match part.get_mut(key) {
            None => Routed::Absent(msg),
            Some(Place::Quarantined { .. }) => Routed::Quarantined(msg),
            Some(Place::Between(vitals, parked)) => {
                vitals.count(&msg);
                parked.push(msg);
                Routed::Sent
            }
            Some(Place::Live(slot)) => {
                slot.vitals.count(&msg);
                match slot.actor.cast(msg) {
                    Ok(()) => Routed::Sent,
                    // It has just ended; the Directory will hear of it and hand over what is parked.
                    Err(MessagingErr::SendErr(msg)) => {
                        let vitals = slot.vitals.clone();
                        part.insert(key.clone(), Place::Between(vitals, vec![msg]));
                        Routed::Sent
                    }
                    Err(MessagingErr::ChannelClosed | MessagingErr::InvalidActorType) => Routed::Sent,
                }
            }
        }
    }

    /// Tells the conversation's actor, if one is here, that another node has written. Once is enough until it has heard.
    pub(crate) fn nudge(&self, key: &ConversationKey) {
        if let Some(Place::Live(slot)) = self.lock(key).get(key)
            && !slot.vitals.nudged.swap(true, Ordering::Relaxed)
        {
            // An actor that has just ended knows nothing that could be out of date.
            let _ = slot.actor.cast(ConversationMsg::Nudged);
        }
    }

    /// Returns how the conversation's actor is, if there is one.
    pub(crate) fn vitals(&self, key: &ConversationKey) -> Option<Arc<Vitals>> {
        match self.lock(key).get(key)? {
            Place::Live(slot) => Some(slot.vitals.clone()),
            Place::Between(vitals, _) => Some(vitals.clone()),
            Place::Quarantined { .. } => None,
        }
    }

    /// Writes down that the store knows of a conversation that is set aside.
    pub(crate) fn note(&self, key: &ConversationKey) {
        if let Some(Place::Quarantined { noted }) = self.lock(key).get_mut(key) {
            *noted = true;
        }
    }

    /// Returns the conversations that are set aside, and whether the store knows of each.
    pub(crate) fn set_aside(&self) -> Vec<(ConversationKey, bool)> {
        let mut found = Vec::new();
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            found.extend(part.iter().filter_map(|(key, place)| match place {
                Place::Quarantined { noted } => Some((key.clone(), *noted)),
                Place::Live(_) | Place::Between(..) => None,
            }));
        }
        found.sort();
        found
    }

    /// Calls `visit` for every live conversation, part by part.
    pub(crate) fn each_live(&self, mut visit: impl FnMut(&ConversationKey, &Slot)) {
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            // Counting and choosing do not depend on the order.
            #[expect(clippy::iter_over_hash_type, reason = "the visitors' results do not depend on the order")]
            for (key, place) in part.iter() {
                if let Place::Live(slot) = place {
                    visit(key, slot);
                }
            }
        }
    }

    /// Forgets everybody, and with them what was parked: whoever waits for an answer learns that there is none.
    pub(crate) fn clear(&self) {
        for part in &self.parts {
            part.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Returns how many conversations are live, and how many are quarantined.
    pub(crate) fn count(&self) -> (usize, usize) {
        self.parts.iter().fold((0, 0), |(live, quarantined), part| {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            let set_aside = part.values().filter(|place| matches!(place, Place::Quarantined { .. })).count();
            (live + part.len() - set_aside, quarantined + set_aside)
        })
    }
}

impl Vitals {
    fn count(&self, msg: &ConversationMsg) {
        if msg.is_counted() {
            self.waiting.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) || self.waiting.load(Ordering::Relaxed) > 0
    }
}
