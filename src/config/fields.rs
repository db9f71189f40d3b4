//! How merged values become fields: durations travel as milliseconds, addresses as text that was checked before.

use serde::{Deserialize, Deserializer, de::Error};
use std::time::Duration;
use url::Url;

pub(super) fn millis<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_millis)
}

/// Zero stands for "off".
pub(super) fn optional_millis<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    millis(from).map(|span| Some(span).filter(|span| !span.is_zero()))
}

pub(super) fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    Url::parse(&String::deserialize(from)?).map_err(D::Error::custom)
}

pub(super) fn optional_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    url(from).map(Some)
}
