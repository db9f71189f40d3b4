//! A language model behind any OpenAI-compatible address: chat completions for everyone, Responses as an option.
//!
//! Request types come from async-openai; transport and answers are ours. That crate's client retries three times
//! behind the caller's back, has no time-out, loses the status of foreign errors and logs whole bodies (its
//! `executor.rs` and `error.rs`, 0.43.0). Here one call is one request, with two exceptions that cost nothing because
//! the provider refused to start: a parameter it does not take is left out, and a conversation too long is cut in half,
//! once. All of it happens within one `call_timeout`.
//!
//! The way of a call: `layout` arranges the prompt, `request` encodes it, `transport` carries it, `answer` reads what
//! came back, `failure` names what went wrong, `params` remembers what the provider refuses.

mod answer;
mod failure;
mod instructions;
mod layout;
mod params;
mod request;
mod settings;
mod transport;

pub use answer::CANNOT_ANSWER;
pub use settings::{Api, Error, Settings};

use crate::instructions::Book;
use crate::usage;
use async_trait::async_trait;
use failure::{Class, Failure};
use frontdesk_actors::ports::{Model, ModelError, ModelReply, Prompt};
use layout::Layout;
use params::{Params, Refusals, Remedy};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use transport::{Raw, Transport};

/// How many requests one call may make: the first, one for each parameter that may be refused, one shortened.
const MAX_REQUESTS: usize = 6;

/// A model account at one provider.
#[derive(Debug)]
pub struct OpenAi {
    transport: Transport,
    instructions: Arc<Book>,
    model: String,
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    api: Api,
    call_timeout: Duration,
    refusals: Refusals,
}

/// What a provider says about itself and the configured model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Whether the model is in the provider's list; `None` if the list could not be understood.
    pub listed: Option<bool>,
    /// When the provider will switch the model off, in its own words
    /// (`GET /v1/models` may carry `shutdown_date` per model).
    pub shutdown_date: Option<String>,
}

impl OpenAi {
    /// Prepares a model account. Nothing is sent.
    ///
    /// # Errors
    /// [`Error`] if a setting cannot work, with what to do about it.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let checked = settings.check()?;
        Ok(Self {
            refusals: Refusals::new(Params::first(&checked.base)),
            transport: Transport::new(&checked)?,
            instructions: checked.instructions,
            model: checked.model,
            max_tokens: checked.max_tokens,
            temperature: checked.temperature,
            api: checked.api,
            call_timeout: checked.call_timeout,
        })
    }

    /// Asks the provider for its list of models: shows whether address, key and model name are right, at no cost.
    ///
    /// # Errors
    /// [`ModelError`], classified as for a reply.
    pub async fn probe(&self) -> Result<Probe, ModelError> {
        let listing = tokio::time::timeout(self.call_timeout, self.transport.get("/models"));
        let raw = listing.await.unwrap_or_else(|_| Err(Failure::of(Class::Timeout)));
        let body = raw.and_then(|raw| understood(&raw)).map_err(|failure| self.explain(&failure))?;
        let Some(models) = body.get("data").and_then(Value::as_array) else {
            return Ok(Probe { listed: None, shutdown_date: None });
        };
        let ours = models.iter().find(|model| {
            let id = model.get("id").and_then(Value::as_str).unwrap_or_default();
            // Gemini lists its models as `models/NAME` and takes both forms.
            id == self.model || id.strip_prefix("models/") == Some(&self.model)
        });
        let shutdown_date = ours.and_then(|model| failure::token(model.get("shutdown_date")?));
        Ok(Probe { listed: Some(ours.is_some()), shutdown_date })
    }

    /// Arranges a prompt for an answer.
    fn layout(&self, prompt: &Prompt) -> Layout {
        // Read anew for every call: a changed text is obeyed by the next answer.
        let instructions = self.instructions.text(&prompt.key, &prompt.inbox);
        Layout::new(&instructions::with_house_rules(&instructions), prompt)
    }

    /// Makes the requests of one call. `tools`: whether `request_human` may be offered.
    async fn attempts(&self, prompt: &Prompt, mut layout: Layout, tools: bool) -> Result<ModelReply, Failure> {
        let mut shortened = false;
        let mut last = Failure::of(Class::BadRequest);
        for _ in 0..MAX_REQUESTS {
            let known = self.refusals.params();
            let params = Params { tools: known.tools && tools, ..known };
            last = match self.ask(prompt, &layout, params).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            if last.class == Class::ContextTooLong && !shortened {
                layout.shorten();
                shortened = true;
            } else if let Some(remedy) = last.remedy(params) {
                self.give_up_on(remedy, params);
            } else {
                break;
            }
        }
        Err(last)
    }

    /// Makes one request and reads its answer.
    async fn ask(&self, prompt: &Prompt, layout: &Layout, params: Params) -> Result<ModelReply, Failure> {
        let body = request::encode(self, prompt, layout, params);
        let raw = self.transport.post(self.api.path(), body).await?;
        let body = understood(&raw)?;
        usage::count_answer(&body);
        match self.api {
            Api::Chat => answer::chat(&body),
            Api::Responses => answer::responses(&body),
        }
    }

    /// Remembers that the provider does not take a parameter.
    fn give_up_on(&self, remedy: Remedy, sent: Params) {
        if self.refusals.learn(remedy, sent) {
            tracing::warn!(
                model = %self.model,
                host = %self.transport.host(),
                "the model provider refuses a parameter; until the next start {}",
                remedy.sentence()
            );
        }
    }

    /// Turns a failure into the port's error, with the sentence for the operator.
    fn explain(&self, failure: &Failure) -> ModelError {
        failure.explain(&failure::Account { model: &self.model, host: self.transport.host(), api: self.api })
    }
}

#[async_trait]
impl Model for OpenAi {
    async fn reply(&self, prompt: &Prompt) -> Result<ModelReply, ModelError> {
        let call = tokio::time::timeout(self.call_timeout, self.attempts(prompt, self.layout(prompt), true));
        let outcome = call.await.unwrap_or_else(|_| Err(Failure::of(Class::Timeout)));
        let outcome = match outcome {
            // The provider's own check refused the conversation. Asking again is refused again, so it is a person's.
            Err(failure) if failure.class == Class::ContentRefused => Ok(answer::refused_by_filter()),
            other => other,
        };
        outcome.map_err(|failure| self.explain(&failure))
    }

    async fn summarise(&self, prompt: &Prompt) -> Result<String, ModelError> {
        let call = tokio::time::timeout(self.call_timeout, self.attempts(prompt, Layout::summary(prompt), false));
        match call.await.unwrap_or_else(|_| Err(Failure::of(Class::Timeout))) {
            Ok(ModelReply::Text(text)) if !text.trim().is_empty() => Ok(text),
            Ok(ModelReply::Text(_) | ModelReply::RequestHuman { .. }) => {
                Err(self.explain(&Failure::of(Class::NoAnswer)))
            }
            Err(failure) => Err(self.explain(&failure)),
        }
    }
}

/// Returns the JSON of a successful answer; anything else is a failure, also an error inside a 200.
fn understood(raw: &Raw) -> Result<Value, Failure> {
    let body = if raw.cut { None } else { serde_json::from_slice::<Value>(&raw.body).ok() };
    if let Some(failure) = Failure::read(raw, body.as_ref()) {
        return Err(failure);
    }
    body.ok_or_else(|| Failure::of(if raw.cut { Class::TooLarge } else { Class::NotJson }))
}
