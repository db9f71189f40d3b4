//! A Teams workflow on loopback: takes cards at a secret URL and posts them, or not.
//!
//! As the real one it answers 202 to everything well-formed and fails later, unseen, on what the flow cannot use.

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The signature in the URL. Whoever has it may post.
pub const SIGNATURE: &str = "sandbox-signature";
/// What Teams takes, after its own expansion.
const LARGEST: usize = 28 * 1024;
/// How long [`TeamsFlow::wait_for_cards`] waits before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the flow was built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FlowKind {
    /// The template: loops over the attachments of a message.
    #[default]
    Template,
    /// Made by hand: posts the body itself.
    BareCard,
}

/// What happens to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 429, with `Retry-After` where given. Nothing is posted.
    Throttle {
        /// Seconds to wait.
        retry_after: Option<u64>,
    },
    /// The legacy way of throttling: 200, with the error in the body. Nothing is posted.
    ThrottleInBody,
    /// Any status with any body. Nothing is posted.
    Answer(u16, String),
    /// The card is posted and the answer is 500.
    PostThenFail,
    /// The card is posted and the answer never comes.
    PostThenHang,
}

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<Flow>,
    posted: Notify,
    kind: FlowKind,
}

#[derive(Debug, Default)]
struct Flow {
    cards: Vec<(SystemTime, Value)>,
    failed_runs: usize,
    requests: usize,
    faults: VecDeque<Fault>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, Flow> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the flow: what it can use is posted, what it cannot is a failed run.
    fn run(&self, body: &Bytes) {
        let card = self.usable(body);
        let mut state = self.state();
        match card {
            Some(card) => state.cards.push((SystemTime::now(), card)),
            None => state.failed_runs += 1,
        }
        drop(state);
        self.posted.notify_waiters();
    }

    fn usable(&self, body: &Bytes) -> Option<Value> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let card = match self.kind {
            FlowKind::BareCard => body,
            FlowKind::Template => {
                let attachment = body.get("attachments")?.get(0)?;
                let adaptive = attachment.get("contentType")? == "application/vnd.microsoft.card.adaptive";
                adaptive.then(|| attachment.get("content").cloned()).flatten()?
            }
        };
        let written = card.to_string();
        let size: usize = written.chars().map(|c| if c.is_ascii() { 1 } else { 6 * c.len_utf16() }).sum();
        (card.get("type")? == "AdaptiveCard" && size <= LARGEST).then_some(card)
    }
}

/// A Teams workflow on loopback. Stops when dropped.
#[derive(Debug)]
pub struct TeamsFlow {
    address: SocketAddr,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl TeamsFlow {
    /// Starts the flow of the template on a free port.
    ///
    /// # Errors
    /// If loopback cannot be bound.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_kind(FlowKind::Template).await
    }

    /// Starts a flow of a kind on a free port.
    ///
    /// # Errors
    /// If loopback cannot be bound.
    pub async fn start_kind(kind: FlowKind) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("bind the sandbox's Teams flow")?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner { kind, ..Inner::default() });
        let routes = Router::new()
            .route("/workflows/sandbox/triggers/manual/paths/invoke", post(invoke))
            .layer(DefaultBodyLimit::max(1024 * 1024))
            .with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move {
            let _ended = axum::serve(listener, routes).await;
        });
        Ok(Self { address, inner, serving })
    }

    /// Returns the secret URL of the flow.
    pub fn url(&self) -> String {
        format!(
            "http://{}/workflows/sandbox/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0\
             &sig={SIGNATURE}",
            self.address
        )
    }

    /// Orders what happens to the next request that has no order yet.
    pub fn fault(&self, fault: Fault) {
        self.inner.state().faults.push_back(fault);
    }

    /// Returns how many orders still wait for their request.
    pub fn ordered(&self) -> usize {
        self.inner.state().faults.len()
    }

    /// Returns the Adaptive Cards in the channel with the moments at which they came, oldest first.
    pub fn cards_and_times(&self) -> Vec<(SystemTime, Value)> {
        self.inner.state().cards.clone()
    }

    /// Returns the Adaptive Cards in the channel, oldest first.
    pub fn cards(&self) -> Vec<Value> {
        self.inner.state().cards.iter().map(|(_, card)| card.clone()).collect()
    }

    /// Returns how many accepted requests the flow could not use: 202, and nobody saw a card.
    pub fn failed_runs(&self) -> usize {
        self.inner.state().failed_runs
    }

    /// Returns how many requests came.
    pub fn requests(&self) -> usize {
        self.inner.state().requests
    }

    /// Waits until at least `count` cards are in the channel and returns all.
    ///
    /// # Errors
    /// If they do not come within 20 s.
    pub async fn wait_for_cards(&self, count: usize) -> anyhow::Result<Vec<Value>> {
        let waiting = async {
            loop {
                let posted = self.inner.posted.notified();
                let cards = self.cards();
                if cards.len() >= count {
                    return cards;
                }
                posted.await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, waiting).await;
        came.with_context(|| format!("{count} cards were expected, {} came", self.cards().len()))
    }
}

impl Drop for TeamsFlow {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn invoke(
    State(inner): State<Arc<Inner>>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    let fault = {
        let mut state = inner.state();
        state.requests += 1;
        state.faults.pop_front()
    };
    if query.get("sig").is_none_or(|signature| signature != SIGNATURE) {
        let body =
            r#"{"error":{"code":"AuthorizationFailed","message":"The authentication credentials are not valid."}}"#;
        return (StatusCode::UNAUTHORIZED, body).into_response();
    }
    match fault {
        None => {
            inner.run(&body);
            StatusCode::ACCEPTED.into_response()
        }
        Some(Fault::Throttle { retry_after: None }) => StatusCode::TOO_MANY_REQUESTS.into_response(),
        Some(Fault::Throttle { retry_after: Some(seconds) }) => {
            let header = [(HeaderName::from_static("retry-after"), seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, header).into_response()
        }
        Some(Fault::ThrottleInBody) => {
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP \
             error 429 with ContextId tcid=0"
                .into_response()
        }
        Some(Fault::Answer(status, body)) => {
            (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body).into_response()
        }
        Some(Fault::PostThenFail) => {
            inner.run(&body);
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Some(Fault::PostThenHang) => {
            inner.run(&body);
            std::future::pending().await
        }
    }
}
