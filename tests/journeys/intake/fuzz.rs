//! Whatever is posted, the desk answers one of the few, nothing panics, and it goes on.

use super::webhook::{Envelope, PATIENCE, Webhook, closed, post, send, settled};
use anyhow::Result;
use frontdesk_sandbox::chatwoot::Target;
use frontdesk_sandbox::town::{Backing, Town};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

const FIXTURES: [&str; 18] = [
    "contact_created",
    "contact_updated",
    "conversation_created",
    "conversation_opened.agent_bot",
    "conversation_resolved.agent_bot",
    "conversation_status_changed",
    "conversation_typing_on",
    "conversation_updated.bot_assigned.agent_bot",
    "conversation_updated",
    "message_created.agent_bot",
    "message_created.incoming",
    "message_created.outgoing_by_agent",
    "message_created.outgoing_by_bot",
    "message_created.private_note",
    "message_created.template_greeting",
    "message_created.with_audio_attachment",
    "message_updated",
    "webwidget_triggered",
];

const PATHS: [&str; 3] = ["/webhooks/chatwoot", "/webhook/chatwoot", "/webhook"];

/// One change of a payload.
#[derive(Debug, Clone)]
enum Mutation {
    /// A field or element becomes something else.
    Replace(Index, Value),
    /// A field or element goes.
    Remove(Index),
    /// The value of one place is copied to another.
    Copy(Index, Index),
    /// The body ends early.
    Cut(Index),
    /// A byte becomes another.
    Byte(Index, u8),
}

fn odd_value() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "message_created",
        "message_updated",
        "conversation_updated",
        "incoming",
        "outgoing",
        "open",
        "resolved",
        "pending",
        "snoozed",
        "user",
        "agent_bot",
        "AgentBot",
        "/bot",
        "/forget",
        "agent please",
        "a@b.co",
        "123456",
        "\u{0}\u{202e}\u{feff}",
        "{{ contact.email }}{% raw %}",
    ]);
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        Just(json!(1e308)),
        Just(json!(-0.5)),
        words.prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        (0_usize..60_000).prop_map(|length| Value::from("ы ".repeat(length / 2))),
        Just(json!({})),
        Just(json!([])),
        Just(json!([{ "title": "Yes", "value": 1 }, null, "x"])),
        Just(json!({ "frontdesk_id": "r-1" })),
        Just(json!({ "deleted": true, "submitted_values": [{ "title": "A" }] })),
    ]
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        6 => (any::<Index>(), odd_value()).prop_map(|(place, value)| Mutation::Replace(place, value)),
        2 => any::<Index>().prop_map(Mutation::Remove),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Mutation::Copy(from, to)),
        1 => any::<Index>().prop_map(Mutation::Cut),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(place, byte)| Mutation::Byte(place, byte)),
    ]
}

/// Returns the pointers of all places within a value, without its own.
fn places(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        };
        for (key, child) in children {
            let place = format!("{at}/{key}");
            walk(child, &place, found);
            found.push(place);
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

/// Builds the body of a case: the fixture in a conversation of few, with a message id of few, and all its mutations.
fn body(fixture: &Webhook, (conversation, message): (u64, u64), mutations: &[Mutation]) -> Vec<u8> {
    let mut value = fixture.json().clone();
    for (pointer, number) in [("/conversation/id", conversation), ("/id", message)] {
        if let Some(place) = value.pointer_mut(pointer) {
            *place = number.into();
        }
    }
    for mutation in mutations {
        let places = places(&value);
        let chosen = |index: &Index| index.get(&places).clone();
        match mutation {
            Mutation::Replace(..) | Mutation::Remove(_) | Mutation::Copy(..) if places.is_empty() => {}
            Mutation::Replace(index, odd) => *value.pointer_mut(&chosen(index)).expect("it is there") = odd.clone(),
            Mutation::Copy(from, to) => {
                let copied = value.pointer(&chosen(from)).cloned().unwrap_or_default();
                *value.pointer_mut(&chosen(to)).expect("it is there") = copied;
            }
            Mutation::Remove(index) => {
                let place = chosen(index);
                let (parent, key) = place.rsplit_once('/').expect("every place has a parent");
                match value.pointer_mut(parent) {
                    Some(Value::Object(fields)) => drop(fields.remove(key)),
                    Some(Value::Array(items)) => drop(items.remove(key.parse().expect("a number"))),
                    Some(_) | None => {}
                }
            }
            Mutation::Cut(_) | Mutation::Byte(..) => {}
        }
    }
    let mut bytes = value.to_string().into_bytes();
    for mutation in mutations {
        match mutation {
            Mutation::Cut(index) => bytes.truncate(index.index(bytes.len() + 1)),
            Mutation::Byte(index, byte) if !bytes.is_empty() => {
                let place = index.index(bytes.len());
                bytes[place] = *byte;
            }
            Mutation::Byte(..) | Mutation::Replace(..) | Mutation::Remove(_) | Mutation::Copy(..) => {}
        }
    }
    bytes
}

async fn fuzzed_town() -> Result<Town> {
    let mut town = closed(Backing::Embedded).await?;
    town.daemon.set("CHATWOOT_WEBHOOK_SECRET", "");
    town.daemon.set("CHATWOOT_RATE_PER_MINUTE", 1_000_000);
    town.daemon.set("OPENAI_RATE_PER_MINUTE", 1_000_000);
    town.daemon.set("WEB_CHAT", "on");
    town.daemon.set("WEB_GATE", "on");
    town.daemon.set("DEBOUNCE_QUIET", "10ms");
    town.daemon.start().await?;
    town.chatwoot.deliver_to(Target::Account, None);
    town.chatwoot.deliver_to(Target::AgentBot, None);
    Ok(town)
}

#[test]
fn no_mutation_of_a_fixture_breaks_the_desk() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let town = runtime.block_on(fuzzed_town()).expect("the town opens");
    let fixtures: Vec<Webhook> = FIXTURES.iter().map(|name| Webhook::fixture(name)).collect();
    for _ in 0..4 {
        town.chatwoot.new_conversation(412);
    }
    let case = (
        0..FIXTURES.len(),
        prop::sample::select(PATHS.to_vec()),
        (57_u64..61, 20_000_u64..20_400),
        prop::collection::vec(mutation(), 0..6),
    );
    let mut runner = TestRunner::new(Config { cases: 1500, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&case, |(fixture, path, ids, mutations)| {
        let body = body(&fixtures[fixture], ids, &mutations);
        let envelope = Envelope { path, ..Envelope::unsigned() };
        let answer = runtime.block_on(send(&town, envelope, body));
        let answer = answer.map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        // 413: a minimal message that is too long. 429: too many of those, from one visitor.
        prop_assert!(matches!(answer.status, 200 | 400 | 413 | 429), "{path} answered {answer:?}");
        Ok(())
    });
    outcome.expect("no body breaks the desk");
    runtime.block_on(alive(&town)).expect("the desk goes on");
}

async fn alive(town: &Town) -> Result<()> {
    let conversation = town.chatwoot.new_conversation(412);
    let message = Webhook::message(conversation, 30_000, "Do you ship to Norway?");
    assert_eq!(post(town, &message).await?.status, 200);
    town.chatwoot.wait_for("an answer", |world| world.replies(conversation).len() == 1).await?;
    settled(town, conversation).await?;
    assert_eq!(town.metric("frontdesk_panics_total", "").await?, 0.0);
    assert_eq!(town.metric("frontdesk_conversations_quarantined", "").await?, 0.0);
    assert_eq!(town.metric("frontdesk_webhooks_total", "parked").await?, 0.0);
    let log = town.daemon.log();
    assert!(
        !log.contains("panicked"),
        "{PATIENCE:?} {}",
        log.lines().find(|line| line.contains("panicked")).unwrap_or("")
    );
    Ok(())
}
