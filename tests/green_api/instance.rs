//! The instance itself: its settings, its state, and what operators ask about it.

use super::support::{Backing, DANA, Shop, WEBHOOK_TOKEN, journeys, run};
use anyhow::{Result, ensure};
use frontdesk_sandbox::green_api::{Fault, World};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_instance_is_watched_and_set_up() -> Result<()> {
    run(journeys![
        setup_shows_and_applies_what_differs,
        the_connection_can_be_tested,
        a_logged_out_instance_is_told,
        what_waits_for_a_login_is_dropped_when_a_person_writes,
        what_waits_for_a_login_for_too_long_is_not_said,
        the_plan_and_the_states_of_the_instance_are_told,
        a_used_up_plan_is_over_when_something_is_sent,
    ])
    .await
}

async fn setup_shows_and_applies_what_differs(backing: Backing) -> Result<()> {
    let shop = Shop::build(backing).await?;
    shop.green.set_up("https://old.example.test/hook", "old-token");
    // Nobody says yes: nothing is changed.
    let (ok, said) = shop.command(&["green-api", "setup"])?;
    ensure!(!ok && said.contains("http://desk.localhost/webhooks/green-api"), "{said}");
    ensure!(shop.green.see(|world| world.requests("setSettings").is_empty()), "{said}");
    let (ok, said) = shop.command(&["green-api", "setup", "--yes"])?;
    ensure!(ok && said.contains("webhookUrl") && !said.contains("a-webhook-token"), "{said}");
    let settings = shop.green.see(|world| world.settings().clone());
    ensure!(settings["webhookUrl"] == "http://desk.localhost/webhooks/green-api", "{settings:?}");
    ensure!(settings["webhookUrlToken"] == WEBHOOK_TOKEN, "{settings:?}");
    // Writing restarts the instance, so it happens only where something differs, and only with that.
    let written = shop.green.see(|world| world.requests("setSettings"));
    ensure!(written.len() == 1 && written[0].body.as_object().is_some_and(|body| body.len() == 2), "{written:?}");
    let (ok, said) = shop.command(&["green-api", "setup", "--yes"])?;
    ensure!(ok && said.contains("everything is as the desk needs it"), "{said}");
    ensure!(shop.green.see(|world| world.requests("setSettings").len()) == 1);
    let (ok, said) = shop.command(&["green-api", "state"])?;
    ensure!(ok && said.contains("authorized"), "{said}");
    Ok(())
}

async fn the_connection_can_be_tested(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    let ask = || shop.daemon.http().get(shop.daemon.url("/test-connection"));
    for (name, value) in
        [("host", "desk.example.com"), ("x-forwarded-for", "203.0.113.9"), ("authorization", "Bearer no")]
    {
        let status = ask().header(name, value).send().await?.status();
        ensure!(status == 401, "the state is no stranger's business: {name}: {status}");
    }
    ensure!(ask().send().await?.status() == 200, "whoever sits at this machine may ask");
    let (status, answer) = shop.admin("/test-connection").await?;
    ensure!(status == 200 && answer["state"] == "authorized", "{status} {answer}");
    shop.green.fail_next("getStateInstance", Fault::Status(401, "{}".to_owned()));
    let (status, answer) = shop.admin("/test-connection").await?;
    ensure!(status == 503 && answer["detail"].as_str().is_some_and(|it| it.contains("GREEN_API_TOKEN")), "{answer}");
    Ok(())
}

async fn a_logged_out_instance_is_told(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.green.set_state("notAuthorized");
    shop.alerted("channel_down").await?;
    let (status, answer) = shop.admin("/test-connection").await?;
    ensure!(status == 503 && answer["state"] == "notAuthorized", "{status} {answer}");
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    waits(&shop).await?;
    shop.green.set_state("authorized");
    shop.hears("Lisbon").await?;
    shop.said_once("Lisbon").await
}

/// Waits until a text is to be sent and is not, because nobody would read it before somebody logs in.
async fn waits(shop: &Shop) -> Result<()> {
    let waiting =
        |view: &Value| view["outbox"].as_array().is_some_and(|rows| rows.iter().any(|row| row["trouble"].is_string()));
    shop.viewed("the answer waits", waiting).await?;
    let handed_over = shop.green.see(|world| world.requests("sendMessage"));
    ensure!(handed_over.is_empty(), "the vendor would keep it for a day: {handed_over:?}");
    Ok(())
}

/// Handed over to the vendor, the answer would be said whenever somebody logs in, and over whoever has written meanwhile.
async fn what_waits_for_a_login_is_dropped_when_a_person_writes(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.green.set_state("notAuthorized");
    shop.alerted("channel_down").await?;
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    waits(&shop).await?;
    shop.green.set_state("authorized");
    shop.green.phone_writes(DANA, "We do! Kim");
    shop.in_phase("human").await?;
    shop.at_rest().await?;
    let said = shop.green.said(DANA);
    // At most what was on its way when Kim wrote.
    ensure!(said.len() <= 1, "{said:?}");
    Ok(())
}

async fn what_waits_for_a_login_for_too_long_is_not_said(backing: Backing) -> Result<()> {
    let mut shop = Shop::build(backing).await?;
    shop.daemon.set("ANSWER_APOLOGY_AFTER", "8s");
    shop.daemon.set("ANSWER_STALE_AFTER", "8s");
    shop.daemon.start().await?;
    shop.green.set_state("blocked");
    shop.alerted("channel_down").await?;
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.in_phase("human").await?;
    // Of the instance, and of the customer.
    shop.teams.wait_for_cards(2).await?;
    shop.green.set_state("authorized");
    shop.at_rest().await?;
    let said = shop.green.said(DANA);
    ensure!(!said.iter().any(|text| text.contains("Lisbon")), "nobody wants the answer any more: {said:?}");
    Ok(())
}

/// The plan stays used up however quiet it is; that something could be sent says that it is not any more.
async fn a_used_up_plan_is_over_when_something_is_sent(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.green.notify(include_str!("../fixtures/green-api/quota_exceeded.json"));
    shop.alerted("channel_quota").await?;
    shop.teams.wait_for_cards(1).await?;
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears("Lisbon").await?;
    let told = shop.teams.wait_for_cards(2).await?[1].to_string();
    ensure!(told.contains("has used up its plan") && told.contains("Solved"), "{told}");
    Ok(())
}

async fn the_plan_and_the_states_of_the_instance_are_told(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.green.notify(include_str!("../fixtures/green-api/quota_exceeded.json"));
    shop.alerted("channel_quota").await?;
    shop.green.set_state("suspended");
    shop.alerted("channel_down").await?;
    // Who is suspended may answer.
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    let handed_over = |world: &World| !world.requests("sendMessage").is_empty();
    shop.green.wait_for("the answer is handed over", handed_over).await?;
    ensure!(shop.view(DANA).await?["phase"] == "bot");
    Ok(())
}
