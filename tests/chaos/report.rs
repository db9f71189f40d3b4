//! The counts, as JSON for machines and in words for people.

use crate::chaos::judge::Verdict;
use frontdesk_actors::testkit::invariants::Invariant;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// The sums of one lane.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    pub(crate) rounds: u64,
    pub(crate) injecting: Duration,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) verdict: Verdict,
    /// How long the desk took to come to rest once the faults had ended, in milliseconds.
    pub(crate) rests: Vec<u64>,
    /// What the desks counted themselves.
    pub(crate) own: BTreeMap<&'static str, f64>,
}

impl Sums {
    /// Adds a round.
    pub(crate) fn add(&mut self, round: Sums) {
        self.rounds += round.rounds;
        self.injecting += round.injecting;
        for (kind, count) in round.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (name, count) in round.own {
            *self.own.entry(name).or_default() += count;
        }
        self.rests.extend(round.rests);
        self.verdict.add(round.verdict);
    }

    pub(crate) fn injected(&self) -> u64 {
        self.faults.values().sum()
    }

    fn figures(&self) -> Vec<(&'static str, u64)> {
        let verdict = &self.verdict;
        let recovery = |of_hundred| percentile(&verdict.recoveries, of_hundred) / 1000;
        vec![
            ("rounds", self.rounds),
            ("seconds under faults", self.injecting.as_secs()),
            ("faults injected", self.injected()),
            ("conversations", verdict.conversations),
            ("customer messages written", verdict.written),
            ("acknowledged", verdict.acked),
            ("answered", verdict.answered),
            ("with a person who took it", verdict.with_person),
            ("handed over by the desk (told, opened, card)", verdict.handed_over),
            ("never acknowledged, unanswered", verdict.unheard),
            ("waiting behind a held row", verdict.in_held),
            ("rows held", verdict.held_rows),
            ("answered in doubt, then nobody waited any more", verdict.stopped),
            ("waiting at the gate for their customer's proof", verdict.at_gate),
            ("pages that verified a customer", verdict.verified),
            ("**lost**", verdict.count(Invariant::NothingLost)),
            ("**said twice**", verdict.count(Invariant::NothingTwice) + verdict.count(Invariant::OneAnswer)),
            ("takeovers acknowledged", verdict.takeovers),
            ("sends seen after that moment (one is allowed)", verdict.on_the_wire),
            ("**over a person**", verdict.count(Invariant::NobodyTalkedOver)),
            ("**verified twice by one token**", verdict.count(Invariant::TokenOnce)),
            ("**model asked before verification**", verdict.count(Invariant::GateFirst)),
            ("out of order", verdict.count(Invariant::InOrder)),
            ("memory that is not the end of the transcript", verdict.count(Invariant::TrueMemory)),
            ("handed over without a card or unopened", verdict.silent),
            ("left to people whom nobody called", verdict.muted + verdict.count(Invariant::SomebodyCalled)),
            ("salesbots left waiting", verdict.hanging),
            ("not at rest in the end", verdict.count(Invariant::Drained)),
            ("webhook attempts", verdict.webhooks.sent),
            ("webhook attempts not accepted", verdict.webhooks.unanswered),
            ("conversations flipped to open by Chatwoot", verdict.webhooks.flipped),
            ("recovery p50, ms", recovery(50)),
            ("recovery p99, ms", recovery(99)),
            ("recoveries measured", verdict.recoveries.len() as u64),
            ("rest after the faults, longest, ms", self.rests.iter().copied().max().unwrap_or(0)),
        ]
    }

    fn json(&self) -> Value {
        let figures: serde_json::Map<String, Value> =
            self.figures().into_iter().map(|(name, value)| (name.replace("**", ""), value.into())).collect();
        json!({ "figures": figures, "faults": self.faults, "counted_by_the_desk": self.own })
    }
}

impl Verdict {
    fn add(&mut self, other: Verdict) {
        self.conversations += other.conversations;
        self.written += other.written;
        self.acked += other.acked;
        self.answered += other.answered;
        self.with_person += other.with_person;
        self.handed_over += other.handed_over;
        self.unheard += other.unheard;
        self.in_held += other.in_held;
        self.at_gate += other.at_gate;
        self.verified += other.verified;
        self.held_rows += other.held_rows;
        self.takeovers += other.takeovers;
        self.on_the_wire += other.on_the_wire;
        self.webhooks.sent += other.webhooks.sent;
        self.webhooks.accepted += other.webhooks.accepted;
        self.webhooks.unanswered += other.webhooks.unanswered;
        self.webhooks.flipped += other.webhooks.flipped;
        for (invariant, count) in other.counts {
            *self.counts.entry(invariant).or_default() += count;
        }
        self.silent += other.silent;
        self.muted += other.muted;
        self.hanging += other.hanging;
        self.stopped += other.stopped;
        self.broken.extend(other.broken);
        self.recoveries.extend(other.recoveries);
    }
}

fn percentile(some: &[u64], of_hundred: usize) -> u64 {
    let mut sorted = some.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * of_hundred / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(0)
}

/// Returns the report in words.
pub(crate) fn words(lanes: &BTreeMap<&'static str, Sums>, seed: u64) -> String {
    let mut all = Sums::default();
    lanes.values().for_each(|sums| all.add(sums.clone()));
    let columns: Vec<(&str, &Sums)> = lanes.iter().map(|(name, sums)| (*name, sums)).chain([("all", &all)]).collect();
    let heads = columns.iter().map(|(name, _)| format!(" {name} |")).collect::<String>();
    let rules = columns.iter().map(|_| "---:|").collect::<String>();
    let mut text = format!("| count |{heads}\n|---|{rules}\n");
    for (at, (name, _)) in all.figures().iter().enumerate() {
        let cells = columns.iter().map(|(_, sums)| format!(" {} |", sums.figures()[at].1)).collect::<String>();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {name} |{cells}");
    }
    let _ = write!(text, "\n| fault |{heads}\n|---|{rules}\n");
    for kind in all.faults.keys() {
        let count = |sums: &Sums| sums.faults.get(kind).copied().unwrap_or(0);
        let cells = columns.iter().map(|(_, sums)| format!(" {} |", count(sums))).collect::<String>();
        let _ = writeln!(text, "| {kind} |{cells}");
    }
    let _ = write!(text, "\nSeed: {seed}.\n");
    text
}

/// Writes the JSON under `target/`, and the words where `CHAOS_REPORT` says, if it does.
pub(crate) fn write(lanes: &BTreeMap<&'static str, Sums>, seed: u64) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lanes_json: serde_json::Map<String, Value> =
        lanes.iter().map(|(name, sums)| ((*name).to_owned(), sums.json())).collect();
    let json = json!({ "seed": seed, "lanes": lanes_json });
    std::fs::create_dir_all(root.join("target"))?;
    std::fs::write(root.join("target/chaos-report.json"), serde_json::to_vec_pretty(&json)?)?;
    if let Some(path) = std::env::var_os("CHAOS_REPORT").filter(|path| !path.is_empty()) {
        let preface = "# Chaos report\n\nWritten by `make chaos`; what the counts mean and what is not covered stands in \
                       [chaos.md](chaos.md). The real daemon and real Redis servers with AOF, doubles of every vendor, a \
                       proxy on every wire.\n\n";
        std::fs::write(root.join(path), format!("{preface}{}", words(lanes, seed)))?;
    }
    Ok(())
}
