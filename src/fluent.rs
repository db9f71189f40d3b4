//! Fluent texts of one subject in every language of the desk, parsed once.
//!
//! Each user owns its files (`config/locales/mail.*.ftl`, `card.*.ftl`) and its own [`Texts`]; nothing is shared but
//! this loader. The concurrent bundle is used because texts are rendered on many tasks.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use frontdesk_actors::domain::Lang;
use std::fmt;
use unic_langid::{LanguageIdentifier, langid};

/// Messages of one subject, in every language.
pub struct Texts {
    bundles: Vec<(Lang, FluentBundle<FluentResource>)>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").finish_non_exhaustive()
    }
}

impl Texts {
    /// Parses one source per language, in the order of [`Lang::ALL`].
    ///
    /// Entries that cannot be parsed are left out and fall back to English; the sources are compiled in, and a test
    /// of their owner shows that none is.
    pub fn parse(sources: [&str; 4]) -> Self {
        let bundles = Lang::ALL.into_iter().zip(sources).map(|(lang, source)| (lang, bundle(lang, source))).collect();
        Self { bundles }
    }

    /// Returns a message in the language, else in English, else its name.
    pub fn say(&self, lang: Lang, name: &str, args: &[(&'static str, FluentValue<'_>)]) -> String {
        let mut values = FluentArgs::with_capacity(args.len());
        for (key, value) in args {
            values.set(*key, value.clone());
        }
        [lang, Lang::En].into_iter().find_map(|lang| self.find(lang, name, &values)).unwrap_or_else(|| name.to_owned())
    }

    /// Returns whether this language itself has the message.
    pub fn has(&self, lang: Lang, name: &str) -> bool {
        self.bundle(lang).is_some_and(|bundle| bundle.has_message(name))
    }

    fn find(&self, lang: Lang, name: &str, args: &FluentArgs<'_>) -> Option<String> {
        let bundle = self.bundle(lang)?;
        let pattern = bundle.get_message(name)?.value()?;
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(args), &mut errors).into_owned();
        errors.is_empty().then_some(text)
    }

    fn bundle(&self, lang: Lang) -> Option<&FluentBundle<FluentResource>> {
        self.bundles.iter().find(|(have, _)| *have == lang).map(|(_, bundle)| bundle)
    }
}

fn bundle(lang: Lang, source: &str) -> FluentBundle<FluentResource> {
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(parsed, _errors)| parsed);
    let mut bundle = FluentBundle::new_concurrent(vec![identifier(lang)]);
    // Isolation marks are invisible characters around every value; they end up in links and codes that people copy.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource);
    bundle
}

const fn identifier(lang: Lang) -> LanguageIdentifier {
    match lang {
        Lang::En => langid!("en"),
        Lang::Ru => langid!("ru"),
        Lang::Kk => langid!("kk"),
        Lang::Mn => langid!("mn"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_back_to_english_and_then_to_the_name() {
        let texts = Texts::parse(["hello = Hello { $name }", "hello = Привет { $name }", "", "hello = { $other }"]);
        let args = [("name", FluentValue::from("Ann"))];
        assert_eq!(texts.say(Lang::Ru, "hello", &args), "Привет Ann");
        assert_eq!(texts.say(Lang::Kk, "hello", &args), "Hello Ann", "missing in this language");
        assert_eq!(texts.say(Lang::Mn, "hello", &args), "Hello Ann", "broken in this language");
        assert_eq!(texts.say(Lang::En, "bye", &args), "bye");
        assert!(!texts.has(Lang::Kk, "hello"));
    }
}
