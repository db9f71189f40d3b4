//! A text as words that can be compared: lower case, no punctuation, no addresses, with the pauses between them.
//!
//! People type on keyboards without ө, ү, қ or ё, and paste text with decomposed letters. [`Spelling::Folded`] maps all
//! of these onto one plain letter, for patterns and messages alike; [`Spelling::Exact`] keeps them, because they are what
//! tells Kazakh, Mongolian and Russian apart.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

/// How the letters of a word are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As typed, in lower case.
    Exact,
    /// With every letter that a plain Russian or English keyboard lacks replaced by what people type instead.
    Folded,
}

/// What stands between a word and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pause {
    /// A space, a hyphen, a quotation mark.
    None,
    /// A comma, a colon, a dash.
    Comma,
    /// The end of a sentence or line.
    Stop,
}

/// The words of one text, in one buffer.
pub(super) struct Words {
    letters: String,
    ends: Vec<(usize, Pause)>,
}

impl Words {
    /// Splits a text into at most `limit` words. An e-mail address or a link becomes the word `@`.
    pub(super) fn of(text: &str, spelling: Spelling, limit: usize) -> Self {
        let mut words =
            Words { letters: String::with_capacity(text.len().min(limit.saturating_mul(16))), ends: Vec::new() };
        let mut pause = Pause::Stop;
        for line in text.lines() {
            for chunk in line.split_whitespace() {
                if words.ends.len() >= limit {
                    return words;
                }
                pause = words.take(chunk, spelling, pause);
            }
            pause = Pause::Stop;
        }
        words.ends.truncate(limit);
        words
    }

    /// Takes the words of one chunk without white space and returns the pause after it.
    fn take(&mut self, chunk: &str, spelling: Spelling, before: Pause) -> Pause {
        let mut pause = before;
        if is_address(chunk) {
            self.letters.push('@');
            self.finish(&mut pause);
            return pause;
        }
        let (mut after, mut inner) = (Pause::None, Pause::None);
        for letter in chunk.chars() {
            if letter.is_alphanumeric() || is_mark(letter) {
                // A full stop, a hyphen or a colon between letters (3.5, user-agent) parts nothing.
                pause = pause.max(inner);
                (after, inner) = (Pause::None, Pause::None);
                self.push(letter, spelling);
            } else if !is_apostrophe(letter) {
                self.finish(&mut pause);
                after = after.max(pause_of(letter));
                if !matches!(letter, '.' | '-' | ':') {
                    inner = inner.max(pause_of(letter));
                }
            }
        }
        self.finish(&mut pause);
        pause.max(after)
    }

    /// Adds one letter to the word that is being read.
    fn push(&mut self, letter: char, spelling: Spelling) {
        if letter.is_ascii() {
            self.letters.push(letter.to_ascii_lowercase());
            return;
        }
        if is_mark(letter) {
            let end = self.ends.last().map_or(0, |(end, _)| *end);
            self.compose(letter, end);
            return;
        }
        for lower in letter.to_lowercase().filter(|lower| !is_mark(*lower)) {
            self.letters.push(match spelling {
                Spelling::Exact => lower,
                Spelling::Folded => fold(lower),
            });
        }
    }

    /// Joins a breve with the `и` before it; every other mark is dropped, which is what folding wants anyway.
    fn compose(&mut self, mark: char, word_start: usize) {
        if mark == '\u{306}' && self.letters.len() > word_start && self.letters.ends_with('и') {
            self.letters.pop();
            self.letters.push('й');
        }
    }

    /// Ends the word that is being read, if there is one.
    fn finish(&mut self, pause: &mut Pause) {
        if self.letters.len() > self.ends.last().map_or(0, |(end, _)| *end) {
            self.ends.push((self.letters.len(), *pause));
            *pause = Pause::None;
        }
    }

    /// Returns how many words there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the word at a position, or an empty one past the end.
    pub(super) fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(end, _)| *end);
        self.ends.get(at).map_or("", |(end, _)| &self.letters[start..*end])
    }

    /// Returns what stands between the word at a position and the one before it.
    pub(super) fn pause_before(&self, at: usize) -> Pause {
        self.ends.get(at).map_or(Pause::Stop, |(_, pause)| *pause)
    }

    /// Returns the words in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.get(at))
    }
}

/// Finds words in the lists. Each word of a message is looked up with each of its beginnings, so the standard library's
/// hashes would be most of the work; they defend tables that strangers fill, and only operators fill these.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WordHasher(u64);

impl std::hash::Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        // FNV-1a, with the upper bits folded in at the end: a table looks at both ends of a hash.
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

/// A list of words with what they mean.
pub(super) type WordMap<T> = HashMap<Box<str>, T, BuildHasherDefault<WordHasher>>;

/// A list of words.
pub(super) type WordSet = HashSet<Box<str>, BuildHasherDefault<WordHasher>>;

impl std::fmt::Debug for Words {
    /// Shows only how many there are: they are a customer's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Returns whether a chunk is an e-mail address or a link, which has no words in any language.
fn is_address(chunk: &str) -> bool {
    // Few chunks have a sign of either, and bytes are quickly looked through.
    let has = |sign: u8| chunk.bytes().any(|byte| byte == sign);
    has(b'@') || has(b':') && chunk.contains("://") || chunk.starts_with("www.")
}

/// Returns whether a character belongs to the letter before it.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

/// Returns whether a character is written inside words such as "don't".
fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '‘' | 'ʼ' | '`' | '´')
}

/// Returns the pause that a punctuation mark makes at the end of a chunk.
fn pause_of(mark: char) -> Pause {
    match mark {
        '.' | '!' | '?' | '…' | '。' | '！' | '？' => Pause::Stop,
        ',' | ';' | ':' | '—' | '–' | '-' | '(' | ')' => Pause::Comma,
        // Quotation marks, slashes, symbols and emoji do not part a sentence.
        _ => Pause::None,
    }
}

/// Returns the letter that people type instead where their keyboard lacks this one.
const fn fold(letter: char) -> char {
    match letter {
        'ө' | 'є' => 'о',
        'ү' | 'ұ' | 'ї' => 'у',
        'қ' => 'к',
        'ғ' => 'г',
        'ң' => 'н',
        'һ' => 'х',
        'ә' => 'а',
        'і' | 'ы' => 'и',
        'ё' | 'э' => 'е',
        'ö' => 'o',
        'ü' => 'u',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, spelling: Spelling) -> Vec<String> {
        Words::of(text, spelling, 100).iter().map(str::to_owned).collect()
    }

    #[test]
    fn words_lose_case_punctuation_and_keyboard_spelling() {
        assert_eq!(split("Don’t STOP, user-agent_2!", Spelling::Folded), ["dont", "stop", "user", "agent", "2"]);
        assert_eq!(split("Хүн өгөөч ҚЫЗМЕТКЕР ещё", Spelling::Folded), ["хун", "огооч", "кизметкер", "еще"]);
        assert_eq!(split("Хүн ӨГӨӨЧ", Spelling::Exact), ["хүн", "өгөөч"]);
        assert_eq!(split("мои\u{306} е\u{308}ж", Spelling::Exact), ["мой", "еж"]);
    }

    #[test]
    fn addresses_and_links_have_no_words() {
        assert_eq!(
            split("write to manager@firma.kz or https://agent.example/", Spelling::Folded),
            ["write", "to", "@", "or", "@"]
        );
    }

    #[test]
    fn pauses_are_those_of_the_punctuation() {
        let words = Words::of("no, thanks. a 3.5 (b) c\nd", Spelling::Folded, 100);
        let pauses: Vec<_> = (0..words.len()).map(|at| words.pause_before(at)).collect();
        let (n, c, s) = (Pause::None, Pause::Comma, Pause::Stop);
        assert_eq!(pauses, [s, c, s, n, n, c, c, s]);
    }

    #[test]
    fn the_limit_holds_inside_one_chunk_too() {
        assert_eq!(Words::of(&"a-".repeat(5000), Spelling::Folded, 7).len(), 7);
        assert_eq!(Words::of("", Spelling::Exact, 7).len(), 0);
        assert_eq!(Words::of("", Spelling::Exact, 7).get(3), "");
    }
}
