//! Processes that die, and what their successors find.

use super::*;

/// An answer is on the wire of an engine that dies; whether it had landed is up to the script.
async fn crash_on_the_wire(world: &World, script: SendScript) {
    world.channel.script_texts([script]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the answer is on the wire", || world.channel.begun(&key(1), is_text) == 1).await;
    engine.crash().await;
}

#[tokio::test(start_paused = true)]
async fn what_had_landed_is_not_said_again() {
    let world = World::without_gate();
    crash_on_the_wire(&world, SendScript::LandAndHang(Latch::default())).await;
    let engine = world.start().await;
    engine.until(&key(1), "the row is settled", |view| view.outbox.is_empty()).await;
    engine.finish().await;
    assert_eq!(world.channel.begun(&key(1), is_text), 1);
}

#[tokio::test(start_paused = true)]
async fn what_had_not_landed_is_said_after_the_settle_time() {
    let world = World::without_gate();
    crash_on_the_wire(&world, SendScript::Hang(Latch::default())).await;
    let engine = world.start().await;
    engine.hears(&key(1), "answer: hello").await;
    engine.finish().await;
    assert_eq!(world.channel.begun(&key(1), is_text), 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_found_out_is_held_and_shown_and_blocks_nothing() {
    let world = World::without_gate();
    world.channel.show_partially(true);
    crash_on_the_wire(&world, SendScript::LandAndHang(Latch::default())).await;
    let engine = world.start().await;
    let held = |view: &frontdesk_actors::engine::View| view.outbox.iter().any(|row| row.state == "held");
    engine.until(&key(1), "the row is held", held).await;
    eventually("operators are told", || world.cards.incidents().iter().any(|text| text == "row_held")).await;
    engine.customer(&key(1), "are you there?").await;
    engine.hears(&key(1), "answer: are you there?").await;
    engine.finish().await;
    assert_eq!(world.channel.said(&key(1)), ["answer: hello", "answer: are you there?"]);
}

#[tokio::test(start_paused = true)]
async fn work_that_crossed_a_crash_looks_first_and_finds_the_person_who_took_over() {
    let world = World::without_gate();
    world.model.script([ModelScript::Hang]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the model is asked", || world.model.running() == 1).await;
    engine.crash().await;
    // Nobody hears this webhook.
    let _ = world.channel.person(&key(1), "I have it");
    let engine = world.start().await;
    engine.until(&key(1), "a person has it", |view| view.phase == PhaseName::Human).await;
    engine.finish().await;
    assert_eq!(world.model.calls(), 1);
    assert_eq!(world.channel.begun(&key(1), is_text), 0, "nobody is talked over");
}

#[tokio::test(start_paused = true)]
async fn where_looks_are_refused_work_that_crossed_a_crash_goes_to_a_person() {
    let world = World::without_gate();
    world.channel.refuse_looks(true);
    crash_on_the_wire(&world, SendScript::LandAndHang(Latch::default())).await;
    let engine = world.start().await;
    engine.until(&key(1), "a person has it", |view| view.reason == Some(Reason::Interrupted)).await;
    engine.hears(&key(1), "[HandoffSorry]").await;
    eventually("operators are told", || world.cards.incidents().iter().any(|text| text == "look_forbidden")).await;
    engine.finish().await;
    assert_eq!(world.channel.said(&key(1)), ["answer: hello", "[HandoffSorry]"]);
}

#[tokio::test(start_paused = true)]
async fn another_node_takes_over_the_work_of_a_dead_one() {
    let world = World::without_gate();
    world.model.script([ModelScript::Hang]);
    let dead = world.start_with(world.settings("a")).await;
    let alive = world.start_with(world.settings("b")).await;
    dead.customer(&key(1), "hello").await;
    eventually("the model is asked", || world.model.running() == 1).await;
    dead.crash().await;
    let begun = tokio::time::Instant::now();
    alive.hears(&key(1), "answer: hello").await;
    assert!(begun.elapsed() < secs(10), "after the lease, not much later: {:?}", begun.elapsed());
    alive.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_moment_loses_nothing_and_repeats_nothing() {
    for millis in (0..4000).step_by(130) {
        let world = World::with_gate();
        world.channel.script_texts(std::iter::repeat_n(SendScript::Slow(Duration::from_millis(300)), 8));
        let engine = world.start().await;
        engine.customer(&key(1), "hello, what does it cost?").await;
        pass(Duration::from_millis(millis)).await;
        engine.customer(&key(1), "jane@example.com").await;
        pass(Duration::from_millis(millis)).await;
        engine.crash().await;
        let engine = world.start().await;
        engine.hears(&key(1), "[MailSent]").await;
        let challenge = world.mailer.last().expect("a mail was taken").challenge;
        let done = engine.confirm(&key(1), &challenge).await;
        assert!(matches!(done, Ok(ChallengeView::Done { .. })), "crash after {millis} ms: {done:?}");
        pass(Duration::from_millis(millis)).await;
        engine.crash().await;
        let engine = world.start().await;
        engine.hears(&key(1), "answer: hello, what does it cost?").await;
        engine.finish().await;
        let said = world.channel.said(&key(1));
        assert_eq!(said.iter().filter(|said| said.starts_with("answer")).count(), 1, "after {millis} ms: {said:?}");
    }
}
