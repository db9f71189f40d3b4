//! Who may use the admin API: the bearer of `ADMIN_TOKEN`, or in demo mode whoever sits at this machine.
//!
//! Tokens are compared as digests in constant time. Wrong ones are answered slowly and a few at a time, so guessing is
//! hopeless while the right one is never delayed. In demo mode there is no token to ask for; a page from elsewhere that
//! makes the operator's browser call us is recognised by its `Host` and `Origin` and refused.

use super::error::HttpError;
use super::{Shared, metrics};
use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

/// How many wrong tokens are answered at the same time.
const GUESSES: usize = 4;

/// Who may use the admin API.
pub struct AdminAuth {
    /// The token's digest; none in demo mode.
    token: Option<Vec<u8>>,
    penalty: Duration,
    guesses: Semaphore,
}

impl fmt::Debug for AdminAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.token.is_some() { "AdminAuth::Token" } else { "AdminAuth::Open" })
    }
}

/// Why a caller was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// No token was sent.
    Missing,
    /// The token is wrong.
    Wrong,
    /// Demo mode was asked for from elsewhere.
    Elsewhere,
}

impl Denied {
    const fn label(self) -> &'static str {
        match self {
            Denied::Missing => "missing",
            Denied::Wrong => "wrong",
            Denied::Elsewhere => "elsewhere",
        }
    }
}

impl AdminAuth {
    /// Lets everybody at this machine in. For demo mode only, which listens on loopback.
    pub fn open() -> Self {
        Self { token: None, penalty: Duration::ZERO, guesses: Semaphore::new(GUESSES) }
    }

    /// Asks for `token`.
    pub fn token(token: &SecretString) -> Self {
        Self {
            token: Some(sha256(token.expose_secret().as_bytes())),
            penalty: Duration::from_millis(300),
            guesses: Semaphore::new(GUESSES),
        }
    }

    /// Sets how long a wrong token waits for its answer.
    #[must_use]
    pub fn with_penalty(mut self, penalty: Duration) -> Self {
        self.penalty = penalty;
        self
    }

    /// Checks a request by its headers.
    ///
    /// # Errors
    /// [`Denied`]: the caller may not.
    pub fn permits(&self, headers: &HeaderMap) -> Result<(), Denied> {
        let Some(token) = &self.token else {
            return if comes_from_here(headers) { Ok(()) } else { Err(Denied::Elsewhere) };
        };
        let given = headers.get(header::AUTHORIZATION).and_then(bearer).ok_or(Denied::Missing)?;
        // Digests have one length, so neither the length nor a common beginning of the token shows in the time.
        if bool::from(sha256(given).ct_eq(token)) { Ok(()) } else { Err(Denied::Wrong) }
    }

    /// Waits as long as a wrong token must; `false` if too many wrong ones wait already.
    async fn punish(&self) -> bool {
        let Ok(_place) = self.guesses.try_acquire() else { return false };
        tokio::time::sleep(self.penalty).await;
        true
    }
}

/// The middleware before routes that whoever sits at this machine may use without a token: what came through a proxy did not
/// come from here.
pub async fn require_admin_elsewhere(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key(header::FORWARDED);
    if comes_from_here(headers) && !forwarded && !headers.contains_key(header::AUTHORIZATION) {
        return next.run(request).await;
    }
    require_admin(State(app), request, next).await
}

/// The middleware before every admin route.
pub async fn require_admin(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let Err(denied) = app.auth.permits(request.headers()) else {
        let mut response = next.run(request).await;
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return response;
    };
    ::metrics::counter!(metrics::ADMIN_REFUSED, "reason" => denied.label()).increment(1);
    match denied {
        Denied::Missing => HttpError::unauthorized(),
        Denied::Wrong if app.auth.punish().await => HttpError::unauthorized(),
        Denied::Wrong => {
            HttpError::new(StatusCode::TOO_MANY_REQUESTS, "slow_down", "too many wrong tokens; try again in a moment")
        }
        Denied::Elsewhere => HttpError::new(
            StatusCode::FORBIDDEN,
            "demo_only_here",
            "demo mode answers on localhost only and not to other sites; set ADMIN_TOKEN to use it from elsewhere",
        ),
    }
    .into_response()
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// Whether the request names this machine and no other site caused it. Without `Host` and `Origin` it is no browser's.
fn comes_from_here(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return !headers.contains_key(header::ORIGIN) };
    let Some(host) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else { return false };
    let same_site = match headers.get(header::ORIGIN).map(HeaderValue::to_str) {
        None => true,
        Some(Ok(origin)) => origin.split_once("://").is_some_and(|(_, site)| site.eq_ignore_ascii_case(host.as_str())),
        Some(Err(_)) => false,
    };
    same_site && is_loopback_name(host.host())
}

fn is_loopback_name(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let localhost = bare.eq_ignore_ascii_case("localhost") || bare.to_ascii_lowercase().ends_with(".localhost");
    localhost || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn only_the_whole_token_opens() {
        let auth = AdminAuth::token(&SecretString::from("correct horse"));
        let with = |value| auth.permits(&headers(&[(header::AUTHORIZATION, value)]));
        assert_eq!(with("Bearer correct horse"), Ok(()));
        assert_eq!(with("bearer correct horse "), Ok(()));
        assert_eq!(with("Bearer correct"), Err(Denied::Wrong));
        assert_eq!(with("Bearer correct horse battery"), Err(Denied::Wrong));
        assert_eq!(with("Basic correct horse"), Err(Denied::Missing));
        assert_eq!(with("Bearer "), Err(Denied::Missing));
        assert_eq!(auth.permits(&HeaderMap::new()), Err(Denied::Missing));
        assert_eq!(format!("{auth:?}"), "AdminAuth::Token");
    }

    #[test]
    fn demo_mode_is_for_this_machine() {
        let auth = AdminAuth::open();
        let from = |host, origin: Option<&str>| {
            let mut all = headers(&[(header::HOST, host)]);
            if let Some(origin) = origin {
                all.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
            }
            auth.permits(&all).is_ok()
        };
        assert!(from("127.0.0.1:8080", None));
        assert!(from("localhost:8080", Some("http://localhost:8080")));
        assert!(from("[::1]:8080", Some("http://[::1]:8080")));
        assert!(!from("localhost:8080", Some("https://evil.example")));
        assert!(!from("localhost:8080", Some("null")));
        assert!(!from("evil.example:8080", Some("http://evil.example:8080")));
        assert!(!from("localhost.evil.example", None));
    }
}
