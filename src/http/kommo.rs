//! Kommo's ways in: the salesbot's requests, the account's webhook, the end of OAuth; and the operators' view of them.
//!
//! The salesbot gives up after two seconds, so that its request is answered before the model is asked; the answer goes to
//! the request's `return_url` later. Requests prove themselves by their token, the webhook by the secret in its address,
//! the end of OAuth by the state that an operator's request began.

use super::ack::Ack;
use super::error::HttpError;
use super::hold::Delivery;
use super::run_on::RunOn;
use super::stack::{Payload, PayloadFault};
use super::{AppState, Shared, metrics};
use crate::adapters::kommo::{Edge, Kommo, Refused, TokenError, WireError, shown};
use async_trait::async_trait;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use frontdesk_actors::domain::Inbound;
use frontdesk_actors::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

const KOMMO: &str = "kommo";

/// How long after its arrival a request is answered at the latest: Kommo waits for two seconds.
const WITHIN: Duration = Duration::from_millis(1600);

/// Answers a sample message as a customer would be, without a customer.
#[async_trait]
pub trait Trial: Send + Sync + fmt::Debug {
    /// Answers.
    ///
    /// # Errors
    /// One sentence for the operator, if the model does not answer.
    async fn answer(&self, text: &str) -> Result<Tried, String>;
}

/// What a customer would have been told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The words.
    pub text: String,
    /// Whether a person would have been fetched.
    pub handoff: bool,
}

/// Kommo, as the routes need it.
#[derive(Debug)]
pub struct KommoRoutes {
    client: Arc<Kommo>,
    edge: Arc<Edge>,
    trial: Arc<dyn Trial>,
    told: AtomicI64,
}

impl KommoRoutes {
    /// Makes the routes' part of Kommo.
    pub fn new(client: Arc<Kommo>, edge: Arc<Edge>, trial: Arc<dyn Trial>) -> Self {
        Self { client, edge, trial, told: AtomicI64::new(i64::MIN) }
    }

    /// Tells the operator why something was refused, once a minute at most: strangers can cause refusals at will.
    fn refuse(&self, refused: &Refused, now: Timestamp) -> Ack {
        let (ack, why) = match refused {
            Refused::Token(TokenError::Malformed) => (Ack::Refused, "missing"),
            Refused::Token(TokenError::Expired) => (Ack::Refused, "stale"),
            Refused::Token(TokenError::Foreign | TokenError::OtherAccount | TokenError::OtherIntegration)
            | Refused::Secret
            | Refused::OtherAccount => (Ack::Refused, "wrong"),
            Refused::Wire(WireError::ForeignReturn) => (Ack::ForeignReturn, ""),
            Refused::Wire(WireError::Unreadable | WireError::NoReturn) => (Ack::Malformed, ""),
            Refused::Store(_) => (Ack::Away, ""),
        };
        if !why.is_empty() {
            ::metrics::counter!(metrics::SIGNATURE_FAILURES, "channel" => KOMMO, "why" => why).increment(1);
        }
        let last = Timestamp::from_millis(self.told.load(Ordering::Relaxed));
        if now.since(last) >= Duration::from_secs(60) {
            self.told.store(now.as_millis(), Ordering::Relaxed);
            tracing::warn!(reason = %refused, "something that claims to be from Kommo was refused");
        }
        ack
    }
}

/// `POST /api/kommo/chat/webhook`: the request of a salesbot.
pub async fn request(State(app): State<Shared>, payload: Result<Payload, PayloadFault>) -> Response {
    let (kommo, payload) = match admit(&app, payload) {
        Ok(admitted) => admitted,
        Err(refusal) => return *refusal,
    };
    let ack = match kommo.edge.request(&payload.body).await {
        Ok(inbound) => deliver(&app, inbound, payload.received).await,
        Err(refused) => kommo.refuse(&refused, app.clock.now()),
    };
    ack.counted(KOMMO, payload.received.elapsed()).into_response()
}

/// `POST /webhooks/kommo/{secret}`: the account's webhook.
pub async fn webhook(
    State(app): State<Shared>,
    Path(secret): Path<String>,
    payload: Result<Payload, PayloadFault>,
) -> Response {
    let (kommo, payload) = match admit(&app, payload) {
        Ok(admitted) => admitted,
        Err(refusal) => return *refusal,
    };
    let received = payload.received;
    let ack = match timeout_at(received + WITHIN, kommo.edge.webhook(&secret, &payload.body)).await {
        Ok(Ok(inbounds)) => deliver_all(&app, inbounds, received).await,
        Ok(Err(refused)) => kommo.refuse(&refused, app.clock.now()),
        Err(_elapsed) => Ack::Away,
    };
    ack.counted(KOMMO, received.elapsed()).into_response()
}

/// Returns Kommo and the body, or what is answered instead.
fn admit(app: &AppState, payload: Result<Payload, PayloadFault>) -> Result<(Arc<KommoRoutes>, Payload), Box<Response>> {
    let Some(kommo) = &app.kommo else { return Err(Box::new(off().into_response())) };
    match payload {
        Ok(payload) => Ok((Arc::clone(kommo), payload)),
        Err(fault) => {
            let ack = match fault {
                PayloadFault::TooLarge => Ack::TooLarge,
                PayloadFault::Slow => Ack::Slow,
                PayloadFault::Cut => Ack::Malformed,
            };
            Err(Box::new(ack.counted(KOMMO, Duration::ZERO).into_response()))
        }
    }
}

/// Delivers in order. Whatever is not taken makes the vendor repeat all of them: those taken are duplicates then.
async fn deliver_all(app: &AppState, inbounds: Vec<Inbound>, received: Instant) -> Ack {
    let mut ack = Ack::Ignored("nothing in it concerns the desk");
    for inbound in inbounds {
        ack = deliver(app, inbound, received).await;
        if !matches!(ack, Ack::Taken(_)) {
            return ack;
        }
    }
    ack
}

async fn deliver(app: &AppState, inbound: Inbound, received: Instant) -> Ack {
    let key = inbound.key.clone();
    let span = tracing::debug_span!("webhook", channel = KOMMO, conversation = %key);
    let delivery = Delivery::new(app, inbound, received).within(WITHIN);
    let ack = RunOn::new(delivery.settle().instrument(span)).await;
    tracing::debug!(conversation = %key, outcome = ack.label(), "a request of Kommo was answered");
    ack
}

const fn off() -> HttpError {
    HttpError::new(
        StatusCode::NOT_FOUND,
        "channel_off",
        "Kommo is not configured here; set KOMMO_SUBDOMAIN, KOMMO_CLIENT_SECRET and KOMMO_TOKEN",
    )
}

// === For operators ===

type Answer = Result<Json<Value>, HttpError>;

/// `GET /api/kommo/chat/status`: what is known of the integration.
///
/// # Errors
/// 404 if Kommo is not configured, 503 if the store cannot be read.
pub async fn status(State(app): State<Shared>) -> Answer {
    let kommo = app.kommo.as_ref().ok_or(off())?;
    let mut status = kommo.client.status().await?;
    let answers = if app.desk.is_paused() {
        "paused"
    } else if app.desk.human_mode() {
        "human_mode"
    } else {
        "on"
    };
    status["chatbot"] = json!({ "state": answers });
    Ok(Json(status))
}

/// `POST /api/kommo/chat/test`: what a customer would be told. Nobody is told anything.
pub async fn test(State(app): State<Shared>, payload: Result<Payload, PayloadFault>) -> Response {
    #[derive(Deserialize)]
    struct Sample {
        message: String,
    }
    let Some(kommo) = app.kommo.clone() else { return off().into_response() };
    let payload = match payload {
        Ok(payload) => payload,
        Err(fault) => return fault.into_response(),
    };
    let sample = serde_json::from_slice::<Sample>(&payload.body).ok().map(|sample| sample.message);
    let Some(message) = sample.filter(|text| !text.trim().is_empty() && text.chars().count() <= 4000) else {
        let detail = "the body must be {\"message\": \"…\"} with 1 to 4000 characters";
        return HttpError::new(StatusCode::BAD_REQUEST, "malformed", detail).into_response();
    };
    if app.desk.is_paused() {
        let detail = "everything that leaves the desk is paused; resume first";
        return HttpError::new(StatusCode::CONFLICT, "paused", detail).into_response();
    }
    let began = Instant::now();
    match kommo.trial.answer(&message).await {
        Ok(tried) => {
            let messages = shown(&tried.text);
            let by = if messages.first() == Some(&tried.text) && tried.text.chars().count() > 80 {
                "reply"
            } else {
                "handlers"
            };
            let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            Json(json!({
                "reply": tried.text, "handoff": tried.handoff, "messages": messages, "shown_by": by, "took_ms": took,
            }))
            .into_response()
        }
        Err(why) => (StatusCode::BAD_GATEWAY, Json(json!({ "code": "model_failed", "detail": why }))).into_response(),
    }
}

/// `POST /api/kommo/widget/install`: an operator says that the widget is installed, or not any more.
///
/// # Errors
/// 404 if Kommo is not configured, 400 for another body, 503 if the store cannot be written.
pub async fn install(State(app): State<Shared>, payload: Result<Payload, PayloadFault>) -> Result<Response, HttpError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Install {
        #[serde(default = "yes")]
        installed: bool,
    }
    const fn yes() -> bool {
        true
    }
    let kommo = app.kommo.as_ref().ok_or(off())?;
    let payload = match payload {
        Ok(payload) => payload,
        Err(fault) => return Ok(fault.into_response()),
    };
    let body: &[u8] = if payload.body.is_empty() { b"{}" } else { &payload.body };
    let Ok(Install { installed }) = serde_json::from_slice(body) else {
        let detail = "the body must be empty, {\"installed\": true} or {\"installed\": false}";
        return Err(HttpError::new(StatusCode::BAD_REQUEST, "malformed", detail));
    };
    kommo.client.set_widget_installed(installed).await?;
    Ok(Json(json!({ "installed": installed, "verified": "unknown" })).into_response())
}

/// `POST /api/kommo/oauth/start`: begins to connect the account and returns the page to open.
pub async fn connect(State(app): State<Shared>) -> Response {
    let Some(kommo) = &app.kommo else { return off().into_response() };
    let mut fresh = [0_u8; 24];
    aws_lc_rs::rand::fill(&mut fresh).expect("the operating system gives random bytes");
    match kommo.client.begin_oauth(&hex::encode(fresh)).await {
        Ok(url) => Json(json!({ "url": url.as_str() })).into_response(),
        Err(error) => {
            let body = json!({ "code": "not_connected", "detail": error.to_string() });
            (StatusCode::CONFLICT, Json(body)).into_response()
        }
    }
}

/// What the administrator's browser brings back.
#[derive(Deserialize)]
pub struct Return {
    #[serde(default)]
    state: String,
    code: Option<String>,
    referer: Option<String>,
}

impl fmt::Debug for Return {
    /// Shows neither code nor state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Return").field("referer", &self.referer).finish_non_exhaustive()
    }
}

/// `GET /oauth/kommo`: the end of OAuth.
pub async fn connected(State(app): State<Shared>, Query(back): Query<Return>) -> Response {
    let Some(kommo) = &app.kommo else { return off().into_response() };
    let said = match &back.code {
        None => Err("Kommo has not allowed the connection. Begin it again in the console.".to_owned()),
        Some(code) => {
            let finished = kommo.client.finish_oauth(&back.state, code, back.referer.as_deref()).await;
            finished.map_err(|error| format!("Kommo is not connected: {error}."))
        }
    };
    let (status, text) = match said {
        Ok(()) => (StatusCode::OK, "Kommo is connected. You can close this window.".to_owned()),
        Err(why) => (StatusCode::BAD_REQUEST, why),
    };
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, text).into_response()
}
