//! The engine's ports: everything outside is reached through one of these traits.
//!
//! What a vendor does to a send is told as a [`Verdict`], never as an error: the flow decides by it. [`PortError`] is
//! for everything that may simply be tried again or reported.

use crate::domain::{ConversationState, Lang, Remembered};
use crate::ids::{CommitId, ContactKey, ConversationKey, MessageId, Node, OutboundId};
use crate::language::Reason;
use crate::time::Timestamp;
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

// === Channel ===

/// A place where customers write: sends what the desk says, and looks at what is there.
#[async_trait]
pub trait Channel: Send + Sync + fmt::Debug {
    /// Returns the name: the first part of its conversation keys.
    fn name(&self) -> &'static str;

    /// Returns how long one text may be, in characters. Longer ones are split before they are stored as rows.
    fn max_text(&self) -> usize;

    /// Performs one act. `id` must travel with it where the vendor can carry it.
    ///
    /// # Cancellation
    /// A dropped future leaves the outcome unknown.
    async fn send(&self, to: &Destination, act: &Act, id: &OutboundId) -> Verdict;

    /// Looks at the conversation, and at the messages newer than `after` as far as the vendor lets us.
    ///
    /// # Errors
    /// [`PortErrorKind::Forbidden`] if this vendor or token cannot look.
    async fn look(&self, key: &ConversationKey, after: MessageId) -> Result<Look, PortError>;

    /// Shows or hides the typing indicator. Best effort.
    ///
    /// # Errors
    /// Whatever went wrong; callers only count it.
    async fn typing(&self, key: &ConversationKey, on: bool) -> Result<(), PortError>;

    /// Returns the page where a colleague opens this conversation.
    fn link(&self, key: &ConversationKey) -> Option<String>;
}

/// Where an act goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The conversation.
    pub key: ConversationKey,
    /// The customer, where known.
    pub contact: Option<ContactKey>,
}

/// One thing the desk does in a channel. Everything but [`Act::Text`] and [`Act::Note`] may be repeated harmlessly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Says something to the customer.
    Text {
        /// Plain text, as the customer is to read it; the adapter escapes what its vendor would interpret.
        text: String,
        /// Whether this is the announcement of a hand-over (`content_attributes.action = "handoff"`).
        handoff: bool,
    },
    /// Leaves a note that only colleagues see.
    Note {
        /// Markdown as the vendor's dashboard renders it.
        text: String,
    },
    /// Gives the conversation to the people.
    Open,
    /// Gives the conversation back to the desk.
    Pend,
    /// Adds a label, keeping the others.
    AddLabel(String),
    /// Sets the priority: low, medium, high or urgent.
    Priority(String),
    /// Assigns a team by the vendor's id.
    Team(u64),
    /// Writes down that this customer is verified, keeping all other attributes.
    MarkVerified {
        /// The proven address, if known.
        address: Option<String>,
    },
    /// Puts the proven address on the contact. Settled without effect where the token may not.
    ContactEmail {
        /// The proven address.
        address: String,
    },
}

/// What became of a send. See the table in the architecture: 5xx and time-outs are never [`Verdict::Transient`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It landed.
    Settled {
        /// The vendor's id of the message, if it is one.
        message: Option<MessageId>,
    },
    /// Nothing was written at the vendor: it may be tried again.
    Transient {
        /// How long the vendor asked us to wait.
        retry_after: Option<Duration>,
        /// For the operator; no customer's words.
        why: String,
    },
    /// It will never be accepted.
    Rejected {
        /// For the operator; no customer's words.
        why: String,
    },
    /// The account may not do this (token, plan, credit): the lane is paused until an operator acts.
    AccountFault {
        /// For the operator: what is wrong and what to do.
        why: String,
    },
    /// It may or may not have landed.
    Unknown {
        /// The vendor has answered, so nothing is still running there: one look decides at once.
        finished: bool,
        /// For the operator; no customer's words.
        why: String,
    },
}

/// What a look at the vendor showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Status and assignee.
    pub state: ConversationState,
    /// Messages newer than the watermark, oldest first, as far as the vendor let us see.
    pub messages: Vec<Seen>,
    /// Whether `messages` is everything public since the watermark. Only then does absence prove anything.
    pub complete: bool,
}

/// One message seen in a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The vendor's id.
    pub id: MessageId,
    /// When it was written.
    pub at: Timestamp,
    /// Who wrote it.
    pub author: Author,
    /// What was written.
    pub text: String,
}

/// Who wrote a message that a look showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// The customer.
    Customer,
    /// We did, as this row.
    Us(OutboundId),
    /// A person of the company.
    Person,
    /// A private note or an activity line.
    Private,
    /// Anything else: a greeting, an automation, another bot.
    Other,
}

// === Model ===

/// A language model that answers customers.
#[async_trait]
pub trait Model: Send + Sync + fmt::Debug {
    /// Answers the last messages of the prompt, in one call. The caller bounds its time.
    ///
    /// # Errors
    /// [`ModelError`], classified; no retry has been made.
    async fn reply(&self, prompt: &Prompt) -> Result<ModelReply, ModelError>;
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
    /// The model called `request_human(reason)`.
    RequestHuman {
        /// Its reason, for colleagues.
        reason: String,
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

// === Mail ===

/// Sends verification mails.
#[async_trait]
pub trait Mailer: Send + Sync + fmt::Debug {
    /// Sends one mail; `id` becomes the local part of its Message-ID.
    async fn send(&self, mail: &VerificationMail, id: &OutboundId) -> Verdict;
}

/// What a verification mail is made of. The adapter signs the link and renders the text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationMail {
    /// The conversation it belongs to.
    pub key: ConversationKey,
    /// The customer, where known.
    pub contact: Option<ContactKey>,
    /// The address to be proven.
    pub address: String,
    /// The customer's language.
    pub lang: Lang,
    /// Names the challenge in the link.
    pub challenge: String,
    /// The six digits.
    pub code: String,
    /// When the challenge was made.
    pub issued: Timestamp,
    /// When link and code stop working.
    pub expires: Timestamp,
}

impl fmt::Debug for VerificationMail {
    /// Shows neither address nor code: they must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationMail").field("key", &self.key).field("lang", &self.lang).finish_non_exhaustive()
    }
}

// === Alerts ===

/// Where colleagues are told (Teams).
#[async_trait]
pub trait AlertSink: Send + Sync + fmt::Debug {
    /// Posts one card.
    async fn post(&self, card: &Card) -> Verdict;
}

/// A card for colleagues. Text is plain; the sink escapes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Card {
    /// A customer waits for a person.
    Handoff {
        /// Why.
        reason: Reason,
        /// Name and address of the customer, as far as known.
        customer: String,
        /// What the customer said last.
        message: String,
        /// When.
        at: Timestamp,
        /// Where to open the conversation.
        link: Option<String>,
    },
    /// Something about the desk itself needs an operator.
    Incident {
        /// What is wrong and what to do, in one or two sentences.
        text: String,
        /// How many more times it happened since the last card.
        repeats: u64,
        /// When.
        at: Timestamp,
    },
    /// An incident is over.
    Resolved {
        /// What was wrong.
        text: String,
        /// When it ended.
        at: Timestamp,
    },
}

// === Budget ===

/// How fast one outbound account may be used. One implementation counts on this node; others may share.
pub trait Budget: Send + Sync + fmt::Debug {
    /// Takes one call from the budget.
    ///
    /// # Errors
    /// How long to wait before asking again.
    fn take(&self) -> Result<(), Duration>;
}

// === Store ===

/// Durable memory. Every write of a conversation is one atomic compare-and-set.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// Loads a conversation.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn load(&self, key: &ConversationKey) -> Result<Option<Stored>, PortError>;

    /// Writes a conversation in one atomic step: record, memory, wake-up, journal, summary.
    async fn commit(&self, commit: &Commit) -> CommitOutcome;

    /// Erases a conversation, its memory, journal and feed. The dedupe window goes with it.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    async fn erase(&self, key: &ConversationKey) -> Result<(), PortError>;

    /// Returns conversations whose wake-up is due, and pushes each by `lease` under this node's name in the same step,
    /// so that no other node takes it meanwhile.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn take_due(&self, node: &Node, lease: Duration, limit: usize) -> Result<Vec<Due>, PortError>;

    /// Pushes the wake-up of conversations this node still works on. Entries another node has taken are left alone.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn renew(&self, node: &Node, lease: Duration, keys: &[ConversationKey]) -> Result<(), PortError>;

    /// Makes everything an earlier run of this node (same name, other boot) was working on due now.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn reclaim(&self, node: &Node) -> Result<u64, PortError>;

    /// Returns a contact's stored value.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn contact(&self, contact: &ContactKey) -> Result<Option<Bytes>, PortError>;

    /// Replaces a contact's stored value.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    async fn put_contact(&self, contact: &ContactKey, value: Bytes) -> Result<(), PortError>;

    /// Takes one from each quota, in order. Stops at the first exhausted one and returns its index; what was taken
    /// before it stays taken.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn take_quota(&self, quotas: &[Quota]) -> Result<Option<usize>, PortError>;

    /// Uses up a quota for `ttl`, whatever its limit.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn exhaust_quota(&self, key: &str, ttl: Duration) -> Result<(), PortError>;

    /// Reads a setting shared by all nodes.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn setting(&self, name: &str) -> Result<Option<String>, PortError>;

    /// Writes a setting shared by all nodes.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    async fn put_setting(&self, name: &str, value: &str) -> Result<(), PortError>;

    /// Writes a setting unless it exists, and returns what then stands: how a generated secret becomes the same on
    /// every node.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    async fn put_setting_once(&self, name: &str, value: &str) -> Result<String, PortError>;

    /// Lists conversations, the most recently changed first.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn list(&self, limit: usize) -> Result<Vec<Listed>, PortError>;

    /// Returns the newest journal entries of a conversation, oldest first.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn journal(&self, key: &ConversationKey, limit: usize) -> Result<Vec<Bytes>, PortError>;

    /// Appends to a conversation's feed unless an entry with the same `id` is there. Returns the entry's number, from 1,
    /// either way. Feeds are capped at the newest 500 entries.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    async fn append_feed(&self, key: &ConversationKey, id: &str, entry: Bytes) -> Result<u64, PortError>;

    /// Returns feed entries numbered above `after`, oldest first.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn feed(&self, key: &ConversationKey, after: u64) -> Result<Vec<(u64, Bytes)>, PortError>;

    /// Checks that the store answers.
    ///
    /// # Errors
    /// [`PortError`] if it does not.
    async fn ping(&self) -> Result<(), PortError>;
}

/// A conversation as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// How many commits made it.
    pub version: u64,
    /// The id of the last commit.
    pub commit: CommitId,
    /// The control record, encoded by the flow.
    pub record: Bytes,
    /// The memory, encoded by the flow; it expires by itself.
    pub memory: Option<Bytes>,
}

/// One atomic write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The conversation.
    pub key: ConversationKey,
    /// The version this write was computed from; 0 for a conversation that does not exist yet.
    pub expected: u64,
    /// Names this write. Repeating it under the same id after [`CommitOutcome::Unknown`] is harmless.
    pub id: CommitId,
    /// The writer. Becomes the holder of the wake-up.
    pub node: Node,
    /// The control record.
    pub record: Bytes,
    /// What happens to the memory.
    pub memory: MemoryWrite,
    /// When somebody must look at this conversation again, from now; `None` if nothing is owed and no timer runs.
    pub wake: Option<Duration>,
    /// Journal entries to append. The journal is capped at the newest 200.
    pub journal: Vec<Bytes>,
    /// A one-line summary for lists.
    pub summary: Bytes,
}

/// What a commit does to the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemoryWrite {
    /// Nothing.
    Keep,
    /// Replaces it and lets it live this long.
    Put {
        /// The encoded memory.
        value: Bytes,
        /// How long it lives without being refreshed.
        ttl: Duration,
    },
    /// Erases it.
    Erase,
}

/// What became of a commit.
#[derive(Debug, Clone)]
pub enum CommitOutcome {
    /// It is durable (or was already, under the same id).
    Ok {
        /// The new version.
        version: u64,
    },
    /// Another node wrote since: reload and apply again.
    Conflict,
    /// The store holds an older version than expected: it has lost writes. The caller is truer.
    Regressed {
        /// What the store holds; 0 if nothing.
        version: u64,
    },
    /// Nothing was written.
    Unavailable(PortError),
    /// It may or may not have been written: repeat it under the same id.
    Unknown(PortError),
}

/// A conversation whose wake-up was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The conversation.
    pub key: ConversationKey,
    /// How often it was taken since its last commit, this time included.
    pub takes: u32,
    /// Whether another node, or an earlier run of this one, held it last.
    pub taken_over: bool,
}

/// At most `limit` in every window of this length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Names what is counted. Never an address in clear: a digest.
    pub key: String,
    /// How many.
    pub limit: u32,
    /// In how long.
    pub window: Duration,
}

/// A conversation in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The conversation.
    pub key: ConversationKey,
    /// The summary given with its last commit.
    pub summary: Bytes,
}

// === Errors ===

/// A failure at a port.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} failed")]
pub struct PortError {
    /// What kind of failure.
    pub kind: PortErrorKind,
    /// What was attempted, in the infinitive, for the operator: "read the conversation from Redis".
    pub operation: String,
    /// The cause.
    #[source]
    pub source: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of failures at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortErrorKind {
    /// Try again later.
    Transient,
    /// Too fast: try again after this long.
    Throttled(Duration),
    /// This will never work, as asked.
    Rejected,
    /// We may not do this.
    Forbidden,
    /// What came back makes no sense.
    Broken,
}

impl PortError {
    /// Makes an error without a cause.
    pub fn new(kind: PortErrorKind, operation: impl Into<String>) -> Self {
        Self { kind, operation: operation.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(std::sync::Arc::new(source));
        self
    }

    /// Returns a [`PortErrorKind::Transient`] failure of `operation`, caused by `source`.
    pub fn transient(operation: impl Into<String>, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::new(PortErrorKind::Transient, operation).because(source)
    }
}
