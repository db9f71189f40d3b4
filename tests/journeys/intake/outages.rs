//! A Redis that is away: webhooks are held for a while, then refused so that Chatwoot repeats them; nothing is lost,
//! nothing is opened by failure, and no other store is ever used instead.

use super::webhook::{PATIENCE, Webhook, calm, closed, get, open, post, replied, settled};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::redis::RedisServer;
use frontdesk_sandbox::town::{Backing, Town};
use futures::future::try_join_all;
use serde_json::json;
use std::time::{Duration, Instant};

/// Chatwoot's own pause between the attempts of a bot's webhook.
const CHATWOOT_PAUSE: Duration = Duration::from_secs(3);

/// How long a webhook is held.
const HOLD: Duration = Duration::from_secs(4);

/// Chatwoot hangs up after this.
const HANGS_UP: Duration = Duration::from_secs(5);

async fn town() -> Result<Town> {
    let town = open(Backing::Redis).await?;
    town.chatwoot.configure(|options| options.bot_retry_interval = CHATWOOT_PAUSE);
    Ok(town)
}

fn redis(town: &mut Town) -> Result<&mut RedisServer> {
    town.redis.as_mut().context("the town has a Redis")
}

/// Waits until Chatwoot has been told so many times to come again.
async fn refused(town: &Town, times: usize) -> Result<()> {
    let count = |world: &frontdesk_sandbox::chatwoot::WorldView<'_>| {
        world.deliveries().iter().filter(|delivery| !delivery.outcome.is_accepted()).count()
    };
    town.chatwoot.wait_for("a refused webhook", |world| count(world) >= times).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_held_four_seconds_and_then_answered_with_500() -> Result<()> {
    let mut town = town().await?;
    redis(&mut town)?.kill()?;
    let answer = post(&town, &Webhook::message(57, 20_001, "Hi")).await?;
    assert_eq!((answer.status, answer.word()), (500, "store_unavailable"));
    assert!(answer.took > HOLD / 2 && answer.took < HANGS_UP, "{:?}", answer.took);
    Ok(())
}

/// The same with a Redis that keeps its connections and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_hangs_is_like_one_that_is_gone() -> Result<()> {
    let mut town = town().await?;
    redis(&mut town)?.stop_responding()?;
    let answer = post(&town, &Webhook::message(57, 20_001, "Hi")).await?;
    redis(&mut town)?.resume()?;
    assert_eq!(answer.status, 500);
    assert!(answer.took < HANGS_UP, "{:?}", answer.took);
    // The vendor repeats it, and it is taken once, whether or not the first attempt has landed meanwhile.
    town.chatwoot.new_conversation(412);
    let began = Instant::now();
    while post(&town, &Webhook::message(57, 20_001, "Hi")).await?.status != 200 {
        ensure!(began.elapsed() < PATIENCE, "the desk does not recover");
    }
    replied(&town, 57, 1).await?;
    assert_eq!(town.model.calls().len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_are_held_and_the_rest_are_told_at_once_to_come_again() -> Result<()> {
    let mut town = town().await?;
    redis(&mut town)?.kill()?;
    let webhooks: Vec<Webhook> = (0..12).map(|n| Webhook::message(100 + n, 20_000 + n, "Hi")).collect();
    let answers = try_join_all(webhooks.iter().map(|webhook| post(&town, webhook))).await?;
    let held: Vec<_> = answers.iter().filter(|answer| answer.status == 500).collect();
    let sent_away: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!((held.len(), sent_away.len()), (4, 8), "{answers:?}");
    assert!(held.iter().all(|answer| answer.took > HOLD / 2 && answer.took < HANGS_UP), "{held:?}");
    assert!(sent_away.iter().all(|answer| answer.took < HOLD / 2), "{sent_away:?}");
    assert!(town.metric("frontdesk_webhooks_total", "busy").await? >= 8.0);
    Ok(())
}

/// What may wait inside is bounded, whatever the holds: beyond it nothing waits at all.
#[tokio::test(flavor = "multi_thread")]
async fn beyond_what_may_wait_webhooks_are_told_at_once_to_come_again() -> Result<()> {
    let mut town = closed(Backing::Redis).await?;
    town.daemon.set("FRONTDESK__LIMITS__WAITING", 2);
    town.daemon.set("FRONTDESK__LISTEN__HOLDS_PER_ACCOUNT", 100);
    town.daemon.start().await?;
    redis(&mut town)?.stop_responding()?;
    let webhooks: Vec<Webhook> = (0..6).map(|n| Webhook::message(100 + n, 20_000 + n, "Hi")).collect();
    let answers = try_join_all(webhooks.iter().map(|webhook| post(&town, webhook))).await?;
    redis(&mut town)?.resume()?;
    let sent_away: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(sent_away.len() >= 4 && answers.iter().all(|answer| matches!(answer.status, 429 | 500)), "{answers:?}");
    assert!(sent_away.iter().filter(|answer| answer.took < HOLD / 2).count() >= 4, "{sent_away:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_comes_back_while_the_webhook_is_held_is_not_noticed() -> Result<()> {
    let mut town = town().await?;
    let conversation = town.chatwoot.new_conversation(412);
    redis(&mut town)?.kill()?;
    town.chatwoot.customer_writes(conversation, "Do you ship to Norway?");
    let began = Instant::now();
    while town.metric("frontdesk_webhooks_held", "").await? < 1.0 {
        ensure!(began.elapsed() < PATIENCE, "no webhook is held");
    }
    redis(&mut town)?.restart().await?;
    assert_eq!(replied(&town, conversation, 1).await?, ["You said: Do you ship to Norway?"]);
    assert_eq!(town.model.calls().len(), 1);
    assert_eq!(town.chatwoot.stats().flipped, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_comes_back_within_the_repeats_loses_nothing_and_opens_nothing() -> Result<()> {
    let mut town = town().await?;
    let conversation = town.chatwoot.new_conversation(412);
    redis(&mut town)?.kill()?;
    town.chatwoot.customer_writes(conversation, "Do you ship to Norway?");
    refused(&town, 1).await?;
    redis(&mut town)?.restart().await?;
    assert_eq!(replied(&town, conversation, 1).await?, ["You said: Do you ship to Norway?"]);
    assert_eq!(town.model.calls().len(), 1);
    assert_eq!(town.chatwoot.stats().flipped, 0);
    assert_eq!(town.chatwoot.conversation(conversation).map(|found| found.status).as_deref(), Some("pending"));
    assert_eq!(settled(&town, conversation).await?["phase"], "bot");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_does_not_follow_the_store() -> Result<()> {
    let mut town = town().await?;
    assert_eq!(get(&town, "/readyz").await?, (200, json!({ "status": "ready", "store": "up", "sends": "on" })));
    redis(&mut town)?.kill()?;
    let began = Instant::now();
    loop {
        let (status, body) = get(&town, "/readyz").await?;
        assert_eq!((status, &body["status"]), (200, &json!("ready")));
        if body["store"] == "away" {
            break;
        }
        ensure!(began.elapsed() < PATIENCE, "the store is never seen to be away");
    }
    assert_eq!(get(&town, "/healthz").await?.0, 200);
    Ok(())
}

/// A Redis that is down at the start is waited for, and nothing else is used in its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_at_the_start_is_waited_for() -> Result<()> {
    let mut town = closed(Backing::Redis).await?;
    redis(&mut town)?.kill()?;
    town.daemon.spawn()?;
    let began = Instant::now();
    while town.daemon.http().get(town.daemon.url("/healthz")).send().await.is_err() {
        ensure!(began.elapsed() < PATIENCE, "the desk does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for _ in 0..3 {
        assert_eq!(get(&town, "/readyz").await?.0, 200);
        let answer = post(&town, &Webhook::message(57, 20_001, "Hi")).await?;
        assert_eq!(answer.status, 500, "asked to come again: {answer:?}");
        assert!(answer.took < HANGS_UP);
    }
    let files = std::fs::read_dir(town.daemon.data_dir()).map(Iterator::count).unwrap_or_default();
    assert_eq!(files, 0, "no store of its own");
    redis(&mut town)?.restart().await?;
    let began = Instant::now();
    while get(&town, "/readyz").await?.1["status"] != "ready" {
        ensure!(began.elapsed() < PATIENCE, "the desk does not open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(conversation, "Do you ship to Norway?");
    assert_eq!(replied(&town, conversation, 1).await?, ["You said: Do you ship to Norway?"]);
    calm(&town).await
}
