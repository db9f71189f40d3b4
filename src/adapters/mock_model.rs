//! The built-in demo model: stands in as long as no key is set, so that the whole desk can be tried without an account.
//!
//! It shows what the desk does with a model: memory, answering a burst once, fetching a person, surviving failures.
//! It is a pure function of the prompt (plus a pause for the typing indicator), it never claims to know the company,
//! and it says what it is. With a key it is not used at all, not even when the real model fails.

mod intent;
mod phrases;

use async_trait::async_trait;
use frontdesk_actors::domain::{Remembered, Role};
use frontdesk_actors::ports::{Model, ModelError, ModelErrorKind, ModelReply, Prompt};
use intent::Intent;
use phrases::Phrases;
use std::time::Duration;

/// How many earlier messages are recited.
const RECITED: usize = 3;

/// Longest quotation, in characters.
const QUOTED: usize = 90;

/// A model that needs no account.
#[derive(Debug, Clone, Copy)]
pub struct MockModel {
    /// How long an answer takes: long enough for the typing indicator to be seen.
    pub typing: Duration,
    /// How long an answer takes if the customer asks for a slow one.
    pub slow: Duration,
}

impl Default for MockModel {
    fn default() -> Self {
        Self { typing: Duration::from_millis(600), slow: Duration::from_secs(5) }
    }
}

impl MockModel {
    /// Makes a demo model that answers at once, for tests.
    pub const fn instant() -> Self {
        Self { typing: Duration::ZERO, slow: Duration::ZERO }
    }
}

#[async_trait]
impl Model for MockModel {
    async fn reply(&self, prompt: &Prompt) -> Result<ModelReply, ModelError> {
        let scene = Scene::new(prompt);
        let intent = intent::of(&scene.asked());
        tokio::time::sleep(if intent == Intent::Slow { self.slow } else { self.typing }).await;
        match intent {
            Intent::Fail => Err(ModelError {
                kind: ModelErrorKind::Overloaded,
                detail: "the demo model was told to fail: write something else, or connect a real model with \
                         OPENAI_API_KEY"
                    .to_owned(),
                retry_after: None,
            }),
            Intent::Complaint => Ok(ModelReply::RequestHuman {
                reason: "The customer asks about a refund or has a complaint (demo model).".to_owned(),
                summary: Some(Self::sum_up(prompt)),
            }),
            Intent::GivesName(name) => Ok(scene.say(scene.phrases.nice_to_meet.replace("{name}", &name))),
            Intent::AsksName => Ok(scene.say(scene.recall_name())),
            Intent::AsksBefore => Ok(scene.say(scene.recite())),
            Intent::AsksCount => Ok(scene.say(scene.count())),
            Intent::Slow => Ok(scene.say(scene.phrases.slow.to_owned())),
            Intent::Thanks => Ok(scene.say(scene.named(scene.phrases.welcome))),
            Intent::Greets => Ok(scene.say(scene.greet())),
            Intent::Other => Ok(scene.say(scene.echo())),
        }
    }

    async fn summarise(&self, prompt: &Prompt) -> Result<String, ModelError> {
        tokio::time::sleep(self.typing).await;
        Ok(Self::sum_up(prompt))
    }
}

impl MockModel {
    /// Sums up as far as one can without understanding.
    fn sum_up(prompt: &Prompt) -> String {
        let said: Vec<&str> = customer(&prompt.history).collect();
        let ends = [said.first(), said.last()].into_iter().flatten().map(|text| format!("“{}”", quote(text, QUOTED)));
        let mut ends: Vec<String> = ends.collect();
        ends.dedup();
        format!(
            "{} messages, {} of the customer's. First and last of these: {}. (The demo model counts and quotes; connect a real \
             one with OPENAI_API_KEY.)",
            prompt.history.len(),
            said.len(),
            if ends.is_empty() { "none".to_owned() } else { ends.join(" … ") }
        )
    }
}

/// What the answer is made from.
struct Scene<'a> {
    phrases: &'static Phrases,
    before: &'a [Remembered],
    now: Vec<&'a str>,
    name: Option<String>,
}

impl<'a> Scene<'a> {
    fn new(prompt: &'a Prompt) -> Self {
        let start = prompt.history.len().saturating_sub(prompt.unanswered.max(1));
        let (before, now) = prompt.history.split_at(start);
        let own_words = customer(&prompt.history).rev().find_map(intent::given_name);
        let shown = prompt.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        Self {
            phrases: phrases::of(prompt.lang),
            before,
            now: customer(now).collect(),
            name: own_words.or_else(|| shown.map(|name| quote(name, 40))),
        }
    }

    /// Returns everything that waits for an answer, as one text.
    fn asked(&self) -> String {
        self.now.join("\n")
    }

    /// Finishes an answer. The first one of a conversation says who is speaking and how to connect a real model.
    fn say(&self, text: String) -> ModelReply {
        let introduced = self.before.iter().any(|m| m.role == Role::Desk && m.text.contains(phrases::MARK));
        ModelReply::Text(if introduced { text } else { format!("{text}\n\n{}", self.phrases.introduction) })
    }

    /// Puts the name, if known, into a phrase with `{, name}`.
    fn named(&self, phrase: &str) -> String {
        let name = self.name.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        phrase.replace("{, name}", &name)
    }

    fn greet(&self) -> String {
        self.named(self.phrases.hello)
    }

    fn recall_name(&self) -> String {
        match &self.name {
            Some(name) => self.phrases.your_name.replace("{name}", name),
            None => self.phrases.no_name.to_owned(),
        }
    }

    fn recite(&self) -> String {
        let earlier: Vec<&str> = customer(self.before).collect();
        if earlier.is_empty() {
            return self.phrases.nothing_before.to_owned();
        }
        let last = &earlier[earlier.len().saturating_sub(RECITED)..];
        let lines: Vec<String> = last.iter().map(|text| format!("— “{}”", quote(text, QUOTED))).collect();
        format!("{}\n{}", self.phrases.you_said, lines.join("\n"))
    }

    fn count(&self) -> String {
        let theirs = customer(self.before).count() + self.now.len();
        let all = self.before.len() + self.now.len();
        self.phrases.counted.replace("{theirs}", &theirs.to_string()).replace("{all}", &all.to_string())
    }

    /// Shows that the message was read, and that nothing is invented.
    fn echo(&self) -> String {
        let quoted: Vec<String> = self.now.iter().map(|text| format!("“{}”", quote(text, QUOTED))).collect();
        match quoted.as_slice() {
            [] => self.phrases.hello.replace("{, name}", ""),
            [one] => self.named(self.phrases.you_wrote).replace("{text}", one),
            many => self
                .named(self.phrases.you_wrote_many)
                .replace("{n}", &many.len().to_string())
                .replace("{text}", &many.join(", ")),
        }
    }
}

/// Returns what the customer wrote, oldest first, attachments left out.
fn customer(messages: &[Remembered]) -> impl DoubleEndedIterator<Item = &str> {
    messages.iter().filter(|m| m.role == Role::Customer).map(|m| m.text.trim()).filter(|text| !text.is_empty())
}

/// Returns a text on one line, shortened.
fn quote(text: &str, max: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= max {
        return line;
    }
    let head: String = line.chars().take(max).collect();
    format!("{}…", head.trim_end())
}

#[cfg(test)]
mod tests;
