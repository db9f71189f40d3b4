//! The minimal Chatwoot-style body: no account, no conversation, answered with the reply itself.
//!
//! It belongs to the page's session, named by a cookie; without one, to the shared demo conversation. Its `id` is the
//! client's own counter, so nothing is deduplicated by it.

use super::AppState;
use super::ack::Ack;
use super::error::HttpError;
use super::stack::Payload;
use async_trait::async_trait;
use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use frontdesk_actors::engine::DeliverError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use std::fmt;

/// The cookie that names the page's session.
pub const SESSION_COOKIE: &str = "fd_session";

/// The page's conversations, as the minimal body needs them.
#[async_trait]
pub trait WebDesk: Send + Sync + fmt::Debug {
    /// Says `text` in the session's conversation and waits for what comes of it.
    async fn say_and_wait(&self, session: Option<&str>, text: &str) -> MinimalReply;
}

/// What came of a minimal message.
#[derive(Debug, Clone)]
pub enum MinimalReply {
    /// The desk answered.
    Bot(String),
    /// The global human switch is on.
    HumanMode,
    /// A person has this conversation.
    Person,
    /// Everything that leaves the house is paused: it is taken, and answered when that ends.
    Paused,
    /// The desk only drafts for colleagues.
    Shadow,
    /// Nothing is left of it without its control characters.
    Empty,
    /// It is longer than the page's conversations take.
    TooLong,
    /// It was not taken.
    Refused(DeliverError),
}

/// A minimal body.
#[derive(Clone, PartialEq, Eq)]
pub struct MinimalMessage {
    /// What happened, in Chatwoot's words.
    pub event: String,
    /// Who wrote, in Chatwoot's words.
    pub message_type: Option<String>,
    /// What was written.
    pub content: Option<String>,
}

impl fmt::Debug for MinimalMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MinimalMessage").field("event", &self.event).finish_non_exhaustive()
    }
}

/// Reads a minimal body; `None` if it is not JSON, or is one of Chatwoot's own.
pub fn read(body: &[u8]) -> Option<MinimalMessage> {
    /// Everything by which Chatwoot's own payloads are known: each of them carries at least one of these.
    #[derive(Deserialize)]
    struct Wire {
        event: String,
        message_type: Option<String>,
        content: Option<String>,
        account: Option<IgnoredAny>,
        conversation: Option<IgnoredAny>,
        inbox: Option<IgnoredAny>,
        inbox_id: Option<IgnoredAny>,
        contact_inbox: Option<IgnoredAny>,
        meta: Option<IgnoredAny>,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    let chatwoot = [wire.account, wire.conversation, wire.inbox, wire.inbox_id, wire.contact_inbox, wire.meta];
    chatwoot.iter().all(Option::is_none).then_some(MinimalMessage {
        event: wire.event,
        message_type: wire.message_type,
        content: wire.content,
    })
}

/// Returns the session that a cookie names. Anything that the page would not have set counts as none.
pub fn session_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let named = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    named
        .filter(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, value)| value)
        .find(|value| (1..=128).contains(&value.len()) && value.bytes().all(is_session_byte))
}

fn is_session_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Answers a minimal body with the reply itself.
pub(super) async fn answer(app: &AppState, payload: &Payload, message: MinimalMessage) -> Response {
    let Some(web) = &app.web else {
        return HttpError::new(
            StatusCode::NOT_FOUND,
            "web_chat_off",
            "a body without account and conversation belongs to the chat page, which is off; set WEB_CHAT=on",
        )
        .into_response();
    };
    let written = message.event == "message_created" && message.message_type.as_deref() == Some("incoming");
    let text = message.content.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let Some(text) = text.filter(|_| written) else { return ignored() };
    match web.say_and_wait(session_of(&payload.headers), text).await {
        MinimalReply::Bot(reply) => Json(json!({ "status": "ok", "route": "bot", "reply": reply })).into_response(),
        MinimalReply::HumanMode => human("Human mode is ON. No bot reply generated."),
        MinimalReply::Person => human("A person has this conversation. No bot reply generated."),
        MinimalReply::Shadow => human("Shadow mode: the desk drafts for colleagues. No bot reply generated."),
        MinimalReply::Paused => Json(json!({
            "status": "ok", "route": "paused", "message": "The desk is paused. The message is taken and answered later."
        }))
        .into_response(),
        MinimalReply::Empty => ignored(),
        MinimalReply::TooLong => {
            let detail = "the message is longer than the chat takes; say it in several";
            HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_long", detail).into_response()
        }
        MinimalReply::Refused(error) => refusal(&error).into_response(),
    }
}

fn ignored() -> Response {
    Json(json!({ "status": "ignored" })).into_response()
}

fn human(message: &str) -> Response {
    Json(json!({ "status": "ok", "route": "human", "message": message })).into_response()
}

fn refusal(error: &DeliverError) -> Ack {
    match error {
        DeliverError::Busy => Ack::Busy,
        DeliverError::Unavailable(_) => Ack::Away,
        DeliverError::Closing => Ack::Closing,
        DeliverError::Quarantined => Ack::Quarantined,
        DeliverError::Unknown => Ack::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn chatwoots_own_payloads_are_never_minimal() {
        let minimal = br#"{"event":"message_created","id":1,"content":"Hi","message_type":"incoming"}"#;
        assert_eq!(read(minimal).map(|message| message.content), Some(Some("Hi".to_owned())));
        for own in [
            r#"{"event":"message_created","conversation":{}}"#,
            r#"{"event":"contact_created","account":{"id":1}}"#,
            r#"{"event":"conversation_updated","inbox_id":1,"meta":{}}"#,
            r#"{"content":"Hi"}"#,
            r#"{"event":7}"#,
            "[]",
            "",
        ] {
            assert_eq!(read(own.as_bytes()), None, "{own}");
        }
    }

    #[test]
    fn the_session_is_the_cookie_that_the_page_set() {
        let session = |cookie: &str| {
            let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(cookie).unwrap())]);
            session_of(&headers).map(str::to_owned)
        };
        assert_eq!(session("theme=dark; fd_session=a-B_9").as_deref(), Some("a-B_9"));
        assert_eq!(session("xfd_session=a"), None);
        assert_eq!(session("fd_session="), None);
        assert_eq!(session("fd_session=a:b"), None);
        assert_eq!(session(&format!("fd_session={}", "a".repeat(129))), None);
    }
}
