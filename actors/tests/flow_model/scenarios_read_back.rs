//! A look shows what people wrote and did unheard: whoever did it may be gone, so that colleagues are called where the customer
//! waits.

use super::rig::{Rig, settled};
use super::scenarios_late::{answered, calls, handovers};
use frontdesk_actors::domain::{Assignee, Status};
use frontdesk_actors::engine::PhaseName;
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
