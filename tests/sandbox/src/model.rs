//! A loopback double of an OpenAI-compatible provider: chat completions, Responses, the list of models.
//!
//! Answers are scripted one by one with [`ModelDouble::push`]; without a script it echoes the last message of the
//! customer. It records every call, and notices when a caller hangs up before the answer: that is how a takeover stops
//! a running call. Error bodies are those of the providers named beside them.

mod wire;

pub use wire::summary;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a test waits for something that should happen at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// One scripted answer.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The model answers with text.
    Text(String),
    /// The model calls `request_human` with this reason, and the [`summary`] of it.
    ToolCall(String),
    /// The model refuses; its words stand in a member of their own.
    Refusal(String),
    /// The model stops early: the text so far, and `length` or `content_filter`.
    Stopped(String, &'static str),
    /// An HTTP status with a JSON body.
    Status(u16, Value),
    /// An OpenAI error: HTTP status, `type`, `code`.
    Error(u16, &'static str, &'static str),
    /// Gemini's shape: the error in an array, `code` a number, and a `status` word.
    ArrayError(u16, &'static str),
    /// OpenRouter's failure after the model has started: an error with a number in an HTTP 200.
    ErrorIn200(u16),
    /// OpenAI's refusal of a parameter, once. [`ModelDouble::refuse_param`] refuses it always.
    ParamRefused(&'static str),
    /// Status, headers and body as they are, for everything that is not JSON.
    Raw(u16, Vec<(&'static str, String)>, String),
    /// No answer until the caller hangs up or [`ModelDouble::release`] is called; then the default answer.
    Hang,
    /// The connection is cut in the middle of the body.
    Cut,
    /// The answer after a while.
    Delay(Duration, Box<Reply>),
}

/// One call as it arrived.
#[derive(Debug, Clone)]
pub struct Call {
    /// The path, for example `/v1/chat/completions`.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body; null where there is none.
    pub body: Value,
    /// When it arrived.
    pub at: Instant,
    /// Whether the caller hung up before the answer.
    pub aborted: bool,
    /// Whether the answer was handed to the connection.
    pub answered: bool,
    /// When it was answered or aborted.
    pub ended: Option<Instant>,
}

impl Call {
    fn of(path: &str, headers: &HeaderMap, body: Value) -> Self {
        let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            path: path.to_owned(),
            headers: headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
            body,
            at: Instant::now(),
            aborted: false,
            answered: false,
            ended: None,
        }
    }

    /// Returns what the customer said last, in either interface.
    pub fn last_user_message(&self) -> String {
        wire::last_user_message(&self.body)
    }

    /// Returns the system text, in either interface.
    pub fn system(&self) -> String {
        wire::system(&self.body)
    }
}

type Answerer = Arc<dyn Fn(&Call) -> Reply + Send + Sync>;

/// A running double. It stops when dropped.
pub struct ModelDouble {
    base_url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    inner: Mutex<Inner>,
    /// Counts changes of `inner.calls`, for those who wait.
    changes: watch::Sender<u64>,
    /// Counts releases of hanging calls.
    releases: watch::Sender<u64>,
}

struct Inner {
    script: VecDeque<Reply>,
    calls: Vec<Call>,
    default: Answerer,
    refused_params: Vec<String>,
    key: Option<String>,
    models: Vec<Value>,
}

impl Inner {
    /// Returns whether whoever sent these headers has the key, if one is required.
    fn takes(&self, headers: &BTreeMap<String, String>) -> bool {
        let key = headers.get("authorization").and_then(|value| value.strip_prefix("Bearer "));
        self.key.is_none() || self.key.as_deref() == key
    }
}

impl std::fmt::Debug for ModelDouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelDouble").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl ModelDouble {
    /// Starts a provider on a free port of the loopback.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            inner: Mutex::new(Inner {
                script: VecDeque::new(),
                calls: Vec::new(),
                default: Arc::new(|call| Reply::Text(format!("You said: {}", call.last_user_message()))),
                refused_params: Vec::new(),
                key: None,
                models: ["gpt-test", "test-model"].map(|id| json!({"id": id, "object": "model"})).into(),
            }),
            changes: watch::channel(0).0,
            releases: watch::channel(0).0,
        });
        let app = Router::new()
            .route("/v1/chat/completions", post(answer))
            .route("/v1/responses", post(answer))
            .route("/v1/models", get(list))
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("the double serves until it is dropped");
        });
        Self { base_url: format!("http://{address}/v1"), shared, server }
    }

    /// Returns the address to put into `OPENAI_BASE_URL`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Adds an answer to the end of the script.
    pub fn push(&self, reply: Reply) {
        self.lock().script.push_back(reply);
    }

    /// Sets how calls are answered when the script is empty.
    pub fn set_default(&self, answer: impl Fn(&Call) -> Reply + Send + Sync + 'static) {
        self.lock().default = Arc::new(answer);
    }

    /// Refuses every request that carries this parameter, before the script is looked at.
    pub fn refuse_param(&self, name: &str) {
        self.lock().refused_params.push(name.to_owned());
    }

    /// Refuses every request without this key.
    pub fn require_key(&self, key: &str) {
        self.lock().key = Some(key.to_owned());
    }

    /// Replaces the list of models.
    pub fn set_models(&self, models: Vec<Value>) {
        self.lock().models = models;
    }

    /// Lets every hanging call go on.
    pub fn release(&self) {
        self.shared.releases.send_modify(|count| *count += 1);
    }

    /// Returns all calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Returns how many scripted answers are left.
    pub fn unused(&self) -> usize {
        self.lock().script.len()
    }

    /// Waits until at least `n` calls have arrived, and returns all.
    ///
    /// # Panics
    /// If they do not arrive in time.
    pub async fn wait_for_calls(&self, n: usize) -> Vec<Call> {
        self.wait_until(&format!("{n} calls"), |calls| calls.len() >= n).await
    }

    /// Waits until the caller of call `index` has hung up before its answer.
    ///
    /// # Panics
    /// If the caller stays.
    pub async fn wait_for_abort(&self, index: usize) -> Call {
        let aborted = |calls: &[Call]| calls.get(index).is_some_and(|call| call.aborted);
        self.wait_until(&format!("the abort of call {index}"), aborted).await.swap_remove(index)
    }

    async fn wait_until(&self, what: &str, done: impl Fn(&[Call]) -> bool) -> Vec<Call> {
        let mut changes = self.shared.changes.subscribe();
        let waiting = changes.wait_for(|_| done(&self.lock().calls));
        let waited = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        let calls = self.calls();
        assert!(waited, "waited for {what}; there are {} calls: {:?}", calls.len(), paths(&calls));
        calls
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.lock()
    }
}

impl Drop for ModelDouble {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a recorded call, or adds one, and wakes those who wait.
    fn record<T>(&self, change: impl FnOnce(&mut Vec<Call>) -> T) -> T {
        let result = change(&mut self.lock().calls);
        self.changes.send_modify(|count| *count += 1);
        result
    }
}

/// Marks a call as aborted unless it is answered: the server drops a handler whose caller hangs up.
struct Watch {
    shared: Arc<Shared>,
    index: usize,
    answered: bool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let (index, answered) = (self.index, self.answered);
        self.shared.record(|calls| {
            calls[index].answered = answered;
            calls[index].aborted = !answered;
            calls[index].ended = Some(Instant::now());
        });
    }
}

/// The list of models. It is no call of a model: what is asked at a start is not among [`ModelDouble::calls`].
async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let call = Call::of("/v1/models", &headers, Value::Null);
    let reply = {
        let inner = shared.lock();
        match inner.takes(&call.headers) {
            true => Reply::Status(200, json!({"object": "list", "data": inner.models})),
            false => wrong_key(),
        }
    };
    wire::render(&call, reply)
}

fn wrong_key() -> Reply {
    Reply::Error(401, "invalid_request_error", "invalid_api_key")
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let call = Call::of(uri.path(), &headers, serde_json::from_slice(&body).unwrap_or(Value::Null));
    // Releases count from the arrival: one that comes before the call hangs must not be missed.
    let mut releases = shared.releases.subscribe();
    let mut reply = choose(&shared, &call);
    let index = shared.record(|calls| {
        calls.push(call.clone());
        calls.len() - 1
    });
    let mut watch = Watch { shared: shared.clone(), index, answered: false };
    loop {
        if let Reply::Delay(pause, then) = reply {
            tokio::time::sleep(pause).await;
            reply = *then;
        } else if matches!(reply, Reply::Hang) {
            let _closed = releases.changed().await;
            let default = shared.lock().default.clone();
            reply = default(&call);
        } else {
            watch.answered = true;
            return wire::render(&call, reply);
        }
    }
}

/// Decides what a call gets: checks first, as a provider does, then the script, then the default.
fn choose(shared: &Shared, call: &Call) -> Reply {
    let mut inner = shared.lock();
    if !inner.takes(&call.headers) {
        return wrong_key();
    }
    if let Some(name) = inner.refused_params.iter().find(|name| call.body.get(name.as_str()).is_some()) {
        return Reply::Status(400, wire::param_refused(name));
    }
    let scripted = inner.script.pop_front();
    let default = inner.default.clone();
    drop(inner);
    scripted.unwrap_or_else(|| default(call))
}

fn paths(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.path.as_str()).collect()
}
