//! Whose a conversation is when it changes hands twice in a moment: another bot, an operator, the global switch, and the desk's own
//! change of status between them.

use super::rig::{Rig, settled};
use frontdesk_actors::domain::{Assignee, Event, Order, Status};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::{Input, SendOutcome};
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::{ModelErrorKind, Verdict};
use frontdesk_actors::time::Timestamp;
use std::time::Duration;

fn another() -> Assignee {
    Assignee::OtherBot("8".to_owned())
}

fn noted(rig: &mut Rig, order: Order) {
    let id = rig.next_id();
    let inbound = rig.inbound(Event::Ordered { id, order });
    rig.step(Input::Inbound(Box::new(inbound)));
}

/// The desk opens it for the people, and the vendor has not shown that.
fn opened_unshown() -> Rig {
    let mut rig = Rig::new(false);
    noted(&mut rig, Order::Human);
    rig.clear_one();
    rig.end_send(true, settled());
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Human, Status::Open));
    rig
}

#[test]
fn what_another_bot_is_assigned_to_stays_its_own_when_the_customer_comes_back() {
    let mut rig = Rig::new(false);
    rig.set_state(Status::Pending, another());
    assert_eq!(rig.view().reason, Some(Reason::OtherBot));
    rig.set_state(Status::Resolved, another());
    // The customer writes, which makes it pending again.
    rig.set_state(Status::Pending, another());
    rig.customer("are you there?");
    rig.flush();
    assert_eq!((rig.view().reason, rig.prompts.len()), (Some(Reason::OtherBot), 0));
    rig.set_state(Status::Pending, Assignee::Us);
    assert_eq!(rig.phase(), PhaseName::Bot, "it is the desk's");
}

#[test]
fn what_is_given_to_another_bot_after_our_opening_is_not_given_back() {
    let mut rig = opened_unshown();
    rig.set_state(Status::Pending, another());
    rig.customer("are you there?");
    rig.flush();
    assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Human, 0));
}

/// The look that is to tell of the hand-back shows how it was before their words, or knows nothing of them.
#[test]
fn whoever_writes_after_giving_it_back_has_it() {
    let mut rig = opened_unshown();
    rig.set_state(Status::Pending, Assignee::Us);
    assert!(rig.looking.is_some(), "a look is to tell");
    rig.person("I have it after all");
    rig.end_look(true);
    assert_eq!(rig.phase(), PhaseName::Human);
    rig.flush();
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Human, Status::Open), "the people see it");
}

#[test]
fn whoever_is_assigned_after_it_was_given_back_has_it() {
    let mut rig = Rig::new(false);
    rig.person("I have it");
    rig.now = rig.now + Duration::from_secs(31);
    rig.set_state(Status::Pending, Assignee::Nobody);
    rig.clear_one();
    rig.end_send(true, settled());
    rig.set_state(Status::Pending, Assignee::Person("7".to_owned()));
    rig.customer("and?");
    rig.flush();
    assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Human, 0));
}

/// Our change of status was on its way when a person put the conversation away, and is shown after an operator gave it to people.
#[test]
fn our_own_change_that_crossed_a_resolution_is_no_hand_back() {
    let mut rig = Rig::new(false);
    rig.person("I have it");
    rig.step(Input::Ordered(Order::Bot));
    rig.clear_one();
    rig.clear_one();
    assert_eq!(rig.sending.len(), 1, "our change is on its way");
    rig.set_state(Status::Resolved, Assignee::Nobody);
    rig.step(Input::Ordered(Order::Human));
    rig.end_send(true, settled());
    assert_eq!(rig.state.status, Status::Pending);
    rig.customer("what does it cost?");
    rig.pass(Duration::from_secs(120));
    assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Human, 0));
    assert_eq!(rig.state.status, Status::Open, "the people see it");
}

#[test]
fn nothing_is_said_once_the_switch_is_on_and_it_is_answered_when_it_is_off() {
    // While the model is asked, while a failed call rests, and while the answer waits for its gate.
    let asked = |_: &mut Rig| {};
    let resting = |rig: &mut Rig| drop(rig.fail(ModelErrorKind::Overloaded));
    let answered = |rig: &mut Rig| drop(rig.reply("ten euros"));
    for (goes, step) in [(asked as fn(&mut Rig), true), (resting, false), (answered, false)] {
        let mut rig = Rig::new(false);
        rig.customer("what does it cost?");
        rig.pass(Duration::from_secs(2));
        goes(&mut rig);
        rig.human_mode = true;
        if step {
            rig.reply("ten euros");
        }
        rig.flush();
        rig.pass(Duration::from_secs(60));
        assert_eq!((rig.phase(), rig.said().len(), rig.prompts.len()), (PhaseName::Human, 0, 1));
        assert_eq!(rig.state.status, Status::Open, "the people see it");
        rig.human_mode = false;
        rig.step(Input::HumanModeOff);
        rig.flush();
        rig.pass(Duration::from_secs(5));
        rig.reply("ten euros");
        rig.flush();
        assert_eq!(rig.said(), ["ten euros"]);
    }
}

#[test]
fn a_gate_that_has_not_asked_yet_does_not_ask_under_the_switch() {
    let mut rig = Rig::new(true);
    rig.customer("hello");
    rig.human_mode = true;
    rig.flush();
    assert_eq!((rig.phase(), rig.said().len()), (PhaseName::Human, 0));
}

#[test]
fn what_an_operator_gives_to_people_stays_theirs_when_the_switch_is_turned_back() {
    for takes in [(|rig: &mut Rig| drop(rig.step(Input::Ordered(Order::Human)))) as fn(&mut Rig), |rig| {
        drop(rig.set_state(Status::Pending, another()))
    }] {
        let mut rig = Rig::new(false);
        rig.human_mode = true;
        rig.customer("hello");
        assert_eq!(rig.view().reason, Some(Reason::HumanMode));
        takes(&mut rig);
        rig.human_mode = false;
        rig.step(Input::HumanModeOff);
        rig.customer("are you there?");
        rig.flush();
        assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Human, 0), "{:?}", rig.view().reason);
    }
}

#[test]
fn who_comes_back_to_a_gate_that_never_spoke_is_told_how_to_go_on() {
    let mut rig = Rig::new(true);
    rig.customer("hello");
    // Put away before the question for the address has left.
    rig.set_state(Status::Resolved, Assignee::Nobody);
    rig.flush();
    assert!(rig.said().is_empty());
    rig.set_state(Status::Pending, Assignee::Us);
    rig.customer("what does it cost?");
    rig.flush();
    assert_eq!(rig.said(), ["[AskEmail]"]);
}

#[test]
fn the_announcement_of_an_earlier_hand_over_is_not_made_in_a_later_one() {
    let mut rig = Rig::new(false);
    rig.customer("a human please");
    rig.clear_one();
    let announces = rig.sending.remove(0);
    rig.person("I have it");
    rig.now = rig.now + Duration::from_secs(1);
    rig.set_state(Status::Resolved, Assignee::Nobody);
    rig.set_state(Status::Open, Assignee::Nobody);
    assert_eq!(rig.view().reason, Some(Reason::NotPending));
    let failed = SendOutcome::Verdict(Verdict::Transient { retry_after: None, why: String::new() });
    rig.step(Input::Sent { row: announces.seq, attempt: announces.tries, outcome: failed });
    rig.pass(Duration::from_secs(60));
    assert!(rig.said().is_empty(), "{:?}", rig.said());
}

/// The note that gives it back is heard before the words that were written before it.
#[test]
fn words_from_before_the_note_that_gave_it_back_do_not_take_it_again() {
    let words = |id| Event::PersonWrote { id, at: Timestamp::from_secs(1_760_000_000), text: "I have it".to_owned() };
    for takes in [words, |id| Event::Ordered { id, order: Order::Human }] {
        let mut rig = Rig::new(false);
        rig.customer("hello");
        let (before, state) = (rig.next_id(), rig.state.clone());
        rig.state.version += 1;
        noted(&mut rig, Order::Bot);
        let mut late = rig.inbound(takes(before));
        late.state = Some(state);
        rig.step(Input::Inbound(Box::new(late)));
        rig.pass(Duration::from_secs(5));
        assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Bot, 1));
    }
}

/// Nothing says which came first, so the words keep the desk silent; but whoever wrote them may be gone.
#[test]
fn words_from_before_an_operators_order_leave_it_with_people_who_are_called() {
    for before in [true, false] {
        let mut rig = Rig::new(false);
        rig.policy.handoff.pickup_after = Some(Duration::from_secs(600));
        rig.set_state(Status::Open, Assignee::Nobody);
        rig.state.version += 1;
        let words = before.then(|| rig.person_event("I have it"));
        rig.now = rig.now + Duration::from_secs(60);
        rig.step(Input::Ordered(Order::Bot));
        let words = words.unwrap_or_else(|| rig.person_event("I have it"));
        rig.step(Input::Inbound(Box::new(words)));
        rig.customer("are you there?");
        rig.pass(Duration::from_secs(700));
        assert_eq!((rig.phase(), rig.calls().1), (PhaseName::Human, usize::from(before)));
    }
}

/// The desk's own change to pending waits for long, or lands late: a look after the order tells what came since.
#[test]
fn who_takes_it_after_an_operators_order_has_it_before_our_change_to_pending_has_landed() {
    for heard_before_the_look in [false, true] {
        let mut rig = Rig::new(false);
        let person = || Assignee::Person("7".to_owned());
        rig.customer("hello");
        rig.set_state(Status::Pending, person());
        rig.acquiring.clear();
        rig.step(Input::Ordered(Order::Bot));
        let looking = rig.looking.take().expect("a look tells how it was");
        let shown = Input::Looked { ticket: looking.ticket, result: Ok(Box::new(looking.look)) };
        if heard_before_the_look {
            rig.set_state(Status::Open, person());
            rig.step(shown);
        } else {
            rig.step(shown);
            rig.set_state(Status::Open, person());
        }
        assert_eq!(rig.phase(), PhaseName::Human, "{heard_before_the_look}");
        rig.customer("what does it cost?");
        rig.pass(Duration::from_secs(60));
        let state = (rig.phase(), rig.state.status, rig.prompts.len());
        assert_eq!(state, (PhaseName::Human, Status::Open, 0), "{heard_before_the_look}");
    }
}

/// The look after the order waits for its turn, and shows what a colleague has opened meanwhile.
#[test]
fn who_opens_what_an_operator_has_given_to_the_desk_has_it_however_late_the_look_is() {
    for heard in [false, true] {
        let mut rig = Rig::new(false);
        rig.customer("hello");
        rig.pass(Duration::from_secs(3));
        rig.reply("hi");
        rig.flush();
        rig.set_state(Status::Resolved, Assignee::Nobody);
        noted(&mut rig, Order::Human);
        let called = rig.calls().0;
        rig.step(Input::Ordered(Order::Bot));
        let mut looking = rig.looking.take().expect("a look tells how it was");
        let opened = rig.state_event(Status::Open, Assignee::Nobody);
        if heard {
            rig.step(Input::Inbound(Box::new(opened)));
        }
        looking.look.state = rig.state.clone();
        rig.step(Input::Looked { ticket: looking.ticket, result: Ok(Box::new(looking.look)) });
        assert_eq!(rig.phase(), PhaseName::Human, "{heard}");
        rig.customer("what does it cost?");
        rig.pass(Duration::from_secs(60));
        let state = (rig.phase(), rig.state.status, rig.prompts.len());
        assert_eq!(state, (PhaseName::Human, Status::Open, 1), "{heard}");
        assert_eq!(rig.calls().0, called + 1, "it may have been opened before the order: colleagues are called");
    }
}

/// What the vendor has refused does not land: of two tries of our change to pending only the second can.
#[test]
fn a_try_of_our_change_to_pending_that_was_refused_is_not_feared() {
    let mut rig = Rig::new(false);
    rig.set_state(Status::Open, Assignee::Nobody);
    rig.step(Input::Ordered(Order::Bot));
    claims(&mut rig);
    let refused = Verdict::Transient { retry_after: None, why: String::new() };
    rig.end_send(false, SendOutcome::Verdict(refused));
    rig.pass(Duration::from_secs(10));
    assert_eq!(rig.state.status, Status::Pending, "the second has landed");
    let person = || Assignee::Person("7".to_owned());
    for (status, assignee) in [(Status::Pending, Assignee::Nobody), (Status::Open, person())] {
        rig.set_state(status, assignee);
        rig.flush();
    }
    assert_eq!(rig.phase(), PhaseName::Human);
    rig.set_state(Status::Pending, person());
    assert_eq!(rig.phase(), PhaseName::Bot, "a person has given it back");
}

/// Lets looks and gates answer until something is on the wire.
fn claims(rig: &mut Rig) {
    while rig.sending.is_empty() {
        if rig.looking.is_some() {
            rig.end_look(true);
        } else {
            rig.clear_one();
        }
    }
}

/// A colleague gives it back in a note and by the status, and takes it again, while the desk's own change to pending is on the wire.
#[test]
fn who_takes_it_while_our_change_to_pending_is_on_the_wire_has_it_when_that_lands() {
    let person = || Assignee::Person("7".to_owned());
    for answered_first in [false, true] {
        let mut rig = Rig::new(false);
        rig.set_state(Status::Open, person());
        noted(&mut rig, Order::Bot);
        claims(&mut rig);
        rig.set_state(Status::Pending, Assignee::Us);
        rig.set_state(Status::Open, person());
        assert_eq!(rig.phase(), PhaseName::Human);
        let ours = rig.sending[0].clone();
        rig.land(&ours);
        let shown = Input::Inbound(Box::new(rig.inbound(Event::StateChanged)));
        for answers in [answered_first, !answered_first] {
            if answers {
                rig.end_send(false, settled());
            } else {
                rig.step(shown.clone());
            }
        }
        rig.customer("what does it cost?");
        rig.pass(Duration::from_secs(120));
        let state = (rig.phase(), rig.state.status, rig.prompts.len());
        assert_eq!(state, (PhaseName::Human, Status::Open, 0), "answered first: {answered_first}");
    }
}

/// Our change to pending is tried twice, and shown before the second try has ended: what is opened after that is a person's.
#[test]
fn who_opens_what_our_change_to_pending_has_shown_has_it_although_its_end_is_unheard() {
    let mut rig = Rig::new(false);
    let person = || Assignee::Person("7".to_owned());
    rig.set_state(Status::Open, person());
    noted(&mut rig, Order::Bot);
    claims(&mut rig);
    let finished = SendOutcome::Verdict(Verdict::Unknown { finished: true, why: String::new() });
    rig.end_send(false, finished);
    rig.now = rig.now + Duration::from_secs(5);
    rig.step(Input::DeadlineReached);
    claims(&mut rig);
    rig.set_state(Status::Pending, person());
    rig.set_state(Status::Open, person());
    assert_eq!(rig.phase(), PhaseName::Human);
}

/// The note that gave it back is heard last; it was opened again after that, as it had been before.
#[test]
fn a_note_from_before_it_was_opened_again_gives_nothing_back() {
    let person = || Assignee::Person("7".to_owned());
    for resolved in [true, false] {
        let mut rig = Rig::new(false);
        rig.set_state(Status::Open, person());
        rig.state.version += 1;
        let (mut state, id) = (rig.state.clone(), rig.next_id());
        rig.state.version += 1;
        rig.customer("are you there?");
        if resolved {
            // Nobody hears of that.
            rig.state_event(Status::Resolved, person());
            state = rig.state.clone();
            rig.state_event(Status::Open, person());
        } else {
            rig.set_state(Status::Pending, Assignee::Us);
            rig.set_state(Status::Open, person());
        }
        rig.customer("hello");
        assert_eq!(rig.phase(), PhaseName::Human);
        let asked = rig.prompts.len();
        let mut late = rig.inbound(Event::Ordered { id, order: Order::Bot });
        late.state = Some(state);
        rig.step(Input::Inbound(Box::new(late)));
        rig.pass(Duration::from_secs(60));
        assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Human, asked), "resolved: {resolved}");
    }
}
