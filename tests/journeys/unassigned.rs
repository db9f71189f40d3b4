//! Inboxes that cannot have a bot connected: conversations start open, and the desk answers those that nobody has, if the
//! operator says so.

use super::support::{Chat, NO_GATE, english, on_both_stores, open};
use anyhow::Result;
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::chatwoot::RequestKind;
use frontdesk_sandbox::town::{Backing, Town};

on_both_stores!(
    without_the_setting_the_desk_is_silent_and_says_why,
    an_open_conversation_that_nobody_has_is_answered,
    an_agent_who_is_assigned_has_it,
    a_hand_over_lasts_until_it_is_resolved,
    an_order_gives_it_back_without_hiding_it,
);

const ANSWER: (&str, &str) = ("ANSWER_OPEN_UNASSIGNED", "true");

async fn without_a_bot(backing: Backing, settings: &[(&str, &str)]) -> Result<Town> {
    let town = open(backing, settings).await?;
    town.chatwoot.configure(|options| options.bot_connected = false);
    Ok(town)
}

async fn without_the_setting_the_desk_is_silent_and_says_why(backing: Backing) -> Result<()> {
    let town = without_a_bot(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    chat.says("Do you ship?");
    let card = town.teams.wait_for_cards(1).await?.remove(0);
    assert!(card.to_string().contains("connect the agent bot"), "{card}");
    chat.rests().await?;
    assert!(chat.replies().is_empty() && town.model.calls().is_empty());
    Ok(())
}

async fn an_open_conversation_that_nobody_has_is_answered(backing: Backing) -> Result<()> {
    let town = without_a_bot(backing, &[ANSWER]).await?;
    let chat = Chat::begin(&town);
    assert_eq!(chat.asks("Do you ship?").await?, english(&Phrase::AskEmail));
    let mail = chat.gives("jane@example.com").await?;
    assert_eq!(town.press(&mail).await?.0, 200);
    assert!(chat.read(4).await?[3].contains("Do you ship?"));
    chat.rests().await?;
    assert_eq!(chat.status(), "open");
    assert!(town.teams.cards().is_empty(), "nothing is wrong");
    Ok(())
}

async fn an_agent_who_is_assigned_has_it(backing: Backing) -> Result<()> {
    let town = without_a_bot(backing, &[NO_GATE, ANSWER]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Do you ship?").await?;
    town.chatwoot.agent_assigns(chat.id);
    chat.reaches("human").await?;
    chat.says("Where to?");
    chat.rests().await?;
    assert_eq!(chat.replies().len(), 1);
    Ok(())
}

async fn a_hand_over_lasts_until_it_is_resolved(backing: Backing) -> Result<()> {
    let town = without_a_bot(backing, &[NO_GATE, ANSWER]).await?;
    let chat = Chat::begin(&town);
    chat.calls_a_person().await?;
    chat.says("Is anybody there?");
    chat.rests().await?;
    assert_eq!((chat.replies().len(), town.teams.cards().len()), (1, 1));
    town.chatwoot.resolve(chat.id);
    chat.reaches("bot").await?;
    assert!(chat.asks("Do you ship?").await?.ends_with("Do you ship?"));
    assert_eq!(chat.status(), "open");
    Ok(())
}

async fn an_order_gives_it_back_without_hiding_it(backing: Backing) -> Result<()> {
    let town = without_a_bot(backing, &[NO_GATE, ANSWER]).await?;
    let chat = Chat::begin(&town);
    chat.calls_a_person().await?;
    chat.rests().await?;
    chat.order("resume").await?;
    assert_eq!(chat.asks("Do you ship?").await?, "You said: Do you ship?");
    chat.rests().await?;
    assert_eq!(chat.status(), "open", "pending would hide it from the people, and there is no bot to have it");
    assert!(town.chatwoot.requests().iter().all(|request| request.kind != RequestKind::ToggleStatus));
    Ok(())
}
