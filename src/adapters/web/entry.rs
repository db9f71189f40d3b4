//! What stands in the feed of a conversation, and what follows from it: who has the conversation.
//!
//! Entries are MessagePack with named fields. One that this binary cannot read (a newer one wrote it) is kept in its
//! place as [`Kind::Unreadable`] and shown to nobody.

use bytes::Bytes;
use frontdesk_actors::domain::{Assignee, ConversationState, Status};
use frontdesk_actors::ids::{OutboundId, stable_hash};
use frontdesk_actors::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

/// How deep an entry may nest; ours go to four.
const DEPTH: usize = 16;

/// The prefix of ids under which the desk's own sends stand in a feed.
const OURS: &str = "out:";

/// Who an entry is from, in the words of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// The customer.
    You,
    /// The desk.
    Bot,
    /// The page itself.
    System,
    /// A person of the company.
    Agent,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody said something.
    Text,
    /// The desk announced that a person takes over.
    Handoff,
    /// A customer's message went to a person and not to the desk.
    Routed,
    /// A note that only colleagues see.
    Note,
    /// A line of what the desk did, for colleagues.
    Activity,
    /// The conversation changed hands.
    Status {
        /// Whose it is.
        status: Status,
        /// Who is assigned; `None` leaves that as it was.
        assignee: Option<Assignee>,
        /// Says that this repeats what entry number so-and-so said, so that a capped feed never forgets it.
        repeats: Option<u64>,
    },
    /// Written by a newer version.
    #[serde(skip)]
    Unreadable,
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Handoff => "handoff",
            Kind::Routed => "routed",
            Kind::Note => "note",
            Kind::Activity => "activity",
            Kind::Status { .. } => "status",
            Kind::Unreadable => "unreadable",
        }
    }
}

/// An entry before it is numbered.
#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) who: Who,
    pub(super) text: String,
    pub(super) at: Timestamp,
    pub(super) kind: Kind,
}

impl Line {
    pub(super) fn encode(&self) -> Bytes {
        rmp_serde::to_vec_named(self).expect("strings, numbers and closed enums always encode").into()
    }

    /// Returns the id under which the desk's own row stands in a feed.
    pub(super) fn id_of_row(row: &OutboundId) -> String {
        format!("{OURS}{row}")
    }
}

/// One entry of a feed.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the feed, from 1.
    pub seq: u64,
    /// Its id, unique in the feed.
    pub id: String,
    /// Who it is from.
    pub who: Who,
    /// What was said; empty for a change of status.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// What it is.
    pub kind: Kind,
}

impl Entry {
    pub(super) fn read(seq: u64, bytes: &[u8]) -> Self {
        let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
        // A damaged entry that nests without end must not overflow the stack.
        reader.set_max_depth(DEPTH);
        match Line::deserialize(&mut reader) {
            Ok(Line { id, who, text, at, kind }) => Self { seq, id, who, text, at, kind },
            Err(_) => Self {
                seq,
                id: format!("unreadable:{:x}", stable_hash(bytes)),
                who: Who::System,
                text: String::new(),
                at: Timestamp::default(),
                kind: Kind::Unreadable,
            },
        }
    }

    /// Returns whether the customer may see it.
    pub fn is_public(&self) -> bool {
        match &self.kind {
            Kind::Text | Kind::Handoff | Kind::Routed => true,
            Kind::Status { repeats, .. } => repeats.is_none(),
            Kind::Note | Kind::Activity | Kind::Unreadable => false,
        }
    }

    /// Returns whether this is an answer of the desk to the customer: its words, or the announcement of a person.
    pub fn is_reply(&self) -> bool {
        match &self.kind {
            Kind::Text => self.who == Who::Bot,
            Kind::Handoff => true,
            Kind::Routed | Kind::Note | Kind::Activity | Kind::Status { .. } | Kind::Unreadable => false,
        }
    }

    /// Returns the outbox row that this entry is, if the desk sent it.
    pub fn row(&self) -> Option<OutboundId> {
        self.id.strip_prefix(OURS).map(|row| OutboundId(row.to_owned()))
    }

    /// Returns the entry as the page reads it.
    pub fn to_json(&self) -> Value {
        let mut shown = json!({
            "seq": self.seq, "id": self.id, "who": self.who, "kind": self.kind.name(), "text": self.text,
            "at": self.at.as_millis(),
        });
        if let Kind::Status { status, assignee, .. } = &self.kind {
            shown["status"] = json!(status);
            shown["assignee"] = json!(assignee.as_ref().map(assignee_name));
        }
        shown
    }
}

impl fmt::Debug for Entry {
    /// Shows no words of anybody: they must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("seq", &self.seq)
            .field("id", &self.id)
            .field("who", &self.who)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

fn assignee_name(assignee: &Assignee) -> &'static str {
    match assignee {
        Assignee::Nobody => "nobody",
        Assignee::Us => "desk",
        Assignee::Person(_) => "person",
        Assignee::OtherBot(_) => "other_bot",
    }
}

/// Who has a conversation, as its feed says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whose it is.
    pub status: Status,
    /// Who is assigned.
    pub assignee: Assignee,
    /// The number of the entry that said so; 0 if none did.
    pub since: u64,
    /// The number of the newest entry.
    pub newest: u64,
}

impl Standing {
    /// Reads it from a feed, oldest entry first. A conversation begins as the desk's.
    pub fn of(entries: &[Entry]) -> Self {
        let mut changes: Vec<(u64, Status, Option<&Assignee>)> = entries
            .iter()
            .filter_map(|entry| match &entry.kind {
                Kind::Status { status, assignee, repeats } => {
                    Some((repeats.unwrap_or(entry.seq), *status, assignee.as_ref()))
                }
                Kind::Text | Kind::Handoff | Kind::Routed | Kind::Note | Kind::Activity | Kind::Unreadable => None,
            })
            .collect();
        changes.sort_by_key(|(since, ..)| *since);
        let newest = entries.last().map_or(0, |entry| entry.seq);
        let start = Self { status: Status::Pending, assignee: Assignee::Nobody, since: 0, newest };
        changes.into_iter().fold(start, |before, (since, status, assignee)| Self {
            status,
            assignee: assignee.cloned().unwrap_or(before.assignee),
            since,
            newest,
        })
    }

    /// Returns whether a person is assigned.
    pub fn has_person(&self) -> bool {
        matches!(self.assignee, Assignee::Person(_))
    }

    /// Returns it in the engine's words; the feed's length is the version.
    pub fn state(&self) -> ConversationState {
        ConversationState { status: self.status, assignee: self.assignee.clone(), version: self.newest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(seq: u64, status: Status, assignee: Option<Assignee>, repeats: Option<u64>) -> Entry {
        let kind = Kind::Status { status, assignee, repeats };
        Entry { seq, id: seq.to_string(), who: Who::System, text: String::new(), at: Timestamp::default(), kind }
    }

    #[test]
    fn entries_are_read_back_as_written_and_rubbish_keeps_its_place() {
        let kind = Kind::Status { status: Status::Open, assignee: Some(Assignee::Person("7".into())), repeats: None };
        let line = Line { id: "a".into(), who: Who::Bot, text: "hi".into(), at: Timestamp::from_secs(5), kind };
        let entry = Entry::read(3, &line.encode());
        assert_eq!((entry.seq, entry.id.as_str(), entry.who, entry.text.as_str()), (3, "a", Who::Bot, "hi"));
        assert_eq!(entry.to_json()["assignee"], "person");
        let rubbish = Entry::read(4, b"\xc1\xc1");
        assert_eq!((rubbish.seq, rubbish.is_public()), (4, false));
    }

    #[test]
    fn a_late_repetition_never_overrules_what_was_said_after_it() {
        let person = Assignee::Person("console".into());
        let entries = [
            status(300, Status::Open, Some(person.clone()), None),
            status(301, Status::Pending, Some(Assignee::Nobody), Some(12)),
            status(302, Status::Open, None, None),
        ];
        let standing = Standing::of(&entries);
        assert_eq!((standing.status, standing.assignee, standing.newest), (Status::Open, person, 302));
    }
}
