//! Recordings that were made for the people, as far as the desk knows: they may have given the conversation back before.

use super::rig::Rig;
use super::scenarios_voice::asked;
use frontdesk_actors::domain::{Assignee, Event, Order, Status};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::Input;
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A person has it, and gives it back by a note whose webhook is late: what the customer says after it is heard first.
fn given_back_unheard() -> (Rig, Event) {
    let mut rig = Rig::new(false);
    rig.customer("hello");
    rig.person("I have it");
    rig.flush();
    rig.speaks();
    let note = Event::Ordered { id: rig.next_id(), order: Order::Bot };
    rig.speaks();
    rig.flush();
    assert!(rig.hearing.is_empty() && rig.view().owed == 0, "for all the desk knows people have it");
    (rig, note)
}

fn hear(rig: &mut Rig, event: Event) {
    let inbound = rig.inbound(event);
    rig.step(Input::Inbound(Box::new(inbound)));
}

#[test]
fn what_was_said_after_it_was_given_back_is_heard_although_its_webhook_came_first() {
    for crashes in [false, true] {
        let (mut rig, note) = given_back_unheard();
        if crashes {
            rig.crash(false);
        }
        hear(&mut rig, note);
        rig.flush();
        assert_eq!((rig.phase(), rig.hearing.len()), (PhaseName::Bot, 1), "the one before it was the people's");
        rig.heard(Ok("what does it cost?"));
        rig.pass(secs(5));
        assert_eq!(asked(&rig), [(true, "what does it cost?".to_owned())]);
    }
}

#[test]
fn what_was_said_to_people_stays_theirs_until_a_hand_back_from_before_is_heard_unless_they_are_done_with_it() {
    let returns = [
        (1, (|rig: &mut Rig| rig.step(Input::Ordered(Order::Bot))) as fn(&mut Rig) -> _),
        (1, |rig: &mut Rig| {
            rig.set_state(Status::Open, Assignee::Nobody);
            rig.set_state(Status::Pending, Assignee::Us)
        }),
        (0, |rig: &mut Rig| rig.set_state(Status::Resolved, Assignee::Nobody)),
    ];
    for (ours, back) in returns {
        let (mut rig, note) = given_back_unheard();
        back(&mut rig);
        rig.flush();
        assert_eq!((rig.phase(), rig.hearing.len()), (PhaseName::Bot, 0));
        hear(&mut rig, note);
        rig.flush();
        assert_eq!(rig.hearing.len(), ours);
    }
}

#[test]
fn nobody_hears_again_what_a_person_has_answered_the_customer_deleted_or_time_has_passed_over() {
    let overtakes = [
        |rig: &mut Rig| drop(rig.person("I heard you")),
        |rig: &mut Rig| {
            let id = rig.vendor.last().expect("a recording").id;
            hear(rig, Event::Deleted { id });
        },
        |rig: &mut Rig| rig.now = rig.now + secs(24 * 3600),
        |rig: &mut Rig| drop(rig.step(Input::Erased)),
        |rig: &mut Rig| drop(rig.step(Input::Ordered(Order::Forget))),
    ];
    for overtake in overtakes {
        let (mut rig, note) = given_back_unheard();
        overtake(&mut rig);
        hear(&mut rig, note);
        rig.flush();
        assert!(rig.hearing.is_empty());
    }
}

#[test]
fn no_more_recordings_are_kept_for_a_late_hand_back_than_a_few() {
    let (mut rig, note) = given_back_unheard();
    for _ in 0..30 {
        rig.speaks();
    }
    hear(&mut rig, note);
    rig.flush();
    assert_eq!(rig.hearing.len(), 3, "the newest");
}
