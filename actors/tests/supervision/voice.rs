//! Recordings: listened to beside everything else, also by whoever takes over.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_is_said_is_heard_and_answered_once() {
    let world = World::without_gate();
    let engine = world.start().await;
    let spoken = world.channel.voice(&key(1), "what does it cost");
    assert_eq!(engine.deliver(spoken.clone()).await.expect("taken").intake, Intake::Accepted);
    assert_eq!(engine.deliver(spoken).await.expect("taken").intake, Intake::Duplicate);
    engine.hears(&key(1), "answer: what does it cost").await;
    engine.finish().await;
    assert_eq!((world.transcriber.calls(), world.model.calls()), (1, 1));
    assert!(world.model.prompts()[0].history[0].voice);
}

#[tokio::test(start_paused = true)]
async fn words_for_a_person_are_heard_before_the_gate() {
    let world = World::with_gate();
    let engine = world.start().await;
    engine.deliver(world.channel.voice(&key(1), "a human please")).await.expect("taken");
    engine.hears(&key(1), "[HandoffAsked]").await;
    engine.finish().await;
    assert_eq!(world.model.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_while_it_listens_leaves_the_recording_to_its_successor() {
    let world = World::without_gate();
    world.transcriber.script([VoiceScript::Hang]);
    let engine = world.start().await;
    engine.deliver(world.channel.voice(&key(1), "hello there")).await.expect("taken");
    eventually("it is listened to", || world.transcriber.running() == 1).await;
    engine.crash().await;
    let engine = world.start_with(world.settings("b")).await;
    engine.hears(&key(1), "answer: hello there").await;
    engine.finish().await;
    assert_eq!(world.channel.said(&key(1)).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_person_who_takes_over_ends_the_transcription() {
    let world = World::without_gate();
    world.transcriber.script([VoiceScript::Hang]);
    let engine = world.start().await;
    engine.deliver(world.channel.voice(&key(1), "hello there")).await.expect("taken");
    eventually("it is listened to", || world.transcriber.running() == 1).await;
    engine.person(&key(1), "I have it").await;
    eventually("it ends", || world.transcriber.running() == 0).await;
    pass(secs(600)).await;
    engine.finish().await;
    assert_eq!((world.transcriber.aborted(), world.transcriber.calls()), (1, 1));
    assert!(world.channel.said(&key(1)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_transcriber_that_panics_hangs_and_fails_is_asked_again() {
    let world = World::without_gate();
    let fails = VoiceScript::Fail(TranscribeErrorKind::Overloaded);
    world.transcriber.script([VoiceScript::Panic, VoiceScript::Hang, fails]);
    let engine = world.start().await;
    engine.deliver(world.channel.voice(&key(1), "hello there")).await.expect("taken");
    engine.hears(&key(1), "answer: hello there").await;
    engine.finish().await;
    assert_eq!(world.transcriber.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_refused_account_fetches_people_tells_operators_and_is_mended_by_the_next_recording() {
    let world = World::without_gate();
    world.transcriber.script([VoiceScript::Fail(TranscribeErrorKind::Unauthorized)]);
    let engine = world.start().await;
    engine.deliver(world.channel.voice(&key(1), "hello")).await.expect("taken");
    engine.hears(&key(1), "[HandoffSorry]").await;
    eventually("operators are told", || world.cards.incidents().iter().any(|text| text == "transcriber_refused")).await;
    engine.deliver(world.channel.voice(&key(2), "hello there")).await.expect("taken");
    engine.hears(&key(2), "answer: hello there").await;
    engine.finish().await;
    assert_eq!(world.channel.said(&key(1)), ["[HandoffSorry]"]);
}

#[tokio::test(start_paused = true)]
async fn many_who_speak_at_once_wait_for_their_turn_and_all_are_answered() {
    let mut world = World::without_gate();
    world.width = 2;
    let latch = Latch::default();
    world.transcriber.script([1, 2].map(|n| VoiceScript::HearWhen(latch.clone(), format!("word {n}"))));
    let engine = world.start().await;
    for id in 1..=20 {
        engine.deliver(world.channel.voice(&key(id), "hello there")).await.expect("taken");
    }
    eventually("as many as may are listened to", || world.transcriber.running() == 2).await;
    pass(secs(20)).await;
    assert_eq!(world.transcriber.calls(), 2);
    latch.open();
    for id in 1..=20 {
        let told = |view: &frontdesk_actors::engine::View| view.owed == 0 && view.outbox.is_empty();
        engine.until(&key(id), "it is answered", told).await;
        assert_eq!(world.channel.said(&key(id)).len(), 1);
    }
    engine.finish().await;
}
