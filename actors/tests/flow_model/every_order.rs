//! What happens while the desk stands still is heard in any order once it goes on, with the desk's own opening landing at any
//! moment in between. Short stories, in every order there is.

use super::rig::Rig;
use super::scenarios_late::answered;
use frontdesk_actors::domain::{Assignee, Inbound, Status};
use frontdesk_actors::flow::Input;

/// Lets the vendor number a message as it numbers a change of its state.
fn numbered(rig: &mut Rig, event: impl FnOnce(&mut Rig) -> Inbound) -> Inbound {
    rig.state.version += 1;
    event(rig)
}

/// The customer writes, which makes what was put away pending again.
fn comes_back(rig: &mut Rig, words: &str) -> Inbound {
    rig.state_event(Status::Pending, Assignee::Us);
    rig.customer_event(words)
}

fn hear(rig: &mut Rig, event: &Inbound) {
    rig.step(Input::Inbound(Box::new(event.clone())));
}

/// Calls `each` with every order of so many things.
fn orders(count: usize, each: &mut impl FnMut(&[usize])) {
    fn go(order: &mut Vec<usize>, from: usize, each: &mut impl FnMut(&[usize])) {
        if from == order.len() {
            return each(order);
        }
        for other in from..order.len() {
            order.swap(from, other);
            go(order, from + 1, each);
            order.swap(from, other);
        }
    }
    go(&mut (0..count).collect(), 0, each);
}

/// Tells a story in every order, with everything that the desk does in between landing before the `landing`th thing is heard, or its
/// process dying then.
fn in_every_order(story: impl Fn(&mut Rig) -> Vec<Inbound>) {
    let mut told = answered();
    let events = story(&mut told);
    let mut failed = Vec::new();
    orders(events.len(), &mut |order| {
        for (landing, crash) in (0..=order.len()).flat_map(|landing| [(landing, false), (landing, true)]) {
            let mut rig = told.clone();
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                for (heard, event) in order.iter().enumerate() {
                    if heard == landing && crash {
                        rig.crash(true);
                        rig.step(Input::Recovered { takes: 1 });
                    } else if heard == landing {
                        rig.flush();
                    }
                    hear(&mut rig, &events[*event]);
                }
                rig.flush();
                let last = rig.state.clone();
                rig.set_state(last.status, last.assignee);
                rig.judge(true);
            }));
            if outcome.is_err() {
                failed.push((order.to_vec(), landing, crash));
            }
        }
    });
    assert!(failed.is_empty(), "{} orders, among them {:?}", failed.len(), &failed[..failed.len().min(5)]);
}

/// A person writes twice, puts it away, and the customer comes back with a question.
#[test]
fn a_person_who_wrote_and_put_it_away_before_the_customer_came_back() {
    in_every_order(|rig| {
        vec![
            numbered(rig, |rig| rig.person_event("I have it")),
            numbered(rig, |rig| rig.customer_event("thank you")),
            numbered(rig, |rig| rig.person_event("you are welcome")),
            rig.state_event(Status::Resolved, Assignee::Us),
            comes_back(rig, "and the colour?"),
        ]
    });
}

/// A person writes, puts it away, the customer comes back, and a person answers that, too.
#[test]
fn a_person_who_comes_back_after_they_had_put_it_away() {
    in_every_order(|rig| {
        vec![
            numbered(rig, |rig| rig.person_event("I have it")),
            rig.state_event(Status::Resolved, Assignee::Us),
            comes_back(rig, "and the colour?"),
            numbered(rig, |rig| rig.person_event("red")),
            numbered(rig, |rig| rig.customer_event("thank you")),
        ]
    });
}

/// A person is assigned, opens it, writes, and puts it away; the customer comes back.
#[test]
fn a_person_who_was_assigned_and_put_it_away() {
    in_every_order(|rig| {
        let ann = || Assignee::Person("Ann".to_owned());
        vec![
            rig.state_event(Status::Open, ann()),
            numbered(rig, |rig| rig.person_event("I have it")),
            rig.state_event(Status::Resolved, ann()),
            {
                rig.state_event(Status::Pending, ann());
                rig.customer_event("and the colour?")
            },
        ]
    });
}

/// A person takes it by opening it, writes, and gives it back; the customer goes on.
#[test]
fn a_person_who_opened_it_and_gave_it_back() {
    in_every_order(|rig| {
        vec![
            rig.state_event(Status::Open, Assignee::Nobody),
            numbered(rig, |rig| rig.person_event("I have it")),
            numbered(rig, |rig| rig.customer_event("thank you")),
            rig.state_event(Status::Pending, Assignee::Us),
            numbered(rig, |rig| rig.customer_event("and the colour?")),
        ]
    });
}

/// A person puts it away without a word; the customer comes back, and back again.
#[test]
fn what_was_put_away_twice() {
    in_every_order(|rig| {
        vec![
            rig.state_event(Status::Resolved, Assignee::Us),
            comes_back(rig, "how heavy is it?"),
            numbered(rig, |rig| rig.person_event("ten kilos")),
            rig.state_event(Status::Resolved, Assignee::Us),
            comes_back(rig, "and the colour?"),
        ]
    });
}

/// The customer asks for a person, who comes, answers and puts it away.
#[test]
fn a_person_who_was_fetched_and_put_it_away() {
    in_every_order(|rig| {
        vec![
            numbered(rig, |rig| rig.customer_event("a human please")),
            numbered(rig, |rig| rig.person_event("I have it")),
            rig.state_event(Status::Resolved, Assignee::Us),
            comes_back(rig, "and the colour?"),
        ]
    });
}

/// The customer asks, a person answers and puts it away, and the customer asks again.
#[test]
fn a_question_that_a_person_has_answered_and_another_one() {
    in_every_order(|rig| {
        vec![
            numbered(rig, |rig| rig.customer_event("how heavy is it?")),
            numbered(rig, |rig| rig.person_event("ten kilos")),
            rig.state_event(Status::Resolved, Assignee::Us),
            comes_back(rig, "and the colour?"),
            numbered(rig, |rig| rig.customer_event("quickly please")),
        ]
    });
}

/// A person is assigned, and the bot again, while the customer asks.
#[test]
fn a_person_who_was_assigned_and_then_the_bot() {
    in_every_order(|rig| {
        vec![
            numbered(rig, |rig| rig.customer_event("how heavy is it?")),
            rig.state_event(Status::Open, Assignee::Person("Ann".to_owned())),
            numbered(rig, |rig| rig.customer_event("and the colour?")),
            rig.state_event(Status::Pending, Assignee::Us),
            numbered(rig, |rig| rig.customer_event("quickly please")),
        ]
    });
}

/// A person snoozes it, and the customer comes back.
#[test]
fn what_was_snoozed() {
    in_every_order(|rig| {
        vec![
            numbered(rig, |rig| rig.person_event("tomorrow")),
            rig.state_event(Status::Snoozed, Assignee::Us),
            comes_back(rig, "and the colour?"),
            numbered(rig, |rig| rig.customer_event("quickly please")),
        ]
    });
}

/// A person opens it and puts it away without a word; the customer comes back.
#[test]
fn what_was_opened_and_put_away_without_a_word() {
    in_every_order(|rig| {
        vec![
            numbered(rig, |rig| rig.customer_event("how heavy is it?")),
            rig.state_event(Status::Open, Assignee::Nobody),
            rig.state_event(Status::Resolved, Assignee::Nobody),
            comes_back(rig, "and the colour?"),
        ]
    });
}
