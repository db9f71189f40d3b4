//! The admin API for people: their conversations, having them forgotten, having a conversation summed up.

use super::Shared;
use super::admin::read_key;
use super::error::HttpError;
use super::stack::{Payload, PayloadFault};
use async_trait::async_trait;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use frontdesk_actors::engine::{DeliverError, EngineHandle, Found, Phone, Summarised, Whose};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::ports::PortError;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt;

/// The engine as this API needs it: the same functions, the same meaning.
#[async_trait]
pub trait PeopleDesk: Send + Sync + fmt::Debug {
    /// Finds conversations; see [`EngineHandle::find`].
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn find(&self, whose: &Whose) -> Result<Vec<Found>, PortError>;

    /// Forgets the person of a conversation; see [`EngineHandle::erase`].
    ///
    /// # Errors
    /// [`DeliverError`]: some of it may be left.
    async fn erase(&self, key: &ConversationKey) -> Result<(), DeliverError>;

    /// Forgets what nobody could read; see [`EngineHandle::erase_unread`].
    ///
    /// # Errors
    /// [`PortError`]: some of it may be left.
    async fn erase_unread(&self) -> Result<usize, PortError>;

    /// Has a conversation summed up; see [`EngineHandle::summarise`].
    ///
    /// # Errors
    /// [`DeliverError`] if the conversation cannot be read.
    async fn summarise(&self, key: &ConversationKey) -> Result<Summarised, DeliverError>;
}

// The inherent functions are named in full: a plain method call would read as if the trait called itself.
#[async_trait]
impl PeopleDesk for EngineHandle {
    async fn find(&self, whose: &Whose) -> Result<Vec<Found>, PortError> {
        EngineHandle::find(self, whose).await
    }

    async fn erase(&self, key: &ConversationKey) -> Result<(), DeliverError> {
        EngineHandle::erase(self, key).await
    }

    async fn erase_unread(&self) -> Result<usize, PortError> {
        EngineHandle::erase_unread(self).await
    }

    async fn summarise(&self, key: &ConversationKey) -> Result<Summarised, DeliverError> {
        EngineHandle::summarise(self, key).await
    }
}

/// `POST /api/people` with `{"phone": "+77001234567"}`, `{"key": "chatwoot:1:57"}` or `{"all": true}`: lists conversations of a
/// number, of the contact of a conversation, or all. The whole store is read.
///
/// # Errors
/// 400 if none of these is asked, 503 if the store cannot be read.
pub async fn find(State(app): State<Shared>, payload: Result<Payload, PayloadFault>) -> Response {
    let asked = match payload {
        Ok(payload) => whose(&payload.body),
        Err(fault) => return fault.into_response(),
    };
    let found = match asked {
        Ok(whose) => app.people.find(&whose).await.map_err(HttpError::from),
        Err(error) => Err(error),
    };
    found.map(|found| Json(json!({ "conversations": found }))).into_response()
}

/// Refuses `GET /api/people?phone=…`: what stands in an address is written to the logs of every proxy on the way.
pub async fn find_in_address() -> HttpError {
    HttpError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "use_post",
        "ask by POST, with {\"phone\": \"NUMBER\"}, {\"key\": \"CONVERSATION\"} or {\"all\": true} as the body: numbers in an \
         address end up in the logs of proxies",
    )
}

fn whose(body: &[u8]) -> Result<Whose, HttpError> {
    /// The whole body, of which exactly one field is given. It has no `Debug`: a number may stand in it.
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    enum Asked {
        Phone(String),
        Key(String),
        All(bool),
    }
    let whose = serde_json::from_slice(body).ok().and_then(|asked| match asked {
        Asked::Phone(number) => Phone::parse(&number).map(Whose::Phone),
        Asked::Key(key) => ConversationKey::parse(&key).map(Whose::ContactOf),
        Asked::All(all) => all.then_some(Whose::Everybody),
    });
    whose.ok_or(HttpError::new(
        StatusCode::BAD_REQUEST,
        "malformed",
        "the body must be {\"phone\": \"NUMBER\"} (at least seven digits), {\"key\": \"CONVERSATION\"} (three parts, as in \
         chatwoot:1:57) or {\"all\": true}",
    ))
}

/// `POST /api/conversations/{key}/erase`: forgets everything about the person in this conversation, and their verification.
///
/// # Errors
/// 404 if there is no such conversation, 409 if it is set aside, 429 and 503 if it could not be reached: then repeat it.
pub async fn erase(
    State(app): State<Shared>,
    key: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, HttpError> {
    let key = read_key(key)?;
    app.people.erase(&key).await?;
    tracing::warn!("an operator had a person forgotten");
    Ok(Json(json!({ "status": "ok" })))
}

/// `POST /api/unread/erase`: forgets every webhook that nobody could read, whoever it is about.
///
/// # Errors
/// 503 if the store cannot be reached: then repeat it.
pub async fn erase_unread(State(app): State<Shared>) -> Result<Json<Value>, HttpError> {
    let erased = app.people.erase_unread().await?;
    tracing::warn!(erased, "an operator had everything forgotten that nobody could read");
    Ok(Json(json!({ "erased": erased })))
}

/// `POST /api/conversations/{key}/summary`: has the model sum up what is remembered.
pub async fn summary(State(app): State<Shared>, key: Result<Path<String>, PathRejection>) -> Response {
    let summarised = match read_key(key) {
        Ok(key) => app.people.summarise(&key).await.map_err(HttpError::from),
        Err(error) => Err(error),
    };
    let refused = |code: &'static str, detail| HttpError::new(StatusCode::CONFLICT, code, detail).into_response();
    match summarised {
        Ok(Summarised::Text(text)) => Json(json!({ "summary": text })).into_response(),
        Ok(Summarised::NothingSaid) => refused("nothing_said", "nothing is remembered of this conversation"),
        Ok(Summarised::Paused) => refused("paused", "everything that leaves the desk is paused; resume first"),
        Ok(Summarised::Failed(error)) => {
            let body = json!({ "code": "model_failed", "detail": error.detail });
            (StatusCode::BAD_GATEWAY, Json(body)).into_response()
        }
        Err(error) => error.into_response(),
    }
}
