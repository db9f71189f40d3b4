//! In which conversation a contact wrote last, for webhooks that name only the contact: without it a colleague's message
//! would not be noticed, and the desk would talk over them.
//!
//! It outlives the person's being forgotten, because it keeps that promise. So it says nothing about anybody: a place is kept
//! under a digest of the contact that is keyed with the integration's secret, from which nobody finds the contact.

use aws_lc_rs::hmac;
use frontdesk_actors::ids::{ContactKey, ConversationKey};
use frontdesk_actors::ports::{PortError, Store};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a request waits at most until it is written down where its contact writes.
const REMEMBERING: Duration = Duration::from_millis(200);

/// What the key is derived for, so that it says nothing about the secret's other uses.
const PURPOSE: &[u8] = b"frontdesk: where a contact writes, v1";

/// The places of all contacts.
#[derive(Clone)]
pub(super) struct Places {
    store: Arc<dyn Store>,
    key: hmac::Key,
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").finish_non_exhaustive()
    }
}

impl Places {
    pub(super) fn new(store: Arc<dyn Store>, secret: &SecretString) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        Self { store, key: hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, PURPOSE).as_ref()) }
    }

    /// Returns the conversation in which a contact wrote last, if it is known.
    pub(super) async fn of(&self, contact: &ContactKey) -> Result<Option<ConversationKey>, PortError> {
        let place = match self.store.contact(&self.name(contact)).await? {
            None => self.store.contact(&plain_name(contact)).await?,
            place => place,
        };
        Ok(place.and_then(|bytes| ConversationKey::parse(std::str::from_utf8(&bytes).ok()?)))
    }

    /// Writes down where a contact writes. Webhooks that name only the contact need it soon, so that it is waited for
    /// briefly; the salesbot does not wait for a slow store.
    pub(super) async fn remember(&self, contact: &ContactKey, key: &ConversationKey) {
        let (store, key) = (self.store.clone(), key.clone());
        let names = (self.name(contact), plain_name(contact));
        let remembering = tokio::spawn(async move {
            if let Err(error) = put(store.as_ref(), (&names.0, &names.1), &key).await {
                tracing::debug!(conversation = %key, error = %error, "it was not written down where a contact writes");
            }
        });
        // Elapsed or not, it goes on by itself.
        let _ = tokio::time::timeout(REMEMBERING, remembering).await;
    }

    /// Under which name the place of a contact is kept, beside what is known of contacts.
    fn name(&self, contact: &ContactKey) -> ContactKey {
        let digest = hmac::sign(&self.key, contact.to_string().as_bytes());
        ContactKey::new("kommo-place", "of", hex::encode(&digest.as_ref()[..16]))
    }
}

/// How places were named before they were kept under digests: still found, and erased when the contact writes.
fn plain_name(contact: &ContactKey) -> ContactKey {
    ContactKey::new("kommo-place", "of", contact)
}

async fn put(
    store: &dyn Store,
    (name, plain): (&ContactKey, &ContactKey),
    key: &ConversationKey,
) -> Result<(), PortError> {
    if store.contact(name).await?.as_deref() == Some(key.as_str().as_bytes()) {
        return Ok(());
    }
    store.put_contact(name, key.as_str().to_owned().into()).await?;
    store.erase_contact(plain).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_actors::testkit::MemoryStore;
    use frontdesk_actors::time::SystemClock;

    #[tokio::test]
    async fn a_place_is_found_again_and_its_name_tells_nobody_whose_it_is() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
        let [ours, other] =
            ["one secret", "another"].map(|secret| Places::new(store.clone(), &SecretString::from(secret)));
        let dana = ContactKey::new("kommo", "fixture", 30_000_001);
        let [old, first, second] = [1, 2, 3].map(|lead| ConversationKey::new("kommo", "fixture", lead));
        assert_eq!(ours.of(&dana).await.unwrap(), None);
        store.put_contact(&plain_name(&dana), old.as_str().to_owned().into()).await.unwrap();
        assert_eq!(ours.of(&dana).await.unwrap().as_ref(), Some(&old));
        for key in [&first, &second] {
            ours.remember(&dana, key).await;
            let found = || async { ours.of(&dana).await.unwrap().as_ref() == Some(key) };
            while !found().await {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(ours.of(&ContactKey::new("kommo", "fixture", 30_000_002)).await.unwrap(), None);
        while store.contact(&plain_name(&dana)).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
        assert_eq!(other.of(&dana).await.unwrap(), None, "nobody finds it without the secret");
        assert!(!ours.name(&dana).to_string().contains("30000001") && !format!("{ours:?}").contains("secret"));
    }
}
