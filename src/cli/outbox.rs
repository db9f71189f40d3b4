//! `frontdesk outbox …`: what has not left the house, and what an operator decides about messages of unknown outcome.

use super::chats::typed;
use super::remote::{Remote, RemoteError, conversation};
use super::terminal::{harmless, print, print_json, table};
use crate::app::with_causes;
use crate::config::Config;
use crate::utc::date_time;
use clap::Subcommand;
use frontdesk_actors::engine::OutboxRow;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// How many characters of a text or a reason are shown.
const WORDS: usize = 60;

/// What can be done about rows.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Verb {
    /// Lists rows that are not known to have left the house, the held ones first.
    List {
        /// Only rows in this state: held, unknown, waiting, queued or sending.
        #[arg(long)]
        state: Option<String>,
        /// Prints the daemon's answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Sends a held row again, under its own id: it did not arrive.
    Resend {
        /// The conversation, as `outbox list` prints it.
        key: String,
        /// The row, as `outbox list` prints it.
        row: String,
    },
    /// Drops a held row: it did arrive, or is not wanted any more.
    Drop {
        /// The conversation, as `outbox list` prints it.
        key: String,
        /// The row, as `outbox list` prints it.
        row: String,
    },
}

/// Asks the daemon and prints what it says.
pub(super) async fn run(config: &Config, verb: Option<Verb>) -> Result<(), String> {
    let asked = async {
        let remote = Remote::of(config)?;
        match verb.unwrap_or(Verb::List { state: None, json: false }) {
            Verb::List { state, json } => list(&remote, state.as_deref(), json).await,
            Verb::Resend { key, row } => decide(&remote, &key, &row, "resend").await,
            Verb::Drop { key, row } => decide(&remote, &key, &row, "drop").await,
        }
    };
    asked.await.map_err(|error| with_causes(&error))
}

async fn list(remote: &Remote, state: Option<&str>, json: bool) -> Result<(), RemoteError> {
    let wanted = state.map(|state| format!("?state={}", utf8_percent_encode(state, NON_ALPHANUMERIC)));
    let mut said: Value = remote.get(&format!("/api/outbox{}", wanted.unwrap_or_default())).await?;
    if json {
        print_json(&said);
        return Ok(());
    }
    let listed: Vec<OutboxRow> = typed(said["rows"].take())?;
    if listed.is_empty() {
        print("Everything has left the house.\n");
        return Ok(());
    }
    let heads = ["KEY", "ROW", "KIND", "STATE", "TRIES", "MADE (UTC)", "WHAT"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(heads).chain(listed.iter().map(row)).collect();
    print(&table(&rows));
    if listed.iter().any(|one| one.row.state == "held") {
        print(
            "\nNobody knows whether held rows arrived. Look at the conversation, then `frontdesk outbox resend KEY ROW` \
             or `frontdesk outbox drop KEY ROW`.\n",
        );
    }
    Ok(())
}

fn row(one: &OutboxRow) -> Vec<String> {
    let row = &one.row;
    let what = row.text.as_deref().or(row.trouble.as_deref()).unwrap_or_default();
    vec![
        one.key.to_string(),
        row.id.to_string(),
        row.kind.clone(),
        row.state.clone(),
        row.tries.to_string(),
        date_time(row.created),
        harmless(what, WORDS),
    ]
}

async fn decide(remote: &Remote, key: &str, row: &str, verb: &str) -> Result<(), RemoteError> {
    let below = format!("/outbox/{}/{verb}", utf8_percent_encode(row, NON_ALPHANUMERIC));
    let said: Value = remote.post(&conversation(key, &below), &json!({})).await?;
    print(match said["row"].as_str() {
        Some("queued") => "It is queued again, under its own id.\n",
        Some("dropped") => "It is dropped.\n",
        Some(_) | None => return Err(RemoteError::Foreign("the daemon".to_owned())),
    });
    Ok(())
}
