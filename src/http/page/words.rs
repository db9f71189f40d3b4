//! The words of the documents that customers read, from the Fluent files compiled in, and the language to say them in.

use crate::fluent::Texts;
use axum::http::{HeaderMap, header};
use fluent_bundle::FluentValue;
use frontdesk_actors::domain::Lang;
use std::sync::LazyLock;

static WORDS: LazyLock<Texts> = LazyLock::new(|| {
    Texts::parse([
        include_str!("../../../config/locales/page.en.ftl"),
        include_str!("../../../config/locales/page.ru.ftl"),
        include_str!("../../../config/locales/page.kk.ftl"),
        include_str!("../../../config/locales/page.mn.ftl"),
    ])
});

/// Returns a phrase; `{ $site }` in it becomes the company's name.
pub(in crate::http) fn say(lang: Lang, id: &str, site: &str) -> String {
    WORDS.say(lang, id, &[("site", FluentValue::from(site))])
}

/// Returns what a customer is told whose message went to a person.
pub fn routed(lang: Lang) -> String {
    say(lang, "chat-routed", "")
}

/// Returns the language of ours that the reader's browser likes best, if it likes one.
pub(in crate::http) fn accepted_language(headers: &HeaderMap) -> Option<Lang> {
    let accepted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(f32, Lang)> = None;
    for choice in accepted.split(',').take(16) {
        let (tag, quality) = choice.split_once(";q=").unwrap_or((choice, "1"));
        let quality = quality.trim().parse::<f32>().unwrap_or(0.0);
        if let Some(lang) = Lang::parse(tag.trim())
            && quality > best.map_or(0.0, |(quality, _)| quality)
        {
            best = Some((quality, lang));
        }
    }
    best.map(|(_, lang)| lang)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn every_language_has_every_word() {
        let source = include_str!("../../../config/locales/page.en.ftl");
        let ids: Vec<&str> = source.lines().filter_map(|line| line.split_once(" = ")).map(|(id, _)| id).collect();
        assert!(ids.len() > 40);
        for lang in Lang::ALL {
            for id in &ids {
                let said = say(lang, id, "Ordo");
                let own = WORDS.has(lang, id) && !said.is_empty() && !said.contains('{');
                assert!(own, "{id} in {}: {said}", lang.code());
            }
        }
        assert!(say(Lang::Mn, "verify-open-text", "Ordo").contains("Ordo"));
    }

    #[test]
    fn the_readers_language_is_the_best_of_ours() {
        let best = |accepted: &str| {
            accepted_language(&HeaderMap::from_iter([(
                header::ACCEPT_LANGUAGE,
                HeaderValue::from_str(accepted).expect("a header value"),
            )]))
        };
        assert_eq!(best("kk-KZ,ru;q=0.8,en;q=0.5"), Some(Lang::Kk));
        assert_eq!(best("de,fr;q=0.9,ru;q=0.2,en;q=0.4"), Some(Lang::En));
        assert_eq!(best("mn-MN,mn;q=0.9,en;q=0.8"), Some(Lang::Mn));
        for none in ["de", "", "*", "en;q=0,;;q=x,,"] {
            assert_eq!(best(none), None, "{none:?}");
        }
    }
}
