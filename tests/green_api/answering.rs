//! A question becomes an answer, once: pushed and polled, in bursts, and again.

use super::support::{Backing, DANA, Shop, journeys, run};
use anyhow::{Result, ensure};
use frontdesk_sandbox::green_api::{Fault, World};
use frontdesk_sandbox::model::Reply;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered() -> Result<()> {
    run(journeys![
        a_question_is_answered_once,
        a_burst_is_one_turn,
        a_question_from_long_ago_fetches_a_person,
        reactions_and_stickers_start_no_turn,
        what_was_changed_before_the_answer_counts,
        while_polling_no_webhook_is_taken,
        polled_notifications_are_answered_and_deleted,
        a_polled_notification_that_is_not_json_is_parked,
        a_notification_that_was_not_deleted_is_answered_once,
        words_for_a_person_call_one,
        a_long_answer_goes_in_parts_that_the_vendor_takes,
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_keep_the_instances_pace_and_grow_stale() -> Result<()> {
    run(journeys![sends_keep_the_pace_of_the_instance, what_grew_stale_while_nothing_could_be_sent_is_not_said]).await
}

async fn a_question_is_answered_once(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.model.push(Reply::Text("Yes, we ship to Lisbon.".to_owned()));
    shop.green.customer_writes(DANA, "Hello, do you ship to Lisbon?");
    shop.hears("Yes, we ship to Lisbon.").await?;
    shop.said_once("Yes, we ship to Lisbon.").await?;
    let sent = shop.green.see(|world| world.requests("sendMessage"));
    ensure!(sent.len() == 1 && sent[0].body["chatId"] == DANA, "{sent:?}");
    ensure!(sent[0].body["typingTime"].as_u64().is_some_and(|millis| (1000..=20_000).contains(&millis)), "{sent:?}");
    ensure!(
        shop.green.see(|world| world.answers().iter().all(|status| *status == 200)),
        "every webhook is answered 200"
    );
    // WhatsApp is asked for no address, and has no statuses to change.
    ensure!(shop.view(DANA).await?["phase"] == "bot");
    Ok(())
}

async fn a_burst_is_one_turn(backing: Backing) -> Result<()> {
    let mut shop = Shop::build(backing).await?;
    shop.daemon.set("DEBOUNCE_QUIET", "4s");
    shop.daemon.set("DEBOUNCE_MAX", "20s");
    shop.daemon.start().await?;
    shop.green.cut_webhooks(true);
    shop.green.customer_writes(DANA, "Hello");
    shop.green.customer_writes(DANA, "do you ship to Lisbon?");
    shop.green.cut_webhooks(false);
    shop.hears("Lisbon").await?;
    shop.at_rest().await?;
    ensure!(shop.green.said(DANA).len() == 1, "{:?}", shop.green.said(DANA));
    let calls = shop.model.calls();
    let asked = calls.last().map(|call| call.body.to_string()).unwrap_or_default();
    ensure!(asked.contains("Hello") && asked.contains("Lisbon?"), "{asked}");
    Ok(())
}

async fn reactions_and_stickers_start_no_turn(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    let reaction = json!({ "typeMessage": "reactionMessage", "extendedTextMessageData": { "text": "\u{1f44d}" },
        "quotedMessage": { "stanzaId": "BAE5FIXTURE0000001" } });
    shop.green.customer_sends(DANA, reaction);
    shop.green
        .customer_sends(DANA, json!({ "typeMessage": "stickerMessage", "fileMessageData": { "downloadUrl": "x" } }));
    shop.green.wait_quiet().await?;
    // What comes after them shows that they were dealt with.
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears("Lisbon").await?;
    shop.at_rest().await?;
    let calls = shop.model.calls();
    ensure!(calls.len() == 1 && !calls[0].body.to_string().contains('\u{1f44d}'), "{calls:?}");
    Ok(())
}

async fn what_was_changed_before_the_answer_counts(backing: Backing) -> Result<()> {
    let mut shop = Shop::build(backing).await?;
    shop.daemon.set("DEBOUNCE_QUIET", "4s");
    shop.daemon.set("DEBOUNCE_MAX", "20s");
    shop.daemon.start().await?;
    shop.green.cut_webhooks(true);
    let first = shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    let edit = json!({ "textMessage": "Do you ship to Porto?", "stanzaId": first });
    shop.green.customer_sends(DANA, json!({ "typeMessage": "editedMessage", "editedMessageData": edit }));
    shop.green.cut_webhooks(false);
    shop.hears("Porto").await?;
    shop.at_rest().await?;
    ensure!(shop.model.calls().iter().all(|call| !call.body.to_string().contains("Lisbon?")), "the old words are gone");
    Ok(())
}

/// A message that has waited for most of a day at the vendor is not answered as if nothing had happened.
async fn a_question_from_long_ago_fetches_a_person(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.green.notify(written_ago(20 * 60 * 60)?);
    shop.in_phase("human").await?;
    shop.at_rest().await?;
    ensure!(shop.model.calls().is_empty(), "nobody was asked");
    Ok(())
}

/// Returns the webhook of a text that was written this many seconds ago.
fn written_ago(seconds: u64) -> Result<String> {
    let mut body: serde_json::Value = serde_json::from_str(include_str!("../fixtures/green-api/incoming_text.json"))?;
    body["timestamp"] = json!(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() - seconds);
    Ok(body.to_string())
}

/// Lets the desk fetch notifications instead of waiting for them.
async fn polling(backing: Backing) -> Result<Shop> {
    let mut shop = Shop::build(backing).await?;
    shop.daemon.set("GREEN_POLLING", "on");
    shop.green.set_up("", "");
    shop.daemon.start().await?;
    Ok(shop)
}

/// Whoever fetches notifications expects no webhooks; a stranger's is refused, whether a token is set or not.
async fn while_polling_no_webhook_is_taken(backing: Backing) -> Result<()> {
    let mut shop = Shop::build(backing).await?;
    shop.daemon.set("GREEN_POLLING", "on");
    shop.daemon.set("GREEN_WEBHOOK_TOKEN", "");
    shop.green.set_up("", "");
    shop.daemon.start().await?;
    for path in ["/webhooks/green-api", "/webhook"] {
        let request = shop.daemon.http().post(shop.daemon.url(path)).header("content-type", "application/json");
        let status = request.body(written_ago(1)?).send().await?.status().as_u16();
        ensure!(status == 401, "{path}: {status}");
    }
    ensure!(shop.view(DANA).await?.is_null(), "nobody was heard");
    Ok(())
}

async fn polled_notifications_are_answered_and_deleted(backing: Backing) -> Result<()> {
    let shop = polling(backing).await?;
    shop.green.notify("{\"typeWebhook\":\"somethingNew\"}");
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears("Lisbon").await?;
    shop.said_once("Lisbon").await?;
    shop.green.wait_for("all notifications are deleted", |world| world.waiting() == 0).await?;
    shop.alerted("event_parked").await
}

/// The vendor serves the head of its queue until it is deleted, so that one that is no JSON would hold back all others.
async fn a_polled_notification_that_is_not_json_is_parked(backing: Backing) -> Result<()> {
    let shop = polling(backing).await?;
    shop.green.notify("{\"typeWebhook\":\"incomingMessageReceived\",\"text\":\"\\ud83d\"}");
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears("Lisbon").await?;
    shop.green.wait_for("all notifications are deleted", |world| world.waiting() == 0).await?;
    shop.alerted("event_parked").await
}

async fn a_notification_that_was_not_deleted_is_answered_once(backing: Backing) -> Result<()> {
    let mut shop = polling(backing).await?;
    shop.green.fail_next("deleteNotification", Fault::Hang);
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.green
        .wait_for("the desk tries to delete it", |world| !world.requests("deleteNotification").is_empty())
        .await?;
    // Only what is durable is deleted.
    ensure!(shop.view(DANA).await?["phase"] == "bot", "it was taken before it was to be deleted");
    shop.kill_and_restart().await?;
    shop.hears("Lisbon").await?;
    shop.green.wait_for("all notifications are deleted", |world| world.waiting() == 0).await?;
    shop.said_once("Lisbon").await
}

async fn words_for_a_person_call_one(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    shop.green.customer_writes(DANA, "I want to talk to a human");
    shop.in_phase("human").await?;
    shop.at_rest().await?;
    ensure!(shop.green.said(DANA).len() == 1, "the hand-over is announced: {:?}", shop.green.said(DANA));
    ensure!(shop.model.calls().is_empty(), "the model is not asked");
    let cards = shop.teams.wait_for_cards(1).await?;
    let shown = format!("{cards:?}");
    ensure!(shown.contains("https://wa.me/15550100042"), "the card leads to the chat: {shown}");
    Ok(())
}

/// An answer that is longer than one message may be goes in several, none of them over the limit, whatever it weighs in bytes.
async fn a_long_answer_goes_in_parts_that_the_vendor_takes(backing: Backing) -> Result<()> {
    let shop = Shop::open(backing).await?;
    let sentences: Vec<String> = (0..230).map(|number| format!("Мы доставляем в город номер {number}.")).collect();
    shop.model.push(Reply::Text(sentences.join(" ")));
    shop.green.customer_writes(DANA, "Where do you ship to?");
    shop.hears("номер 229.").await?;
    shop.at_rest().await?;
    let said = shop.green.said(DANA);
    ensure!(said.len() > 1 && said.iter().all(|text| text.chars().count() <= 4000), "{} parts", said.len());
    ensure!(
        said.join(" ").split_whitespace().eq(sentences.join(" ").split_whitespace()),
        "in order, nothing is missing"
    );
    let sent = shop.green.see(|world| world.requests("sendMessage"));
    let longest = sent.iter().filter_map(|request| request.body["typingTime"].as_u64()).max();
    ensure!(longest == Some(5000), "nobody is kept waiting for longer than GREEN_TYPING: {longest:?}");
    Ok(())
}

/// Questions in many chats at once: what is sent for the instance keeps to its rate, whichever chat it is for.
async fn sends_keep_the_pace_of_the_instance(backing: Backing) -> Result<()> {
    const CHATS: usize = 12;
    let mut shop = Shop::build(backing).await?;
    // Twelve of thirty in a minute: three to five at once, and then one every two seconds.
    shop.daemon.set("GREEN_RATE_PER_MINUTE", "30");
    shop.daemon.start().await?;
    let chats: Vec<String> = (0..CHATS).map(|number| format!("155501002{number:02}@c.us")).collect();
    chats.iter().for_each(|chat| drop(shop.green.customer_writes(chat, "Do you ship to Lisbon?")));
    let answered = |world: &World| chats.iter().filter(|chat| !world.said(chat).is_empty()).count();
    shop.green.wait_for("the first is answered", |world| answered(world) > 0).await?;
    let first = std::time::Instant::now();
    shop.green.wait_for("all are answered", |world| answered(world) == CHATS).await?;
    let took = first.elapsed();
    ensure!(took > std::time::Duration::from_secs(8), "{CHATS} sends within {took:?}");
    shop.green.wait_quiet().await?;
    for chat in &chats {
        ensure!(shop.green.said(chat).len() == 1, "{chat}: {:?}", shop.green.said(chat));
    }
    Ok(())
}

/// While nothing can be sent answers wait; one that has waited for longer than anybody wants it is not said any more.
async fn what_grew_stale_while_nothing_could_be_sent_is_not_said(backing: Backing) -> Result<()> {
    let mut shop = Shop::build(backing).await?;
    shop.daemon.set("ANSWER_APOLOGY_AFTER", "12s");
    shop.daemon.set("ANSWER_STALE_AFTER", "12s");
    shop.daemon.start().await?;
    shop.model.push(Reply::Text("We ship to Lisbon.".to_owned()));
    // The desk comes again after half a minute.
    let refusal = "{\"message\":\"instance account not authorized\"}".to_owned();
    shop.green.fail_next("sendMessage", Fault::Status(400, refusal));
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.in_phase("human").await?;
    shop.at_rest().await?;
    let said = shop.green.said(DANA);
    ensure!(!said.iter().any(|text| text.contains("Lisbon")), "nobody wants the answer any more: {said:?}");
    ensure!(shop.teams.wait_for_cards(1).await?.len() == 1, "people know of it");
    Ok(())
}
