//! Every metric by name, with its kind, help and labels, in one place: what `/metrics` describes, what the dashboards
//! draw and what the alerts watch is held against [`ALL`] by a test.
//!
//! Labels come from closed sets and are never an id, an address or a customer's word. Call sites use the constants with
//! the macros of the `metrics` crate: `counter!(HANDOFFS, "reason" => reason.name()).increment(1)`.

mod labels;

use labels::{
    ALERT, CAUGHT, CHANNEL, COMMIT, EFFECT, IGNORED, INSTRUCTIONS, INTAKE, LANE, METHOD, MODEL_CALL, PHASE, REASON,
    ROUTE, STATUS, TRANSCRIPTION, VERDICT, VERIFICATION, VERIFY_PAGE, label,
};
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution, in seconds.
    Histogram,
}

/// A label and every value it can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// The label's name.
    pub name: &'static str,
    /// Its closed set of values; empty where the router, HTTP itself or the set of channels defines it.
    pub values: &'static [&'static str],
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// The name.
    pub name: &'static str,
    /// The kind.
    pub kind: Kind,
    /// One sentence for people.
    pub help: &'static str,
    /// The labels.
    pub labels: &'static [Label],
}

/// HTTP requests, by route template, method and status.
pub const HTTP_REQUESTS: &str = "frontdesk_http_requests_total";
/// From the head of a request to the head of its response.
pub const HTTP_REQUEST_SECONDS: &str = "frontdesk_http_request_duration_seconds";
/// Webhooks that wait for the store.
pub const WEBHOOKS_HELD: &str = "frontdesk_webhooks_held";
/// Verification pages, by what they showed.
pub const VERIFY_PAGES: &str = "frontdesk_verify_pages_total";
/// Refused callers of the admin API.
pub const ADMIN_REFUSED: &str = "frontdesk_admin_refused_total";
/// Webhooks answered, by channel and outcome.
pub const WEBHOOKS: &str = "frontdesk_webhooks_total";
/// From the first byte of a webhook to its answer.
pub const WEBHOOK_SECONDS: &str = "frontdesk_webhook_seconds";
/// Webhooks whose signature was not accepted.
pub const SIGNATURE_FAILURES: &str = "frontdesk_signature_failures_total";
/// Events refused because too much was waiting.
pub const DELIVER_BUSY: &str = "frontdesk_deliver_busy_total";
/// Events waiting inside the engine.
pub const DELIVER_WAITING: &str = "frontdesk_deliver_waiting";
/// Events seen before.
pub const DEDUPE_HITS: &str = "frontdesk_dedupe_hits_total";
/// Conversations in memory, by phase.
pub const CONVERSATIONS_LIVE: &str = "frontdesk_conversations_live";
/// Conversation actors started.
pub const SPAWNS: &str = "frontdesk_spawns_total";
/// Conversations loaded from the store.
pub const HYDRATIONS: &str = "frontdesk_hydrations_total";
/// Actors restarted, by cause.
pub const RESTARTS: &str = "frontdesk_restarts_total";
/// Conversations that are set aside until an operator acts.
pub const QUARANTINED: &str = "frontdesk_conversations_quarantined";
/// Events that are kept until an operator requeues them.
pub const EVENTS_PARKED: &str = "frontdesk_events_parked";
/// Conversations that left memory because nothing happened.
pub const PASSIVATIONS: &str = "frontdesk_passivations_total";
/// Commits, by outcome.
pub const COMMITS: &str = "frontdesk_commits_total";
/// One commit, as the engine waits for it.
pub const COMMIT_SECONDS: &str = "frontdesk_commit_seconds";
/// Whether the store answers.
pub const STORE_UP: &str = "frontdesk_store_up";
/// How often the store's server was found to be another run than before.
pub const STORE_RESTARTS: &str = "frontdesk_store_restarts_total";
/// Writes of other nodes that this one heard of.
pub const NUDGES: &str = "frontdesk_nudges_total";
/// From a person's takeover to the end of the model call it stops.
pub const TAKEOVER_ABORT_SECONDS: &str = "frontdesk_takeover_abort_seconds";
/// Due conversations taken from the wake index.
pub const WAKE_TAKES: &str = "frontdesk_wake_takes_total";
/// Looks at a vendor after a gap or an unknown send.
pub const LOOKS: &str = "frontdesk_looks_total";
/// What left the house, by kind and verdict.
pub const EFFECTS: &str = "frontdesk_effects_total";
/// One effect on the wire.
pub const EFFECT_SECONDS: &str = "frontdesk_effect_seconds";
/// Rows dropped at their claim, unsent.
pub const ROWS_DROPPED: &str = "frontdesk_rows_dropped_total";
/// Held rows that an operator sent again.
pub const ROWS_RESENT: &str = "frontdesk_rows_resent_total";
/// Rows of unknown outcome that wait for an operator.
pub const ROWS_HELD: &str = "frontdesk_rows_held";
/// Age of the oldest unanswered customer message.
pub const OLDEST_OBLIGATION_SECONDS: &str = "frontdesk_oldest_obligation_seconds";
/// Age of the oldest obligation in the whole store.
pub const OLDEST_STORED_OBLIGATION_SECONDS: &str = "frontdesk_oldest_stored_obligation_seconds";
/// Obligations nobody would ever have looked after.
pub const OBLIGATIONS_FOUND: &str = "frontdesk_obligations_found_total";
/// Events read back after a gap.
pub const CAUGHT_UP: &str = "frontdesk_caught_up_total";
/// Texts that landed although a person had taken over meanwhile.
pub const SENT_AFTER_PERSON: &str = "frontdesk_sent_after_person_total";
/// Texts that stand at a vendor twice.
pub const SENT_TWICE: &str = "frontdesk_sent_twice_total";
/// Customer messages that were owed an answer with nobody to give it.
pub const OBLIGATIONS_LOST: &str = "frontdesk_obligations_lost_total";
/// Claims that were too old when the write was about to begin.
pub const CLAIMS_EXPIRED: &str = "frontdesk_claims_expired_total";
/// Turns, by outcome.
pub const TURNS: &str = "frontdesk_turns_total";
/// From the customer's message to our answer at the vendor.
pub const ANSWER_SECONDS: &str = "frontdesk_answer_seconds";
/// Model calls, by outcome.
pub const MODEL_CALLS: &str = "frontdesk_model_calls_total";
/// One model call.
pub const MODEL_CALL_SECONDS: &str = "frontdesk_model_call_seconds";
/// Model calls stopped before they answered.
pub const MODEL_CALLS_ABORTED: &str = "frontdesk_model_calls_aborted_total";
/// Tokens that providers have charged, by what they were for.
pub const MODEL_TOKENS: &str = "frontdesk_model_tokens_total";
/// Recordings listened to, by outcome.
pub const TRANSCRIPTIONS: &str = "frontdesk_transcriptions_total";
/// Listening to one recording, fetching it included.
pub const TRANSCRIPTION_SECONDS: &str = "frontdesk_transcription_seconds";
/// Seconds of speech that providers have charged.
pub const TRANSCRIBED_SECONDS: &str = "frontdesk_transcribed_seconds_total";
/// How long ago the model's instructions were last seen to stand as they are in force.
pub const INSTRUCTIONS_AGE: &str = "frontdesk_instructions_age_seconds";
/// Texts of instructions that were not taken.
pub const INSTRUCTIONS_REFUSED: &str = "frontdesk_instructions_refused_total";
/// Conversations handed to a person, by reason.
pub const HANDOFFS: &str = "frontdesk_handoffs_total";
/// Conversations a person took by themselves.
pub const TAKEOVERS: &str = "frontdesk_takeovers_total";
/// Conversations that people gave back to the desk.
pub const HANDBACKS: &str = "frontdesk_handbacks_total";
/// Steps of verification, by outcome.
pub const VERIFICATIONS: &str = "frontdesk_verifications_total";
/// Mails, by verdict.
pub const MAILS: &str = "frontdesk_mails_total";
/// How long effects waited for their gate.
pub const GATE_WAIT_SECONDS: &str = "frontdesk_gate_wait_seconds";
/// Pauses of a gate's lane.
pub const GATE_PAUSES: &str = "frontdesk_gate_pauses_total";
/// Whether a gate's lane is paused.
pub const GATE_PAUSED: &str = "frontdesk_gate_paused";
/// Alerts, by key and outcome.
pub const ALERTS: &str = "frontdesk_alerts_total";
/// Whether the global human switch is on.
pub const HUMAN_MODE: &str = "frontdesk_human_mode";
/// Hand-overs that nobody picked up in time.
pub const NOT_PICKED_UP: &str = "frontdesk_not_picked_up_total";
/// Drafts for colleagues in shadow mode, by what the desk would have done.
pub const DRAFTS: &str = "frontdesk_drafts_total";
/// Whether everything that leaves the house is paused.
pub const PAUSED: &str = "frontdesk_paused";
/// Inputs that changed nothing, by why.
pub const INPUTS_IGNORED: &str = "frontdesk_inputs_ignored_total";
/// Results that came for an abandoned attempt, or told what was known (`settled`).
pub const LATE_REPLIES: &str = "frontdesk_late_replies_total";
/// Open pages.
pub const PAGE_SESSIONS: &str = "frontdesk_page_sessions";
/// Panics anywhere in the process.
pub const PANICS: &str = "frontdesk_panics_total";

const fn counter(name: &'static str, help: &'static str, labels: &'static [Label]) -> Metric {
    Metric { name, kind: Kind::Counter, help, labels }
}

const fn gauge(name: &'static str, help: &'static str, labels: &'static [Label]) -> Metric {
    Metric { name, kind: Kind::Gauge, help, labels }
}

const fn histogram(name: &'static str, help: &'static str, labels: &'static [Label]) -> Metric {
    Metric { name, kind: Kind::Histogram, help, labels }
}

/// Every metric there is.
pub const ALL: &[Metric] = &[
    counter(HTTP_REQUESTS, "HTTP requests, by route template, method and status.", &[ROUTE, METHOD, STATUS]),
    histogram(HTTP_REQUEST_SECONDS, "From the head of a request to the head of its response.", &[ROUTE]),
    gauge(WEBHOOKS_HELD, "Webhooks that wait for the store at this moment.", &[]),
    counter(VERIFY_PAGES, "Verification pages, by what they showed.", &[VERIFY_PAGE]),
    counter(ADMIN_REFUSED, "Refused callers of the admin API.", &[label("reason", &["missing", "wrong", "elsewhere"])]),
    counter(WEBHOOKS, "Webhooks answered, by channel and outcome.", &[CHANNEL, INTAKE]),
    histogram(WEBHOOK_SECONDS, "From the first byte of a webhook to its answer.", &[CHANNEL, INTAKE]),
    counter(
        SIGNATURE_FAILURES,
        "Webhooks whose signature was not accepted.",
        &[CHANNEL, label("why", &["unconfigured", "missing", "malformed", "stale", "wrong"])],
    ),
    counter(
        DELIVER_BUSY,
        "Events refused because too much was waiting; the vendor is asked to repeat them.",
        &[label("bound", &["conversation", "total", "hold"])],
    ),
    gauge(DELIVER_WAITING, "Events waiting inside the engine.", &[]),
    counter(DEDUPE_HITS, "Events that had been taken before.", &[]),
    gauge(CONVERSATIONS_LIVE, "Conversations in memory, by phase.", &[PHASE]),
    counter(SPAWNS, "Conversation actors started.", &[]),
    counter(
        HYDRATIONS,
        "Conversations loaded from the store.",
        &[label("outcome", &["found", "new", "failed", "garbled"])],
    ),
    counter(RESTARTS, "Actors restarted, by cause.", &[label("cause", &["panic", "killed", "gate", "watch"])]),
    gauge(QUARANTINED, "Conversations set aside because their record cannot be read.", &[]),
    gauge(EVENTS_PARKED, "Events that their conversations could not take; kept until an operator requeues them.", &[]),
    counter(PASSIVATIONS, "Conversations that left memory because nothing happened.", &[]),
    counter(COMMITS, "Commits, by outcome.", &[COMMIT]),
    histogram(COMMIT_SECONDS, "One commit, as the engine waits for it.", &[COMMIT]),
    gauge(STORE_UP, "1 while the store answers.", &[]),
    counter(
        STORE_RESTARTS,
        "How often the store's server was found to be another run than before: it may have forgotten its last writes.",
        &[],
    ),
    counter(NUDGES, "Writes of other nodes that this one heard of.", &[]),
    histogram(
        TAKEOVER_ABORT_SECONDS,
        "From a person's takeover to the end of the model call it stops: on the node that heard of it, or on another.",
        &[label("where", &["here", "elsewhere"])],
    ),
    counter(
        WAKE_TAKES,
        "Due conversations taken from the wake index.",
        &[label("kind", &["due", "taken_over", "stuck"])],
    ),
    counter(
        LOOKS,
        "Looks at a vendor after a gap or a send of unknown outcome.",
        &[label("outcome", &["seen", "forbidden", "failed"])],
    ),
    counter(EFFECTS, "What left the house, by kind and verdict.", &[EFFECT, VERDICT]),
    histogram(EFFECT_SECONDS, "One effect on the wire.", &[EFFECT, VERDICT]),
    counter(
        ROWS_DROPPED,
        "Rows dropped unsent, or held and then dropped by an operator.",
        &[label("why", &["person_has_it", "stale", "unwanted", "operator"])],
    ),
    counter(ROWS_RESENT, "Held rows that an operator sent again.", &[]),
    gauge(ROWS_HELD, "Rows of unknown outcome that wait for an operator.", &[]),
    gauge(OLDEST_OBLIGATION_SECONDS, "Age of the oldest unanswered customer message; 0 if there is none.", &[]),
    gauge(
        OLDEST_STORED_OBLIGATION_SECONDS,
        "Age of the oldest obligation in the whole store, as of the last walk through it; 0 if there is none.",
        &[],
    ),
    counter(OBLIGATIONS_FOUND, "Obligations without a wake-up that the sweep has found. Must stay 0.", &[]),
    counter(CAUGHT_UP, "Missed events that were read back after a gap, and own conversations looked at.", &[CAUGHT]),
    counter(SENT_AFTER_PERSON, "Texts that landed although a person had taken over meanwhile.", &[]),
    counter(SENT_TWICE, "Texts of the desk that were seen at a vendor under two message ids.", &[]),
    counter(
        OBLIGATIONS_LOST,
        "Customer messages found owed an answer in a stored record, without a turn and without a person.",
        &[],
    ),
    counter(CLAIMS_EXPIRED, "Claims too old when the write was about to begin: nothing was sent, claimed again.", &[]),
    counter(
        TURNS,
        "Turns, by outcome.",
        &[label("outcome", &["answered", "handed_over", "taken_over", "restarted", "failed"])],
    ),
    histogram(ANSWER_SECONDS, "From the customer's message to our answer at the vendor.", &[]),
    counter(MODEL_CALLS, "Model calls, by outcome.", &[MODEL_CALL]),
    histogram(MODEL_CALL_SECONDS, "One model call.", &[MODEL_CALL]),
    counter(
        MODEL_CALLS_ABORTED,
        "Model calls stopped before they answered.",
        &[label("why", &["person_has_it", "new_message", "deadline", "stopping"])],
    ),
    counter(
        MODEL_TOKENS,
        "Tokens, as providers have counted them: of prompts, of their cached parts, and of answers.",
        &[label("by", &["answers", "transcription"]), label("kind", &["input", "cached", "output"])],
    ),
    counter(TRANSCRIPTIONS, "Recordings listened to, by outcome.", &[TRANSCRIPTION]),
    histogram(TRANSCRIPTION_SECONDS, "Listening to one recording, fetching it included.", &[TRANSCRIPTION]),
    counter(TRANSCRIBED_SECONDS, "Seconds of speech, as providers that charge by time have counted them.", &[]),
    gauge(
        INSTRUCTIONS_AGE,
        "How long ago the model's instructions were last seen to stand as they are in force.",
        &[INSTRUCTIONS],
    ),
    counter(
        INSTRUCTIONS_REFUSED,
        "Texts of instructions that were not taken, by source and cause.",
        &[INSTRUCTIONS, label("why", &["empty", "too_long", "shrunken", "unreadable"])],
    ),
    counter(HANDOFFS, "Conversations handed to a person, by reason.", &[REASON]),
    counter(TAKEOVERS, "Conversations a person took by themselves, by reason.", &[REASON]),
    counter(HANDBACKS, "Conversations that people, a switch or idleness gave back to the desk.", &[]),
    counter(VERIFICATIONS, "Steps of verification, by outcome.", &[VERIFICATION]),
    counter(MAILS, "Mails, by verdict.", &[VERDICT]),
    histogram(GATE_WAIT_SECONDS, "How long effects waited for their gate.", &[LANE]),
    counter(
        GATE_PAUSES,
        "Pauses of a gate's lane.",
        &[LANE, label("cause", &["throttled", "account_fault", "failing"])],
    ),
    gauge(GATE_PAUSED, "1 while a gate's lane is paused.", &[LANE]),
    counter(
        ALERTS,
        "Alerts, by key and outcome.",
        &[ALERT, label("outcome", &["raised", "folded", "posted", "failed", "dropped"])],
    ),
    gauge(HUMAN_MODE, "1 while the global human switch is on.", &[]),
    counter(NOT_PICKED_UP, "Times nobody had picked up a conversation for which the desk fetched a person.", &[]),
    counter(
        DRAFTS,
        "Drafts for colleagues in shadow mode, by what the desk would have done.",
        &[label("kind", &["answer", "person"])],
    ),
    gauge(PAUSED, "1 while everything that leaves the house is paused.", &[]),
    counter(INPUTS_IGNORED, "Inputs that changed nothing, by why.", &[IGNORED]),
    counter(
        LATE_REPLIES,
        "Results that came for an abandoned attempt and were ignored.",
        &[label("kind", &["model", "send", "look", "voice"])],
    ),
    gauge(PAGE_SESSIONS, "Open pages.", &[]),
    counter(PANICS, "Panics anywhere in the process.", &[]),
];

/// Tells the installed recorder the help and unit of every metric.
pub fn describe_all() {
    for metric in ALL {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, Unit::Count, metric.help),
            Kind::Gauge if metric.name.ends_with("_seconds") => {
                describe_gauge!(metric.name, Unit::Seconds, metric.help);
            }
            Kind::Gauge => describe_gauge!(metric.name, Unit::Count, metric.help),
            Kind::Histogram => describe_histogram!(metric.name, Unit::Seconds, metric.help),
        }
    }
}

/// Makes every series of the metrics whose absence would mislead appear as zero: a rate over a counter that was born
/// with its first incident never shows that incident.
pub fn touch_all() {
    for metric in ALL {
        match (metric.kind, metric.labels) {
            (Kind::Counter, []) => metrics::counter!(metric.name).increment(0),
            (Kind::Counter, [label]) => {
                for value in label.values {
                    metrics::counter!(metric.name, label.name => *value).increment(0);
                }
            }
            (Kind::Counter, [first, second]) => {
                for (one, other) in
                    first.values.iter().flat_map(|one| second.values.iter().map(move |other| (one, other)))
                {
                    metrics::counter!(metric.name, first.name => *one, second.name => *other).increment(0);
                }
            }
            (Kind::Counter | Kind::Gauge | Kind::Histogram, _) => {}
        }
    }
}

#[cfg(test)]
mod tests;
