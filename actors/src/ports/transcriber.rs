//! Who hears what a recording says. See `ports.rs`.

use crate::domain::Voice;
use crate::ids::ConversationKey;
use async_trait::async_trait;
use std::fmt;
use std::time::Duration;

/// Turns recordings into words.
#[async_trait]
pub trait Transcriber: Send + Sync + fmt::Debug {
    /// Fetches a recording and returns what it says; no words are silence. The caller bounds its time.
    ///
    /// # Errors
    /// [`TranscribeError`], classified; no retry has been made.
    async fn transcribe(&self, recording: &Recording) -> Result<String, TranscribeError>;
}

/// One recording to be heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The conversation, for tracing.
    pub key: ConversationKey,
    /// Where the recording is, and what is known of it.
    pub voice: Voice,
}

/// A recording that was not heard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the recording was not heard: {detail}")]
pub struct TranscribeError {
    /// What kind of failure.
    pub kind: TranscribeErrorKind,
    /// One sentence for the operator: what is wrong and what to do. No customer's words, no key, no address.
    pub detail: String,
    /// How long the provider asked us to wait.
    pub retry_after: Option<Duration>,
}

impl TranscribeError {
    /// Makes an error without a wait.
    pub fn new(kind: TranscribeErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after: None }
    }
}

/// The classes of failures. Closed: it is a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TranscribeErrorKind {
    /// The recording is too large or too long.
    TooLong,
    /// It is no recording, or in a form that cannot be read here.
    Undecodable,
    /// It is not there any more, or not handed out.
    Gone,
    /// Its address is none that the desk may fetch from.
    Forbidden,
    /// 401 or 403: the key is wrong or may not do this.
    Unauthorized,
    /// The model does not exist, or nothing transcribes at this address.
    ModelNotFound,
    /// No credit or quota left.
    Quota,
    /// Too many requests: wait.
    RateLimited,
    /// The provider, or whoever keeps the recording, is failing.
    Overloaded,
    /// No answer in time.
    Timeout,
    /// The provider, or whoever keeps the recording, could not be reached.
    Unreachable,
    /// The answer could not be understood.
    Garbled,
}

/// Whose fault a failure is, which decides what becomes of the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The recording's: it is too long.
    Length,
    /// The recording's: nobody here can read it.
    Form,
    /// The account's: an operator must act.
    Account,
    /// Nobody's for long: it may be tried again.
    Passing,
}

impl TranscribeErrorKind {
    /// Every kind, in the order of the declaration.
    pub const ALL: [Self; 12] = [
        Self::TooLong,
        Self::Undecodable,
        Self::Gone,
        Self::Forbidden,
        Self::Unauthorized,
        Self::ModelNotFound,
        Self::Quota,
        Self::RateLimited,
        Self::Overloaded,
        Self::Timeout,
        Self::Unreachable,
        Self::Garbled,
    ];

    /// Returns the label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Undecodable => "undecodable",
            Self::Gone => "gone",
            Self::Forbidden => "forbidden",
            Self::Unauthorized => "unauthorized",
            Self::ModelNotFound => "model_not_found",
            Self::Quota => "quota",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Garbled => "garbled",
        }
    }

    /// Returns whose fault it is.
    pub const fn fault(self) -> Fault {
        match self {
            Self::TooLong => Fault::Length,
            Self::Undecodable | Self::Gone | Self::Forbidden => Fault::Form,
            Self::Unauthorized | Self::ModelNotFound | Self::Quota => Fault::Account,
            Self::RateLimited | Self::Overloaded | Self::Timeout | Self::Unreachable | Self::Garbled => Fault::Passing,
        }
    }
}
