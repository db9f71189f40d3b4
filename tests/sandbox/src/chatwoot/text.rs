//! How Rails writes JSON and times.

use serde_json::Value;

/// Writes JSON as `ActiveSupport` does: `<`, `>`, `&` and the two line separators of Unicode are escaped.
pub(super) fn rails_json(value: &Value) -> String {
    let plain = value.to_string();
    let mut escaped = String::with_capacity(plain.len() + 16);
    for letter in plain.chars() {
        match letter {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Writes microseconds since the epoch as ISO 8601 with three digits, in UTC.
pub(super) fn iso(micros: u64) -> String {
    let (secs, millis) = (micros / 1_000_000, micros / 1000 % 1000);
    let (days, of_day) = (secs / 86_400, secs % 86_400);
    // Days are counted from 0000-03-01, so that the leap day is the last of its year.
    let days = days + 719_468;
    let era_day = days % 146_097;
    let era_year = (era_day - era_day / 1460 + era_day / 36_524 - era_day / 146_096) / 365;
    let year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
    let month_from_march = (5 * year_day + 2) / 153;
    let day = year_day - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era_year + days / 146_097 * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Returns microseconds as the double that Ruby's `to_f` makes of them.
#[expect(clippy::cast_precision_loss, reason = "this is what Ruby does")]
pub(super) fn float_secs(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_escapes_are_those_of_rails() {
        assert_eq!(iso(1_786_702_528_482_999), "2026-08-14T10:15:28.482Z");
        assert_eq!(iso(1_709_164_799_000_000), "2024-02-28T23:59:59.000Z");
        assert_eq!(iso(1_709_164_800_000_000), "2024-02-29T00:00:00.000Z");
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rails_json(&serde_json::json!("<b> & \u{2028}")), r#""\u003cb\u003e \u0026 \u2028""#);
    }
}
