//! Nobody comes: who is told what and when, and when the desk takes a conversation back.

use super::rig::Rig;
use frontdesk_actors::domain::{Assignee, Status};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::outbox::RowKind;
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::{Card, ModelErrorKind};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn rig() -> Rig {
    let mut rig = Rig::new(false);
    rig.policy.handoff.pickup_after = Some(10 * MINUTE);
    rig
}

/// The customer asks for a person, and everything about that has left.
fn fetched() -> Rig {
    let mut rig = rig();
    rig.customer("a human please");
    rig.flush();
    assert_eq!((rig.phase(), rig.said()), (PhaseName::Human, vec!["[HandoffAsked]"]));
    rig
}

/// The model fails for good, so the desk fetches a person of its own accord.
fn given_up() -> Rig {
    let mut rig = rig();
    rig.policy.handoff.pickup_handback = true;
    rig.customer("what does it cost?");
    rig.pass(Duration::from_secs(2));
    rig.fail(ModelErrorKind::Quota);
    rig.flush();
    assert_eq!((rig.phase(), rig.said()), (PhaseName::Human, vec!["[HandoffSorry]"]));
    rig
}

fn calls(rig: &Rig) -> usize {
    rig.cards.iter().filter(|card| matches!(card, Card::Waiting { .. })).count()
}

#[test]
fn colleagues_are_called_again_once_and_once_more_and_the_customer_is_told_once() {
    let mut rig = fetched();
    rig.pass(9 * MINUTE);
    assert_eq!((calls(&rig), rig.said().len()), (0, 1));
    rig.pass(2 * MINUTE);
    assert_eq!((calls(&rig), rig.said()), (1, vec!["[HandoffAsked]", "[NobodyYet]"]));
    rig.pass(28 * MINUTE);
    assert_eq!(calls(&rig), 1);
    rig.pass(3 * MINUTE);
    assert_eq!(calls(&rig), 2);
    rig.pass(10_000 * MINUTE);
    assert_eq!((calls(&rig), rig.said().len(), rig.phase()), (2, 2, PhaseName::Human));
    assert!(!rig.flow.has_work());
}

#[test]
fn it_survives_a_crash_at_any_moment() {
    for minutes in [0, 5, 10, 11] {
        let mut rig = fetched();
        rig.pass(minutes * MINUTE);
        rig.crash(false);
        rig.pass(60 * MINUTE);
        rig.crash(false);
        rig.pass(60 * MINUTE);
        assert_eq!((calls(&rig), rig.said().len()), (2, 2), "a crash after {minutes} minutes");
    }
}

#[test]
fn while_the_look_runs_there_is_work_so_that_nobody_forgets_it() {
    let mut rig = fetched();
    rig.now = rig.flow.deadline(&rig.policy).expect("it is waited for").0;
    rig.step(frontdesk_actors::flow::Input::DeadlineReached);
    assert!(rig.looking.is_some() && rig.flow.has_work());
    rig.crash(false);
    rig.flush();
    assert_eq!(calls(&rig), 1);
}

#[test]
fn nobody_is_called_once_a_person_was_there() {
    type Act = fn(&mut Rig);
    let touches: [(&str, Act); 5] = [
        ("wrote", |rig| drop(rig.person("I have it"))),
        ("wrote unheard", |rig| drop(rig.person_event("I have it"))),
        ("assigned", |rig| {
            rig.pass(Duration::from_secs(20));
            rig.set_state(Status::Open, Assignee::Person("7".to_owned()));
        }),
        ("resolved", |rig| drop(rig.set_state(Status::Resolved, Assignee::Nobody))),
        ("snoozed", |rig| drop(rig.set_state(Status::Snoozed, Assignee::Nobody))),
    ];
    for (what, touch) in touches {
        let mut rig = fetched();
        touch(&mut rig);
        rig.pass(100 * MINUTE);
        assert_eq!((calls(&rig), rig.said().len()), (0, 1), "{what}");
    }
}

#[test]
fn a_person_who_comes_between_the_decision_and_the_wire_is_not_talked_over() {
    let mut rig = fetched();
    rig.now = rig.flow.deadline(&rig.policy).expect("it is waited for").0;
    rig.step(frontdesk_actors::flow::Input::DeadlineReached);
    rig.end_look(true);
    assert!(!rig.acquiring.is_empty());
    rig.person("I have it");
    rig.flush();
    assert_eq!((calls(&rig), rig.said().len()), (0, 1));
}

#[test]
fn a_conversation_that_a_person_took_by_themselves_calls_nobody() {
    let mut rig = rig();
    rig.customer("hello");
    rig.set_state(Status::Open, Assignee::Nobody);
    rig.pass(100 * MINUTE);
    assert_eq!((rig.view().reason, calls(&rig)), (Some(Reason::NotPending), 0));
}

#[test]
fn the_desk_takes_back_what_nobody_had_asked_a_person_for_and_answers_what_is_owed() {
    let mut rig = given_up();
    rig.customer("hello?");
    rig.pass(11 * MINUTE);
    assert_eq!((rig.phase(), rig.state.status, calls(&rig)), (PhaseName::Bot, Status::Pending, 1));
    rig.reply("ten euros");
    rig.flush();
    assert_eq!(rig.said(), ["[HandoffSorry]", "[NobodyYetTryAgain]", "ten euros"]);
    assert_eq!(rig.prompts.last().expect("it is asked again").unanswered, 2);
}

#[test]
fn it_takes_it_back_only_once_until_a_person_was_there() {
    let mut rig = given_up();
    rig.pass(11 * MINUTE);
    rig.fail(ModelErrorKind::Quota);
    rig.pass(11 * MINUTE);
    assert_eq!((rig.phase(), rig.said().last()), (PhaseName::Human, Some(&"[NobodyYet]")));
    rig.pass(100 * MINUTE);
    rig.person("sorry for the wait");
    rig.set_state(Status::Resolved, Assignee::Nobody);
    rig.set_state(Status::Pending, Assignee::Nobody);
    rig.customer("one more thing");
    rig.pass(Duration::from_secs(2));
    rig.fail(ModelErrorKind::Quota);
    rig.pass(11 * MINUTE);
    assert_eq!(rig.phase(), PhaseName::Bot);
}

#[test]
fn it_never_takes_back_what_a_customer_wanted_a_person_for() {
    let mut rig = fetched();
    rig.policy.handoff.pickup_handback = true;
    rig.pass(100 * MINUTE);
    assert_eq!((rig.phase(), rig.said().last()), (PhaseName::Human, Some(&"[NobodyYet]")));
}

#[test]
fn while_everything_is_paused_nobody_is_called_and_afterwards_they_are() {
    let mut rig = fetched();
    rig.pause(true);
    rig.pass(100 * MINUTE);
    assert_eq!(calls(&rig), 0);
    rig.pause(false);
    rig.pass(MINUTE);
    assert_eq!(calls(&rig), 1);
    let card = rig.cards.iter().any(|card| matches!(card, Card::Waiting { reason: Reason::AskedByCustomer, .. }));
    assert!(card && !rig.sending.iter().any(|row| matches!(row.kind, RowKind::Card(_))));
}
