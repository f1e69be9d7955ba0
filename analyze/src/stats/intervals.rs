//! Formats a mean and its interval.

use crate::output::table::{keep_together, number, with_half_width};
use crate::stats::difference::Difference;
use crate::stats::estimate::{Estimate, IntervalKind};

/// A mean and its interval in words, with at least `decimals` digits after the point: `4.0 ± 1.2`; `4.0 ±~1.2` if the interval is
/// rough; `4.0, all equal`; `4.0` of a single value.
pub(crate) fn estimate_words(estimate: &Estimate, decimals: usize) -> Vec<String> {
    words(
        estimate.mean,
        estimate.half_width,
        estimate.interval_kind,
        decimals,
    )
}

/// A difference and its interval in words, in the same form as [`estimate_words`].
pub(crate) fn difference_words(difference: &Difference, decimals: usize) -> Vec<String> {
    words(
        difference.mean,
        difference.half_width,
        difference.interval_kind,
        decimals,
    )
}

fn words(mean: f64, half_width: Option<f64>, kind: IntervalKind, decimals: usize) -> Vec<String> {
    let Some(half_width) = half_width else {
        let mean = number(mean, decimals);
        return match kind {
            IntervalKind::AllEqual => vec![format!("{mean},"), "all equal".to_owned()],
            _ => vec![mean],
        };
    };
    let [mean, half_width] = with_half_width(mean, half_width, decimals);
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
        "±~: a rough interval. Many runs have the same value, or there are few different values, so it may miss the true mean in more than 5 of 100 \
         samples.",
    );
    let all_equal = all_equal.then_some(
        "all equal: every repetition has this value, so there is no interval. More repetitions may have other values.",
    );
    let notes = rough.into_iter().chain(all_equal);
    notes.map(str::to_owned).collect()
}
