//! The model's instructions: which texts are in force, how old they are, and reading them anew at once.

use super::Shared;
use super::error::HttpError;
use super::stack::{Payload, PayloadFault};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

/// `GET /api/instructions`: shows every text with its source, its age and what is wrong with a newer one.
pub async fn show(State(app): State<Shared>) -> Json<Value> {
    shown(&app)
}

/// `POST /api/instructions/reload`: reads every source anew and shows what came of it on this node; the others follow when
/// they look next. With `{"accept_shrunken": true}` a document of which more than half is gone is taken. 503 if the others
/// could not be told.
pub async fn reload(State(app): State<Shared>, payload: Result<Payload, PayloadFault>) -> Response {
    /// The whole body; anything else is a misunderstanding worth telling.
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Order {
        accept_shrunken: bool,
    }
    let payload = match payload {
        Ok(payload) => payload,
        Err(fault) => return fault.into_response(),
    };
    let order = if payload.body.is_empty() { Ok(Order::default()) } else { serde_json::from_slice(&payload.body) };
    let Ok(Order { accept_shrunken }) = order else {
        let detail = "the body must be empty, {}, or {\"accept_shrunken\": true}";
        return HttpError::new(StatusCode::BAD_REQUEST, "malformed", detail).into_response();
    };
    tracing::info!(accept_shrunken, "an operator has the instructions read anew");
    match app.instructions.order(accept_shrunken).await {
        Ok(()) => shown(&app).into_response(),
        Err(error) => {
            tracing::warn!(error = %error, "the other nodes could not be told to read the instructions anew");
            let detail = "this node has read its instructions anew, but the store cannot be reached to tell the others; try again";
            HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", detail).into_response()
        }
    }
}

fn shown(app: &Shared) -> Json<Value> {
    Json(json!({ "instructions": app.instructions.book().shown(app.instructions.now()) }))
}
