//! Bounds, and stopping in good order.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_and_a_full_house_say_busy() {
    let world = World::without_gate();
    let mut settings = world.settings("a");
    (settings.mailbox, settings.mailboxes) = (2, 3);
    let engine = world.start_with(settings).await;
    for id in 1..=2 {
        engine.customer(&key(id), "hello").await;
        engine.hears(&key(id), "answer: hello").await;
        engine.until(&key(id), "it rests", |view| view.outbox.is_empty()).await;
    }
    let latch = Latch::default();
    world.store.script([CommitScript::Hang(latch.clone()), CommitScript::Hang(latch.clone())]);
    let begin = |id: u32, text: &str| {
        let (handle, event) = (engine.handle.clone(), world.channel.customer(&key(id), text));
        tokio::spawn(async move { handle.deliver(event).await })
    };
    let waiting = [begin(1, "a"), begin(1, "b")];
    pass(Duration::from_millis(10)).await;
    let full = begin(1, "c").await.expect("no panic");
    assert!(matches!(full, Err(DeliverError::Busy)), "{full:?}");
    let other = begin(2, "a");
    pass(Duration::from_millis(10)).await;
    let full = begin(3, "a").await.expect("no panic");
    assert!(matches!(full, Err(DeliverError::Busy)), "{full:?}");
    latch.open();
    for taken in waiting.into_iter().chain([other]) {
        assert_eq!(taken.await.expect("no panic").expect("taken").intake, Intake::Accepted);
    }
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn draining_lets_what_is_on_the_wire_finish_and_begins_nothing() {
    let mut world = World::without_gate();
    world.channel_policy().max_text = 10;
    world.channel.script_texts([SendScript::Slow(secs(2))]);
    world.model.script([ModelScript::Say("part one. part two.".to_owned())]);
    let mut engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("part one is on the wire", || world.channel.begun(&key(1), is_text) == 1).await;
    engine.stop().await;
    assert_eq!(world.channel.said(&key(1)), ["part one."]);
    let engine = world.start().await;
    engine.hears(&key(1), "part two.").await;
    engine.finish().await;
    assert_eq!(world.channel.begun(&key(1), is_text), 2, "the outcome of part one was written");
}

#[tokio::test(start_paused = true)]
async fn draining_does_not_wait_for_the_model() {
    let world = World::without_gate();
    world.model.script([ModelScript::Hang]);
    let mut engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the model is asked", || world.model.running() == 1).await;
    let begun = tokio::time::Instant::now();
    engine.stop().await;
    assert!(begun.elapsed() < secs(9), "{:?}", begun.elapsed());
    let engine = world.start().await;
    engine.hears(&key(1), "answer: hello").await;
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_after_the_end_is_refused_not_parked() {
    let world = World::without_gate();
    let mut engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.stop().await;
    let refused = engine.handle.deliver(world.channel.customer(&key(1), "late")).await;
    assert!(matches!(refused, Err(DeliverError::Closing)), "{refused:?}");
    assert_eq!(world.channel.begun(&key(1), |act| *act == Act::Open), 0);
}

#[tokio::test(start_paused = true)]
async fn without_gates_draining_still_waits_for_the_wire() {
    let world = World::without_gate();
    world.channel.script_texts([SendScript::Slow(secs(2))]);
    let mut settings = world.settings("a");
    settings.gates.clear();
    let mut engine = world.start_with(settings).await;
    engine.customer(&key(1), "hello").await;
    eventually("it is on the wire", || world.channel.begun(&key(1), is_text) == 1).await;
    engine.stop().await;
    assert_eq!(world.channel.said(&key(1)), ["answer: hello"]);
    assert_eq!(world.channel.begun(&key(1), is_text), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_account_pauses_its_lane_and_everything_leaves_when_it_is_mended() {
    let world = World::without_gate();
    world.channel.script_texts([SendScript::Answer(Verdict::AccountFault { why: "scripted".to_owned() })]);
    let engine = world.start().await;
    for id in 1..=4 {
        engine.customer(&key(id), "hello").await;
    }
    for id in 1..=4 {
        engine.hears(&key(id), "answer: hello").await;
    }
    eventually("operators are told", || world.cards.incidents().iter().any(|text| text == "account_fault")).await;
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_caps_on_mails_hold_across_conversations_and_tell_nothing_about_an_address() {
    let world = World::with_gate();
    let engine = world.start().await;
    for id in 1..=5 {
        engine.customer(&key(id), "jane@example.com").await;
        engine.hears(&key(id), "[MailSent]").await;
    }
    assert_eq!(world.mailer.mails().len(), 3, "three per address and hour");
    engine.finish().await;
}
