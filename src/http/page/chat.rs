//! The customer's side: write, watch, begin again.

use super::html::{give_session, session_of};
use super::refusal::Refusal;
use super::stream;
use super::{PageState, words};
use crate::adapters::web::{Cursor, Draft, Session};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use frontdesk_actors::engine::PhaseName;
use serde::Deserialize;
use serde_json::{Value, json};

/// What somebody typed.
#[derive(Deserialize)]
pub(super) struct Typed {
    text: String,
    id: Option<String>,
}

/// A body with a text, or whatever was wrong with it.
pub(super) type TypedBody = Result<Json<Typed>, JsonRejection>;

/// Reads a text from a body.
pub(super) fn draft(body: TypedBody) -> Result<Draft, Refusal> {
    let Json(Typed { text, id }) = body.map_err(|_| Refusal::BadBody)?;
    Ok(Draft::new(&text)?.with_id(id.as_deref()))
}

/// `POST /chat/messages`
pub(super) async fn write(
    State(state): State<PageState>,
    headers: HeaderMap,
    body: TypedBody,
) -> Result<Json<Value>, Refusal> {
    let session = visitor(&state, &headers)?;
    let posted = state.web.customer_wrote(&session, draft(body)?).await?;
    let mut receipt = state.desk.deliver(posted.inbound).await?;
    if receipt.phase == PhaseName::Human
        && posted.with_person
        && let Some(news) = state.web.back_by_now(&session.key()).await?
    {
        receipt = state.desk.deliver(news).await?;
    }
    let with_person = receipt.phase == PhaseName::Human;
    // The hand-over itself is announced by the desk; the note is for messages that find a person already there.
    if with_person && (posted.with_person || state.desk.human_mode()) {
        let lang = state.desk.view(&session.key()).await?.map(|view| view.lang).unwrap_or_default();
        state.web.routed(&session.key(), posted.seq, words::routed(lang)).await?;
    }
    let route = if with_person { "human" } else { "bot" };
    Ok(Json(json!({ "status": "ok", "seq": posted.seq, "route": route, "phase": receipt.phase })))
}

/// `GET /chat/events`
pub(super) async fn events(State(state): State<PageState>, headers: HeaderMap) -> Result<Response, Refusal> {
    let session = visitor(&state, &headers)?;
    let cursor = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<Cursor>().ok());
    let follower = state.web.follow(&session.key(), cursor)?;
    Ok(stream::chat(follower, state.closing))
}

/// `POST /chat/reset`: the visitor becomes somebody else; the old conversation stays with the desk.
pub(super) async fn reset(State(state): State<PageState>) -> Response {
    let session = Session::fresh();
    let mut response = Json(json!({ "conversation": session.key() })).into_response();
    give_session(response.headers_mut(), &session, state.mode.secure);
    response
}

/// Returns the visitor's session. Without a cookie there is the shared conversation, but in the demo only: elsewhere
/// strangers would read one another.
fn visitor(state: &PageState, headers: &HeaderMap) -> Result<Session, Refusal> {
    match session_of(headers) {
        Some(session) => Ok(session),
        None if state.mode.demo => Ok(Session::demo()),
        None => Err(Refusal::NoSession),
    }
}
