//! What a broken promise looks like from all sides, for whoever must mend it.

use crate::chaos::evidence::Evidence;
use crate::chaos::ground::Square;
use crate::chaos::judge::Broken;
use crate::chaos::ledger::Micros;
use frontdesk_sandbox::daemon::Daemon;
use std::fmt::Write;

/// How many lines of a desk's log are shown.
const LINES: usize = 80;

/// Tells everything known about the conversation of a broken promise, in the order in which it happened.
pub(crate) fn explain(broken: &Broken, evidence: &Evidence, square: &Square, desks: &[Daemon]) -> String {
    let conversation = broken.conversation;
    let mut told: Vec<(Micros, String)> = square.venue.tell(conversation);
    for act in evidence.pages.acts.iter().filter(|act| act.conversation == conversation) {
        told.push((act.at, format!("agent: {:?}", act.deed)));
    }
    for ((_, row), times) in evidence.pages.sighted.iter().filter(|((of, _), _)| *of == conversation) {
        told.extend(times.iter().map(|at| (*at, format!("row {row} leaves the desk"))));
    }
    told.extend(evidence.pages.returns.iter().map(|back| (back.at, "a desk or the store is back".to_owned())));
    told.sort();
    let first = told.iter().find(|(_, what)| what.starts_with("message")).map_or(0, |(at, _)| *at);
    let mut text = format!("conversation {conversation}: {}\n", broken.what);
    for (at, what) in told.iter().filter(|(at, _)| *at + 1_000_000 > first) {
        let after = i128::from(*at) - i128::from(first);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:>10.3} ms {what}", after as f64 / 1000.0);
    }
    if let Some(facts) = evidence.conversations.get(&conversation) {
        let _ = writeln!(text, "  the desk shows {}", facts.view);
    }
    for (number, desk) in desks.iter().enumerate() {
        let key = format!("{}\"", square.venue.key(conversation));
        let log = desk.log();
        for line in log.lines().filter(|line| line.contains(&key)).take(LINES) {
            let _ = writeln!(text, "  desk {}: {line}", number + 1);
        }
    }
    text
}
