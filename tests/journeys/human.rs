//! A7: a person has it: the desk is silent and remembers, until something gives the conversation back.

use super::support::{Chat, NO_GATE, english, on_both_stores, open, until};
use anyhow::{Context, Result};
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::chatwoot::WorldView;
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::model::{ModelDouble, Reply};
use frontdesk_sandbox::redis::RedisServer;
use frontdesk_sandbox::town::{Backing, Town};
use serde_json::{Value, json};

on_both_stores!(
    the_desk_is_silent_and_remembers,
    an_agent_who_writes_in_a_pending_conversation_has_it_and_it_is_opened,
    an_agent_who_is_assigned_has_it_but_not_the_one_who_stays_after_a_resolve,
    a_native_app_counts_as_a_person,
    nobody_else_counts_as_a_person,
    another_bot_makes_the_desk_silent,
    a_conversation_that_is_opened_or_snoozed_is_the_peoples,
    the_running_model_call_is_aborted,
    a_turn_of_a_burst_is_dropped_too,
    resolved_gives_the_next_message_to_the_bot_and_verification_is_kept,
    a_conversation_that_chatwoot_resolves_by_itself_goes_on_with_the_next_message,
    pending_again_gives_it_back,
    assigning_the_bot_gives_it_back,
    assigning_the_bot_gives_it_back_where_that_leaves_it_open,
    assigning_the_bot_takes_it_from_an_agent_where_that_leaves_it_open,
    a_note_gives_it_back,
    the_api_gives_it_back,
    a_note_takes_it_and_another_one_forgets,
    idle_people_give_a_conversation_of_the_page_back,
);

async fn the_desk_is_silent_and_remembers(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    chat.calls_a_person().await?;
    chat.says("My order is number 4412.");
    town.chatwoot.agent_writes(chat.id, "I will look it up, it is on its way.");
    chat.says("Thank you!");
    chat.rests().await?;
    assert_eq!((chat.replies().len(), town.model.calls().len()), (1, 0));
    chat.order("resume").await?;
    chat.asks("When does it arrive?").await?;
    let prompt = town.model.calls()[0].body.to_string();
    for text in ["My order is number 4412.", "[colleague] I will look it up", "Thank you!"] {
        assert!(prompt.contains(text), "{text}: {prompt}");
    }
    Ok(())
}

/// Lets the customer write once more and expects silence.
async fn stays_silent(chat: &Chat<'_>, reason: Value) -> Result<()> {
    chat.reaches("human").await?;
    assert_eq!(chat.view().await?["reason"], reason);
    let (replies, calls) = (chat.replies(), chat.town.model.calls().len());
    chat.says("Is anybody there?");
    chat.rests().await?;
    assert_eq!((chat.replies(), chat.town.model.calls().len()), (replies, calls));
    Ok(())
}

async fn an_agent_who_writes_in_a_pending_conversation_has_it_and_it_is_opened(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Hello, do you ship?").await?;
    town.chatwoot.agent_writes(chat.id, "Hi Jane, let me help you.");
    chat.becomes("open").await?;
    stays_silent(&chat, json!("person_wrote")).await?;
    assert!(town.teams.cards().is_empty(), "nobody needs to be fetched");
    Ok(())
}

async fn an_agent_who_is_assigned_has_it_but_not_the_one_who_stays_after_a_resolve(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Hello").await?;
    town.chatwoot.agent_assigns(chat.id);
    chat.becomes("open").await?;
    stays_silent(&chat, json!("person_assigned")).await?;
    town.chatwoot.resolve(chat.id);
    chat.reaches("bot").await?;
    assert!(chat.asks("One more thing").await?.ends_with("One more thing"));
    let now = town.chatwoot.conversation(chat.id).context("no conversation")?;
    assert_eq!((now.status.as_str(), now.agent), ("pending", Some(5)));
    Ok(())
}

async fn a_native_app_counts_as_a_person(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Hello").await?;
    town.chatwoot.native_app_writes(chat.id, "Hi, this is Ana.");
    chat.becomes("open").await?;
    stays_silent(&chat, json!("person_wrote")).await
}

async fn nobody_else_counts_as_a_person(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    town.chatwoot.configure(|options| options.greeting = Some("Welcome to Acme!".to_owned()));
    let chat = Chat::begin(&town);
    chat.asks("Hello").await?;
    town.chatwoot.automation_writes(chat.id, "We answer within a day.");
    town.chatwoot.agent_notes(chat.id, "He has asked before.");
    town.chatwoot.agent_notes(chat.id, "/bot is a good word");
    town.chatwoot.wait_quiet().await?;
    assert_eq!(chat.asks("Do you ship?").await?, "You said: Do you ship?");
    assert_eq!((chat.status().as_str(), town.model.calls().len()), ("pending", 2));
    Ok(())
}

async fn another_bot_makes_the_desk_silent(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Hello").await?;
    town.chatwoot.assign_other_bot(chat.id);
    stays_silent(&chat, json!("other_bot")).await?;
    assert_eq!(chat.status(), "pending", "it is the other bot's");
    let card = town.teams.wait_for_cards(1).await?.remove(0);
    assert!(card.to_string().contains("Another bot is assigned"), "{card}");
    Ok(())
}

async fn a_conversation_that_is_opened_or_snoozed_is_the_peoples(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    for status in ["open", "snoozed"] {
        let chat = Chat::begin(&town);
        chat.asks("Hello").await?;
        town.chatwoot.set_status(chat.id, status);
        stays_silent(&chat, json!("not_pending")).await?;
    }
    Ok(())
}

async fn the_running_model_call_is_aborted(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let takeovers: [fn(&Town, u64); 3] = [
        |town, id| assert_ne!(town.chatwoot.agent_writes(id, "I take this one."), 0),
        |town, id| town.chatwoot.agent_assigns(id),
        |town, id| town.chatwoot.set_status(id, "open"),
    ];
    for (index, take_over) in takeovers.into_iter().enumerate() {
        town.model.push(Reply::Hang);
        let chat = Chat::begin(&town);
        chat.says("Do you ship?");
        let shown = |world: &WorldView<'_>| world.conversation(chat.id).is_some_and(|found| found.typing == [true]);
        chat.sees("typing", shown).await?;
        town.model.wait_for_calls(index + 1).await;
        take_over(&town, chat.id);
        assert!(town.model.wait_for_abort(index).await.aborted);
        let typing = |world: &WorldView<'_>| world.conversation(chat.id).map(|found| found.typing).unwrap_or_default();
        chat.sees("no longer typing", |world| typing(world) == [true, false]).await?;
        town.model.release();
        chat.rests().await?;
        assert!(chat.replies().is_empty(), "nobody is talked over");
    }
    Ok(())
}

async fn a_turn_of_a_burst_is_dropped_too(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE, ("DEBOUNCE_QUIET", "1s")]).await?;
    let chat = Chat::begin(&town);
    chat.says("Do you ship?");
    town.chatwoot.wait_quiet().await?;
    town.chatwoot.agent_writes(chat.id, "We do!");
    chat.becomes("open").await?;
    chat.rests().await?;
    assert_eq!((chat.view().await?["owed"].clone(), town.model.calls().len()), (json!(0), 0));
    Ok(())
}

async fn resolved_gives_the_next_message_to_the_bot_and_verification_is_kept(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.verifies("jane@example.com").await?;
    chat.calls_a_person().await?;
    chat.says("Forget it");
    town.chatwoot.wait_quiet().await?;
    town.chatwoot.resolve(chat.id);
    chat.reaches("bot").await?;
    chat.rests().await?;
    assert!(town.model.calls().is_empty(), "what was said before is done");
    assert!(chat.asks("Do you ship?").await?.ends_with("Do you ship?"));
    chat.becomes("pending").await
}

/// Auto-resolution after days without a word: nobody was there, nobody has it, and whoever was verified stays so.
async fn a_conversation_that_chatwoot_resolves_by_itself_goes_on_with_the_next_message(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.verifies("jane@example.com").await?;
    chat.asks("Do you ship to Norway?").await?;
    chat.rests().await?;
    let said = chat.replies().len();
    town.chatwoot.set_status(chat.id, "resolved");
    town.chatwoot.wait_quiet().await?;
    chat.rests().await?;
    assert_eq!((chat.phase().await?.as_str(), chat.replies().len()), ("bot", said), "there is nothing to say to that");
    assert!(chat.asks("And to Sweden?").await?.ends_with("And to Sweden?"));
    chat.becomes("pending").await
}

/// A customer who was handed over, asks something nobody answers, and then somebody gives the conversation back.
async fn comes_back(
    backing: Backing,
    version: (u32, u32, u32),
    back: impl AsyncFn(&Chat<'_>) -> Result<()>,
) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    town.chatwoot.configure(|options| options.version = version);
    let chat = Chat::begin(&town);
    chat.calls_a_person().await?;
    chat.says("Do you ship?");
    chat.rests().await?;
    back(&chat).await?;
    chat.becomes("pending").await?;
    assert!(chat.read(2).await?[1].contains("Do you ship?"), "what nobody answered is answered now");
    assert_eq!(chat.asks("Where to?").await?, "You said: Where to?");
    chat.rests().await?;
    assert_eq!((chat.phase().await?.as_str(), chat.status().as_str()), ("bot", "pending"));
    Ok(())
}

async fn pending_again_gives_it_back(backing: Backing) -> Result<()> {
    comes_back(backing, (4, 16, 2), async |chat| {
        chat.town.chatwoot.set_status(chat.id, "pending");
        Ok(())
    })
    .await
}

async fn assigning_the_bot_gives_it_back(backing: Backing) -> Result<()> {
    comes_back(backing, (4, 17, 0), async |chat| {
        chat.town.chatwoot.assign_bot(chat.id);
        Ok(())
    })
    .await
}

/// Up to 4.16.2 Chatwoot leaves the status as it is.
async fn assigning_the_bot_gives_it_back_where_that_leaves_it_open(backing: Backing) -> Result<()> {
    comes_back(backing, (4, 16, 2), async |chat| {
        chat.town.chatwoot.assign_bot(chat.id);
        Ok(())
    })
    .await
}

async fn assigning_the_bot_takes_it_from_an_agent_where_that_leaves_it_open(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    town.chatwoot.configure(|options| options.version = (4, 16, 2));
    let chat = Chat::begin(&town);
    chat.asks("Hello").await?;
    town.chatwoot.agent_assigns(chat.id);
    chat.becomes("open").await?;
    town.chatwoot.agent_writes(chat.id, "Hi Jane, this is Ana.");
    stays_silent(&chat, json!("person_assigned")).await?;
    town.chatwoot.assign_bot(chat.id);
    chat.becomes("pending").await?;
    chat.reaches("bot").await?;
    assert!(chat.asks("Do you ship?").await?.ends_with("Do you ship?"));
    chat.rests().await?;
    town.chatwoot.agent_assigns(chat.id);
    chat.becomes("open").await?;
    stays_silent(&chat, json!("person_assigned")).await
}

async fn a_note_gives_it_back(backing: Backing) -> Result<()> {
    comes_back(backing, (4, 16, 2), async |chat| {
        chat.town.chatwoot.agent_notes(chat.id, " /bot ");
        Ok(())
    })
    .await
}

async fn the_api_gives_it_back(backing: Backing) -> Result<()> {
    comes_back(backing, (4, 16, 2), async |chat| {
        assert_eq!(chat.order("resume").await?["phase"], "bot");
        Ok(())
    })
    .await
}

async fn a_note_takes_it_and_another_one_forgets(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    chat.asks("My name is Jane.").await?;
    town.chatwoot.agent_notes(chat.id, "/human");
    chat.becomes("open").await?;
    stays_silent(&chat, json!("colleague_note")).await?;
    town.chatwoot.agent_notes(chat.id, "/forget");
    let forgotten = || async { Ok(chat.view().await?["memory"].as_array().is_some_and(Vec::is_empty)) };
    until("forgotten", forgotten).await?;
    town.chatwoot.agent_notes(chat.id, "/bot");
    chat.becomes("pending").await?;
    chat.asks("What is my name?").await?;
    assert!(!town.model.calls()[1].body.to_string().contains("Jane."));
    Ok(())
}

async fn idle_people_give_a_conversation_of_the_page_back(backing: Backing) -> Result<()> {
    let model = ModelDouble::start().await;
    let redis = if backing == Backing::Redis { Some(RedisServer::start().await?) } else { None };
    let mut daemon = Daemon::new(super::support::BINARY)?
        .with("OPENAI_API_KEY", "sk-test")
        .with("OPENAI_BASE_URL", model.base_url())
        .with("WEB_GATE", "off")
        .with("HUMAN_IDLE", "300ms")
        .with("DEBOUNCE_QUIET", "50ms");
    if let Some(redis) = &redis {
        daemon.set("REDIS_URL", redis.url());
    }
    daemon.start().await?;
    let say = async |text: &str| -> Result<Value> {
        let body = json!({ "event": "message_created", "message_type": "incoming", "id": 1, "content": text });
        Ok(daemon.http().post(daemon.url("/webhook")).json(&body).send().await?.json().await?)
    };
    assert_eq!(say("I want to talk to a human").await?["reply"], english(&Phrase::HandoffAsked));
    let get =
        async |path: &str| -> Result<Value> { Ok(daemon.http().get(daemon.url(path)).send().await?.json().await?) };
    let key = get("/api/conversations").await?["conversations"][0]["key"].as_str().unwrap_or_default().to_owned();
    let back = || async {
        let view = get(&format!("/api/conversations/{key}")).await?;
        Ok(view["phase"] == "bot" && view["outbox"].as_array().is_some_and(Vec::is_empty))
    };
    until("the desk has it again", back).await?;
    let answer = say("Then you tell me").await?;
    assert_eq!((&answer["route"], &answer["reply"]), (&json!("bot"), &json!("You said: Then you tell me")));
    Ok(())
}
