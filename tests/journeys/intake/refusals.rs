//! What is refused, and what is not served.

use super::webhook::{Answer, Envelope, Webhook, calm, closed, open, post, replied, send, settled, silent, view};
use anyhow::Result;
use frontdesk_sandbox::town::{ACCOUNT_SECRET, Backing, Town};
use serde_json::Value;

on_both_stores!(
    malformed_json_is_answered_with_400,
    a_huge_body_is_answered_with_413,
    only_the_named_inboxes_are_served,
);

async fn post_bytes(town: &Town, body: Vec<u8>) -> Result<Answer> {
    send(town, Envelope::signed(ACCOUNT_SECRET, 0, &body), body).await
}

/// Malformed bodies are told so, and nothing behind them breaks.
async fn malformed_json_is_answered_with_400(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let whole = Webhook::message(57, 20_001, "Hi").bytes();
    let nested = [b"{\"event\":".to_vec(), vec![b'['; 100_000]].concat();
    let closed_nest = ["{\"event\":", &"[".repeat(50_000), &"]".repeat(50_000), "}"].concat().into_bytes();
    let mut latin = whole.clone();
    latin[20] = 0xe9;
    let bodies: [Vec<u8>; 9] = [
        Vec::new(),
        b"nonsense".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\"message_created\"".to_vec(),
        whole[..whole.len() / 2].to_vec(),
        [&whole[..], b"}"].concat(),
        nested,
    ];
    for (number, body) in bodies.into_iter().enumerate() {
        let answer = post_bytes(&town, body).await?;
        assert_eq!((answer.status, answer.word()), (400, "malformed"), "number {number}");
    }
    // It is JSON, however deep, and no event that anybody knows.
    assert_eq!(post_bytes(&town, closed_nest).await?.word(), "ignored");
    // Whatever stands in text that nobody reads, the answer is one of the two.
    assert!(matches!(post_bytes(&town, latin).await?.status, 200 | 400));
    // It does not say of which conversation it speaks.
    let nameless = Webhook::message(57, 20_001, "Hi").with("/conversation/id", Value::Null);
    assert_eq!(post(&town, &nameless).await?.status, 400);
    let nameless = Webhook::message(57, 20_001, "Hi").with("/id", "one");
    assert_eq!(post(&town, &nameless).await?.status, 400);
    assert_eq!(view(&town, 57).await?, Value::Null);
    assert_eq!(post(&town, &Webhook::message(57, 20_001, "Hi")).await?.status, 200);
    calm(&town).await
}

/// A body beyond any of Chatwoot's is answered, not cut off.
async fn a_huge_body_is_answered_with_413(backing: Backing) -> Result<()> {
    let town = open(backing).await?;
    let huge = Webhook::message(57, 20_001, &"x".repeat(2 << 20)).bytes();
    let answer = post_bytes(&town, huge).await?;
    assert_eq!((answer.status, answer.word()), (413, "too_large"));
    let conversation = town.chatwoot.new_conversation(412);
    let large = Webhook::message(conversation, 20_001, &"word ".repeat(30_000));
    assert_eq!(post(&town, &large).await?.status, 200);
    town.chatwoot.wait_for("an answer", |world| !world.replies(conversation).is_empty()).await?;
    assert_eq!(settled(&town, conversation).await?["phase"], "bot");
    calm(&town).await
}

async fn only_the_named_inboxes_are_served(backing: Backing) -> Result<()> {
    let mut town = closed(backing).await?;
    town.daemon.set("CHATWOOT_INBOX_ID", "4, 9");
    town.daemon.start().await?;
    // Chatwoot's widget is inbox 3.
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(conversation, "Do you ship to Norway?");
    assert_eq!(silent(&town, conversation).await?, Value::Null, "the desk does not even know it");
    let elsewhere = Webhook::message(conversation, 20_001, "Hi");
    assert_eq!(post(&town, &elsewhere).await?.word(), "ignored");
    let account = Webhook::message(conversation, 20_002, "Hi").with("/account/id", 2).with("/conversation/inbox_id", 9);
    assert_eq!(post(&town, &account).await?.word(), "ignored");
    let served = Webhook::message(conversation, 20_003, "third").with("/conversation/inbox_id", 9);
    assert_eq!(post(&town, &served).await?.word(), "ok");
    assert_eq!(replied(&town, conversation, 1).await?, ["You said: third"]);
    calm(&town).await
}
