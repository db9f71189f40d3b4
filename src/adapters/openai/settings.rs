//! What an operator may set about the model, checked before anything is sent.
//!
//! A wrong setting is refused at construction with its fix. Secrets are trimmed here once: a newline at the end of a
//! key file is the commonest mistake, and a control character would be an invalid header later.

use crate::instructions::Book;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Which of the provider's interfaces is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// `POST /chat/completions`: every compatible provider has it.
    #[default]
    Chat,
    /// `POST /responses`, stateless (`store: false`): OpenAI, and some others.
    Responses,
}

impl Api {
    /// Returns the path below the base address.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Api::Chat => "/chat/completions",
            Api::Responses => "/responses",
        }
    }
}

/// How the model is reached and what it is asked for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address up to and including the version: `https://api.openai.com/v1`. A slash at the end is dropped.
    pub base_url: String,
    /// The key; local servers need none.
    pub api_key: Option<SecretString>,
    /// The model's name at the provider.
    pub model: String,
    /// The longest answer, in tokens. Reasoning models spend their thoughts from it.
    pub max_tokens: Option<u32>,
    /// How freely the model words its answers, 0 to 2.
    pub temperature: Option<f32>,
    /// Which interface is spoken.
    pub api: Api,
    /// The longest one call may take, connecting and all requests included.
    pub call_timeout: Duration,
    /// The instructions in force.
    pub instructions: Arc<Book>,
}

/// A setting that cannot work. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key contains something that no key contains.
    #[error("OPENAI_API_KEY contains a space, a control character or a letter outside ASCII: paste the bare key again")]
    Key,
    /// The address cannot be used.
    #[error("OPENAI_BASE_URL {0}: write it like https://api.openai.com/v1")]
    BaseUrl(&'static str),
    /// There is no model name.
    #[error("OPENAI_MODEL is empty or contains a line break: write the name the provider lists under /models")]
    Model,
    /// The temperature is outside its range.
    #[error("OPENAI_TEMPERATURE must be a number from 0 to 2: correct it, or leave it out for the provider's default")]
    Temperature,
    /// The answer may have no words.
    #[error("OPENAI_MAX_TOKENS must be at least 16: raise it, or leave it out for the provider's default")]
    MaxTokens,
    /// A call may take no time.
    #[error("AI_CALL_TIMEOUT is zero: set it to 30s or so")]
    CallTimeout,
    /// The HTTP client cannot be made.
    #[error("the HTTP client for the model could not be made: check the system's TLS certificates")]
    Client(#[source] reqwest::Error),
}

/// Settings that can work.
pub(super) struct Checked {
    pub(super) base: Url,
    pub(super) base_text: String,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) model: String,
    pub(super) max_tokens: Option<u32>,
    pub(super) temperature: Option<f32>,
    pub(super) api: Api,
    pub(super) call_timeout: Duration,
    pub(super) instructions: Arc<Book>,
}

impl Settings {
    /// Checks every setting.
    pub(super) fn check(self) -> Result<Checked, Error> {
        let (base, base_text) = base_url(&self.base_url)?;
        let model = self.model.trim().to_owned();
        if model.is_empty() || model.chars().any(char::is_control) {
            return Err(Error::Model);
        }
        if self.temperature.is_some_and(|value| !(0.0..=2.0).contains(&value)) {
            return Err(Error::Temperature);
        }
        // OpenAI's Responses refuse fewer than 16 (`max_output_tokens` in its API reference).
        if self.max_tokens.is_some_and(|limit| limit < 16) {
            return Err(Error::MaxTokens);
        }
        if self.call_timeout.is_zero() {
            return Err(Error::CallTimeout);
        }
        Ok(Checked {
            base,
            base_text,
            authorization: authorization(self.api_key.as_ref())?,
            model,
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            api: self.api,
            call_timeout: self.call_timeout,
            instructions: self.instructions,
        })
    }
}

/// Checks the base address and drops the slash at its end: paths are appended to it as text.
fn base_url(text: &str) -> Result<(Url, String), Error> {
    let text = text.trim().trim_end_matches('/');
    let url = Url::parse(text).map_err(|_| Error::BaseUrl("is not an address"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(Error::BaseUrl("is not an http or https address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::BaseUrl("contains a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::BaseUrl("contains a ? or #"));
    }
    if [Api::Chat, Api::Responses].iter().any(|api| url.path().ends_with(api.path())) {
        return Err(Error::BaseUrl("names one call instead of the part before it"));
    }
    Ok((url, text.to_owned()))
}

/// Makes the header that carries the key. A blank key is no key.
fn authorization(key: Option<&SecretString>) -> Result<Option<HeaderValue>, Error> {
    let Some(key) = key.map(|key| key.expose_secret().trim()).filter(|key| !key.is_empty()) else {
        return Ok(None);
    };
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::Key);
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| Error::Key)?;
    header.set_sensitive(true);
    Ok(Some(header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_trimmed_and_one_that_would_break_a_header_is_refused() {
        let header = |key: &str| authorization(Some(&SecretString::from(key.to_owned())));
        assert_eq!(header(" sk-1\n").unwrap().unwrap().to_str().unwrap(), "Bearer sk-1");
        assert!(header(" \n").unwrap().is_none());
        for bad in ["sk\n1", "sk 1", "sk-\u{e9}", "sk\u{0}1"] {
            let error = header(bad).unwrap_err();
            assert!(matches!(error, Error::Key) && !error.to_string().contains("sk"), "{bad:?}");
        }
        assert!(!format!("{:?}", header("sk-1").unwrap()).contains("sk-1"));
    }

    #[test]
    fn a_base_address_loses_its_slash_and_unusable_ones_are_refused() {
        assert_eq!(base_url(" http://127.0.0.1:8000/v1// ").unwrap().1, "http://127.0.0.1:8000/v1");
        for bad in [
            "",
            "api.openai.com/v1",
            "ftp://host/v1",
            "https://user:secret@host/v1",
            "https://host/v1?key=1",
            "https://host/v1/chat/completions",
        ] {
            let error = base_url(bad).unwrap_err().to_string();
            assert!(error.contains("https://api.openai.com/v1") && !error.contains("secret"), "{error}");
        }
    }
}
