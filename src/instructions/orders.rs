//! An operator's order to read everything anew, and how it reaches every node.
//!
//! The node that is asked leaves the order in the store that all nodes share; the others look there as often as they look
//! at their files. An order names the document that the operator took although more than half of it was gone, by its
//! digest: that text and no other is taken elsewhere too, also by a node that is started later.

use super::book::clean;
use frontdesk_actors::ids::stable_hash;
use frontdesk_actors::ports::{PortError, Store};
use serde::{Deserialize, Serialize};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The name of the setting that holds the last order.
const ORDER: &str = "instructions_order";

/// The last order, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Order {
    /// Tells one order from another.
    id: String,
    /// The digest of the document that was taken although it had shrunk.
    #[serde(default)]
    approved: Option<String>,
}

/// The orders of all nodes, as one node knows them.
#[derive(Debug)]
pub(super) struct Orders {
    store: Arc<dyn Store>,
    last: Mutex<Order>,
}

impl Orders {
    /// Knows of no order yet: whatever stands in the store is obeyed once.
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, last: Mutex::default() }
    }

    /// Tells the other nodes. `taken` is the document that was taken although it had shrunk; without one, what was approved
    /// before stays approved.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached; the others may then not know.
    pub(super) async fn give(&self, taken: Option<&str>) -> Result<(), PortError> {
        let before = read(self.store.setting(ORDER).await?);
        let approved = taken.map(digest).or(before.and_then(|order| order.approved));
        let order = Order { id: format!("{:016x}", RandomState::new().hash_one(ORDER)), approved };
        let Ok(text) = serde_json::to_string(&order) else { return Ok(()) };
        // First here: this node has just done what it says.
        *self.known() = order;
        self.store.put_setting(ORDER, &text).await
    }

    /// Returns whether another node was given an order that is new to this one.
    pub(super) async fn heard(&self) -> bool {
        let found = match self.store.setting(ORDER).await {
            Ok(found) => read(found),
            Err(error) => {
                tracing::debug!(error = %error, "cannot read whether the instructions are to be read anew");
                None
            }
        };
        let Some(order) = found else { return false };
        let mut known = self.known();
        let new = known.id != order.id;
        *known = order;
        new
    }

    /// Returns whether an operator has taken exactly this document.
    pub(super) fn approve(&self, text: &str) -> bool {
        self.known().approved.as_deref() == Some(&*digest(text))
    }

    fn known(&self) -> MutexGuard<'_, Order> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(text: &str) -> String {
    format!("{:016x}", stable_hash(clean(text).as_bytes()))
}

/// Reads a stored order. One that a later version wrote in another form is none.
fn read(stored: Option<String>) -> Option<Order> {
    serde_json::from_str(&stored?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_actors::testkit::MemoryStore;
    use frontdesk_actors::time::SystemClock;

    #[tokio::test]
    async fn an_order_is_heard_once_by_every_other_node() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
        let [one, two] = [(); 2].map(|()| Orders::new(store.clone()));
        assert!(!one.heard().await && !two.heard().await, "nobody has ordered anything");
        for _ in 0..2 {
            one.give(None).await.unwrap();
            assert!(!one.heard().await, "it has obeyed already");
            assert!(two.heard().await && !two.heard().await);
        }
        assert!(Orders::new(store).heard().await, "a node that starts later");
    }

    #[tokio::test]
    async fn one_text_is_approved_and_stays_so() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
        let [one, two] = [(); 2].map(|()| Orders::new(store.clone()));
        one.give(Some("You sell tea.")).await.unwrap();
        assert!(one.approve("You sell tea.\n") && !two.approve("You sell tea."));
        two.heard().await;
        assert!(two.approve("You sell tea.") && !two.approve("You sell"));
        two.give(None).await.unwrap();
        assert!(two.approve("You sell tea."), "another order takes nothing back");
        one.give(Some("You")).await.unwrap();
        assert!(one.approve("You") && !one.approve("You sell tea."));
    }

    #[tokio::test]
    async fn what_nobody_can_read_is_no_order() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
        store.put_setting(ORDER, "soon").await.unwrap();
        let orders = Orders::new(store.clone());
        assert!(!orders.heard().await);
        orders.give(None).await.unwrap();
        assert!(Orders::new(store).heard().await);
    }
}
