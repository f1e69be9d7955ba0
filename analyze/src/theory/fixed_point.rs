//! Finds numbers y_1, y_2, ... with y_i = f_i(y) for all i (a fixed point). The functions f_i are given. Each of them is *falling*: if a y_j
//! rises, f_i(y) falls or stays equal. In the code, f_i(y) is `next(index, y)`.

/// Maximum number of rounds. If the values still change after so many rounds, there is no result.
const MAX_ROUNDS: usize = 20_000;
/// A value counts as unchanged if it changes by at most this share of the greatest value.
const UNCHANGED: f64 = 1e-11;
/// A lower and an upper bound have met if they differ by at most this share of the greatest value.
const MEETING: f64 = 1e-8;

/// Finds a fixed point: starts at `y`, and replaces the value at each index by `next(index, y)` again and again. None if the
/// values do not converge.
pub(super) fn find_fixed_point(
    mut y: Vec<f64>,
    next: impl Fn(usize, &[f64]) -> f64,
) -> Option<Vec<f64>> {
    for _ in 0..MAX_ROUNDS {
        let mut change: f64 = 0.0;
        let mut greatest: f64 = 0.0;
        for index in 0..y.len() {
            let value = next(index, &y);
            change = change.max((value - y[index]).abs());
            greatest = greatest.max(value.abs());
            y[index] = value;
        }
        if change <= UNCHANGED * greatest {
            return Some(y);
        }
    }
    None
}

/// Tells whether there is a single fixed point y_1, y_2, ..., y_n, where n is `count`. `next` must be falling and never negative.
///
/// Here next(y) stands for the list of all f_i(y), so next(y) = y for each fixed point y. `next` is never negative, so 0 is a lower bound of
/// all fixed points. If `low` is a lower bound, then low <= y for each fixed point y. `next` is falling, so next(low) >= next(y) = y. So
/// next(low) is an upper bound. In the same way, `next` of an upper bound is a lower bound. Each round computes an upper bound, and from
/// it a new lower bound. The two bounds approach each other. If they meet, there is a single fixed point. If they stop changing before they
/// meet, there may be several fixed points.
pub(super) fn has_single_fixed_point(count: usize, next: impl Fn(usize, &[f64]) -> f64) -> bool {
    let mapped = |y: &[f64]| -> Vec<f64> { (0..count).map(|index| next(index, y)).collect() };
    let mut low = vec![0.0; count];
    for _ in 0..MAX_ROUNDS {
        let high = mapped(&low);
        let next_low = mapped(&high);
        let largest_difference = |a: &[f64], b: &[f64]| {
            let gaps = a.iter().zip(b).map(|(a, b)| (a - b).abs());
            gaps.fold(0.0, f64::max)
        };
        let greatest = high.iter().copied().fold(0.0, f64::max);
        if largest_difference(&high, &next_low) <= MEETING * greatest {
            return true;
        }
        if largest_difference(&low, &next_low) <= UNCHANGED * greatest {
            return false;
        }
        low = next_low;
    }
    // The bounds still change after the last round. They have not met, so there may be several fixed points.
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two machines i and j send to each other. Machine i has r_i ticks per second, and y_i of them are idle (receive nothing). An idle tick
    /// sends s messages on average, and each message costs its recipient one idle tick. So f_i(y) = max(0, r_i - s y_j). If both rates are
    /// equal and s is greater than 1, there are several fixed points. In one of them, i sends so much that j has no idle ticks, so j
    /// sends nothing. In another, j keeps i from sending.
    #[test]
    fn a_single_fixed_point_is_distinguished_from_several() {
        let pair = |rates: [f64; 2], s: f64| {
            move |index: usize, y: &[f64]| (rates[index] - s * y[1 - index]).max(0.0)
        };
        // The fixed point is y = (2, 2), because 3 - 0.5 * 2 = 2.
        let y = find_fixed_point(vec![0.0; 2], pair([3.0, 3.0], 0.5)).expect("a fixed point");
        assert!(y.iter().all(|y| (y - 2.0).abs() < 1e-9), "{y:?}");
        assert!(has_single_fixed_point(2, pair([3.0, 3.0], 0.5)));
        assert!(!has_single_fixed_point(2, pair([3.0, 3.0], 1.5)));
        // Only the faster machine can keep the other from sending: the fixed point is y = (0, 3).
        assert!(has_single_fixed_point(2, pair([1.0, 3.0], 1.5)));
    }
}
