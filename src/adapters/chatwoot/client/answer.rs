//! What an answer of Chatwoot means: the table of verdicts of the architecture, in one place.
//!
//! Chatwoot's own words are shown to the operator only where it was not sent anybody's text: `error` of a message post
//! is whatever exception it ran into, and may quote the message.

use super::transport::{Reply, Token};
use bytes::Bytes;
use frontdesk_actors::ports::{PortError, PortErrorKind, Verdict};
use frontdesk_actors::time::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// What an agent bot is told that asks for what only people may do.
const BOT_SCOPE: &str = "Access to this endpoint is not authorized for bots";

/// How much of Chatwoot's own words is shown.
const QUOTED: usize = 200;

/// A longer wait than this is not believed: an operator's proxy may send anything.
const LONGEST_WAIT: u64 = 600;

/// The body of a success; missing if the connection broke after the status.
pub(super) type Body = Option<Bytes>;

/// What was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    /// In the infinitive.
    pub(super) operation: &'static str,
    /// Whose token it carried.
    pub(super) token: Token,
    /// Whether Chatwoot's own words may be shown.
    pub(super) quotes: bool,
}

/// A call that was not answered with success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    kind: Kind,
    why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing was written.
    Unreached,
    /// Nothing was written; wait.
    Throttled(Duration),
    /// It will never be accepted.
    Rejected,
    /// A bot's token may not do this, though it may do other things.
    BotScope,
    /// The token or the account may not do anything.
    Account,
    /// It failed, perhaps after writing.
    Finished,
    /// It may still be running.
    Running,
}

impl Refusal {
    /// Makes a refusal of our own: nothing was asked.
    pub(super) fn rejected(why: impl Into<String>) -> Self {
        Self { kind: Kind::Rejected, why: why.into() }
    }

    /// Makes a refusal of an answer that says success but not what was asked.
    pub(super) fn doubtful(why: impl Into<String>) -> Self {
        Self { kind: Kind::Finished, why: why.into() }
    }

    /// Makes a refusal of our own for want of a token that may.
    pub(super) fn forbidden(why: impl Into<String>) -> Self {
        Self { kind: Kind::BotScope, why: why.into() }
    }

    /// Returns whether only the kind of token is wrong.
    pub(super) fn is_bot_scope(&self) -> bool {
        self.kind == Kind::BotScope
    }

    /// Returns whether the token is not good enough, of whatever kind it is.
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self.kind, Kind::BotScope | Kind::Account)
    }

    /// Returns whether Chatwoot understood, and what was asked for is not there or not possible.
    pub(super) fn is_rejected(&self) -> bool {
        self.kind == Kind::Rejected
    }

    /// Returns what went wrong, for the operator.
    pub(super) fn why(&self) -> &str {
        &self.why
    }

    /// Turns a fault of the account into a refusal of this act alone: an optional token or a single endpoint must not
    /// silence the desk.
    pub(super) fn for_this_act_only(mut self) -> Self {
        if self.is_forbidden() {
            self.kind = Kind::Rejected;
        }
        self
    }

    /// Turns a refusal of a single endpoint into a fault of the account: every bot may do this, so the token is not one.
    pub(super) fn for_every_act(mut self) -> Self {
        if self.is_bot_scope() {
            self.kind = Kind::Account;
        }
        self
    }

    /// Returns the verdict; `jitter` spreads what waits for the same moment.
    pub(super) fn into_verdict(self, jitter: Duration) -> Verdict {
        let why = self.why;
        match self.kind {
            Kind::Unreached => Verdict::Transient { retry_after: None, why },
            Kind::Throttled(wait) => Verdict::Transient { retry_after: Some(wait + jitter), why },
            Kind::Rejected | Kind::BotScope => Verdict::Rejected { why },
            Kind::Account => Verdict::AccountFault { why },
            Kind::Finished => Verdict::Unknown { finished: true, why },
            Kind::Running => Verdict::Unknown { finished: false, why },
        }
    }

    /// Returns the refusal as a failure of something that wrote nothing.
    pub(super) fn into_port_error(self, operation: &'static str) -> PortError {
        let kind = match self.kind {
            Kind::Unreached | Kind::Finished | Kind::Running => PortErrorKind::Transient,
            Kind::Throttled(wait) => PortErrorKind::Throttled(wait),
            Kind::Rejected => PortErrorKind::Rejected,
            Kind::BotScope | Kind::Account => PortErrorKind::Forbidden,
        };
        PortError::new(kind, operation).because(Refused(self.why))
    }
}

/// Why a look was refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

/// Returns the body of a success, or what the failure means.
pub(super) fn judge(reply: Reply, subject: &Subject, now: Timestamp) -> Result<Body, Refusal> {
    let operation = subject.operation;
    let (status, retry_after, body) = match reply {
        Reply::Answered { status: 200..=299, body, .. } => return Ok(body),
        Reply::Answered { status, retry_after, body } => (status, retry_after, body),
        Reply::Unreached(cause) => {
            return Err(Refusal { kind: Kind::Unreached, why: format!("{operation}: cannot reach Chatwoot: {cause}") });
        }
        Reply::Lost(cause) => {
            return Err(Refusal { kind: Kind::Running, why: format!("{operation}: no answer from Chatwoot: {cause}") });
        }
    };
    let said = Said::read(body.as_deref());
    let kind = kind(status, retry_after, &said, now);
    Err(Refusal { kind, why: format!("{operation}: {}", explain(status, &said, subject)) })
}

/// Classifies a status that is not a success.
fn kind(status: u16, retry_after: Option<Duration>, said: &Said, now: Timestamp) -> Kind {
    match status {
        429 => Kind::Throttled(wait(retry_after, now)),
        401 if said.error.as_deref() == Some(BOT_SCOPE) => Kind::BotScope,
        // A redirect means that the base URL is wrong: nothing was written, and nothing will be.
        300..=399 | 401..=403 => Kind::Account,
        408 => Kind::Running,
        422 if said.attributes.is_some() => Kind::Rejected,
        422 => Kind::Finished,
        400..=499 => Kind::Rejected,
        500 => Kind::Finished,
        _ => Kind::Running,
    }
}

/// Returns how long to wait: what a proxy asks for, else until the next minute, because the limit counts clock minutes.
fn wait(retry_after: Option<Duration>, now: Timestamp) -> Duration {
    let asked = retry_after.map(|wait| wait.min(Duration::from_secs(LONGEST_WAIT)));
    let into_minute = u64::try_from(now.as_millis().rem_euclid(60_000)).unwrap_or(0);
    asked.unwrap_or(Duration::from_millis(60_000 - into_minute))
}

/// Says what went wrong and what to do about it.
fn explain(status: u16, said: &Said, subject: &Subject) -> String {
    let (token, kind) = match subject.token {
        Token::Bot => ("CHATWOOT_API_TOKEN", "the token of an agent bot"),
        Token::User => ("CHATWOOT_USER_TOKEN", "the access token of a user"),
    };
    match (status, said.error.as_deref().unwrap_or_default()) {
        (401, BOT_SCOPE) => format!(
            "Chatwoot does not let the owner of {token} do this: bots need Chatwoot 4.14.2 or later for looks and \
             labels, a super admin's or platform app's token never works; or set CHATWOOT_USER_TOKEN"
        ),
        (401, "Account is suspended") => "the Chatwoot account is suspended: reactivate it".to_owned(),
        (401, "You are not authorized to access this account") => {
            format!("{token} belongs to another account: check it and CHATWOOT_ACCOUNT_ID")
        }
        (401, "You are not authorized to do this action") => {
            format!("the owner of {token} may not do this: give them access to the inbox, or use an administrator's")
        }
        (401, _) => format!("Chatwoot does not accept {token}: set it to {kind} of this installation"),
        (402, _) => "the Chatwoot account has reached a limit of its plan: upgrade it".to_owned(),
        (403, "API access is not enabled for this account") => {
            "the plan of the Chatwoot account does not include the API: upgrade it".to_owned()
        }
        (403, _) => "Chatwoot or a proxy before it forbids the request: check the plan and the proxy".to_owned(),
        (404, _) => "Chatwoot knows no such conversation, contact or account".to_owned(),
        (429, _) => "Chatwoot asks to slow down: raise RACK_ATTACK_LIMIT there or lower the rate here".to_owned(),
        (300..=399, _) => "Chatwoot redirects: set CHATWOOT_BASE_URL to the address it redirects to".to_owned(),
        (_, error) => match (&said.attributes, subject.quotes && !error.is_empty()) {
            (Some(attributes), _) => format!("Chatwoot answered {status}, refusing {attributes}"),
            (None, true) => format!("Chatwoot answered {status}: {}", clip(error, QUOTED)),
            (None, false) => format!("Chatwoot answered {status}"),
        },
    }
}

/// What the body of a failure says.
#[derive(Default)]
struct Said {
    /// Chatwoot's own words.
    error: Option<String>,
    /// The names of what a validation refused.
    attributes: Option<String>,
}

impl Said {
    fn read(body: Option<&[u8]>) -> Self {
        let Some(Value::Object(fields)) = body.and_then(super::super::lenient::read_owned) else {
            return Self::default();
        };
        let attributes = fields.get("attributes").and_then(Value::as_array).map(|names| {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            clip(&names.join(", "), QUOTED)
        });
        Self { error: fields.get("error").and_then(Value::as_str).map(str::to_owned), attributes }
    }
}

fn clip(text: &str, longest: usize) -> String {
    text.chars().take(longest).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &'static str, expected: fn(&Verdict) -> bool) {
        let subject = Subject { operation: "try", token: Token::Bot, quotes: true };
        let reply = Reply::Answered { status, retry_after: None, body: Some(Bytes::from_static(body.as_bytes())) };
        let refusal = judge(reply, &subject, Timestamp::from_secs(30)).expect_err("not a success");
        let verdict = refusal.into_verdict(Duration::ZERO);
        assert!(expected(&verdict), "{status} {body}: {verdict:?}");
    }

    #[test]
    fn the_table_of_verdicts() {
        let rejected = |verdict: &Verdict| matches!(verdict, Verdict::Rejected { .. });
        let account = |verdict: &Verdict| matches!(verdict, Verdict::AccountFault { .. });
        let finished = |verdict: &Verdict| matches!(verdict, Verdict::Unknown { finished: true, .. });
        let running = |verdict: &Verdict| matches!(verdict, Verdict::Unknown { finished: false, .. });
        check(422, r#"{"message":"Content is too long","attributes":["content"]}"#, rejected);
        check(422, r#"{"error":"Validation failed"}"#, finished);
        check(422, "<html>", finished);
        check(500, "<html>", finished);
        for status in [502, 503, 504, 408, 520] {
            check(status, "", running);
        }
        for status in [400, 404, 413] {
            check(status, r#"{"error":"Resource could not be found"}"#, rejected);
        }
        for status in [301, 307, 401, 402, 403] {
            check(status, r#"{"error":"Invalid Access Token"}"#, account);
        }
        check(401, r#"{"error":"Access to this endpoint is not authorized for bots"}"#, rejected);
        let minute = Duration::from_secs(30);
        check(429, "Retry later\n", |verdict| matches!(verdict, Verdict::Transient { retry_after: Some(_), .. }));
        assert_eq!(wait(None, Timestamp::from_secs(30)), minute);
        assert_eq!(wait(None, Timestamp::from_secs(60)), minute * 2);
        assert_eq!(wait(Some(minute * 3), Timestamp::from_secs(30)), minute * 3);
    }

    #[test]
    fn chatwoots_words_are_clipped_and_never_quoted_about_messages() {
        let said = Said { error: Some(format!("bad\n{}", "x".repeat(500))), attributes: None };
        let subject = Subject { operation: "try", token: Token::Bot, quotes: true };
        let shown = explain(422, &said, &subject);
        assert!(shown.contains("bad xxx") && shown.len() < 250, "{shown}");
        let hidden = explain(422, &said, &Subject { quotes: false, ..subject });
        assert_eq!(hidden, "Chatwoot answered 422");
    }
}
