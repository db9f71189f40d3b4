//! Vendors that take words only as the answer to a request: each request is answered exactly once, with words or without.

use super::slice::Slice;
use super::{Excuse, Findings, Invariant};
use crate::testkit::history::{Rest, What};

/// Every request whose event was acknowledged goes on, and none is answered twice.
pub(super) fn answered_once(slice: &Slice<'_>, findings: &mut Findings) {
    for (at, entry) in slice.entries.iter().enumerate() {
        let What::Waits { place, fact } = &entry.what else { continue };
        let answers = answers_at(slice, place);
        if let [first, second, ..] = answers[..] {
            let finding = (slice.excuse(&[], second), format!("{place} was answered twice"));
            slice.found(findings, Invariant::AnsweredOnce, (first.saturating_sub(20), second), finding);
        }
        let acked = slice.facts.iter().find(|of| of.name == fact).and_then(|of| of.acked);
        let (Some(acked), Some(rest)) = (acked, slice.rest) else { continue };
        if answers.is_empty() && !is_stopped(slice, place) && !is_held(slice, rest, place) {
            let excuse = if slice.was_lost(acked) { Excuse::StoreLost } else { Excuse::None };
            let finding = (excuse, format!("{place} was acknowledged and waits for its answer for ever"));
            slice.found(findings, Invariant::AnsweredOnce, (at, slice.end()), finding);
        }
    }
}

/// Returns whether nobody waits for an answer of whom the desk has heard, and whom its store has not forgotten: what is left to say
/// has no way to leave.
pub(super) fn nobody_waits(slice: &Slice<'_>) -> bool {
    slice.entries.iter().all(|entry| {
        let What::Waits { place, fact } = &entry.what else { return true };
        let known = |acked: usize| !slice.was_lost(acked);
        let heard = slice.facts.iter().any(|of| of.name == fact && of.acked.is_some_and(known));
        !heard || is_stopped(slice, place) || !answers_at(slice, place).is_empty()
    })
}

/// Returns whether a row that landed here left for one place before a later row left for another: nothing orders what is said
/// at two places at once.
pub(super) fn crossed(slice: &Slice<'_>, (earlier, landed): (&str, usize), later: &str) -> bool {
    let tries = |of: &str, until: usize| {
        let entries = slice.entries[..until].iter().enumerate();
        let tries = entries.filter_map(|(at, entry)| tried_at(&entry.what, of).map(|place| (at, place)));
        tries.collect::<Vec<_>>()
    };
    let (ours, theirs) = (tries(earlier, landed), tries(later, landed));
    let (Some((left, here)), Some((after, there))) = (ours.last(), theirs.first()) else { return false };
    left < after && here != there
}

/// Returns where a row was tried, if this tells of it.
fn tried_at<'a>(what: &'a What, of: &str) -> Option<&'a str> {
    let What::Tried { place, row } = what else { return None };
    // What was joined for one place is told text by text.
    (of == row || of.strip_prefix(row.as_str()).is_some_and(|rest| rest.starts_with("-p"))).then_some(place)
}

fn answers_at(slice: &Slice<'_>, place: &str) -> Vec<usize> {
    let answers = |what: &What| matches!(what, What::WentOn { place: at, .. } if at == place);
    let entries = slice.entries.iter().enumerate();
    entries.filter(|(_, entry)| answers(&entry.what)).map(|(at, _)| at).collect()
}

fn is_stopped(slice: &Slice<'_>, place: &str) -> bool {
    slice.entries.iter().any(|entry| matches!(&entry.what, What::Stopped { place: at } if at == place))
}

/// Returns whether what was tried there last is held: an operator sees it, and decides.
fn is_held(slice: &Slice<'_>, rest: &Rest, place: &str) -> bool {
    let tried = slice.entries.iter().rev().find_map(|entry| match &entry.what {
        What::Tried { place: at, row } if at == place => Some(row),
        What::Tried { .. }
        | What::Happened { .. }
        | What::Acked { .. }
        | What::Proved
        | What::Asked { .. }
        | What::Claimed { .. }
        | What::Posted { .. }
        | What::Landed { .. }
        | What::Held { .. }
        | What::Pressed { .. }
        | What::Told { .. }
        | What::Waits { .. }
        | What::WentOn { .. }
        | What::TakenBack { .. }
        | What::Doubted { .. }
        | What::Stranded { .. }
        | What::Stopped { .. }
        | What::Called { .. }
        | What::Verified { .. }
        | What::Erased
        | What::StoreLost { .. }
        | What::Rested(_)
        | What::Fault { .. }
        | What::Note { .. } => None,
    });
    tried.is_some_and(|tried| rest.rows.iter().any(|row| row.held && row.row == *tried))
}
