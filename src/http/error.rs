//! The one shape of a refusal outside the webhooks and the verification pages: a status and `{code, detail}`.
//!
//! The detail tells the caller what to do; what went wrong inside stays in the log.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use frontdesk_actors::engine::DeliverError;
use frontdesk_actors::ports::PortError;
use serde::Serialize;

/// A refusal as a caller of the API reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpError {
    #[serde(skip)]
    status: StatusCode,
    code: &'static str,
    detail: &'static str,
}

impl HttpError {
    /// Makes a refusal.
    pub const fn new(status: StatusCode, code: &'static str, detail: &'static str) -> Self {
        Self { status, code, detail }
    }

    /// Refuses a caller without the admin token.
    pub const fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "send the header `Authorization: Bearer <ADMIN_TOKEN>`")
    }

    /// Refuses a body beyond the limit.
    pub const fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is larger than this server reads")
    }

    /// Refuses an address that leads nowhere.
    pub const fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
    }

    /// Refuses a method that the address does not know.
    pub const fn wrong_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this address does not answer to this method")
    }

    /// Tells that a handler failed in a way nobody foresaw.
    pub const fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the request failed; the log says why")
    }

    /// Tells that the store cannot be reached.
    pub const fn store_away() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "the store cannot be reached; try again")
    }

    /// Returns the status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(&self)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"frontdesk\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<DeliverError> for HttpError {
    fn from(error: DeliverError) -> Self {
        match error {
            DeliverError::Busy => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", "too much is waiting; try again in a moment")
            }
            DeliverError::Unavailable(cause) => cause.into(),
            DeliverError::Closing => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "closing", "the daemon is stopping; try again")
            }
            DeliverError::Unknown => {
                Self::new(StatusCode::NOT_FOUND, "no_such_conversation", "no conversation has this key")
            }
            DeliverError::Quarantined => Self::new(
                StatusCode::CONFLICT,
                "quarantined",
                "the conversation is set aside: its record cannot be read, or it keeps failing; look at the log, then requeue it",
            ),
        }
    }
}

impl From<PortError> for HttpError {
    fn from(error: PortError) -> Self {
        tracing::warn!(operation = %error.operation, kind = ?error.kind, "a request failed at the store");
        Self::store_away()
    }
}
