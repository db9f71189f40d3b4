//! Fetches a recording: bounded in size and time, redirects followed by hand so that each is judged like the first.

use super::guard::{PrivateAddress, PublicOnly, Trust, Trusted, judge};
use super::settings::Error;
use frontdesk_actors::ports::{TranscribeError, TranscribeErrorKind as Kind};
use reqwest::header::LOCATION;
use reqwest::{Client, Response};
use std::time::Duration;
use url::Url;

/// How many redirects are followed: Chatwoot's own to its storage is one.
const MOST_REDIRECTS: usize = 5;

/// Longest time to connect, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest silence while a recording comes.
const SILENCE: Duration = Duration::from_secs(15);

/// Fetches recordings.
#[derive(Debug)]
pub(super) struct Fetcher {
    public: Client,
    named: Client,
    trusted: Trusted,
    max_bytes: usize,
}

impl Fetcher {
    pub(super) fn new(trusted: Trusted, max_bytes: usize) -> Result<Self, Error> {
        let builder = || {
            Client::builder()
                .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(SILENCE)
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                // A proxy would resolve names itself, past the guard.
                .no_proxy()
        };
        let made =
            |builder: reqwest::ClientBuilder| builder.build().map_err(|error| Error::Client(error.without_url()));
        let public = made(builder().dns_resolver(PublicOnly).https_only(true))?;
        Ok(Self { public, named: made(builder())?, trusted, max_bytes })
    }

    /// Returns the recording at an address.
    ///
    /// # Errors
    /// Classified; the address stands in no message.
    pub(super) async fn fetch(&self, address: &str) -> Result<Vec<u8>, TranscribeError> {
        let mut url = Url::parse(address).map_err(|_| refused("is no address"))?;
        for _ in 0..=MOST_REDIRECTS {
            let client = match judge(&url, &self.trusted) {
                Trust::Named => &self.named,
                Trust::Public => &self.public,
                Trust::Refused => return Err(refused("is not https, or leads into a private network")),
            };
            let response = client.get(url.clone()).send().await.map_err(|error| broken(&error))?;
            match response.status().as_u16() {
                200..=299 => return self.read(response).await,
                301 | 302 | 303 | 307 | 308 => url = next(&url, &response)?,
                status => return Err(failed(status)),
            }
        }
        Err(refused("leads from one redirect to the next"))
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, TranscribeError> {
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > self.max_bytes) {
            return Err(self.too_large());
        }
        let mut body = Vec::with_capacity(announced.unwrap_or_default());
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > self.max_bytes {
                return Err(self.too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn too_large(&self) -> TranscribeError {
        let limit = self.max_bytes;
        TranscribeError::new(Kind::TooLong, format!("a recording is larger than transcription.max_bytes ({limit})"))
    }
}

/// Returns where a redirect leads.
fn next(from: &Url, response: &Response) -> Result<Url, TranscribeError> {
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    location.and_then(|location| from.join(location).ok()).ok_or_else(|| refused("redirects to nowhere"))
}

fn refused(why: &str) -> TranscribeError {
    let detail =
        format!("the address of a recording {why}; if it is your own storage, add its host to TRANSCRIPTION_HOSTS");
    TranscribeError::new(Kind::Forbidden, detail)
}

fn failed(status: u16) -> TranscribeError {
    let kind = match status {
        408 | 504 => Kind::Timeout,
        429 => Kind::RateLimited,
        500..=599 => Kind::Overloaded,
        _ => Kind::Gone,
    };
    TranscribeError::new(kind, format!("whoever keeps the recording answers with HTTP {status}"))
}

/// Names a failure below HTTP. The error itself is not kept: it names the address.
fn broken(error: &reqwest::Error) -> TranscribeError {
    if PrivateAddress::caused(error) {
        return refused("leads into a private network");
    }
    let (kind, what) = match () {
        () if error.is_timeout() => (Kind::Timeout, "does not answer in time"),
        () if error.is_connect() => (Kind::Unreachable, "cannot be reached"),
        () => (Kind::Unreachable, "hung up in the middle"),
    };
    TranscribeError::new(kind, format!("whoever keeps the recording {what}"))
}
