//! What every HTTP client of the desk has in common.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{ClientBuilder, RequestBuilder, Response, redirect, retry};
use serde_json::Value;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Shorter than the keep-alive of usual servers and proxies, so that a request rarely meets a connection that the other side
/// is closing: its outcome would be unknown.
const IDLE: Duration = Duration::from_secs(10);

/// Begins a client that follows no redirect, which would take a token to wherever it points and make a GET of a POST, and
/// repeats nothing by itself, since only the desk knows what may be said again.
pub(crate) fn client(connect: Duration, total: Duration) -> ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(connect)
        .timeout(total)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
}

/// Why there is no response.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Nothing was written.
    Unreached(String),
    /// It may or may not have been carried out.
    Lost(String),
}

/// Sends a request, with JSON if there is some. Where there is a moment `by` which it must be on the wire, it is not written
/// later: connecting may have taken so long that what allowed it does not hold any more. The connection is kept warm then,
/// so that the next try finds one.
pub(crate) async fn send(
    request: RequestBuilder,
    json: Option<&Value>,
    by: Option<Instant>,
) -> Result<Response, Failed> {
    let (client, request) = request.build_split();
    let mut request = request.map_err(|error| Failed::Unreached(causes(error)))?;
    let late = Arc::new(AtomicBool::new(false));
    if let Some(json) = json {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = Bytes::from(serde_json::to_vec(json).expect("a JSON value can be written"));
        *request.body_mut() = Some(match by {
            Some(by) => reqwest::Body::wrap(Timely { rest: Some(body), by, late: Arc::clone(&late) }),
            None => body.into(),
        });
    }
    let url = by.map(|_| request.url().clone());
    match client.execute(request).await {
        Ok(response) => Ok(response),
        Err(_) if late.load(Ordering::Relaxed) => {
            if let Some(home) = url.and_then(|url| url.join("/").ok()) {
                // Whatever it answers: there is a connection.
                let warmed = client.head(home).send().await;
                tracing::debug!(connected = warmed.is_ok(), "connected again, to be in time at the next try");
            }
            Err(Failed::Unreached("connecting took longer than the claim is good for; nothing was written".to_owned()))
        }
        Err(error) if error.is_connect() || error.is_builder() => Err(Failed::Unreached(causes(error))),
        Err(error) => Err(Failed::Lost(causes(error))),
    }
}

/// A body that is handed out in time or not at all. It is asked for when there is a connection, before anything is flushed
/// to it; a request without its body is none.
struct Timely {
    rest: Option<Bytes>,
    by: Instant,
    late: Arc<AtomicBool>,
}

/// It was not handed out.
#[derive(Debug, thiserror::Error)]
#[error("the claim has lapsed")]
struct TooLate;

impl Body for Timely {
    type Data = Bytes;
    type Error = TooLate;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, TooLate>>> {
        let Some(rest) = self.rest.take() else { return Poll::Ready(None) };
        if Instant::now() > self.by {
            self.late.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(TooLate)));
        }
        Poll::Ready(Some(Ok(Frame::data(rest))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.as_ref().map_or(0, |rest| rest.len() as u64))
    }
}

/// Puts an error and its causes into one line, without the URL: it may name a conversation or hold a token.
pub(crate) fn causes(error: reqwest::Error) -> String {
    let timed_out = error.is_timeout();
    let error = error.without_url();
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    if timed_out { format!("timed out: {line}") } else { line }
}
