//! SIGTERM in the middle of turns: what is on the wire finishes, webhooks are served on for a while, the rest goes on
//! after the restart.

use super::support::{BOTH_STORES, Place, ask, requested, run, said_once, scenarios};
use anyhow::{Result, ensure};
use frontdesk_sandbox::chatwoot::{Fault, Outcome, RequestKind};
use frontdesk_sandbox::model::Reply;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_in_the_middle_of_turns() -> Result<()> {
    run(&BOTH_STORES, scenarios![sigterm]).await
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
