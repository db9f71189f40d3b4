//! Meaning into text and text into meaning: the desk's own words in four languages, and what customers mean by theirs.
//!
//! [`Locales`] says the engine's phrases from the Fluent files in `config/locales`. [`Listener`] tells the language of a
//! text and whether it asks for a person, asks for the mail again, or (a model's answer) gives up, and small talk, from the word lists in
//! `config/words`. Files of both kinds are compiled in and can be replaced by files of the same name in a directory.

mod listener;
mod locales;
mod message;
mod note;
mod patterns;
mod tongue;
mod words;

pub use listener::{CANNOT_ANSWER, Listener, WordsError};
pub use locales::{LocaleError, Locales};
