//! What an answer of Kommo means: one table for all requests.

use super::transport::Reply;
use bytes::Bytes;
use frontdesk_actors::ports::Verdict;
use std::time::Duration;

/// A longer wait than this is not believed.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// How long to wait where the vendor does not say: its limit counts seconds.
const WAIT: Duration = Duration::from_secs(2);

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Words for whoever waits at an address.
    Continue {
        /// Whether an earlier try there is of unknown outcome.
        doubted: bool,
    },
    /// Letting whoever waits at an address go.
    Dismiss,
    /// Anything else.
    Other,
}

/// Returns the body of a success, or what the failure means.
pub(super) fn judge(reply: Reply, asked: Asked) -> Result<Bytes, Verdict> {
    let (status, retry_after, body) = match reply {
        Reply::Answered { status, retry_after, body } => (status, retry_after, body),
        Reply::Unreached(why) => {
            return Err(Verdict::Transient { retry_after: None, why: format!("cannot reach Kommo: {why}") });
        }
        Reply::Lost(why) => {
            return Err(Verdict::Unknown { finished: false, why: format!("no answer from Kommo: {why}") });
        }
    };
    let settled = Ok(Bytes::new());
    Err(match (status, asked) {
        (200..=299, _) => return Ok(body),
        // Nobody waits there any more, and nothing was to be said.
        (404, Asked::Dismiss) => return settled,
        // An earlier try has landed, or the bot has stopped waiting: how long one waits is not documented.
        (404, Asked::Continue { doubted: true }) => Verdict::Unknown {
            finished: true,
            why: "nobody waits there any more: an earlier try has landed, or the salesbot has gone on without it"
                .to_owned(),
        },
        (404, Asked::Continue { doubted: false }) => Verdict::Gone {
            why: "nobody waits for the answer any more: the salesbot was stopped, timed out, or was answered by others"
                .to_owned(),
        },
        (429, _) => {
            let wait = retry_after.unwrap_or(WAIT).min(LONGEST_WAIT);
            Verdict::Transient { retry_after: Some(wait), why: "Kommo asks to slow down".to_owned() }
        }
        (401, _) => fault("Kommo does not accept our token: set KOMMO_TOKEN, or connect again in the console"),
        (402, _) => fault("the Kommo account is not paid for"),
        (403, _) => fault(
            "Kommo forbids the request: the plan or the user's rights do not allow it, or this address was blocked for too many requests",
        ),
        (300..=399, _) => fault("Kommo redirects: set KOMMO_BASE_URL to the address it redirects to"),
        (408, _) => Verdict::Unknown { finished: false, why: "Kommo answered 408".to_owned() },
        (400..=499, _) => Verdict::Rejected { why: format!("Kommo answered {status}") },
        // It answers more tries, which may tell.
        (500, Asked::Continue { .. } | Asked::Dismiss) => {
            Verdict::Unknown { finished: false, why: "Kommo answered 500".to_owned() }
        }
        (500, Asked::Other) => Verdict::Unknown { finished: true, why: "Kommo answered 500".to_owned() },
        (_, _) => Verdict::Unknown { finished: false, why: format!("Kommo answered {status}") },
    })
}

fn fault(why: &str) -> Verdict {
    Verdict::AccountFault { why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(status: u16, asked: Asked) -> &'static str {
        match judge(Reply::Answered { status, retry_after: None, body: Bytes::new() }, asked) {
            Ok(_) => "done",
            Err(Verdict::Settled { .. }) => "settled",
            Err(Verdict::Transient { retry_after: Some(_), .. }) => "wait",
            Err(Verdict::Transient { retry_after: None, .. }) => "again",
            Err(Verdict::Rejected { .. }) => "rejected",
            Err(Verdict::Gone { .. }) => "gone",
            Err(Verdict::AccountFault { .. }) => "fault",
            Err(Verdict::Unknown { finished: false, .. }) => "unknown",
            Err(Verdict::Unknown { finished: true, .. }) => "over",
        }
    }

    #[test]
    fn every_status_has_its_verdict() {
        let words = Asked::Continue { doubted: false };
        for (statuses, verdict) in [
            (&[200, 202, 204][..], "done"),
            (&[429], "wait"),
            (&[301, 401, 402, 403], "fault"),
            (&[404], "gone"),
            (&[400, 410, 422], "rejected"),
            (&[408, 500, 502, 503, 504], "unknown"),
        ] {
            for status in statuses {
                assert_eq!(name(*status, words), verdict, "{status}");
            }
        }
    }

    #[test]
    fn nobody_waiting_is_what_was_wanted_or_all_that_can_be_told_of_the_earlier_try() {
        assert_eq!(name(404, Asked::Continue { doubted: true }), "over");
        assert_eq!(name(404, Asked::Dismiss), "done");
        assert_eq!(name(404, Asked::Other), "rejected");
    }
}
