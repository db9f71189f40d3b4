//! Catching up: after a gap (process start, store outage, refused intake) what nobody heard is read back from the vendor
//! and delivered as if it came in.
//!
//! A gap is open from the moment it may have begun until a pass over the channels has closed it. So that a start knows
//! when the last run ended, a note of when everything was heard is kept in the store. Passes run one after another in a
//! task of their own, with one call at a time on the low lane of the channel's gate; a pass that fails or panics is begun
//! again after a pause.

mod gap;
mod others;
mod pass;

pub(crate) use gap::Gap;

use crate::engine::EngineHandle;
use crate::shared::Shared;
use crate::time::Timestamp;
use futures::FutureExt;
use others::{Others, note_of};
use pass::{Pass, Stopped};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// How often it is asked whether a gap is open.
const POLL: Duration = Duration::from_secs(1);

/// How often it is noted that everything was heard.
const NOTE: Duration = Duration::from_secs(15);

/// How much earlier than it seems a gap may have begun: webhooks wait in the vendor's queues, and clocks differ.
const MARGIN: Duration = Duration::from_secs(60);

/// The longest pause after passes that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What the catch-up remembers between its steps.
struct CatchUp {
    handle: EngineHandle,
    /// Whether it is known when the last run ended.
    begun: bool,
    noted: Timestamp,
    others: Others,
    /// When the others were last looked at.
    watched: Option<Instant>,
}

/// Begins to watch for gaps. Ends with the engine.
pub(crate) fn start(shared: &Shared, handle: EngineHandle) {
    shared.spawn(async move {
        let mut catch_up =
            CatchUp { handle, begun: false, noted: Timestamp::default(), others: Others::default(), watched: None };
        let mut failures: u32 = 0;
        loop {
            let step = AssertUnwindSafe(catch_up.step()).catch_unwind().await;
            failures = match step {
                Ok(Ok(())) => 0,
                Ok(Err(Stopped::Closing)) => return,
                Ok(Err(Stopped::Store)) => failures + 1,
                Err(_) => {
                    tracing::error!("catching up panicked; it is begun again");
                    failures + 1
                }
            };
            let pause = POLL.saturating_mul(1_u32.checked_shl(failures.min(8)).unwrap_or(u32::MAX));
            tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        }
    });
}

impl CatchUp {
    async fn step(&mut self) -> Result<(), Stopped> {
        let shared = self.handle.shared();
        if shared.closing.load(Ordering::Relaxed) {
            return Err(Stopped::Closing);
        }
        if shared.store_down.load(Ordering::Relaxed) {
            return Ok(());
        }
        if !self.begun {
            self.find_the_end_of_the_last_run().await?;
            self.begun = true;
        }
        self.watch_others().await?;
        let now = self.handle.shared().ports.clock.now();
        match self.handle.shared().gap.open() {
            Some((since, edition)) => {
                self.pass(since, now).await?;
                self.handle.shared().gap.close(edition, now);
                self.others.caught_up(self.handle.shared().ports.store.as_ref()).await?;
                self.note(now).await
            }
            None if now.since(self.noted) >= NOTE => self.note(now).await,
            None => Ok(()),
        }
    }

    /// The first gap: from when the last run of this node had heard everything. Where there was none, nothing was promised.
    async fn find_the_end_of_the_last_run(&self) -> Result<(), Stopped> {
        let shared = self.handle.shared();
        let noted = shared.ports.store.setting(&note_of(&shared.settings.node.name)).await?;
        let noted = noted.and_then(|noted| noted.parse().ok()).map(Timestamp::from_millis);
        let since = match noted {
            Some(noted) => Some(noted),
            // An earlier version kept no note.
            None if shared.ports.store.list(1).await?.is_empty() => None,
            None => Some(Timestamp::default()),
        };
        if let Some(since) = since {
            shared.gap.note(since);
        }
        Ok(())
    }

    /// Makes the gap of a node that fell silent its own: what was sent there, and not heard, may have been anything.
    async fn watch_others(&mut self) -> Result<(), Stopped> {
        let shared = self.handle.shared();
        let store = shared.ports.store.as_ref();
        if store.is_exclusive() || self.watched.is_some_and(|at| at.elapsed() < NOTE) {
            return Ok(());
        }
        for (node, note) in self.others.watch(store, &shared.settings.node.name).await? {
            let since = note.parse().map(Timestamp::from_millis).unwrap_or_default();
            tracing::warn!(node, "a node has fallen silent; what was sent to it is read back");
            shared.missed_since(since);
        }
        self.watched = Some(Instant::now());
        Ok(())
    }

    async fn pass(&self, since: Timestamp, now: Timestamp) -> Result<(), Stopped> {
        let shared = self.handle.shared();
        let window = i64::try_from(shared.settings.catch_up.as_millis()).unwrap_or(i64::MAX);
        let margin = i64::try_from(MARGIN.as_millis()).unwrap_or(0);
        let earliest = Timestamp::from_millis(now.as_millis().saturating_sub(window));
        let since = Timestamp::from_millis(since.as_millis().saturating_sub(margin)).max(earliest);
        for channel in shared.ports.channels.values() {
            Pass::new(&self.handle, channel.clone()).run(since).await?;
        }
        Ok(())
    }

    async fn note(&mut self, now: Timestamp) -> Result<(), Stopped> {
        let shared = self.handle.shared();
        let value = now.as_millis().to_string();
        shared.ports.store.put_setting(&note_of(&shared.settings.node.name), &value).await?;
        self.noted = now;
        Ok(())
    }
}
