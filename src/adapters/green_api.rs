//! WhatsApp through GREEN-API: webhooks (or polled notifications) in, REST out.
//!
//! The way in is pure: [`WebhookToken::permits`], then [`parse`]. The way out is [`GreenApi`], an implementation of the engine's
//! channel port. GREEN-API carries no id of ours, has no status and no assignee of a chat, and puts its token into every
//! address; what that means for each part, and what each kind of webhook becomes, is written in `docs/green-api-wire.md`.

mod client;
mod content;
mod health;
mod json;
mod settings;
mod token;
mod webhook;

pub use client::{GreenApi, Notification, Settings, SetupError};
pub use health::{Health, HealthPost, InstanceState};
pub use settings::{Difference, Wanted};
pub use token::WebhookToken;
pub use webhook::{ParseContext, ParseError, Parsed, parse};

use frontdesk_actors::ids::ConversationKey;

/// The first part of the keys of this channel's conversations and contacts.
pub const CHANNEL: &str = "green-api";

/// The longest chat id that is taken; real ones have about thirty characters.
const LONGEST_CHAT: usize = 120;

/// Returns the key of a chat; `None` if the id cannot be part of one.
fn key_of(instance: u64, chat: &str) -> Option<ConversationKey> {
    let fits = !chat.is_empty() && chat.len() <= LONGEST_CHAT && chat.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| ConversationKey::new(CHANNEL, instance, chat))
}

/// Returns the key under which what cannot be read of an instance is kept.
pub fn unread_key(instance: u64) -> ConversationKey {
    ConversationKey::unread(CHANNEL, instance)
}
