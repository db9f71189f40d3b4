//! What was sent in and what was done to the desk: the side of the truth that the campaign itself writes.

use frontdesk_actors::testkit::history::Page;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A moment in UTC microseconds, as the double of Chatwoot stamps its messages.
pub(crate) type Micros = u64;

/// Returns the present.
pub(crate) fn now() -> Micros {
    micros(SystemTime::now())
}

/// Returns a moment in UTC microseconds.
pub(crate) fn micros(at: SystemTime) -> Micros {
    u64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}

/// Returns when a past moment of the monotonic clock was.
pub(crate) fn when(at: Instant) -> Micros {
    let ago = Instant::now().saturating_duration_since(at);
    micros(SystemTime::now().checked_sub(ago).unwrap_or(UNIX_EPOCH))
}

/// Something a customer wrote.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The word that is in no other message; the model's double repeats it in its answer.
    pub(crate) token: String,
    pub(crate) words: String,
    pub(crate) conversation: u64,
    pub(crate) message: u64,
    pub(crate) at: Micros,
    /// Whether it asks for an answer: an address or a code does not.
    pub(crate) asks: bool,
    /// Whether it was a recording.
    pub(crate) voice: bool,
}

/// Somebody used a challenge: pressed the button behind its link, or typed its code.
#[derive(Debug, Clone)]
pub(crate) struct Press {
    pub(crate) conversation: u64,
    pub(crate) challenge: String,
    pub(crate) at: Micros,
    /// What the page said, and when.
    pub(crate) told: Option<(Micros, Page)>,
}

/// What an agent did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Wrote to the customer; the message's id.
    Wrote(u64),
    /// Was assigned.
    Assigned,
    /// Resolved the conversation.
    Resolved,
    /// Gave the conversation back by a message; that message's id.
    HandedBack(u64),
}

/// An agent's act.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act {
    pub(crate) conversation: u64,
    pub(crate) deed: Deed,
    pub(crate) at: Micros,
}

/// When a process or a store that was gone could be reached again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Return {
    pub(crate) at: Micros,
}

/// Everything sent in, and every fault.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    next: AtomicU64,
    pages: Mutex<Pages>,
}

/// The pages of the ledger.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pages {
    pub(crate) questions: Vec<Question>,
    pub(crate) acts: Vec<Act>,
    /// What agents wrote, by message.
    pub(crate) agents: BTreeMap<u64, String>,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) returns: Vec<Return>,
    pub(crate) presses: Vec<Press>,
    /// What the model said: the tokens that were answered, and in how many parts.
    pub(crate) spoken: Vec<(Vec<String>, usize)>,
    /// When texts were first seen on the wire to the vendor, by conversation and row.
    pub(crate) sighted: BTreeMap<(u64, String), Vec<Micros>>,
}

impl Ledger {
    /// Draws a word that no other message has.
    pub(crate) fn token(&self) -> String {
        format!("q{}x", self.number())
    }

    /// Draws a number that was not drawn before.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes what an agent wrote in a message.
    pub(crate) fn agent_wrote(&self, message: u64, words: String) {
        self.pages().agents.insert(message, words);
    }

    pub(crate) fn asked(&self, question: Question) {
        self.pages().questions.push(question);
    }

    /// Notes that a challenge is used; returns the number of this use.
    pub(crate) fn pressed(&self, press: Press) -> usize {
        let presses = &mut self.pages().presses;
        presses.push(press);
        presses.len() - 1
    }

    /// Notes what the page said to it.
    pub(crate) fn told(&self, press: usize, page: Page) {
        if let Some(press) = self.pages().presses.get_mut(press) {
            press.told = Some((now(), page));
        }
    }

    /// Counts faults that others have counted.
    pub(crate) fn faults(&self, kind: &'static str, count: u64) {
        *self.pages().faults.entry(kind).or_default() += count;
    }

    pub(crate) fn acted(&self, conversation: u64, deed: Deed, at: Micros) {
        self.pages().acts.push(Act { conversation, deed, at });
    }

    /// Counts an injected fault.
    pub(crate) fn fault(&self, kind: &'static str) {
        *self.pages().faults.entry(kind).or_default() += 1;
    }

    /// Notes an answer of the model.
    pub(crate) fn spoke(&self, tokens: Vec<String>, parts: usize) {
        self.pages().spoken.push((tokens, parts));
    }

    pub(crate) fn returned(&self) {
        self.pages().returns.push(Return { at: now() });
    }

    /// Returns whether a desk or the store was gone at some time since a customer's message.
    pub(crate) fn has_returned_since(&self, message: u64) -> bool {
        let pages = self.pages();
        let asked = pages.questions.iter().find(|question| question.message == message).map(|question| question.at);
        asked.is_some_and(|asked| pages.returns.iter().any(|back| back.at >= asked))
    }

    pub(crate) fn sighted(&self, conversation: u64, row: &str) {
        self.pages().sighted.entry((conversation, row.to_owned())).or_default().push(now());
    }

    /// Returns how many sends of texts were seen on the wire in a conversation.
    pub(crate) fn sightings(&self, conversation: u64) -> usize {
        let first = (conversation, String::new());
        let pages = self.pages();
        pages.sighted.range(first..).take_while(|((of, _), _)| *of == conversation).map(|(_, times)| times.len()).sum()
    }

    /// Returns everything written so far.
    pub(crate) fn read(&self) -> Pages {
        self.pages().clone()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
