//! The newest few values, kept in memory: what the demo mailbox and the demo alerts are made of.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many values are kept.
pub const KEPT: usize = 50;

/// The newest [`KEPT`] values.
pub struct Recent<T> {
    values: Mutex<VecDeque<T>>,
}

impl<T> fmt::Debug for Recent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").field("kept", &self.lock().len()).finish_non_exhaustive()
    }
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { values: Mutex::default() }
    }
}

impl<T> Recent<T> {
    /// Keeps a value and drops the oldest beyond [`KEPT`].
    pub fn push(&self, value: T) {
        let mut values = self.lock();
        if values.len() == KEPT {
            values.pop_front();
        }
        values.push_back(value);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        // Every change is a single push, so a panic elsewhere cannot have left the values half-changed.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Recent<T> {
    /// Returns what is kept, newest first.
    pub fn list(&self) -> Vec<T> {
        self.lock().iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest() {
        let recent = Recent::default();
        (0..KEPT + 3).for_each(|n| recent.push(n));
        assert_eq!(recent.list().len(), KEPT);
        assert_eq!(recent.list().first(), Some(&(KEPT + 2)));
        assert_eq!(recent.list().last(), Some(&3));
    }
}
