//! A second path for what colleagues must hear: when the first sink has accepted nothing for too long, the second gets it.

use async_trait::async_trait;
use frontdesk_actors::ports::{AlertSink, Card, Verdict};
use frontdesk_actors::time::{Clock, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Two sinks in order of preference.
#[derive(Debug)]
pub struct SecondPath {
    first: Arc<dyn AlertSink>,
    second: Arc<dyn AlertSink>,
    after: Duration,
    clock: Arc<dyn Clock>,
    failing_since: Mutex<Option<Timestamp>>,
}

impl SecondPath {
    /// Uses `second` once `first` has accepted nothing for `after`.
    pub fn new(first: Arc<dyn AlertSink>, second: Arc<dyn AlertSink>, after: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { first, second, after, clock, failing_since: Mutex::new(None) }
    }

    /// Notes how the first sink did; returns for how long it has failed.
    fn note(&self, accepted: bool) -> Duration {
        let now = self.clock.now();
        let mut since = self.failing_since.lock().unwrap_or_else(PoisonError::into_inner);
        if accepted {
            *since = None;
        }
        let began = if accepted { now } else { *since.get_or_insert(now) };
        now.since(began)
    }
}

#[async_trait]
impl AlertSink for SecondPath {
    async fn post(&self, card: &Card) -> Verdict {
        let verdict = self.first.post(card).await;
        let accepted = matches!(verdict, Verdict::Settled { .. });
        if self.note(accepted) < self.after || accepted {
            return verdict;
        }
        match self.second.post(card).await {
            settled @ Verdict::Settled { .. } => settled,
            Verdict::Transient { .. }
            | Verdict::Rejected { .. }
            | Verdict::Gone { .. }
            | Verdict::AccountFault { .. }
            | Verdict::Unknown { .. } => verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

    #[derive(Debug, Default)]
    struct Sink {
        fails: AtomicBool,
        got: AtomicUsize,
    }

    #[async_trait]
    impl AlertSink for Sink {
        async fn post(&self, _: &Card) -> Verdict {
            if self.fails.load(Ordering::Relaxed) {
                return Verdict::Unknown { finished: false, why: "no answer".to_owned() };
            }
            self.got.fetch_add(1, Ordering::Relaxed);
            Verdict::Settled { message: None }
        }
    }

    #[derive(Debug, Default)]
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_secs(self.0.load(Ordering::Relaxed))
        }
    }

    #[tokio::test]
    async fn the_second_is_used_only_after_the_first_has_failed_for_long_enough() {
        let (first, second, clock) = (Arc::new(Sink::default()), Arc::new(Sink::default()), Arc::new(Hand::default()));
        let path = SecondPath::new(first.clone(), second.clone(), Duration::from_secs(300), clock.clone());
        let card = Card::Resolved { text: "x".to_owned(), at: Timestamp::from_secs(0) };
        first.fails.store(true, Ordering::Relaxed);
        assert!(matches!(path.post(&card).await, Verdict::Unknown { .. }));
        clock.0.store(299, Ordering::Relaxed);
        assert!(matches!(path.post(&card).await, Verdict::Unknown { .. }));
        clock.0.store(300, Ordering::Relaxed);
        assert!(matches!(path.post(&card).await, Verdict::Settled { .. }));
        assert_eq!(second.got.load(Ordering::Relaxed), 1);
        first.fails.store(false, Ordering::Relaxed);
        assert!(matches!(path.post(&card).await, Verdict::Settled { .. }));
        assert_eq!((first.got.load(Ordering::Relaxed), second.got.load(Ordering::Relaxed)), (1, 1));
    }
}
