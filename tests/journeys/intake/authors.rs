//! Whose words start a turn, and whose mean that a person has the conversation: not our own, not a machine's.

use super::webhook::{Webhook, calm, open, post, replied, settled};
use anyhow::Result;
use frontdesk_sandbox::chatwoot::Delivery;
use frontdesk_sandbox::town::{Backing, Town};
use serde_json::{Value, json};

on_both_stores!(our_own_echoes_mean_nothing, machines_neither_start_a_turn_nor_take_over);

/// Returns the webhooks that told of what our bot said.
fn echoes(town: &Town) -> Vec<Delivery> {
    town.chatwoot.see(|world| {
        let ours = |body: &str| {
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            body["content_attributes"]["frontdesk_id"].is_string()
        };
        let created = world.deliveries().iter().filter(|delivery| delivery.event == "message_created");
        created.filter(|delivery| ours(&delivery.body)).cloned().collect()
    })
}

async fn our_own_echoes_mean_nothing(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(conversation, "Do you ship to Norway?");
    replied(&town, conversation, 1).await?;
    let echoes = echoes(&town);
    assert_eq!(echoes.len(), 2, "one to the account, one to the bot");
    for _ in 0..20 {
        for echo in &echoes {
            assert!(town.chatwoot.redeliver(echo).await.is_accepted());
        }
    }
    replied(&town, conversation, 1).await?;
    assert_eq!(town.model.calls().len(), 1);
    let view = settled(&town, conversation).await?;
    assert_eq!((&view["phase"], &view["owed"]), (&json!("bot"), &json!(0)));
    calm(&town).await
}

async fn machines_neither_start_a_turn_nor_take_over(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    town.chatwoot.configure(|options| options.greeting = Some("Thanks for writing in!".to_owned()));
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(conversation, "first");
    replied(&town, conversation, 1).await?;
    town.chatwoot.automation_writes(conversation, "We are open from nine to five.");
    let said = |id: u64, sender: Value| {
        let said = Webhook::fixture("message_created.outgoing_by_bot").of(conversation).with("/id", id);
        said.with("/content", "Buy now!").with("/sender", sender).with("/content_attributes", json!({}))
    };
    let person = json!({ "id": 5, "name": "Ana Silva", "email": "ana.silva@acme.example", "type": "user" });
    let machines = [
        said(20_001, json!({ "id": 8, "name": "Another Bot", "type": "agent_bot" })),
        said(20_002, json!({ "id": 1, "name": "Captain", "type": "captain_assistant" })),
        said(20_003, Value::Null),
        said(20_004, person).with("/additional_attributes", json!({ "campaign_id": 3 })),
        said(20_005, Value::Null).with("/message_type", "template"),
    ];
    for machine in &machines {
        assert_eq!(post(&town, machine).await?.status, 200);
    }
    replied(&town, conversation, 1).await?;
    let view = settled(&town, conversation).await?;
    assert_eq!((&view["phase"], &view["owed"]), (&json!("bot"), &json!(0)));
    town.chatwoot.customer_writes(conversation, "second");
    assert_eq!(replied(&town, conversation, 2).await?[1], "You said: second");
    assert_eq!(town.model.calls().len(), 2);
    // A person's word, for comparison, is heard at once.
    town.chatwoot.agent_writes(conversation, "Ana here, let me look.");
    town.chatwoot.wait_quiet().await?;
    assert_eq!(settled(&town, conversation).await?["phase"], "human");
    calm(&town).await
}
