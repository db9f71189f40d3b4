//! Sends whose outcome the desk does not learn, and sends that are refused: said once, or held and shown.

use super::support::{
    BOTH_STORES, EVERYWHERE, Place, ask, at_rest, counted_as_held, held, no_duplicates, rows, run, said, said_once,
    scenarios, silent, viewed,
};
use anyhow::{Result, ensure};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_send_of_unknown_outcome_is_said_once_or_held() -> Result<()> {
    let outcomes = scenarios![
        saved_and_answered_with_422,
        landed_after_our_time_out,
        cut_before_it_landed,
        cut_after_it_landed,
        failed_with_500,
        failed_with_502,
        lost_behind_a_message_of_an_automation,
    ];
    run(&EVERYWHERE, outcomes).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_send_waits_and_is_said_once() -> Result<()> {
    run(&BOTH_STORES, scenarios![told_to_slow_down, refused_with_401_until_the_token_works_again]).await
}

const QUESTION: &str = "Do you ship to Norway?";

/// Longer than the desk waits for Chatwoot (2 s in the town), shorter than the settle time (3 s).
const AFTER_OUR_TIMEOUT: Duration = Duration::from_millis(2_400);

async fn said_once_despite(place: Place, fault: Fault) -> Result<()> {
    let town = place.open().await?;
    town.chatwoot.fail_next(RequestKind::PostMessage, fault);
    let conversation = ask(&town, QUESTION);
    town.model.wait_for_calls(1).await;
    said_once(&town, place, conversation, QUESTION).await?;
    ensure!(said(&town, conversation, QUESTION) == 1, "nothing hid the truth, so nothing had to be held");
    ensure!(town.model.calls().len() == 1, "the model was asked again for an answer we had");
    Ok(())
}

async fn saved_and_answered_with_422(place: Place) -> Result<()> {
    said_once_despite(place, Fault::Save422).await
}

async fn landed_after_our_time_out(place: Place) -> Result<()> {
    said_once_despite(place, Fault::HangThenLand(AFTER_OUR_TIMEOUT)).await
}

async fn cut_before_it_landed(place: Place) -> Result<()> {
    said_once_despite(place, Fault::Reset).await
}

async fn cut_after_it_landed(place: Place) -> Result<()> {
    said_once_despite(place, Fault::LandThenReset).await
}

async fn failed_with_500(place: Place) -> Result<()> {
    said_once_despite(place, Fault::Status(500, "<html>We're sorry, but something went wrong.</html>".to_owned())).await
}

async fn failed_with_502(place: Place) -> Result<()> {
    said_once_despite(place, Fault::Status(502, String::new())).await
}

/// The bot's token shows the last message only. With a newer one of somebody else's in front, the absence of ours is not
/// provable: it is held and an operator decides. A user token reads them all.
async fn lost_behind_a_message_of_an_automation(place: Place) -> Result<()> {
    let town = place.open().await?;
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::Status(502, String::new()));
    let conversation = ask(&town, QUESTION);
    viewed(&town, conversation, "the outcome is unknown", |view| rows(view).contains(&"unknown".to_owned())).await?;
    town.chatwoot.automation_writes(conversation, "We will be with you shortly.");
    said_once(&town, place, conversation, QUESTION).await?;
    let view = at_rest(&town, conversation).await?;
    let provable = place.wiring == frontdesk_sandbox::town::Wiring::Full;
    ensure!(held(&view) == usize::from(!provable), "{view:#}");
    if !provable {
        counted_as_held(&town).await?;
        town.teams.wait_for_cards(1).await?;
    }
    Ok(())
}

async fn told_to_slow_down(place: Place) -> Result<()> {
    let town = place.open().await?;
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::Throttle(2));
    let began = Instant::now();
    let conversation = ask(&town, QUESTION);
    viewed(&town, conversation, "the row waits", |view| rows(view) == ["waiting"]).await?;
    silent(&town, conversation)?;
    said_once(&town, place, conversation, QUESTION).await?;
    ensure!(began.elapsed() >= Duration::from_secs(2), "the desk did not wait");
    Ok(())
}

/// Takes half a minute: a lane whose account was refused rests that long before it is probed.
async fn refused_with_401_until_the_token_works_again(place: Place) -> Result<()> {
    let town = place.open().await?;
    let refusal = r#"{"error":"Invalid Access Token"}"#.to_owned();
    town.chatwoot.fail_all(RequestKind::PostMessage, Fault::Status(401, refusal));
    let conversation = ask(&town, QUESTION);
    viewed(&town, conversation, "the row waits", |view| rows(view) == ["waiting"]).await?;
    let cards = town.teams.wait_for_cards(1).await?;
    ensure!(cards[0].to_string().contains("account"), "{cards:?}");
    ensure!(town.metric("frontdesk_gate_paused", "lane=\"chatwoot\"").await? == 1.0, "the lane is not paused");
    town.chatwoot.recover();
    said_once(&town, place, conversation, QUESTION).await?;
    no_duplicates(&town, conversation)?;
    town.teams.wait_for_cards(2).await?;
    ensure!(town.metric("frontdesk_gate_paused", "lane=\"chatwoot\"").await? == 0.0, "the lane is still paused");
    Ok(())
}
