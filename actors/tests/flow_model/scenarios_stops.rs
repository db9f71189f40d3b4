//! The emergency stop: what rests, what no clock counts, and what leaves when it ends.

use super::rig::Rig;
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::SendOutcome;
use frontdesk_actors::language::Reason;
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn a_running_model_call_ends_and_its_question_is_asked_again_however_long_the_pause() {
    let mut rig = Rig::new(false);
    rig.customer("hello");
    rig.pass(secs(2));
    assert!(rig.asked.is_some());
    rig.pause(true);
    assert_eq!((rig.asked, rig.view().thinking), (None, false));
    rig.customer("and how much is it?");
    rig.pass(secs(1800));
    assert_eq!((rig.phase(), rig.view().owed, rig.prompts.len()), (PhaseName::Bot, 2, 1));
    rig.pause(false);
    rig.pass(secs(6));
    assert_eq!(rig.prompts.last().expect("it is asked again").unanswered, 2);
    rig.reply("ten euros");
    rig.flush();
    assert_eq!(rig.said(), ["[LateAnswer]", "ten euros"], "the customer has waited for half an hour");
}

#[test]
fn what_waits_for_a_permit_or_was_claimed_a_moment_before_leaves_afterwards_once() {
    let mut rig = Rig::new(false);
    rig.customer("hello");
    rig.pass(secs(2));
    rig.reply("The first part of the answer is here. The second part of it is here.");
    rig.clear_one();
    rig.pause(true);
    // The claim in hand is looked at once more right before the wire.
    rig.end_send(false, SendOutcome::ClaimLapsed);
    assert!(rig.acquiring.is_empty() && rig.sending.is_empty());
    rig.pass(secs(20));
    assert!(rig.said().is_empty());
    rig.pause(false);
    rig.flush();
    assert_eq!(rig.said(), ["The first part of the answer is here.", "The second part of it is here."]);
}

#[test]
fn what_was_on_the_wire_ends_and_a_person_who_wrote_meanwhile_is_not_talked_over() {
    let mut rig = Rig::new(false);
    rig.customer("hello");
    rig.pass(secs(2));
    rig.reply("The first part of the answer is here. The second part of it is here.");
    rig.clear_one();
    rig.pause(true);
    rig.end_send(true, super::rig::settled());
    rig.person("I have it");
    rig.pause(false);
    rig.flush();
    assert_eq!(rig.said(), ["The first part of the answer is here."]);
    assert_eq!(rig.view().reason, Some(Reason::PersonWrote));
}

#[test]
fn an_answer_that_grew_too_old_fetches_a_person_instead() {
    let mut rig = Rig::new(false);
    rig.customer("hello");
    rig.pass(secs(2));
    rig.pause(true);
    rig.pause(false);
    rig.pass(secs(6));
    rig.reply("ten euros");
    rig.pause(true);
    rig.pass(secs(7 * 3600));
    rig.pause(false);
    rig.flush();
    assert_eq!((rig.said(), rig.phase()), (vec!["[HandoffSorry]"], PhaseName::Human));
}
