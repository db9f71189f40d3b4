//! What was heard, in words.

use frontdesk_actors::domain::Status;
use frontdesk_actors::journal::{Fact, Heard, JournalEntry, RowName, SeenState};

/// Returns what was heard.
pub(super) fn heard(entry: &JournalEntry) -> String {
    let what = match &entry.heard {
        Heard::CustomerWrote { message, words: true } => format!("the customer wrote (message {message})"),
        Heard::CustomerWrote { message, words: false } => {
            format!("the customer sent only attachments (message {message})")
        }
        Heard::PersonWrote { message } => format!("a colleague wrote to the customer (message {message})"),
        Heard::OtherWrote { message } => {
            format!("neither the customer nor a colleague wrote, but an automation (message {message})")
        }
        Heard::Echo { row, message } => format!("{} came back from the vendor (message {message})", name(row)),
        Heard::Carried { message } => format!("a message left through the desk's account (message {message})"),
        Heard::Fared { message, reached: true } => {
            format!("the vendor has news of message {message}: it is on its way")
        }
        Heard::Fared { message, reached: false } => format!("the vendor could not bring message {message}"),
        Heard::NoteOrdered { order } => format!("a colleague ordered /{order} in a note"),
        Heard::Edited { message } => format!("the customer's message {message} was changed"),
        Heard::Deleted { message } => format!("the customer's message {message} was deleted"),
        Heard::StateChanged => "the vendor's state came".to_owned(),
        Heard::Missed { events, complete } => missed(*events, *complete),
        Heard::LookAround => "events may have been missed, so the vendor is to be looked at".to_owned(),
        Heard::ContactKnown => "the contact is verified in another conversation".to_owned(),
        Heard::LinkConfirmed => "the link's button was pressed".to_owned(),
        Heard::LinkDisowned => "\"this was not me\" was pressed".to_owned(),
        Heard::Ordered { order } => format!("an operator ordered: {order}"),
        Heard::Decided { row, decision } => format!("an operator decided about {}: {decision}", name(row)),
        Heard::Poisoned => "the conversation failed again and again on work of its own".to_owned(),
        Heard::HumanModeOff => "the human switch was turned off".to_owned(),
        Heard::ModelReplied { ticket, outcome } => model(*ticket, outcome),
        Heard::Transcribed { ticket, outcome } => transcription(*ticket, outcome),
        Heard::Cleared { row } => format!("{} had its turn at the gate", name(row)),
        Heard::Sent { row, attempt, outcome } => sent(row, *attempt, outcome),
        Heard::Looked { ticket, outcome, messages } => looked(*ticket, outcome, *messages),
        Heard::DeadlineReached => "a deadline was reached".to_owned(),
        Heard::Recovered { takes: 0 | 1 } => "unfinished work was taken up again".to_owned(),
        Heard::Recovered { takes } => format!("unfinished work was taken up for the {takes}th time without progress"),
        Heard::Unreadable => "an entry that another version of frontdesk wrote".to_owned(),
    };
    match &entry.state {
        Some(state) if shows_state(entry) => format!("{what} [{}]", seen(state)),
        Some(_) | None => what,
    }
}

/// Returns whether what was heard is trouble by itself.
pub(super) fn is_trouble(heard: &Heard) -> bool {
    match heard {
        Heard::ModelReplied { outcome, .. } => !matches!(outcome.as_ref(), "text" | "request_human"),
        Heard::Transcribed { outcome, .. } => !matches!(outcome.as_ref(), "words" | "silence"),
        Heard::Sent { outcome, .. } => outcome != "settled",
        Heard::Looked { outcome, .. } => !matches!(outcome.as_ref(), "complete" | "partial"),
        Heard::Fared { reached, .. } => !reached,
        Heard::Poisoned | Heard::Unreadable => true,
        Heard::CustomerWrote { .. }
        | Heard::PersonWrote { .. }
        | Heard::OtherWrote { .. }
        | Heard::Echo { .. }
        | Heard::Carried { .. }
        | Heard::NoteOrdered { .. }
        | Heard::Edited { .. }
        | Heard::Deleted { .. }
        | Heard::StateChanged
        | Heard::Missed { .. }
        | Heard::LookAround
        | Heard::ContactKnown
        | Heard::LinkConfirmed
        | Heard::LinkDisowned
        | Heard::Ordered { .. }
        | Heard::Decided { .. }
        | Heard::HumanModeOff
        | Heard::Cleared { .. }
        | Heard::DeadlineReached
        | Heard::Recovered { .. } => false,
    }
}

/// Returns a row as `text 0000002a-3`.
pub(super) fn name(row: &RowName) -> String {
    let kind = match row.kind.as_ref() {
        "gone" => "row",
        "dismiss" => "the empty reply",
        "open" => "\"open the conversation\"",
        "pend" => "\"give the conversation to the bot\"",
        "label" => "the label",
        "priority" => "the priority",
        "team" => "the team",
        "mark_verified" => "the mark \"verified\"",
        "contact_email" => "the contact's address",
        "remember" => "the memory of the verification",
        "bar" => "the bar on the address",
        other => other,
    };
    format!("{kind} {}", row.id)
}

fn model(ticket: u64, outcome: &str) -> String {
    match outcome {
        "text" => format!("the model answered (call {ticket})"),
        "request_human" => format!("the model asked for a person (call {ticket})"),
        failure => format!("the model call {ticket} failed: {}", failure.replace('_', " ")),
    }
}

fn transcription(ticket: u64, outcome: &str) -> String {
    match outcome {
        "words" => format!("the recording was understood (call {ticket})"),
        "silence" => format!("no words were made out in the recording (call {ticket})"),
        failure => format!("the recording was not heard (call {ticket}): {}", failure.replace('_', " ")),
    }
}

fn sent(row: &RowName, attempt: u32, outcome: &str) -> String {
    let row = name(row);
    match outcome {
        "settled" => format!("{row} has landed (try {attempt})"),
        "transient" => format!("{row} was not taken, for the moment (try {attempt})"),
        "rejected" => format!("{row} was refused for good (try {attempt})"),
        "account_fault" => format!("{row} was not taken: the vendor refuses our account (try {attempt})"),
        "unknown" => format!("nobody knows whether {row} has landed (try {attempt})"),
        "claim_lapsed" => format!("{row} was not sent: its claim had become too old (try {attempt})"),
        "capped" => format!("{row} was not sent: a cap on verification mails forbids it"),
        other => format!("{row} ended: {other} (try {attempt})"),
    }
}

fn looked(ticket: u64, outcome: &str, messages: u32) -> String {
    let shown = if messages == 1 { "1 message".to_owned() } else { format!("{messages} messages") };
    match outcome {
        "complete" => format!("a look at the vendor showed everything since: {shown} (look {ticket})"),
        "partial" => format!("a look at the vendor showed {shown}, perhaps not all (look {ticket})"),
        "forbidden" => format!("the vendor does not let the desk look (look {ticket})"),
        failure => format!("the look at the vendor failed: {failure} (look {ticket})"),
    }
}

fn missed(events: u32, complete: bool) -> String {
    let read = if events == 1 { "1 event".to_owned() } else { format!("{events} events") };
    let all = if complete { "" } else { ", perhaps not all" };
    format!("what had been missed was read back from the vendor: {read}{all}")
}

/// The state is worth a word where it decided something.
fn shows_state(entry: &JournalEntry) -> bool {
    let decided = |fact: &Fact| matches!(fact, Fact::TakenOver(_) | Fact::HandedBack | Fact::OlderState);
    entry.heard == Heard::StateChanged || entry.facts.iter().any(decided)
}

fn seen(state: &SeenState) -> String {
    let status = match state.status {
        Status::Pending => "pending",
        Status::Open => "open",
        Status::Resolved => "resolved",
        Status::Snoozed => "snoozed",
    };
    let assignee = match state.assignee.as_ref() {
        "nobody" => "nobody assigned",
        "us" => "this bot assigned",
        "person" => "a person assigned",
        "other_bot" => "another bot assigned",
        other => other,
    };
    format!("{status}, {assignee}")
}
