//! Repeated webhooks, and many at once.

use super::webhook::{Webhook, calm, open, post, replied, settled};
use anyhow::{Result, ensure};
use frontdesk_sandbox::chatwoot::{Delivery, Target};
use frontdesk_sandbox::town::{Backing, Town};
use futures::future::try_join_all;
use serde_json::json;
use std::time::Duration;

on_both_stores!(
    a_message_in_200_webhooks_is_answered_once,
    many_customers_at_once_are_acknowledged_and_answered,
    a_flood_from_one_customer_is_taken,
);

/// Posts a webhook so many times at once; every one is acknowledged.
async fn repeat(town: &Town, webhook: &Webhook, times: usize) -> Result<()> {
    for answer in try_join_all((0..times).map(|_| post(town, webhook))).await? {
        ensure!((answer.status, answer.word()) == (200, "ok"), "{answer:?}");
    }
    Ok(())
}

async fn a_message_in_200_webhooks_is_answered_once(backing: Backing) -> Result<()> {
    let mut town = open(backing).await?;
    let conversation = town.chatwoot.new_conversation(412);
    let message = Webhook::message(conversation, 20_001, "Do you ship to Norway?");
    for _ in 0..8 {
        repeat(&town, &message, 20).await?;
    }
    replied(&town, conversation, 1).await?;
    repeat(&town, &message, 20).await?;
    // What was taken once is known to the next process, too.
    town.daemon.kill()?;
    town.daemon.start().await?;
    repeat(&town, &message, 20).await?;
    assert_eq!(replied(&town, conversation, 1).await?, ["You said: Do you ship to Norway?"]);
    assert_eq!(town.model.calls().len(), 1);
    calm(&town).await
}

/// Each message causes four webhooks that count, and each answer as many again.
async fn many_customers_at_once_are_acknowledged_and_answered(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let conversations: Vec<u64> = (0..60).map(|_| town.chatwoot.new_conversation(412)).collect();
    for conversation in &conversations {
        town.chatwoot.customer_writes(*conversation, &format!("question {conversation}"));
    }
    for conversation in &conversations {
        let what = format!("an answer in {conversation}");
        town.chatwoot.wait_for(&what, |world| !world.replies(*conversation).is_empty()).await?;
    }
    for conversation in &conversations {
        assert_eq!(replied(&town, *conversation, 1).await?, [format!("You said: question {conversation}")]);
    }
    assert_eq!(town.model.calls().len(), conversations.len());
    let slowest = town.chatwoot.see(|world| world.deliveries().iter().map(|delivery| delivery.took).max());
    assert!(slowest < Some(Duration::from_secs(5)), "{slowest:?}");
    calm(&town).await
}

/// One visitor who writes a hundred messages in the same moment: more than may wait, but not more than the repeats
/// carry. Whatever is told to come again does, and nothing is opened by failure.
async fn a_flood_from_one_customer_is_taken(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    // As Chatwoot does it.
    town.chatwoot.configure(|options| options.bot_retry_interval = Duration::from_secs(3));
    let conversation = town.chatwoot.new_conversation(412);
    let ids: Vec<u64> =
        (0..100).map(|n| town.chatwoot.customer_writes(conversation, &format!("message {n}"))).collect();
    town.chatwoot.wait_quiet().await?;
    let view = settled(&town, conversation).await?;
    assert_eq!((&view["phase"], &view["owed"]), (&json!("bot"), &json!(0)));
    assert_eq!(town.chatwoot.stats().flipped, 0);
    let answers = town.chatwoot.see(|world| world.replies(conversation).len());
    ensure!((1..=10).contains(&answers), "a burst is answered as one, not {answers} times");
    let heard: Vec<Delivery> = town.chatwoot.see(|world| world.deliveries().to_vec());
    let taken = |id: &u64| {
        let of = |delivery: &Delivery| {
            delivery.event == "message_created" && delivery.body.contains(&format!("\"id\":{id},"))
        };
        heard
            .iter()
            .any(|delivery| delivery.target == Target::AgentBot && delivery.outcome.is_accepted() && of(delivery))
    };
    ensure!(ids.iter().all(taken), "every message was taken at last");
    Ok(())
}
