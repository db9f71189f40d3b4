//! Takeovers, hand-backs and the global human switch.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_person_who_writes_while_an_answer_waits_for_its_turn_is_not_talked_over() {
    let mut world = World::without_gate();
    world.width = 1;
    let latch = Latch::default();
    world.channel.script_texts([SendScript::Hang(latch.clone())]);
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    eventually("the first is on the wire", || world.channel.sent().len() == 1).await;
    engine.customer(&key(2), "hello").await;
    engine.until(&key(2), "its answer waits", |view| !view.outbox.is_empty()).await;
    engine.person(&key(2), "I have it").await;
    latch.open();
    engine.finish().await;
    assert!(world.channel.said(&key(2)).is_empty());
    assert_eq!(world.channel.said(&key(1)).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_customer_who_asks_for_a_person_gets_one_and_the_desk_is_silent_until_it_is_handed_back() {
    let world = World::without_gate();
    let engine = world.start().await;
    assert_eq!(engine.customer(&key(1), "a human please").await.phase, PhaseName::Human);
    engine.hears(&key(1), "[HandoffAsked]").await;
    eventually("colleagues are called", || world.cards.handoffs() == 1).await;
    eventually("it is opened", || world.channel.state(&key(1)).status == Status::Open).await;
    engine.person(&key(1), "I have it").await;
    engine.customer(&key(1), "thank you").await;
    pass(secs(60)).await;
    assert_eq!(world.model.calls(), 0);
    let resolved = world.channel.update(&key(1), Status::Resolved, Assignee::Person("7".to_owned()));
    assert_eq!(engine.deliver(resolved).await.expect("taken").phase, PhaseName::Bot);
    let pending = world.channel.update(&key(1), Status::Pending, Assignee::Person("7".to_owned()));
    engine.deliver(pending).await.expect("taken");
    engine.customer(&key(1), "one more thing").await;
    engine.hears(&key(1), "answer: one more thing").await;
    engine.finish().await;
    assert_eq!(world.model.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_another_node_wrote_is_shown_even_where_its_nudge_was_not_heard() {
    let world = World::without_gate();
    let here = world.start_with(world.settings("a")).await;
    here.customer(&key(1), "hello").await;
    here.hears(&key(1), "answer: hello").await;
    here.until(&key(1), "it has landed", |view| view.outbox.is_empty()).await;
    let mut elsewhere = world.start_with(world.settings("b")).await;
    elsewhere.person(&key(1), "I have it").await;
    assert_eq!(here.view(&key(1)).await.phase, PhaseName::Human);
    elsewhere.stop().await;
    here.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_human_switch_silences_the_desk_and_returns_what_no_person_touched() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.handle.set_human_mode(true).await.expect("the store answers");
    for id in 1..=3 {
        assert_eq!(engine.customer(&key(id), "hello").await.phase, PhaseName::Human);
    }
    engine.person(&key(2), "I have it").await;
    pass(secs(30)).await;
    assert_eq!(world.model.calls(), 0);
    engine.handle.set_human_mode(false).await.expect("the store answers");
    engine.hears(&key(1), "answer: hello").await;
    engine.hears(&key(3), "answer: hello").await;
    assert_eq!(engine.view(&key(2)).await.phase, PhaseName::Human);
    engine.finish().await;
    assert_eq!(world.model.calls(), 2);
    assert_eq!(world.channel.state(&key(1)).status, Status::Pending);
}

#[tokio::test(start_paused = true)]
async fn an_operators_order_needs_a_conversation() {
    let world = World::without_gate();
    let engine = world.start().await;
    let missing = engine.order(&key(1), Order::Human).await;
    assert!(matches!(missing, Err(DeliverError::Unknown)), "{missing:?}");
    engine.customer(&key(1), "hello").await;
    let taken = engine.order(&key(1), Order::Human).await.expect("taken");
    assert_eq!(taken.phase, PhaseName::Human);
    assert_eq!(engine.order(&key(1), Order::Bot).await.expect("taken").phase, PhaseName::Bot);
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_at_the_desk_for_long_enough_gives_it_back_also_from_the_store() {
    let mut world = World::without_gate();
    world.channel_policy().human_idle = Some(secs(600));
    let engine = world.start().await;
    engine.customer(&key(1), "a human please").await;
    engine.hears(&key(1), "[HandoffAsked]").await;
    engine.until(&key(1), "it rests", |view| view.outbox.is_empty()).await;
    engine.handle.passivate_now();
    eventually("it left memory", || !engine.handle.is_in_memory(&key(1))).await;
    pass(secs(620)).await;
    engine.until(&key(1), "the desk has it", |view| view.phase == PhaseName::Bot).await;
    engine.finish().await;
    assert_eq!(world.channel.state(&key(1)).status, Status::Pending);
}

#[tokio::test(start_paused = true)]
async fn a_person_is_found_by_number_and_forgotten_while_the_model_thinks() {
    use frontdesk_actors::engine::{Phone, Whose};
    let phone = ConversationKey::new("test", 1, "77001234567@c.us");
    let world = World::without_gate();
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    world.model.script([ModelScript::Hang]);
    engine.customer(&phone, "I am quixote").await;
    eventually("the model thinks", || world.model.running() == 1).await;
    let whose = Whose::Phone(Phone::parse("8 700 123-45-67").expect("a number"));
    let found = engine.handle.find(&whose).await.expect("the store answers");
    assert_eq!(found.iter().map(|one| one.key.clone()).collect::<Vec<_>>(), std::slice::from_ref(&phone));
    assert_eq!(engine.handle.find(&Whose::Everybody).await.expect("the store answers").len(), 2);
    let same = engine.handle.find(&Whose::ContactOf(key(1))).await.expect("the store answers");
    assert!(same.iter().any(|one| one.key == key(1)) && same.iter().all(|one| one.key != phone), "{same:?}");
    engine.erase(&phone).await.expect("it is forgotten");
    eventually("the call is stopped", || world.model.running() == 0).await;
    let view = engine.view(&phone).await;
    assert_eq!((view.owed, view.memory.len(), view.contact), (0, 0, None));
    assert!(matches!(engine.erase(&key(9)).await, Err(DeliverError::Unknown)));
    engine.customer(&phone, "do you ship?").await;
    engine.hears(&phone, "answer: do you ship?").await;
    assert_eq!(world.channel.said(&phone).len(), 1);
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_operators_trial_waits_behind_customers_and_is_refused_while_paused() {
    use frontdesk_actors::engine::TrialError;
    use frontdesk_actors::ports::{ModelReply, Prompt};
    let mut world = World::without_gate();
    world.width = 1;
    let engine = world.start().await;
    let prompt = Prompt {
        key: key(99),
        inbox: String::new(),
        lang: frontdesk_actors::domain::Lang::En,
        name: None,
        history: Vec::new(),
        unanswered: 0,
    };
    let latch = Latch::default();
    world.model.script([ModelScript::SayWhen(latch.clone(), "for the customer".to_owned())]);
    engine.customer(&key(1), "hello").await;
    eventually("a customer's turn is asked", || world.model.calls() == 1).await;
    let (handle, asked) = (engine.handle.clone(), prompt.clone());
    let trial = tokio::spawn(async move { handle.try_model(&asked).await });
    pass(secs(1)).await;
    assert_eq!(world.model.calls(), 1, "the gate has one place, and a customer has it");
    latch.open();
    engine.hears(&key(1), "for the customer").await;
    assert!(matches!(trial.await.expect("it ends"), Ok(ModelReply::Text(_))));
    assert_eq!(world.model.calls(), 2);
    engine.handle.pause().await.expect("the store answers");
    assert_eq!(engine.handle.try_model(&prompt).await, Err(TrialError::Paused));
    assert_eq!(world.model.calls(), 2);
    engine.handle.resume().await.expect("the store answers");
    assert!(engine.handle.view(&key(99)).await.expect("the store answers").is_none(), "nothing is kept of a trial");
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_is_summed_up_unless_nothing_may_leave() {
    use frontdesk_actors::engine::Summarised;
    let world = World::without_gate();
    let engine = world.start().await;
    assert!(matches!(engine.handle.summarise(&key(1)).await, Err(DeliverError::Unknown)));
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    world.model.script([ModelScript::Say("they greet".to_owned()), ModelScript::Fail(ModelErrorKind::Quota)]);
    let summed = engine.handle.summarise(&key(1)).await.expect("it answers");
    assert_eq!(summed, Summarised::Text("summary of 2: they greet".to_owned()));
    let failed = engine.handle.summarise(&key(1)).await.expect("it answers");
    assert!(matches!(failed, Summarised::Failed(error) if error.kind == ModelErrorKind::Quota));
    engine.handle.pause().await.expect("the store answers");
    assert_eq!(engine.handle.summarise(&key(1)).await.expect("it answers"), Summarised::Paused);
    engine.handle.resume().await.expect("the store answers");
    engine.erase(&key(1)).await.expect("it is forgotten");
    assert_eq!(engine.handle.summarise(&key(1)).await.expect("it answers"), Summarised::NothingSaid);
    engine.finish().await;
}
