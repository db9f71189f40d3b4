//! What must not be, each in words for the operator.

#![deny(clippy::disallowed_methods)]

use crate::ids::OutboundId;
use crate::time::Timestamp;
use std::fmt;

/// Something that must not be true of a stored conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// The record is damaged.
    Undecodable,
    /// A newer daemon wrote the record.
    TooNew {
        /// Its version.
        version: u16,
    },
    /// The record belongs to another conversation.
    ForeignRecord,
    /// The memory is damaged.
    MemoryUndecodable,
    /// More is remembered than allowed.
    MemoryTooLong {
        /// How much is.
        messages: usize,
        /// How much may be.
        limit: usize,
    },
    /// The desk owes answers and is not on its way to give them.
    OwedWithoutTurn {
        /// How many messages are owed.
        messages: usize,
    },
    /// Answers are owed although a person has the conversation.
    OwedUnderPerson {
        /// How many messages are owed.
        messages: usize,
    },
    /// An answer is being made, but nobody is woken should its maker die.
    TurnWithoutWake {
        /// How many messages are owed.
        messages: usize,
    },
    /// Recordings are to be listened to, but nobody is woken for them.
    VoiceWithoutWake {
        /// How many.
        messages: usize,
    },
    /// A row waits to leave, but nobody is woken for it.
    RowWithoutWake {
        /// The row.
        row: OutboundId,
    },
    /// A row has been on the wire for too long, and nobody is woken to look for it.
    DoubtWithoutWake {
        /// The row.
        row: OutboundId,
        /// Since when.
        since: Timestamp,
    },
    /// Two rows have the same id.
    DuplicateRow {
        /// The id.
        row: OutboundId,
    },
    /// A text stands at the vendor under two message ids.
    SentTwice {
        /// The row.
        row: OutboundId,
    },
    /// The desk answers a customer who never proved who they are.
    AnsweredUnverified,
    /// A wake-up stands for a conversation that does not.
    WakeWithoutRecord,
}

impl Violation {
    /// Returns the name, for scripts.
    pub const fn name(&self) -> &'static str {
        match self {
            Violation::Undecodable => "undecodable",
            Violation::TooNew { .. } => "too_new",
            Violation::ForeignRecord => "foreign_record",
            Violation::MemoryUndecodable => "memory_undecodable",
            Violation::MemoryTooLong { .. } => "memory_too_long",
            Violation::OwedWithoutTurn { .. } => "owed_without_turn",
            Violation::OwedUnderPerson { .. } => "owed_under_person",
            Violation::TurnWithoutWake { .. } => "turn_without_wake",
            Violation::VoiceWithoutWake { .. } => "voice_without_wake",
            Violation::RowWithoutWake { .. } => "row_without_wake",
            Violation::DoubtWithoutWake { .. } => "doubt_without_wake",
            Violation::DuplicateRow { .. } => "duplicate_row",
            Violation::SentTwice { .. } => "sent_twice",
            Violation::AnsweredUnverified => "answered_unverified",
            Violation::WakeWithoutRecord => "wake_without_record",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Undecodable => {
                f.write_str("its record cannot be read: it is damaged, the daemon sets it aside until an operator acts")
            }
            Violation::TooNew { version } => {
                write!(f, "its record has version {version}, which a newer frontdesk wrote: run that one")
            }
            Violation::ForeignRecord => f.write_str("the record under its key belongs to another conversation"),
            Violation::MemoryUndecodable => {
                f.write_str("its memory cannot be read: the model would answer without what was said before")
            }
            Violation::MemoryTooLong { messages, limit } => {
                write!(f, "it remembers {messages} messages, more than the {limit} of MEMORY_MESSAGES")
            }
            Violation::OwedWithoutTurn { messages } => {
                write!(f, "{messages} customer messages are owed an answer, and no turn is on its way to give one")
            }
            Violation::OwedUnderPerson { messages } => {
                write!(f, "{messages} customer messages are still owed by the desk although a person has it")
            }
            Violation::TurnWithoutWake { messages } => {
                write!(
                    f,
                    "a turn over {messages} customer messages has no wake-up: if its node dies, nobody finishes it"
                )
            }
            Violation::VoiceWithoutWake { messages } => {
                write!(f, "{messages} recordings have no wake-up: if their node dies, nobody listens to them")
            }
            Violation::RowWithoutWake { row } => {
                write!(f, "row {row} waits to leave and has no wake-up: if its node dies, nobody sends it")
            }
            Violation::DoubtWithoutWake { row, since } => write!(
                f,
                "row {row} has been on the wire since {} (Unix seconds) and has no wake-up: nobody looks for it",
                since.as_secs()
            ),
            Violation::DuplicateRow { row } => write!(f, "two rows have the id {row}"),
            Violation::SentTwice { row } => write!(f, "row {row} stands at the vendor under two message ids"),
            Violation::AnsweredUnverified => {
                f.write_str("the desk answers although its customer never proved an address and GATE is on")
            }
            Violation::WakeWithoutRecord => f.write_str("a wake-up stands for it, but no record"),
        }
    }
}
