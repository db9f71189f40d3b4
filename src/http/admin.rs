//! The admin API: the switches that hold for all conversations, and looking at and steering single conversations.

use super::Shared;
use super::error::HttpError;
use super::stack::{Payload, PayloadFault};
use crate::explain::{Explained, explain};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use frontdesk_actors::domain::Order;
use frontdesk_actors::engine::{DeliverError, Intake, Receipt, SendStatus};
use frontdesk_actors::ids::ConversationKey;
use serde::Deserialize;
use serde_json::{Value, json};

const LISTED: usize = 50;
const LISTED_AT_MOST: usize = 500;

type Answer = Result<Json<Value>, HttpError>;

/// `POST /toggle-human`: turns the global human switch.
pub async fn toggle_human(State(app): State<Shared>, payload: Result<Payload, PayloadFault>) -> Response {
    /// The whole body; anything else is a misunderstanding worth telling.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Toggle {
        enabled: bool,
    }
    let payload = match payload {
        Ok(payload) => payload,
        Err(fault) => return fault.into_response(),
    };
    let Ok(Toggle { enabled }) = serde_json::from_slice(&payload.body) else {
        let detail = "the body must be {\"enabled\": true} or {\"enabled\": false}";
        return HttpError::new(StatusCode::BAD_REQUEST, "malformed", detail).into_response();
    };
    match app.desk.set_human_mode(enabled).await {
        Ok(()) => Json(json!({ "human_mode": enabled })).into_response(),
        Err(error) => HttpError::from(error).into_response(),
    }
}

/// `GET /human-status`: shows the global human switch.
pub async fn human_status(State(app): State<Shared>) -> Json<Value> {
    Json(json!({ "human_mode": app.desk.human_mode() }))
}

/// `GET /api/status`: shows whether anything leaves the house, and what waits.
///
/// # Errors
/// 503 if the store cannot be read.
pub async fn status(State(app): State<Shared>) -> Result<Json<SendStatus>, HttpError> {
    Ok(Json(app.desk.status().await?))
}

/// `POST /api/pause`: stops everything that leaves the house, on all nodes.
///
/// # Errors
/// 503 if the store cannot be written.
pub async fn pause(State(app): State<Shared>) -> Result<Json<SendStatus>, HttpError> {
    turn(&app, true).await
}

/// `POST /api/resume`: lets everything that is still wanted leave again, and shows how much had waited.
///
/// # Errors
/// 503 if the store cannot be read or written.
pub async fn resume_all(State(app): State<Shared>) -> Result<Json<SendStatus>, HttpError> {
    turn(&app, false).await
}

async fn turn(app: &Shared, on: bool) -> Result<Json<SendStatus>, HttpError> {
    let status = app.desk.set_paused(on).await?;
    tracing::warn!(paused = on, rows = status.waiting.rows, "an operator turned the emergency stop");
    Ok(Json(status))
}

/// `GET /api/conversations?limit=50`: lists conversations, the most recently changed first.
///
/// # Errors
/// 400 if the limit is no number, 503 if the store cannot be read.
pub async fn list(State(app): State<Shared>, RawQuery(query): RawQuery) -> Answer {
    let conversations = app.desk.list(limit(query.as_deref())?).await?;
    Ok(Json(json!({ "conversations": conversations })))
}

/// `GET /api/conversations/{key}`: shows one conversation.
///
/// # Errors
/// 404 if there is none, 503 if it cannot be read.
pub async fn show(State(app): State<Shared>, key: Result<Path<String>, PathRejection>) -> Response {
    let shown = match read_key(key) {
        Ok(key) => app.desk.view(&key).await.map_err(HttpError::from),
        Err(error) => Err(error),
    };
    match shown {
        Ok(Some(view)) => Json(view).into_response(),
        Ok(None) => HttpError::from(DeliverError::Unknown).into_response(),
        Err(error) => error.into_response(),
    }
}

/// `GET /api/conversations/{key}/journal?limit=50`: explains why the desk spoke or was silent, the newest steps last.
///
/// # Errors
/// 404 if there is no such conversation, 503 if it cannot be read.
pub async fn journal(
    State(app): State<Shared>,
    key: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    let asked = read_key(key).and_then(|key| Ok((key, limit(query.as_deref())?)));
    let explained = match asked {
        Ok((key, limit)) => explained(&app, &key, limit).await,
        Err(error) => Err(error),
    };
    explained.map_or_else(IntoResponse::into_response, |explained| Json(explained).into_response())
}

async fn explained(app: &Shared, key: &ConversationKey, limit: usize) -> Result<Explained, HttpError> {
    let view = match app.desk.view(key).await {
        Ok(Some(view)) => Some(view),
        Ok(None) => return Err(DeliverError::Unknown.into()),
        // Its journal tells all the same how it came to that.
        Err(DeliverError::Quarantined) => None,
        Err(
            error @ (DeliverError::Busy | DeliverError::Unavailable(_) | DeliverError::Closing | DeliverError::Unknown),
        ) => return Err(error.into()),
    };
    let journal = app.desk.journal(key, limit).await?;
    Ok(explain(key, view.as_ref(), journal, app.desk.is_paused()))
}

/// Returns how many entries a query asks for. More than are ever told are as many as are told.
fn limit(query: Option<&str>) -> Result<usize, HttpError> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let Some((_, asked)) = pairs.find(|(name, _)| name == "limit") else { return Ok(LISTED) };
    match asked.parse::<usize>() {
        Ok(asked) if asked > 0 => Ok(asked.min(LISTED_AT_MOST)),
        Ok(_) | Err(_) => Err(HttpError::new(
            StatusCode::BAD_REQUEST,
            "bad_limit",
            "limit must be a whole number from 1 to 500, or be left out for 50",
        )),
    }
}

/// `POST /api/conversations/{key}/handoff`: gives the conversation to the people.
///
/// # Errors
/// 404 if there is none, 429 and 503 if the order was not taken.
pub async fn hand_off(State(app): State<Shared>, key: Result<Path<String>, PathRejection>) -> Answer {
    order(&app, key, Order::Human).await
}

/// `POST /api/conversations/{key}/resume`: gives the conversation back to the desk.
///
/// # Errors
/// 404 if there is none, 429 and 503 if the order was not taken.
pub async fn resume(State(app): State<Shared>, key: Result<Path<String>, PathRejection>) -> Answer {
    order(&app, key, Order::Bot).await
}

/// `POST /api/conversations/{key}/forget`: erases everything remembered about the conversation.
///
/// # Errors
/// 404 if there is none, 429 and 503 if the order was not taken.
pub async fn forget(State(app): State<Shared>, key: Result<Path<String>, PathRejection>) -> Answer {
    order(&app, key, Order::Forget).await
}

async fn order(app: &Shared, key: Result<Path<String>, PathRejection>, order: Order) -> Answer {
    let key = read_key(key)?;
    let receipt = app.desk.order(&key, order).await?;
    tracing::info!(conversation = %key, ?order, phase = receipt.phase.as_str(), "an operator gave an order");
    Ok(Json(receipt_json(receipt)))
}

fn receipt_json(receipt: Receipt) -> Value {
    let phase = receipt.phase.as_str();
    match receipt.intake {
        Intake::Accepted | Intake::Duplicate => json!({ "status": "ok", "phase": phase }),
        Intake::Ignored(why) => json!({ "status": "ignored", "why": why, "phase": phase }),
        Intake::Parked => json!({ "status": "parked", "phase": phase }),
    }
}

/// Reads a conversation's key from a path.
pub(super) fn read_key(key: Result<Path<String>, PathRejection>) -> Result<ConversationKey, HttpError> {
    let bad = HttpError::new(
        StatusCode::BAD_REQUEST,
        "bad_key",
        "a conversation's key has three parts, as in chatwoot:1:57; GET /api/conversations lists them",
    );
    key.ok().and_then(|Path(text)| ConversationKey::parse(&text)).ok_or(bad)
}
