//! Parses system times in imported logs: numbers in a unit, dates, times of day, and times in a format that the user gives.

use jiff::civil::{DateTime, Time};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::numbers::{DecimalMark, NotANumber, parse_times_ten_to};

/// The format of times.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TimeFormat {
    /// Numbers in a unit. The value is the length of the unit in nanoseconds.
    Unit(u64),
    /// ISO 8601: dates with times, or times of day.
    Iso,
    /// Times in a format of the function strftime, such as `%H:%M:%S`.
    Format(String),
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// Nanoseconds in a day.
pub(super) const DAY_NS: u64 = 24 * 3600 * NANOS_PER_SECOND;
/// Nanoseconds in the year 2000, which is assumed for dates without a year.
const YEAR_NS: u64 = 366 * DAY_NS;

/// The length of the unit with this abbreviation, in nanoseconds. None if there is no such unit.
fn unit_ns(name: &str) -> Option<u64> {
    match name {
        "s" => Some(NANOS_PER_SECOND),
        "ms" => Some(1_000_000),
        "us" => Some(1_000),
        "ns" => Some(1),
        _ => None,
    }
}

/// The length, in nanoseconds, of the unit at the end of a column's title: 1,000,000 for `time_ms`. None if the title names no unit.
pub(super) fn unit_of_title(title: &str) -> Option<u64> {
    let (_, unit) = title.rsplit_once('_')?;
    unit_ns(unit)
}

/// The length, in nanoseconds, of the unit that is written directly after a number: 1,000,000 for `12ms`. None if the text is not a number
/// with a unit.
fn unit_of_cell(text: &str) -> Option<u64> {
    let number = text.trim_end_matches(char::is_alphabetic);
    let unit = unit_ns(&text[number.len()..])?;
    let parsed = parse_times_ten_to(number, 0, DecimalMark::PointOrComma);
    (parsed != Err(NotANumber::Form)).then_some(unit)
}

/// A text without this unit at its end: `12` for `12ms`.
fn without_unit(text: &str, unit: u64) -> &str {
    let number = text.trim_end_matches(char::is_alphabetic);
    match unit_ns(&text[number.len()..]) == Some(unit) {
        true => number,
        false => text,
    }
}

impl TimeFormat {
    /// Finds the format of the times in a column. The first of these rules that applies gives the format:
    ///
    /// 1. the unit or format `given` by the mapping (which says how the logs are read)
    /// 2. the unit at the end of the column's name, such as `_ms`, or of the column's first cell (`first`), such as `12ms`
    /// 3. seconds, if the first cell is a number
    /// 4. ISO 8601
    pub(super) fn from_first_cell(given: Option<&str>, column: &str, first: &str) -> Self {
        if let Some(given) = given {
            return match unit_ns(given) {
                Some(unit) => Self::Unit(unit),
                None => Self::Format(given.to_owned()),
            };
        }
        match unit_of_title(column).or(unit_of_cell(first)) {
            Some(unit) => Self::Unit(unit),
            // This call only checks whether the cell is a number, with a point or a comma as its decimal mark. The product of the number
            // and a power of ten is not used, so the power is simply 0.
            None => match parse_times_ten_to(first, 0, DecimalMark::PointOrComma) {
                Err(NotANumber::Form) => Self::Iso,
                // A number that is not whole, or too large (such as `1e300`), is still a number.
                Ok(_) | Err(NotANumber::NotWhole | NotANumber::TooLarge) => {
                    Self::Unit(NANOS_PER_SECOND)
                }
            },
        }
    }

    /// Parses a time. Returns the nanoseconds since the Unix epoch if the time has a date, and since midnight if it is a time of day. A
    /// number is only converted from its unit to nanoseconds. So the log decides which moment is 0.
    ///
    /// None if the text does not have this format. Also None if a dataset cannot store the result, because it is negative or needs more
    /// than 63 bits (as dates after the year 2262 do).
    pub(super) fn parse_ns(&self, text: &str, mark: DecimalMark) -> Option<u64> {
        let ns = match self {
            // In nanoseconds, every unit is a power of ten. For ms it is 10^6, and `ilog10` returns the 6.
            Self::Unit(unit) => {
                let number = without_unit(text, *unit);
                parse_times_ten_to(number, i64::from(unit.ilog10()), mark).ok()
            }
            Self::Iso => iso_ns(text),
            Self::Format(format) => formatted_ns(format, text),
        };
        ns.filter(|&ns| i64::try_from(ns).is_ok())
    }

    /// If the times are numbers, the length of their unit in nanoseconds. None for dates and times of day.
    pub(super) fn unit_ns(&self) -> Option<u64> {
        match self {
            Self::Unit(unit) => Some(*unit),
            Self::Iso | Self::Format(_) => None,
        }
    }

    /// The time after which the times of a log start again, in nanoseconds: a day for times of day, a year for dates without a year, None
    /// for numbers and for dates with a year. `text` is one of the times.
    pub(super) fn period_ns(&self, text: &str, mark: DecimalMark) -> Option<u64> {
        match self {
            Self::Unit(_) => None,
            Self::Format(format) if has_day_but_no_year(format) => Some(YEAR_NS),
            // Times of day are nanoseconds since midnight, so they are less than a day. Times with dates are nanoseconds since 1970,
            // which are more than a day.
            Self::Iso | Self::Format(_) => {
                let is_time_of_day = self.parse_ns(text, mark).is_some_and(|ns| ns < DAY_NS);
                is_time_of_day.then_some(DAY_NS)
            }
        }
    }

    /// What the format requires, as the end of an error message: "system_time `soon` is not ...".
    pub(super) fn requirement(&self) -> String {
        match self {
            Self::Unit(ns) => {
                let units = [
                    (1, "nanoseconds"),
                    (1_000, "microseconds"),
                    (1_000_000, "milliseconds"),
                ];
                let unit = units
                    .iter()
                    .find(|(unit, _)| unit == ns)
                    .map_or("seconds", |(_, name)| name);
                format!("a number of {unit} from 0 to the Unix time of the year 2262")
            }
            // The format may be `Iso` only because the first cell of the column is wrong, such as `soon`, although all others are numbers. So
            // the message mentions numbers too.
            Self::Iso => "a time such as 2026-11-21 09:30:00.25 or 09:30:00.25 (or a number, if all cells are numbers)".to_owned(),
            Self::Format(format) => format!("a time of the format {format}"),
        }
    }
}

/// Parses a time of ISO 8601: with a date and a time zone, with a date but no time zone, or without a date.
fn iso_ns(text: &str) -> Option<u64> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return since_epoch_ns(timestamp);
    }
    if let Ok(datetime) = text.replace(',', ".").parse::<DateTime>() {
        return datetime_ns(datetime);
    }
    let time: Time = text.replace(',', ".").parse().ok()?;
    since_midnight_ns(time)
}

/// Parses a time that has the format. If that fails, it tries again with the commas replaced and with one blank before AM or PM.
fn formatted_ns(format: &str, text: &str) -> Option<u64> {
    if let Some(ns) = strictly_formatted_ns(format, text) {
        return Some(ns);
    }
    // Some programs write a comma before the fraction of a second or between date and time, or no blank before AM or PM.
    let plain = text.replace(", ", " ").replace(',', ".");
    if let Some(ns) = strictly_formatted_ns(format, &plain) {
        return Some(ns);
    }
    // The letters at the end can be AM or PM. Exactly one blank is put before them.
    let without_letters = plain.trim_end_matches(char::is_alphabetic).trim_end();
    let letters = plain[without_letters.len()..].trim();
    strictly_formatted_ns(format, &format!("{without_letters} {letters}"))
}

/// Whether dates of this format have no year.
fn has_day_but_no_year(format: &str) -> bool {
    // `%F`, `%D` and `%c` stand for dates with a year, and `%s` for a Unix time.
    has_code(format, "de") && !has_code(format, "YyFsDc")
}

/// Whether a format has a code with one of these letters, such as `%d`. There can be flags between the sign and the letter, as in `%-d`.
fn has_code(format: &str, letters: &str) -> bool {
    let is_flag = |letter: char| "-_0^#".contains(letter);
    let codes = format.split('%').skip(1);
    let mut first_letters =
        codes.filter_map(|code| code.trim_start_matches(is_flag).chars().next());
    first_letters.any(|letter| letters.contains(letter))
}

/// Parses a time that has exactly the format. If the format has a day but no year, the year 2000 is assumed. Only differences of times are
/// used, and [`super::restarts`] corrects them if a year ends between two times. A difference is still wrong if February ends between the two
/// times, in a year without a 29 February (the year 2000 has one).
fn strictly_formatted_ns(format: &str, text: &str) -> Option<u64> {
    if has_day_but_no_year(format) {
        return strictly_formatted_ns(&format!("%Y {format}"), &format!("2000 {text}"));
    }
    let parsed = strtime::parse(format, text).ok()?;
    // As in `iso_ns`: with a time zone, without one, or a time of day.
    if let Ok(timestamp) = parsed.to_timestamp() {
        return since_epoch_ns(timestamp);
    }
    match parsed.to_datetime() {
        Ok(datetime) => datetime_ns(datetime),
        Err(_) => since_midnight_ns(parsed.to_time().ok()?),
    }
}

/// A time without a time zone is taken as UTC. This is enough because only differences of times are used. (A difference is wrong if summer
/// time begins or ends between two times.)
fn datetime_ns(datetime: DateTime) -> Option<u64> {
    since_epoch_ns(datetime.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn since_epoch_ns(timestamp: Timestamp) -> Option<u64> {
    u64::try_from(timestamp.as_nanosecond()).ok()
}

fn since_midnight_ns(time: Time) -> Option<u64> {
    let since: Span = time.since(Time::midnight()).ok()?;
    let ns = since.total(jiff::Unit::Nanosecond).ok()?;
    Some(ns as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_to_the_nanosecond() {
        let ns = |unit: &str, text: &str| {
            TimeFormat::from_first_cell(Some(unit), "", "").parse_ns(text, DecimalMark::Point)
        };
        assert_eq!(
            ns("s", "1700000000.123456789"),
            Some(1_700_000_000_123_456_789)
        );
        assert_eq!(ns("ms", "12.5"), Some(12_500_000));
        assert_eq!(ns("us", "7"), Some(7_000));
        assert_eq!(ns("ns", "7"), Some(7));
        // `0,5` is refused because the decimal mark is a point. The last number is too large: it is more than 2^63 - 1
        // nanoseconds, which are about 9223372036.85 seconds.
        for wrong in ["", "-1", "1.2.3", "0,5", "9223372036.9"] {
            assert_eq!(ns("s", wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_name_of_the_column_or_the_first_cell_gives_the_format() {
        assert_eq!(
            TimeFormat::from_first_cell(None, "time_ms", "5"),
            TimeFormat::Unit(1_000_000)
        );
        assert_eq!(
            TimeFormat::from_first_cell(None, "time", "5.25"),
            TimeFormat::Unit(NANOS_PER_SECOND)
        );
        // A number that is too large is still read as a number, so that the error is about its size.
        let large = TimeFormat::from_first_cell(None, "time", "1e300");
        assert_eq!(large, TimeFormat::Unit(NANOS_PER_SECOND));
        assert_eq!(
            TimeFormat::from_first_cell(None, "time", "09:30:00"),
            TimeFormat::Iso
        );
    }

    #[test]
    fn parses_dates_and_times_of_day() {
        let iso = |text: &str| TimeFormat::Iso.parse_ns(text, DecimalMark::Point);
        // 2026-11-09 09:30:00.25 UTC, in nanoseconds since the Unix epoch.
        let expected = Some(1_794_216_600_250_000_000);
        assert_eq!(
            iso("2026-11-09T09:30:00.25Z"),
            iso("2026-11-09 09:30:00,25")
        );
        assert_eq!(iso("2026-11-09T09:30:00.25Z"), expected);
        assert_eq!(iso("2026-11-09T10:30:00.25+01:00"), expected);
        assert_eq!(iso("00:00:01.5"), Some(1_500_000_000));
        assert_eq!(iso("soon"), None);
        assert_eq!(iso("2500-01-01T00:00:00Z"), None);
        let formatted = |format: &str, text: &str| {
            TimeFormat::from_first_cell(Some(format), "", "").parse_ns(text, DecimalMark::Point)
        };
        for (format, text) in [
            ("%Y/%m/%d %H:%M:%S%.f", "2026/11/09 09:30:00.250000"),
            ("%Y-%m-%d:%H:%M:%S%.f", "2026-11-09:09:30:00,250"),
            ("%m/%d/%Y %I:%M:%S%.f %p", "11/09/2026, 9:30:00.25 AM"),
            ("%m/%d/%Y %I:%M:%S%.f %p", "11/9/2026 9:30:00.25am"),
            ("%Y-%m-%dT%H:%M:%S%.fZ", "2026-11-09T09:30:00,25Z"),
            ("%a %b %e %H:%M:%S%.f %Y", "Mon Nov  9 09:30:00.25 2026"),
        ] {
            assert_eq!(formatted(format, text), expected, "{text}");
        }
        // Without a year, the difference of two times is still right.
        let later = formatted("%b %e %H:%M:%S%.f", "Nov 10 00:00:00.5");
        let earlier = formatted("%b %e %H:%M:%S%.f", "Nov  9 23:59:59.5");
        assert_eq!(
            later.zip(earlier).map(|(later, earlier)| later - earlier),
            Some(NANOS_PER_SECOND)
        );
        assert_eq!(formatted("%-d %b %H:%M:%S%.f", "10 Nov 00:00:00.5"), later);
        assert_eq!(
            formatted("%I:%M:%S%.f %p", "1:00:00 PM"),
            Some(13 * 3600 * NANOS_PER_SECOND)
        );
        assert_eq!(
            formatted("%d/%m/%Y %H:%M:%S%.f", "09/11/2026 09:30:00.25"),
            expected
        );
        assert_eq!(formatted("%H:%M:%S%.f", "00:00:01.5"), Some(1_500_000_000));
    }
}
