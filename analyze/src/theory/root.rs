//! Finds the zero of a falling function by the method of false position.

/// Largest number of steps, enough for the accuracy of floating-point numbers.
const STEPS: usize = 60;

/// Finds the zero of `f` between `low` and `high`, where `f` falls from positive to negative. If `f` is negative even at `low`, the result
/// is `low`. If `f` is positive even at `high`, the result is `high`.
///
/// The method is *false position*: each step takes the straight line through the values of `f` at the two ends. The zero of the line
/// becomes the new low end if `f` is positive there, and otherwise the new high end. If two successive steps replace the same end, the
/// value of `f` at the other end is halved for the next line (the *Illinois rule*). This moves the zero of the line towards the other end,
/// so that both ends approach the zero of `f`.
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
    let mut zero_of_line = low;
    for _ in 0..STEPS {
        let previous = zero_of_line;
        zero_of_line = (low * at_high - high * at_low) / (at_high - at_low);
        let at_zero_of_line = f(zero_of_line);
        if at_zero_of_line == 0.0 || (zero_of_line - previous).abs() <= tolerance {
            break;
        }
        let replaces_low = at_zero_of_line > 0.0;
        // If the same end is replaced again, the other end has stayed in place twice.
        let other_stays = last_replaced_low == Some(replaces_low);
        if replaces_low {
            (low, at_low) = (zero_of_line, at_zero_of_line);
            if other_stays {
                at_high /= 2.0;
            }
        } else {
            (high, at_high) = (zero_of_line, at_zero_of_line);
            if other_stays {
                at_low /= 2.0;
            }
        }
        last_replaced_low = Some(replaces_low);
    }
    zero_of_line
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
