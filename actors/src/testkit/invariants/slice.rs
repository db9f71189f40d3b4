//! The log of one conversation, with what several invariants ask of it.

use super::{Excuse, Findings, Invariant, Violation};
use crate::testkit::history::{Answer, Entry, Happening, History, Page, Rest, Speech, What};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// How many entries a violation shows at most from the beginning of what led to it, and from the end.
const SHOWN: usize = 60;

/// A fact, and where in the slice it stands.
pub(super) struct Fact<'a> {
    pub(super) at: usize,
    pub(super) name: &'a str,
    pub(super) happening: &'a Happening,
    /// Where a webhook that told of it was first acknowledged.
    pub(super) acked: Option<usize>,
    /// Where the desk had the conversation back by it, as far as the layer can see that.
    pub(super) back: Option<usize>,
}

/// A text of ours at the vendor.
pub(super) struct Text<'a> {
    pub(super) at: usize,
    pub(super) row: &'a str,
    pub(super) speech: Speech,
    pub(super) words: &'a str,
    pub(super) answer: Option<&'a Answer>,
}

/// The log of one conversation.
pub(super) struct Slice<'a> {
    pub(super) key: &'a str,
    pub(super) entries: Vec<&'a Entry>,
    pub(super) facts: Vec<Fact<'a>>,
    pub(super) texts: Vec<Text<'a>>,
    /// What nobody can find out to have been read: where in the slice, the words, and what the desk takes for answered by it.
    pub(super) doubted: Vec<(usize, &'a str, Option<&'a Answer>)>,
    /// What is left to say and can leave only when the customer writes again: row, words, and what it answers.
    pub(super) stranded: Vec<(&'a str, &'a str, Option<&'a Answer>)>,
    pub(super) rest: Option<&'a Rest>,
    stood_still: BTreeSet<&'a str>,
    /// Where the person was last forgotten.
    erased: Option<usize>,
    /// From when to when the store lost what was written.
    lost: Vec<(Timestamp, Timestamp)>,
}

impl<'a> Slice<'a> {
    pub(super) fn of(history: &'a History, key: &'a str) -> Self {
        let concerns = |entry: &&Entry| entry.key == key || matches!(entry.what, What::StoreLost { .. });
        let mut slice = Self {
            key,
            entries: history.entries.iter().filter(concerns).collect(),
            facts: Vec::new(),
            texts: Vec::new(),
            doubted: Vec::new(),
            stranded: Vec::new(),
            rest: None,
            stood_still: BTreeSet::new(),
            erased: None,
            lost: Vec::new(),
        };
        let (mut acked, mut back): (BTreeMap<&str, usize>, BTreeMap<&str, usize>) = Default::default();
        for (at, entry) in slice.entries.iter().enumerate() {
            match &entry.what {
                What::Happened { fact, happening } => {
                    slice.facts.push(Fact { at, name: fact, happening, acked: None, back: None });
                }
                What::Acked { fact } => drop(acked.entry(fact).or_insert(at)),
                What::TakenBack { fact } => drop(back.entry(fact).or_insert(at)),
                What::Posted { row, stood_still: true, .. } => drop(slice.stood_still.insert(row)),
                What::Landed { row, speech, words, answer } if *speech != Speech::None => {
                    slice.texts.push(Text { at, row, speech: *speech, words, answer: answer.as_ref() });
                }
                What::Doubted { words, answer, .. } => slice.doubted.push((at, words, answer.as_ref())),
                What::Stranded { row, words, answer } => slice.stranded.push((row, words, answer.as_ref())),
                What::StoreLost { since } => slice.lost.push((*since, entry.at)),
                What::Rested(rest) => slice.rest = Some(rest),
                What::Erased => slice.erased = Some(at),
                What::Posted { .. }
                | What::Landed { .. }
                | What::Called { .. }
                | What::Verified { .. }
                | What::Held { .. }
                | What::Proved
                | What::Asked { .. }
                | What::Claimed { .. }
                | What::Pressed { .. }
                | What::Told { .. }
                | What::Waits { .. }
                | What::Tried { .. }
                | What::WentOn { .. }
                | What::Stopped { .. }
                | What::Fault { .. }
                | What::Note { .. } => {}
            }
        }
        for fact in &mut slice.facts {
            fact.acked = acked.get(fact.name).copied();
            fact.back = back.get(fact.name).copied();
        }
        if !super::requests::nobody_waits(&slice) {
            // It could leave where somebody waits.
            slice.stranded.clear();
        }
        slice
    }

    /// Returns what speaks for a finding about these rows that became visible at this entry.
    pub(super) fn excuse(&self, rows: &[&str], at: usize) -> Excuse {
        let rows: Vec<&str> = rows.iter().map(|row| whole(row)).collect();
        if rows.iter().any(|row| self.stood_still.contains(row)) {
            return Excuse::StoodStill;
        }
        let forgotten = |(place, entry): (usize, &&Entry)| {
            row_of(entry).is_some_and(|row| rows.contains(&whole(row))) && self.was_lost(place)
        };
        let lost = self.entries[..=at.min(self.end())].iter().enumerate().any(forgotten);
        if lost { Excuse::StoreLost } else { Excuse::None }
    }

    /// Returns what speaks for a finding about the conversation as a whole, at its end.
    pub(super) fn excuse_of_all(&self) -> Excuse {
        if !self.stood_still.is_empty() {
            return Excuse::StoodStill;
        }
        if self.lost_before(self.end()) { Excuse::StoreLost } else { Excuse::None }
    }

    /// Returns whether the store had lost something by this entry.
    pub(super) fn lost_before(&self, at: usize) -> bool {
        self.entries[..=at.min(self.entries.len() - 1)].iter().any(|entry| matches!(entry.what, What::StoreLost { .. }))
    }

    /// Returns whether the store lost what was written to it at this entry.
    pub(super) fn was_lost(&self, at: usize) -> bool {
        let when = self.entries[at].at;
        self.lost.iter().any(|(since, until)| *since <= when && when <= *until)
    }

    /// Returns whether this row may hold the answer to what was said at this entry: it was not begun before. A row of which no send
    /// is known may.
    pub(super) fn may_answer(&self, row: &str, at: usize) -> bool {
        let begun = |entry: &&Entry| matches!(&entry.what, What::Posted { row: posted, .. } if posted == row);
        self.entries.iter().rposition(begun).is_none_or(|begun| begun > at)
    }

    /// Returns whether a row became held after this entry.
    pub(super) fn was_held(&self, at: usize) -> bool {
        self.entries[at..].iter().any(|entry| matches!(entry.what, What::Held { .. }))
    }

    /// Returns where a page last told the customer that they are verified, unless they have been forgotten since.
    pub(super) fn verified(&self) -> Option<usize> {
        let done = |entry: &&Entry| matches!(&entry.what, What::Told { page: Page::Done, .. });
        self.entries.iter().rposition(done).filter(|at| !self.erased_since(*at))
    }

    /// Returns whether people had the conversation at this entry: what is said then is theirs to answer. That the desk gave it
    /// away counts only if it called somebody.
    pub(super) fn people_had_it(&self, at: usize, called: bool) -> bool {
        let whose = self.facts.iter().rev().filter(|fact| fact.at < at).find_map(|fact| match fact.happening {
            Happening::PersonWrote { .. } | Happening::TakenOver | Happening::Opened => Some(true),
            Happening::GivenAway => called.then_some(true),
            Happening::HandedBack { .. } => Some(false),
            Happening::AskedBack => fact.acked.map(|_| false),
            Happening::CustomerWrote { .. } | Happening::Deleted { .. } => None,
        });
        whose == Some(true)
    }

    /// Returns whether somebody of the company knows of what the customer wrote at this entry: they took the conversation, or
    /// were called by the desk, since it had the conversation last.
    pub(super) fn somebody_called(&self, at: usize) -> bool {
        let back = |fact: &&Fact<'_>| match fact.happening {
            Happening::HandedBack { .. } => true,
            Happening::AskedBack => fact.acked.is_some(),
            Happening::PersonWrote { .. }
            | Happening::TakenOver
            | Happening::Opened
            | Happening::GivenAway
            | Happening::CustomerWrote { .. }
            | Happening::Deleted { .. } => false,
        };
        let since =
            self.facts.iter().filter(back).map(|fact| fact.at).take_while(|back| *back < at).last().unwrap_or(0);
        let came = self.facts.iter().any(|fact| {
            let takes =
                matches!(fact.happening, Happening::PersonWrote { .. } | Happening::TakenOver | Happening::Opened);
            takes && fact.at >= since
        });
        came || self.entries[since..].iter().any(|entry| matches!(entry.what, What::Called { .. }))
    }

    /// Returns whether the desk had the conversation at this entry by an order that its store has lost. The vendor tells of none.
    pub(super) fn forgot_an_order(&self, at: usize) -> bool {
        let ordered = |fact: &Fact<'_>| match fact.happening {
            Happening::AskedBack => fact.acked.map(|acked| self.was_lost(acked)),
            Happening::HandedBack { .. }
            | Happening::PersonWrote { .. }
            | Happening::TakenOver
            | Happening::Opened
            | Happening::GivenAway => Some(false),
            Happening::CustomerWrote { .. } | Happening::Deleted { .. } => None,
        };
        self.facts.iter().rev().filter(|fact| fact.at < at).find_map(ordered) == Some(true)
    }

    /// Returns whether the desk has fetched a person since this entry: it tried to tell the customer so, which a vendor may refuse, and
    /// colleagues were reached.
    pub(super) fn was_fetched(&self, at: usize) -> bool {
        let tells = |entry: &&Entry| matches!(&entry.what, What::Posted { speech: Speech::Announcement, .. });
        let told = self.entries[at..].iter().position(tells);
        let reached =
            |since: usize| self.entries[since..].iter().any(|entry| matches!(entry.what, What::Called { .. }));
        told.is_some_and(|told| reached(at + told))
    }

    /// Returns whether the person was forgotten after this entry.
    pub(super) fn erased_since(&self, at: usize) -> bool {
        self.erased.is_some_and(|erased| erased > at)
    }

    /// Returns whether a text was sent since the person was last forgotten.
    pub(super) fn is_new(&self, text: &Text<'_>) -> bool {
        let sent = |entry: &&Entry| matches!(&entry.what, What::Posted { row, .. } if row == whole(text.row));
        let begun = self.entries.iter().position(sent).unwrap_or(text.at);
        !self.erased_since(begun)
    }

    /// Returns whether a text was on the wire when the person was forgotten: it may land, and nobody remembers it.
    pub(super) fn is_forgotten(&self, text: &Text<'_>) -> bool {
        !self.is_new(text) && !self.erased_since(text.at)
    }

    /// Returns whether the desk has said something to the customer since this entry.
    pub(super) fn was_told(&self, at: usize) -> bool {
        self.texts.iter().any(|text| text.at > at && text.speech == Speech::Words)
    }

    /// Writes down a finding, with the log from `first` to `last`.
    pub(super) fn found(
        &self,
        findings: &mut Findings,
        invariant: Invariant,
        (first, last): (usize, usize),
        finding: (Excuse, String),
    ) {
        let last = last.min(self.end());
        let span = &self.entries[first.min(last)..=last];
        let (head, tail) =
            if span.len() > 2 * SHOWN { (&span[..SHOWN], &span[span.len() - SHOWN..]) } else { (span, &span[..0]) };
        let slice = head.iter().chain(tail).map(|entry| (*entry).clone()).collect();
        let (excuse, what) = finding;
        findings.add(excuse, Violation { invariant, key: self.key.to_owned(), what, slice });
    }

    /// Returns where the slice ends.
    pub(super) fn end(&self) -> usize {
        self.entries.len().saturating_sub(1)
    }
}

/// Returns the row with which a text left: what was joined for one place is told text by text, and claimed and sent as one.
pub(super) fn whole(text: &str) -> &str {
    text.split_once("-p").map_or(text, |(row, _)| row)
}

/// Returns the row of ours that an entry is about.
fn row_of(entry: &Entry) -> Option<&str> {
    match &entry.what {
        What::Claimed { row, .. } | What::Posted { row, .. } | What::Landed { row, .. } | What::Held { row } => {
            Some(row)
        }
        What::Happened { .. }
        | What::Acked { .. }
        | What::Proved
        | What::Asked { .. }
        | What::Called { .. }
        | What::Pressed { .. }
        | What::Verified { .. }
        | What::Erased
        | What::Told { .. }
        | What::Waits { .. }
        | What::Tried { .. }
        | What::WentOn { .. }
        | What::TakenBack { .. }
        | What::Doubted { .. }
        | What::Stranded { .. }
        | What::Stopped { .. }
        | What::StoreLost { .. }
        | What::Rested(_)
        | What::Fault { .. }
        | What::Note { .. } => None,
    }
}
