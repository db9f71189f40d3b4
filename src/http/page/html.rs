//! The document: one self-contained file, put together when the program is built and once per language. Its policy
//! allows exactly the script and the style that are in it, by digest, and no address but this one.
//!
//! The mailbox shows mails in a frame without scripts, which inherits the policy; that is why the style attributes of our
//! own mail are allowed too, each by its digest.

use super::document::{digest_source, protect};
use super::{PageMode, PageState, words};
use crate::adapters::web::Session;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use frontdesk_actors::domain::Lang;
use std::sync::LazyLock;

const DOCUMENT: &str = include_str!("../../../web/index.html");
const STYLE: &str = concat!(include_str!("../../../web/page.css"), include_str!("../../../web/panels.css"));
const SCRIPT: &str = concat!(
    "\"use strict\";(() => {\n",
    include_str!("../../../web/js/dom.js"),
    include_str!("../../../web/js/wire.js"),
    include_str!("../../../web/js/chat.js"),
    include_str!("../../../web/js/console.js"),
    include_str!("../../../web/js/why.js"),
    include_str!("../../../web/js/kommo.js"),
    include_str!("../../../web/js/told.js"),
    include_str!("../../../web/js/demo.js"),
    include_str!("../../../web/js/main.js"),
    "})();\n"
);

/// The mail whose style attributes the policy allows.
const MAIL: &str = include_str!("../../../config/mail/verification.html");

/// What the script says to customers.
const SCRIPT_WORDS: [&str; 17] = [
    "you",
    "bot",
    "system",
    "agent",
    "joined",
    "bot-again",
    "closed",
    "mode-on",
    "mode-off",
    "not-sent",
    "send-again",
    "left",
    "reconnecting",
    "problem-unreachable",
    "problem-unavailable",
    "problem-too_many",
    "problem-too_long",
];

/// The document in each language with style and script in place; what differs between requests is still marked.
static TEMPLATES: LazyLock<[String; Lang::ALL.len()]> = LazyLock::new(|| Lang::ALL.map(template));

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}' 'unsafe-hashes' {}; connect-src 'self'; img-src data:; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types letter",
        digest_source(SCRIPT),
        digest_source(STYLE),
        style_attributes(MAIL).map(|style| format!("'{}'", digest_source(style))).collect::<Vec<_>>().join(" ")
    );
    HeaderValue::from_str(&policy).expect("a policy is plain text")
});

/// `GET /`
pub(super) async fn page(State(state): State<PageState>, headers: HeaderMap) -> Response {
    let chat = state.mode.chat || state.mode.demo;
    let known = session_of(&headers);
    let session = known.clone().unwrap_or_else(Session::fresh);
    let conversation = if chat { session.key().to_string() } else { String::new() };
    let lang = words::accepted_language(&headers).unwrap_or(state.lang);
    let (title, sub) = heading(state.mode, lang);
    let body = TEMPLATES[lang as usize]
        .replace("{{title}}", &escaped(&title))
        .replace("{{sub}}", &escaped(&sub))
        .replace("{{demo}}", if state.mode.demo { "yes" } else { "no" })
        .replace("{{chat}}", if chat { "yes" } else { "no" })
        .replace("{{kommo}}", if state.mode.kommo { "yes" } else { "no" })
        .replace("{{conversation}}", &conversation)
        .replace("{{site}}", &escaped(&state.site_name));
    let mut response = Html(body).into_response();
    let answered = response.headers_mut();
    protect(answered, &POLICY);
    if chat && known.is_none() {
        give_session(answered, &session, state.mode.secure);
    }
    response
}

/// Returns what stands over the chat: in the demo whose side it is, elsewhere an invitation.
fn heading(mode: PageMode, lang: Lang) -> (String, String) {
    if mode.demo {
        return ("User Chat".to_owned(), "What your customer sees".to_owned());
    }
    (words::say(lang, "chat-title", ""), words::say(lang, "chat-sub", ""))
}

fn template(lang: Lang) -> String {
    let said: serde_json::Map<String, serde_json::Value> = SCRIPT_WORDS
        .iter()
        .map(|word| ((*word).to_owned(), words::say(lang, &format!("chat-{word}"), "").into()))
        .collect();
    let words_for_script = serde_json::Value::Object(said).to_string();
    let document = DOCUMENT.replace("{{lang}}", lang.code()).replace("{{words}}", &escaped(&words_for_script));
    let mut parts = document.split("{{say:");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (id, rest) = part.split_once("}}").expect("every mark of the document is closed");
        whole.push_str(&escaped(&words::say(lang, id, "")));
        whole.push_str(rest);
    }
    whole.replace("/*{{style}}*/", STYLE).replace("/*{{script}}*/", SCRIPT)
}

/// Returns the contents of a document's style attributes.
fn style_attributes(document: &str) -> impl Iterator<Item = &str> {
    let values = document.split("style=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut seen = std::collections::BTreeSet::new();
    values.filter(move |style| seen.insert(*style))
}

/// Returns the session that the request's cookie carries.
pub(super) fn session_of(headers: &HeaderMap) -> Option<Session> {
    headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).find_map(Session::from_cookies)
}

/// Sets the cookie of a session.
pub(super) fn give_session(headers: &mut HeaderMap, session: &Session, secure: bool) {
    if let Some(value) = session.set_cookie(secure).and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        headers.append(header::SET_COOKIE, value);
    }
}

/// Escapes text for an element's content or a quoted attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
