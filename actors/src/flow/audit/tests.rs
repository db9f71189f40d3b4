//! Each violation planted by hand, and a healthy record beside it.

use super::*;
use crate::domain::{ProofKind, Remembered, Role, Verified};
use crate::flow::landed::Landed;
use crate::flow::outbox::{Outbox, RowKind, Tie};
use crate::flow::phase::{Bot, Doing, Human, Owed, Stage, Turn};
use crate::flow::record::Volatile;
use crate::ids::{CommitId, ConversationKey, MessageId, Node};
use crate::language::Reason;
use crate::ports::{Act, Stored};
use bytes::Bytes;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_secs(1_760_000_000);

fn key() -> ConversationKey {
    ConversationKey::new("test", 1, 57)
}

fn rules() -> Rules {
    Rules { memory_messages: 3, on_the_wire: Duration::from_secs(60), gated: ["test".to_owned()].into_iter().collect() }
}

/// A verified customer, nothing owed.
fn common() -> Common {
    Common {
        key: key(),
        epoch: 42,
        inbox: String::new(),
        contact: None,
        born: NOW,
        lang: None,
        verified: Some(Verified { address: None, at: NOW, by: ProofKind::Code }),
        state: None,
        seen: Default::default(),
        watermark: MessageId::default(),
        person: MessageId::default(),
        shown: Vec::new(),
        pended: None,
        opened: None,
        opening: None,
        unannounced: false,
        found_assigned: false,
        ordered: 0,
        heard: 0,
        owed: Vec::new(),
        unheard: Vec::new(),
        theirs: Vec::new(),
        left: Vec::new(),
        untold: Vec::new(),
        drafts: Vec::new(),
        first_words: String::new(),
        outbox: Outbox::default(),
        spent: Vec::new(),
        waits_since: Timestamp::default(),
        landed: Landed::default(),
        undelivered: Vec::new(),
        returned: 0,
        refused_mails: 0,
        taken: 0,
        done: 0,
        resumed: None,
        forgot: None,
        handed: MessageId::default(),
        since_taken: Vec::new(),
        volatile: Volatile::default(),
    }
}

fn owed() -> Vec<Owed> {
    vec![Owed { id: MessageId::numeric(1), text: "hello".to_owned(), at: NOW, voice: false, version: 0 }]
}

fn bot(turn: bool) -> Phase {
    let stage = Stage::Gathering { first: NOW, due: NOW };
    Phase::Bot(Bot {
        turn: turn.then(|| Box::new(Turn { stage, failures: 0, restarts: 0, deadline: None, doing: Doing::Waiting })),
    })
}

fn scanned(common: &Common, phase: &Phase) -> Scanned {
    let record = Bytes::from(record::encode(common, phase));
    Scanned {
        key: key(),
        stored: Some(Stored { version: 1, commit: CommitId(1), record, memory: None }),
        wake: Some(NOW + Duration::from_secs(5)),
    }
}

fn found(scanned: &Scanned) -> Vec<Violation> {
    conversation(&rules(), scanned, NOW).violations
}

fn names(violations: &[Violation]) -> Vec<&'static str> {
    violations.iter().map(Violation::name).collect()
}

fn speak(common: &mut Common, state: RowState) {
    let text = RowKind::Act(Act::Text { text: "an answer".to_owned(), handoff: false });
    let seq = common.outbox.push(text, Tie::Answer, 42, NOW);
    if let Some(row) = common.outbox.row_mut(seq) {
        row.state = state;
    }
}

fn sending(ago: u64) -> RowState {
    RowState::Sending {
        node: Node { name: "a".into(), boot: 1 },
        since: Timestamp::from_secs(NOW.as_secs() - ago as i64),
    }
}

#[test]
fn work_in_hand_with_a_wake_up_is_healthy() {
    let mut common = common();
    common.owed = owed();
    speak(&mut common, sending(600));
    speak(&mut common, RowState::Queued);
    assert_eq!(found(&scanned(&common, &bot(true))), []);
    assert_eq!(found(&Scanned { wake: None, ..scanned(&self::common(), &bot(false)) }), []);
}

#[test]
fn what_nobody_will_do_is_found() {
    let mut common = common();
    common.owed = owed();
    assert_eq!(found(&scanned(&common, &bot(false))), [Violation::OwedWithoutTurn { messages: 1 }]);
    let asleep = |common: &Common, turn| found(&Scanned { wake: None, ..scanned(common, &bot(turn)) });
    assert_eq!(asleep(&common, true), [Violation::TurnWithoutWake { messages: 1 }]);
    common.owed.clear();
    speak(&mut common, sending(600));
    speak(&mut common, sending(1));
    speak(&mut common, RowState::Queued);
    assert_eq!(names(&asleep(&common, false)), ["doubt_without_wake", "row_without_wake", "row_without_wake"]);
}

#[test]
fn the_daemon_finds_what_is_lost_in_a_record_as_it_loads_it() {
    let mut common = common();
    common.owed = owed();
    let orphans = |phase: &Phase| {
        let (common, phase) = record::decode(&record::encode(&common, phase)).unwrap();
        Flow { common, phase, memory: Memory::default(), found: None }.orphaned()
    };
    assert_eq!((orphans(&bot(false)), orphans(&bot(true))), (1, 0));
}

#[test]
fn held_rows_are_listed_apart() {
    let mut common = common();
    speak(&mut common, RowState::Held);
    let audited = conversation(&rules(), &Scanned { wake: None, ..scanned(&common, &bot(false)) }, NOW);
    assert_eq!(audited.violations, []);
    assert_eq!((audited.held.len(), audited.held[0].kind), (1, "text"));
}

#[test]
fn what_was_said_twice_or_named_twice_is_found() {
    let mut common = common();
    common.landed =
        rmp_serde::from_slice(&rmp_serde::to_vec(&[(3_u64, 70_u64, 70_u64), (3, 71, 71)]).unwrap()).unwrap();
    speak(&mut common, RowState::Queued);
    speak(&mut common, RowState::Queued);
    if let Some(row) = common.outbox.row_mut(1) {
        row.id = crate::ids::OutboundId("0000002a-0".to_owned());
    }
    let found = found(&scanned(&common, &bot(false)));
    assert_eq!(names(&found), ["duplicate_row", "sent_twice"]);
    assert!(found[1].to_string().contains("0000002a-3"), "{}", found[1]);
}

#[test]
fn a_person_leaves_nothing_owed() {
    let mut common = common();
    common.owed = owed();
    let human = |touched| {
        Phase::Human(Human {
            since: NOW,
            reason: Reason::PersonWrote,
            touched,
            last_word: NOW,
            parked: None,
            pickup: None,
            draft: Bot::default(),
            quiet: false,
            called: false,
            wrote_on: false,
            reclaim: None,
        })
    };
    assert_eq!(found(&scanned(&common, &human(true))), [], "written after the person's last words");
    common.person = MessageId::numeric(1);
    assert_eq!(names(&found(&scanned(&common, &human(true)))), ["owed_under_person"]);
    assert_eq!(found(&scanned(&common, &human(false))), [], "until a person touches it, it may come back");
}

#[test]
fn nobody_is_answered_unverified_where_the_gate_is_on() {
    let mut common = common();
    common.verified = None;
    assert_eq!(names(&found(&scanned(&common, &bot(false)))), ["answered_unverified"]);
    let open = Rules { gated: BTreeSet::new(), ..rules() };
    assert_eq!(conversation(&open, &scanned(&common, &bot(false)), NOW).violations, []);
}

#[test]
fn what_cannot_be_read_is_found() {
    let healthy = scanned(&common(), &bot(false));
    let with = |record: Bytes, memory: Option<Bytes>| {
        let stored = healthy.stored.clone().map(|stored| Stored { record, memory, ..stored });
        names(&found(&Scanned { stored, ..healthy.clone() }))
    };
    let record = Bytes::from(record::encode(&common(), &bot(false)));
    assert_eq!(with(Bytes::from_static(b"\xc1"), None), ["undecodable"]);
    let mut newer = record.to_vec();
    newer[3] = 0x7f;
    assert_eq!(with(newer.into(), None), ["too_new"]);
    assert_eq!(with(record.clone(), Some(Bytes::from_static(b"\xc1"))), ["memory_undecodable"]);
    let mut memory = Memory::default();
    for at in 0..4 {
        let at = Timestamp::from_secs(at);
        memory.insert(Remembered { id: None, role: Role::Customer, text: "x".to_owned(), at, voice: false }, 100);
    }
    let memory = Bytes::from(memory.encode());
    assert_eq!(with(record, Some(memory)), ["memory_too_long"]);
    let orphan = Scanned { stored: None, ..healthy.clone() };
    assert_eq!(names(&found(&orphan)), ["wake_without_record"]);
    let elsewhere = Scanned { key: ConversationKey::new("test", 1, 58), ..healthy };
    assert_eq!(names(&found(&elsewhere)), ["foreign_record"]);
}

#[test]
fn every_violation_says_what_it_is_in_words() {
    let row = || crate::ids::OutboundId("0000002a-0".to_owned());
    for violation in [
        Violation::MemoryTooLong { messages: 30, limit: 20 },
        Violation::DoubtWithoutWake { row: row(), since: NOW },
        Violation::DuplicateRow { row: row() },
    ] {
        let words = violation.to_string();
        assert!(words.len() > 20 && !words.contains('{'), "{words}");
    }
}
