//! What happens around a gap: answers that come late, events read back, and conversations the vendor opened meanwhile.

use crate::rig::Rig;
use frontdesk_actors::domain::{Assignee, ConversationState, CustomerMessage, Event, Status};
use frontdesk_actors::engine::{Intake, PhaseName};
use frontdesk_actors::flow::{Effect, Incident, Input, Known, Step};
use frontdesk_actors::ids::MessageId;
use frontdesk_actors::language::Reason;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Delivers what was missed, with the vendor's state of this moment.
fn catch_up(rig: &mut Rig, events: Vec<Event>) -> Step {
    let inbound = rig.inbound(Event::Missed { events, complete: true });
    rig.step(Input::Inbound(Box::new(inbound)))
}

fn wrote(rig: &mut Rig, text: &str) -> Event {
    rig.customer_event(text).event
}

/// A desk at rest in `Bot`, after one answer.
fn answered() -> Rig {
    let mut rig = Rig::new(false);
    rig.customer("hello");
    rig.pass(Duration::from_secs(3));
    rig.reply("hi");
    rig.flush();
    rig
}

/// The vendor opens the conversation by itself, and nobody hears of it.
fn opens_unheard(rig: &mut Rig, assignee: Assignee) {
    let version = rig.state.version + 1;
    rig.state = ConversationState { status: Status::Open, assignee, version };
}

#[test]
fn what_reopened_a_conversation_after_it_was_listed_as_resolved_is_owed() {
    let mut rig = answered();
    rig.state = ConversationState { status: Status::Resolved, version: rig.state.version + 1, ..rig.state.clone() };
    let listed = rig.inbound(Event::StateChanged);
    rig.state = ConversationState { status: Status::Pending, version: rig.state.version + 1, ..rig.state.clone() };
    let wrote = rig.customer_event("one more thing");
    let missed = Event::Missed { events: vec![wrote.event.clone()], complete: true };
    rig.step(Input::Inbound(Box::new(wrote)));
    rig.step(Input::Inbound(Box::new(frontdesk_actors::domain::Inbound { event: missed, ..listed })));
    assert_eq!(rig.view().owed, 1, "it was put away before the customer wrote");
    rig.pass(Duration::from_secs(3));
    rig.reply("yes?");
    rig.flush();
    assert_eq!(rig.said(), ["hi", "yes?"]);
}

#[test]
fn what_was_missed_is_taken_once_and_in_its_order() {
    let mut rig = Rig::new(false);
    let (first, second) = (wrote(&mut rig, "first"), wrote(&mut rig, "second"));
    let step = catch_up(&mut rig, vec![first.clone(), second.clone()]);
    assert_eq!(step.intake, Intake::Accepted);
    assert_eq!(catch_up(&mut rig, vec![first, second]).intake, Intake::Duplicate);
    rig.pass(Duration::from_secs(3));
    let texts: Vec<&str> = rig.prompts[0].history.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["first", "second"]);
    rig.reply("both");
    rig.flush();
    assert_eq!(rig.said(), ["both"]);
}

#[test]
fn a_missed_question_that_a_person_answered_is_not_answered_again() {
    for status in [Status::Pending, Status::Open, Status::Resolved] {
        for gate in [false, true] {
            let mut rig = Rig::new(gate);
            let (asked, person) = (wrote(&mut rig, "what does it cost?"), rig.person_event("ten euros").event);
            rig.state = ConversationState { status, assignee: Assignee::Us, version: 9 };
            catch_up(&mut rig, vec![asked, person]);
            rig.pass(MINUTE);
            assert_eq!((rig.said(), rig.prompts.len()), (vec![], 0), "{status:?} {gate}");
        }
    }
}

#[test]
fn what_was_resolved_unheard_is_not_answered() {
    for gate in [false, true] {
        let mut rig = Rig::new(gate);
        let asked = wrote(&mut rig, "what does it cost?");
        rig.state = ConversationState { status: Status::Resolved, assignee: Assignee::Us, version: 9 };
        catch_up(&mut rig, vec![asked]);
        rig.pass(MINUTE);
        assert_eq!((rig.said(), rig.prompts.len(), rig.view().owed), (vec![], 0, 0), "{gate}");
    }
}

#[test]
fn a_record_tells_what_it_does_not_know_of() {
    let mut rig = answered();
    let known = Known::read(&rig.flow.encode()).expect("what was encoded can be decoded");
    let message = |id| {
        let (id, at) = (MessageId::numeric(id), rig.now);
        Event::CustomerWrote(CustomerMessage { id, at, text: "hello".to_owned(), attachments: 0, voice: None })
    };
    assert!(!known.is_news(&message(1)) && known.is_news(&message(7)));
    assert!(!known.is_other_state(&rig.state));
    assert!(!known.needs_wake() && known.oldest().is_none());
    opens_unheard(&mut rig, Assignee::Us);
    assert!(known.is_other_state(&rig.state));
    rig.customer("and now?");
    let known = Known::read(&rig.flow.encode()).expect("what was encoded can be decoded");
    assert!(!known.needs_wake(), "a person has it");
}

#[test]
fn a_look_around_finds_what_nobody_heard() {
    let mut rig = answered();
    rig.now = rig.now + MINUTE;
    let _ = rig.customer_event("are you there?");
    rig.step(Input::LookAround);
    rig.pass(Duration::from_secs(5));
    rig.reply("yes");
    rig.flush();
    assert_eq!(rig.said(), ["hi", "yes"]);
}

#[test]
fn a_conversation_opened_by_failure_is_told_about_and_left_to_people() {
    let mut rig = answered();
    rig.flow.suspect();
    opens_unheard(&mut rig, Assignee::Us);
    let asked = wrote(&mut rig, "are you there?");
    let step = catch_up(&mut rig, vec![asked]);
    assert!(step.effects.contains(&Effect::Alert(Incident::OpenedByFailure)), "{step:?}");
    rig.pass(HOUR);
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::DeskAway)));
    assert_eq!((rig.said(), rig.state.status), (vec!["hi"], Status::Open));
}

#[test]
fn a_conversation_opened_by_failure_is_taken_back_after_two_looks() {
    let mut rig = answered();
    rig.policy.away.reclaim = true;
    rig.flow.suspect();
    opens_unheard(&mut rig, Assignee::Us);
    let asked = wrote(&mut rig, "are you there?");
    catch_up(&mut rig, vec![asked]);
    rig.end_look(true);
    assert_eq!(rig.phase(), PhaseName::Human, "one look is not enough");
    rig.pass(MINUTE);
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Bot, Status::Pending));
    rig.reply("yes");
    rig.flush();
    assert_eq!(rig.said(), ["hi", "yes"]);
}

#[test]
fn an_answer_that_was_cut_off_is_given_after_the_conversation_was_taken_back() {
    let mut rig = Rig::new(false);
    rig.policy.away.reclaim = true;
    rig.customer("what does it cost?");
    rig.pass(Duration::from_secs(3));
    rig.flow.suspect();
    rig.reply("ten euros");
    assert!(rig.sending.is_empty(), "it looks before it speaks");
    opens_unheard(&mut rig, Assignee::Us);
    rig.looking.as_mut().expect("a look is running").look.state = rig.state.clone();
    rig.pass(MINUTE);
    rig.reply("ten euros");
    rig.flush();
    assert_eq!(rig.said(), ["ten euros"]);
}

#[test]
fn at_the_gate_the_customer_is_asked_again_after_it_was_taken_back() {
    let mut rig = Rig::new(true);
    rig.policy.away.reclaim = true;
    let asked = wrote(&mut rig, "what does it cost?");
    opens_unheard(&mut rig, Assignee::Us);
    catch_up(&mut rig, vec![asked]);
    assert_eq!(rig.phase(), PhaseName::Human);
    rig.pass(MINUTE);
    assert_eq!((rig.phase(), rig.said()), (PhaseName::AwaitingEmail, vec!["[AskEmail]"]));
}

#[test]
fn whoever_touches_it_keeps_it() {
    type Touch = fn(&mut Rig);
    let touches: [(&str, Touch); 4] = [
        ("a person wrote unheard", |rig| drop(rig.person_event("I am here"))),
        ("a person was assigned unheard", |rig| opens_unheard(rig, Assignee::Person("5".to_owned()))),
        ("the bot was taken off unheard", |rig| opens_unheard(rig, Assignee::OtherBot("8".to_owned()))),
        ("a person wrote", |rig| drop(rig.person("I am here"))),
    ];
    for (what, touch) in touches {
        let mut rig = answered();
        rig.policy.away.reclaim = true;
        rig.flow.suspect();
        opens_unheard(&mut rig, Assignee::Us);
        catch_up(&mut rig, Vec::new());
        rig.end_look(true);
        touch(&mut rig);
        rig.pass(HOUR);
        assert_eq!((rig.phase(), rig.state.status, rig.said()), (PhaseName::Human, Status::Open, vec!["hi"]), "{what}");
    }
}

#[test]
fn a_look_that_does_not_show_everything_takes_nothing_back() {
    let mut rig = answered();
    rig.policy.away.reclaim = true;
    rig.flow.suspect();
    opens_unheard(&mut rig, Assignee::Us);
    rig.step(Input::LookAround);
    rig.end_look(false);
    assert_eq!(rig.view().reason, Some(Reason::DeskAway));
    rig.pass(HOUR);
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Human, Status::Open));
}

#[test]
fn what_people_open_is_not_taken_for_a_failure() {
    // Heard at once: there was no gap.
    let mut rig = answered();
    rig.set_state(Status::Open, Assignee::Us);
    assert_eq!(rig.view().reason, Some(Reason::NotPending));
    // Heard long after the gap.
    let mut rig = answered();
    rig.flow.suspect_until(rig.now);
    rig.now = rig.now + HOUR;
    rig.set_state(Status::Open, Assignee::Us);
    assert_eq!(rig.view().reason, Some(Reason::NotPending));
    // The consequence of the gap comes as a webhook.
    let mut rig = answered();
    rig.flow.suspect_until(rig.now);
    rig.now = rig.now + Duration::from_secs(10);
    rig.set_state(Status::Open, Assignee::Us);
    assert_eq!(rig.view().reason, Some(Reason::DeskAway));
    // Its last try was refused, and a look came first.
    let mut rig = answered();
    rig.flow.suspect_until(rig.now);
    rig.step(Input::LookAround);
    rig.end_look(true);
    rig.now = rig.now + Duration::from_secs(20);
    rig.set_state(Status::Open, Assignee::Us);
    assert_eq!(rig.view().reason, Some(Reason::DeskAway));
    // The look was long ago: somebody did that.
    let mut rig = answered();
    rig.flow.suspect_until(rig.now);
    rig.step(Input::LookAround);
    rig.end_look(true);
    rig.now = rig.now + MINUTE;
    rig.set_state(Status::Open, Assignee::Us);
    assert_eq!(rig.view().reason, Some(Reason::NotPending));
    // Whoever opened it took the bot off, or took it.
    for assignee in [Assignee::Nobody, Assignee::Person("5".to_owned())] {
        let mut rig = answered();
        rig.flow.suspect();
        opens_unheard(&mut rig, assignee);
        catch_up(&mut rig, Vec::new());
        assert_ne!(rig.view().reason, Some(Reason::DeskAway));
        assert!(!rig.incidents.contains(&Incident::OpenedByFailure));
    }
}

#[test]
fn a_record_with_a_taking_back_in_progress_goes_on_after_a_crash() {
    let mut rig = answered();
    rig.policy.away.reclaim = true;
    rig.flow.suspect();
    opens_unheard(&mut rig, Assignee::Us);
    catch_up(&mut rig, Vec::new());
    rig.end_look(true);
    assert!(Known::read(&rig.flow.encode()).expect("it is a record").needs_wake());
    rig.crash(false);
    rig.pass(2 * MINUTE);
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Bot, Status::Pending));
}
