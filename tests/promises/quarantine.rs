//! A conversation whose record cannot be read: its webhooks are kept, people get it, and an operator takes it back.

use super::support::{BOTH_STORES, Place, ask, command, run, said, said_once, scenarios, viewed};
use anyhow::{Context, Result, ensure};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_sandbox::town::Town;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_loses_no_message() -> Result<()> {
    run(&BOTH_STORES, scenarios![taken_back_by_an_operator, taken_back_by_the_next_start]).await
}

const QUESTION: &str = "Do you ship to Norway?";

/// A record of one conversation, where it stands in the store of the town.
struct Record {
    key: ConversationKey,
    whole: Option<Vec<u8>>,
}

impl Record {
    fn names(&self) -> (String, String) {
        let shard = self.key.shard();
        (format!("fd:{{{shard}}}:c:{}", self.key), format!("fd:{{{shard}}}:whole"))
    }

    fn database(town: &Town) -> Result<Connection> {
        let db = Connection::open(town.daemon.data_dir().join("frontdesk.sqlite3"))?;
        db.busy_timeout(Duration::from_secs(10))?;
        Ok(db)
    }

    /// Damages it. Nobody has the conversation in memory meanwhile: the daemon is down.
    async fn damage(town: &Town, conversation: u64) -> Result<Self> {
        let mut record = Self { key: ConversationKey::new("chatwoot", 1, conversation), whole: None };
        let (name, copy) = record.names();
        match &town.redis {
            Some(redis) => {
                redis.command(&["COPY", &name, &copy]).await?;
                redis.command(&["HSET", &name, "r", "this is no record"]).await?;
            }
            None => {
                let db = Self::database(town)?;
                let key = record.key.as_str();
                record.whole =
                    Some(db.query_row("SELECT record FROM conversations WHERE key = ?1", [key], |row| row.get(0))?);
                let changed = db.execute("UPDATE conversations SET record = x'c1' WHERE key = ?1", [key])?;
                ensure!(changed == 1, "the record stands in the file");
            }
        }
        Ok(record)
    }

    /// Makes it what it was.
    async fn mend(&self, town: &Town) -> Result<()> {
        let (name, copy) = self.names();
        match &town.redis {
            Some(redis) => drop(redis.command(&["COPY", &copy, &name, "REPLACE"]).await?),
            None => {
                let whole = self.whole.as_ref().context("it was damaged")?;
                let set = "UPDATE conversations SET record = ?1 WHERE key = ?2";
                Self::database(town)?.execute(set, rusqlite::params![whole, self.key.as_str()])?;
            }
        }
        Ok(())
    }
}

/// The record is damaged while the desk is away; then the customer writes twice.
async fn quarantined(town: &mut Town, place: Place) -> Result<(u64, Record)> {
    let conversation = ask(town, QUESTION);
    said_once(town, place, conversation, QUESTION).await?;
    town.daemon.kill()?;
    let record = Record::damage(town, conversation).await?;
    town.daemon.start().await?;
    for text in ["And to Sweden?", "Hello?"] {
        town.chatwoot.customer_writes(conversation, text);
    }
    town.chatwoot.wait_quiet().await?;
    let refused = town.chatwoot.see(|world| world.deliveries().iter().filter(|one| !one.outcome.is_accepted()).count());
    ensure!(refused == 0, "every webhook is acknowledged, {refused} were not");
    let status = |world: &frontdesk_sandbox::chatwoot::WorldView<'_>| {
        world.conversation(conversation).is_some_and(|shown| shown.status == "open")
    };
    town.chatwoot.wait_for("the desk opens the conversation", status).await?;
    town.teams.wait_for_cards(2).await?;
    Ok((conversation, record))
}

async fn aside(town: &Town) -> Result<Vec<Value>> {
    let (status, listed) = town.admin("GET", "/api/quarantine", json!({})).await?;
    ensure!(status == 200, "{status}: {listed}");
    Ok(listed["conversations"].as_array().cloned().unwrap_or_default())
}

async fn has_read_everything(town: &Town, conversation: u64) -> Result<()> {
    let remembers = |view: &Value, text: &str| {
        view["memory"].as_array().into_iter().flatten().any(|message| message["text"] == text)
    };
    let all = |view: &Value| ["And to Sweden?", "Hello?"].iter().all(|text| remembers(view, text));
    let taken = |view: &Value| all(view) && view["phase"] == "human";
    viewed(town, conversation, "the parked messages are taken, and people have it", taken).await?;
    let began = Instant::now();
    while !aside(town).await?.is_empty() {
        ensure!(began.elapsed() < Duration::from_secs(60), "something is set aside still");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ensure!(said(town, conversation, "Hello?") == 0, "nobody was talked over");
    Ok(())
}

async fn taken_back_by_an_operator(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    let (conversation, record) = quarantined(&mut town, place).await?;
    let listed = aside(&town).await?;
    ensure!(listed.len() == 1 && listed[0]["events"].as_u64() >= Some(2), "{listed:?}");
    let requeue = format!("/api/conversations/{}/requeue", record.key);
    let (ok, listed) = command(&town, &["chats", "quarantined"])?;
    ensure!(ok && listed.contains(record.key.as_str()) && listed.contains("cannot be read"), "{listed}");
    let (status, answer) = town.admin("POST", &requeue, json!({})).await?;
    ensure!((status, &answer["quarantined"]) == (200, &json!(true)), "it cannot be read yet: {answer}");
    let (ok, said) = command(&town, &["chats", "requeue", record.key.as_str()])?;
    ensure!(!ok && said.contains("set aside still"), "{said}");
    record.mend(&town).await?;
    let (ok, said) = command(&town, &["chats", "requeue", record.key.as_str()])?;
    ensure!(ok && said.contains("taken"), "{said}");
    has_read_everything(&town, conversation).await?;
    let (status, answer) = town.admin("POST", &requeue, json!({})).await?;
    ensure!((status, &answer["code"]) == (404, &json!("nothing_set_aside")), "{answer}");
    Ok(())
}

async fn taken_back_by_the_next_start(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    let (conversation, record) = quarantined(&mut town, place).await?;
    town.daemon.kill()?;
    town.daemon.start().await?;
    let began = Instant::now();
    // Still damaged: the next run sets it aside again, and loses nothing.
    while aside(&town).await?.first().is_none_or(|one| one["events"].as_u64() < Some(2)) {
        ensure!(began.elapsed() < Duration::from_secs(60), "what was parked is gone");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    town.daemon.kill()?;
    record.mend(&town).await?;
    town.daemon.start().await?;
    has_read_everything(&town, conversation).await
}
