//! One pass over a channel: lists what was active, reads what is not known, and delivers it.

use crate::conversation::effects::guarded;
use crate::domain::{Event, Inbound};
use crate::engine::{DeliverError, EngineHandle, Intake, PhaseName};
use crate::flow::{Input, Known};
use crate::ids::{ConversationKey, MessageId};
use crate::metrics;
use crate::outbound::Priority;
use crate::ports::{Active, Channel, Events, PortError, PortErrorKind, Verdict};
use crate::shared::Shared;
use crate::time::Timestamp;
use ::metrics::counter;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How long one call may take at most, whatever its adapter's own time-outs are. Messages come in several requests.
const CALL: Duration = Duration::from_secs(60);

/// A conversation in which something happens while the list is being read moves to its front, past the pages that are
/// still to come. So the front is read again, until it holds nothing newer than the last reading, but not for ever.
const READINGS: usize = 5;

/// A list that never ends is no list.
const PAGES: u32 = 4000;

/// How many of its own conversations the desk looks at where the vendor lists none.
const OWN: usize = 1000;

/// The pause between two of them: each look waits for its place at the gate.
const OWN_PAUSE: Duration = Duration::from_millis(50);

/// The pause after a refusal, doubling up to the longest.
const PAUSE: Duration = Duration::from_millis(500);

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why a pass ended before its end.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The engine is stopping.
    Closing,
    /// The store does not answer.
    Store,
}

impl From<PortError> for Stopped {
    fn from(error: PortError) -> Self {
        tracing::debug!(error = %error, "catching up waits for the store");
        Stopped::Store
    }
}

/// One pass.
pub(super) struct Pass<'a> {
    handle: &'a EngineHandle,
    channel: Arc<dyn Channel>,
    /// The events it brought, by kind.
    found: BTreeMap<&'static str, u64>,
    listed: u64,
}

impl<'a> Pass<'a> {
    pub(super) fn new(handle: &'a EngineHandle, channel: Arc<dyn Channel>) -> Self {
        Self { handle, channel, found: BTreeMap::new(), listed: 0 }
    }

    /// Brings whatever has happened in the channel since a moment.
    pub(super) async fn run(mut self, since: Timestamp) -> Result<(), Stopped> {
        let mut from = since;
        for _ in 0..READINGS {
            let began = self.shared().ports.clock.now();
            match self.read(from).await? {
                None => {
                    self.look_at_own(since).await?;
                    break;
                }
                Some(pages) if pages <= 1 => break,
                // Whole seconds count in a vendor's list.
                Some(_) => from = Timestamp::from_millis(began.as_millis().saturating_sub(2000)),
            }
        }
        let found: u64 = self.found.values().sum();
        if self.listed > 0 {
            tracing::info!(channel = self.channel.name(), conversations = self.listed, found, by_kind = ?self.found, "caught up with what was missed");
        }
        Ok(())
    }

    fn shared(&self) -> &'a Shared {
        self.handle.shared()
    }

    /// Reads the list to its end, or returns that there is none; and how many pages it had.
    async fn read(&mut self, since: Timestamp) -> Result<Option<u32>, Stopped> {
        for page in 1..=PAGES {
            let channel = self.channel.clone();
            let listed = self.call(|| channel.active(since, page)).await?;
            let Ok(Active { conversations, last }) = listed else { return Ok(None) };
            for inbound in conversations {
                self.listed += 1;
                self.examine(inbound, since).await?;
            }
            if last {
                return Ok(Some(page));
            }
        }
        Ok(Some(PAGES))
    }

    /// Delivers what a conversation's record does not know of.
    async fn examine(&mut self, inbound: Inbound, since: Timestamp) -> Result<(), Stopped> {
        let stored = self.shared().ports.store.load(&inbound.key).await?;
        let known = match stored.map(|stored| Known::read(&stored.record)).transpose() {
            Ok(known) => known,
            // It is set aside when it is next heard of; an operator must act either way.
            Err(_) => return Ok(()),
        };
        let after = known.as_ref().map(Known::floor);
        let Some(missed) = self.events(&inbound.key, after, since).await? else { return Ok(()) };
        let inbound = Inbound { state: missed.state.or(inbound.state), ..inbound };
        let is_news = |event: &&Event| known.as_ref().is_none_or(|known| known.is_news(event));
        let news: Vec<&'static str> = missed.events.iter().filter(is_news).map(kind).collect();
        let state = inbound.state.as_ref().filter(|state| known.as_ref().is_some_and(|it| it.is_other_state(state)));
        if news.is_empty() && state.is_none() {
            return Ok(());
        }
        let state = state.map(|_| "state");
        let event = Event::Missed { events: missed.events, complete: missed.complete };
        if self.deliver(Inbound { event, ..inbound }).await? {
            for kind in news.into_iter().chain(state) {
                *self.found.entry(kind).or_default() += 1;
                counter!(metrics::CAUGHT_UP, "kind" => kind).increment(1);
            }
        }
        Ok(())
    }

    /// Reads what has happened in a conversation; `None` if that cannot be read, now or ever.
    async fn events(
        &self,
        key: &ConversationKey,
        after: Option<MessageId>,
        since: Timestamp,
    ) -> Result<Option<Events>, Stopped> {
        let channel = self.channel.clone();
        let read = self.call(|| channel.events(key, after, since)).await?;
        Ok(read.ok())
    }

    /// Delivers as a webhook is delivered, as often as it takes. Returns whether it was news.
    async fn deliver(&self, inbound: Inbound) -> Result<bool, Stopped> {
        let mut pause = PAUSE;
        loop {
            match self.handle.deliver(inbound.clone()).await {
                Ok(receipt) => return Ok(matches!(receipt.intake, Intake::Accepted | Intake::Parked)),
                Err(DeliverError::Closing) => return Err(Stopped::Closing),
                Err(DeliverError::Unavailable(_)) => return Err(Stopped::Store),
                Err(DeliverError::Unknown | DeliverError::Quarantined) => return Ok(false),
                Err(DeliverError::Busy) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks the vendor, one call at a time, after everybody else, until it answers. `Err`: it never will.
    async fn call<T, Asked>(&self, ask: impl Fn() -> Asked) -> Result<Result<T, PortErrorKind>, Stopped>
    where
        Asked: Future<Output = Result<T, PortError>>,
    {
        let mut pause = PAUSE;
        loop {
            let answer = {
                let _permit = match self.shared().gate(self.channel.name()) {
                    Some(gate) => Some(gate.acquire(Priority::Low).await),
                    None => None,
                };
                guarded(CALL, ask()).await
            };
            let rest = match answer {
                Ok(Ok(answer)) => return Ok(Ok(answer)),
                Ok(Err(error)) => match error.kind {
                    PortErrorKind::Forbidden | PortErrorKind::Rejected => return Ok(Err(error.kind)),
                    PortErrorKind::Throttled(rest) => {
                        self.slow_down(rest);
                        rest
                    }
                    PortErrorKind::Transient | PortErrorKind::Broken => pause,
                },
                Err(_) => pause,
            };
            tracing::debug!(channel = self.channel.name(), "the vendor did not answer; it is asked again");
            tokio::time::sleep(rest).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The whole account is to be slower, not only we.
    fn slow_down(&self, rest: Duration) {
        if let Some(gate) = self.shared().gate(self.channel.name()) {
            gate.report(&Verdict::Transient { retry_after: Some(rest), why: String::new() });
        }
    }

    /// The vendor lists nothing to us: looks at the conversations the desk had itself lately.
    async fn look_at_own(&mut self, since: Timestamp) -> Result<(), Stopped> {
        let shared = self.shared();
        let window = shared.settings.catch_up;
        let lately = |changed: Timestamp| changed >= since || shared.ports.clock.now().since(changed) <= window;
        let own = self.handle.list(OWN).await?;
        let ours = own.into_iter().filter(|own| {
            own.key.channel() == self.channel.name() && own.phase != PhaseName::Human && lately(own.changed)
        });
        for own in ours {
            self.listed += 1;
            counter!(metrics::CAUGHT_UP, "kind" => "looked").increment(1);
            *self.found.entry("looked").or_default() += 1;
            shared.report(&own.key, Input::LookAround);
            tokio::time::sleep(OWN_PAUSE).await;
        }
        Ok(())
    }
}

/// Returns the label of an event.
fn kind(event: &Event) -> &'static str {
    match event {
        Event::CustomerWrote(_) => "customer",
        Event::PersonWrote { .. } => "person",
        Event::OtherWrote { .. } | Event::Edited { .. } | Event::Fared { .. } => "other",
        Event::Echo { .. } | Event::Carried { .. } => "echo",
        Event::Ordered { .. } => "order",
        Event::Deleted { .. } => "deleted",
        Event::Assigned | Event::StateChanged | Event::StatusChanged { .. } | Event::Missed { .. } => "state",
    }
}
