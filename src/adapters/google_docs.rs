//! Instructions that live in a Google document: read with a service account, all tabs, without suggestions.
//!
//! Wire facts: `documents.get` with `includeTabsContent=true` (without it only the first tab comes) and
//! `suggestionsViewMode=PREVIEW_WITHOUT_SUGGESTIONS` (else whoever may comment could edit the live instructions), scope
//! `documents.readonly`. `account` signs for the token, `text` makes text of the answer. The quota is 300 readings a minute
//! for one service account.

mod account;
mod text;

pub use account::{AccountError, ServiceAccount};

use crate::instructions::{Document, Read};
use account::Token;
use async_trait::async_trait;
use frontdesk_actors::time::Clock;
use reqwest::{Response, StatusCode, redirect::Policy};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The largest answer that is read, in bytes: formatting outweighs the text many times.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Which document, and how it is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The document's id.
    pub document: String,
    /// The service account's key file. It is read anew for every token, so that a key can be changed.
    pub credentials: PathBuf,
    /// The address of the Docs API.
    pub base_url: Url,
    /// The longest one reading may take.
    pub timeout: Duration,
}

/// Why the document can never be read with these settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key file cannot be used.
    #[error("GOOGLE_APPLICATION_CREDENTIALS: {0}")]
    Account(#[from] AccountError),
    /// The HTTP client cannot be made.
    #[error("the HTTP client for Google Docs could not be made: check the system's TLS certificates")]
    Client(#[source] reqwest::Error),
}

/// A document.
pub struct GoogleDoc {
    settings: Settings,
    url: Url,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    token: tokio::sync::Mutex<Option<Token>>,
}

impl fmt::Debug for GoogleDoc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoogleDoc").field("document", &self.settings.document).finish_non_exhaustive()
    }
}

/// Why a reading failed: a sentence for the operator, and whether another token may help.
struct Fault {
    why: String,
    stale_token: bool,
}

impl Fault {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), stale_token: false }
    }
}

impl GoogleDoc {
    /// Prepares a document. Nothing is sent, but the key file is read.
    ///
    /// # Errors
    /// [`Error`], which says what to do.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        ServiceAccount::read(&settings.credentials)?;
        let mut url = settings.base_url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/v1/documents/{}", settings.document));
        url.query_pairs_mut()
            .append_pair("includeTabsContent", "true")
            .append_pair("suggestionsViewMode", "PREVIEW_WITHOUT_SUGGESTIONS");
        // A redirect would carry the token elsewhere.
        let http = reqwest::Client::builder().timeout(settings.timeout).redirect(Policy::none()).build();
        Ok(Self { http: http.map_err(Error::Client)?, settings, url, clock, token: tokio::sync::Mutex::default() })
    }

    async fn read(&self) -> Result<String, Fault> {
        let authorization = self.authorization().await?;
        let request = self.http.get(self.url.clone()).header("authorization", authorization);
        let response = request.send().await.map_err(|error| unreachable("Google Docs", &error))?;
        let status = response.status();
        let body = body(response).await?;
        if !status.is_success() {
            return Err(refused(status, &body));
        }
        let document: Value = serde_json::from_slice(&body).map_err(|_| {
            Fault::new("Google Docs answered with something that is not JSON; check GOOGLE_DOCS_BASE_URL")
        })?;
        text::of(&document).map_err(Fault::new)
    }

    /// Returns the header that opens the document, from a token that is good for a while yet.
    async fn authorization(&self) -> Result<String, Fault> {
        let mut held = self.token.lock().await;
        let now = self.clock.now();
        if let Some(token) = held.as_ref().filter(|token| token.until > now) {
            return Ok(token.header());
        }
        let account =
            ServiceAccount::read(&self.settings.credentials).map_err(|error| Fault::new(error.to_string()))?;
        let assertion = account.assertion(now).map_err(|error| Fault::new(error.to_string()))?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", account::GRANT)
            .append_pair("assertion", assertion.expose_secret())
            .finish();
        let request = self.http.post(account.token_uri.clone()).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = request.send().await.map_err(|error| unreachable("Google's token endpoint", &error))?;
        let status = response.status();
        let body = body(response).await?;
        if !status.is_success() {
            return Err(Fault::new(account::refusal(status, &body)));
        }
        let token = Token::read(&body, now).ok_or_else(|| {
            Fault::new("Google's token endpoint answered without a token; check token_uri in the credentials file")
        })?;
        Ok(held.insert(token).header())
    }
}

#[async_trait]
impl Document for GoogleDoc {
    async fn fetch(&self) -> Read {
        match self.read().await {
            Err(fault) if fault.stale_token => {
                *self.token.lock().await = None;
                self.read().await.map_err(|fault| fault.why)
            }
            read => read.map_err(|fault| fault.why),
        }
    }

    fn name(&self) -> String {
        format!("Google document {}", self.settings.document)
    }
}

fn unreachable(whom: &str, error: &reqwest::Error) -> Fault {
    let how = if error.is_timeout() { "did not answer in time" } else { "cannot be reached" };
    Fault::new(format!("{whom} {how}; it is asked again by itself"))
}

/// Reads an answer, within bounds.
async fn body(mut response: Response) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_BODY => body.extend_from_slice(&chunk),
            Ok(Some(_)) => {
                return Err(Fault::new("the document is larger than 16 MB; leave images and history out of it"));
            }
            Ok(None) => return Ok(body),
            Err(error) => return Err(unreachable("Google Docs", &error)),
        }
    }
}

/// Says what a refusal means. 403 stands for three things that only the operator can tell apart.
fn refused(status: StatusCode, body: &[u8]) -> Fault {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let named = said["error"]["status"].as_str().unwrap_or_default();
    // The name is a constant of Google's; anything else is not repeated.
    let known = named.len() <= 40 && named.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let named = if known && !named.is_empty() { format!(" {named}") } else { String::new() };
    let advice = match status {
        StatusCode::UNAUTHORIZED => "the token was not accepted",
        StatusCode::FORBIDDEN => {
            "share the document with the client_email of the credentials file as a viewer, and enable the Google Docs API \
             in its project"
        }
        StatusCode::NOT_FOUND => "GOOGLE_DOCS_ID names no document; copy the part between /d/ and /edit of its address",
        StatusCode::BAD_REQUEST => "GOOGLE_DOCS_ID may name a file that is not a Google document; convert it to one",
        StatusCode::TOO_MANY_REQUESTS => "the quota is used up; make GOOGLE_DOCS_POLL longer",
        _ => "it is asked again by itself",
    };
    let why = format!("Google Docs answered {}{named}: {advice}", status.as_u16());
    Fault { why, stale_token: status == StatusCode::UNAUTHORIZED }
}
