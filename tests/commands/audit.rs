//! `frontdesk audit`: a healthy store has nothing to report, and what is wrong is named.

use crate::support::{Told, at, town};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use frontdesk::adapters::store::embedded::{EmbeddedSettings, EmbeddedStore};
use frontdesk::adapters::store::redis::{RedisSettings, RedisStore};
use frontdesk_actors::ids::{CommitId, ConversationKey, Node};
use frontdesk_actors::ports::{Commit, CommitOutcome, MemoryWrite, Store};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::{Backing, Town};
use serde_json::Value;
use std::time::Duration;

async fn talk(town: &Town) -> Result<u64> {
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(conversation, "Do you ship?");
    town.chatwoot.wait_for("it is answered", |world| world.replies(conversation).len() == 1).await?;
    Ok(conversation)
}

fn healthy(told: &Told) -> Result<()> {
    ensure!(told.ok && told.out.contains("Nothing is wrong.") && !told.out.contains("VIOLATION"), "{told:#?}");
    Ok(())
}

/// The daemon's store, once the daemon is gone.
fn store(town: &Town) -> Result<Box<dyn Store>> {
    Ok(match &town.redis {
        Some(redis) => Box::new(RedisStore::connect(&RedisSettings::new(redis.url().into()))?),
        None => Box::new(EmbeddedStore::open(&town.daemon.data_dir(), EmbeddedSettings::default())?),
    })
}

/// Writes a record over what stands, with or without a wake-up.
async fn plant(store: &dyn Store, key: &ConversationKey, record: Bytes, wake: Option<Duration>) -> Result<()> {
    let expected = store.load(key).await?.map_or(0, |stored| stored.version);
    let outcome = store
        .commit(&Commit {
            key: key.clone(),
            expected,
            becomes: expected + 1,
            id: CommitId(u128::from(expected) + 1),
            node: Node { name: "planter".into(), boot: 1 },
            record,
            memory: MemoryWrite::Keep,
            wake,
            journal: Vec::new(),
            summary: Bytes::from_static(b"{}"),
        })
        .await;
    ensure!(matches!(outcome, CommitOutcome::Ok { .. }), "{outcome:?}");
    Ok(())
}

async fn a_store_is_healthy_beside_the_daemon_without_it_and_after_a_kill(backing: Backing) -> Result<()> {
    let mut town = town(backing).await?;
    talk(&town).await?;
    let handed = talk(&town).await?;
    town.chatwoot.customer_writes(handed, "I want to talk to a human");
    town.teams.wait_for_cards(1).await?;
    // In the middle of a turn, too.
    town.model.push(Reply::Hang);
    let thinking = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(thinking, "And by air?");
    let began = std::time::Instant::now();
    while town.model.calls().len() < 3 {
        ensure!(began.elapsed() < Duration::from_secs(20), "the model is never asked");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let beside = at(&town, &["audit"])?;
    healthy(&beside)?;
    ensure!(beside.out.contains("3 conversations were read."), "{beside:#?}");
    town.daemon.kill()?;
    healthy(&at(&town, &["audit"])?)?;
    town.daemon.start().await?;
    town.model.release();
    town.chatwoot.wait_for("it is answered after all", |world| world.replies(thinking).len() == 1).await?;
    healthy(&at(&town, &["audit"])?)
}

async fn what_is_wrong_is_named_and_fails(backing: Backing) -> Result<()> {
    let mut town = town(backing).await?;
    talk(&town).await?;
    town.model.push(Reply::Hang);
    let thinking = town.chatwoot.new_conversation(412);
    let key = |conversation: u64| ConversationKey::new("chatwoot", 1, conversation);
    town.chatwoot.customer_writes(thinking, "And by air?");
    let began = std::time::Instant::now();
    while town.model.calls().len() < 2 {
        ensure!(began.elapsed() < Duration::from_secs(20), "the model is never asked");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    town.daemon.kill()?;
    {
        let store = store(&town)?;
        let record = store.load(&key(thinking)).await?.context("a record")?.record;
        plant(store.as_ref(), &key(thinking), record.clone(), None).await?;
        plant(store.as_ref(), &key(9001), record, Some(Duration::from_secs(60))).await?;
        plant(store.as_ref(), &key(9002), Bytes::from_static(b"\xc1 not a record"), None).await?;
    }
    let told = at(&town, &["audit"])?;
    ensure!(!told.ok && told.err.contains("violations"), "{told:#?}");
    for (conversation, words) in [
        (thinking, "a turn over 1 customer messages has no wake-up"),
        (9001, "belongs to another conversation"),
        (9002, "its record cannot be read"),
    ] {
        let named = format!("VIOLATION {}: ", key(conversation));
        ensure!(told.out.lines().any(|line| line.starts_with(&named) && line.contains(words)), "{words}: {told:#?}");
    }
    let raw: Value = serde_json::from_str(&at(&town, &["audit", "--json"])?.out)?;
    let kinds: Vec<&str> =
        raw["violations"].as_array().context("a list")?.iter().filter_map(|one| one["kind"].as_str()).collect();
    ensure!(kinds.len() == 3 && kinds.contains(&"turn_without_wake"), "{raw:#}");
    // The gate was off when these conversations began; with it on, the one that answers without proof is named.
    town.daemon.set("GATE", "on");
    let told = at(&town, &["audit"])?;
    ensure!(told.out.contains("never proved an address"), "{told:#?}");
    Ok(())
}

crate::support::on_both_stores!(
    a_store_is_healthy_beside_the_daemon_without_it_and_after_a_kill,
    what_is_wrong_is_named_and_fails,
);

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there_is_named() -> Result<()> {
    let told = crate::support::frontdesk(&["audit"], &[("DATA_DIR", "/nowhere/at/all")])?;
    ensure!(!told.ok && told.err.contains("/nowhere/at/all") && told.err.contains("DATA_DIR"), "{told:#?}");
    let told = crate::support::frontdesk(&["audit"], &[("REDIS_URL", "redis://127.0.0.1:1")])?;
    ensure!(!told.ok && told.err.contains("read all conversations in Redis"), "{told:#?}");
    Ok(())
}
