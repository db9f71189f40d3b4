//! What a message says, by its `typeMessage`: the one table for webhooks and journals. See `docs/green-api-wire.md`.
//!
//! Text stands in three places. One of them, `extendedTextMessageData.text`, also holds the emoji of a reaction, so the type
//! decides first: a thumb up must never be answered.

use super::json::text;
use frontdesk_actors::domain::{Voice, VoiceSource};
use serde_json::Value;

/// What GREEN-API writes instead of a text that it could not decrypt.
const UNDECRYPTED: &str = "{{SWE001}}";

/// What a message says.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Somebody said something.
    Said(Said),
    /// An earlier message was changed.
    Edited {
        /// Which.
        id: String,
        /// What it says.
        text: String,
    },
    /// An earlier message was deleted.
    Deleted {
        /// Which.
        id: String,
    },
    /// Nothing that could be answered; why.
    Nothing(&'static str),
}

/// What somebody said.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The words; empty if there are none, or none that could be read.
    pub(super) text: String,
    /// How much came with them that the desk cannot read.
    pub(super) attachments: u32,
    /// The recording, if it is one.
    pub(super) voice: Option<Voice>,
}

impl Said {
    fn words(words: Option<&str>) -> Self {
        match words {
            Some(words) if words.trim() != UNDECRYPTED => Self { text: words.to_owned(), ..Self::default() },
            // It was said, and cannot be read: the customer is told so.
            Some(_) => Self { attachments: 1, ..Self::default() },
            None => Self::default(),
        }
    }

    fn unreadable() -> Self {
        Self { attachments: 1, ..Self::default() }
    }
}

/// Reads the content of a webhook's `messageData`; `None` without a `typeMessage`.
pub(super) fn of_webhook(data: &Value) -> Option<Content> {
    let kind = text(data, &["typeMessage"])?;
    let extended = || text(data, &["extendedTextMessageData", "text"]);
    Some(match kind {
        "textMessage" => Content::Said(Said::words(text(data, &["textMessageData", "textMessage"]))),
        "extendedTextMessage" | "quotedMessage" => Content::Said(Said::words(extended())),
        "editedMessage" => {
            let edited = |key| text(data, &["editedMessageData", key]);
            match edited("stanzaId") {
                Some(id) => Content::Edited {
                    id: id.to_owned(),
                    text: edited("textMessage").or_else(|| edited("caption")).unwrap_or_default().to_owned(),
                },
                None => Content::Nothing("an edit that does not say of what"),
            }
        }
        "deletedMessage" => match text(data, &["deletedMessageData", "stanzaId"]) {
            Some(id) => Content::Deleted { id: id.to_owned() },
            None => Content::Nothing("a deletion that does not say of what"),
        },
        other => of_kind(other, data.get("fileMessageData").unwrap_or(&Value::Null)),
    })
}

/// Reads the content of an entry of a journal, which has its fields side by side.
pub(super) fn of_journal(entry: &Value) -> Option<Content> {
    let kind = text(entry, &["typeMessage"])?;
    let words = text(entry, &["textMessage"]).or_else(|| text(entry, &["extendedTextMessage", "text"]));
    Some(match kind {
        "textMessage" | "extendedTextMessage" | "quotedMessage" => Content::Said(Said::words(words)),
        "editedMessage" | "deletedMessage" => Content::Nothing("a change; the webhook tells of what"),
        other => of_kind(other, entry),
    })
}

/// The kinds that are the same everywhere.
fn of_kind(kind: &str, file: &Value) -> Content {
    match kind {
        "reactionMessage" => Content::Nothing("a reaction"),
        "stickerMessage" => Content::Nothing("a sticker"),
        "pollUpdateMessage" => Content::Nothing("a vote"),
        "imageMessage" | "videoMessage" | "documentMessage" | "audioMessage" => {
            let mut said = Said::words(text(file, &["caption"]));
            said.attachments = 1;
            let mime = text(file, &["mimeType"]).unwrap_or_default();
            // A sound file that was sent as one arrives as a document.
            let sounds = kind == "audioMessage" || (kind == "documentMessage" && mime.starts_with("audio/"));
            said.voice = sounds.then(|| recording(file));
            Content::Said(said)
        }
        // A place, a contact, a poll, a product, buttons, and whatever comes next: it was said, and cannot be read.
        _ => Content::Said(Said::unreadable()),
    }
}

fn recording(file: &Value) -> Voice {
    let source = match text(file, &["downloadUrl"]) {
        Some("{{SWE002}}") => VoiceSource::TooLarge,
        Some(url) if url.starts_with("http") => VoiceSource::Url(url.to_owned()),
        // `{{SWE003}}`: it could not be decrypted.
        Some(_) | None => VoiceSource::Unreadable,
    };
    Voice {
        mime: text(file, &["mimeType"]).map(str::to_owned),
        name: text(file, &["fileName"]).map(str::to_owned),
        ..Voice::of(source)
    }
}
