//! How recordings are fetched and understood, and settings that cannot work.

use super::guard::Trusted;
use secrecy::SecretString;
use url::Url;

/// How recordings are fetched and understood.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The endpoint up to and including its version part.
    pub base_url: Url,
    /// The key; local servers need none.
    pub api_key: Option<SecretString>,
    /// The model's name at that endpoint.
    pub model: String,
    /// The language that is spoken, where it is always the same.
    pub language: Option<String>,
    /// The largest recording, in bytes.
    pub max_bytes: usize,
    /// The longest recording, in seconds.
    pub max_seconds: u64,
    /// The program that converts recordings; empty for none.
    pub ffmpeg: String,
    /// The hosts that may be private.
    pub trusted: Trusted,
}

/// A setting that cannot work. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key contains something that no key contains.
    #[error(
        "TRANSCRIPTION_API_KEY contains a space, a control character or a letter outside ASCII: paste the bare key again"
    )]
    Key,
    /// The HTTP client cannot be made.
    #[error("the HTTP client for recordings could not be made: check the system's TLS certificates")]
    Client(#[source] reqwest::Error),
}
