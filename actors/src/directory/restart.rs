//! How often a failing conversation is started again. Pure.

#![deny(clippy::disallowed_methods)]

use crate::ids::ConversationKey;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many failures within [`WINDOW`] are too many.
const BUDGET: usize = 6;

/// Over how long failures are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// What to do with a conversation whose actor failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Start it again after this pause.
    Respawn(Duration),
    /// Set it aside.
    GiveUp,
}

/// Recent failures.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    recent: BTreeMap<ConversationKey, Vec<Timestamp>>,
    /// Those on work of the conversation's own.
    own: BTreeMap<ConversationKey, Timestamp>,
}

impl Failures {
    /// Notes a failure and decides: at once, then after pauses that double, then not any more.
    pub(crate) fn note(&mut self, key: &ConversationKey, now: Timestamp) -> Verdict {
        self.recent.retain(|_, times| times.iter().any(|at| now.since(*at) < WINDOW));
        let times = self.recent.entry(key.clone()).or_default();
        times.retain(|at| now.since(*at) < WINDOW);
        times.push(now);
        match times.len() {
            1 => Verdict::Respawn(Duration::ZERO),
            n if n <= BUDGET => Verdict::Respawn(Duration::from_millis(50 << n.min(8))),
            _ => Verdict::GiveUp,
        }
    }

    /// Notes that the failure was on work of the conversation's own. Returns whether it is the second in a row, or a later
    /// one.
    pub(crate) fn note_own(&mut self, key: &ConversationKey, now: Timestamp) -> bool {
        self.own.retain(|_, at| now.since(*at) < WINDOW);
        self.own.insert(key.clone(), now).is_some()
    }

    /// Forgets the failures of a conversation: an operator wants it tried again.
    pub(crate) fn forgive(&mut self, key: &ConversationKey) {
        self.recent.remove(key);
        self.own.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_pause_longer_and_then_give_up_but_are_forgiven_with_time() {
        let key = ConversationKey::new("web", "page", "a");
        let mut failures = Failures::default();
        assert_eq!(failures.note(&key, Timestamp::from_secs(0)), Verdict::Respawn(Duration::ZERO));
        let pauses: Vec<Verdict> = (1..=6).map(|sec| failures.note(&key, Timestamp::from_secs(sec))).collect();
        assert!(matches!(pauses[0], Verdict::Respawn(pause) if pause > Duration::ZERO));
        assert_eq!(pauses[5], Verdict::GiveUp);
        assert_eq!(failures.note(&key, Timestamp::from_secs(100)), Verdict::Respawn(Duration::ZERO));
    }

    #[test]
    fn the_second_failure_on_its_own_work_within_the_window_is_told() {
        let key = ConversationKey::new("web", "page", "a");
        let mut failures = Failures::default();
        assert!(!failures.note_own(&key, Timestamp::from_secs(0)));
        assert!(failures.note_own(&key, Timestamp::from_secs(59)));
        assert!(failures.note_own(&key, Timestamp::from_secs(118)));
        assert!(!failures.note_own(&key, Timestamp::from_secs(200)), "forgiven with time");
        assert!(!failures.note_own(&ConversationKey::new("web", "page", "b"), Timestamp::from_secs(200)));
        failures.forgive(&key);
        assert!(!failures.note_own(&key, Timestamp::from_secs(201)), "forgiven by an operator");
    }
}
