//! `frontdesk chats …`: what the running daemon knows about conversations.

mod aside;
mod clear;
mod explain;
mod export;
mod show;
mod summary;
mod who;

use super::remote::{Remote, RemoteError};
use super::terminal::{harmless, print, print_json, table};
use crate::app::with_causes;
use crate::config::Config;
use crate::utc::date_time;
use clap::Subcommand;
use frontdesk_actors::engine::Summary;
use serde_json::Value;
use who::Who;

/// How many characters of a name are shown.
const NAME: usize = 32;

/// What can be asked about conversations.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Verb {
    /// Lists conversations, the most recently changed first.
    List {
        /// How many, at most 500.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Prints the daemon's answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows one conversation: who has it, what is owed, what is on its way, what is remembered.
    Show {
        #[command(flatten)]
        who: Who,
        /// Prints the daemon's answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Erases everything that is held about a person: in this conversation and all others of the same contact, or in all
    /// conversations of a number. Asks first.
    Clear {
        #[command(flatten)]
        who: Who,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Erases everything that is held about everybody. Asks first.
    ClearAll {
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Has the model sum up what is remembered.
    Summary {
        #[command(flatten)]
        who: Who,
    },
    /// Prints transcripts with what the desk did and why: of one person, or of everybody.
    Export {
        #[command(flatten)]
        who: export::Whom,
        /// jsonl: one JSON object a line and conversation, for machines. md: for people.
        #[arg(long, value_enum)]
        format: export::Format,
    },
    /// Lists conversations that nobody can serve, and those of which events are parked.
    Quarantined {
        /// Prints the daemon's answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Takes a conversation back: it is served again, and its parked events go the normal way, in order.
    Requeue {
        /// The conversation, as `chats quarantined` prints it.
        key: String,
    },
    /// Explains one conversation: why the desk spoke, why it was silent.
    Explain {
        /// The conversation, as `chats list` prints it.
        key: String,
        /// How many steps, at most 200; the newest are shown.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Prints the daemon's answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Asks the daemon and prints what it says.
pub(super) async fn run(config: &Config, verb: Verb) -> Result<(), String> {
    let asked = async {
        let remote = Remote::of(config)?;
        match verb {
            Verb::List { limit, json } => list(&remote, limit, json).await,
            Verb::Show { who, json } => show::show(&remote, &who.one(&remote).await?, json).await,
            Verb::Clear { who, yes } => clear::person(&remote, &who, yes).await,
            Verb::ClearAll { yes } => clear::everybody(&remote, yes).await,
            Verb::Summary { who } => summary::summary(&remote, &who).await,
            Verb::Export { who, format } => export::export(&remote, &who, format).await,
            Verb::Quarantined { json } => aside::list(&remote, json).await,
            Verb::Requeue { key } => aside::requeue(&remote, &key).await,
            Verb::Explain { key, limit, json } => explain::explain(&remote, &key, limit, json).await,
        }
    };
    asked.await.map_err(|error| with_causes(&error))
}

/// Reads what the daemon said as `T`.
pub(super) fn typed<T: serde::de::DeserializeOwned>(said: Value) -> Result<T, RemoteError> {
    serde_json::from_value(said).map_err(|_| RemoteError::Foreign("the daemon".to_owned()))
}

async fn list(remote: &Remote, limit: usize, json: bool) -> Result<(), RemoteError> {
    let mut said: Value = remote.get(&format!("/api/conversations?limit={limit}")).await?;
    if json {
        print_json(&said);
        return Ok(());
    }
    let listed: Vec<Summary> = typed(said["conversations"].take())?;
    if listed.is_empty() {
        print("There are no conversations.\n");
        return Ok(());
    }
    let heads = ["KEY", "PHASE", "WHY", "OWED", "HELD", "CHANGED (UTC)", "NAME"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(heads).chain(listed.iter().map(row)).collect();
    print(&table(&rows));
    Ok(())
}

fn row(summary: &Summary) -> Vec<String> {
    vec![
        summary.key.to_string(),
        summary.phase.as_str().to_owned(),
        summary.reason.clone().unwrap_or_else(|| "-".to_owned()),
        summary.owed.to_string(),
        summary.held.to_string(),
        date_time(summary.changed),
        harmless(summary.name.as_deref().unwrap_or_default(), NAME),
    ]
}
