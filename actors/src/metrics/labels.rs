//! The closed sets of label values.

use super::Label;

pub(super) const fn label(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values }
}

/// The channels' names, which the daemon gives, and `unknown`.
pub(super) const CHANNEL: Label = label("channel", &[]);
/// The templates of the router, and `unmatched`.
pub(super) const ROUTE: Label = label("route", &[]);
pub(super) const METHOD: Label = label("method", &["GET", "HEAD", "POST", "other"]);
/// The status codes of HTTP.
pub(super) const STATUS: Label = label("status", &[]);
pub(super) const VERIFY_PAGE: Label =
    label("page", &["open", "done", "used", "expired", "disowned", "ended", "foreign", "malformed", "unavailable"]);
pub(super) const PHASE: Label = label("phase", &["awaiting_email", "pending_verification", "bot", "human"]);
/// These, and each channel's name.
pub(super) const LANE: Label = label("lane", &["model", "transcription", "mail", "cards"]);
pub(super) const VERDICT: Label = label("verdict", &["settled", "transient", "rejected", "account_fault", "unknown"]);
pub(super) const EFFECT: Label = label(
    "kind",
    &[
        "text",
        "note",
        "dismiss",
        "open",
        "pend",
        "label",
        "priority",
        "team",
        "mark_verified",
        "contact_email",
        "mail",
        "card",
        "remember",
        "bar",
    ],
);
pub(super) const INTAKE: Label = label(
    "outcome",
    &[
        "accepted",
        "duplicate",
        "ignored",
        "parked",
        "busy",
        "unavailable",
        "closing",
        "unsigned",
        "malformed",
        "quarantined",
        "channel_off",
        "too_large",
        "slow",
        "failed",
    ],
);
pub(super) const COMMIT: Label = label("outcome", &["ok", "conflict", "regressed", "unavailable", "unknown"]);
/// Where a text of instructions comes from.
pub(super) const INSTRUCTIONS: Label =
    label("source", &["tenant", "document", "prompt_file", "shared_file", "shipped"]);
pub(super) const MODEL_CALL: Label = label(
    "outcome",
    &[
        "text",
        "request_human",
        "unauthorized",
        "model_not_found",
        "quota",
        "rate_limited",
        "overloaded",
        "context_too_long",
        "bad_request",
        "timeout",
        "unreachable",
        "garbled",
    ],
);
pub(super) const REASON: Label = label(
    "reason",
    &[
        "asked-by-customer",
        "asked-by-model",
        "model-failed",
        "turn-deadline",
        "empty-reply",
        "cannot-answer",
        "model-unauthorized",
        "model-not-found",
        "model-quota",
        "mail-failed",
        "human-mode",
        "shadow-mode",
        "operator",
        "colleague-note",
        "person-wrote",
        "person-assigned",
        "not-pending",
        "other-bot",
        "interrupted",
        "poison",
        "answer-too-late",
        "desk-away",
        "voice-unheard",
    ],
);
pub(super) const VERIFICATION: Label = label(
    "outcome",
    &[
        "asked",
        "malformed",
        "challenged",
        "resent",
        "verified_link",
        "verified_code",
        "verified_mac",
        "verified_identity",
        "verified_plain",
        "known",
        "wrong_code",
        "too_many_codes",
        "expired",
        "disowned",
        "capped",
        "mail_failed",
    ],
);
/// The incidents' names, `card` for the posting itself, and `overflow`.
pub(super) const ALERT: Label = label(
    "key",
    &[
        "model_unauthorized",
        "model_not_found",
        "model_quota",
        "transcriber_refused",
        "account_fault",
        "row_held",
        "row_rejected",
        "other_bot",
        "event_parked",
        "quarantined",
        "look_forbidden",
        "no_bot_connected",
        "store_unavailable",
        "opened_by_failure",
        "channel_down",
        "channel_quota",
        "card",
        "overflow",
    ],
);
pub(super) const CAUGHT: Label =
    label("kind", &["customer", "person", "other", "echo", "order", "deleted", "state", "looked"]);
/// `words` and `silence`, then the kinds of failures.
pub(super) const TRANSCRIPTION: Label = label(
    "outcome",
    &[
        "words",
        "silence",
        "too_long",
        "undecodable",
        "gone",
        "forbidden",
        "unauthorized",
        "model_not_found",
        "quota",
        "rate_limited",
        "overloaded",
        "timeout",
        "unreachable",
        "garbled",
    ],
);
pub(super) const IGNORED: Label = label("why", &["nothing_to_do", "older_state"]);
