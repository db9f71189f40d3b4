//! One HTTP request and what came of it. Judges nothing.
//!
//! GREEN-API's token is part of every address, so no address ever leaves this file: not in an error, not in a log.

use super::Settings;
use crate::outgoing::{self, Failed};
use bytes::{Bytes, BytesMut};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::fmt;
use std::time::{Duration, Instant};
use url::Url;

/// A day's journal of a busy shop is some megabytes; what is larger than this is not read.
const LONGEST_BODY: usize = 32 * 1024 * 1024;

/// Why the client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address is no place to send requests to.
    #[error("GREEN_API_URL must be the http or https address that the console of the instance shows")]
    ApiUrl,
    /// The token is not one of GREEN-API's.
    #[error("GREEN_API_TOKEN holds characters that no token of GREEN-API has: copy it again")]
    Token,
    /// The HTTP client cannot be made.
    #[error("make the HTTP client for GREEN-API")]
    Http(#[source] reqwest::Error),
}

/// One call.
pub(in crate::adapters::green_api) struct Call<'a> {
    /// What it is for, in the infinitive, for the operator.
    pub(super) operation: &'static str,
    method: Method,
    /// GREEN-API's name of the method.
    name: &'a str,
    /// What follows the token in the path.
    rest: Option<String>,
    query: Option<String>,
    body: Option<Value>,
    within: Option<Duration>,
    by: Option<Instant>,
}

impl<'a> Call<'a> {
    /// Makes a reading call.
    pub(in crate::adapters::green_api) fn get(operation: &'static str, name: &'a str) -> Self {
        Self { operation, method: Method::GET, name, rest: None, query: None, body: None, within: None, by: None }
    }

    /// Makes a writing call.
    pub(in crate::adapters::green_api) fn post(operation: &'static str, name: &'a str, body: Value) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(operation, name) }
    }

    /// Makes a deleting call.
    pub(super) fn delete(operation: &'static str, name: &'a str, what: u64) -> Self {
        Self { method: Method::DELETE, rest: Some(what.to_string()), ..Self::get(operation, name) }
    }

    /// Adds a query.
    pub(super) fn query(mut self, query: String) -> Self {
        self.query = Some(query);
        self
    }

    /// Writes it by this moment or not at all.
    pub(super) fn by(mut self, by: Option<Instant>) -> Self {
        self.by = by;
        self
    }

    /// Gives it more time than usual.
    pub(super) fn within(mut self, limit: Duration) -> Self {
        self.within = Some(limit);
        self
    }
}

/// What came of a call.
pub(super) enum Reply {
    /// An answer. Its body is missing if it was cut or too long.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: Option<Bytes>,
    },
    /// No connection: nothing was written.
    Unreached(String),
    /// No answer: it may or may not have been carried out.
    Lost(String),
}

impl Reply {
    /// Returns the whole body of a success.
    pub(super) fn success(&self) -> Option<Bytes> {
        match self {
            Reply::Answered { status: 200..=299, body } => body.clone(),
            Reply::Answered { .. } | Reply::Unreached(_) | Reply::Lost(_) => None,
        }
    }
}

/// The HTTP client of one instance.
pub(super) struct Transport {
    http: reqwest::Client,
    base: Url,
    token: SecretString,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("host", &self.base.host_str()).finish_non_exhaustive()
    }
}

impl Transport {
    /// Makes the client.
    pub(super) fn new(settings: &Settings) -> Result<Self, SetupError> {
        let usable = matches!(settings.api_url.scheme(), "http" | "https") && settings.api_url.has_host();
        let base = format!("{}/waInstance{}/", settings.api_url.as_str().trim_end_matches('/'), settings.instance);
        let base = Url::parse(&base).ok().filter(|_| usable).ok_or(SetupError::ApiUrl)?;
        let token = settings.token.expose_secret();
        // It becomes a part of a path: nothing in it may lead elsewhere.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if token.is_empty() || !token.bytes().all(plain) {
            return Err(SetupError::Token);
        }
        let http = outgoing::client(settings.connect_timeout, settings.total_timeout)
            .build()
            .map_err(|error| SetupError::Http(error.without_url()))?;
        Ok(Self { http, base, token: settings.token.clone() })
    }

    /// Performs a call.
    pub(super) async fn send(&self, call: Call<'_>) -> Reply {
        let rest = call.rest.map(|rest| format!("/{rest}")).unwrap_or_default();
        let mut url = match self.base.join(&format!("{}/{}{rest}", call.name, self.token.expose_secret())) {
            Ok(url) => url,
            Err(error) => return Reply::Unreached(error.to_string()),
        };
        url.set_query(call.query.as_deref());
        let mut request = self.http.request(call.method, url);
        if let Some(limit) = call.within {
            request = request.timeout(limit);
        }
        match outgoing::send(request, call.body.as_ref(), call.by).await {
            Ok(response) => read(response).await,
            Err(Failed::Unreached(why)) => Reply::Unreached(why),
            Err(Failed::Lost(why)) => Reply::Lost(why),
        }
    }
}

async fn read(mut response: reqwest::Response) -> Reply {
    let status = response.status().as_u16();
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST_BODY => body.extend_from_slice(&chunk),
            Ok(None) => return Reply::Answered { status, body: Some(body.freeze()) },
            Ok(Some(_)) | Err(_) => return Reply::Answered { status, body: None },
        }
    }
}
