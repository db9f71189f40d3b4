//! `frontdesk chats clear | clear-all | summary | export`: people are forgotten after a yes, and nothing is said twice.

use crate::support::{BINARY, Told, at, frontdesk, on_both_stores, town};
use anyhow::{Context, Result, ensure};
use frontdesk::adapters::store::embedded::{EmbeddedSettings, EmbeddedStore};
use frontdesk::adapters::store::redis::{RedisSettings, RedisStore};
use frontdesk_actors::ids::{ContactKey, ConversationKey};
use frontdesk_actors::ports::Store;
use frontdesk_sandbox::model::{Call, Reply};
use frontdesk_sandbox::town::{Backing, Town};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A name that no other text holds.
const NAME: &str = "Quixote";

async fn until(what: &str, holds: impl Fn() -> bool) -> Result<()> {
    let began = Instant::now();
    while !holds() {
        ensure!(began.elapsed() < Duration::from_secs(30), "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn ok(told: Told) -> Result<String> {
    ensure!(told.ok, "{told:#?}");
    Ok(told.out)
}

/// Says something and waits for the answer to it.
async fn talk(town: &Town, conversation: u64, text: &str) -> Result<()> {
    let before = town.chatwoot.see(|world| world.replies(conversation).len());
    town.chatwoot.customer_writes(conversation, text);
    town.chatwoot.wait_for("it is answered", |world| world.replies(conversation).len() > before).await
}

/// Runs a subcommand and types something.
fn typing(town: &Town, arguments: &[&str], typed: &str) -> Result<Told> {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_clear().envs(town.daemon.environment());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().context("its input")?.write_all(typed.as_bytes())?;
    let output = child.wait_with_output()?;
    Ok(Told {
        ok: output.status.success(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn last_call(town: &Town) -> Result<Call> {
    town.model.calls().last().cloned().context("a call of the model")
}

/// The daemon's store, once the daemon is gone.
fn store(town: &Town) -> Result<Box<dyn Store>> {
    Ok(match &town.redis {
        Some(redis) => Box::new(RedisStore::connect(&RedisSettings::new(redis.url().into()))?),
        None => Box::new(EmbeddedStore::open(&town.daemon.data_dir(), EmbeddedSettings::default())?),
    })
}

async fn nothing_is_stored_of_them(town: &Town, key: &str) -> Result<()> {
    let store = store(town)?;
    let key = ConversationKey::parse(key).context("a key")?;
    let stored = store.load(&key).await?.context("what must stay")?;
    let memory = stored.memory.unwrap_or_default();
    for bytes in [&stored.record, &memory] {
        ensure!(!String::from_utf8_lossy(bytes).contains(NAME), "a word is left: {}", String::from_utf8_lossy(bytes));
    }
    ensure!(store.contact(&ContactKey::new("chatwoot", 1, 412)).await?.is_none(), "the contact is left");
    Ok(())
}

async fn a_person_is_forgotten_after_a_yes_and_nothing_is_answered_twice(backing: Backing) -> Result<()> {
    let mut town = town(backing).await?;
    let conversation = town.chatwoot.new_conversation(412);
    let key = format!("chatwoot:1:{conversation}");
    talk(&town, conversation, "My name is Quixote. Do you ship?").await?;
    let other = town.chatwoot.new_conversation(town.chatwoot.new_contact("Dana", None));
    talk(&town, other, "Hello from Dana.").await?;
    // In the middle of a turn, too.
    town.model.push(Reply::Hang);
    town.chatwoot.customer_writes(conversation, "And by air, says Quixote?");
    until("the model is asked", || town.model.calls().len() == 3).await?;
    let told = typing(&town, &["chats", "clear", &key], "no\n")?;
    ensure!(!told.ok && told.err.contains("nothing was erased") && told.out.contains("cannot be undone"), "{told:#?}");
    let told = typing(&town, &["chats", "clear", &key], "")?;
    ensure!(!told.ok, "the end of the input is a no: {told:#?}");
    ensure!(ok(at(&town, &["chats", "show", &key])?)?.contains(NAME));
    let told = typing(&town, &["chats", "clear", &key], "yes\n")?;
    ensure!(ok(told)?.contains(&format!("Erased {key}.")));
    until("the call is stopped", || town.model.calls()[2].aborted).await?;
    let shown = ok(at(&town, &["chats", "show", &key])?)?;
    ensure!(shown.contains("Nothing is remembered.") && !shown.contains(NAME), "{shown}");
    let exported = ok(at(&town, &["chats", "export", "--format", "jsonl"])?)?;
    ensure!(!exported.contains(NAME) && exported.contains("Hello from Dana."), "{exported}");
    town.chatwoot.wait_quiet().await?;
    town.daemon.kill()?;
    nothing_is_stored_of_them(&town, &key).await?;
    // The next process looks back over what it may have missed, and finds what was answered or erased.
    let replies = town.chatwoot.see(|world| world.replies(conversation));
    town.daemon.start().await?;
    talk(&town, conversation, "Something new.").await?;
    let call = last_call(&town)?.body.to_string();
    ensure!(call.contains("Something new.") && !call.contains(NAME), "{call}");
    town.chatwoot.wait_quiet().await?;
    ensure!(town.chatwoot.see(|world| world.replies(conversation).len()) == replies.len() + 1, "{replies:?}");
    let told = at(&town, &["audit"])?;
    ensure!(told.ok, "{told:#?}");
    Ok(())
}

async fn everybody_is_forgotten_at_once(backing: Backing) -> Result<()> {
    let town = town(backing).await?;
    ensure!(ok(at(&town, &["chats", "clear-all"])?)?.contains("There are no conversations."));
    for _ in 0..2 {
        let conversation = town.chatwoot.new_conversation(town.chatwoot.new_contact("Somebody", None));
        talk(&town, conversation, "My name is Quixote.").await?;
    }
    let told = ok(typing(&town, &["chats", "clear-all"], "Yes\n")?)?;
    ensure!(told.contains("2 conversations") && told.matches("Erased chatwoot:1:").count() == 2, "{told}");
    let exported = ok(at(&town, &["chats", "export", "--format", "md"])?)?;
    ensure!(exported.matches("Nothing is remembered.").count() == 2 && !exported.contains(NAME), "{exported}");
    Ok(())
}

async fn a_conversation_is_summed_up_and_exported(backing: Backing) -> Result<()> {
    let town = town(backing).await?;
    let conversation = town.chatwoot.new_conversation(412);
    let key = format!("chatwoot:1:{conversation}");
    talk(&town, conversation, "My name is Quixote.\n# Do you ship?").await?;
    town.model.push(Reply::Text("Quixote wants to know about shipping.".to_owned()));
    let told = ok(at(&town, &["chats", "summary", &key])?)?;
    ensure!(told == "Quixote wants to know about shipping.\n", "{told}");
    let call = last_call(&town)?;
    ensure!(call.system().contains("You sum up") && call.system().contains("in English"), "{}", call.system());
    ensure!(call.body["tools"].is_null() && call.last_user_message().starts_with("Customer: My name is Quixote."));
    town.model.push(Reply::Error(401, "invalid_request_error", "invalid_api_key"));
    let told = at(&town, &["chats", "summary", &key])?;
    ensure!(!told.ok && told.err.contains("OPENAI_API_KEY"), "{told:#?}");
    let told = at(&town, &["chats", "summary", "chatwoot:1:404404"])?;
    ensure!(!told.ok && told.err.contains("no conversation has this key"), "{told:#?}");
    let markdown = ok(at(&town, &["chats", "export", &key, "--format", "md"])?)?;
    for line in [&format!("# {key}"), "> My name is Quixote.", "> # Do you ship?", "## Done (UTC)"] {
        ensure!(markdown.lines().any(|found| found == line), "{line:?}: {markdown}");
    }
    let lines = ok(at(&town, &["chats", "export", "--format", "jsonl"])?)?;
    let one: Value = serde_json::from_str(lines.lines().next().context("a line")?)?;
    ensure!(
        one["conversation"]["key"] == *key && one["journal"].as_array().is_some_and(|steps| !steps.is_empty()),
        "{one:#}"
    );
    Ok(())
}

on_both_stores!(
    a_person_is_forgotten_after_a_yes_and_nothing_is_answered_twice,
    everybody_is_forgotten_at_once,
    a_conversation_is_summed_up_and_exported,
);

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_forgotten_on_all_nodes() -> Result<()> {
    let town = town(Backing::Redis).await?;
    let mut beside = town.daemon.twin()?;
    beside.set("NODE_ID", "beside");
    beside.start().await?;
    let conversation = town.chatwoot.new_conversation(412);
    let key = format!("chatwoot:1:{conversation}");
    talk(&town, conversation, "My name is Quixote.").await?;
    // The conversation lives in the first node, which is asking the model; the second one is told to forget it.
    town.model.push(Reply::Hang);
    town.chatwoot.customer_writes(conversation, "Are you there, asks Quixote?");
    until("the model is asked", || town.model.calls().len() == 2).await?;
    let environment = beside.environment();
    let pairs: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let told = frontdesk(&["chats", "clear", &key, "--yes"], &pairs)?;
    ensure!(ok(told)?.contains("Erased"));
    until("the call on the other node is stopped", || town.model.calls()[1].aborted).await?;
    for arguments in [["chats", "show", &key], ["chats", "explain", &key]] {
        let shown = ok(at(&town, &arguments)?)?;
        ensure!(!shown.contains(NAME), "{shown}");
    }
    talk(&town, conversation, "Something new.").await?;
    let call = last_call(&town)?.body.to_string();
    ensure!(call.contains("Something new.") && !call.contains(NAME), "{call}");
    town.chatwoot.wait_quiet().await?;
    ensure!(town.chatwoot.see(|world| world.replies(conversation).len()) == 2, "nothing is said twice");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_looked_for_and_verbs_say_what_they_need() -> Result<()> {
    let town = town(Backing::Embedded).await?;
    for verb in [&["show"][..], &["clear", "--yes"], &["summary"]] {
        let arguments = [&["chats"], verb, &["--phone", "+7 700 123-45-67"]].concat();
        let told = at(&town, &arguments)?;
        ensure!(!told.ok && told.err.contains("no conversation is known of this number"), "{told:#?}");
        let told = at(&town, &[&["chats"], verb].concat())?;
        ensure!(!told.ok && told.err.contains("--phone"), "{told:#?}");
    }
    let told = at(&town, &["chats", "show", "--phone", "57"])?;
    ensure!(!told.ok && told.err.contains("at least seven digits"), "{told:#?}");
    let told = at(&town, &["chats", "export"])?;
    ensure!(!told.ok && told.err.contains("--format"), "{told:#?}");
    Ok(())
}
