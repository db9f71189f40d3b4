//! Shadow mode: the desk shows the team what it would have said, and nothing of it reaches a customer.

use super::support::{BINARY, Chat, english, on_both_stores, open, until};
use anyhow::Result;
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::chatwoot::RequestKind;
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::Backing;
use serde_json::{Value, json};

/// The number of the double's inbox.
const INBOX: &str = "3";

on_both_stores!(
    answers_become_notes_and_people_see_every_conversation,
    a_person_who_answers_first_gets_no_draft_and_the_next_burst_does,
    where_it_would_have_fetched_a_person_the_note_says_so,
    it_holds_for_single_inboxes,
    what_was_drafted_before_a_kill_is_there_once_or_twice_and_never_said,
);

const SHADOW: (&str, &str) = ("BOT_MODE", "shadow");

/// Waits until this many notes of the desk are there, and returns them.
async fn notes(chat: &Chat<'_>, count: usize) -> Result<Vec<String>> {
    let there = || async { Ok(chat.notes().len() >= count) };
    until(&format!("{count} notes"), there).await?;
    chat.rests().await?;
    assert_eq!(chat.notes().len(), count, "{:?}", chat.notes());
    Ok(chat.notes())
}

/// What a customer could notice.
fn noticeable(chat: &Chat<'_>) -> usize {
    let typing = chat.town.chatwoot.requests().iter().filter(|request| request.kind == RequestKind::Typing).count();
    chat.replies().len() + typing + chat.town.smtp.mails().len()
}

async fn answers_become_notes_and_people_see_every_conversation(backing: Backing) -> Result<()> {
    let town = open(backing, &[SHADOW, ("DESK_LOCALE", "ru")]).await?;
    let chat = Chat::begin(&town);
    chat.says("Do you ship?");
    chat.becomes("open").await?;
    let note = notes(&chat, 1).await?.remove(0);
    assert!(note.contains("Черновик помощника") && note.contains("> You said: Do you ship?"), "{note}");
    assert_eq!(noticeable(&chat), 0);
    chat.says("And how much is it?");
    notes(&chat, 2).await?;
    assert_eq!((noticeable(&chat), chat.status().as_str()), (0, "open"));
    assert!(town.teams.cards().is_empty(), "the team has its own routine");
    Ok(())
}

async fn a_person_who_answers_first_gets_no_draft_and_the_next_burst_does(backing: Backing) -> Result<()> {
    let town = open(backing, &[SHADOW]).await?;
    let chat = Chat::begin(&town);
    town.model.push(Reply::Hang);
    chat.says("Do you ship?");
    town.model.wait_for_calls(1).await;
    town.chatwoot.agent_assigns(chat.id);
    town.chatwoot.agent_writes(chat.id, "We do.");
    town.model.wait_for_abort(0).await;
    chat.rests().await?;
    assert!(chat.notes().is_empty());
    chat.says("Where to?");
    notes(&chat, 1).await?;
    assert!(town.model.calls()[1].body.to_string().contains("We do."), "what the person said is known");
    assert_eq!(noticeable(&chat), 0);
    Ok(())
}

async fn where_it_would_have_fetched_a_person_the_note_says_so(backing: Backing) -> Result<()> {
    let town = open(backing, &[SHADOW]).await?;
    let chat = Chat::begin(&town);
    chat.says("I want to talk to a human");
    let note = notes(&chat, 1).await?.remove(0);
    assert!(note.contains("would have fetched a person") && note.contains("The customer asked"), "{note}");
    assert!(note.contains(english(&Phrase::HandoffAsked).split('.').next().unwrap_or_default()), "{note}");
    town.model.push(Reply::Error(429, "insufficient_quota", "insufficient_quota"));
    chat.says("Do you ship?");
    let note = notes(&chat, 2).await?.remove(1);
    assert!(note.contains("no credit left"), "{note}");
    assert_eq!((noticeable(&chat), chat.view().await?["owed"].clone()), (0, json!(0)));
    let changes = [RequestKind::PostLabels, RequestKind::Priority, RequestKind::Assign];
    assert!(!town.chatwoot.requests().iter().any(|request| changes.contains(&request.kind)));
    Ok(())
}

async fn it_holds_for_single_inboxes(backing: Backing) -> Result<()> {
    let town = open(backing, &[("GATE", "off"), ("SHADOW_INBOXES", INBOX)]).await?;
    let chat = Chat::begin(&town);
    chat.says("Do you ship?");
    notes(&chat, 1).await?;
    assert_eq!(noticeable(&chat), 0);
    let town = open(backing, &[("GATE", "off"), ("SHADOW_INBOXES", "7, 8")]).await?;
    let chat = Chat::begin(&town);
    assert_eq!(chat.asks("Do you ship?").await?, "You said: Do you ship?");
    assert!(chat.notes().is_empty());
    Ok(())
}

async fn what_was_drafted_before_a_kill_is_there_once_or_twice_and_never_said(backing: Backing) -> Result<()> {
    let mut town = open(backing, &[SHADOW]).await?;
    town.model.push(Reply::Hang);
    let id = {
        let chat = Chat::begin(&town);
        chat.says("Do you ship?");
        chat.id
    };
    town.model.wait_for_calls(1).await;
    town.daemon.kill()?;
    town.daemon.start().await?;
    let chat = Chat { town: &town, id };
    until("the draft", || async { Ok(!chat.notes().is_empty()) }).await?;
    chat.rests().await?;
    assert!(chat.notes().len() <= 2, "{:?}", chat.notes());
    assert_eq!(noticeable(&chat), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_page_the_desk_drafts_too_and_the_minimal_webhook_says_so() -> Result<()> {
    let mut daemon = Daemon::new(BINARY)?.with("BOT_MODE", "shadow").with("DEBOUNCE_QUIET", "50ms");
    daemon.start().await?;
    let body = json!({ "event": "message_created", "message_type": "incoming", "id": 1, "content": "Do you ship?" });
    let answer = daemon.http().post(daemon.url("/webhook")).json(&body).send().await?.json::<Value>().await?;
    assert_eq!(answer["route"], "human");
    assert!(answer["message"].as_str().unwrap_or_default().starts_with("Shadow mode"), "{answer}");
    let get =
        async |path: &str| -> Result<Value> { Ok(daemon.http().get(daemon.url(path)).send().await?.json().await?) };
    let key = get("/api/conversations").await?["conversations"][0]["key"].as_str().unwrap_or_default().to_owned();
    let drafted = || async {
        let entries = get(&format!("/api/console/conversations/{key}")).await?["entries"].clone();
        let is_draft = |entry: &Value| entry["kind"] == "note" && entry.to_string().contains("Draft of the assistant");
        Ok(entries.as_array().is_some_and(|entries| entries.iter().any(is_draft)))
    };
    until("colleagues see the draft on the page", drafted).await
}
