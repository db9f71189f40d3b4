//! A6, second half: everything that must happen when a person is fetched.

use super::support::{BINARY, Chat, NO_GATE, chatwoot_user, english, fact, on_both_stores, open, open_wired};
use anyhow::{Context, Result};
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::chatwoot::{Line, RequestKind, Token};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::teams::{Fault, FlowKind, TeamsFlow};
use frontdesk_sandbox::town::{Backing, Town, Wiring};
use serde_json::{Value, json};

on_both_stores!(
    the_customer_is_told_the_conversation_opened_and_colleagues_know_why,
    label_priority_and_team_are_set_and_other_labels_kept,
    without_settings_labels_priority_and_team_are_left_alone,
    a_bots_token_is_enough,
    opening_takes_the_bot_off_the_conversation,
    the_card_says_who_waits_and_where,
    the_customers_words_stay_words_and_the_card_stays_small,
    the_card_and_the_note_speak_the_desks_language,
    the_card_can_be_bare,
    a_card_that_teams_refuses_is_posted_again,
    an_assignment_by_chatwoots_rule_does_not_swallow_the_card,
    a_label_that_cannot_be_set_does_not_stop_the_rest,
);

/// Everything a colleague is shown, in the order in which Chatwoot was told.
fn told(town: &Town) -> Vec<RequestKind> {
    let kinds = town.chatwoot.requests().into_iter().filter(|request| request.method == "POST");
    kinds.map(|request| request.kind).filter(|kind| *kind != RequestKind::Typing).collect()
}

async fn the_customer_is_told_the_conversation_opened_and_colleagues_know_why(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Do you ship to Norway?").await?;
    chat.calls_a_person().await?;
    chat.sees("a note", |world| world.transcript(chat.id).iter().any(|line| line.private)).await?;
    let lines = town.chatwoot.transcript(chat.id);
    let announced: Vec<&Line> = lines.iter().filter(|line| line.content_attributes["action"] == "handoff").collect();
    assert_eq!(announced.len(), 1);
    assert_eq!(announced[0].text, english(&Phrase::HandoffAsked));
    use RequestKind::{PostMessage, ToggleStatus};
    assert_eq!(told(&town), [PostMessage, PostMessage, ToggleStatus, PostMessage]);
    let opened = town.chatwoot.requests().into_iter().find(|request| request.kind == ToggleStatus);
    assert_eq!(opened.context("not opened")?.body, json!({ "status": "open" }));
    let notes = chat.notes();
    assert_eq!(notes.len(), 1);
    for part in [
        "The customer asked for a person.",
        "Jane Doe",
        "jane@example.com",
        "messages so far",
        "Last messages",
        "Do you ship to Norway?",
        "You said: Do you ship to Norway?",
        "I want to talk to a human",
    ] {
        assert!(notes[0].contains(part), "{part}: {}", notes[0]);
    }
    assert_eq!(town.teams.wait_for_cards(1).await?.len(), 1);
    Ok(())
}

async fn label_priority_and_team_are_set_and_other_labels_kept(backing: Backing) -> Result<()> {
    let settings = [NO_GATE, ("HANDOFF_LABEL", "needs-human"), ("HANDOFF_PRIORITY", "high"), ("HANDOFF_TEAM", "2")];
    let town = open(backing, &settings).await?;
    let chat = Chat::begin(&town);
    chatwoot_user(&town, &format!("conversations/{}/labels", chat.id), &json!({ "labels": ["vip", "norway"] })).await?;
    chat.calls_a_person().await?;
    chat.rests().await?;
    let now = town.chatwoot.conversation(chat.id).context("no conversation")?;
    assert_eq!(now.labels, ["vip", "norway", "needs-human"]);
    assert_eq!((now.priority.as_deref(), now.team), (Some("high"), Some(2)));
    Ok(())
}

async fn without_settings_labels_priority_and_team_are_left_alone(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    chat.calls_a_person().await?;
    chat.rests().await?;
    let touched = [RequestKind::PostLabels, RequestKind::Priority, RequestKind::Assign];
    assert!(told(&town).iter().all(|kind| !touched.contains(kind)), "{:?}", told(&town));
    Ok(())
}

async fn a_bots_token_is_enough(backing: Backing) -> Result<()> {
    let settings = [NO_GATE, ("HANDOFF_LABEL", "needs-human"), ("HANDOFF_PRIORITY", "urgent"), ("HANDOFF_TEAM", "2")];
    let town = open_wired(backing, Wiring::BotOnly, &settings).await?;
    let chat = Chat::begin(&town);
    chat.calls_a_person().await?;
    chat.rests().await?;
    let opened = town.chatwoot.requests().into_iter().filter(|request| request.kind == RequestKind::ToggleStatus);
    let opened: Vec<_> = opened.map(|request| (request.token, request.status)).collect();
    assert_eq!(opened, [(Some(Token::Bot), 200)], "`success: null` is a success");
    let now = town.chatwoot.conversation(chat.id).context("no conversation")?;
    assert_eq!((now.status.as_str(), now.labels.as_slice()), ("open", ["needs-human".to_owned()].as_slice()));
    assert_eq!(chat.notes().len(), 1);
    Ok(())
}

/// Chatwoot unassigns the bot whose token opens a conversation: whoever takes it is the first to be assigned.
async fn opening_takes_the_bot_off_the_conversation(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    let assigned = || town.chatwoot.conversation(chat.id).map(|found| (found.bot.is_some(), found.agent));
    assert_eq!(assigned(), Some((true, None)), "a new conversation is the bot's");
    chat.calls_a_person().await?;
    chat.rests().await?;
    assert_eq!(assigned(), Some((false, None)));
    Ok(())
}

async fn the_card_says_who_waits_and_where(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE, ("DESK_UTC_OFFSET", "+05:00")]).await?;
    let chat = Chat::begin(&town);
    chat.calls_a_person().await?;
    let card = town.teams.wait_for_cards(1).await?.remove(0);
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
    assert_eq!(card["body"][0]["items"][0]["text"], "A customer is waiting for a person");
    assert_eq!(fact(&card, "Reason"), "The customer asked for a person.");
    assert_eq!(fact(&card, "Customer"), "Jane Doe (jane@example.com)");
    assert!(fact(&card, "Time").ends_with("(UTC+05:00)"), "{card}");
    assert_eq!(card["body"][2]["text"], "I want to talk to a human");
    assert_eq!(card["actions"][0]["type"], "Action.OpenUrl");
    let place = format!("{}/app/accounts/1/conversations/{}", town.chatwoot.base_url(), chat.id);
    assert_eq!(card["actions"][0]["url"], place);
    assert_eq!(town.teams.failed_runs(), 0);
    Ok(())
}

async fn the_customers_words_stay_words_and_the_card_stays_small(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    town.model.push(Reply::ToolCall("*angry* [x](http://evil.example)".to_owned()));
    let chat = Chat::stranger(&town, "[Mallory](https://evil.example)");
    chat.says(&format!("*hi* _there_\n# now {}", "очень длинно ".repeat(3000)));
    let card = town.teams.wait_for_cards(1).await?.remove(0);
    assert_eq!(fact(&card, "Customer"), "\\[Mallory\\](https://evil.example)");
    assert!(fact(&card, "Reason").contains("\\*angry\\* \\[x\\]"), "{card}");
    let text = card["body"][2]["text"].as_str().unwrap_or_default();
    assert!(text.starts_with("\\*hi\\* \\_there\\_") && text.contains("\\# now") && text.ends_with('…'), "{text}");
    let size: usize = card.to_string().chars().map(|c| if c.is_ascii() { 1 } else { 6 * c.len_utf16() }).sum();
    assert!(size < 20_000, "{size}");
    assert_eq!(town.teams.failed_runs(), 0);
    Ok(())
}

async fn the_card_and_the_note_speak_the_desks_language(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE, ("DESK_LOCALE", "ru")]).await?;
    let chat = Chat::begin(&town);
    chat.calls_a_person().await?;
    assert_eq!(chat.replies(), [english(&Phrase::HandoffAsked)], "the customer's is another matter");
    let card = town.teams.wait_for_cards(1).await?.remove(0);
    assert_eq!(card["body"][0]["items"][0]["text"], "Клиент ждёт сотрудника");
    assert_eq!(fact(&card, "Причина"), "Клиент попросил позвать сотрудника.");
    chat.rests().await?;
    assert!(chat.notes()[0].contains("Помощник передал этот диалог сотрудникам"), "{:?}", chat.notes());
    Ok(())
}

async fn the_card_can_be_bare(backing: Backing) -> Result<()> {
    let mut town = Town::build(BINARY, backing, Wiring::Full).await?;
    town.teams = TeamsFlow::start_kind(FlowKind::BareCard).await?;
    for (name, value) in [NO_GATE, ("TEAMS_CARD_SHAPE", "card"), ("TEAMS_WEBHOOK_URL", &town.teams.url())] {
        town.daemon.set(name, value);
    }
    town.daemon.start().await?;
    Chat::begin(&town).calls_a_person().await?;
    assert_eq!(town.teams.wait_for_cards(1).await?[0]["type"], "AdaptiveCard");
    assert_eq!(town.teams.failed_runs(), 0);
    Ok(())
}

async fn a_card_that_teams_refuses_is_posted_again(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    town.teams.fault(Fault::Throttle { retry_after: Some(1) });
    Chat::begin(&town).calls_a_person().await?;
    let card = town.teams.wait_for_cards(1).await?.remove(0);
    assert_eq!(fact(&card, "Reason"), "The customer asked for a person.");
    assert_eq!(town.teams.requests(), 2);
    Ok(())
}

async fn an_assignment_by_chatwoots_rule_does_not_swallow_the_card(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    town.teams.fault(Fault::Throttle { retry_after: Some(1) });
    let chat = Chat::begin(&town);
    chat.says("I want to talk to a human");
    chat.becomes("open").await?;
    town.chatwoot.agent_assigns(chat.id);
    town.chatwoot.wait_quiet().await?;
    let card: Value = town.teams.wait_for_cards(1).await?.remove(0);
    assert_eq!(fact(&card, "Reason"), "The customer asked for a person.");
    chat.says("Are you there?");
    chat.rests().await?;
    assert_eq!((chat.replies().len(), chat.phase().await?.as_str()), (1, "human"));
    Ok(())
}

async fn a_label_that_cannot_be_set_does_not_stop_the_rest(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE, ("HANDOFF_LABEL", "needs-human"), ("HANDOFF_TEAM", "99")]).await?;
    // A bot before 4.14.2 may not read labels.
    town.chatwoot.configure(|options| options.version = (4, 13, 0));
    let chat = Chat::begin(&town);
    chat.calls_a_person().await?;
    chat.sees("a note", |world| world.transcript(chat.id).iter().any(|line| line.private)).await?;
    assert_eq!(town.teams.wait_for_cards(1).await?.len().min(1), 1);
    Ok(())
}
