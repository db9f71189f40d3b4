//! Forgetting a person: no word of theirs stays in what is stored, and nothing is said twice for want of it.

use super::rig::Rig;
use super::scenarios_gate::pending;
use frontdesk_actors::domain::{Order, Status};
use frontdesk_actors::engine::{ChallengeView, PhaseName};
use frontdesk_actors::flow::{Flow, Input};
use frontdesk_actors::ids::ReplyHandle;
use frontdesk_actors::view::Intake;
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Returns whether the stored record or memory holds these words.
fn stored(rig: &Rig, words: &str) -> bool {
    let holds = |bytes: &[u8]| bytes.windows(words.len()).any(|window| window == words.as_bytes());
    holds(&rig.flow.encode()) || holds(&rig.flow.encode_memory())
}

fn asked(text: &str) -> Rig {
    let mut rig = Rig::new(false);
    rig.customer(text);
    rig.pass(secs(2));
    assert!(rig.asked.is_some());
    rig
}

#[test]
fn nothing_of_the_customer_is_left_in_any_phase_and_the_desk_owes_nothing() {
    let mut human = asked("I am quixote");
    human.step(Input::Ordered(Order::Human));
    let mut touched = asked("I am quixote");
    touched.person("hello quixote");
    let mut gated = Rig::new(true);
    gated.customer("I am quixote");
    let mut mailed = Rig::new(true);
    mailed.customer("I am quixote");
    mailed.flush();
    mailed.customer("quixote@example.com");
    for (mut rig, phase) in [
        (asked("I am quixote"), PhaseName::Bot),
        (human, PhaseName::Human),
        (touched, PhaseName::Human),
        (gated, PhaseName::AwaitingEmail),
        (mailed, PhaseName::AwaitingEmail),
    ] {
        assert!(stored(&rig, "quixote"));
        rig.step(Input::Erased);
        let view = rig.view();
        assert_eq!((view.phase, view.owed, view.thinking, rig.flow.is_forgotten()), (phase, 0, false, true));
        assert!(!stored(&rig, "quixote"), "{view:?}");
        assert!(view.contact.is_none() && view.verified.is_none());
        let again = rig.step(Input::Erased);
        assert!(again.memory_changed, "it can be repeated");
        rig.flush();
        rig.pass(secs(7200));
        assert!(!stored(&rig, "quixote"));
    }
}

#[test]
fn what_was_heard_is_not_answered_once_more_and_what_is_new_is() {
    let mut rig = Rig::new(false);
    let first = rig.customer_event("I am quixote");
    rig.step(Input::Inbound(Box::new(first.clone())));
    rig.pass(secs(2));
    rig.reply("Good day, quixote.");
    rig.flush();
    let spoken = rig.vendor.len();
    rig.step(Input::Erased);
    let repeated = rig.step(Input::Inbound(Box::new(first)));
    assert_eq!(repeated.intake, Intake::Duplicate);
    rig.pass(secs(60));
    rig.flush();
    assert_eq!((rig.vendor.len(), rig.asked), (spoken, None));
    rig.customer("do you ship?");
    rig.pass(secs(2));
    let prompt = rig.prompts.last().expect("the model is asked");
    assert_eq!(prompt.history.len(), 1, "only what was written since");
    assert!(!stored(&rig, "quixote"));
}

#[test]
fn an_answer_on_the_wire_is_neither_repeated_nor_taken_for_anothers() {
    let mut rig = asked("I am quixote");
    rig.reply("Good day, quixote.");
    while rig.sending.is_empty() {
        rig.clear_one();
    }
    let row = rig.sending[0].clone();
    rig.step(Input::Erased);
    assert!(rig.view().outbox.is_empty());
    let unknown = frontdesk_actors::ports::Verdict::Unknown { finished: false, why: "reset".to_owned() };
    rig.end_send(true, frontdesk_actors::flow::SendOutcome::Verdict(unknown));
    rig.pass(secs(120));
    rig.flush();
    assert_eq!(rig.copies(&row), 1);
    assert_eq!(rig.phase(), PhaseName::Bot, "its echo is no person's message");
}

#[test]
fn a_person_keeps_the_conversation_and_is_let_in() {
    let mut rig = asked("I am quixote");
    rig.step(Input::Ordered(Order::Human));
    rig.step(Input::Erased);
    let kinds: Vec<String> = rig.view().outbox.iter().map(|row| row.kind.clone()).collect();
    assert_eq!(kinds, ["open"], "what has no words is still owed");
    rig.flush();
    assert_eq!(rig.state.status, Status::Open);
    rig.customer("are you there?");
    rig.pass(secs(60));
    assert_eq!((rig.phase(), rig.asked), (PhaseName::Human, None));
}

#[test]
fn the_link_of_an_erased_address_is_expired() {
    let (mut rig, _) = pending();
    let challenge = rig.mails[0].challenge.clone();
    rig.step(Input::Erased);
    assert!(!stored(&rig, "xample.com"));
    let shown = rig.flow.challenge(&challenge, false, rig.now);
    assert!(matches!(shown, ChallengeView::Expired { .. }), "{shown:?}");
    rig.step(Input::LinkConfirmed(challenge));
    assert_eq!(rig.phase(), PhaseName::AwaitingEmail);
}

#[test]
fn whoever_waits_for_an_answer_is_let_go() {
    let mut rig = Rig::new(false);
    let mut inbound = rig.customer_event("I am quixote");
    inbound.reply = Some(ReplyHandle("place".to_owned()));
    rig.step(Input::Inbound(Box::new(inbound)));
    rig.pass(secs(2));
    rig.step(Input::Erased);
    rig.flush();
    rig.pass(secs(1));
    rig.flush();
    assert!(rig.view().outbox.is_empty() && !stored(&rig, "quixote"), "{:?}", rig.view());
    let restored = Flow::restore(
        &frontdesk_actors::flow::Ctx {
            now: rig.now,
            seed: [0; 3],
            policy: &rig.policy,
            human_mode: false,
            paused: false,
            node: &rig.node,
        },
        &rig.flow.encode(),
        None,
    );
    assert!(restored.is_ok_and(|flow| !flow.has_work()), "nothing is left to do");
}

/// Nobody hears what becomes of the answer that is on its way, and it is lost.
#[test]
fn whoever_waits_for_an_answer_that_was_on_its_way_is_let_go() {
    let mut rig = Rig::new(false);
    let mut inbound = rig.customer_event("I am quixote");
    inbound.reply = Some(ReplyHandle("place".to_owned()));
    rig.step(Input::Inbound(Box::new(inbound)));
    rig.pass(secs(2));
    rig.reply("Good day, quixote.");
    while rig.sending.is_empty() {
        rig.clear_one();
    }
    rig.step(Input::Erased);
    rig.sending.clear();
    while rig.sending.is_empty() {
        rig.clear_one();
    }
    let place = rig.sending[0].reply_place().map(|place| place.handle.0);
    assert_eq!((rig.sending[0].kind.name(), place.as_deref()), ("dismiss", Some("place")));
    rig.flush();
    assert!(rig.said().is_empty() && !rig.flow.has_work() && !stored(&rig, "quixote"), "{:?}", rig.view());
}
