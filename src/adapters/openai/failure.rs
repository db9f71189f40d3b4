//! Names what went wrong, whatever shape the provider gave it, and says what the operator should do.
//!
//! Bodies are read as loose JSON: an object or a one-element array (Gemini), `code` as text or number (OpenRouter,
//! vLLM, at times OpenAI), a `status` word (Gemini), `error` inside a 200 (OpenRouter, once the model has started), or
//! no JSON at all (proxies). The provider's message decides between classes but is never shown, because it may quote
//! the customer; only short code words are.

mod sentence;

pub(super) use sentence::Account;

use super::params::{Limit, Params, Remedy};
use super::transport::{Raw, bounded_wait};
use serde_json::Value;
use std::time::Duration;

/// How much of a provider's message is looked at, in characters: enough for its own words, little of what it quotes.
const MAX_MESSAGE: usize = 300;

/// Longest code word that is shown.
const MAX_TOKEN: usize = 64;

/// What went wrong, as finely as the operator's next step differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// The key is wrong.
    Unauthorized,
    /// The key is right but may not do this.
    Forbidden,
    /// The model does not exist.
    ModelNotFound,
    /// Nothing answers at this path.
    NoSuchPath,
    /// No credit left.
    Quota,
    /// Too fast.
    RateLimited,
    /// The provider is failing.
    Overloaded,
    /// The conversation does not fit.
    ContextTooLong,
    /// The provider's own check refused the conversation's content.
    ContentRefused,
    /// The request was refused as malformed.
    BadRequest,
    /// The address answers with a redirect.
    Redirected,
    /// No answer in time.
    Timeout,
    /// No connection.
    Unreachable,
    /// The connection ended in the middle of an answer.
    Broken,
    /// A success that is not JSON.
    NotJson,
    /// A success that is far too long.
    TooLarge,
    /// JSON without an answer in it.
    NoAnswer,
    /// The limit on the answer's length left no room for a word.
    CutOff,
}

/// A request that brought no answer.
pub(super) struct Failure {
    /// What went wrong.
    pub(super) class: Class,
    /// The HTTP status, or the one that the error names; 0 if there is none.
    status: u16,
    /// The provider's code word, safe to show.
    word: Option<String>,
    /// The parameter complained about.
    param: Option<String>,
    /// The beginning of the message in lower case. Never shown.
    message: String,
    retry_after: Option<Duration>,
}

impl std::fmt::Debug for Failure {
    /// Shows no message: it may quote a customer.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Failure").field("class", &self.class).field("status", &self.status).finish_non_exhaustive()
    }
}

impl Failure {
    /// Makes a failure that has no body.
    pub(super) fn of(class: Class) -> Self {
        Self { class, status: 0, word: None, param: None, message: String::new(), retry_after: None }
    }

    /// Reads a failure from an answer. `None` if it is a success without an error inside.
    pub(super) fn read(raw: &Raw, body: Option<&Value>) -> Option<Self> {
        let success = (200..300).contains(&raw.status);
        let error = body.and_then(find_error);
        if success && error.is_none() {
            return None;
        }
        // A refusal without an `error` member has its members at the top (Mistral, older vLLM, FastAPI).
        let mut failure = Self::told(error.or(body), if success { None } else { Some(raw.status) });
        failure.retry_after = raw.retry_after.or(failure.retry_after);
        Some(failure)
    }

    /// Reads an error member. Inside a success the status is what the error says; if it says nothing, the provider
    /// failed.
    pub(super) fn told(error: Option<&Value>, status: Option<u16>) -> Self {
        let error = error.unwrap_or(&Value::Null);
        let code = error.get("code").or_else(|| error.get("status_code"));
        let inner = code.and_then(number).filter(|code| (400..600).contains(code));
        let words: Vec<String> = ["code", "type", "status"].iter().filter_map(|name| token(error.get(name)?)).collect();
        let mut failure = Self {
            class: Class::BadRequest,
            status: status.or(inner).or_else(|| status_of(&words)).unwrap_or(0),
            word: words.iter().find(|word| word.chars().any(char::is_alphabetic)).cloned(),
            param: complained_about(error),
            message: beginning(error),
            retry_after: google_delay(error),
        };
        failure.class = failure.classify(&words, error);
        failure
    }

    fn classify(&self, words: &[String], error: &Value) -> Class {
        let word = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        let says = |list: &[&str]| list.iter().any(|part| self.message.contains(part));
        // A web server's answer about a path, in contrast to a provider's about a model.
        let bare = matches!(self.message.trim().trim_end_matches('.'), "" | "not found" | "method not allowed");
        match self.status {
            _ if word(QUOTA_WORDS) || self.status == 402 || says(&["credit balance"]) => Class::Quota,
            0 | 400..=403 | 422 if word(FILTER_WORDS) || moderated(error) => Class::ContentRefused,
            401 => Class::Unauthorized,
            _ if word(KEY_WORDS) || (self.status == 400 && says(&["api key not valid"])) => Class::Unauthorized,
            403 => Class::Forbidden,
            _ if word(MODEL_WORDS) || (self.status < 500 && says(&["not a valid model"])) => Class::ModelNotFound,
            404 | 405 if bare || says(&["invalid url", "unknown url"]) => Class::NoSuchPath,
            404 | 410 => Class::ModelNotFound,
            413 => Class::ContextTooLong,
            _ if word(LENGTH_WORDS) || (self.status < 429 && says(LENGTH_MESSAGES)) => Class::ContextTooLong,
            408 => Class::Timeout,
            429 => Class::RateLimited,
            _ if word(&["tool_use_failed"]) => Class::NoAnswer,
            300..=399 => Class::Redirected,
            0 | 500.. => Class::Overloaded,
            _ => Class::BadRequest,
        }
    }

    /// Returns what to change when the provider complains about a parameter that was sent; `None` if it does not.
    pub(super) fn remedy(&self, sent: Params) -> Option<Remedy> {
        let refused = matches!(self.class, Class::BadRequest | Class::ContextTooLong | Class::ModelNotFound);
        if !refused || !matches!(self.status, 400 | 404 | 422) {
            return None;
        }
        let about = |name: &str| match self.param.as_deref() {
            Some(param) => {
                param == name || param.starts_with(&format!("{name}[")) || param.starts_with(&format!("{name}."))
            }
            None => self.message.contains(name),
        };
        let limit = ["max_tokens", "max_completion_tokens", "max_output_tokens"].iter().any(|name| about(name));
        if limit && sent.limit != Limit::Omitted {
            let other_name = self.message.contains("max_completion_tokens") && sent.limit == Limit::MaxTokens;
            return Some(if other_name { Remedy::RenameLimit } else { Remedy::OmitLimit });
        }
        // A missing model (404) is told apart from "no endpoint of this model takes tools" by the word alone.
        let tools = about("tools") || about("tool_choice") || (self.param.is_none() && self.message.contains("tool "));
        match () {
            () if self.status != 404 && sent.temperature && about("temperature") => Some(Remedy::OmitTemperature),
            () if sent.tools && tools => Some(Remedy::OmitTools),
            () if sent.cache_key && about("prompt_cache_key") => Some(Remedy::OmitCacheKey),
            () => None,
        }
    }
}

const QUOTA_WORDS: &[&str] = &[
    "insufficient_quota",
    "credit_balance_exhausted",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "insufficient_credits",
];
const KEY_WORDS: &[&str] = &["invalid_api_key", "authentication_error", "UNAUTHENTICATED", "account_deactivated"];
const MODEL_WORDS: &[&str] = &["model_not_found", "model_not_exist", "invalid_model", "model_decommissioned"];
const FILTER_WORDS: &[&str] = &["content_filter", "content_policy_violation", "responsible_ai_policy_violation"];
const LENGTH_WORDS: &[&str] = &["context_length_exceeded", "string_above_max_length", "request_too_large"];
const LENGTH_MESSAGES: &[&str] = &[
    "context length",
    "context window",
    "context size",
    "prompt is too long",
    "input is too long",
    "too many tokens",
    "maximum number of tokens",
];

/// Finds the error member, in an object or in a one-element array.
fn find_error(body: &Value) -> Option<&Value> {
    let object = body.as_array().map_or(Some(body), |list| list.first())?;
    object.get("error").filter(|error| match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Array(_) => true,
    })
}

/// Returns the status that a code word stands for, where the error has no number.
fn status_of(words: &[String]) -> Option<u16> {
    words.iter().find_map(|word| match word.as_str() {
        "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" | "rate_limit_error" => Some(429),
        "invalid_request_error" | "invalid_prompt" | "INVALID_ARGUMENT" => Some(400),
        "PERMISSION_DENIED" | "permission_error" => Some(403),
        "not_found_error" | "NOT_FOUND" => Some(404),
        _ => None,
    })
}

/// Reads a whole number that may be written as text.
fn number(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    u16::try_from(number).ok()
}

/// Returns a code word that is safe to show: short, of the letters code words are made of.
pub(super) fn token(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte));
    (plain && !text.is_empty() && text.len() <= MAX_TOKEN).then_some(text)
}

/// Returns the parameter that the error names: `param` (OpenAI), or the end of `loc` (FastAPI's validation).
fn complained_about(error: &Value) -> Option<String> {
    let loc = || error.get("detail")?.get(0)?.get("loc")?.as_array()?.iter().rev().find_map(Value::as_str);
    error.get("param").and_then(Value::as_str).or_else(loc).map(str::to_owned).filter(|param| !param.is_empty())
}

/// Returns the beginning of the message in lower case.
fn beginning(error: &Value) -> String {
    let member = |name: &str| error.get(name).and_then(Value::as_str);
    let text = error.as_str().or_else(|| member("message")).or_else(|| member("detail")).unwrap_or_default();
    text.chars().take(MAX_MESSAGE).collect::<String>().to_lowercase()
}

/// Whether OpenRouter's moderation stopped the request: a 403 that is not about the key.
fn moderated(error: &Value) -> bool {
    error
        .get("metadata")
        .is_some_and(|metadata| metadata.get("reasons").is_some() || metadata.get("flagged_input").is_some())
}

/// Reads Gemini's `details[].retryDelay`, for example "37s".
fn google_delay(error: &Value) -> Option<Duration> {
    let details = error.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    bounded_wait(delay.strip_suffix('s')?.parse().ok()?)
}

#[cfg(test)]
mod tests;
