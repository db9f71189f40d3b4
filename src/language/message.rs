//! Which Fluent message a phrase is, and with what in it.

use fluent_bundle::FluentArgs;
use frontdesk_actors::domain::{Lang, ProofKind, Role};
use frontdesk_actors::language::{Phrase, Reason};

/// How many characters of a model's reason are shown.
const REASON_CHARS: usize = 300;

/// How many characters of an address are shown: as many as an address can have.
const ADDRESS_CHARS: usize = 254;

/// A Fluent message and its arguments.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) args: FluentArgs<'static>,
}

impl Message {
    /// Makes a message without arguments.
    pub(super) fn plain(id: impl Into<String>) -> Self {
        Self { id: id.into(), args: FluentArgs::new() }
    }

    /// Adds a text.
    pub(super) fn text(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.args.set(name, text.into());
        self
    }

    /// Adds a number, by which Fluent chooses the plural.
    pub(super) fn count(mut self, name: &'static str, count: u64) -> Self {
        self.args.set(name, count);
        self
    }

    /// Returns the message of a phrase; a note is made of many and has only its title here.
    pub(super) fn of(phrase: &Phrase) -> Self {
        match phrase {
            Phrase::AskEmail => Self::plain("ask-email"),
            Phrase::MalformedEmail => Self::plain("malformed-email"),
            Phrase::MailSent { address } => Self::plain("mail-sent").text("address", shown(address)),
            Phrase::MailDelayed => Self::plain("mail-delayed"),
            Phrase::MailRefused { address } => Self::plain("mail-refused").text("address", shown(address)),
            Phrase::MailsCapped => Self::plain("mails-capped"),
            Phrase::Remind { address } => Self::plain("remind").text("address", shown(address)),
            Phrase::ResendTooSoon { seconds } => Self::plain("resend-too-soon").count("seconds", *seconds),
            Phrase::ResendCapped => Self::plain("resend-capped"),
            Phrase::WrongCode { left } => Self::plain("wrong-code").count("left", u64::from(*left)),
            Phrase::TooManyCodes => Self::plain("too-many-codes"),
            Phrase::Expired { address } => Self::plain("expired").text("address", shown(address)),
            Phrase::Disowned => Self::plain("disowned"),
            Phrase::Verified { address } => Self::plain("verified").text("address", shown(address)),
            Phrase::HandoffAsked => Self::plain("handoff-asked"),
            Phrase::HandoffSorry => Self::plain("handoff-sorry"),
            Phrase::LateAnswer => Self::plain("late-answer"),
            Phrase::NobodyYet => Self::plain("nobody-yet"),
            Phrase::NobodyYetTryAgain => Self::plain("nobody-yet-try-again"),
            Phrase::Draft(_) => Self::plain("draft-title"),
            Phrase::CannotReadAttachment => Self::plain("cannot-read-attachment"),
            Phrase::VoiceTooLong => Self::plain("voice-too-long"),
            Phrase::VoiceSilent => Self::plain("voice-silent"),
            Phrase::VoiceUnreadable => Self::plain("voice-unreadable"),
            Phrase::HandoffNote(_) => Self::plain("note-title"),
            Phrase::CardTitle => Self::plain("card-title"),
            Phrase::Because(reason) => Self::because(reason, tidy),
        }
    }

    /// Returns the message of a reason; `escape` is applied to the model's own words.
    pub(super) fn because(reason: &Reason, escape: fn(&str, usize) -> String) -> Self {
        let message = Self::plain(format!("reason-{}", reason.name()));
        match reason {
            Reason::AskedByModel(why) => {
                let why = escape(why, REASON_CHARS);
                if why.is_empty() { Self::plain("reason-asked-by-model-unsaid") } else { message.text("why", why) }
            }
            Reason::AskedByCustomer
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
            | Reason::ColleagueNote
            | Reason::PersonWrote
            | Reason::PersonAssigned
            | Reason::NotPending
            | Reason::OtherBot
            | Reason::Interrupted
            | Reason::Poison
            | Reason::AnswerTooLate
            | Reason::DeskAway
            | Reason::VoiceUnheard => message,
        }
    }
}

/// Returns the message that names a language.
pub(super) const fn language(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "language-en",
        Lang::Ru => "language-ru",
        Lang::Kk => "language-kk",
        Lang::Mn => "language-mn",
    }
}

/// Returns the message that names who said something.
pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Customer => "role-customer",
        Role::Desk => "role-desk",
        Role::Person => "role-person",
    }
}

/// Returns the message that says what proves an address.
pub(super) const fn proof(proof: Option<ProofKind>) -> &'static str {
    match proof {
        None => "proof-none",
        Some(ProofKind::Link) => "proof-link",
        Some(ProofKind::Code) => "proof-code",
        Some(ProofKind::Mac) => "proof-mac",
        Some(ProofKind::VendorIdentity) => "proof-vendor-identity",
        Some(ProofKind::PlainAttributes) => "proof-plain-attributes",
    }
}

fn shown(address: &str) -> String {
    tidy(address, ADDRESS_CHARS)
}

/// Returns a text on one line, without control characters or marks that turn the writing direction, clipped.
pub(super) fn tidy(text: &str, chars: usize) -> String {
    let mut tidied = String::with_capacity(text.len().min(chars * 2));
    let mut left = chars;
    for word in text.split(is_gap).filter(|word| !word.is_empty()) {
        if !tidied.is_empty() {
            tidied.push(' ');
        }
        for letter in word.chars().filter(|letter| !is_hidden(*letter)) {
            if left == 0 {
                tidied.push('…');
                return tidied;
            }
            tidied.push(letter);
            left -= 1;
        }
    }
    tidied
}

fn is_gap(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control()
}

/// Returns whether a character is invisible and changes how others are shown (Unicode bidirectional controls, zero-width
/// space and byte order mark). Joiners stay: emoji are made with them.
fn is_hidden(letter: char) -> bool {
    matches!(letter, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
