//! Two desks serve one account: every request goes on once, whoever took it, and a colleague is heard by both.

use super::desk::{Desk, HOOK, LEAD, wired};
use anyhow::{Result, ensure};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::kommo::{Asked, TOKEN};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::Backing;

/// Two desks on one Redis.
async fn two(settings: &[(&str, &str)]) -> Result<(Desk, Daemon)> {
    let common = [("KOMMO_TOKEN", TOKEN), ("NODE_ID", "one")];
    let desk = wired(Backing::Redis, &[&common[..], settings].concat()).await?;
    let mut other = desk.town.daemon.twin()?.with("NODE_ID", "two");
    other.start().await?;
    Ok((desk, other))
}

async fn asks_at(desk: &Desk, node: &Daemon, text: &str) -> Result<Asked> {
    let asked = desk.kommo.asks_at(&node.url(""), LEAD, text).await?;
    ensure!(asked.status == Some(200), "a request is acknowledged: {asked:?}");
    Ok(asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_over_two_desks_gets_one_answer_and_every_request_goes_on_once() -> Result<()> {
    let (desk, other) = two(&[("DEBOUNCE_QUIET", "800ms")]).await?;
    let here = &desk.town.daemon;
    for (number, node) in [here, &other, here, &other, &other, here].into_iter().enumerate() {
        asks_at(&desk, node, &format!("wish {number}")).await?;
    }
    desk.kommo.wait_for("nobody waits", |kommo| kommo.waiting().is_empty()).await?;
    desk.rests().await?;
    let answered = desk.kommo.answered();
    ensure!(answered.len() == 6 && desk.kommo.surplus().is_empty(), "{answered:?}");
    let spoken = answered.iter().filter(|answer| !answer.shown.is_empty()).count();
    // On a slow machine the burst may be two; everything that was asked is answered either way.
    let asked = desk.town.model.calls().iter().filter(|call| call.answered).count();
    ensure!(spoken >= 1 && spoken <= asked, "{spoken} of {asked}: {answered:?}");
    ensure!(desk.kommo.read(LEAD).join(" ").contains("wish 5"), "{answered:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_who_is_heard_by_the_other_desk_is_not_talked_over() -> Result<()> {
    let (desk, other) = two(&[]).await?;
    desk.town.model.push(Reply::Hang);
    let asked = asks_at(&desk, &desk.town.daemon, "do you ship?").await?;
    desk.kommo.wait_for("the model is asked", |_| !desk.town.model.calls().is_empty()).await?;
    let (_, event) = desk.kommo.user_event(LEAD, "Kim here, let me look into it.");
    let sent = other.http().post(other.url(&format!("/webhooks/kommo/{HOOK}"))).body(event);
    let sent = sent.header("content-type", "application/x-www-form-urlencoded").send().await?;
    ensure!(sent.status().as_u16() == 200);
    let answer = desk.kommo.answer_to(asked).await?;
    ensure!(answer.status == "human" && answer.shown.is_empty(), "talked over: {answer:?}");
    desk.reaches("human").await?;
    for node in [&desk.town.daemon, &other] {
        let later = desk.kommo.answer_to(asks_at(&desk, node, "thanks").await?).await?;
        ensure!(later.status == "human" && later.shown.is_empty(), "{later:?}");
    }
    ensure!(desk.kommo.surplus().is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_killed_desk_took_is_answered_by_the_other() -> Result<()> {
    let (mut desk, other) = two(&[("DEBOUNCE_QUIET", "2s")]).await?;
    let asked = asks_at(&desk, &desk.town.daemon, "do you ship?").await?;
    desk.town.daemon.kill()?;
    let answer = desk.kommo.answer_to(asked).await?;
    ensure!(answer.status == "success" && answer.shown == ["You said: do you ship?"], "{answer:?}");
    let later = desk.kommo.answer_to(asks_at(&desk, &other, "and to Porto?").await?).await?;
    ensure!(later.shown == ["You said: and to Porto?"], "{later:?}");
    ensure!(desk.kommo.surplus().is_empty() && desk.kommo.answered().len() == 2, "{:?}", desk.kommo.answered());
    Ok(())
}
