//! The two language ports in their plainest form: phrases are their own names, meaning is a marker word.
//!
//! Both can be made to panic on a marker, a given number of times: their panics happen inside an actor's handler.

use super::lock;
use crate::domain::Lang;
use crate::flow::Policy;
use crate::language::{Analyzer, Phrase, Phrasebook};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Panics while it is charged.
#[derive(Debug, Default)]
pub struct Fuse {
    charges: Mutex<BTreeMap<String, u32>>,
}

impl Fuse {
    /// Makes the next `times` uses of texts that contain `marker` panic.
    pub fn charge(&self, marker: &str, times: u32) {
        lock(&self.charges).insert(marker.to_owned(), times);
    }

    fn use_on(&self, text: &str) {
        let blown = {
            let mut charges = lock(&self.charges);
            let hit = charges.iter_mut().find(|(marker, left)| text.contains(marker.as_str()) && **left > 0);
            hit.map(|(_, left)| *left -= 1)
        };
        assert!(blown.is_none(), "a scripted panic");
    }
}

/// Says every phrase as its own name in brackets: `[AskEmail]`. Drafts carry what they are about: `[Draft] text`.
#[derive(Debug, Default)]
pub struct PlainPhrases {
    /// Panics on phrases by name.
    pub fuse: Fuse,
}

impl Phrasebook for PlainPhrases {
    fn say(&self, _: Lang, phrase: &Phrase) -> String {
        let shown = format!("{phrase:?}");
        let name = shown.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
        self.fuse.use_on(&name);
        if let Phrase::Draft(draft) = phrase {
            let because = draft.because.as_ref().map(|reason| format!(" {}", reason.name()));
            return format!("[Draft{}] {}", because.unwrap_or_default(), draft.text);
        }
        format!("[{name}]")
    }
}

/// Takes `human`, `resend` and `i don't know` for what they say, a few words for small talk, Cyrillic letters for Russian and
/// Latin ones for English.
#[derive(Debug, Default)]
pub struct PlainAnalyzer {
    /// Panics on what customers write and on what the model answers.
    pub fuse: Fuse,
}

impl Analyzer for PlainAnalyzer {
    fn language(&self, text: &str) -> Option<Lang> {
        let prose = |word: &&str| !word.contains('@');
        let letter = text.split_whitespace().filter(prose).flat_map(str::chars).find(|c| c.is_alphabetic())?;
        Some(if letter.is_ascii() { Lang::En } else { Lang::Ru })
    }

    fn wants_person(&self, text: &str) -> bool {
        self.fuse.use_on(text);
        text.to_lowercase().contains("human")
    }

    fn wants_resend(&self, text: &str) -> bool {
        text.to_lowercase().contains("resend")
    }

    fn is_small_talk(&self, word: &str) -> bool {
        let words = ["my", "mail", "email", "is", "the", "code", "oops", "thanks", "please", "resend", "and"];
        words.contains(&word.to_lowercase().as_str())
    }

    fn gives_up(&self, text: &str) -> bool {
        self.fuse.use_on(text);
        text.to_lowercase().contains("i don't know")
    }
}

/// Returns a policy of the shipped defaults with these two language ports and no channel.
pub fn plain_policy(analyzer: Arc<dyn Analyzer>, phrases: Arc<dyn Phrasebook>) -> Policy {
    Policy {
        channels: BTreeMap::new(),
        analyzer,
        phrases,
        default_lang: Lang::En,
        desk_lang: Lang::En,
        memory_messages: 20,
        gate: Default::default(),
        turn: Default::default(),
        handoff: Default::default(),
        outbox: Default::default(),
        away: Default::default(),
        voice: Some(Default::default()),
    }
}
