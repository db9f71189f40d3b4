//! The chat page as a channel. Nobody stands behind it: this adapter is the vendor, and what a vendor would keep (the
//! transcript, the status, who is assigned) lives in the store's feed of the conversation.
//!
//! Because the feed is ours and appends are idempotent by id, a send is never unknown and a look is always complete.
//! `web/entry.rs` is what stands in a feed, `web/inbound.rs` what people do, `web/channel.rs` what the desk does,
//! `web/follow.rs` how somebody watches.

mod channel;
mod entry;
mod follow;
mod inbound;
mod live;
mod session;

pub use entry::{Entry, Kind, Standing, Who};
pub use follow::{Cursor, Follower, Update};
pub use inbound::{Draft, Posted, WebError};
pub use live::TooManyStreams;
pub use session::{COOKIE, Session};

use entry::Line;
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::ports::{PortError, Store};
use frontdesk_actors::time::Clock;
use live::Live;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

/// The channel's name: the first part of its conversation keys.
pub const NAME: &str = "web";

/// The account part of every key: there is one page.
pub const ACCOUNT: &str = "page";

/// How long one text may be, in characters.
pub const MAX_TEXT: usize = 4000;

/// What an operator may choose about the page.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// The desk's own address (`PUBLIC_URL`), for links in cards; without one cards have no link.
    pub public_url: Option<String>,
    /// How many messages one visitor may send per minute.
    pub per_session: u32,
    /// How many messages all visitors together may send per minute.
    pub all_sessions: u32,
    /// How often a watcher looks for entries that another node wrote.
    pub poll: Duration,
    /// How many watchers one node serves.
    pub streams: usize,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self { public_url: None, per_session: 30, all_sessions: 1200, poll: Duration::from_secs(2), streams: 4096 }
    }
}

/// The page's channel.
pub struct Web {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    settings: WebSettings,
    live: Live,
}

impl Web {
    /// Makes the channel.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, settings: WebSettings) -> Self {
        let live = Live::new(settings.streams);
        Self { store, clock, settings, live }
    }

    /// Returns the entries of a conversation numbered above `after`, oldest first, private ones included.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn transcript(&self, key: &ConversationKey, after: u64) -> Result<Vec<Entry>, PortError> {
        let feed = self.store.feed(key, after).await?;
        Ok(feed.into_iter().map(|(seq, bytes)| Entry::read(seq, &bytes)).collect())
    }

    /// Returns who has a conversation.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn standing(&self, key: &ConversationKey) -> Result<Standing, PortError> {
        Ok(Standing::of(&self.transcript(key, 0).await?))
    }

    /// Returns the text of the customer's last message, if they wrote one.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn last_customer_text(&self, key: &ConversationKey) -> Result<Option<String>, PortError> {
        let entries = self.transcript(key, 0).await?;
        Ok(entries.into_iter().rev().find(|entry| entry.who == Who::You).map(|entry| entry.text))
    }

    /// Tells, for every conversation of the page that changes on this node, its key.
    ///
    /// # Errors
    /// [`TooManyStreams`] if too many colleagues listen already.
    pub fn changes(&self) -> Result<broadcast::Receiver<ConversationKey>, TooManyStreams> {
        self.live.changes()
    }

    /// Returns whether this channel serves the conversation.
    pub fn serves(key: &ConversationKey) -> bool {
        key.channel() == NAME
    }

    async fn append(&self, key: &ConversationKey, id: &str, line: &Line) -> Result<u64, PortError> {
        let seq = self.store.append_feed(key, id, line.encode()).await?;
        self.live.changed(key);
        Ok(seq)
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").field("settings", &self.settings).finish_non_exhaustive()
    }
}
