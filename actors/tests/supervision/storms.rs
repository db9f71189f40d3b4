//! Storms: a panic at every step of a conversation, kills all the time, supervisors that die, many conversations at once.

use super::*;

/// One whole conversation at the gate, up to a person who takes it.
async fn whole_conversation(world: &World, engine: &frontdesk_actors::testkit::TestEngine) {
    engine.customer(&key(1), "what does it cost?").await;
    engine.customer(&key(1), "jane@example.com").await;
    engine.hears(&key(1), "[MailSent]").await;
    let challenge = world.mailer.last().expect("a mail was taken").challenge;
    let done = engine.confirm(&key(1), &challenge).await;
    assert!(matches!(done, Ok(ChallengeView::Done { .. } | ChallengeView::Used { .. })), "{done:?}");
    engine.hears(&key(1), "answer: what does it cost?").await;
    engine.customer(&key(1), "a human please").await;
    engine.hears(&key(1), "[HandoffAsked]").await;
    engine.until(&key(1), "a person has it", |view| view.phase == PhaseName::Human && view.outbox.is_empty()).await;
}

/// Returns how many commits a conversation takes when nothing fails.
async fn commits_of_a_whole_conversation() -> u64 {
    let world = World::with_gate();
    let engine = world.start().await;
    whole_conversation(&world, &engine).await;
    engine.finish().await;
    world.store.commits()
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_any_handler_loses_nothing_and_repeats_nothing() {
    let commits = commits_of_a_whole_conversation().await;
    assert!(commits > 10, "every kind of message is among them: {commits}");
    for nth in 0..commits {
        let world = World::with_gate();
        let before = usize::try_from(nth).expect("a small number");
        world.store.script(std::iter::repeat_n(CommitScript::Obey, before).chain([CommitScript::Panic]));
        let engine = world.start().await;
        whole_conversation(&world, &engine).await;
        engine.finish().await;
        let said = world.channel.said(&key(1));
        for once in ["[MailSent]", "answer: what does it cost?", "[HandoffAsked]"] {
            assert_eq!(said.iter().filter(|said| *said == once).count(), 1, "panic at commit {nth}: {said:?}");
        }
        // Two cards are better than none: one whose outcome was lost is posted again.
        assert!((1..=2).contains(&world.cards.handoffs()), "panic at commit {nth}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_looking_at_a_conversation_is_only_the_onlookers() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    engine.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    engine.handle.passivate_now();
    eventually("it left memory", || !engine.handle.is_in_memory(&key(1))).await;
    world.store.panic_on_next_load();
    let failed = engine.handle.view(&key(1)).await;
    assert!(matches!(failed, Err(DeliverError::Busy)), "{failed:?}");
    world.store.panic_on_next_load();
    engine.customer(&key(1), "again").await;
    engine.hears(&key(1), "answer: again").await;
    assert!(engine.view(&key(1)).await.reason.is_none(), "no person was fetched for that");
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn conversations_that_are_killed_all_the_time_answer_every_message_once() {
    const CUSTOMERS: u32 = 20;
    let world = World::without_gate();
    let engine = world.start().await;
    let killing = {
        let handle = engine.handle.clone();
        tokio::spawn(async move {
            for round in 0_u32.. {
                handle.kill_conversation(&key(round % CUSTOMERS));
                // Slow enough for the budget of each: six failures a minute.
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
        })
    };
    for round in 0..10 {
        for id in 0..CUSTOMERS {
            let receipt = engine.customer(&key(id), &format!("m{round}")).await;
            assert_eq!(receipt.intake, Intake::Accepted);
        }
        pass(secs(9)).await;
    }
    killing.abort();
    let _ = killing.await;
    for id in 0..CUSTOMERS {
        engine.until(&key(id), "everything is answered", |view| view.owed == 0 && view.outbox.is_empty()).await;
    }
    engine.finish().await;
    for id in 0..CUSTOMERS {
        let said = world.channel.said(&key(id));
        assert!(said.iter().any(|said| said.contains("m9")), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_storm_of_many_conversations_sets_aside_only_those_that_fail() {
    let world = World::without_gate();
    let engine = world.start().await;
    world.analyzer.fuse.charge("answer: storm", u32::MAX);
    world.phrases.fuse.charge("HandoffSorry", u32::MAX);
    for id in 0..30 {
        engine.customer(&key(id), if id % 3 == 0 { "storm" } else { "hello" }).await;
    }
    for id in (0..30).filter(|id| id % 3 != 0) {
        engine.hears(&key(id), "answer: hello").await;
    }
    for id in (0..30).filter(|id| id % 3 == 0) {
        eventually("it is opened past the flow", || world.channel.state(&key(id)).status == Status::Open).await;
    }
    let aside = engine.handle.set_aside().await.expect("the store answers");
    assert_eq!(aside.len(), 10);
    assert!(aside.iter().all(|one| one.quarantined.as_deref() == Some("it keeps failing")), "{aside:?}");
    assert!(world.model.calls() <= 20 + 2 * 10, "two tries each: {}", world.model.calls());
    world.analyzer.fuse.charge("answer: storm", 0);
    world.phrases.fuse.charge("HandoffSorry", 0);
    for id in (0..30).filter(|id| id % 3 == 0) {
        let taken = engine.handle.requeue(&key(id)).await.expect("the store answers").expect("it was set aside");
        assert!(!taken.quarantined);
        let heard = |view: &frontdesk_actors::engine::View| view.phase == PhaseName::Human && view.outbox.is_empty();
        // Nothing told the desk yet that people have it: the look that comes before every answer does.
        engine.until(&key(id), "it knows that people have it", heard).await;
    }
    assert_eq!(engine.handle.set_aside().await.expect("the store answers"), []);
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn whichever_supervisor_dies_the_process_is_told_and_its_successor_finishes_the_work() {
    for which in ["directory", "outbound", "alerts"] {
        let world = World::without_gate();
        world.model.script([ModelScript::Hang]);
        let engine = world.start().await;
        engine.customer(&key(1), "hello").await;
        eventually("the model is asked", || world.model.running() == 1).await;
        let handle = engine.handle.clone();
        assert!(handle.kill_supervisor(which), "{which} is a supervisor");
        tokio::time::timeout(secs(5), handle.failed()).await.unwrap_or_else(|_| panic!("nobody is told of {which}"));
        engine.crash().await;
        let engine = world.start().await;
        engine.hears(&key(1), "answer: hello").await;
        engine.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn memory_follows_the_conversations_that_are_active() {
    const CUSTOMERS: u32 = 300;
    let world = World::without_gate();
    let mut settings = world.settings("a");
    settings.passivate_after = secs(30);
    let engine = world.start_with(settings).await;
    for id in 0..CUSTOMERS {
        engine.customer(&key(id), "hello").await;
    }
    for id in 0..CUSTOMERS {
        engine.hears(&key(id), "answer: hello").await;
    }
    let in_memory = || (0..CUSTOMERS).filter(|id| engine.handle.is_in_memory(&key(*id))).count();
    assert_eq!(in_memory(), 300);
    for _ in 0..12 {
        pass(secs(5)).await;
        engine.customer(&key(7), "I am still here").await;
    }
    eventually("only the active one is left", || in_memory() == 1).await;
    assert!(engine.handle.is_in_memory(&key(7)));
    // A flood at one conversation that the store holds up does not bring the others back, and is bounded.
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_bounded_at_intake_and_what_was_taken_is_answered() {
    let world = World::without_gate();
    let mut settings = world.settings("a");
    settings.mailbox = 8;
    let engine = world.start_with(settings).await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    let latch = Latch::default();
    world.store.script([CommitScript::Hang(latch.clone())]);
    let flood: Vec<_> = (0..200)
        .map(|n| {
            let (handle, event) = (engine.handle.clone(), world.channel.customer(&key(1), &format!("m{n}")));
            tokio::spawn(async move { handle.deliver(event).await })
        })
        .collect();
    pass(Duration::from_millis(50)).await;
    latch.open();
    let mut taken = 0;
    for delivery in flood {
        match delivery.await.expect("no panic") {
            Ok(_) => taken += 1,
            Err(error) => assert!(matches!(error, DeliverError::Busy), "{error:?}"),
        }
    }
    assert_eq!(taken, 8, "as many as the mailbox holds");
    engine.until(&key(1), "everything is answered", |view| view.owed == 0 && view.outbox.is_empty()).await;
    engine.finish().await;
}
