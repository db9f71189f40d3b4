//! What a card says, in the desk's language and as plain text: before any markdown or JSON.

use crate::fluent::Texts;
use fluent_bundle::FluentValue;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::Card;
use frontdesk_actors::time::Timestamp;
use std::fmt;
use std::sync::Arc;

/// A card as its reader sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct Face {
    /// How urgent it looks.
    pub tone: Tone,
    /// The headline.
    pub title: String,
    /// Short facts, as name and value.
    pub facts: Vec<(String, String)>,
    /// The customer's words, or what is wrong.
    pub text: String,
    /// The button, as title and address.
    pub button: Option<(String, String)>,
}

impl fmt::Debug for Face {
    /// Shows no customer's name or words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Face").field("tone", &self.tone).field("title", &self.title).finish_non_exhaustive()
    }
}

/// How urgent a card looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A customer waits.
    Customer,
    /// The desk is in trouble.
    Trouble,
    /// The trouble is over.
    Good,
}

/// The colleagues' fixed offset from UTC. Their zone's rules are not known here: an offset is honest and needs no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UtcOffset {
    minutes: i32,
}

impl UtcOffset {
    /// Reads `+05:00`, `-0330`, `+8`, `Z` or `UTC`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") {
            return Some(Self::default());
        }
        let (sign, digits) = match text.split_at_checked(1)? {
            ("+", digits) => (1, digits),
            ("-", digits) => (-1, digits),
            _ => return None,
        };
        let (hours, minutes) = match digits.split_once(':') {
            Some(parts) => parts,
            None if digits.len() == 4 => digits.split_at_checked(2)?,
            None => (digits, "00"),
        };
        let number = |part: &str, longest: usize| {
            let plain = (1..=longest).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse::<i32>().ok()).flatten()
        };
        let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
        (hours <= 14 && minutes < 60).then_some(Self { minutes: sign * (hours * 60 + minutes) })
    }

    /// Returns the moment as people there write it: `2026-11-20 18:05 (UTC+05:00)`.
    fn write(self, at: Timestamp) -> String {
        let minutes = at.as_secs().div_euclid(60).saturating_add(i64::from(self.minutes));
        let (year, month, day) = civil(minutes.div_euclid(24 * 60));
        let of_day = minutes.rem_euclid(24 * 60);
        let zone = match self.minutes {
            0 => "UTC".to_owned(),
            m => format!("UTC{}{:02}:{:02}", if m < 0 { '-' } else { '+' }, m.abs() / 60, m.abs() % 60),
        };
        format!("{year:04}-{month:02}-{day:02} {:02}:{:02} ({zone})", of_day / 60, of_day % 60)
    }
}

/// Returns year, month and day of a day since 1970-01-01 in the Gregorian calendar. Years are counted from March, so
/// that the leap day is the last of its year; 400 years have 146,097 days.
const fn civil(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + (month <= 2) as i64, month, day)
}

/// Puts cards into words. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Wording {
    lang: Lang,
    offset: UtcOffset,
    texts: Arc<Texts>,
}

impl Wording {
    /// Speaks one language, at one offset from UTC.
    pub fn new(lang: Lang, offset: UtcOffset) -> Self {
        let texts = Texts::parse([
            include_str!("../../../config/locales/card.en.ftl"),
            include_str!("../../../config/locales/card.ru.ftl"),
            include_str!("../../../config/locales/card.kk.ftl"),
            include_str!("../../../config/locales/card.mn.ftl"),
        ]);
        Self { lang, offset, texts: Arc::new(texts) }
    }

    /// Returns what the card says.
    pub fn face(&self, card: &Card) -> Face {
        match card {
            Card::Handoff { reason, customer, message, at, link } => Face {
                tone: Tone::Customer,
                title: self.say("card-handoff-title"),
                facts: vec![
                    (self.say("card-reason"), self.reason(reason)),
                    (self.say("card-customer"), self.or(customer, "card-nobody")),
                    (self.say("card-time"), self.offset.write(*at)),
                ],
                text: self.or(message, "card-no-text"),
                button: link.clone().map(|link| (self.say("card-open"), link)),
            },
            Card::Waiting { reason, customer, message, since, at, link } => Face {
                tone: Tone::Customer,
                title: self.say("card-waiting-title"),
                facts: vec![
                    (self.say("card-since"), self.offset.write(*since)),
                    (self.say("card-reason"), self.reason(reason)),
                    (self.say("card-customer"), self.or(customer, "card-nobody")),
                    (self.say("card-time"), self.offset.write(*at)),
                ],
                text: self.or(message, "card-no-text"),
                button: link.clone().map(|link| (self.say("card-open"), link)),
            },
            Card::Incident { text, repeats, at } => {
                let count = [("count", FluentValue::from(*repeats))];
                let again = (*repeats > 0).then(|| self.texts.say(self.lang, "card-repeats", &count));
                let text = again.map_or_else(|| text.clone(), |again| format!("{text}\n{again}"));
                self.about_the_desk(Tone::Trouble, "card-incident-title", text, *at)
            }
            Card::Resolved { text, at } => self.about_the_desk(Tone::Good, "card-resolved-title", text.clone(), *at),
        }
    }

    /// Returns a reason as a sentence.
    pub fn reason(&self, reason: &Reason) -> String {
        let why = match reason {
            Reason::AskedByModel(why) => why.trim(),
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
            | Reason::VoiceUnheard => return self.say(&format!("reason-{}", reason.name())),
        };
        match why {
            "" => self.say("reason-asked-by-model-unsaid"),
            why => self.texts.say(self.lang, "reason-asked-by-model", &[("why", FluentValue::from(why))]),
        }
    }

    fn about_the_desk(&self, tone: Tone, title: &str, text: String, at: Timestamp) -> Face {
        let facts = vec![(self.say("card-time"), self.offset.write(at))];
        Face { tone, title: self.say(title), facts, text, button: None }
    }

    fn or(&self, text: &str, otherwise: &str) -> String {
        if text.trim().is_empty() { self.say(otherwise) } else { text.to_owned() }
    }

    fn say(&self, name: &str) -> String {
        self.texts.say(self.lang, name, &[])
    }
}

#[cfg(test)]
mod tests;
