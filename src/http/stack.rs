//! The whole middleware stack in one place, and the reading of bodies.
//!
//! From the outside in: requests are counted by route template, a panic becomes a 500, bodies are bounded in size and
//! time, and no answer is sniffed for another type. Nothing here logs an address: query strings carry tokens.

use super::error::HttpError;
use super::{Shared, metrics};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use futures::StreamExt;
use std::any::Any;
use tokio::time::{Instant, timeout_at};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

/// Puts the stack around all routes.
pub(super) fn assemble(routes: Router<Shared>, pages: Option<Router>, app: Shared) -> Router {
    let slow_pages = RequestBodyTimeoutLayer::new(app.settings.body_within);
    let limit = DefaultBodyLimit::max(app.settings.body_limit);
    let nosniff =
        SetResponseHeaderLayer::if_not_present(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // As one layer: axum boxes each service once per layer, and copies the boxes for every request.
    let stack = ServiceBuilder::new()
        .layer(axum::middleware::from_fn(metrics::observe))
        .layer(nosniff)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(limit);
    let all = match pages {
        Some(pages) => routes.merge(pages.layer(slow_pages).with_state(())),
        None => routes,
    };
    all.fallback(|| async { HttpError::no_such_route() })
        .method_not_allowed_fallback(|| async { HttpError::wrong_method() })
        .layer(stack)
        .with_state(app)
}

fn panicked(_cause: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked; the panic hook logged where");
    HttpError::internal().into_response()
}

/// A whole body with the headers it came with, read within the limits.
#[derive(Debug)]
pub struct Payload {
    /// The headers.
    pub headers: HeaderMap,
    /// The raw body: signatures cover its bytes, not its meaning.
    pub body: Bytes,
    /// When the head of the request had arrived.
    pub received: Instant,
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadFault {
    /// It is larger than the limit.
    TooLarge,
    /// It did not arrive in time.
    Slow,
    /// It ended early.
    Cut,
}

impl FromRequest<Shared> for Payload {
    type Rejection = PayloadFault;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, PayloadFault> {
        Payload::read(request, app).await.map_err(|(fault, _)| fault)
    }
}

impl Payload {
    /// Reads a request. A fault comes with the headers, where those decide how it is answered.
    pub(super) async fn read(request: Request, app: &Shared) -> Result<Self, (PayloadFault, HeaderMap)> {
        let received = Instant::now();
        let (parts, body) = request.into_parts();
        let reading = collect(body, app.settings.body_limit);
        match timeout_at(received + app.settings.body_within, reading).await {
            Ok(Ok(body)) => Ok(Self { headers: parts.headers, body, received }),
            Ok(Err(fault)) => Err((fault, parts.headers)),
            Err(_elapsed) => Err((PayloadFault::Slow, parts.headers)),
        }
    }
}

impl IntoResponse for PayloadFault {
    fn into_response(self) -> Response {
        use axum::http::StatusCode;
        match self {
            PayloadFault::TooLarge => HttpError::too_large(),
            PayloadFault::Slow => {
                HttpError::new(StatusCode::REQUEST_TIMEOUT, "slow_body", "the body did not arrive in time")
            }
            PayloadFault::Cut => HttpError::new(StatusCode::BAD_REQUEST, "cut_body", "the body ended early"),
        }
        .into_response()
    }
}

/// How many times the limit is read and thrown away before the connection is cut.
const OVERRUN: usize = 8;

/// Reads a body of at most `limit` bytes. A longer one is read on for a while and thrown away: a vendor that is still
/// writing would otherwise see a reset connection and never the status.
pub(super) async fn collect(body: Body, limit: usize) -> Result<Bytes, PayloadFault> {
    let mut chunks = body.into_data_stream();
    let mut whole = Bytes::new();
    let mut joined = BytesMut::new();
    let mut length = 0_usize;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| PayloadFault::Cut)?;
        length = length.saturating_add(chunk.len());
        if length > limit {
            whole = Bytes::new();
            joined = BytesMut::new();
            if length > limit.saturating_mul(OVERRUN) {
                break;
            }
        } else if whole.is_empty() && joined.is_empty() {
            // Most webhooks arrive in one piece, which is kept as it is.
            whole = chunk;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut whole));
            joined.extend_from_slice(&chunk);
        }
    }
    match length > limit {
        true => Err(PayloadFault::TooLarge),
        false if joined.is_empty() => Ok(whole),
        false => Ok(joined.freeze()),
    }
}

/// Returns `app`'s limits applied to a small form: at most `limit` bytes.
pub(super) async fn small_body(request: Request, app: &Shared, limit: usize) -> Result<Bytes, PayloadFault> {
    let deadline = Instant::now() + app.settings.body_within;
    timeout_at(deadline, collect(request.into_body(), limit)).await.map_err(|_| PayloadFault::Slow)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_are_joined_bounded_and_never_reordered() {
        let body = |pieces: &[&'static str]| {
            let pieces: Vec<Result<Bytes, std::io::Error>> =
                pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
            Body::from_stream(futures::stream::iter(pieces))
        };
        assert_eq!(collect(body(&[]), 4).await, Ok(Bytes::new()));
        assert_eq!(collect(body(&["abcd"]), 4).await, Ok(Bytes::from_static(b"abcd")));
        assert_eq!(collect(body(&["a", "", "bc", "d"]), 4).await, Ok(Bytes::from_static(b"abcd")));
        assert_eq!(collect(body(&["abcd", "e"]), 4).await, Err(PayloadFault::TooLarge));
        assert_eq!(collect(body(&["abcde", "f", "g"]), 4).await, Err(PayloadFault::TooLarge));
    }
}
