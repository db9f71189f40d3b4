//! The audit: reads every stored conversation and says what must not be.
//!
//! [`conversation`] is pure and judges one; [`everything`] walks through a store page by page. A healthy store has no
//! violation, also in the middle of work and right after a crash. Held rows are no violation: they wait for a person and are
//! listed apart.

mod violation;

pub use violation::Violation;

use crate::ids::{ConversationKey, OutboundId};
use crate::ports::{PortError, Scan, Scanned};
use crate::time::{Clock, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;

/// How many conversations are read at once.
const PAGE: usize = 200;

/// What an audit measures by. The operator's settings, as the daemon uses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How many messages are remembered at most.
    pub memory_messages: usize,
    /// How long a claimed row may be without an outcome: the lease and the settle time.
    pub on_the_wire: Duration,
    /// The channels on which the desk asks for an address before it answers.
    pub gated: BTreeSet<String>,
}

impl Rules {
    pub(crate) fn is_gated(&self, key: &ConversationKey) -> bool {
        self.gated.contains(key.channel())
    }
}

/// What one conversation's audit showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audited {
    /// What must not be.
    pub violations: Vec<Violation>,
    /// What waits for an operator.
    pub held: Vec<HeldRow>,
}

/// A row whose outcome cannot be found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRow {
    /// The row.
    pub row: OutboundId,
    /// What it is.
    pub kind: &'static str,
    /// When it was made.
    pub made: Timestamp,
}

/// What the audit of a store showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many conversations were read.
    pub conversations: usize,
    /// What must not be, in the order in which it was found.
    pub violations: Vec<(ConversationKey, Violation)>,
    /// What waits for an operator.
    pub held: Vec<(ConversationKey, HeldRow)>,
    /// How many wake-ups were due for longer than the work on them may take: nobody takes them, as while no daemon runs.
    pub overdue: usize,
}

/// Checks one conversation as it is stored.
pub fn conversation(rules: &Rules, scanned: &Scanned, now: Timestamp) -> Audited {
    crate::flow::audit(rules, scanned, now)
}

/// Checks everything in a store, reading only.
///
/// # Errors
/// [`PortError`] if the store cannot be read.
pub async fn everything(store: &dyn Scan, rules: &Rules, clock: &dyn Clock) -> Result<Report, PortError> {
    let mut report = Report::default();
    let mut seen: BTreeSet<ConversationKey> = BTreeSet::new();
    let mut after = None;
    loop {
        let page = store.scan(after.as_ref(), PAGE).await?;
        let now = clock.now();
        for scanned in page.found {
            // A conversation that is written while it is scanned may come twice; it is judged once.
            if seen.insert(scanned.key.clone()) {
                report.add(rules, &scanned, now);
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(report),
        }
    }
}

impl Report {
    fn add(&mut self, rules: &Rules, scanned: &Scanned, now: Timestamp) {
        self.conversations += usize::from(scanned.stored.is_some());
        self.overdue += usize::from(scanned.wake.is_some_and(|due| now.since(due) > rules.on_the_wire));
        let audited = conversation(rules, scanned, now);
        let named = |violation| (scanned.key.clone(), violation);
        self.violations.extend(audited.violations.into_iter().map(named));
        self.held.extend(audited.held.into_iter().map(|held| (scanned.key.clone(), held)));
    }
}
