//! The vendors' webhooks: verify the signature over the raw body, parse, deliver, answer.
//!
//! Once a body has been read, its delivery runs to the end even if the vendor hangs up: Chatwoot does not repeat a
//! webhook that timed out.

use super::ack::Ack;
use super::green_api::{self, GreenIntake};
use super::hold::Delivery;
use super::minimal::{self, MinimalMessage};
use super::run_on::RunOn;
use super::stack::{Payload, PayloadFault};
use super::{AppState, Shared, metrics};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use frontdesk_actors::domain::Inbound;
use frontdesk_actors::time::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tracing::Instrument;

const CHATWOOT: &str = "chatwoot";
const SIGNATURE: &str = "x-chatwoot-signature";

/// Reads Chatwoot's webhooks.
pub trait ChatwootEdge: Send + Sync + fmt::Debug {
    /// Checks the signature over the timestamp and the raw body.
    ///
    /// # Errors
    /// [`SignatureRefused`] if it is missing, too old or wrong.
    fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), SignatureRefused>;

    /// Translates a body into the engine's words.
    ///
    /// # Errors
    /// [`Malformed`] if it is not a webhook of Chatwoot.
    fn parse(&self, body: &[u8]) -> Result<Parsed, Malformed>;
}

/// What a body turned out to be.
#[derive(Debug)]
pub enum Parsed {
    /// Something for the engine.
    Inbound(Box<Inbound>),
    /// The minimal body of the page and of simple integrations: no account, no conversation.
    Minimal(MinimalMessage),
    /// Nothing that concerns the desk; why.
    Ignored(&'static str),
}

/// A signature was refused; why, for the operator only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefused {
    /// There is nothing to check it with.
    #[error("no webhook secret is configured; set CHATWOOT_WEBHOOK_SECRET, or ALLOW_UNSIGNED_WEBHOOKS=true")]
    Unconfigured,
    /// One of the headers is missing.
    #[error("the webhook is not signed; Chatwoot signs account webhooks since 4.11.2 and bots' since 4.13")]
    Missing,
    /// One of the headers cannot be read.
    #[error("the signature headers cannot be read")]
    Malformed,
    /// It was signed too long ago, or ahead of our time.
    #[error("the webhook was signed more than five minutes ago or ahead; it was replayed, or a clock is wrong")]
    Stale,
    /// It fits no configured secret.
    #[error(
        "the signature fits no secret in CHATWOOT_WEBHOOK_SECRET; the account webhook and the bot have different ones"
    )]
    Wrong,
}

impl SignatureRefused {
    const fn label(self) -> &'static str {
        match self {
            SignatureRefused::Unconfigured => "unconfigured",
            SignatureRefused::Missing => "missing",
            SignatureRefused::Malformed => "malformed",
            SignatureRefused::Stale => "stale",
            SignatureRefused::Wrong => "wrong",
        }
    }
}

/// A body cannot be read; why, without any of its words.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the body is {0}")]
pub struct Malformed(pub &'static str);

/// Whether a webhook must be signed. Decided once, at start-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignaturePolicy {
    /// A secret is configured: every webhook must be signed with it.
    Required,
    /// No secret, and nobody else can reach the listener or the operator allowed it.
    Waived,
    /// Nothing is accepted: there is no secret and strangers could reach the listener, or no webhooks are expected.
    Closed,
}

impl SignaturePolicy {
    /// Decides by whether a secret is configured, the address listened on, and `ALLOW_UNSIGNED_WEBHOOKS`.
    pub fn decide(has_secret: bool, listen: IpAddr, allow_unsigned: bool) -> Self {
        if has_secret {
            SignaturePolicy::Required
        } else if allow_unsigned || listen.to_canonical().is_loopback() {
            SignaturePolicy::Waived
        } else {
            SignaturePolicy::Closed
        }
    }
}

/// Chatwoot's webhooks, as they are configured.
#[derive(Debug)]
pub struct ChatwootIntake {
    edge: Arc<dyn ChatwootEdge>,
    policy: SignaturePolicy,
    told: AtomicI64,
}

impl ChatwootIntake {
    /// Makes the intake of `edge` under `policy`.
    pub fn new(edge: Arc<dyn ChatwootEdge>, policy: SignaturePolicy) -> Self {
        Self { edge, policy, told: AtomicI64::new(i64::MIN) }
    }

    fn check(&self, payload: &Payload, now: Timestamp) -> Result<(), SignatureRefused> {
        match self.policy {
            SignaturePolicy::Required => self.edge.verify(&payload.headers, &payload.body, now),
            SignaturePolicy::Waived => Ok(()),
            SignaturePolicy::Closed => Err(SignatureRefused::Unconfigured),
        }
    }

    /// Tells the operator why webhooks are refused, once a minute at most: strangers can cause refusals at will.
    fn tell(&self, refused: SignatureRefused, now: Timestamp) {
        ::metrics::counter!(metrics::SIGNATURE_FAILURES, "channel" => CHATWOOT, "why" => refused.label()).increment(1);
        let last = Timestamp::from_millis(self.told.load(Ordering::Relaxed));
        if now.since(last) >= Duration::from_secs(60) {
            self.told.store(now.as_millis(), Ordering::Relaxed);
            tracing::warn!(reason = %refused, "a Chatwoot webhook was refused");
        }
    }
}

/// `POST /webhooks/chatwoot` and `POST /webhook/chatwoot`.
pub async fn chatwoot(State(app): State<Shared>, payload: Result<Payload, PayloadFault>) -> Response {
    match payload {
        Ok(payload) => take(&app, payload).await,
        Err(fault) => unread(fault),
    }
}

/// `POST /webhook`: tells the vendors apart by what they prove, else by their payloads. What proves to be GREEN-API's is
/// GREEN-API's however little of it can be read: it repeats one poison body for a day, and holds back all others.
pub async fn any_vendor(State(app): State<Shared>, request: Request) -> Response {
    match Payload::read(request, &app).await {
        Ok(payload) if payload.headers.contains_key(SIGNATURE) => take(&app, payload).await,
        Ok(payload) if green_api_proved(&app, &payload.headers).is_some() => green_api::take(&app, payload).await,
        Ok(payload) => match Vendor::of(&payload.body) {
            Ok(Vendor::Chatwoot) => take(&app, payload).await,
            Ok(Vendor::GreenApi) => green_api::take(&app, payload).await,
            Err(ack) => ack.counted("unknown", payload.received.elapsed()).into_response(),
        },
        Err((fault, headers)) => match green_api_proved(&app, &headers) {
            Some(green) => green_api::faulted(green, fault, app.clock.now()),
            None => unread(fault),
        },
    }
}

/// Returns GREEN-API's intake, if the headers prove that GREEN-API sends this.
fn green_api_proved<'a>(app: &'a AppState, headers: &HeaderMap) -> Option<&'a GreenIntake> {
    app.green_api.as_ref().filter(|green| green.proves(headers))
}

fn unread(fault: PayloadFault) -> Response {
    let ack = match fault {
        PayloadFault::TooLarge => Ack::TooLarge,
        PayloadFault::Slow => Ack::Slow,
        PayloadFault::Cut => Ack::Malformed,
    };
    ack.counted("unknown", Duration::ZERO).into_response()
}

/// The vendors whose payloads are told apart.
enum Vendor {
    Chatwoot,
    GreenApi,
}

impl Vendor {
    fn of(body: &[u8]) -> Result<Self, Ack> {
        #[derive(Deserialize)]
        struct Marks {
            event: Option<IgnoredAny>,
            #[serde(rename = "typeWebhook")]
            type_webhook: Option<IgnoredAny>,
        }
        match serde_json::from_slice::<Marks>(body) {
            Ok(Marks { event: Some(_), .. }) => Ok(Vendor::Chatwoot),
            Ok(Marks { type_webhook: Some(_), .. }) => Ok(Vendor::GreenApi),
            Ok(Marks { event: None, type_webhook: None }) => Err(Ack::UnknownVendor),
            Err(_) => Err(Ack::Malformed),
        }
    }
}

/// Takes a Chatwoot-shaped body: from Chatwoot itself, or the minimal one that belongs to the page.
async fn take(app: &AppState, payload: Payload) -> Response {
    let Some(chatwoot) = &app.chatwoot else {
        return match minimal::read(&payload.body) {
            Some(message) => minimal::answer(app, &payload, message).await,
            None if is_json(&payload.body) => ack(&payload, Ack::ChannelOff),
            None => ack(&payload, Ack::Malformed),
        };
    };
    let now = app.clock.now();
    if let Err(refused) = chatwoot.check(&payload, now) {
        // The page does not sign. A body that claims a signature is Chatwoot's and is held to it.
        let from_the_page = app.web.is_some() && !payload.headers.contains_key(SIGNATURE);
        if let Some(message) = from_the_page.then(|| minimal::read(&payload.body)).flatten() {
            return minimal::answer(app, &payload, message).await;
        }
        chatwoot.tell(refused, now);
        return ack(&payload, Ack::Refused);
    }
    match chatwoot.edge.parse(&payload.body) {
        Ok(Parsed::Inbound(inbound)) => deliver(app, *inbound, &payload).await,
        Ok(Parsed::Minimal(message)) => minimal::answer(app, &payload, message).await,
        Ok(Parsed::Ignored(why)) => {
            tracing::debug!(why, "a Chatwoot webhook concerns nobody");
            ack(&payload, Ack::Ignored(why))
        }
        Err(malformed) => {
            tracing::warn!(reason = %malformed, bytes = payload.body.len(), "a Chatwoot webhook cannot be read");
            ack(&payload, Ack::Malformed)
        }
    }
}

async fn deliver(app: &AppState, inbound: Inbound, payload: &Payload) -> Response {
    let key = inbound.key.clone();
    // Every line that is logged on the way names the conversation; the span is for those who trace.
    let span = tracing::debug_span!("webhook", channel = CHATWOOT, conversation = %key);
    let answer = RunOn::new(Delivery::new(app, inbound, payload.received).settle().instrument(span)).await;
    tracing::debug!(conversation = %key, outcome = answer.label(), "a Chatwoot webhook was answered");
    ack(payload, answer)
}

fn ack(payload: &Payload, ack: Ack) -> Response {
    ack.counted(CHATWOOT, payload.received.elapsed()).into_response()
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_webhooks_need_a_loopback_listener_or_the_operators_word() {
        let decide = |secret, listen: &str, allow| SignaturePolicy::decide(secret, listen.parse().unwrap(), allow);
        assert_eq!(decide(true, "127.0.0.1", true), SignaturePolicy::Required);
        assert_eq!(decide(true, "0.0.0.0", false), SignaturePolicy::Required);
        assert_eq!(decide(false, "127.0.0.1", false), SignaturePolicy::Waived);
        assert_eq!(decide(false, "::1", false), SignaturePolicy::Waived);
        assert_eq!(decide(false, "::ffff:127.0.0.1", false), SignaturePolicy::Waived);
        assert_eq!(decide(false, "0.0.0.0", false), SignaturePolicy::Closed);
        assert_eq!(decide(false, "0.0.0.0", true), SignaturePolicy::Waived);
    }
}
