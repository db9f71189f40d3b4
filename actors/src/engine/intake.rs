//! What is not taken: mailboxes are bounded at the way in, and whatever was refused may be lost.

use super::{DeliverError, EngineHandle};
use crate::ids::ConversationKey;
use crate::metrics;
use ::metrics::counter;
use std::sync::atomic::Ordering;

impl EngineHandle {
    /// A webhook of this conversation was not taken, or its sender was told so: it may be lost, and the vendor may have given
    /// the conversation to the people because of that.
    pub fn missed(&self, key: &ConversationKey) {
        match self.shared.places.vitals(key) {
            Some(vitals) => {
                vitals.missed.store(true, Ordering::Relaxed);
                self.shared.gap.note(self.shared.ports.clock.now());
            }
            None => self.shared.missed(),
        }
    }

    /// Bounds what waits in mailboxes: they have no bound of their own.
    pub(super) fn admit(&self, key: &ConversationKey) -> Result<(), DeliverError> {
        if self.shared.closing.load(Ordering::Relaxed) {
            return Err(DeliverError::Closing);
        }
        let settings = &self.shared.settings;
        let vitals = self.shared.places.vitals(key);
        let waiting = vitals.as_ref().map_or(0, |vitals| vitals.waiting.load(Ordering::Relaxed));
        if waiting >= settings.mailbox {
            counter!(metrics::DELIVER_BUSY, "bound" => "conversation").increment(1);
            // Chatwoot sends an account webhook once: refused intake is a gap.
            self.missed(key);
            return Err(DeliverError::Busy);
        }
        if self.shared.waiting.load(Ordering::Relaxed) >= settings.mailboxes {
            counter!(metrics::DELIVER_BUSY, "bound" => "total").increment(1);
            self.shared.missed();
            return Err(DeliverError::Busy);
        }
        Ok(())
    }
}
