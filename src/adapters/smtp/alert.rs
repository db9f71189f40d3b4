//! Cards for colleagues as plain mails: the second path when Teams accepts nothing.

use super::Smtp;
use async_trait::async_trait;
use frontdesk_actors::ids::{OutboundId, stable_hash};
use frontdesk_actors::ports::{AlertSink, Card, Verdict};
use lettre::Address;
use std::fmt;
use std::sync::Arc;

/// Puts a card into a subject and a plain text.
type Words = dyn Fn(&Card) -> (String, String) + Send + Sync;

/// Mails cards to one address of the company.
pub struct AlertMails {
    smtp: Arc<Smtp>,
    to: Address,
    words: Box<Words>,
}

impl AlertMails {
    /// Mails to `to`. `None` if that is no address.
    pub fn new(smtp: Arc<Smtp>, to: &str, words: Box<Words>) -> Option<Self> {
        Some(Self { smtp, to: to.trim().parse().ok()?, words })
    }
}

impl fmt::Debug for AlertMails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertMails").finish_non_exhaustive()
    }
}

#[async_trait]
impl AlertSink for AlertMails {
    async fn post(&self, card: &Card) -> Verdict {
        let (subject, text) = (self.words)(card);
        let id = OutboundId(format!("card-{:016x}", stable_hash(format!("{subject}\n{text}").as_bytes())));
        self.smtp.deliver_plain(&self.to, (subject, text), &id).await
    }
}
