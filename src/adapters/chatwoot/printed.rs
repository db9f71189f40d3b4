//! A JSON value of which only the text matters, written out while it is read.
//!
//! What customers fill into forms may be any value. As a tree it would take many times the room that it takes in the
//! body; as text it takes as much as there.

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt::{self, Write};

/// A value as text: a text as it is, nothing for null, anything else as JSON. Debug shows no words.
#[derive(Default)]
pub(super) struct Printed(String);

impl Printed {
    /// Returns the text, without white space around it.
    pub(super) fn text(&self) -> &str {
        self.0.trim()
    }
}

impl fmt::Debug for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl<'de> Deserialize<'de> for Printed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = String::new();
        Writer { to: &mut text, inside: false }.deserialize(deserializer)?;
        Ok(Self(text))
    }
}

/// Writes a value; within another one texts are quoted and null is named.
struct Writer<'t> {
    to: &'t mut String,
    inside: bool,
}

impl Writer<'_> {
    fn put<E: Error>(self, value: impl fmt::Display) -> Result<(), E> {
        write!(self.to, "{value}").map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Writer<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Writer<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if self.inside { self.put("null") } else { Ok(()) }
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        self.put(flag)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.put(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.put(number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        // Of all numbers only those without a JSON form (none that was read) are nothing.
        self.put(serde_json::Number::from_f64(number).map_or_else(String::new, |number| number.to_string()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if self.inside { self.put(serde_json::Value::from(text)) } else { self.put(text) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.to.push('[');
        let start = self.to.len();
        loop {
            let before = self.to.len();
            if before > start {
                self.to.push(',');
            }
            if items.next_element_seed(Writer { to: &mut *self.to, inside: true })?.is_none() {
                self.to.truncate(before);
                break;
            }
        }
        self.to.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.to.push('{');
        let start = self.to.len();
        loop {
            let before = self.to.len();
            if before > start {
                self.to.push(',');
            }
            if fields.next_key_seed(Writer { to: &mut *self.to, inside: true })?.is_none() {
                self.to.truncate(before);
                break;
            }
            self.to.push(':');
            fields.next_value_seed(Writer { to: &mut *self.to, inside: true })?;
        }
        self.to.push('}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_within_is_the_json_that_was_read() {
        for value in [
            json!([]),
            json!({}),
            json!([1, -2, 0.5, true, null, "a \"quoted\" text\n", [[]], { "a": { "b": [] }, "c": null }]),
            json!({ "id": 1, "title": "Yes", "of": [{ "x": 1 }, 2] }),
            json!(7),
            json!(1e300),
            json!(false),
        ] {
            let printed: Printed = serde_json::from_str(&value.to_string()).unwrap();
            assert_eq!(serde_json::from_str::<Value>(printed.text()).unwrap(), value);
        }
    }

    #[test]
    fn a_text_is_itself_and_null_is_nothing() {
        let printed = |json: &str| serde_json::from_str::<Printed>(json).unwrap().text().to_owned();
        assert_eq!(printed(r#"" Norway \n""#), "Norway");
        assert_eq!(printed("null"), "");
        assert_eq!(printed(r#"["Norway", "Oslo"]"#), r#"["Norway","Oslo"]"#);
    }
}
