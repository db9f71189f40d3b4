//! One HTTP request to Kommo and what came of it. Judges nothing.

use crate::outgoing::{self, Failed};
use bytes::{Bytes, BytesMut};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::{Duration, Instant};
use url::Url;

/// What is larger than this is not read.
const LONGEST_BODY: usize = 1024 * 1024;

/// What came of a request.
#[derive(Debug)]
pub(super) enum Reply {
    /// An answer.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The header `Retry-After` in seconds.
        retry_after: Option<Duration>,
        /// The body, as far as it came.
        body: Bytes,
    },
    /// No connection: nothing was written.
    Unreached(String),
    /// No answer: it may or may not have been carried out.
    Lost(String),
}

/// The HTTP client.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    http: reqwest::Client,
}

impl Transport {
    /// Makes the client.
    pub(super) fn new(timeout: Duration) -> Result<Self, reqwest::Error> {
        let http = outgoing::client(timeout.min(Duration::from_secs(3)), timeout).build()?;
        Ok(Self { http })
    }

    /// Reads.
    pub(super) async fn get(&self, url: Url, token: &SecretString) -> Reply {
        self.send(Method::GET, url, Some(token), (None, None)).await
    }

    /// Writes, by the moment `by` if there is one, or not at all.
    pub(super) async fn post(
        &self,
        url: Url,
        token: Option<&SecretString>,
        body: &Value,
        by: Option<Instant>,
    ) -> Reply {
        self.send(Method::POST, url, token, (Some(body), by)).await
    }

    async fn send(
        &self,
        method: Method,
        url: Url,
        token: Option<&SecretString>,
        (body, by): (Option<&Value>, Option<Instant>),
    ) -> Reply {
        let mut request = self.http.request(method, url);
        if let Some(token) = token {
            let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())) else {
                return Reply::Unreached("the token contains what no header may carry: copy it again".to_owned());
            };
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        match outgoing::send(request, body, by).await {
            Ok(response) => read(response).await,
            Err(Failed::Unreached(why)) => Reply::Unreached(why),
            Err(Failed::Lost(why)) => Reply::Lost(why),
        }
    }
}

async fn read(mut response: reqwest::Response) -> Reply {
    let status = response.status().as_u16();
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = header.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > LONGEST_BODY {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Reply::Answered { status, retry_after, body: body.freeze() }
}
