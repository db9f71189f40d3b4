//! Channels that can be answered only where somebody waits: each place is answered once, with words or without.

use super::rig::{Rig, settled};
use super::scenarios_outbox::unknown;
use frontdesk_actors::domain::{Event, Order};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::outbox::{Row, RowKind};
use frontdesk_actors::flow::{Incident, Input, SendOutcome, Step};
use frontdesk_actors::ids::{MessageId, ReplyHandle};
use frontdesk_actors::ports::{Act, Verdict};
use frontdesk_actors::view::{Decided, Decision, Intake};
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn asks(rig: &mut Rig, text: &str, place: &str) -> Step {
    let mut inbound = rig.customer_event(text);
    inbound.reply = Some(ReplyHandle(place.to_owned()));
    rig.step(Input::Inbound(Box::new(inbound)))
}

/// What is said at a place: the words, or how it is let go.
fn said(row: &Row) -> Option<(String, String)> {
    let place = row.reply_place()?.handle.0;
    match &row.kind {
        RowKind::Act(Act::Text { text, .. }) => Some((place, text.clone())),
        RowKind::Act(Act::Dismiss { person: true }) => Some((place, "(person)".to_owned())),
        RowKind::Act(Act::Dismiss { person: false }) => Some((place, "()".to_owned())),
        RowKind::Act(_) | RowKind::Mail(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => None,
    }
}

/// Lets everything leave, and returns what was said where.
pub(crate) fn leaves(rig: &mut Rig) -> Vec<(String, String)> {
    let mut places = Vec::new();
    for _ in 0..100 {
        if rig.looking.is_some() {
            rig.end_look(false);
        } else if !rig.acquiring.is_empty() {
            rig.clear_one();
        } else if let Some(row) = rig.sending.first().cloned() {
            places.extend(said(&row));
            rig.end_send(true, settled());
        } else {
            return places;
        }
    }
    panic!("it never comes to rest: {:?}", rig.view());
}

pub(crate) fn pairs(said: &[(&str, &str)]) -> Vec<(String, String)> {
    said.iter().map(|(place, text)| ((*place).to_owned(), (*text).to_owned())).collect()
}

/// The model has answered one question, and the answer is on the wire at its place.
pub(crate) fn answering() -> Rig {
    let mut rig = Rig::new(false);
    asks(&mut rig, "hello", "p1");
    rig.pass(secs(2));
    rig.reply("Good day.");
    while rig.sending.is_empty() {
        rig.clear_one();
    }
    rig
}

/// What waits is tried again, and nothing else happens meanwhile.
pub(crate) fn send_again(rig: &mut Rig) {
    while rig.sending.is_empty() {
        if rig.looking.is_some() {
            rig.end_look(false);
        } else if rig.acquiring.is_empty() {
            rig.now = rig.flow.deadline(&rig.policy).unwrap_or_else(|| panic!("it is tried again: {:?}", rig.view())).0;
            rig.step(Input::DeadlineReached);
        } else {
            rig.clear_one();
        }
    }
}

pub(crate) fn refused() -> SendOutcome {
    SendOutcome::Verdict(Verdict::Rejected { why: String::new() })
}

#[test]
fn one_answer_to_a_burst_leaves_at_the_newest_place_and_the_others_are_let_go() {
    let mut rig = Rig::new(false);
    for (text, place) in [("hello", "p1"), ("are you there", "p2"), ("do you ship", "p3")] {
        asks(&mut rig, text, place);
    }
    rig.pass(secs(2));
    rig.reply("We do. And this answer is long enough to be split into several parts of forty characters each.");
    let places = leaves(&mut rig);
    assert_eq!(places.len(), 3, "{places:?}");
    assert_eq!(places[0].0, "p3");
    assert!(places[0].1.starts_with("We do.") && places[0].1.ends_with("each."), "{places:?}");
    assert_eq!(places[1..], pairs(&[("p1", "()"), ("p2", "()")]));
    assert!(!rig.flow.has_work() && rig.view().outbox.is_empty());
}

#[test]
fn a_repeated_request_is_taken_once() {
    let mut rig = Rig::new(false);
    asks(&mut rig, "hello", "p1");
    assert_eq!(asks(&mut rig, "hello", "p1").intake, Intake::Duplicate);
    rig.pass(secs(2));
    rig.reply("Good day.");
    assert_eq!(leaves(&mut rig), pairs(&[("p1", "Good day.")]));
    assert_eq!(asks(&mut rig, "hello", "p1").intake, Intake::Duplicate);
    assert!(leaves(&mut rig).is_empty());
}

#[test]
fn while_a_person_has_it_whoever_waits_is_let_go_at_once() {
    let mut rig = Rig::new(false);
    asks(&mut rig, "I want a human", "p1");
    let places = leaves(&mut rig);
    assert_eq!((places.len(), places[0].0.as_str(), rig.phase()), (1, "p1", PhaseName::Human), "{places:?}");
    asks(&mut rig, "hello?", "p2");
    assert_eq!(leaves(&mut rig), pairs(&[("p2", "(person)")]));
}

#[test]
fn a_person_who_comes_while_the_model_thinks_ends_the_turn_and_the_place_is_let_go() {
    let mut rig = Rig::new(false);
    asks(&mut rig, "hello", "p1");
    rig.pass(secs(2));
    rig.person("I am here");
    assert_eq!(leaves(&mut rig), pairs(&[("p1", "(person)")]));
}

#[test]
fn an_answer_of_unknown_outcome_is_repeated_at_its_own_place() {
    let mut rig = answering();
    rig.end_send(false, unknown(false));
    assert!(rig.looking.is_none(), "its place tells, no look can");
    rig.now = rig.flow.deadline(&rig.policy).unwrap_or_else(|| panic!("it is tried again: {:?}", rig.view())).0;
    rig.step(Input::DeadlineReached);
    rig.clear_one();
    let place = rig.sending[0].reply_place().expect("a place");
    assert_eq!((place.handle.0.as_str(), place.doubted), ("p1", true));
    rig.end_send(true, settled());
    assert_eq!((rig.said(), rig.flow.has_work()), (vec!["Good day."], false));
}

#[test]
fn a_crash_between_claim_and_answer_repeats_at_the_same_place() {
    for landed in [false, true] {
        let mut rig = answering();
        let place = rig.sending[0].reply_place().expect("a place");
        assert!(!place.doubted);
        // The vendor of the rig keeps no places, so that the second try must not land again.
        rig.crash(landed);
        for _ in 0..20 {
            if rig.looking.is_some() {
                rig.end_look(false);
            } else if !rig.acquiring.is_empty() {
                rig.clear_one();
            } else if rig.sending.is_empty() {
                let Some((at, _)) = rig.flow.deadline(&rig.policy) else { break };
                rig.now = at;
                rig.step(Input::DeadlineReached);
            } else {
                assert!(rig.sending[0].reply_place().expect("a place").doubted);
                rig.end_send(!landed, settled());
            }
        }
        assert_eq!((rig.said(), rig.flow.has_work()), (vec!["Good day."], false), "landed: {landed}");
    }
}

#[test]
fn an_answer_whose_place_is_gone_leaves_at_another_and_else_fetches_a_person() {
    let mut rig = Rig::new(false);
    asks(&mut rig, "hello", "p1");
    asks(&mut rig, "hello?", "p2");
    rig.pass(secs(2));
    rig.reply("Good day.");
    while rig.sending.is_empty() {
        rig.clear_one();
    }
    assert_eq!(said(&rig.sending[0]), Some(("p2".to_owned(), "Good day.".to_owned())));
    rig.end_send(false, refused());
    assert_eq!(leaves(&mut rig), pairs(&[("p1", "Good day."), ("p2", "()")]));

    let mut rig = answering();
    rig.end_send(false, refused());
    assert_eq!(rig.phase(), PhaseName::Human);
    leaves(&mut rig);
    assert!(!rig.flow.has_work(), "what can only be said at a place is no work before there is one");
    asks(&mut rig, "hello?", "p2");
    let places = leaves(&mut rig);
    assert_eq!((places.len(), places[0].0.as_str()), (1, "p2"), "{places:?}");
    assert!(places[0].1 != "(person)", "the customer is told that a person was fetched: {places:?}");
}

/// Nobody waits there, as a first try is told.
fn nobody_waits() -> SendOutcome {
    SendOutcome::Verdict(Verdict::Gone { why: String::new() })
}

#[test]
fn a_place_where_nobody_waits_is_not_called_again() {
    let mut rig = answering();
    rig.end_send(false, nobody_waits());
    assert_eq!(rig.phase(), PhaseName::Human);
    assert!(leaves(&mut rig).is_empty(), "nobody is there to be let go");
    asks(&mut rig, "hello?", "p2");
    let places = leaves(&mut rig);
    assert_eq!((places.len(), places[0].0.as_str()), (1, "p2"), "the customer is told there: {places:?}");

    let mut rig = Rig::new(false);
    asks(&mut rig, "hello", "p1");
    asks(&mut rig, "hello?", "p2");
    rig.pass(secs(2));
    rig.reply("Good day.");
    while rig.sending.is_empty() {
        rig.clear_one();
    }
    rig.end_send(false, nobody_waits());
    assert_eq!(leaves(&mut rig), pairs(&[("p1", "Good day.")]));
}

#[test]
fn who_waits_where_an_answer_was_refused_hears_that_a_person_has_it() {
    let mut rig = answering();
    rig.end_send(false, refused());
    assert_eq!(leaves(&mut rig), pairs(&[("p1", "(person)")]));
}

#[test]
fn a_place_that_refuses_to_be_let_go_is_forgotten() {
    let mut rig = Rig::new(false);
    rig.person("mine");
    rig.flush();
    asks(&mut rig, "hello", "p1");
    rig.clear_one();
    while rig.sending.first().is_some_and(|row| said(row).is_none()) {
        rig.end_send(true, settled());
        rig.clear_one();
    }
    rig.end_send(false, refused());
    assert!(leaves(&mut rig).is_empty() && !rig.flow.has_work());
}

#[test]
fn what_was_asked_while_nobody_could_be_answered_leaves_with_the_next_answer() {
    let mut rig = Rig::new(false);
    asks(&mut rig, "I want a human", "p1");
    leaves(&mut rig);
    asks(&mut rig, "do you ship", "p2");
    leaves(&mut rig);
    rig.step(Input::Ordered(Order::Bot));
    rig.pass(secs(2));
    rig.reply("We ship.");
    leaves(&mut rig);
    assert!(!rig.flow.has_work() && rig.view().outbox.len() == 1, "{:?}", rig.view().outbox);
    asks(&mut rig, "and open?", "p3");
    rig.pass(secs(2));
    rig.reply("We open.");
    assert_eq!(leaves(&mut rig), pairs(&[("p3", "We ship.\n\nWe open.")]));
}

#[test]
fn nothing_is_let_go_while_everything_is_paused() {
    let mut rig = Rig::new(false);
    rig.person("mine");
    rig.flush();
    rig.pause(true);
    asks(&mut rig, "hello", "p1");
    assert!(rig.acquiring.is_empty() && rig.flow.has_work());
    rig.flow = rig.restored();
    rig.pause(false);
    assert_eq!(leaves(&mut rig), pairs(&[("p1", "(person)")]));
}

#[test]
fn an_event_that_is_no_message_is_let_go_as_well() {
    let mut rig = Rig::new(false);
    let mut inbound = rig.inbound(Event::StateChanged);
    inbound.reply = Some(ReplyHandle("p1".to_owned()));
    rig.step(Input::Inbound(Box::new(inbound)));
    assert_eq!(leaves(&mut rig), pairs(&[("p1", "()")]));
}

#[test]
fn an_answer_in_doubt_is_neither_said_again_nor_its_place_used_again_when_people_are_called() {
    let mut rig = answering();
    rig.end_send(false, unknown(false));
    asks(&mut rig, "I want a human", "p2");
    let places = leaves(&mut rig);
    let words = |place: &str| places.iter().any(|(at, text)| at == place && !text.starts_with('('));
    assert!(words("p2"), "people are announced where the customer has just asked: {places:?}");
    assert!(!words("p1"), "the answer may have been read there: {places:?}");
    assert!(places.contains(&("p1".to_owned(), "(person)".to_owned())), "{places:?}");
    rig.step(Input::Ordered(Order::Bot));
    rig.pass(secs(60));
    assert!(rig.asked.is_none(), "the question is not answered once more");
}

#[test]
fn a_place_that_tells_nothing_for_long_is_shown_to_an_operator_and_blocks_nothing() {
    let mut rig = answering();
    for _ in 0..12 {
        send_again(&mut rig);
        rig.end_send(false, unknown(false));
    }
    let view = rig.view();
    assert_eq!(view.outbox.iter().map(|row| row.state.as_str()).collect::<Vec<_>>(), ["held"]);
    asks(&mut rig, "are you there", "p2");
    rig.pass(secs(10));
    rig.reply("We are.");
    assert!(leaves(&mut rig).contains(&("p2".to_owned(), "We are.".to_owned())));
}

#[test]
fn an_answer_in_doubt_that_is_refused_is_not_said_at_another_place() {
    let mut rig = answering();
    asks(&mut rig, "are you there", "p2");
    rig.end_send(false, unknown(false));
    send_again(&mut rig);
    rig.end_send(false, refused());
    let places = leaves(&mut rig);
    assert!(places.iter().all(|(_, text)| !text.contains("Good day")), "{places:?}");
    assert_eq!(rig.phase(), PhaseName::Human);
}

/// Nobody waits at the place any more, after a try of unknown outcome there.
fn gone() -> SendOutcome {
    unknown(true)
}

#[test]
fn a_place_that_is_gone_soon_after_a_doubted_try_has_taken_it() {
    let mut rig = answering();
    rig.end_send(true, unknown(false));
    send_again(&mut rig);
    rig.end_send(false, gone());
    assert!(rig.view().outbox.is_empty() && !rig.flow.has_work(), "{:?}", rig.view().outbox);
    assert_eq!((rig.phase(), rig.said()), (PhaseName::Bot, vec!["Good day."]));
}

#[test]
fn a_place_that_is_gone_long_after_the_first_try_tells_nothing_and_an_operator_decides() {
    for resent in [true, false] {
        let mut rig = answering();
        for _ in 0..9 {
            rig.end_send(false, unknown(false));
            send_again(&mut rig);
        }
        rig.end_send(false, gone());
        let [row] = &rig.view().outbox[..] else { panic!("it is kept: {:?}", rig.view().outbox) };
        assert_eq!(row.state, "held");
        assert!(rig.incidents.contains(&Incident::RowHeld));
        assert!(!rig.flow.has_work(), "it waits for nobody else");
        let decision = if resent { Decision::Resend } else { Decision::Drop };
        let step = rig.step(Input::Decided { row: row.id.clone(), decision });
        assert_eq!(step.decided, Some(Decided::Done));
        assert!(leaves(&mut rig).is_empty(), "nobody waits for words");
        asks(&mut rig, "are you there", "p2");
        let mut places = leaves(&mut rig);
        rig.pass(secs(10));
        if rig.asked.is_some() {
            rig.reply("We are.");
        }
        places.extend(leaves(&mut rig));
        let words = places.iter().filter(|(_, text)| text.contains("Good day.")).count();
        assert_eq!(words, usize::from(resent), "{places:?}");
    }
}

#[test]
fn a_crash_that_lasts_longer_than_a_bot_waits_does_not_count_the_answer_as_said() {
    let mut rig = answering();
    rig.sending.clear();
    rig.now = rig.now + secs(3600);
    rig.crash(false);
    send_again(&mut rig);
    rig.end_send(false, gone());
    assert_eq!(rig.view().outbox.iter().map(|row| row.state.as_str()).collect::<Vec<_>>(), ["held"]);
}

#[test]
fn requests_stand_as_they_come_whatever_the_clocks_of_the_nodes_say() {
    let mut rig = Rig::new(false);
    for (text, place, clock) in [("hello", "p1", 3_600_000), ("are you there", "p2", 10), ("do you ship", "p3", 20)] {
        let mut inbound = rig.customer_event(text);
        inbound.reply = Some(ReplyHandle(place.to_owned()));
        if let Event::CustomerWrote(message) = &mut inbound.event {
            message.id = MessageId::opaque(clock, place);
        }
        rig.step(Input::Inbound(Box::new(inbound)));
    }
    let remembered: Vec<String> = rig.view().memory.into_iter().map(|said| said.text).collect();
    assert_eq!(remembered, ["hello", "are you there", "do you ship"]);
}

/// The store was away: the conversation is read again while an answer is on the wire, and its end is heard after that.
#[test]
fn what_was_refused_after_all_was_not_said() {
    let mut rig = answering();
    rig.flow = rig.restored();
    rig.end_send(false, refused());
    assert_eq!(rig.phase(), PhaseName::Human, "somebody has to answer");
    assert!(rig.view().memory.iter().all(|said| said.text != "Good day."), "{:?}", rig.view().memory);
}
