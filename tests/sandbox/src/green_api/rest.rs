//! The methods of the instance: `/waInstance{id}/{method}/{token}[/{receipt}]`.

use super::world::{Fault, Request, Side, Status};
use super::{INSTANCE, Shared, TOKEN};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The longest text.
const LONGEST: usize = 20_000;

pub(super) async fn handle(State(shared): State<Arc<Shared>>, http: Method, uri: Uri, body: Bytes) -> Response {
    let parts: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
    let [instance, method, token, rest @ ..] = parts.as_slice() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if *instance != format!("waInstance{INSTANCE}") {
        return StatusCode::FORBIDDEN.into_response();
    }
    if *token != TOKEN {
        return (StatusCode::UNAUTHORIZED, "{}").into_response();
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let fault = shared.change(|world| {
        world.requests.push(Request { method: (*method).to_owned(), body: body.clone() });
        world.take_fault(method)
    });
    match fault {
        None => perform(&shared, (&http, method), (&uri, rest), &body).await,
        Some(Fault::Status(status, said)) => answer(status, said),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Delay(pause)) => {
            tokio::time::sleep(pause).await;
            perform(&shared, (&http, method), (&uri, rest), &body).await
        }
        Some(Fault::LandThenHang) => {
            perform(&shared, (&http, method), (&uri, rest), &body).await;
            std::future::pending().await
        }
        Some(Fault::LandThenStatus(status)) => {
            perform(&shared, (&http, method), (&uri, rest), &body).await;
            answer(status, String::new())
        }
        Some(Fault::HangThenLand(pause)) => {
            let (shared, http, method, uri) = (shared.clone(), http.clone(), (*method).to_owned(), uri.clone());
            // Whoever asked may have gone by then.
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                perform(&shared, (&http, &method), (&uri, &[]), &body).await;
            });
            std::future::pending().await
        }
        Some(Fault::Fare(status)) => send_message(&shared, &body, status),
    }
}

async fn perform(
    shared: &Arc<Shared>,
    (http, method): (&Method, &str),
    (uri, rest): (&Uri, &[&str]),
    body: &Value,
) -> Response {
    match (http.as_str(), method) {
        ("POST", "sendMessage") => send_message(shared, body, Status::Delivered),
        ("GET", "getStateInstance") => json_of(json!({ "stateInstance": shared.lock().state })),
        ("GET", "getSettings") => json_of(Value::Object(shared.lock().settings.clone())),
        ("POST", "setSettings") => shared.change(|world| {
            for (key, value) in body.as_object().into_iter().flatten() {
                world.settings.insert(key.clone(), value.clone());
            }
            json_of(json!({ "saveSettings": true }))
        }),
        ("GET", "lastIncomingMessages") => journal(shared, uri, &[Side::Customer]),
        ("GET", "lastOutgoingMessages") => journal(shared, uri, &[Side::Phone, Side::Api]),
        ("GET", "showMessagesQueue") => {
            let waiting = shared.lock().queue.clone();
            let shown = waiting.iter().map(|one| {
                json!({ "messageID": one.id, "type": "sendMessage", "body": { "chatId": one.chat, "message": one.text } })
            });
            json_of(shown.collect())
        }
        ("GET", "receiveNotification") => receive(shared, uri).await,
        ("DELETE", "deleteNotification") => {
            let receipt: Option<u64> = rest.first().and_then(|receipt| receipt.parse().ok());
            let deleted = shared.change(|world| {
                let is_head = world.notifications.front().map(|head| head.receipt) == receipt;
                if is_head { world.notifications.pop_front().is_some() } else { false }
            });
            json_of(json!({ "result": deleted, "reason": if deleted { "" } else { "no such receipt" } }))
        }
        (_, _) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Queues a message; the answer does not mean that it was sent.
fn send_message(shared: &Arc<Shared>, body: &Value, status: Status) -> Response {
    let (chat, text) = (body["chatId"].as_str().unwrap_or_default(), body["message"].as_str().unwrap_or_default());
    if !chat.contains('@') || text.is_empty() || text.chars().count() > LONGEST {
        return answer(
            400,
            json!({ "statusCode": 400, "message": "Validation failed. Details: 'message'" }).to_string(),
        );
    }
    let id = shared.change(|world| world.enqueue_as(chat, text, status));
    json_of(json!({ "idMessage": id }))
}

fn journal(shared: &Arc<Shared>, uri: &Uri, sides: &[Side]) -> Response {
    let minutes = query(uri, "minutes").unwrap_or(1440);
    let oldest = super::world::now().saturating_sub(minutes * 60);
    let world = shared.lock();
    let shown = world
        .lines
        .iter()
        .filter(|line| sides.contains(&line.side) && line.at >= oldest && line.journalled <= SystemTime::now());
    let entry = |line: &super::Line| {
        let kind = line.data["typeMessage"].clone();
        let file = &line.data["fileMessageData"];
        // An outgoing one stands under the time of the last thing that happened to it.
        let at = if line.side == Side::Customer { line.at } else { line.at + 1 };
        json!({ "type": if line.side == Side::Customer { "incoming" } else { "outgoing" }, "idMessage": line.id,
            "timestamp": at, "typeMessage": kind, "chatId": line.chat, "textMessage": line.text,
            "caption": file["caption"], "downloadUrl": file["downloadUrl"], "mimeType": file["mimeType"],
            "statusMessage": "delivered", "sendByApi": line.side == Side::Api, "senderName": "Dana" })
    };
    // The newest first, as the vendor shows them.
    json_of(shown.map(entry).rev().collect())
}

async fn receive(shared: &Arc<Shared>, uri: &Uri) -> Response {
    let longest = {
        let world = shared.lock();
        if world.settings.get("webhookUrl").and_then(Value::as_str).is_some_and(|url| !url.is_empty()) {
            return answer(400, "{\"message\":\"INVALID_PARAM: webhookUrl is set\"}".to_owned());
        }
        world.options.longest_fetch
    };
    let asked = Duration::from_secs(query(uri, "receiveTimeout").unwrap_or(5));
    let ends = Instant::now() + asked.min(longest);
    loop {
        let changed = shared.changed.notified();
        if let Some(head) = shared.lock().notifications.front().cloned() {
            // Put together as it is: what is no JSON makes an answer that is none.
            return answer(200, format!("{{\"receiptId\":{},\"body\":{}}}", head.receipt, head.body));
        }
        let Some(left) = ends.checked_duration_since(Instant::now()) else { return json_of(Value::Null) };
        let _ = tokio::time::timeout(left.min(Duration::from_millis(20)), changed).await;
    }
}

fn query(uri: &Uri, key: &str) -> Option<u64> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == key).find_map(|(_, value)| value.parse().ok())
}

fn json_of(value: Value) -> Response {
    answer(200, value.to_string())
}

fn answer(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
