//! The demo's mailbox and cards: what a mail server and Teams would get is kept in memory and shown on the page. They
//! forget on a restart, and are never used where a vendor is configured.

use async_trait::async_trait;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::ids::OutboundId;
use frontdesk_actors::language::{Phrase, Phrasebook};
use frontdesk_actors::ports::{AlertSink, Card, Mailer, Verdict, VerificationMail};
use frontdesk_actors::time::Timestamp;
use serde::Serialize;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How many mails and cards are kept.
const KEPT: usize = 20;

/// A mail as the page shows it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct MailView {
    /// Names it; a mail sent again under the same id is the same mail.
    pub id: String,
    /// Who it is for.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// The six digits.
    pub code: String,
    /// The verification link.
    pub link: String,
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
    /// Its number, from 1.
    pub id: u64,
    /// `handoff`, `incident` or `resolved`.
    pub kind: &'static str,
    /// Its headline.
    pub title: String,
    /// What it says.
    pub text: String,
    /// Who the customer is, on a hand-over.
    pub customer: Option<String>,
    /// What the customer said last, on a hand-over.
    pub message: Option<String>,
    /// Where to open the conversation.
    pub link: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl fmt::Debug for CardView {
    /// Shows no words of a customer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardView").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Where the page reads the cards it shows.
pub trait CardsView: Send + Sync + fmt::Debug {
    /// Returns the cards, the newest first.
    fn cards(&self) -> Vec<CardView>;
}

/// Turns a mail into what the page shows of it: the link is signed by whoever signs links.
pub type Render = dyn Fn(&VerificationMail) -> MailView + Send + Sync;

/// A mailer that keeps the mails for the page.
pub struct DemoMailbox {
    render: Box<Render>,
    mails: Mutex<VecDeque<MailView>>,
}

impl DemoMailbox {
    /// Makes an empty mailbox. `render` need not fill in the id.
    pub fn new(render: Box<Render>) -> Self {
        Self { render, mails: Mutex::default() }
    }
}

#[async_trait]
impl Mailer for DemoMailbox {
    async fn send(&self, mail: &VerificationMail, id: &OutboundId) -> Verdict {
        let view = MailView { id: id.to_string(), ..(self.render)(mail) };
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        if mails.iter().all(|known| known.id != view.id) {
            keep(&mut mails, view);
        }
        Verdict::Settled { message: None }
    }
}

impl MailboxView for DemoMailbox {
    fn mails(&self) -> Vec<MailView> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl fmt::Debug for DemoMailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoMailbox").finish_non_exhaustive()
    }
}

/// An alert sink that keeps the cards for the page.
#[derive(Debug)]
pub struct DemoCards {
    phrasebook: Arc<dyn Phrasebook>,
    lang: Lang,
    cards: Mutex<(u64, VecDeque<CardView>)>,
}

impl DemoCards {
    /// Makes an empty board whose cards speak the colleagues' language.
    pub fn new(phrasebook: Arc<dyn Phrasebook>, lang: Lang) -> Self {
        Self { phrasebook, lang, cards: Mutex::default() }
    }

    fn view(&self, id: u64, card: &Card) -> CardView {
        match card {
            Card::Handoff { reason, customer, message, at, link } => CardView {
                id,
                kind: "handoff",
                title: self.phrasebook.say(self.lang, &Phrase::CardTitle),
                text: self.phrasebook.say(self.lang, &Phrase::Because(reason.clone())),
                customer: Some(customer.clone()),
                message: Some(message.clone()),
                link: link.clone(),
                at: *at,
            },
            Card::Incident { text, repeats, at } => {
                let again = if *repeats == 0 { String::new() } else { format!(" (and {repeats} more times)") };
                plain(id, ("incident", "Incident"), format!("{text}{again}"), *at)
            }
            Card::Resolved { text, at } => plain(id, ("resolved", "Resolved"), text.clone(), *at),
        }
    }
}

#[async_trait]
impl AlertSink for DemoCards {
    async fn post(&self, card: &Card) -> Verdict {
        let mut board = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
        board.0 += 1;
        let view = self.view(board.0, card);
        keep(&mut board.1, view);
        Verdict::Settled { message: None }
    }
}

impl CardsView for DemoCards {
    fn cards(&self) -> Vec<CardView> {
        self.cards.lock().unwrap_or_else(PoisonError::into_inner).1.iter().cloned().collect()
    }
}

fn plain(id: u64, (kind, title): (&'static str, &str), text: String, at: Timestamp) -> CardView {
    CardView { id, kind, title: title.to_owned(), text, customer: None, message: None, link: None, at }
}

fn keep<T>(newest_first: &mut VecDeque<T>, item: T) {
    newest_first.push_front(item);
    newest_first.truncate(KEPT);
}
