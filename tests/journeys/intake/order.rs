//! Chatwoot's deliveries keep no order; the vendor's ids do.

use super::webhook::{Webhook, calm, closed, replied, settled, taken};
use anyhow::{Result, ensure};
use frontdesk_sandbox::chatwoot::Target;
use frontdesk_sandbox::town::Backing;

on_both_stores!(an_older_message_after_a_newer_one_takes_its_place);

async fn an_older_message_after_a_newer_one_takes_its_place(backing: Backing) -> Result<()> {
    let mut town = closed(backing).await?;
    // Long enough for two webhooks even on a busy machine.
    town.daemon.set("DEBOUNCE_QUIET", "3s");
    town.daemon.start().await?;
    town.chatwoot.deliver_to(Target::Account, None);
    town.chatwoot.deliver_to(Target::AgentBot, None);
    let conversation = town.chatwoot.new_conversation(412);
    taken(&town, &Webhook::message(conversation, 20_003, "and by ship?")).await?;
    taken(&town, &Webhook::message(conversation, 20_002, "Do you send by plane")).await?;
    replied(&town, conversation, 1).await?;
    let calls = town.model.calls();
    assert_eq!(calls.len(), 1, "one answer to both");
    let asked = calls[0].body.to_string();
    ensure!(asked.find("by plane") < asked.find("by ship"), "the older one first: {asked}");
    assert!(asked.contains("by plane"), "{asked}");
    // One that is older still, after the answer: an obligation of its own, not a duplicate.
    taken(&town, &Webhook::message(conversation, 20_001, "Good morning")).await?;
    replied(&town, conversation, 2).await?;
    let calls = town.model.calls();
    assert_eq!(calls.len(), 2);
    assert!(calls[1].body.to_string().contains("Good morning"));
    assert_eq!(settled(&town, conversation).await?["owed"], 0);
    calm(&town).await
}
