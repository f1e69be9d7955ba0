//! Formats a mean and its interval.

use crate::output::table::{Digits, keep_together, number, rounded, with_groups, with_half_width};
use crate::stats::difference::Difference;
use crate::stats::estimate::{Estimate, IntervalKind};

/// A mean and its interval in words: `4.0 ± 1.2`; `4.0 ±~1.2` if the interval is rough; `4.0` for a single value; `4, all equal`. The
/// result is a list of texts, such as `4.0` and `± 1.2`: a line may break between two of them, but not within one.
///
/// The numbers have at least `digits.decimals` digits after the point, and more if the half-width needs more for its two significant
/// digits. They have no digits after the point in two cases:
///
/// - All values are equal, and the mean is a whole number.
/// - All runs have whole numbers (`digits.is_whole`), and the mean and the half-width are whole numbers too. Without a half-width, a whole
///   mean is enough.
///
/// See [`rounded`] for values near 0.
pub(crate) fn estimate_words(estimate: &Estimate, digits: Digits) -> Vec<String> {
    words(
        estimate.mean,
        estimate.half_width,
        estimate.interval_kind,
        digits,
    )
}

/// A difference and its interval in words, in the same form as [`estimate_words`].
pub(crate) fn difference_words(difference: &Difference, digits: Digits) -> Vec<String> {
    words(
        difference.mean,
        difference.half_width,
        difference.interval_kind,
        digits,
    )
}

/// A mean and its interval in words: see [`estimate_words`].
fn words(mean: f64, half_width: Option<f64>, kind: IntervalKind, digits: Digits) -> Vec<String> {
    let Digits { decimals, is_whole } = digits;
    // Tiny values can have the half-width 0 although they differ, because their squares are too small for a float. Then only the
    // mean is shown.
    let Some(half_width) = half_width.filter(|&half_width| half_width > 0.0) else {
        let may_be_whole = is_whole || kind == IntervalKind::AllEqual;
        let decimals = if may_be_whole && mean.fract() == 0.0 {
            0
        } else {
            decimals
        };
        let mean = keep_together(&rounded(mean, decimals));
        return match kind {
            IntervalKind::AllEqual => vec![format!("{mean},"), "all equal".to_owned()],
            _ => vec![mean],
        };
    };
    let are_both_whole = is_whole && mean.fract() == 0.0 && half_width.fract() == 0.0;
    let [mean, half_width] = match are_both_whole {
        true => [mean, half_width].map(|value| number(value, 0)),
        false => with_half_width(mean, half_width, decimals),
    };
    let [mean, half_width] = [mean, half_width].map(|text| with_groups(&text));
    let interval = match kind {
        IntervalKind::Rough => format!("±~{half_width}"),
        _ => format!("± {half_width}"),
    };
    vec![mean, keep_together(&interval)]
}

/// Sentences for the caption of a table that has intervals of these `kinds`.
pub(crate) fn notes(kinds: impl Iterator<Item = IntervalKind>) -> Vec<String> {
    let (mut rough, mut all_equal) = (false, false);
    for kind in kinds {
        rough |= kind == IntervalKind::Rough;
        all_equal |= kind == IntervalKind::AllEqual;
    }
    let rough = rough.then_some(
        "±~: a rough interval, because many runs have the same value, or there are few different values. Of 100 such intervals, more than 5 may \
         miss the true mean.",
    );
    let all_equal = all_equal.then_some(
        "all equal: every repetition has this value, so there is no interval. More repetitions may have other values.",
    );
    let notes = rough.into_iter().chain(all_equal);
    notes.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words for a mean as one text. The numbers have at least two decimals. Plain spaces replace the no-break spaces.
    fn text(mean: f64, half_width: Option<f64>, kind: IntervalKind, is_whole: bool) -> String {
        let digits = Digits {
            decimals: 2,
            is_whole,
        };
        let words = words(mean, half_width, kind, digits).join(" ");
        words.replace('\u{a0}', " ")
    }

    #[test]
    fn only_a_mean_of_exactly_0_is_shown_as_0() {
        let all_equal = |mean| text(mean, None, IntervalKind::AllEqual, false);
        assert_eq!(all_equal(0.0), "0, all equal");
        assert_eq!(all_equal(3.0), "3, all equal");
        assert_eq!(all_equal(0.25), "0.25, all equal");
        assert_eq!(all_equal(0.004), "< 0.005, all equal");
        assert_eq!(all_equal(-0.004), "> -0.005, all equal");
        // The square of 1e-200 is 1e-400, which is too small for a float. So the half-width of such values is 0.
        assert_eq!(
            text(1e-200, Some(0.0), IntervalKind::Rough, false),
            "< 0.005"
        );
        // The two significant digits of the half-width need three decimals.
        assert_eq!(
            text(0.0, Some(0.012), IntervalKind::Student, false),
            "0.000 ± 0.012"
        );
    }

    #[test]
    fn whole_means_of_whole_numbers_have_no_decimals() {
        let single = |mean, is_whole| text(mean, None, IntervalKind::Single, is_whole);
        assert_eq!([single(3.0, true), single(3.0, false)], ["3", "3.00"]);
        let student = |mean, half_width| text(mean, Some(half_width), IntervalKind::Student, true);
        assert_eq!(student(33.0, 14.0), "33 ± 14");
        // If the half-width or the mean is not whole, both have decimals.
        assert_eq!(student(33.0, 14.2), "33.00 ± 14.20");
        assert_eq!(student(33.5, 14.0), "33.50 ± 14.00");
        assert_eq!(student(12_345.5, 1_400.0), "12,345.50 ± 1,400.00");
    }
}
