//! Groups: left alone, unless `GREEN_GROUPS=on`. And chats whose ids are no telephone numbers.

use super::support::{Backing, Shop, journeys, run};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const GROUP: &str = "120363000000000001@g.us";
const LID: &str = "100000000000042@lid";

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_left_alone_unless_they_are_wanted() -> Result<()> {
    run(journeys![
        a_group_is_not_answered,
        a_group_is_answered_where_that_is_wanted,
        a_chat_without_a_number_is_a_chat_like_any_other,
    ])
    .await
}

/// Somebody writes in the group, in the words of the fixture.
fn asked_in_group(shop: &Shop, id: &str) -> Result<()> {
    let mut body: Value = serde_json::from_str(include_str!("../fixtures/green-api/incoming_group_text.json"))?;
    body["timestamp"] = json!(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    body["idMessage"] = json!(id);
    shop.green.notify(body.to_string());
    Ok(())
}

async fn a_group_is_not_answered(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    asked_in_group(&shop, "3A0F00000000000001")?;
    shop.green.phone_writes(GROUP, "Kim here");
    // What comes after them shows that they were dealt with.
    shop.green.customer_writes(LID, "Do you ship to Lisbon?");
    let answered = |world: &frontdesk_sandbox::green_api::World| world.said(LID).len() == 1;
    shop.green.wait_for("the other chat is answered", answered).await?;
    shop.green.wait_quiet().await?;
    ensure!(shop.view(GROUP).await?.is_null() && shop.green.said(GROUP).is_empty(), "nobody speaks in groups");
    ensure!(shop.model.calls().len() == 1, "and the model hears nothing of them");
    ensure!(shop.green.see(|world| world.answers().iter().all(|status| *status == 200)), "nothing holds others back");
    Ok(())
}

async fn a_group_is_answered_where_that_is_wanted(backing: Backing) -> Result<()> {
    let mut shop = Shop::build(backing).await?;
    shop.daemon.set("GREEN_GROUPS", "on");
    shop.daemon.start().await?;
    asked_in_group(&shop, "3A0F00000000000001")?;
    shop.green.wait_for("the group is answered", |world| world.said(GROUP).len() == 1).await?;
    ensure!(shop.view(GROUP).await?["phase"] == "bot");
    // A colleague who writes there has it, as anywhere.
    shop.green.phone_writes(GROUP, "Kim here, I take over");
    let began = Instant::now();
    while shop.view(GROUP).await?["phase"] != "human" {
        ensure!(began.elapsed() < Duration::from_secs(60), "Kim has it: {}", shop.view(GROUP).await?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    asked_in_group(&shop, "3A0F00000000000002")?;
    shop.green.wait_quiet().await?;
    ensure!(shop.green.said(GROUP).len() == 1, "{:?}", shop.green.said(GROUP));
    Ok(())
}

async fn a_chat_without_a_number_is_a_chat_like_any_other(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.green.customer_writes(LID, "I want to talk to a human");
    shop.green.wait_for("the hand-over is announced", |world| world.said(LID).len() == 1).await?;
    let cards = format!("{:?}", shop.teams.wait_for_cards(1).await?);
    ensure!(!cards.contains("wa.me"), "there is no number to link to: {cards}");
    ensure!(shop.view(LID).await?["phase"] == "human");
    Ok(())
}
