//! A store that comes back from an older file has forgotten what the desk said. At a vendor that carries no id of ours only
//! the vendor's own account of its messages can tell.

use super::rig::Rig;
use super::scenarios_replies::asks;
use frontdesk_actors::domain::{CustomerMessage, Event};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::{Effect, Input};
use frontdesk_actors::ids::MessageId;
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::{Author, Seen};
use frontdesk_actors::time::Timestamp;
use std::time::Duration;

const ANSWER: &str = "Ten euros.";

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn hear(rig: &mut Rig, event: Event) {
    let inbound = rig.inbound(event);
    rig.step(Input::Inbound(Box::new(inbound)));
}

/// A message that left through the desk's account, as a webhook or a journal tells of it.
fn carried(at: Timestamp) -> Event {
    let order = u64::try_from(at.as_secs()).expect("after 1970");
    Event::Carried { id: MessageId::opaque(order, "BAE5A"), at, text: ANSWER.to_owned() }
}

/// The look that is running shows such a message.
fn shows(rig: &mut Rig, at: Timestamp) {
    let seen =
        Seen { id: MessageId::named("BAE5A"), at, author: Author::Carried, text: ANSWER.to_owned(), voice: None };
    rig.looking.as_mut().expect("it looks").look.messages.push(seen);
}

/// A question is owed, and the store was found to have forgotten what came after it.
fn forgetful() -> Rig {
    let mut rig = Rig::new(false);
    rig.customer("what does it cost?");
    rig.now = rig.now + secs(20);
    let seen = rig.clone();
    rig.flow.distrust(&seen.ctx());
    rig
}

fn is_left_to_a_person(rig: &Rig) -> bool {
    let view = rig.view();
    rig.prompts.is_empty() && (view.phase, view.reason) == (PhaseName::Human, Some(Reason::Interrupted))
}

#[test]
fn a_look_that_shows_an_answer_nobody_knows_fetches_a_person_instead_of_another_answer() {
    let mut rig = forgetful();
    rig.step(Input::DeadlineReached);
    let answered = rig.now;
    shows(&mut rig, answered);
    rig.end_look(true);
    assert!(is_left_to_a_person(&rig), "{:?}", rig.view());
    rig.pass(secs(60));
    assert_eq!(rig.said(), ["[HandoffSorry]"], "and the customer is told");
}

#[test]
fn what_left_before_the_question_answers_nothing() {
    let mut rig = forgetful();
    rig.step(Input::DeadlineReached);
    let before = Timestamp::from_millis(rig.now.as_millis() - 20_000);
    shows(&mut rig, before);
    rig.end_look(true);
    rig.pass(secs(5));
    assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Bot, 1));
}

#[test]
fn without_a_store_that_has_forgotten_it_is_another_programs_message() {
    let mut rig = Rig::new(false);
    rig.customer("what does it cost?");
    rig.now = rig.now + secs(20);
    rig.flow.suspect();
    rig.step(Input::DeadlineReached);
    let now = rig.now;
    shows(&mut rig, now);
    rig.end_look(true);
    hear(&mut rig, carried(now));
    rig.pass(secs(5));
    assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Bot, 1));
}

#[test]
fn a_journal_that_lags_behind_the_look_is_outrun_by_the_webhook() {
    for answer_is_made in [false, true] {
        let mut rig = forgetful();
        rig.step(Input::DeadlineReached);
        rig.end_look(true);
        rig.pass(secs(2));
        if answer_is_made {
            rig.reply("It costs ten euros.");
            assert!(rig.sending.is_empty(), "it waits for its turn at the gate");
        }
        let at = rig.now;
        hear(&mut rig, carried(at));
        assert_eq!(rig.view().reason, Some(Reason::Interrupted), "{answer_is_made}");
        rig.pass(secs(60));
        assert_eq!(rig.said(), ["[HandoffSorry]"], "{answer_is_made}");
    }
}

#[test]
fn question_and_answer_that_are_both_forgotten_are_read_back_together() {
    for forgot in [true, false] {
        let mut rig = Rig::new(false);
        rig.customer("hello");
        rig.pass(secs(2));
        rig.reply("Good day.");
        rig.flush();
        let seen = rig.clone();
        if forgot {
            rig.flow.distrust(&seen.ctx());
        }
        let at = rig.now;
        let text = "what does it cost?".to_owned();
        let asked = CustomerMessage { id: rig.next_id(), at, text, attachments: 0, voice: None };
        let events = vec![Event::CustomerWrote(asked), carried(at + secs(3))];
        rig.now = at + secs(20);
        hear(&mut rig, Event::Missed { events, complete: true });
        rig.pass(secs(5));
        let expected = if forgot { (PhaseName::Human, 1) } else { (PhaseName::Bot, 2) };
        assert_eq!((rig.phase(), rig.prompts.len()), expected, "forgot: {forgot}");
    }
}

#[test]
fn once_a_look_has_told_and_the_vendor_had_time_to_show_everything_other_programs_may_write_again() {
    let mut rig = forgetful();
    rig.step(Input::DeadlineReached);
    rig.end_look(true);
    rig.pass(secs(2));
    rig.reply("It costs ten euros.");
    rig.flush();
    rig.pass(secs(120));
    rig.customer("and shipping?");
    rig.now = rig.now + secs(1);
    let at = rig.now;
    hear(&mut rig, carried(at));
    rig.pass(secs(5));
    assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Bot, 2));
}

#[test]
fn a_message_that_bears_the_time_of_its_last_change_hides_nothing_that_was_written_before() {
    for read_back in [true, false] {
        let mut rig = Rig::new(false);
        rig.customer("hello");
        rig.pass(secs(2));
        rig.reply("Good day.");
        rig.flush();
        // The journal does not show it yet, and its webhook was lost.
        rig.person_event("I take it from here");
        let at = rig.now;
        let told = carried(at);
        hear(&mut rig, if read_back { Event::Missed { events: vec![told], complete: true } } else { told });
        rig.flow.suspect();
        rig.customer("thank you");
        rig.pass(secs(60));
        assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Human, 1), "read back: {read_back}");
    }
}

#[test]
fn a_text_whose_claim_may_be_forgotten_is_looked_for_above_what_was_known_when_it_was_queued() {
    let mut rig = Rig::new(false);
    rig.customer("what does it cost?");
    let asked = rig.vendor[0].id;
    rig.pass(secs(2));
    rig.reply(ANSWER);
    // Neither that it was claimed nor that it has landed is known to the store any more.
    let row = rig.acquiring.remove(0);
    let before = rig.clone();
    rig.step(Input::Cleared { row });
    let claimed = rig.sending.remove(0);
    rig.land(&claimed);
    let (vendor, seen) = (rig.vendor.clone(), before.clone());
    rig = before;
    rig.vendor = vendor;
    rig.customer("and shipping?");
    rig.flow.distrust(&seen.ctx());
    rig.now = rig.now + secs(5);
    let step = rig.step(Input::DeadlineReached);
    let looks = |effect: &Effect| matches!(effect, Effect::Look { after, .. } if *after == asked);
    assert!(step.effects.iter().any(looks), "a journal reaches back as far, but not to the beginning of time");
    rig.end_look(true);
    assert_eq!((rig.said(), rig.phase()), (vec![ANSWER], PhaseName::Bot));
    assert!(rig.view().outbox.is_empty(), "{:?}", rig.view().outbox);
}

/// Where nothing can be looked at, what people wrote and the store has forgotten is never heard of again.
#[test]
fn people_are_not_idle_before_what_the_store_may_have_forgotten() {
    let mut rig = Rig::new(false);
    rig.policy.channels.get_mut("test").expect("the rig has one channel").human_idle = Some(secs(40));
    asks(&mut rig, "hello", "p1");
    rig.person("I am here");
    rig.pass(secs(30));
    let seen = rig.clone();
    rig.flow.distrust(&seen.ctx());
    rig.pass(secs(39));
    // It is stored, also where the process ends meanwhile.
    rig.flow = rig.restored();
    assert_eq!(rig.phase(), PhaseName::Human, "they may have written until the store was found to have forgotten");
    rig.pass(secs(2));
    assert_eq!(rig.phase(), PhaseName::Bot);
}
