//! Texts that have lost the place they were to leave at: what is said later does not overtake them.

use super::rig::{Rig, settled};
use super::scenarios_replies::{answering, asks, leaves, pairs, refused, send_again};
use frontdesk_actors::domain::Order;
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::{Input, SendOutcome};
use frontdesk_actors::ports::Verdict;
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The account is refused for a while: what is to be said waits.
fn fault() -> SendOutcome {
    SendOutcome::Verdict(Verdict::AccountFault { why: String::new() })
}

/// The customer asks at a place, and the model answers. The account is refused all the time.
fn is_answered(rig: &mut Rig, (question, place): (&str, &str), answer: &str) {
    asks(rig, question, place);
    rig.now = rig.now + secs(2);
    rig.step(Input::DeadlineReached);
    if rig.looking.is_some() {
        rig.end_look(false);
    }
    rig.reply(answer);
}

#[test]
fn an_answer_whose_place_is_gone_leaves_before_the_next_one_and_at_its_place() {
    for thinking in [false, true] {
        let mut rig = answering();
        rig.end_send(false, fault());
        is_answered(&mut rig, ("do you ship", "p2"), "We ship.");
        if thinking {
            asks(&mut rig, "and open?", "p3");
            rig.now = rig.now + secs(2);
            rig.step(Input::DeadlineReached);
        }
        send_again(&mut rig);
        rig.end_send(false, refused());
        let places = leaves(&mut rig);
        assert_eq!(places, pairs(&[("p2", "Good day.\n\nWe ship."), ("p1", "()")]), "thinking: {thinking}");
        assert_eq!(rig.phase(), PhaseName::Bot, "nobody need be fetched");
    }
}

/// People are announced, the account is refused, and an operator gives the conversation back.
fn announced() -> Rig {
    let mut rig = Rig::new(false);
    asks(&mut rig, "I want a human", "p1");
    while rig.sending.iter().all(|row| row.reply_place().is_none()) {
        rig.clear_one();
    }
    let text = rig.sending.iter().position(|row| row.reply_place().is_some()).expect("it was announced");
    rig.sending.swap(0, text);
    rig.end_send(false, fault());
    while !rig.acquiring.is_empty() {
        rig.clear_one();
    }
    while !rig.sending.is_empty() {
        rig.end_send(true, settled());
    }
    rig.step(Input::Ordered(Order::Bot));
    rig
}

#[test]
fn an_announcement_whose_place_is_gone_is_not_overtaken_by_the_answer_after_it() {
    let mut rig = announced();
    is_answered(&mut rig, ("do you ship", "p2"), "We ship.");
    asks(&mut rig, "and open?", "p3");
    rig.now = rig.now + secs(2);
    rig.step(Input::DeadlineReached);
    send_again(&mut rig);
    rig.end_send(false, refused());
    let mut places = leaves(&mut rig);
    rig.reply("We open.");
    places.extend(leaves(&mut rig));
    let said: Vec<&str> = places.iter().filter(|(_, text)| !text.starts_with('(')).map(|(at, _)| at.as_str()).collect();
    assert_eq!(said, ["p2", "p3"], "{places:?}");
    assert_eq!(places.last(), pairs(&[("p3", "We ship.\n\nWe open.")]).first(), "{places:?}");
}

#[test]
fn an_answer_that_would_have_no_place_left_keeps_its_own() {
    let mut rig = announced();
    is_answered(&mut rig, ("do you ship", "p2"), "We ship.");
    send_again(&mut rig);
    rig.end_send(false, refused());
    let places = leaves(&mut rig);
    assert!(places.contains(&("p2".to_owned(), "We ship.".to_owned())), "{places:?}");
    assert!(!rig.flow.has_work());
}
