//! Finds the zero of a falling function.

/// Number of steps, enough for the accuracy of floating-point numbers.
const STEPS: usize = 60;

/// Finds the zero of `f` between `low` and `high`, where `f` falls from positive to negative. If `f` does not change its sign,
/// the result is one of the two ends. The method is *false position*: each step draws a straight line between the values at the
/// two ends, and the zero of the line becomes a new end. With the *Illinois rule*, the value at an end that stays in place twice
/// is halved, so that both ends approach the zero.
pub(super) fn find_zero(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let (mut at_low, mut at_high) = (f(low), f(high));
    if at_low <= 0.0 {
        return low;
    }
    if at_high >= 0.0 {
        return high;
    }
    let close = 1e-12 * high.abs().max(low.abs());
    let mut last_was_low = None;
    let mut middle = low;
    for _ in 0..STEPS {
        let before = middle;
        middle = (low * at_high - high * at_low) / (at_high - at_low);
        let at_middle = f(middle);
        if at_middle == 0.0 || (middle - before).abs() <= close {
            break;
        }
        let is_low = at_middle > 0.0;
        let stays = last_was_low == Some(is_low);
        if is_low {
            (low, at_low) = (middle, at_middle);
            at_high /= if stays { 2.0 } else { 1.0 };
        } else {
            (high, at_high) = (middle, at_middle);
            at_low /= if stays { 2.0 } else { 1.0 };
        }
        last_was_low = Some(is_low);
    }
    middle
}

#[cfg(test)]
mod tests {
    use super::find_zero;

    #[test]
    fn finds_the_zero_or_the_end() {
        assert!((find_zero(|x| 2.0 - x * x, 0.0, 10.0) - 2f64.sqrt()).abs() < 1e-9);
        assert!((find_zero(|x| (-x).exp() - 0.001, 0.0, 100.0) - 1000f64.ln()).abs() < 1e-6);
        assert_eq!(find_zero(|x| -1.0 - x, 0.0, 1.0), 0.0);
        assert_eq!(find_zero(|x| 5.0 - x, 0.0, 1.0), 1.0);
    }
}
