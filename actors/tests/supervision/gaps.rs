//! What nobody heard is found: after a crash, an outage of the store, refused intake; and what is owed without a wake-up.

use super::*;
use frontdesk_actors::testkit::{ListScript, TestEngine};

/// Waits until everything heard so far is noted in the store, as the end of this run.
async fn noted(world: &World) {
    let heard = || async {
        use frontdesk_actors::ports::Store;
        world.store.setting("heard_until:a").await.ok().flatten().is_some()
    };
    frontdesk_actors::testkit::eventually_async("what was heard is noted", heard).await;
}

/// A world that lists its conversations, with one that has been answered.
async fn one_answered() -> (World, TestEngine) {
    let world = World::without_gate();
    world.channel.list_conversations(true);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    engine.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    noted(&world).await;
    (world, engine)
}

#[tokio::test(start_paused = true)]
async fn what_was_told_while_nobody_listened_is_answered_once() {
    let (world, engine) = one_answered().await;
    engine.crash().await;
    pass(secs(30)).await;
    // None of these webhooks is delivered: the first of a new conversation, and one more of a known one.
    for id in 1..=7 {
        world.channel.customer(&key(id), &format!("missed {id}"));
    }
    let engine = world.start().await;
    for id in 1..=7 {
        engine.hears(&key(id), &format!("answer: missed {id}")).await;
    }
    let late = world.channel.customer(&key(1), "one more");
    engine.deliver(late.clone()).await.expect("taken");
    engine.hears(&key(1), "answer: one more").await;
    assert_eq!(engine.deliver(late).await.expect("taken").intake, Intake::Duplicate);
    engine.finish().await;
    for id in 2..=7 {
        assert_eq!(world.channel.said(&key(id)).len(), 1, "{id}");
    }
    assert_eq!(world.channel.said(&key(1)), ["answer: hello", "answer: missed 1", "answer: one more"]);
}

#[tokio::test(start_paused = true)]
async fn a_takeover_that_nobody_heard_is_respected() {
    let (world, engine) = one_answered().await;
    engine.crash().await;
    world.channel.customer(&key(1), "and?");
    world.channel.person(&key(1), "I have it");
    world.channel.customer(&key(2), "first");
    world.channel.update(&key(2), Status::Open, Assignee::Person("5".to_owned()));
    world.channel.customer(&key(3), "first");
    world.channel.update(&key(3), Status::Resolved, Assignee::Us);
    let engine = world.start().await;
    engine.until(&key(1), "a person has it", |view| view.phase == PhaseName::Human).await;
    engine.until(&key(2), "a person has it", |view| view.phase == PhaseName::Human).await;
    engine.until(&key(3), "it is done", |view| view.owed == 0 && !view.memory.is_empty()).await;
    pass(secs(60)).await;
    engine.finish().await;
    assert_eq!(world.channel.said(&key(1)), ["answer: hello"]);
    assert!(world.channel.said(&key(2)).is_empty() && world.channel.said(&key(3)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_while_the_store_was_away_is_found() {
    let (world, engine) = one_answered().await;
    world.store.set_down(true);
    let refused = engine.deliver(world.channel.customer(&key(2), "hello?")).await;
    assert!(matches!(refused, Err(DeliverError::Unavailable(_))), "{refused:?}");
    pass(secs(90)).await;
    world.store.set_down(false);
    engine.hears(&key(2), "answer: hello?").await;
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_is_asked_for_again() {
    let (world, engine) = one_answered().await;
    engine.crash().await;
    world.channel.customer(&key(2), "missed");
    world.channel.script_lists([
        ListScript::Fail(PortErrorKind::Transient),
        ListScript::Panic,
        ListScript::Fail(PortErrorKind::Throttled(secs(20))),
        ListScript::Fail(PortErrorKind::Broken),
    ]);
    let engine = world.start().await;
    engine.hears(&key(2), "answer: missed").await;
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn where_nothing_can_be_listed_the_desk_looks_at_its_own_conversations() {
    let (world, engine) = one_answered().await;
    engine.crash().await;
    world.channel.list_conversations(false);
    world.channel.customer(&key(1), "missed");
    world.channel.customer(&key(2), "never heard of");
    let engine = world.start().await;
    engine.hears(&key(1), "answer: missed").await;
    pass(secs(60)).await;
    engine.finish().await;
    assert!(world.channel.said(&key(2)).is_empty(), "only a list would show it");
}

#[tokio::test(start_paused = true)]
async fn before_its_first_run_nothing_was_promised() {
    let world = World::without_gate();
    world.channel.list_conversations(true);
    world.channel.customer(&key(1), "from before the desk");
    let engine = world.start().await;
    noted(&world).await;
    pass(secs(60)).await;
    engine.finish().await;
    assert_eq!((world.channel.listed(), world.channel.said(&key(1)).len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_without_a_wake_up_is_found_and_woken() {
    let world = World::without_gate();
    world.model.script([ModelScript::Hang]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the model is asked", || world.model.running() == 1).await;
    engine.crash().await;
    world.store.lose_wake(&key(1));
    let engine = world.start().await;
    engine.hears(&key(1), "answer: hello").await;
    engine.finish().await;
    assert_eq!(world.channel.said(&key(1)), ["answer: hello"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_vendor_opened_meanwhile_is_told_and_taken_back() {
    let (mut world, engine) = one_answered().await;
    world.policy.away.reclaim = true;
    engine.crash().await;
    world.channel.customer(&key(1), "are you there?");
    world.channel.update(&key(1), Status::Open, Assignee::Us);
    let engine = world.start().await;
    engine.until(&key(1), "nobody has touched it", |view| view.reason == Some(Reason::DeskAway)).await;
    engine.hears(&key(1), "answer: are you there?").await;
    assert_eq!(world.channel.state(&key(1)).status, Status::Pending);
    engine.finish().await;
    assert!(world.cards.incidents().iter().any(|card| card == "opened_by_failure"), "operators are told");
}

#[tokio::test(start_paused = true)]
async fn what_the_vendor_opens_for_the_cut_webhooks_of_a_new_conversation_is_told_after_the_start() {
    let (world, engine) = one_answered().await;
    engine.crash().await;
    world.channel.list_conversations(false);
    world.channel.customer(&key(2), "cut off");
    let half = world.channel.customer(&key(5), "one of two webhooks is cut off");
    pass(secs(1)).await;
    let engine = world.start().await;
    let opens = async |id| {
        let opened = world.channel.update(&key(id), Status::Open, Assignee::Us);
        engine.deliver(opened).await.expect("taken");
    };
    engine.deliver(half).await.expect("the other waited for the start");
    for id in [2, 5] {
        opens(id).await;
        engine.until(&key(id), "the desk knows why", |view| view.reason == Some(Reason::DeskAway)).await;
    }
    engine.customer(&key(3), "heard").await;
    opens(3).await;
    pass(secs(60)).await;
    opens(4).await;
    for id in [3, 4] {
        engine.until(&key(id), "a colleague opened it", |view| view.reason == Some(Reason::NotPending)).await;
    }
    engine.finish().await;
    assert!(world.cards.incidents().iter().any(|card| card == "opened_by_failure"), "operators are told");
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_to_a_node_that_died_for_good_is_read_back_by_another() {
    let world = World::without_gate();
    world.channel.list_conversations(true);
    let (a, b) = (world.start_with(world.settings("a")).await, world.start_with(world.settings("b")).await);
    a.customer(&key(1), "hello").await;
    a.hears(&key(1), "answer: hello").await;
    a.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    // Both know of each other.
    pass(secs(60)).await;
    // An agent writes, and a customer; what tells of it goes to the node that dies with it.
    world.channel.person(&key(1), "I have it");
    world.channel.customer(&key(2), "are you there?");
    b.crash().await;
    a.hears(&key(2), "answer: are you there?").await;
    a.until(&key(1), "a person has it", |view| view.phase == PhaseName::Human).await;
    a.customer(&key(1), "and?").await;
    pass(secs(60)).await;
    assert_eq!(world.channel.said(&key(1)), ["answer: hello"], "a person was talked over");
    // Once is enough, also for a node that is started anew.
    let listed = world.channel.listed();
    pass(secs(600)).await;
    assert_eq!(world.channel.listed(), listed);
    a.finish().await;
}
