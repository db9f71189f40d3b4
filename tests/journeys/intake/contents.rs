//! Messages that are not plain text: nothing, files, chosen options, deletions.

use super::webhook::{Webhook, calm, closed, open, post, replied, settled, silent, taken};
use anyhow::Result;
use frontdesk_sandbox::chatwoot::Target;
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::Backing;
use serde_json::{Value, json};

on_both_stores!(
    a_message_without_words_gets_an_honest_answer,
    files_without_words_get_one_honest_answer_and_words_a_real_one,
    a_chosen_option_is_answered_once,
    other_changes_of_a_message_mean_nothing,
    a_deleted_message_is_owed_no_answer,
    a_changed_message_is_answered_and_remembered_as_it_stands,
);

/// What the desk says when it cannot read something.
const HONEST: &str = "I found no text in it that I can read";

async fn a_message_without_words_gets_an_honest_answer(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let conversation = town.chatwoot.new_conversation(412);
    taken(&town, &Webhook::message(conversation, 20_001, "").with("/content", Value::Null)).await?;
    let replies = replied(&town, conversation, 1).await?;
    assert!(replies[0].contains(HONEST), "{replies:?}");
    assert_eq!(town.model.calls().len(), 0);
    calm(&town).await
}

async fn files_without_words_get_one_honest_answer_and_words_a_real_one(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let conversation = town.chatwoot.new_conversation(412);
    for kind in ["image", "audio", "file"] {
        town.chatwoot.customer_attaches(conversation, kind);
    }
    let replies = replied(&town, conversation, 1).await?;
    assert!(replies[0].contains(HONEST) && replies[0].contains("human"), "{replies:?}");
    assert_eq!(town.model.calls().len(), 0);
    town.chatwoot.customer_writes(conversation, "It shows my invoice");
    let replies = replied(&town, conversation, 2).await?;
    assert_eq!(replies[1], "You said: It shows my invoice");
    calm(&town).await
}

async fn a_chosen_option_is_answered_once(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let conversation = town.chatwoot.new_conversation(412);
    let question = town.chatwoot.automation_writes(conversation, "What do you need?");
    silent(&town, conversation).await?;
    town.chatwoot.customer_chooses(conversation, question, "Invoices");
    let replies = replied(&town, conversation, 1).await?;
    assert!(replies[0].contains("Invoices"), "{replies:?}");
    // Every later change of the message repeats the values.
    let repeated = town.chatwoot.see(|world| {
        let all = world.deliveries().iter().filter(|delivery| delivery.event == "message_updated");
        all.cloned().collect::<Vec<_>>()
    });
    assert_eq!(repeated.len(), 2, "one to the account, one to the bot");
    for delivery in &repeated {
        assert!(town.chatwoot.redeliver(delivery).await.is_accepted());
    }
    replied(&town, conversation, 1).await?;
    assert_eq!(town.model.calls().len(), 1);
    calm(&town).await
}

async fn other_changes_of_a_message_mean_nothing(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    town.chatwoot.deliver_to(Target::Account, None);
    town.chatwoot.deliver_to(Target::AgentBot, None);
    let conversation = town.chatwoot.new_conversation(412);
    taken(&town, &Webhook::message(conversation, 20_001, "Do you ship to Norway?")).await?;
    replied(&town, conversation, 1).await?;
    let changed = Webhook::message(conversation, 20_001, "Do you ship to Norway?").with("/event", "message_updated");
    let translated = json!({ "translations": { "de": "Liefern Sie nach Norwegen?" } });
    let rated = json!({ "submitted_values": { "csat_survey_response": { "rating": 5 } } });
    for change in [
        changed.clone(),
        changed.clone().and("status", "read"),
        changed.clone().with("/content_attributes", translated),
        changed.clone().with("/message_type", "outgoing").with("/content_attributes", rated.clone()),
        changed.clone().with("/message_type", "template").with("/content_attributes", rated),
        changed.with("/private", true).with("/message_type", "outgoing"),
    ] {
        assert_eq!(post(&town, &change).await?.status, 200);
    }
    replied(&town, conversation, 1).await?;
    assert_eq!(town.model.calls().len(), 1);
    calm(&town).await
}

async fn a_deleted_message_is_owed_no_answer(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    town.model.push(Reply::Hang);
    let conversation = town.chatwoot.new_conversation(412);
    let message = town.chatwoot.customer_writes(conversation, "Forget that I asked");
    town.model.wait_for_calls(1).await;
    town.chatwoot.delete_message(conversation, message);
    town.model.wait_for_abort(0).await;
    let view = silent(&town, conversation).await?;
    assert_eq!((&view["owed"], &view["phase"]), (&json!(0), &json!("bot")));
    town.chatwoot.customer_writes(conversation, "Something else");
    assert_eq!(replied(&town, conversation, 1).await?, ["You said: Something else"]);
    let asked = town.model.calls()[1].body.to_string();
    assert!(!asked.contains("Forget that"), "{asked}");
    settled(&town, conversation).await?;
    calm(&town).await
}

async fn a_changed_message_is_answered_and_remembered_as_it_stands(backing: Backing) -> Result<()> {
    let mut town = closed(backing).await?;
    // Long enough for the customer to change their mind before they are answered.
    town.daemon.set("DEBOUNCE_QUIET", "2s");
    town.daemon.start().await?;
    town.chatwoot.deliver_to(Target::Account, None);
    town.chatwoot.deliver_to(Target::AgentBot, None);
    let conversation = town.chatwoot.new_conversation(412);
    let says = |text: &str| Webhook::message(conversation, 20_001, text);
    let changes = |text: &str| says(text).with("/event", "message_updated");
    taken(&town, &says("Do you ship to Norway?")).await?;
    taken(&town, &changes("Do you ship to Sweden?")).await?;
    assert_eq!(replied(&town, conversation, 1).await?, ["You said: Do you ship to Sweden?"]);
    // What was answered is answered; the next prompt knows what it says since.
    taken(&town, &changes("Do you ship to Finland?")).await?;
    taken(&town, &Webhook::message(conversation, 20_002, "And when?")).await?;
    replied(&town, conversation, 2).await?;
    let asked = town.model.calls()[1].body.to_string();
    assert!(asked.contains("Do you ship to Finland?"), "{asked}");
    assert_eq!(town.model.calls().len(), 2);
    calm(&town).await
}
