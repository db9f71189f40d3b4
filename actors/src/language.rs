//! What the desk says itself, as values, and the two pure ports that turn text into meaning and meaning into text.
//!
//! Implementations must be pure functions of their arguments: the flow calls them, and the flow is replayed in tests.

#![deny(clippy::disallowed_methods)]

use crate::domain::{Lang, ProofKind};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Everything the desk says itself, to customers and to colleagues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phrase {
    /// Asks for an e-mail address. The first thing a customer reads.
    AskEmail,
    /// What was typed looks like an address but is not one.
    MalformedEmail,
    /// A mail with link and code is on its way. The same words for every address.
    MailSent {
        /// The address as the customer typed it.
        address: String,
    },
    /// The mail server is not answering; the desk keeps trying.
    MailDelayed,
    /// The mail server refused this address.
    MailRefused {
        /// The address as the customer typed it.
        address: String,
    },
    /// Too many mails for this contact or inbox; wait or ask for a person.
    MailsCapped,
    /// The mail is still waiting to be answered; how to go on.
    Remind {
        /// The address as the customer typed it.
        address: String,
    },
    /// A resend was asked for too early.
    ResendTooSoon {
        /// Seconds to wait.
        seconds: u64,
    },
    /// No more resends for this address; give another one or ask for a person.
    ResendCapped,
    /// The code is wrong.
    WrongCode {
        /// How many tries are left.
        left: u32,
    },
    /// Too many wrong codes: the challenge is void; give the address again.
    TooManyCodes,
    /// The link and code have expired; a new mail is on its way, or another address can be given.
    Expired {
        /// Where the new mail goes.
        address: String,
    },
    /// Somebody pressed "this was not me" in the mail: the challenge is void; give another address.
    Disowned,
    /// The address is proven.
    Verified {
        /// The proven address.
        address: String,
    },
    /// A person was asked for and has been told.
    HandoffAsked,
    /// The desk cannot go on by itself, is sorry, and has told a person.
    HandoffSorry,
    /// The answer comes later than anybody should wait: the desk is sorry for the delay, and the answer follows.
    LateAnswer,
    /// Nobody of the company has come yet; the question is kept.
    NobodyYet,
    /// Nobody of the company has come yet; the desk tries to help once more.
    NobodyYetTryAgain,
    /// A message without words that the desk could read (attachments, a place, a poll, what could not be decrypted, or
    /// nothing at all): say so, offer a person.
    CannotReadAttachment,
    /// A recording is too long to be listened to: say so, offer writing or a person.
    VoiceTooLong,
    /// No words could be made out in a recording.
    VoiceSilent,
    /// A recording could not be fetched or read.
    VoiceUnreadable,
    /// For colleagues: the private note at a hand-over.
    HandoffNote(Box<HandoffNote>),
    /// For colleagues, in shadow mode: the private note with what the desk would have said.
    Draft(Box<Draft>),
    /// For colleagues: the title of the card at a hand-over.
    CardTitle,
    /// For colleagues: the reason, as a sentence.
    Because(Reason),
}

/// What a colleague should know when they take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoffNote {
    /// Why.
    pub reason: Reason,
    /// The customer's name, if known.
    pub name: Option<String>,
    /// The customer's address, and what proves it, if anything.
    pub email: Option<(String, Option<ProofKind>)>,
    /// The customer's language.
    pub lang: Lang,
    /// What the model says that it is about, where it fetched the person.
    pub summary: Option<String>,
    /// What is still unanswered, oldest first.
    pub open_questions: Vec<String>,
    /// How many messages the customer and the desk exchanged, as remembered.
    pub exchanged: usize,
    /// The last messages, oldest first, as `(who, text)`; who is "customer", "desk" or "person".
    pub last: Vec<(crate::domain::Role, String)>,
}

/// What the desk would have done, had it been allowed to speak.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it would have said to the customer, in the customer's language.
    pub text: String,
    /// Why it would have fetched a person, if so.
    pub because: Option<Reason>,
}

impl fmt::Debug for Draft {
    /// Shows no word of the conversation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("because", &self.because.as_ref().map(Reason::name)).finish_non_exhaustive()
    }
}

/// Why a person was fetched, or why the desk fell silent. Closed: it is a metric label and a Fluent message each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The customer asked for a person, in words.
    AskedByCustomer,
    /// The model asked for a person; its own reason.
    AskedByModel(String),
    /// The model failed too often.
    ModelFailed,
    /// The model did not answer before the turn's deadline.
    TurnDeadline,
    /// The model answered with nothing.
    EmptyReply,
    /// The model said that it does not know.
    CannotAnswer,
    /// The model refused our key.
    ModelUnauthorized,
    /// The model does not exist.
    ModelNotFound,
    /// The model account has no credit left.
    ModelQuota,
    /// The verification mail could not be delivered.
    MailFailed,
    /// The global human switch is on.
    HumanMode,
    /// The desk only watches here: people answer, it drafts.
    ShadowMode,
    /// An operator asked through the API or the console.
    Operator,
    /// A colleague asked in a private note.
    ColleagueNote,
    /// A person wrote to the customer.
    PersonWrote,
    /// A person was assigned.
    PersonAssigned,
    /// The vendor says that it is not the bot's conversation.
    NotPending,
    /// Another bot is assigned.
    OtherBot,
    /// Work was interrupted too often.
    Interrupted,
    /// An event could not be processed.
    Poison,
    /// The customer has waited so long that an answer of the desk is not welcome any more.
    AnswerTooLate,
    /// The vendor opened it because the desk did not take its webhooks.
    DeskAway,
    /// A voice message could not be listened to.
    VoiceUnheard,
}

impl Reason {
    /// Returns one of every reason, in the order of the declaration; `words` are the model's own. For whatever must know
    /// all of them: texts, labels, tests.
    pub fn every(words: &str) -> [Reason; 23] {
        [
            Reason::AskedByCustomer,
            Reason::AskedByModel(words.to_owned()),
            Reason::ModelFailed,
            Reason::TurnDeadline,
            Reason::EmptyReply,
            Reason::CannotAnswer,
            Reason::ModelUnauthorized,
            Reason::ModelNotFound,
            Reason::ModelQuota,
            Reason::MailFailed,
            Reason::HumanMode,
            Reason::ShadowMode,
            Reason::Operator,
            Reason::ColleagueNote,
            Reason::PersonWrote,
            Reason::PersonAssigned,
            Reason::NotPending,
            Reason::OtherBot,
            Reason::Interrupted,
            Reason::Poison,
            Reason::AnswerTooLate,
            Reason::DeskAway,
            Reason::VoiceUnheard,
        ]
    }

    /// Returns whether it is something that a person of the company did themselves.
    pub const fn is_persons_act(&self) -> bool {
        match self {
            Reason::PersonWrote | Reason::PersonAssigned | Reason::ColleagueNote => true,
            Reason::AskedByCustomer
            | Reason::AskedByModel(_)
            | Reason::ModelFailed
            | Reason::TurnDeadline
            | Reason::EmptyReply
            | Reason::CannotAnswer
            | Reason::ModelUnauthorized
            | Reason::ModelNotFound
            | Reason::ModelQuota
            | Reason::MailFailed
            | Reason::HumanMode
            | Reason::ShadowMode
            | Reason::Operator
            | Reason::NotPending
            | Reason::OtherBot
            | Reason::Interrupted
            | Reason::Poison
            | Reason::AnswerTooLate
            | Reason::DeskAway
            | Reason::VoiceUnheard => false,
        }
    }

    /// Returns the reason's name, for labels, Fluent keys (`reason-asked-by-customer`) and the journal.
    pub const fn name(&self) -> &'static str {
        match self {
            Reason::AskedByCustomer => "asked-by-customer",
            Reason::AskedByModel(_) => "asked-by-model",
            Reason::ModelFailed => "model-failed",
            Reason::TurnDeadline => "turn-deadline",
            Reason::EmptyReply => "empty-reply",
            Reason::CannotAnswer => "cannot-answer",
            Reason::ModelUnauthorized => "model-unauthorized",
            Reason::ModelNotFound => "model-not-found",
            Reason::ModelQuota => "model-quota",
            Reason::MailFailed => "mail-failed",
            Reason::HumanMode => "human-mode",
            Reason::ShadowMode => "shadow-mode",
            Reason::Operator => "operator",
            Reason::ColleagueNote => "colleague-note",
            Reason::PersonWrote => "person-wrote",
            Reason::PersonAssigned => "person-assigned",
            Reason::NotPending => "not-pending",
            Reason::OtherBot => "other-bot",
            Reason::Interrupted => "interrupted",
            Reason::Poison => "poison",
            Reason::AnswerTooLate => "answer-too-late",
            Reason::DeskAway => "desk-away",
            Reason::VoiceUnheard => "voice-unheard",
        }
    }
}

/// Turns meaning into text.
pub trait Phrasebook: Send + Sync + fmt::Debug {
    /// Returns the phrase in the language. Never empty.
    fn say(&self, lang: Lang, phrase: &Phrase) -> String;
}

/// Turns text into meaning.
pub trait Analyzer: Send + Sync + fmt::Debug {
    /// Returns the language of the text, or `None` if it cannot be told (a number, an address, one ambiguous word).
    fn language(&self, text: &str) -> Option<Lang>;
    /// Returns the language of the text in a conversation that was held in `known` so far, or `None` if that is no reason to
    /// change. One or two words say less than what was said before them.
    fn language_in(&self, text: &str, known: Option<Lang>) -> Option<Lang> {
        let _ = known;
        self.language(text)
    }
    /// Returns whether the customer asks for a person.
    fn wants_person(&self, text: &str) -> bool;
    /// Returns whether the customer asks for the mail to be sent again.
    fn wants_resend(&self, text: &str) -> bool;
    /// Returns whether a word says nothing of its own beside an address, a code or a request for the mail ("my", "e-mail",
    /// "is", "please").
    fn is_small_talk(&self, word: &str) -> bool;
    /// Returns whether the model's answer says that it cannot answer.
    fn gives_up(&self, text: &str) -> bool;
}
