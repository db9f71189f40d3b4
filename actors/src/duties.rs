//! The sweep: goes through the whole store, slowly, and proves that whatever is owed has a wake-up. One without is woken
//! and counted; there must never be any. Also the only place that knows the oldest obligation of all conversations, not
//! only of those in memory.

use crate::conversation::ConversationMsg;
use crate::flow::Known;
use crate::ids::ConversationKey;
use crate::metrics;
use crate::ports::{Due, PortError, ScanCursor, Scanned};
use crate::shared::Shared;
use crate::time::Timestamp;
use ::metrics::{counter, gauge};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many conversations are read at once.
const PAGE: usize = 64;

/// The pause between two pages: a hundred thousand conversations take about five minutes.
const PAGE_PAUSE: Duration = Duration::from_millis(200);

/// The pause between two walks.
const PAUSE: Duration = Duration::from_secs(60);

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A walk through the store.
#[derive(Debug, Default)]
struct Walk {
    cursor: Option<ScanCursor>,
    oldest: Option<Timestamp>,
    /// Without a wake-up in this walk, at this version.
    unwatched: BTreeMap<ConversationKey, u64>,
    /// Those of the walk before. Only what has stood still since is proven to be forgotten: an actor that has just
    /// finished its work may be about to write.
    suspects: BTreeMap<ConversationKey, u64>,
}

/// Begins to walk. Ends with the engine.
pub(crate) fn start(shared: &Arc<Shared>) {
    let walked = shared.clone();
    shared.spawn(async move {
        let mut walk = Walk::default();
        loop {
            let reading = walked.ports.store.scan(walk.cursor.as_ref(), PAGE);
            let pause = match tokio::time::timeout(PATIENCE, reading).await {
                Ok(Ok(page)) => {
                    page.found.iter().for_each(|found| walk.examine(&walked, found));
                    walk.cursor = page.next;
                    if walk.cursor.is_some() { PAGE_PAUSE } else { walk.end(&walked) }
                }
                Ok(Err(error)) => walk.rest(&error),
                Err(_) => PAUSE,
            };
            tokio::time::sleep(pause).await;
        }
    });
}

impl Walk {
    fn examine(&mut self, shared: &Shared, found: &Scanned) {
        // One that cannot be read is set aside as soon as it is woken or heard of.
        let Some(stored) = &found.stored else { return };
        let Ok(known) = Known::read(&stored.record) else { return };
        self.oldest = self.oldest.into_iter().chain(known.oldest()).min();
        if found.wake.is_some() || !known.needs_wake() {
            return;
        }
        if self.suspects.get(&found.key) == Some(&stored.version) {
            wake(shared, &found.key);
        } else {
            self.unwatched.insert(found.key.clone(), stored.version);
        }
    }

    /// The walk is complete: returns when the next begins. Soon, where something is to be looked at again.
    fn end(&mut self, shared: &Shared) -> Duration {
        let now = shared.ports.clock.now();
        let age = self.oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
        gauge!(metrics::OLDEST_STORED_OBLIGATION_SECONDS).set(age);
        let again = !self.unwatched.is_empty();
        let suspects = std::mem::take(&mut self.unwatched);
        *self = Self { suspects, ..Self::default() };
        if again { shared.settings.lease } else { PAUSE }
    }

    fn rest(&mut self, error: &PortError) -> Duration {
        tracing::debug!(error = %error, "the sweep waits for the store");
        PAUSE
    }
}

/// Somebody is owed something and nobody would ever have looked: this must not happen.
fn wake(shared: &Shared, key: &ConversationKey) {
    if shared.closing.load(Ordering::Relaxed) {
        return;
    }
    counter!(metrics::OBLIGATIONS_FOUND).increment(1);
    tracing::error!(conversation = %key, "something was owed without a wake-up; the conversation is woken");
    shared.route(key, ConversationMsg::Wake(Due { key: key.clone(), takes: 1, taken_over: true }));
}
