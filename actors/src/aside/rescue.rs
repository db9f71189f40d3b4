//! Gives a conversation to the people past its flow. Every step is durable before the next, and what cannot be done is left
//! to the next sweep: people who were given a conversation unseen would never learn of it.

use super::{Aside, Entry, keep};
use crate::conversation::effects::{CARDS, LOOK, guarded};
use crate::flow::Incident;
use crate::ids::{ConversationKey, MessageId, OutboundId};
use crate::language::Reason;
use crate::metrics;
use crate::outbound::Priority;
use crate::ports::{Act, Card, Channel, Destination, PortError, PortErrorKind, ReplyPlace, Verdict};
use crate::shared::Shared;
use std::sync::Arc;

/// A look that asks for the state only: no message is newer than this.
const NOTHING_NEWER: MessageId = MessageId { order: i64::MAX.cast_unsigned(), unique: u64::MAX };

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

/// Opens the conversation at the vendor where it is still the bot's, calls the colleagues, lets go who waits for an answer,
/// and writes each of that down.
async fn rescue(shared: &Arc<Shared>, key: &ConversationKey) -> Result<(), PortError> {
    let aside = Aside::read(shared, key).await?;
    if !aside.needs_rescue() {
        return Ok(());
    }
    if !aside.is_begun() {
        // Before the first try: it may land and nobody hear of it.
        note(shared, key, &Entry::Rescuing { at: shared.ports.clock.now() }).await?;
    }
    let calls = match open(shared, key, &aside).await {
        Opened::Now => true,
        // Perhaps by an earlier try of ours: two cards are better than none.
        Opened::Before => aside.is_begun(),
        Opened::NotYet => return Ok(()),
    };
    if calls && !aside.is_called() {
        if !call_colleagues(shared, key, &aside).await {
            return Ok(());
        }
        note(shared, key, &Entry::Called { at: shared.ports.clock.now() }).await?;
    }
    if !let_go(shared, key, &aside).await {
        return Ok(());
    }
    let now = Aside::read(shared, key).await?;
    if now.newest() != aside.newest() || !now.needs_rescue() {
        // Somebody may wait for an answer to what came meanwhile; or it was taken back.
        return Ok(());
    }
    // Room for the last entry, where so much is kept that nothing else finds any.
    for number in now.rescues() {
        shared.ports.store.unpark(key, number).await?;
    }
    keep(shared, key, &Entry::Rescued { at: shared.ports.clock.now() }).await.map(drop)
}

/// Writes down how far it has come. Where so much is kept about a conversation that there is no room, it goes on without: the
/// customer is to be given to the people all the same.
async fn note(shared: &Shared, key: &ConversationKey, entry: &Entry) -> Result<(), PortError> {
    match keep(shared, key, entry).await {
        Err(error) if error.kind == PortErrorKind::Rejected => Ok(()),
        kept => kept.map(drop),
    }
}

/// Lets whoever waits for an answer to what was set aside go on: people have it. Returns whether all of them know.
async fn let_go(shared: &Shared, key: &ConversationKey, aside: &Aside) -> bool {
    let Some(channel) = shared.ports.channels.get(key.channel()) else { return true };
    let mut all = true;
    for handle in aside.waiting() {
        let reply = Some(ReplyPlace { handle, doubted: false });
        let to = Destination { key: key.clone(), contact: None, reply, by: None };
        let verdict = send(shared, channel.as_ref(), &to, &Act::Dismiss { person: true }).await;
        tracing::debug!(conversation = %key, ?verdict, "let a request go on that nobody can answer");
        all &= is_final(&verdict);
    }
    all
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
    match is_ours(shared, channel.as_ref(), key).await {
        Some(true) => {}
        Some(false) => return Opened::Before,
        None => return Opened::NotYet,
    }
    let contact = aside.last_words().and_then(|(inbound, _)| inbound.contact.as_ref());
    let to =
        Destination { key: key.clone(), contact: contact.map(|contact| contact.key.clone()), reply: None, by: None };
    let verdict = send(shared, channel.as_ref(), &to, &Act::Open).await;
    tracing::warn!(conversation = %key, ?verdict, "gave a failing conversation to the people");
    if is_final(&verdict) { Opened::Now } else { Opened::NotYet }
}

/// Sends an act of no row, with a permit of its own.
async fn send(shared: &Shared, channel: &dyn Channel, to: &Destination, act: &Act) -> Verdict {
    let gate = shared.gate(to.key.channel());
    let _permit = match gate {
        Some(gate) => Some(gate.acquire(Priority::High).await),
        None => None,
    };
    let [id, ..] = shared.ports.crypto.random();
    let verdict = channel.send(to, act, &OutboundId(format!("rescue-{id:016x}"))).await;
    match gate.and_then(|gate| gate.report(&verdict)) {
        Some(true) => shared.raise(Incident::AccountFault),
        Some(false) => shared.account_mended(),
        None => {}
    }
    verdict
}

/// Returns whether nothing is left to be tried.
const fn is_final(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Settled { .. } | Verdict::Rejected { .. } | Verdict::Gone { .. } => true,
        Verdict::Transient { .. } | Verdict::AccountFault { .. } | Verdict::Unknown { .. } => false,
    }
}

/// Returns whether the vendor leaves the conversation to the desk; `None` if nobody can tell at this moment. Where we may
/// not look it may well be.
async fn is_ours(shared: &Shared, channel: &dyn Channel, key: &ConversationKey) -> Option<bool> {
    let _permit = match shared.gate(key.channel()) {
        Some(gate) => Some(gate.acquire(Priority::High).await),
        None => None,
    };
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

/// Returns whether colleagues know.
async fn call_colleagues(shared: &Shared, key: &ConversationKey, aside: &Aside) -> bool {
    let words = aside.last_words();
    let name = words.and_then(|(inbound, _)| inbound.contact.as_ref()).and_then(|contact| contact.name.clone());
    let card = Card::Handoff {
        reason: Reason::Poison,
        customer: name.unwrap_or_else(|| key.to_string()),
        message: words.map(|(_, text)| text.to_owned()).unwrap_or_default(),
        at: shared.ports.clock.now(),
        link: shared.ports.channels.get(key.channel()).and_then(|channel| channel.link(key)),
    };
    let Some(gate) = shared.gate(CARDS) else { return false };
    let accepted = crate::alerts::post(gate, shared.ports.alerts.as_ref(), &card).await;
    let outcome = if accepted { "posted" } else { "failed" };
    ::metrics::counter!(metrics::ALERTS, "key" => "card", "outcome" => outcome).increment(1);
    accepted
}
