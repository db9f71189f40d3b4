//! The account's number. Its name says which account is meant, but some of what comes names only a number: so the number is
//! pinned, and nothing with another one is taken. The API says it; before it was asked, the first proved token does.

use frontdesk_actors::ports::Store;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a request waits at most for the store to say the number; then only names are compared.
const READING: Duration = Duration::from_millis(200);

/// The pinned number of one account.
pub(super) struct Account {
    store: Arc<dyn Store>,
    setting: String,
    /// 0 until it is known.
    known: AtomicU64,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("known", &self.known).finish_non_exhaustive()
    }
}

impl Account {
    pub(super) fn new(store: Arc<dyn Store>, subdomain: &str) -> Self {
        Self { store, setting: format!("kommo_account:{subdomain}"), known: AtomicU64::new(0) }
    }

    /// Returns the number, if this node or another has pinned it.
    pub(super) async fn number(&self) -> Option<u64> {
        let known = self.known.load(Ordering::Relaxed);
        if known > 0 {
            return Some(known);
        }
        let read = tokio::time::timeout(READING, self.store.setting(&self.setting)).await;
        let stored = read.ok()?.ok()??.parse::<u64>().ok().filter(|number| *number > 0)?;
        self.known.store(stored, Ordering::Relaxed);
        Some(stored)
    }

    /// Pins what the API says, whatever was pinned before.
    pub(super) fn pin(&self, number: u64) {
        let before = self.known.swap(number, Ordering::Relaxed);
        if before == number || number == 0 {
            return;
        }
        if before > 0 {
            tracing::warn!("the Kommo account has another number than before: what names the old one is refused now");
        }
        let (store, setting) = (self.store.clone(), self.setting.clone());
        tokio::spawn(async move {
            if let Err(error) = store.put_setting(&setting, &number.to_string()).await {
                tracing::debug!(error = %error, "the number of the Kommo account is not stored yet");
            }
        });
    }

    /// Returns whether a number that is proved to be of this account's name is not its own. The first one is pinned.
    pub(super) async fn is_foreign(&self, proved: u64) -> bool {
        match self.number().await {
            Some(known) => known != proved,
            None => {
                self.pin(proved);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_actors::testkit::MemoryStore;
    use frontdesk_actors::time::SystemClock;

    #[tokio::test]
    async fn a_number_is_pinned_once_for_all_nodes_and_the_api_has_the_last_word() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
        let [here, there, other] = ["fixture", "fixture", "other"].map(|name| Account::new(store.clone(), name));
        assert_eq!(here.number().await, None);
        assert!(!here.is_foreign(7).await && here.is_foreign(8).await, "the first one counts");
        while there.number().await.is_none() {
            tokio::task::yield_now().await;
        }
        assert!(there.is_foreign(8).await && !there.is_foreign(7).await);
        assert_eq!(other.number().await, None, "another account has a number of its own");
        here.pin(9);
        assert!(here.is_foreign(7).await);
        let later = || Account::new(store.clone(), "fixture");
        while later().number().await != Some(9) {
            tokio::task::yield_now().await;
        }
    }
}
