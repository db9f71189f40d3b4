//! What is written into the journal is read back, and what another version wrote is named.

use super::*;

#[test]
fn an_entry_of_another_version_is_shown_as_such() {
    let old = JournalEntry::decode(br#"{"at":1700000000000,"input":"inbound","effects":[]}"#);
    assert_eq!((old.heard, old.at), (Heard::Unreadable, Timestamp::from_secs(1_700_000_000)));
    assert_eq!(JournalEntry::decode(b"\xff").at, Timestamp::default());
}

#[test]
fn what_is_written_is_read_back() {
    let entry = JournalEntry {
        at: Timestamp::from_secs(1_700_000_000),
        heard: Heard::Sent {
            row: RowName { id: OutboundId("0000002a-3".to_owned()), kind: "text".into() },
            attempt: 2,
            outcome: "settled".into(),
        },
        state: Some(SeenState { status: Status::Open, assignee: "person".into() }),
        from: PhaseName::Bot,
        to: PhaseName::Human,
        person: Some(PersonHasIt { since: Timestamp::from_secs(1), reason: "person-wrote".into(), touched: true }),
        facts: vec![Fact::Late("send".into()), Fact::AnswerLanded(1200)],
        did: vec![Did::AskedModel(Ticket(4)), Did::AbortedModel],
        why: Some("a person has it".into()),
        owed: 2,
        again: 0,
    };
    assert_eq!(JournalEntry::decode(&entry.encode()), entry);
}

#[test]
fn different_decisions_are_never_told_as_one_repeated() {
    let decided = |row: &str, decision: &'static str| JournalEntry {
        heard: Heard::Decided {
            row: RowName { id: OutboundId(row.to_owned()), kind: "gone".into() },
            decision: decision.into(),
        },
        ..JournalEntry::decode(b"\xff")
    };
    let resend = decided("0000002a-3", "resend");
    assert!(resend.is_repeated_by(&resend));
    assert!(!resend.is_repeated_by(&decided("0000002a-3", "drop")));
    assert!(!resend.is_repeated_by(&decided("0000002a-4", "resend")));
}
