//! The account's API.

use super::again::Told;
use super::world::{Answered, Fault, Inner, TokenFault};
use super::{ACCOUNT, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, SUBDOMAIN, TOKEN, form};
use anyhow::{Context, Result};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How long one shown message may be, in characters.
const LONGEST: usize = 80;
/// How many handlers one answer may have.
const MOST: usize = 10;

/// How long the account waits for the answer to an event. The real one: two seconds; see `ACKNOWLEDGED`.
const TOLD: std::time::Duration = std::time::Duration::from_secs(20);

pub(super) async fn start(inner: &Arc<Inner>) -> Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("bind Kommo's double")?;
    let address = listener.local_addr()?;
    let routes = Router::new()
        .route("/api/v4/salesbot/{bot}/continue/{request}", post(go_on))
        .route("/api/v4/leads/notes", post(note))
        .route("/api/v4/account", get(account))
        .route("/oauth2/access_token", post(tokens))
        .with_state(Arc::clone(inner));
    let serving = tokio::spawn(async move {
        let _ended = axum::serve(listener, routes).await;
    });
    Ok((address, serving))
}

/// Makes the event of an outgoing message: `number` tells it from others.
pub(super) fn outgoing((lead, number): (u64, u64), text: &str, author: &str) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    json!({
        "account": {
            "subdomain": SUBDOMAIN,
            "id": ACCOUNT.to_string(),
            "_links": { "self": "https://fixture.kommo.com" },
        },
        "message": { "add": [{
            "id": format!("00000000-0000-4000-8000-{number:012}"),
            "chat_id": "00000000-0000-4000-8000-0000000000c1",
            "talk_id": "77",
            "contact_id": (lead + 10_000_000).to_string(),
            "text": text,
            "created_at": now.to_string(),
            "element_type": "2",
            "entity_type": "lead",
            "element_id": lead.to_string(),
            "entity_id": lead.to_string(),
            "type": "outgoing",
            "message_type": "text",
            "author": { "id": "00000000-0000-4000-8000-0000000000d2", "type": author, "name": "Somebody" },
            "origin": "telegram",
        }] },
    })
}

fn permits(inner: &Inner, headers: &HeaderMap) -> bool {
    let mut world = inner.world();
    world.calls += 1;
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = bearer.strip_prefix("Bearer ").unwrap_or_default();
    token == TOKEN || world.pair.as_ref().is_some_and(|(access, _)| access == token)
}

fn problem(status: StatusCode) -> Response {
    let body = json!({ "title": "Error", "status": status.as_u16() }).to_string();
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}

/// Checks an answer as the vendor documents it, and returns what the customer reads.
pub fn shown(body: &Value) -> Option<Vec<String>> {
    let handlers = body["execute_handlers"].as_array().cloned().unwrap_or_default();
    if handlers.len() > MOST || !body["data"].is_object() {
        return None;
    }
    let mut shown = Vec::new();
    for handler in &handlers {
        let value = handler["params"]["value"].as_str()?;
        if handler["handler"] != "show" || handler["params"]["type"] != "text" || value.chars().count() > LONGEST {
            return None;
        }
        shown.push(value.to_owned());
    }
    if body["data"]["long"] == "yes" {
        // The next step of the bot shows it.
        shown.push(body["data"]["reply"].as_str()?.to_owned());
    }
    Some(shown)
}

async fn go_on(
    State(inner): State<Arc<Inner>>,
    Path((_bot, request)): Path<(u64, u64)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if !permits(&inner, &headers) {
        return problem(StatusCode::UNAUTHORIZED);
    }
    let fault = {
        let mut world = inner.world();
        world.tried.extend(shown(&body).unwrap_or_default());
        world.take_fault(request)
    };
    match fault {
        None => take(&inner, request, &body),
        Some(Fault::Refuse(status)) => problem(status_of(status)),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::GoOnThenHang) => {
            take(&inner, request, &body);
            std::future::pending().await
        }
        Some(Fault::GoOnThen(status)) => {
            let taken = take(&inner, request, &body);
            // A gateway's failure hides a success, not a refusal.
            if taken.status().is_success() { problem(status_of(status)) } else { taken }
        }
        Some(Fault::GoOnLate(pause)) => {
            // Whoever asked may have gone by then.
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                take(&inner, request, &body);
            });
            std::future::pending().await
        }
        Some(Fault::Expire) => {
            let mut world = inner.world();
            if world.waiting.remove(&request).is_some() {
                world.expired.push(request);
            }
            problem(StatusCode::NOT_FOUND)
        }
    }
}

/// Lets a bot go on, if it waits.
fn take(inner: &Arc<Inner>, request: u64, body: &Value) -> Response {
    let Some(shown) = shown(body) else { return problem(StatusCode::BAD_REQUEST) };
    let lead = {
        let mut world = inner.world();
        let Some(lead) = world.waiting.remove(&request) else {
            world.surplus.push(request);
            return problem(StatusCode::NOT_FOUND);
        };
        let status = body["data"]["status"].as_str().unwrap_or_default().to_owned();
        let at = std::time::SystemTime::now();
        world.answered.push(Answered { request, lead, status, shown: shown.clone(), at });
        lead
    };
    inner.changed.notify_waiters();
    tokio::spawn(tell_account(Arc::clone(inner), lead, shown));
    StatusCode::ACCEPTED.into_response()
}

/// What a bot says is an event of the account like any other; nothing in it says that a bot of ours said it.
async fn tell_account(inner: Arc<Inner>, lead: u64, shown: Vec<String>) {
    for text in shown {
        let (hook, number) = {
            let mut world = inner.world();
            world.last_message += 1;
            (world.hook.clone(), world.last_message)
        };
        let Some(hook) = hook else { return };
        let body = form::encode(&outgoing((lead, number), &text, ""));
        inner.world().remember(Told::event(hook.clone(), body.clone(), true));
        let request = inner.http.post(hook).timeout(TOLD).body(body);
        // A desk that is away hears of it when the vendor repeats it; this one does not.
        let _ = request.header("content-type", "application/x-www-form-urlencoded").send().await;
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn note(State(inner): State<Arc<Inner>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if !permits(&inner, &headers) {
        return problem(StatusCode::UNAUTHORIZED);
    }
    let note = &body[0];
    let (Some(lead), Some(text), "common") =
        (note["entity_id"].as_u64(), note["params"]["text"].as_str(), note["note_type"].as_str().unwrap_or_default())
    else {
        return problem(StatusCode::BAD_REQUEST);
    };
    inner.world().notes.push((lead, text.to_owned()));
    inner.changed.notify_waiters();
    Json(json!({ "_embedded": { "notes": [{ "id": 1, "entity_id": lead }] } })).into_response()
}

async fn account(State(inner): State<Arc<Inner>>, headers: HeaderMap) -> Response {
    if !permits(&inner, &headers) {
        return problem(StatusCode::UNAUTHORIZED);
    }
    Json(json!({ "id": ACCOUNT, "name": "Fixture", "subdomain": SUBDOMAIN })).into_response()
}

/// Waits until tokens are given out again.
async fn released(inner: &Inner) {
    loop {
        let changed = inner.changed.notified();
        if !inner.world().holds_tokens {
            return;
        }
        // A change between the look and the wait is seen a little later.
        let _ = tokio::time::timeout(std::time::Duration::from_millis(50), changed).await;
    }
}

async fn tokens(State(inner): State<Arc<Inner>>, Json(body): Json<Value>) -> Response {
    let known = body["client_id"] == CLIENT_ID
        && body["client_secret"] == CLIENT_SECRET
        && body["redirect_uri"] == REDIRECT_URI;
    let fault = {
        let mut world = inner.world();
        world.token_calls += 1;
        let fault = world.token_faults.pop_front();
        world.holds_tokens |= fault == Some(TokenFault::Hold);
        fault
    };
    inner.changed.notify_waiters();
    match fault {
        None => {}
        Some(TokenFault::Refuse(status)) => return problem(status_of(status)),
        Some(TokenFault::Hang) => std::future::pending().await,
        Some(TokenFault::Hold) => released(&inner).await,
    }
    let mut world = inner.world();
    let granted = match body["grant_type"].as_str() {
        Some("authorization_code") => {
            let code = world.codes.iter().position(|code| body["code"] == code.as_str());
            code.map(|index| world.codes[index] = String::new()).is_some()
        }
        Some("refresh_token") => {
            let good = world.pair.as_ref().is_some_and(|(_, refresh)| body["refresh_token"] == refresh.as_str());
            world.refreshes += usize::from(good);
            world.reused += usize::from(!good);
            good
        }
        Some(_) | None => false,
    };
    if !known || !granted {
        return problem(StatusCode::BAD_REQUEST);
    }
    let (access, refresh) = world.next_pair();
    let answer = json!({
        "token_type": "Bearer", "expires_in": 86_400, "server_time": 1_795_168_800,
        "access_token": access, "refresh_token": refresh,
    });
    Json(answer).into_response()
}
