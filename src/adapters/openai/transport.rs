//! Carries one request to the provider and its answer back: no retry, no redirect, a bounded body.
//!
//! The time of a whole call is bounded by its caller; here only connecting is, so that a dead address is told apart
//! from a slow model. Dropping the future closes the connection, which is how a takeover stops a running call.

use super::failure::{Class, Failure};
use super::settings::{Checked, Error};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, Response};
use std::time::Duration;

/// Longest time to connect, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest answer that is read. A reply of 4,096 tokens is about 20 KiB; OpenRouter's list of models is the largest
/// thing asked for.
const MAX_BODY: usize = 1024 * 1024;

/// Longest wait that a provider may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// One provider's address and key.
#[derive(Debug)]
pub(super) struct Transport {
    http: Client,
    base: String,
    host: String,
    authorization: Option<HeaderValue>,
}

/// An answer, unread.
pub(super) struct Raw {
    /// The HTTP status.
    pub(super) status: u16,
    /// How long the provider asks us to wait, bounded.
    pub(super) retry_after: Option<Duration>,
    /// The body, as far as it was read.
    pub(super) body: Vec<u8>,
    /// Whether the body was longer than what was read.
    pub(super) cut: bool,
}

impl Transport {
    pub(super) fn new(settings: &Checked) -> Result<Self, Error> {
        let host = settings.base.host_str().unwrap_or_default().to_owned();
        let mut builder = Client::builder()
            .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT.min(settings.call_timeout))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        // A proxy cannot reach this machine's own loopback, whatever HTTP_PROXY says.
        if matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]") {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| Error::Client(error.without_url()))?;
        Ok(Self { http, base: settings.base_text.clone(), host, authorization: settings.authorization.clone() })
    }

    /// Returns the provider's host, for sentences.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Posts a JSON body to a path below the base address.
    pub(super) async fn post(&self, path: &str, body: Vec<u8>) -> Result<Raw, Failure> {
        let request = self.http.post(format!("{}{path}", self.base));
        self.send(request.header(CONTENT_TYPE, "application/json").body(body)).await
    }

    /// Gets a path below the base address.
    pub(super) async fn get(&self, path: &str) -> Result<Raw, Failure> {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    async fn send(&self, mut request: RequestBuilder) -> Result<Raw, Failure> {
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let mut response = request.send().await.map_err(|error| broken(&error))?;
        let (body, cut) = read_bounded(&mut response, MAX_BODY).await.map_err(|error| broken(&error))?;
        Ok(Raw { status: response.status().as_u16(), retry_after: retry_after(response.headers()), body, cut })
    }
}

/// Reads a body up to `max` bytes. Returns what was read and whether there was more.
async fn read_bounded(response: &mut Response, max: usize) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut body = Vec::with_capacity(announced.min(max));
    while let Some(chunk) = response.chunk().await? {
        let room = max - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body, true));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, false))
}

/// Names a failure below HTTP. The error itself is not kept: it may name the address with more than its host.
fn broken(error: &reqwest::Error) -> Failure {
    Failure::of(match () {
        () if error.is_connect() => Class::Unreachable,
        () if error.is_timeout() => Class::Timeout,
        () => Class::Broken,
    })
}

/// Reads how long to wait: `retry-after-ms`, or whole or broken seconds in `retry-after`. Dates are not understood.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|millis| millis / 1000.0).or_else(|| number("retry-after"))?;
    bounded_wait(seconds)
}

/// Returns a wait in seconds as a duration of at most a minute; nonsense is no wait.
pub(super) fn bounded_wait(seconds: f64) -> Option<Duration> {
    let positive = seconds.is_finite() && seconds >= 0.0;
    positive.then(|| Duration::from_secs_f64(seconds.min(MAX_RETRY_AFTER.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_and_bounded() {
        let wait = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            retry_after(&headers)
        };
        assert_eq!(wait("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("retry-after", "1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(wait("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(wait("retry-after", "999999999999999999999"), Some(MAX_RETRY_AFTER));
        for nonsense in ["", "-1", "NaN", "inf", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(wait("retry-after", nonsense), None, "{nonsense}");
        }
    }
}
