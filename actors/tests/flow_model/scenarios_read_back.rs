//! A look shows what people wrote and did unheard: whoever did it may be gone, so that colleagues are called where the customer
//! waits.

use super::rig::{Rig, settled};
use super::scenarios_late::{answered, calls, handovers, opening, unknown};
use frontdesk_actors::domain::{Assignee, Event, Order, Status};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::Input;
use frontdesk_actors::flow::outbox::{Row, RowKind};
use frontdesk_actors::ports::Act;
use std::time::Duration;

/// The customer has asked for a person, and what opens the conversation for one is on the wire.
fn opening_for_a_person() -> Rig {
    let opens = |row: &Row| row.kind == RowKind::Act(Act::Open);
    let mut rig = answered();
    rig.customer("a human please");
    while !rig.sending.iter().any(opens) {
        if rig.sending.is_empty() {
            rig.clear_one();
        } else {
            rig.end_send(true, settled());
        }
    }
    rig
}

#[test]
fn the_second_of_two_words_that_are_read_back_calls_nobody_off() {
    let mut rig = answered();
    rig.person_event("I wrote an hour ago");
    rig.person_event("and once more");
    rig.flow.suspect();
    rig.customer("what does it cost?");
    rig.pass(Duration::from_secs(3));
    assert_eq!(rig.phase(), PhaseName::Human, "nobody is talked over");
    rig.pass(Duration::from_secs(660));
    assert_eq!((calls(&rig), rig.said().last().copied()), (1, Some("hi")));
}

/// The process dies while it opens the conversation for the people. One of them answers and gives it back, unheard; then the
/// opening is tried again, and lands.
#[test]
fn what_is_opened_again_after_people_gave_it_back_unheard_is_announced_when_the_customer_writes() {
    let mut rig = opening_for_a_person();
    let before = handovers(&rig);
    let opening = rig.sending.remove(0);
    rig.land(&opening);
    rig.person_event("here I am");
    rig.state_event(Status::Resolved, Assignee::Nobody);
    rig.state_event(Status::Pending, Assignee::Us);
    rig.crash(false);
    rig.pass(Duration::from_secs(60));
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Human, Status::Open));
    rig.customer("are you there?");
    rig.customer("hello?");
    rig.flush();
    assert_eq!((rig.phase(), handovers(&rig)), (PhaseName::Human, before + 1), "once");
}

/// The desk was dead while the customer asked for a person, one answered, and gave it back; the customer has written since.
#[test]
fn who_answered_a_call_for_a_person_unheard_may_be_gone_as_well() {
    let mut rig = answered();
    rig.customer_event("a human please");
    rig.person_event("here I am");
    rig.flow.suspect();
    rig.customer("and the colour?");
    rig.pass(Duration::from_secs(3));
    assert_eq!((rig.phase(), rig.said().last().copied()), (PhaseName::Human, Some("hi")), "nobody is talked over");
    rig.pass(Duration::from_secs(660));
    assert_eq!(calls(&rig), 1);
}

/// Our opening was tried twice; colleagues were called because of it, and put the conversation away. Then the first try lands.
#[test]
fn what_lands_after_people_were_called_and_put_it_away_is_announced_again() {
    let mut rig = opening_for_a_person();
    let opening = rig.sending.remove(0);
    rig.crash(false);
    rig.pass(Duration::from_secs(60));
    rig.person("I have it");
    rig.flow.suspect();
    rig.customer("are you there?");
    rig.flush();
    let before = handovers(&rig);
    rig.set_state(Status::Resolved, Assignee::Nobody);
    rig.land(&opening);
    rig.set_state(Status::Open, Assignee::Nobody);
    rig.customer("hello?");
    rig.flush();
    assert_eq!((rig.phase(), handovers(&rig)), (PhaseName::Human, before + 1));
}

/// A colleague writes and gives it back in a note, and both are heard late: the desk has opened it in between.
#[test]
fn a_note_that_is_refused_because_of_our_own_opening_calls_colleagues_when_the_customer_writes() {
    let mut rig = answered();
    let wrote = rig.person_event("I have it");
    let id = rig.next_id();
    let note = rig.inbound(Event::Ordered { id, order: Order::Bot });
    rig.step(Input::Inbound(Box::new(wrote)));
    rig.flush();
    rig.set_state(Status::Open, Assignee::Nobody);
    rig.step(Input::Inbound(Box::new(note)));
    let before = handovers(&rig);
    rig.customer("are you there?");
    rig.customer("hello?");
    rig.flush();
    assert_eq!((rig.phase(), handovers(&rig)), (PhaseName::Human, before + 1), "once");
}

/// A person took it and put it away, and no webhook of that was taken: pending as it was known, but told with what came before.
#[test]
fn a_change_that_tells_of_an_unheard_putting_away_gives_it_back() {
    let mut rig = opening();
    rig.end_send(false, unknown());
    rig.state_event(Status::Resolved, Assignee::Us);
    let before = rig.state.clone();
    rig.state_event(Status::Pending, Assignee::Us);
    let event = Event::StatusChanged { before };
    let told = rig.inbound(event);
    rig.step(Input::Inbound(Box::new(told)));
    rig.customer("one more thing");
    assert_eq!(rig.phase(), PhaseName::Bot);
    rig.pass(Duration::from_secs(5));
    assert!(rig.asked.is_some(), "it is answered");
}
