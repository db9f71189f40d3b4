//! The colleagues' side: see every conversation, take one, answer, hand it back.

use super::PageState;
use super::chat::{TypedBody, draft};
use super::refusal::Refusal;
use super::{rows, stream};
use crate::adapters::web::Web;
use crate::explain::{Line, explain};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use frontdesk_actors::domain::Order;
use frontdesk_actors::engine::{DeliverError, Receipt, View};
use frontdesk_actors::ids::ConversationKey;
use serde_json::{Value, json};

/// How many conversations the console lists.
pub(super) const LISTED: usize = 50;

/// How many steps of a conversation the console explains.
const EXPLAINED: usize = 100;

/// `GET /api/console/events`
pub(super) async fn events(State(state): State<PageState>) -> Result<Response, Refusal> {
    let changes = state.web.changes()?;
    Ok(stream::console(state, changes))
}

/// `GET /api/console/conversations`
pub(super) async fn list(State(state): State<PageState>) -> Result<Json<Value>, Refusal> {
    let mut listed = Vec::new();
    for summary in state.desk.list(LISTED).await? {
        listed.push(rows::row(&state.web, &summary).await);
    }
    Ok(Json(json!({ "conversations": listed })))
}

/// `GET /api/console/conversations/{key}`
pub(super) async fn show(State(state): State<PageState>, Path(key): Path<String>) -> Result<Json<Value>, Refusal> {
    let view = conversation(&state, &key).await?;
    Ok(Json(rows::whole(&state.web, &view).await?))
}

/// `GET /api/console/conversations/{key}/journal`: why the desk spoke or was silent.
pub(super) async fn journal(State(state): State<PageState>, Path(key): Path<String>) -> Result<Json<Value>, Refusal> {
    let key = ConversationKey::parse(&key).ok_or(Refusal::NoConversation)?;
    let view = match state.desk.view(&key).await {
        Err(DeliverError::Quarantined) => None,
        viewed => Some(viewed?.ok_or(Refusal::NoConversation)?),
    };
    let journal = state.desk.journal(&key, EXPLAINED).await?;
    let explained = explain(&key, view.as_ref(), journal, state.desk.is_paused());
    let line = |line: &Line| json!({ "at": line.entry.at.as_millis(), "text": line.text, "tone": line.tone });
    let lines: Vec<Value> = explained.entries.iter().map(line).collect();
    Ok(Json(json!({ "key": key, "now": explained.now, "lines": lines })))
}

/// `POST /api/console/conversations/{key}/take`
pub(super) async fn take(State(state): State<PageState>, Path(key): Path<String>) -> Result<Json<Value>, Refusal> {
    let key = conversation(&state, &key).await?.key;
    let receipt = if Web::serves(&key) {
        state.desk.deliver(state.web.agent_connects(&key).await?).await?
    } else {
        state.desk.order(&key, Order::Human).await?
    };
    Ok(taken(&receipt))
}

/// `POST /api/console/conversations/{key}/reply`
pub(super) async fn reply(
    State(state): State<PageState>,
    Path(key): Path<String>,
    body: TypedBody,
) -> Result<Json<Value>, Refusal> {
    let draft = draft(body)?;
    let key = conversation(&state, &key).await?.key;
    if !Web::serves(&key) {
        return Err(Refusal::ElsewhereAnswered);
    }
    let receipt = state.desk.deliver(state.web.agent_wrote(&key, draft).await?).await?;
    Ok(taken(&receipt))
}

/// `POST /api/console/conversations/{key}/handback`
pub(super) async fn hand_back(State(state): State<PageState>, Path(key): Path<String>) -> Result<Json<Value>, Refusal> {
    let key = conversation(&state, &key).await?.key;
    let receipt = if Web::serves(&key) {
        state.desk.deliver(state.web.hand_back(&key).await?).await?
    } else {
        state.desk.order(&key, Order::Bot).await?
    };
    Ok(taken(&receipt))
}

/// `GET /api/console/mails`
pub(super) async fn mails(State(state): State<PageState>) -> Json<Value> {
    Json(json!({ "mails": state.mailbox.map(|mailbox| mailbox.mails()) }))
}

/// `GET /api/console/mails/{id}`: the mail as its reader sees it.
pub(super) async fn mail(State(state): State<PageState>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let mails = state.mailbox.map(|mailbox| mailbox.mails()).unwrap_or_default();
    let mail = mails.into_iter().find(|mail| mail.id == id).ok_or(Refusal::NoMail)?;
    Ok(Json(json!({ "to": mail.to, "subject": mail.subject, "html": mail.html })))
}

/// `GET /api/console/cards`
pub(super) async fn cards(State(state): State<PageState>) -> Json<Value> {
    Json(json!({ "cards": state.cards.map(|board| board.cards()) }))
}

async fn conversation(state: &PageState, key: &str) -> Result<View, Refusal> {
    let key = ConversationKey::parse(key).ok_or(Refusal::NoConversation)?;
    state.desk.view(&key).await?.ok_or(Refusal::NoConversation)
}

fn taken(receipt: &Receipt) -> Json<Value> {
    Json(json!({ "status": "ok", "phase": receipt.phase }))
}
