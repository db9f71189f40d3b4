//! A5: the bot answers: what it remembers, how it gathers a burst, and what it owes.

use super::support::{Chat, NO_GATE, english, on_both_stores, open, open_wired, until, words};
use anyhow::{Context, Result};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::chatwoot::{Fault, Hook, Recorded, RequestKind, Target, WorldView};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::{BOT_SECRET, Backing, Wiring};
use std::time::Duration;

on_both_stores!(
    the_model_is_shown_the_last_twenty_messages,
    a_setting_decides_how_many_messages_are_remembered,
    the_memory_ends_after_its_time,
    a_burst_gets_one_answer,
    a_burst_that_does_not_end_is_answered_after_all,
    a_turn_starts_over_twice_and_the_rest_is_the_next_turn,
    a_late_older_message_opens_an_obligation_of_its_own,
    the_typing_indicator_shows_while_the_model_thinks,
    the_typing_indicator_is_dropped_first,
    the_shipped_prompt_and_the_tool_go_with_every_call,
    what_the_provider_charges_is_counted,
    a_file_alone_gets_an_honest_answer,
    the_language_follows_the_customer,
);

/// Says `note-01` to `note-NN` at once.
fn says_notes(chat: &Chat<'_>, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        chat.says(&format!("note-{number:02}"));
    }
}

async fn the_model_is_shown_the_last_twenty_messages(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE, ("DEBOUNCE_QUIET", "400ms")]).await?;
    let chat = Chat::begin(&town);
    says_notes(&chat, 1..=15);
    chat.read(1).await?;
    says_notes(&chat, 16..=25);
    chat.read(2).await?;
    let prompt = town.model.calls()[1].body.to_string();
    // Twenty messages: ten new notes, the answer (which quotes the notes it answered), nine notes before it.
    let history = prompt.split("You said:").next().context("no answer in the prompt")?;
    assert!(!history.contains("note-06") && history.contains("note-07"), "{history}");
    assert!(prompt.contains("note-25"));
    assert_eq!(chat.view().await?["memory"].as_array().map(Vec::len), Some(20));
    Ok(())
}

async fn a_setting_decides_how_many_messages_are_remembered(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE, ("MEMORY_MESSAGES", "3")]).await?;
    let chat = Chat::begin(&town);
    town.model.set_default(|_| Reply::Text("Fine.".to_owned()));
    for text in ["apple", "banana", "cherry"] {
        chat.asks(text).await?;
    }
    let last = town.model.calls()[2].body.to_string();
    assert!(!last.contains("apple") && last.contains("banana") && last.contains("cherry"), "{last}");
    Ok(())
}

async fn the_memory_ends_after_its_time(backing: Backing) -> Result<()> {
    let settings = [NO_GATE, ("MEMORY_TTL", "1s"), ("FRONTDESK__LIMITS__PASSIVATE_AFTER", "0s")];
    let town = open(backing, &settings).await?;
    let chat = Chat::begin(&town);
    assert_eq!(chat.asks("My name is Jane.").await?, "You said: My name is Jane.");
    // A conversation that is in memory has its memory too, and looking at it brings it there: each look waits until it
    // has left again.
    let forgotten = || async {
        let gone = || async { Ok(town.metric("frontdesk_conversations_live", "").await? == 0.0) };
        until("the conversation has left the process", gone).await?;
        Ok(chat.view().await?["memory"].as_array().is_some_and(Vec::is_empty))
    };
    until("the memory has ended", forgotten).await?;
    chat.asks("What is my name?").await?;
    assert!(!town.model.calls()[1].body.to_string().contains("Jane."));
    assert_eq!(chat.phase().await?, "bot", "what must last is no memory");
    Ok(())
}

async fn a_burst_gets_one_answer(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE, ("DEBOUNCE_QUIET", "400ms")]).await?;
    let chat = Chat::begin(&town);
    for text in ["Hello", "I have a question", "Do you ship to Norway?"] {
        chat.says(text);
    }
    let answer = chat.read(1).await?.remove(0);
    chat.rests().await?;
    assert_eq!((chat.replies().len(), town.model.calls().len()), (1, 1));
    for text in ["Hello", "I have a question", "Do you ship to Norway?"] {
        assert!(answer.contains(text), "{answer}");
    }
    Ok(())
}

async fn a_burst_that_does_not_end_is_answered_after_all(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE, ("DEBOUNCE_QUIET", "1s"), ("DEBOUNCE_MAX", "1s")]).await?;
    let chat = Chat::begin(&town);
    let talking = || async {
        chat.says("and another thing");
        // The pace of somebody who goes on writing: quicker than the quiet that would end the burst.
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(!town.model.calls().is_empty())
    };
    until("the model is asked while the customer still writes", talking).await
}

async fn a_turn_starts_over_twice_and_the_rest_is_the_next_turn(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    for _ in 0..3 {
        town.model.push(Reply::Hang);
    }
    let chat = Chat::begin(&town);
    chat.says("one");
    town.model.wait_for_calls(1).await;
    chat.says("two");
    town.model.wait_for_abort(0).await;
    town.model.wait_for_calls(2).await;
    chat.says("three");
    town.model.wait_for_abort(1).await;
    town.model.wait_for_calls(3).await;
    chat.says("four");
    town.chatwoot.wait_quiet().await?;
    assert!(!town.model.calls()[2].aborted, "it starts over at most twice");
    town.model.release();
    let replies = chat.read(2).await?;
    assert!(["one", "two", "three"].iter().all(|text| replies[0].contains(text)), "{replies:?}");
    assert!(!replies[0].contains("four") && replies[1].contains("four"), "{replies:?}");
    chat.rests().await?;
    assert_eq!((chat.replies().len(), town.model.calls().len()), (2, 4));
    Ok(())
}

async fn a_late_older_message_opens_an_obligation_of_its_own(backing: Backing) -> Result<()> {
    let town = open_wired(backing, Wiring::BotOnly, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    let good = Hook { url: town.daemon.url("/webhooks/chatwoot"), secret: Some(BOT_SECRET.to_owned()) };
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let lost = Hook { url: format!("http://{nowhere}/"), ..good.clone() };
    town.chatwoot.configure(|options| options.keep_pending_on_bot_failure = true);
    town.chatwoot.deliver_to(Target::AgentBot, Some(lost));
    chat.says("Do you ship to Norway?");
    town.chatwoot.wait_quiet().await?;
    town.chatwoot.deliver_to(Target::AgentBot, Some(good));
    assert_eq!(chat.asks("And how long does it take?").await?, "You said: And how long does it take?");
    let is_late = |delivery: &&frontdesk_sandbox::chatwoot::Delivery| {
        delivery.event == "message_created" && delivery.body.contains("Do you ship to Norway?")
    };
    let late = town.chatwoot.see(|world| world.deliveries().iter().find(is_late).cloned()).context("not sent")?;
    for _ in 0..2 {
        assert!(town.chatwoot.redeliver(&late).await.is_accepted());
    }
    assert!(chat.read(2).await?[1].contains("Do you ship to Norway?"));
    chat.rests().await?;
    assert_eq!((chat.replies().len(), town.model.calls().len()), (2, 2), "each is answered once");
    Ok(())
}

async fn the_typing_indicator_shows_while_the_model_thinks(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    town.model.push(Reply::Hang);
    let chat = Chat::begin(&town);
    chat.says("Do you ship?");
    let typing = |world: &WorldView<'_>| world.conversation(chat.id).map(|found| found.typing).unwrap_or_default();
    chat.sees("typing", |world| typing(world) == [true]).await?;
    town.model.wait_for_calls(1).await;
    town.model.release();
    chat.read(1).await?;
    chat.sees("no longer typing", |world| typing(world) == [true, false]).await
}

async fn the_typing_indicator_is_dropped_first(backing: Backing) -> Result<()> {
    let patient = [("CHATWOOT_WIDTH", "2"), ("FRONTDESK__CHATWOOT__TIMEOUT", "20s"), ("SETTLE_TIME", "30s")];
    let town = open(backing, &[&[NO_GATE][..], &patient].concat()).await?;
    let (release, hangs) = tokio::sync::watch::channel(false);
    let (busy, chat) = (Chat::begin(&town), Chat::stranger(&town, "Ada"));
    // One of two places is taken, and the other is kept for what customers wait for.
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::HangUntil(hangs));
    busy.says("Do you ship?");
    let posts = |request: &Recorded| request.kind == RequestKind::PostMessage && request.status == 0;
    town.chatwoot.wait_for("a post hangs", |world| world.requests().iter().any(posts)).await?;
    chat.asks("And how long does it take?").await?;
    let typing = |world: &WorldView<'_>| world.conversation(chat.id).map(|found| found.typing).unwrap_or_default();
    assert_eq!(town.chatwoot.see(typing), [] as [bool; 0], "the answer came, and nobody was shown to type it");
    release.send(true)?;
    busy.read(1).await?;
    busy.rests().await?;
    chat.rests().await?;
    assert_eq!(town.chatwoot.see(typing), [] as [bool; 0], "it is dropped, not put off");
    town.model.push(Reply::Hang);
    chat.says("Where to?");
    chat.sees("typing again", |world| typing(world) == [true]).await?;
    town.model.wait_for_calls(3).await;
    town.model.release();
    chat.read(2).await?;
    Ok(())
}

async fn the_shipped_prompt_and_the_tool_go_with_every_call(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Do you ship?").await?;
    let call = &town.model.calls()[0];
    for part in ["one to three sentences", "language of the customer", "When to call `request_human`", "Never invent"] {
        assert!(call.system().contains(part), "{part}");
    }
    assert_eq!(call.body["tools"][0]["function"]["name"], "request_human");
    Ok(())
}

/// The double's provider says of each answer that it cost nine tokens of prompt and three of answer.
async fn what_the_provider_charges_is_counted(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Do you ship?").await?;
    chat.asks("Where to?").await?;
    let tokens = async |kind: &str| town.metric("frontdesk_model_tokens_total", &format!("kind=\"{kind}\"")).await;
    assert_eq!((tokens("input").await?, tokens("cached").await?, tokens("output").await?), (18.0, 0.0, 6.0));
    Ok(())
}

async fn a_file_alone_gets_an_honest_answer(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    town.chatwoot.customer_attaches(chat.id, "audio");
    assert_eq!(chat.read(1).await?, [english(&Phrase::CannotReadAttachment)]);
    assert!(town.model.calls().is_empty());
    Ok(())
}

async fn the_language_follows_the_customer(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let chat = Chat::begin(&town);
    let cases = [
        ("Сколько стоит доставка в Астану?", "Russian"),
        ("сиздерде баска тус бар ма", "Kazakh"),
        ("nadad unetei sanagdaad baina", "Mongolian"),
        // A name or a number is no reason to change.
        ("Нурсултан", "Mongolian"),
        ("Sorry, could you say that in English?", "English"),
    ];
    for (number, (text, language)) in cases.into_iter().enumerate() {
        chat.asks(text).await?;
        let system = town.model.calls()[number].system();
        assert!(system.contains(language), "{text}: {system}");
    }
    chat.says("позовите человека пожалуйста");
    chat.is_handed_over().await?;
    let last = chat.replies().pop();
    assert_eq!(last, Some(words(Lang::Ru, &Phrase::HandoffAsked)), "the desk's own words follow, too");
    Ok(())
}
