//! Cutting an answer into the short messages a salesbot shows: at the ends of sentences, else between words, and never
//! inside what a reader sees as one character.

#![deny(clippy::disallowed_methods)]

use unicode_segmentation::UnicodeSegmentation;

/// How long one shown message may be. The vendor does not say how it counts, so UTF-16 units are counted, of which a text
/// has at least as many as it has characters.
pub(super) const LONGEST: usize = 80;

/// How many messages one answer may show (developers.kommo.com, "Salesbot widget block: execution confirmation").
pub(super) const MOST: usize = 10;

/// Cuts a text into messages, or returns `None` if it needs too many, or holds a character longer than a message.
pub(super) fn cut(text: &str) -> Option<Vec<String>> {
    let mut chunks = Vec::new();
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        cut_paragraph(paragraph, &mut chunks)?;
        if chunks.len() > MOST {
            return None;
        }
    }
    (!chunks.is_empty()).then_some(chunks)
}

/// Fills messages with whole sentences as far as they fit, then with words, then with characters.
fn cut_paragraph(paragraph: &str, chunks: &mut Vec<String>) -> Option<()> {
    let mut line = String::new();
    for sentence in paragraph.split_sentence_bounds() {
        if fits(&line, sentence) {
            line.push_str(sentence);
            continue;
        }
        flush(&mut line, chunks);
        if fits("", sentence) {
            line.push_str(sentence);
            continue;
        }
        for word in sentence.split_word_bounds() {
            if !fits(&line, word) {
                flush(&mut line, chunks);
            }
            cut_word(word, &mut line, chunks)?;
        }
    }
    flush(&mut line, chunks);
    Some(())
}

/// Adds a word to the line; one longer than a message is cut between characters.
fn cut_word(word: &str, line: &mut String, chunks: &mut Vec<String>) -> Option<()> {
    if fits(line, word) {
        line.push_str(word);
        return Some(());
    }
    for character in word.graphemes(true) {
        if !fits(line, character) {
            flush(line, chunks);
        }
        if !fits(line, character) {
            return None;
        }
        line.push_str(character);
    }
    Some(())
}

/// Spaces at the end of a message are not shown, so they do not count.
fn fits(line: &str, more: &str) -> bool {
    let length = |text: &str| text.encode_utf16().count();
    let trimmed = more.trim_end();
    if trimmed.is_empty() { length(line.trim_end()) <= LONGEST } else { length(line) + length(trimmed) <= LONGEST }
}

fn flush(line: &mut String, chunks: &mut Vec<String>) {
    let shown = line.trim();
    if !shown.is_empty() {
        chunks.push(shown.to_owned());
    }
    line.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(cut(text).as_deref(), Some(expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()).as_deref());
    }

    #[test]
    fn sentences_stay_together_and_words_stay_whole() {
        check("Yes.", &["Yes."]);
        check(
            "Yes, we ship to Lisbon in three days. Shipping is free above 50 EUR and you get a tracking link by e-mail.",
            &[
                "Yes, we ship to Lisbon in three days.",
                "Shipping is free above 50 EUR and you get a tracking link by e-mail.",
            ],
        );
        check("One. Two. Three.", &["One. Two. Three."]);
        check("One.\n\nTwo.", &["One.", "Two."]);
        let words = "word ".repeat(30);
        let chunks = cut(&words).expect("fits");
        assert!(chunks.iter().all(|chunk| chunk.split(' ').all(|word| word == "word")), "{chunks:?}");
    }

    #[test]
    fn what_a_reader_sees_as_one_character_is_not_cut() {
        let family = "👨‍👩‍👧‍👦";
        let chunks = cut(&family.repeat(20)).expect("fits");
        assert!(chunks.iter().all(|chunk| chunk.graphemes(true).all(|seen| seen == family)), "{chunks:?}");
        let accents = "e\u{301}".repeat(100);
        assert!(cut(&accents).expect("fits").iter().all(|chunk| chunk.starts_with('e')));
    }

    #[test]
    fn what_is_too_long_or_nothing_is_said_otherwise() {
        assert_eq!(cut(&"word ".repeat(500)), None);
        assert_eq!(cut(" \n\n "), None);
        assert_eq!(cut(&format!("e{}", "\u{301}".repeat(200))), None);
        assert_eq!(cut(&"x".repeat(800)).map(|chunks| chunks.len()), Some(10));
        assert_eq!(cut(&"x".repeat(801)), None);
    }

    proptest! {
        #[test]
        fn no_chunk_is_too_long_and_nothing_but_space_is_lost(text in "\\PC{0,400}") {
            if let Some(chunks) = cut(&text) {
                prop_assert!(chunks.len() <= MOST);
                for chunk in &chunks {
                    prop_assert!(!chunk.is_empty() && chunk.encode_utf16().count() <= LONGEST, "{:?}", chunk);
                }
                let bare = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
                prop_assert_eq!(bare(&chunks.concat()), bare(&text));
            }
        }
    }
}
