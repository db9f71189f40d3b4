//! What the page shows of mails and cards that stay here instead of leaving the house. Whoever keeps them implements
//! these two traits; in the demo that is the mailer and the alert sink themselves.

use frontdesk_actors::time::Timestamp;
use serde::Serialize;
use std::fmt;

/// A mail as the page shows it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct MailView {
    /// Names it.
    pub id: String,
    /// Who it is for.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// The six digits.
    pub code: String,
    /// The verification link.
    pub link: String,
    /// The mail itself; asked for one by one, so it is no part of the list.
    #[serde(skip)]
    pub html: String,
    /// When it was sent.
    pub at: Timestamp,
}

impl fmt::Debug for MailView {
    /// Shows neither address, code nor link.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailView").field("id", &self.id).field("at", &self.at).finish_non_exhaustive()
    }
}

/// Where the page reads the mails it shows.
pub trait MailboxView: Send + Sync + fmt::Debug {
    /// Returns the mails, the newest first.
    fn mails(&self) -> Vec<MailView>;
}

/// A card as the page shows it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CardView {
    /// `customer`, `trouble` or `good`.
    pub tone: &'static str,
    /// Its headline.
    pub title: String,
    /// Short facts, as name and value.
    pub facts: Vec<(String, String)>,
    /// The customer's words, or what is wrong.
    pub text: String,
    /// The button, as title and address.
    pub button: Option<(String, String)>,
    /// When it was posted.
    pub at: Timestamp,
}

impl fmt::Debug for CardView {
    /// Shows no words of a customer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardView").field("tone", &self.tone).field("at", &self.at).finish_non_exhaustive()
    }
}

/// Where the page reads the cards it shows.
pub trait CardsView: Send + Sync + fmt::Debug {
    /// Returns the cards, the newest first.
    fn cards(&self) -> Vec<CardView>;
}
