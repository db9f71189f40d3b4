//! SIGTERM in the middle of turns: what is on the wire finishes, webhooks are served on for a while, the rest goes on
//! after the restart.

use super::support::{BOTH_STORES, EVERYWHERE, PATIENCE, Place, ask, requested, run, said_once, scenarios, until};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::chatwoot::{Fault, Outcome, RequestKind};
use frontdesk_sandbox::model::Reply;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_in_the_middle_of_turns() -> Result<()> {
    run(&BOTH_STORES, scenarios![sigterm]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_before_the_desk_is_open() -> Result<()> {
    run(&[EVERYWHERE[0]], scenarios![sigterm_while_nobody_is_heard, sigterm_while_everybody_is_told_to_come_again])
        .await
}

/// The store does not answer, and the socket outlives the run: it ends, and the next one hears whoever wrote meanwhile.
async fn sigterm_while_nobody_is_heard(place: Place) -> Result<()> {
    let mut town = place.build().await?;
    town.redis.as_mut().context("this town has a Redis")?.kill()?;
    town.daemon.hold_socket()?;
    town.daemon.spawn()?;
    until("the start waits for the store", || town.daemon.log().contains("Redis does not answer")).await?;
    let conversation = ask(&town, "Do you ship to Norway?");
    town.daemon.signal("TERM")?;
    ensure!(town.daemon.ended(Duration::from_secs(60)).await?, "the exit code is not 0");
    town.redis.as_mut().context("this town has a Redis")?.restart().await?;
    town.daemon.start().await?;
    said_once(&town, place, conversation, "Norway").await
}

/// The store does not answer for longer, so that webhooks are refused; the run ends all the same.
async fn sigterm_while_everybody_is_told_to_come_again(place: Place) -> Result<()> {
    let mut town = place.build().await?;
    town.redis.as_mut().context("this town has a Redis")?.kill()?;
    town.daemon.spawn()?;
    let ready = town.daemon.url("/readyz");
    // Nothing is accepted at first; this waits until the front door is open.
    let began = Instant::now();
    while town.daemon.http().get(&ready).send().await.is_err() {
        ensure!(began.elapsed() < PATIENCE, "the front door never opened");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    town.daemon.signal("TERM")?;
    ensure!(town.daemon.ended(Duration::from_secs(60)).await?, "the exit code is not 0");
    Ok(())
}

async fn sigterm(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    // One answer is on the wire, one is being thought of.
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::HangThenLand(Duration::from_millis(1500)));
    let posting = ask(&town, "Do you ship to Norway?");
    requested(&town, RequestKind::PostMessage, 1).await?;
    town.model.push(Reply::Hang);
    let thinking = ask(&town, "Do you ship to Chile?");
    town.model.wait_for_calls(2).await;
    town.chatwoot.wait_quiet().await?;

    town.daemon.signal("TERM")?;
    let ready = town.daemon.url("/readyz");
    loop {
        let status = town.daemon.http().get(&ready).send().await?.status().as_u16();
        if status == 503 {
            break;
        }
    }
    let late = ask(&town, "Do you ship to Peru?");
    town.chatwoot.wait_for("the wire is done", |world| !world.replies(posting).is_empty()).await?;
    town.chatwoot.wait_quiet().await?;
    let refused = |delivery: &&frontdesk_sandbox::chatwoot::Delivery| delivery.outcome != Outcome::Answered(200);
    let refused: Vec<_> =
        town.chatwoot.see(|world| world.deliveries().iter().filter(refused).cloned().collect::<Vec<_>>());
    ensure!(refused.is_empty(), "{refused:?}");
    town.model.release();
    ensure!(town.daemon.ended(Duration::from_secs(20)).await?, "the exit code is not 0");
    ensure!(town.chatwoot.see(|world| world.replies(thinking).is_empty()), "something new left the house");

    town.daemon.start().await?;
    said_once(&town, place, posting, "Norway").await?;
    said_once(&town, place, thinking, "Chile").await?;
    said_once(&town, place, late, "Peru").await?;
    ensure!(town.chatwoot.stats().lost == 0, "{:?}", town.chatwoot.stats());
    Ok(())
}
