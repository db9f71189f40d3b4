//! Marks of the flow as metrics.

use crate::flow::Flow;
use crate::flow::mark::Mark;
use crate::ids::ConversationKey;
use crate::metrics;
use ::metrics::{counter, histogram};

pub(super) fn count(mark: &Mark) {
    match mark {
        Mark::Gate(step) => counter!(metrics::VERIFICATIONS, "outcome" => step.name()).increment(1),
        Mark::HandedOff(reason) => {
            counter!(metrics::HANDOFFS, "reason" => reason.name()).increment(1);
            counter!(metrics::TURNS, "outcome" => "handed_over").increment(1);
        }
        Mark::TakenOver(reason) => {
            counter!(metrics::TAKEOVERS, "reason" => reason.name()).increment(1);
            counter!(metrics::TURNS, "outcome" => "taken_over").increment(1);
        }
        Mark::HandedBack => counter!(metrics::HANDBACKS).increment(1),
        Mark::NotPickedUp => counter!(metrics::NOT_PICKED_UP).increment(1),
        Mark::Drafted(kind) => counter!(metrics::DRAFTS, "kind" => *kind).increment(1),
        Mark::Answered => counter!(metrics::TURNS, "outcome" => "answered").increment(1),
        Mark::TurnRestarted => counter!(metrics::TURNS, "outcome" => "restarted").increment(1),
        Mark::TurnFailed => counter!(metrics::TURNS, "outcome" => "failed").increment(1),
        Mark::RowDropped(why) => counter!(metrics::ROWS_DROPPED, "why" => why.name()).increment(1),
        Mark::RowResent => counter!(metrics::ROWS_RESENT).increment(1),
        Mark::Duplicate => counter!(metrics::DEDUPE_HITS).increment(1),
        Mark::Late(kind) => counter!(metrics::LATE_REPLIES, "kind" => *kind).increment(1),
        Mark::SettledBefore => counter!(metrics::LATE_REPLIES, "kind" => "settled").increment(1),
        Mark::OlderState => counter!(metrics::INPUTS_IGNORED, "why" => "older_state").increment(1),
        Mark::AnswerLanded(after) => histogram!(metrics::ANSWER_SECONDS).record(after.as_secs_f64()),
        Mark::SentAfterPerson => counter!(metrics::SENT_AFTER_PERSON).increment(1),
        Mark::SentTwice => counter!(metrics::SENT_TWICE).increment(1),
    }
}

/// Tells if what was stored would never have been answered. Once it is loaded, it is.
pub(super) fn count_lost(key: &ConversationKey, flow: &Flow) {
    let lost = flow.orphaned();
    if lost > 0 {
        counter!(metrics::OBLIGATIONS_LOST).increment(u64::try_from(lost).unwrap_or(u64::MAX));
        tracing::error!(conversation = %key, messages = lost, "messages were owed an answer without a turn");
    }
}
