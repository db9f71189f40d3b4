//! Repeated webhooks, and many at once.

use super::webhook::{Webhook, calm, open, post, replied};
use anyhow::{Result, ensure};
use frontdesk_sandbox::town::{Backing, Town};
use futures::future::try_join_all;
use std::time::Duration;

on_both_stores!(a_message_in_200_webhooks_is_answered_once, many_customers_at_once_are_acknowledged_and_answered);

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
