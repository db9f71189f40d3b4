//! A6, first half: what fetches a person.

use super::support::{Chat, NO_GATE, Setting, english, fact, on_both_stores, open, words};
use anyhow::Result;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::model::{Reply, summary};
use frontdesk_sandbox::town::Backing;

on_both_stores!(
    words_fetch_a_person_in_every_phase,
    words_fetch_a_person_in_every_language,
    people_and_agents_that_are_not_asked_for_fetch_nobody,
    the_model_fetches_a_person,
    a_call_that_failed_is_repeated,
    two_retries_that_failed_fetch_a_person,
    the_deadline_of_a_turn_fetches_a_person,
    a_call_that_hangs_counts_as_a_failure,
    an_answer_that_is_none_fetches_a_person,
    what_no_retry_can_mend_fetches_a_person_at_once,
);

async fn words_fetch_a_person_in_every_phase(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let stranger = Chat::stranger(&town, "Ana");
    stranger.calls_a_person().await?;
    assert_eq!(stranger.read(1).await?, [english(&Phrase::HandoffAsked)]);
    let waiting = Chat::stranger(&town, "Ivan");
    waiting.gives("ivan@example.com").await?;
    waiting.calls_a_person().await?;
    assert_eq!(waiting.read(2).await?[1], english(&Phrase::HandoffAsked));
    let known = Chat::begin(&town);
    known.verifies("jane@example.com").await?;
    known.calls_a_person().await?;
    assert_eq!(known.read(3).await?[2], english(&Phrase::HandoffAsked));
    assert_eq!(town.teams.wait_for_cards(3).await?.len(), 3);
    assert!(town.model.calls().is_empty());
    Ok(())
}

async fn words_fetch_a_person_in_every_language(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    for (lang, text) in [
        (Lang::En, "Could you put me through to someone from support?"),
        (Lang::Ru, "Свяжите с живым сотрудником, пожалуйста"),
        (Lang::Kk, "Ботпен емес, адаммен сөйлесейін"),
        (Lang::Mn, "Ажилтантай холбож өгнө үү"),
        (Lang::Mn, "ajiltantai holbood ugnu uu"),
    ] {
        let chat = Chat::stranger(&town, "Somebody");
        assert_eq!(chat.asks(text).await?, words(lang, &Phrase::HandoffAsked), "{text}");
        chat.is_handed_over().await?;
    }
    Ok(())
}

async fn people_and_agents_that_are_not_asked_for_fetch_nobody(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    for text in ["How many people fit in the room?", "I need a travel agent for Italy"] {
        let chat = Chat::stranger(&town, "Somebody");
        assert_eq!(chat.asks(text).await?, format!("You said: {text}"));
        assert_eq!((chat.phase().await?.as_str(), chat.status().as_str()), ("bot", "pending"));
    }
    Ok(())
}

async fn the_model_fetches_a_person(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    town.model.push(Reply::ToolCall("a refund is wanted".to_owned()));
    let chat = Chat::begin(&town);
    assert_eq!(chat.asks("I want my money back").await?, english(&Phrase::HandoffAsked));
    chat.is_handed_over().await?;
    let card = town.teams.wait_for_cards(1).await?.remove(0);
    assert!(fact(&card, "Reason").contains("a refund is wanted"), "{card}");
    chat.rests().await?;
    let summary = format!("- **Summary:** {} (", summary("a refund is wanted"));
    assert!(chat.notes()[0].contains(&summary), "{:?}", chat.notes());
    Ok(())
}

/// A failure that may be repeated almost at once.
fn hiccup() -> Reply {
    Reply::Raw(503, vec![("retry-after-ms", "20".to_owned())], "upstream connect error".to_owned())
}

async fn a_call_that_failed_is_repeated(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    town.model.push(hiccup());
    town.model.push(Reply::Raw(429, vec![("retry-after-ms", "20".to_owned())], String::new()));
    let chat = Chat::begin(&town);
    assert_eq!(chat.asks("Do you ship?").await?, "You said: Do you ship?");
    assert_eq!((town.model.calls().len(), chat.status().as_str()), (3, "pending"));
    Ok(())
}

/// Lets a customer ask, and expects a person for this reason after this many calls.
async fn is_sorry(backing: Backing, settings: &[Setting<'_>], script: Vec<Reply>, reason: &str) -> Result<usize> {
    let mut all = vec![NO_GATE];
    all.extend_from_slice(settings);
    let town = open(backing, &all).await?;
    script.into_iter().for_each(|reply| town.model.push(reply));
    let chat = Chat::begin(&town);
    assert_eq!(chat.asks("Do you ship?").await?, english(&Phrase::HandoffSorry));
    chat.is_handed_over().await?;
    let card = town.teams.wait_for_cards(1).await?.remove(0);
    assert_eq!(fact(&card, "Reason"), reason);
    assert_eq!(fact(&card, "Customer"), "Jane Doe (jane@example.com)");
    chat.rests().await?;
    assert_eq!(chat.replies().len(), 1);
    Ok(town.model.calls().len())
}

async fn two_retries_that_failed_fetch_a_person(backing: Backing) -> Result<()> {
    let script = vec![hiccup(), hiccup(), hiccup()];
    let calls = is_sorry(backing, &[], script, "The language model failed several times.").await?;
    assert_eq!(calls, 3);
    Ok(())
}

async fn the_deadline_of_a_turn_fetches_a_person(backing: Backing) -> Result<()> {
    let settings =
        [("AI_TURN_DEADLINE", "1s"), ("AI_CALL_TIMEOUT", "1s"), ("DEBOUNCE_MAX", "1s"), ("MAX_AI_RETRIES", "9")];
    is_sorry(backing, &settings, vec![Reply::Hang], "The language model did not answer in time.").await?;
    Ok(())
}

async fn a_call_that_hangs_counts_as_a_failure(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE, ("AI_CALL_TIMEOUT", "300ms")]).await?;
    town.model.push(Reply::Hang);
    let chat = Chat::begin(&town);
    assert_eq!(chat.asks("Do you ship?").await?, "You said: Do you ship?");
    assert!(town.model.wait_for_abort(0).await.aborted);
    assert_eq!(town.model.calls().len(), 2);
    Ok(())
}

async fn an_answer_that_is_none_fetches_a_person(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let empty = "The language model answered with nothing.";
    let clueless = "The bot does not know the answer.";
    let answers =
        [("  \n", empty), ("[[CANNOT_ANSWER]]", clueless), ("I'm sorry, but I don't have that information.", clueless)];
    for (index, (answer, reason)) in answers.into_iter().enumerate() {
        town.model.push(Reply::Text(answer.to_owned()));
        let chat = Chat::stranger(&town, "Somebody");
        assert_eq!(chat.asks("What is the meaning of it all?").await?, english(&Phrase::HandoffSorry), "{answer}");
        chat.is_handed_over().await?;
        assert_eq!(fact(&town.teams.wait_for_cards(index + 1).await?[index], "Reason"), reason);
    }
    assert_eq!(town.model.calls().len(), 3, "asking again would not help");
    Ok(())
}

async fn what_no_retry_can_mend_fetches_a_person_at_once(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let failures = [
        (Reply::Error(401, "invalid_request_error", "invalid_api_key"), "model_unauthorized"),
        (Reply::Error(404, "invalid_request_error", "model_not_found"), "model_not_found"),
        (Reply::Error(429, "insufficient_quota", "insufficient_quota"), "model_quota"),
    ];
    for (failure, reason) in failures {
        let calls = town.model.calls().len();
        town.model.push(failure);
        let chat = Chat::stranger(&town, "Somebody");
        assert_eq!(chat.asks("Do you ship?").await?, english(&Phrase::HandoffSorry), "{reason}");
        chat.is_handed_over().await?;
        assert_eq!(chat.view().await?["reason"], reason);
        assert_eq!(town.model.calls().len(), calls + 1, "{reason}");
    }
    let cards = town.teams.wait_for_cards(6).await?;
    let incidents = cards.iter().filter(|card| card.to_string().contains("The desk needs attention"));
    assert_eq!(incidents.count(), 3, "operators are told as well: {cards:#?}");
    Ok(())
}
