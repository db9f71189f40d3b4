//! The four phases. What belongs to a phase lives in its variant.

use crate::domain::Verified;
use crate::ids::{MessageId, Ticket};
use crate::language::Reason;
use crate::time::Timestamp;
use crate::view::PhaseName;
use serde::{Deserialize, Serialize};

/// Where a conversation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// The desk asks for an address.
    AwaitingEmail(AwaitingEmail),
    /// A mail with link and code is out.
    PendingVerification(PendingVerification),
    /// The desk answers.
    Bot(Bot),
    /// A person has it.
    Human(Human),
}

impl Phase {
    pub(crate) const fn name(&self) -> PhaseName {
        match self {
            Phase::AwaitingEmail(_) => PhaseName::AwaitingEmail,
            Phase::PendingVerification(_) => PhaseName::PendingVerification,
            Phase::Bot(_) => PhaseName::Bot,
            Phase::Human(_) => PhaseName::Human,
        }
    }

    /// Returns the turn in progress: of an answer, or of a draft.
    pub(crate) fn turn(&self) -> Option<&Turn> {
        match self {
            Phase::Bot(bot) => bot.turn.as_deref(),
            Phase::Human(human) => human.draft.turn.as_deref(),
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) => None,
        }
    }
}

/// Data of [`Phase::AwaitingEmail`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AwaitingEmail {
    /// When the desk asked last.
    pub(crate) asked: Option<Timestamp>,
}

/// Data of [`Phase::PendingVerification`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingVerification {
    pub(crate) challenge: Challenge,
    /// When the desk last reminded the customer.
    #[serde(default)]
    pub(crate) reminded: Option<Timestamp>,
}

/// Data of [`Phase::Bot`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bot {
    /// The turn in progress; there is one whenever something is owed.
    /// Boxed: most conversations rest.
    pub(crate) turn: Option<Box<Turn>>,
}

/// Data of [`Phase::Human`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Human {
    /// Since when.
    pub(crate) since: Timestamp,
    /// Why.
    pub(crate) reason: Reason,
    /// Whether a person has written, was assigned, or took it.
    pub(crate) touched: bool,
    /// When a person last wrote.
    pub(crate) last_word: Timestamp,
    /// The challenge that was open when a person was fetched.
    pub(crate) parked: Option<Challenge>,
    /// What is done when nobody comes; none where the desk fetched nobody, or somebody came.
    #[serde(default)]
    pub(crate) pickup: Option<Pickup>,
    /// In shadow mode: the turn that makes a draft.
    #[serde(default)]
    pub(crate) draft: Bot,
    /// In shadow mode: whether a colleague wants no drafts here.
    #[serde(default)]
    pub(crate) quiet: bool,
    /// Where the desk means to take it back: how far it has come with making sure that nobody has touched it.
    /// Boxed: it is rare.
    #[serde(default)]
    pub(crate) reclaim: Option<Box<Reclaim>>,
    /// Whether colleagues were called because the customer wrote before the conversation was shown open to them.
    #[serde(default)]
    pub(crate) called: bool,
    /// Whether the customer has written since then, still before it was shown open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) wrote_on: bool,
}

/// When colleagues are called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pickup {
    /// When.
    pub(crate) due: Timestamp,
    /// How often they were called again already.
    pub(crate) told: u32,
}

/// Making sure that nobody has touched what the vendor opened while the desk was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reclaim {
    /// How many looks have shown nobody.
    pub(crate) looks: u32,
    /// When to look next.
    pub(crate) at: Timestamp,
}

impl Human {
    /// Returns whether only the global human switch gave it to the people.
    pub(crate) fn is_by_switch(&self) -> bool {
        self.reason == Reason::HumanMode && !self.touched
    }
}

/// One attempt to prove one address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Challenge {
    /// Unguessable; stands in the link.
    pub(crate) id: String,
    /// The six digits.
    pub(crate) code: String,
    /// The address to be proven.
    pub(crate) address: String,
    /// When it was made.
    pub(crate) issued: Timestamp,
    /// When it stops working.
    pub(crate) expires: Timestamp,
    /// How many wrong codes were typed.
    pub(crate) wrong: u32,
    /// How many times the mail was sent again on request.
    pub(crate) resends: u32,
    /// When a mail was last asked for.
    pub(crate) mailed: Timestamp,
    /// Whether the customer was told that the mail server is slow.
    pub(crate) delay_told: bool,
    /// Whether no mail of it is known to have left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unsent: bool,
}

impl std::fmt::Debug for Challenge {
    /// Shows neither address nor code: they must not reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Challenge").field("expires", &self.expires).field("wrong", &self.wrong).finish_non_exhaustive()
    }
}

/// What became of a challenge that is not open any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// It verified its address.
    Used,
    /// It expired, was replaced, or was ended by wrong codes.
    Void,
    /// "This was not me."
    Disowned,
}

/// A customer message that is owed an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owed {
    pub(crate) id: MessageId,
    pub(crate) text: String,
    pub(crate) at: Timestamp,
    /// Whether the customer said it and did not write it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) voice: bool,
    /// The version of the vendor's state that came with it; 0 if that is not known.
    #[serde(default, skip_serializing_if = "crate::flow::record::is_zero")]
    pub(crate) version: u64,
}

impl Owed {
    /// Returns a message as something to be answered.
    pub(crate) fn of(message: &crate::domain::CustomerMessage) -> Self {
        let voice = message.voice.is_some();
        Self { id: message.id, text: message.text.clone(), at: message.at, voice, version: 0 }
    }
}

/// How one answer comes about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub(crate) stage: Stage,
    /// How many model calls failed.
    pub(crate) failures: u32,
    /// How many times a new message made it start over.
    pub(crate) restarts: u32,
    /// When it must be over; set at its first model call. Begun anew by whoever continues the turn after a crash.
    #[serde(skip)]
    pub(crate) deadline: Option<Timestamp>,
    /// What runs for it now. Not stored: it ends with the process, and asking the model is no promise.
    #[serde(skip)]
    pub(crate) doing: Doing,
}

/// What runs for a turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Nothing; the stage says until when.
    #[default]
    Waiting,
    /// The vendor is being looked at before the model is asked: work crossed a gap.
    Looking,
    /// The model is being asked.
    Thinking {
        /// Which call.
        ticket: Ticket,
        /// Exactly the messages its prompt contains as unanswered.
        ids: Vec<MessageId>,
        /// When the call is given up, should its end go unheard.
        until: Timestamp,
    },
}

/// When a turn goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", from = "StoredStage")]
pub(crate) enum Stage {
    /// The customer may still be writing.
    Gathering {
        /// When the first message of the burst came.
        first: Timestamp,
        /// When the burst is answered.
        due: Timestamp,
    },
    /// A failed call is to be repeated.
    Retrying {
        /// When.
        at: Timestamp,
    },
}

/// A stage as stored. Records up to version 2 also tell what was running.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredStage {
    Gathering { first: Timestamp, due: Timestamp },
    Retrying { at: Timestamp },
    Looking,
    Thinking {},
}

impl From<StoredStage> for Stage {
    fn from(stored: StoredStage) -> Self {
        match stored {
            StoredStage::Gathering { first, due } => Stage::Gathering { first, due },
            StoredStage::Retrying { at } => Stage::Retrying { at },
            // What was running is lost with the process that ran it: it is due at once.
            StoredStage::Looking | StoredStage::Thinking {} => Stage::Retrying { at: Timestamp::default() },
        }
    }
}

/// What the phases hear, after everything that is common to all of them has been dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The customer wrote, for the first time under this id; or what they said is known.
    Wrote(crate::domain::CustomerMessage),
    /// The customer said something, and it is not known yet what.
    Spoke(MessageId),
    /// A message the customer had written is gone.
    Deleted(MessageId),
    /// A person has it.
    TakenOver(Reason),
    /// The desk has it again.
    HandedBack(Back),
    /// Somebody asked for a person on the customer's behalf.
    FetchPerson(Reason),
    /// The customer is known.
    Proven(Verified),
    /// The link's button was pressed.
    Confirmed(String),
    /// "This was not me" was pressed.
    Disowned(String),
    /// A verification mail went its way.
    Mail(MailNews),
    /// A model call ended.
    Replied {
        /// Which call.
        ticket: Ticket,
        /// How it ended.
        result: Result<crate::ports::ModelReply, crate::ports::ModelError>,
    },
    /// A look showed that the desk may go on.
    Fresh {
        /// Whether it showed everything there is.
        complete: bool,
    },
    /// Everything said is to be forgotten.
    Forgotten,
    /// Time has passed.
    Tick,
}

/// How a conversation came back to the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Back {
    /// The vendor says that it is done.
    Resolved,
    /// The vendor says that it is the bot's again.
    Pending,
    /// The bot was assigned, and the vendor leaves the conversation open.
    Assigned,
    /// A colleague or an operator ordered it.
    Order,
    /// The global human switch was turned off.
    ModeOff,
}

/// What became of a verification mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailNews {
    /// The mail server took it, or the customer must not learn that it did not.
    Sent,
    /// It was not taken yet; the desk keeps trying.
    Delayed,
    /// The mail server refuses the address.
    Refused,
    /// A cap forbids it.
    Capped,
    /// It was tried often enough.
    GivenUp,
}
