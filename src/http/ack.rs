//! The table of answers to a vendor's webhook.
//!
//! Chatwoot repeats an agent bot's webhook on 429 and 500 only; anything else but 2xx gives the conversation to the
//! people at once (`lib/webhooks/trigger.rb`). So whatever might still be taken is answered 429 or 500, and never 408,
//! 502, 503 or 504.

use super::metrics;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use frontdesk_actors::engine::Intake;
use std::time::Duration;

/// What a vendor is told about one webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// The engine has it, durably.
    Taken(Intake),
    /// It concerns nobody; why. The engine was not asked.
    Ignored(&'static str),
    /// It is not signed as it must be.
    Refused,
    /// It cannot be read.
    Malformed,
    /// It asks to be answered at an address that is not the vendor's.
    ForeignReturn,
    /// It is readable, but no vendor that is known sends such a thing.
    UnknownVendor,
    /// Its channel is not configured.
    ChannelOff,
    /// It is larger than the limit.
    TooLarge,
    /// Its body did not arrive in time.
    Slow,
    /// Too much waits already: repeat it.
    Busy,
    /// The store stayed away: repeat it.
    Away,
    /// The daemon is stopping: repeat it, the next one will take it.
    Closing,
    /// The conversation's record cannot be read.
    Quarantined,
    /// Taking it failed in a way nobody foresaw: repeat it.
    Failed,
}

impl Ack {
    /// Returns the status, the code of the body, and what the body says beside it.
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Ack::Taken(Intake::Accepted | Intake::Duplicate | Intake::Parked) => (StatusCode::OK, "ok", ""),
            Ack::Taken(Intake::Ignored(_)) | Ack::Ignored(_) => (StatusCode::OK, "ignored", ""),
            // The sender learns nothing about which check failed.
            Ack::Refused => (StatusCode::UNAUTHORIZED, "unauthorized", "refused"),
            Ack::Malformed => (StatusCode::BAD_REQUEST, "malformed", "the body is not the JSON of a webhook"),
            Ack::ForeignReturn => (
                StatusCode::BAD_REQUEST,
                "foreign_return",
                "the return_url does not lead to the host of KOMMO_BASE_URL: nothing is sent there",
            ),
            Ack::UnknownVendor => (
                StatusCode::BAD_REQUEST,
                "unknown_vendor",
                "no known vendor sends such a body; Chatwoot's carry \"event\", GREEN-API's \"typeWebhook\"",
            ),
            Ack::ChannelOff => (
                StatusCode::NOT_FOUND,
                "channel_off",
                "Chatwoot is not configured here; set CHATWOOT_BASE_URL and CHATWOOT_API_TOKEN",
            ),
            Ack::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is larger than this server reads"),
            Ack::Slow => (StatusCode::INTERNAL_SERVER_ERROR, "slow_body", "the body did not arrive in time"),
            Ack::Busy => (StatusCode::TOO_MANY_REQUESTS, "busy", "too much is waiting; repeat it"),
            Ack::Away => (StatusCode::INTERNAL_SERVER_ERROR, "store_unavailable", "nothing was taken; repeat it"),
            Ack::Closing => (StatusCode::INTERNAL_SERVER_ERROR, "closing", "the daemon is stopping; repeat it"),
            Ack::Quarantined => (StatusCode::INTERNAL_SERVER_ERROR, "quarantined", "an operator must look at it"),
            Ack::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "nothing was taken; repeat it"),
        }
    }

    /// Returns the label under which it is counted.
    pub const fn label(self) -> &'static str {
        match self {
            Ack::Taken(Intake::Accepted) => "accepted",
            Ack::Taken(Intake::Duplicate) => "duplicate",
            Ack::Taken(Intake::Ignored(_)) | Ack::Ignored(_) => "ignored",
            Ack::Taken(Intake::Parked) => "parked",
            Ack::Refused => "unsigned",
            Ack::Malformed | Ack::ForeignReturn | Ack::UnknownVendor => "malformed",
            Ack::ChannelOff => "channel_off",
            Ack::TooLarge => "too_large",
            Ack::Slow => "slow",
            Ack::Busy => "busy",
            Ack::Away => "unavailable",
            Ack::Closing => "closing",
            Ack::Quarantined => "quarantined",
            Ack::Failed => "failed",
        }
    }

    /// Counts the answer for `channel` and returns it.
    pub fn counted(self, channel: &'static str, took: Duration) -> Self {
        let outcome = self.label();
        ::metrics::counter!(metrics::WEBHOOKS, "channel" => channel, "outcome" => outcome).increment(1);
        ::metrics::histogram!(metrics::WEBHOOK_SECONDS, "channel" => channel, "outcome" => outcome)
            .record(took.as_secs_f64());
        self
    }
}

impl IntoResponse for Ack {
    fn into_response(self) -> Response {
        let (status, code, detail) = self.parts();
        // The codes and details are our own words without anything to escape, so nothing is serialised per request.
        let body = match (status, code) {
            (StatusCode::OK, "ok") => "{\"status\":\"ok\"}".to_owned(),
            (StatusCode::OK, _) => "{\"status\":\"ignored\"}".to_owned(),
            (_, _) => serde_json::json!({ "code": code, "detail": detail }).to_string(),
        };
        let json = HeaderValue::from_static("application/json");
        let mut response = (status, [(header::CONTENT_TYPE, json)], body).into_response();
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("3"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_vendor_repeats_is_answered_to_what_may_still_be_taken() {
        for ack in [Ack::Slow, Ack::Busy, Ack::Away, Ack::Closing, Ack::Quarantined, Ack::Failed] {
            assert!(matches!(ack.parts().0.as_u16(), 429 | 500), "{ack:?}");
        }
        for intake in [Intake::Accepted, Intake::Duplicate, Intake::Ignored("an activity"), Intake::Parked] {
            assert_eq!(Ack::Taken(intake).parts().0, StatusCode::OK, "{intake:?}");
        }
    }
}
