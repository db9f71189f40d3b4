//! A store that conflicts, lies low, or loses its answers.

use super::*;
use frontdesk_actors::domain::Role;

async fn answered_once(script: Vec<CommitScript>) {
    let world = World::without_gate();
    let engine = world.start().await;
    world.store.script(script.clone());
    assert_eq!(engine.customer(&key(1), "hello").await.intake, Intake::Accepted, "{script:?}");
    engine.hears(&key(1), "answer: hello").await;
    let view = engine.view(&key(1)).await;
    assert_eq!(view.memory.iter().filter(|message| message.role == Role::Customer).count(), 1);
    engine.finish().await;
    assert_eq!(world.channel.said(&key(1)), ["answer: hello"], "{script:?}");
    assert_eq!(world.model.calls(), 1, "{script:?}");
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_is_lost_has_one_effect() {
    use CommitScript::{UnknownLanded, UnknownLost};
    answered_once(vec![UnknownLanded]).await;
    answered_once(vec![UnknownLost]).await;
    answered_once(vec![UnknownLost, UnknownLanded, UnknownLost]).await;
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_loaded_again_and_applied_once() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.customer(&key(1), "first").await;
    engine.hears(&key(1), "answer: first").await;
    engine.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    world.store.script([CommitScript::Conflict]);
    engine.customer(&key(1), "second").await;
    engine.hears(&key(1), "answer: second").await;
    let view = engine.view(&key(1)).await;
    assert_eq!(view.memory.iter().filter(|message| message.text == "second").count(), 1);
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_conflict_at_every_commit_of_a_turn_still_says_it_once() {
    for at in 0..4 {
        let world = World::without_gate();
        let engine = world.start().await;
        engine.customer(&key(1), "first").await;
        engine.hears(&key(1), "answer: first").await;
        engine.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
        world.store.script(std::iter::repeat_n(CommitScript::Obey, at).chain([CommitScript::Conflict]));
        engine.customer(&key(1), "second").await;
        engine.hears(&key(1), "answer: second").await;
        engine.finish().await;
        assert_eq!(world.channel.said(&key(1)), ["answer: first", "answer: second"], "conflict at commit {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_commit_stays_unknown_is_refused_but_taken_care_of() {
    let world = World::without_gate();
    let engine = world.start().await;
    world.store.script(std::iter::repeat_n(CommitScript::UnknownLanded, 100));
    let event = world.channel.customer(&key(1), "hello");
    let refused = engine.deliver(event.clone()).await;
    assert!(matches!(refused, Err(DeliverError::Unavailable(_))), "{refused:?}");
    engine.hears(&key(1), "answer: hello").await;
    assert_eq!(engine.deliver(event).await.expect("taken").intake, Intake::Duplicate, "the vendor delivers again");
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_event_in_the_middle_of_a_turn_does_not_stop_the_turn() {
    let world = World::without_gate();
    let latch = Latch::default();
    world.model.script([ModelScript::SayWhen(latch.clone(), "never heard".to_owned())]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the model is asked", || world.model.running() == 1).await;
    world.store.script([CommitScript::Unavailable]);
    let refused = engine.deliver(world.channel.customer(&key(1), "and one more")).await;
    assert!(matches!(refused, Err(DeliverError::Unavailable(_))), "{refused:?}");
    eventually("both are answered without another webhook", || {
        world.channel.said(&key(1)).iter().any(|said| said == "answer: and one more")
    })
    .await;
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_a_send_is_not_lost_with_the_store() {
    let world = World::without_gate();
    let latch = Latch::default();
    world.channel.script_texts([SendScript::LandAndHang(latch.clone())]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the answer is on the wire", || world.channel.begun(&key(1), is_text) == 1).await;
    world.store.set_down(true);
    latch.open();
    pass(secs(10)).await;
    let refused = engine.deliver(world.channel.customer(&key(1), "refused")).await;
    assert!(matches!(refused, Err(DeliverError::Unavailable(_))), "{refused:?}");
    world.store.set_down(false);
    engine.until(&key(1), "the row is settled", |view| view.outbox.is_empty()).await;
    assert_eq!(world.channel.begun(&key(1), is_text), 1);
    eventually("operators are told of both ends", || world.cards.cards().len() >= 2).await;
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_takeover_ends_the_model_call_before_it_is_written() {
    let world = World::without_gate();
    world.model.script([ModelScript::Hang]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the model is asked", || world.model.running() == 1).await;
    let latch = Latch::default();
    world.store.script([CommitScript::Hang(latch.clone())]);
    let (handle, event) = (engine.handle.clone(), world.channel.person(&key(1), "I have it"));
    let delivering = tokio::spawn(async move { handle.deliver(event).await });
    eventually("the model call is aborted", || world.model.running() == 0).await;
    assert!(!delivering.is_finished(), "and the store has not answered yet");
    latch.open();
    assert_eq!(delivering.await.expect("no panic").expect("taken").phase, PhaseName::Human);
    engine.finish().await;
    assert!(world.channel.said(&key(1)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_claim_lapses_when_its_commit_takes_too_long() {
    let world = World::without_gate();
    let latch = Latch::default();
    world.model.script([ModelScript::SayWhen(latch.clone(), "late".to_owned())]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the model is asked", || world.model.running() == 1).await;
    let slow = || CommitScript::Slow(Duration::from_millis(1500));
    world.store.script([slow(), slow()]);
    let begun = tokio::time::Instant::now();
    latch.open();
    engine.hears(&key(1), "late").await;
    assert!(begun.elapsed() >= secs(3), "the first claim was not used: {:?}", begun.elapsed());
    engine.finish().await;
    assert_eq!(world.channel.begun(&key(1), is_text), 1);
}

#[tokio::test(start_paused = true)]
async fn a_permit_in_hand_is_given_back_when_its_commit_fails() {
    let mut world = World::without_gate();
    world.width = 1;
    let latch = Latch::default();
    let hang = Latch::default();
    let late = |latch: &Latch| ModelScript::SayWhen(latch.clone(), "late".to_owned());
    world.model.script([late(&latch), late(&hang)]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the model is asked", || world.model.running() == 1).await;
    world.store.script([CommitScript::Unavailable]);
    latch.open();
    eventually("the model is asked again", || world.model.running() == 1).await;
    pass(secs(2)).await;
    engine.customer(&key(2), "hello").await;
    engine.hears(&key(2), "answer: hello").await;
    hang.open();
    engine.finish().await;
}

/// A write that was sent before the store lost others, and lands late, must not find the version it was computed from.
#[tokio::test(start_paused = true)]
async fn no_version_comes_again_after_the_store_has_lost_writes() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.customer(&key(1), "first").await;
    engine.hears(&key(1), "answer: first").await;
    engine.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    let known = world.store.version(&key(1));
    world.store.go_back(&key(1), 1);
    engine.customer(&key(1), "second").await;
    assert!(world.store.version(&key(1)) > known, "{} after {known}", world.store.version(&key(1)));
    engine.hears(&key(1), "answer: second").await;
    engine.finish().await;
    assert_eq!(world.channel.said(&key(1)), ["answer: first", "answer: second"]);
}

/// An older memory at its limit has as many messages as the one that is known: their number proves nothing.
#[tokio::test(start_paused = true)]
async fn what_the_store_lost_of_a_full_memory_is_written_again() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.person(&key(1), "I am here").await;
    for number in 0..25 {
        engine.customer(&key(1), &format!("message {number}")).await;
    }
    let backup = world.store.backup(&key(1));
    for number in 25..28 {
        engine.customer(&key(1), &format!("message {number}")).await;
    }
    world.store.come_back(&key(1), backup);
    // The first write after it is one that changes no memory.
    let order = engine.order(&key(1), Order::Bot).await.expect("it is taken");
    assert_eq!(order.phase, PhaseName::Bot);
    engine.person(&key(1), "here again").await;
    let known = engine.view(&key(1)).await.memory;
    assert_eq!(known.len(), 20);
    engine.crash().await;
    let engine = world.start().await;
    assert_eq!(engine.view(&key(1)).await.memory, known);
    engine.finish().await;
}

/// An operator's page asks for the conversation five times a second, before and after the store is back.
#[tokio::test(start_paused = true)]
async fn whoever_looks_on_does_not_put_off_what_is_tried_again() {
    let mut world = World::with_gate();
    world.width = 1;
    let latch = Latch::default();
    world.mailer.script([PortScript::Hang(latch.clone())]);
    let engine = world.start().await;
    for id in [1, 2] {
        engine.customer(&key(id), "hello").await;
        engine.customer(&key(id), "jane@example.com").await;
        engine
            .until(&key(id), "nothing but its mail is left", |view| {
                view.outbox.iter().map(|row| row.kind.as_str()).eq(["mail"])
            })
            .await;
    }
    world.store.set_down(true);
    latch.open();
    for look in 0..50 {
        if look == 5 {
            world.store.set_down(false);
        }
        let shown = engine.handle.view(&key(2)).await;
        assert!(look < 5 || shown.is_ok(), "{shown:?}");
        pass(Duration::from_millis(200)).await;
    }
    let mails = world.mailer.mails();
    assert!(mails.iter().any(|(mail, _)| mail.key == key(2)), "{:?}", engine.view(&key(2)).await);
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_link_is_good_on_a_node_that_knew_the_conversation_before_it_was_made() {
    let world = World::with_gate();
    let first = world.start_with(world.settings("a")).await;
    first.customer(&key(1), "hello there").await;
    first.hears(&key(1), "[AskEmail]").await;
    first.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    let mut second = world.start_with(world.settings("b")).await;
    second.customer(&key(1), "jane@example.com").await;
    second.hears(&key(1), "[MailSent]").await;
    second.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    let challenge = world.mailer.last().expect("a mail was taken").challenge;
    let shown = first.handle.challenge(&key(1), &challenge).await;
    assert!(matches!(shown, Ok(ChallengeView::Open { .. })), "{shown:?}");
    let done = first.confirm(&key(1), &challenge).await;
    assert!(matches!(done, Ok(ChallengeView::Done { .. })), "{done:?}");
    let used = second.confirm(&key(1), &challenge).await;
    assert!(matches!(used, Ok(ChallengeView::Used { .. })), "{used:?}");
    second.stop().await;
    first.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_press_on_a_link_of_no_conversation_makes_none() {
    let world = World::with_gate();
    let engine = world.start().await;
    assert!(matches!(engine.confirm(&key(9), "nothing").await, Ok(ChallengeView::Foreign)));
    assert!(world.store.keys().is_empty());
    engine.finish().await;
}
