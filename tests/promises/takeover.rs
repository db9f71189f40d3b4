//! Nobody is talked over: an agent writes while the desk is at it.

use super::support::{EVERYWHERE, Place, ask, at_rest, fail_after, in_parts, phase, requested, run, scenarios, silent};
use anyhow::{Result, ensure};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::Town;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_writes_and_the_desk_gives_way() -> Result<()> {
    let moments = scenarios![
        while_the_model_thinks,
        while_the_other_parts_of_a_long_answer_wait,
        while_chatwoot_hangs_on_the_first_part,
    ];
    run(&EVERYWHERE, moments).await
}

const ANN: &str = "Hello, this is Ann. Let me look into it.";

const PARTS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// Fails if the desk said more than `most` parts, or anything of which the post arrived after Ann's message.
async fn gave_way(town: &Town, conversation: u64, most: usize) -> Result<()> {
    let view = at_rest(town, conversation).await?;
    ensure!(phase(&view) == "human", "{view:#}");
    let replies = town.chatwoot.see(|world| world.replies(conversation));
    ensure!(replies.len() <= most, "{} parts were said", replies.len());
    let opened = town.chatwoot.conversation(conversation).is_some_and(|shown| shown.status == "open");
    ensure!(opened, "a person has it, and Chatwoot still calls it the bot's");
    Ok(())
}

async fn while_the_model_thinks(place: Place) -> Result<()> {
    let town = place.open().await?;
    town.model.push(Reply::Hang);
    let conversation = ask(&town, "Do you ship to Norway?");
    town.model.wait_for_calls(1).await;
    town.chatwoot.agent_writes(conversation, ANN);
    town.model.wait_for_abort(0).await;
    gave_way(&town, conversation, 0).await?;
    silent(&town, conversation)
}

async fn while_the_other_parts_of_a_long_answer_wait(place: Place) -> Result<()> {
    let town = place.open().await?;
    town.model.push(in_parts(&PARTS));
    fail_after(&town, RequestKind::PostMessage, 1, Fault::Throttle(2));
    let conversation = ask(&town, "Tell me everything.");
    requested(&town, RequestKind::PostMessage, 2).await?;
    town.chatwoot.agent_writes(conversation, ANN);
    gave_way(&town, conversation, 1).await
}

async fn while_chatwoot_hangs_on_the_first_part(place: Place) -> Result<()> {
    let town = place.open().await?;
    town.model.push(in_parts(&PARTS));
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::HangThenLand(Duration::from_millis(700)));
    let conversation = ask(&town, "Tell me everything.");
    requested(&town, RequestKind::PostMessage, 1).await?;
    town.chatwoot.agent_writes(conversation, ANN);
    town.chatwoot.wait_for("the part on the wire lands", |world| !world.replies(conversation).is_empty()).await?;
    gave_way(&town, conversation, 1).await
}
