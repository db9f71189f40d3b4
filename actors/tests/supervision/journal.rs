//! What the journal tells, also of what was not worth a commit, and after crashes.

use super::*;
use frontdesk_actors::domain::Event;
use frontdesk_actors::ids::MessageId;
use frontdesk_actors::journal::{Did, Fact, Heard, JournalEntry};

async fn read(engine: &frontdesk_actors::testkit::TestEngine, key: &ConversationKey) -> Vec<JournalEntry> {
    engine.handle.journal(key, 200).await.expect("the journal can be read")
}

fn other_wrote(world: &World, key: &ConversationKey, id: u64) -> frontdesk_actors::domain::Inbound {
    let mut inbound = world.channel.customer(key, "x");
    (inbound.state, inbound.event) = (None, Event::OtherWrote { id: MessageId::numeric(id) });
    inbound
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_told_from_the_question_to_its_landing() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    engine.until(&key(1), "it has landed", |view| view.outbox.is_empty()).await;
    let told = read(&engine, &key(1)).await;
    assert!(matches!(told[0].heard, Heard::CustomerWrote { words: true, .. }), "{told:#?}");
    assert_eq!(told[0].owed, 1);
    assert!(told.iter().any(|entry| matches!(entry.did[..], [Did::AskedModel(_)])), "{told:#?}");
    let replied =
        |entry: &JournalEntry| matches!(&entry.heard, Heard::ModelReplied { outcome, .. } if outcome == "text");
    let answer = told.iter().position(replied).expect("the model answered");
    assert!(told[answer].facts.contains(&Fact::Answered));
    let row = told[answer..].iter().find_map(|entry| {
        entry.did.iter().find_map(|did| match did {
            Did::Sent(row) => Some(row.clone()),
            Did::AbortedModel
            | Did::AskedModel(_)
            | Did::Queued(_)
            | Did::Dropped(_)
            | Did::Looked(_)
            | Did::Listened(_)
            | Did::Alerted(_) => None,
        })
    });
    let row = row.expect("a row left");
    let landed = told.iter().find(|entry| matches!(&entry.heard, Heard::Sent { row: sent, .. } if sent.id == row.id));
    assert!(landed.is_some_and(|entry| matches!(entry.facts[..], [Fact::AnswerLanded(_)])), "{told:#?}");
    assert!(!format!("{told:?}").contains("hello"), "no words of anybody");
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_ignored_without_a_commit_is_told_and_goes_with_the_next_one() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    engine.until(&key(1), "it has landed", |view| view.outbox.is_empty()).await;
    let commits = world.store.commits();
    for id in 901..=903 {
        engine.deliver(other_wrote(&world, &key(1), id)).await.expect("taken");
    }
    assert_eq!(world.store.commits(), commits, "nothing was worth a commit");
    let ignored = |told: &[JournalEntry]| {
        let others = told.iter().filter(|entry| matches!(entry.heard, Heard::OtherWrote { .. }));
        others.map(|entry| (entry.again, entry.why.clone())).collect::<Vec<_>>()
    };
    let why = Some("neither the customer nor a person wrote it".into());
    assert_eq!(ignored(&read(&engine, &key(1)).await), [(2, why.clone())], "told once, counted thrice");
    engine.person(&key(1), "I have it").await;
    engine.customer(&key(1), "thank you").await;
    engine.crash().await;
    let engine = world.start().await;
    let told = read(&engine, &key(1)).await;
    assert_eq!(ignored(&told), [(2, why)], "it was written down with the takeover");
    let wrote = |entry: &&JournalEntry| matches!(entry.heard, Heard::CustomerWrote { .. });
    let last = told.iter().rfind(wrote).expect("the customer wrote");
    let person = last.person.as_ref().expect("a person has it");
    assert_eq!((person.reason.as_ref(), person.touched), ("person-wrote", true));
    engine.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_decided_anew_because_another_node_knew_better_is_told_once() {
    let world = World::without_gate();
    let first = world.start_with(world.settings("a")).await;
    first.customer(&key(1), "hello").await;
    first.hears(&key(1), "answer: hello").await;
    first.until(&key(1), "it has landed", |view| view.outbox.is_empty()).await;
    let mut second = world.start_with(world.settings("b")).await;
    second.person(&key(1), "I have it").await;
    // Nothing to write by what the first node knows, which is not the latest.
    let mut edited = other_wrote(&world, &key(1), 901);
    edited.event = Event::Edited { id: MessageId::numeric(901), text: "unknown".to_owned() };
    first.deliver(edited).await.expect("taken");
    let told = read(&first, &key(1)).await;
    let edits: Vec<_> = told.iter().filter(|entry| matches!(entry.heard, Heard::Edited { .. })).collect();
    let times: Vec<_> = edits.iter().map(|entry| (entry.again, entry.person.is_some())).collect();
    assert_eq!(times, [(0, true)], "once, as it counts: {edits:#?}");
    second.stop().await;
    first.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_quarantined_conversation_can_still_be_explained_and_an_unknown_one_has_nothing_to_tell() {
    let world = World::without_gate();
    let engine = world.start().await;
    engine.customer(&key(1), "hello").await;
    engine.hears(&key(1), "answer: hello").await;
    engine.crash().await;
    world.store.poison_record(&key(1));
    let engine = world.start().await;
    assert!(matches!(engine.handle.view(&key(1)).await, Err(DeliverError::Quarantined)));
    assert!(read(&engine, &key(1)).await.len() > 3);
    assert!(read(&engine, &key(2)).await.is_empty());
    engine.finish().await;
}
