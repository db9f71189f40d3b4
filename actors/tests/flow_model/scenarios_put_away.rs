//! A person puts the conversation away, or the customer had written before them, and all of that is heard out of order: whose it
//! is then, and who is called.

use super::scenarios_late::{answered, handovers, hear_of, opening, settled, unknown};
use frontdesk_actors::domain::{Assignee, ConversationState, Event, Order, Status};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::Input;
use std::time::Duration;

/// A person answers before the vendor has shown that the desk opened it, and what the customer had written before is heard after.
#[test]
fn what_the_customer_wrote_before_a_persons_words_stays_that_persons_however_late_it_is_heard() {
    let mut rig = answered();
    let before = rig.state.clone();
    rig.customer("a human please");
    rig.flush();
    let late = rig.customer_event("and quickly");
    let events = [rig.person_event("I am here"), late, rig.customer_event("and the weight?")];
    for (mut inbound, owed) in events.into_iter().zip([0, 0, 1]) {
        inbound.state = Some(before.clone());
        rig.step(Input::Inbound(Box::new(inbound)));
        // What is behind their words waits for the desk, should they have given it back already.
        assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Human, owed));
    }
    let version = rig.state.version + 1;
    rig.state = ConversationState { status: Status::Pending, version, ..before };
    hear_of(&mut rig, Status::Pending, version);
    rig.pass(Duration::from_secs(5));
    let prompt = rig.prompts.last().expect("the model is asked");
    assert_eq!(
        (rig.phase(), prompt.unanswered),
        (PhaseName::Bot, 1),
        "what the person had answered is not answered again"
    );
}

/// A person writes, and puts the conversation away before the desk has opened it; nobody hears of that. The customer comes back.
#[test]
fn who_writes_before_the_desk_has_opened_it_for_people_is_not_left_to_nobody() {
    let mut rig = answered();
    let early = rig.customer_event("how heavy is it?");
    rig.person("I have it");
    assert_eq!(rig.acquiring.len(), 1, "it is to be opened");
    rig.step(Input::Inbound(Box::new(early)));
    rig.customer("and the colour?");
    rig.customer("hello?");
    rig.flush();
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Human, Status::Open));
    let why =
        "what was written before their words is theirs; a card, and one when it is open, because the customer wrote on";
    assert_eq!(handovers(&rig), 2, "{why}");
    // Once people can see it, it is theirs.
    rig.customer("are you there?");
    rig.flush();
    assert_eq!(handovers(&rig), 2);
}

/// A person writes, puts the conversation away, and the customer comes back; the putting away is heard last.
#[test]
fn what_was_put_away_and_is_heard_so_after_it_has_come_back_is_the_desks() {
    for opening_leaves in [false, true] {
        let mut rig = answered();
        rig.person("I have it");
        if opening_leaves {
            rig.clear_one();
        }
        rig.customer("thank you");
        let words = rig.state.version;
        let resolved = words + 1;
        rig.state.version = words + 2;
        rig.customer("and the colour?");
        assert_eq!(rig.phase(), PhaseName::Human, "as far as is known");
        // From before they wrote it says nothing.
        hear_of(&mut rig, Status::Resolved, words);
        assert_eq!(rig.phase(), PhaseName::Human);
        hear_of(&mut rig, Status::Resolved, resolved);
        assert_eq!(rig.phase(), PhaseName::Bot, "they have put it away since");
        rig.pass(Duration::from_secs(5));
        assert_eq!((rig.phase(), rig.state.status), (PhaseName::Bot, Status::Pending), "opened: {opening_leaves}");
        let prompt = rig.prompts.last().expect("the model is asked");
        assert_eq!(prompt.unanswered, 1, "what they have dealt with is not answered again");
    }
}

/// A card about what waits says nothing about an opening that is still on its way.
#[test]
fn an_opening_that_lands_after_it_was_given_back_is_known_for_the_desks_own_although_a_card_was_posted() {
    let mut rig = opening();
    rig.customer("thank you");
    for (status, owed) in [(Status::Resolved, 0), (Status::Pending, 0)] {
        rig.set_state(status, Assignee::Us);
        assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Bot, owed));
    }
    rig.customer("and the colour?");
    rig.set_state(Status::Open, Assignee::Nobody);
    assert_eq!(rig.phase(), PhaseName::Human, "it may be a person who has opened it");
    rig.end_send(false, settled());
    rig.flush();
    assert_eq!(
        handovers(&rig),
        2,
        "one for what was asked before, one because nobody may know of what was asked since"
    );
}

/// The same, where the desk's opening lands in between and is heard of first.
#[test]
fn what_was_put_away_before_our_opening_and_asked_since_is_the_desks_however_the_opening_ended() {
    for outcome in [settled(), unknown()] {
        for answered_first in [true, false] {
            let mut rig = opening();
            rig.customer("thank you");
            let words = rig.state.version;
            let mut asked = rig.customer_event("and the colour?");
            asked.state = Some(ConversationState { version: words + 2, ..rig.state.clone() });
            rig.state.version = words + 2;
            if answered_first {
                rig.end_send(true, outcome.clone());
                hear_of(&mut rig, Status::Open, words + 3);
            } else {
                hear_of(&mut rig, Status::Open, words + 3);
                rig.end_send(true, outcome.clone());
            }
            hear_of(&mut rig, Status::Resolved, words + 1);
            rig.step(Input::Inbound(Box::new(asked)));
            rig.pass(Duration::from_secs(90));
            let case = format!("{outcome:?} first {answered_first}: {:?}", rig.view());
            assert_eq!((rig.phase(), rig.state.status), (PhaseName::Bot, Status::Pending), "{case}");
        }
    }
}

/// The same, where a look has shown that the customer came back before the desk's opening left.
#[test]
fn what_a_look_has_shown_before_our_opening_left_is_the_desks_once_the_putting_away_is_heard() {
    let mut rig = answered();
    rig.person("I have it");
    rig.customer("thank you");
    let words = rig.state.version;
    rig.customer_event("and the colour?");
    rig.state.version = words + 2;
    rig.step(Input::LookAround);
    rig.end_look(true);
    rig.flush();
    let open = rig.state.version;
    assert_eq!((rig.phase(), rig.state.status, open), (PhaseName::Human, Status::Open, words + 3));
    hear_of(&mut rig, Status::Open, open);
    hear_of(&mut rig, Status::Resolved, words + 1);
    rig.pass(Duration::from_secs(5));
    let prompt = rig.prompts.last().expect("the model is asked");
    assert_eq!((rig.phase(), rig.state.status, prompt.unanswered), (PhaseName::Bot, Status::Pending, 1));
}

/// What was opened by somebody else after it had been put away is theirs.
#[test]
fn what_a_person_opened_after_it_had_been_put_away_stays_theirs() {
    let mut rig = answered();
    rig.person("I have it");
    rig.flush();
    let ours = rig.state.version;
    hear_of(&mut rig, Status::Open, ours);
    hear_of(&mut rig, Status::Snoozed, ours + 2);
    hear_of(&mut rig, Status::Open, ours + 3);
    hear_of(&mut rig, Status::Resolved, ours + 1);
    rig.flush();
    assert_eq!(rig.phase(), PhaseName::Human);
}

/// A person resolves it just before our opening lands, and that is heard after the opening's own answer: the opening has undone it.
#[test]
fn what_our_opening_has_undone_is_told_where_the_customer_writes() {
    let mut rig = opening();
    (rig.state.assignee, rig.state.version) = (Assignee::Nobody, rig.state.version + 2);
    let resolved = rig.state.version - 1;
    rig.end_send(true, settled());
    hear_of(&mut rig, Status::Resolved, resolved);
    assert_eq!(rig.phase(), PhaseName::Bot);
    let (status, version) = (rig.state.status, rig.state.version);
    hear_of(&mut rig, status, version);
    assert_eq!((rig.phase(), status, rig.cards.len()), (PhaseName::Human, Status::Open, 0));
    rig.customer("are you there?");
    rig.flush();
    assert_eq!(rig.cards.len(), 1, "nobody else knows that somebody waits");
}

/// A person writes, the customer thanks them, and they put it away; nothing of that is heard. The customer comes back.
#[test]
fn who_comes_back_to_a_person_who_has_gone_unheard_is_told_of_once_it_is_open() {
    for comes in [false, true] {
        let mut rig = answered();
        rig.person("I have it");
        rig.customer("thank you");
        for status in [Status::Resolved, Status::Pending] {
            rig.state_event(status, Assignee::Us);
        }
        rig.customer("and the colour?");
        rig.customer("hello?");
        if comes {
            rig.person("red");
        }
        rig.flush();
        rig.pass(Duration::from_secs(700));
        assert_eq!((rig.phase(), rig.state.status, rig.said().len()), (PhaseName::Human, Status::Open, 1));
        assert_eq!(handovers(&rig), if comes { 1 } else { 2 }, "somebody comes: {comes}");
    }
}

/// A colleague takes it in a note, another answers and puts it away, and somebody opens it: all of it is heard late, and last that answer.
#[test]
fn what_stands_before_the_words_of_a_person_who_was_done_with_it_is_not_owed() {
    let mut rig = answered();
    let id = rig.next_id();
    let note = rig.inbound(Event::Ordered { id, order: Order::Human });
    rig.customer("what does it cost?");
    let answer = rig.person_event("ten euros");
    let away = rig.state_event(Status::Resolved, Assignee::Nobody);
    rig.set_state(Status::Open, Assignee::Nobody);
    rig.step(Input::Inbound(Box::new(note)));
    rig.step(Input::Inbound(Box::new(away)));
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Human, 1));
    rig.step(Input::Inbound(Box::new(answer)));
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Human, 0));
}
