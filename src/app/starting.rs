//! The front door before the desk is staffed: alive, and asking every webhook to come again.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use std::sync::{Arc, OnceLock};
use tower::ServiceExt;

/// Serves a placeholder until the real routes are there.
#[derive(Debug, Clone, Default)]
pub(super) struct Front {
    routes: Arc<OnceLock<Router>>,
}

impl Front {
    pub(super) fn router(&self) -> Router {
        Router::new().fallback(any(pass)).with_state(self.clone())
    }

    /// Lets the real routes take over.
    pub(super) fn open(&self, routes: Router) {
        // A second call would change nothing: the desk opens once.
        let _ = self.routes.set(routes);
    }
}

async fn pass(State(front): State<Front>, request: Request<Body>) -> Response {
    match front.routes.get() {
        Some(routes) => {
            let Ok(response) = routes.clone().oneshot(request).await;
            response
        }
        None => waiting(request.uri().path()),
    }
}

/// A proxy must not take the desk out (it would answer 503, which Chatwoot never repeats), and webhooks are asked to come
/// again, which of all answers only 500 and 429 do.
fn waiting(path: &str) -> Response {
    let status =
        if matches!(path, "/healthz" | "/readyz") { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    let body = serde_json::json!({"status": "starting", "detail": "the store has not answered yet"});
    (status, axum::Json(body)).into_response()
}
