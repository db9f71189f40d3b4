//! The three promises: nothing is lost, nothing is said twice, nobody is talked over.

use super::slice::{Fact, Slice, whole};
use super::{Excuse, Findings, Invariant, Rules};
use crate::testkit::history::{Answer, Hands, Happening, Leftover, Rest, Speech, What};
use std::collections::{BTreeMap, BTreeSet};

/// How soon after its commit a webhook is acknowledged.
const HEARD: std::time::Duration = std::time::Duration::from_millis(100);

/// Where the people have it, and no one of them knows.
const UNCALLED: &str = "it was left to people whom nobody has called";

/// Where they had shown who they are.
const SHUT_OUT: &str = "the customer, who is verified, was left at the gate";

/// Where the desk has it.
const UNANSWERED: &str = "no answer to it ever landed";

/// What is counted apart, too.
const STRANDED: &str = "its answer can leave only when the customer writes again";

/// Every customer message whose webhook was acknowledged ends answered, in the people's hands, or visibly given up.
pub(super) fn nothing_lost(slice: &Slice<'_>, rules: &Rules, findings: &mut Findings) {
    let Some(rest) = slice.rest else { return };
    findings.held += rest.rows.iter().filter(|row| row.held).count();
    for fact in &slice.facts {
        let (Happening::CustomerWrote { asks, .. }, Some(acked)) = (fact.happening, fact.acked) else { continue };
        let Some(why) = owed_still(slice, rules, (fact, *asks), rest) else { continue };
        if why == STRANDED {
            findings.stranded += 1;
            continue;
        }
        let invariant = if why == UNCALLED { Invariant::SomebodyCalled } else { Invariant::NothingLost };
        // The desk had it, and knows nothing of that any more.
        let forgotten = why == UNCALLED && slice.forgot_an_order(fact.at);
        let unproven = why == SHUT_OUT && slice.verified().is_some_and(|told| slice.was_lost(told));
        // The people had it again as far as the desk knew when it heard of this, and left it to them.
        let left = why == UNANSWERED && slice.forgot_an_order(fact.at) && slice.forgot_an_order(acked);
        let excuse =
            if forgotten || unproven || left || slice.was_lost(acked) { Excuse::StoreLost } else { Excuse::None };
        let what = format!("{} was acknowledged, and {why}", fact.name);
        slice.found(findings, invariant, (fact.at, slice.end()), (excuse, what));
    }
}

/// Returns why a customer message has not found its end, if it has not.
fn owed_still(slice: &Slice<'_>, rules: &Rules, (fact, asks): (&Fact<'_>, bool), rest: &Rest) -> Option<&'static str> {
    let called = !rules.sees_calls || slice.somebody_called(fact.at);
    let ended_by = |later: &Fact<'_>| match later.happening {
        Happening::PersonWrote { .. }
        | Happening::TakenOver
        | Happening::Opened
        | Happening::HandedBack { done: true } => true,
        Happening::GivenAway => called,
        Happening::Deleted { of } => of == fact.name,
        Happening::CustomerWrote { .. } | Happening::AskedBack | Happening::HandedBack { done: false } => false,
    };
    let is_about = |answer: Option<&Answer>| answer.is_some_and(|of| of.about.iter().any(|about| about == fact.name));
    let fetched = |text: &super::slice::Text<'_>| text.speech == Speech::Announcement && text.at > fact.at;
    let held = |row: &Leftover| row.held && row.words.is_some() && slice.may_answer(&row.row, fact.at);
    if rest.rows.iter().any(held)
        || slice.erased_since(fact.at)
        || slice.people_had_it(fact.at, called)
        || slice.texts.iter().any(|text| is_about(text.answer) || fetched(text))
        || slice.was_fetched(fact.at)
        || slice.doubted.iter().any(|(_, _, answer)| is_about(*answer))
        || slice.facts.iter().any(|later| later.at > fact.at && ended_by(later))
    {
        return None;
    }
    match rest.hands {
        Hands::Desk if slice.stranded.iter().any(|(_, _, answer)| is_about(*answer)) => Some(STRANDED),
        Hands::People if called || is_wordless(fact) && slice.was_told(fact.at) => None,
        // Operators are told of it, and look at the conversation.
        Hands::People if slice.was_held(fact.at) => None,
        Hands::People => Some(UNCALLED),
        Hands::Nobodys => Some("nobody knows the conversation"),
        Hands::Gate if slice.verified().is_some() => Some(SHUT_OUT),
        Hands::Gate => slice.texts.is_empty().then_some("the customer was left without a word at the gate"),
        Hands::Desk if asks => Some(UNANSWERED),
        Hands::Desk => None,
    }
}

/// Returns whether it is a picture, a file or the like: the desk tells the customer how to go on, and owes nothing more.
fn is_wordless(fact: &Fact<'_>) -> bool {
    matches!(fact.happening, Happening::CustomerWrote { words, .. } if words.trim().is_empty())
}

/// A row lands at most once.
pub(super) fn nothing_twice(slice: &Slice<'_>, findings: &mut Findings) {
    let mut landed: BTreeMap<&str, usize> = BTreeMap::new();
    for text in &slice.texts {
        if let Some(first) = landed.insert(text.row, text.at) {
            let what = format!("{} landed again", text.row);
            let excuse = slice.excuse(&[text.row], text.at);
            slice.found(findings, Invariant::NothingTwice, (first.saturating_sub(40), text.at), (excuse, what));
        }
    }
}

/// A customer message is answered by at most one call of the model.
pub(super) fn one_answer(slice: &Slice<'_>, findings: &mut Findings) {
    let mut answered: BTreeMap<&str, (&str, usize, &str)> = BTreeMap::new();
    let mut told: BTreeSet<(&str, &str)> = BTreeSet::new();
    for text in &slice.texts {
        let Some(answer) = text.answer else { continue };
        for fact in &answer.about {
            let (first, at, row) = *answered.entry(fact).or_insert((&answer.call, text.at, text.row));
            if first != answer.call && told.insert((fact, &answer.call)) {
                let what = format!("{fact} was answered by the calls {first} and {}", answer.call);
                let excuse = slice.excuse(&[row, text.row], text.at);
                slice.found(findings, Invariant::OneAnswer, (at.saturating_sub(40), text.at), (excuse, what));
            }
        }
    }
}

/// No claim follows an acknowledged takeover, and a send begins within its claim. Where claims cannot be seen, sends stand
/// for them, with the time that a claim is good.
pub(super) fn nobody_talked_over(slice: &Slice<'_>, rules: &Rules, sees_claims: bool, findings: &mut Findings) {
    let mut claims: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, entry) in slice.entries.iter().enumerate() {
        match &entry.what {
            What::Claimed { row, speech } => {
                claims.insert(row, at);
                if let Some(taken) = taken_before(slice, at, std::time::Duration::ZERO, *speech) {
                    let what = format!("{row} was claimed after {} had been acknowledged", taken.name);
                    let forgotten = taken.acked.is_some_and(|acked| slice.was_lost(acked));
                    let excuse = if forgotten { Excuse::StoreLost } else { Excuse::None };
                    slice.found(findings, Invariant::NobodyTalkedOver, (taken.at, at), (excuse, what));
                }
            }
            What::Posted { row, speech, stood_still } if *speech != Speech::None => {
                let trouble = if sees_claims {
                    out_of_claim(slice, rules, claims.get(row.as_str()).copied(), at)
                } else {
                    let taken = taken_before(slice, at, rules.claim, *speech);
                    taken.map(|taken| (taken.at, format!("was sent after {} had been acknowledged", taken.name)))
                };
                if let Some((since, trouble)) = trouble {
                    let excuse = if *stood_still { Excuse::StoodStill } else { Excuse::None };
                    slice.found(
                        findings,
                        Invariant::NobodyTalkedOver,
                        (since, at),
                        (excuse, format!("{row} {trouble}")),
                    );
                }
            }
            What::Posted { .. }
            | What::Happened { .. }
            | What::Acked { .. }
            | What::Proved
            | What::Asked { .. }
            | What::Landed { .. }
            | What::Called { .. }
            | What::Verified { .. }
            | What::Erased
            | What::Held { .. }
            | What::Pressed { .. }
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
            | What::Note { .. } => {}
        }
    }
}

fn out_of_claim(slice: &Slice<'_>, rules: &Rules, claim: Option<usize>, at: usize) -> Option<(usize, String)> {
    let Some(claim) = claim else { return Some((at.saturating_sub(20), "was sent without a claim".to_owned())) };
    let age = slice.entries[at].at.since(slice.entries[claim].at);
    (age > rules.claim).then(|| (claim, format!("was sent {} ms after its claim", age.as_millis())))
}

/// Returns what forbids to say this: a takeover that had been acknowledged for longer than `grace` when this entry was
/// written, and that nothing has undone since it happened. That somebody is coming may be said until that person has written.
fn taken_before<'a, 'b>(
    slice: &'b Slice<'a>,
    at: usize,
    grace: std::time::Duration,
    speech: Speech,
) -> Option<&'b Fact<'a>> {
    let now = slice.entries[at].at;
    let known = |acked: usize| acked < at && now.since(slice.entries[acked].at) >= grace;
    let forbids = |happening: &Happening| match (happening, speech) {
        (Happening::PersonWrote { .. }, Speech::Words | Speech::Announcement)
        | (Happening::TakenOver, Speech::Words) => true,
        (Happening::TakenOver, Speech::Announcement)
        | (_, Speech::None)
        | (
            Happening::CustomerWrote { .. }
            | Happening::Opened
            | Happening::GivenAway
            | Happening::HandedBack { .. }
            | Happening::AskedBack
            | Happening::Deleted { .. },
            Speech::Words | Speech::Announcement,
        ) => false,
    };
    let is_takeover = |fact: &&Fact<'a>| forbids(fact.happening) && fact.acked.is_some_and(known);
    let is_back = |fact: &Fact<'_>| match fact.happening {
        Happening::HandedBack { .. } => true,
        // Nothing at the vendor shows it: it counts from when the desk has heard it, durably or with its acknowledgement. What
        // is claimed in the commit that hears it stands just before that.
        Happening::AskedBack => {
            let with_it = |acked: usize| {
                acked < at
                    || slice.entries[acked].node == slice.entries[at].node && slice.entries[acked].at.since(now) < HEARD
            };
            fact.back.is_some_and(|back| back < at) || fact.acked.is_some_and(with_it)
        }
        Happening::CustomerWrote { .. }
        | Happening::PersonWrote { .. }
        | Happening::TakenOver
        | Happening::Opened
        | Happening::GivenAway
        | Happening::Deleted { .. } => false,
    };
    let given_back = |since: usize| slice.facts.iter().any(|fact| is_back(fact) && since < fact.at && fact.at < at);
    slice.facts.iter().filter(is_takeover).find(|fact| !given_back(fact.at))
}

/// Rows land in the order in which they were made. A held row may be passed, and one that was on the wire when the person was
/// forgotten: nobody waits for it any more.
pub(super) fn in_order(slice: &Slice<'_>, findings: &mut Findings) {
    let mut newest: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    let mut landed: BTreeSet<&str> = BTreeSet::new();
    for text in slice.texts.iter().filter(|text| landed.insert(text.row)) {
        let Some((epoch, number)) = number_of(text.row) else { continue };
        let held = |entry: &&crate::testkit::history::Entry| matches!(&entry.what, What::Held { row } if row == whole(text.row));
        let passed = slice.entries[..text.at].iter().any(held) || slice.is_forgotten(text);
        let (before, row) = newest.get(epoch).copied().unwrap_or((0, text.row));
        if number < before && !passed && !super::requests::crossed(slice, (text.row, text.at), row) {
            let what = format!("{} landed after {row}", text.row);
            let excuse = slice.excuse(&[text.row, row], text.at);
            slice.found(findings, Invariant::InOrder, (text.at.saturating_sub(60), text.at), (excuse, what));
        }
        newest.insert(epoch, (number.max(before), if number > before { text.row } else { row }));
    }
}

/// Reads a row's id: the conversation's epoch, and the row's number in it.
fn number_of(row: &str) -> Option<(&str, u64)> {
    let (epoch, number) = row.split_once('-')?;
    let digits = number.split('-').next()?;
    Some((epoch, digits.parse().ok()?))
}
