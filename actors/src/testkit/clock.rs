//! Wall-clock time that follows tokio's.

use crate::time::{Clock, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A clock that starts at a fixed moment and runs with tokio's clock, so that a paused test owns both.
#[derive(Debug)]
pub struct ManualClock {
    base: Timestamp,
    started: Instant,
    shift: AtomicI64,
}

impl ManualClock {
    /// Makes a clock that shows `base` at this moment.
    pub fn starting_at(base: Timestamp) -> Self {
        Self { base, started: Instant::now(), shift: AtomicI64::new(0) }
    }

    /// Moves only the wall clock, as an administrator would: timers do not notice.
    pub fn shift(&self, by: Duration) {
        self.shift.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Moves the wall clock back.
    pub fn shift_back(&self, by: Duration) {
        self.shift.fetch_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}

impl Default for ManualClock {
    /// Starts on a fixed day, so that failures print the same times every run.
    fn default() -> Self {
        Self::starting_at(Timestamp::from_secs(1_760_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let shown = self.base + self.started.elapsed();
        Timestamp::from_millis(shown.as_millis().saturating_add(self.shift.load(Ordering::Relaxed)))
    }
}
