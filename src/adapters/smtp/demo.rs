//! A mailer without a mail server: the page's demo mailbox shows what would have been sent.

use super::{Letter, Letters};
use crate::recent::Recent;
use async_trait::async_trait;
use frontdesk_actors::ids::OutboundId;
use frontdesk_actors::ports::{Mailer, Verdict, VerificationMail};
use frontdesk_actors::time::{Clock, Timestamp};
use std::fmt;
use std::sync::Arc;

/// Keeps the newest mails in memory instead of sending them.
#[derive(Debug)]
pub struct DemoMailbox {
    letters: Letters,
    clock: Arc<dyn Clock>,
    mails: Recent<DemoMail>,
}

/// A mail in the demo mailbox.
#[derive(Clone, PartialEq, Eq)]
pub struct DemoMail {
    /// The row that sent it.
    pub id: OutboundId,
    /// To whom.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML, for an iframe with `sandbox`.
    pub html: String,
    /// The verification link.
    pub link: String,
    /// The six digits.
    pub code: String,
    /// When it was sent.
    pub at: Timestamp,
}

impl fmt::Debug for DemoMail {
    /// Shows neither address nor link nor code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoMail").field("id", &self.id).field("at", &self.at).finish_non_exhaustive()
    }
}

impl DemoMailbox {
    /// Opens an empty mailbox.
    pub fn new(letters: Letters, clock: Arc<dyn Clock>) -> Self {
        Self { letters, clock, mails: Recent::default() }
    }

    /// Returns the newest 50 mails, newest first.
    pub fn list(&self) -> Vec<DemoMail> {
        self.mails.list()
    }
}

#[async_trait]
impl Mailer for DemoMailbox {
    async fn send(&self, mail: &VerificationMail, id: &OutboundId) -> Verdict {
        if mail.address.trim().parse::<lettre::Address>().is_err() {
            return Verdict::Rejected { why: "the customer's address is not a valid e-mail address".to_owned() };
        }
        let Letter { subject, text, html, link } = self.letters.compose(mail);
        let (to, code, at) = (mail.address.trim().to_owned(), mail.code.clone(), self.clock.now());
        // A mail goes out again under the same Message-ID when its fate is unknown; a mailbox shows it once.
        if self.mails.list().iter().all(|known| known.id != *id) {
            self.mails.push(DemoMail { id: id.clone(), to, subject, text, html, link, code, at });
        }
        Verdict::Settled { message: None }
    }
}
