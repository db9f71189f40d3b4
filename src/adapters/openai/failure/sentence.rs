//! One sentence for the operator per class of failure: what is wrong and what to do.

use super::{Class, Failure};
use crate::adapters::openai::settings::Api;
use frontdesk_actors::ports::{ModelError, ModelErrorKind};

/// What a sentence may name.
pub(in crate::adapters::openai) struct Account<'a> {
    /// The configured model.
    pub(in crate::adapters::openai) model: &'a str,
    /// The provider's host.
    pub(in crate::adapters::openai) host: &'a str,
    /// Which interface is spoken.
    pub(in crate::adapters::openai) api: Api,
}

impl Class {
    /// Returns the port's kind.
    const fn kind(self) -> ModelErrorKind {
        match self {
            Class::Unauthorized | Class::Forbidden => ModelErrorKind::Unauthorized,
            Class::ModelNotFound | Class::NoSuchPath => ModelErrorKind::ModelNotFound,
            Class::Quota => ModelErrorKind::Quota,
            Class::RateLimited => ModelErrorKind::RateLimited,
            Class::Overloaded => ModelErrorKind::Overloaded,
            Class::ContextTooLong => ModelErrorKind::ContextTooLong,
            Class::ContentRefused | Class::BadRequest | Class::Redirected => ModelErrorKind::BadRequest,
            Class::Timeout => ModelErrorKind::Timeout,
            Class::Unreachable | Class::Broken => ModelErrorKind::Unreachable,
            Class::NotJson | Class::TooLarge | Class::NoAnswer | Class::CutOff => ModelErrorKind::Garbled,
        }
    }
}

impl Failure {
    /// Turns the failure into the port's error.
    pub(in crate::adapters::openai) fn explain(&self, account: &Account<'_>) -> ModelError {
        let kind = self.class.kind();
        let waits = matches!(kind, ModelErrorKind::RateLimited | ModelErrorKind::Overloaded);
        ModelError { kind, detail: self.sentence(account), retry_after: self.retry_after.filter(|_| waits) }
    }

    fn sentence(&self, account: &Account<'_>) -> String {
        format!("{}{}: {}", self.class.wrong(account), self.evidence(), self.class.fix(account.api))
    }

    /// Returns status and code word in brackets, or nothing.
    fn evidence(&self) -> String {
        let status = (self.status != 0).then(|| self.status.to_string());
        let parts: Vec<String> = status.into_iter().chain(self.word.clone()).collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    }
}

impl Class {
    /// Says what is wrong.
    fn wrong(self, Account { model, host, api }: &Account<'_>) -> String {
        match self {
            Class::Unauthorized => format!("{host} refused the key"),
            Class::Forbidden => format!("{host} accepts the key but forbids this call"),
            Class::ModelNotFound => format!("{host} has no model \"{model}\" for this key"),
            Class::NoSuchPath => format!("{host} has nothing at {}", api.path()),
            Class::Quota => format!("the account at {host} has no credit or quota left"),
            Class::RateLimited => format!("{host} is asked more often than the account allows"),
            Class::Overloaded => format!("{host} is overloaded or failing"),
            Class::ContextTooLong => {
                format!("the conversation is too long for \"{model}\", also after dropping its older half")
            }
            Class::ContentRefused => format!("the content check of {host} refused the conversation"),
            Class::BadRequest => format!("{host} refused the request as malformed"),
            Class::Redirected => format!("{host} answers with a redirect"),
            Class::Timeout => format!("\"{model}\" at {host} did not answer in time"),
            Class::Unreachable => format!("{host} cannot be reached"),
            Class::Broken => format!("the connection to {host} broke before the answer was complete"),
            Class::NotJson => format!("{host} answered with something that is not JSON"),
            Class::TooLarge => format!("{host} sent an answer of more than 1 MiB"),
            Class::NoAnswer => format!("the answer of \"{model}\" at {host} contains no message"),
            Class::CutOff => format!("\"{model}\" used up its token limit before it wrote a word"),
        }
    }

    /// Says what to do.
    const fn fix(self, api: Api) -> &'static str {
        match self {
            Class::Unauthorized => "put a valid one into OPENAI_API_KEY and restart",
            Class::Forbidden => "check the key's project and permissions, and whether the provider serves this country",
            Class::ModelNotFound => "set OPENAI_MODEL to a name that the provider lists",
            Class::NoSuchPath => match api {
                Api::Chat => "check that OPENAI_BASE_URL ends in the API's version, as in https://api.openai.com/v1",
                Api::Responses => {
                    "check OPENAI_BASE_URL, or set the model's api to \"chat\": not every provider has responses"
                }
            },
            Class::Quota => "add credit or raise its limit at the provider; asking again will not help before that",
            Class::RateLimited => "the desk waits and tries again; if this lasts, raise the rate limit at the provider",
            Class::Overloaded => "the desk tries again; if this lasts, see the provider's status page",
            Class::ContextTooLong => {
                "lower MEMORY_MESSAGES, shorten the instructions, or choose a model with a longer context"
            }
            Class::ContentRefused => "a colleague has to answer this one",
            Class::BadRequest => "check that OPENAI_BASE_URL is an OpenAI-compatible address, and report this if it is",
            Class::Redirected => "set OPENAI_BASE_URL to the address it points to",
            Class::Timeout => "the desk tries again; if this lasts, choose a faster model or raise AI_CALL_TIMEOUT",
            Class::Unreachable => "check OPENAI_BASE_URL, the network, DNS, the proxy and the firewall",
            Class::Broken => "the desk tries again; if this lasts, check the network and any proxy between",
            Class::NotJson => {
                "check that OPENAI_BASE_URL is an API and ends in its version, as in https://api.openai.com/v1"
            }
            Class::TooLarge => "set OPENAI_MAX_TOKENS, and check that OPENAI_BASE_URL is an API",
            Class::NoAnswer => "the desk tries again; if this lasts, choose another model",
            Class::CutOff => {
                "raise OPENAI_MAX_TOKENS (reasoning models think within it) or choose a model that does not reason"
            }
        }
    }
}
