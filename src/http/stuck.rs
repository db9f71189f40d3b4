//! The admin API for what is stuck: held rows, which an operator sends again or drops, and conversations that were set
//! aside, which an operator takes back.

use super::Shared;
use super::admin::read_key;
use super::error::HttpError;
use async_trait::async_trait;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use frontdesk_actors::engine::{Decided, Decision, DeliverError, EngineHandle, OutboxRow, Requeued, SetAside};
use frontdesk_actors::ids::{ConversationKey, OutboundId};
use frontdesk_actors::ports::PortError;
use serde_json::{Value, json};
use std::fmt;

/// The engine as this API needs it: the same functions, the same meaning.
#[async_trait]
pub trait StuckDesk: Send + Sync + fmt::Debug {
    /// Lists the rows that are not known to have left the house; see [`EngineHandle::outbox`].
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn outbox(&self) -> Result<Vec<OutboxRow>, PortError>;

    /// Decides about a held row; see [`EngineHandle::decide`].
    ///
    /// # Errors
    /// [`DeliverError`]: nothing was decided.
    async fn decide(
        &self,
        key: &ConversationKey,
        row: &OutboundId,
        decision: Decision,
    ) -> Result<Decided, DeliverError>;

    /// Lists what is set aside; see [`EngineHandle::set_aside`].
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn set_aside(&self) -> Result<Vec<SetAside>, PortError>;

    /// Takes back what is set aside; see [`EngineHandle::requeue`].
    ///
    /// # Errors
    /// [`DeliverError`]: the rest stays where it is.
    async fn requeue(&self, key: &ConversationKey) -> Result<Option<Requeued>, DeliverError>;
}

// The inherent functions are named in full: a plain method call would read as if the trait called itself.
#[async_trait]
impl StuckDesk for EngineHandle {
    async fn outbox(&self) -> Result<Vec<OutboxRow>, PortError> {
        EngineHandle::outbox(self).await
    }

    async fn decide(
        &self,
        key: &ConversationKey,
        row: &OutboundId,
        decision: Decision,
    ) -> Result<Decided, DeliverError> {
        EngineHandle::decide(self, key, row, decision).await
    }

    async fn set_aside(&self) -> Result<Vec<SetAside>, PortError> {
        EngineHandle::set_aside(self).await
    }

    async fn requeue(&self, key: &ConversationKey) -> Result<Option<Requeued>, DeliverError> {
        EngineHandle::requeue(self, key).await
    }
}

/// The states a row can be in, by the names under which rows are shown.
const STATES: [&str; 5] = ["queued", "waiting", "sending", "unknown", "held"];

/// `GET /api/outbox?state=held`: lists rows that are not known to have left the house, the held ones first.
///
/// # Errors
/// 400 if no row can be in the state that is asked for, 503 if the store cannot be read.
pub async fn outbox(State(app): State<Shared>, RawQuery(query): RawQuery) -> Result<Json<Value>, HttpError> {
    let query = query.unwrap_or_default();
    let asked = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state");
    if asked.as_ref().is_some_and(|(_, state)| !STATES.contains(&state.as_ref())) {
        return Err(HttpError::new(
            StatusCode::BAD_REQUEST,
            "bad_state",
            "state must be one of queued, waiting, sending, unknown, held, or be left out for all of them",
        ));
    }
    let wanted = |row: &OutboxRow| asked.as_ref().is_none_or(|(_, state)| *state == row.row.state);
    let rows: Vec<OutboxRow> = app.stuck.outbox().await?.into_iter().filter(wanted).collect();
    Ok(Json(json!({ "rows": rows })))
}

/// `POST /api/conversations/{key}/outbox/{row}/resend`: sends a held row again, under its own id.
pub async fn resend(State(app): State<Shared>, path: Result<Path<(String, String)>, PathRejection>) -> Response {
    decide(&app, path, Decision::Resend).await
}

/// `POST /api/conversations/{key}/outbox/{row}/drop`: drops a held row.
pub async fn drop_row(State(app): State<Shared>, path: Result<Path<(String, String)>, PathRejection>) -> Response {
    decide(&app, path, Decision::Drop).await
}

async fn decide(app: &Shared, path: Result<Path<(String, String)>, PathRejection>, decision: Decision) -> Response {
    let Ok(Path((key, row))) = path else { return bad_key().into_response() };
    let Some(key) = ConversationKey::parse(&key) else { return bad_key().into_response() };
    let row = OutboundId(row);
    match app.stuck.decide(&key, &row, decision).await {
        Ok(decided) => {
            tracing::info!(conversation = %key, ?decision, ?decided, "an operator decided about a held row");
            answer(decided, decision)
        }
        Err(error) => HttpError::from(error).into_response(),
    }
}

fn answer(decided: Decided, decision: Decision) -> Response {
    let refused = |status: StatusCode, code: &str, detail: String| {
        (status, Json(json!({ "code": code, "detail": detail }))).into_response()
    };
    match decided {
        Decided::Done => {
            let row = if decision == Decision::Resend { "queued" } else { "dropped" };
            Json(json!({ "status": "ok", "row": row })).into_response()
        }
        Decided::NoSuchRow => {
            let detail =
                "this conversation has no such row; it was settled or dropped, GET /api/outbox lists what is left";
            refused(StatusCode::NOT_FOUND, "no_such_row", detail.to_owned())
        }
        Decided::NotHeld(state) => {
            let detail = format!("the row is {state}, not held: the desk deals with it by itself");
            refused(StatusCode::CONFLICT, "not_held", detail)
        }
        Decided::Unwanted(why) => {
            let detail =
                format!("the row would not be let through: {why}; hand the conversation back first, or drop the row");
            refused(StatusCode::CONFLICT, "unwanted", detail)
        }
    }
}

/// `GET /api/quarantine`: lists conversations that were set aside, and those of which events are parked.
///
/// # Errors
/// 503 if the store cannot be read.
pub async fn quarantine(State(app): State<Shared>) -> Result<Json<Value>, HttpError> {
    Ok(Json(json!({ "conversations": app.stuck.set_aside().await? })))
}

/// `POST /api/conversations/{key}/requeue`: takes back what is set aside of a conversation.
///
/// # Errors
/// 404 if nothing is set aside, 429 and 503 if it could not be reached.
pub async fn requeue(
    State(app): State<Shared>,
    key: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, HttpError> {
    let key = read_key(key)?;
    let requeued = app.stuck.requeue(&key).await?.ok_or(HttpError::new(
        StatusCode::NOT_FOUND,
        "nothing_set_aside",
        "nothing of this conversation is set aside; GET /api/quarantine lists what is",
    ))?;
    tracing::info!(conversation = %key, ?requeued, "an operator took back what was set aside");
    let status = if requeued.quarantined || requeued.left > 0 { "partly" } else { "ok" };
    let Requeued { taken, left, quarantined } = requeued;
    Ok(Json(json!({ "status": status, "taken": taken, "left": left, "quarantined": quarantined })))
}

fn bad_key() -> HttpError {
    HttpError::new(
        StatusCode::BAD_REQUEST,
        "bad_key",
        "a conversation's key has three parts, as in chatwoot:1:57; GET /api/outbox lists rows with theirs",
    )
}
