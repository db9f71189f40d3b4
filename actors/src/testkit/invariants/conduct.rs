//! What else must hold: memory, gate, tokens, limits, rest.

use super::slice::Slice;
use super::{CRASH, Excuse, Findings, Invariant, Rules, Told, Violation};
use crate::domain::Role;
use crate::testkit::history::{Entry, Hands, Happening, History, Page, Recalled, Rest, What};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The memory is the end of the transcript: nothing in it was never said, nothing acknowledged is missing, people's words
/// stand in the vendor's order.
pub(super) fn true_memory(slice: &Slice<'_>, rules: &Rules, findings: &mut Findings) {
    let Some(rest) = slice.rest else { return };
    let Some(memory) = &rest.memory else { return };
    let excuse = slice.excuse_of_all();
    let mut complain = |what: String| {
        slice.found(findings, Invariant::TrueMemory, (0, slice.end()), (excuse, what));
    };
    if memory.len() > rules.memory {
        complain(format!("{} messages are remembered, the limit is {}", memory.len(), rules.memory));
    }
    if let Some(strange) = never_said(slice, rules, (rest, memory)) {
        complain(format!("it is remembered that {:?} said {:?}, which never was", strange.by, strange.words));
    }
    if let Some(missing) = forgotten(slice, rules, rest, memory) {
        complain(format!("what {:?} said is not remembered: {:?}", missing.by, missing.words));
    }
    if let Some(known) = remembered_still(slice, memory) {
        complain(format!("what {:?} said was forgotten, and is remembered: {:?}", known.by, known.words));
    }
    if let Some((earlier, later)) = out_of_order(slice, rules, memory) {
        complain(format!("{later:?} is remembered before {earlier:?}"));
    }
}

/// The transcript as far as the desk is known to have heard of it, oldest first, and whether it must know. Where a vendor tells no
/// order, what the customer wrote stands where it was acknowledged, behind what came after it and arrived before.
fn transcript(slice: &Slice<'_>, rules: &Rules) -> Vec<(usize, Recalled, bool)> {
    let deleted: BTreeSet<&str> = slice
        .facts
        .iter()
        .filter_map(|fact| match fact.happening {
            Happening::Deleted { of } => Some(of.as_str()),
            Happening::CustomerWrote { .. }
            | Happening::PersonWrote { .. }
            | Happening::TakenOver
            | Happening::Opened
            | Happening::GivenAway
            | Happening::AskedBack
            | Happening::HandedBack { .. } => None,
        })
        .collect();
    let people = slice.facts.iter().filter_map(|fact| {
        let (by, words) = match fact.happening {
            Happening::CustomerWrote { words, .. } => (Role::Customer, words),
            Happening::PersonWrote { words } => (Role::Person, words),
            Happening::TakenOver
            | Happening::Opened
            | Happening::GivenAway
            | Happening::AskedBack
            | Happening::HandedBack { .. }
            | Happening::Deleted { .. } => return None,
        };
        let must = fact.acked.is_some() && !deleted.contains(fact.name) && !words.trim().is_empty();
        let must = must && !slice.erased_since(fact.at);
        let by_arrival = by == Role::Customer && rules.order == Told::ByArrival;
        let stands = fact.acked.filter(|_| by_arrival).unwrap_or(fact.at);
        Some((stands, Recalled { by, words: words.clone() }, must))
    });
    let recalled = |words: &str| Recalled { by: Role::Desk, words: words.to_owned() };
    let desk = slice.texts.iter().map(|text| (text.at, recalled(text.words), slice.is_new(text)));
    let doubted = slice.doubted.iter().map(|(at, words, _)| (*at, recalled(words), false));
    let stranded = slice.stranded.iter().map(|(_, words, _)| (slice.end(), recalled(words), false));
    let mut all: Vec<_> = people.chain(desk).chain(doubted).chain(stranded).collect();
    all.sort_by_key(|(at, ..)| *at);
    all
}

fn never_said<'a>(slice: &Slice<'_>, rules: &Rules, (rest, memory): (&Rest, &'a [Recalled])) -> Option<&'a Recalled> {
    let mut said: HashMap<(Role, String), usize> = HashMap::new();
    for (_, recalled, _) in transcript(slice, rules) {
        *said.entry(key_of(&recalled)).or_default() += 1;
    }
    for words in rest.rows.iter().filter_map(|row| row.words.clone()) {
        *said.entry((Role::Desk, words)).or_default() += 1;
    }
    memory.iter().find(|recalled| match said.get_mut(&key_of(recalled)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        Some(_) | None => true,
    })
}

/// What the customer and people said before the person was forgotten is not remembered, as far as it was known by then and was
/// not said again.
fn remembered_still<'a>(slice: &Slice<'_>, memory: &'a [Recalled]) -> Option<&'a Recalled> {
    let words = |fact: &super::slice::Fact<'_>| match fact.happening {
        Happening::CustomerWrote { words, .. } => Some((Role::Customer, words.clone())),
        Happening::PersonWrote { words } => Some((Role::Person, words.clone())),
        Happening::TakenOver
        | Happening::Opened
        | Happening::GivenAway
        | Happening::AskedBack
        | Happening::HandedBack { .. }
        | Happening::Deleted { .. } => None,
    };
    let known = |fact: &&super::slice::Fact<'_>| fact.acked.is_some_and(|acked| slice.erased_since(acked));
    let (old, new): (Vec<_>, Vec<_>) = slice.facts.iter().partition(known);
    let said_new: HashSet<_> = new.into_iter().filter_map(words).collect();
    let said_old: HashSet<_> = old.into_iter().filter_map(words).filter(|said| !said_new.contains(said)).collect();
    memory.iter().find(|recalled| said_old.contains(&key_of(recalled)))
}

/// As long as everything fits, everything is there. A memory that was full once may have lost any but the newest quarter, and
/// the desk's words stand where they were decided upon, which the log does not tell.
///
/// What counts is how full it was: it also held what was decided upon and dropped, which never came into the transcript.
fn forgotten(slice: &Slice<'_>, rules: &Rules, rest: &Rest, memory: &[Recalled]) -> Option<Recalled> {
    let mut all = transcript(slice, rules);
    if rest.fullest.map_or(all.len() > rules.memory, |most| most >= rules.memory) {
        all.drain(..all.len().saturating_sub(rules.memory / 4));
        all.retain(|(_, recalled, _)| recalled.by != Role::Desk);
    }
    let mut kept: HashMap<(Role, String), usize> = HashMap::new();
    for recalled in memory {
        *kept.entry(key_of(recalled)).or_default() += 1;
    }
    // What must be known first: the same words may have been said before, and been taken back.
    all.sort_by_key(|(.., must)| !must);
    let missing = all.into_iter().find(|(_, recalled, must)| match kept.get_mut(&key_of(recalled)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        Some(_) | None => *must,
    });
    missing.map(|(_, recalled, _)| recalled)
}

fn out_of_order(slice: &Slice<'_>, rules: &Rules, memory: &[Recalled]) -> Option<(String, String)> {
    let place = |recalled: &Recalled| {
        let same = |fact: &&super::slice::Fact<'_>| match fact.happening {
            Happening::CustomerWrote { words, .. } => recalled.by == Role::Customer && *words == recalled.words,
            Happening::PersonWrote { words } => recalled.by == Role::Person && *words == recalled.words,
            Happening::TakenOver
            | Happening::Opened
            | Happening::GivenAway
            | Happening::AskedBack
            | Happening::HandedBack { .. }
            | Happening::Deleted { .. } => false,
        };
        let mut places = slice.facts.iter().filter(same).map(|fact| fact.at);
        // Words that were said more than once may stand anywhere.
        places.next().filter(|_| places.next().is_none())
    };
    let acked = |at: usize| slice.facts.iter().find(|fact| fact.at == at).and_then(|fact| fact.acked);
    let told = |earlier: usize, later: usize| match rules.order {
        Told::Always => true,
        Told::Within(span) => slice.entries[later].at.since(slice.entries[earlier].at) >= span,
        Told::ByArrival => acked(earlier).is_some_and(|acked| acked < later),
    };
    let mut customers: Option<(usize, &str)> = None;
    for recalled in memory.iter().filter(|recalled| recalled.by == Role::Customer) {
        let Some(at) = place(recalled) else { continue };
        if let Some((_, words)) = customers.filter(|(before, _)| *before > at && told(at, *before)) {
            return Some((recalled.words.clone(), words.to_owned()));
        }
        // Of two whose order is not told, the later one is what the next must not come before.
        customers = customers.filter(|(before, _)| *before > at).or(Some((at, &recalled.words)));
    }
    None
}

fn key_of(recalled: &Recalled) -> (Role, String) {
    (recalled.by, recalled.words.clone())
}

/// The model is asked only in conversations whose customer has proven who they are, and not forgotten since. A node on which
/// nothing has happened since another one forgot them asks by what it knows: that answer goes nowhere.
pub(super) fn gate_first(slice: &Slice<'_>, rules: &Rules, findings: &mut Findings) {
    if !rules.gate {
        return;
    }
    let (mut proved, mut aware): (bool, Option<BTreeSet<&str>>) = (false, None);
    let unproved = slice.entries.iter().position(|entry| {
        let knows = aware.as_ref().is_none_or(|aware| aware.contains(entry.node.as_str()));
        match &entry.what {
            What::Proved => proved = true,
            What::Erased => (proved, aware) = (false, Some(BTreeSet::from([entry.node.as_str()]))),
            What::Asked { .. } => return knows && !proved,
            What::Fault { .. } => {}
            What::Happened { .. }
            | What::Acked { .. }
            | What::Claimed { .. }
            | What::Posted { .. }
            | What::Landed { .. }
            | What::Called { .. }
            | What::Held { .. }
            | What::Pressed { .. }
            | What::Verified { .. }
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
            | What::Note { .. } => {
                if let Some(aware) = &mut aware {
                    aware.insert(&entry.node);
                }
            }
        }
        false
    });
    if let Some(at) = unproved {
        let what = "the model was asked before the customer had proven who they are".to_owned();
        // Where the store has lost that they were forgotten, it knows again that they were verified.
        let forgotten = slice.entries[..at].iter().rposition(|entry| matches!(entry.what, What::Erased));
        let excuse =
            if forgotten.is_some_and(|erased| slice.was_lost(erased)) { Excuse::StoreLost } else { Excuse::None };
        slice.found(findings, Invariant::GateFirst, (0, at), (excuse, what));
    }
}

/// One use of a challenge verifies, and "used already" is only said of a challenge that was used before: by this very press,
/// where it has verified, and another node wrote before its own has heard of that.
pub(super) fn token_once(slice: &Slice<'_>, findings: &mut Findings) {
    let mut uses: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut done: BTreeMap<&str, usize> = BTreeMap::new();
    let mut verified: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, entry) in slice.entries.iter().enumerate() {
        let (press, page) = match &entry.what {
            What::Pressed { press, challenge } => {
                uses.insert(press, (challenge, at));
                continue;
            }
            What::Verified { press } => {
                verified.insert(press, at);
                continue;
            }
            What::Told { press, page } => (press.as_str(), *page),
            What::Happened { .. }
            | What::Acked { .. }
            | What::Proved
            | What::Asked { .. }
            | What::Claimed { .. }
            | What::Posted { .. }
            | What::Landed { .. }
            | What::Called { .. }
            | What::Erased
            | What::Held { .. }
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
            | What::Note { .. } => continue,
        };
        let Some((challenge, pressed)) = uses.get(press).copied() else { continue };
        let others = uses.iter().filter(|(other, (of, _))| *of == challenge && **other != press).count();
        let unheard = verified.get(press).is_some_and(|since| overtaken(&slice.entries[*since..at], &entry.node));
        let (what, since) = match page {
            Page::Done => match done.insert(challenge, at) {
                Some(first) => ("verified a second time", first),
                None => continue,
            },
            Page::Used if others == 0 && !unheard => ("was called used at its first use", pressed),
            Page::Used | Page::Other => continue,
        };
        let forgotten = (since..at).any(|place| slice.was_lost(place));
        let excuse = if forgotten { Excuse::StoreLost } else { Excuse::None };
        let finding = (excuse, format!("{challenge} {what}"));
        slice.found(findings, Invariant::TokenOnce, (at.saturating_sub(40), at), finding);
    }
}

/// A writer that is seen only by what it did to this node's write.
const ANOTHER: &str = "another writer first";

/// Returns whether another node has worked on the conversation.
fn overtaken(entries: &[&Entry], node: &str) -> bool {
    let fault = |entry: &Entry| if let What::Fault { name } = &entry.what { Some(name == ANOTHER) } else { None };
    entries.iter().filter(|entry| !entry.node.is_empty()).any(|entry| fault(entry).unwrap_or(entry.node != node))
}

/// When all is over nothing runs, nothing waits but for people and operators, and nothing is owed.
pub(super) fn drained(slice: &Slice<'_>, findings: &mut Findings) {
    let Some(rest) = slice.rest else { return };
    let stranded = |row: &str| slice.stranded.iter().any(|(stranded, ..)| *stranded == row);
    let stuck = rest.rows.iter().find(|row| !row.held && !stranded(&row.row));
    let what = if let Some(row) = stuck {
        format!("{} never left", row.row)
    } else if rest.hands == Hands::Desk && rest.owed > 0 {
        format!("{} messages are still owed an answer", rest.owed)
    } else if rest.busy {
        "something still runs or waits".to_owned()
    } else {
        return;
    };
    slice.found(findings, Invariant::Drained, (0, slice.end()), (Excuse::None, what));
}

/// In every window of the given length a node begins at most so many sends. A process counts from its own start on.
pub(super) fn under_limit(history: &History, rules: &Rules, findings: &mut Findings) {
    let Some((limit, window)) = rules.limit else { return };
    let mut begun: BTreeMap<(&str, usize), Vec<usize>> = BTreeMap::new();
    let mut starts: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, entry) in history.entries.iter().enumerate() {
        let start = starts.entry(&entry.node).or_default();
        if matches!(entry.what, What::Posted { .. }) {
            begun.entry((&entry.node, *start)).or_default().push(at);
        } else if matches!(&entry.what, What::Fault { name } if name == CRASH) {
            *start = at;
        }
    }
    for ((node, _), sends) in begun {
        let over = sends.windows(limit + 1).find(|some| {
            let (first, last) = (&history.entries[some[0]], &history.entries[some[limit]]);
            last.at.since(first.at) < window
        });
        let Some(over) = over else { continue };
        let what = format!("{node} began {} sends within {} s, {limit} are allowed", limit + 1, window.as_secs());
        let slice = over.iter().map(|at| history.entries[*at].clone()).collect();
        findings.violations.push(Violation { invariant: Invariant::UnderLimit, key: String::new(), what, slice });
    }
}
