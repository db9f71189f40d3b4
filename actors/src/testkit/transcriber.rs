//! A transcriber that hears by script, and otherwise the last part of a recording's address.

use super::{Latch, Observer, lock};
use crate::domain::VoiceSource;
use crate::ports::{Recording, TranscribeError, TranscribeErrorKind, Transcriber};
use async_trait::async_trait;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// What happens to one call.
#[derive(Debug, Clone)]
pub enum VoiceScript {
    /// Hears this.
    Hear(String),
    /// Hears this when the latch opens.
    HearWhen(Latch, String),
    /// Fails like this.
    Fail(TranscribeErrorKind),
    /// Never answers.
    Hang,
    /// Panics.
    Panic,
}

#[derive(Debug, Default)]
struct Inner {
    script: VecDeque<VoiceScript>,
    calls: usize,
    running: usize,
    aborted: usize,
}

/// The transcriber.
#[derive(Debug)]
pub struct ScriptedTranscriber {
    inner: Mutex<Inner>,
    observer: Arc<Observer>,
}

impl ScriptedTranscriber {
    pub(super) fn new(observer: Arc<Observer>) -> Self {
        Self { inner: Mutex::default(), observer }
    }

    /// Says what happens to the next calls, in order. Later ones hear what stands at the end of the address.
    pub fn script(&self, steps: impl IntoIterator<Item = VoiceScript>) {
        lock(&self.inner).script.extend(steps);
    }

    /// Returns how many calls were begun.
    pub fn calls(&self) -> usize {
        lock(&self.inner).calls
    }

    /// Returns how many calls run.
    pub fn running(&self) -> usize {
        lock(&self.inner).running
    }

    /// Returns how many calls were dropped before they had an answer.
    pub fn aborted(&self) -> usize {
        lock(&self.inner).aborted
    }
}

/// Counts a call until it ends, one way or the other.
struct Running<'a> {
    transcriber: &'a ScriptedTranscriber,
    done: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut inner = lock(&self.transcriber.inner);
        inner.running -= 1;
        inner.aborted += usize::from(!self.done);
    }
}

#[async_trait]
impl Transcriber for ScriptedTranscriber {
    async fn transcribe(&self, recording: &Recording) -> Result<String, TranscribeError> {
        let said = match &recording.voice.source {
            VoiceSource::Url(url) => url.rsplit('/').next().unwrap_or_default().replace('+', " "),
            VoiceSource::TooLarge | VoiceSource::Unreadable => String::new(),
        };
        let step = {
            let mut inner = lock(&self.inner);
            inner.calls += 1;
            inner.running += 1;
            inner.script.pop_front().unwrap_or(VoiceScript::Hear(said))
        };
        let mut running = Running { transcriber: self, done: false };
        tokio::task::yield_now().await;
        let result = match step {
            VoiceScript::Hear(words) => Ok(words),
            VoiceScript::HearWhen(latch, words) => {
                latch.wait().await;
                Ok(words)
            }
            VoiceScript::Fail(kind) => Err(TranscribeError::new(kind, "a scripted failure")),
            VoiceScript::Hang => std::future::pending().await,
            VoiceScript::Panic => panic!("a scripted panic of the transcriber"),
        };
        running.done = true;
        if let Ok(words) = &result {
            self.observer.sees(|log| log.heard(&recording.key, words));
        }
        result
    }
}
