//! `frontdesk chats summary`: what a conversation was about, in the model's words.

use super::who::Who;
use crate::cli::remote::{Remote, RemoteError, conversation};
use crate::cli::terminal::{plain, print};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a summary is waited for: its turn at the model's gate, and the call.
const PATIENCE: Duration = Duration::from_secs(180);

/// Prints a summary of the conversation, or of each of the number's.
pub(super) async fn summary(remote: &Remote, who: &Who) -> Result<(), RemoteError> {
    let keys: Vec<String> = match &who.key {
        Some(key) => vec![key.clone()],
        None => who.all(remote).await?.into_iter().map(|found| found.key.to_string()).collect(),
    };
    for key in &keys {
        let path = conversation(key, "/summary");
        let said: Value = match remote.post_within(&path, &json!({}), PATIENCE).await {
            // Others of the same person may have been said something in.
            Err(RemoteError::Refused { detail, .. }) if keys.len() > 1 => {
                print(&format!("{key}\n{detail}\n\n"));
                continue;
            }
            said => said?,
        };
        let text = said["summary"].as_str().ok_or_else(|| RemoteError::Foreign("the daemon".to_owned()))?;
        if keys.len() > 1 {
            print(&format!("{key}\n"));
        }
        print(&format!("{}\n", plain(text).trim()));
        if keys.len() > 1 {
            print("\n");
        }
    }
    Ok(())
}
