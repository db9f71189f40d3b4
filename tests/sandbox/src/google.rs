//! A loopback double of Google: the token endpoint for service accounts, and the Docs API.
//!
//! As documented: a token is given for an RS256 assertion that is signed by the account's key, names this very endpoint as
//! its audience and is good for an hour at most; anything else is `invalid_grant`. `documents.get` without
//! `includeTabsContent` shows only the first tab, in `body`; without `suggestionsViewMode` whoever may edit is shown
//! suggestions that nobody has accepted.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::Json;
use axum::Router;
use axum::extract::{Form, Path as Segment, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The document that is there.
pub const DOCUMENT: &str = "1doc-With_the-instructions";

/// The service account with which it is shared.
const ACCOUNT: &str = "desk@project.iam.gserviceaccount.com";

/// What may be asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/documents.readonly";

/// A running double. It stops when dropped.
pub struct GoogleDouble {
    base_url: String,
    key: Vec<u8>,
    shared: Arc<Mutex<Inner>>,
    server: JoinHandle<()>,
}

struct Inner {
    public: Vec<u8>,
    token_uri: String,
    tabs: Vec<Value>,
    suggestion: Option<String>,
    tokens: u32,
    valid: Option<String>,
    readings: u32,
    failure: Option<(u16, Value)>,
    refusals: Vec<&'static str>,
}

impl std::fmt::Debug for GoogleDouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GoogleDouble").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Drop for GoogleDouble {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl GoogleDouble {
    /// Starts it with an empty document.
    ///
    /// # Errors
    /// If no port or key can be had.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let pair = KeyPair::generate(KeySize::Rsa2048).context("make a key")?;
        let key =
            AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).context("write the key")?.as_ref().to_vec();
        let inner = Inner {
            public: pair.public_key().as_ref().to_vec(),
            token_uri: format!("{base_url}/token"),
            tabs: Vec::new(),
            suggestion: None,
            tokens: 0,
            valid: None,
            readings: 0,
            failure: None,
            refusals: Vec::new(),
        };
        let shared = Arc::new(Mutex::new(inner));
        let routes = Router::new()
            .route("/token", post(token))
            .route("/v1/documents/{id}", get(document))
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { base_url, key, shared, server })
    }

    /// Returns the address of the Docs API.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Writes the service account's key file, as the console hands it out.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_credentials(&self, folder: &Path) -> Result<PathBuf> {
        let body = STANDARD.encode(&self.key);
        let lines: Vec<&str> = (0..body.len()).step_by(64).map(|at| &body[at..body.len().min(at + 64)]).collect();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        let key = json!({
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "key-1",
            "private_key": pem,
            "client_email": ACCOUNT,
            "client_id": "1",
            "token_uri": format!("{}/token", self.base_url),
        });
        std::fs::create_dir_all(folder)?;
        let path = folder.join("google-key.json");
        std::fs::write(&path, key.to_string())?;
        Ok(path)
    }

    /// Replaces the document by one tab.
    pub fn write(&self, text: &str) {
        self.write_tabs(vec![tab("Tab 1", text, vec![])]);
    }

    /// Replaces the document; see [`tab`].
    pub fn write_tabs(&self, tabs: Vec<Value>) {
        self.inner().tabs = tabs;
    }

    /// Somebody suggests more words for the end of the first tab.
    pub fn suggest(&self, text: &str) {
        self.inner().suggestion = Some(text.to_owned());
    }

    /// Answers every reading with this error; `None` ends that.
    pub fn fail(&self, failure: Option<(u16, &str)>) {
        let error = |(code, status): (u16, &str)| {
            (code, json!({ "error": { "code": code, "message": "The caller is refused.", "status": status } }))
        };
        self.inner().failure = failure.map(error);
    }

    /// Lets the tokens that are out expire.
    pub fn expire_tokens(&self) {
        self.inner().valid = None;
    }

    /// Returns how many tokens were given out, and how often the document was read.
    pub fn counts(&self) -> (u32, u32) {
        let inner = self.inner();
        (inner.tokens, inner.readings)
    }

    /// Returns why assertions were refused.
    pub fn refusals(&self) -> Vec<&'static str> {
        self.inner().refusals.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.shared)
    }
}

fn lock(shared: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a tab of plain paragraphs, with child tabs.
pub fn tab(title: &str, text: &str, children: Vec<Value>) -> Value {
    let paragraphs: Vec<Value> = text.lines().map(|line| paragraph(&format!("{line}\n"), false)).collect();
    json!({
        "tabProperties": { "tabId": "t.0", "title": title, "index": 0 },
        "documentTab": { "body": { "content": paragraphs } },
        "childTabs": children,
    })
}

fn paragraph(text: &str, suggested: bool) -> Value {
    let mut run = json!({ "content": text, "textStyle": {} });
    if suggested {
        run["suggestedInsertionIds"] = json!(["suggest.1"]);
    }
    json!({ "paragraph": { "elements": [{ "textRun": run }], "paragraphStyle": { "namedStyleType": "NORMAL_TEXT" } } })
}

async fn token(State(shared): State<Arc<Mutex<Inner>>>, Form(form): Form<BTreeMap<String, String>>) -> Response {
    let mut inner = lock(&shared);
    match granted(&inner, &form) {
        Ok(()) => {
            inner.tokens += 1;
            let token = format!("ya29.token-{}", inner.tokens);
            inner.valid = Some(token.clone());
            Json(json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" })).into_response()
        }
        Err(why) => {
            inner.refusals.push(why);
            let body = json!({ "error": "invalid_grant", "error_description": why });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

/// Checks an assertion as Google does.
fn granted(inner: &Inner, form: &BTreeMap<String, String>) -> Result<(), &'static str> {
    if form.get("grant_type").map(String::as_str) != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
        return Err("unsupported grant type");
    }
    let assertion = form.get("assertion").ok_or("no assertion")?;
    let (signed, signature) = assertion.rsplit_once('.').ok_or("not a JWT")?;
    let (header, claims) = signed.split_once('.').ok_or("not a JWT")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "not a JWT")?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &inner.public);
    key.verify(signed.as_bytes(), &signature).map_err(|_| "Invalid JWT Signature.")?;
    let read = |part: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let (header, claims) = (read(header).ok_or("not a JWT")?, read(claims).ok_or("not a JWT")?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_secs());
    let (iat, exp) = (claims["iat"].as_u64().unwrap_or(0), claims["exp"].as_u64().unwrap_or(0));
    for (holds, why) in [
        (header["alg"] == "RS256", "not RS256"),
        (header["kid"] == "key-1", "another key"),
        (claims["iss"] == ACCOUNT, "not the account"),
        (claims["scope"] == SCOPE, "another scope"),
        (claims["aud"] == inner.token_uri.as_str(), "another audience"),
        (iat <= now + 300 && exp > now && exp <= iat + 3600, "Token must be a short-lived token"),
    ] {
        if !holds {
            return Err(why);
        }
    }
    Ok(())
}

async fn document(
    State(shared): State<Arc<Mutex<Inner>>>,
    Segment(id): Segment<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let mut inner = lock(&shared);
    let refuse = |code: u16, status: &str| {
        let status_code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status_code, Json(json!({ "error": { "code": code, "message": "No.", "status": status } }))).into_response()
    };
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if bearer.is_none() || bearer != inner.valid.as_deref() {
        return refuse(401, "UNAUTHENTICATED");
    }
    inner.readings += 1;
    if let Some((code, body)) = &inner.failure {
        return (StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), Json(body.clone()))
            .into_response();
    }
    if id != DOCUMENT {
        return refuse(404, "NOT_FOUND");
    }
    let accepted_only = query.get("suggestionsViewMode").is_some_and(|mode| mode == "PREVIEW_WITHOUT_SUGGESTIONS");
    let mut tabs = inner.tabs.clone();
    if let Some(text) = inner.suggestion.as_deref().filter(|_| !accepted_only)
        && let Some(content) = tabs.first_mut().and_then(|tab| tab["documentTab"]["body"]["content"].as_array_mut())
    {
        content.push(paragraph(&format!("{text}\n"), true));
    }
    let mode = if accepted_only { "PREVIEW_WITHOUT_SUGGESTIONS" } else { "SUGGESTIONS_INLINE" };
    let mut body = json!({ "documentId": id, "title": "Instructions", "revisionId": "r", "suggestionsViewMode": mode });
    if query.get("includeTabsContent").is_some_and(|value| value == "true") {
        body["tabs"] = Value::Array(tabs);
    } else {
        body["body"] = tabs.first().map_or(json!({ "content": [] }), |tab| tab["documentTab"]["body"].clone());
    }
    Json(body).into_response()
}

/// Returns an error if anything was refused that should not have been.
///
/// # Errors
/// With the refusals.
pub fn nothing_was_refused(google: &GoogleDouble) -> Result<()> {
    let refusals = google.refusals();
    ensure!(refusals.is_empty(), "assertions were refused: {refusals:?}");
    Ok(())
}
