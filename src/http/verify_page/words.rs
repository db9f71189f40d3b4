//! The page's words, from the Fluent files compiled in. A word that is missing in a language is said in English; that
//! none is missing is tested.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use frontdesk_actors::domain::Lang;
use std::fmt;
use std::sync::LazyLock;
use unic_langid::langid;

static EN: LazyLock<Words> = LazyLock::new(|| Words::read(Lang::En));
static RU: LazyLock<Words> = LazyLock::new(|| Words::read(Lang::Ru));
static KK: LazyLock<Words> = LazyLock::new(|| Words::read(Lang::Kk));
static MN: LazyLock<Words> = LazyLock::new(|| Words::read(Lang::Mn));

/// One language's words.
pub(super) struct Words(FluentBundle<FluentResource>);

impl Words {
    pub(super) fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::En => &EN,
            Lang::Ru => &RU,
            Lang::Kk => &KK,
            Lang::Mn => &MN,
        }
    }

    /// Returns a phrase; `{ $site }` in it becomes the site's name.
    pub(super) fn say(&self, id: &str, site: &str) -> String {
        self.find(id, site).or_else(|| EN.find(id, site)).unwrap_or_else(|| id.to_owned())
    }

    fn find(&self, id: &str, site: &str) -> Option<String> {
        let pattern = self.0.get_message(id)?.value()?;
        let args = FluentArgs::from_iter([("site", site)]);
        let mut errors = Vec::new();
        Some(self.0.format_pattern(pattern, Some(&args), &mut errors).into_owned())
    }

    fn read(lang: Lang) -> Self {
        let (id, source) = match lang {
            Lang::En => (langid!("en"), include_str!("../../../config/locales/page.en.ftl")),
            Lang::Ru => (langid!("ru"), include_str!("../../../config/locales/page.ru.ftl")),
            Lang::Kk => (langid!("kk"), include_str!("../../../config/locales/page.kk.ftl")),
            Lang::Mn => (langid!("mn"), include_str!("../../../config/locales/page.mn.ftl")),
        };
        // What parses of a file with a mistake is used; the test below does not let a mistake through.
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(partial, _)| partial);
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Self(bundle)
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Words").field(&self.0.locales).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_word() {
        let source = include_str!("../../../config/locales/page.en.ftl");
        let ids: Vec<&str> = source.lines().filter_map(|line| line.split_once(" = ")).map(|(id, _)| id).collect();
        assert!(ids.len() > 20);
        for lang in Lang::ALL {
            for id in &ids {
                let said = Words::of(lang).find(id, "Ordo").unwrap_or_default();
                assert!(!said.is_empty() && !said.contains('{'), "{id} in {}", lang.code());
            }
        }
        assert!(Words::of(Lang::Mn).say("verify-open-text", "Ordo").contains("Ordo"));
    }
}
