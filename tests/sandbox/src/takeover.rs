//! How soon a takeover ends the model call it finds, measured from outside: by Chatwoot's clock of its webhook and the
//! model's of the closed connection.

use crate::fleet::Fleet;
use crate::model::Reply;
use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};

/// Lets node 0 of a fleet think about a new conversation and a person write in it, of which `node` hears. Returns how long
/// after that webhook was sent the call ended.
///
/// # Errors
/// If the desk spoke nevertheless, or something in the town failed.
pub async fn take_over(fleet: &Fleet, node: usize) -> Result<Duration> {
    let town = &fleet.town;
    let before = town.model.calls().len();
    town.model.push(Reply::Hang);
    fleet.deliver_to(0)?;
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(conversation, "Do you ship to Norway?");
    town.model.wait_for_calls(before + 1).await;
    town.chatwoot.wait_quiet().await?;
    fleet.deliver_to(node)?;
    let wrote = Instant::now();
    town.chatwoot.agent_writes(conversation, "Hello, this is Ann.");
    let call = town.model.wait_for_abort(before).await;
    town.chatwoot.wait_quiet().await?;
    let (sent, replies) = town.chatwoot.see(|world| {
        let deliveries = world.deliveries().iter().filter(|one| one.conversation == conversation);
        let sent = deliveries.map(|one| one.at - one.took).filter(|at| *at >= wrote).min();
        (sent, world.replies(conversation))
    });
    ensure!(replies.is_empty(), "the desk spoke over a person: {replies:?}");
    let ended = call.ended.context("an aborted call has ended")?;
    Ok(ended.saturating_duration_since(sent.context("the takeover was delivered")?))
}
