//! Why did it speak, why was it silent? The journal in sentences, for the command line, the API and the console.
//!
//! The engine keeps names and numbers; the words for them are made here. They hold nothing a customer wrote.

mod heard;
mod outcome;

use crate::utc::date_time;
use frontdesk_actors::engine::{PhaseName, View};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::journal::{Did, Fact, Heard, JournalEntry, PersonHasIt};
use serde::{Deserialize, Serialize};

/// A conversation explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// The conversation.
    pub key: ConversationKey,
    /// Where it stands, in a sentence.
    pub now: String,
    /// What happened, oldest first.
    pub entries: Vec<Line>,
}

/// One entry with its sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The sentence.
    pub text: String,
    /// What it is about, for colours.
    pub tone: Tone,
    /// The entry.
    #[serde(flatten)]
    pub entry: JournalEntry,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// The desk spoke, or was heard to have spoken.
    Spoke,
    /// A customer wrote and the desk stayed silent.
    Silent,
    /// A person came or went.
    Person,
    /// Something failed, came too late or is not known.
    Trouble,
    /// Everything else.
    Plain,
}

/// Explains a conversation by its view (`None`: it is quarantined) and its journal. `paused`: an operator has stopped everything
/// that leaves.
pub fn explain(key: &ConversationKey, view: Option<&View>, journal: Vec<JournalEntry>, paused: bool) -> Explained {
    let now = standing(view, journal.iter().rev().find_map(|entry| entry.person.as_ref()));
    let stopped = "Everything that leaves is stopped (`frontdesk pause`): nothing is said until `frontdesk resume`. ";
    let now = if paused { format!("{stopped}{now}") } else { now };
    let entries = journal.into_iter().map(line).collect();
    Explained { key: key.clone(), now, entries }
}

fn line(entry: JournalEntry) -> Line {
    Line { text: sentence(&entry), tone: tone(&entry), entry }
}

/// Returns an entry as a sentence: what was heard → what came of it.
pub fn sentence(entry: &JournalEntry) -> String {
    let again = if entry.again > 0 { format!(" ({} times)", entry.again.saturating_add(1)) } else { String::new() };
    let (heard, outcome) = (heard::heard(entry), outcome::outcome(entry));
    // What the gate let through and what has landed is told in one half.
    if matches!(&entry.heard, Heard::Cleared { row } if entry.did.contains(&Did::Sent(row.clone()))) {
        return outcome;
    }
    let landed = matches!(&entry.heard, Heard::Sent { outcome: verdict, .. } if verdict == "settled");
    if landed && outcome == outcome::NOTHING { heard } else { format!("{heard}{again} → {outcome}") }
}

/// Returns where a conversation stands.
fn standing(view: Option<&View>, person: Option<&PersonHasIt>) -> String {
    let Some(view) = view else {
        return "It is set aside: its record cannot be read, or it keeps failing; the desk is silent until an operator acts.".to_owned();
    };
    let owed = match view.owed {
        0 => "nothing is owed".to_owned(),
        1 => "1 message is owed an answer".to_owned(),
        owed => format!("{owed} messages are owed an answer"),
    };
    let held = view.outbox.iter().filter(|row| row.state == "held").count();
    let held = if held > 0 { format!(" {held} rows are held: an operator decides.") } else { String::new() };
    let stands = match view.phase {
        PhaseName::AwaitingEmail => {
            "The desk asks for an address; nothing is answered before one is verified.".to_owned()
        }
        PhaseName::PendingVerification => {
            "The desk waits until the address is verified; nothing is answered before.".to_owned()
        }
        PhaseName::Bot if view.thinking => format!("The desk has it and is asking the model; {owed}."),
        PhaseName::Bot => format!("The desk has it; {owed}."),
        PhaseName::Human => {
            let because = view.reason.as_ref().map_or("unknown", |reason| outcome::reason(reason.name()));
            let since = person.map(|person| format!(" since {} UTC", date_time(person.since))).unwrap_or_default();
            format!("A person has it{since} ({because}), so the desk is silent.")
        }
    };
    format!("{stands}{held}")
}

fn tone(entry: &JournalEntry) -> Tone {
    // What failed after it had landed is no trouble any more.
    let was_known = entry.facts.contains(&Fact::SettledBefore);
    let troubled = |fact: &Fact| {
        matches!(fact, Fact::TurnFailed | Fact::Late(_) | Fact::SentAfterPerson | Fact::SentTwice)
            || matches!(fact, Fact::Dropped(why) if why == "stale")
    };
    let person = |fact: &Fact| matches!(fact, Fact::HandedOff(_) | Fact::TakenOver(_) | Fact::HandedBack);
    let spoke = entry.did.iter().any(|did| matches!(did, Did::Sent(row) if row.kind == "text"));
    if entry.facts.iter().any(troubled) || heard::is_trouble(&entry.heard) && !was_known {
        Tone::Trouble
    } else if entry.facts.iter().any(person) || matches!(entry.heard, Heard::PersonWrote { .. }) {
        Tone::Person
    } else if spoke {
        Tone::Spoke
    } else if matches!(entry.heard, Heard::CustomerWrote { .. }) && entry.to == PhaseName::Human {
        Tone::Silent
    } else {
        Tone::Plain
    }
}

#[cfg(test)]
mod tests;
