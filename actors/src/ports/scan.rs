//! Reading everything, a page at a time, changing nothing. See `ports.rs`.

use super::{PortError, Stored};
use crate::ids::ConversationKey;
use crate::time::Timestamp;
use async_trait::async_trait;
use std::fmt;

/// A store that can be read as a whole, while others use it.
#[async_trait]
pub trait Scan: Send + Sync + fmt::Debug {
    /// Returns the next conversations after `after`, in an order of the store's own, and where to go on. Whatever stands
    /// throughout the whole scan is returned at least once; what is written meanwhile may come twice. Record, memory and
    /// wake-up of one conversation are of the same moment. `limit` is a wish: a page may be larger or empty.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn scan(&self, after: Option<&ScanCursor>, limit: usize) -> Result<ScanPage, PortError>;
}

/// Where a scan goes on. Means something only to the store that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanCursor(pub String);

/// One page of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPage {
    /// What was found.
    pub found: Vec<Scanned>,
    /// Where to go on; `None` at the end.
    pub next: Option<ScanCursor>,
}

/// One conversation as a scan finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// The conversation.
    pub key: ConversationKey,
    /// Its record and memory; `None` if only a wake-up stands.
    pub stored: Option<Stored>,
    /// When its wake-up is due, if one stands.
    pub wake: Option<Timestamp>,
}
