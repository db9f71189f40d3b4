//! What becomes of rows: order, doubt, absence, staleness.

use super::rig::{Rig, is_text};
use frontdesk_actors::domain::Order;
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::{Incident, Input, SendOutcome};
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::{PortErrorKind, Verdict};
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn unknown(finished: bool) -> SendOutcome {
    SendOutcome::Verdict(Verdict::Unknown { finished, why: String::new() })
}

/// The desk has an answer of several parts, and the first is on the wire.
fn speaking() -> Rig {
    let mut rig = Rig::new(false);
    rig.customer("hello");
    rig.pass(secs(2));
    rig.reply("The first part of the answer is here. The second part of it is here. And the third.");
    rig.clear_one();
    assert_eq!((rig.view().outbox.len(), rig.sending.len()), (3, 1));
    rig
}

#[test]
fn the_parts_of_an_answer_leave_in_order_one_at_a_time() {
    let mut rig = speaking();
    assert!(rig.acquiring.is_empty());
    rig.flush();
    assert_eq!(
        rig.said(),
        ["The first part of the answer is here.", "The second part of it is here.", "And the third."]
    );
    assert!(!rig.flow.has_work());
}

#[test]
fn a_row_of_unknown_outcome_blocks_later_ones_until_absence_is_proof() {
    let mut rig = speaking();
    let first = rig.sending[0].clone();
    rig.end_send(false, unknown(false));
    let begun = rig.now;
    while rig.sending.is_empty() {
        assert!(rig.acquiring.is_empty() || rig.now.since(begun) >= secs(45));
        if rig.looking.is_some() {
            rig.end_look(true);
        } else if !rig.acquiring.is_empty() {
            rig.clear_one();
        } else {
            rig.now = rig.flow.deadline(&rig.policy).expect("a look is due").0;
            rig.step(Input::DeadlineReached);
        }
    }
    assert_eq!((&rig.sending[0].id, rig.sending[0].tries), (&first.id, 2));
    rig.flush();
    assert_eq!(rig.said().len(), 3);
}

#[test]
fn a_look_that_proves_nothing_holds_the_row_and_held_rows_block_nothing() {
    let mut rig = speaking();
    rig.end_send(true, unknown(true));
    rig.end_look(false);
    // The picture showed the row itself; one that cannot show it holds it.
    assert!(rig.view().outbox.iter().all(|row| row.state != "held"));
    let mut rig = speaking();
    rig.end_send(false, unknown(true));
    rig.end_look(false);
    assert!(rig.incidents.contains(&Incident::RowHeld));
    rig.flush();
    assert_eq!(rig.said().len(), 2, "the later parts left");
    let view = rig.view();
    assert_eq!((view.outbox.len(), view.outbox[0].state.as_str()), (1, "held"));
    assert!(!rig.flow.has_work());
}

#[test]
fn a_look_that_was_begun_before_the_doubt_proves_nothing() {
    let mut rig = speaking();
    rig.step(Input::Recovered { takes: 1 });
    let row = rig.sending.remove(0);
    // The look for the gap has its picture; the send lands now, and its answer is lost.
    rig.now = rig.now + secs(2);
    rig.step(Input::DeadlineReached);
    assert!(rig.looking.is_some());
    rig.land(&row);
    rig.step(Input::Sent { row: row.seq, attempt: row.tries, outcome: unknown(true) });
    rig.flush();
    assert_eq!(rig.copies(&row), 1);
    assert_eq!(rig.said().len(), 3);
}

#[test]
fn a_slow_look_proves_only_what_was_absent_when_it_was_begun() {
    let mut rig = speaking();
    let row = rig.sending[0].clone();
    rig.end_send(false, unknown(false));
    rig.now = rig.flow.deadline(&rig.policy).expect("a look is due").0;
    rig.step(Input::DeadlineReached);
    let picture = rig.looking.clone();
    assert!(picture.is_some());
    rig.now = rig.now + secs(10);
    rig.land(&row);
    rig.now = rig.now + secs(50);
    rig.end_look(true);
    rig.flush();
    assert_eq!(rig.copies(&row), 1, "it was looked for once more");
}

#[test]
fn a_look_begins_below_a_text_in_doubt_whatever_was_written_since() {
    let mut rig = speaking();
    let row = rig.sending[0].clone();
    rig.end_send(true, unknown(false));
    rig.customer("hello?");
    rig.pass(secs(120));
    assert_eq!(rig.copies(&row), 1);
}

#[test]
fn a_takeover_drops_what_has_not_left_and_takes_it_back_from_memory() {
    let mut rig = speaking();
    rig.person("I have it");
    rig.flush();
    assert_eq!(rig.said().len(), 1, "only what was on the wire");
    let parts = rig.view().memory.iter().filter(|message| message.text.contains("part")).count();
    assert_eq!(parts, 1, "what was never said is not remembered");
}

#[test]
fn an_answer_that_has_grown_stale_fetches_a_person() {
    let mut rig = speaking();
    let verdict = Verdict::Transient { retry_after: Some(secs(3601)), why: String::new() };
    rig.end_send(false, SendOutcome::Verdict(verdict));
    rig.pass(secs(3700));
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::Interrupted)));
    assert_eq!(rig.said(), ["[HandoffSorry]"]);
}

#[test]
fn a_refused_text_fetches_a_person_and_a_refused_hand_over_does_not_loop() {
    let mut rig = speaking();
    rig.end_send(false, SendOutcome::Verdict(Verdict::Rejected { why: String::new() }));
    assert_eq!(rig.view().reason, Some(Reason::Interrupted));
    for _ in 0..20 {
        while !rig.acquiring.is_empty() {
            rig.clear_one();
        }
        if rig.sending.is_empty() {
            break;
        }
        rig.end_send(false, SendOutcome::Verdict(Verdict::Rejected { why: String::new() }));
    }
    assert!(!rig.flow.has_work(), "{:?}", rig.view().outbox);
}

#[test]
fn where_looks_are_refused_doubt_is_held_and_a_person_is_fetched() {
    let mut rig = speaking();
    rig.crash(true);
    rig.now = rig.flow.deadline(&rig.policy).expect("a look is due").0;
    rig.step(Input::DeadlineReached);
    let ticket = rig.looking.take().expect("work that crossed a gap looks").ticket;
    rig.step(Input::Looked { ticket, result: Err(PortErrorKind::Forbidden) });
    assert_eq!(rig.view().reason, Some(Reason::Interrupted));
    assert!(rig.incidents.contains(&Incident::LookForbidden));
    rig.flush();
    assert_eq!(rig.said().last(), Some(&"[HandoffSorry]"));
    assert_eq!(rig.view().outbox.iter().filter(|row| row.state == "held").count(), 1);
}

#[test]
fn a_crash_with_a_row_on_the_wire_says_it_exactly_once_either_way() {
    for landed in [true, false] {
        let mut rig = speaking();
        rig.crash(landed);
        rig.pass(secs(120));
        assert_eq!(rig.said().len(), 3, "landed: {landed}");
    }
}

#[test]
fn a_late_order_does_not_reopen_what_was_resolved() {
    use frontdesk_actors::domain::{Assignee, Status};
    let mut rig = speaking();
    rig.flush();
    rig.step(Input::Ordered(Order::Human));
    rig.flush();
    rig.step(Input::Ordered(Order::Bot));
    rig.set_state(Status::Resolved, Assignee::Person("7".to_owned()));
    rig.flush();
    assert_eq!(rig.state.status, Status::Resolved);
    assert!(!rig.flow.has_work());
}

#[test]
fn a_mail_of_unknown_outcome_goes_once_more_and_then_counts_as_sent_also_across_a_crash() {
    let mut rig = Rig::new(true);
    rig.customer("jane@example.com");
    rig.clear_one();
    rig.end_send(true, unknown(false));
    rig.now = rig.flow.deadline(&rig.policy).expect("it is tried again").0;
    rig.step(Input::DeadlineReached);
    rig.clear_one();
    assert!(!is_text(&rig.sending[0]) && rig.sending[0].tries == 2);
    rig.crash(true);
    rig.pass(secs(600));
    assert_eq!((rig.mails.len(), rig.said()), (2, vec!["[MailSent]"]));
}
