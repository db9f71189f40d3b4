//! The page at `/`: the customer's chat, the colleagues' console, and in the demo the mailbox and the cards.
//!
//! Every route of the page is listed in [`routes`]. Who may use what: the chat is open where it is switched on, the
//! console wants the admin token, and in demo mode (loopback and no vendor) all of it is open to the machine itself.
//! `page/html.rs` is the document, `page/chat.rs` and `page/console.rs` the routes, `page/stream.rs` the live updates,
//! `page/words.rs` what customers read.

mod chat;
mod console;
mod desk;
pub(in crate::http) mod document;
mod html;
mod kept;
mod refusal;
mod rows;
mod stream;
pub mod words;

pub use desk::Desk;
pub use kept::{CardView, CardsView, MailView, MailboxView};

use crate::adapters::web::Web;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use frontdesk_actors::domain::Lang;
use refusal::Refusal;
use std::fmt;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Larger than any text the page takes, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Tells from the headers of a request whether it carries the admin token.
pub type AdminCheck = Arc<dyn Fn(&HeaderMap) -> bool + Send + Sync>;

/// What of the page is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageMode {
    /// Loopback listener and no vendor configured: everything is open.
    pub demo: bool,
    /// The chat is on (`WEB_CHAT=on`, or the demo).
    pub chat: bool,
    /// Kommo is configured: the console has a tab for it.
    pub kommo: bool,
    /// The page is reached by TLS (`PUBLIC_URL` is https): the cookie is never sent in clear.
    pub secure: bool,
}

/// What the page's routes work with.
#[derive(Clone)]
pub struct PageState {
    /// The engine.
    pub desk: Arc<dyn Desk>,
    /// The page's channel.
    pub web: Arc<Web>,
    /// The demo's mailbox, if mails stay on the page.
    pub mailbox: Option<Arc<dyn MailboxView>>,
    /// The demo's cards, if they stay on the page.
    pub cards: Option<Arc<dyn CardsView>>,
    /// The company's name, on the page.
    pub site_name: String,
    /// The language of readers whose browser likes none of ours.
    pub lang: Lang,
    /// What is open.
    pub mode: PageMode,
    /// Who is an operator.
    pub admin: AdminCheck,
    /// Ends every stream when the daemon stops, because a stream never ends by itself.
    pub closing: CancellationToken,
}

impl fmt::Debug for PageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageState").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Returns every route of the page.
pub fn routes(state: PageState) -> Router {
    let chat = Router::new()
        .route("/chat/messages", post(chat::write))
        .route("/chat/events", get(chat::events))
        .route("/chat/reset", post(chat::reset))
        .layer(from_fn_with_state(state.clone(), chat_is_on));
    let console = Router::new()
        .route("/api/console/events", get(console::events))
        .route("/api/console/conversations", get(console::list))
        .route("/api/console/conversations/{key}", get(console::show))
        .route("/api/console/conversations/{key}/journal", get(console::journal))
        .route("/api/console/conversations/{key}/take", post(console::take))
        .route("/api/console/conversations/{key}/reply", post(console::reply))
        .route("/api/console/conversations/{key}/handback", post(console::hand_back))
        .route("/api/console/mails", get(console::mails))
        .route("/api/console/mails/{id}", get(console::mail))
        .route("/api/console/cards", get(console::cards))
        .layer(from_fn_with_state(state.clone(), is_operator));
    Router::new()
        .route("/", get(html::page))
        .merge(chat)
        .merge(console)
        .layer(from_fn_with_state(state.clone(), is_this_machine))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(state)
}

/// Returns whether the request names this machine as its host. Where everything is open because only the machine
/// itself can connect, another name means that a foreign site made the browser connect (DNS rebinding).
pub fn names_loopback(uri: &Uri, headers: &HeaderMap) -> bool {
    let named = headers.get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    let Some(authority) = named.or_else(|| uri.authority().map(|authority| authority.as_str())) else {
        return true;
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let is_address = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_address || host == "localhost" || host.ends_with(".localhost")
}

async fn is_this_machine(State(state): State<PageState>, request: Request, next: Next) -> Response {
    if state.mode.demo && !names_loopback(request.uri(), request.headers()) {
        return Refusal::ForeignHost.into_response();
    }
    next.run(request).await
}

async fn chat_is_on(State(state): State<PageState>, request: Request, next: Next) -> Response {
    if state.mode.chat || state.mode.demo { next.run(request).await } else { Refusal::ChatOff.into_response() }
}

async fn is_operator(State(state): State<PageState>, request: Request, next: Next) -> Response {
    if state.mode.demo || (state.admin)(request.headers()) {
        next.run(request).await
    } else {
        Refusal::NotOperator.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a header value"));
        names_loopback(&Uri::from_static("/"), &headers)
    }

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for good in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "[::1]", "app.localhost:1"] {
            assert!(named(good), "{good}");
        }
        for bad in ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil:80", ""]
        {
            assert!(!named(bad), "{bad}");
        }
        assert!(names_loopback(&Uri::from_static("/"), &HeaderMap::new()));
        assert!(!names_loopback(&Uri::from_static("http://evil.example/"), &HeaderMap::new()));
    }
}
