//! What the model is told to be: the texts that are in force, where each comes from, and how old it is.
//!
//! A text stands in a [`Slot`]; [`Book`] holds the last good text of every slot and chooses by conversation. [`files`]
//! reads the operator's files, a [`Document`] is read over the network, [`kept`] remembers its last good copy on disk, and
//! [`Watch`] asks all of them again and again, so that a change needs no restart; [`orders`] has every node ask at once. A text that cannot be meant (empty, far
//! too long, half of it gone) is refused: the one before it stays, and operators see why.
//!
//! The house rules of the model's adapter follow whatever text is chosen; nothing here can take them away.

mod book;
mod files;
mod kept;
mod orders;
mod watch;

pub use book::{Book, Shown, Trouble};
pub use files::Files;
pub use kept::Kept;
pub use watch::{Rhythm, Watch};

use async_trait::async_trait;
use std::fmt;
use std::path::PathBuf;

/// The instructions that the desk ships with.
pub const SHIPPED_INSTRUCTIONS: &str = include_str!("../config/prompts/default.md");

/// Longest instructions that are accepted, in bytes.
pub const MAX_INSTRUCTIONS: usize = 64 * 1024;

/// A place for a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// One tenant's file, by its name without the ending.
    Tenant(String),
    /// The shared document on the network.
    Document,
    /// The operator's file (`PROMPT_FILE`).
    PromptFile,
    /// The shared file in the folder of instructions.
    Shared,
    /// The text compiled in.
    Shipped,
}

impl Slot {
    /// Returns the label of metrics and answers.
    pub const fn source(&self) -> &'static str {
        match self {
            Slot::Tenant(_) => "tenant",
            Slot::Document => "document",
            Slot::PromptFile => "prompt_file",
            Slot::Shared => "shared_file",
            Slot::Shipped => "shipped",
        }
    }
}

/// Why a text was not taken. Closed: it is a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing in it.
    Empty,
    /// It is longer than [`MAX_INSTRUCTIONS`].
    TooLong,
    /// More than half of it has vanished since the last good copy.
    Shrunken,
    /// It could not be read.
    Unreadable,
}

impl Refusal {
    /// Returns the label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Refusal::Empty => "empty",
            Refusal::TooLong => "too_long",
            Refusal::Shrunken => "shrunken",
            Refusal::Unreadable => "unreadable",
        }
    }
}

/// A text that was read, or why it could not be, in a sentence for the operator.
pub type Read = Result<String, String>;

/// The shared text as a document on the network.
#[async_trait]
pub trait Document: Send + Sync + fmt::Debug {
    /// Reads the document's text.
    ///
    /// # Errors
    /// A sentence for the operator: what is wrong and what to do.
    async fn fetch(&self) -> Read;

    /// Names the document, for operators and for its copy on disk.
    fn name(&self) -> String;
}

/// Why the instructions cannot be used at the start. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operator's file cannot be read.
    #[error("PROMPT_FILE {} cannot be used: {why}", path.display())]
    PromptFile {
        /// The configured path.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
}
