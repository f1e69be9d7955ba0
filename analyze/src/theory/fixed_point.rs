//! Finds y with y_i = f_i(y) for all i (a fixed point), where each f_i falls if any y_j rises.

/// Maximum number of rounds. If the values still change after them, there is no result.
const ROUNDS: usize = 20_000;
/// Two values are equal if they differ by at most this share of the greatest value.
const SAME: f64 = 1e-11;
/// The bounds have met if they differ by at most this share of the greatest value.
const MEETING: f64 = 1e-8;

/// Finds a fixed point: starts at `y`, and replaces the value at each index by `next(index, y)` again and again. None if the
/// values do not converge.
pub(super) fn find_fixed_point(
    mut y: Vec<f64>,
    next: impl Fn(usize, &[f64]) -> f64,
) -> Option<Vec<f64>> {
    for _ in 0..ROUNDS {
        let mut change: f64 = 0.0;
        let mut greatest: f64 = 0.0;
        for index in 0..y.len() {
            let value = next(index, &y);
            change = change.max((value - y[index]).abs());
            greatest = greatest.max(value.abs());
            y[index] = value;
        }
        if change <= SAME * greatest {
            return Some(y);
        }
    }
    None
}

/// Whether there is a single fixed point. Because `next` falls, it turns a lower bound of all fixed points into an upper bound,
/// and an upper bound into a lower bound. The first lower bound is 0, and then the bounds approach each other. If they meet,
/// there is a single fixed point. If not, there may be several.
pub(super) fn has_single_fixed_point(count: usize, next: impl Fn(usize, &[f64]) -> f64) -> bool {
    let mapped = |y: &[f64]| -> Vec<f64> { (0..count).map(|index| next(index, y)).collect() };
    let mut low = vec![0.0; count];
    for _ in 0..ROUNDS {
        let high = mapped(&low);
        let above = mapped(&high);
        let apart = |a: &[f64], b: &[f64]| {
            let gaps = a.iter().zip(b).map(|(a, b)| (a - b).abs());
            gaps.fold(0.0, f64::max)
        };
        let greatest = high.iter().copied().fold(0.0, f64::max);
        if apart(&high, &above) <= MEETING * greatest {
            return true;
        }
        if apart(&low, &above) <= SAME * greatest {
            return false;
        }
        low = above;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y_i = max(0, r - s y_j) for two equal machines. For s > 1, either machine may stop the other from sending.
    #[test]
    fn tells_one_fixed_point_from_several() {
        let pair = |rates: [f64; 2], s: f64| {
            move |index: usize, y: &[f64]| (rates[index] - s * y[1 - index]).max(0.0)
        };
        let y = find_fixed_point(vec![0.0; 2], pair([3.0, 3.0], 0.5)).expect("one");
        assert!(y.iter().all(|y| (y - 2.0).abs() < 1e-9), "{y:?}");
        assert!(has_single_fixed_point(2, pair([3.0, 3.0], 0.5)));
        assert!(!has_single_fixed_point(2, pair([3.0, 3.0], 1.5)));
        assert!(has_single_fixed_point(2, pair([1.0, 3.0], 1.5)));
    }
}
