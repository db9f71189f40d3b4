//! What must hold whatever happens, written once over the neutral log of `history.rs` and checked by every layer: the model
//! of the flow, the simulation, and the real binary under faults.
//!
//! A violation says which invariant, which conversation, and shows the slice of the log that leads to it. What the promises
//! except is not a violation but counted: sends of a process that stood still between its last check and the write, and
//! what a store lost that came back with an older file.

mod conduct;
mod promises;
mod requests;
mod slice;

use super::history::{Entry, History, What};
use slice::Slice;
use std::fmt;
use std::time::Duration;

/// What is noted where a process dies: its limits begin anew.
pub const CRASH: &str = "crash (kill -9)";

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// No acknowledged webhook is lost.
    NothingLost,
    /// Where people are left with what the customer wrote, one of them came or was called.
    SomebodyCalled,
    /// No row is delivered twice.
    NothingTwice,
    /// There is at most one answer per obligation.
    OneAnswer,
    /// No claim follows an acknowledged takeover, and a send begins within its claim.
    NobodyTalkedOver,
    /// Within a conversation rows land in order.
    InOrder,
    /// The memory is the end of the transcript.
    TrueMemory,
    /// The model is not asked before the customer is verified.
    GateFirst,
    /// A token verifies once.
    TokenOnce,
    /// Sends stay under the limit in every window.
    UnderLimit,
    /// When the faults are over, everything comes to rest.
    Drained,
    /// Where a vendor takes words only as the answer to a request, each request is answered exactly once.
    AnsweredOnce,
    /// The audit finds nothing wrong with what is stored.
    Sound,
}

impl Invariant {
    /// Every invariant.
    pub const ALL: [Invariant; 13] = [
        Invariant::NothingLost,
        Invariant::SomebodyCalled,
        Invariant::NothingTwice,
        Invariant::OneAnswer,
        Invariant::NobodyTalkedOver,
        Invariant::InOrder,
        Invariant::TrueMemory,
        Invariant::GateFirst,
        Invariant::TokenOnce,
        Invariant::UnderLimit,
        Invariant::Drained,
        Invariant::AnsweredOnce,
        Invariant::Sound,
    ];

    /// Returns the sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Invariant::NothingLost => "no acknowledged webhook is lost",
            Invariant::SomebodyCalled => "where people are left with it, somebody came or was called",
            Invariant::NothingTwice => "no row is delivered twice",
            Invariant::OneAnswer => "at most one answer per obligation",
            Invariant::NobodyTalkedOver => "no claim after an acknowledged takeover, a send within its claim",
            Invariant::InOrder => "rows land in order within a conversation",
            Invariant::TrueMemory => "the memory is the end of the transcript",
            Invariant::GateFirst => "no model call before verification",
            Invariant::TokenOnce => "a token verifies once",
            Invariant::UnderLimit => "sends stay under the limit in every window",
            Invariant::Drained => "everything comes to rest when the faults are over",
            Invariant::AnsweredOnce => "each request is answered exactly once",
            Invariant::Sound => "what is stored is sound",
        }
    }
}

/// By which measures a log is judged.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long a claim is good.
    pub claim: Duration,
    /// How many messages are remembered.
    pub memory: usize,
    /// Whether customers must be verified before the model is asked.
    pub gate: bool,
    /// How many sends a node may begin in every window of this length.
    pub limit: Option<(usize, Duration)>,
    /// Whether the log tells everything that gives a conversation to the people, and of every call. Then none may end with them
    /// of which nobody knows that somebody waits: none of them took it since it was the desk's, the vendor did not open it, and
    /// the desk called nobody.
    pub sees_calls: bool,
    /// How well the vendor tells the order of messages.
    pub order: Told,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            claim: Duration::from_secs(1),
            memory: 20,
            gate: false,
            limit: None,
            sees_calls: false,
            order: Told::Always,
        }
    }
}

/// How well a vendor tells which of two messages came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It numbers them.
    Always,
    /// It tells whole spans of time: of two within one, either may have come first.
    Within(Duration),
    /// It tells nothing, so that they stand as they arrive: of two that were under way at once, either may have come first.
    ByArrival,
}

/// One thing that should not have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What does not hold.
    pub invariant: Invariant,
    /// In which conversation; empty if in none alone.
    pub key: String,
    /// What was seen, in a sentence.
    pub what: String,
    /// What led to it.
    pub slice: Vec<Entry>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "violated: {} ({}): {}", self.invariant.sentence(), self.key, self.what)?;
        self.slice.iter().try_for_each(|entry| writeln!(f, "  {entry}"))
    }
}

/// What a check found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// What should not have happened.
    pub violations: Vec<Violation>,
    /// What happened through the one declared hole: a process that stood still between its last check and the write.
    pub holes: usize,
    /// What happened because the store lost what it had acknowledged.
    pub excused: usize,
    /// How many rows are held for an operator.
    pub held: usize,
    /// How many messages have an answer that can leave only when the customer writes again.
    pub stranded: usize,
}

impl Findings {
    /// Ends the test if something was violated.
    ///
    /// # Panics
    /// With every violation and what led to it.
    pub fn expect_none(&self, about: &str) {
        let shown: String = self.violations.iter().map(ToString::to_string).collect();
        assert!(self.violations.is_empty(), "{about}: {} violations\n{shown}", self.violations.len());
    }

    fn add(&mut self, excuse: Excuse, violation: Violation) {
        match excuse {
            Excuse::None => self.violations.push(violation),
            Excuse::StoodStill => self.holes += 1,
            Excuse::StoreLost => self.excused += 1,
        }
    }
}

/// What speaks for a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excuse {
    None,
    StoodStill,
    StoreLost,
}

/// Judges a log.
pub fn check(history: &History, rules: &Rules) -> Findings {
    let mut findings = Findings::default();
    let sees_claims = history.entries.iter().any(|entry| matches!(entry.what, What::Claimed { .. }));
    for key in history.keys() {
        let slice = Slice::of(history, key);
        promises::nothing_lost(&slice, rules, &mut findings);
        promises::nothing_twice(&slice, &mut findings);
        promises::one_answer(&slice, &mut findings);
        promises::nobody_talked_over(&slice, rules, sees_claims, &mut findings);
        promises::in_order(&slice, &mut findings);
        conduct::true_memory(&slice, rules, &mut findings);
        conduct::gate_first(&slice, rules, &mut findings);
        conduct::token_once(&slice, &mut findings);
        conduct::drained(&slice, &mut findings);
        requests::answered_once(&slice, &mut findings);
    }
    conduct::under_limit(history, rules, &mut findings);
    findings
}

#[cfg(test)]
mod tests;
