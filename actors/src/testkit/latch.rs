//! Something to wait for that a test opens when it likes.

use tokio::sync::watch;

/// A door that is closed until a test opens it. Clones share it.
#[derive(Debug, Clone)]
pub struct Latch {
    open: watch::Sender<bool>,
}

impl Default for Latch {
    fn default() -> Self {
        Self { open: watch::Sender::new(false) }
    }
}

impl Latch {
    /// Lets everybody through, for good.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits until it is open.
    pub async fn wait(&self) {
        // The sender lives in `self`: the channel cannot close meanwhile.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }
}
