//! `frontdesk chats quarantined` and `chats requeue`: what is set aside, and taking it back.

use super::typed;
use crate::cli::remote::{Remote, RemoteError, conversation};
use crate::cli::terminal::{harmless, print, print_json, table};
use crate::utc::date_time;
use frontdesk_actors::engine::{Requeued, SetAside};
use serde_json::{Value, json};

/// How many characters of a reason are shown.
const WHY: usize = 60;

pub(super) async fn list(remote: &Remote, json: bool) -> Result<(), RemoteError> {
    let mut said: Value = remote.get("/api/quarantine").await?;
    if json {
        print_json(&said);
        return Ok(());
    }
    let listed: Vec<SetAside> = typed(said["conversations"].take())?;
    if listed.is_empty() {
        print("Nothing is set aside.\n");
        return Ok(());
    }
    let heads = ["KEY", "EVENTS", "PEOPLE HAVE IT", "SINCE (UTC)", "WHY NOBODY SERVES IT"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(heads).chain(listed.iter().map(row)).collect();
    print(&table(&rows));
    Ok(())
}

fn row(one: &SetAside) -> Vec<String> {
    vec![
        one.key.to_string(),
        one.events.to_string(),
        if one.rescued { "yes" } else { "not yet" }.to_owned(),
        one.since.map_or_else(|| "-".to_owned(), date_time),
        one.quarantined.as_deref().map_or_else(|| "it is served".to_owned(), |why| harmless(why, WHY)),
    ]
}

pub(super) async fn requeue(remote: &Remote, key: &str) -> Result<(), RemoteError> {
    let said: Value = remote.post(&conversation(key, "/requeue"), &json!({})).await?;
    let Requeued { taken, left, quarantined } = typed(said)?;
    print(&format!("{taken} parked {} taken.\n", if taken == 1 { "event was" } else { "events were" }));
    if left > 0 || quarantined { Err(RemoteError::Partly { left, quarantined }) } else { Ok(()) }
}
