//! What is set aside and taken back: held rows, parked events, quarantined conversations.

use super::*;
use frontdesk_actors::engine::{Decided, Decision, OutboxRow, Requeued};
use frontdesk_actors::ids::OutboundId;
use frontdesk_actors::ports::Store;
use frontdesk_actors::testkit::TestEngine;

const OK: Requeued = Requeued { taken: 0, left: 0, quarantined: false };

/// An answer is held: it was on the wire of an engine that died, and no look can tell whether it landed.
async fn held(world: &World, script: SendScript) -> (TestEngine, OutboundId) {
    world.channel.script_texts([script]);
    world.channel.show_partially(true);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the answer is on the wire", || world.channel.begun(&key(1), is_text) == 1).await;
    engine.crash().await;
    let engine = world.start().await;
    engine.until(&key(1), "the row is held", |view| view.outbox.iter().any(|row| row.state == "held")).await;
    let row = engine.view(&key(1)).await.outbox[0].id.clone();
    (engine, row)
}

#[tokio::test(start_paused = true)]
async fn held_rows_of_all_conversations_are_listed_first_and_without_loading_the_others() {
    let world = World::without_gate();
    let (engine, row) = held(&world, SendScript::Hang(Latch::default())).await;
    for id in 2..=40 {
        engine.customer(&key(id), "hello").await;
        engine.hears(&key(id), "answer: hello").await;
        engine.until(&key(id), "it rests", |view| view.outbox.is_empty()).await;
    }
    world.channel.script_texts([SendScript::Answer(Verdict::Transient {
        retry_after: Some(secs(600)),
        why: "scripted".to_owned(),
    })]);
    engine.customer(&key(50), "hello").await;
    engine.until(&key(50), "it waits", |view| view.outbox.iter().any(|row| row.state == "waiting")).await;
    let loads = world.store.loads();
    let rows = engine.handle.outbox().await.expect("the store answers");
    let shown: Vec<_> = rows.iter().map(|one: &OutboxRow| (one.key.clone(), one.row.state.as_str())).collect();
    assert_eq!(shown, [(key(1), "held"), (key(50), "waiting")]);
    assert_eq!((&rows[0].row.id, rows[0].row.text.as_deref()), (&row, Some("answer: hello")));
    assert_eq!(rows[0].name.as_deref(), Some("Jane"));
    assert!(!format!("{rows:?}").contains("answer"), "a log shows no words");
    assert!(world.store.loads() - loads <= 3, "only conversations with rows are read");
    engine.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_held_row_that_is_sent_again_is_said_once_also_if_the_process_dies_at_any_moment() {
    for millis in (0..3000).step_by(300) {
        let world = World::without_gate();
        let (engine, row) = held(&world, SendScript::Hang(Latch::default())).await;
        world.channel.script_texts([SendScript::Slow(Duration::from_millis(900))]);
        let decided = engine.handle.decide(&key(1), &row, Decision::Resend).await;
        assert!(matches!(decided, Ok(Decided::Done)), "{decided:?}");
        // A look that sees everything finds out what became of the try that the crash interrupts.
        world.channel.show_partially(false);
        pass(Duration::from_millis(millis)).await;
        engine.crash().await;
        let engine = world.start().await;
        engine.hears(&key(1), "answer: hello").await;
        engine.until(&key(1), "the row is settled", |view| view.outbox.is_empty()).await;
        engine.finish().await;
        assert_eq!(world.channel.said(&key(1)), ["answer: hello"], "killed after {millis} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_row_is_dropped_and_only_a_held_one() {
    let world = World::without_gate();
    let (engine, row) = held(&world, SendScript::LandAndHang(Latch::default())).await;
    let unknown = OutboundId("0-99".to_owned());
    let missing = engine.handle.decide(&key(1), &unknown, Decision::Drop).await.expect("heard");
    assert_eq!(missing, Decided::NoSuchRow);
    let nobody = engine.handle.decide(&key(9), &row, Decision::Drop).await;
    assert!(matches!(nobody, Err(DeliverError::Unknown)), "{nobody:?}");
    let dropped = engine.handle.decide(&key(1), &row, Decision::Drop).await.expect("heard");
    assert_eq!(dropped, Decided::Done);
    assert_eq!(engine.handle.decide(&key(1), &row, Decision::Resend).await.expect("heard"), Decided::NoSuchRow);
    assert_eq!(engine.handle.outbox().await.expect("the store answers"), []);
    let journal = world.store.journal(&key(1), 100).await.expect("the store answers");
    let told = journal.iter().any(|entry| String::from_utf8_lossy(entry).contains(r#""decision":"drop""#));
    assert!(told, "{journal:?}");
    eventually("the end is told", || world.cards.resolved() >= 1).await;
    engine.finish().await;
    assert_eq!(world.channel.said(&key(1)), ["answer: hello"]);
}

#[tokio::test(start_paused = true)]
async fn webhooks_of_a_quarantined_conversation_are_kept_in_order_and_taken_when_it_can_be_read() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    engine.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    engine.handle.passivate_now();
    eventually("it left memory", || !engine.handle.is_in_memory(&key(1))).await;
    world.store.poison_record(&key(1));
    for text in ["one", "two", "three"] {
        assert_eq!(engine.customer(&key(1), text).await.intake, Intake::Parked);
    }
    eventually("it is opened", || world.channel.state(&key(1)).status == Status::Open).await;
    eventually("colleagues are called", || world.cards.handoffs() == 1).await;
    let still = engine.handle.requeue(&key(1)).await.expect("the store answers");
    assert_eq!(still, Some(Requeued { left: 3, quarantined: true, ..OK }), "it cannot be read yet");
    assert_eq!(engine.customer(&key(1), "four").await.intake, Intake::Parked);
    let aside = engine.handle.set_aside().await.expect("the store answers");
    assert_eq!((aside.len(), aside[0].events), (1, 4));
    assert!(aside[0].quarantined.as_deref().is_some_and(|why| why.contains("cannot be read")), "{aside:?}");

    world.store.mend_record(&key(1));
    let taken = engine.handle.requeue(&key(1)).await.expect("the store answers");
    assert_eq!(taken, Some(Requeued { taken: 4, ..OK }));
    assert_eq!(engine.handle.requeue(&key(1)).await.expect("the store answers"), None, "nothing is left");
    let view = engine.view(&key(1)).await;
    let texts: Vec<_> = view.memory.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["hello", "answer: hello", "one", "two", "three", "four"]);
    assert_eq!(
        (view.phase, view.owed),
        (PhaseName::Human, 4),
        "it was opened: people have it, and see what is unanswered"
    );
    eventually("the end is told", || world.cards.resolved() >= 1).await;
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_poison_event_is_taken_once_it_is_poison_no_more_and_stays_parked_until_then() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    world.analyzer.fuse.charge("POISON", 4);
    assert_eq!(engine.customer(&key(1), "POISON").await.intake, Intake::Parked);
    eventually("it is opened", || world.channel.state(&key(1)).status == Status::Open).await;
    let still = engine.handle.requeue(&key(1)).await.expect("the store answers");
    assert_eq!(still, Some(Requeued { left: 1, ..OK }), "it fails still");
    let taken = engine.handle.requeue(&key(1)).await.expect("the store answers");
    assert_eq!(taken, Some(Requeued { taken: 1, ..OK }));
    let view = engine.view(&key(1)).await;
    assert!(view.memory.iter().any(|message| message.text == "POISON"));
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_before_it_could_open_a_conversation_is_made_up_for() {
    let world = World::without_gate();
    world.channel.script_others([SendScript::Hang(Latch::default())]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    world.analyzer.fuse.charge("POISON", 2);
    assert_eq!(engine.customer(&key(1), "POISON").await.intake, Intake::Parked);
    eventually("it is being opened", || world.channel.begun(&key(1), |act| *act == Act::Open) == 1).await;
    engine.crash().await;
    assert_eq!(world.channel.state(&key(1)).status, Status::Pending);
    let engine = world.start().await;
    eventually("it is opened", || world.channel.state(&key(1)).status == Status::Open).await;
    eventually("colleagues are called", || world.cards.handoffs() == 1).await;
    let opened = world.channel.begun(&key(1), |act| *act == Act::Open);
    pass(secs(120)).await;
    assert_eq!(world.channel.begun(&key(1), |act| *act == Act::Open), opened, "once is enough");
    // An agent hands it back on purpose: the parked event is no reason to open it again.
    let order = world.channel.note(&key(1), Order::Bot);
    engine.deliver(order).await.expect("taken");
    eventually("the desk has it", || world.channel.state(&key(1)).status == Status::Pending).await;
    engine.crash().await;
    let engine = world.start().await;
    pass(secs(60)).await;
    assert_eq!(world.channel.state(&key(1)).status, Status::Pending);
    engine.finish().await;
}

/// Waits until the people have it and everybody knows.
async fn rescued(engine: &TestEngine) {
    let all_know = || async {
        let aside = engine.handle.set_aside().await.expect("the store answers");
        aside.iter().all(|one| one.rescued) && !aside.is_empty()
    };
    frontdesk_actors::testkit::eventually_async("the people have it and know", all_know).await;
}

#[tokio::test(start_paused = true)]
async fn colleagues_are_called_also_where_nobody_heard_that_the_opening_landed() {
    let world = World::without_gate();
    world.channel.script_others([SendScript::LandButAnswer(unknown(false))]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    world.analyzer.fuse.charge("POISON", 2);
    assert_eq!(engine.customer(&key(1), "POISON").await.intake, Intake::Parked);
    eventually("it is opened", || world.channel.state(&key(1)).status == Status::Open).await;
    eventually("colleagues are called", || world.cards.handoffs() == 1).await;
    rescued(&engine).await;
    pass(secs(120)).await;
    assert_eq!(world.channel.begun(&key(1), |act| *act == Act::Open), 1, "it was open");
    assert_eq!(world.cards.handoffs(), 1, "and told once");
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_after_it_opened_a_conversation_is_made_up_for() {
    for dies_at_the_card in [false, true] {
        let world = World::without_gate();
        if dies_at_the_card {
            // The card of the parked event, and the one that calls colleagues.
            world.cards.script([PortScript::Hang(Latch::default()), PortScript::Hang(Latch::default())]);
        } else {
            world.channel.script_others([SendScript::LandAndHang(Latch::default())]);
        }
        let engine = world.start().await;
        engine.customer(&key(1), "hello").await;
        engine.hears(&key(1), "answer: hello").await;
        world.analyzer.fuse.charge("POISON", 2);
        assert_eq!(engine.customer(&key(1), "POISON").await.intake, Intake::Parked);
        eventually("it is opened", || world.channel.state(&key(1)).status == Status::Open).await;
        let aside = engine.handle.set_aside().await.expect("the store answers");
        assert!(!aside[0].rescued && world.cards.handoffs() == 0, "{aside:?}");
        engine.crash().await;
        let engine = world.start().await;
        eventually("colleagues are called", || world.cards.handoffs() == 1).await;
        rescued(&engine).await;
        pass(secs(120)).await;
        assert_eq!(world.cards.handoffs(), 1);
        engine.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_card_is_posted_before_the_rescue_counts_as_done() {
    let world = World::without_gate();
    let refusal = || PortScript::Answer(Verdict::Transient { retry_after: None, why: "scripted".to_owned() });
    world.cards.script([refusal(), refusal(), refusal()]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    world.analyzer.fuse.charge("POISON", 2);
    assert_eq!(engine.customer(&key(1), "POISON").await.intake, Intake::Parked);
    rescued(&engine).await;
    assert_eq!(world.cards.handoffs(), 1);
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_an_answer_to_what_is_parked_is_let_go_for_certain() {
    let world = World::without_gate();
    let throttled = Verdict::Transient { retry_after: Some(secs(30)), why: "scripted".to_owned() };
    // The opening lands; what lets the vendor's bot go on is refused, and then of unknown outcome.
    let steps = [SendScript::Land, SendScript::Answer(throttled), SendScript::Answer(unknown(false))];
    world.channel.script_others(steps);
    let engine = world.start().await;
    world.analyzer.fuse.charge("POISON", 2);
    let mut poison = world.channel.customer(&key(1), "POISON");
    poison.reply = Some(frontdesk_actors::ids::ReplyHandle("place".to_owned()));
    assert_eq!(engine.deliver(poison).await.expect("taken").intake, Intake::Parked);
    let dismissals = || world.channel.begun(&key(1), |act| matches!(act, Act::Dismiss { person: true }));
    eventually("it is let go", || dismissals() == 3).await;
    rescued(&engine).await;
    pass(secs(120)).await;
    assert_eq!((dismissals(), world.cards.handoffs()), (3, 1));
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_process_takes_back_what_it_can_read() {
    let world = World::without_gate();
    let mut engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    engine.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    engine.handle.passivate_now();
    eventually("it left memory", || !engine.handle.is_in_memory(&key(1))).await;
    world.store.poison_record(&key(1));
    assert_eq!(engine.customer(&key(1), "again").await.intake, Intake::Parked);
    eventually("it is opened", || world.channel.state(&key(1)).status == Status::Open).await;
    engine.stop().await;
    let mut engine = world.start().await;
    pass(secs(40)).await;
    let aside = engine.handle.set_aside().await.expect("the store answers");
    assert!(aside[0].quarantined.is_some() && aside[0].events == 1, "{aside:?}");
    engine.stop().await;
    world.store.mend_record(&key(1));
    let engine = world.start().await;
    engine.until(&key(1), "it was taken", |view| view.memory.iter().any(|message| message.text == "again")).await;
    assert_eq!(engine.handle.set_aside().await.expect("the store answers"), []);
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_back_on_one_node_is_served_by_the_other_too() {
    let world = World::without_gate();
    let (a, b) = (world.start_with(world.settings("a")).await, world.start_with(world.settings("b")).await);
    a.customer(&key(1), "hello").await;
    a.hears(&key(1), "answer: hello").await;
    a.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    a.handle.passivate_now();
    eventually("it left memory", || !a.handle.is_in_memory(&key(1))).await;
    world.store.poison_record(&key(1));
    assert_eq!(a.customer(&key(1), "again").await.intake, Intake::Parked);
    eventually("it is opened", || world.channel.state(&key(1)).status == Status::Open).await;
    assert_eq!(b.handle.set_aside().await.expect("the store answers").len(), 1, "seen on the other node");
    world.store.mend_record(&key(1));
    let taken = b.handle.requeue(&key(1)).await.expect("the store answers");
    assert_eq!(taken, Some(Requeued { taken: 1, ..OK }));
    eventually_served(&a).await;
    for engine in [a, b] {
        engine.crash().await;
    }
}

async fn eventually_served(engine: &TestEngine) {
    for _ in 0..60 {
        if engine.handle.view(&key(1)).await.is_ok() {
            return;
        }
        pass(secs(1)).await;
    }
    panic!("the node that set it aside never serves it again");
}

#[tokio::test(start_paused = true)]
async fn events_are_kept_only_when_they_are_durable() {
    let world = World::without_gate();
    let mut engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    world.analyzer.fuse.charge("POISON", 2);
    world.store.refuse_parking(true);
    let refused = engine.deliver(world.channel.customer(&key(1), "POISON")).await;
    assert!(matches!(refused, Err(DeliverError::Unavailable(_))), "not acknowledged: {refused:?}");
    world.store.refuse_parking(false);
    world.analyzer.fuse.charge("POISON", 2);
    assert_eq!(engine.customer(&key(1), "POISON again").await.intake, Intake::Parked);
    engine.stop().await;
}
