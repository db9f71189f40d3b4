//! The store goes away in the middle of a turn, or the desk itself stands still.

use super::support::{
    BOTH_STORES, EVERYWHERE, PATIENCE, Place, ask, at_rest, no_duplicates, phase, requested, run, said, said_once,
    scenarios, viewed,
};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::chatwoot::{ConversationView, Fault, RequestKind, WorldView};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::redis::RedisServer;
use frontdesk_sandbox::town::Town;
use serde_json::Value;
use std::time::{Duration, Instant};

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

#[tokio::test(flavor = "multi_thread")]
async fn what_chatwoot_opens_while_the_desk_stands_still_is_noticed() -> Result<()> {
    let openings = scenarios![what_was_opened_is_told_about_and_stays_with_people, what_was_opened_is_taken_back];
    run(&BOTH_STORES, openings).await
}

const QUESTION: &str = "Do you ship to Norway?";

/// The places with a Redis to lose.
const ON_REDIS: [Place; 2] = [EVERYWHERE[0], EVERYWHERE[2]];

/// How many commits found no store, or cannot tell, and how many conversations could not be loaded from it.
async fn failed_commits(town: &Town) -> Result<f64> {
    let unavailable = town.metric("frontdesk_commits_total", "outcome=\"unavailable\"").await?;
    let unknown = town.metric("frontdesk_commits_total", "outcome=\"unknown\"").await?;
    Ok(unavailable + unknown + town.metric("frontdesk_hydrations_total", "outcome=\"failed\"").await?)
}

/// Waits until the desk has tried to write something down and could not.
async fn the_store_is_missed(town: &Town, before: f64) -> Result<()> {
    let began = Instant::now();
    while failed_commits(town).await? <= before {
        ensure!(began.elapsed() < PATIENCE, "the desk never missed its store");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn redis(town: &mut Town) -> Result<&mut RedisServer> {
    town.redis.as_mut().context("this town has a Redis")
}

async fn redis_dies_while_the_model_thinks(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.model.push(Reply::Hang);
    let conversation = ask(&town, QUESTION);
    town.model.wait_for_calls(1).await;
    town.chatwoot.wait_quiet().await?;
    let before = failed_commits(&town).await?;
    redis(&mut town)?.kill()?;
    // The answer finds no store.
    town.model.release();
    the_store_is_missed(&town, before).await?;
    redis(&mut town)?.restart().await?;
    said_once(&town, place, conversation, QUESTION).await
}

async fn redis_dies_while_a_reply_is_being_posted(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    // However long this machine takes to kill Redis: nothing lands before it is gone.
    let (word, heard) = tokio::sync::watch::channel(false);
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::HangUntil(heard));
    let conversation = ask(&town, QUESTION);
    requested(&town, RequestKind::PostMessage, 1).await?;
    let before = failed_commits(&town).await?;
    redis(&mut town)?.kill()?;
    word.send_replace(true);
    // The outcome, and the echo, find no store; Chatwoot repeats the echo to the bot.
    town.chatwoot.wait_for("the reply stands", |world| !world.replies(conversation).is_empty()).await?;
    the_store_is_missed(&town, before).await?;
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

/// The desk stands still for longer than Chatwoot waits, while customers write: in a conversation that it knows, and in one
/// that it has never heard of. What they wrote waits in its sockets.
async fn customers_write_to_a_desk_that_stands_still(place: Place, reclaim: &str) -> Result<(Town, u64, u64)> {
    let mut town = place.build().await?;
    town.daemon.set("RECLAIM", reclaim);
    town.chatwoot.configure(|options| options.keep_pending_on_bot_failure = false);
    town.daemon.start().await?;
    let known = ask(&town, QUESTION);
    town.chatwoot.wait_for("the answer", |world| !world.replies(known).is_empty()).await?;
    at_rest(&town, known).await?;
    town.daemon.signal("STOP")?;
    let stopped = Instant::now();
    town.chatwoot.customer_writes(known, "And to Sweden?");
    let new = ask(&town, "Do you ship to Finland?");
    let is_open = |shown: Option<ConversationView>| shown.is_some_and(|shown| shown.status == "open");
    let both = |world: &WorldView<'_>| [known, new].into_iter().all(|id| is_open(world.conversation(id)));
    town.chatwoot.wait_for("Chatwoot opens both", both).await?;
    tokio::time::sleep_until((stopped + Duration::from_secs(12)).into()).await;
    town.daemon.signal("CONT")?;
    Ok((town, known, new))
}

async fn what_was_opened_is_told_about_and_stays_with_people(place: Place) -> Result<()> {
    let (town, known, new) = customers_write_to_a_desk_that_stands_still(place, "alert").await?;
    for conversation in [known, new] {
        let view = viewed(&town, conversation, "it is the people's", |view| phase(view) == "human").await?;
        ensure!(view["reason"] == "desk_away", "{view:#}");
    }
    let cards = town.teams.wait_for_cards(1).await?;
    ensure!(cards.iter().any(|card| card.to_string().contains("RECLAIM")), "{cards:?}");
    ensure!(said(&town, known, "Sweden") == 0 && said(&town, new, "Finland") == 0, "the desk spoke");
    Ok(())
}

async fn what_was_opened_is_taken_back(place: Place) -> Result<()> {
    let (town, known, new) = customers_write_to_a_desk_that_stands_still(place, "auto").await?;
    // Until it has heard of it, the desk believes that what it knows is its own as before.
    for conversation in [known, new] {
        viewed(&town, conversation, "it is the people's", |view| phase(view) == "human").await?;
    }
    for (conversation, words) in [(known, "Sweden"), (new, "Finland")] {
        let answered = |view: &Value| phase(view) == "bot" && view["owed"] == 0;
        viewed(&town, conversation, "the desk has it again and answers", answered).await?;
        at_rest(&town, conversation).await?;
        no_duplicates(&town, conversation)?;
        let pending = town.chatwoot.conversation(conversation).is_some_and(|shown| shown.status == "pending");
        ensure!(pending && said(&town, conversation, words) == 1, "it was not answered in conversation {conversation}");
    }
    Ok(())
}
