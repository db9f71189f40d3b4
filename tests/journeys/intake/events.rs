//! Every event that Chatwoot has, posted signed: what it is answered, and what comes of it. The table that decides is in
//! `docs/chatwoot-wire.md`.

use super::webhook::{Webhook, open, post, settled};
use anyhow::{Result, ensure};
use frontdesk_sandbox::chatwoot::Target;
use frontdesk_sandbox::town::Backing;
use serde_json::{Value, json};

on_both_stores!(every_event_is_acknowledged_and_only_what_counts_has_an_effect);

/// What comes of an event in a conversation that the desk has never heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// The desk does not even keep the conversation.
    Nothing,
    /// A person has it, and the desk is silent.
    Person,
    /// The desk has it, and is silent.
    Silence,
    /// The desk says one thing, after so many model calls.
    Says(usize),
    /// The desk says one thing: that a person comes.
    HandsOver,
}

/// Every event by its name in Chatwoot's source (`app/listeners/webhook_listener.rb`, `agent_bot_listener.rb`), whether or
/// not one was recorded.
const NAMES: [&str; 14] = [
    "message_created",
    "message_updated",
    "conversation_created",
    "conversation_status_changed",
    "conversation_updated",
    "conversation_opened",
    "conversation_resolved",
    "conversation_typing_on",
    "conversation_typing_off",
    "webwidget_triggered",
    "contact_created",
    "contact_updated",
    "inbox_created",
    "inbox_updated",
];

/// Fixture or event, answer, effect.
const EVENTS: &[(&str, &str, Effect)] = &[
    ("contact_created", "ignored", Effect::Nothing),
    ("contact_updated", "ignored", Effect::Nothing),
    ("webwidget_triggered", "ignored", Effect::Nothing),
    ("conversation_typing_on", "ignored", Effect::Nothing),
    ("conversation_typing_off", "ignored", Effect::Nothing),
    ("inbox_created", "ignored", Effect::Nothing),
    ("inbox_updated", "ignored", Effect::Nothing),
    ("conversation_created", "ignored", Effect::Silence),
    ("conversation_updated.bot_assigned.agent_bot", "ignored", Effect::Silence),
    ("conversation_opened.agent_bot", "ok", Effect::Person),
    ("conversation_resolved.agent_bot", "ignored", Effect::Silence),
    ("conversation_status_changed", "ignored", Effect::Silence),
    ("conversation_updated", "ignored", Effect::Silence),
    ("message_created.incoming", "ok", Effect::Says(1)),
    ("message_created.agent_bot", "ok", Effect::Says(1)),
    ("message_created.outgoing_by_agent", "ok", Effect::Person),
    ("message_created.outgoing_by_bot", "ignored", Effect::Silence),
    ("message_created.private_note", "ok", Effect::Person),
    ("message_created.template_greeting", "ignored", Effect::Silence),
    ("message_created.with_audio_attachment", "ok", Effect::Says(0)),
    // The option chosen in it is "Talk to support".
    ("message_updated", "ok", Effect::HandsOver),
];

/// Reads a recorded event, or makes one that was not recorded.
fn event(name: &str) -> Webhook {
    match name {
        "conversation_typing_off" => Webhook::fixture("conversation_typing_on").with("/event", name),
        // The settings of an inbox, which has no id there.
        "inbox_created" | "inbox_updated" => Webhook::made(json!({
            "event": name,
            "account": { "id": 1, "name": "Acme Inc" },
            "name": "Website",
            "channel_type": "Channel::WebWidget",
            "greeting_enabled": false,
            "working_hours_enabled": false,
            "enable_auto_assignment": true,
            "timezone": "UTC",
        })),
        recorded => Webhook::fixture(recorded),
    }
}

async fn every_event_is_acknowledged_and_only_what_counts_has_an_effect(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    // Only what is posted here is heard.
    town.chatwoot.deliver_to(Target::Account, None);
    town.chatwoot.deliver_to(Target::AgentBot, None);
    for (name, word, effect) in EVENTS {
        let conversation = town.chatwoot.new_conversation(412);
        let calls = town.model.calls().len();
        let event = event(name);
        let event = if event.json().pointer("/conversation/id").is_some() || event.event().starts_with("conversation") {
            event.of(conversation)
        } else {
            event
        };
        let answer = post(&town, &event).await?;
        ensure!((answer.status, answer.word()) == (200, word), "{name} was answered {answer:?}");
        let replies = || town.chatwoot.see(|world| world.replies(conversation).len());
        if matches!(effect, Effect::Says(_) | Effect::HandsOver) {
            town.chatwoot.wait_for(name, |world| !world.replies(conversation).is_empty()).await?;
        }
        let view = settled(&town, conversation).await?;
        let asked = town.model.calls().len() - calls;
        let came = match view["phase"].as_str() {
            None => Effect::Nothing,
            Some("human") if replies() == 0 => Effect::Person,
            Some("human") if replies() == 1 => Effect::HandsOver,
            Some("bot") if replies() == 0 => Effect::Silence,
            Some("bot") if replies() == 1 => Effect::Says(asked),
            Some(_) => anyhow::bail!("{name} led to {} replies and {view}", replies()),
        };
        // A conversation that is merely mentioned may be kept or not: nobody can tell.
        let fits = came == *effect || (*effect, came) == (Effect::Silence, Effect::Nothing);
        ensure!(fits, "{name} led to {came:?}: {view}");
    }
    super::webhook::calm(&town).await
}

/// The table in the docs decides every event by name; every one is posted; and no other was recorded.
#[test]
fn the_docs_decide_every_event() {
    let table = include_str!("../../../docs/chatwoot-wire.md");
    let table = table.split("## 2.").next().expect("the first section");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let decided: Vec<&str> = rows.flat_map(|cell| cell.split(", ")).collect();
    for name in NAMES {
        assert!(decided.contains(&name), "{name} has no row");
        assert!(EVENTS.iter().any(|(posted, ..)| event(posted).event() == name), "{name} is not posted");
    }
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/chatwoot")).expect("fixtures") {
        let text = std::fs::read_to_string(entry.expect("a file").path()).expect("a text");
        let fixture: Value = serde_json::from_str(&text).expect("JSON");
        let Some(event) = fixture["event"].as_str() else { continue };
        assert!(NAMES.contains(&event), "{event} was recorded and is not in the list");
    }
}
