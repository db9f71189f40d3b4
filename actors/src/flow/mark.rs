//! What is worth counting: facts a step established, as values. The shell turns them into metrics and the journal shows
//! them; the flow itself counts nothing.

use crate::domain::ProofKind;
use crate::language::Reason;
use std::time::Duration;

/// One countable fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// Something happened at the gate.
    Gate(GateMark),
    /// A person was fetched.
    HandedOff(Reason),
    /// A person took it by themselves.
    TakenOver(Reason),
    /// The desk has it again.
    HandedBack,
    /// Nobody came although the desk had fetched a person: colleagues are called again.
    NotPickedUp,
    /// In shadow mode, a note shows what the desk would have done: `answer` or `person`.
    Drafted(&'static str),
    /// A turn ended with an answer.
    Answered,
    /// A turn started over because the customer wrote more.
    TurnRestarted,
    /// A model call of a turn failed.
    TurnFailed,
    /// A row was dropped unsent; why.
    RowDropped(Dropped),
    /// A held row is sent again, because an operator decided so.
    RowResent,
    /// An event had been taken before.
    Duplicate,
    /// A result came for an abandoned attempt: `model`, `send` or `look`.
    Late(&'static str),
    /// A send ended whose row an echo, a look or another try had settled before.
    SettledBefore,
    /// A state of the conversation was older than what was known.
    OlderState,
    /// The first part of an answer landed this long after the customer had written.
    AnswerLanded(Duration),
    /// A text of the desk landed although a person had taken over meanwhile: it was on the wire already.
    SentAfterPerson,
    /// A text of the desk stands at the vendor under two ids.
    SentTwice,
}

/// What happens at the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateMark {
    /// An address was asked for.
    Asked,
    /// What was given is no address.
    Malformed,
    /// A challenge was made.
    Challenged,
    /// Its mail was asked for again.
    Resent,
    /// The customer is verified, by this.
    Verified(ProofKind),
    /// The contact was verified in another conversation.
    Known,
    /// A wrong code was typed.
    WrongCode,
    /// Too many were.
    TooManyCodes,
    /// The challenge had expired.
    Expired,
    /// "This was not me" was pressed.
    Disowned,
    /// A cap forbade a mail.
    Capped,
    /// A mail was refused or given up.
    MailFailed,
}

/// Why a row was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// A person has the conversation.
    PersonHasIt,
    /// It had grown too old.
    Stale,
    /// What it would do is done, or not wanted any more.
    Unwanted,
    /// It was held, and an operator decided so.
    Operator,
}

impl GateMark {
    /// Returns the label.
    pub const fn name(self) -> &'static str {
        match self {
            GateMark::Asked => "asked",
            GateMark::Malformed => "malformed",
            GateMark::Challenged => "challenged",
            GateMark::Resent => "resent",
            GateMark::Verified(ProofKind::Link) => "verified_link",
            GateMark::Verified(ProofKind::Code) => "verified_code",
            GateMark::Verified(ProofKind::Mac) => "verified_mac",
            GateMark::Verified(ProofKind::VendorIdentity) => "verified_identity",
            GateMark::Verified(ProofKind::PlainAttributes) => "verified_plain",
            GateMark::Known => "known",
            GateMark::WrongCode => "wrong_code",
            GateMark::TooManyCodes => "too_many_codes",
            GateMark::Expired => "expired",
            GateMark::Disowned => "disowned",
            GateMark::Capped => "capped",
            GateMark::MailFailed => "mail_failed",
        }
    }
}

impl Dropped {
    /// Returns the label.
    pub const fn name(self) -> &'static str {
        match self {
            Dropped::PersonHasIt => "person_has_it",
            Dropped::Stale => "stale",
            Dropped::Unwanted => "unwanted",
            Dropped::Operator => "operator",
        }
    }
}
