//! Whether the desk speaks, or only shows colleagues what it would have said.

use super::Config;
use super::validate::Review;
use frontdesk_actors::flow::shadow::Shadow;
use serde::Deserialize;
use std::sync::Arc;

/// Whether the desk speaks to customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BotMode {
    /// It does.
    Live,
    /// It shows colleagues what it would have said.
    Shadow,
}

impl Config {
    /// Returns in which of Chatwoot's inboxes the desk only drafts.
    pub fn chatwoot_shadow(&self) -> Shadow {
        let inboxes = &self.chatwoot.shadow_inboxes;
        match self.desk.mode {
            BotMode::Shadow => Shadow::On,
            BotMode::Live if inboxes.is_empty() => Shadow::Off,
            BotMode::Live => Shadow::Inboxes(Arc::new(inboxes.iter().map(u64::to_string).collect())),
        }
    }

    /// Returns whether the desk only drafts in the page's conversations.
    pub fn web_shadow(&self) -> Shadow {
        match self.desk.mode {
            BotMode::Shadow => Shadow::On,
            BotMode::Live => Shadow::Off,
        }
    }

    pub(super) fn check_shadow(&self, review: &mut Review) {
        let (served, shadow) = (&self.chatwoot.inbox_id, &self.chatwoot.shadow_inboxes);
        if let Some(stranger) = shadow.iter().find(|inbox| !served.is_empty() && !served.contains(inbox)) {
            review.problem(
                "SHADOW_INBOXES",
                format!("names inbox {stranger}, which CHATWOOT_INBOX_ID does not serve"),
                "add it there, or remove it here",
            );
        }
        if self.desk.mode == BotMode::Shadow {
            review.warn("BOT_MODE=shadow: the desk says nothing to customers; its answers become private notes");
        }
    }
}
