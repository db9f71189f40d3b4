//! Nobody is talked over: a colleague on the phone has the chat, until they give it back or stay away.

use super::support::{Backing, DANA, Shop, journeys, run};
use anyhow::{Result, ensure};
use frontdesk_sandbox::green_api::INSTANCE;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_talked_over() -> Result<()> {
    run(journeys![
        a_word_from_the_phone_takes_the_chat_and_a_word_gives_it_back,
        a_colleague_who_stays_away_gives_it_back,
        an_operator_gives_it_back,
        what_was_written_while_the_desk_was_away_counts,
        another_program_of_the_instance_takes_nothing,
    ])
    .await
}

async fn a_word_from_the_phone_takes_the_chat_and_a_word_gives_it_back(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.green.phone_writes(DANA, "Hi Dana, Kim here, I take over");
    shop.in_phase("human").await?;
    shop.green.customer_writes(DANA, "Thank you, Kim");
    shop.green.wait_quiet().await?;
    shop.at_rest().await?;
    ensure!(shop.green.said(DANA).is_empty() && shop.model.calls().is_empty(), "the desk is silent");
    shop.green.phone_writes(DANA, "/bot");
    shop.in_phase("bot").await?;
    shop.green.customer_writes(DANA, "And to Porto?");
    shop.hears("And to Porto?").await?;
    shop.at_rest().await?;
    ensure!(shop.green.said(DANA).len() == 1, "{:?}", shop.green.said(DANA));
    let asked = shop.model.calls().last().map(|call| call.body.to_string()).unwrap_or_default();
    ensure!(asked.contains("Kim here"), "what the colleague said is remembered");
    Ok(())
}

async fn a_colleague_who_stays_away_gives_it_back(backing: Backing) -> Result<()> {
    let mut shop = Shop::build(backing).await?;
    shop.daemon.set("GREEN_HUMAN_IDLE", "1s");
    shop.daemon.start().await?;
    shop.green.phone_writes(DANA, "I take over");
    shop.green.wait_quiet().await?;
    shop.in_phase("bot").await?;
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears("Lisbon").await?;
    shop.said_once("Lisbon").await
}

async fn an_operator_gives_it_back(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.green.phone_writes(DANA, "I take over");
    shop.in_phase("human").await?;
    let (status, answer) = shop.order(&format!("/api/conversations/green-api:{INSTANCE}:{DANA}/resume")).await?;
    ensure!(status == 200, "{status} {answer}");
    shop.in_phase("bot").await?;
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears("Lisbon").await
}

async fn what_was_written_while_the_desk_was_away_counts(backing: Backing) -> Result<()> {
    let mut shop = Shop::open(backing).await?;
    shop.green.customer_writes(DANA, "Hello");
    shop.hears("Hello").await?;
    shop.at_rest().await?;
    shop.daemon.kill()?;
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.green.phone_writes(DANA, "We do! Kim");
    shop.daemon.start().await?;
    shop.in_phase("human").await?;
    shop.at_rest().await?;
    ensure!(shop.green.said(DANA).len() == 1, "Kim has answered: {:?}", shop.green.said(DANA));
    Ok(())
}

async fn another_program_of_the_instance_takes_nothing(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.green.customer_writes(DANA, "Hello");
    shop.hears("Hello").await?;
    shop.green.other_program_sends(DANA, "Your parcel is on its way");
    shop.green.wait_quiet().await?;
    ensure!(shop.view(DANA).await?["phase"] == "bot", "a program is no colleague");
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears("Lisbon").await?;
    shop.said_once("Lisbon").await
}
