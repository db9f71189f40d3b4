//! What is answered to webhooks: exactly 200 to whatever is durable or concerns nobody, anything else to what must come again.

use super::support::{Backing, DANA, Shop, WEBHOOK_TOKEN, journeys, run};
use anyhow::{Result, ensure};
use frontdesk_sandbox::green_api::{INSTANCE, TOKEN};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_answered() -> Result<()> {
    run(journeys![
        a_wrong_token_holds_everything_back_and_loses_nothing,
        rubbish_is_parked_and_holds_nobody_up,
        the_common_address_knows_the_vendor,
        no_token_reaches_a_log,
    ])
    .await
}

async fn a_wrong_token_holds_everything_back_and_loses_nothing(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.green.set_up(&shop.daemon.url("/webhooks/green-api"), "Bearer another-token");
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.green.wait_for("it was refused", |world| world.answers().contains(&401)).await?;
    ensure!(shop.view(DANA).await? == Value::Null, "nobody was heard");
    // The vendor repeats it; with or without the scheme the token counts.
    let bare = WEBHOOK_TOKEN.trim_start_matches("Bearer ");
    shop.green.set_up(&shop.daemon.url("/webhooks/green-api"), bare);
    shop.hears("Lisbon").await?;
    shop.said_once("Lisbon").await
}

async fn rubbish_is_parked_and_holds_nobody_up(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    let rubbish =
        ["not json", "{\"typeWebhook\":\"somethingNew\"}", "[1,2,3]", "{\"typeWebhook\":\"incomingMessageReceived\"}"];
    for body in rubbish {
        shop.green.notify(body);
    }
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears("Lisbon").await?;
    shop.at_rest().await?;
    ensure!(shop.green.see(|world| world.answers().iter().all(|status| *status == 200)));
    let (_, aside) = shop.admin("/api/quarantine").await?;
    let kept = &aside["conversations"][0];
    let key = format!("green-api:{INSTANCE}:unread");
    ensure!(kept["key"] == key.as_str() && kept["events"] == rubbish.len(), "{aside}");
    shop.alerted("event_parked").await?;
    // Whoever has seen it lets it go.
    let (status, answer) = shop.order(&format!("/api/conversations/{key}/requeue")).await?;
    ensure!(status == 200 && answer["left"] == 0, "{status} {answer}");
    let (_, aside) = shop.admin("/api/quarantine").await?;
    ensure!(aside["conversations"] == json!([]), "{aside}");
    Ok(())
}

async fn the_common_address_knows_the_vendor(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.green.set_up(&shop.daemon.url("/webhook"), WEBHOOK_TOKEN);
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears("Lisbon").await?;
    shop.said_once("Lisbon").await
}

/// The token is part of every address that the desk asks for, so the most talkative log must be searched for it.
async fn no_token_reaches_a_log(backing: Backing) -> Result<()> {
    let mut shop = Shop::build(backing).await?;
    let everything = "trace,hyper=trace,hyper_util=trace,reqwest=trace,h2=trace,tower=trace,rustls=trace";
    shop.daemon.set("LOG", everything);
    shop.daemon.start().await?;
    shop.green.fail_next("sendMessage", frontdesk_sandbox::green_api::Fault::LandThenHang);
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears("Lisbon").await?;
    shop.said_once("Lisbon").await?;
    let (_, _) = shop.admin("/test-connection").await?;
    let log = shop.daemon.log();
    ensure!(log.contains("\"TRACE\""), "the log is as talkative as it can be");
    for secret in [TOKEN, "a-webhook-token-for-tests", "ship to Lisbon", "15550100042"] {
        let told = log.lines().find(|line| line.contains(secret));
        ensure!(told.is_none(), "{secret} stands in the log: {told:?}");
    }
    Ok(())
}
