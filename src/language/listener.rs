//! What customers mean: whether they ask for a person or for the mail again, what is small talk, and whether a model's answer gives up.

use super::patterns::{PatternError, Patterns};
use super::tongue::Tongues;
use super::words::{Spelling, Words};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::Analyzer;
use std::path::{Path, PathBuf};

/// What the model writes, anywhere in its answer, if it cannot answer. The default prompt tells it so.
pub const CANNOT_ANSWER: &str = "[[CANNOT_ANSWER]]";

/// How many words of a message are read: what a person types, not what they paste.
const WORDS: usize = 500;

/// How many words a message may have that asks for the mail again: longer ones ask for something else too.
const RESEND_WORDS: usize = 16;

/// How many words are read of what is written as one: "e-mail".
const COMPOUND: usize = 4;

/// How many characters an answer may have that does nothing but give up.
const GIVES_UP_CHARS: usize = 200;

/// The lists that are compiled in, by file name.
const LISTS: [(&str, &str); 16] = [
    ("person.en.txt", include_str!("../../config/words/person.en.txt")),
    ("person.ru.txt", include_str!("../../config/words/person.ru.txt")),
    ("person.kk.txt", include_str!("../../config/words/person.kk.txt")),
    ("person.mn.txt", include_str!("../../config/words/person.mn.txt")),
    ("person.mn-latn.txt", include_str!("../../config/words/person.mn-latn.txt")),
    ("resend.txt", include_str!("../../config/words/resend.txt")),
    ("small_talk.txt", include_str!("../../config/words/small_talk.txt")),
    ("gives_up.en.txt", include_str!("../../config/words/gives_up.en.txt")),
    ("gives_up.ru.txt", include_str!("../../config/words/gives_up.ru.txt")),
    ("gives_up.kk.txt", include_str!("../../config/words/gives_up.kk.txt")),
    ("gives_up.mn.txt", include_str!("../../config/words/gives_up.mn.txt")),
    ("language.en.txt", include_str!("../../config/words/language.en.txt")),
    ("language.ru.txt", include_str!("../../config/words/language.ru.txt")),
    ("language.kk.txt", include_str!("../../config/words/language.kk.txt")),
    ("language.mn.txt", include_str!("../../config/words/language.mn.txt")),
    ("language.mn-latn.txt", include_str!("../../config/words/language.mn-latn.txt")),
];

/// A list of words that cannot be used. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum WordsError {
    /// The directory or file cannot be read.
    #[error("{}: cannot be read: {source}; check that it exists and is UTF-8 text", path.display())]
    Unreadable {
        /// The directory or file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file's name says neither what it is for nor in which language.
    #[error(
        "{name}: not a list of words; name it person.*.txt, resend.*.txt, small_talk.*.txt, gives_up.*.txt or \
         language.<en|ru|kk|mn>.txt"
    )]
    Unknown {
        /// The file's name.
        name: String,
    },
    /// A line cannot be read.
    #[error("{name}: {source}")]
    Line {
        /// The file's name.
        name: String,
        /// The line and what is wrong with it.
        source: PatternError,
    },
}

/// Listens to customers in four languages: the engine's [`Analyzer`].
#[derive(Debug)]
pub struct Listener {
    person: Patterns,
    resend: Patterns,
    small_talk: Patterns,
    gives_up: Patterns,
    tongues: Tongues,
}

impl Listener {
    /// Makes a listener from the compiled-in lists.
    pub fn new() -> Self {
        Self::load(None).expect("the compiled-in lists are read by the tests")
    }

    /// Makes a listener whose lists are the compiled-in ones, replaced and extended by the `.txt` files of a directory.
    ///
    /// # Errors
    /// [`WordsError`] for the first file or line that cannot be used.
    pub fn load(directory: Option<&Path>) -> Result<Self, WordsError> {
        let mut lists: Vec<(String, String)> =
            LISTS.iter().map(|(name, list)| ((*name).to_owned(), (*list).to_owned())).collect();
        for (name, list) in directory.map(read).transpose()?.unwrap_or_default() {
            match lists.iter_mut().find(|(known, _)| *known == name) {
                Some((_, compiled_in)) => *compiled_in = list,
                None => lists.push((name, list)),
            }
        }
        let mut listener = Self {
            person: Patterns::by_sentence(),
            resend: Patterns::by_sentence(),
            small_talk: Patterns::default(),
            gives_up: Patterns::default(),
            tongues: Tongues::default(),
        };
        for (name, list) in &lists {
            listener.add(name, list)?;
        }
        Ok(listener)
    }

    /// Adds one list to what its file name says.
    fn add(&mut self, name: &str, list: &str) -> Result<(), WordsError> {
        let (kind, rest) = name.split_once('.').unwrap_or((name, ""));
        let patterns = match kind {
            "person" => &mut self.person,
            "resend" => &mut self.resend,
            "small_talk" => &mut self.small_talk,
            "gives_up" => &mut self.gives_up,
            "language" => {
                let lang = rest.strip_suffix(".txt").and_then(Lang::parse);
                let lang = lang.ok_or_else(|| WordsError::Unknown { name: name.to_owned() })?;
                self.tongues.add(lang, list);
                return Ok(());
            }
            _ => return Err(WordsError::Unknown { name: name.to_owned() }),
        };
        patterns.add(list).map_err(|source| WordsError::Line { name: name.to_owned(), source })
    }
}

impl Default for Listener {
    fn default() -> Self {
        Self::new()
    }
}

impl Analyzer for Listener {
    fn language(&self, text: &str) -> Option<Lang> {
        self.tongues.tell(text, None)
    }

    fn language_in(&self, text: &str, known: Option<Lang>) -> Option<Lang> {
        self.tongues.tell(text, known)
    }

    fn wants_person(&self, text: &str) -> bool {
        self.person.matches(&Words::of(text, Spelling::Folded, WORDS))
    }

    fn wants_resend(&self, text: &str) -> bool {
        let words = Words::of(text, Spelling::Folded, RESEND_WORDS + 1);
        words.len() <= RESEND_WORDS && self.resend.matches(&words)
    }

    fn is_small_talk(&self, word: &str) -> bool {
        self.small_talk.matches(&Words::of(word, Spelling::Folded, COMPOUND))
    }

    fn gives_up(&self, text: &str) -> bool {
        if text.contains(CANNOT_ANSWER) {
            return true;
        }
        let text = text.trim();
        if text.chars().nth(GIVES_UP_CHARS).is_some() || asks_first(text) {
            return false;
        }
        self.gives_up.matches(&Words::of(text, Spelling::Folded, WORDS))
    }
}

/// Returns whether the first sentence is a question: then the answer asks for what it needs and does not give up.
fn asks_first(text: &str) -> bool {
    text.find(['.', '!', '?', '\n', '…', '？']).is_some_and(|at| text[at..].starts_with(['?', '？']))
}

/// Reads the `.txt` files of a directory, in the order of their names.
fn read(directory: &Path) -> Result<Vec<(String, String)>, WordsError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |source| WordsError::Unreadable { path, source }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable(directory))? {
        let path = entry.map_err(unreadable(directory))?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(&path).map_err(unreadable(&path))?));
        }
    }
    files.sort();
    Ok(files)
}
