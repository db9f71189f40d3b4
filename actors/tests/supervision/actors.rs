//! Actors that fail or are killed, and their supervisors.

use super::*;
use frontdesk_actors::ports::Store;

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_once_takes_the_event_the_second_time() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.customer(&key(1), "first").await;
    engine.hears(&key(1), "answer: first").await;
    world.analyzer.fuse.charge("POISON", 1);
    assert_eq!(engine.customer(&key(1), "second POISON").await.intake, Intake::Accepted);
    engine.hears(&key(1), "answer: second POISON").await;
    let view = engine.view(&key(1)).await;
    assert!(view.memory.iter().any(|message| message.text == "first"), "its state came back with it");
    assert!(world.cards.incidents().is_empty());
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_poison_event_is_parked_a_person_is_fetched_and_the_conversation_goes_on() {
    let world = World::without_gate();
    let engine = world.start().await;
    world.analyzer.fuse.charge("POISON", 2);
    assert_eq!(engine.customer(&key(1), "POISON").await.intake, Intake::Parked);
    eventually("the conversation is opened", || world.channel.begun(&key(1), |act| *act == Act::Open) == 1).await;
    eventually("operators are told", || world.cards.incidents().iter().any(|text| text == "event_parked")).await;
    eventually("colleagues are called", || world.cards.handoffs() == 1).await;
    let aside = engine.handle.set_aside().await.expect("the store answers");
    assert_eq!((aside.len(), aside[0].key.clone(), aside[0].events), (1, key(1), 1), "the event is kept");
    assert_eq!(aside[0].quarantined, None, "the conversation itself is served");
    let order = world.channel.note(&key(1), Order::Bot);
    engine.deliver(order).await.expect("taken");
    engine.customer(&key(1), "again").await;
    engine.customer(&key(2), "somebody else").await;
    engine.hears(&key(2), "answer: somebody else").await;
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_wait_behind_a_poison_event_are_not_parked_with_it() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    world.analyzer.fuse.charge("POISON", 2);
    let events: Vec<_> =
        ["a", "POISON", "b", "c"].into_iter().map(|text| world.channel.customer(&key(1), text)).collect();
    let receipts = futures_of(&engine, events).await;
    let intakes: Vec<Intake> = receipts.into_iter().map(|receipt| receipt.expect("taken").intake).collect();
    assert_eq!(intakes, [Intake::Accepted, Intake::Parked, Intake::Accepted, Intake::Accepted]);
    engine.finish().await;
}

/// Delivers at the same time.
async fn futures_of(
    engine: &frontdesk_actors::testkit::TestEngine,
    events: Vec<frontdesk_actors::domain::Inbound>,
) -> Vec<Result<frontdesk_actors::engine::Receipt, DeliverError>> {
    let tasks: Vec<_> = events
        .into_iter()
        .map(|event| {
            let handle = engine.handle.clone();
            tokio::spawn(async move { handle.deliver(event).await })
        })
        .collect();
    let mut receipts = Vec::new();
    for task in tasks {
        receipts.push(task.await.expect("a delivery does not panic"));
    }
    receipts
}

#[tokio::test(start_paused = true)]
async fn a_killed_conversation_comes_back_with_its_unanswered_message() {
    let world = World::without_gate();
    world.model.script([ModelScript::Hang]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the model is asked", || world.model.running() == 1).await;
    assert!(engine.handle.kill_conversation(&key(1)));
    engine.hears(&key(1), "answer: hello").await;
    assert_eq!(world.model.running(), 0, "the abandoned call is aborted");
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_killed_while_its_send_is_on_the_wire_says_it_once() {
    let world = World::without_gate();
    let latch = Latch::default();
    world.channel.script_texts([SendScript::Hang(latch.clone())]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the answer is on the wire", || world.channel.begun(&key(1), is_text) == 1).await;
    assert!(engine.handle.kill_conversation(&key(1)));
    pass(secs(50)).await;
    latch.open();
    pass(secs(60)).await;
    assert_eq!(world.channel.said(&key(1)), ["answer: hello"]);
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_set_aside_and_others_are_served() {
    let world = World::without_gate();
    let mut engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    engine.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    engine.handle.passivate_now();
    eventually("it left memory", || !engine.handle.is_in_memory(&key(1))).await;
    world.store.poison_record(&key(1));
    for _ in 0..2 {
        assert_eq!(engine.customer(&key(1), "again").await.intake, Intake::Parked);
    }
    let refused = engine.handle.view(&key(1)).await;
    assert!(matches!(refused, Err(DeliverError::Quarantined)), "{refused:?}");
    eventually("operators are told", || world.cards.incidents().iter().any(|text| text == "quarantined")).await;
    engine.customer(&key(2), "hello").await;
    engine.hears(&key(2), "answer: hello").await;
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_whose_answer_is_poison_twice_is_not_asked_again_and_a_person_is_fetched() {
    let world = World::without_gate();
    let engine = world.start().await;
    world.analyzer.fuse.charge("answer: storm", u32::MAX);
    engine.customer(&key(1), "storm").await;
    engine.until(&key(1), "a person has it", |view| view.reason == Some(Reason::Poison)).await;
    engine.hears(&key(1), "[HandoffSorry]").await;
    eventually("colleagues are called", || world.cards.handoffs() == 1).await;
    eventually("it is opened", || world.channel.state(&key(1)).status == Status::Open).await;
    assert_eq!(world.model.calls(), 2, "once, and once more");
    assert_eq!(engine.view(&key(1)).await.owed, 1, "the colleagues see the question");
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_keeps_failing_exhausts_its_budget_and_others_are_served() {
    let world = World::without_gate();
    let mut engine = world.start().await;
    world.analyzer.fuse.charge("answer: storm", u32::MAX);
    // Not even a person can be fetched by this flow.
    world.phrases.fuse.charge("HandoffSorry", u32::MAX);
    engine.customer(&key(1), "storm").await;
    eventually("operators are told", || world.cards.incidents().iter().any(|text| text == "quarantined")).await;
    assert_eq!(world.model.calls(), 2, "what it failed on twice it does not try a third time");
    let refused = engine.handle.view(&key(1)).await;
    assert!(matches!(refused, Err(DeliverError::Quarantined)), "{refused:?}");
    eventually("it is opened past the flow", || world.channel.state(&key(1)).status == Status::Open).await;
    eventually("colleagues are called", || world.cards.handoffs() == 1).await;
    assert!(world.channel.said(&key(1)).is_empty());
    engine.customer(&key(2), "hello").await;
    engine.hears(&key(2), "answer: hello").await;
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_at_a_gate_survive_its_death() {
    let mut world = World::without_gate();
    world.width = 1;
    let latch = Latch::default();
    world.channel.script_texts([SendScript::Hang(latch.clone())]);
    let engine = world.start().await;
    for id in 1..=5 {
        engine.customer(&key(id), "hello").await;
    }
    eventually("one is on the wire", || world.channel.sent().len() == 1).await;
    pass(secs(2)).await;
    engine.handle.kill_gate("test");
    pass(secs(1)).await;
    engine.handle.kill_gate("test");
    latch.open();
    for id in 1..=5 {
        engine.hears(&key(id), "answer: hello").await;
    }
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_watch_is_started_again() {
    let world = World::without_gate();
    let engine = world.start().await;
    pass(secs(2)).await;
    world.store.panic_on_next_take();
    pass(secs(2)).await;
    world.store.put_setting("human_mode", "on").await.expect("the store answers");
    eventually("the switch is re-read", || engine.handle.human_mode()).await;
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn leaving_memory_loses_nothing() {
    let world = World::without_gate();
    let engine = world.start().await;
    let passivating = {
        let handle = engine.handle.clone();
        tokio::spawn(async move {
            loop {
                handle.passivate_now();
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        })
    };
    for round in 0..200_u32 {
        let events = (0..4).map(|id| world.channel.customer(&key(id), &format!("m{round}"))).collect();
        for receipt in futures_of(&engine, events).await {
            assert_eq!(receipt.expect("taken").intake, Intake::Accepted);
        }
        pass(Duration::from_millis(u64::from(round % 40) * 100)).await;
    }
    passivating.abort();
    let _ = passivating.await;
    for id in 0..4 {
        engine.until(&key(id), "everything is answered", |view| view.owed == 0 && view.outbox.is_empty()).await;
        let asked: std::collections::BTreeSet<String> = world
            .model
            .prompts()
            .iter()
            .filter(|prompt| prompt.key == key(id))
            .flat_map(|prompt| {
                prompt.history.iter().rev().take(prompt.unanswered).map(|m| m.text.clone()).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(asked.len(), 200, "every message was in a prompt as unanswered");
    }
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_supervisor_is_told_and_an_orderly_end_is_not() {
    let world = World::without_gate();
    let engine = world.start().await;
    let handle = engine.handle.clone();
    assert!(tokio::time::timeout(secs(5), handle.failed()).await.is_err(), "all is well");
    handle.kill_directory();
    handle.failed().await;
    engine.crash().await;
    let mut engine = world.start().await;
    let handle = engine.handle.clone();
    engine.stop().await;
    assert!(tokio::time::timeout(secs(5), handle.failed()).await.is_err(), "an orderly end is no failure");
}
