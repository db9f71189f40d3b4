//! Asks an OpenAI-compatible endpoint what a recording says: `POST /audio/transcriptions`, one try, a bounded answer.
//!
//! The form is written by hand: three fields and a file. Errors are read as loose JSON, like those of language models;
//! the provider's message decides between classes and is never shown, because it may quote what was said.

use super::settings::{Error, Settings};
use crate::usage;
use frontdesk_actors::ports::{TranscribeError, TranscribeErrorKind as Kind};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Response};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::time::Duration;

/// Longest time to connect, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest answer that is read.
const MAX_BODY: usize = 512 * 1024;

/// Longest wait that a provider may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// Words by which providers say that they cannot read a recording.
const FORM_WORDS: &[&str] = &["format", "decode", "corrupt", "invalid file", "could not process", "unsupported"];

/// Words by which providers say that there is nothing in it.
const EMPTY_WORDS: &[&str] = &["too short", "minimum audio length", "audio_too_short"];

/// Words by which providers say that it is too long.
const LONG_WORDS: &[&str] = &["too long", "too large", "longer than", "maximum content size", "size limit"];

/// Words by which providers say that the account has nothing left.
const QUOTA_WORDS: &[&str] = &["insufficient_quota", "credit", "billing"];

/// The endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    http: Client,
    url: String,
    authorization: Option<HeaderValue>,
    model: String,
    language: Option<String>,
}

/// An endpoint's answer. It has no `Debug`: it is what a customer said.
pub(super) enum Heard {
    /// What was said; nothing for silence.
    Words(String),
    /// The endpoint cannot read this form.
    Form,
}

impl Endpoint {
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let mut builder = Client::builder()
            .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        // A proxy cannot reach this machine's own loopback, whatever HTTP_PROXY says.
        if matches!(settings.base_url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| Error::Client(error.without_url()))?;
        let base = settings.base_url.as_str().trim_end_matches('/');
        Ok(Self {
            http,
            url: format!("{base}/audio/transcriptions"),
            authorization: authorization(settings)?,
            model: settings.model.trim().to_owned(),
            language: settings.language.clone(),
        })
    }

    /// Asks what a recording says.
    ///
    /// # Errors
    /// Classified; no word of what was said, no key.
    pub(super) async fn ask(&self, file: &[u8], (name, mime): (&str, &str)) -> Result<Heard, TranscribeError> {
        let boundary = boundary()?;
        let mut request = self.http.post(&self.url).body(self.form(&boundary, file, (name, mime)));
        request = request.header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let mut response = request.send().await.map_err(|error| broken(&error))?;
        let body = read_bounded(&mut response).await?;
        let value: Option<Value> = serde_json::from_slice(&body).ok();
        let (status, headers) = (response.status().as_u16(), response.headers());
        let error = value.as_ref().and_then(find_error);
        match (status, error) {
            (200..=299, None) => {
                value.iter().for_each(usage::count_transcription);
                words(value.as_ref())
            }
            (_, error) => refusal(status, error, headers),
        }
    }

    fn form(&self, boundary: &str, file: &[u8], (name, mime): (&str, &str)) -> Vec<u8> {
        // Since gpt-transcribe several languages can be hinted at, under another name.
        let hint = if self.model.starts_with("gpt-transcribe") { "languages[]" } else { "language" };
        let fields =
            [("model", Some(self.model.as_str())), ("response_format", Some("json")), (hint, self.language.as_deref())];
        let mut form = Vec::with_capacity(file.len() + 1024);
        for (field, value) in fields.into_iter().filter_map(|(field, value)| Some((field, value?))) {
            let part = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
            form.extend_from_slice(part.as_bytes());
        }
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: {mime}\r\n\r\n"
        );
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(file);
        form.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        form
    }
}

/// Makes a boundary that nobody can foresee, so that no recording can be made to hold it and to add fields to the form.
fn boundary() -> Result<String, TranscribeError> {
    let mut fresh = [0_u8; 16];
    let filled = aws_lc_rs::rand::fill(&mut fresh);
    filled.map_err(|_| TranscribeError::new(Kind::Unreachable, "the operating system gives no random bytes"))?;
    Ok(format!("frontdesk-{}", hex::encode(fresh)))
}

/// Makes the header that carries the key. A blank key is no key.
fn authorization(settings: &Settings) -> Result<Option<HeaderValue>, Error> {
    let key = settings.api_key.as_ref().map(|key| key.expose_secret().trim()).filter(|key| !key.is_empty());
    let Some(key) = key else { return Ok(None) };
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::Key);
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| Error::Key)?;
    header.set_sensitive(true);
    Ok(Some(header))
}

async fn read_bounded(response: &mut Response) -> Result<Vec<u8>, TranscribeError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(TranscribeError::new(Kind::Garbled, "the transcription's answer is far too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn words(value: Option<&Value>) -> Result<Heard, TranscribeError> {
    let text = value.and_then(|value| value.get("text")).and_then(Value::as_str);
    let garbled =
        "the transcription's answer has no text: check that TRANSCRIPTION_BASE_URL is an OpenAI-compatible API";
    text.map(|text| Heard::Words(text.trim().to_owned())).ok_or_else(|| TranscribeError::new(Kind::Garbled, garbled))
}

/// Finds the error member, in an object or in a one-element array.
fn find_error(body: &Value) -> Option<&Value> {
    let object = body.as_array().map_or(Some(body), |list| list.first())?;
    object
        .get("error")
        .or_else(|| object.get("detail"))
        .filter(|error| !error.is_null() && **error != Value::Bool(false))
}

/// Reads a refusal. A form that cannot be read is an answer: it can be converted.
fn refusal(status: u16, error: Option<&Value>, headers: &HeaderMap) -> Result<Heard, TranscribeError> {
    let member = |name: &str| error.and_then(|error| error.get(name));
    let text = |name: &str| member(name).and_then(Value::as_str).unwrap_or_default();
    // OpenRouter tells failures inside a 200, by a number.
    let number = member("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let status = if (200..300).contains(&status) { number.unwrap_or(status) } else { status };
    let whole = error.and_then(Value::as_str).unwrap_or_default();
    let said = [text("code"), text("type"), text("message"), whole].join(" ").to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let kind = match status {
        401 | 403 => Kind::Unauthorized,
        402 => Kind::Quota,
        429 if says(QUOTA_WORDS) => Kind::Quota,
        429 => Kind::RateLimited,
        404 | 405 | 300..=399 => Kind::ModelNotFound,
        413 => Kind::TooLong,
        408 | 504 => Kind::Timeout,
        500..=599 => Kind::Overloaded,
        _ if says(&["model_not_found", "model does not exist"]) => Kind::ModelNotFound,
        400 | 415 | 422 if says(EMPTY_WORDS) => return Ok(Heard::Words(String::new())),
        400 | 415 | 422 if says(LONG_WORDS) => Kind::TooLong,
        400 | 415 | 422 if status == 415 || says(FORM_WORDS) => return Ok(Heard::Form),
        400..=499 => Kind::Undecodable,
        _ => Kind::Garbled,
    };
    let mut failure = TranscribeError::new(kind, format!("the transcription endpoint answers with HTTP {status}"));
    failure.retry_after = retry_after(headers);
    Err(failure)
}

/// Reads how long to wait: whole or broken seconds in `retry-after`. Dates are not understood.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse::<f64>().ok()?;
    let positive = seconds.is_finite() && seconds >= 0.0;
    positive.then(|| Duration::from_secs_f64(seconds.min(MAX_RETRY_AFTER.as_secs_f64())))
}

/// Names a failure below HTTP.
fn broken(error: &reqwest::Error) -> TranscribeError {
    let (kind, what) = match () {
        () if error.is_timeout() => (Kind::Timeout, "does not answer in time"),
        () if error.is_connect() => (Kind::Unreachable, "cannot be reached: check TRANSCRIPTION_BASE_URL"),
        () => (Kind::Unreachable, "hung up in the middle of its answer"),
    };
    TranscribeError::new(kind, format!("the transcription endpoint {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kind(status: u16, body: Value) -> Option<Kind> {
        refusal(status, find_error(&body), &HeaderMap::new()).err().map(|error| error.kind)
    }

    #[test]
    fn boundaries_are_fresh_and_as_long_as_the_form_allows() {
        let (one, other) = (boundary().unwrap(), boundary().unwrap());
        assert_ne!(one, other);
        assert!(one.len() <= 70, "RFC 2046, section 5.1.1: {one}");
    }

    #[test]
    fn refusals_are_told_apart() {
        let error = |code: &str, message: &str| json!({"error": {"code": code, "message": message, "type": "x"}});
        assert_eq!(kind(401, error("invalid_api_key", "")), Some(Kind::Unauthorized));
        assert_eq!(kind(404, error("model_not_found", "")), Some(Kind::ModelNotFound));
        assert_eq!(kind(400, error("model_not_found", "")), Some(Kind::ModelNotFound));
        assert_eq!(kind(429, error("insufficient_quota", "")), Some(Kind::Quota));
        assert_eq!(kind(429, error("rate_limit_exceeded", "")), Some(Kind::RateLimited));
        assert_eq!(kind(200, json!({"error": {"code": 503, "message": "busy"}})), Some(Kind::Overloaded));
        assert_eq!(kind(413, json!({})), Some(Kind::TooLong));
        assert_eq!(kind(400, error("", "Maximum content size limit (26214400) exceeded")), Some(Kind::TooLong));
        assert_eq!(kind(400, error("", "something else")), Some(Kind::Undecodable));
        assert_eq!(kind(422, json!({"detail": [{"loc": ["body"]}]})), Some(Kind::Undecodable));
        assert_eq!(kind(400, error("audio_too_short", "")), None, "silence");
        assert_eq!(kind(400, error("", "Unsupported file format opus")), None, "a form that can be converted");
        assert_eq!(kind(503, json!("no JSON object")), Some(Kind::Overloaded));
    }
}
