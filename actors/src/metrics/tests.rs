//! Metrics are named by the conventions, and their labels are what the engine writes.

use super::*;
use std::collections::BTreeSet;

#[test]
fn names_follow_the_conventions_and_are_unique() {
    let mut names = BTreeSet::new();
    for metric in ALL {
        assert!(names.insert(metric.name), "{} twice", metric.name);
        assert!(metric.name.starts_with("frontdesk_"), "{}", metric.name);
        assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
        assert!(metric.kind != Kind::Histogram || metric.name.ends_with("_seconds"), "{}", metric.name);
        assert!(metric.help.ends_with('.'), "{}", metric.name);
    }
}

#[test]
fn labels_are_closed_sets_without_repetition() {
    for label in ALL.iter().flat_map(|metric| metric.labels) {
        let values: BTreeSet<_> = label.values.iter().collect();
        assert!(!values.is_empty() || ["route", "status", "channel"].contains(&label.name), "{}", label.name);
        assert_eq!(values.len(), label.values.len(), "{}", label.name);
    }
}

#[test]
fn phases_are_those_of_the_engine() {
    use crate::engine::PhaseName;
    let names = [PhaseName::AwaitingEmail, PhaseName::PendingVerification, PhaseName::Bot, PhaseName::Human];
    assert_eq!(PHASE.values, names.map(PhaseName::as_str));
}

#[test]
fn reasons_are_those_of_the_engine() {
    use crate::language::Reason;
    let reasons = Reason::every("");
    assert_eq!(REASON.values, reasons.each_ref().map(Reason::name));
}

#[test]
fn failures_of_the_model_are_those_of_the_port() {
    use crate::ports::ModelErrorKind as Failure;
    let failures = [
        Failure::Unauthorized,
        Failure::ModelNotFound,
        Failure::Quota,
        Failure::RateLimited,
        Failure::Overloaded,
        Failure::ContextTooLong,
        Failure::BadRequest,
        Failure::Timeout,
        Failure::Unreachable,
        Failure::Garbled,
    ];
    assert_eq!(MODEL_CALL.values[2..], failures.map(Failure::name));
}

#[test]
fn failures_of_transcription_are_those_of_the_port() {
    use crate::ports::TranscribeErrorKind;
    assert_eq!(TRANSCRIPTION.values[2..], TranscribeErrorKind::ALL.map(TranscribeErrorKind::name));
}
