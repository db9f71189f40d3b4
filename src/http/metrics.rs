//! What the HTTP side counts, and `/metrics` itself.
//!
//! Requests are counted by route template, never by the address that was asked for: addresses carry tokens and keys.

use super::Shared;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

pub use frontdesk_actors::metrics::{
    ADMIN_REFUSED, DELIVER_BUSY, HTTP_REQUEST_SECONDS as REQUEST_SECONDS, HTTP_REQUESTS as REQUESTS,
    SIGNATURE_FAILURES, VERIFY_PAGES, WEBHOOK_SECONDS, WEBHOOKS, WEBHOOKS_HELD as HELD,
};

/// Renders all metrics of the process as Prometheus text.
#[derive(Clone)]
pub struct MetricsText(Arc<dyn Fn() -> String + Send + Sync>);

impl MetricsText {
    /// Makes it of a closure, usually one that renders a Prometheus recorder's handle.
    pub fn new(render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(render))
    }
}

impl fmt::Debug for MetricsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsText")
    }
}

/// `GET /metrics`.
pub async fn render(State(app): State<Shared>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, (app.metrics.0)()).into_response()
}

/// Counts and times a request under its route template.
pub async fn observe(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str).to_owned();
    let status = response.status().as_str().to_owned();
    let took = started.elapsed();
    tracing::debug!(method, route, status, took_ms = took.as_secs_f64() * 1000.0, "a request was answered");
    ::metrics::counter!(REQUESTS, "route" => route.clone(), "method" => method, "status" => status).increment(1);
    ::metrics::histogram!(REQUEST_SECONDS, "route" => route).record(took.as_secs_f64());
    response
}

/// Callers invent methods; labels come from a closed set.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        _ => "other",
    }
}
