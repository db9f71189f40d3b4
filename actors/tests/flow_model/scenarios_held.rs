//! What an operator decides about held rows, and what is owed again when an answer is cut.

use super::rig::Rig;
use super::scenarios_outbox::{speaking, unknown};
use frontdesk_actors::domain::{Assignee, Event, Lang, Order, Status};
use frontdesk_actors::engine::{Decided, Decision, PhaseName};
use frontdesk_actors::flow::Input;
use frontdesk_actors::ids::OutboundId;
use frontdesk_actors::language::{Phrase, Phrasebook};
use frontdesk_actors::ports::{Author, PortErrorKind};
use std::sync::Arc;
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The first part of an answer is held, the others have left. Whether it had landed is the parameter.
fn holding(landed: bool) -> (Rig, OutboundId) {
    let mut rig = speaking();
    rig.end_send(landed, unknown(true));
    let ticket = rig.looking.take().expect("an unknown row is looked up").ticket;
    // The state is all that this look shows: it is refused the messages.
    rig.step(Input::Looked { ticket, result: Err(PortErrorKind::Forbidden) });
    rig.flush();
    let held: Vec<_> = rig.view().outbox.into_iter().filter(|row| row.state == "held").collect();
    assert_eq!(held.len(), 1);
    (rig, held[0].id.clone())
}

fn decide(rig: &mut Rig, row: &OutboundId, decision: Decision) -> Option<Decided> {
    rig.step(Input::Decided { row: row.clone(), decision }).decided
}

fn copies(rig: &Rig, row: &OutboundId) -> usize {
    rig.vendor.iter().filter(|seen| seen.author == Author::Us(row.clone())).count()
}

/// A partial look holds the first part; the desk has the conversation.
fn held_at_the_desk() -> (Rig, OutboundId) {
    let mut rig = speaking();
    rig.end_send(false, unknown(true));
    rig.end_look(false);
    rig.flush();
    let row = rig.view().outbox[0].id.clone();
    assert_eq!((rig.phase(), rig.view().outbox[0].state.as_str()), (PhaseName::Bot, "held"));
    (rig, row)
}

#[test]
fn a_row_that_is_sent_again_looks_first_and_leaves_once_under_its_own_id() {
    let (mut rig, row) = held_at_the_desk();
    assert_eq!(decide(&mut rig, &row, Decision::Resend), Some(Decided::Done));
    assert!(rig.looking.is_some() && rig.sending.is_empty(), "it may have landed unseen");
    rig.flush();
    assert_eq!((copies(&rig, &row), rig.said().len()), (1, 3));
    assert!(rig.view().outbox.is_empty() && !rig.flow.has_work());
    assert_eq!(decide(&mut rig, &row, Decision::Resend), Some(Decided::NoSuchRow));
}

#[test]
fn a_row_that_had_landed_after_all_is_settled_by_the_look_and_not_said_twice() {
    let (mut rig, row) = holding(true);
    assert_eq!(decide(&mut rig, &row, Decision::Resend), Some(Decided::Done));
    rig.flush();
    assert_eq!(copies(&rig, &row), 1);
    assert!(rig.view().outbox.is_empty());
}

#[test]
fn a_dropped_row_is_gone_and_counted() {
    let (mut rig, row) = held_at_the_desk();
    let memory = rig.view().memory;
    let step = rig.step(Input::Decided { row: row.clone(), decision: Decision::Drop });
    assert_eq!((step.decided, step.why), (Some(Decided::Done), Some("an operator decided about a held row")));
    use frontdesk_actors::flow::mark::{Dropped, Mark};
    assert_eq!(step.marks, [Mark::RowDropped(Dropped::Operator)]);
    let view = rig.view();
    assert!(view.outbox.is_empty() && view.memory == memory, "whether it was said stays unknown");
    assert_eq!(copies(&rig, &row), 0);
}

#[test]
fn only_a_held_row_is_an_operators_to_decide() {
    let mut rig = speaking();
    let rows: Vec<_> = rig.view().outbox.into_iter().map(|row| row.id).collect();
    for decision in [Decision::Resend, Decision::Drop] {
        assert_eq!(decide(&mut rig, &rows[0], decision), Some(Decided::NotHeld("sending")));
        assert_eq!(decide(&mut rig, &rows[1], decision), Some(Decided::NotHeld("queued")));
        assert_eq!(decide(&mut rig, &OutboundId("7-99".to_owned()), decision), Some(Decided::NoSuchRow));
    }
    assert_eq!(rig.view().outbox.len(), 3);
}

#[test]
fn a_decision_survives_a_crash_before_the_send_and_during_it() {
    for (claimed, landed) in [(false, false), (true, false), (true, true)] {
        let (mut rig, row) = held_at_the_desk();
        decide(&mut rig, &row, Decision::Resend);
        if claimed {
            rig.end_look(true);
            rig.clear_one();
            assert_eq!(rig.sending.len(), 1);
        }
        rig.crash(landed);
        rig.pass(secs(120));
        assert_eq!(copies(&rig, &row), 1, "claimed: {claimed}, landed: {landed}");
        assert!(rig.view().outbox.is_empty());
    }
}

#[test]
fn a_decision_survives_a_crash_also_where_no_look_is_allowed() {
    let (mut rig, row) = holding(false);
    decide(&mut rig, &row, Decision::Resend);
    rig.crash(false);
    for _ in 0..20 {
        match rig.looking.take() {
            Some(looking) => {
                let refused = Err(PortErrorKind::Forbidden);
                drop(rig.step(Input::Looked { ticket: looking.ticket, result: refused }));
            }
            None if !rig.acquiring.is_empty() => drop(rig.clear_one()),
            None if !rig.sending.is_empty() => drop(rig.end_send(true, super::rig::settled())),
            None => break,
        }
    }
    assert_eq!(copies(&rig, &row), 1);
}

#[test]
fn a_row_that_is_sent_again_waits_for_what_is_on_the_wire() {
    let (mut rig, row) = held_at_the_desk();
    rig.customer("and to Norway?");
    rig.pass(secs(2));
    rig.reply("yes");
    rig.clear_one();
    assert_eq!(rig.sending.len(), 1, "a later answer is on the wire");
    decide(&mut rig, &row, Decision::Resend);
    assert!(rig.acquiring.is_empty() && rig.sending.len() == 1);
    rig.flush();
    assert_eq!((copies(&rig, &row), rig.said().len()), (1, 4));
}

#[test]
fn a_decision_makes_a_row_young_again() {
    let (mut rig, row) = held_at_the_desk();
    rig.pass(secs(90_000));
    assert_eq!(decide(&mut rig, &row, Decision::Resend), Some(Decided::Done));
    rig.flush();
    assert_eq!((copies(&rig, &row), rig.phase()), (1, PhaseName::Bot), "it is not stale");
}

#[test]
fn a_person_who_was_only_fetched_does_not_stop_it_and_one_who_has_written_does() {
    let (mut rig, row) = holding(false);
    assert_eq!(rig.phase(), PhaseName::Human, "it crossed a gap");
    assert_eq!(decide(&mut rig, &row, Decision::Resend), Some(Decided::Done));
    rig.flush();
    assert_eq!(copies(&rig, &row), 1);

    let (mut rig, row) = holding(false);
    rig.person("I have it");
    assert_eq!(decide(&mut rig, &row, Decision::Resend), Some(Decided::Unwanted("a person has it")));
    assert_eq!(rig.view().outbox.iter().filter(|row| row.state == "held").count(), 1, "nothing is lost by asking");
    assert_eq!(decide(&mut rig, &row, Decision::Drop), Some(Decided::Done));

    let (mut rig, row) = held_at_the_desk();
    decide(&mut rig, &row, Decision::Resend);
    rig.person("I have it");
    rig.flush();
    assert_eq!(copies(&rig, &row), 0, "a person who takes over is not talked over by an earlier decision");
}

/// Says of a hand-over's note what it calls unanswered.
#[derive(Debug)]
struct Telling;

impl Phrasebook for Telling {
    fn say(&self, _: Lang, phrase: &Phrase) -> String {
        if let Phrase::HandoffNote(note) = phrase {
            return format!("unanswered: {}", note.open_questions.join(" | "));
        }
        format!("{phrase:?}").chars().take(20).collect()
    }
}

/// An answer of several parts is queued, its first part on the wire.
fn answering() -> Rig {
    let mut rig = speaking();
    rig.policy.phrases = Arc::new(Telling);
    assert_eq!(rig.view().owed, 0, "the answer is on its way");
    rig
}

fn notes(rig: &Rig) -> Vec<&str> {
    let texts = rig.notes.iter().map(String::as_str);
    texts.collect()
}

#[test]
fn the_note_at_a_hand_over_names_the_questions_whose_answer_was_cut() {
    let mut rig = answering();
    rig.step(Input::Ordered(Order::Human));
    rig.flush();
    assert_eq!((rig.view().owed, notes(&rig)), (0, vec!["unanswered: hello"]), "its first part is on the wire");
    let prompts = rig.prompts.len();
    rig.step(Input::Ordered(Order::Bot));
    rig.pass(secs(2));
    assert_eq!(rig.prompts.len(), prompts, "what was begun is not answered a second time");
}

#[test]
fn an_answer_of_which_nothing_left_is_owed_again() {
    use frontdesk_actors::flow::SendOutcome;
    use frontdesk_actors::ports::Verdict;
    let mut rig = answering();
    rig.end_send(false, SendOutcome::Verdict(Verdict::Transient { retry_after: None, why: String::new() }));
    rig.step(Input::Ordered(Order::Human));
    rig.flush();
    assert_eq!((rig.view().owed, notes(&rig)), (1, vec!["unanswered: hello"]));
    rig.step(Input::Ordered(Order::Bot));
    rig.pass(secs(2));
    assert_eq!(rig.prompts.last().map(|prompt| prompt.unanswered), Some(1), "the desk owes it again");
}

#[test]
fn the_note_at_a_hand_over_calls_nothing_unanswered_that_was_answered() {
    let mut rig = answering();
    rig.flush();
    rig.step(Input::Ordered(Order::Human));
    rig.flush();
    assert_eq!(notes(&rig), ["unanswered: "]);
    assert_eq!(rig.view().owed, 0);
}

#[test]
fn an_answer_that_is_refused_or_grows_stale_leaves_its_question_owed() {
    use frontdesk_actors::flow::SendOutcome;
    use frontdesk_actors::ports::Verdict;
    let mut rig = answering();
    let last = rig.view().outbox.len();
    for _ in 1..last {
        rig.end_send(true, super::rig::settled());
        rig.clear_one();
    }
    rig.end_send(false, SendOutcome::Verdict(Verdict::Rejected { why: String::new() }));
    rig.flush();
    assert_eq!((rig.phase(), notes(&rig)), (PhaseName::Human, vec!["unanswered: hello"]));

    let mut rig = answering();
    rig.end_send(
        false,
        SendOutcome::Verdict(Verdict::Transient { retry_after: Some(secs(90_000)), why: String::new() }),
    );
    rig.pass(secs(90_010));
    assert_eq!((rig.phase(), notes(&rig)), (PhaseName::Human, vec!["unanswered: hello"]));
}

#[test]
fn what_a_person_took_was_resolved_or_deleted_is_not_owed_again() {
    let mut rig = answering();
    rig.person("I have it");
    rig.flush();
    assert_eq!(rig.view().owed, 0, "a person has it");

    let mut rig = answering();
    rig.set_state(Status::Resolved, Assignee::Us);
    rig.flush();
    assert_eq!(rig.view().owed, 0, "it is resolved");

    let mut rig = answering();
    let id = rig.vendor[0].id;
    let deleted = rig.inbound(Event::Deleted { id });
    rig.step(Input::Inbound(Box::new(deleted)));
    rig.step(Input::Ordered(Order::Human));
    rig.flush();
    assert_eq!(notes(&rig), ["unanswered: "], "the customer has taken it back");

    let mut rig = answering();
    rig.step(Input::Ordered(Order::Forget));
    rig.step(Input::Ordered(Order::Human));
    rig.flush();
    assert_eq!(notes(&rig), ["unanswered: "], "it is forgotten");
}

#[test]
fn a_conversation_that_fails_on_its_own_work_fetches_a_person() {
    use frontdesk_actors::language::Reason;
    let mut rig = Rig::new(false);
    rig.policy.phrases = Arc::new(Telling);
    rig.customer("hello");
    rig.pass(secs(2));
    rig.step(Input::Poisoned);
    assert_eq!((rig.view().reason, rig.asked), (Some(Reason::Poison), None));
    rig.flush();
    assert_eq!(notes(&rig), ["unanswered: hello"]);
}
