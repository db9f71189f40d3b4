//! Two desks on one Redis serve one instance: each gets some of its webhooks, also those about what the other has sent.

use super::support::{Backing, DANA, Shop, WEBHOOK_TOKEN};
use super::voice::{listening, speaks};
use anyhow::{Result, ensure};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::green_api::{Fault, World};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::metric;
use frontdesk_sandbox::voice::Heard;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const QUESTION: &str = "Do you ship to Lisbon?";

/// Builds the second desk beside the shop's own, and starts both.
async fn beside(shop: &mut Shop) -> Result<Daemon> {
    shop.daemon.set("NODE_ID", "node-0");
    let mut other = shop.daemon.twin()?;
    other.set("NODE_ID", "node-1");
    shop.daemon.start().await?;
    other.start().await?;
    Ok(other)
}

async fn two_desks() -> Result<(Shop, Daemon)> {
    let mut shop = Shop::build(Backing::Redis).await?;
    let other = beside(&mut shop).await?;
    Ok((shop, other))
}

/// Sends every webhook to this desk from here on.
fn deliver_to(shop: &Shop, desk: &Daemon) {
    shop.green.set_up(&desk.url("/webhooks/green-api"), WEBHOOK_TOKEN);
}

async fn webhooks(desk: &Daemon) -> Result<f64> {
    metric(desk, "frontdesk_webhooks_total", "channel=\"green-api\"").await
}

/// The answer is sent by one desk; its echo and its statuses go to the other, which never heard of the send. Where the send was
/// not answered, it is they that settle it.
#[tokio::test(flavor = "multi_thread")]
async fn echoes_heard_by_the_other_desk_are_ours() -> Result<()> {
    for fault in [None, Some(Fault::LandThenHang), Some(Fault::LandThenStatus(502))] {
        let (shop, other) = two_desks().await?;
        shop.model.push(Reply::Hang);
        shop.green.customer_writes(DANA, QUESTION);
        shop.model.wait_for_calls(1).await;
        shop.green.wait_for("the question is acknowledged", |world| world.waiting() == 0).await?;
        if let Some(fault) = fault.clone() {
            shop.green.fail_next("sendMessage", fault);
        }
        deliver_to(&shop, &other);
        shop.model.release();
        shop.hears(QUESTION).await?;
        shop.said_once(QUESTION).await?;
        let sends = shop.green.see(|world| world.requests("sendMessage")).len();
        ensure!(sends == 1, "{fault:?}: nothing was sent again");
        ensure!(shop.view(DANA).await?["phase"] == "bot", "{fault:?}: our own echo is nobody's takeover");
        // The echo, `sent` and `delivered`.
        let (first, second) = (webhooks(&shop.daemon).await?, webhooks(&other).await?);
        ensure!(first >= 1.0 && second >= 3.0, "{fault:?}: {first} and {second} webhooks");
    }
    Ok(())
}

/// One desk asks the model; the phone's webhook goes to the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_heard_by_the_other_desk_silences_both() -> Result<()> {
    let (shop, other) = two_desks().await?;
    shop.model.push(Reply::Hang);
    shop.green.customer_writes(DANA, QUESTION);
    shop.model.wait_for_calls(1).await;
    deliver_to(&shop, &other);
    shop.green.phone_writes(DANA, "Yes we do, Kim");
    shop.in_phase("human").await?;
    shop.model.release();
    shop.at_rest().await?;
    ensure!(shop.green.said(DANA).is_empty(), "{:?}", shop.green.said(DANA));
    // The word that gives it back is heard by the first one.
    deliver_to(&shop, &shop.daemon);
    shop.green.phone_writes(DANA, "/bot");
    shop.in_phase("bot").await?;
    deliver_to(&shop, &other);
    shop.green.customer_writes(DANA, "And to Porto?");
    shop.hears("And to Porto?").await?;
    shop.said_once("And to Porto?").await
}

/// Returns the webhook of a question in a chat, which is the same every time.
fn asked_in(chat: &str) -> Result<String> {
    let mut body: Value = serde_json::from_str(include_str!("../fixtures/green-api/incoming_text.json"))?;
    body["timestamp"] = json!(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    body["idMessage"] = json!(format!("3A{chat}"));
    body["senderData"]["chatId"] = json!(chat);
    body["senderData"]["sender"] = json!(chat);
    Ok(body.to_string())
}

/// Every question goes to both desks, to one of them first, and whatever the answers cause to either: every chat is answered
/// once.
#[tokio::test(flavor = "multi_thread")]
async fn webhooks_to_both_desks_are_answered_once() -> Result<()> {
    let (shop, other) = two_desks().await?;
    let chats: Vec<String> = (0..12).map(|number| format!("155501001{number:02}@c.us")).collect();
    for (number, chat) in chats.iter().enumerate() {
        let desks = if number % 2 == 0 { [&shop.daemon, &other] } else { [&other, &shop.daemon] };
        for desk in desks {
            shop.green.wait_for("the desks have heard everything", |world| world.waiting() == 0).await?;
            deliver_to(&shop, desk);
            shop.green.notify(asked_in(chat)?);
        }
    }
    let answered = |world: &World| chats.iter().all(|chat| !world.said(chat).is_empty());
    shop.green.wait_for("every chat is answered", answered).await?;
    shop.green.wait_quiet().await?;
    for chat in &chats {
        let said = shop.green.said(chat);
        ensure!(said.len() == 1, "{chat} was told {said:?}");
        ensure!(shop.view(chat).await?["phase"] == "bot", "{chat} is the desk's");
    }
    ensure!(webhooks(&shop.daemon).await? >= 12.0 && webhooks(&other).await? >= 12.0, "both heard every question");
    Ok(())
}

/// Two desks that fetch notifications instead: both may be served the same head of the queue.
#[tokio::test(flavor = "multi_thread")]
async fn two_desks_that_fetch_notifications_answer_once() -> Result<()> {
    let mut shop = Shop::build(Backing::Redis).await?;
    shop.daemon.set("GREEN_POLLING", "on");
    shop.green.set_up("", "");
    let _other = beside(&mut shop).await?;
    for number in 0..4 {
        let question = format!("{QUESTION} {number}");
        shop.green.customer_writes(DANA, &question);
        shop.hears(&question).await?;
        shop.said_once(&question).await?;
    }
    ensure!(shop.green.said(DANA).len() == 4, "{:?}", shop.green.said(DANA));
    shop.green.wait_for("all notifications are deleted", |world| world.waiting() == 0).await
}

/// The desk that listens dies; the other one, which lives, takes the conversation over when its lease ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_desk_killed_while_it_listens_is_taken_over_and_answered_once() -> Result<()> {
    let (mut shop, voice) = listening(Backing::Redis).await?;
    let mut other = beside(&mut shop).await?;
    voice.push(Heard::Hang);
    speaks(&shop, &voice.speak(QUESTION));
    voice.wait_for_calls(1).await;
    shop.green.wait_for("the webhook is acknowledged", |world| world.waiting() == 0).await?;
    std::mem::swap(&mut shop.daemon, &mut other);
    other.kill()?;
    deliver_to(&shop, &shop.daemon);
    shop.hears(QUESTION).await?;
    shop.said_once(QUESTION).await?;
    ensure!(voice.asked().len() >= 2, "it was heard again: {:?}", voice.asked());
    // The dead one comes back and finds nothing to do.
    other.start().await?;
    shop.green.customer_writes(DANA, "And to Porto?");
    shop.hears("And to Porto?").await?;
    shop.said_once(QUESTION).await
}

/// One desk listens; the phone's webhook goes to the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_heard_by_the_other_desk_ends_the_listening() -> Result<()> {
    let (mut shop, voice) = listening(Backing::Redis).await?;
    let other = beside(&mut shop).await?;
    voice.push(Heard::Hang);
    speaks(&shop, &voice.speak(QUESTION));
    voice.wait_for_calls(1).await;
    deliver_to(&shop, &other);
    shop.green.phone_writes(DANA, "Kim here, I have listened to it");
    shop.in_phase("human").await?;
    voice.release();
    shop.at_rest().await?;
    ensure!(shop.green.said(DANA).is_empty() && shop.model.calls().is_empty(), "{:?}", shop.green.said(DANA));
    Ok(())
}
