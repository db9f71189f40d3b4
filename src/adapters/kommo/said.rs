//! What the desk said lately, so that it is told from a person's words when the account's webhook brings it back: the
//! webhook does not say that a bot of ours wrote it. Noted in the conversation's feed before it is sent, so that no webhook
//! can be faster.

use frontdesk_actors::ids::{ConversationKey, OutboundId, stable_hash};
use frontdesk_actors::ports::{PortError, Store};
use frontdesk_actors::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// For how long words are known. The vendor repeats a webhook for about an hour and a half.
const KNOWN: Duration = Duration::from_secs(3 * 3600);

/// What one row says, as digests of its texts.
#[derive(Serialize, Deserialize)]
struct Note {
    /// How notes were written before: one for each text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<u64>,
    #[serde(default)]
    texts: Vec<u64>,
    at: Timestamp,
}

/// The words of the desk.
#[derive(Debug, Clone)]
pub(super) struct Said(pub(super) Arc<dyn Store>);

impl Said {
    /// Notes what a row is about to say.
    pub(super) async fn note(
        &self,
        key: &ConversationKey,
        (row, texts): (&OutboundId, &[String]),
        now: Timestamp,
    ) -> Result<(), PortError> {
        // One write for all of them: a send waits for it.
        let texts: Vec<u64> = texts.iter().map(|text| digest(text)).collect();
        // A row that finds another place may say more there than it did before.
        let id = texts.iter().fold(row.to_string(), |id, text| format!("{id}/{text:x}"));
        let note = Note { text: None, texts, at: now };
        let note = serde_json::to_vec(&note).expect("numbers are encodable");
        self.0.append_feed(key, &id, note.into()).await.map(drop)
    }

    /// Returns whether the desk has said this lately.
    pub(super) async fn knows(&self, key: &ConversationKey, text: &str, now: Timestamp) -> Result<bool, PortError> {
        let digest = digest(text);
        let feed = self.0.feed(key, 0).await?;
        let mut notes = feed.iter().filter_map(|(_, bytes)| serde_json::from_slice::<Note>(bytes).ok());
        let says = |note: &Note| note.text == Some(digest) || note.texts.contains(&digest);
        Ok(notes.any(|note| says(&note) && now.since(note.at) < KNOWN))
    }
}

/// Messengers change spaces and the marks around words.
fn digest(text: &str) -> u64 {
    let letters: String = text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let bare = if letters.is_empty() { text.trim() } else { &letters };
    stable_hash(bare.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_actors::testkit::{ManualClock, MemoryStore};

    #[tokio::test]
    async fn what_a_row_says_at_its_second_place_is_known_too() {
        let said = Said(Arc::new(MemoryStore::new(Arc::new(ManualClock::default()))));
        let (key, row) = (ConversationKey::new("kommo", "fixture", 1), OutboundId("a-0".to_owned()));
        let now = Timestamp::from_secs(1_760_000_000);
        let texts = ["Yes, we do.", "It is red."].map(str::to_owned);
        for count in [1, 2, 2] {
            said.note(&key, (&row, &texts[..count]), now).await.expect("the store is there");
        }
        for (text, known) in [("Yes, we do", true), ("It is red", true), ("It is blue", false)] {
            assert_eq!(said.knows(&key, text, now).await.expect("the store is there"), known, "{text}");
        }
        let feed = said.0.feed(&key, 0).await.expect("the store is there");
        assert_eq!(feed.len(), 2, "what is repeated is noted once");
    }
}
