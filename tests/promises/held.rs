//! Held rows: an operator sends them again or drops them. The decision survives kill -9 and doubles nothing.

use super::support::{
    EVERYWHERE, Place, ask, at_rest, command, counted_as_held, held, kill_and_restart, no_duplicates, rows, run, said,
    scenarios, talk, viewed,
};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind};
use frontdesk_sandbox::town::Town;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_about_a_held_row_survives_kill_9_and_doubles_nothing() -> Result<()> {
    let scenarios = scenarios![
        sent_again_and_killed_at_once,
        sent_again_and_killed_when_it_has_landed,
        sent_again_where_a_person_has_written,
        dropped_and_killed_at_once,
        decided_on_the_command_line,
    ];
    // The two places where only the bot's token can look: elsewhere nothing needs to be held.
    run(&EVERYWHERE[2..], scenarios).await
}

const QUESTION: &str = "Do you ship to Norway?";

/// The answer is lost behind a message of an automation, so that its absence cannot be proven. Returns its row.
async fn held_answer(town: &Town) -> Result<(u64, String)> {
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::Status(502, String::new()));
    let conversation = ask(town, QUESTION);
    viewed(town, conversation, "the outcome is unknown", |view| rows(view).contains(&"unknown".to_owned())).await?;
    town.chatwoot.automation_writes(conversation, "We will be with you shortly.");
    viewed(town, conversation, "the row is held", |view| held(view) == 1).await?;
    counted_as_held(town).await?;
    let listed = outbox(town).await?;
    let row = listed.iter().find(|row| row["key"] == format!("chatwoot:1:{conversation}")).context("it is listed")?;
    ensure!(row["text"].as_str().is_some_and(|text| text.contains(QUESTION)), "the operator sees what it says: {row}");
    Ok((conversation, row["id"].as_str().context("a row has an id")?.to_owned()))
}

async fn outbox(town: &Town) -> Result<Vec<Value>> {
    let (status, listed) = town.admin("GET", "/api/outbox?state=held", json!({})).await?;
    ensure!(status == 200, "{status}: {listed}");
    Ok(listed["rows"].as_array().cloned().unwrap_or_default())
}

async fn decide(town: &Town, conversation: u64, row: &str, verb: &str) -> Result<(u16, Value)> {
    let path = format!("/api/conversations/chatwoot:1:{conversation}/outbox/{row}/{verb}");
    town.admin("POST", &path, json!({})).await
}

async fn said_once_and_nothing_held(town: &Town, conversation: u64) -> Result<()> {
    let view = at_rest(town, conversation).await?;
    no_duplicates(town, conversation)?;
    let once = said(town, conversation, QUESTION) == 1 && held(&view) == 0;
    ensure!(once, "{view:#}\n{}", talk(town, conversation));
    ensure!(outbox(town).await?.is_empty(), "nothing is held any more");
    Ok(())
}

async fn sent_again_and_killed_at_once(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    let (conversation, row) = held_answer(&town).await?;
    let (status, answer) = decide(&town, conversation, &row, "resend").await?;
    ensure!((status, &answer["row"]) == (200, &json!("queued")), "{status}: {answer}");
    kill_and_restart(&mut town).await?;
    let view = at_rest(&town, conversation).await?;
    if held(&view) == 1 {
        // It was claimed when the process died. Nobody can tell again, so the operator looks and decides again.
        let verb = if said(&town, conversation, QUESTION) == 0 { "resend" } else { "drop" };
        ensure!(decide(&town, conversation, &row, verb).await?.0 == 200, "decided again");
    }
    said_once_and_nothing_held(&town, conversation).await?;
    let (status, answer) = decide(&town, conversation, &row, "resend").await?;
    ensure!((status, &answer["code"]) == (404, &json!("no_such_row")), "a second decision comes too late: {answer}");
    said_once_and_nothing_held(&town, conversation).await
}

async fn sent_again_and_killed_when_it_has_landed(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    let (conversation, row) = held_answer(&town).await?;
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::LandThenHang);
    ensure!(decide(&town, conversation, &row, "resend").await?.0 == 200, "decided");
    let landed = format!("the answer to {QUESTION:?}");
    town.chatwoot
        .wait_for(&landed, |world| world.replies(conversation).iter().any(|reply| reply.contains(QUESTION)))
        .await?;
    kill_and_restart(&mut town).await?;
    said_once_and_nothing_held(&town, conversation).await
}

async fn sent_again_where_a_person_has_written(place: Place) -> Result<()> {
    let town = place.open().await?;
    let (conversation, row) = held_answer(&town).await?;
    town.chatwoot.agent_writes(conversation, "I have it.");
    viewed(&town, conversation, "a person has it", |view| view["phase"] == "human").await?;
    let (status, answer) = decide(&town, conversation, &row, "resend").await?;
    ensure!((status, &answer["code"]) == (409, &json!("unwanted")), "{status}: {answer}");
    ensure!(outbox(&town).await?.len() == 1, "it stays held");
    ensure!(decide(&town, conversation, &row, "drop").await?.0 == 200, "it can be dropped");
    at_rest(&town, conversation).await?;
    ensure!(said(&town, conversation, QUESTION) == 0, "nobody was talked over");
    Ok(())
}

async fn dropped_and_killed_at_once(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    let (conversation, row) = held_answer(&town).await?;
    let (status, answer) = decide(&town, conversation, &row, "drop").await?;
    ensure!((status, &answer["row"]) == (200, &json!("dropped")), "{status}: {answer}");
    kill_and_restart(&mut town).await?;
    let view = at_rest(&town, conversation).await?;
    ensure!(held(&view) == 0 && said(&town, conversation, QUESTION) == 0, "{view:#}");
    ensure!(outbox(&town).await?.is_empty(), "nothing is held any more");
    Ok(())
}

async fn decided_on_the_command_line(place: Place) -> Result<()> {
    let town = place.open().await?;
    let (conversation, row) = held_answer(&town).await?;
    let key = format!("chatwoot:1:{conversation}");
    let (ok, listed) = command(&town, &["outbox"])?;
    let shown = listed.lines().any(|line| [&key, &row, "held", QUESTION].iter().all(|part| line.contains(part)));
    ensure!(ok && shown && listed.contains("frontdesk outbox resend KEY ROW"), "{listed}");
    let (ok, refused) = command(&town, &["outbox", "drop", &key, "0-99"])?;
    ensure!(!ok && refused.contains("no such row"), "{refused}");
    let (ok, said) = command(&town, &["outbox", "resend", &key, &row])?;
    ensure!(ok && said.contains("queued again"), "{said}");
    said_once_and_nothing_held(&town, conversation).await?;
    let (ok, listed) = command(&town, &["outbox", "list", "--state", "held"])?;
    ensure!(ok && listed.contains("Everything has left"), "{listed}");
    Ok(())
}
