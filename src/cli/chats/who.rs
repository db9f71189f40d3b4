//! Whose conversations a verb is about: named by a key, or by a telephone number.

use super::typed;
use crate::cli::remote::{Remote, RemoteError};
use clap::Args;
use frontdesk_actors::engine::Found;
use serde_json::{Value, json};

/// A conversation, or a person by their number.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct Who {
    /// The conversation, as `chats list` prints it.
    pub(super) key: Option<String>,
    /// A telephone number, in whatever spelling, where the channel's ids are numbers.
    #[arg(long, value_name = "NUMBER")]
    pub(super) phone: Option<String>,
}

impl Who {
    /// Returns the key of exactly one conversation.
    pub(super) async fn one(&self, remote: &Remote) -> Result<String, RemoteError> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        let found = self.all(remote).await?;
        match found.as_slice() {
            [one] => Ok(one.key.to_string()),
            several => {
                Err(RemoteError::Several(several.iter().map(|one| one.key.to_string()).collect::<Vec<_>>().join(", ")))
            }
        }
    }

    /// Returns every conversation of the person; there is at least one.
    pub(super) async fn all(&self, remote: &Remote) -> Result<Vec<Found>, RemoteError> {
        let whose = match (&self.key, &self.phone) {
            (Some(key), _) => json!({ "key": key }),
            (None, Some(phone)) => json!({ "phone": phone }),
            (None, None) => json!({ "all": true }),
        };
        let found = find(remote, &whose).await?;
        match (found.is_empty(), &self.key) {
            (false, _) => Ok(found),
            (true, Some(_)) => Err(RemoteError::NoSuchConversation),
            (true, None) => Err(RemoteError::NobodyFound),
        }
    }
}

/// Asks for everybody's conversations.
pub(super) async fn everybody(remote: &Remote) -> Result<Vec<Found>, RemoteError> {
    find(remote, &json!({ "all": true })).await
}

/// Asks for conversations. Whose stands in the body: an address ends up in logs.
async fn find(remote: &Remote, whose: &Value) -> Result<Vec<Found>, RemoteError> {
    let mut said: Value = remote.post("/api/people", whose).await?;
    typed(said["conversations"].take())
}
