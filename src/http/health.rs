//! Whether the process lives and whether it serves.
//!
//! Readiness does not follow the store: a proxy that takes us out answers 503 itself, which Chatwoot never repeats,
//! while we hold the webhook or ask for a repetition. What is known of the store is in the body, for people.

use super::{Desk, Shared};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long a look at the store is good for. `/readyz` is open to everybody and must not become load.
const FRESH: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(500);

/// The last look at the store.
#[derive(Debug, Default)]
pub struct StoreProbe {
    last: Mutex<Option<(Instant, bool)>>,
}

impl StoreProbe {
    /// Returns whether the store answers, as of a moment ago.
    async fn answers(&self, desk: &Arc<dyn Desk>) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, answered)) = *last
            && at.elapsed() < FRESH
        {
            return answered;
        }
        let answered = matches!(timeout(LOOK, desk.list(1)).await, Ok(Ok(_)));
        *last = Some((Instant::now(), answered));
        answered
    }
}

/// `GET /healthz`: the process lives.
pub async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /readyz`: 200 while the daemon takes webhooks, 503 from the moment it is told to stop.
pub async fn readyz(State(app): State<Shared>) -> Response {
    if app.lifecycle.is_closing() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "closing" }))).into_response();
    }
    let store = if app.store.answers(&app.desk).await { "up" } else { "away" };
    // Webhooks are taken all the same: a proxy must not take a paused desk out.
    let sends = if app.desk.is_paused() { "paused" } else { "on" };
    Json(json!({ "status": "ready", "store": store, "sends": sends })).into_response()
}
