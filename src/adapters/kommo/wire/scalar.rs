//! The scalars of a JSON body, as text. Everything else in it is passed over while it is read, so that a body takes no more
//! room than its own words.

use super::MOST_PAIRS;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// A scalar as text; `None` for null, a list or an object.
#[derive(Default)]
pub(super) struct Scalar(pub(super) Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor).map(Self)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Some(flag.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(serde_json::Value::from(number).to_string()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// The scalars of an object by name, at most so many. Some senders put the object into a string.
#[derive(Default)]
pub(super) struct Scalars(pub(super) BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Scalars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarsVisitor)
    }
}

struct ScalarsVisitor;

impl<'de> Visitor<'de> for ScalarsVisitor {
    type Value = Scalars;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalars, A::Error> {
        let mut scalars = BTreeMap::new();
        while let Some((name, Scalar(value))) = map.next_entry::<String, Scalar>()? {
            if let Some(value) = value
                && scalars.len() < MOST_PAIRS
            {
                scalars.insert(name, value);
            }
        }
        Ok(Scalars(scalars))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalars, E> {
        // Within the string another one stands for no object.
        let is_object = text.trim_start().starts_with('{');
        Ok(is_object.then(|| serde_json::from_str(text).ok()).flatten().unwrap_or_default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalars, E> {
        Ok(Scalars::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Scalars, E> {
        Ok(Scalars::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Scalars, E> {
        Ok(Scalars::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalars, E> {
        Ok(Scalars::default())
    }

    fn visit_unit<E>(self) -> Result<Scalars, E> {
        Ok(Scalars::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalars, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalars::default())
    }
}
