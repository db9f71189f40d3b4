//! Fakes of every port and the engine's invariants, for tests of this crate and of the daemon (feature `testkit`).
//!
//! The fakes are faithful rather than convenient: the store compares and sets, leases and expires; the channel keeps a
//! transcript, so that a look tells the truth about what landed. Faults are scripted, never random. Time is tokio's: under
//! `start_paused` a day passes in microseconds.
//!
//! [`World`] is everything outside, [`TestEngine`] one daemon in it; a world outlives the crash of an engine.

mod channel;
mod clock;
mod crypto;
mod engine;
pub mod fuzz;
pub mod history;
pub mod invariants;
mod language;
mod latch;
mod mail;
mod model;
mod observer;
pub mod recorder;
mod store;
mod transcriber;

pub use channel::{ListScript, LookScript, ScriptedChannel, SendScript, SentAct};
pub use clock::ManualClock;
pub use crypto::SeededCrypto;
pub use engine::{TestEngine, World};
pub use language::{Fuse, PlainAnalyzer, PlainPhrases, plain_policy};
pub use latch::Latch;
pub use mail::{PortScript, RecordingSink, ScriptedMailer};
pub use model::{ModelScript, ScriptedModel};
pub use observer::Observer;
pub use store::{CommitScript, MemoryStore};
pub use transcriber::{ScriptedTranscriber, VoiceScript};

use std::future::Future;
use std::time::Duration;

/// How long of the test's time a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(1800);

/// Waits until a condition is true, in small steps of the test's time.
///
/// # Panics
/// If it does not come true in half an hour of the test's time.
pub async fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    eventually_async(what, || std::future::ready(is_true())).await;
}

/// Waits until an asynchronous condition is true, in small steps of the test's time.
///
/// # Panics
/// If it does not come true in half an hour of the test's time.
pub async fn eventually_async<F: Future<Output = bool>>(what: &str, mut is_true: impl FnMut() -> F) {
    let begun = tokio::time::Instant::now();
    while !is_true().await {
        assert!(begun.elapsed() < PATIENCE, "it never came true that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Lets `span` of the test's time pass, in steps small enough for whatever runs meanwhile.
pub async fn pass(span: Duration) {
    tokio::time::sleep(span).await;
}

/// Locks, whoever panicked while holding it: fakes are used by code that panics on purpose.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
