//! Everything a conversation can ask its shell to do.

use crate::flow::outbox::{Lane, Row};
use crate::ids::{MessageId, Ticket};
use crate::ports::{Prompt, Recording};

/// One effect of [`crate::flow::Flow::handle`].
///
/// [`Effect::AbortModel`] is performed before the commit (silence must not wait for the store), everything else after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ends the running model call, if there is one.
    AbortModel,
    /// Asks the model.
    AskModel {
        /// Marks the call.
        ticket: Ticket,
        /// What to ask.
        prompt: Box<Prompt>,
    },
    /// Listens to a recording. It ends when the conversation does not wait for it any more ([`crate::flow::Flow::is_hearing`]).
    Transcribe {
        /// Marks the call.
        ticket: Ticket,
        /// What to listen to.
        recording: Box<Recording>,
    },
    /// Asks the lane's gate for a permit for this row; the answer is [`crate::flow::Input::Cleared`].
    Acquire {
        /// The row's sequence number.
        row: u64,
        /// The lane.
        lane: Lane,
    },
    /// Sends a claimed row.
    Send(Box<Row>),
    /// Looks at the vendor.
    Look {
        /// Marks the look.
        ticket: Ticket,
        /// Everything newer than this is asked for.
        after: MessageId,
    },
    /// Shows or hides the typing indicator.
    Typing(bool),
    /// Tells operators about an incident.
    Alert(Incident),
}

/// What operators are told about. Closed: each is an alert key, a metric label and a line in the runbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Incident {
    /// The model refused our key.
    ModelUnauthorized,
    /// The model does not exist.
    ModelNotFound,
    /// The model account has no credit.
    ModelQuota,
    /// Whoever transcribes recordings refuses our key, model or account.
    TranscriberRefused,
    /// A vendor account refuses us; its lane is paused.
    AccountFault,
    /// A send's outcome stays unknown; the row is held.
    RowHeld,
    /// A vendor refused a message to a customer for good.
    RowRejected,
    /// Another bot is assigned to conversations of ours.
    OtherBot,
    /// A conversation failed twice on one event.
    EventParked,
    /// A conversation's record cannot be read, or it keeps failing.
    Quarantined,
    /// The vendor does not let us look; interrupted work fetches a person.
    LookForbidden,
    /// Conversations start open: no bot is connected to the inbox.
    NoBotConnected,
    /// The store does not answer.
    StoreUnavailable,
    /// The vendor opened conversations because the desk did not take its webhooks.
    OpenedByFailure,
    /// The desk's account at a channel's vendor is logged out, blocked or suspended.
    ChannelDown,
    /// The desk's account at a channel's vendor has used up its plan.
    ChannelQuota,
}

impl Incident {
    /// Returns the key.
    pub const fn name(self) -> &'static str {
        match self {
            Incident::ModelUnauthorized => "model_unauthorized",
            Incident::ModelNotFound => "model_not_found",
            Incident::ModelQuota => "model_quota",
            Incident::TranscriberRefused => "transcriber_refused",
            Incident::AccountFault => "account_fault",
            Incident::RowHeld => "row_held",
            Incident::RowRejected => "row_rejected",
            Incident::OtherBot => "other_bot",
            Incident::EventParked => "event_parked",
            Incident::Quarantined => "quarantined",
            Incident::LookForbidden => "look_forbidden",
            Incident::NoBotConnected => "no_bot_connected",
            Incident::StoreUnavailable => "store_unavailable",
            Incident::OpenedByFailure => "opened_by_failure",
            Incident::ChannelDown => "channel_down",
            Incident::ChannelQuota => "channel_quota",
        }
    }
}
