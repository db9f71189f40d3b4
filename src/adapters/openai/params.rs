//! What a provider does not take, learned from its refusals and remembered until the process ends.
//!
//! Providers differ in the name of the length limit, in whether reasoning models take a temperature, and in whether a
//! small local model takes tools. Refusals arrive before anything is generated, so asking once more costs nothing; but
//! once learned it must not be asked again with every message.

use std::sync::{Mutex, PoisonError};
use url::Url;

/// What is sent to this provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Params {
    /// Under which name the longest answer is sent.
    pub(super) limit: Limit,
    /// Whether the temperature is sent.
    pub(super) temperature: bool,
    /// Whether `request_human` is offered as a tool.
    pub(super) tools: bool,
    /// Whether a cache key is sent.
    pub(super) cache_key: bool,
}

/// The name of the limit on the answer's length (chat completions; Responses have one name).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// `max_tokens`: what compatible servers know.
    MaxTokens,
    /// `max_completion_tokens`: what OpenAI's reasoning models demand.
    MaxCompletionTokens,
    /// Not sent.
    Omitted,
}

/// What is changed after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The limit goes under its other name.
    RenameLimit,
    /// The limit is left out.
    OmitLimit,
    /// The temperature is left out.
    OmitTemperature,
    /// No tools are offered.
    OmitTools,
    /// The cache key is left out.
    OmitCacheKey,
}

impl Params {
    /// Returns what is tried first. Only OpenAI itself is known to take the newer name and the cache key; strict
    /// servers refuse fields they do not know.
    pub(super) fn first(base: &Url) -> Self {
        let openai = base.host_str() == Some("api.openai.com");
        Self {
            limit: if openai { Limit::MaxCompletionTokens } else { Limit::MaxTokens },
            temperature: true,
            tools: true,
            cache_key: openai,
        }
    }
}

impl Remedy {
    /// Returns the end of the sentence "until the next start …".
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Remedy::RenameLimit => "the answer's length is limited as max_completion_tokens",
            Remedy::OmitLimit => "OPENAI_MAX_TOKENS is not sent",
            Remedy::OmitTemperature => "OPENAI_TEMPERATURE is not sent",
            Remedy::OmitTools => "no tool is offered; the model can still ask for a person in its answer",
            Remedy::OmitCacheKey => "no prompt_cache_key is sent",
        }
    }
}

/// The memory of one provider's refusals.
#[derive(Debug)]
pub(super) struct Refusals(Mutex<Params>);

impl Refusals {
    pub(super) fn new(first: Params) -> Self {
        Self(Mutex::new(first))
    }

    /// Returns what is sent at present.
    pub(super) fn params(&self) -> Params {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies a remedy to a refusal of `sent`. Returns whether anything changed: of calls that are refused at the same
    /// time, the first one changes it and the others find it changed.
    pub(super) fn learn(&self, remedy: Remedy, sent: Params) -> bool {
        let mut params = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *params;
        match remedy {
            Remedy::RenameLimit if params.limit == sent.limit => params.limit = Limit::MaxCompletionTokens,
            Remedy::OmitLimit if params.limit == sent.limit => params.limit = Limit::Omitted,
            Remedy::RenameLimit | Remedy::OmitLimit => {}
            Remedy::OmitTemperature => params.temperature = false,
            Remedy::OmitTools => params.tools = false,
            Remedy::OmitCacheKey => params.cache_key = false,
        }
        *params != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simultaneous_refusals_change_a_parameter_once() {
        let refusals = Refusals::new(Params::first(&Url::parse("http://127.0.0.1/v1").unwrap()));
        let sent = refusals.params();
        assert!(refusals.learn(Remedy::RenameLimit, sent));
        assert!(!refusals.learn(Remedy::RenameLimit, sent));
        assert!(!refusals.learn(Remedy::OmitLimit, sent), "a refusal of the old name says nothing about the new one");
        assert_eq!(refusals.params().limit, Limit::MaxCompletionTokens);
        assert!(refusals.learn(Remedy::OmitTemperature, sent));
        assert!(!refusals.params().temperature);
    }
}
