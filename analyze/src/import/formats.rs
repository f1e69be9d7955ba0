//! Recognises the format of times in logs (such as `09:30:00.25`), and the unit of times that are plain numbers.

use once_cell::sync::Lazy;
use regex::Regex;

/// A format of times.
pub(super) struct Format {
    /// A regular expression that matches a whole time. It has no capturing groups.
    pub(super) pattern: &'static str,
    /// The strftime format (such as `%H:%M:%S`) that parses such a time. `None` for the two formats that other code parses: ISO 8601, and
    /// times of day such as `09:30:00`.
    pub(super) strftime: Option<&'static str>,
}

/// A format whose times are parsed with a strftime format.
const fn format(pattern: &'static str, strftime: &'static str) -> Format {
    Format {
        pattern,
        strftime: Some(strftime),
    }
}

/// The known formats. The first format that matches is used. So formats of longer times come first. Otherwise the format of `09:30:00`
/// would match the beginning of `09:30:00 PM`. In all formats but one (`%H:%M:%S:%f`), a fraction of a second is optional.
pub(super) const FORMATS: [Format; 20] = [
    Format {
        pattern: r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?",
        strftime: None,
    },
    format(
        r"\d{4}-\d\d-\d\d:\d\d:\d\d:\d\d(?:[.,]\d+)?",
        "%Y-%m-%d:%H:%M:%S%.f",
    ),
    format(
        r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(?:[.,]\d+)?",
        "%Y-%m-%d_%H-%M-%S%.f",
    ),
    format(r"\d{8}-\d{6}(?:[.,]\d+)?", "%Y%m%d-%H%M%S%.f"),
    format(r"\d{8}_\d{6}(?:[.,]\d+)?", "%Y%m%d_%H%M%S%.f"),
    format(r"\d{8}T\d{6}(?:[.,]\d+)?", "%Y%m%dT%H%M%S%.f"),
    format(
        r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:[.,]\d+)?",
        "%Y/%m/%d %H:%M:%S%.f",
    ),
    // A date before a time with AM or PM is read as in the United States: the month comes before the day.
    format(
        r"\d\d?/\d\d?/\d{4},? \d\d?:\d\d:\d\d(?:[.,]\d+)? ?[AaPp][Mm]",
        "%m/%d/%Y %I:%M:%S%.f %p",
    ),
    // Of the first two numbers in `17/05/2031` or `05/17/2031`, the one above 12 must be the day. In `04/05/2031` both can be the day,
    // and the first is taken. The next three formats are for these three cases.
    format(
        r"(?:1[3-9]|2\d|3[01])/\d\d/\d{4} \d\d:\d\d:\d\d(?:[.,]\d+)?",
        "%d/%m/%Y %H:%M:%S%.f",
    ),
    format(
        r"\d\d/(?:1[3-9]|2\d|3[01])/\d{4} \d\d:\d\d:\d\d(?:[.,]\d+)?",
        "%m/%d/%Y %H:%M:%S%.f",
    ),
    format(
        r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d(?:[.,]\d+)?",
        "%d/%m/%Y %H:%M:%S%.f",
    ),
    format(
        r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d(?:[.,]\d+)?",
        "%d/%m/%y %H:%M:%S%.f",
    ),
    format(
        r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d(?:[.,]\d+)?",
        "%d.%m.%Y %H:%M:%S%.f",
    ),
    format(
        r"[A-Z][a-z]{2},? [A-Z][a-z]{2} +\d\d? \d\d:\d\d:\d\d(?:[.,]\d+)? \d{4}",
        "%a %b %e %H:%M:%S%.f %Y",
    ),
    format(
        r"[A-Z][a-z]{2} +\d\d? \d\d:\d\d:\d\d(?:[.,]\d+)?",
        "%b %e %H:%M:%S%.f",
    ),
    format(r"\d\d-\d\d_\d\d-\d\d-\d\d(?:[.,]\d+)?", "%m-%d_%H-%M-%S%.f"),
    format(r"\d\d?:\d\d:\d\d(?:[.,]\d+)? ?[AaPp][Mm]", "%I:%M:%S%.f %p"),
    format(r"\d\d:\d\d:\d\d:\d{3,9}", "%H:%M:%S:%f"),
    Format {
        pattern: r"\d\d:\d\d:\d\d(?:[.,]\d+)?",
        strftime: None,
    },
    format(r"\d:\d\d:\d\d(?:[.,]\d+)?", "%H:%M:%S%.f"),
];

/// Regular expressions that match each of [`FORMATS`] at the beginning of a text.
static BEGINNINGS: Lazy<Vec<Regex>> = Lazy::new(|| {
    let beginning = |format: &Format| {
        let pattern = format!(r"^(?:{})", format.pattern);
        Regex::new(&pattern).unwrap_or_else(|error| unreachable!("{error}"))
    };
    FORMATS.iter().map(beginning).collect()
});

/// Finds a time at the beginning of a text. Returns the index of its format and its length in bytes.
pub(super) fn at_beginning(text: &str) -> Option<(usize, usize)> {
    // All formats begin with a digit or a capital letter. For other texts no search is needed.
    let first = text.bytes().next()?;
    if !first.is_ascii_digit() && !first.is_ascii_uppercase() {
        return None;
    }
    let (format_index, end) = BEGINNINGS
        .iter()
        .enumerate()
        .find_map(|(index, regex)| Some((index, regex.find(text)?.end())))?;
    // If a letter or digit follows directly, or a `:` or `.` and then a digit, the match is only a part of a longer word.
    let mut rest = text[end..].chars();
    let is_part_of_word = match rest.next() {
        Some(':' | '.') => rest.next().is_some_and(|next| next.is_ascii_digit()),
        next => next.is_some_and(char::is_alphanumeric),
    };
    (!is_part_of_word).then_some((format_index, end))
}

/// Finds the first of [`FORMATS`] that matches each of `times` as a whole, and returns its strftime format. Returns `None` if this format
/// has no strftime format, or if none of [`FORMATS`] matches all times.
pub(super) fn common<'t>(times: impl Iterator<Item = &'t str> + Clone) -> Option<&'static str> {
    let matches_all = |index: &usize| {
        times.clone().all(|time| {
            BEGINNINGS[*index]
                .find(time)
                .is_some_and(|found| found.end() == time.len())
        })
    };
    let index = (0..FORMATS.len()).find(matches_all)?;
    FORMATS[index].strftime
}

/// Units of times, each with the number of units in a second.
const UNITS: [(&str, f64); 4] = [("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)];
/// Plausible seconds since the Unix epoch in a log: from 1990 to 2100.
const EPOCH_S: std::ops::Range<f64> = 631_152_000.0..4_102_444_800.0;
/// Plausible ticks per second of a machine.
const PLAUSIBLE_HERTZ: std::ops::RangeInclusive<f64> = 0.5..=50.0;

/// Finds the unit of times that are numbers. `first` is the first time. For each machine, `ticks_per_unit` has its number of ticks divided
/// by the elapsed time in the unit of the log: 0.003 for 3 ticks in the time from 1000 to 2000.
///
/// If `first` is a plausible time since the Unix epoch when it is read in one of [`UNITS`], the times have this unit. Otherwise they have
/// the first unit in which the rates of all machines are plausible. Returns `None` for seconds, which are the default, and if no unit is
/// plausible.
pub(super) fn unit(first: f64, ticks_per_unit: &[f64]) -> Option<&'static str> {
    let since_epoch = UNITS
        .iter()
        .find(|(_, units_per_s)| EPOCH_S.contains(&(first / units_per_s)));
    if let Some((unit, _)) = since_epoch {
        return (*unit != "s").then_some(*unit);
    }
    let is_plausible = |(_, units_per_s): &&(&str, f64)| {
        !ticks_per_unit.is_empty()
            && ticks_per_unit
                .iter()
                .all(|rate| PLAUSIBLE_HERTZ.contains(&(rate * units_per_s)))
    };
    let found = UNITS.iter().find(is_plausible).map(|(unit, _)| *unit);
    found.filter(|unit| *unit != "s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_times_in_common_formats() {
        for time in [
            "2026-11-09 09:30:00.25",
            "2026-11-09T09:30:00Z",
            "2026-11-09:09:30:00,250",
            "2026/11/09 09:30:00.250000",
            "11/09/2026, 9:30:00 AM",
            "09.11.2026 09:30:00",
            "Mon Nov  9 09:30:00 2026",
            "Nov  9 09:30:00.250",
            "9:30:00 PM",
            "09:30:00.25",
            "11-09_09-30-00.25",
            "20261109-093000.288",
            "20261109T093000",
            "09:30:00:122815",
        ] {
            let found = at_beginning(&format!("{time} rest"));
            assert_eq!(found.map(|(_, end)| end), Some(time.len()), "{time}");
        }
        for no_time in [
            "12",
            "1.5",
            "Sent 1",
            "1700000000.25",
            "x09:30:00",
            // Because `:5` follows directly, the time is only a part of a longer word.
            "2026-11-09 09:30:00:5",
        ] {
            assert_eq!(at_beginning(no_time), None, "{no_time}");
        }
    }

    #[test]
    fn common_format_matches_all_times() {
        // The first date is 4 May or 5 April. The second shows that the day comes first.
        let both = ["04/05/2031 10:00:00", "17/05/2031 10:00:00"];
        assert_eq!(common(both.into_iter()), Some("%d/%m/%Y %H:%M:%S%.f"));
        // ISO 8601 is parsed without a strftime format.
        assert_eq!(common(["2031-04-05 10:00:00"].into_iter()), None);
        assert_eq!(common(["soon"].into_iter()), None);
    }

    #[test]
    fn unit_follows_from_size_or_rates() {
        // Times since the Unix epoch. `None` stands for seconds.
        assert_eq!(unit(1_700_000_001_310.0, &[]), Some("ms"));
        assert_eq!(unit(1_700_000_001.31, &[1.0]), None);
        assert_eq!(unit(1.7e18, &[]), Some("ns"));
        // Times since another moment: the rates decide.
        assert_eq!(unit(310.0, &[0.001, 0.002, 0.003]), Some("ms"));
        assert_eq!(unit(11_410_156_122_035.0, &[6e-9, 1e-9]), Some("ns"));
        assert_eq!(unit(0.0, &[1.0, 6.0]), None);
        // In seconds these rates are too low, and in milliseconds they are too high.
        assert_eq!(unit(0.0, &[0.06, 0.1]), None);
    }
}
