//! Functions that return durations, times and sizes as texts for people, such as `8 h 20 min`.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Writes a duration in hours and minutes, in minutes and seconds, or in seconds: `8 h 20 min`, `3 min 5 s`, `12 s`.
pub fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{hours} h {minutes} min"),
    }
}

/// Writes a Unix time as time in `zone`: `Friday 2026-11-27 06:20`. If the date library cannot represent the time (after the year
/// 9999), writes the last date that it can represent.
pub fn local_time(unix_s: i64, zone: &TimeZone) -> String {
    let time = Timestamp::from_second(unix_s).unwrap_or(Timestamp::MAX);
    time.to_zoned(zone.clone())
        .strftime("%A %Y-%m-%d %H:%M")
        .to_string()
}

/// Writes a short duration, which is given in microseconds, with three digits: `57.0 µs`, `1.24 ms`, `3.00 s`.
pub fn micros_in_words(us: f64) -> String {
    three_digits(us, &["µs", "ms", "s"])
}

/// Writes a number of bytes, from 1000 on with three significant digits: `999 B`, `1.54 GB`.
pub fn bytes_in_words(bytes: u64) -> String {
    match bytes {
        0..=999 => format!("{bytes} B"),
        _ => three_digits(bytes as f64, &["B", "kB", "MB", "GB", "TB"]),
    }
}

/// Writes a size, which is given in the first of `units`, with three digits. Each unit is a thousand times the one before. A size that
/// would be rounded to 1000 is written in the next unit: 999.6 µs is `1.00 ms`. A size can have more than three digits only in the last
/// unit, as in `4000 s`.
fn three_digits(mut size: f64, units: &[&str]) -> String {
    // The sizes are compared with 9.995, 99.95 and 999.5, not with 10, 100 and 1000, because of rounding: 9.995 with two decimals would be
    // 10.00, 99.95 with one decimal would be 100.0, and 999.5 without decimals would be 1000.
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < units.len() {
        size /= 1000.0;
        unit += 1;
    }
    let decimals = if size >= 99.95 {
        0
    } else if size >= 9.995 {
        1
    } else {
        2
    };
    format!("{size:.decimals$} {}", units[unit])
}

/// Writes a whole number with separated thousands: `38,880`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        let words = |seconds| in_words(Duration::from_secs(seconds));
        assert_eq!(
            [words(0), words(59), words(185), words(30_000)],
            ["0 s", "59 s", "3 min 5 s", "8 h 20 min"]
        );
    }

    #[test]
    fn sizes_in_bytes_have_three_digits() {
        // 99.96 MB is rounded to 100 MB, not to 100.0 MB.
        let words = [0, 999, 1000, 1_540_000_000, 99_960_000].map(bytes_in_words);
        assert_eq!(words, ["0 B", "999 B", "1.00 kB", "1.54 GB", "100 MB"]);
    }

    #[test]
    fn times_in_microseconds_have_three_digits_in_the_unit_that_fits() {
        let words = [0.0, 57.04, 999.6, 1_240.0, 3_000_000.0, 4e9].map(micros_in_words);
        assert_eq!(
            words,
            [
                "0.00 µs", "57.0 µs", "1.00 ms", "1.24 ms", "3.00 s", "4000 s"
            ]
        );
    }

    #[test]
    fn thousands_are_separated_by_commas() {
        assert_eq!(
            [7, 999, 1000, 38_880, 1_234_567].map(grouped),
            ["7", "999", "1,000", "38,880", "1,234,567"]
        );
    }
}
