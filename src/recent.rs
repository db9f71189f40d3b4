//! The newest few values, kept in memory and announced to whoever watches: what the demo mailbox and the demo alerts
//! are made of.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// How many values are kept.
pub const KEPT: usize = 50;

/// The newest [`KEPT`] values.
pub struct Recent<T> {
    values: Mutex<VecDeque<T>>,
    announce: broadcast::Sender<T>,
}

impl<T> fmt::Debug for Recent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").field("kept", &self.lock().len()).finish_non_exhaustive()
    }
}

impl<T: Clone> Default for Recent<T> {
    fn default() -> Self {
        Self { values: Mutex::default(), announce: broadcast::channel(KEPT).0 }
    }
}

impl<T> Recent<T> {
    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        // Every change is a single push, so a panic elsewhere cannot have left the values half-changed.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Recent<T> {
    /// Keeps a value, drops the oldest beyond [`KEPT`], and announces it.
    pub fn push(&self, value: T) {
        let mut values = self.lock();
        if values.len() == KEPT {
            values.pop_front();
        }
        values.push_back(value.clone());
        // Announced under the lock, so that watchers hear values in the order of the list. Nobody watching is fine.
        let _unheard = self.announce.send(value);
    }

    /// Returns what is kept, newest first.
    pub fn list(&self) -> Vec<T> {
        self.lock().iter().rev().cloned().collect()
    }

    /// Hears every value pushed from now on. A watcher that falls more than [`KEPT`] behind is told so and should list.
    pub fn watch(&self) -> broadcast::Receiver<T> {
        self.announce.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_and_announces_each() {
        let recent = Recent::default();
        let mut watcher = recent.watch();
        recent.push(0);
        assert_eq!(watcher.try_recv(), Ok(0));
        (1..KEPT + 3).for_each(|n| recent.push(n));
        assert_eq!(recent.list().len(), KEPT);
        assert_eq!(recent.list().first(), Some(&(KEPT + 2)));
        assert_eq!(recent.list().last(), Some(&3));
    }
}
