//! Everything a conversation can hear.

use crate::domain::{Inbound, Order, Verified};
use crate::ids::Ticket;
use crate::ports::{Look, ModelError, ModelReply, PortErrorKind, Verdict};

/// One input of [`crate::flow::Flow::handle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A webhook of the channel.
    Inbound(Box<Inbound>),
    /// The contact was verified in another conversation.
    ContactKnown(Verified),
    /// The button behind the link was pressed, for this challenge.
    LinkConfirmed(String),
    /// "This was not me" was pressed, for this challenge.
    LinkDisowned(String),
    /// An operator's order.
    Ordered(Order),
    /// The global human switch was turned off.
    HumanModeOff,
    /// A model call ended.
    ModelReplied {
        /// Which call.
        ticket: Ticket,
        /// How it ended.
        result: Result<ModelReply, ModelError>,
    },
    /// The gate lets this row through: last word before the wire.
    Cleared {
        /// The row's sequence number.
        row: u64,
    },
    /// A send ended.
    Sent {
        /// The row's sequence number.
        row: u64,
        /// Which try.
        attempt: u32,
        /// How it ended.
        outcome: SendOutcome,
    },
    /// A look at the vendor ended.
    Looked {
        /// Which look.
        ticket: Ticket,
        /// What it showed, or why it could not.
        result: Result<Box<Look>, PortErrorKind>,
    },
    /// The deadline may have been reached. Early and repeated ones are harmless.
    DeadlineReached,
    /// Nobody finished this conversation's work: it was taken this many times from the wake index without progress.
    Recovered {
        /// How many times.
        takes: u32,
    },
}

impl Input {
    /// Returns the name, for the journal and for metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Input::Inbound(_) => "inbound",
            Input::ContactKnown(_) => "contact_known",
            Input::LinkConfirmed(_) => "link_confirmed",
            Input::LinkDisowned(_) => "link_disowned",
            Input::Ordered(_) => "ordered",
            Input::HumanModeOff => "human_mode_off",
            Input::ModelReplied { .. } => "model_replied",
            Input::Cleared { .. } => "cleared",
            Input::Sent { .. } => "sent",
            Input::Looked { .. } => "looked",
            Input::DeadlineReached => "deadline_reached",
            Input::Recovered { .. } => "recovered",
        }
    }
}

/// How a send ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The vendor's verdict.
    Verdict(Verdict),
    /// The claim was too old when the write was about to begin: nothing was sent.
    ClaimLapsed,
    /// A cap on verification mails forbids it: nothing was sent.
    Capped {
        /// Whether the cap is the address's own. The customer must not learn that.
        by_address: bool,
    },
}
