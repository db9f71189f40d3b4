//! Whether this process stood still: stopped, or paused together with its machine. Nobody tells it, and whoever wanted to
//! tell it something meanwhile has given up; so it notices by the time that passed between two signs of life.

use crate::shared::Shared;
use crate::time::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often it gives a sign of life when nothing else happens.
const BEAT: Duration = Duration::from_secs(1);

/// What is longer was a standstill. A busy machine may be late by some, and a vendor waits for five seconds.
const STILL: Duration = Duration::from_secs(3);

/// When this process last gave a sign of life.
#[derive(Debug)]
pub(crate) struct Pulse(Mutex<(Instant, Timestamp)>);

impl Pulse {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self(Mutex::new((Instant::now(), now)))
    }

    /// Gives a sign of life. Returns since when the process stood still, if it did. The wall clock counts as well: what
    /// stops with the machine does not measure for how long.
    pub(crate) fn beat(&self, now: Timestamp) -> Option<Timestamp> {
        // No code panics while it holds this lock.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (beat, seen) = std::mem::replace(&mut *last, (Instant::now(), now));
        let still = beat.elapsed().max(now.since(seen)) > STILL;
        still.then_some(seen)
    }
}

/// Begins to give signs of life. Ends with the engine.
pub(crate) fn start(shared: &Arc<Shared>) {
    let alive = shared.clone();
    shared.spawn(async move {
        loop {
            tokio::time::sleep(BEAT).await;
            alive.beat();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_standstill_is_told_once_with_its_beginning() {
        let at = Timestamp::from_secs;
        let pulse = Pulse::new(at(10));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(pulse.beat(at(13)), None, "late, but alive");
        tokio::time::advance(Duration::from_secs(12)).await;
        assert_eq!(pulse.beat(at(25)), Some(at(13)));
        assert_eq!(pulse.beat(at(25)), None);
        // The machine was suspended: only its clock on the wall went on.
        assert_eq!(pulse.beat(at(40)), Some(at(25)));
        // The clock was put back: that is no standstill.
        assert_eq!(pulse.beat(at(20)), None);
    }
}
