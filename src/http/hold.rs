//! One delivery to the engine, and the patience with a store that is away.
//!
//! A held webhook occupies one of the vendor's worker threads, so only a few per account are held; the rest are told
//! at once to come again. Everything is over well within the five seconds that Chatwoot waits.

use super::Desk;
use super::ack::Ack;
use super::metrics;
use frontdesk_actors::domain::Inbound;
use frontdesk_actors::engine::{DeliverError, Receipt};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::ports::PortError;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// How long and how many deliveries wait.
#[derive(Debug, Clone)]
pub struct Patience {
    /// How long after its arrival a webhook is answered at the latest.
    pub hold: Duration,
    /// How long to wait between two attempts.
    pub pause: Duration,
    /// After how long an attempt that has not ended counts as held.
    pub slow_after: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { hold: Duration::from_secs(4), pause: Duration::from_millis(200), slow_after: Duration::from_secs(1) }
    }
}

/// The deliveries that are held, counted per account.
#[derive(Debug)]
pub struct Holds {
    width: usize,
    held: Mutex<HashMap<String, usize>>,
}

impl Holds {
    /// How many deliveries of one account are held unless configured otherwise.
    pub const PER_ACCOUNT: usize = 4;

    /// Makes room for `width` held deliveries per account.
    pub fn new(width: usize) -> Arc<Self> {
        Arc::new(Self { width, held: Mutex::new(HashMap::new()) })
    }

    /// Takes a place for `account`, as long as there is one.
    fn enter(self: &Arc<Self>, account: &str) -> Option<Hold> {
        let mut held = self.lock();
        let count = held.get(account).copied().unwrap_or(0);
        if count >= self.width {
            return None;
        }
        held.insert(account.to_owned(), count + 1);
        ::metrics::gauge!(metrics::HELD).increment(1.0);
        Some(Hold { holds: Arc::clone(self), account: account.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        // The map is consistent after every statement, so a panic elsewhere has not spoilt it.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One held delivery; gives its place back when dropped.
struct Hold {
    holds: Arc<Holds>,
    account: String,
}

impl Drop for Hold {
    fn drop(&mut self) {
        ::metrics::gauge!(metrics::HELD).decrement(1.0);
        let mut held = self.holds.lock();
        match held.get_mut(&self.account) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                held.remove(&self.account);
            }
        }
    }
}

/// One event on its way into the engine.
pub struct Delivery {
    desk: Arc<dyn Desk>,
    holds: Arc<Holds>,
    patience: Patience,
    received: Instant,
    inbound: Inbound,
    hold: Option<Hold>,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("key", &self.inbound.key).finish_non_exhaustive()
    }
}

type Attempt = Pin<Box<dyn Future<Output = Result<Receipt, DeliverError>> + Send>>;

impl Delivery {
    /// Makes a delivery of `inbound`, which arrived at `received`.
    pub fn new(app: &super::AppState, inbound: Inbound, received: Instant) -> Self {
        Self {
            desk: Arc::clone(&app.desk),
            holds: Arc::clone(&app.holds),
            patience: app.settings.patience.clone(),
            received,
            inbound,
            hold: None,
        }
    }

    /// Answers sooner than others must.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.patience.hold = self.patience.hold.min(limit);
        self
    }

    /// Delivers, again while the store is away, and returns what to answer. An attempt that outlives the answer runs on:
    /// if it lands, the vendor's repetition is a duplicate. What is not taken may be lost, whatever the vendor is asked to do:
    /// an account webhook of Chatwoot is never repeated, and a bot's not for ever.
    pub async fn settle(mut self) -> Ack {
        let ack = self.insist().await;
        if matches!(ack, Ack::Busy | Ack::Away) {
            self.desk.missed(&self.inbound.key);
        }
        ack
    }

    async fn insist(&mut self) -> Ack {
        loop {
            let outcome = match self.attempt().await {
                Ok(outcome) => outcome,
                Err(ack) => return ack,
            };
            match outcome {
                Ok(receipt) => return Ack::Taken(receipt.intake),
                Err(DeliverError::Busy) => return Ack::Busy,
                Err(DeliverError::Closing) => return Ack::Closing,
                Err(DeliverError::Quarantined) => return Ack::Quarantined,
                Err(DeliverError::Unknown) => return Ack::Failed,
                Err(DeliverError::Unavailable(cause)) => {
                    if let Err(ack) = self.wait(&cause).await {
                        return ack;
                    }
                }
            }
        }
    }

    /// Tries once. `Err` when the answer cannot wait for the attempt.
    async fn attempt(&mut self) -> Result<Result<Receipt, DeliverError>, Ack> {
        let (desk, inbound) = (Arc::clone(&self.desk), self.inbound.clone());
        let mut attempt: Attempt = Box::pin(async move { desk.deliver(inbound).await });
        let slow = self.deadline().min(Instant::now() + self.patience.slow_after);
        if let Ok(outcome) = timeout_at(slow, &mut attempt).await {
            return Ok(outcome);
        }
        let ack = if self.take_place() {
            match timeout_at(self.deadline(), &mut attempt).await {
                Ok(outcome) => return Ok(outcome),
                Err(_elapsed) => Ack::Away,
            }
        } else {
            Ack::Busy
        };
        tracing::warn!(conversation = %self.inbound.key, "a delivery outlives its webhook's answer");
        tokio::spawn(attempt);
        Err(ack)
    }

    /// Waits for the next attempt. `Err` when there is no place or no time for one.
    async fn wait(&mut self, cause: &PortError) -> Result<(), Ack> {
        if !self.take_place() {
            return Err(Ack::Busy);
        }
        let again = Instant::now() + self.patience.pause;
        if again >= self.deadline() {
            tracing::warn!(conversation = %self.inbound.key, operation = %cause.operation,
                "the store stayed away; the vendor is asked to repeat the webhook");
            return Err(Ack::Away);
        }
        sleep_until(again).await;
        Ok(())
    }

    fn take_place(&mut self) -> bool {
        if self.hold.is_none() {
            self.hold = self.holds.enter(&account_of(&self.inbound.key));
            if self.hold.is_none() {
                ::metrics::counter!(metrics::DELIVER_BUSY, "bound" => "hold").increment(1);
            }
        }
        self.hold.is_some()
    }

    fn deadline(&self) -> Instant {
        self.received + self.patience.hold
    }
}

/// Names whose worker threads a held webhook occupies.
fn account_of(key: &ConversationKey) -> String {
    format!("{}:{}", key.channel(), key.account())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_per_account_and_given_back() {
        let holds = Holds::new(2);
        let first = holds.enter("chatwoot:1").expect("empty");
        let second = holds.enter("chatwoot:1").expect("one is left");
        assert!(holds.enter("chatwoot:1").is_none());
        assert!(holds.enter("chatwoot:2").is_some());
        drop(first);
        assert!(holds.enter("chatwoot:1").is_some());
        drop(second);
        assert!(holds.lock().is_empty());
    }
}
