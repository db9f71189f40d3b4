//! The emergency stop: nothing leaves, on any node, whatever happens to them; afterwards everything does, once.

use super::*;
use frontdesk_actors::ports::Card;

#[tokio::test(start_paused = true)]
async fn nothing_leaves_while_paused_and_everything_afterwards_once() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.handle.pause().await.expect("the store answers");
    for id in 1..=20 {
        engine.customer(&key(id), "hello").await;
    }
    engine.customer(&key(21), "a human please").await;
    pass(secs(600)).await;
    assert_eq!((world.channel.sent().len(), world.model.calls(), world.cards.cards().len()), (0, 0, 0));
    assert_eq!(world.channel.looked(), 0);
    let status = engine.handle.status().await.expect("the store answers");
    assert!(status.paused && status.paused_since.is_some());
    assert_eq!((status.waiting.questions, status.waiting.conversations), (20, 21));
    assert!(status.waiting.rows >= 4, "{status:?}");
    let waited = engine.handle.resume().await.expect("the store answers");
    assert_eq!(waited, status.waiting);
    for id in 1..=20 {
        engine.hears(&key(id), "answer: hello").await;
    }
    engine.hears(&key(21), "[HandoffAsked]").await;
    let told = |card: &Card| matches!(card, Card::Resolved { text, .. } if text.contains("20 unanswered questions"));
    eventually("colleagues are told how much had waited", || world.cards.cards().iter().any(told)).await;
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_reaches_the_other_node_within_two_seconds_and_survives_a_crash() {
    let world = World::without_gate();
    let (one, two) = (world.start().await, world.start_with(world.settings("b")).await);
    one.handle.pause().await.expect("the store answers");
    pass(secs(2)).await;
    assert!(two.handle.is_paused());
    two.customer(&key(1), "hello").await;
    pass(secs(30)).await;
    one.crash().await;
    two.crash().await;
    let three = world.start_with(world.settings("b")).await;
    assert!(three.handle.is_paused(), "it is read before anything is sent");
    three.customer(&key(2), "hello").await;
    // Several starts while paused are no reason to give up on anybody.
    three.crash().await;
    let four = world.start_with(world.settings("b")).await;
    pass(secs(60)).await;
    four.crash().await;
    let five = world.start().await;
    pass(secs(60)).await;
    assert_eq!((world.channel.sent().len(), world.model.calls()), (0, 0));
    five.handle.resume().await.expect("the store answers");
    for id in 1..=2 {
        five.hears(&key(id), "answer: hello").await;
    }
    five.finish().await;
    assert_eq!(world.model.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_on_the_wire_ends_and_a_running_model_call_is_made_again_later() {
    let world = World::without_gate();
    let latch = Latch::default();
    world.channel.script_texts([SendScript::Hang(latch.clone())]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the answer is on the wire", || world.channel.begun(&key(1), is_text) == 1).await;
    world.model.script([ModelScript::Hang]);
    engine.customer(&key(2), "hello").await;
    eventually("the model is asked", || world.model.running() == 1).await;
    engine.handle.pause().await.expect("the store answers");
    eventually("the call ends", || world.model.running() == 0).await;
    latch.open();
    engine.hears(&key(1), "answer: hello").await;
    engine.until(&key(1), "its outcome is written down", |view| view.outbox.is_empty()).await;
    pass(secs(300)).await;
    assert_eq!((world.model.calls(), engine.view(&key(2)).await.phase), (2, PhaseName::Bot));
    engine.handle.resume().await.expect("the store answers");
    engine.hears(&key(2), "answer: hello").await;
    engine.finish().await;
    assert_eq!(world.channel.begun(&key(1), is_text), 1);
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_has_not_reached_the_wire_when_everything_is_paused_goes_back_into_the_queue() {
    let world = World::without_gate();
    let latch = Latch::default();
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    engine.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    world.model.script([ModelScript::SayWhen(latch.clone(), "later".to_owned())]);
    engine.customer(&key(1), "and then?").await;
    eventually("the model is asked", || world.model.running() == 1).await;
    // The commit that claims the answer hangs; the pause comes while it does.
    let commit = Latch::default();
    world.store.script([CommitScript::Hang(commit.clone())]);
    latch.open();
    pass(Duration::from_millis(50)).await;
    engine.handle.pause().await.expect("the store answers");
    commit.open();
    pass(secs(60)).await;
    assert_eq!(
        world.channel.begun(&key(1), is_text),
        1,
        "the claim was made before the pause, the wire comes after it"
    );
    engine.handle.resume().await.expect("the store answers");
    engine.hears(&key(1), "later").await;
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_switch_counts_as_on_until_the_store_answers() {
    let world = World::without_gate();
    let engine = world.start().await;
    world.model.script([ModelScript::Hang]);
    engine.customer(&key(1), "hello").await;
    engine.crash().await;
    world.store.set_down(true);
    let engine = world.start().await;
    assert!(engine.handle.is_paused());
    world.store.set_down(false);
    engine.hears(&key(1), "answer: hello").await;
    assert!(!engine.handle.is_paused());
    engine.finish().await;
}
