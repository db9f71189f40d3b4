//! Where customers write. See `ports.rs`.

use super::PortError;
use crate::domain::ConversationState;
use crate::domain::Event;
use crate::domain::Inbound;
use crate::domain::Voice;
use crate::ids::ContactKey;
use crate::ids::ConversationKey;
use crate::ids::MessageId;
use crate::ids::OutboundId;
use crate::ids::ReplyHandle;
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

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
    /// [`super::PortErrorKind::Forbidden`] if this vendor or token cannot look.
    async fn look(&self, key: &ConversationKey, after: MessageId) -> Result<Look, PortError>;

    /// Returns a page, from 1, of the conversations in which something has happened since a moment, the latest first.
    /// Each is an [`Inbound`] as a webhook about its state would be. A channel whose events cannot be missed has none.
    ///
    /// # Errors
    /// [`super::PortErrorKind::Forbidden`] if this vendor or token cannot list: then the desk looks at those it knows.
    async fn active(&self, since: Timestamp, page: u32) -> Result<Active, PortError> {
        let _ = (since, page);
        Ok(Active { conversations: Vec::new(), last: true })
    }

    /// Returns what has happened in a conversation above `after`, as its webhooks would have told it; in one that the
    /// desk has never heard of (`None`), what has happened since a moment.
    ///
    /// # Errors
    /// [`super::PortErrorKind::Forbidden`] if this vendor or token cannot read messages.
    async fn events(
        &self,
        key: &ConversationKey,
        after: Option<MessageId>,
        since: Timestamp,
    ) -> Result<Events, PortError> {
        let _ = (key, after, since);
        Ok(Events::default())
    }

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
    /// Where somebody waits for this very act, in channels that can be answered nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<ReplyPlace>,
    /// Until when it may be written to the wire: the claim is good no longer. Whoever has not begun to write by then, because
    /// connecting or getting a token took so long, writes nothing and says [`Verdict::Transient`]. `None`: no claim stands
    /// behind it.
    #[serde(skip)]
    pub by: Option<std::time::Instant>,
}

/// Where somebody waits for an act. It takes one answer: whatever comes after the first is refused by the vendor, so that
/// an answer of unknown outcome may be repeated there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyPlace {
    /// The place.
    pub handle: ReplyHandle,
    /// Whether an earlier try at this place is of unknown outcome: if nobody waits there any more, it may have landed, and the
    /// verdict is [`Verdict::Unknown`], finished.
    pub doubted: bool,
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
    /// Lets whoever waits at [`Destination::reply`] go on without words.
    Dismiss {
        /// Whether a person has the conversation.
        person: bool,
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
    /// Nothing was written, and nobody can be told anything there: at a place to reply at nobody waits any more, or the account
    /// may not write into this chat. No other words are worth a try there.
    Gone {
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
        /// The vendor has answered, so nothing is still running there: one look decides at once. Of a place to reply at: nobody
        /// waits there any more, so that no other try can tell.
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

/// A page of conversations in which something has happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Active {
    /// The conversations.
    pub conversations: Vec<Inbound>,
    /// Whether there are no more.
    pub last: bool,
}

/// What has happened in a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// How the conversation stood when all of them had been read: what is listed may be older than what is read after it.
    /// `None` where nothing among them depends on it, or this vendor keeps no state.
    pub state: Option<ConversationState>,
    /// Whether they are all there are.
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
    /// The recording that came with it, if the customer sent one.
    pub voice: Option<Voice>,
}

/// Who wrote a message that a look showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// The customer.
    Customer,
    /// We did, as this row.
    Us(OutboundId),
    /// It left through our account, whose vendor cannot carry our ids: ours if a row says so.
    Carried,
    /// A person of the company.
    Person,
    /// A private note or an activity line.
    Private,
    /// Anything else: a greeting, an automation, another bot.
    Other,
}
