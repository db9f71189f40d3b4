//! The page behind the link in a verification mail: what it shows in every state, and with which status.
//!
//! Pure: a [`VerifyState`] and a language go in, a document comes out. It works without JavaScript and has none. Opening it
//! changes nothing; the confirming form comes first, "this was not me" after it. The words are in
//! `config/locales/page.*.ftl`, the document in `templates/verify_page.html`.

use super::page::{document, words};
use super::verify::VerifyState;
use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::time::Timestamp;
use std::sync::LazyLock;

const STYLE: &str = include_str!("../../web/verify.css");

/// How much of the chat is shown, in characters.
const FIRST_WORDS: usize = 160;

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; style-src '{}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        document::digest_source(STYLE)
    );
    HeaderValue::from_str(&policy).expect("a policy is plain text")
});

/// Returns what stands in the circle at the top.
const fn mark(view: &VerifyState) -> &'static str {
    match view {
        VerifyState::Open { .. } => "?",
        VerifyState::Done | VerifyState::Disowned => "✓",
        VerifyState::Used
        | VerifyState::Expired
        | VerifyState::Foreign
        | VerifyState::Malformed
        | VerifyState::Ended
        | VerifyState::Unavailable => "!",
    }
}

#[derive(Template)]
#[template(path = "verify_page.html")]
struct Document<'a> {
    lang: &'static str,
    site: &'a str,
    style: &'static str,
    name: &'static str,
    mark: &'static str,
    title: String,
    text: String,
    question: Option<Question>,
}

struct Question {
    token: String,
    facts: Vec<(String, String)>,
    confirm: String,
    disown_text: String,
    disown: String,
}

/// Renders the page.
pub fn render(view: &VerifyState, lang: Lang, site_name: &str) -> (StatusCode, String) {
    let document = Document {
        lang: lang.code(),
        site: site_name,
        style: STYLE,
        name: view.label(),
        mark: mark(view),
        title: words::say(lang, &format!("verify-{}-title", view.label()), site_name),
        text: words::say(lang, &format!("verify-{}-text", view.label()), site_name),
        question: question(view, lang, site_name),
    };
    let body = document.render().expect("a template of strings always renders");
    (view.status(), body)
}

/// Renders the page as a response with its headers: never stored, never referred from, no script at all.
pub fn respond(view: &VerifyState, lang: Lang, site_name: &str) -> Response {
    let (status, body) = render(view, lang, site_name);
    let mut response = (status, Html(body)).into_response();
    document::protect(response.headers_mut(), &POLICY);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    response
}

fn question(view: &VerifyState, lang: Lang, site: &str) -> Option<Question> {
    let VerifyState::Open { token, address, issued, first_words } = view else { return None };
    let say = |id: &str| words::say(lang, id, site);
    let mut facts = vec![(say("verify-open-address"), address.clone()), (say("verify-open-time"), utc(*issued))];
    if !first_words.trim().is_empty() {
        facts.push((say("verify-open-words"), format!("“{}”", shortened(first_words.trim()))));
    }
    Some(Question {
        token: token.clone(),
        facts,
        confirm: say("verify-open-button"),
        disown_text: say("verify-disown-text"),
        disown: say("verify-disown-button"),
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(FIRST_WORDS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Writes a moment as `2026-11-20 18:12 UTC`: the reader's zone is unknown and this form is read in every language.
/// The calendar is Howard Hinnant's `civil_from_days`: <https://howardhinnant.github.io/date_algorithms.html>.
fn utc(at: Timestamp) -> String {
    let (days, second) = (at.as_secs().div_euclid(86_400), at.as_secs().rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", second / 3600, second % 3600 / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        for (secs, expected) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_795_198_320, "2026-11-20 18:12 UTC"),
            (-1, "1969-12-31 23:59 UTC"),
        ] {
            assert_eq!(utc(Timestamp::from_secs(secs)), expected);
        }
    }
}
