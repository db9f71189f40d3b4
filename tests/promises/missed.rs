//! What was told while nobody listened: first messages, takeovers, and conversations that Chatwoot opened because of it.

use super::support::{
    BOTH_STORES, EVERYWHERE, Place, ask, at_rest, no_duplicates, phase, run, said, scenarios, silent, view, viewed,
};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::town::{Town, Wiring};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_while_the_desk_was_dead_is_dealt_with_once() -> Result<()> {
    let deaths = scenarios![
        what_customers_wrote_is_answered_and_what_agents_did_is_respected,
        many_conversations_are_caught_up_with,
        at_the_gate_a_first_message_is_asked_for_an_address,
        an_answer_that_comes_late_begins_with_an_apology,
        an_answer_that_comes_too_late_is_a_persons,
    ];
    run(&BOTH_STORES, deaths).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_chatwoot_opened_meanwhile_is_noticed() -> Result<()> {
    let openings = scenarios![
        a_conversation_opened_by_failure_is_told_about_and_stays_with_people,
        a_conversation_opened_by_failure_is_taken_back,
        a_conversation_opened_by_failure_that_an_agent_answers_is_not_taken_back,
    ];
    run(&BOTH_STORES, openings).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_while_redis_was_away_is_found() -> Result<()> {
    run(&[EVERYWHERE[0]], scenarios![an_outage_of_redis]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_bots_token_the_desk_looks_at_what_it_knows() -> Result<()> {
    run(&[EVERYWHERE[2], EVERYWHERE[3]], scenarios![a_known_conversation_is_looked_at]).await
}

/// Answers one question, so that the desk has been there, and kills it.
async fn answered_and_killed(town: &mut Town, question: &str) -> Result<u64> {
    let conversation = ask(town, question);
    town.chatwoot.wait_for("the answer", |world| !world.replies(conversation).is_empty()).await?;
    at_rest(town, conversation).await?;
    town.daemon.kill()?;
    Ok(conversation)
}

/// Lets the webhooks find nobody, and starts the desk again.
async fn start_again(town: &mut Town) -> Result<()> {
    town.chatwoot.wait_quiet().await?;
    ensure!(town.chatwoot.stats().lost > 0, "the webhooks found somebody");
    town.daemon.start().await
}

async fn what_customers_wrote_is_answered_and_what_agents_did_is_respected(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    let known = answered_and_killed(&mut town, "Do you ship to Norway?").await?;
    town.chatwoot.customer_writes(known, "And to Sweden?");
    let new = ask(&town, "Do you ship to Finland?");
    let taken = ask(&town, "Do you ship to Iceland?");
    town.chatwoot.agent_writes(taken, "Hello, this is Ann. We do.");
    let resolved = ask(&town, "Do you ship to Greenland?");
    town.chatwoot.resolve(resolved);
    let assigned = ask(&town, "Do you ship to Denmark?");
    town.chatwoot.agent_assigns(assigned);
    town.chatwoot.set_status(assigned, "open");
    start_again(&mut town).await?;
    for (conversation, words) in [(known, "And to Sweden?"), (new, "Do you ship to Finland?")] {
        town.chatwoot
            .wait_for(words, |world| world.replies(conversation).iter().any(|reply| reply.contains(words)))
            .await?;
        at_rest(&town, conversation).await?;
        no_duplicates(&town, conversation)?;
        ensure!(said(&town, conversation, words) == 1, "said twice: {words}");
    }
    for conversation in [taken, assigned] {
        viewed(&town, conversation, "a person has it", |view| phase(view) == "human").await?;
        silent(&town, conversation)?;
    }
    at_rest(&town, resolved).await?;
    silent(&town, resolved)?;
    ensure!(town.metric("frontdesk_caught_up_total", r#"kind="customer""#).await? >= 2.0, "they were not counted");
    ensure!(town.metric("frontdesk_obligations_found_total", "").await? == 0.0, "something was forgotten");
    Ok(())
}

/// More than a page of Chatwoot's list.
async fn many_conversations_are_caught_up_with(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    answered_and_killed(&mut town, "Do you ship to Norway?").await?;
    let asked: Vec<u64> = (0..60).map(|number| ask(&town, &format!("Question number {number}?"))).collect();
    start_again(&mut town).await?;
    town.chatwoot
        .wait_for("sixty answers", |world| asked.iter().all(|conversation| world.replies(*conversation).len() == 1))
        .await?;
    for conversation in asked {
        at_rest(&town, conversation).await?;
        no_duplicates(&town, conversation)?;
    }
    Ok(())
}

async fn at_the_gate_a_first_message_is_asked_for_an_address(place: Place) -> Result<()> {
    let mut town = place.open_with_gate().await?;
    town.chatwoot.configure(|options| options.keep_pending_on_bot_failure = true);
    let known = ask(&town, "Do you ship to Norway?");
    town.chatwoot.wait_for("the desk asks", |world| world.replies(known).len() == 1).await?;
    at_rest(&town, known).await?;
    town.daemon.kill()?;
    let new = ask(&town, "Do you ship to Finland?");
    start_again(&mut town).await?;
    town.chatwoot.wait_for("the desk asks for an address", |world| world.replies(new).len() == 1).await?;
    let shown = viewed(&town, new, "it waits for an address", |view| phase(view) == "awaiting_email").await?;
    ensure!(shown["contact"]["name"] == "Jane Doe", "{shown}");
    Ok(())
}

async fn an_answer_that_comes_late_begins_with_an_apology(place: Place) -> Result<()> {
    let mut town = place.build().await?;
    town.daemon.start().await?;
    let conversation = answered_and_killed(&mut town, "Do you ship to Norway?").await?;
    town.chatwoot.customer_writes(conversation, "And to Sweden?");
    // As old as anything can be.
    town.daemon.set("ANSWER_APOLOGY_AFTER", "1ms");
    start_again(&mut town).await?;
    town.chatwoot.wait_for("the late answer", |world| world.replies(conversation).len() == 3).await?;
    at_rest(&town, conversation).await?;
    let replies = town.chatwoot.see(|world| world.replies(conversation));
    ensure!(replies[1].contains("sorry that you had to wait") && replies[2].contains("Sweden"), "{replies:?}");
    Ok(())
}

async fn an_answer_that_comes_too_late_is_a_persons(place: Place) -> Result<()> {
    let mut town = place.build().await?;
    town.daemon.start().await?;
    let conversation = answered_and_killed(&mut town, "Do you ship to Norway?").await?;
    town.chatwoot.customer_writes(conversation, "And to Sweden?");
    town.daemon.set("ANSWER_APOLOGY_AFTER", "1ms");
    town.daemon.set("ANSWER_STALE_AFTER", "1ms");
    start_again(&mut town).await?;
    let view = viewed(&town, conversation, "a person is fetched", |view| phase(view) == "human").await?;
    ensure!(view["reason"] == "answer_too_late", "{view}");
    at_rest(&town, conversation).await?;
    ensure!(said(&town, conversation, "Sweden") == 0, "it was answered all the same");
    town.teams.wait_for_cards(1).await?;
    Ok(())
}

/// Lets Chatwoot open a conversation because the desk is dead.
async fn opened_by_failure(place: Place, reclaim: &str) -> Result<(Town, u64, u64)> {
    let mut town = place.build().await?;
    town.daemon.set("RECLAIM", reclaim);
    town.chatwoot.configure(|options| options.keep_pending_on_bot_failure = false);
    town.daemon.start().await?;
    let known = answered_and_killed(&mut town, "Do you ship to Norway?").await?;
    town.chatwoot.customer_writes(known, "And to Sweden?");
    let new = ask(&town, "Do you ship to Finland?");
    town.chatwoot.wait_quiet().await?;
    for conversation in [known, new] {
        let shown = town.chatwoot.conversation(conversation).context("it is there")?;
        ensure!(shown.status == "open", "{shown:?}");
    }
    Ok((town, known, new))
}

async fn a_conversation_opened_by_failure_is_told_about_and_stays_with_people(place: Place) -> Result<()> {
    let (mut town, known, new) = opened_by_failure(place, "alert").await?;
    start_again(&mut town).await?;
    for conversation in [known, new] {
        let view = viewed(&town, conversation, "it is the people's", |view| phase(view) == "human").await?;
        ensure!(view["reason"] == "desk_away", "{view}");
    }
    let cards = town.teams.wait_for_cards(1).await?;
    ensure!(cards.iter().any(|card| card.to_string().contains("RECLAIM")), "{cards:?}");
    ensure!(said(&town, known, "Sweden") == 0 && said(&town, new, "Finland") == 0, "the desk spoke");
    Ok(())
}

async fn a_conversation_opened_by_failure_is_taken_back(place: Place) -> Result<()> {
    let (mut town, known, new) = opened_by_failure(place, "auto").await?;
    start_again(&mut town).await?;
    // Until it has caught up, the desk believes that what it knows is its own as before.
    for conversation in [known, new] {
        viewed(&town, conversation, "it is the people's", |view| phase(view) == "human").await?;
    }
    for (conversation, words) in [(known, "Sweden"), (new, "Finland")] {
        viewed(&town, conversation, "the desk has it again", |view| phase(view) == "bot").await?;
        town.chatwoot
            .wait_for(words, |world| world.replies(conversation).iter().any(|reply| reply.contains(words)))
            .await?;
        at_rest(&town, conversation).await?;
        no_duplicates(&town, conversation)?;
        let shown = town.chatwoot.conversation(conversation).context("it is there")?;
        ensure!(shown.status == "pending", "{shown:?}");
    }
    Ok(())
}

async fn a_conversation_opened_by_failure_that_an_agent_answers_is_not_taken_back(place: Place) -> Result<()> {
    let (mut town, known, new) = opened_by_failure(place, "auto").await?;
    start_again(&mut town).await?;
    for conversation in [known, new] {
        let away = |view: &serde_json::Value| view["reason"] == "desk_away" || phase(view) == "human";
        viewed(&town, conversation, "it is the people's", away).await?;
        town.chatwoot.agent_writes(conversation, "Hello, this is Ann.");
    }
    town.chatwoot.wait_quiet().await?;
    for conversation in [known, new] {
        let view = view(&town, conversation).await?;
        ensure!(phase(&view) == "human" && view["next"].is_null(), "{view}");
    }
    ensure!(said(&town, known, "Sweden") == 0 && said(&town, new, "Finland") == 0, "the desk spoke");
    Ok(())
}

async fn an_outage_of_redis(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.redis.as_mut().context("this town has a Redis")?.kill()?;
    let new = ask(&town, "Do you ship to Finland?");
    town.chatwoot.wait_quiet().await?;
    ensure!(town.chatwoot.stats().lost > 0, "the webhooks were taken");
    town.redis.as_mut().context("this town has a Redis")?.restart().await?;
    town.chatwoot.wait_for("the answer", |world| !world.replies(new).is_empty()).await?;
    at_rest(&town, new).await?;
    no_duplicates(&town, new)
}

async fn a_known_conversation_is_looked_at(place: Place) -> Result<()> {
    ensure!(place.wiring == Wiring::BotOnly, "only there it is the looks that find it");
    let mut town = place.open().await?;
    let known = answered_and_killed(&mut town, "Do you ship to Norway?").await?;
    town.chatwoot.customer_writes(known, "And to Sweden?");
    start_again(&mut town).await?;
    town.chatwoot
        .wait_for("the answer", |world| world.replies(known).iter().any(|reply| reply.contains("Sweden")))
        .await?;
    at_rest(&town, known).await?;
    no_duplicates(&town, known)?;
    ensure!(town.metric("frontdesk_caught_up_total", r#"kind="looked""#).await? >= 1.0, "it was not counted");
    Ok(())
}
