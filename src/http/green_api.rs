//! GREEN-API's webhooks, and the test of the connection to it.
//!
//! GREEN-API repeats one and the same webhook every minute until it is answered exactly 200, and holds back all later ones of
//! the instance meanwhile, for a day. So whatever is durable or concerns nobody is answered 200, also what cannot be read (it
//! is parked); anything else means "come again", which loses nothing.

use super::ack::Ack;
use super::error::HttpError;
use super::hold::Delivery;
use super::intake::{Malformed, SignaturePolicy};
use super::run_on::RunOn;
use super::stack::{Payload, PayloadFault};
use super::{AppState, Shared, metrics};
use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use frontdesk_actors::domain::Inbound;
use frontdesk_actors::ports::{PortError, PortErrorKind};
use frontdesk_actors::time::Timestamp;
use serde_json::json;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument;

const CHANNEL: &str = "green-api";

/// What a body turned out to be.
#[derive(Debug)]
pub enum Heard {
    /// Something for the engine.
    Inbound(Box<Inbound>),
    /// Nothing for a conversation; why.
    Ignored(&'static str),
}

/// GREEN-API, as HTTP needs it.
#[async_trait]
pub trait GreenEdge: Send + Sync + fmt::Debug {
    /// Returns whether the header `Authorization` carries the token.
    fn permits(&self, authorization: Option<&str>) -> bool;

    /// Translates a body into the engine's words. What concerns the instance itself is told to operators at once.
    ///
    /// # Errors
    /// [`Malformed`] if it is nothing that GREEN-API is known to send.
    fn hear(&self, body: &[u8]) -> Result<Heard, Malformed>;

    /// Keeps a body that cannot be read where operators see it. Durable when it returns `Ok`.
    ///
    /// # Errors
    /// [`PortError`]; [`PortErrorKind::Rejected`] if too many are kept already.
    async fn park(&self, body: &[u8]) -> Result<(), PortError>;

    /// Asks for the state of the instance, in GREEN-API's word, and whether all is well.
    ///
    /// # Errors
    /// What is wrong and what to do, without any secret.
    async fn state(&self) -> Result<(&'static str, bool), String>;
}

/// GREEN-API's webhooks, as they are configured.
#[derive(Debug)]
pub struct GreenIntake {
    edge: Arc<dyn GreenEdge>,
    policy: SignaturePolicy,
    told: AtomicI64,
    lost: AtomicI64,
}

impl GreenIntake {
    /// Makes the intake of `edge` under `policy`.
    pub fn new(edge: Arc<dyn GreenEdge>, policy: SignaturePolicy) -> Self {
        Self { edge, policy, told: AtomicI64::new(i64::MIN), lost: AtomicI64::new(i64::MIN) }
    }

    /// Returns whether the headers prove that GREEN-API sends this: nobody else knows the token. Where none is asked for,
    /// nothing proves it.
    pub(super) fn proves(&self, headers: &HeaderMap) -> bool {
        self.policy == SignaturePolicy::Required && self.permits(headers)
    }

    fn permits(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match self.policy {
            SignaturePolicy::Required => self.edge.permits(given),
            SignaturePolicy::Waived => true,
            SignaturePolicy::Closed => false,
        }
    }

    /// Tells the operator that webhooks are refused, once a minute at most: strangers can cause refusals at will.
    fn tell(&self, now: Timestamp) {
        ::metrics::counter!(metrics::SIGNATURE_FAILURES, "channel" => CHANNEL, "why" => "wrong").increment(1);
        if is_due(&self.told, now) {
            let why = match self.policy {
                SignaturePolicy::Required => "its Authorization is not GREEN_WEBHOOK_TOKEN",
                SignaturePolicy::Waived | SignaturePolicy::Closed => {
                    "webhooks are not taken while GREEN_POLLING is on or GREEN_WEBHOOK_TOKEN is not set"
                }
            };
            tracing::warn!(why, "a webhook of GREEN-API was refused; run `frontdesk green-api setup`");
        }
    }
}

/// Returns whether a line may be written again, once a minute at most, and remembers that it was.
fn is_due(last: &AtomicI64, now: Timestamp) -> bool {
    let due = now.since(Timestamp::from_millis(last.load(Ordering::Relaxed))) >= Duration::from_secs(60);
    if due {
        last.store(now.as_millis(), Ordering::Relaxed);
    }
    due
}

/// `POST /webhooks/green-api`.
pub async fn webhook(State(app): State<Shared>, payload: Result<Payload, PayloadFault>) -> Response {
    match (payload, &app.green_api) {
        (Ok(payload), _) => take(&app, payload).await,
        (Err(_), None) => off(),
        (Err(fault), Some(green)) => faulted(green, fault, app.clock.now()),
    }
}

/// Answers a request whose body could not be read.
pub(super) fn faulted(green: &GreenIntake, fault: PayloadFault, now: Timestamp) -> Response {
    unread(green, fault, now).counted(CHANNEL, Duration::ZERO).into_response()
}

/// Answers a body that could not be read. One that is too large is the same every time, and would hold back all others.
/// Nobody has proved who sent it, so that it is told once a minute at most.
fn unread(green: &GreenIntake, fault: PayloadFault, now: Timestamp) -> Ack {
    match fault {
        PayloadFault::TooLarge if green.policy == SignaturePolicy::Closed => Ack::Refused,
        PayloadFault::TooLarge => {
            if is_due(&green.lost, now) {
                tracing::error!("a webhook of GREEN-API was larger than listen.max_body and is lost: raise it");
            }
            Ack::Ignored("it is larger than this server reads")
        }
        PayloadFault::Slow => Ack::Slow,
        PayloadFault::Cut => Ack::Malformed,
    }
}

/// Takes a body of GREEN-API.
pub(super) async fn take(app: &AppState, payload: Payload) -> Response {
    let Some(green) = &app.green_api else { return off() };
    if !green.permits(&payload.headers) {
        green.tell(app.clock.now());
        return ack(payload.received, Ack::Refused);
    }
    match green.edge.hear(&payload.body) {
        Ok(Heard::Inbound(inbound)) => deliver(app, green, *inbound, &payload).await,
        Ok(Heard::Ignored(why)) => {
            tracing::debug!(why, "a webhook of GREEN-API concerns no conversation");
            ack(payload.received, Ack::Ignored(why))
        }
        Err(malformed) => {
            tracing::warn!(reason = %malformed, bytes = payload.body.len(), "a webhook of GREEN-API cannot be read");
            ack(payload.received, park(green, &payload.body).await)
        }
    }
}

/// Keeps a body that nobody could take. Where too many are kept it is given up, loudly: held back, it would cost all others.
async fn park(green: &GreenIntake, body: &[u8]) -> Ack {
    match green.edge.park(body).await {
        Ok(()) => Ack::Taken(frontdesk_actors::engine::Intake::Parked),
        Err(error) if error.kind == PortErrorKind::Rejected => {
            tracing::error!(
                "too many webhooks of GREEN-API are parked; one more is lost: see `frontdesk chats quarantined`"
            );
            Ack::Ignored("too many are parked")
        }
        Err(_) => Ack::Away,
    }
}

async fn deliver(app: &AppState, green: &GreenIntake, inbound: Inbound, payload: &Payload) -> Response {
    let span = tracing::debug_span!("webhook", channel = CHANNEL);
    let answer = RunOn::new(Delivery::new(app, inbound, payload.received).settle().instrument(span)).await;
    // Its conversation takes nothing until an operator acts, and the vendor would hold back everybody else's.
    let answer = if answer == Ack::Quarantined { park(green, &payload.body).await } else { answer };
    tracing::debug!(outcome = answer.label(), "a webhook of GREEN-API was answered");
    ack(payload.received, answer)
}

fn ack(received: Instant, ack: Ack) -> Response {
    ack.counted(CHANNEL, received.elapsed()).into_response()
}

fn off() -> Response {
    let detail = "WhatsApp is not configured here; set GREEN_API_URL, GREEN_ID_INSTANCE and GREEN_API_TOKEN";
    HttpError::new(StatusCode::NOT_FOUND, "channel_off", detail).into_response()
}

/// `GET /test-connection`: asks GREEN-API for the state of the instance.
pub async fn test_connection(State(app): State<Shared>) -> Response {
    let Some(green) = &app.green_api else { return off() };
    match green.edge.state().await {
        Ok((state, true)) => Json(json!({ "status": "ok", "channel": CHANNEL, "state": state })).into_response(),
        Ok((state, false)) => {
            let body = json!({ "status": "trouble", "channel": CHANNEL, "state": state,
                "detail": "the instance cannot send: see docs/setup-green-api.md for what its state means" });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
        Err(detail) => {
            let body = json!({ "status": "error", "channel": CHANNEL, "detail": detail });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}
