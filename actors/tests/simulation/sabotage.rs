//! Planted bugs: what a careless author of the shell or of an adapter might have written. Each bends what goes into the flow
//! or what comes out of it; the flow itself and the invariants know nothing of them.

use super::world::Setting;
use frontdesk_actors::domain::{Event, Inbound};
use frontdesk_actors::flow::SendOutcome;
use frontdesk_actors::ports::Verdict;

/// One planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sabotage {
    AckEarly,
    DropCommit,
    SkipClaim,
    SkipLook,
    ErrorsAreTransient,
    AbsenceWithoutSettle,
    CloseByWatermark,
    IgnoreOnStaleCache,
    StatusWithoutVersion,
    NewCommitId,
    SkipTicket,
    ForgetDedupe,
    ForgetRestored,
}

impl Sabotage {
    pub(crate) const ALL: [Sabotage; 13] = [
        Sabotage::AckEarly,
        Sabotage::DropCommit,
        Sabotage::SkipClaim,
        Sabotage::SkipLook,
        Sabotage::ErrorsAreTransient,
        Sabotage::AbsenceWithoutSettle,
        Sabotage::CloseByWatermark,
        Sabotage::IgnoreOnStaleCache,
        Sabotage::StatusWithoutVersion,
        Sabotage::NewCommitId,
        Sabotage::SkipTicket,
        Sabotage::ForgetDedupe,
        Sabotage::ForgetRestored,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Sabotage::AckEarly => "ack early",
            Sabotage::DropCommit => "drop the commit",
            Sabotage::SkipClaim => "skip the claim",
            Sabotage::SkipLook => "skip the look",
            Sabotage::ErrorsAreTransient => "5xx as transient",
            Sabotage::AbsenceWithoutSettle => "absence without settle",
            Sabotage::CloseByWatermark => "close by watermark",
            Sabotage::IgnoreOnStaleCache => "ignore on stale cache",
            Sabotage::StatusWithoutVersion => "status without updated_at",
            Sabotage::NewCommitId => "new commit id on retry",
            Sabotage::SkipTicket => "skip the ticket",
            Sabotage::ForgetDedupe => "forget the dedupe",
            Sabotage::ForgetRestored => "forget what a restore did",
        }
    }

    /// What the runs are like in which it is hunted, and by how many of them it must be caught.
    pub(crate) const fn hunt(self) -> (Setting, u64) {
        match self {
            Sabotage::IgnoreOnStaleCache => (Setting::Crowd, 200),
            Sabotage::ForgetRestored => (Setting::Mails, 400),
            Sabotage::AckEarly
            | Sabotage::DropCommit
            | Sabotage::SkipClaim
            | Sabotage::SkipLook
            | Sabotage::ErrorsAreTransient
            | Sabotage::AbsenceWithoutSettle
            | Sabotage::CloseByWatermark
            | Sabotage::StatusWithoutVersion
            | Sabotage::NewCommitId
            | Sabotage::SkipTicket
            | Sabotage::ForgetDedupe => (Setting::Usual, 200),
        }
    }

    /// Bends a verdict on its way from the adapter to the flow.
    pub(crate) fn bend_outcome(plan: Option<Sabotage>, outcome: SendOutcome) -> SendOutcome {
        match (plan, outcome) {
            (Some(Sabotage::ErrorsAreTransient), SendOutcome::Verdict(Verdict::Unknown { why, .. })) => {
                SendOutcome::Verdict(Verdict::Transient { retry_after: None, why })
            }
            (Some(Sabotage::AbsenceWithoutSettle), SendOutcome::Verdict(Verdict::Unknown { why, .. })) => {
                SendOutcome::Verdict(Verdict::Unknown { finished: true, why })
            }
            (_, outcome) => outcome,
        }
    }

    /// Bends a webhook on its way from the adapter to the flow. `delivery` numbers the webhooks as they were made,
    /// `arrival` grows as they arrive.
    pub(crate) fn bend_inbound(plan: Option<Sabotage>, inbound: &mut Inbound, (delivery, arrival): (u64, u64)) {
        match plan {
            Some(Sabotage::StatusWithoutVersion) => {
                if let Some(state) = &mut inbound.state {
                    state.version = arrival;
                }
            }
            Some(Sabotage::ForgetDedupe) => {
                if let Event::CustomerWrote(message) = &mut inbound.event {
                    message.id.unique = message.id.unique.wrapping_add(delivery << 32);
                }
            }
            Some(_) | None => {}
        }
    }
}
