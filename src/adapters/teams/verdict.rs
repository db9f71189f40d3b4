//! What Teams' answer to a card means.
//!
//! Two cards beat none, so an unknown outcome may be resent. The legacy service answered 200 with "HTTP error 429" in the
//! body, and some flows still relay that.

use frontdesk_actors::ports::Verdict;
use serde_json::Value;
use std::time::Duration;

/// The longest wait that is believed.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: String,
}

/// Judges an answer.
pub(super) fn answered(answer: &Answer) -> Verdict {
    let status = answer.status;
    let said = match error_code(&answer.body) {
        Some(code) => format!("Teams answered {status} ({code})"),
        None => format!("Teams answered {status}"),
    };
    match status {
        200..=299 => accepted(answer),
        429 => Verdict::Transient { retry_after: wait(answer), why: format!("{said}: too many cards") },
        400 if said.contains("TriggerIsNotEnabled") => {
            fault(&said, "the workflow is turned off; turn it on in Power Automate")
        }
        400 | 413 | 422 => Verdict::Rejected {
            why: format!(
                "{said}: the card was refused; if every card is, the workflow expects another TEAMS_CARD_SHAPE"
            ),
        },
        401 | 403 => fault(&said, "the workflow refuses us; copy its URL again and let \"Anyone\" trigger it"),
        404 | 410 => {
            fault(&said, "the workflow is gone (deleted, or its owner left); make it again and give it a co-owner")
        }
        300..=399 => fault(&said, "the URL redirects, so it is not a workflow's; copy the URL from the workflow"),
        500 | 501 => Verdict::Unknown { finished: true, why: said },
        408 | 502.. => Verdict::Unknown { finished: false, why: said },
        _ => Verdict::Rejected { why: said },
    }
}

/// Judges a request without an answer. The caller has removed the URL from the error.
pub(super) fn failed(error: &reqwest::Error) -> Verdict {
    if error.is_connect() {
        return Verdict::Transient {
            retry_after: None,
            why: "Teams could not be reached (DNS, TCP or TLS)".to_owned(),
        };
    }
    if error.is_builder() {
        return fault("the request to Teams could not be made", "check TEAMS_WEBHOOK_URL");
    }
    let what = if error.is_timeout() { "Teams did not answer in time" } else { "the connection to Teams broke" };
    Verdict::Unknown { finished: false, why: what.to_owned() }
}

fn accepted(answer: &Answer) -> Verdict {
    let Some((_, rest)) = answer.body.split_once("HTTP error ") else { return Verdict::Settled { message: None } };
    let inner: String = rest.chars().take_while(char::is_ascii_digit).take(3).collect();
    let why = format!("Teams answered {} but reported HTTP error {inner}", answer.status);
    match inner.as_str() {
        "429" => Verdict::Transient { retry_after: wait(answer), why },
        "" => Verdict::Settled { message: None },
        inner if inner.starts_with('5') => Verdict::Unknown { finished: true, why },
        _ => Verdict::Rejected { why },
    }
}

fn wait(answer: &Answer) -> Option<Duration> {
    let seconds = answer.retry_after.as_deref()?.trim().parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok().map(|wait| wait.min(LONGEST_WAIT))
}

/// Returns the error's name, if the body has one that is a plain word. Nothing else of the body is repeated: it may quote
/// the card.
fn error_code(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let code = body.get("error").and_then(|error| error.get("code")).or_else(|| body.get("code"))?.as_str()?;
    let plain = (1..=60).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| code.to_owned())
}

fn fault(said: &str, advice: &str) -> Verdict {
    Verdict::AccountFault { why: format!("{said}: {advice}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(status: u16, retry_after: Option<&str>, body: &str) -> Verdict {
        answered(&Answer { status, retry_after: retry_after.map(str::to_owned), body: body.to_owned() })
    }

    fn kind(status: u16, body: &str) -> &'static str {
        match judge(status, None, body) {
            Verdict::Settled { .. } => "settled",
            Verdict::Transient { .. } => "transient",
            Verdict::Rejected { .. } | Verdict::Gone { .. } => "rejected",
            Verdict::AccountFault { .. } => "fault",
            Verdict::Unknown { finished: true, .. } => "unknown, finished",
            Verdict::Unknown { finished: false, .. } => "unknown",
        }
    }

    #[test]
    fn every_status_has_its_verdict() {
        let off = r#"{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"trigger 'manual' is off"}}"#;
        for (status, body, expected) in [
            (200, "1", "settled"),
            (202, "", "settled"),
            (
                200,
                "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429",
                "transient",
            ),
            (200, "Microsoft Teams endpoint returned HTTP error 413 with ContextId x", "rejected"),
            (200, "Microsoft Teams endpoint returned HTTP error 503", "unknown, finished"),
            (302, "", "fault"),
            (400, "", "rejected"),
            (400, off, "fault"),
            (401, "", "fault"),
            (403, "", "fault"),
            (404, "", "fault"),
            (408, "", "unknown"),
            (410, "", "fault"),
            (413, "", "rejected"),
            (418, "", "rejected"),
            (429, "", "transient"),
            (500, "", "unknown, finished"),
            (502, "", "unknown"),
            (503, "", "unknown"),
            (504, "", "unknown"),
            (599, "", "unknown"),
        ] {
            assert_eq!(kind(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn waits_are_read_and_bounded() {
        for (header, expected) in [
            (Some("7"), Some(7)),
            (Some(" 1.0 "), Some(1)),
            (Some("999999"), Some(3600)),
            (Some("-1"), None),
            (Some("NaN"), None),
            (Some("Wed, 21 Oct 2026 07:28:00 GMT"), None),
            (None, None),
        ] {
            let Verdict::Transient { retry_after, .. } = judge(429, header, "") else { panic!("must be transient") };
            assert_eq!(retry_after, expected.map(Duration::from_secs), "{header:?}");
        }
    }

    #[test]
    fn bodies_are_not_repeated() {
        let body = r#"{"error":{"code":"Dana said: hello","message":"secret"}}"#;
        assert_eq!(judge(500, None, body), Verdict::Unknown { finished: true, why: "Teams answered 500".to_owned() });
    }
}
