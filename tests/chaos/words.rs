//! What is said, and how it is told apart: tokens of questions, marks of answers, the desk's own announcements.

use frontdesk::language::Locales;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::ids::stable_hash;
use frontdesk_actors::language::{Phrase, Phrasebook};
use frontdesk_sandbox::model::Call;
use serde_json::Value;
use std::sync::LazyLock;

/// What every answer of the model's double begins with.
const BEGINS: &str = "In answer to ";

/// The further parts of a long answer, by what they begin with.
const PARTS: [&str; 2] = ["Second part ", "Third part "];

/// An answer of the model's double.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spoken {
    /// The tokens that it answers.
    pub(crate) tokens: Vec<String>,
    /// The number that is in no other answer.
    pub(crate) number: u64,
}

/// Answers as a model that never answers twice: with every token a customer has written that no answer holds yet.
pub(crate) fn answer_to(call: &Call, number: u64) -> Spoken {
    let turns = call.body["messages"].as_array().cloned().unwrap_or_default();
    let of = |role: &str| -> String {
        let text = |turn: &Value| turn["content"].as_str().unwrap_or_default().to_owned();
        turns.iter().filter(|turn| turn["role"] == role).map(text).collect::<Vec<_>>().join("\n")
    };
    let (asked, answered) = (of("user"), of("assistant"));
    let open = tokens(&asked).filter(|token| !tokens(&answered).any(|seen| seen == *token));
    Spoken { tokens: open.map(str::to_owned).collect(), number }
}

impl Spoken {
    /// The answer in words.
    pub(crate) fn short(&self) -> String {
        format!("{BEGINS}{} r{}y: yes, we do.", self.tokens.join(" "), self.number)
    }

    /// Makes an answer of three parts; its tokens stand in the first.
    pub(crate) fn long(&self) -> String {
        let (rest, [second, third], number) = ("word ".repeat(180), PARTS, self.number);
        format!("{} {rest}\n\n{second}r{number}y: {rest}\n\n{third}r{number}y: {rest}", self.short())
    }
}

/// Finds the tokens of questions in a text.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    words_between(text, 'q', 'x')
}

/// Finds words that are a number between two letters.
fn words_between(text: &str, first: char, last: char) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(move |word| {
        let number = word.strip_prefix(first).and_then(|word| word.strip_suffix(last));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// Returns a text without the white space that a vendor may add or lose.
pub(crate) fn bare(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Names a text where the vendor carries no id of ours. Answers and their parts are numbered in the order in which the model
/// gave them; other texts are known by their words alone.
pub(crate) fn name_of(text: &str) -> String {
    answer_of(text).unwrap_or_else(|| format!("words:{:016x}", stable_hash(bare(text).as_bytes())))
}

/// Names an answer of the model, or a part of one; `None` for other texts.
pub(crate) fn answer_of(text: &str) -> Option<String> {
    let mark = words_between(text, 'r', 'y').next()?;
    let number = mark[1..mark.len() - 1].parse::<u64>().ok()?;
    let part = PARTS.iter().position(|begins| text.trim_start().starts_with(begins)).map_or(0, |at| at as u64 + 1);
    Some(format!("said-{}", number * 4 + part))
}

/// Takes apart several texts that were said in one breath.
pub(crate) fn pieces(text: &str) -> Vec<String> {
    let mut starts: Vec<usize> = text.match_indices(BEGINS).map(|(at, _)| at).collect();
    starts.insert(0, 0);
    starts.push(text.len());
    let pieces = starts.windows(2).map(|pair| bare(&text[pair[0]..pair[1]]));
    pieces.filter(|piece| !piece.is_empty()).collect()
}

/// Returns whether these words announce a person.
pub(crate) fn announces(text: &str) -> bool {
    static ANNOUNCEMENTS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let locales = Locales::load(None).expect("the shipped locales are whole");
        [Phrase::HandoffAsked, Phrase::HandoffSorry].map(|phrase| bare(&locales.say(Lang::En, &phrase))).to_vec()
    });
    let words = bare(text);
    ANNOUNCEMENTS.contains(&words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_by_their_marks() {
        let spoken = Spoken { tokens: vec!["q1x".to_owned(), "q22x".to_owned()], number: 7 };
        let short = spoken.short();
        assert_eq!(tokens(&short).collect::<Vec<_>>(), ["q1x", "q22x"]);
        assert_eq!(name_of(&short), "said-28");
        let long = spoken.long();
        let names: Vec<String> = long.split("\n\n").map(name_of).collect();
        assert_eq!(names, ["said-28", "said-29", "said-30"]);
        assert_eq!(name_of("Hello \n there."), name_of("Hello there."));
        let two = format!("{short}\n\n{}", Spoken { tokens: vec!["q3x".to_owned()], number: 8 }.short());
        assert_eq!(pieces(&two).iter().map(|piece| name_of(piece)).collect::<Vec<_>>(), ["said-28", "said-32"]);
    }
}
