//! The document: one self-contained file, put together when the program is built. Its policy allows exactly the script
//! and the style that are in it, by digest, and no address but this one.

use super::PageState;
use super::document::{digest_source, protect};
use crate::adapters::web::Session;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use std::sync::LazyLock;

const DOCUMENT: &str = include_str!("../../../web/index.html");
const STYLE: &str = concat!(include_str!("../../../web/page.css"), include_str!("../../../web/panels.css"));
const SCRIPT: &str = concat!(
    "\"use strict\";(() => {\n",
    include_str!("../../../web/js/dom.js"),
    include_str!("../../../web/js/wire.js"),
    include_str!("../../../web/js/chat.js"),
    include_str!("../../../web/js/console.js"),
    include_str!("../../../web/js/demo.js"),
    include_str!("../../../web/js/main.js"),
    "})();\n"
);

/// The document with style and script in place; what differs between requests is still marked.
static TEMPLATE: LazyLock<String> =
    LazyLock::new(|| DOCUMENT.replace("/*{{style}}*/", STYLE).replace("/*{{script}}*/", SCRIPT));

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; img-src data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        digest_source(SCRIPT),
        digest_source(STYLE)
    );
    HeaderValue::from_str(&policy).expect("a policy is plain text")
});

/// `GET /`
pub(super) async fn page(State(state): State<PageState>, headers: HeaderMap) -> Response {
    let chat = state.mode.chat || state.mode.demo;
    let known = session_of(&headers);
    let session = known.clone().unwrap_or_else(Session::fresh);
    let conversation = if chat { session.key().to_string() } else { String::new() };
    let body = TEMPLATE
        .replace("{{demo}}", if state.mode.demo { "yes" } else { "no" })
        .replace("{{chat}}", if chat { "yes" } else { "no" })
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
