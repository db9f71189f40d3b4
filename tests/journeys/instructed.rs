//! The model's instructions: a change is obeyed by the next answer, without a restart; what cannot be meant is not.

use super::support::{Chat, NO_GATE, on_both_stores, until};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::fleet::{Fleet, Shared};
use frontdesk_sandbox::google::{DOCUMENT, GoogleDouble, nothing_was_refused, tab};
use frontdesk_sandbox::town::{ADMIN_TOKEN, Backing, Town, Wiring};
use serde_json::{Value, json};
use std::fs;

on_both_stores!(
    a_changed_file_is_obeyed_by_the_next_answer,
    an_inbox_can_have_instructions_of_its_own,
    a_changed_google_document_is_obeyed_and_an_emptied_one_is_not,
);

async fn prepared(backing: Backing) -> Result<Town> {
    let mut town = Town::build(super::support::BINARY, backing, Wiring::Full).await?;
    for (name, value) in [NO_GATE, ("DEBOUNCE_QUIET", "50ms"), ("INSTRUCTIONS_POLL", "50ms")] {
        town.daemon.set(name, value);
    }
    Ok(town)
}

/// Asks the model something and returns the instructions it was given.
async fn instructions(town: &Town, chat: &Chat<'_>) -> Result<String> {
    chat.asks("Do you ship?").await?;
    Ok(town.model.calls().last().context("a call")?.system())
}

/// The slots as the API shows them.
async fn shown(town: &Town) -> Result<Vec<Value>> {
    shown_by(&town.daemon).await
}

/// The slots as one node shows them.
async fn shown_by(node: &Daemon) -> Result<Vec<Value>> {
    let asked = node.http().get(node.url("/api/instructions")).bearer_auth(ADMIN_TOKEN).send().await?;
    let said: Value = asked.error_for_status()?.json().await?;
    Ok(said["instructions"].as_array().context("a list")?.clone())
}

async fn in_force(town: &Town, source: &str, text: &str) -> Result<bool> {
    let slots = shown(town).await?;
    Ok(slots.iter().any(|slot| slot["source"] == source && slot["in_force"] == true && slot["text"] == text))
}

async fn a_changed_file_is_obeyed_by_the_next_answer(backing: Backing) -> Result<()> {
    let mut town = prepared(backing).await?;
    town.daemon.start().await?;
    let chat = Chat::begin(&town);
    let shipped = instructions(&town, &chat).await?;
    ensure!(shipped.contains("You are the front desk of a company"), "{shipped}");
    let folder = town.daemon.data_dir().join("bot_instructions");
    fs::create_dir_all(&folder)?;
    for words in ["You sell tea.", "You sell coffee."] {
        fs::write(folder.join("shared_instructions.txt"), words)?;
        until("the file is in force", || in_force(&town, "shared_file", words)).await?;
        let given = instructions(&town, &chat).await?;
        ensure!(given.starts_with(words) && given.contains("request_human"), "{given}");
        ensure!(given.contains("Answer in the language of the customer's last message"), "{given}");
    }
    fs::write(folder.join("shared_instructions.txt"), " ")?;
    let refused = || async { Ok(shown(&town).await?[0]["trouble"]["kind"] == "empty") };
    until("the empty file is refused", refused).await?;
    ensure!(instructions(&town, &chat).await?.starts_with("You sell coffee."));
    let counted = town.metric("frontdesk_instructions_refused_total", "shared_file").await?;
    ensure!(counted >= 1.0, "{counted}");
    Ok(())
}

async fn an_inbox_can_have_instructions_of_its_own(backing: Backing) -> Result<()> {
    let mut town = prepared(backing).await?;
    town.daemon.start().await?;
    let chat = Chat::begin(&town);
    let folder = town.daemon.data_dir().join("bot_instructions");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("shared_instructions.txt"), "For everybody.")?;
    fs::write(folder.join("chatwoot.1.999.md"), "For others.")?;
    fs::write(folder.join("chatwoot.1.3.md"), "For this inbox.")?;
    let (status, said) = town.admin("POST", "/api/instructions/reload", json!({})).await?;
    ensure!(
        status == 200 && said["instructions"].as_array().is_some_and(|slots| slots.len() == 4),
        "{status} {said:#}"
    );
    ensure!(instructions(&town, &chat).await?.starts_with("For this inbox."));
    let (status, _) = town.admin("POST", "/api/instructions/reload", json!({ "accept": 1 })).await?;
    ensure!(status == 400);
    let open = town.daemon.http().get(town.daemon.url("/api/instructions")).send().await?;
    ensure!(open.status() == 401, "instructions are not for everybody");
    Ok(())
}

async fn a_changed_google_document_is_obeyed_and_an_emptied_one_is_not(backing: Backing) -> Result<()> {
    let google = GoogleDouble::start().await?;
    let mut town = prepared(backing).await?;
    let credentials = google.write_credentials(&town.daemon.data_dir())?;
    town.daemon.set("GOOGLE_DOCS_ID", format!("https://docs.google.com/document/d/{DOCUMENT}/edit?tab=t.0"));
    town.daemon.set("GOOGLE_APPLICATION_CREDENTIALS", credentials.display());
    town.daemon.set("GOOGLE_DOCS_BASE_URL", google.base_url());
    town.daemon.set("GOOGLE_DOCS_POLL", "100ms");
    let tea = "You sell tea, and tea is all you sell.";
    google.write_tabs(vec![
        tab("Tea", tea, vec![tab("Prices", "Three euro.", vec![])]),
        tab("Hours", "Nine to five.", vec![]),
    ]);
    google.suggest("Everything is free.");
    town.daemon.start().await?;
    let whole = format!("# Tea\n\n{tea}\n\n# Prices\n\nThree euro.\n\n# Hours\n\nNine to five.");
    until("the document is in force", || in_force(&town, "document", &whole)).await?;
    let chat = Chat::begin(&town);
    let given = instructions(&town, &chat).await?;
    ensure!(given.starts_with(&whole) && !given.contains("free"), "{given}");
    let coffee = "You sell coffee. Tea has been sold out for a year, and nobody has missed it since then.";
    google.write(coffee);
    until("the change is in force", || in_force(&town, "document", coffee)).await?;
    ensure!(instructions(&town, &chat).await?.starts_with(coffee));
    for (text, kind) in [("", "empty"), ("You", "shrunken")] {
        google.write(text);
        until(kind, || async { Ok(shown(&town).await?[0]["trouble"]["kind"] == kind) }).await?;
        ensure!(instructions(&town, &chat).await?.starts_with(coffee), "{kind}");
    }
    google.fail(Some((403, "PERMISSION_DENIED")));
    let told = || async {
        Ok(shown(&town).await?[0]["trouble"]["why"].as_str().is_some_and(|why| why.contains("share the document")))
    };
    until("the operator is told to share it", told).await?;
    // Another process, and Google refuses still: the copy on disk is used.
    town.daemon.kill()?;
    town.daemon.start().await?;
    let chat = Chat::begin(&town);
    ensure!(instructions(&town, &chat).await?.starts_with(coffee));
    google.fail(None);
    town.admin("POST", "/api/instructions/reload", json!({})).await?;
    let (tokens, _) = google.counts();
    google.expire_tokens();
    let (status, said) = town.admin("POST", "/api/instructions/reload", json!({ "accept_shrunken": true })).await?;
    ensure!(status == 200 && said["instructions"][0]["text"] == "You", "{status} {said:#}");
    ensure!(google.counts().0 > tokens, "a token that was refused is asked for anew: {:?}", google.counts());
    nothing_was_refused(&google)
}

/// An operator orders one node of two to read everything anew and to take what is left of the document: both do, and so
/// does one that was away.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_at_one_node_is_obeyed_by_all() -> Result<()> {
    let google = GoogleDouble::start().await?;
    let keys = tempfile::tempdir()?;
    let credentials = google.write_credentials(keys.path())?;
    let whole = "You sell tea, and tea is all you sell. It is shipped to Norway, to Iceland and nowhere else.";
    google.write(whole);
    let mut fleet = Fleet::build(super::support::BINARY, 3, Shared::Redis, 1, |daemon| {
        daemon.set("INSTRUCTIONS_POLL", "50ms");
        daemon.set("GOOGLE_DOCS_ID", DOCUMENT);
        daemon.set("GOOGLE_APPLICATION_CREDENTIALS", credentials.display());
        daemon.set("GOOGLE_DOCS_BASE_URL", google.base_url());
        // So rarely that nobody reads it unless ordered to.
        daemon.set("GOOGLE_DOCS_POLL", "1h");
    })
    .await?;
    fleet.start().await?;
    for number in 0..3 {
        has(&fleet, number, whole).await?;
    }
    fleet.node_mut(2)?.kill()?;
    google.write("You sell tea.");
    let (status, said) = fleet.town.admin("POST", "/api/instructions/reload", json!({})).await?;
    ensure!(status == 200 && said["instructions"][0]["trouble"]["kind"] == "shrunken", "{status} {said:#}");
    let refused = || async { Ok(shown_by(fleet.node(1)?).await?[0]["trouble"]["kind"] == "shrunken") };
    until("the other node to read it, too, and to refuse it", refused).await?;
    let (status, said) =
        fleet.town.admin("POST", "/api/instructions/reload", json!({ "accept_shrunken": true })).await?;
    ensure!(status == 200 && said["instructions"][0]["text"] == "You sell tea.", "{status} {said:#}");
    has(&fleet, 1, "You sell tea.").await?;
    fleet.node_mut(2)?.start().await?;
    has(&fleet, 2, "You sell tea.").await?;
    nothing_was_refused(&google)
}

/// Waits until a node has this document in force.
async fn has(fleet: &Fleet, number: usize, text: &str) -> Result<()> {
    let taken = || async {
        let slots = shown_by(fleet.node(number)?).await?;
        Ok(slots[0]["source"] == "document" && slots[0]["in_force"] == true && slots[0]["text"] == text)
    };
    until(&format!("node {number} to have {text:?}"), taken).await
}
