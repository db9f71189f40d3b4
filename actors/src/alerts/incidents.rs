//! Which incidents are open, and what colleagues are told about them: one card per incident, repeats folded into a digest,
//! the end announced. Pure.

#![deny(clippy::disallowed_methods)]

use crate::flow::Incident;
use crate::ports::Card;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often an open incident that goes on is told about again.
const DIGEST: Duration = Duration::from_secs(15 * 60);

/// After how long without a repetition an incident is over.
const QUIET: Duration = Duration::from_secs(30 * 60);

/// The open incidents.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    open: BTreeMap<Incident, Open>,
}

#[derive(Debug)]
struct Open {
    told: Timestamp,
    last: Timestamp,
    repeats: u64,
}

impl Incidents {
    /// An incident happened. Returns the card, unless it is only a repetition.
    pub(crate) fn raise(&mut self, incident: Incident, now: Timestamp) -> Option<Card> {
        if let Some(open) = self.open.get_mut(&incident) {
            open.repeats += 1;
            open.last = now;
            return None;
        }
        self.open.insert(incident, Open { told: now, last: now, repeats: 0 });
        Some(Card::Incident { text: incident.advice().to_owned(), repeats: 0, at: now })
    }

    /// What was wrong is known to be mended. Returns the card, if it was told about.
    pub(crate) fn resolve(&mut self, incident: Incident, now: Timestamp) -> Option<Card> {
        self.open.remove(&incident).map(|_| Card::Resolved { text: incident.advice().to_owned(), at: now })
    }

    /// Returns the cards that time has made due.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<Card> {
        let mut cards = Vec::new();
        self.open.retain(|incident, open| {
            if open.repeats > 0 && now.since(open.told) >= DIGEST {
                let text = incident.advice().to_owned();
                cards.push(Card::Incident { text, repeats: open.repeats, at: now });
                open.told = now;
                open.repeats = 0;
            }
            let over = now.since(open.last) >= QUIET && !waits_for_somebody(*incident);
            if over {
                cards.push(Card::Resolved { text: incident.advice().to_owned(), at: now });
            }
            !over
        });
        cards
    }
}

/// What is held, parked or set aside stays so until somebody decides, however quiet it is.
const fn waits_for_somebody(incident: Incident) -> bool {
    matches!(incident, Incident::RowHeld | Incident::EventParked | Incident::Quarantined | Incident::ChannelDown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_card_per_incident_a_digest_of_repeats_and_one_end() {
        let at = |minutes: i64| Timestamp::from_secs(minutes * 60);
        let mut incidents = Incidents::default();
        assert!(incidents.raise(Incident::ModelQuota, at(0)).is_some());
        assert!(incidents.raise(Incident::ModelQuota, at(1)).is_none());
        assert!(incidents.raise(Incident::ModelQuota, at(2)).is_none());
        assert!(incidents.due(at(14)).is_empty());
        assert!(matches!(incidents.due(at(15))[..], [Card::Incident { repeats: 2, .. }]));
        assert!(matches!(incidents.due(at(32))[..], [Card::Resolved { .. }]));
        assert!(incidents.due(at(99)).is_empty());
        assert!(incidents.resolve(Incident::ModelQuota, at(99)).is_none());
    }
}
