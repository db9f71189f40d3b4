//! What an operator does about a person: finding their conversations, having them forgotten, having them summed up.

use super::{DeliverError, EngineHandle, SWEEP};
use crate::aside;
use crate::conversation::effects::{guarded, model_timeout, note_model};
use crate::flow::{Input, Known};
use crate::ids::{ContactKey, ConversationKey};
use crate::ports::{ModelReply, PortError, Prompt, Scanned};
use crate::view::{Found, Summarised, View, Whose};
use std::collections::BTreeMap;
use tokio::time::Instant;

/// How many conversations are read at once.
const PAGE: usize = 200;

impl EngineHandle {
    /// Finds conversations in the whole store, changing nothing, in the order of their keys.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn find(&self, whose: &Whose) -> Result<Vec<Found>, PortError> {
        let contact = match whose {
            Whose::Everybody | Whose::Phone(_) => None,
            Whose::ContactOf(key) => self.stored_contact(key).await?,
        };
        let mut found = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.shared.ports.store.scan(after.as_ref(), PAGE).await?;
            // A conversation that is written while it is scanned may come twice.
            for (key, one) in page.found.iter().filter_map(|scanned| theirs(whose, contact.as_ref(), scanned)) {
                found.insert(key, one);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(found.into_values().collect()),
            }
        }
    }

    /// Forgets everything about the person in one conversation: memory, name, address, proof, what is owed and what has not
    /// left, the journal, the page's transcript, what is parked (also what nobody could read and what names them), and the
    /// contact's verification. What stays says nothing about
    /// anybody; see `flow/erase.rs`. It can be repeated: an error means that some of it may be left.
    ///
    /// # Errors
    /// [`DeliverError`]; [`DeliverError::Unknown`] if there is no such conversation.
    pub async fn erase(&self, key: &ConversationKey) -> Result<(), DeliverError> {
        let View { contact, .. } = self.view(key).await?.ok_or(DeliverError::Unknown)?;
        let contact = contact.map(|contact| contact.key);
        // Before the record, which alone says whose it is; and after it, as the desk may have been about to write it.
        self.erase_contact(contact.as_ref()).await?;
        self.must(key, Input::Erased).await?;
        self.erase_contact(contact.as_ref()).await?;
        aside::forget_unread(&self.shared, key).await.map_err(|error| self.shared.unavailable(error))?;
        // Last, because a store that keeps a log of what it wrote empties it with this.
        self.shared.ports.store.erase_traces(key).await.map_err(|error| self.shared.unavailable(error))
    }

    /// Forgets everything that nobody could read, of every account: where everybody is forgotten, none of it may stay. Returns
    /// how many such things there were. It can be repeated.
    ///
    /// # Errors
    /// [`PortError`]: some of it may be left.
    pub async fn erase_unread(&self) -> Result<usize, PortError> {
        let store = &self.shared.ports.store;
        let mut erased = 0;
        for key in store.parked_keys(SWEEP).await? {
            if key != ConversationKey::unread(key.channel(), key.account()) {
                continue;
            }
            for (number, _) in store.parked(&key).await? {
                store.unpark(&key, number).await?;
                erased += 1;
            }
        }
        Ok(erased)
    }

    async fn erase_contact(&self, contact: Option<&ContactKey>) -> Result<(), DeliverError> {
        let Some(contact) = contact else { return Ok(()) };
        let erased = self.shared.ports.store.erase_contact(contact).await;
        erased.map_err(|error| self.shared.unavailable(error))
    }

    /// Has the model sum up what is remembered of a conversation, in the colleagues' language. Customers go first: it waits
    /// behind their turns at the model's gate.
    ///
    /// # Errors
    /// [`DeliverError`]; [`DeliverError::Unknown`] if there is no such conversation, [`DeliverError::Busy`] if the gate let
    /// nothing through in time.
    pub async fn summarise(&self, key: &ConversationKey) -> Result<Summarised, DeliverError> {
        let view = self.view(key).await?.ok_or(DeliverError::Unknown)?;
        if view.memory.is_empty() {
            return Ok(Summarised::NothingSaid);
        }
        if self.is_paused() {
            return Ok(Summarised::Paused);
        }
        let (shared, timeout) = (&self.shared, self.shared.settings.policy.turn.call_timeout);
        let _permit = self.model_permit().await?;
        let (prompt, started) = (prompt(view, shared.settings.policy.desk_lang), Instant::now());
        let called = guarded(timeout, shared.ports.model.summarise(&prompt)).await;
        let result = called.unwrap_or_else(|why| Err(model_timeout(why))).map(ModelReply::Text);
        note_model(shared, key, &result, started);
        Ok(match result {
            Ok(ModelReply::Text(text)) => Summarised::Text(text),
            Ok(ModelReply::RequestHuman { .. }) => Summarised::NothingSaid,
            Err(error) => Summarised::Failed(error),
        })
    }

    async fn stored_contact(&self, key: &ConversationKey) -> Result<Option<ContactKey>, PortError> {
        let stored = self.shared.ports.store.load(key).await?;
        let known = stored.and_then(|stored| Known::read(&stored.record).ok());
        Ok(known.and_then(|known| known.contact().map(|contact| contact.key.clone())))
    }
}

fn prompt(view: View, lang: crate::domain::Lang) -> Prompt {
    Prompt {
        key: view.key,
        inbox: String::new(),
        lang,
        name: view.contact.and_then(|contact| contact.name),
        unanswered: 0,
        history: view.memory,
    }
}

/// Returns a conversation if it is one of those that are looked for.
fn theirs(whose: &Whose, contact: Option<&ContactKey>, scanned: &Scanned) -> Option<(ConversationKey, Found)> {
    let stored = scanned.stored.as_ref()?;
    let known = Known::read(&stored.record).ok();
    let who = known.as_ref().and_then(Known::contact);
    let is = match whose {
        Whose::Everybody => true,
        Whose::Phone(phone) => phone.is(scanned.key.id()) || who.is_some_and(|who| phone.is(who.key.id())),
        Whose::ContactOf(key) => scanned.key == *key || contact.is_some_and(|of| who.is_some_and(|who| who.key == *of)),
    };
    let found = Found {
        key: scanned.key.clone(),
        name: who.and_then(|who| who.name.clone()),
        phase: known.as_ref().map(Known::phase_name),
    };
    is.then(|| (scanned.key.clone(), found))
}
