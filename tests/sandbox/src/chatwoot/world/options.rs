//! What a test may choose, and what it may count.

use std::time::Duration;

/// How the double is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// The account's number.
    pub account: u64,
    /// The version to behave as; from 4.17 attributes are merged if asked, and assigning changes the status.
    pub version: (u32, u32, u32),
    /// Whether the agent bot is connected to the inbox.
    pub bot_connected: bool,
    /// The bot's token.
    pub bot_token: String,
    /// A user's token.
    pub user_token: String,
    /// Whether that user is an administrator; an agent who opens a conversation assigns themselves.
    pub user_is_administrator: bool,
    /// Where events of the account go.
    pub account_webhook: Option<Hook>,
    /// Where events of the agent bot go.
    pub bot_webhook: Option<Hook>,
    /// How long a webhook may take: 5 s.
    pub webhook_timeout: Duration,
    /// How long Chatwoot waits before it repeats a bot webhook: 3 s.
    pub bot_retry_interval: Duration,
    /// Whether a failed bot webhook leaves a pending conversation alone.
    pub keep_pending_on_bot_failure: bool,
    /// How many requests a clock minute allows; `None` for any number.
    pub requests_per_minute: Option<u32>,
    /// What the inbox greets with, as a template message after the first customer message.
    pub greeting: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            account: 1,
            version: (4, 16, 2),
            bot_connected: true,
            bot_token: "bot-token-fixture".to_owned(),
            user_token: "user-token-fixture".to_owned(),
            user_is_administrator: true,
            account_webhook: None,
            bot_webhook: None,
            webhook_timeout: Duration::from_secs(5),
            bot_retry_interval: Duration::from_secs(3),
            keep_pending_on_bot_failure: false,
            requests_per_minute: None,
            greeting: None,
        }
    }
}

impl Options {
    pub(in crate::chatwoot) fn hook(&self, target: Target) -> Option<&Hook> {
        match target {
            Target::Account => self.account_webhook.as_ref(),
            Target::AgentBot => self.bot_webhook.as_ref(),
        }
    }
}

/// Where webhooks go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The address.
    pub url: String,
    /// What they are signed with; `None` for unsigned ones.
    pub secret: Option<String>,
}

/// Who receives webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The account's subscriber: once, never repeated.
    Account,
    /// The agent bot: repeated on 429 and 500; a failure opens the conversation.
    AgentBot,
}

/// Whose token a request carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// The agent bot's.
    Bot,
    /// The user's.
    User,
}

/// What happened to webhooks so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// How many were accepted.
    pub accepted: u64,
    /// How many attempts were refused, or found nobody.
    pub refused: u64,
    /// How many were given up.
    pub lost: u64,
    /// How many conversations were opened because of a failed bot webhook.
    pub flipped: u64,
    /// How many are queued or under way.
    pub running: u64,
}
