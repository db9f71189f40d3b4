//! The page behind the link in a verification mail: what it shows in every state, and with which status.
//!
//! Pure: a [`Page`] and a language go in, a document comes out. It works without JavaScript and has none. Opening it
//! changes nothing; the confirming form comes first, "this was not me" after it. The words are in
//! `config/locales/page.*.ftl`, the document in `templates/verify_page.html`.

mod words;

use super::page::document;
use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::engine::ChallengeView;
use frontdesk_actors::time::Timestamp;
use std::fmt;
use std::sync::LazyLock;
use words::Words;

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

/// What the page shows.
#[derive(Clone, PartialEq, Eq)]
pub enum Page {
    /// The two buttons.
    Open {
        /// What the forms send back.
        token: String,
        /// The address to be proven.
        address: String,
        /// When the mail was asked for.
        issued: Timestamp,
        /// The first words of the chat.
        first_words: String,
    },
    /// This request verified the address.
    Done,
    /// The link was used before.
    Used,
    /// The link has expired or was replaced.
    Expired,
    /// The token is not of this desk, or of no conversation it knows.
    Foreign,
    /// That is no token.
    Malformed,
    /// This request said "this was not me".
    Disowned,
    /// An earlier request said "this was not me".
    Ended,
    /// The store is away.
    Unavailable,
}

/// What a request wanted of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To see it (GET, HEAD).
    Look,
    /// To confirm (`POST /verify`).
    Confirm,
    /// To say "this was not me" (`POST /verify/disown`).
    Disown,
}

impl Page {
    /// Returns the page for what the engine says of a challenge, and the customer's language where it is known.
    pub fn of(view: ChallengeView, token: &str, asked: Asked) -> (Self, Option<Lang>) {
        match view {
            ChallengeView::Open { address, issued, first_words, lang } => {
                (Page::Open { token: token.to_owned(), address, issued, first_words }, Some(lang))
            }
            ChallengeView::Done { lang } => (Page::Done, Some(lang)),
            ChallengeView::Used { lang } => (Page::Used, Some(lang)),
            ChallengeView::Expired { lang } => (Page::Expired, Some(lang)),
            ChallengeView::Disowned { lang } => match asked {
                Asked::Disown => (Page::Disowned, Some(lang)),
                Asked::Look | Asked::Confirm => (Page::Ended, Some(lang)),
            },
            ChallengeView::Foreign => (Page::Foreign, None),
        }
    }

    /// Returns the status it is served with.
    pub const fn status(&self) -> StatusCode {
        match self {
            Page::Open { .. } | Page::Done | Page::Disowned => StatusCode::OK,
            Page::Used => StatusCode::CONFLICT,
            Page::Expired | Page::Ended => StatusCode::GONE,
            Page::Foreign => StatusCode::FORBIDDEN,
            Page::Malformed => StatusCode::BAD_REQUEST,
            Page::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the name of its words in the locales, which is also the class of its mark.
    const fn name(&self) -> &'static str {
        match self {
            Page::Open { .. } => "open",
            Page::Done => "done",
            Page::Used => "used",
            Page::Expired => "expired",
            Page::Foreign => "foreign",
            Page::Malformed => "malformed",
            Page::Disowned => "disowned",
            Page::Ended => "ended",
            Page::Unavailable => "unavailable",
        }
    }

    const fn mark(&self) -> &'static str {
        match self {
            Page::Open { .. } => "?",
            Page::Done | Page::Disowned => "✓",
            Page::Used | Page::Expired | Page::Foreign | Page::Malformed | Page::Ended | Page::Unavailable => "!",
        }
    }
}

impl fmt::Debug for Page {
    /// Shows the state only: token, address and words must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Page({})", self.name())
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
pub fn render(view: &Page, lang: Lang, site_name: &str) -> (StatusCode, String) {
    let words = Words::of(lang);
    let document = Document {
        lang: lang.code(),
        site: site_name,
        style: STYLE,
        name: view.name(),
        mark: view.mark(),
        title: words.say(&format!("verify-{}-title", view.name()), site_name),
        text: words.say(&format!("verify-{}-text", view.name()), site_name),
        question: question(view, words, site_name),
    };
    let body = document.render().expect("a template of strings always renders");
    (view.status(), body)
}

/// Renders the page as a response with its headers: never stored, never referred from, no script at all.
pub fn respond(view: &Page, lang: Lang, site_name: &str) -> Response {
    let (status, body) = render(view, lang, site_name);
    let mut response = (status, Html(body)).into_response();
    document::protect(response.headers_mut(), &POLICY);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    response
}

/// Returns the language of ours that the browser likes best; English if it likes none.
pub fn accepted_language(headers: &HeaderMap) -> Lang {
    let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut best = (Lang::default(), 0.0_f32);
    for range in header.split(',') {
        let (tag, weight) = range.split_once(";q=").unwrap_or((range, "1"));
        let weight = weight.trim().parse::<f32>().unwrap_or(0.0);
        if let Some(lang) = Lang::parse(tag.trim()).filter(|_| weight > best.1) {
            best = (lang, weight);
        }
    }
    best.0
}

fn question(view: &Page, words: &Words, site: &str) -> Option<Question> {
    let Page::Open { token, address, issued, first_words } = view else { return None };
    let mut facts = vec![
        (words.say("verify-open-address", site), address.clone()),
        (words.say("verify-open-time", site), utc(*issued)),
    ];
    if !first_words.trim().is_empty() {
        facts.push((words.say("verify-open-words", site), format!("“{}”", shortened(first_words.trim()))));
    }
    Some(Question {
        token: token.clone(),
        facts,
        confirm: words.say("verify-open-button", site),
        disown_text: words.say("verify-disown-text", site),
        disown: words.say("verify-disown-button", site),
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

    #[test]
    fn the_browsers_favourite_language_of_ours_wins() {
        for (header, expected) in [
            ("", Lang::En),
            ("mn-MN,mn;q=0.9,en;q=0.8", Lang::Mn),
            ("de, fr;q=0.9, ru;q=0.5, en;q=0.4", Lang::Ru),
            ("en;q=0.1,kk;q=0.7", Lang::Kk),
            ("de;q=x, ru;q=", Lang::En),
            ("*", Lang::En),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, header.parse().expect("a header value"));
            assert_eq!(accepted_language(&headers), expected, "{header:?}");
        }
    }
}
