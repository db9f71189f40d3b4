//! Who answers. See `ports.rs`.

use crate::domain::Lang;
use crate::domain::Remembered;
use crate::ids::ConversationKey;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A language model that answers customers.
#[async_trait]
pub trait Model: Send + Sync + fmt::Debug {
    /// Answers the last messages of the prompt, in one call. The caller bounds its time.
    ///
    /// # Errors
    /// [`ModelError`], classified; no retry has been made.
    async fn reply(&self, prompt: &Prompt) -> Result<ModelReply, ModelError>;

    /// Sums the history of the prompt up for a colleague, in the prompt's language, in one call. The caller bounds its time.
    ///
    /// # Errors
    /// [`ModelError`], classified; also from a model that only answers.
    async fn summarise(&self, _prompt: &Prompt) -> Result<String, ModelError> {
        let detail = "this model cannot sum up conversations: connect another".to_owned();
        Err(ModelError { kind: ModelErrorKind::BadRequest, detail, retry_after: None })
    }
}

/// What the model is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The conversation, for tracing and for the provider's cache key.
    pub key: ConversationKey,
    /// The inbox, where instructions differ by inbox.
    pub inbox: String,
    /// The language the customer seems to write.
    pub lang: Lang,
    /// The customer's name, if known.
    pub name: Option<String>,
    /// What was said, oldest first. Ends with the messages to be answered.
    pub history: Vec<Remembered>,
    /// How many of the last messages of the history are to be answered.
    pub unanswered: usize,
}

/// What the model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelReply {
    /// Text for the customer. May be empty: the flow decides what that means.
    Text(String),
    /// The model called `request_human(reason, summary)`.
    RequestHuman {
        /// Its reason, for colleagues.
        reason: String,
        /// What it tells them of the conversation, if anything.
        summary: Option<String>,
    },
}

/// A model call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("model call failed: {detail}")]
pub struct ModelError {
    /// What kind of failure.
    pub kind: ModelErrorKind,
    /// One sentence for the operator: what is wrong and what to do. No customer's words, no key.
    pub detail: String,
    /// How long the provider asked us to wait.
    pub retry_after: Option<Duration>,
}

/// The classes of model failures. Closed: it is a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelErrorKind {
    /// 401 or 403: the key is wrong or may not do this.
    Unauthorized,
    /// The model does not exist or is gone.
    ModelNotFound,
    /// No credit or quota left.
    Quota,
    /// Too many requests: wait.
    RateLimited,
    /// The provider is overloaded or failing.
    Overloaded,
    /// The conversation is too long for the model.
    ContextTooLong,
    /// The provider refused the request as malformed.
    BadRequest,
    /// No answer in time.
    Timeout,
    /// The provider could not be reached.
    Unreachable,
    /// The answer could not be understood.
    Garbled,
}

impl ModelErrorKind {
    /// Returns the label.
    pub const fn name(self) -> &'static str {
        match self {
            ModelErrorKind::Unauthorized => "unauthorized",
            ModelErrorKind::ModelNotFound => "model_not_found",
            ModelErrorKind::Quota => "quota",
            ModelErrorKind::RateLimited => "rate_limited",
            ModelErrorKind::Overloaded => "overloaded",
            ModelErrorKind::ContextTooLong => "context_too_long",
            ModelErrorKind::BadRequest => "bad_request",
            ModelErrorKind::Timeout => "timeout",
            ModelErrorKind::Unreachable => "unreachable",
            ModelErrorKind::Garbled => "garbled",
        }
    }
}
