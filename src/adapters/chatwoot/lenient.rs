//! JSON values that tolerate null, absence and an unexpected type.
//!
//! A version of Chatwoot that changes a field the desk can do without must not cost a webhook, because a refused one
//! opens the conversation. The shapes made of these values are in `wire`.

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A JSON value where a scalar is expected. Debug shows its kind only: it may be a customer's words.
#[derive(Clone, Default)]
pub(super) enum Scalar<'a> {
    /// Absent, null, or of no use.
    #[default]
    Nothing,
    /// A truth value.
    Flag(bool),
    /// A whole number.
    Whole(u64),
    /// Any other number.
    Real(f64),
    /// Text.
    Text(Cow<'a, str>),
}

impl<'a> Scalar<'a> {
    /// Returns the text, if it is text.
    pub(super) fn text(&self) -> Option<&str> {
        if let Scalar::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the text, if it is text that says something.
    pub(super) fn filled(&self) -> Option<&str> {
        self.text().map(str::trim).filter(|text| !text.is_empty())
    }

    /// Takes the text; empty unless it is text.
    pub(super) fn into_text(self) -> String {
        if let Scalar::Text(text) = self { text.into_owned() } else { String::new() }
    }

    /// Returns the number, if it is a whole one.
    pub(super) fn whole(&self) -> Option<u64> {
        if let Scalar::Whole(number) = self { Some(*number) } else { None }
    }

    /// Returns the database id, if it is one. Chatwoot numbers from 1.
    pub(super) fn id(&self) -> Option<u64> {
        self.whole().filter(|id| *id > 0)
    }

    /// Returns whether it is exactly `true`.
    pub(super) fn is_true(&self) -> bool {
        matches!(self, Scalar::Flag(true))
    }

    /// Returns whether anything but null and `false` stands there.
    pub(super) fn is_set(&self) -> bool {
        !matches!(self, Scalar::Nothing | Scalar::Flag(false))
    }
}

impl fmt::Debug for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scalar::Nothing => "nothing",
            Scalar::Flag(_) => "flag",
            Scalar::Whole(_) => "whole",
            Scalar::Real(_) => "real",
            Scalar::Text(_) => "text",
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Whole(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(number).map_or(Scalar::Nothing, Scalar::Whole))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Real(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }
}

/// A JSON value where an object is expected.
#[derive(Debug, Clone, Default)]
pub(super) enum Object<T> {
    /// The key is not there.
    #[default]
    Absent,
    /// It is null.
    Null,
    /// It is something else than an object.
    Odd,
    /// It is the object.
    Is(T),
}

impl<T> Object<T> {
    /// Returns the object, if there is one.
    pub(super) fn get(&self) -> Option<&T> {
        if let Object::Is(value) = self { Some(value) } else { None }
    }

    /// Takes the object, if there is one.
    pub(super) fn into_inner(self) -> Option<T> {
        if let Object::Is(value) = self { Some(value) } else { None }
    }

    /// Returns whether there is an object.
    pub(super) fn is_there(&self) -> bool {
        self.get().is_some()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Object::Is)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Object::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Object::Odd)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Object::Odd)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Object::Odd)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Object::Odd)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Object::Odd)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Object::Odd)
    }
}

/// How many items of a list are kept: more than Chatwoot puts into any. A body of the largest size could hold half a
/// million empty ones, each of which takes many times its two bytes.
const KEPT: usize = 1024;

/// A JSON value where a list of objects is expected. What is no object stands there as an empty one, so that it counts.
/// Items beyond the thousandth are read and left out.
#[derive(Debug, Clone)]
pub(super) struct List<T>(Option<Vec<T>>);

impl<T> List<T> {
    /// Returns the items; none if it is no list.
    pub(super) fn items(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Returns the items; none if it is no list.
    pub(super) fn into_items(self) -> Vec<T> {
        self.0.unwrap_or_default()
    }

    /// Returns whether it is a list, be it an empty one.
    pub(super) fn is_given(&self) -> bool {
        self.0.is_some()
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < KEPT
            && let Some(item) = seq.next_element::<Object<T>>()?
        {
            items.push(item.into_inner().unwrap_or_default());
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(List(Some(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(List::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(List::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(List::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(List::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(List::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(List::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(List::default())
    }
}

/// Reads one JSON document; what it says about a failure never quotes the document.
pub(super) fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<Object<T>, serde_json::Error> {
    match std::str::from_utf8(body) {
        // Checked as a whole: to check each of a hundred short strings takes several times as long.
        Ok(text) => serde_json::from_str(text),
        // What is damaged may stand where the desk does not look.
        Err(_) => serde_json::from_slice(body),
    }
}

/// Reads one JSON document into an owned value, `None` if it is not one.
pub(super) fn read_owned<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}
