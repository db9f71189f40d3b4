//! A look shows what people wrote and did unheard: whoever did it may be gone, so that colleagues are called where the customer
//! waits.

use super::scenarios_late::{answered, calls};
use frontdesk_actors::engine::PhaseName;
use std::time::Duration;

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
