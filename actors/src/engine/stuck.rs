//! What an operator does about what is stuck: held rows, parked events, conversations that were set aside. And the sweep
//! that keeps the store's list of them and this node in step.

use super::{DeliverError, EngineHandle, SWEEP};
use crate::aside::{self, Aside};
use crate::conversation::ConversationMsg;
use crate::directory::DirectoryMsg;
use crate::domain::Inbound;
use crate::flow::{Incident, Input, stored_rows};
use crate::ids::{ConversationKey, OutboundId};
use crate::metrics;
use crate::ports::{PortError, PortErrorKind};
use crate::view::{Decided, Decision, Intake, OutboxRow, PhaseName, Receipt, Requeued, SetAside, Summary};
use ::metrics::gauge;
use futures::{FutureExt, StreamExt, TryStreamExt};
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::sync::oneshot;

/// How often what is set aside is looked over.
const PAUSE: Duration = Duration::from_secs(15);

/// How many conversations that were set aside are looked over at once.
const MOST: usize = 500;

/// How many records are read at the same time.
const WIDTH: usize = 16;

impl EngineHandle {
    /// Lists the rows of all conversations that are not known to have left the house: the held ones first, then the oldest.
    /// Conversations with held rows are written every minute, so they are among those that changed last.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn outbox(&self) -> Result<Vec<OutboxRow>, PortError> {
        let unsettled = |summary: &Summary| summary.unsettled > 0 || summary.held > 0;
        let waiting: Vec<Summary> = self.list(SWEEP).await?.into_iter().filter(unsettled).collect();
        let read = futures::stream::iter(waiting).map(|summary| self.rows_of(summary)).buffered(WIDTH);
        let mut rows: Vec<OutboxRow> = read.try_collect::<Vec<_>>().await?.into_iter().flatten().collect();
        rows.sort_by_key(|one| (one.row.state != "held", one.row.created));
        Ok(rows)
    }

    async fn rows_of(&self, summary: Summary) -> Result<Vec<OutboxRow>, PortError> {
        let stored = self.shared.ports.store.load(&summary.key).await?;
        // A record that cannot be read is listed among what is set aside.
        let rows = stored.and_then(|stored| stored_rows(&stored.record).ok()).unwrap_or_default();
        let row = |row| OutboxRow { key: summary.key.clone(), name: summary.name.clone(), row };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Decides about a held row: it is sent again under its own id, or dropped. Durable when this returns
    /// [`Decided::Done`].
    ///
    /// # Errors
    /// [`DeliverError`]; [`DeliverError::Unknown`] if there is no such conversation.
    pub async fn decide(
        &self,
        key: &ConversationKey,
        row: &OutboundId,
        decision: Decision,
    ) -> Result<Decided, DeliverError> {
        if self.view(key).await?.is_none() {
            return Err(DeliverError::Unknown);
        }
        let answer = self.must(key, Input::Decided { row: row.clone(), decision }).await?;
        Ok(answer.decided.unwrap_or(Decided::NoSuchRow))
    }

    /// Lists what is set aside: conversations that nobody serves, and those of which events are parked.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn set_aside(&self) -> Result<Vec<SetAside>, PortError> {
        let mut keys: BTreeSet<ConversationKey> =
            self.shared.ports.store.parked_keys(SWEEP).await?.into_iter().collect();
        let here: BTreeSet<ConversationKey> = self.shared.places.set_aside().into_iter().map(|(key, _)| key).collect();
        keys.extend(here.iter().cloned());
        let mut listed = Vec::with_capacity(keys.len());
        for key in keys {
            let kept = Aside::read(&self.shared, &key).await?;
            let not_noted = || here.contains(&key).then(|| "it was just set aside".to_owned());
            let quarantined = kept.quarantined().map(str::to_owned).or_else(not_noted);
            if quarantined.is_some() || kept.events() > 0 {
                let (events, since, rescued) = (kept.events(), kept.since(), !kept.needs_rescue());
                listed.push(SetAside { key, quarantined, events, since, rescued });
            }
        }
        Ok(listed)
    }

    /// Takes back what is set aside of a conversation: it is served again, and its parked events go the normal way in the
    /// order in which they came; each is forgotten only when it was taken. `None` if nothing is set aside.
    ///
    /// # Errors
    /// [`DeliverError`] if the store or the conversation cannot be reached; what was not taken stays parked.
    pub async fn requeue(&self, key: &ConversationKey) -> Result<Option<Requeued>, DeliverError> {
        let unreadable = |error| self.shared.unavailable(error);
        let kept = Aside::read(&self.shared, key).await.map_err(unreadable)?;
        let was_here = self.forget(key).await;
        if kept.is_over() && !was_here {
            aside::forget_remarks(&self.shared, key, &kept).await.map_err(unreadable)?;
            return Ok(None);
        }
        match self.view(key).await {
            Ok(_) => {}
            Err(DeliverError::Quarantined) => {
                return Ok(Some(Requeued { taken: 0, left: kept.events(), quarantined: true }));
            }
            Err(error) => return Err(error),
        }
        aside::forget_remarks(&self.shared, key, &kept).await.map_err(unreadable)?;
        tracing::info!(conversation = %key, events = kept.events(), "what was set aside is taken back");
        let left_here = !kept.is_over();
        let requeued = self.replay(key, kept).await?;
        // Whatever it had in hand goes on at once, whoever wrote last; where another node has taken it back, over there.
        if left_here {
            self.shared.route(key, ConversationMsg::Revive);
        } else {
            self.shared.report(key, Input::DeadlineReached);
        }
        Ok(Some(requeued))
    }

    /// Lets the Directory forget that a conversation is quarantined. Returns whether it was.
    async fn forget(&self, key: &ConversationKey) -> bool {
        let (port, forgotten) = oneshot::channel();
        let asked = self.directory.cast(DirectoryMsg::Forget(key.clone(), port));
        asked.is_ok() && forgotten.await.unwrap_or(false)
    }

    async fn replay(&self, key: &ConversationKey, kept: Aside) -> Result<Requeued, DeliverError> {
        // What nobody can read is gone with the remarks.
        let left = kept.events() - kept.unread();
        let mut requeued = Requeued { taken: 0, left, quarantined: false };
        for (number, inbound) in kept.into_events() {
            match self.insist(key, || Input::Inbound(Box::new(inbound.clone()))).await {
                Ok(Some(_)) => {
                    let forgotten = self.shared.ports.store.unpark(key, number).await;
                    forgotten.map_err(|error| self.shared.unavailable(error))?;
                    requeued.taken += 1;
                    requeued.left -= 1;
                }
                Ok(None) => tracing::error!(conversation = %key, "a parked event fails still; it stays parked"),
                Err(DeliverError::Quarantined) => {
                    requeued.quarantined = true;
                    return Ok(requeued);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(requeued)
    }

    /// Keeps an event that its conversation cannot take, and gives the conversation to the people past the flow.
    pub(super) async fn park(&self, inbound: Inbound, incident: Incident) -> Result<Receipt, DeliverError> {
        let key = inbound.key.clone();
        aside::park(&self.shared, inbound).await.map_err(|error| match error.kind {
            // Too much of it is parked already; the vendor opens the conversation.
            PortErrorKind::Rejected => DeliverError::Quarantined,
            PortErrorKind::Transient
            | PortErrorKind::Throttled(_)
            | PortErrorKind::Forbidden
            | PortErrorKind::Broken => self.shared.unavailable(error),
        })?;
        aside::tell(&self.shared, &key, incident);
        Ok(Receipt { intake: Intake::Parked, phase: PhaseName::Human })
    }

    /// Keeps a webhook that nobody can read, under a key that only stands for such webhooks, and tells operators. Taking it
    /// back ([`EngineHandle::requeue`]) forgets it. When this returns, it is durable.
    ///
    /// # Errors
    /// [`PortError`]; [`PortErrorKind::Rejected`] if too many are kept under this key already.
    pub async fn park_unread(&self, key: &ConversationKey, body: String) -> Result<(), PortError> {
        aside::park_unread(&self.shared, key, body).await?;
        aside::tell(&self.shared, key, Incident::EventParked);
        Ok(())
    }

    /// Tells operators that something is wrong with a part outside, or that it is mended.
    pub fn tell(&self, incident: Incident, is_wrong: bool) {
        if is_wrong { self.shared.raise(incident) } else { self.shared.resolve(incident) }
    }

    /// Looks over what is set aside, for as long as the engine runs.
    pub(super) async fn keep_watch_aside(self) {
        let mut first = true;
        loop {
            match AssertUnwindSafe(self.sweep_aside(first)).catch_unwind().await {
                Ok(Ok(())) => first = false,
                Ok(Err(error)) => tracing::debug!(error = %error, "cannot look over what is set aside"),
                Err(_) => tracing::error!("looking over what is set aside failed; it is tried again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn sweep_aside(&self, first: bool) -> Result<(), PortError> {
        let (mut events, mut quarantined) = (0, 0);
        for key in self.shared.ports.store.parked_keys(MOST).await? {
            let kept = Aside::read(&self.shared, &key).await?;
            if kept.is_over() {
                aside::forget_remarks(&self.shared, &key, &kept).await?;
                continue;
            }
            events += kept.events();
            quarantined += usize::from(kept.quarantined().is_some());
            if kept.quarantined().is_some() && first {
                // A new process, perhaps a newer version, tries again what an earlier one could not serve.
                self.requeue_or_tell(&key).await;
            } else if kept.needs_rescue() {
                aside::rescue_soon(&self.shared, &key);
            }
        }
        for (key, noted) in self.shared.places.set_aside() {
            if noted && Aside::read(&self.shared, &key).await?.quarantined().is_none() {
                // An operator has taken it back on another node.
                self.requeue_or_tell(&key).await;
            }
        }
        let here = self.shared.places.count().1;
        gauge!(metrics::EVENTS_PARKED).set(events as f64);
        gauge!(metrics::QUARANTINED).set(here as f64);
        match events {
            0 => self.shared.resolve(Incident::EventParked),
            // An earlier process told of them; they wait still.
            _ if first => self.shared.raise(Incident::EventParked),
            _ => {}
        }
        if quarantined == 0 && here == 0 {
            self.shared.resolve(Incident::Quarantined);
        }
        Ok(())
    }

    async fn requeue_or_tell(&self, key: &ConversationKey) {
        if let Err(error) = self.requeue(key).await {
            tracing::warn!(conversation = %key, error = %error, "what is set aside cannot be taken back at this moment");
        }
    }
}
