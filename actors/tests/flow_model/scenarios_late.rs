//! What people did is heard late, and what the desk itself does to the status lands late: who has the conversation then, and
//! who is called.

use super::rig::Rig;
use frontdesk_actors::domain::{Assignee, ConversationState, Event, Order, Status};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::{Input, SendOutcome};
use frontdesk_actors::ports::{Card, PortErrorKind, Verdict};
use frontdesk_actors::time::Timestamp;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn unknown() -> SendOutcome {
    SendOutcome::Verdict(Verdict::Unknown { finished: false, why: String::new() })
}

pub(crate) fn settled() -> SendOutcome {
    SendOutcome::Verdict(Verdict::Settled { message: None })
}

/// A desk that has answered once.
pub(crate) fn answered() -> Rig {
    let mut rig = Rig::new(false);
    rig.policy.handoff.pickup_after = Some(10 * MINUTE);
    rig.customer("hello");
    rig.pass(Duration::from_secs(3));
    rig.reply("hi");
    rig.flush();
    rig
}

/// A person has written, and the opening of the conversation is on its way.
pub(crate) fn opening() -> Rig {
    let mut rig = answered();
    rig.person("I have it");
    assert_eq!(rig.phase(), PhaseName::Human);
    rig.clear_one();
    assert_eq!(rig.sending.len(), 1, "it is opened");
    rig
}

pub(crate) fn hear_of(rig: &mut Rig, status: Status, version: u64) {
    let mut inbound = rig.inbound(Event::StateChanged);
    inbound.state = Some(ConversationState { status, assignee: Assignee::Nobody, version });
    rig.step(Input::Inbound(Box::new(inbound)));
}

/// Lets looks and gates answer until something is on the wire.
fn claims(rig: &mut Rig) {
    for _ in 0..9 {
        if rig.looking.is_some() {
            rig.end_look(true);
        } else if !rig.acquiring.is_empty() {
            rig.clear_one();
        }
    }
    assert_eq!(rig.sending.len(), 1, "{:?}", rig.view());
}

pub(crate) fn handovers(rig: &Rig) -> usize {
    rig.cards.iter().filter(|card| matches!(card, Card::Handoff { .. })).count()
}

pub(crate) fn calls(rig: &Rig) -> usize {
    rig.cards.iter().filter(|card| matches!(card, Card::Waiting { .. })).count()
}

#[test]
fn words_of_a_person_from_before_the_customers_question_leave_it_with_people_who_are_called() {
    let mut rig = answered();
    // Nobody hears of it.
    rig.person_event("I wrote an hour ago");
    rig.flow.suspect();
    rig.customer("what does it cost?");
    rig.pass(Duration::from_secs(3));
    assert_eq!(rig.phase(), PhaseName::Human, "nobody is talked over");
    rig.customer("hello?");
    rig.pass(11 * MINUTE);
    assert_eq!(
        (calls(&rig), rig.said().last().copied()),
        (1, Some("hi")),
        "colleagues are called, and nothing is said after a person"
    );
    rig.set_state(Status::Pending, Assignee::Us);
    rig.pass(Duration::from_secs(3));
    let asked: Vec<&str> = rig.prompts.last().unwrap().history.iter().rev().map(|said| said.text.as_str()).collect();
    assert!(asked.starts_with(&["hello?", "what does it cost?"]), "what nobody has answered stays owed: {asked:?}");
}

#[test]
fn a_person_whose_words_were_read_back_and_who_writes_again_has_it() {
    let mut rig = answered();
    rig.person_event("I wrote an hour ago");
    rig.flow.suspect();
    rig.customer("what does it cost?");
    rig.pass(Duration::from_secs(3));
    rig.person("ten euros");
    rig.pass(60 * MINUTE);
    assert_eq!((calls(&rig), rig.view().owed, rig.phase()), (0, 0, PhaseName::Human));
}

#[test]
fn what_is_given_back_before_the_vendor_has_shown_our_opening_is_noticed() {
    let mut rig = opening();
    rig.end_send(true, settled());
    // The webhook of our own opening is lost; a colleague gives it back at once.
    rig.set_state(Status::Pending, Assignee::Nobody);
    assert!(rig.looking.is_some(), "a look tells");
    rig.end_look(true);
    assert_eq!(rig.phase(), PhaseName::Bot);
}

#[test]
fn a_look_that_fails_or_was_begun_too_early_to_tell_of_it_is_repeated() {
    for early in [false, true] {
        let mut rig = opening();
        rig.end_send(true, settled());
        if early {
            rig.flow.suspect();
            rig.step(Input::LookAround);
        }
        rig.set_state(Status::Pending, Assignee::Nobody);
        let ticket = rig.looking.as_ref().expect("a look tells").ticket;
        if early {
            rig.end_look(true);
        } else {
            rig.looking = None;
            rig.step(Input::Looked { ticket, result: Err(PortErrorKind::Transient) });
        }
        assert_eq!((rig.phase(), rig.looking.is_some()), (PhaseName::Human, false));
        rig.pass(Duration::from_secs(10));
        assert_eq!(rig.phase(), PhaseName::Bot, "begun too early: {early}");
    }
}

#[test]
fn a_pending_state_from_before_our_opening_gives_nothing_back() {
    let mut rig = opening();
    rig.end_send(true, settled());
    let before = rig.state.version;
    rig.state.version += 1;
    // A webhook of a message that was written just before the opening landed.
    hear_of(&mut rig, Status::Pending, before);
    rig.flush();
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Human, Status::Open));
}

#[test]
fn what_was_put_away_before_our_opening_landed_is_the_desks_again() {
    let mut rig = opening();
    let resolved = rig.state.version + 1;
    rig.state.version = resolved;
    rig.end_send(true, settled());
    let opened = rig.state.version;
    hear_of(&mut rig, Status::Open, opened);
    hear_of(&mut rig, Status::Resolved, resolved);
    rig.flush();
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Bot, Status::Pending));
    rig.customer("one more thing");
    rig.pass(Duration::from_secs(3));
    assert_eq!(rig.prompts.len(), 2);
}

#[test]
fn that_our_opening_has_undone_a_putting_away_is_noticed_also_where_the_vendor_had_opened_it_before() {
    let mut rig = opening();
    // A webhook of the vendor's was never taken, so it had opened the conversation; then a colleague put it away.
    rig.set_state(Status::Open, Assignee::Us);
    let resolved = rig.state.version + 1;
    rig.state.version = resolved;
    rig.end_send(true, settled());
    rig.state.assignee = Assignee::Nobody;
    let opened = rig.state.version;
    hear_of(&mut rig, Status::Open, opened);
    hear_of(&mut rig, Status::Resolved, resolved);
    rig.flush();
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Bot, Status::Pending));
}

#[test]
fn a_putting_away_that_came_after_our_opening_was_shown_gives_nothing_back_to_be_undone() {
    let mut rig = opening();
    rig.end_send(true, settled());
    let opened = rig.state.version;
    hear_of(&mut rig, Status::Open, opened);
    // It is put away and taken again; the first is heard last.
    rig.state.version += 2;
    hear_of(&mut rig, Status::Open, opened + 2);
    hear_of(&mut rig, Status::Resolved, opened + 1);
    rig.flush();
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Human, Status::Open));
}

#[test]
fn an_old_story_of_a_conversation_that_a_person_has_taken_since_changes_nothing() {
    let mut rig = opening();
    let resolved = rig.state.version + 1;
    rig.state.version = resolved;
    rig.end_send(true, settled());
    let opened = rig.state.version;
    hear_of(&mut rig, Status::Open, opened);
    rig.person("and another thing");
    hear_of(&mut rig, Status::Resolved, resolved);
    rig.flush();
    assert_eq!(rig.phase(), PhaseName::Human);
}

#[test]
fn our_own_change_to_pending_that_lands_a_second_time_gives_nothing_back() {
    let mut rig = pending_again();
    rig.end_send(true, settled());
    // The vendor shows it, in a webhook and in a look.
    let shown = rig.state.clone();
    rig.set_state(shown.status, shown.assignee);
    rig.step(Input::LookAround);
    rig.flush();
    rig.set_state(Status::Open, Assignee::Person("7".to_owned()));
    rig.flush();
    assert_eq!(rig.phase(), PhaseName::Human);
    // The first try lands.
    rig.set_state(Status::Pending, Assignee::Person("7".to_owned()));
    rig.flush();
    assert_eq!(rig.phase(), PhaseName::Human, "no person has given it back");
    // Or so it seems: where the customer writes, colleagues are told.
    rig.customer("are you there?");
    rig.customer("hello?");
    rig.flush();
    assert_eq!((handovers(&rig), rig.said().last().copied()), (1, Some("hi")));
}

/// The desk has been told to take it back; its change to pending is tried a second time.
fn pending_again() -> Rig {
    let mut rig = answered();
    rig.set_state(Status::Open, Assignee::Nobody);
    rig.step(Input::Ordered(Order::Bot));
    claims(&mut rig);
    rig.end_send(false, unknown());
    rig.now = rig.now + MINUTE / 4;
    rig.step(Input::DeadlineReached);
    claims(&mut rig);
    rig
}

#[test]
fn a_try_whose_end_is_heard_after_all_is_not_feared_for_long() {
    let mut rig = pending_again();
    // The store was away: the conversation is read again while that is on the wire.
    rig.flow = rig.restored();
    rig.end_send(true, settled());
    let shown = rig.state.clone();
    rig.set_state(shown.status, shown.assignee);
    rig.pass(MINUTE);
    rig.set_state(Status::Resolved, Assignee::Nobody);
    rig.person("and goodbye");
    assert_eq!(rig.phase(), PhaseName::Human);
    // The customer writes again, by which it is pending.
    rig.state = ConversationState { status: Status::Pending, version: rig.state.version + 1, ..rig.state.clone() };
    rig.customer("one more thing");
    rig.pass(Duration::from_secs(3));
    assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Bot, 2));
}

#[test]
fn nodes_whose_clocks_are_more_than_an_hour_apart_know_the_same_of_our_change_to_pending() {
    let mut rig = answered();
    rig.set_state(Status::Open, Assignee::Nobody);
    rig.step(Input::Ordered(Order::Bot));
    claims(&mut rig);
    // Another node goes on, whose clock is behind.
    let first = rig.sending.remove(0);
    let ahead = rig.now;
    rig.now = Timestamp::from_millis(ahead.as_millis() - 6_600_000);
    rig.flow = rig.restored();
    rig.now = rig.now + Duration::from_secs(2);
    rig.step(Input::DeadlineReached);
    claims(&mut rig);
    rig.end_send(true, settled());
    let shown = rig.state.clone();
    rig.set_state(shown.status, shown.assignee);
    rig.flush();
    // The first one hears of a person, and then that its own try has landed.
    rig.now = ahead + Duration::from_secs(12);
    rig.flow = rig.restored();
    rig.set_state(Status::Open, Assignee::Person("7".to_owned()));
    rig.flush();
    rig.land(&first);
    rig.set_state(Status::Pending, Assignee::Person("7".to_owned()));
    rig.flush();
    assert_eq!(rig.phase(), PhaseName::Human, "no person has given it back");
}

#[test]
fn an_order_that_is_heard_after_what_was_written_later_counts_where_nobody_has_taken_it_since() {
    for (given_in, counts) in [(Assignee::Person("7".to_owned()), true), (Assignee::Nobody, false)] {
        let mut rig = answered();
        // A colleague takes it and gives it back in a note. Nobody hears of that before the customer's next words.
        rig.state = ConversationState { status: Status::Open, assignee: given_in, version: rig.state.version + 1 };
        let id = rig.next_id();
        let order = rig.inbound(Event::Ordered { id, order: Order::Bot });
        let (assignee, version) = (Assignee::Person("7".to_owned()), rig.state.version + 1);
        rig.state = ConversationState { status: Status::Open, assignee, version };
        rig.customer("what does it cost?");
        assert_eq!(rig.phase(), PhaseName::Human);
        rig.step(Input::Inbound(Box::new(order)));
        rig.pass(Duration::from_secs(3));
        let expected = if counts { (PhaseName::Bot, 2, Status::Pending) } else { (PhaseName::Human, 1, Status::Open) };
        assert_eq!((rig.phase(), rig.prompts.len(), rig.state.status), expected);
    }
}

#[test]
fn an_open_conversation_is_nobodys_takeover_while_our_change_to_pending_has_not_left() {
    let mut rig = opening();
    rig.end_send(true, settled());
    rig.set_state(Status::Open, Assignee::Nobody);
    rig.step(Input::Ordered(Order::Bot));
    claims(&mut rig);
    rig.end_send(false, SendOutcome::Verdict(Verdict::Transient { retry_after: None, why: String::new() }));
    // The conversation is read again, and looked at: it is open still.
    rig.flow = rig.restored();
    rig.step(Input::LookAround);
    rig.end_look(true);
    assert_eq!(rig.phase(), PhaseName::Bot, "nobody has taken it");
    rig.pass(Duration::from_secs(5));
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Bot, Status::Pending));
}

#[test]
fn where_our_own_opening_lands_after_a_hand_back_colleagues_are_called_when_the_customer_writes() {
    for tries in [0, 1, 2] {
        let mut rig = opening();
        let first = rig.sending[0].clone();
        if tries > 0 {
            rig.end_send(false, unknown());
        }
        if tries == 2 {
            rig.pass(Duration::from_secs(2));
        }
        rig.set_state(Status::Resolved, Assignee::Nobody);
        if tries == 0 {
            // Its end is heard before its webhook.
            rig.end_send(false, settled());
        }
        rig.flush();
        assert_eq!(rig.phase(), PhaseName::Bot);
        rig.land(&first);
        let version = rig.state.version;
        hear_of(&mut rig, Status::Open, version);
        rig.flush();
        assert_eq!((rig.phase(), handovers(&rig)), (PhaseName::Human, 0), "nobody waits");
        rig.customer("one more thing");
        rig.flush();
        assert_eq!((handovers(&rig), calls(&rig)), (1, 0));
        rig.pass(11 * MINUTE);
        assert_eq!((calls(&rig), rig.said().last().copied()), (1, Some("hi")), "nobody came, and nothing is said");
    }
}

#[test]
fn a_person_who_takes_it_before_our_change_to_pending_has_left_has_it() {
    let mut rig = answered();
    rig.person("I have it");
    rig.flush();
    rig.set_state(Status::Pending, Assignee::Person("7".to_owned()));
    rig.person("no, I have it");
    rig.flush();
    rig.state.status = Status::Pending;
    rig.state.version += 1;
    let id = rig.next_id();
    let order = rig.inbound(Event::Ordered { id, order: Order::Bot });
    rig.step(Input::Inbound(Box::new(order)));
    assert_eq!(rig.phase(), PhaseName::Bot);
    rig.set_state(Status::Open, Assignee::Person("7".to_owned()));
    assert_eq!(rig.phase(), PhaseName::Human);
    rig.flush();
    assert_eq!(rig.state.status, Status::Open, "nothing makes it pending");
}

#[test]
fn where_the_vendor_keeps_no_status_our_opening_gives_nothing_back() {
    let mut rig = Rig::new(false);
    rig.state = ConversationState { status: Status::Pending, assignee: Assignee::Us, version: 0 };
    rig.customer("hello");
    rig.pass(Duration::from_secs(3));
    rig.reply("hi");
    rig.flush();
    rig.person("I have it");
    rig.clear_one();
    // It is done, and every state the vendor tells stays as it was.
    rig.end_send(false, settled());
    for _ in 0..3 {
        rig.customer("are you there?");
        rig.flow.suspect();
        rig.step(Input::LookAround);
        while rig.looking.is_some() {
            rig.end_look(true);
        }
    }
    rig.pass(5 * MINUTE);
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Human, 0), "what is written to a person is theirs");
    assert_eq!(rig.said(), ["hi"]);
}
