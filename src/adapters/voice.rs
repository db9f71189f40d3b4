//! Voice messages: a recording is fetched from wherever a channel says it is, and an OpenAI-compatible endpoint is asked
//! what it says. See `docs/voice.md`.

mod convert;
mod endpoint;
mod fetch;
mod format;
mod guard;
mod length;
mod settings;

pub use guard::Trusted;
pub use settings::{Error, Settings};

use async_trait::async_trait;
use convert::NotConverted;
use endpoint::{Endpoint, Heard};
use fetch::Fetcher;
use format::Format;
use frontdesk_actors::domain::VoiceSource;
use frontdesk_actors::ports::{Recording, TranscribeError, TranscribeErrorKind as Kind, Transcriber};
use std::time::Duration;

/// How many seconds more than allowed are converted, so that what is too long shows.
const BEYOND: u64 = 2;

/// What speech recognition "hears" in silence: the ends of the films it was trained with. Nobody writes to a company
/// just this.
const NOTHING_SAID: &[&str] = &[
    "you",
    "thank you for watching",
    "thanks for watching",
    "продолжение следует",
    "субтитры сделал dimatorzok",
    "субтитры создавал dimatorzok",
    "редактор субтитров а.семкин корректор а.егорова",
    "спасибо за просмотр",
];

/// Fetches recordings and hears what they say.
#[derive(Debug)]
pub struct Ears {
    fetcher: Fetcher,
    endpoint: Endpoint,
    max_bytes: u64,
    max_seconds: u64,
    ffmpeg: String,
}

impl Ears {
    /// Makes the transcriber.
    ///
    /// # Errors
    /// [`Error`] for a setting that cannot work.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let endpoint = Endpoint::new(&settings)?;
        let Settings { trusted, max_bytes, max_seconds, ffmpeg, .. } = settings;
        let fetcher = Fetcher::new(trusted, max_bytes)?;
        let max_bytes = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        Ok(Self { fetcher, endpoint, max_bytes, max_seconds, ffmpeg })
    }

    /// Asks the endpoint what a recording says; converted where the endpoint does not take it, or nobody knows how long it is.
    async fn hear(&self, recording: &[u8], format: Format) -> Result<String, TranscribeError> {
        let told = length::of(format, recording);
        self.check(told)?;
        let short = told.is_some() || length::at_most(recording.len()).as_secs() <= self.max_seconds;
        if let Some(sent_as) = format.sent_as()
            && short
            && let Heard::Words(words) = self.endpoint.ask(recording, sent_as).await?
        {
            return Ok(words);
        }
        let converted = match convert::to_mp3(&self.ffmpeg, recording, self.max_seconds + BEYOND).await {
            Ok(converted) => converted,
            Err(NotConverted::NoFfmpeg) if !short => {
                return Err(too_long("it tells no length, is large, and there is no ffmpeg to measure it"));
            }
            Err(why) => return Err(not_converted(why)),
        };
        self.check(length::of(Format::Mp3, &converted))?;
        let sent_as = Format::Mp3.sent_as().unwrap_or(("voice.mp3", "audio/mpeg"));
        match self.endpoint.ask(&converted, sent_as).await? {
            Heard::Words(words) => Ok(words),
            Heard::Form => Err(TranscribeError::new(Kind::Undecodable, "the endpoint cannot read it as MP3 either")),
        }
    }

    /// Refuses what is longer than it may be. Encoders add some milliseconds: only whole seconds count.
    fn check(&self, length: Option<Duration>) -> Result<(), TranscribeError> {
        if length.is_some_and(|length| length.as_secs() > self.max_seconds) {
            return Err(too_long("it is longer than transcription.max_length"));
        }
        Ok(())
    }
}

#[async_trait]
impl Transcriber for Ears {
    async fn transcribe(&self, recording: &Recording) -> Result<String, TranscribeError> {
        let url = match &recording.voice.source {
            VoiceSource::Url(url) => url,
            VoiceSource::TooLarge => return Err(TranscribeError::new(Kind::TooLong, "the channel calls it too large")),
            VoiceSource::Unreadable => {
                return Err(TranscribeError::new(Kind::Undecodable, "the channel cannot read it"));
            }
        };
        if recording.voice.bytes.is_some_and(|bytes| bytes > self.max_bytes) {
            return Err(TranscribeError::new(Kind::TooLong, "it is larger than transcription.max_bytes"));
        }
        let bytes = self.fetcher.fetch(url).await?;
        let Some(format) = Format::of(&bytes) else {
            return Err(TranscribeError::new(Kind::Undecodable, "what came back is no recording"));
        };
        let words = self.hear(&bytes, format).await?;
        Ok(if is_nothing(&words) { String::new() } else { words })
    }
}

fn too_long(why: &str) -> TranscribeError {
    TranscribeError::new(Kind::TooLong, why)
}

fn not_converted(why: NotConverted) -> TranscribeError {
    let detail = match why {
        NotConverted::NoFfmpeg => {
            "it must be converted first and there is no ffmpeg: install it, or set transcription.ffmpeg"
        }
        NotConverted::Undecodable => "ffmpeg makes nothing of it",
    };
    TranscribeError::new(Kind::Undecodable, detail)
}

/// Returns whether these are no words of a customer.
fn is_nothing(words: &str) -> bool {
    let bare = words.trim().trim_end_matches(['.', '!', '…', '?', ' ']).to_lowercase();
    bare.chars().all(|letter| !letter.is_alphanumeric()) || NOTHING_SAID.contains(&bare.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_heard_in_silence_is_nothing() {
        for nothing in ["", " ... ", "Thank you for watching!", "Продолжение следует...", "♪", "you"]
        {
            assert!(is_nothing(nothing), "{nothing}");
        }
        for something in ["Thank you", "да", "7", "you owe me"] {
            assert!(!is_nothing(something), "{something}");
        }
    }
}
