//! Moments as people read them, in UTC: an operator at night compares them with the log.

use frontdesk_actors::time::Timestamp;

/// Returns a moment as `2026-08-14 10:15:28`.
pub fn date_time(at: Timestamp) -> String {
    let (year, month, day) = civil(at.as_secs().div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02} {}", clock(at))
}

/// Returns the time of day of a moment, as `10:15:28`.
pub fn clock(at: Timestamp) -> String {
    let in_day = at.as_secs().rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", in_day / 3600, in_day / 60 % 60, in_day % 60)
}

/// Returns the date of a day since 1970-01-01, counting years from March so that the leap day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_utc() {
        assert_eq!(date_time(Timestamp::from_secs(0)), "1970-01-01 00:00:00");
        assert_eq!(date_time(Timestamp::from_millis(1_786_702_528_482)), "2026-08-14 10:15:28");
        assert_eq!(date_time(Timestamp::from_secs(1_709_251_199)), "2024-02-29 23:59:59");
        assert_eq!(date_time(Timestamp::from_secs(-1)), "1969-12-31 23:59:59");
        assert_eq!(clock(Timestamp::from_secs(86_399)), "23:59:59");
    }
}
