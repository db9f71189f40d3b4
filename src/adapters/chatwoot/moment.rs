//! Chatwoot's ways of writing a time: ISO 8601 in messages, whole seconds in REST, seconds with a fraction in
//! `updated_at`.

use super::lenient::Scalar;
use frontdesk_actors::time::Timestamp;

/// Reads a time in any of the three ways. Zero means null to Chatwoot.
pub(super) fn read(value: &Scalar<'_>) -> Option<Timestamp> {
    match value {
        Scalar::Text(text) => iso(text),
        Scalar::Whole(_) | Scalar::Real(_) => {
            micros(value).and_then(|micros| i64::try_from(micros / 1000).ok()).map(Timestamp::from_millis)
        }
        Scalar::Nothing | Scalar::Flag(_) => None,
    }
}

/// Reads `updated_at` as microseconds, the resolution in which Chatwoot's database keeps it.
///
/// Ruby prints the double nearest to the stored value and we read the double nearest to the print. Until 2038 doubles
/// of this size are 0.24 µs apart, so rounding gives the stored microsecond back; truncating would not.
pub(super) fn micros(value: &Scalar<'_>) -> Option<u64> {
    /// 2100-01-01: what lies beyond is not a time.
    const END: f64 = 4_102_444_800.0;
    let whole_secs = value.whole();
    let micros = match value {
        Scalar::Real(secs) if *secs > 0.0 && *secs < END => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range above")]
            let micros = (secs * 1e6).round() as u64;
            micros
        }
        Scalar::Real(_) | Scalar::Nothing | Scalar::Flag(_) | Scalar::Whole(_) | Scalar::Text(_) => {
            whole_secs?.checked_mul(1_000_000)?
        }
    };
    Some(micros).filter(|micros| *micros > 0)
}

/// Reads `2026-08-14T10:15:28.482Z`, with any number of fraction digits and any offset.
fn iso(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_once(['T', ' '])?;
    let mut ymd = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (ymd.next()??, ymd.next()??, ymd.next()??);
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (clock, zone) = rest.split_at(zone_at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut hms = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (hms.next()??, hms.next()??, hms.next()??);
    let valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !valid {
        return None;
    }
    let secs = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset(zone)?;
    Some(Timestamp::from_millis(secs * 1000 + millis(fraction)?))
}

/// Reads a fraction of a second; what lies below a millisecond is cut off.
fn millis(fraction: &str) -> Option<i64> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    Some(digits.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// Reads `Z`, `+05:30` or `-0700` as seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.get(1..)?.chars().filter(|letter| *letter != ':').collect();
    let (hours, minutes) = (digits.get(0..2)?.parse::<i64>().ok()?, digits.get(2..4).unwrap_or("00"));
    Some(sign * (hours * 3600 + minutes.parse::<i64>().ok()? * 60))
}

/// Counts days in the proleptic Gregorian calendar, with the year starting in March so that the leap day comes last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let in_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + in_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn at(text: &str) -> Option<i64> {
        read(&Scalar::Text(Cow::Borrowed(text))).map(Timestamp::as_millis)
    }

    #[test]
    fn every_way_of_writing_a_time_is_read() {
        assert_eq!(at("2026-08-14T10:15:28.482Z"), Some(1_786_702_528_482));
        assert_eq!(at("2026-08-14T10:15:28Z"), Some(1_786_702_528_000));
        assert_eq!(at("2026-08-14T12:15:28.4829999+02:00"), Some(1_786_702_528_482));
        assert_eq!(at("2024-02-29T23:59:59.9-0130"), Some(1_709_256_599_900));
        assert_eq!(read(&Scalar::Whole(1_786_702_528)).map(Timestamp::as_millis), Some(1_786_702_528_000));
        assert_eq!(read(&Scalar::Real(1_786_702_528.5)).map(Timestamp::as_millis), Some(1_786_702_528_500));
    }

    #[test]
    fn rubbish_is_no_time() {
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-08-14", "2026-08-14T10:15:28", "2026-08-14T1:2:3.xZ"]
        {
            assert_eq!(at(bad), None, "{bad}");
        }
        for bad in [Scalar::Real(-1.0), Scalar::Real(f64::NAN), Scalar::Real(1e300), Scalar::Whole(0), Scalar::Nothing]
        {
            assert_eq!(micros(&bad), None);
        }
        assert_eq!(micros(&Scalar::Whole(u64::MAX)), None);
        assert!(at("9999-12-31T23:59:60.999-99:99").is_some());
    }

    #[test]
    fn the_stored_microsecond_survives_print_and_parse() {
        let mut micros_stored = 1_786_702_528_000_000_u64;
        while micros_stored < 2_140_000_000_000_000 {
            #[expect(clippy::cast_precision_loss, reason = "this is what Ruby's to_f does")]
            let printed = format!("{}", micros_stored as f64 / 1e6);
            let read: Scalar<'_> = serde_json::from_str(&printed).unwrap();
            assert_eq!(micros(&read), Some(micros_stored), "{printed}");
            micros_stored += 35_184_372_077;
        }
    }
}
