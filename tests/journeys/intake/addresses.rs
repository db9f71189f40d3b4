//! Every address, both kinds of webhooks, and telling vendors apart.

use super::webhook::{Envelope, Webhook, calm, open, replied, send, view};
use anyhow::Result;
use frontdesk_sandbox::chatwoot::{Hook, Target};
use frontdesk_sandbox::town::{ACCOUNT_SECRET, BOT_SECRET, Backing};
use serde_json::Value;

on_both_stores!(
    both_webhooks_of_one_message_get_one_answer,
    either_webhook_alone_is_enough,
    every_address_takes_both_kinds_of_webhooks,
    the_common_address_tells_vendors_apart,
);

async fn both_webhooks_of_one_message_get_one_answer(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let conversation = town.chatwoot.new_conversation(412);
    let message = town.chatwoot.customer_writes(conversation, "Do you ship to Norway?");
    let replies = replied(&town, conversation, 1).await?;
    assert_eq!(replies, ["You said: Do you ship to Norway?"]);
    assert_eq!(town.model.calls().len(), 1);
    let told: Vec<Target> = town.chatwoot.see(|world| {
        let of_message = |body: &str| serde_json::from_str::<Value>(body).is_ok_and(|body| body["id"] == message);
        let deliveries = world.deliveries().iter();
        let created = deliveries.filter(|delivery| delivery.event == "message_created" && of_message(&delivery.body));
        created.filter(|delivery| delivery.outcome.is_accepted()).map(|delivery| delivery.target).collect()
    });
    assert_eq!(told.len(), 2, "one to the account, one to the bot: {told:?}");
    assert!(told.contains(&Target::Account) && told.contains(&Target::AgentBot), "{told:?}");
    assert!(town.metric("frontdesk_dedupe_hits_total", "").await? >= 1.0);
    calm(&town).await
}

async fn either_webhook_alone_is_enough(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let url = town.daemon.url("/webhooks/chatwoot");
    let hook = |secret: &str| Some(Hook { url: url.clone(), secret: Some(secret.to_owned()) });
    for (account, bot) in [(hook(ACCOUNT_SECRET), None), (None, hook(BOT_SECRET))] {
        town.chatwoot.deliver_to(Target::Account, account);
        town.chatwoot.deliver_to(Target::AgentBot, bot);
        let conversation = town.chatwoot.new_conversation(412);
        town.chatwoot.customer_writes(conversation, "Do you ship to Norway?");
        assert_eq!(replied(&town, conversation, 1).await?, ["You said: Do you ship to Norway?"]);
    }
    calm(&town).await
}

async fn every_address_takes_both_kinds_of_webhooks(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let hook = |path: &str, secret: &str| Some(Hook { url: town.daemon.url(path), secret: Some(secret.to_owned()) });
    for (account, bot) in [
        ("/webhook/chatwoot", "/webhook"),
        ("/webhook", "/webhook/chatwoot"),
        ("/webhooks/chatwoot/", "/webhooks/chatwoot"),
    ] {
        town.chatwoot.deliver_to(Target::Account, hook(account, ACCOUNT_SECRET));
        town.chatwoot.deliver_to(Target::AgentBot, hook(bot, BOT_SECRET));
        let conversation = town.chatwoot.new_conversation(412);
        town.chatwoot.customer_writes(conversation, "Do you ship to Norway?");
        replied(&town, conversation, 1).await?;
    }
    calm(&town).await
}

/// The common address knows a vendor by the payload, and says so where it knows none.
async fn the_common_address_tells_vendors_apart(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.wait_quiet().await?;
    let before = view(&town, conversation).await?;
    let webhook = Envelope { path: "/webhook", ..Envelope::unsigned() };
    let stranger = br#"{"object":"page","entry":[]}"#;
    let answer = send(&town, webhook.clone(), stranger.to_vec()).await?;
    assert_eq!((answer.status, answer.word()), (400, "unknown_vendor"));
    // Known as WhatsApp's, which is not served here.
    let green = br#"{"typeWebhook":"incomingMessageReceived","instanceData":{"idInstance":1}}"#;
    let answer = send(&town, webhook.clone(), green.to_vec()).await?;
    assert_eq!((answer.status, answer.word()), (404, "channel_off"));
    // Known as Chatwoot's by its payload, it must be signed like any other of Chatwoot's.
    let chatwoot = Webhook::message(conversation, 20_001, "Hi");
    let answer = send(&town, webhook, chatwoot.bytes()).await?;
    assert_eq!((answer.status, answer.word()), (401, "unauthorized"));
    let signed = Envelope { path: "/webhook", ..Envelope::signed(BOT_SECRET, 0, &chatwoot.bytes()) };
    assert_eq!(view(&town, conversation).await?, before);
    assert_eq!(send(&town, signed, chatwoot.bytes()).await?.status, 200);
    replied(&town, conversation, 1).await?;
    calm(&town).await
}
