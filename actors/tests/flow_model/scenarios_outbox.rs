//! What becomes of rows: order, doubt, absence, staleness.

use super::rig::{Rig, is_text, settled};
use frontdesk_actors::domain::{Event, Order};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::outbox::{Row, RowKind};
use frontdesk_actors::flow::{Ctx, Flow, Kept};
use frontdesk_actors::flow::{Incident, Input, Mark, SendOutcome};
use frontdesk_actors::ids::MessageId;
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::{PortErrorKind, Verdict};
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn unknown(finished: bool) -> SendOutcome {
    SendOutcome::Verdict(Verdict::Unknown { finished, why: String::new() })
}

/// The desk has an answer of several parts, and the first is on the wire.
pub(crate) fn speaking() -> Rig {
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
fn what_a_node_has_waited_for_one_try_says_nothing_of_the_next_that_another_node_made() {
    let mut rig = speaking();
    rig.end_send(false, unknown(false));
    let kept = rig.flow.keep();
    // Another node finds out that it did not land, sends it again, and hears nothing of that either.
    while rig.sending.is_empty() {
        if rig.looking.is_some() {
            rig.end_look(true);
        } else if !rig.acquiring.is_empty() {
            rig.clear_one();
        } else {
            rig.now = rig.flow.deadline(&rig.policy).expect("a look is due").0;
            rig.step(Input::DeadlineReached);
        }
    }
    rig.end_send(false, unknown(false));
    // The first node reads the conversation again, and looks.
    read_again(&mut rig, &kept);
    rig.now = rig.now + secs(2);
    rig.step(Input::DeadlineReached);
    assert!(rig.looking.is_some(), "it looks for the row");
    rig.end_look(true);
    assert_eq!(rig.view().outbox[0].state, "unknown", "the second try may land yet");
}

/// Lets a node that knows `kept` read the conversation again, which another one has written.
fn read_again(rig: &mut Rig, kept: &Kept) {
    let ctx =
        Ctx { now: rig.now, seed: rig.seed, policy: &rig.policy, human_mode: false, paused: false, node: &rig.node };
    rig.flow = Flow::resume(&ctx, &rig.flow.encode(), Some(&rig.stored_memory), kept)
        .expect("what was encoded can be decoded");
}

/// Waits for the next look, and takes its picture. Returns whether the row may leave again.
fn look_in_vain(rig: &mut Rig) -> bool {
    if rig.looking.is_none() {
        rig.now = rig.flow.deadline(&rig.policy).expect("a look is due").0;
        rig.step(Input::DeadlineReached);
    }
    rig.end_look(true);
    rig.view().outbox[0].state == "queued"
}

#[test]
fn what_two_nodes_wait_for_a_row_at_the_same_time_counts_once() {
    let mut rig = speaking();
    let begun = rig.now;
    rig.end_send(false, unknown(false));
    let mut other = rig.flow.keep();
    // By turns: each time the other node has written, and what this one knows is as old as its own last look.
    for turn in 0.. {
        let free = look_in_vain(&mut rig);
        assert!(!free || rig.now.since(begun) >= secs(45), "{turn}: free after {:?}", rig.now.since(begun));
        assert!(rig.now.since(begun) < secs(120), "{turn}: they hinder each other");
        if free {
            return;
        }
        rig.looking = None;
        let mine = rig.flow.keep();
        read_again(&mut rig, &other);
        other = mine;
    }
}

#[test]
fn a_look_that_runs_while_another_node_sends_proves_nothing_about_what_it_sent() {
    let mut rig = speaking();
    rig.now = rig.now + secs(1);
    let mut other = rig.clone();
    other.sending.clear();
    other.flow = rig.restored();
    other.now = other.now + secs(2);
    other.step(Input::DeadlineReached);
    let picture = other.looking.take().expect("it looks for the row");
    let kept = other.flow.keep();
    rig.now = other.now;
    rig.end_send(true, unknown(true));
    read_again(&mut rig, &kept);
    rig.looking = None;
    rig.step(Input::Looked { ticket: picture.ticket, result: Ok(Box::new(picture.look)) });
    assert_eq!(rig.view().outbox[0].state, "unknown", "it has landed after the picture was taken");
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
    let verdict = Verdict::Transient { retry_after: Some(secs(6 * 3600)), why: String::new() };
    rig.end_send(false, SendOutcome::Verdict(verdict));
    rig.pass(secs(6 * 3600 + 100));
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::AnswerTooLate)));
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
fn in_a_chat_that_may_not_be_written_to_nobody_apologises_and_people_are_called() {
    let mut rig = speaking();
    rig.end_send(false, SendOutcome::Verdict(Verdict::Gone { why: String::new() }));
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::Interrupted)));
    assert!(rig.incidents.contains(&Incident::RowRejected));
    let texts = rig.view().outbox.iter().filter(|row| row.kind == "text").count();
    assert_eq!(texts, 0, "{:?}", rig.view().outbox);
    let called = ["note", "card"].iter().all(|kind| rig.view().outbox.iter().any(|row| row.kind == *kind));
    assert!(called, "{:?}", rig.view().outbox);
    rig.flush();
    assert!(rig.said().is_empty() && !rig.flow.has_work(), "{:?}", rig.said());
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

/// Ends the try on the wire with the vendor's own id of the message.
fn settled_as(id: u64) -> SendOutcome {
    SendOutcome::Verdict(Verdict::Settled { message: Some(MessageId::numeric(id)) })
}

#[test]
fn a_text_that_stands_at_the_vendor_twice_is_counted_once() {
    let mut rig = speaking();
    let row = rig.sending[0].clone();
    let sent = |attempt, id| Input::Sent { row: row.seq, attempt, outcome: settled_as(id) };
    let twice = |step: &frontdesk_actors::flow::Step| step.marks.contains(&Mark::SentTwice);
    assert!(!twice(&rig.step(sent(1, 9_001))), "it landed once");
    let echo = |rig: &mut Rig, id| {
        let event = Event::Echo { row: row.id.clone(), id: MessageId::numeric(id) };
        let inbound = rig.inbound(event);
        rig.step(Input::Inbound(Box::new(inbound)))
    };
    assert!(!twice(&echo(&mut rig, 9_001)), "its own echo is no second copy");
    assert!(twice(&echo(&mut rig, 9_002)), "another message with its id is");
    assert!(!twice(&echo(&mut rig, 9_002)), "which is counted once");
    assert!(!twice(&rig.step(sent(1, 9_002))), "however it is heard of");
    rig.flow = rig.restored();
    assert!(twice(&rig.step(sent(1, 9_003))), "a late outcome shows one too, also after a restart");
}

#[test]
fn the_outcome_of_a_send_that_its_echo_has_told_is_no_abandoned_one() {
    let mut rig = speaking();
    let row = rig.sending[0].clone();
    let sent = |rig: &mut Rig, outcome| rig.step(Input::Sent { row: row.seq, attempt: 1, outcome });
    let echo = Event::Echo { row: row.id.clone(), id: MessageId::numeric(9_001) };
    let echo = rig.inbound(echo);
    assert!(rig.step(Input::Inbound(Box::new(echo))).marks.iter().any(|mark| matches!(mark, Mark::AnswerLanded(_))));
    for outcome in [settled_as(9_001), unknown(false)] {
        let known = sent(&mut rig, outcome);
        assert_eq!((known.marks, known.why), (vec![Mark::SettledBefore], Some("its outcome was known before")));
    }
    rig.flow = rig.restored();
    assert_eq!(sent(&mut rig, settled_as(9_001)).marks, [Mark::SettledBefore], "nor is it after a restart");
    let abandoned = rig.step(Input::Sent { row: 77, attempt: 1, outcome: unknown(false) });
    assert_eq!(abandoned.marks, [Mark::Late("send")], "of this row nothing is known");
}

#[test]
fn a_card_that_nobody_takes_is_tried_every_minute_because_a_customer_waits() {
    let mut rig = Rig::new(false);
    rig.customer("human please");
    let mut pauses = Vec::new();
    while pauses.len() < 10 {
        let is_card = |row: &&Row| matches!(row.kind, RowKind::Card(_));
        if let Some(card) = rig.sending.iter().find(is_card).cloned() {
            rig.sending.retain(|row| row.seq != card.seq);
            let refused = Verdict::Transient { retry_after: None, why: "nobody takes it".to_owned() };
            rig.step(Input::Sent { row: card.seq, attempt: card.tries, outcome: SendOutcome::Verdict(refused) });
        } else if !rig.sending.is_empty() {
            rig.end_send(true, settled());
        } else if !rig.acquiring.is_empty() {
            rig.clear_one();
        } else {
            let (at, _) = rig.flow.deadline(&rig.policy).expect("it is tried again");
            pauses.push(at.since(rig.now).as_secs());
            rig.now = at;
            rig.step(Input::DeadlineReached);
        }
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
}
