//! Acked, kill -9, and somebody else acts while the desk is dead; their webhooks find nobody. Back again, the desk looks
//! first.

use super::support::{EVERYWHERE, Place, ask, at_rest, phase, run, scenarios, silent, view, viewed};
use anyhow::{Result, ensure};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::{Town, Wiring};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn back_again_the_desk_looks_first() -> Result<()> {
    let acts = scenarios![
        an_agent_wrote,
        an_agent_wrote_and_chatwoot_opened_what_the_bot_missed,
        an_agent_was_assigned,
        an_agent_resolved,
        an_agent_wrote_in_a_conversation_at_rest_and_the_customer_answers_them,
    ];
    run(&EVERYWHERE, acts).await
}

/// Lets a customer's question be acknowledged, kills the desk while the model thinks, lets something happen, and returns
/// the conversation at rest after the restart.
async fn meanwhile(place: Place, town: &mut Town, happens: impl FnOnce(&Town, u64)) -> Result<(u64, Value)> {
    town.daemon.start().await?;
    town.model.push(Reply::Hang);
    let conversation = ask(town, "Do you ship to Norway?");
    town.model.wait_for_calls(1).await;
    town.chatwoot.wait_quiet().await?;
    town.daemon.kill()?;
    happens(town, conversation);
    town.chatwoot.wait_quiet().await?;
    ensure!(town.chatwoot.stats().lost > 0, "the webhooks found somebody in {place:?}");
    town.daemon.start().await?;
    let view = at_rest(town, conversation).await?;
    Ok((conversation, view))
}

async fn an_agent_wrote(place: Place) -> Result<()> {
    let mut town = place.build().await?;
    let wrote = |town: &Town, conversation: u64| {
        town.chatwoot.agent_writes(conversation, "Hello, this is Ann.");
    };
    let (conversation, view) = meanwhile(place, &mut town, wrote).await?;
    silent(&town, conversation)?;
    ensure!(phase(&view) == "human", "{view:#}");
    // The desk gives up what Chatwoot still calls the bot's.
    let opened = town.chatwoot.conversation(conversation).is_some_and(|shown| shown.status == "open");
    ensure!(opened && town.model.calls().len() == 1, "{view:#}");
    Ok(())
}

async fn an_agent_wrote_and_chatwoot_opened_what_the_bot_missed(place: Place) -> Result<()> {
    let mut town = place.build().await?;
    town.chatwoot.configure(|options| options.keep_pending_on_bot_failure = false);
    let wrote = |town: &Town, conversation: u64| {
        town.chatwoot.agent_writes(conversation, "Hello, this is Ann.");
    };
    let (conversation, view) = meanwhile(place, &mut town, wrote).await?;
    silent(&town, conversation)?;
    ensure!(phase(&view) == "human", "{view:#}");
    Ok(())
}

async fn an_agent_was_assigned(place: Place) -> Result<()> {
    let mut town = place.build().await?;
    let (conversation, view) =
        meanwhile(place, &mut town, |town, conversation| town.chatwoot.agent_assigns(conversation)).await?;
    silent(&town, conversation)?;
    ensure!(phase(&view) == "human", "{view:#}");
    Ok(())
}

async fn an_agent_resolved(place: Place) -> Result<()> {
    let mut town = place.build().await?;
    let (conversation, _) =
        meanwhile(place, &mut town, |town, conversation| town.chatwoot.resolve(conversation)).await?;
    silent(&town, conversation)?;
    let resolved = town.chatwoot.conversation(conversation).is_some_and(|shown| shown.status == "resolved");
    ensure!(resolved, "the desk reopened what an agent had resolved");
    Ok(())
}

/// Nothing was owed when the desk died, so no wake-up makes it look: the customer's next message must.
async fn an_agent_wrote_in_a_conversation_at_rest_and_the_customer_answers_them(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    // The bot's token shows the last message only, and that is the customer's: there the status must tell.
    let reads = place.wiring == Wiring::Full;
    town.chatwoot.configure(|options| options.keep_pending_on_bot_failure = reads);
    let conversation = ask(&town, "Do you ship to Norway?");
    town.chatwoot.wait_for("the answer", |world| world.replies(conversation).len() == 1).await?;
    at_rest(&town, conversation).await?;
    town.daemon.kill()?;
    town.chatwoot.agent_writes(conversation, "Hello, this is Ann. May I have your order number?");
    town.chatwoot.wait_quiet().await?;
    town.daemon.start().await?;
    town.chatwoot.customer_writes(conversation, "It is 4711.");
    town.chatwoot.wait_quiet().await?;
    viewed(&town, conversation, "a person has it", |view| phase(view) == "human").await?;
    at_rest(&town, conversation).await?;
    let replies = town.chatwoot.see(|world| world.replies(conversation));
    ensure!(replies.len() == 1, "the desk talked over Ann: {replies:?}\n{:#}", view(&town, conversation).await?);
    Ok(())
}
