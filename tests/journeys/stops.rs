//! The emergency stop: nothing leaves, webhooks are taken, a kill changes nothing, and afterwards all of it leaves once.

use super::support::{BINARY, Chat, NO_GATE, english, on_both_stores, open, until};
use anyhow::{Result, ensure};
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::chatwoot::Recorded;
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::redis::RedisServer;
use frontdesk_sandbox::town::{Backing, Town};
use serde_json::{Value, json};
use std::process::Command;

on_both_stores!(
    nothing_leaves_while_paused_not_even_after_a_kill_and_everything_afterwards_once,
    the_gate_mails_nothing_while_paused,
    the_command_line_pauses_and_resumes,
);

async fn order(town: &Town, what: &str) -> Result<Value> {
    let (status, answer) = town.admin("POST", &format!("/api/{what}"), json!({})).await?;
    ensure!(status == 200, "{what}: {status} {answer}");
    Ok(answer)
}

async fn status(town: &Town) -> Result<Value> {
    Ok(town.admin("GET", "/api/status", Value::Null).await?.1)
}

/// Everything the desk asked Chatwoot to change.
fn written(town: &Town) -> Vec<Recorded> {
    town.chatwoot.requests().into_iter().filter(|request| request.method != "GET").collect()
}

async fn nothing_leaves_while_paused_not_even_after_a_kill_and_everything_afterwards_once(
    backing: Backing,
) -> Result<()> {
    let mut town = open(backing, &[NO_GATE]).await?;
    let paused = order(&town, "pause").await?;
    assert_eq!((&paused["paused"], paused["paused_since"].is_i64()), (&json!(true), true));
    let ids: Vec<u64> = (0..3).map(|_| Chat::begin(&town).id).collect();
    for id in &ids {
        Chat { town: &town, id: *id }.says("Do you ship?");
    }
    let caller = Chat::begin(&town).id;
    Chat { town: &town, id: caller }.says("I want to talk to a human");
    let taken = || async {
        let waiting = status(&town).await?["waiting"].clone();
        Ok(waiting["questions"] == 3 && waiting["conversations"] == 4)
    };
    until("all is taken", taken).await?;
    town.chatwoot.wait_quiet().await?;
    town.daemon.kill()?;
    town.daemon.start().await?;
    let before = status(&town).await?;
    assert_eq!((&before["paused"], &before["paused_since"]), (&json!(true), &paused["paused_since"]));
    let ready: Value = town.daemon.http().get(town.daemon.url("/readyz")).send().await?.json().await?;
    assert_eq!((&ready["status"], &ready["sends"]), (&json!("ready"), &json!("paused")));
    let shown = || async { Ok(town.metric("frontdesk_paused", "").await? == 1.0) };
    until("the gauge", shown).await?;
    // A webhook is still taken by the new process, which then has looked at all there is.
    Chat { town: &town, id: ids[0] }.says("And how much is it?");
    let more = || async { Ok(status(&town).await?["waiting"]["questions"] == 4) };
    until("the next question is taken", more).await?;
    assert!(written(&town).is_empty(), "{:?}", written(&town));
    assert!(town.model.calls().is_empty() && town.teams.cards().is_empty());
    let waited = order(&town, "resume").await?;
    assert_eq!((&waited["paused"], &waited["waiting"]["questions"]), (&json!(false), &json!(4)));
    for id in ids {
        let chat = Chat { town: &town, id };
        chat.read(1).await?;
        chat.rests().await?;
        assert_eq!(chat.replies().len(), 1, "once");
    }
    let chat = Chat { town: &town, id: caller };
    chat.is_handed_over().await?;
    chat.rests().await?;
    assert_eq!(chat.replies(), [english(&Phrase::HandoffAsked)]);
    let told =
        || async { Ok(town.teams.cards().iter().any(|card| card.to_string().contains("4 unanswered questions"))) };
    until("colleagues are told how much had waited", told).await
}

async fn the_gate_mails_nothing_while_paused(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Hello").await?;
    order(&town, "pause").await?;
    chat.says("jane@example.com");
    let waits = || async { Ok(chat.view().await?["outbox"][0]["kind"] == "mail") };
    until("the mail waits", waits).await?;
    chat.says("Is it there yet?");
    town.chatwoot.wait_quiet().await?;
    assert!(town.smtp.mails().is_empty() && town.smtp.connections() == 0);
    order(&town, "resume").await?;
    assert_eq!(town.smtp.wait_for_mails(1).await?.len(), 1);
    chat.rests().await?;
    assert_eq!(town.smtp.mails().len(), 1);
    Ok(())
}

async fn the_command_line_pauses_and_resumes(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE]).await?;
    let run = async |what: &'static str| -> Result<String> {
        let mut command = Command::new(BINARY);
        command.arg(what).env_clear().envs(town.daemon.environment());
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        ensure!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert!(run("status").await?.starts_with("Not paused."));
    assert!(run("pause").await?.starts_with("Paused since "));
    let chat = Chat::begin(&town);
    chat.says("Do you ship?");
    let taken = || async { Ok(status(&town).await?["waiting"]["questions"] == 1) };
    until("it is taken", taken).await?;
    let shown = run("status").await?;
    assert!(shown.starts_with("Paused since ") && shown.contains("1 unanswered question,"), "{shown}");
    assert!(run("resume").await?.contains("1 unanswered question,"));
    assert_eq!(chat.read(1).await?, ["You said: Do you ship?"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_of_one_redis_obeys_within_moments() -> Result<()> {
    let redis = RedisServer::start().await?;
    let mut nodes = [Daemon::new(BINARY)?.with("NODE_ID", "a"), Daemon::new(BINARY)?.with("NODE_ID", "b")];
    for node in &mut nodes {
        node.set("REDIS_URL", redis.url());
        node.start().await?;
    }
    let [one, two] = &nodes;
    for (order, sends) in [("/api/pause", "paused"), ("/api/resume", "on")] {
        one.http().post(one.url(order)).send().await?.error_for_status()?;
        let obeyed = || async {
            let ready: Value = two.http().get(two.url("/readyz")).send().await?.json().await?;
            Ok(ready["sends"] == sends)
        };
        until("the other node obeys", obeyed).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_at_once_that_the_desk_is_paused() -> Result<()> {
    let mut daemon = Daemon::new(BINARY)?;
    daemon.start().await?;
    daemon.http().post(daemon.url("/api/pause")).send().await?.error_for_status()?;
    let body = json!({ "event": "message_created", "message_type": "incoming", "id": 1, "content": "Hello" });
    let answer = daemon.http().post(daemon.url("/webhook")).json(&body).send().await?.json::<Value>().await?;
    assert_eq!(answer["route"], "paused");
    let status = daemon.http().get(daemon.url("/api/status")).send().await?.json::<Value>().await?;
    assert_eq!(status["waiting"]["rows"], 1, "the question for the address waits");
    Ok(())
}
