//! What the desk was told, so that it can be told again: Kommo repeats a webhook whose answer it did not like.

use super::world::World;
use super::{ACKNOWLEDGED, KommoDouble};
use anyhow::{Context, Result};
use serde_json::Value;

/// One body on its way to the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    url: String,
    body: String,
    kind: &'static str,
    /// Whether it is about words that the desk said itself.
    is_echo: bool,
}

impl Told {
    /// A request of a salesbot.
    pub(super) fn request(url: String, body: &Value) -> Self {
        Self { url, body: body.to_string(), kind: "application/json", is_echo: false }
    }

    /// An event of the account.
    pub(super) fn event(url: String, body: String, is_echo: bool) -> Self {
        Self { url, body, kind: "application/x-www-form-urlencoded", is_echo }
    }
}

impl World {
    /// Keeps what the desk is told, each body once.
    pub(super) fn remember(&mut self, told: Told) {
        if !self.told.contains(&told) {
            self.told.push(told);
        }
    }
}

impl KommoDouble {
    /// Sends every request and every event so far once more, byte for byte. Returns how each was answered.
    ///
    /// # Errors
    /// If the desk cannot be reached at all.
    pub async fn tell_again(&self) -> Result<Vec<u16>> {
        let told = self.inner.world().told.clone();
        let mut answers = Vec::new();
        for one in told {
            let request = self.inner.http.post(&one.url).header("content-type", one.kind).timeout(ACKNOWLEDGED);
            let response = request.body(one.body).send().await.context("tell the desk again")?;
            answers.push(response.status().as_u16());
        }
        Ok(answers)
    }

    /// Returns how many events have told the desk of its own words.
    pub fn echoes(&self) -> usize {
        self.inner.world().told.iter().filter(|told| told.is_echo).count()
    }

    /// Returns what the desk has tried to show, accepted or not, in order.
    pub fn tried(&self) -> Vec<String> {
        self.inner.world().tried.clone()
    }
}
