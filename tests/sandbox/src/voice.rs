//! A loopback double of whatever voice messages need: a storage that hands out recordings, and an OpenAI-compatible
//! endpoint that transcribes them.
//!
//! The endpoint goes by the file's name as the real ones do: `voice.oga` and `voice.opus` are refused with a 400, the same
//! bytes as `voice.ogg` are understood. What a recording says is known by its bytes; one that was converted on its way
//! says what was put last. A storage that must not be asked counts its visitors.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use futures::StreamExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a test waits for something that should happen at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// The endings that are understood.
const TAKEN: [&str; 9] = ["flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm"];

/// One scripted answer of the endpoint.
#[derive(Debug, Clone)]
pub enum Heard {
    /// It hears this.
    Words(String),
    /// An OpenAI error: HTTP status and `code`.
    Error(u16, &'static str),
    /// No answer until the caller hangs up, or [`VoiceDouble::release`] is called; then what the recording says.
    Hang,
}

/// Decides about each call what becomes of it, if it is not heard.
pub type Fate = Box<dyn FnMut() -> Option<Heard> + Send>;

/// What decides about calls for which there is no script.
#[derive(Default)]
struct Fates(Option<Fate>);

impl std::fmt::Debug for Fates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fates").field(&self.0.is_some()).finish()
    }
}

/// One call of the endpoint.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The fields of the form but the file.
    pub fields: BTreeMap<String, String>,
    /// The file's name.
    pub file_name: String,
    /// The file's content type.
    pub content_type: String,
    /// The file.
    pub file: Vec<u8>,
}

/// A running double. It stops when dropped.
#[derive(Debug)]
pub struct VoiceDouble {
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
    releases: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<String, Vec<u8>>,
    words: Vec<(Vec<u8>, String)>,
    script: VecDeque<Heard>,
    fate: Fates,
    asked: Vec<Asked>,
    fetched: Vec<String>,
}

impl VoiceDouble {
    /// Starts storage and endpoint on a free port of the loopback.
    ///
    /// # Panics
    /// If the loopback has no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared =
            Arc::new(Shared { inner: Mutex::default(), changes: watch::channel(0).0, releases: watch::channel(0).0 });
        let app = Router::new()
            .route("/files/{name}", get(fetch))
            .route("/to", get(redirect))
            .route("/loop", get(circle))
            .route("/endless", get(endless))
            .route("/v1/audio/transcriptions", post(transcribe))
            .layer(DefaultBodyLimit::disable())
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("the double serves until it is dropped");
        });
        Self { address, shared, server }
    }

    /// Returns the address to put into `TRANSCRIPTION_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the host to put into `TRANSCRIPTION_HOSTS`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Puts a recording into the storage; returns its address.
    pub fn put(&self, name: &str, file: &[u8], words: &str) -> String {
        let mut inner = self.lock();
        inner.files.insert(name.to_owned(), file.to_vec());
        inner.words.push((file.to_vec(), words.to_owned()));
        format!("http://{}/files/{name}", self.address)
    }

    /// Puts a recording of WhatsApp's form that says this; returns its address.
    pub fn speak(&self, words: &str) -> String {
        let number = self.lock().words.len();
        self.put(&format!("{number}.oga"), &ogg(words, 3), words)
    }

    /// Returns an address that redirects to another.
    pub fn redirect_to(&self, url: &str) -> String {
        format!("http://{}/to?url={url}", self.address)
    }

    /// Returns an address that redirects to itself.
    pub fn circle(&self) -> String {
        format!("http://{}/loop", self.address)
    }

    /// Returns the address of a recording that does not end, and whose length nobody says beforehand.
    pub fn endless(&self) -> String {
        format!("http://{}/endless", self.address)
    }

    /// Adds an answer to the end of the endpoint's script.
    pub fn push(&self, heard: Heard) {
        self.lock().script.push_back(heard);
    }

    /// Asks this about every call for which there is no script.
    pub fn leave_to(&self, fate: Fate) {
        self.lock().fate.0 = Some(fate);
    }

    /// Ends what was left to somebody, and lets every hanging call go on.
    pub fn recover(&self) {
        self.lock().fate.0 = None;
        self.release();
    }

    /// Lets every hanging call go on.
    pub fn release(&self) {
        self.shared.releases.send_modify(|count| *count += 1);
    }

    /// Returns all calls of the endpoint so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.lock().asked.clone()
    }

    /// Returns the names that were asked of the storage so far.
    pub fn fetched(&self) -> Vec<String> {
        self.lock().fetched.clone()
    }

    /// Waits until the endpoint has been asked this often.
    ///
    /// # Panics
    /// If it is not in time.
    pub async fn wait_for_calls(&self, count: usize) -> Vec<Asked> {
        let mut changes = self.shared.changes.subscribe();
        let waiting = changes.wait_for(|_| self.lock().asked.len() >= count);
        let waited = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        let asked = self.asked();
        assert!(waited, "waited for {count} transcriptions; there are {}", asked.len());
        asked
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.lock()
    }
}

impl Drop for VoiceDouble {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a file that looks like Ogg Opus of this length from outside, and says something by its bytes alone.
pub fn ogg(words: &str, seconds: u64) -> Vec<u8> {
    let page = |granule: u64| [b"OggS\0\x02".as_slice(), &granule.to_le_bytes(), &[0; 14]].concat();
    let body = words.as_bytes();
    [page(0), b"OpusHead\x01\x01".to_vec(), page(48_000), body.to_vec(), page(48_000 * seconds)].concat()
}

async fn fetch(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    let mut inner = shared.lock();
    inner.fetched.push(name.clone());
    match inner.files.get(&name) {
        Some(file) => ([("content-type", "audio/ogg")], file.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn redirect(Query(to): Query<BTreeMap<String, String>>) -> Response {
    let url = to.get("url").cloned().unwrap_or_default();
    Redirect::temporary(&url).into_response()
}

async fn circle(State(shared): State<Arc<Shared>>) -> Response {
    shared.lock().fetched.push("loop".to_owned());
    Redirect::temporary("/loop").into_response()
}

async fn endless(State(shared): State<Arc<Shared>>) -> Response {
    shared.lock().fetched.push("endless".to_owned());
    let start = Bytes::from(ogg("on and on", 3));
    let more = futures::stream::repeat(Bytes::from_static(&[0; 4096]));
    let chunks = futures::stream::once(async { start }).chain(more).map(Ok::<_, std::convert::Infallible>);
    ([("content-type", "audio/ogg")], Body::from_stream(chunks)).into_response()
}

async fn transcribe(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(asked) = read_form(&headers, &body) else {
        return error(400, "invalid_request_error", "the form cannot be read");
    };
    let mut releases = shared.releases.subscribe();
    let (said, scripted) = {
        let mut inner = shared.lock();
        inner.asked.push(asked.clone());
        let known = inner.words.iter().rev().find(|(file, _)| *file == asked.file).or(inner.words.last());
        let said = known.map(|(_, words)| words.clone()).unwrap_or_default();
        let scripted = inner.script.pop_front();
        (said, scripted.or_else(|| inner.fate.0.as_mut().and_then(|fate| fate())))
    };
    shared.changes.send_modify(|count| *count += 1);
    let ending = asked.file_name.rsplit('.').next().unwrap_or_default().to_owned();
    if !TAKEN.contains(&ending.as_str()) {
        return error(400, "invalid_value", &format!("Unsupported file format {ending}"));
    }
    if !asked.fields.contains_key("model") || asked.content_type.is_empty() {
        return error(400, "missing_required_parameter", "Missing required parameter");
    }
    match scripted {
        None => axum::Json(json!({ "text": said })).into_response(),
        Some(Heard::Words(words)) => axum::Json(json!({ "text": words })).into_response(),
        Some(Heard::Error(status, code)) => error(status, code, "a scripted failure"),
        Some(Heard::Hang) => {
            let _closed = releases.changed().await;
            axum::Json(json!({ "text": said })).into_response()
        }
    }
}

fn error(status: u16, code: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body: Value = json!({ "error": { "message": message, "type": "invalid_request_error", "code": code } });
    (status, axum::Json(body)).into_response()
}

/// Reads a form as RFC 7578 writes it.
fn read_form(headers: &HeaderMap, body: &[u8]) -> Option<Asked> {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let kind = headers.get("content-type").map(text)?;
    let boundary = format!("--{}", kind.split_once("boundary=")?.1);
    let mut asked = Asked {
        headers: headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        fields: BTreeMap::new(),
        file_name: String::new(),
        content_type: String::new(),
        file: Vec::new(),
    };
    let mut rest = body.strip_prefix(boundary.as_bytes())?.strip_prefix(b"\r\n")?;
    let end = format!("\r\n{boundary}");
    loop {
        let head = find(rest, b"\r\n\r\n")?;
        let (names, after) = (String::from_utf8_lossy(&rest[..head]).into_owned(), &rest[head + 4..]);
        let length = find(after, end.as_bytes())?;
        let content = &after[..length];
        let quoted = |name: &str| {
            let start = names.split_once(&format!("; {name}=\""))?.1;
            start.split_once('"').map(|(value, _)| value.to_owned())
        };
        match quoted("filename") {
            Some(file_name) => {
                let kind = names.lines().find_map(|line| line.strip_prefix("Content-Type: "));
                (asked.file_name, asked.file) = (file_name, content.to_vec());
                asked.content_type = kind.unwrap_or_default().to_owned();
            }
            None => drop(asked.fields.insert(quoted("name")?, String::from_utf8_lossy(content).into_owned())),
        }
        rest = &after[length + end.len()..];
        if rest.starts_with(b"--") {
            return Some(asked).filter(|asked| !asked.file.is_empty());
        }
        rest = rest.strip_prefix(b"\r\n")?;
    }
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}
