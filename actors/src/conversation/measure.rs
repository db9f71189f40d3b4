//! Marks of the flow as metrics.

use crate::flow::mark::Mark;
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
        Mark::Answered => counter!(metrics::TURNS, "outcome" => "answered").increment(1),
        Mark::TurnRestarted => counter!(metrics::TURNS, "outcome" => "restarted").increment(1),
        Mark::TurnFailed => counter!(metrics::TURNS, "outcome" => "failed").increment(1),
        Mark::RowDropped(why) => counter!(metrics::ROWS_DROPPED, "why" => why.name()).increment(1),
        Mark::Duplicate => counter!(metrics::DEDUPE_HITS).increment(1),
        Mark::Late(kind) => counter!(metrics::LATE_REPLIES, "kind" => *kind).increment(1),
        Mark::OlderState => counter!(metrics::INPUTS_IGNORED, "why" => "older_state").increment(1),
        Mark::AnswerLanded(after) => histogram!(metrics::ANSWER_SECONDS).record(after.as_secs_f64()),
        Mark::SentAfterPerson => counter!(metrics::SENT_AFTER_PERSON).increment(1),
    }
}
