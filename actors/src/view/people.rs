//! What operators ask about a person: which conversations are theirs, and what was said in them.

use super::PhaseName;
use crate::ids::ConversationKey;
use crate::ports::ModelError;
use serde::{Deserialize, Serialize};

/// The fewest digits that can be a telephone number: fewer would find the numbers that vendors give to conversations.
const FEWEST_DIGITS: usize = 7;

/// Whose conversations are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    Everybody,
    /// Those of a telephone number.
    Phone(Phone),
    /// This one, and all others of the same contact.
    ContactOf(ConversationKey),
}

/// A telephone number: its digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(String);

impl std::fmt::Debug for Phone {
    /// Shows no number: it is an address.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phone")
    }
}

impl Phone {
    /// Reads a number however people write it: `+7 (700) 123-45-67`, `0077001234567`, and with the 8 that is dialled inside
    /// Russia and Kazakhstan. `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = digits(text)?;
        let digits = digits.strip_prefix("00").unwrap_or(&digits);
        let digits = match digits.strip_prefix('8') {
            Some(rest) if digits.len() == 11 => format!("7{rest}"),
            Some(_) | None => digits.to_owned(),
        };
        (digits.len() >= FEWEST_DIGITS).then_some(Self(digits))
    }

    /// Returns whether an id that a channel gave is this number; what follows an `@` is not part of it.
    pub fn is(&self, id: &str) -> bool {
        let number = id.split('@').next().unwrap_or_default();
        Self::parse(number).is_some_and(|other| other == *self)
    }
}

/// Returns the digits of what may be a number; `None` if anything else than a number's signs is in it.
fn digits(text: &str) -> Option<String> {
    let signs = |letter: char| "+-() .\u{a0}".contains(letter);
    let plain = text.chars().all(|letter| letter.is_ascii_digit() || signs(letter));
    plain.then(|| text.chars().filter(char::is_ascii_digit).collect())
}

/// A conversation of somebody's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The conversation.
    pub key: ConversationKey,
    /// The customer's name, if known.
    pub name: Option<String>,
    /// The phase; `None` if the record cannot be read.
    pub phase: Option<PhaseName>,
}

/// What became of the wish for a summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Summarised {
    /// The model summed it up.
    Text(String),
    /// Nothing is remembered that could be summed up.
    NothingSaid,
    /// Everything that leaves the house is paused.
    Paused,
    /// The model did not.
    Failed(ModelError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_is_written() {
        for written in ["77001234567", "+7 700 123-45-67", "8 (700) 123 45 67", "0077001234567", "7.700.123.45.67"] {
            let phone = Phone::parse(written).expect("a number");
            assert!(phone.is("77001234567@c.us") && phone.is("+77001234567"), "{written}");
            assert!(!phone.is("77001234568@c.us") && !phone.is("7700123456") && !phone.is("57"), "{written}");
        }
        for none in [
            "",
            "57",
            "123456",
            "jane@example.com",
            "abc7001234567",
            "\u{664}\u{664}\u{664}\u{664}\u{664}\u{664}\u{664}",
        ] {
            assert_eq!(Phone::parse(none), None, "{none}");
        }
        assert!(!Phone::parse("1234567").expect("a number").is("a1234567"));
        assert_eq!(format!("{:?}", Phone::parse("77001234567")), "Some(Phone)");
    }
}
