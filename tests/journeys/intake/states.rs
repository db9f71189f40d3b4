//! Whose a conversation is, as the webhooks tell it: late ones, snoozing, and inboxes without a bot.

use super::webhook::{Webhook, calm, closed, now, open, post, replied, settled, silent, taken, view};
use anyhow::Result;
use frontdesk_sandbox::chatwoot::{ChatwootDouble, Target};
use frontdesk_sandbox::town::Backing;

on_both_stores!(
    a_status_counts_only_if_it_is_newer,
    a_snoozed_conversation_is_left_to_people,
    a_muted_customer_is_not_answered,
    a_conversation_that_starts_open_is_left_alone_and_the_operator_is_told,
    open_conversations_that_nobody_has_are_answered_where_that_is_wanted,
);

async fn a_status_counts_only_if_it_is_newer(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    town.chatwoot.deliver_to(Target::Account, None);
    town.chatwoot.deliver_to(Target::AgentBot, None);
    let conversation = town.chatwoot.new_conversation(412);
    let base = now() + 1000.0;
    let message = |id, text, at| Webhook::message(conversation, id, text).with("/conversation/updated_at", at);
    taken(&town, &message(20_001, "first", base)).await?;
    replied(&town, conversation, 1).await?;
    assert_eq!(post(&town, &Webhook::status(conversation, "pending", base + 10.0)).await?.status, 200);
    // Sent before, arrived after: the conversation had been given back already.
    assert_eq!(post(&town, &Webhook::status(conversation, "open", base + 5.0)).await?.status, 200);
    assert_eq!(view(&town, conversation).await?["phase"], "bot");
    // A state that travels with a message is judged by its own moment; the message counts all the same.
    let late = message(20_002, "second", base + 6.0).with("/conversation/status", "open");
    taken(&town, &late).await?;
    assert_eq!(replied(&town, conversation, 2).await?[1], "You said: second");
    taken(&town, &Webhook::status(conversation, "open", base + 20.0)).await?;
    taken(&town, &message(20_003, "third", base + 15.0)).await?;
    assert_eq!(settled(&town, conversation).await?["phase"], "human");
    replied(&town, conversation, 2).await?;
    assert_eq!(town.model.calls().len(), 2);
    calm(&town).await
}

async fn a_snoozed_conversation_is_left_to_people(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(conversation, "first");
    replied(&town, conversation, 1).await?;
    town.chatwoot.set_status(conversation, "snoozed");
    town.chatwoot.wait_quiet().await?;
    assert_eq!(settled(&town, conversation).await?["phase"], "human");
    // A message wakes it for the people, not for the desk.
    town.chatwoot.customer_writes(conversation, "second");
    replied(&town, conversation, 1).await?;
    assert_eq!(status(&town.chatwoot, conversation), "open");
    town.chatwoot.resolve(conversation);
    town.chatwoot.wait_quiet().await?;
    town.chatwoot.customer_writes(conversation, "third");
    replied(&town, conversation, 2).await?;
    calm(&town).await
}

async fn a_muted_customer_is_not_answered(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    town.chatwoot.deliver_to(Target::Account, None);
    town.chatwoot.deliver_to(Target::AgentBot, None);
    let conversation = town.chatwoot.new_conversation(412);
    let base = now() + 1000.0;
    let says =
        |id, text, after: f64| Webhook::message(conversation, id, text).with("/conversation/updated_at", base + after);
    taken(&town, &says(20_001, "first", 0.0)).await?;
    replied(&town, conversation, 1).await?;
    // Muting resolves the conversation and blocks the contact; what they write then changes neither.
    taken(&town, &Webhook::status(conversation, "resolved", base + 1.0)).await?;
    let muted =
        says(20_002, "Buy my pills!", 2.0).with("/conversation/status", "resolved").with("/sender/blocked", true);
    assert_eq!(post(&town, &muted).await?.status, 200);
    settled(&town, conversation).await?;
    replied(&town, conversation, 1).await?;
    assert_eq!(town.model.calls().len(), 1);
    // Once they are heard again, the desk hears them.
    let heard = says(20_003, "second", 3.0).with("/conversation/status", "pending");
    taken(&town, &heard).await?;
    assert_eq!(replied(&town, conversation, 2).await?[1], "You said: second");
    calm(&town).await
}

async fn a_conversation_that_starts_open_is_left_alone_and_the_operator_is_told(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    town.chatwoot.configure(|options| options.bot_connected = false);
    let conversation = town.chatwoot.new_conversation(412);
    assert_eq!(status(&town.chatwoot, conversation), "open");
    town.chatwoot.customer_writes(conversation, "Is anybody there?");
    assert_eq!(silent(&town, conversation).await?["phase"], "human");
    let cards = town.teams.wait_for_cards(1).await?;
    // Cards are Markdown, where an underscore is escaped.
    let card = cards[0].to_string().replace('\\', "");
    assert!(card.contains("connect the agent bot") && card.contains("ANSWER_OPEN_UNASSIGNED=true"), "{card}");
    assert!(town.metric("frontdesk_alerts_total", "no_bot_connected").await? >= 1.0);
    assert_eq!(town.model.calls().len(), 0);
    // The next one is no news.
    let another = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(another, "Hello?");
    silent(&town, another).await?;
    assert_eq!(town.teams.cards().len(), 1);
    calm(&town).await
}

async fn open_conversations_that_nobody_has_are_answered_where_that_is_wanted(backing: Backing) -> Result<()> {
    let mut town = closed(backing).await?;
    town.daemon.set("ANSWER_OPEN_UNASSIGNED", "true");
    town.daemon.start().await?;
    town.chatwoot.configure(|options| options.bot_connected = false);
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(conversation, "first");
    assert_eq!(replied(&town, conversation, 1).await?, ["You said: first"]);
    assert_eq!(status(&town.chatwoot, conversation), "open");
    // As soon as somebody has it, the desk is silent there, too.
    town.chatwoot.agent_assigns(conversation);
    town.chatwoot.wait_quiet().await?;
    town.chatwoot.customer_writes(conversation, "second");
    replied(&town, conversation, 1).await?;
    assert_eq!(settled(&town, conversation).await?["phase"], "human");
    assert_eq!(town.model.calls().len(), 1);
    calm(&town).await
}

fn status(chatwoot: &ChatwootDouble, conversation: u64) -> String {
    chatwoot.conversation(conversation).map(|found| found.status).unwrap_or_default()
}
