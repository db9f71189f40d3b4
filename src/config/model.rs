//! What must be true of the settings of the language model.

use super::validate::Review;
use super::{Config, is_local};

impl Config {
    pub(super) fn check_model(&self, review: &mut Review) {
        let host = self.model.base_url.host_str().unwrap_or_default();
        if self.model.base_url.path().trim_end_matches('/').ends_with("/chat/completions") {
            review.problem("OPENAI_BASE_URL", "names an operation", "end it after the version, as in https://host/v1");
        }
        if self.model.base_url.scheme() == "http" && self.model.api_key.is_some() && !is_local(&self.model.base_url) {
            review.warn("OPENAI_BASE_URL has no TLS: the key and every conversation travel in clear");
        }
        if self.model.api_key.is_none() && host != "api.openai.com" {
            review.problem(
                "OPENAI_API_KEY",
                "is not set although OPENAI_BASE_URL is, so the mock would answer",
                "set the key; servers without keys (Ollama, vLLM) take any word",
            );
        }
        if let Some(end) = announced_end(&self.model.name)
            && self.model.api_key.is_some()
            && host == "api.openai.com"
        {
            review.warn(format!("OpenAI has announced the end of {} for {end}; see OPENAI_MODEL", self.model.name));
        }
        if self.model.memory_messages == 0 {
            review.problem("MEMORY_MESSAGES", "is 0, so the model would not even see the question", "use 20");
        }
        if self.model.memory_ttl.is_zero() {
            review.problem("MEMORY_TTL", "is 0, so everything would be forgotten at once", "use 24h");
        }
    }
}

/// Returns when OpenAI switches a model off, by its announcements as of 2026-11-20.
fn announced_end(model: &str) -> Option<&'static str> {
    let ends = [
        ("gpt-5", "2026-12-11"),
        ("o3", "2026-12-11"),
        ("o3-mini", "2026-12-11"),
        ("gpt-4o", "2027-01-14"),
        ("gpt-4o-mini", "2027-01-14"),
        ("gpt-4.1", "2027-01-14"),
        ("gpt-4.1-mini", "2027-01-14"),
        ("gpt-5.1", "2027-04-01"),
    ];
    ends.into_iter().find(|(name, _)| *name == model).map(|(_, end)| end)
}
