//! Instructions that live in a Google document.

use crate::config::{Config, Review, fields};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// The most often a document should be asked for: Google counts 300 readings a minute for one service account.
const OFTEN: Duration = Duration::from_secs(30);

/// The Google document with the instructions, if there is one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Google {
    /// The document, by its id or its address.
    pub docs_id: Option<String>,
    /// The key file of the service account.
    pub credentials: Option<PathBuf>,
    /// The address of the Docs API.
    #[serde(deserialize_with = "fields::url")]
    pub docs_base_url: Url,
    /// How often the document is read.
    #[serde(deserialize_with = "fields::millis")]
    pub docs_poll: Duration,
    /// The longest one reading may take.
    #[serde(deserialize_with = "fields::millis")]
    pub timeout: Duration,
}

impl Google {
    /// Returns the document's id, also where its whole address was given; `None` if that cannot be one.
    pub fn document(&self) -> Option<&str> {
        let given = self.docs_id.as_deref()?.trim();
        let id = match given.split_once("/d/") {
            Some((_, rest)) => rest.split(['/', '?', '#']).next().unwrap_or_default(),
            None => given,
        };
        let plain = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_';
        (!id.is_empty() && id.len() <= 200 && id.bytes().all(plain)).then_some(id)
    }
}

impl Config {
    /// Examines what is said about the document.
    pub(super) fn check_google(&self, review: &mut Review) {
        let google = &self.google;
        if google.docs_id.is_none() {
            return;
        }
        if google.document().is_none() {
            let fix = "copy the part between /d/ and /edit of the document's address";
            review.problem("GOOGLE_DOCS_ID", "is not the id of a document", fix);
        }
        match &google.credentials {
            None => review.problem(
                "GOOGLE_APPLICATION_CREDENTIALS",
                "is not set, so the document of GOOGLE_DOCS_ID cannot be read",
                "set it to the path of the service account's JSON key",
            ),
            Some(path) => {
                if let Err(error) = std::fs::File::open(path) {
                    review.problem(
                        "GOOGLE_APPLICATION_CREDENTIALS",
                        format!("names {}, which cannot be read: {error}", path.display()),
                        "correct the path or the permissions",
                    );
                }
            }
        }
        if google.timeout.is_zero() {
            review.problem("google.timeout", "is 0, so nothing could ever succeed", "remove it to get the default");
        }
        if google.docs_poll < OFTEN {
            review.warn(
                "GOOGLE_DOCS_POLL is shorter than 30 s: Google allows 300 readings a minute for all nodes together",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_named_by_its_id_or_its_address() {
        let named = |text: &str| {
            let google = Google {
                docs_id: Some(text.to_owned()),
                credentials: None,
                docs_base_url: Url::parse("https://docs.googleapis.com").unwrap(),
                docs_poll: OFTEN,
                timeout: OFTEN,
            };
            google.document().map(str::to_owned)
        };
        assert_eq!(named(" 1a-B_2 ").as_deref(), Some("1a-B_2"));
        assert_eq!(named("https://docs.google.com/document/d/1a-B_2/edit?tab=t.0").as_deref(), Some("1a-B_2"));
        for bad in ["", "a/b", "../x", "https://docs.google.com/document/d/", "a b"] {
            assert_eq!(named(bad), None, "{bad}");
        }
    }
}
