//! Since when events may have been missed.

use crate::time::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The gap that is open, if one is.
#[derive(Debug, Default)]
pub(crate) struct Gap {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    since: Option<Timestamp>,
    /// Changes with everything that is missed: a pass closes only what had been missed before it began.
    edition: u64,
}

impl Gap {
    /// Events may have been missed since this moment, and up to now.
    pub(crate) fn note(&self, since: Timestamp) {
        let mut state = self.lock();
        state.since = Some(state.since.map_or(since, |open| open.min(since)));
        state.edition += 1;
    }

    /// Returns since when a gap is open, and its edition.
    pub(crate) fn open(&self) -> Option<(Timestamp, u64)> {
        let state = self.lock();
        state.since.map(|since| (since, state.edition))
    }

    /// A pass that began at this moment has found everything that had been missed by then.
    pub(crate) fn close(&self, edition: u64, begun: Timestamp) {
        let mut state = self.lock();
        let closed = state.edition == edition;
        state.since = state.since.filter(|_| !closed).map(|_| begun);
    }

    /// No code panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_stays_open_for_what_was_missed_during_its_pass() {
        let (gap, at) = (Gap::default(), Timestamp::from_secs);
        assert_eq!(gap.open(), None);
        gap.note(at(20));
        gap.note(at(10));
        gap.note(at(30));
        let (since, edition) = gap.open().unwrap();
        assert_eq!(since, at(10), "the earliest counts");
        gap.note(at(45));
        gap.close(edition, at(40));
        let (since, edition) = gap.open().unwrap();
        assert_eq!(since, at(40), "what came before the pass was found");
        gap.close(edition, at(50));
        assert_eq!(gap.open(), None);
    }
}
