//! Asks for the texts again and again, so that a change needs no restart.
//!
//! A file is taken when two looks in a row found the same in it: an editor that writes a file in pieces is never caught in
//! the middle. The document is asked for with jitter, so that the nodes of a desk do not ask all at once, and less often
//! the longer it cannot be had.

use super::files::{Files, Found};
use super::orders::Orders;
use super::{Book, Document, Kept, OpenError, Read, Slot, Trouble};
use frontdesk_actors::ports::{PortError, Store};
use frontdesk_actors::time::Clock;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The longest pause between two tries to read the document, jitter aside.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How long the start waits for a document of which there is no copy.
const FIRST: Duration = Duration::from_secs(3);

/// How often the texts are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// The pause between two looks at the files.
    pub files: Duration,
    /// The pause between two readings of the document.
    pub document: Duration,
}

/// Keeps the book up to date.
#[derive(Debug)]
pub struct Watch {
    book: Arc<Book>,
    files: Option<Files>,
    document: Option<(Arc<dyn Document>, Kept)>,
    /// Where orders to read everything anew come from and go to; unset where no other node is to be told.
    orders: OnceLock<Orders>,
    clock: Arc<dyn Clock>,
    /// What the look before found where it was not what is in force; `None` for a file that was gone.
    pending: std::sync::Mutex<BTreeMap<Slot, Option<Read>>>,
    /// One reload at a time: an older answer must not replace a newer one.
    reloading: tokio::sync::Mutex<()>,
    stopping: CancellationToken,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

impl Watch {
    /// Makes a watch over nothing: the text compiled in is used.
    pub fn shipped(clock: Arc<dyn Clock>) -> Self {
        Self::new(None, None, clock)
    }

    fn new(files: Option<Files>, document: Option<(Arc<dyn Document>, Kept)>, clock: Arc<dyn Clock>) -> Self {
        Self {
            book: Arc::default(),
            files,
            document,
            orders: OnceLock::new(),
            clock,
            pending: std::sync::Mutex::default(),
            reloading: tokio::sync::Mutex::default(),
            stopping: CancellationToken::new(),
        }
    }

    /// Reads the files, and the last good copy of the document or, for a moment, the document itself.
    ///
    /// # Errors
    /// [`OpenError`] if the operator's own file cannot be used: it was named, so it must be there.
    pub async fn open(
        files: Files,
        document: Option<(Arc<dyn Document>, Kept)>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, OpenError> {
        let watch = Arc::new(Self::new(Some(files.clone()), document, clock));
        watch.look_at_files(true).await;
        if let Some(path) = files.prompt_file
            && watch.book.last_good(&Slot::PromptFile).is_none()
        {
            let trouble = watch.book.shown(watch.clock.now()).into_iter().find_map(|shown| shown.trouble);
            return Err(OpenError::PromptFile { path, why: trouble.map(|trouble| trouble.why).unwrap_or_default() });
        }
        if let Some((document, kept)) = &watch.document
            && !kept.recall(&watch.book, &document.name())
        {
            // Without it the first customers would meet another desk. Whatever is wrong is told by the book.
            let _ = tokio::time::timeout(FIRST, watch.fetch(false)).await;
        }
        watch.book.measure(watch.clock.now());
        Ok(watch)
    }

    /// Shares orders with all nodes of this store.
    pub fn share(&self, store: Arc<dyn Store>) {
        // A second call would change nothing: a node has one store.
        let _ = self.orders.set(Orders::new(store));
    }

    /// Goes on asking until the watch is dropped.
    pub fn start(self: &Arc<Self>, rhythm: Rhythm) {
        let stopping = self.stopping.clone();
        let files = Arc::downgrade(self);
        let until = stopping.clone();
        tokio::spawn(async move {
            while pause(rhythm.files, &until).await {
                let Some(watch) = files.upgrade() else { return };
                let _turn = watch.reloading.lock().await;
                watch.look_at_files(false).await;
                watch.book.measure(watch.clock.now());
            }
        });
        self.start_listening(rhythm.files);
        if self.document.is_none() {
            return;
        }
        let document = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut failures = 0;
            while pause(jittered(backed_off(rhythm.document, failures)), &stopping).await {
                let Some(watch) = document.upgrade() else { return };
                let _turn = watch.reloading.lock().await;
                failures = if watch.fetch(false).await.is_ok() { 0 } else { failures + 1 };
            }
        });
    }

    /// Obeys what other nodes were ordered. Apart from the looks at the files: a slow store must not hold those up.
    fn start_listening(self: &Arc<Self>, every: Duration) {
        if self.orders.get().is_none() {
            return;
        }
        let (listening, until) = (Arc::downgrade(self), self.stopping.clone());
        tokio::spawn(async move {
            while pause(every, &until).await {
                let Some(watch) = listening.upgrade() else { return };
                watch.obey().await;
            }
        });
    }

    /// Reads everything anew if another node was ordered to.
    async fn obey(&self) {
        let Some(orders) = self.orders.get() else { return };
        if orders.heard().await {
            tracing::info!(
                "the instructions are read anew, as an operator ordered at another node or before the start"
            );
            self.reload(false).await;
        }
    }

    /// Returns the texts.
    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// Returns the moment by which ages are counted.
    pub fn now(&self) -> frontdesk_actors::time::Timestamp {
        self.clock.now()
    }

    /// Has every node read everything anew: this one at once, the others when they look next. `accept_shrunken` takes a
    /// document of which more than half is gone.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached: this node has obeyed, the others may not know.
    pub async fn order(&self, accept_shrunken: bool) -> Result<(), PortError> {
        let taken = self.reload(accept_shrunken).await.filter(|_| accept_shrunken);
        match self.orders.get() {
            Some(orders) => orders.give(taken.as_deref()).await,
            None => Ok(()),
        }
    }

    /// Has this node read everything anew, at once. Returns the document if it could be had and was taken.
    pub async fn reload(&self, accept_shrunken: bool) -> Option<Arc<str>> {
        let _turn = self.reloading.lock().await;
        self.look_at_files(true).await;
        // What is wrong stands in the book.
        let fetched = self.fetch(accept_shrunken).await;
        self.book.measure(self.clock.now());
        fetched.ok().and_then(|()| self.book.last_good(&Slot::Document))
    }

    async fn fetch(&self, accept_shrunken: bool) -> Result<(), Trouble> {
        let Some((document, kept)) = &self.document else { return Ok(()) };
        let (read, name, now) = (document.fetch().await, document.name(), self.clock.now());
        let approved = matches!((&read, self.orders.get()), (Ok(text), Some(orders)) if orders.approve(text));
        let changed = self.book.offer(&Slot::Document, (&name, &read), accept_shrunken || approved, now)?;
        if changed && let Some(text) = self.book.last_good(&Slot::Document) {
            tracing::info!(source = "document", characters = text.chars().count(), "instructions changed");
            let kept = kept.clone();
            // A write that fails is told there; one that panics would be a defect, and the text is in force anyway.
            let _ = tokio::task::spawn_blocking(move || kept.write(&name, &text, now)).await;
        }
        Ok(())
    }

    /// Reads the files. `at_once` takes what is found without waiting for the look after it.
    async fn look_at_files(&self, at_once: bool) {
        let Some(files) = self.files.clone() else { return };
        let Ok((found, listed)) = tokio::task::spawn_blocking(move || files.read()).await else { return };
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *pending);
        self.take(&found, at_once, (&before, &mut pending));
        if listed {
            self.let_go(&found, at_once, (&before, &mut pending));
        }
    }

    /// Takes what is new, if it has stood since the look before.
    fn take(&self, found: &Found, at_once: bool, (before, pending): (&Pending, &mut Pending)) {
        for (slot, (origin, read)) in found {
            let known = self.book.last_good(slot);
            let same = matches!((read, &known), (Ok(text), Some(known)) if super::book::clean(text) == &**known);
            if !same && !at_once && before.get(slot) != Some(&Some(read.clone())) {
                pending.insert(slot.clone(), Some(read.clone()));
                continue;
            }
            match self.book.offer(slot, (origin, read), true, self.clock.now()) {
                Ok(true) if known.is_some() || !at_once => {
                    tracing::info!(source = slot.source(), %origin, "instructions changed");
                }
                Ok(_) => {}
                // Told by the book. It is offered again at every look, so that it is known to go on.
                Err(_) => drop(pending.insert(slot.clone(), Some(read.clone()))),
            }
        }
    }

    /// Forgets the files of the folder that were taken away.
    fn let_go(&self, found: &Found, at_once: bool, (before, pending): (&Pending, &mut Pending)) {
        for slot in self.book.slots() {
            if !matches!(slot, Slot::Tenant(_) | Slot::Shared) || found.contains_key(&slot) {
                continue;
            }
            if at_once || before.get(&slot) == Some(&None) {
                tracing::info!(source = slot.source(), "a file of instructions was taken away");
                self.book.remove(&slot);
            } else {
                pending.insert(slot, None);
            }
        }
    }
}

type Pending = BTreeMap<Slot, Option<Read>>;

/// Waits; returns false when it is time to stop.
async fn pause(span: Duration, stopping: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(span) => true,
        () = stopping.cancelled() => false,
    }
}

/// Doubles a pause with every failure in a row, up to a bound.
fn backed_off(span: Duration, failures: u32) -> Duration {
    span.saturating_mul(1 << failures.min(8)).min(LONGEST_PAUSE.max(span))
}

/// Varies a pause by a fifth of itself to either side.
fn jittered(span: Duration) -> Duration {
    let dice = RandomState::new().hash_one(0_u8) % 401;
    span.mul_f64(0.8 + f64::from(u16::try_from(dice).unwrap_or(0)) / 1000.0)
}

#[cfg(test)]
mod tests;
