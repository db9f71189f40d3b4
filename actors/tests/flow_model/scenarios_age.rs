//! How late something may be said: answers, and what the desk says of its own.

use crate::rig::{Rig, settled};
use frontdesk_actors::domain::{Assignee, Status};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::{Input, SendOutcome};
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::Verdict;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A desk that was away while the customer asked, for this long.
fn asked_ago(away: Duration) -> Rig {
    let mut rig = Rig::new(false);
    let event = rig.customer_event("what does it cost?");
    rig.now = rig.now + away;
    rig.flow.suspect();
    rig.step(Input::Inbound(Box::new(event)));
    rig.pass(Duration::from_secs(3));
    rig
}

#[test]
fn the_answer_depends_on_how_long_the_customer_has_waited() {
    let mut rig = asked_ago(9 * MINUTE);
    rig.reply("ten euros");
    rig.flush();
    assert_eq!(rig.said(), ["ten euros"], "nobody has waited long");

    let mut rig = asked_ago(11 * MINUTE);
    rig.reply("ten euros");
    rig.flush();
    assert_eq!(rig.said(), ["[LateAnswer]", "ten euros"]);

    let mut rig = asked_ago(7 * HOUR);
    rig.flush();
    assert!(rig.prompts.is_empty(), "the model is not asked");
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::AnswerTooLate)));
    assert_eq!(rig.said(), ["[HandoffSorry]"]);
}

#[test]
fn an_answer_that_waits_to_be_sent_grows_old_by_its_question() {
    for (asked, more, expected) in [
        (3, 2 * MINUTE, "ten euros"),
        // Given in time, it has waited since: it begins with an apology.
        (9, 2 * MINUTE, "[LateAnswer]\n\nten euros"),
        (9, 6 * HOUR, "[HandoffSorry]"),
    ] {
        let mut rig = asked_ago(asked * MINUTE);
        rig.reply("ten euros");
        delayed(&mut rig, more);
        assert_eq!(rig.said(), [expected]);
        let remembered = rig.view().memory;
        let own: Vec<&str> = remembered.iter().filter(|it| it.id.is_none()).map(|it| it.text.as_str()).collect();
        assert_eq!(own, [expected], "it is remembered as it was said");
    }
}

#[test]
fn an_apology_is_said_once_and_only_before_an_answer_of_which_nothing_was_said() {
    // It stands before the answer already.
    let mut rig = asked_ago(11 * MINUTE);
    rig.reply("ten euros");
    on_the_wire(&mut rig);
    rig.end_send(true, settled());
    delayed(&mut rig, 5 * MINUTE);
    assert_eq!(rig.said(), ["[LateAnswer]", "ten euros"]);
    // Refused twice, it is made part of the answer once.
    let mut rig = asked_ago(9 * MINUTE);
    rig.reply("ten euros");
    for _ in 0..2 {
        refused(&mut rig, 5 * MINUTE);
        rig.now = rig.now + 5 * MINUTE;
        rig.step(Input::DeadlineReached);
    }
    rig.pass(MINUTE);
    assert_eq!(rig.said(), ["[LateAnswer]\n\nten euros"]);
    // Its first part was said in time.
    let mut rig = asked_ago(9 * MINUTE);
    rig.reply("the first part of what there is to say\n\nand the second part of it");
    on_the_wire(&mut rig);
    rig.end_send(true, settled());
    delayed(&mut rig, 5 * MINUTE);
    assert_eq!(rig.said().len(), 2);
    assert!(!rig.said().iter().any(|said| said.contains("LateAnswer")), "{:?}", rig.said());
}

#[test]
fn what_the_desk_says_at_the_gate_is_not_said_hours_later() {
    // Nobody has heard it, and the customer waits: a person is fetched.
    let mut rig = Rig::new(true);
    rig.customer("what does it cost?");
    delayed(&mut rig, 7 * HOUR);
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::AnswerTooLate)));
    assert_eq!(rig.said(), ["[HandoffSorry]"]);
    // The customer writes again meanwhile: the gate asks anew, and once.
    let mut rig = Rig::new(true);
    rig.customer("what does it cost?");
    refused(&mut rig, 7 * HOUR);
    rig.now = rig.now + 6 * HOUR + 59 * MINUTE;
    rig.customer("hello?");
    rig.pass(5 * MINUTE);
    assert_eq!((rig.phase(), rig.said()), (PhaseName::AwaitingEmail, vec!["[AskEmail]"]));
    // Less than the limit: it is said.
    let mut rig = Rig::new(true);
    rig.customer("what does it cost?");
    delayed(&mut rig, 5 * HOUR);
    assert_eq!((rig.phase(), rig.said()), (PhaseName::AwaitingEmail, vec!["[AskEmail]"]));
}

/// Looks and claims until something is being sent.
fn on_the_wire(rig: &mut Rig) {
    for _ in 0..10 {
        if !rig.sending.is_empty() {
            return;
        }
        if rig.looking.is_some() {
            rig.end_look(true);
        } else {
            rig.clear_one();
        }
    }
    panic!("nothing is sent: {:?}", rig.view());
}

/// The vendor refuses what is being sent, and does not want to hear of it for this long.
fn refused(rig: &mut Rig, rest: Duration) {
    on_the_wire(rig);
    let rest = Verdict::Transient { retry_after: Some(rest), why: String::new() };
    rig.end_send(false, SendOutcome::Verdict(rest));
}

/// What is being sent leaves this much later.
fn delayed(rig: &mut Rig, by: Duration) {
    refused(rig, by);
    rig.pass(by + MINUTE);
}

#[test]
fn a_question_that_people_or_the_customer_held_up_is_answered_without_an_apology() {
    let mut rig = Rig::new(false);
    rig.customer("a human please");
    rig.flush();
    rig.customer("what does it cost?");
    rig.pass(8 * HOUR);
    rig.set_state(Status::Pending, Assignee::Us);
    rig.pass(Duration::from_secs(3));
    rig.reply("ten euros");
    rig.flush();
    assert_eq!(rig.said(), ["[HandoffAsked]", "ten euros"]);
}
