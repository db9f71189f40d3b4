//! A4: what verification leaves behind, and who else it lets in.

use super::support::{Chat, english, on_both_stores, open, open_wired, verified};
use anyhow::{Context, Result};
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::chatwoot::{RequestKind, WorldView};
use frontdesk_sandbox::town::{Backing, Town, Wiring};
use serde_json::{Map, Value, json};

on_both_stores!(
    the_waiting_questions_are_answered_and_the_marks_merged,
    the_marks_are_merged_from_4_17_on_too,
    the_address_is_put_on_the_contact_where_a_user_token_is_set,
    without_a_user_token_the_contact_is_left_alone,
    an_address_that_another_contact_has_is_no_obstacle,
    a_new_conversation_of_the_same_contact_skips_the_gate,
    the_mark_is_believed_after_the_store_was_lost,
    a_mark_copied_into_another_conversation_opens_nothing,
    plain_attributes_open_nothing,
    plain_attributes_open_the_gate_where_the_operator_trusts_them,
    an_identity_signed_by_the_company_skips_the_gate,
);

fn attributes(chat: &Chat<'_>) -> Map<String, Value> {
    chat.town.chatwoot.conversation(chat.id).map(|found| found.custom_attributes).unwrap_or_default()
}

async fn is_marked(chat: &Chat<'_>) -> Result<()> {
    let marked = |world: &WorldView<'_>| {
        world.conversation(chat.id).is_some_and(|found| found.custom_attributes.contains_key("frontdesk_verified"))
    };
    chat.sees("the mark", marked).await
}

async fn verification_is_written_down(backing: Backing, version: (u32, u32, u32)) -> Result<()> {
    let town = open(backing, &[]).await?;
    town.chatwoot.configure(|options| options.version = version);
    let chat = Chat::begin(&town);
    town.chatwoot.visitor_sets_attributes(chat.id, json!({ "plan": "gold", "email_verified": "no" }));
    chat.asks("Do you ship to Norway?").await?;
    let mail = chat.gives("jane@example.com").await?;
    let (status, page) = town.press(&mail).await?;
    assert!(status == 200 && page.contains("Thank you, your address is confirmed"), "{page}");
    let replies = chat.read(4).await?;
    assert_eq!(replies[2], verified("jane@example.com"));
    assert!(replies[3].contains("Do you ship to Norway?"), "{replies:?}");
    is_marked(&chat).await?;
    let now = attributes(&chat);
    assert_eq!(now["plan"], "gold", "nothing else is erased");
    assert_eq!((&now["email_verified"], &now["verified_contact_412"]), (&json!(true), &json!(true)));
    assert!(now["frontdesk_verified"].as_str().is_some_and(|mac| mac.len() >= 32), "{now:?}");
    let posts = town.chatwoot.requests().into_iter().filter(|request| request.kind == RequestKind::CustomAttributes);
    for post in posts {
        assert_eq!(post.body["merge"], true);
        assert_eq!(post.body["custom_attributes"]["plan"], "gold", "the whole merged map is sent");
    }
    Ok(())
}

async fn the_waiting_questions_are_answered_and_the_marks_merged(backing: Backing) -> Result<()> {
    verification_is_written_down(backing, (4, 16, 2)).await
}

async fn the_marks_are_merged_from_4_17_on_too(backing: Backing) -> Result<()> {
    verification_is_written_down(backing, (4, 17, 0)).await
}

fn address_of(chat: &Chat<'_>) -> Option<String> {
    chat.town.chatwoot.conversation(chat.id).and_then(|found| found.email)
}

async fn the_address_is_put_on_the_contact_where_a_user_token_is_set(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::stranger(&town, "Ana");
    chat.verifies("ana@example.com").await?;
    chat.rests().await?;
    assert_eq!(address_of(&chat).as_deref(), Some("ana@example.com"));
    Ok(())
}

async fn without_a_user_token_the_contact_is_left_alone(backing: Backing) -> Result<()> {
    let town = open_wired(backing, Wiring::BotOnly, &[]).await?;
    let chat = Chat::stranger(&town, "Ana");
    chat.verifies("ana@example.com").await?;
    is_marked(&chat).await?;
    chat.rests().await?;
    assert_eq!(address_of(&chat), None);
    assert!(town.chatwoot.requests().iter().all(|request| request.kind != RequestKind::PatchContact));
    Ok(())
}

async fn an_address_that_another_contact_has_is_no_obstacle(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::stranger(&town, "Jane's phone");
    chat.verifies("jane@example.com").await?;
    assert_eq!(chat.asks("Do you ship?").await?, "You said: Do you ship?");
    chat.rests().await?;
    assert_eq!((address_of(&chat), chat.phase().await?.as_str()), (None, "bot"));
    Ok(())
}

async fn a_new_conversation_of_the_same_contact_skips_the_gate(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let first = Chat::begin(&town);
    first.verifies("jane@example.com").await?;
    first.rests().await?;
    let second = Chat::begin(&town);
    assert_eq!(second.asks("Do you ship?").await?, "You said: Do you ship?");
    assert_eq!(second.view().await?["verified"]["address"], "jane@example.com");
    let stranger = Chat::stranger(&town, "Mallory");
    assert_eq!(stranger.asks("And to me?").await?, english(&Phrase::AskEmail));
    Ok(())
}

async fn lose_the_store(town: &mut Town) -> Result<()> {
    town.daemon.kill()?;
    match &town.redis {
        Some(redis) => drop(redis.command(&["FLUSHALL"]).await?),
        None => std::fs::remove_dir_all(town.daemon.data_dir())?,
    }
    town.daemon.start().await
}

async fn the_mark_is_believed_after_the_store_was_lost(backing: Backing) -> Result<()> {
    let mut town = open(backing, &[]).await?;
    let id = {
        let chat = Chat::begin(&town);
        chat.verifies("jane@example.com").await?;
        is_marked(&chat).await?;
        chat.rests().await?;
        chat.id
    };
    lose_the_store(&mut town).await?;
    let chat = Chat { town: &town, id };
    assert_eq!(chat.asks("Do you ship?").await?, "You said: Do you ship?");
    let view = chat.view().await?;
    assert_eq!((&view["verified"]["by"], &view["verified"]["address"]), (&json!("mac"), &json!("jane@example.com")));
    Ok(())
}

async fn a_mark_copied_into_another_conversation_opens_nothing(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.verifies("jane@example.com").await?;
    is_marked(&chat).await?;
    let thief = Chat::stranger(&town, "Mallory");
    let contact = town.chatwoot.conversation(thief.id).context("no conversation")?.contact;
    let mut stolen = attributes(&chat);
    stolen.insert(format!("verified_contact_{contact}"), true.into());
    town.chatwoot.visitor_sets_attributes(thief.id, Value::Object(stolen));
    assert_eq!(thief.asks("Hello there, it is me").await?, english(&Phrase::AskEmail));
    Ok(())
}

fn set_plain_attributes(chat: &Chat<'_>) {
    let plain = json!({ "email_verified": true, "verified_contact_412": true });
    chat.town.chatwoot.visitor_sets_attributes(chat.id, plain);
}

async fn plain_attributes_open_nothing(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    set_plain_attributes(&chat);
    assert_eq!(chat.asks("Do you ship?").await?, english(&Phrase::AskEmail));
    assert_eq!(chat.phase().await?, "awaiting_email");
    Ok(())
}

async fn plain_attributes_open_the_gate_where_the_operator_trusts_them(backing: Backing) -> Result<()> {
    let town = open(backing, &[("GATE_TRUST_PLAIN_ATTRIBUTES", "true")]).await?;
    let chat = Chat::begin(&town);
    set_plain_attributes(&chat);
    assert_eq!(chat.asks("Do you ship?").await?, "You said: Do you ship?");
    let stranger = Chat::stranger(&town, "Mallory");
    set_plain_attributes(&stranger);
    assert_eq!(stranger.asks("And to me?").await?, english(&Phrase::AskEmail), "they name another contact");
    Ok(())
}

async fn an_identity_signed_by_the_company_skips_the_gate(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    town.chatwoot.sign_identity(412, "jane@example.com");
    let chat = Chat::begin(&town);
    assert_eq!(chat.asks("Do you ship?").await?, "You said: Do you ship?");
    let view = chat.view().await?;
    assert_eq!(view["verified"]["by"], "vendor_identity");
    assert_eq!(view["verified"]["address"], "jane@example.com");
    Ok(())
}
