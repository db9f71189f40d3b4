//! Nothing is lost and nothing is said twice, whatever becomes of a send and of the desk itself.

use super::support::{Backing, DANA, Shop, journeys, run};
use anyhow::{Result, ensure};
use frontdesk_sandbox::green_api::{Fault, INSTANCE, Options, Status, TOKEN};
use frontdesk_sandbox::model::Reply;
use std::time::Duration;

const ANSWER: &str = "We ship to Lisbon in three days.";

#[tokio::test(flavor = "multi_thread")]
async fn unknown_outcomes_are_settled_before_anything_is_sent_again() -> Result<()> {
    run(journeys![
        a_send_that_lands_after_its_time_out,
        a_send_that_lands_behind_a_broken_gateway,
        a_send_that_is_lost,
        a_send_that_waits_in_the_vendors_queue,
        a_send_whose_echo_is_lost_is_found_in_the_journal,
        a_send_of_which_only_the_status_tells_is_looked_for_at_once,
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_desk_says_it_once() -> Result<()> {
    run(journeys![
        killed_while_the_burst_is_gathered,
        killed_while_the_send_is_on_its_way,
        killed_when_the_send_was_answered,
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_fetch_a_person_and_tell_operators() -> Result<()> {
    run(journeys![
        a_used_up_plan_is_not_tried_again,
        a_message_that_never_arrives_fetches_a_person,
        a_refused_token_is_told
    ])
    .await
}

/// Opens a shop in which the answer to the question meets this fault.
async fn asked(backing: Backing, fault: Fault) -> Result<Shop> {
    let shop = Shop::open(backing).await?;
    shop.model.push(Reply::Text(ANSWER.to_owned()));
    shop.green.fail_next("sendMessage", fault);
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    Ok(shop)
}

async fn once(shop: &Shop) -> Result<()> {
    shop.hears(ANSWER).await?;
    shop.said_once(ANSWER).await
}

async fn a_send_that_lands_after_its_time_out(backing: Backing) -> Result<()> {
    // After the time-out of 2 s and well before its absence would count.
    once(&asked(backing, Fault::HangThenLand(Duration::from_millis(2500))).await?).await
}

async fn a_send_that_lands_behind_a_broken_gateway(backing: Backing) -> Result<()> {
    once(&asked(backing, Fault::LandThenStatus(502)).await?).await
}

async fn a_send_that_is_lost(backing: Backing) -> Result<()> {
    let shop = asked(backing, Fault::Status(502, String::new())).await?;
    once(&shop).await?;
    let looks = shop.green.see(|world| world.requests("lastOutgoingMessages")).len();
    ensure!(looks > 0, "it was looked for before it was sent again");
    Ok(())
}

async fn a_send_that_waits_in_the_vendors_queue(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.model.push(Reply::Text(ANSWER.to_owned()));
    shop.green.hold_queue(true);
    shop.green.fail_next("sendMessage", Fault::LandThenHang);
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.viewed("the row is settled by the queue", |view| {
        view["phase"] == "bot" && view["owed"] == 0 && view["outbox"].as_array().is_some_and(Vec::is_empty)
    })
    .await?;
    ensure!(shop.green.said(DANA).is_empty(), "it has not left the queue");
    shop.green.hold_queue(false);
    once(&shop).await?;
    ensure!(shop.green.see(|world| world.requests("sendMessage")).len() == 1, "it was sent once");
    Ok(())
}

async fn a_send_whose_echo_is_lost_is_found_in_the_journal(backing: Backing) -> Result<()> {
    let options = Options { journal_lag: Duration::from_secs(1), ..Options::default() };
    let mut shop = Shop::build_with(backing, options).await?;
    shop.daemon.start().await?;
    shop.model.push(Reply::Text(ANSWER.to_owned()));
    shop.green.fail_next("sendMessage", Fault::LandThenHang);
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.green.wait_for("the answer is being sent", |world| !world.requests("sendMessage").is_empty()).await?;
    shop.green.cut_webhooks(true);
    shop.viewed("the row is settled", |view| view["outbox"].as_array().is_some_and(Vec::is_empty)).await?;
    shop.green.cut_webhooks(false);
    once(&shop).await
}

/// Another program has switched the echoes off. A status names a message that nobody knows: what is in doubt is looked up.
async fn a_send_of_which_only_the_status_tells_is_looked_for_at_once(backing: Backing) -> Result<()> {
    let mut shop = Shop::build(backing).await?;
    // Absence would not count for as long as this test waits.
    shop.daemon.set("GREEN_SETTLE_TIME", "10m");
    let set = format!("{}/waInstance{INSTANCE}/setSettings/{TOKEN}", shop.green.base_url());
    let off = serde_json::json!({ "outgoingAPIMessageWebhook": "no" });
    shop.daemon.http().post(set).json(&off).send().await?.error_for_status()?;
    shop.daemon.start().await?;
    shop.model.push(Reply::Text(ANSWER.to_owned()));
    shop.green.fail_next("sendMessage", Fault::LandThenHang);
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    once(&shop).await?;
    ensure!(shop.green.see(|world| world.requests("sendMessage")).len() == 1, "it was sent once");
    Ok(())
}

async fn killed_while_the_burst_is_gathered(backing: Backing) -> Result<()> {
    let mut shop = Shop::build(backing).await?;
    shop.daemon.set("DEBOUNCE_QUIET", "2s");
    shop.daemon.start().await?;
    shop.model.push(Reply::Text(ANSWER.to_owned()));
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.green.wait_quiet().await?;
    shop.kill_and_restart().await?;
    once(&shop).await
}

/// Kills the desk once its send has arrived.
async fn killed_while_sending(backing: Backing, fault: Fault) -> Result<()> {
    let mut shop = asked(backing, fault).await?;
    shop.green.wait_for("the answer is being sent", |world| !world.requests("sendMessage").is_empty()).await?;
    shop.kill_and_restart().await?;
    once(&shop).await
}

async fn killed_while_the_send_is_on_its_way(backing: Backing) -> Result<()> {
    killed_while_sending(backing, Fault::HangThenLand(Duration::from_millis(500))).await
}

async fn killed_when_the_send_was_answered(backing: Backing) -> Result<()> {
    killed_while_sending(backing, Fault::Delay(Duration::ZERO)).await
}

async fn a_used_up_plan_is_not_tried_again(backing: Backing) -> Result<()> {
    let quota = include_str!("../fixtures/green-api/http_466_body.json");
    let shop = asked(backing, Fault::Status(466, quota.to_owned())).await?;
    shop.in_phase("human").await?;
    shop.at_rest().await?;
    shop.alerted("channel_quota").await?;
    let sent = shop.green.see(|world| world.requests("sendMessage"));
    let tries = sent.iter().filter(|request| request.body["message"] == ANSWER).count();
    ensure!(tries == 1 && sent.len() == 1, "no apology is tried in a chat that may not be written to: {sent:?}");
    Ok(())
}

async fn a_message_that_never_arrives_fetches_a_person(backing: Backing) -> Result<()> {
    let shop = asked(backing, Fault::Fare(Status::NoAccount)).await?;
    shop.in_phase("human").await?;
    shop.alerted("row_rejected").await?;
    shop.at_rest().await?;
    let sent = shop.green.see(|world| world.requests("sendMessage"));
    ensure!(sent.iter().filter(|request| request.body["message"] == ANSWER).count() == 1, "{sent:?}");
    Ok(())
}

async fn a_refused_token_is_told(backing: Backing) -> Result<()> {
    let mut shop = Shop::build(backing).await?;
    shop.daemon.set("GREEN_API_TOKEN", "not0the0token");
    shop.daemon.start().await?;
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.alerted("account_fault").await?;
    ensure!(shop.green.said(DANA).is_empty());
    Ok(())
}
