//! `frontdesk audit`: reads a store and says what must not be. Needs no daemon, and disturbs none.

use super::terminal::{print, print_json};
use crate::app;
use crate::config::Config;
use crate::utc::date_time;
use frontdesk_actors::audit::{HeldRow, Report, Violation};
use frontdesk_actors::ids::ConversationKey;
use serde_json::{Value, json};

/// Prints what the audit of the store shows.
///
/// # Errors
/// If the store cannot be read, or something in it must not be.
pub(super) async fn run(config: &Config, json: bool) -> Result<(), String> {
    let report = app::audit(config).await?;
    if json {
        print_json(&machine(&report))
    } else {
        print(&text(&report))
    }
    match report.violations.len() {
        0 => Ok(()),
        1 => Err("1 violation; see the runbook, \"What the audit finds\"".to_owned()),
        found => Err(format!("{found} violations; see the runbook, \"What the audit finds\"")),
    }
}

fn text(report: &Report) -> String {
    let mut text = format!("{} conversations were read.\n", report.conversations);
    for (key, violation) in &report.violations {
        text.push_str(&format!("VIOLATION {key}: {violation}.\n"));
    }
    for (key, held) in &report.held {
        let made = date_time(held.made);
        text.push_str(&format!(
            "held {key}: it is unknown whether {} {}, made {made} UTC, has landed; an operator decides.\n",
            held.kind, held.row
        ));
    }
    if report.overdue > 0 {
        text.push_str(&format!(
            "note: {} wake-ups are overdue; that is so while no daemon runs, and nothing is lost by it.\n",
            report.overdue
        ));
    }
    if report.violations.is_empty() {
        text.push_str("Nothing is wrong.\n");
    }
    text
}

fn machine(report: &Report) -> Value {
    let violation = |(key, violation): &(ConversationKey, Violation)| json!({ "key": key, "kind": violation.name(), "detail": violation.to_string() });
    let held = |(key, held): &(ConversationKey, HeldRow)| json!({ "key": key, "row": held.row, "kind": held.kind, "made": held.made });
    json!({
        "conversations": report.conversations,
        "violations": report.violations.iter().map(violation).collect::<Vec<_>>(),
        "held": report.held.iter().map(held).collect::<Vec<_>>(),
        "overdue": report.overdue,
    })
}
