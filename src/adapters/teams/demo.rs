//! Where cards go without Teams: nowhere, or onto the demo page.

use super::face::{Face, Wording};
use crate::recent::Recent;
use async_trait::async_trait;
use frontdesk_actors::ports::{AlertSink, Card, Verdict};
use frontdesk_actors::time::{Clock, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The sink of a desk without Teams: cards are counted and dropped, so that nothing waits for a channel nobody wants.
#[derive(Debug, Default)]
pub struct NoSink {
    dropped: AtomicU64,
}

impl NoSink {
    /// Returns how many cards would have been posted.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl AlertSink for NoSink {
    async fn post(&self, _card: &Card) -> Verdict {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        Verdict::Settled { message: None }
    }
}

/// Keeps the newest cards in memory, for the console of the demo page.
#[derive(Debug)]
pub struct DemoAlerts {
    wording: Wording,
    clock: Arc<dyn Clock>,
    alerts: Recent<DemoAlert>,
}

/// A card on the demo page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoAlert {
    /// When it was posted.
    pub at: Timestamp,
    /// What it says.
    pub face: Face,
}

impl DemoAlerts {
    /// Begins with no cards.
    pub fn new(wording: Wording, clock: Arc<dyn Clock>) -> Self {
        Self { wording, clock, alerts: Recent::default() }
    }

    /// Returns the newest 50 cards, newest first.
    pub fn list(&self) -> Vec<DemoAlert> {
        self.alerts.list()
    }
}

#[async_trait]
impl AlertSink for DemoAlerts {
    async fn post(&self, card: &Card) -> Verdict {
        self.alerts.push(DemoAlert { at: self.clock.now(), face: self.wording.face(card) });
        Verdict::Settled { message: None }
    }
}
