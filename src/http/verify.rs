//! The page behind the link in a verification mail.
//!
//! Opening it (GET, HEAD) changes nothing: mail scanners open links. Only the posted form confirms or disowns, and only
//! with the token itself, so a forged cross-site post can do nothing that the holder of the link could not.
//! The token is read, then the engine is asked, then both must agree on address and contact.

use super::page::words::accepted_language;
use super::stack::{PayloadFault, small_body};
use super::{AppState, Shared, metrics};
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::engine::{ChallengeView, DeliverError};
use frontdesk_actors::ids::{ContactKey, ConversationKey};
use frontdesk_actors::time::Timestamp;
use std::fmt;

const TOKEN_AT_MOST: usize = 2048;
const FORM_AT_MOST: usize = 8 * 1024;

/// The policy of a page that brings none: nothing may be loaded, run or framed, and forms go to ourselves.
const STRICT: HeaderValue =
    HeaderValue::from_static("default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");

/// Reads the tokens of verification links.
pub trait TokenReader: Send + Sync + fmt::Debug {
    /// Checks a token's signature and age, and returns what it claims.
    ///
    /// # Errors
    /// [`TokenFault`] if it is not one of ours or too old.
    fn read(&self, token: &str, now: Timestamp) -> Result<Claims, TokenFault>;

    /// Returns the digest by which a token names an address.
    fn address_digest(&self, address: &str) -> String;
}

/// What a token claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The conversation in which the mail was asked for.
    pub key: ConversationKey,
    /// The challenge.
    pub challenge: String,
    /// The contact who asked, where known.
    pub contact: Option<ContactKey>,
    /// The digest of the address the mail went to.
    pub address_digest: String,
}

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFault {
    /// It is no token at all.
    Malformed,
    /// It is a token, but not one of ours.
    Foreign,
    /// It is ours, and too old.
    Expired(Claims),
}

/// Makes the pages.
pub trait VerifyPages: Send + Sync + fmt::Debug {
    /// Returns the page with [`VerifyState::status`], and with the content security policy that its own style needs.
    /// The other headers are set here.
    fn respond(&self, state: VerifyState, lang: Lang) -> Response;
}

/// What a page says.
#[derive(Clone, PartialEq, Eq)]
pub enum VerifyState {
    /// It can be confirmed: two forms that post the token, to `/verify` first and to `/verify/disown` after it.
    Open {
        /// The token, for the hidden fields.
        token: String,
        /// The address to be proven.
        address: String,
        /// When the mail was asked for.
        issued: Timestamp,
        /// The first words of the chat.
        first_words: String,
    },
    /// The address is proven by this request.
    Done,
    /// The link was used before.
    Used,
    /// The link is too old, or a newer one replaced it.
    Expired,
    /// This very request said "this was not me".
    Disowned,
    /// An earlier one did.
    Ended,
    /// The link belongs to nothing here.
    Foreign,
    /// The link is incomplete.
    Malformed,
    /// It cannot be told right now; reload.
    Unavailable,
}

impl VerifyState {
    /// Returns the status that goes with the page.
    pub const fn status(&self) -> StatusCode {
        match self {
            VerifyState::Open { .. } | VerifyState::Done | VerifyState::Disowned => StatusCode::OK,
            VerifyState::Used => StatusCode::CONFLICT,
            VerifyState::Expired | VerifyState::Ended => StatusCode::GONE,
            VerifyState::Foreign => StatusCode::FORBIDDEN,
            VerifyState::Malformed => StatusCode::BAD_REQUEST,
            VerifyState::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the name under which the page is counted.
    pub const fn label(&self) -> &'static str {
        match self {
            VerifyState::Open { .. } => "open",
            VerifyState::Done => "done",
            VerifyState::Used => "used",
            VerifyState::Expired => "expired",
            VerifyState::Disowned => "disowned",
            VerifyState::Ended => "ended",
            VerifyState::Foreign => "foreign",
            VerifyState::Malformed => "malformed",
            VerifyState::Unavailable => "unavailable",
        }
    }
}

impl fmt::Debug for VerifyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// `GET /verify?token=…`: shows what the link leads to, changing nothing.
pub async fn show(State(app): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let token = field(query.unwrap_or_default().as_bytes(), "token");
    let page = match look(&app, token).await {
        Ok(found) => Page { lang: Some(found.lang), state: found.open },
        Err(page) => page,
    };
    page.respond(&app, &headers)
}

/// `POST /verify`: confirms.
pub async fn confirm(State(app): State<Shared>, request: Request) -> Response {
    press(&app, request, Button::Confirm).await
}

/// `POST /verify/disown`: "this was not me".
pub async fn disown(State(app): State<Shared>, request: Request) -> Response {
    press(&app, request, Button::Disown).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Button {
    Confirm,
    Disown,
}

/// An open challenge, and the token that names it.
struct Found {
    claims: Claims,
    open: VerifyState,
    lang: Lang,
}

async fn press(app: &Shared, request: Request, button: Button) -> Response {
    let headers = request.headers().clone();
    let form = match small_body(request, app, FORM_AT_MOST).await {
        Ok(form) => form,
        Err(PayloadFault::TooLarge) => {
            let mut response = Page::unknown(VerifyState::Malformed).respond(app, &headers);
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return response;
        }
        Err(PayloadFault::Slow | PayloadFault::Cut) => {
            return Page::unknown(VerifyState::Malformed).respond(app, &headers);
        }
    };
    let found = match look(app, field(&form, "token")).await {
        Ok(found) => found,
        Err(page) => return page.respond(app, &headers),
    };
    // In a task of its own: a browser that goes away must not leave a confirmation half done.
    let desk = std::sync::Arc::clone(&app.desk);
    let pressed = tokio::spawn(async move {
        match button {
            Button::Confirm => desk.confirm(&found.claims.key, &found.claims.challenge).await,
            Button::Disown => desk.disown(&found.claims.key, &found.claims.challenge).await,
        }
    });
    let mut page = match pressed.await {
        Ok(Ok(view)) => seen(view, Some(button)),
        Ok(Err(error)) => failed(&error),
        Err(_panicked) => Page::unknown(VerifyState::Unavailable),
    };
    page.lang = page.lang.or(Some(found.lang));
    page.respond(app, &headers)
}

/// Reads the token and asks the engine. `Err` is the page for everything that cannot be confirmed.
async fn look(app: &AppState, token: Option<String>) -> Result<Found, Page> {
    let token = token
        .filter(|token| !token.is_empty() && token.len() <= TOKEN_AT_MOST)
        .ok_or(Page::unknown(VerifyState::Malformed))?;
    let (claims, too_old) = match app.links.read(&token, app.clock.now()) {
        Ok(claims) => (claims, false),
        Err(TokenFault::Malformed) => return Err(Page::unknown(VerifyState::Malformed)),
        Err(TokenFault::Foreign) => return Err(Page::unknown(VerifyState::Foreign)),
        Err(TokenFault::Expired(claims)) => (claims, true),
    };
    let view = match app.desk.challenge(&claims.key, &claims.challenge).await {
        Ok(view) => view,
        // A token that is too old stays so, whatever the store would say.
        Err(_) if too_old => return Err(Page::unknown(VerifyState::Expired)),
        Err(error) => return Err(failed(&error)),
    };
    let ChallengeView::Open { address, issued, first_words, lang } = view else {
        return Err(seen(view, None));
    };
    if too_old {
        return Err(Page { state: VerifyState::Expired, lang: Some(lang) });
    }
    if app.links.address_digest(&address) != claims.address_digest || !same_contact(app, &claims).await? {
        return Err(Page { state: VerifyState::Foreign, lang: Some(lang) });
    }
    let open = VerifyState::Open { token, address, issued, first_words };
    Ok(Found { claims, open, lang })
}

async fn same_contact(app: &AppState, claims: &Claims) -> Result<bool, Page> {
    let Some(expected) = &claims.contact else { return Ok(true) };
    let view = app.desk.view(&claims.key).await.map_err(|error| failed(&error))?;
    Ok(view.and_then(|view| view.contact).is_some_and(|contact| contact.key == *expected))
}

/// The page for what the engine says of a challenge, before or after a button was pressed.
fn seen(view: ChallengeView, pressed: Option<Button>) -> Page {
    let (state, lang) = match view {
        // Only a request that pressed the button can have done something; to any other it was done before.
        ChallengeView::Done { lang } if pressed.is_some() => (VerifyState::Done, lang),
        ChallengeView::Done { lang } | ChallengeView::Used { lang } => (VerifyState::Used, lang),
        ChallengeView::Expired { lang } => (VerifyState::Expired, lang),
        ChallengeView::Disowned { lang } if pressed == Some(Button::Disown) => (VerifyState::Disowned, lang),
        ChallengeView::Disowned { lang } => (VerifyState::Ended, lang),
        // A button never leaves a challenge open; if it did, the honest page is "try again".
        ChallengeView::Open { lang, .. } => (VerifyState::Unavailable, lang),
        ChallengeView::Foreign => return Page::unknown(VerifyState::Foreign),
    };
    Page { state, lang: Some(lang) }
}

fn failed(error: &DeliverError) -> Page {
    match error {
        DeliverError::Unknown => Page::unknown(VerifyState::Foreign),
        DeliverError::Busy | DeliverError::Unavailable(_) | DeliverError::Closing | DeliverError::Quarantined => {
            Page::unknown(VerifyState::Unavailable)
        }
    }
}

/// A page to be rendered, in the customer's language where it is known.
struct Page {
    state: VerifyState,
    lang: Option<Lang>,
}

impl Page {
    const fn unknown(state: VerifyState) -> Self {
        Self { state, lang: None }
    }

    fn respond(self, app: &AppState, headers: &HeaderMap) -> Response {
        ::metrics::counter!(metrics::VERIFY_PAGES, "page" => self.state.label()).increment(1);
        let lang = self.lang.or_else(|| accepted_language(headers)).unwrap_or(app.settings.lang);
        let mut response = app.pages.respond(self.state, lang);
        let answer = response.headers_mut();
        answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        answer.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        answer.insert("x-robots-tag", HeaderValue::from_static("noindex"));
        answer.entry(header::CONTENT_SECURITY_POLICY).or_insert(STRICT);
        response
    }
}

/// Reads one field of a query or a form. The first one counts.
fn field(encoded: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(encoded).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
