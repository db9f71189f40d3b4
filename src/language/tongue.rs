//! Which of the four languages a text is written in.
//!
//! Letters that only one language has, and a few hundred words that only one language uses, decide most texts in about a
//! microsecond. What they leave open is put to lingua (its high accuracy mode; the models are read in place, so they cost
//! no heap), on the first words only: it takes about ten microseconds per word, and five words are enough for it.
//! A text without a word of any of the four languages, and a word that could be in several, is nobody's.

use super::words::{Spelling, WordMap, Words};
use frontdesk_actors::domain::Lang;
use lingua::{Language, LanguageDetector, LanguageDetectorBuilder};
use std::sync::OnceLock;

/// How many words of a text are looked at.
const WORDS: usize = 40;

/// How many words are too few to change the language of a conversation, unless they are on a list.
const FEW_WORDS: usize = 2;

/// How many words are put to lingua.
const LINGUA_WORDS: usize = 5;

/// How long a word put to lingua may be, in bytes: what is longer is not one.
const LONGEST_WORD: usize = 64;

/// How sure lingua must be about several words, and about a single one, which may be a name.
const SURE: f64 = 0.6;
const SURE_OF_ONE: f64 = 0.9;

/// How many letters a single word needs before lingua is asked about it.
const LETTERS_OF_ONE: usize = 4;

/// What a word of a list, and a word with letters of one language, count.
const LISTED: u32 = 2;
const LETTERS: u32 = 2;

/// Tells languages apart.
#[derive(Default)]
pub(super) struct Tongues {
    /// Words that one language uses and the others do not.
    words: WordMap<Lang>,
    detector: OnceLock<LanguageDetector>,
}

/// How much speaks for each language in a text.
#[derive(Default)]
struct Evidence {
    scores: [u32; Lang::ALL.len()],
    /// How many words of each list there were.
    lists: [u32; Lang::ALL.len()],
    latin: u32,
    cyrillic: u32,
}

impl Evidence {
    fn add(&mut self, lang: Lang, score: u32) {
        self.scores[lang as usize] += score;
    }

    /// Returns the one language of which there were listed words.
    fn listed(&self) -> Option<Lang> {
        let mut found = Lang::ALL.into_iter().filter(|lang| self.lists[*lang as usize] > 0);
        found.next().filter(|_| found.next().is_none())
    }

    /// Returns the language with more evidence than all others, its score and that of the next one.
    fn best(&self, among: &[Lang]) -> Option<(Lang, u32, u32)> {
        let mut ranked: Vec<_> = among.iter().map(|lang| (self.scores[*lang as usize], *lang)).collect();
        ranked.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let (score, lang) = *ranked.first()?;
        let next = ranked.get(1).map_or(0, |(next, _)| *next);
        (score > next).then_some((lang, score, next))
    }
}

impl Tongues {
    /// Adds the words of one list, separated by white space; lines that begin with `#` are comments.
    pub(super) fn add(&mut self, lang: Lang, list: &str) {
        for line in list.lines().filter(|line| !line.trim_start().starts_with('#')) {
            for word in Words::of(line, Spelling::Exact, usize::MAX).iter() {
                self.words.insert(word.into(), lang);
            }
        }
    }

    /// Returns the language of a text, or `None` if it cannot be told.
    ///
    /// In a conversation that is held in a `known` language so far, one or two words change it only if they are words of
    /// another language for certain: a name is none, whatever letters it has.
    pub(super) fn tell(&self, text: &str, known: Option<Lang>) -> Option<Lang> {
        let words = Words::of(text, Spelling::Exact, WORDS);
        let mut evidence = Evidence::default();
        for word in words.iter() {
            self.weigh(word, &mut evidence);
        }
        if known.is_some() && words.len() <= FEW_WORDS {
            return evidence.listed();
        }
        match (evidence.cyrillic, evidence.latin) {
            (0, 0) => None,
            // Brands and products are written in Latin letters in every language.
            (cyrillic, latin) if cyrillic * 2 >= latin => {
                // Nobody writes English in Cyrillic letters, whatever a detector may make of them.
                self.tell_cyrillic(&words, &evidence).filter(|lang| lang.is_cyrillic() || latin > 0)
            }
            (_, _) => tell_latin(&evidence),
        }
    }

    fn weigh(&self, word: &str, evidence: &mut Evidence) {
        let Some(first) = word.chars().find(|letter| letter.is_alphabetic()) else { return };
        if let Some(lang) = self.words.get(word) {
            evidence.add(*lang, LISTED);
            evidence.lists[*lang as usize] += 1;
        }
        if matches!(first, 'а'..='я' | 'ѐ'..='ӿ') {
            evidence.cyrillic += 1;
            if word.contains(['ә', 'і', 'ң', 'ғ', 'ұ', 'қ', 'һ']) {
                evidence.add(Lang::Kk, LETTERS);
            }
        } else if first.is_ascii_alphabetic() || matches!(first, '\u{c0}'..='\u{24f}') {
            evidence.latin += 1;
        }
    }

    fn tell_cyrillic(&self, words: &Words, evidence: &Evidence) -> Option<Lang> {
        let best = evidence.best(&[Lang::Ru, Lang::Kk, Lang::Mn]);
        match best {
            // A Russian sentence may name a Kazakh: one word in four must speak for a language, and few for another.
            Some((lang, score, next)) if score >= next * 3 && score * 2 >= evidence.cyrillic => Some(lang),
            Some(_) | None => self.ask_lingua(words).or(best.map(|(lang, _, _)| lang)),
        }
    }

    fn ask_lingua(&self, words: &Words) -> Option<Lang> {
        let speaks = |word: &&str| word.contains(char::is_alphabetic) && word.len() <= LONGEST_WORD;
        let asked: Vec<&str> = words.iter().filter(speaks).take(LINGUA_WORDS).collect();
        let letters = asked.iter().map(|word| word.chars().count()).sum::<usize>();
        if letters < LETTERS_OF_ONE {
            return None;
        }
        let detector = self.detector.get_or_init(|| {
            LanguageDetectorBuilder::from_languages(&[
                Language::English,
                Language::Russian,
                Language::Kazakh,
                Language::Mongolian,
            ])
            .build()
        });
        let sure = if asked.len() == 1 { SURE_OF_ONE } else { SURE };
        let ranked = detector.compute_language_confidence_values(asked.join(" "));
        ranked.first().filter(|(_, confidence)| *confidence >= sure).map(|(language, _)| match language {
            Language::English => Lang::En,
            Language::Russian => Lang::Ru,
            Language::Kazakh => Lang::Kk,
            Language::Mongolian => Lang::Mn,
        })
    }
}

/// Tells English from Mongolian in Latin letters, by their words alone: to lingua, every Latin text is English here.
fn tell_latin(evidence: &Evidence) -> Option<Lang> {
    evidence.best(&[Lang::En, Lang::Mn]).map(|(lang, _, _)| lang)
}

impl std::fmt::Debug for Tongues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tongues").field("words", &self.words.len()).finish_non_exhaustive()
    }
}
