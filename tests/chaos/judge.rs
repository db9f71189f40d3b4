//! The promises, held against the evidence: the invariants that every layer of tests shares, and what only the doubles know.
//!
//! Nobody is talked over, precisely: after the acknowledgement of an agent's message or assignment no text leaves the desk
//! but the one that may be on the wire at that moment: claimed before, and sent while its claim is good.

use crate::chaos::evidence::{Evidence, Facts, Webhooks};
use crate::chaos::ledger::{Act, Deed, Micros, Press, Question};
use crate::chaos::log;
use crate::chaos::words::tokens;
use frontdesk_actors::testkit::history::Page;
use frontdesk_actors::testkit::invariants::{Invariant, Rules, check};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long after a takeover's acknowledgement the one send on the wire may be seen: a claim is good for a second, and this
/// machine may be late by half of one.
const CLAIM: Duration = Duration::from_millis(1_500);

/// A promise that was broken.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) conversation: u64,
    pub(crate) what: String,
}

/// What became of everything that was sent in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    pub(crate) conversations: u64,
    pub(crate) written: u64,
    pub(crate) acked: u64,
    pub(crate) answered: u64,
    /// Acknowledged, not answered, and a person of the company had it.
    pub(crate) with_person: u64,
    /// Acknowledged, not answered, and given to a person by the desk: announced, opened, with a card.
    pub(crate) handed_over: u64,
    /// Never acknowledged, and not answered.
    pub(crate) unheard: u64,
    /// Acknowledged, not answered, and a row of the conversation is held.
    pub(crate) in_held: u64,
    /// Acknowledged, and kept until the customer has proven their address.
    pub(crate) at_gate: u64,
    /// Pages that said "this verified you".
    pub(crate) verified: u64,
    pub(crate) held_rows: u64,
    pub(crate) takeovers: u64,
    /// Sends that were on the wire at a takeover's acknowledgement.
    pub(crate) on_the_wire: u64,
    pub(crate) webhooks: Webhooks,
    /// How often each invariant was broken.
    pub(crate) counts: BTreeMap<Invariant, u64>,
    /// Hand-overs by the desk that were not opened, or of which no card tells.
    pub(crate) silent: u64,
    /// Conversations that are the people's although no person took them and the desk called nobody.
    pub(crate) muted: u64,
    /// Acknowledged, and answered where nobody waited any more.
    pub(crate) stopped: u64,
    /// Acknowledged requests that wait for their answer for ever.
    pub(crate) hanging: u64,
    pub(crate) broken: Vec<Broken>,
    /// From the last return of a desk or store to the answer of what was owed then.
    pub(crate) recoveries: Vec<Micros>,
}

impl Verdict {
    pub(crate) fn count(&self, invariant: Invariant) -> u64 {
        self.counts.get(&invariant).copied().unwrap_or(0)
    }

    fn accuse(&mut self, invariant: Invariant, conversation: u64, what: String) {
        *self.counts.entry(invariant).or_default() += 1;
        self.broken.push(Broken { conversation, what: format!("{}: {what}", invariant.sentence()) });
    }
}

/// Judges a round.
pub(crate) fn judge(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict {
        conversations: evidence.conversations.len() as u64,
        webhooks: evidence.heard.webhooks,
        ..Verdict::default()
    };
    // Elsewhere nobody but the desk itself knows who has a conversation: see `muted`.
    let sees_calls = evidence.carries_ids;
    let rules = Rules { claim: CLAIM, gate: evidence.gated, sees_calls, ..Rules::default() };
    let findings = check(&log::write(evidence), &rules);
    for found in findings.violations {
        verdict.accuse(found.invariant, found.key.parse().unwrap_or_default(), found.what);
    }
    verdict.verified = evidence.pages.presses.iter().filter(|press| is_done(press)).count() as u64;
    for question in evidence.pages.questions.iter().filter(|question| question.asks) {
        if let Some(facts) = evidence.conversations.get(&question.conversation) {
            weigh(&mut verdict, evidence, question, facts);
        }
    }
    verdict.with_person = verdict.with_person.saturating_sub(verdict.count(Invariant::NothingLost));
    for (conversation, facts) in &evidence.conversations {
        verdict.held_rows += held(&facts.view);
        handed_over(&mut verdict, evidence, *conversation, facts);
        muted(&mut verdict, evidence, *conversation, facts);
    }
    for (conversation, request) in &evidence.heard.hanging {
        verdict.hanging += 1;
        let what = format!("request {request} was acknowledged and never answered");
        verdict.broken.push(Broken { conversation: *conversation, what });
    }
    for (act, acked) in takeovers(evidence) {
        gave_way(&mut verdict, evidence, act, acked);
    }
    verdict
}

/// Counts what became of one customer message.
fn weigh(verdict: &mut Verdict, evidence: &Evidence, question: &Question, facts: &Facts) {
    verdict.written += 1;
    let acked = evidence.acked(question.message);
    verdict.acked += u64::from(acked.is_some());
    let answer = facts.said.iter().find(|said| tokens(&said.text).any(|token| token == question.token));
    if let Some(answer) = answer {
        verdict.answered += 1;
        recovery(verdict, evidence, acked, answer.saved);
    } else if acked.is_none() {
        verdict.unheard += 1;
    } else if facts.said.iter().any(|said| said.handoff && said.saved > question.at) {
        verdict.handed_over += 1;
    } else if stopped(facts, question) {
        verdict.stopped += 1;
    } else if held(&facts.view) > 0 {
        verdict.in_held += 1;
    } else if matches!(facts.view["phase"].as_str(), Some("awaiting_email" | "pending_verification")) {
        verdict.at_gate += 1;
    } else {
        verdict.with_person += 1;
    }
}

/// Returns whether the answer was tried again where nobody waited any more: it counts as said, because nothing can be looked up.
pub(crate) fn stopped(facts: &Facts, question: &Question) -> bool {
    facts.stopped.iter().any(|text| tokens(text).any(|token| token == question.token))
}

fn is_done(press: &Press) -> bool {
    press.told.is_some_and(|(_, page)| page == Page::Done)
}

fn recovery(verdict: &mut Verdict, evidence: &Evidence, acked: Option<Micros>, answered: Micros) {
    let Some(acked) = acked else { return };
    let returns = evidence.pages.returns.iter().map(|back| back.at);
    if let Some(back) = returns.filter(|at| *at > acked && *at < answered).max() {
        verdict.recoveries.push(answered - back);
    }
}

/// What the desk gave to a person was opened, and somebody was told.
fn handed_over(verdict: &mut Verdict, evidence: &Evidence, conversation: u64, facts: &Facts) {
    let Some(announced) = facts.said.iter().find(|said| said.handoff) else { return };
    let touched = evidence.pages.acts.iter().any(|act| act.conversation == conversation);
    // Where there are no statuses there is nothing to open.
    let opened = !evidence.carries_ids || facts.statuses.iter().any(|(_, status, _)| *status == "open");
    if facts.cards.is_empty() || !(opened || touched) {
        verdict.silent += 1;
        let what = format!("row {} hands over; cards: {}, opened: {opened}", announced.row, facts.cards.len());
        verdict.broken.push(Broken { conversation, what });
    }
}

/// Where the vendor has no status, only a person's act or the desk's own call gives a conversation to the people.
fn muted(verdict: &mut Verdict, evidence: &Evidence, conversation: u64, facts: &Facts) {
    let touched = evidence.pages.acts.iter().any(|act| act.conversation == conversation);
    let called = !facts.cards.is_empty() || facts.said.iter().any(|said| said.handoff);
    if !evidence.carries_ids && facts.view["phase"] == "human" && !touched && !called {
        verdict.muted += 1;
        let what = format!("it is the people's ({}), and nobody took it or was called", facts.view["reason"]);
        verdict.broken.push(Broken { conversation, what });
    }
}

/// Returns the takeovers the desk acknowledged, and when.
fn takeovers(evidence: &Evidence) -> Vec<(Act, Micros)> {
    let acked = |act: &Act| match act.deed {
        Deed::Wrote(message) => evidence.acked(message),
        Deed::Assigned => evidence.heard.assigned.get(&act.conversation).copied(),
        Deed::Resolved | Deed::HandedBack(_) => None,
    };
    evidence.pages.acts.iter().filter_map(|act| Some((*act, acked(act)?))).collect()
}

/// Of the sends that may still be seen after a takeover's acknowledgement there is one at most.
fn gave_way(verdict: &mut Verdict, evidence: &Evidence, act: Act, acked: Micros) {
    verdict.takeovers += 1;
    let Some(facts) = evidence.conversations.get(&act.conversation) else { return };
    let of_it = evidence.pages.acts.iter().filter(|other| other.conversation == act.conversation);
    let ends = |other: &&Act| matches!(other.deed, Deed::Resolved | Deed::HandedBack(_)) && other.at > act.at;
    let end = of_it.filter(ends).map(|other| other.at).min();
    let mut rows: BTreeSet<&str> = BTreeSet::new();
    for said in facts.said.iter().filter(|said| !said.handoff) {
        let sightings = evidence.pages.sighted.get(&(act.conversation, said.row.clone())).into_iter().flatten();
        if sightings.copied().any(|at| at > acked && end.is_none_or(|end| at < end)) {
            rows.insert(&said.row);
        }
    }
    verdict.on_the_wire += rows.len().min(1) as u64;
    if rows.len() > 1 {
        let what = format!("rows {rows:?} left after {:?} was acknowledged", act.deed);
        verdict.accuse(Invariant::NobodyTalkedOver, act.conversation, what);
    }
}

/// Returns the states of what has not left, or is not known to have.
fn rows(view: &Value) -> impl Iterator<Item = &str> {
    view["outbox"].as_array().into_iter().flatten().filter_map(|row| row["state"].as_str())
}

fn held(view: &Value) -> u64 {
    rows(view).filter(|state| *state == "held").count() as u64
}

/// Returns whether what is queued in a conversation leaves only when the customer asks again: at a vendor whose customers are
/// answered where they wait, and when people have it. Whether somebody waits is seen at the vendor.
pub(crate) fn is_stranded(view: &Value) -> bool {
    view["phase"] == "human" && view["key"].as_str().is_some_and(|key| key.starts_with("kommo:"))
}

/// Returns whether the desk has nothing left to do in a conversation by itself.
pub(crate) fn is_at_rest(view: &Value) -> bool {
    // A text that only a request of the customer's can carry waits for the next one.
    let waits = |state: &str| state == "held" || state == "queued" && is_stranded(view);
    let idle = view["thinking"] != true && rows(view).all(waits);
    view.is_null() || idle && (view["phase"] != "bot" || view["owed"] == 0)
}

#[cfg(test)]
mod tests;
