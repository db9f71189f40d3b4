//! A budget that all nodes of one store share: each takes permits from the store in small blocks and uses them at once.
//!
//! The limit is never exceeded in any window, however it is cut and whatever the number of nodes. A permit that was taken
//! and not used within [`KEEPS`] is void, and the store counts over windows that are longer by as much. The limit is cut
//! into tenths of the window where it is large enough, so that the calls of a minute do not all leave in its first second.
//!
//! A tenth of the limit is set aside for the time in which the store does not answer: then each of up to [`NODES`] nodes
//! goes on with its share of that tenth; a limit too small to be shared out like that waits for the store. Nothing can be
//! claimed without the store, so it is hardly ever used.

use super::NodeBudget;
use frontdesk_actors::ports::{Budget, PortError, Quota, Store};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a permit keeps.
const KEEPS: Duration = Duration::from_millis(500);

/// How many nodes share what is set aside.
const NODES: u32 = 8;

/// Into how many parts a window is cut.
const PARTS: u32 = 10;

/// How soon a caller asks again while a block is on its way.
const SOON: Duration = Duration::from_millis(5);

/// For how long the store is left alone after it gave nothing, or did not answer.
const REST: Duration = Duration::from_millis(100);

/// How long a block may be on its way.
const PATIENCE: Duration = Duration::from_secs(1);

/// A budget of so many calls in every window, over all nodes.
pub struct SharedBudget {
    inner: Arc<Inner>,
    /// What is left to this node while the store does not answer.
    alone: Option<NodeBudget>,
}

struct Inner {
    store: Arc<dyn Store>,
    quota: Quota,
    most: u32,
    purse: Mutex<Purse>,
}

/// What this node has in hand.
#[derive(Debug, Default)]
struct Purse {
    permits: u32,
    /// How large the next block is: it grows while blocks are used up in time, so that few calls waste no permits.
    block: u32,
    void_at: Option<Instant>,
    /// Whether a block is on its way.
    asking: bool,
    /// Until when the store is left alone.
    rests_until: Option<Instant>,
    /// Whether the store did not answer when it was last asked.
    away: bool,
}

impl fmt::Debug for SharedBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedBudget").field("quota", &self.inner.quota).finish_non_exhaustive()
    }
}

impl SharedBudget {
    /// Makes a budget of at most `limit` calls in every `window` for the account of this name, whichever node makes them.
    pub fn new(store: Arc<dyn Store>, account: &str, limit: u32, window: Duration) -> Self {
        let aside = if limit >= 2 * NODES { (limit / 10).max(NODES) } else { 0 };
        let alone = (aside > 0).then(|| alone(aside / NODES, window));
        let shared = (limit - aside).max(1);
        let (limit, window) = if shared >= PARTS * 2 { (shared / PARTS, window / PARTS) } else { (shared, window) };
        let quota = Quota { key: format!("gate:{account}"), limit, window: window + KEEPS };
        let inner = Inner { store, quota, most: (limit / 4).max(1), purse: Mutex::default() };
        Self { inner: Arc::new(inner), alone }
    }
}

impl Budget for SharedBudget {
    fn take(&self) -> Result<(), Duration> {
        let now = Instant::now();
        let mut purse = self.inner.lock();
        let void = purse.void_at.is_none_or(|void_at| void_at <= now);
        if void {
            purse.permits = 0;
        }
        if purse.permits > 0 {
            purse.permits -= 1;
            return Ok(());
        }
        let rests = purse.rests_until.filter(|until| *until > now);
        if !purse.asking && rests.is_none() {
            purse.asking = true;
            purse.block = if void { 1 } else { (purse.block * 2).min(self.inner.most) };
            tokio::spawn(ask(self.inner.clone(), purse.block));
        }
        match &self.alone {
            Some(alone) if purse.away => alone.take(),
            Some(_) | None => Err(rests.map_or(SOON, |until| until - now)),
        }
    }
}

/// So many calls in every window and no more: the first at once, the others evenly.
fn alone(calls: u32, window: Duration) -> NodeBudget {
    // Both ends of a window belong to it.
    NodeBudget::evenly(window / calls.saturating_sub(1).max(1) + Duration::from_millis(1))
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Purse> {
        self.purse.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fetches one block. Its permits are dated from before the question, so that they are void before the store forgets them.
async fn ask(inner: Arc<Inner>, block: u32) {
    let asked = Instant::now();
    let answered = tokio::time::timeout(PATIENCE, inner.store.take_block(&inner.quota, block)).await;
    let mut purse = inner.lock();
    purse.asking = false;
    let taken = match answered {
        Ok(Ok(taken)) => {
            purse.away = false;
            taken
        }
        Ok(Err(error)) => told_away(&mut purse, &error),
        Err(_) => {
            purse.away = true;
            0
        }
    };
    purse.permits = taken;
    purse.void_at = Some(asked + KEEPS);
    if taken == 0 {
        purse.rests_until = Some(Instant::now() + REST);
    }
}

fn told_away(purse: &mut Purse, error: &PortError) -> u32 {
    if !purse.away {
        tracing::debug!(error = %error, "the shared budget cannot be asked; this node goes on with its share");
    }
    purse.away = true;
    0
}
