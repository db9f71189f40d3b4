//! Listening to recordings: each in a task of its own, which ends when the conversation does not wait for it any more.

use super::effects::{TRANSCRIPTION, guarded};
use super::live::Live;
use crate::flow::{Input, unheard_call};
use crate::ids::{ConversationKey, Ticket};
use crate::metrics;
use crate::outbound::Priority;
use crate::ports::{Fault, Recording, TranscribeError, TranscribeErrorKind, Verdict};
use crate::shared::{AbortOnDrop, Shared};
use ::metrics::{counter, histogram};
use tokio::time::Instant;

impl Live {
    /// Listens to a recording, unless a later step of the same batch has made that superfluous.
    pub(super) fn transcribe(&mut self, ticket: Ticket, recording: Recording) {
        if !self.loaded.as_ref().is_some_and(|loaded| loaded.flow.is_hearing(ticket)) {
            return;
        }
        let (shared, key) = (self.shared.clone(), self.key.clone());
        let task = AbortOnDrop::spawn(async move {
            let permit = match shared.gate(TRANSCRIPTION) {
                Some(gate) => Some(gate.acquire(Priority::High).await),
                None => None,
            };
            if shared.pause.is_on() {
                // The flow is being told, and begins again when the desk may go on.
                return;
            }
            let started = Instant::now();
            let result = listen(&shared, &recording).await;
            note(&shared, &key, &result, started);
            drop(permit);
            shared.report(&key, Input::Transcribed { ticket, result });
        });
        self.ears.insert(ticket, task);
    }

    /// Ends whatever the conversation does not wait for any more.
    pub(super) fn stop_listening(&mut self) {
        let Some(loaded) = &self.loaded else { return };
        self.ears.retain(|ticket, _| loaded.flow.is_hearing(*ticket));
    }
}

async fn listen(shared: &Shared, recording: &Recording) -> Result<String, TranscribeError> {
    let policy = shared.settings.policy.voice.clone().unwrap_or_default();
    let Some(transcriber) = &shared.ports.transcriber else {
        return Err(TranscribeError::new(TranscribeErrorKind::ModelNotFound, "nothing that transcribes is configured"));
    };
    let heard = guarded(policy.call_timeout, transcriber.transcribe(recording)).await;
    heard.unwrap_or_else(|why| Err(unheard_call(why)))
}

fn note(shared: &Shared, key: &ConversationKey, result: &Result<String, TranscribeError>, started: Instant) {
    let outcome = match result {
        Ok(words) if words.trim().is_empty() => "silence",
        Ok(_) => "words",
        Err(error) => error.kind.name(),
    };
    counter!(metrics::TRANSCRIPTIONS, "outcome" => outcome).increment(1);
    histogram!(metrics::TRANSCRIPTION_SECONDS, "outcome" => outcome).record(started.elapsed().as_secs_f64());
    let Err(error) = result else {
        shared.transcriber_answers();
        return;
    };
    tracing::warn!(conversation = %key, kind = outcome, detail = %error.detail, "a recording was not heard");
    let pause = error.retry_after.filter(|_| error.kind.fault() == Fault::Passing);
    if let (Some(pause), Some(gate)) = (pause, shared.gate(TRANSCRIPTION)) {
        gate.report(&Verdict::Transient { retry_after: Some(pause), why: String::new() });
    }
}
