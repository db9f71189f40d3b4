//! `frontdesk chats show KEY`: one conversation on one screen.

use super::typed;
use crate::cli::remote::{Remote, RemoteError, conversation};
use crate::cli::terminal::{harmless, print, print_json, table};
use crate::utc::date_time;
use frontdesk_actors::domain::{Assignee, Role, Status};
use frontdesk_actors::engine::View;
use serde_json::Value;

/// How many characters of a remembered message are shown.
const WORDS: usize = 100;

/// How many characters of a draft's line are shown: all that is kept of it.
const LINE: usize = 4000;

/// Prints a conversation.
pub(super) async fn show(remote: &Remote, key: &str, json: bool) -> Result<(), RemoteError> {
    let said: Value = remote.get(&conversation(key, "")).await?;
    if json {
        print_json(&said);
        return Ok(());
    }
    print(&text(&typed(said)?));
    Ok(())
}

fn text(view: &View) -> String {
    let because = view.reason.as_ref().map(|reason| format!(" ({})", reason.name())).unwrap_or_default();
    let contact = view.contact.as_ref().and_then(|contact| contact.name.as_deref()).unwrap_or("unknown");
    let vendor = [view.status.map(status).unwrap_or("never seen"), &assignee(view.assignee.as_ref())].join(", ");
    let next = view.next.as_ref().map(|(at, why)| format!("{} UTC: {why}", date_time(*at)));
    let fact = |name: &str, value: String| vec![format!("{name}:"), value];
    let mut text = format!("{}\n", view.key);
    text.push_str(&table(&[
        fact("phase", format!("{}{because}", view.phase.as_str())),
        fact("customer", harmless(contact, WORDS)),
        fact("verified", verified(view)),
        fact("vendor says", vendor),
        fact("owed", format!("{} customer messages", view.owed)),
        fact("model", format!("{}, {} failures in a row", if view.thinking { "asked" } else { "idle" }, view.failures)),
        fact("next", next.unwrap_or_else(|| "nothing is due".to_owned())),
        fact("version", view.version.to_string()),
    ]));
    text.push_str(&outbox(view));
    text.push_str(&memory(view));
    text.push_str(&drafts(view));
    text
}

/// What the desk would have said in shadow mode, whole: nobody else may be able to show it.
fn drafts(view: &View) -> String {
    let mut text = String::new();
    for draft in &view.drafts {
        let why = draft.because.as_ref().map(|reason| format!(", and would have fetched a person ({reason})"));
        let words = draft.text.lines().map(|line| format!("  {}\n", harmless(line, LINE)));
        let words: String = words.collect();
        text.push_str(&format!(
            "\nNot sent, {} UTC: the desk would have said{}\n{words}",
            date_time(draft.at),
            why.unwrap_or_default()
        ));
    }
    text
}

fn verified(view: &View) -> String {
    let proof = |verified: &frontdesk_actors::domain::Verified| {
        let address = verified.address.as_deref().map(|address| format!("{}, ", harmless(address, WORDS)));
        format!("{}since {} UTC", address.unwrap_or_default(), date_time(verified.at))
    };
    view.verified.as_ref().map_or_else(|| "no".to_owned(), proof)
}

fn outbox(view: &View) -> String {
    if view.outbox.is_empty() {
        return "\nNothing is on its way.\n".to_owned();
    }
    let heads = ["ROW", "KIND", "STATE", "TRIES", "MADE (UTC)", "TROUBLE"].map(str::to_owned).to_vec();
    let row = |row: &frontdesk_actors::engine::RowView| {
        let trouble = row.trouble.as_deref().unwrap_or("-");
        vec![
            row.id.to_string(),
            row.kind.clone(),
            row.state.clone(),
            row.tries.to_string(),
            date_time(row.created),
            harmless(trouble, WORDS),
        ]
    };
    format!("\n{}", table(&std::iter::once(heads).chain(view.outbox.iter().map(row)).collect::<Vec<_>>()))
}

fn memory(view: &View) -> String {
    if view.memory.is_empty() {
        return "\nNothing is remembered.\n".to_owned();
    }
    let row = |said: &frontdesk_actors::domain::Remembered| {
        // A machine has written down what was spoken.
        let spoken = if said.voice { "🎤 " } else { "" };
        vec![date_time(said.at), role(said.role).to_owned(), format!("{spoken}{}", harmless(&said.text, WORDS))]
    };
    format!("\n{}", table(&view.memory.iter().map(row).collect::<Vec<_>>()))
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Customer => "customer",
        Role::Desk => "desk",
        Role::Person => "person",
    }
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Open => "open",
        Status::Resolved => "resolved",
        Status::Snoozed => "snoozed",
    }
}

fn assignee(assignee: Option<&Assignee>) -> String {
    match assignee {
        None => "assignee never seen".to_owned(),
        Some(Assignee::Nobody) => "nobody assigned".to_owned(),
        Some(Assignee::Us) => "this bot assigned".to_owned(),
        Some(Assignee::Person(id)) => format!("person {} assigned", harmless(id, WORDS)),
        Some(Assignee::OtherBot(id)) => format!("another bot ({}) assigned", harmless(id, WORDS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn drafts_are_shown_whole_and_harmless() {
        let view: View = serde_json::from_value(json!({
            "key": "green_api:7:15550100@c.us", "phase": "human", "reason": "shadow_mode", "lang": "en", "contact": null,
            "verified": null, "status": null, "assignee": null, "owed": 0, "thinking": false, "failures": 0, "outbox": [],
            "memory": [], "next": null, "version": 3,
            "drafts": [
                { "at": 0, "text": format!("Ten euros.\n\u{1b}[2J{}", "x".repeat(300)), "because": null },
                { "at": 1000, "text": "A colleague will help.", "because": "asked-by-customer" },
            ],
        }))
        .expect("a view");
        let shown = text(&view);
        assert!(shown.contains("the desk would have said\n  Ten euros.\n  [2Jxx"), "{shown}");
        assert!(shown.contains(&"x".repeat(300)) && !shown.contains('\u{1b}'), "{shown}");
        assert!(
            shown.contains("and would have fetched a person (asked-by-customer)\n  A colleague will help."),
            "{shown}"
        );
    }
}
