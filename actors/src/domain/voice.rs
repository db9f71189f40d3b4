//! A recording that a customer sent instead of words, as far as a channel tells about it.
//!
//! The address of a recording is a secret: whoever has it hears the customer. It stands in no log.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A recording that came with a customer's message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voice {
    /// Where it can be fetched, or why it cannot.
    pub source: VoiceSource,
    /// What the channel calls its kind (`audio/ogg; codecs=opus`).
    #[serde(default)]
    pub mime: Option<String>,
    /// The name of the file.
    #[serde(default)]
    pub name: Option<String>,
    /// How large the channel says it is.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// Where a recording is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoiceSource {
    /// It can be fetched from this address.
    Url(String),
    /// The channel does not hand it out because of its size.
    TooLarge,
    /// The channel itself could not read it.
    Unreadable,
}

impl Voice {
    /// Makes a recording that can be fetched from an address, of which nothing else is known.
    pub fn at(url: impl Into<String>) -> Self {
        Self::of(VoiceSource::Url(url.into()))
    }

    /// Makes a recording of which only the source is known.
    pub const fn of(source: VoiceSource) -> Self {
        Self { source, mime: None, name: None, bytes: None }
    }
}

impl fmt::Debug for Voice {
    /// Shows neither address nor name: the one is a secret, the other the customer's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = &self.source;
        f.debug_struct("Voice").field("source", source).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl fmt::Debug for VoiceSource {
    /// Does not show the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            VoiceSource::Url(_) => "Url(..)",
            VoiceSource::TooLarge => "TooLarge",
            VoiceSource::Unreadable => "Unreadable",
        })
    }
}
