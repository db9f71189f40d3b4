//! Why the page's routes refuse a request: the one place where that becomes a status and a `{code, detail}` body.

use crate::adapters::web::{MAX_TEXT, TooManyStreams, WebError};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use frontdesk_actors::engine::DeliverError;
use frontdesk_actors::ports::PortError;
use serde_json::json;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Demo mode, and the request names a host that is not this machine.
    ForeignHost,
    /// The chat page is off.
    ChatOff,
    /// The admin token is missing or wrong.
    NotOperator,
    /// The browser has no session yet.
    NoSession,
    /// The body is not what the route takes.
    BadBody,
    /// There is no text in it.
    Empty,
    /// The text is too long.
    TooLong,
    /// Too many messages or streams.
    TooMany,
    /// There is no such conversation.
    NoConversation,
    /// There is no such mail.
    NoMail,
    /// This conversation is answered where the customer writes, not here.
    ElsewhereAnswered,
    /// An operator must requeue it first.
    Quarantined,
    /// The store or the engine is away; the same request may be repeated.
    Away,
}

impl Refusal {
    fn parts(&self) -> (StatusCode, &'static str, String) {
        let (status, code, detail) = match self {
            Refusal::ForeignHost => {
                (StatusCode::FORBIDDEN, "foreign_host", "in demo mode open the page as http://localhost or 127.0.0.1")
            }
            Refusal::ChatOff => (StatusCode::NOT_FOUND, "chat_off", "the chat page is off; WEB_CHAT=on opens it"),
            Refusal::NotOperator => {
                (StatusCode::UNAUTHORIZED, "unauthorized", "send the admin token as a bearer token")
            }
            Refusal::NoSession => (StatusCode::FORBIDDEN, "no_session", "open the page first: it gives you a session"),
            Refusal::BadBody => {
                (StatusCode::BAD_REQUEST, "bad_body", "send a JSON object with a \"text\", as application/json")
            }
            Refusal::Empty => (StatusCode::UNPROCESSABLE_ENTITY, "empty", "the message is empty"),
            Refusal::TooLong => {
                let detail = format!("the message is longer than {MAX_TEXT} characters; please shorten it");
                return (StatusCode::UNPROCESSABLE_ENTITY, "too_long", detail);
            }
            Refusal::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too_many", "too fast; please wait a moment"),
            Refusal::NoConversation => (StatusCode::NOT_FOUND, "no_conversation", "there is no such conversation"),
            Refusal::NoMail => (StatusCode::NOT_FOUND, "no_mail", "there is no such mail"),
            Refusal::ElsewhereAnswered => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "answered_elsewhere",
                "answer this conversation in the system where the customer writes",
            ),
            Refusal::Quarantined => {
                (StatusCode::CONFLICT, "quarantined", "the conversation cannot be read; an operator must requeue it")
            }
            Refusal::Away => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "please try again in a moment"),
        };
        (status, code, detail.to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, detail) = self.parts();
        let mut response = (status, Json(json!({ "code": code, "detail": detail }))).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

impl From<WebError> for Refusal {
    fn from(error: WebError) -> Self {
        match error {
            WebError::Empty => Refusal::Empty,
            WebError::TooLong => Refusal::TooLong,
            WebError::TooFast => Refusal::TooMany,
            WebError::Store(error) => error.into(),
        }
    }
}

impl From<PortError> for Refusal {
    fn from(error: PortError) -> Self {
        tracing::warn!(error = %error, cause = ?error.source, "the page could not reach the store");
        Refusal::Away
    }
}

impl From<TooManyStreams> for Refusal {
    fn from(_: TooManyStreams) -> Self {
        Refusal::TooMany
    }
}

impl From<DeliverError> for Refusal {
    fn from(error: DeliverError) -> Self {
        match error {
            DeliverError::Busy => Refusal::TooMany,
            DeliverError::Unavailable(error) => error.into(),
            DeliverError::Closing => Refusal::Away,
            DeliverError::Unknown => Refusal::NoConversation,
            DeliverError::Quarantined => Refusal::Quarantined,
        }
    }
}
