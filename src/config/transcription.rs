//! How voice messages are understood: settings, and what is wrong with them.

use super::validate::Review;
use super::{Config, fields, is_local};
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// How voice messages are understood.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transcription {
    /// The endpoint, up to and including its version part.
    #[serde(deserialize_with = "fields::url")]
    pub base_url: Url,
    /// Its key.
    pub api_key: Option<SecretString>,
    /// The model's name.
    pub model: String,
    /// The language that customers speak: a code, or `auto`.
    pub language: String,
    /// The longest one try may take, fetching included.
    #[serde(deserialize_with = "fields::millis")]
    pub call_timeout: Duration,
    /// How long after its first try a voice message is given to people.
    #[serde(deserialize_with = "fields::millis")]
    pub deadline: Duration,
    /// The largest recording.
    pub max_bytes: usize,
    /// The longest recording.
    #[serde(deserialize_with = "fields::millis")]
    pub max_length: Duration,
    /// Hosts that recordings may be fetched from although they are private.
    #[serde(default)]
    pub hosts: Option<String>,
    /// The program that converts recordings.
    #[serde(default)]
    pub ffmpeg: Option<String>,
}

impl Transcription {
    /// Returns whether voice messages are listened to: with a key, or at an endpoint of one's own.
    pub fn is_on(&self) -> bool {
        self.api_key.is_some() || self.base_url.host_str() != Some("api.openai.com")
    }

    /// Returns the language that is always spoken, if it is always the same.
    pub fn hint(&self) -> Option<String> {
        Some(self.language.clone()).filter(|language| language != "auto")
    }
}

impl Config {
    pub(super) fn check_transcription(&self, review: &mut Review) {
        let section = &self.transcription;
        if section.base_url.path().trim_end_matches('/').ends_with("/audio/transcriptions") {
            review.problem(
                "TRANSCRIPTION_BASE_URL",
                "names one call instead of the part before it",
                "write it like https://api.openai.com/v1",
            );
        }
        if section.base_url.scheme() == "http" && section.api_key.is_some() && !is_local(&section.base_url) {
            review.warn("TRANSCRIPTION_BASE_URL has no TLS: the key and what customers say travel in clear");
        }
        if section.is_on() && section.model == "whisper-1" && section.base_url.host_str() == Some("api.openai.com") {
            review.warn("OpenAI has announced the end of whisper-1 for 2027-02-26; see TRANSCRIPTION_MODEL");
        }
        if section.call_timeout.is_zero() || section.call_timeout > section.deadline {
            review.problem(
                "transcription.call_timeout",
                "is zero or longer than transcription.deadline",
                "leave both out, or make the deadline the longer one",
            );
        }
    }
}
