//! What an answer of GREEN-API means, in one place. The table is in `docs/green-api-wire.md`.
//!
//! Nothing of an answer's own words is shown: a refusal quotes what was sent. No answer that fails tells that nothing was
//! queued, and the journals lag behind, so an unknown outcome is never "finished".

use super::transport::Reply;
use frontdesk_actors::ports::{PortError, PortErrorKind, Verdict};
use serde_json::Value;
use std::time::Duration;

/// How long to wait after 429: limits count seconds.
const TOO_FAST: Duration = Duration::from_secs(2);

/// How long to wait for an instance that is not authorised, or starting.
const NOT_READY: Duration = Duration::from_secs(30);

/// A call that was not answered with success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::adapters::green_api) struct Refusal {
    kind: Kind,
    why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing was written.
    Unreached,
    /// Nothing was written; wait.
    Later(Duration),
    /// It will never be accepted.
    Rejected,
    /// The plan is used up: it will not be accepted.
    Quota,
    /// The token or the instance is wrong.
    Account,
    /// It may have been carried out.
    Unknown,
}

impl Refusal {
    /// Makes a refusal of our own: nothing was asked.
    pub(in crate::adapters::green_api) fn rejected(why: impl Into<String>) -> Self {
        Self { kind: Kind::Rejected, why: why.into() }
    }

    /// Makes a refusal of our own that passes: nothing was asked.
    pub(super) fn later(wait: Duration, why: impl Into<String>) -> Self {
        Self { kind: Kind::Later(wait), why: why.into() }
    }

    /// Makes a refusal of an answer that says success but not what was asked.
    pub(in crate::adapters::green_api) fn doubtful(why: impl Into<String>) -> Self {
        Self { kind: Kind::Unknown, why: why.into() }
    }

    /// Returns whether the plan is used up.
    pub(super) fn is_quota(&self) -> bool {
        self.kind == Kind::Quota
    }

    /// Returns the verdict; `jitter` spreads what waits for the same moment.
    pub(super) fn into_verdict(self, jitter: Duration) -> Verdict {
        let why = self.why;
        match self.kind {
            Kind::Unreached => Verdict::Transient { retry_after: None, why },
            Kind::Later(wait) => Verdict::Transient { retry_after: Some(wait + jitter), why },
            Kind::Rejected => Verdict::Rejected { why },
            // What counts is the chat, not the words: an apology there would be refused as well.
            Kind::Quota => Verdict::Gone { why },
            Kind::Account => Verdict::AccountFault { why },
            Kind::Unknown => Verdict::Unknown { finished: false, why },
        }
    }

    /// Returns the refusal as a failure of something that wrote nothing.
    pub(in crate::adapters::green_api) fn into_port_error(self, operation: &'static str) -> PortError {
        let kind = match self.kind {
            Kind::Unreached | Kind::Unknown => PortErrorKind::Transient,
            Kind::Later(wait) => PortErrorKind::Throttled(wait),
            Kind::Rejected | Kind::Quota => PortErrorKind::Rejected,
            Kind::Account => PortErrorKind::Forbidden,
        };
        PortError::new(kind, operation).because(Refused(self.why))
    }
}

impl Refusal {
    /// Returns the refusal as a failure of a look. A token or an instance that is wrong for now says nothing about a chat: the
    /// look is repeated until an operator has mended it, as the sends are.
    pub(super) fn into_look_error(self, operation: &'static str) -> PortError {
        let kind = match self.kind {
            Kind::Unreached | Kind::Unknown | Kind::Rejected => PortErrorKind::Transient,
            Kind::Later(wait) => PortErrorKind::Throttled(wait),
            Kind::Account | Kind::Quota => PortErrorKind::Throttled(NOT_READY),
        };
        PortError::new(kind, operation).because(Refused(self.why))
    }
}

/// Why a call was refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

/// Returns the body of a success, null if it is empty, or what the failure means.
pub(super) fn judge(reply: Reply, operation: &'static str) -> Result<Value, Refusal> {
    let (status, body) = match reply {
        Reply::Answered { status, body } => (status, body),
        Reply::Unreached(cause) => {
            return Err(Refusal {
                kind: Kind::Unreached,
                why: format!("{operation}: cannot reach GREEN-API: {cause}"),
            });
        }
        Reply::Lost(cause) => {
            return Err(Refusal { kind: Kind::Unknown, why: format!("{operation}: no answer of GREEN-API: {cause}") });
        }
    };
    let body = body.as_deref().map(str::from_utf8);
    if (200..=299).contains(&status) {
        let read = match body {
            Some(Ok(text)) if text.trim().is_empty() => Some(Value::Null),
            Some(Ok(text)) => serde_json::from_str(text).ok(),
            Some(Err(_)) | None => None,
        };
        return read.ok_or_else(|| Refusal::doubtful(format!("{operation}: the answer is cut, or not GREEN-API's")));
    }
    let said = body.and_then(Result::ok).unwrap_or_default().to_ascii_lowercase();
    let (kind, what) = explain(status, &said);
    Err(Refusal { kind, why: format!("{operation}: {what}") })
}

/// Returns what a status that is not a success means, and what to do about it.
fn explain(status: u16, said: &str) -> (Kind, String) {
    match status {
        400 if said.contains("not authorized") => {
            (Kind::Later(NOT_READY), "the instance is not authorised: scan its QR code in the console".to_owned())
        }
        400 if said.contains("starting process") => (Kind::Later(NOT_READY), "the instance is starting".to_owned()),
        // A redirect means that the address is wrong: nothing was written, and nothing will be.
        300..=399 | 404 => (Kind::Account, format!("answered {status}: check GREEN_API_URL")),
        401 => (Kind::Account, "the token is refused: check GREEN_API_TOKEN".to_owned()),
        402 | 403 => (Kind::Account, format!("answered {status}: check GREEN_ID_INSTANCE, and whether it is paid for")),
        429 => (Kind::Later(TOO_FAST), "too many requests".to_owned()),
        // Not a registered status; GREEN-API's own.
        466 => (Kind::Quota, "the plan of the instance is used up: raise it in the console".to_owned()),
        // 408 and 499 are a gateway's: what stands behind it may have gone on.
        408 | 499 => (Kind::Unknown, format!("answered {status}")),
        400..=499 => (Kind::Rejected, format!("refused as invalid ({status})")),
        _ => (Kind::Unknown, format!("answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn verdict(status: u16, body: &'static str) -> Verdict {
        let reply = Reply::Answered { status, body: Some(Bytes::from_static(body.as_bytes())) };
        judge(reply, "send")
            .map_or_else(|refusal| refusal.into_verdict(Duration::ZERO), |_| Verdict::Settled { message: None })
    }

    #[test]
    fn every_status_has_its_verdict() {
        assert!(matches!(verdict(200, "{}"), Verdict::Settled { .. }));
        assert!(matches!(verdict(200, ""), Verdict::Settled { .. }), "sendTyping answers nothing");
        for (status, body) in [(200, "<html>"), (499, ""), (500, ""), (502, ""), (503, ""), (504, ""), (408, "")] {
            assert!(matches!(verdict(status, body), Verdict::Unknown { finished: false, .. }), "{status}");
        }
        for status in [401, 403, 301, 404] {
            assert!(matches!(verdict(status, "{}"), Verdict::AccountFault { .. }), "{status}");
        }
        let too_long = include_str!("../../../../tests/fixtures/green-api/http_400_too_long.json");
        let quota = include_str!("../../../../tests/fixtures/green-api/http_466_body.json");
        assert!(matches!(verdict(400, too_long), Verdict::Rejected { .. }));
        assert!(matches!(verdict(466, quota), Verdict::Gone { .. }));
        assert!(matches!(verdict(429, ""), Verdict::Transient { .. }));
        assert!(matches!(verdict(400, "Instance account not authorized"), Verdict::Transient { .. }));
    }

    #[test]
    fn no_words_of_the_vendor_are_repeated() {
        let Verdict::Rejected { why } = verdict(400, "{\"message\":\"chatId 15550100042@c.us\"}") else {
            panic!("400")
        };
        assert!(!why.contains("1555"), "{why}");
    }
}
