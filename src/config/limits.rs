//! How much at once, how fast, and whose calls count. Documented at length in `config/frontdesk.toml`.

use crate::config::fields;
use serde::Deserialize;
use std::time::Duration;

/// Whose calls count against a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Those of this node.
    Node,
    /// Those of all nodes that share the store.
    Cluster,
}

/// How much at once, and how fast.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Calls to Chatwoot per minute.
    pub chatwoot_per_minute: u32,
    /// Whose calls to Chatwoot count.
    pub chatwoot_scope: Scope,
    /// Calls to Chatwoot at once.
    pub chatwoot_width: usize,
    /// Calls to Kommo per second, of all nodes.
    pub kommo_per_second: u32,
    /// Model calls per minute.
    pub openai_per_minute: u32,
    /// Whose model calls count.
    pub openai_scope: Scope,
    /// Model calls at once.
    pub openai_width: usize,
    /// Voice messages per minute.
    pub transcription_per_minute: u32,
    /// Whose voice messages count.
    pub transcription_scope: Scope,
    /// Voice messages at once.
    pub transcription_width: usize,
    /// Mails per minute.
    pub smtp_per_minute: u32,
    /// Whose mails count.
    pub smtp_scope: Scope,
    /// SMTP conversations at once.
    pub smtp_width: usize,
    /// Cards per second.
    pub teams_per_second: u32,
    /// Whose cards count.
    pub teams_scope: Scope,
    /// Events that may wait in total.
    pub waiting: usize,
    /// Events that may wait for one conversation.
    pub waiting_per_conversation: usize,
    /// When a conversation without work leaves memory.
    #[serde(deserialize_with = "fields::millis")]
    pub passivate_after: Duration,
}
