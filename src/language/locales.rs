//! The desk's own words, from Fluent files: one per language, compiled in, each of which a directory may override.
//!
//! Every message is tried with its arguments when the locales are loaded, so that a mistake in a file stops the start and
//! never a conversation.

use super::message::Message;
use super::note;
use fluent_bundle::FluentResource;
use fluent_bundle::concurrent::FluentBundle;
use frontdesk_actors::domain::{Lang, ProofKind, Role};
use frontdesk_actors::language::{Draft, HandoffNote, Phrase, Phrasebook, Reason};
use std::path::{Path, PathBuf};
use unic_langid::langid;

/// A locale file that cannot be used. Every variant names it.
#[derive(Debug, thiserror::Error)]
pub enum LocaleError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}; check its permissions and that it is UTF-8 text", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not Fluent.
    #[error("{file}: not valid Fluent at line {line}: {what}; see https://projectfluent.org/fluent/guide")]
    Syntax {
        /// The file.
        file: String,
        /// The line, counted from one.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A message lacks or uses something that it is not given.
    #[error("{lang}.ftl: the message {id} cannot be said: {what}")]
    Message {
        /// The language.
        lang: &'static str,
        /// The message.
        id: String,
        /// What is wrong.
        what: String,
    },
}

/// What the desk says, in four languages: the engine's [`Phrasebook`].
pub struct Locales {
    bundles: [FluentBundle<FluentResource>; Lang::ALL.len()],
}

impl Locales {
    /// Makes the compiled-in locales.
    pub fn new() -> Self {
        Self::load(None).expect("the compiled-in locales are read by the tests")
    }

    /// Makes locales whose messages are the compiled-in ones, overridden by those of `<directory>/<language>.ftl`. Such a
    /// file may be missing, and need not have every message.
    ///
    /// # Errors
    /// [`LocaleError`] for the first file or message that cannot be used.
    pub fn load(directory: Option<&Path>) -> Result<Self, LocaleError> {
        let bundle = |lang| bundle(lang, directory);
        let bundles = [bundle(Lang::En)?, bundle(Lang::Ru)?, bundle(Lang::Kk)?, bundle(Lang::Mn)?];
        let locales = Self { bundles };
        for lang in Lang::ALL {
            for phrase in samples() {
                locales.try_phrase(lang, &phrase)?;
            }
        }
        Ok(locales)
    }

    /// Says a phrase and tells the first thing that went wrong.
    fn try_phrase(&self, lang: Lang, phrase: &Phrase) -> Result<String, LocaleError> {
        let problem = std::cell::RefCell::new(None);
        let text = render(phrase, |message| {
            self.format(lang, message).unwrap_or_else(|what| {
                let error = LocaleError::Message { lang: lang.code(), id: message.id.clone(), what };
                problem.borrow_mut().get_or_insert(error);
                String::new()
            })
        });
        problem.into_inner().map_or(Ok(text), Err)
    }

    /// Returns a message as text.
    fn format(&self, lang: Lang, message: &Message) -> Result<String, String> {
        let bundle = &self.bundles[lang as usize];
        let pattern = bundle.get_message(&message.id).and_then(|found| found.value()).ok_or("it does not exist")?;
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&message.args), &mut errors).into_owned();
        match errors.first() {
            Some(error) => Err(error.to_string()),
            None if text.trim().is_empty() => Err("it is empty".to_owned()),
            None => Ok(text),
        }
    }
}

impl Default for Locales {
    fn default() -> Self {
        Self::new()
    }
}

impl Phrasebook for Locales {
    fn say(&self, lang: Lang, phrase: &Phrase) -> String {
        // What is loaded has been tried; a plural form that no sample reached falls back to the message's name at worst.
        render(phrase, |message| {
            self.format(lang, message)
                .or_else(|_| self.format(Lang::En, message))
                .unwrap_or_else(|_| message.id.clone())
        })
    }
}

impl std::fmt::Debug for Locales {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Locales").finish_non_exhaustive()
    }
}

fn render(phrase: &Phrase, say: impl Fn(&Message) -> String) -> String {
    match phrase {
        Phrase::HandoffNote(note) => note::write(note, say),
        Phrase::Draft(draft) => note::draft(draft, say),
        Phrase::AskEmail
        | Phrase::MalformedEmail
        | Phrase::MailSent { .. }
        | Phrase::MailDelayed
        | Phrase::MailRefused { .. }
        | Phrase::MailsCapped
        | Phrase::Remind { .. }
        | Phrase::ResendTooSoon { .. }
        | Phrase::ResendCapped
        | Phrase::WrongCode { .. }
        | Phrase::TooManyCodes
        | Phrase::Expired { .. }
        | Phrase::Disowned
        | Phrase::Verified { .. }
        | Phrase::HandoffAsked
        | Phrase::HandoffSorry
        | Phrase::LateAnswer
        | Phrase::NobodyYet
        | Phrase::NobodyYetTryAgain
        | Phrase::CannotReadAttachment
        | Phrase::VoiceTooLong
        | Phrase::VoiceSilent
        | Phrase::VoiceUnreadable
        | Phrase::CardTitle
        | Phrase::Because(_) => say(&Message::of(phrase)),
    }
}

/// Makes the bundle of one language.
fn bundle(lang: Lang, directory: Option<&Path>) -> Result<FluentBundle<FluentResource>, LocaleError> {
    let (id, compiled_in) = match lang {
        Lang::En => (langid!("en"), include_str!("../../config/locales/en.ftl")),
        Lang::Ru => (langid!("ru"), include_str!("../../config/locales/ru.ftl")),
        Lang::Kk => (langid!("kk"), include_str!("../../config/locales/kk.ftl")),
        Lang::Mn => (langid!("mn"), include_str!("../../config/locales/mn.ftl")),
    };
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Isolation marks are for mixed writing directions; none of the four languages needs them, and mail clients show them.
    bundle.set_use_isolating(false);
    let name = format!("{}.ftl", lang.code());
    bundle.add_resource_overriding(parse(&name, compiled_in.to_owned())?);
    if let Some(path) = directory.map(|directory| directory.join(&name)) {
        match std::fs::read_to_string(&path) {
            Ok(text) => bundle.add_resource_overriding(parse(&path.display().to_string(), text)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(LocaleError::Unreadable { path, source }),
        }
    }
    Ok(bundle)
}

fn parse(file: &str, text: String) -> Result<FluentResource, LocaleError> {
    FluentResource::try_new(text).map_err(|(resource, errors)| {
        let (at, what) = errors.first().map_or((0, String::new()), |error| (error.pos.start, error.kind.to_string()));
        let before = resource.source().get(..at).unwrap_or_default();
        LocaleError::Syntax { file: file.to_owned(), line: before.lines().count().max(1), what }
    })
}

/// Returns phrases that together use every message, every argument and every plural form.
fn samples() -> Vec<Phrase> {
    let address = || "name@example.com".to_owned();
    let mut phrases = vec![
        Phrase::AskEmail,
        Phrase::MalformedEmail,
        Phrase::MailSent { address: address() },
        Phrase::MailDelayed,
        Phrase::MailRefused { address: address() },
        Phrase::MailsCapped,
        Phrase::Remind { address: address() },
        Phrase::ResendCapped,
        Phrase::TooManyCodes,
        Phrase::Expired { address: address() },
        Phrase::Disowned,
        Phrase::Verified { address: address() },
        Phrase::HandoffAsked,
        Phrase::HandoffSorry,
        Phrase::LateAnswer,
        Phrase::NobodyYet,
        Phrase::NobodyYetTryAgain,
        Phrase::CannotReadAttachment,
        Phrase::CardTitle,
    ];
    phrases.extend([0, 1, 2, 5].map(|left| Phrase::WrongCode { left }));
    phrases.extend([0, 1, 2, 5, 21].map(|seconds| Phrase::ResendTooSoon { seconds }));
    phrases.extend(Reason::every("text").map(Phrase::Because));
    phrases.push(Phrase::Because(Reason::AskedByModel(String::new())));
    let draft = |because| Phrase::Draft(Box::new(Draft { text: "text".to_owned(), because }));
    phrases.extend([draft(None), draft(Some(Reason::CannotAnswer))]);
    let proofs = [
        None,
        Some(ProofKind::Link),
        Some(ProofKind::Code),
        Some(ProofKind::Mac),
        Some(ProofKind::VendorIdentity),
        Some(ProofKind::PlainAttributes),
    ];
    let notes = proofs
        .into_iter()
        .zip([0, 1, 2, 5, 21, 7])
        .flat_map(|(proof, open)| Lang::ALL.map(|lang| sample_note(lang, Some((address(), proof)), open)));
    phrases.extend(notes);
    phrases.push(sample_note(Lang::En, None, 1));
    phrases
}

fn sample_note(lang: Lang, email: Option<(String, Option<ProofKind>)>, open: usize) -> Phrase {
    let last = [Role::Customer, Role::Desk, Role::Person].map(|role| (role, "text".to_owned())).to_vec();
    let open_questions = vec!["text".to_owned(); open];
    let reason = Reason::AskedByCustomer;
    Phrase::HandoffNote(Box::new(HandoffNote {
        summary: None,
        reason,
        name: None,
        email,
        lang,
        open_questions,
        exchanged: open,
        last,
    }))
}
