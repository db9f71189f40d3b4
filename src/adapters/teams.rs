//! Posts cards to a Microsoft Teams channel through a Power Automate "Workflows" webhook.
//!
//! The whole URL is a secret (its `sig` parameter is the only authentication), so it never reaches an error or a log. A
//! 2xx means queued, not shown: what Teams does with the card later is never told.

mod card;
mod demo;
mod face;
mod markdown;
mod verdict;

pub use demo::{DemoAlert, DemoAlerts, NoSink};
pub use face::{Face, Tone, UtcOffset, Wording};

use async_trait::async_trait;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::ports::{AlertSink, Card, Verdict};
use frontdesk_actors::time::{Clock, Timestamp};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use url::{Host, Url};

/// How much of an answer is read: enough for any error text.
const LONGEST_ANSWER: usize = 16 * 1024;

/// How cards are posted.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `TEAMS_WEBHOOK_URL`, as the flow shows it.
    pub url: SecretString,
    /// `TEAMS_CARD_SHAPE`.
    pub shape: CardShape,
    /// `DESK_LOCALE`.
    pub desk_locale: Lang,
    /// The colleagues' offset from UTC, for the times on cards.
    pub utc_offset: UtcOffset,
    /// How long one post may take.
    pub timeout: Duration,
}

/// What the flow expects in the body of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CardShape {
    /// A message with the card attached: the template "Post to a channel when a webhook request is received".
    #[default]
    Message,
    /// The bare card: a hand-made flow without the loop over attachments.
    Card,
}

impl CardShape {
    /// Reads `message` or `card`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "message" => Some(Self::Message),
            "card" => Some(Self::Card),
            _ => None,
        }
    }
}

/// Why cards cannot be posted. Every message says what to do and shows no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The URL is of a kind that Microsoft has switched off.
    #[error(
        "TEAMS_WEBHOOK_URL points to {0}, which Microsoft has switched off. Its successor is a Power Automate workflow: in \
         the channel choose Workflows, \"Post to a channel when a webhook request is received\", and copy the new URL"
    )]
    Retired(&'static str),
    /// It is not a usable URL.
    #[error("TEAMS_WEBHOOK_URL must be the https URL that the Teams workflow shows; it is a secret")]
    Url,
    /// The HTTP client cannot be built.
    #[error("the HTTP client for Teams cannot be set up: {0}. Install the system's ca-certificates")]
    Client(String),
}

/// Posts cards to one channel.
pub struct Teams {
    client: reqwest::Client,
    url: SecretString,
    shape: CardShape,
    wording: Wording,
    clock: Arc<dyn Clock>,
    /// Unix milliseconds of the last 2xx; 0 for never.
    accepted: AtomicI64,
}

impl fmt::Debug for Teams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teams").field("shape", &self.shape).field("wording", &self.wording).finish_non_exhaustive()
    }
}

impl Teams {
    /// Prepares to post; connects to nobody yet.
    ///
    /// # Errors
    /// [`SetupError`], with what to do.
    pub fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        check(settings.url.expose_secret())?;
        let client = reqwest::Client::builder()
            .timeout(settings.timeout)
            // Following a redirect would hand the card to a host nobody configured, and hidden retries double cards.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| SetupError::Client(error.without_url().to_string()))?;
        Ok(Self {
            client,
            url: SecretString::from(settings.url.expose_secret().trim().to_owned()),
            shape: settings.shape,
            wording: Wording::new(settings.desk_locale, settings.utc_offset),
            clock,
            accepted: AtomicI64::new(0),
        })
    }

    /// Returns when Teams last accepted a card. The flow belongs to a user and dies with that account, so silence here
    /// is worth showing.
    pub fn last_accepted_at(&self) -> Option<Timestamp> {
        Some(self.accepted.load(Ordering::Relaxed)).filter(|millis| *millis > 0).map(Timestamp::from_millis)
    }

    async fn exchange(&self, body: String) -> Result<verdict::Answer, reqwest::Error> {
        let request = self.client.post(self.url.expose_secret()).header(CONTENT_TYPE, "application/json").body(body);
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut read = Vec::new();
        // The status has decided most of it already; a body that breaks off only loses detail.
        while let Ok(Some(chunk)) = response.chunk().await {
            read.extend_from_slice(&chunk[..chunk.len().min(LONGEST_ANSWER - read.len())]);
            if read.len() == LONGEST_ANSWER {
                break;
            }
        }
        Ok(verdict::Answer { status, retry_after, body: String::from_utf8_lossy(&read).into_owned() })
    }
}

#[async_trait]
impl AlertSink for Teams {
    async fn post(&self, card: &Card) -> Verdict {
        let body = card::body(&self.wording.face(card), self.shape);
        let verdict = match self.exchange(body).await {
            Ok(answer) => verdict::answered(&answer),
            Err(error) => verdict::failed(&error.without_url()),
        };
        if matches!(verdict, Verdict::Settled { .. }) {
            self.accepted.store(self.clock.now().as_millis(), Ordering::Relaxed);
        }
        verdict
    }
}

fn check(url: &str) -> Result<(), SetupError> {
    let url = Url::parse(url.trim()).map_err(|_| SetupError::Url)?;
    let (name, this_machine) = match url.host() {
        Some(Host::Domain(name)) => (name.to_owned(), name == "localhost"),
        Some(Host::Ipv4(ip)) => (String::new(), ip.is_loopback()),
        Some(Host::Ipv6(ip)) => (String::new(), ip.is_loopback()),
        None => return Err(SetupError::Url),
    };
    for (retired, what) in [
        ("webhook.office.com", "an Office 365 connector (webhook.office.com)"),
        ("outlook.office.com", "an Office 365 connector (outlook.office.com)"),
        ("logic.azure.com", "the old address of a workflow (logic.azure.com)"),
    ] {
        if name == retired || name.ends_with(&format!(".{retired}")) {
            return Err(SetupError::Retired(what));
        }
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if this_machine => Ok(()),
        _ => Err(SetupError::Url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_urls_name_their_successor_and_no_error_shows_the_url() {
        for (url, expected) in [
            ("https://contoso.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d", "Workflows"),
            ("https://outlook.office.com/webhook/a", "Workflows"),
            ("https://prod-12.westeurope.logic.azure.com:443/workflows/a?sig=s3cret", "Workflows"),
            ("http://example.com/flow?sig=s3cret", "https URL"),
            ("s3cret", "https URL"),
            ("mailto:s3cret@example.com", "https URL"),
        ] {
            let error = check(url).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("s3cret"), "{url}: {error}");
        }
        for url in [
            "https://e1.05.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/a?sig=b",
            "http://127.0.0.1:9/x",
            "http://[::1]:9/x",
            "http://localhost:9/x",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }
}
