//! `frontdesk chats export`: transcripts, and what the desk did and why.

use super::typed;
use super::who::{Who, everybody};
use crate::cli::remote::{Remote, RemoteError, conversation};
use crate::cli::terminal::{plain, print};
use crate::explain::Explained;
use crate::utc::date_time;
use clap::{Args, ValueEnum};
use frontdesk_actors::domain::{Remembered, Role};
use frontdesk_actors::engine::{RowView, View};
use serde_json::{Value, json};

/// How many steps of a conversation are told: all that are kept.
const STEPS: usize = 200;

/// Whose conversations are printed; everybody's if nobody is named.
#[derive(Debug, Clone, Args)]
#[group(required = false, multiple = false)]
pub(in crate::cli) struct Whom {
    /// The conversation, as `chats list` prints it.
    key: Option<String>,
    /// A telephone number, in whatever spelling.
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
}

/// For whom it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// One JSON object a line and conversation.
    Jsonl,
    /// Markdown.
    Md,
}

/// Prints conversations, one after the other.
pub(super) async fn export(remote: &Remote, whom: &Whom, format: Format) -> Result<(), RemoteError> {
    let keys: Vec<String> = match (&whom.key, &whom.phone) {
        (Some(key), _) => vec![key.clone()],
        (None, Some(_)) => {
            let who = Who { key: None, phone: whom.phone.clone() };
            who.all(remote).await?.into_iter().map(|found| found.key.to_string()).collect()
        }
        (None, None) => everybody(remote).await?.into_iter().map(|found| found.key.to_string()).collect(),
    };
    for key in keys {
        let shown: Value = remote.get(&conversation(&key, "")).await?;
        let explained: Value = remote.get(&conversation(&key, &format!("/journal?limit={STEPS}"))).await?;
        match format {
            Format::Jsonl => print(&format!("{}\n", json!({ "conversation": shown, "journal": explained["entries"] }))),
            Format::Md => print(&markdown(&typed(shown)?, &typed(explained)?)),
        }
    }
    Ok(())
}

fn markdown(view: &View, explained: &Explained) -> String {
    let name = view.contact.as_ref().and_then(|contact| contact.name.as_deref()).unwrap_or("unknown");
    let mut text = format!("# {}\n\n", view.key);
    text.push_str(&format!(
        "- customer: {}\n- language: {}\n- {}\n",
        plain(name).trim(),
        view.lang.code(),
        explained.now
    ));
    text.push_str("\n## Said\n\n");
    if view.memory.is_empty() {
        text.push_str("Nothing is remembered.\n");
    }
    view.memory.iter().for_each(|said| text.push_str(&line(said)));
    let waiting: Vec<&RowView> = view.outbox.iter().filter(|row| row.text.is_some()).collect();
    if !waiting.is_empty() {
        text.push_str("\n## Not known to have been sent\n\n");
    }
    for row in waiting {
        let words = row.text.as_deref().unwrap_or_default();
        text.push_str(&format!("- {} UTC, {}:\n\n{}\n", date_time(row.created), row.state, quoted(words)));
    }
    text.push_str("\n## Done (UTC)\n\n");
    if explained.entries.is_empty() {
        text.push_str("Nothing has been journalled.\n");
    }
    for line in &explained.entries {
        text.push_str(&format!("- {} {}\n", date_time(line.entry.at), line.text));
    }
    text.push('\n');
    text
}

fn line(said: &Remembered) -> String {
    let who = match said.role {
        Role::Customer => "Customer",
        Role::Desk => "Desk",
        Role::Person => "Person",
    };
    let spoken = if said.voice { " 🎤" } else { "" };
    format!("**{who}**{spoken}, {} UTC:\n\n{}\n", date_time(said.at), quoted(&said.text))
}

/// Quotes a stranger's words, so that no line of theirs becomes a heading or a list of ours.
fn quoted(text: &str) -> String {
    let text = plain(text);
    if text.trim().is_empty() {
        return "> (no words)\n".to_owned();
    }
    text.trim().lines().map(|line| format!("> {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_words_stay_inside_their_quotation() {
        assert_eq!(quoted("# Heading\n\u{1b}[2J- item\r\n"), "> # Heading\n> [2J- item\n");
        assert_eq!(quoted(" \n"), "> (no words)\n");
    }
}
