//! Turns, takeovers and hand-backs.

use super::rig::{Rig, settled};
use super::scenarios_gate::pending;
use frontdesk_actors::domain::{Assignee, ConversationState, Event, Order, Status};
use frontdesk_actors::engine::{Intake, PhaseName};
use frontdesk_actors::flow::Input;
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::{ModelError, ModelErrorKind, ModelReply};
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A customer who has asked, and the model is being asked.
fn thinking() -> Rig {
    let mut rig = Rig::new(false);
    rig.customer("hello");
    rig.pass(secs(2));
    assert!(rig.asked.is_some());
    rig
}

#[test]
fn a_new_message_restarts_a_turn_twice_and_then_it_answers_exactly_what_it_was_asked() {
    let mut rig = thinking();
    for text in ["more", "and more"] {
        rig.customer(text);
        assert!(rig.asked.is_none(), "the call is aborted");
        rig.pass(secs(2));
    }
    rig.customer("one too many");
    assert!(rig.asked.is_some(), "it is not restarted a third time");
    assert_eq!(rig.prompts.last().map(|prompt| prompt.unanswered), Some(3));
    rig.reply("all three");
    assert_eq!(rig.view().owed, 1);
    rig.pass(secs(2));
    let last = rig.prompts.last().expect("asked again");
    assert_eq!((last.unanswered, last.history.last().map(|m| m.text.as_str())), (1, Some("one too many")));
}

#[test]
fn a_burst_is_answered_after_quiet_and_after_five_seconds_at_most() {
    let mut rig = Rig::new(false);
    for n in 0..10 {
        rig.customer(&format!("m{n}"));
        rig.pass(secs(1));
        assert_eq!(rig.prompts.len(), usize::from(n >= 4), "after message {n}");
        if n == 4 {
            break;
        }
    }
    assert_eq!(rig.prompts[0].unanswered, 5);
}

#[test]
fn a_duplicate_at_the_very_deadline_does_not_eat_it() {
    let mut rig = Rig::new(false);
    let event = rig.customer_event("hello");
    rig.step(Input::Inbound(Box::new(event.clone())));
    rig.now = rig.flow.deadline(&rig.policy).expect("a burst is due").0;
    let step = rig.step(Input::Inbound(Box::new(event)));
    assert_eq!(step.intake, Intake::Duplicate);
    assert!(rig.asked.is_some());
}

#[test]
fn messages_out_of_order_are_asked_in_the_vendors_order() {
    let mut rig = Rig::new(false);
    let (first, second) = (rig.customer_event("first"), rig.customer_event("second"));
    rig.step(Input::Inbound(Box::new(second)));
    rig.step(Input::Inbound(Box::new(first)));
    rig.pass(secs(3));
    let texts: Vec<&str> = rig.prompts[0].history.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["first", "second"]);
}

#[test]
fn a_deleted_message_is_not_answered() {
    let mut rig = thinking();
    let id = rig.vendor[0].id;
    let inbound = rig.inbound(Event::Deleted { id });
    rig.step(Input::Inbound(Box::new(inbound)));
    assert!(rig.asked.is_none());
    rig.pass(secs(60));
    assert_eq!((rig.prompts.len(), rig.view().owed, rig.view().memory.len()), (1, 0, 0));
}

#[test]
fn nobody_is_shown_to_type_when_nobody_answers_any_more() {
    type End = (&'static str, fn(&mut Rig));
    let ends: [End; 6] = [
        ("a person writes", |rig| drop(rig.person("I have it"))),
        ("opened", |rig| drop(rig.set_state(Status::Open, Assignee::Nobody))),
        ("resolved", |rig| drop(rig.set_state(Status::Resolved, Assignee::Us))),
        ("a person is asked for", |rig| drop(rig.customer("a human please"))),
        ("no retry helps", |rig| drop(rig.fail(ModelErrorKind::Quota))),
        ("deleted", |rig| {
            let id = rig.vendor[0].id;
            let inbound = rig.inbound(Event::Deleted { id });
            rig.step(Input::Inbound(Box::new(inbound)));
        }),
    ];
    for (name, end) in ends {
        let mut rig = thinking();
        assert!(rig.typing);
        end(&mut rig);
        assert!(!rig.typing, "{name}");
    }
    let mut rig = thinking();
    rig.fail(ModelErrorKind::Overloaded);
    assert!(rig.typing, "the model is asked again in a moment");
    rig.person("I have it");
    assert!(!rig.typing);
}

#[test]
fn a_model_that_fails_is_asked_again_and_then_a_person_is_fetched() {
    let mut rig = thinking();
    for _ in 0..3 {
        let ticket = rig.asked.take().expect("the model is asked");
        let error = ModelError { kind: ModelErrorKind::Overloaded, detail: String::new(), retry_after: None };
        rig.step(Input::ModelReplied { ticket, result: Err(error) });
        rig.pass(secs(3));
    }
    assert_eq!((rig.prompts.len(), rig.view().reason), (3, Some(Reason::ModelFailed)));
    assert_eq!(rig.said(), ["[HandoffSorry]"]);
}

#[test]
fn what_a_model_says_decides_who_goes_on() {
    let cases = [
        (Ok(ModelReply::Text("  ".to_owned())), Some(Reason::EmptyReply)),
        (Ok(ModelReply::Text("sorry, I don't know".to_owned())), Some(Reason::CannotAnswer)),
        (
            Ok(ModelReply::RequestHuman { reason: "angry".to_owned(), summary: None }),
            Some(Reason::AskedByModel("angry".to_owned())),
        ),
        (Ok(ModelReply::Text("ten euros".to_owned())), None),
    ];
    for (result, reason) in cases {
        let mut rig = thinking();
        let ticket = rig.asked.take().expect("the model is asked");
        rig.step(Input::ModelReplied { ticket, result });
        assert_eq!(rig.view().reason, reason);
    }
}

#[test]
fn an_assignee_that_merely_stays_is_no_takeover_and_one_who_comes_is() {
    let mut rig = Rig::new(false);
    let person = || Assignee::Person("7".to_owned());
    rig.state.assignee = person();
    rig.customer("hello");
    assert_eq!(rig.phase(), PhaseName::Bot, "who was there before us did not take over");
    rig.set_state(Status::Pending, Assignee::Nobody);
    rig.set_state(Status::Pending, person());
    assert_eq!(rig.view().reason, Some(Reason::PersonAssigned));
    rig.set_state(Status::Resolved, person());
    rig.set_state(Status::Pending, person());
    rig.customer("again");
    assert_eq!(rig.phase(), PhaseName::Bot, "after a resolve the old assignee stays");
}

#[test]
fn an_assignment_counts_where_nothing_was_heard_before_it() {
    let person = || Assignee::Person("5".to_owned());
    // The customer's next message shows the state first; the webhook of the assignment comes after it.
    let mut rig = Rig::new(false);
    rig.set_state(Status::Pending, person());
    rig.customer("Is anybody there?");
    assert_eq!(rig.phase(), PhaseName::Bot, "an assignee that is merely there may be of long ago");
    let assigned = rig.inbound(Event::Assigned);
    rig.step(Input::Inbound(Box::new(assigned.clone())));
    assert_eq!(rig.phase(), PhaseName::Human);
    // Given back by a later change, it stays so, however often the webhook is repeated.
    rig.set_state(Status::Resolved, person());
    rig.set_state(Status::Pending, person());
    rig.step(Input::Inbound(Box::new(assigned)));
    rig.customer("One more question");
    assert_eq!(rig.phase(), PhaseName::Bot);
}

#[test]
fn an_assignment_counts_where_later_news_was_heard_before_its_webhook() {
    let person = || Assignee::Person("5".to_owned());
    let assigned_late = || {
        let mut rig = Rig::new(false);
        rig.state = ConversationState { assignee: person(), version: 2, ..rig.state.clone() };
        let assigned = rig.inbound(Event::Assigned);
        // Its webhook is refused and comes again; the customer's message shows a newer version of the same.
        rig.state.version = 3;
        rig.customer("Is anybody there?");
        (rig, assigned)
    };
    let (mut rig, assigned) = assigned_late();
    assert_eq!(rig.phase(), PhaseName::Bot);
    rig.step(Input::Inbound(Box::new(assigned.clone())));
    assert_eq!(rig.phase(), PhaseName::Human);
    rig.set_state(Status::Resolved, person());
    rig.set_state(Status::Pending, person());
    rig.step(Input::Inbound(Box::new(assigned)));
    assert_eq!(rig.phase(), PhaseName::Bot, "given back since");

    // What changed before the webhook came was a later decision.
    let (mut rig, assigned) = assigned_late();
    rig.set_state(Status::Resolved, person());
    rig.set_state(Status::Pending, person());
    rig.step(Input::Inbound(Box::new(assigned)));
    assert_eq!(rig.phase(), PhaseName::Bot);
}

#[test]
fn an_older_state_is_ignored() {
    let mut rig = Rig::new(false);
    rig.customer("hello");
    rig.set_state(Status::Pending, Assignee::Nobody);
    let mut inbound = rig.inbound(Event::StateChanged);
    if let Some(state) = &mut inbound.state {
        (state.status, state.version) = (Status::Open, 1);
    }
    assert!(matches!(rig.step(Input::Inbound(Box::new(inbound))).intake, Intake::Ignored(_)));
    assert_eq!((rig.phase(), rig.view().status), (PhaseName::Bot, Some(Status::Pending)));
}

#[test]
fn after_a_resolve_nothing_is_owed_in_any_phase() {
    let resolve = |rig: &mut Rig| {
        rig.set_state(Status::Resolved, Assignee::Us);
        assert_eq!(rig.view().owed, 0);
        assert!(rig.asked.is_none());
    };
    resolve(&mut pending().0);
    resolve(&mut thinking());
    let mut rig = Rig::new(true);
    rig.customer("what does it cost?");
    resolve(&mut rig);
    let mut rig = thinking();
    rig.step(Input::Ordered(Order::Human));
    resolve(&mut rig);
}

#[test]
fn forgetting_forgets_what_was_asked_too() {
    for mut rig in [pending().0, thinking()] {
        rig.step(Input::Ordered(Order::Forget));
        assert_eq!((rig.view().owed, rig.flow.is_forgotten()), (0, true));
    }
}

#[test]
fn a_person_outweighs_a_conversation_that_looks_the_bots() {
    let mut rig = thinking();
    rig.step(Input::Ordered(Order::Human));
    rig.flush();
    rig.set_state(Status::Open, Assignee::Nobody);
    rig.step(Input::Ordered(Order::Bot));
    rig.flush();
    assert_eq!(rig.state.status, Status::Pending, "the desk took it back, and nobody has told it so yet");
    rig.step(Input::Ordered(Order::Human));
    rig.person("I have it");
    assert_eq!(rig.phase(), PhaseName::Human);
}

#[test]
fn the_desks_own_pending_that_lands_after_a_persons_words_is_no_hand_back() {
    for heard_first in [true, false] {
        let mut rig = thinking();
        rig.person("I have it");
        rig.flush();
        rig.set_state(Status::Open, Assignee::Nobody);
        rig.step(Input::Ordered(Order::Bot));
        rig.clear_one();
        assert_eq!((rig.phase(), rig.sending.len()), (PhaseName::Bot, 1), "the desk tells the vendor that it has it");
        rig.person("no, wait, I do");
        let row = rig.sending[0].clone();
        rig.land(&row);
        let told = Input::Inbound(Box::new(rig.inbound(Event::StateChanged)));
        if heard_first {
            rig.step(told.clone());
        }
        rig.sending.remove(0);
        rig.step(Input::Sent { row: row.seq, attempt: row.tries, outcome: settled() });
        if !heard_first {
            rig.step(told);
        }
        assert_eq!((rig.state.status, rig.phase()), (Status::Pending, PhaseName::Human), "nobody gave it back");
        rig.flush();
        assert_eq!(rig.state.status, Status::Open, "the people see it again");
        rig.set_state(Status::Open, Assignee::Nobody);
        rig.set_state(Status::Pending, Assignee::Nobody);
        assert_eq!(rig.phase(), PhaseName::Bot, "a person gave it back");
    }
}

#[test]
fn a_persons_words_that_are_heard_late_leave_what_the_customer_wrote_since_owed() {
    for fetched in [true, false] {
        let mut rig = thinking();
        let words = rig.person_event("I have it");
        if fetched {
            rig.step(Input::Ordered(Order::Human));
            rig.flush();
        }
        rig.customer("are you there?");
        rig.step(Input::Inbound(Box::new(words)));
        assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Human, 1), "the words came before that question");
        rig.flush();
        rig.set_state(Status::Open, Assignee::Nobody);
        rig.set_state(Status::Pending, Assignee::Nobody);
        rig.pass(secs(2));
        let asked = rig.prompts.last().expect("the model is asked");
        assert_eq!((asked.unanswered, asked.history.last().map(|m| m.text.as_str())), (1, Some("are you there?")));
    }
}

#[test]
fn the_human_switch_counts_for_a_message_that_comes_with_a_hand_back() {
    let mut rig = thinking();
    rig.person("I have it");
    rig.set_state(Status::Open, Assignee::Nobody);
    rig.human_mode = true;
    rig.state.status = Status::Pending;
    rig.state.version += 1;
    rig.customer("hello again");
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::HumanMode)));
    rig.human_mode = false;
    rig.customer("and again");
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Bot, 2));
}

/// A customer whom nobody comes to writes on, and the conversation is given back.
#[test]
fn what_is_asked_while_nobody_comes_is_answered_however_often_it_is() {
    let mut rig = Rig::new(false);
    rig.customer("I want a human");
    rig.flush();
    for _ in 0..45 {
        rig.customer("are you there?");
    }
    rig.flush();
    rig.step(Input::Ordered(Order::Bot));
    rig.pass(secs(2));
    assert_eq!(rig.prompts.last().map(|prompt| prompt.unanswered), Some(45));
}
