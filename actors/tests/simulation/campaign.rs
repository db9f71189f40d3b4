//! Many runs: what they found, how fast they were, and how few it takes to catch each planted bug.

use super::dice::{Fault, FaultId};
use super::kind::Kind;
use super::sabotage::Sabotage;
use super::world::{Outcome, Plan, World};
use frontdesk_actors::testkit::invariants::{Invariant, Violation};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// How many runs a failing one may be repeated to make it small.
const SHRINKS: usize = 400;

/// How many seeds `cargo test` runs; `make sim` runs as many as one likes.
const SLICE: u64 = 2_000;

/// How many seeds of each other kind of channel `cargo test` runs.
const SLICE_OF_OTHERS: u64 = 300;

/// Seeds of the slices that end in a finding which is open. `docs/simulation.md` tells of each; `make sim` shows them.
const OPEN: &[(Kind, u64)] = &[];

/// `make sim` runs one seed of each other kind for so many of the first.
const OTHERS: u64 = 5;

/// How many seeds `cargo test` runs with customers who speak.
const SPOKEN: u64 = 300;

/// Counts over many runs.
#[derive(Debug, Default)]
struct Tally {
    seeds: u64,
    events: usize,
    faults: BTreeMap<Fault, usize>,
    holes: usize,
    excused: usize,
    held: usize,
    stranded: usize,
    failed: Vec<(u64, Invariant)>,
}

impl Tally {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.seeds += 1;
        self.events += outcome.events;
        for (fault, _) in &outcome.struck {
            *self.faults.entry(*fault).or_default() += 1;
        }
        self.holes += outcome.findings.holes;
        self.excused += outcome.findings.excused;
        self.held += outcome.findings.held;
        self.stranded += outcome.findings.stranded;
        self.failed.extend(outcome.findings.violations.first().map(|violation| (seed, violation.invariant)));
    }

    fn merge(&mut self, other: Tally) {
        self.seeds += other.seeds;
        self.events += other.events;
        for (fault, times) in other.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        self.holes += other.holes;
        self.excused += other.excused;
        self.held += other.held;
        self.stranded += other.stranded;
        self.failed.extend(other.failed);
    }

    fn report(&self, seconds: f64) -> String {
        let mut text = String::new();
        let rate = self.seeds as f64 / seconds.max(0.001);
        let faults: usize = self.faults.values().sum();
        let _ = writeln!(text, "{} seeds in {seconds:.1} s: {rate:.0} seeds/s, {} events", self.seeds, self.events);
        let _ = writeln!(text, "{faults} faults:");
        for (fault, times) in &self.faults {
            let _ = writeln!(text, "  {times:>8}  {}", fault.name());
        }
        let _ = writeln!(
            text,
            "{} violations; counted apart: {} through a standstill between check and write, {} lost with a rolled-back \
             store, {} rows held, {} messages whose answer waits for the customer's next one",
            self.failed.len(),
            self.holes,
            self.excused,
            self.held,
            self.stranded
        );
        for (seed, invariant) in &self.failed {
            let _ = writeln!(text, "  seed {seed}: {}", invariant.sentence());
        }
        text
    }
}

fn run(seed: u64) -> Outcome {
    World::run(&plan(Kind::Chatwoot, seed))
}

fn plan(kind: Kind, seed: u64) -> Plan {
    Plan { seed, kind, ..Plan::default() }
}

/// Runs many seeds of one kind of channel, on as many threads as there are processors.
fn run_all(kind: Kind, first: u64, seeds: u64) -> Tally {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64).min(seeds.max(1));
    let tallies = std::thread::scope(|scope| {
        let part = |thread: u64| {
            let mut tally = Tally::default();
            for seed in (first..first + seeds).filter(|seed| seed % threads == thread) {
                tally.add(seed, &World::run(&plan(kind, seed)));
            }
            tally
        };
        let handles: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a run panicked")).collect::<Vec<_>>()
    });
    let mut all = Tally::default();
    tallies.into_iter().for_each(|tally| all.merge(tally));
    all.failed.sort_unstable();
    all
}

/// Leaves out as many faults as possible with the same invariant still violated.
fn shrink(plan: &Plan, invariant: Invariant) -> (Violation, Vec<FaultId>, BTreeSet<FaultId>) {
    let try_without = |spared: &BTreeSet<FaultId>| {
        let outcome = World::run(&Plan { spared: spared.clone(), ..plan.clone() });
        let violation = outcome.findings.violations.iter().find(|violation| violation.invariant == invariant).cloned();
        violation.map(|violation| (violation, outcome.struck))
    };
    let mut spared = plan.spared.clone();
    let (mut violation, mut left) = try_without(&spared).expect("a run is a function of its plan");
    let mut runs = 0;
    let mut chunk = left.len().max(1);
    while chunk >= 1 && runs < SHRINKS {
        let mut at = 0;
        while at < left.len() && runs < SHRINKS {
            let mut more = spared.clone();
            more.extend(left[at..(at + chunk).min(left.len())].iter().copied());
            runs += 1;
            match try_without(&more) {
                Some((smaller, rest)) => (violation, left, spared) = (smaller, rest, more),
                None => at += chunk,
            }
        }
        chunk /= 2;
    }
    (violation, left, spared)
}

/// Describes the first thing that is wrong with a seed, as small as it can be made.
fn explain(plan: &Plan, invariant: Invariant) -> String {
    let (violation, left, _) = shrink(plan, invariant);
    let faults: Vec<String> = left.iter().map(|(fault, nth)| format!("{} (no. {nth})", fault.name())).collect();
    format!("{} seed {}, with only these faults left: {}\n{violation}", plan.kind.name(), plan.seed, faults.join(", "))
}

/// Returns how many seeds it took to catch a planted bug, and what caught it.
fn catch(sabotage: Sabotage) -> Option<(u64, Invariant)> {
    let (setting, most) = sabotage.hunt();
    (0..most).find_map(|seed| {
        let clean = Plan { seed, setting, ..Plan::default() };
        let outcome = World::run(&Plan { sabotage: Some(sabotage), ..clean.clone() });
        let violation = outcome.findings.violations.first()?;
        // Only what the planted bug alone did counts.
        World::run(&clean).findings.violations.is_empty().then_some((seed + 1, violation.invariant))
    })
}

/// Hunts the planted bugs, on as many threads as there are processors: who has caught one hunts the next.
fn hunt() -> Vec<Option<(u64, Invariant)>> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let next = AtomicUsize::new(0);
    let hunter = || {
        let mut caught = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(sabotage) = Sabotage::ALL.get(at) else { return caught };
            caught.push((at, catch(*sabotage)));
        }
    };
    let mut caught: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(hunter)).collect();
        handles.into_iter().flat_map(|handle| handle.join().expect("a run panicked")).collect()
    });
    caught.sort_unstable_by_key(|(at, _)| *at);
    caught.into_iter().map(|(_, caught)| caught).collect()
}

fn table() -> (String, Vec<Sabotage>) {
    let (mut text, mut uncaught) = (String::new(), Vec::new());
    for (sabotage, caught) in Sabotage::ALL.into_iter().zip(hunt()) {
        match caught {
            Some((seeds, invariant)) => {
                let _ = writeln!(text, "  {:<26} {seeds:>4} seeds  {}", sabotage.name(), invariant.sentence());
            }
            None => {
                let most = sabotage.hunt().1;
                let _ = writeln!(text, "  {:<26} not caught by {most} seeds", sabotage.name());
                uncaught.push(sabotage);
            }
        }
    }
    (text, uncaught)
}

#[test]
fn the_same_seed_is_the_same_history() {
    for kind in Kind::ALL {
        for seed in 0..20 {
            let [once, again] = [(); 2].map(|()| World::run(&plan(kind, seed)));
            assert_eq!(once.history.fingerprint(), again.history.fingerprint(), "{} seed {seed}", kind.name());
            assert_eq!(once.struck, again.struck, "{} seed {seed}", kind.name());
        }
        let [one, other] = [1, 2].map(|seed| World::run(&plan(kind, seed)));
        assert_ne!(one.history.fingerprint(), other.history.fingerprint(), "{}", kind.name());
    }
}

#[expect(clippy::print_stdout, reason = "what is excused is shown to whoever runs it")]
fn hold(kind: Kind, seeds: u64) {
    let begun = Instant::now();
    let tally = run_all(kind, 0, seeds);
    println!("{}: {}", kind.name(), tally.report(begun.elapsed().as_secs_f64()));
    let is_open = |seed: u64| OPEN.contains(&(kind, seed));
    if let Some((seed, invariant)) = tally.failed.iter().find(|(seed, _)| !is_open(*seed)) {
        panic!("{}", explain(&plan(kind, *seed), *invariant));
    }
    let failed = |seed: u64| tally.failed.iter().any(|(failed, _)| *failed == seed);
    let mended = OPEN.iter().find(|(of, seed)| *of == kind && *seed < seeds && !failed(*seed));
    assert!(mended.is_none(), "take it off the list of open findings, it holds: {mended:?}");
}

#[test]
fn the_promises_hold_in_every_run() {
    hold(Kind::Chatwoot, SLICE);
}

#[test]
fn the_promises_hold_where_no_id_travels() {
    hold(Kind::GreenApi, SLICE_OF_OTHERS);
}

#[test]
fn the_promises_hold_where_each_request_is_answered_once() {
    hold(Kind::Kommo, SLICE_OF_OTHERS);
}

/// The runs of before are another matter: where nobody speaks, they are the same seed by seed.
#[test]
fn the_promises_hold_where_customers_speak() {
    for seed in 0..SPOKEN {
        let plan = Plan { seed, voice: true, ..Plan::default() };
        // What is said to people nobody listens to, so it is not remembered.
        let judged = |violation: &&Violation| violation.invariant != Invariant::TrueMemory;
        let found = World::run(&plan).findings.violations;
        if let Some(violation) = found.iter().find(judged) {
            panic!("seed {seed}: {violation}\n{}", explain(&plan, violation.invariant));
        }
    }
}

/// An operator gives a conversation back, and a webhook from before that comes after it: taken for a person who opens it, it
/// would leave four messages to people whom nobody has called.
#[test]
fn a_webhook_from_before_a_hand_back_undoes_nothing() {
    run(1941).findings.expect_none("seed 1941");
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is for whoever runs it")]
fn every_planted_bug_is_caught() {
    let (table, uncaught) = table();
    println!("{table}");
    assert!(uncaught.is_empty(), "\n{table}");
}

/// Returns the kinds of channel that KIND names, or all.
fn kinds() -> Vec<Kind> {
    let named = std::env::var("KIND").unwrap_or_default();
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| named.is_empty() || kind.name() == named).collect();
    assert!(!kinds.is_empty(), "KIND must be one of {:?}", Kind::ALL.map(Kind::name));
    kinds
}

/// `make sim-trace SEED=…`: prints everything that happened in one run.
#[test]
#[ignore = "for reading: run by make sim-trace"]
#[expect(clippy::print_stdout, reason = "the log is for whoever runs it")]
fn trace() {
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    // SHRINK=1 leaves out the faults that the first violation does not need.
    let mut plan = Plan { wordy: true, ..plan(kinds()[0], seed) };
    if let (true, Some(first)) = (std::env::var("SHRINK").is_ok(), World::run(&plan).findings.violations.first()) {
        let (_, _, spared) = shrink(&plan, first.invariant);
        plan.spared = spared;
    }
    let outcome = World::run(&plan);
    outcome.history.entries.iter().for_each(|entry| println!("{entry}"));
    outcome.findings.violations.iter().for_each(|violation| println!("{violation}"));
}

/// `make sim SEEDS=…`: prints what was found.
#[test]
#[ignore = "as long as one likes: run by make sim"]
#[expect(clippy::print_stdout, reason = "the report is for whoever runs it")]
fn campaign() {
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (first, seeds) = (number("FIRST", 0), number("SEEDS", 20_000));
    let (kinds, mut failed) = (kinds(), 0);
    for kind in kinds.iter().copied() {
        let begun = Instant::now();
        // Of all kinds the first has the most: it carries the gate, statuses and versions as well.
        let share = if kind == Kind::Chatwoot || kinds.len() == 1 { 1 } else { OTHERS };
        let tally = run_all(kind, first, seeds.div_ceil(share));
        println!("== {}: {}", kind.name(), tally.report(begun.elapsed().as_secs_f64()));
        let mut shown = BTreeSet::new();
        for (seed, invariant) in tally.failed.iter().filter(|(_, invariant)| shown.insert(*invariant)) {
            println!("{}", explain(&plan(kind, *seed), *invariant));
        }
        failed += tally.failed.len();
    }
    let (table, uncaught) = table();
    println!("planted bugs:\n{table}");
    assert!(failed == 0 && uncaught.is_empty(), "see above");
}
