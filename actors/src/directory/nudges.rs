//! Hears what other nodes write, so that a conversation that is at work here learns of it at once: a person who took over
//! on another node ends the model call on this one. A hint and no more: what a commit and a claim decide does not rest on it.

use crate::metrics;
use crate::shared::Shared;
use ::metrics::counter;
use futures::{FutureExt, StreamExt};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// How long to rest before listening again.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens for as long as the store has something to tell.
pub(crate) async fn hear(shared: Arc<Shared>) {
    loop {
        match AssertUnwindSafe(listen(&shared)).catch_unwind().await {
            Ok(0) => return,
            Ok(_) => {}
            Err(_) => tracing::error!("listening for other nodes' writes failed, trying again"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Returns how many nudges came before the store had nothing more to tell.
async fn listen(shared: &Shared) -> usize {
    let me = shared.settings.node.to_string();
    let mut nudges = shared.ports.store.nudges();
    let mut heard = 0;
    while let Some(nudge) = nudges.next().await {
        heard += 1;
        if nudge.node != me {
            counter!(metrics::NUDGES).increment(1);
            shared.places.nudge(&nudge.key);
        }
    }
    heard
}
