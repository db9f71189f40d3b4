//! `frontdesk chats …` against a running daemon: what it shows, what it explains, what it says when it cannot.

use crate::support::{Told, at, frontdesk, on_both_stores, town};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::{Backing, Town};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Asks until the answer contains `wanted`.
async fn until(town: &Town, arguments: &[&str], wanted: &str) -> Result<Told> {
    let began = Instant::now();
    loop {
        let told = at(town, arguments)?;
        if told.out.contains(wanted) {
            return Ok(told);
        }
        ensure!(began.elapsed() < Duration::from_secs(30), "{wanted:?} was never said:\n{told:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The line that contains all of these.
fn line<'a>(told: &'a Told, parts: &[&str]) -> Result<&'a str> {
    let found = told.out.lines().find(|line| parts.iter().all(|part| line.contains(part)));
    found.with_context(|| format!("no line has {parts:?}:\n{}", told.out))
}

async fn a_dropped_answer_and_the_silence_after_it_are_explained(backing: Backing) -> Result<()> {
    let town = town(backing).await?;
    town.model.push(Reply::Text("A zeppelin costs nine hundred.".to_owned()));
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::Throttle(60));
    let conversation = town.chatwoot.new_conversation(412);
    let key = format!("chatwoot:1:{conversation}");
    let question = town.chatwoot.customer_writes(conversation, "What does a zeppelin cost?");
    until(&town, &["chats", "explain", &key], "was not taken, for the moment").await?;
    let colleague = town.chatwoot.agent_writes(conversation, "Nine hundred guilders, Jane.");
    until(&town, &["chats", "explain", &key], "is dropped unsent").await?;
    let thanks = town.chatwoot.customer_writes(conversation, "Thank you, dear quixote");
    let told = until(&town, &["chats", "explain", &key], &format!("(message {thanks})")).await?;
    ensure!(told.ok, "{told:#?}");
    let first = told.out.lines().nth(1).context("a sentence on where it stands")?;
    ensure!(first.starts_with("A person has it since 20") && first.contains("(a colleague wrote)"), "{first}");
    line(&told, &[&format!("the customer wrote (message {question})"), "an answer follows when the customer pauses"])?;
    line(&told, &["a deadline was reached → the model is asked (call "])?;
    line(&told, &["the model answered (call ", "the answer is said"])?;
    line(&told, &["text ", "was not taken, for the moment (try 1)"])?;
    let taken = format!("a colleague wrote to the customer (message {colleague})");
    line(&told, &[&taken, "the desk falls silent: a colleague wrote", "is dropped unsent: the desk does not have it"])?;
    let silent = format!("the customer wrote (message {thanks})");
    line(&told, &[&silent, "silent: a person has it since 20", "(a colleague wrote)"])?;
    for word in ["zeppelin", "guilders", "quixote", "Jane", "nine hundred"] {
        ensure!(!told.out.contains(word), "an explanation holds nobody's words, but {word:?}:\n{}", told.out);
    }
    raw_answers_are_those_of_the_api(&town, &key).await
}

async fn raw_answers_are_those_of_the_api(town: &Town, key: &str) -> Result<()> {
    let raw: Value = serde_json::from_str(&at(town, &["chats", "explain", key, "--json"])?.out)?;
    let (status, api) = town.admin("GET", &format!("/api/conversations/{key}/journal"), Value::Null).await?;
    ensure!(status == 200 && raw == api, "{raw:#}\n{api:#}");
    let shown = at(town, &["chats", "show", key])?;
    line(&shown, &["phase:", "human (person-wrote)"])?;
    line(&shown, &["customer", "Thank you, dear quixote"])?;
    let raw: Value = serde_json::from_str(&at(town, &["chats", "show", key, "--json"])?.out)?;
    ensure!(raw["phase"] == "human", "{raw:#}");
    let listed = at(town, &["chats", "list"])?;
    line(&listed, &["KEY", "PHASE", "WHY"])?;
    line(&listed, &[key, "human", "person-wrote"])?;
    let raw: Value = serde_json::from_str(&at(town, &["chats", "list", "--json", "--limit", "1"])?.out)?;
    ensure!(raw["conversations"][0]["key"] == key, "{raw:#}");
    Ok(())
}

async fn a_hand_over_is_explained_from_the_wish_to_the_card(backing: Backing) -> Result<()> {
    let town = town(backing).await?;
    let conversation = town.chatwoot.new_conversation(412);
    let key = format!("chatwoot:1:{conversation}");
    town.model.push(Reply::Error(429, "rate_limit_error", "rate_limit_exceeded"));
    town.chatwoot.customer_writes(conversation, "Do you ship?");
    town.chatwoot.wait_for("it is answered", |world| world.replies(conversation).len() == 1).await?;
    town.chatwoot.customer_writes(conversation, "I want to talk to a human");
    town.teams.wait_for_cards(1).await?;
    let told = until(&town, &["chats", "explain", &key], "card ").await?;
    line(&told, &["the model call ", "failed: rate limited", "the turn counts a failed call"])?;
    // The webhook of our own message may be here before the answer to its POST: either settles the row.
    let settled = ["has landed (try 1)", "came back from the vendor"];
    ensure!(settled.iter().any(|how| line(&told, &["text ", how, " ms after the question"]).is_ok()), "{told:#?}");
    line(&told, &["the customer wrote", "a person is fetched: the customer asked for a person"])?;
    Ok(())
}

on_both_stores!(
    a_dropped_answer_and_the_silence_after_it_are_explained,
    a_hand_over_is_explained_from_the_wish_to_the_card,
);

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_says_what_to_do() -> Result<()> {
    let mut town = town(Backing::Embedded).await?;
    let told = at(&town, &["chats", "show", "chatwoot:1:404404"])?;
    ensure!(!told.ok && told.err.contains("`frontdesk chats list` shows the keys"), "{told:#?}");
    let told = at(&town, &["chats", "show", "rubbish"])?;
    ensure!(!told.ok && told.err.contains("three parts"), "{told:#?}");
    town.daemon.set("ADMIN_TOKEN", "another-token-of-enough-length");
    let told = at(&town, &["chats", "list"])?;
    ensure!(!told.ok && told.err.contains("refuses the token"), "{told:#?}");
    town.daemon.kill()?;
    let told = at(&town, &["chats", "list"])?;
    ensure!(!told.ok && told.err.contains("is the daemon running"), "{told:#?}");
    ensure!(!told.err.contains("another-token"), "{told:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_asks_for_no_token_and_a_generated_one_is_found() -> Result<()> {
    let mut demo = Daemon::new(crate::support::BINARY)?;
    demo.start().await?;
    let (address, data) = (demo.address().to_string(), demo.data_dir().display().to_string());
    let place = [("LISTEN_ADDR", address.as_str()), ("DATA_DIR", data.as_str())];
    let told = frontdesk(&["chats", "list"], &place)?;
    ensure!(told.ok && told.out == "There are no conversations.\n", "{told:#?}");
    demo.kill()?;
    let mut published =
        Daemon::new(crate::support::BINARY)?.with("PUBLIC_URL", "https://desk.example.com").with("GATE", "off");
    published.start().await?;
    let (address, data) = (published.address().to_string(), published.data_dir().display().to_string());
    let place = |data: &'static str| [("PUBLIC_URL", "https://desk.example.com"), ("GATE", "off"), ("DATA_DIR", data)];
    let found = [&place("")[..2], &[("DATA_DIR", data.as_str()), ("LISTEN_ADDR", address.as_str())]].concat();
    let told = frontdesk(&["chats", "list"], &found)?;
    ensure!(told.ok, "{told:#?}");
    let lost = [&place("/nowhere/at/all")[..], &[("LISTEN_ADDR", address.as_str())]].concat();
    let told = frontdesk(&["chats", "list"], &lost)?;
    ensure!(!told.ok && told.err.contains("set ADMIN_TOKEN"), "{told:#?}");
    Ok(())
}
