//! `frontdesk chats explain KEY`: why the desk spoke or was silent.

use super::typed;
use crate::cli::remote::{Remote, RemoteError, conversation};
use crate::cli::terminal::{print, print_json};
use crate::explain::Explained;
use crate::utc::date_time;
use serde_json::Value;

/// Prints where a conversation stands and how it came to that.
pub(super) async fn explain(remote: &Remote, key: &str, limit: usize, json: bool) -> Result<(), RemoteError> {
    let said: Value = remote.get(&conversation(key, &format!("/journal?limit={limit}"))).await?;
    if json {
        print_json(&said);
        return Ok(());
    }
    print(&text(&typed(said)?));
    Ok(())
}

fn text(explained: &Explained) -> String {
    let mut text = format!("{}\n{}\n\n", explained.key, explained.now);
    if explained.entries.is_empty() {
        text.push_str("Nothing has been journalled.\n");
        return text;
    }
    text.push_str("What happened, oldest first (UTC):\n");
    for line in &explained.entries {
        text.push_str(&format!("{}  {}\n", date_time(line.entry.at), line.text));
    }
    text
}
