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
#[derive(Debug)]
pub(crate) struct Incidents {
    open: BTreeMap<Incident, Open>,
    /// What operators are told to do.
    advice: fn(Incident) -> &'static str,
}

#[derive(Debug)]
struct Open {
    told: Timestamp,
    last: Timestamp,
    repeats: u64,
}

impl Incidents {
    pub(crate) fn new(advice: fn(Incident) -> &'static str) -> Self {
        Self { open: BTreeMap::new(), advice }
    }

    /// An incident happened. Returns the card, unless it is only a repetition.
    pub(crate) fn raise(&mut self, incident: Incident, now: Timestamp) -> Option<Card> {
        if let Some(open) = self.open.get_mut(&incident) {
            open.repeats += 1;
            open.last = now;
            return None;
        }
        self.open.insert(incident, Open { told: now, last: now, repeats: 0 });
        Some(Card::Incident { text: (self.advice)(incident).to_owned(), repeats: 0, at: now })
    }

    /// What was wrong is known to be mended. Returns the card, if it was told about.
    pub(crate) fn resolve(&mut self, incident: Incident, now: Timestamp) -> Option<Card> {
        self.open.remove(&incident).map(|_| Card::Resolved { text: (self.advice)(incident).to_owned(), at: now })
    }

    /// Returns the cards that time has made due.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<Card> {
        let mut cards = Vec::new();
        let advice = self.advice;
        self.open.retain(|incident, open| {
            if open.repeats > 0 && now.since(open.told) >= DIGEST {
                let text = advice(*incident).to_owned();
                cards.push(Card::Incident { text, repeats: open.repeats, at: now });
                open.told = now;
                open.repeats = 0;
            }
            let over = now.since(open.last) >= QUIET && !waits_for_somebody(*incident);
            if over {
                cards.push(Card::Resolved { text: advice(*incident).to_owned(), at: now });
            }
            !over
        });
        cards
    }
}

/// What is held, parked or set aside, logged out or used up stays so until somebody acts, however quiet it is.
const fn waits_for_somebody(incident: Incident) -> bool {
    match incident {
        Incident::RowHeld
        | Incident::EventParked
        | Incident::Quarantined
        | Incident::ChannelDown
        | Incident::ChannelQuota => true,
        Incident::ModelUnauthorized
        | Incident::ModelNotFound
        | Incident::ModelQuota
        | Incident::TranscriberRefused
        | Incident::AccountFault
        | Incident::RowRejected
        | Incident::MailRefused
        | Incident::OtherBot
        | Incident::LookForbidden
        | Incident::NoBotConnected
        | Incident::StoreUnavailable
        | Incident::OpenedByFailure => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_card_per_incident_a_digest_of_repeats_and_one_end() {
        let at = |minutes: i64| Timestamp::from_secs(minutes * 60);
        let mut incidents = Incidents::new(Incident::name);
        assert!(incidents.raise(Incident::ModelQuota, at(0)).is_some());
        assert!(incidents.raise(Incident::ModelQuota, at(1)).is_none());
        assert!(incidents.raise(Incident::ModelQuota, at(2)).is_none());
        assert!(incidents.due(at(14)).is_empty());
        assert!(matches!(incidents.due(at(15))[..], [Card::Incident { repeats: 2, .. }]));
        assert!(matches!(incidents.due(at(32))[..], [Card::Resolved { .. }]));
        assert!(incidents.due(at(99)).is_empty());
        assert!(incidents.resolve(Incident::ModelQuota, at(99)).is_none());
    }

    #[test]
    fn what_waits_for_somebody_is_not_over_because_it_is_quiet() {
        let at = |minutes: i64| Timestamp::from_secs(minutes * 60);
        for incident in [Incident::ChannelQuota, Incident::ChannelDown, Incident::RowHeld] {
            let mut incidents = Incidents::new(Incident::name);
            assert!(incidents.raise(incident, at(0)).is_some());
            assert!(incidents.due(at(600)).is_empty(), "{incident:?}: nobody has mended it");
            assert!(matches!(incidents.resolve(incident, at(601)), Some(Card::Resolved { .. })), "{incident:?}");
        }
    }
}
