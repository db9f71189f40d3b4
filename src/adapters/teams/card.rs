//! The Adaptive Card on the wire: version 1.4, which every Teams client shows, in one of two envelopes.
//!
//! Teams refuses cards above about 28 KB as it counts them, after its own expansion: a card of 24.4 KB was counted as
//! 28.9 KB. So the size is counted as pure ASCII JSON, the longest form, and kept below 20 KB; the customer's words give
//! way.

use super::CardShape;
use super::face::{Face, Tone};
use super::markdown;
use serde_json::{Value, json};

/// The largest card, in bytes of ASCII JSON.
const LARGEST: usize = 20_000;
/// How many characters of the customer's words are tried, largest first.
const TEXT_LENGTHS: [usize; 5] = [2_000, 1_000, 500, 200, 50];
/// The longest fact.
const LONGEST_FACT: usize = 300;
/// The longest address of a button.
const LONGEST_LINK: usize = 2_000;

/// Returns the body of the request.
pub(super) fn body(face: &Face, shape: CardShape) -> String {
    let mut lengths = TEXT_LENGTHS.into_iter();
    loop {
        let length = lengths.next();
        let wrapped = envelope(card(face, length.unwrap_or(0)), shape).to_string();
        if length.is_none() || ascii_length(&wrapped) <= LARGEST {
            return wrapped;
        }
    }
}

fn envelope(card: Value, shape: CardShape) -> Value {
    match shape {
        CardShape::Card => card,
        CardShape::Message => json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": card,
            }],
        }),
    }
}

fn card(face: &Face, text_length: usize) -> Value {
    let (style, color) = match face.tone {
        Tone::Customer => ("accent", "accent"),
        Tone::Trouble => ("attention", "attention"),
        Tone::Good => ("good", "good"),
    };
    let short = |text: &str| markdown::line(&markdown::clip(text.trim(), LONGEST_FACT));
    let facts: Vec<Value> =
        face.facts.iter().map(|(title, value)| json!({"title": short(title), "value": short(value)})).collect();
    let title = json!({
        "type": "TextBlock", "text": short(&face.title), "weight": "bolder", "size": "medium", "color": color, "wrap": true,
    });
    let text = markdown::block(&markdown::clip(face.text.trim(), text_length));
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "full"},
        "fallbackText": short(&face.title),
        "body": [
            {"type": "Container", "style": style, "bleed": true, "items": [title]},
            {"type": "FactSet", "facts": facts},
            {"type": "TextBlock", "text": text, "wrap": true, "separator": true},
        ],
    });
    if let Some((title, url)) = face.button.as_ref().filter(|(_, url)| is_web(url)) {
        card["actions"] = json!([{"type": "Action.OpenUrl", "title": title, "url": url}]);
    }
    card
}

/// Teams opens only web addresses, and a button with anything else would fail the whole card.
fn is_web(url: &str) -> bool {
    url.len() <= LONGEST_LINK && url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
}

/// Returns how long the JSON is with everything outside ASCII written as `\uXXXX`.
fn ascii_length(json: &str) -> usize {
    json.chars().map(|c| if c.is_ascii() { 1 } else { 6 * c.len_utf16() }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::teams::{UtcOffset, Wording};
    use frontdesk_actors::domain::Lang;
    use frontdesk_actors::language::Reason;
    use frontdesk_actors::ports::Card;
    use frontdesk_actors::time::Timestamp;

    fn face(customer: &str, message: &str, link: &str) -> Face {
        let card = Card::Handoff {
            reason: Reason::AskedByModel(message.to_owned()),
            customer: customer.to_owned(),
            message: message.to_owned(),
            at: Timestamp::from_secs(1_795_197_959),
            link: Some(link.to_owned()),
        };
        Wording::new(Lang::Ru, UtcOffset::default()).face(&card)
    }

    fn parsed(face: &Face, shape: CardShape) -> Value {
        serde_json::from_str(&body(face, shape)).unwrap()
    }

    #[test]
    fn both_shapes_carry_the_same_card() {
        let face = face("Dana", "Hello", "https://chat.example.com/57");
        let bare = parsed(&face, CardShape::Card);
        let message = parsed(&face, CardShape::Message);
        assert_eq!(message["type"], "message");
        assert_eq!(message["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
        assert!(message["attachments"][0]["contentUrl"].is_null());
        assert_eq!(message["attachments"][0]["content"], bare);
        assert_eq!((bare["type"].as_str(), bare["version"].as_str()), (Some("AdaptiveCard"), Some("1.4")));
        assert_eq!(bare["actions"][0]["url"], "https://chat.example.com/57");
        assert_eq!(bare["actions"][0]["title"], "Открыть диалог");
    }

    #[test]
    fn the_customers_words_stay_words() {
        let bare = parsed(&face("[Dana](https://evil.example)", "*hi*\n# x", "https://a.example"), CardShape::Card);
        assert_eq!(bare["body"][1]["facts"][1]["value"], "\\[Dana\\](https://evil.example)");
        assert_eq!(bare["body"][2]["text"], "\\*hi\\*\n\n\\# x");
    }

    #[test]
    fn no_card_is_too_large() {
        for unit in ["a", "ж", "👩\u{200d}💻", "*", "\n-", "\"\\", "\u{0}", "<a{{", "слово "] {
            for shape in [CardShape::Message, CardShape::Card] {
                let text = unit.repeat(30_000);
                let link = format!("https://a.example/{}", "x".repeat(5_000));
                let sent = body(&face(&text, &text, &link), shape);
                assert!(ascii_length(&sent) <= LARGEST, "{unit:?}: {}", ascii_length(&sent));
                assert!(serde_json::from_str::<Value>(&sent).is_ok());
            }
        }
        let long = parsed(&face("Dana", &"ж".repeat(5_000), "https://a.example"), CardShape::Card);
        assert!(long["body"][2]["text"].as_str().unwrap().ends_with('…'));
    }

    #[test]
    fn only_web_addresses_become_buttons() {
        for link in ["javascript:alert(1)", "not a url", "", "file:///etc/passwd"] {
            assert!(parsed(&face("Dana", "Hi", link), CardShape::Card).get("actions").is_none(), "{link}");
        }
    }
}
