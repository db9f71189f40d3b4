//! One HTTP request and what came of it. Judges nothing.

use super::{Settings, SetupError};
use crate::outgoing::{self, Failed};
use bytes::{Bytes, BytesMut};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::{Duration, Instant};
use url::Url;

/// A page of a hundred ordinary messages is below 300 kB; what is larger than this is not read.
const LONGEST_BODY: usize = 8 * 1024 * 1024;

/// Whose token a call carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// The agent bot's.
    Bot,
    /// The user's.
    User,
}

/// One call to the API of the account.
pub(super) struct Call<'a> {
    /// What it is for, in the infinitive, for the operator.
    pub(super) operation: &'static str,
    /// Whose token it carries.
    pub(super) token: Token,
    /// Whether Chatwoot's own words about a failure may be shown: not if it was sent somebody's text.
    pub(super) quotes: bool,
    method: Method,
    path: &'a str,
    query: Option<String>,
    body: Option<Value>,
    by: Option<Instant>,
}

impl<'a> Call<'a> {
    /// Makes a reading call with the bot's token.
    pub(super) fn get(operation: &'static str, path: &'a str) -> Self {
        Self {
            operation,
            token: Token::Bot,
            quotes: true,
            method: Method::GET,
            path,
            query: None,
            body: None,
            by: None,
        }
    }

    /// Makes a writing call with the bot's token.
    pub(super) fn post(operation: &'static str, path: &'a str, body: Value) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(operation, path) }
    }

    /// Makes it a `PATCH`.
    pub(super) fn patching(mut self) -> Self {
        self.method = Method::PATCH;
        self
    }

    /// Changes whose token it carries.
    pub(super) fn with(mut self, token: Token) -> Self {
        self.token = token;
        self
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

    /// Keeps what Chatwoot says about a failure to ourselves.
    pub(super) fn unquoted(mut self) -> Self {
        self.quotes = false;
        self
    }
}

/// What came of a call.
#[derive(Debug)]
pub(super) enum Reply {
    /// An answer. Its body is missing if it was cut or too long.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The header `Retry-After` in seconds. Chatwoot sends none; a proxy before it may.
        retry_after: Option<Duration>,
        /// The body.
        body: Option<Bytes>,
    },
    /// No connection: nothing was written.
    Unreached(String),
    /// No answer: it may or may not have been carried out.
    Lost(String),
}

/// The HTTP client of one account.
pub(super) struct Transport {
    http: reqwest::Client,
    base: Url,
    bot: HeaderMap,
    user: Option<HeaderMap>,
}

impl Transport {
    /// Makes the client.
    pub(super) fn new(settings: &Settings) -> Result<Self, SetupError> {
        let usable = matches!(settings.base_url.scheme(), "http" | "https") && settings.base_url.has_host();
        let base =
            format!("{}/api/v1/accounts/{}/", settings.base_url.as_str().trim_end_matches('/'), settings.account);
        let base = Url::parse(&base).ok().filter(|_| usable).ok_or(SetupError::BaseUrl)?;
        let user = settings.user_token.as_ref().map(|token| headers(token, "CHATWOOT_USER_TOKEN")).transpose()?;
        let http =
            outgoing::client(settings.connect_timeout, settings.total_timeout).build().map_err(SetupError::Http)?;
        Ok(Self { http, base, bot: headers(&settings.bot_token, "CHATWOOT_API_TOKEN")?, user })
    }

    /// Returns whether there is a user token.
    pub(super) fn has_user(&self) -> bool {
        self.user.is_some()
    }

    /// Performs a call.
    pub(super) async fn send(&self, call: Call<'_>) -> Reply {
        let mut url = match self.base.join(call.path) {
            Ok(url) => url,
            Err(error) => return Reply::Unreached(error.to_string()),
        };
        url.set_query(call.query.as_deref());
        let token = match call.token {
            Token::Bot => self.bot.clone(),
            Token::User => self.user.clone().unwrap_or_default(),
        };
        let request = self.http.request(call.method, url).headers(token);
        match outgoing::send(request, call.body.as_ref(), call.by).await {
            Ok(response) => read(response).await,
            Err(Failed::Unreached(why)) => Reply::Unreached(why),
            Err(Failed::Lost(why)) => Reply::Lost(why),
        }
    }
}

/// Makes the headers that carry a token. `api_access_token` is the name that Chatwoot documents.
fn headers(token: &SecretString, name: &'static str) -> Result<HeaderMap, SetupError> {
    let mut value = HeaderValue::from_str(token.expose_secret()).map_err(|_| SetupError::Token(name))?;
    value.set_sensitive(true);
    let mut headers = HeaderMap::with_capacity(1);
    headers.insert("api_access_token", value);
    Ok(headers)
}

async fn read(mut response: reqwest::Response) -> Reply {
    let status = response.status().as_u16();
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = header.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST_BODY => body.extend_from_slice(&chunk),
            Ok(None) => return Reply::Answered { status, retry_after, body: Some(body.freeze()) },
            Ok(Some(_)) | Err(_) => return Reply::Answered { status, retry_after, body: None },
        }
    }
}
