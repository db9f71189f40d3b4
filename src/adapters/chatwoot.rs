//! Chatwoot: webhooks in (account webhook and agent bot alike), REST out.
//!
//! The way in is pure: [`verify_signature`], then [`parse`]. The way out is [`Chatwoot`], an implementation of the
//! engine's channel port. What is relied on, and what each event becomes, is written in `docs/chatwoot-wire.md`.

mod client;
mod lenient;
mod liquid;
mod mac;
mod moment;
mod printed;
mod signature;
mod state;
mod voice;
mod webhook;
mod wire;

pub use client::{Chatwoot, Reach, Settings, SetupError};
pub use mac::{ADDRESS_ATTRIBUTE, AttributeMac, MAC_ATTRIBUTE, Subject};
pub use signature::{SignatureError, Signed, WebhookSecrets, verify_signature};
pub use webhook::{MinimalMessage, ParseContext, ParseError, Parsed, parse};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The first part of the keys of this channel's conversations and contacts.
pub const CHANNEL: &str = "chatwoot";

/// The content attribute that carries the id of one of our rows to Chatwoot and back.
const ROW_ATTRIBUTE: &str = "frontdesk_id";

/// The id of this desk's agent bot at Chatwoot, shared between the way in and the way out.
///
/// A bot cannot ask for its own id, so it is learned from answers and echoes unless the operator configures it.
#[derive(Debug, Clone, Default)]
pub struct BotId(Arc<AtomicU64>);

impl BotId {
    /// Makes a shared id; `None` if it is still to be learned.
    pub fn new(id: Option<u64>) -> Self {
        Self(Arc::new(AtomicU64::new(id.unwrap_or(0))))
    }

    /// Returns the id, if known. Chatwoot numbers from 1.
    pub fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|id| *id != 0)
    }

    /// Remembers the id that a message of ours came back with.
    pub fn learn(&self, id: u64) {
        self.0.store(id, Ordering::Relaxed);
    }
}
