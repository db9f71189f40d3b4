//! Turns the text of one setting into a typed value, by its kind, and back into text that may be shown.
//!
//! What is wrong with a value is said here in words; a secret value is never part of those words.
#![deny(clippy::disallowed_methods)]

use crate::config::keys::Kind;
use figment::value::Value;
use humantime_serde::re::humantime::parse_duration;
use std::net::SocketAddr;
use std::time::Duration;
use url::Url;

/// Durations beyond this are typing errors, and would overflow timestamps.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A value as it is merged, and as it may be shown.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    /// What the structs are filled from.
    pub(super) value: Value,
    /// What `check-config` shows.
    pub(super) shown: String,
}

/// Reads the text of a setting. The error says what is wrong, and what would be right.
pub(super) fn read(kind: Kind, text: &str) -> Result<Typed, String> {
    let text = text.trim();
    let typed = |value: Value, shown: &str| Typed { value, shown: shown.to_owned() };
    match kind {
        Kind::Text | Kind::Path => plain(text).map(|text| typed(Value::from(text), text)),
        Kind::Secret => secret(text).map(|text| typed(Value::from(text), "set")),
        Kind::SecretList => {
            let parts = split(text).map(secret).collect::<Result<Vec<_>, _>>()?;
            Ok(Typed { shown: format!("{} set", parts.len()), value: Value::from(parts) })
        }
        Kind::Url => url(text).map(|url| typed(Value::from(url.as_str()), url.as_str())),
        Kind::Address => address(text).map(|addr| typed(Value::from(addr.to_string()), &addr.to_string())),
        Kind::Switch => switch(text).map(|on| typed(Value::from(on), if on { "on" } else { "off" })),
        Kind::Whole(least, most) => whole(text, least, most).map(|number| typed(Value::from(number), text)),
        Kind::Decimal(least, most) => decimal(text, least, most).map(|number| typed(Value::from(number), text)),
        Kind::WholeList => {
            let parts = split(text).map(|part| whole(part, 1, u64::MAX >> 1)).collect::<Result<Vec<_>, _>>()?;
            Ok(Typed { value: Value::from(parts), shown: split(text).collect::<Vec<_>>().join(", ") })
        }
        Kind::Span => span(text).map(shown_span),
        Kind::OptionalSpan if is_off(text) => Ok(typed(Value::from(0_u64), "off")),
        Kind::OptionalSpan => span(text).map(shown_span),
        Kind::Choice(words) => {
            let word = text.to_ascii_lowercase();
            if words.contains(&word.as_str()) {
                Ok(typed(Value::from(word.as_str()), &word))
            } else {
                Err(format!("{text:?} is none of: {}", words.join(", ")))
            }
        }
    }
}

/// Reads the same from a file's value, which may already have a type.
pub(super) fn text_of(value: &Value) -> Result<String, String> {
    match value {
        Value::String(_, text) => Ok(text.clone()),
        Value::Char(_, letter) => Ok(letter.to_string()),
        Value::Bool(_, on) => Ok(on.to_string()),
        Value::Num(_, number) => number
            .to_u128()
            .map(|whole| whole.to_string())
            .or_else(|| number.to_i128().map(|whole| whole.to_string()))
            .or_else(|| number.to_f64().map(|decimal| decimal.to_string()))
            .ok_or_else(|| "is not a number that can be read".to_owned()),
        Value::Array(_, items) => items.iter().map(text_of).collect::<Result<Vec<_>, _>>().map(|parts| parts.join(",")),
        Value::Empty(..) => Ok(String::new()),
        Value::Dict(..) => Err("is a section where a single value belongs".to_owned()),
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn plain(text: &str) -> Result<&str, String> {
    if text.chars().any(char::is_control) { Err("contains a control character".to_owned()) } else { Ok(text) }
}

/// Secrets end up in HTTP headers, mail dialogues and URLs, where anything but visible ASCII breaks late and badly.
fn secret(text: &str) -> Result<&str, String> {
    match text.chars().find(|letter| !matches!(letter, ' '..='~')) {
        None => Ok(text),
        Some(letter) if letter.is_control() => {
            Err("contains a control character, perhaps a line break; copy it again as one line".to_owned())
        }
        Some(_) => Err("contains a letter outside ASCII, perhaps a typographic quote; copy it again".to_owned()),
    }
}

fn url(text: &str) -> Result<Url, String> {
    let wrong = |why: &str| format!("is not a usable address: {why}; write it as https://host or http://host:port");
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it must start with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("carries a user name or password; they belong into their own settings".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("carries a query or a fragment; leave out everything from ? or # on".to_owned());
    }
    Ok(url)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.replacen("localhost", "127.0.0.1", 1);
    numeric.parse().map_err(|_| format!("{text:?} is not an IP address with a port, such as 127.0.0.1:8080"))
}

fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Ok(true),
        "false" | "off" | "no" | "0" => Ok(false),
        _ => Err(format!("{text:?} is neither on nor off")),
    }
}

fn whole(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let number: u64 = text.replace('_', "").parse().map_err(|_| format!("{text:?} is not a whole number"))?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!("{number} is not between {least} and {most}"))
    }
}

fn decimal(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!("{number} is not between {least} and {most}"))
    }
}

fn is_off(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "off" | "never" | "no" | "false" | "0")
}

fn span(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().map(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let parsed = seconds.unwrap_or_else(|| parse_duration(text).ok());
    match parsed {
        Some(span) if span <= LONGEST => Ok(span),
        Some(_) => Err(format!("{text:?} is longer than a hundred years")),
        None => Err(format!("{text:?} is not a duration; write 1200ms, 30s, 5m, 24h or 180d")),
    }
}

fn shown_span(span: Duration) -> Typed {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Typed { value: Value::from(millis), shown: in_largest_unit(millis) }
}

/// Shows a duration as operators write it: in one unit, the largest that fits exactly.
fn in_largest_unit(millis: u64) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    let exact = units.into_iter().find(|(_, size)| millis >= *size && millis.is_multiple_of(*size));
    exact.map_or_else(|| format!("{millis}ms"), |(unit, size)| format!("{}{unit}", millis / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: Kind, text: &str) -> Result<String, String> {
        read(kind, text).map(|typed| typed.shown)
    }

    #[test]
    fn durations_are_humane_and_plain_numbers_are_seconds() {
        let spans =
            [("30s", "30s"), ("1.2s", "1200ms"), ("1.2", "1200ms"), ("90", "90s"), ("1h 30m", "90m"), ("24h", "1d")];
        for (text, expected) in spans {
            assert_eq!(shown(Kind::Span, text), Ok(expected.to_owned()), "{text}");
        }
        for text in ["-1", "soon", "1e300", "NaN", "30 parsecs", "9999999999d"] {
            assert!(shown(Kind::Span, text).is_err(), "{text}");
        }
        assert_eq!(shown(Kind::OptionalSpan, "off"), Ok("off".to_owned()));
    }

    #[test]
    fn addresses_carry_no_credentials_queries_or_foreign_schemes() {
        assert_eq!(shown(Kind::Url, "https://chat.example.com"), Ok("https://chat.example.com/".to_owned()));
        for text in ["chat.example.com", "ftp://x", "https://user:pw@x", "https://x/?a=b", "https://x/#a", "https://"] {
            assert!(shown(Kind::Url, text).is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_are_never_shown_not_even_when_they_are_wrong() {
        assert_eq!(shown(Kind::Secret, "sk-abc"), Ok("set".to_owned()));
        assert_eq!(shown(Kind::SecretList, "a, b,"), Ok("2 set".to_owned()));
        for text in ["sk-a\nb", "sk-\u{7f}", "\u{201c}sk\u{201d}"] {
            let error = shown(Kind::Secret, text).unwrap_err();
            assert!(!error.contains("sk"), "{error}");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(shown(Kind::Whole(1, 5), "5"), Ok("5".to_owned()));
        assert!(shown(Kind::Whole(1, 5), "6").is_err());
        assert!(shown(Kind::Whole(1, 5), "-1").is_err());
        assert!(shown(Kind::Decimal(0.0, 2.0), "NaN").is_err());
        assert!(shown(Kind::WholeList, "1,x").is_err());
    }
}
