//! The store goes away in the middle of a turn, or the desk itself stands still.

use super::support::{BOTH_STORES, EVERYWHERE, Place, ask, requested, run, said_once, scenarios};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::redis::RedisServer;
use frontdesk_sandbox::town::Town;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn redis_goes_away() -> Result<()> {
    let outages = scenarios![
        redis_dies_while_the_model_thinks,
        redis_dies_while_a_reply_is_being_posted,
        redis_dies_and_the_reply_never_landed,
        redis_stands_still_for_three_seconds,
    ];
    run(&ON_REDIS, outages).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_stands_still() -> Result<()> {
    let moments =
        scenarios![the_desk_stands_still_while_the_model_thinks, the_desk_stands_still_while_a_reply_is_being_posted];
    run(&BOTH_STORES, moments).await
}

const QUESTION: &str = "Do you ship to Norway?";

/// The places with a Redis to lose.
const ON_REDIS: [Place; 2] = [EVERYWHERE[0], EVERYWHERE[2]];

fn redis(town: &mut Town) -> Result<&mut RedisServer> {
    town.redis.as_mut().context("this town has a Redis")
}

async fn redis_dies_while_the_model_thinks(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.model.push(Reply::Hang);
    let conversation = ask(&town, QUESTION);
    town.model.wait_for_calls(1).await;
    town.chatwoot.wait_quiet().await?;
    redis(&mut town)?.kill()?;
    // The answer finds no store.
    town.model.release();
    tokio::time::sleep(Duration::from_millis(700)).await;
    redis(&mut town)?.restart().await?;
    said_once(&town, place, conversation, QUESTION).await
}

async fn redis_dies_while_a_reply_is_being_posted(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::HangThenLand(Duration::from_millis(800)));
    let conversation = ask(&town, QUESTION);
    requested(&town, RequestKind::PostMessage, 1).await?;
    redis(&mut town)?.kill()?;
    // The outcome, and the echo, find no store; Chatwoot repeats the echo to the bot.
    town.chatwoot.wait_for("the reply stands", |world| !world.replies(conversation).is_empty()).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    redis(&mut town)?.restart().await?;
    said_once(&town, place, conversation, QUESTION).await
}

async fn redis_dies_and_the_reply_never_landed(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::Reset);
    let conversation = ask(&town, QUESTION);
    requested(&town, RequestKind::PostMessage, 1).await?;
    redis(&mut town)?.restart().await?;
    said_once(&town, place, conversation, QUESTION).await
}

/// Commits of unknown outcome: Redis takes them when it goes on.
async fn redis_stands_still_for_three_seconds(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.model.push(Reply::Hang);
    let conversation = ask(&town, QUESTION);
    town.model.wait_for_calls(1).await;
    town.chatwoot.wait_quiet().await?;
    redis(&mut town)?.stop_responding()?;
    town.model.release();
    tokio::time::sleep(Duration::from_secs(3)).await;
    redis(&mut town)?.resume()?;
    said_once(&town, place, conversation, QUESTION).await
}

/// Longer than the lease: what the desk worked on has become due meanwhile.
async fn stands_still(town: &Town) -> Result<()> {
    town.daemon.signal("STOP")?;
    tokio::time::sleep(Duration::from_secs(6)).await;
    town.daemon.signal("CONT")
}

async fn the_desk_stands_still_while_the_model_thinks(place: Place) -> Result<()> {
    let town = place.open().await?;
    town.model.push(Reply::Hang);
    let conversation = ask(&town, QUESTION);
    town.model.wait_for_calls(1).await;
    town.chatwoot.wait_quiet().await?;
    stands_still(&town).await?;
    town.model.release();
    said_once(&town, place, conversation, QUESTION).await
}

async fn the_desk_stands_still_while_a_reply_is_being_posted(place: Place) -> Result<()> {
    let town = place.open().await?;
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::HangThenLand(Duration::from_millis(500)));
    let conversation = ask(&town, QUESTION);
    requested(&town, RequestKind::PostMessage, 1).await?;
    stands_still(&town).await?;
    said_once(&town, place, conversation, QUESTION).await?;
    ensure!(town.model.calls().len() == 1, "the model was asked again for an answer we had");
    Ok(())
}
