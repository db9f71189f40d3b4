//! Stand-ins for Chatwoot's API and the model: they answer at once, always alike, and cost next to nothing. The faithful
//! doubles of the sandbox keep a whole world per request and would be measured instead of the desk.
//!
//! What the desk posts comes back as a webhook a moment later, as at Chatwoot.

use crate::load::Connection;
use crate::webhooks::{Webhook, Webhooks};
use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

/// How much later than the answer to a post its webhook comes.
const ECHO_AFTER: Duration = Duration::from_millis(20);

/// How many connections bring echoes.
const ECHO_CONNECTIONS: usize = 16;

const COMPLETION: &str = concat!(
    r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"stand-in","choices":[{"index":0,"#,
    r#""message":{"role":"assistant","content":"Yes, SSO and audit logs are both part of Pro, and moving over from "#,
    r#"Starter takes one click under Settings. Anything else?","refusal":null},"logprobs":null,"finish_reason":"stop"}],"#,
    r#""usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#
);

/// The vendors of one desk.
#[derive(Debug)]
pub(crate) struct Vendors {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    webhooks: Arc<Webhooks>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<()>>>,
    echoes: Vec<mpsc::UnboundedSender<Echo>>,
    replies: AtomicU64,
    strange: AtomicU64,
    /// The conversations that were looked at.
    looked: Mutex<HashSet<u64>>,
    /// Whether the model leaves its callers waiting.
    model_held: watch::Sender<bool>,
}

/// A message of ours on its way back.
#[derive(Debug)]
struct Echo {
    conversation: u64,
    message: u64,
    row: String,
    due: Instant,
}

#[derive(Deserialize)]
struct Post<'a> {
    #[serde(borrow)]
    content_attributes: Attributes<'a>,
}

#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(borrow)]
    frontdesk_id: Cow<'a, str>,
}

impl Vendors {
    /// Starts the vendors of the desk at `desk`.
    pub(crate) async fn start(desk: SocketAddr, webhooks: Arc<Webhooks>) -> Result<Self> {
        let echo = Arc::new(Webhook::echo()?);
        let echoes = (0..ECHO_CONNECTIONS).map(|_| {
            let (sender, receiver) = mpsc::unbounded_channel();
            tokio::spawn(bring_back(desk, receiver, webhooks.clone(), echo.clone()));
            sender
        });
        let shared = Arc::new(Shared {
            echoes: echoes.collect(),
            webhooks,
            waiting: Mutex::default(),
            replies: AtomicU64::new(0),
            strange: AtomicU64::new(0),
            looked: Mutex::default(),
            model_held: watch::channel(false).0,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, shared })
    }

    /// Returns where Chatwoot's API is.
    pub(crate) fn chatwoot(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns where the model is.
    pub(crate) fn model(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns a future that ends when the desk has spoken in a conversation.
    pub(crate) fn spoken(&self, conversation: u64) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.shared.waiting().insert(conversation, sender);
        receiver
    }

    /// Returns how many messages the desk has posted.
    pub(crate) fn replies(&self) -> u64 {
        self.shared.replies.load(Ordering::Relaxed)
    }

    /// Lets the model leave its callers waiting, or answer them.
    pub(crate) fn hold_model(&self, held: bool) {
        self.shared.model_held.send_replace(held);
    }

    /// Returns how many conversations were looked at.
    pub(crate) fn looked(&self) -> u64 {
        self.shared.looked().len() as u64
    }

    /// Begins to count looks anew.
    pub(crate) fn forget_looks(&self) {
        self.shared.looked().clear();
    }

    /// Returns how many requests were none that an answer to a customer needs.
    pub(crate) fn strange(&self) -> u64 {
        self.shared.strange.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn looked(&self) -> std::sync::MutexGuard<'_, HashSet<u64>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a conversation that nobody has touched.
    fn show(&self, conversation: u64) -> Response {
        self.looked().insert(conversation);
        json(format!(
            r#"{{"id":{conversation},"status":"pending","meta":{{"assignee":null,"assignee_type":null}},"updated_at":1700000000.0,"messages":[],"last_non_activity_message":null}}"#
        ))
    }

    fn posted(&self, conversation: u64, body: &[u8]) -> Response {
        let message = self.webhooks.draw();
        let Ok(post) = serde_json::from_slice::<Post<'_>>(body) else {
            return StatusCode::UNPROCESSABLE_ENTITY.into_response();
        };
        self.replies.fetch_add(1, Ordering::Relaxed);
        if let Some(waiting) = self.waiting().remove(&conversation) {
            // Whoever waited may have given up.
            let _ = waiting.send(());
        }
        let row = post.content_attributes.frontdesk_id.into_owned();
        let echo = Echo { conversation, message, row, due: Instant::now() + ECHO_AFTER };
        // The workers end with the run.
        let _ = self.echoes[conversation as usize % ECHO_CONNECTIONS].send(echo);
        json(format!(
            r#"{{"id":{message},"conversation_id":{conversation},"message_type":1,"private":false,"sender":{{"id":7,"name":"Helper Bot","type":"agent_bot"}}}}"#
        ))
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, body: Bytes) -> Response {
    let path = uri.path();
    if path.ends_with("/chat/completions") {
        // The sender lives as long as the server.
        let _ = shared.model_held.subscribe().wait_for(|held| !held).await;
        return json(COMPLETION);
    }
    let mut parts = path.split('/').skip_while(|part| *part != "conversations").skip(1);
    let conversation = parts.next().and_then(|id| id.parse::<u64>().ok()).unwrap_or(0);
    match parts.next() {
        Some("messages") if conversation > 0 => shared.posted(conversation, &body),
        Some("toggle_typing_status") => json("{}"),
        None if conversation > 0 => shared.show(conversation),
        Some(_) | None => {
            // The desk asks for conversation 0 at its start, to see what its tokens allow.
            if conversation > 0 {
                shared.strange.fetch_add(1, Ordering::Relaxed);
            }
            StatusCode::NOT_FOUND.into_response()
        }
    }
}

fn json(body: impl Into<axum::body::Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}

/// Brings our own messages back, in order.
async fn bring_back(
    desk: SocketAddr,
    mut echoes: mpsc::UnboundedReceiver<Echo>,
    webhooks: Arc<Webhooks>,
    webhook: Arc<Webhook>,
) {
    let mut connection = None;
    while let Some(echo) = echoes.recv().await {
        tokio::time::sleep_until(echo.due.into()).await;
        if connection.is_none() {
            connection = Connection::open(desk).await.ok();
        }
        let request = webhooks.request_for(&webhook, echo.conversation, (echo.message, &echo.row));
        let asked = match &mut connection {
            Some(connection) => connection.ask(&request).await.is_ok(),
            None => false,
        };
        if !asked {
            connection = None;
        }
    }
}
