//! The REST API's front: tells requests apart, checks tokens and their scope, and lets requests fail as told.

use super::fault::{Fault, RequestKind};
use super::server::Wire;
use super::world::{Recorded, Token, World};
use super::{Shared, rest_acts, rest_views};
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// An answer: a status and a body, JSON unless it is text.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Json(u16, Value),
    Text(u16, String),
    Empty(u16),
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Answer::Json(200, body)
    }

    pub(super) fn error(status: u16, error: &str) -> Self {
        Answer::Json(status, json!({ "error": error }))
    }

    pub(super) fn not_found() -> Self {
        Answer::error(404, "Resource could not be found")
    }

    fn status(&self) -> u16 {
        match self {
            Answer::Json(status, _) | Answer::Text(status, _) | Answer::Empty(status) => *status,
        }
    }

    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (kind, body) = match self {
            Answer::Json(_, body) => ("application/json; charset=utf-8", body.to_string()),
            Answer::Text(_, body) => ("text/plain", body),
            Answer::Empty(_) => ("text/html", String::new()),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
        response
    }
}

/// A request that was understood.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) kind: RequestKind,
    pub(super) token: Token,
    /// The conversation or contact in the path; 0 if none.
    pub(super) id: u64,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Value,
    index: usize,
}

impl Request {
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.query.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Answers one request.
pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    body: Bytes,
) -> Response {
    let understood = shared.change(|world| understand(world, &Head { method, uri, headers }, &body));
    let (request, fault) = match understood {
        Ok(understood) => understood,
        Err(answer) => return answer.into_response(),
    };
    match fault {
        None => perform(&shared, &request),
        Some(Fault::Status(status, body)) => {
            let answer =
                serde_json::from_str(&body).map_or(Answer::Text(status, body), |json| Answer::Json(status, json));
            conclude(&shared, &request, answer)
        }
        Some(Fault::Save422) => {
            let done = shared.change(|world| act(world, &request));
            let saved = if done.status() < 300 { Answer::error(422, "undefined method `call' for nil") } else { done };
            conclude(&shared, &request, saved)
        }
        Some(Fault::LandThenStatus(status)) => {
            shared.change(|world| act(world, &request));
            conclude(&shared, &request, Answer::Text(status, String::new()))
        }
        Some(Fault::HangThenLand(hang)) => perform_after(tokio::time::sleep(hang), shared, request).await,
        Some(Fault::HangUntil(mut word)) => {
            let said = async move {
                // Nobody who could say so any more means the same.
                let _ = word.wait_for(|said| *said).await;
            };
            perform_after(said, shared, request).await
        }
        Some(Fault::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            perform(&shared, &request)
        }
        Some(Fault::Reset) => {
            wire.cut();
            Answer::Empty(200).into_response()
        }
        Some(Fault::LandThenReset) => {
            shared.change(|world| act(world, &request));
            wire.cut();
            Answer::Empty(200).into_response()
        }
        Some(Fault::LandThenHang) => {
            shared.change(|world| act(world, &request));
            std::future::pending().await
        }
        Some(Fault::Throttle(seconds)) => {
            let mut response = conclude(&shared, &request, Answer::Text(429, "Retry later\n".to_owned()));
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            response
        }
    }
}

/// Whoever asked may have gone: the work goes on without them, as in a Puma thread.
async fn perform_after(
    hang: impl Future<Output = ()> + Send + 'static,
    shared: Arc<Shared>,
    request: Request,
) -> Response {
    let work = tokio::spawn(async move {
        hang.await;
        perform(&shared, &request)
    });
    work.await.unwrap_or_else(|_| Answer::Empty(500).into_response())
}

fn perform(shared: &Arc<Shared>, request: &Request) -> Response {
    let answer = shared.change(|world| act(world, request));
    conclude(shared, request, answer)
}

fn conclude(shared: &Arc<Shared>, request: &Request, answer: Answer) -> Response {
    shared.change(|world| {
        if let Some(recorded) = world.requests.get_mut(request.index) {
            recorded.status = answer.status();
        }
    });
    answer.into_response()
}

struct Head {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

/// Records a request, checks it, and finds out what is to happen to it.
fn understand(world: &mut World, head: &Head, body: &Bytes) -> Result<(Request, Option<Fault>), Answer> {
    let path: Vec<&str> = head.uri.path().trim_matches('/').split('/').collect();
    let (kind, id) = route(&head.method, path.get(4..).unwrap_or_default());
    let named = ["api_access_token", "api-access-token"].into_iter().find_map(|name| head.headers.get(name));
    let given = named.and_then(|value| value.to_str().ok());
    let token = given.and_then(|given| token(world, given));
    let body = serde_json::from_slice(body).unwrap_or(Value::Null);
    let index = world.requests.len();
    world.requests.push(Recorded {
        at: Instant::now(),
        kind,
        method: head.method.to_string(),
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        token,
        body: body.clone(),
        status: 0,
    });
    let account = path.get(3).and_then(|id| id.parse::<u64>().ok());
    let prefix = path.starts_with(&["api", "v1", "accounts"]);
    let refusal = if !world.admit() {
        Some(Answer::Text(429, "Retry later\n".to_owned()))
    } else if given.is_none() {
        Some(Answer::Json(401, json!({ "errors": ["You need to sign in or sign up before continuing."] })))
    } else if !prefix || account != Some(world.options.account) {
        Some(Answer::not_found())
    } else {
        None
    };
    let checked = refusal.map_or(Ok(()), Err).and_then(|()| {
        let token = token.ok_or_else(|| Answer::error(401, "Invalid Access Token"))?;
        let scoped = token == Token::User || is_for_bots(kind, world.options.version);
        if scoped { Ok(token) } else { Err(Answer::error(401, "Access to this endpoint is not authorized for bots")) }
    });
    match checked {
        Ok(token) => {
            let fault = world.faults.take(kind);
            let query = query(head.uri.query().unwrap_or_default());
            Ok((Request { kind, token, id, query, body, index }, fault))
        }
        Err(answer) => {
            world.requests[index].status = answer.status();
            Err(answer)
        }
    }
}

fn query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn token(world: &World, given: &str) -> Option<Token> {
    if given == world.options.bot_token {
        Some(Token::Bot)
    } else if given == world.options.user_token {
        Some(Token::User)
    } else {
        None
    }
}

/// Tells requests apart by what follows the account in the path.
fn route(method: &Method, path: &[&str]) -> (RequestKind, u64) {
    let id = path.get(1).and_then(|id| id.parse().ok()).unwrap_or(0);
    let kind = match (method.as_str(), path) {
        ("GET", ["conversations"]) => RequestKind::ListConversations,
        ("GET", ["conversations", _]) => RequestKind::GetConversation,
        ("GET", ["conversations", _, "messages"]) => RequestKind::GetMessages,
        ("POST", ["conversations", _, "messages"]) => RequestKind::PostMessage,
        ("POST", ["conversations", _, "toggle_status"]) => RequestKind::ToggleStatus,
        ("POST", ["conversations", _, "toggle_typing_status"]) => RequestKind::Typing,
        ("POST", ["conversations", _, "toggle_priority"]) => RequestKind::Priority,
        ("GET", ["conversations", _, "labels"]) => RequestKind::GetLabels,
        ("POST", ["conversations", _, "labels"]) => RequestKind::PostLabels,
        ("POST", ["conversations", _, "assignments"]) => RequestKind::Assign,
        ("POST", ["conversations", _, "custom_attributes"]) => RequestKind::CustomAttributes,
        ("PATCH" | "PUT", ["contacts", _]) => RequestKind::PatchContact,
        _ => RequestKind::Other,
    };
    (kind, id)
}

/// What the token of a bot may do.
fn is_for_bots(kind: RequestKind, version: (u32, u32, u32)) -> bool {
    match kind {
        RequestKind::PostMessage
        | RequestKind::ToggleStatus
        | RequestKind::Priority
        | RequestKind::Assign
        | RequestKind::CustomAttributes => true,
        RequestKind::Typing => version >= (4, 11, 2),
        RequestKind::GetConversation | RequestKind::GetLabels | RequestKind::PostLabels => version >= (4, 14, 2),
        RequestKind::GetMessages
        | RequestKind::ListConversations
        | RequestKind::PatchContact
        | RequestKind::Other
        | RequestKind::Any => false,
    }
}

fn act(world: &mut World, request: &Request) -> Answer {
    match request.kind {
        RequestKind::PostMessage => rest_acts::post_message(world, request),
        RequestKind::ToggleStatus => rest_acts::toggle_status(world, request),
        RequestKind::Typing => rest_acts::typing(world, request),
        RequestKind::Priority => rest_acts::priority(world, request),
        RequestKind::PostLabels => rest_acts::labels(world, request),
        RequestKind::Assign => rest_acts::assign(world, request),
        RequestKind::CustomAttributes => rest_acts::custom_attributes(world, request),
        RequestKind::PatchContact => rest_acts::patch_contact(world, request),
        RequestKind::GetLabels => rest_views::labels(world, request),
        RequestKind::GetConversation => rest_views::conversation(world, request),
        RequestKind::GetMessages => rest_views::messages(world, request),
        RequestKind::ListConversations => rest_views::list(world, request),
        RequestKind::Other | RequestKind::Any => Answer::not_found(),
    }
}
