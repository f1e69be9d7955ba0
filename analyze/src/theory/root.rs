//! Finds the zero of a falling function by the method of false position.

/// Number of steps, enough for the accuracy of floating-point numbers.
const STEPS: usize = 60;

/// Finds the zero of `f` between `low` and `high`, where `f` falls from positive to negative. If `f` does not change its sign,
/// the result is one of the two ends of the interval. The method is *false position*: each step takes the straight line through the
/// values at the two ends, and the zero of the line becomes a new end. If the same end stays in place in two steps in succession, the
/// value at this end is halved (the *Illinois rule*), so that both ends approach the zero.
pub(super) fn find_zero(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let (mut at_low, mut at_high) = (f(low), f(high));
    if at_low <= 0.0 {
        return low;
    }
    if at_high >= 0.0 {
        return high;
    }
    let tolerance = 1e-12 * high.abs().max(low.abs());
    // Whether the last step replaced the lower end; `None` before the first step.
    let mut last_replaced_low = None;
    let mut middle = low;
    for _ in 0..STEPS {
        let before = middle;
        middle = (low * at_high - high * at_low) / (at_high - at_low);
        let at_middle = f(middle);
        if at_middle == 0.0 || (middle - before).abs() <= tolerance {
            break;
        }
        let replaces_low = at_middle > 0.0;
        // If the same end is replaced again, the other end has stayed in place twice.
        let other_stays = last_replaced_low == Some(replaces_low);
        if replaces_low {
            (low, at_low) = (middle, at_middle);
            at_high /= if other_stays { 2.0 } else { 1.0 };
        } else {
            (high, at_high) = (middle, at_middle);
            at_low /= if other_stays { 2.0 } else { 1.0 };
        }
        last_replaced_low = Some(replaces_low);
    }
    middle
}

#[cfg(test)]
mod tests {
    use super::find_zero;

    #[test]
    fn finds_the_zero_or_the_end_that_is_nearest_to_it() {
        assert!((find_zero(|x| 2.0 - x * x, 0.0, 10.0) - 2f64.sqrt()).abs() < 1e-9);
        assert!((find_zero(|x| (-x).exp() - 0.001, 0.0, 100.0) - 1000f64.ln()).abs() < 1e-6);
        assert_eq!(find_zero(|x| -1.0 - x, 0.0, 1.0), 0.0);
        assert_eq!(find_zero(|x| 5.0 - x, 0.0, 1.0), 1.0);
    }
}
