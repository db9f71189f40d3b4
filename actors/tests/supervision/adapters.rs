//! Adapters that panic, hang or answer badly.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_send_that_panics_is_looked_up_and_repeated_once_absence_is_proof() {
    let world = World::without_gate();
    world.channel.script_texts([SendScript::Panic]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    let sent = world.channel.sent();
    let texts: Vec<_> = sent.iter().filter(|sent| is_text(&sent.act)).collect();
    assert_eq!(texts.len(), 2);
    assert_eq!(texts[0].id, texts[1].id);
    assert!(texts[1].at.since(texts[0].at) >= secs(45), "absence proves nothing before the settle time");
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_send_that_lands_and_panics_is_not_repeated() {
    let world = World::without_gate();
    world.channel.script_texts([SendScript::LandAndPanic]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    pass(secs(120)).await;
    assert_eq!(world.channel.begun(&key(1), is_text), 1);
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_look_that_panics_is_repeated() {
    let world = World::without_gate();
    world.channel.script_texts([SendScript::LandButAnswer(unknown(true))]);
    world.channel.script_looks([LookScript::Panic, LookScript::Fail(PortErrorKind::Transient)]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("three looks were made", || world.channel.looked() >= 3).await;
    engine.finish().await;
    assert_eq!(world.channel.said(&key(1)), ["answer: hello"]);
}

#[tokio::test(start_paused = true)]
async fn a_finished_but_unknown_send_is_decided_by_one_look() {
    let world = World::without_gate();
    world.channel.script_texts([SendScript::Answer(unknown(true))]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    let sent = world.channel.sent();
    assert!(sent[1].at.since(sent[0].at) < secs(5), "one look decides at once");
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_panics_is_asked_again() {
    let world = World::without_gate();
    world.model.script([ModelScript::Panic, ModelScript::Fail(ModelErrorKind::Overloaded)]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    assert_eq!(world.model.calls(), 3);
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_hangs_is_given_up_after_its_retries_and_a_person_is_fetched() {
    let mut world = World::without_gate();
    world.policy.turn.deadline = secs(600);
    world.model.script([ModelScript::Hang, ModelScript::Hang, ModelScript::Hang]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.until(&key(1), "a person has it", |view| view.reason == Some(Reason::ModelFailed)).await;
    assert_eq!((world.model.calls(), world.model.aborted(), world.model.running()), (3, 3, 0));
    engine.hears(&key(1), "[HandoffSorry]").await;
    eventually("colleagues are called", || world.cards.handoffs() == 1).await;
    engine.finish().await;
    assert_eq!(world.channel.state(&key(1)).status, Status::Open);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_takes_too_long_ends_at_its_deadline() {
    let world = World::without_gate();
    world.model.script([ModelScript::Hang, ModelScript::Hang, ModelScript::Hang]);
    let engine = world.start().await;
    let begun = tokio::time::Instant::now();
    engine.customer(&key(1), "hello").await;
    engine.until(&key(1), "a person has it", |view| view.reason == Some(Reason::TurnDeadline)).await;
    assert!(begun.elapsed() < secs(95));
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_mailer_that_panics_is_tried_again() {
    let world = World::with_gate();
    world.mailer.script([PortScript::Panic]);
    let engine = world.start().await;
    engine.customer(&key(1), "hi, what does it cost?").await;
    engine.customer(&key(1), "jane@example.com").await;
    engine.hears(&key(1), "[MailSent]").await;
    let mail = world.mailer.last().expect("a mail was taken");
    let done = engine.confirm(&key(1), &mail.challenge).await;
    assert!(matches!(done, Ok(ChallengeView::Done { .. })), "{done:?}");
    let used = engine.confirm(&key(1), &mail.challenge).await;
    assert!(matches!(used, Ok(ChallengeView::Used { .. })), "{used:?}");
    engine.hears(&key(1), "answer: hi, what does it cost?").await;
    assert_eq!(world.model.calls(), 1);
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_alert_sink_that_panics_or_hangs_is_used_again() {
    let world = World::without_gate();
    world.cards.script([PortScript::Panic, PortScript::Hang(Latch::default())]);
    world.model.script([ModelScript::Fail(ModelErrorKind::Quota)]);
    world.channel.script_others([SendScript::Answer(Verdict::Rejected { why: "scripted".to_owned() })]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("both incidents are told about", || world.cards.incidents().len() >= 2).await;
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_takeover_while_a_send_connects_is_not_talked_over() {
    for taken in [true, false] {
        let world = World::without_gate();
        world.channel.script_texts([SendScript::Connect(secs(2))]);
        let engine = world.start().await;
        engine.customer(&key(1), "hello").await;
        eventually("it is connecting", || world.channel.begun(&key(1), is_text) == 1).await;
        if taken {
            // What is on its way now was claimed before, and is not written after the end of its claim.
            engine.deliver(world.channel.person(&key(1), "I have it")).await.expect("taken");
            pass(secs(60)).await;
            assert!(world.channel.said(&key(1)).is_empty(), "a person was talked over");
        } else {
            engine.hears(&key(1), "answer: hello").await;
        }
        engine.finish().await;
    }
}
