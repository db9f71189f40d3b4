//! What people are told who are to take a conversation: the note in it, and the cards.

use super::Desk;
use crate::domain::{ProofKind, Remembered, Role};
use crate::flow::memory::Said;
use crate::language::{HandoffNote, Reason};
use crate::ports::Card;
use crate::time::Timestamp;

/// Stands before what a customer said and did not write, in every language.
const SPOKEN: &str = "\u{1f3a4}";

/// How many remembered messages a hand-over note quotes.
const QUOTED: usize = 6;

impl Desk<'_> {
    /// Returns what has no answer to its end, oldest first.
    fn open_questions(&self) -> Vec<String> {
        let owed = &self.common.owed;
        let half = self.half_answered.iter().filter(|(id, _)| owed.iter().all(|owed| owed.id != *id));
        let written = half.map(|(_, text)| text).chain(owed.iter().map(|owed| &owed.text)).cloned();
        let unheard =
            self.common.unheard.iter().map(|unheard| format!("{SPOKEN} {}", unheard.text).trim_end().to_owned());
        written.chain(unheard).collect()
    }

    /// Returns the note that goes with a hand-over.
    pub(super) fn note(&self, reason: &Reason, summary: Option<String>) -> HandoffNote {
        let messages = self.memory.messages();
        let last = messages.iter().skip(messages.len().saturating_sub(QUOTED));
        HandoffNote {
            reason: reason.clone(),
            name: self.common.contact.as_ref().and_then(|contact| contact.name.clone()),
            email: self.known_address(),
            lang: self.lang(),
            summary,
            open_questions: self.open_questions(),
            exchanged: messages.len(),
            last: last.map(|message| (message.role, spoken(message))).collect(),
        }
    }

    fn known_address(&self) -> Option<(String, Option<ProofKind>)> {
        let proven = self.common.verified.as_ref();
        let address = proven
            .and_then(|verified| verified.address.clone())
            .map(|address| (address, proven.map(|verified| verified.by)));
        let on_file =
            || self.common.contact.as_ref().and_then(|contact| contact.email.clone()).map(|email| (email, None));
        address.or_else(on_file)
    }

    /// Returns the card that calls colleagues again.
    pub(crate) fn waiting_card(&self, reason: &Reason, since: Timestamp) -> Card {
        let (customer, message) = self.customer_and_words();
        Card::Waiting { reason: reason.clone(), customer, message, since, at: self.ctx.now, link: None }
    }

    /// Returns the card that calls colleagues.
    pub(crate) fn card(&self, reason: &Reason) -> Card {
        let (customer, message) = self.customer_and_words();
        Card::Handoff { reason: reason.clone(), customer, message, at: self.ctx.now, link: None }
    }

    /// Returns who the customer is, as far as known, and what they said last.
    fn customer_and_words(&self) -> (String, String) {
        let name = self.common.contact.as_ref().and_then(|contact| contact.name.clone());
        let address = self.known_address().map(|(address, _)| address);
        let customer = match (name, address) {
            (Some(name), Some(address)) => format!("{name} ({address})"),
            (Some(name), None) => name,
            (None, Some(address)) => address,
            (None, None) => self.common.key.to_string(),
        };
        let written = |said: &Said<'_>| said.role == Role::Customer;
        let message = self.memory.newest_first().find(written).map(|said| said.text.to_owned());
        (customer, message.unwrap_or_default())
    }
}

/// Returns a message as colleagues read it.
fn spoken(message: &Remembered) -> String {
    if message.voice { format!("{SPOKEN} {}", message.text) } else { message.text.clone() }
}
