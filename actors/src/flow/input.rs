//! Everything a conversation can hear.

use crate::domain::{Event, Inbound, Order, Verified};
use crate::ids::{OutboundId, Ticket};
use crate::ports::{Look, ModelError, ModelReply, PortErrorKind, TranscribeError, Verdict};
use crate::view::Decision;

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
    /// An operator has the person forgotten.
    Erased,
    /// An operator's decision about a held row.
    Decided {
        /// The row.
        row: OutboundId,
        /// What becomes of it.
        decision: Decision,
    },
    /// The conversation failed again and again on work of its own.
    Poisoned,
    /// The global human switch was turned off.
    HumanModeOff,
    /// A model call ended.
    ModelReplied {
        /// Which call.
        ticket: Ticket,
        /// How it ended.
        result: Result<ModelReply, ModelError>,
    },
    /// A recording was listened to.
    Transcribed {
        /// Which call.
        ticket: Ticket,
        /// What it says, or why that is not known.
        result: Result<String, TranscribeError>,
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
    /// Events may have been missed: the vendor is to be looked at, also if there is nothing to say.
    LookAround,
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
            Input::Decided { decision: Decision::Resend, .. } => "row_resent",
            Input::Decided { decision: Decision::Drop, .. } => "row_dropped",
            Input::Poisoned => "poisoned",
            Input::Erased => "erased",
            Input::HumanModeOff => "human_mode_off",
            Input::ModelReplied { .. } => "model_replied",
            Input::Transcribed { .. } => "transcribed",
            Input::Cleared { .. } => "cleared",
            Input::Sent { .. } => "sent",
            Input::Looked { .. } => "looked",
            Input::LookAround => "look_around",
            Input::DeadlineReached => "deadline_reached",
            Input::Recovered { .. } => "recovered",
        }
    }

    /// Returns whether the answer to it rests on something that is not there, which another node may have written.
    pub fn claims_absence(&self) -> bool {
        match self {
            Input::LinkConfirmed(_)
            | Input::LinkDisowned(_)
            | Input::Ordered(_)
            | Input::Decided { .. }
            | Input::Erased
            | Input::HumanModeOff => true,
            Input::Inbound(inbound) => {
                let by_event = matches!(
                    inbound.event,
                    Event::Edited { .. }
                        | Event::Deleted { .. }
                        | Event::Ordered { .. }
                        | Event::Echo { .. }
                        | Event::Carried { .. }
                        | Event::Fared { .. }
                        | Event::Missed { .. }
                );
                by_event || inbound.state.is_some()
            }
            Input::ContactKnown(_)
            | Input::Poisoned
            | Input::ModelReplied { .. }
            | Input::Transcribed { .. }
            | Input::Cleared { .. }
            | Input::Sent { .. }
            | Input::Looked { .. }
            | Input::LookAround
            | Input::DeadlineReached
            | Input::Recovered { .. } => false,
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
