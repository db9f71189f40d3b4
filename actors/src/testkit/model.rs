//! A model that answers by script, and otherwise repeats what it was asked.

use super::{Latch, Observer, lock};
use crate::ports::{Model, ModelError, ModelErrorKind, ModelReply, Prompt};
use async_trait::async_trait;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the model does to one call.
#[derive(Debug, Clone)]
pub enum ModelScript {
    /// Says this.
    Say(String),
    /// Says this after a while.
    SayAfter(Duration, String),
    /// Says this when the latch opens.
    SayWhen(Latch, String),
    /// Asks for a person.
    RequestHuman,
    /// Fails like this.
    Fail(ModelErrorKind),
    /// Never answers.
    Hang,
    /// Panics.
    Panic,
}

#[derive(Debug, Default)]
struct Inner {
    script: VecDeque<ModelScript>,
    prompts: Vec<Prompt>,
    running: usize,
    aborted: usize,
}

/// The model.
#[derive(Debug)]
pub struct ScriptedModel {
    inner: Mutex<Inner>,
    observer: Arc<Observer>,
}

impl ScriptedModel {
    pub(super) fn new(observer: Arc<Observer>) -> Self {
        Self { inner: Mutex::default(), observer }
    }

    /// Says what happens to the next calls, in order. Later ones are answered with `answer: ` and the last message.
    pub fn script(&self, steps: impl IntoIterator<Item = ModelScript>) {
        lock(&self.inner).script.extend(steps);
    }

    /// Returns everything the model was asked, in order.
    pub fn prompts(&self) -> Vec<Prompt> {
        lock(&self.inner).prompts.clone()
    }

    /// Returns how many calls were begun.
    pub fn calls(&self) -> usize {
        lock(&self.inner).prompts.len()
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
    model: &'a ScriptedModel,
    done: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut inner = lock(&self.model.inner);
        inner.running -= 1;
        inner.aborted += usize::from(!self.done);
    }
}

#[async_trait]
impl Model for ScriptedModel {
    async fn reply(&self, prompt: &Prompt) -> Result<ModelReply, ModelError> {
        let last = prompt.history.last().map(|message| message.text.clone()).unwrap_or_default();
        let step = {
            let mut inner = lock(&self.inner);
            inner.prompts.push(prompt.clone());
            inner.running += 1;
            inner.script.pop_front().unwrap_or_else(|| ModelScript::Say(format!("answer: {last}")))
        };
        let asked = self.observer.sees(|log| log.asked(prompt));
        let mut running = Running { model: self, done: false };
        tokio::task::yield_now().await;
        let result = match step {
            ModelScript::Say(text) => Ok(ModelReply::Text(text)),
            ModelScript::SayAfter(span, text) => {
                tokio::time::sleep(span).await;
                Ok(ModelReply::Text(text))
            }
            ModelScript::SayWhen(latch, text) => {
                latch.wait().await;
                Ok(ModelReply::Text(text))
            }
            ModelScript::RequestHuman => Ok(ModelReply::RequestHuman { reason: "scripted".to_owned(), summary: None }),
            ModelScript::Fail(kind) => {
                Err(ModelError { kind, detail: "a scripted failure".to_owned(), retry_after: None })
            }
            ModelScript::Hang => std::future::pending().await,
            ModelScript::Panic => panic!("a scripted panic of the model"),
        };
        running.done = true;
        if let Ok(ModelReply::Text(text)) = &result {
            self.observer.sees(|log| log.answered(prompt, asked, text));
        }
        result
    }

    async fn summarise(&self, prompt: &Prompt) -> Result<String, ModelError> {
        match self.reply(prompt).await? {
            ModelReply::Text(text) => Ok(format!("summary of {}: {text}", prompt.history.len())),
            ModelReply::RequestHuman { reason, .. } => {
                Err(ModelError { kind: ModelErrorKind::BadRequest, detail: reason, retry_after: None })
            }
        }
    }
}
