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

/// Requests by route, method and status.
pub const REQUESTS: &str = "frontdesk_http_requests_total";
/// How long requests take, by route.
pub const REQUEST_SECONDS: &str = "frontdesk_http_request_duration_seconds";
/// Webhooks by channel and outcome.
pub const WEBHOOKS: &str = "frontdesk_webhooks_total";
/// How long a vendor waits for the acknowledgement, by channel and outcome.
pub const WEBHOOK_SECONDS: &str = "frontdesk_webhook_seconds";
/// Webhooks whose signature was not accepted, by channel and reason.
pub const SIGNATURE_FAILURES: &str = "frontdesk_signature_failures_total";
/// Events refused because too much was waiting, by what was full.
pub const DELIVER_BUSY: &str = "frontdesk_deliver_busy_total";
/// Webhooks that wait for the store.
pub const HELD: &str = "frontdesk_webhooks_held";
/// Verification pages by what they showed.
pub const VERIFY_PAGES: &str = "frontdesk_verify_pages_total";
/// Callers of the admin API that were refused, by reason.
pub const ADMIN_REFUSED: &str = "frontdesk_admin_refused_total";

/// Every metric of the HTTP side with its meaning.
pub const ALL: [(&str, &str); 9] = [
    (REQUESTS, "HTTP requests by route template, method and status"),
    (REQUEST_SECONDS, "Seconds from the head of a request to the head of its response, by route template"),
    (WEBHOOKS, "Vendor webhooks by channel and outcome"),
    (WEBHOOK_SECONDS, "Seconds a vendor waited for the acknowledgement of a webhook, by channel and outcome"),
    (SIGNATURE_FAILURES, "Webhooks whose signature was not accepted, by channel and reason"),
    (DELIVER_BUSY, "Events refused because too much was waiting, by what was full"),
    (HELD, "Webhooks that wait for the store at this moment"),
    (VERIFY_PAGES, "Verification pages by what they showed"),
    (ADMIN_REFUSED, "Refused callers of the admin API by reason"),
];

/// Registers the descriptions with the installed recorder.
pub fn describe() {
    for (name, meaning) in ALL {
        match name {
            REQUEST_SECONDS | WEBHOOK_SECONDS => {
                ::metrics::describe_histogram!(name, ::metrics::Unit::Seconds, meaning);
            }
            HELD => ::metrics::describe_gauge!(name, meaning),
            _ => ::metrics::describe_counter!(name, meaning),
        }
    }
}

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
