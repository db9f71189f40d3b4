//! Reading GREEN-API's JSON: only what is asked for, whatever else stands beside it.
//!
//! The vendor adds fields and changes types between releases, and a webhook that is refused blocks the whole instance, so a
//! field of another type counts as missing.

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Every key that is read of a webhook. Nothing else is kept, so that a body costs little more memory than it is long.
const KEYS: [&str; 27] = [
    "caption",
    "chatId",
    "chatName",
    "deletedMessageData",
    "downloadUrl",
    "editedMessageData",
    "extendedTextMessageData",
    "fileMessageData",
    "fileName",
    "idInstance",
    "idMessage",
    "instanceData",
    "messageData",
    "mimeType",
    "sendByApi",
    "sender",
    "senderContactName",
    "senderData",
    "senderName",
    "stanzaId",
    "stateInstance",
    "status",
    "text",
    "textMessage",
    "textMessageData",
    "timestamp",
    "typeMessage",
];

/// Reads the body of a webhook.
pub(super) fn webhook(body: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice::<Lean>(body).map(|lean| lean.0)
}

/// A value of which only the known keys are kept; no webhook has lists that are read.
struct Lean(Value);

impl<'de> Deserialize<'de> for Lean {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LeanVisitor).map(Lean)
    }
}

struct LeanVisitor;

impl<'de> Visitor<'de> for LeanVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::from(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key == "typeWebhook" || KEYS.binary_search(&key.as_ref()).is_ok() {
                kept.insert(key.into_owned(), map.next_value::<Lean>()?.0);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Value::Object(kept))
    }
}

/// Returns the text at a path of keys; `None` if it is something else or says nothing.
pub(super) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path)?.as_str().filter(|text| !text.trim().is_empty())
}

/// Returns the whole number at a path of keys. Some releases write numbers as text.
pub(super) fn whole(value: &Value, path: &[&str]) -> Option<u64> {
    let found = at(value, path)?;
    found.as_u64().or_else(|| found.as_str()?.trim().parse().ok())
}

/// Returns the truth value at a path of keys.
pub(super) fn flag(value: &Value, path: &[&str]) -> Option<bool> {
    at(value, path)?.as_bool()
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}
