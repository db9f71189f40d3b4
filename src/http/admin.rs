//! The admin API: the human switch, and looking at and steering single conversations.

use super::Shared;
use super::error::HttpError;
use super::stack::{Payload, PayloadFault};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use frontdesk_actors::domain::Order;
use frontdesk_actors::engine::{Intake, Receipt};
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

/// `GET /api/conversations?limit=50`: lists conversations, the most recently changed first.
///
/// # Errors
/// 503 if the store cannot be read.
pub async fn list(State(app): State<Shared>, RawQuery(query): RawQuery) -> Answer {
    let query = query.unwrap_or_default();
    let asked = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "limit");
    let limit = asked.and_then(|(_, value)| value.parse().ok()).unwrap_or(LISTED).clamp(1, LISTED_AT_MOST);
    let conversations = app.desk.list(limit).await?;
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
        Ok(None) => HttpError::from(frontdesk_actors::engine::DeliverError::Unknown).into_response(),
        Err(error) => error.into_response(),
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

fn read_key(key: Result<Path<String>, PathRejection>) -> Result<ConversationKey, HttpError> {
    let bad = HttpError::new(
        StatusCode::BAD_REQUEST,
        "bad_key",
        "a conversation's key has three parts, as in chatwoot:1:57; GET /api/conversations lists them",
    );
    key.ok().and_then(|Path(text)| ConversationKey::parse(&text)).ok_or(bad)
}
