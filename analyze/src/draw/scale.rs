//! Positions of values in a picture, and round numbers at which an axis has ticks.

/// Maps values linearly to positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The value whose position is `start`.
    pub from: f64,
    /// The value whose position is `end`.
    pub to: f64,
    /// The position of one end of the axis (the left or the lower one, for example), in pixels.
    pub start: f64,
    /// The position of the other end, in pixels. It can be less than `start`.
    pub end: f64,
}

impl Scale {
    /// The position of `value`, in pixels. A value that is not between `from` and `to` has a position outside the axis. If `from` equals
    /// `to`, every value is in the middle.
    pub fn at(&self, value: f64) -> f64 {
        if self.to == self.from {
            return (self.start + self.end) / 2.0;
        }
        self.start + (value - self.from) / (self.to - self.from) * (self.end - self.start)
    }

    /// Returns the values at which an axis has a tick and a label, and the number of digits after the decimal point that the labels need.
    /// The values are the multiples of a round step (1, 2 or 5 times a power of ten) that lie between `from` and `to`. Each label gets at
    /// least `label_px` pixels. On a vertical axis `end` is less than `start`, because values grow upwards, but pixels are counted
    /// downwards. For such an axis, `label_px` must be negative.
    pub fn ticks(&self, label_px: f64) -> (Vec<f64>, usize) {
        let max_steps = ((self.end - self.start) / label_px).max(1.0);
        let step = round_step((self.to - self.from) / max_steps);
        // The step is 0 if `from` equals `to`.
        if step <= 0.0 || !step.is_finite() {
            return (vec![self.from], 0);
        }
        // The ticks are `first * step`, `(first + 1) * step` and so on, up to `last * step`.
        let (first, last) = ((self.from / step).ceil(), (self.to / step).floor());
        // At most 10 000 ticks, whatever the numbers are.
        let count = (last - first + 1.0).clamp(0.0, 1e4) as usize;
        let ticks = (0..count).map(|index| (first + index as f64) * step);
        // For example, the step 0.5 needs one digit: its logarithm is -0.3, which is rounded down to -1.
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        (ticks.collect(), decimals)
    }
}

/// The smallest number that is at least `min` and is 1, 2 or 5 times a power of ten (such as 0.5, 1, 2, 50). 0 if `min` is not positive.
fn round_step(min: f64) -> f64 {
    if min <= 0.0 {
        return 0.0;
    }
    let power = 10f64.powf(min.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    // A step that is smaller than `min` only by a rounding error is large enough.
    let smallest = steps.into_iter().find(|step| *step >= min * (1.0 - 1e-9));
    // The last step is large enough, so a step is found. The only exceptions are a `min` that is not a number, and a `min` that is so
    // small that `power` is 0.
    smallest.unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_multiples_of_a_round_step() {
        let scale = Scale {
            from: 0.0,
            to: 60.0,
            start: 0.0,
            end: 600.0,
        };
        // In 600 pixels there is space for 12 steps of 50 pixels. 60 / 12 = 5 is a round step.
        assert_eq!(
            scale.ticks(50.0),
            (
                vec![
                    0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0
                ],
                0
            )
        );
        let scale = Scale {
            from: 10.03,
            to: 10.29,
            start: 0.0,
            end: 300.0,
        };
        // In 300 pixels there is space for 3 steps of 100 pixels. 0.26 / 3 = 0.087, and the next round step is 0.1.
        let (ticks, decimals) = scale.ticks(100.0);
        let shown: Vec<String> = ticks
            .iter()
            .map(|tick| format!("{tick:.decimals$}"))
            .collect();
        assert_eq!(shown, ["10.1", "10.2"]);
        // If `from` equals `to`, there is one tick: it is at the value 3.0, in the middle of the 10 pixels.
        let point = Scale {
            from: 3.0,
            to: 3.0,
            start: 0.0,
            end: 10.0,
        };
        assert_eq!((point.ticks(5.0).0, point.at(3.0)), (vec![3.0], 5.0));
    }

    proptest! {
        #[test]
        fn ticks_are_on_the_axis_and_far_enough_apart(from in -1e6f64..1e6, length in 1e-6f64..1e6, pixels in 20.0f64..200.0) {
            let scale = Scale { from, to: from + length, start: 0.0, end: 1000.0 };
            let (ticks, _) = scale.ticks(pixels);
            // The factor 0.999 and the 0.1 pixels below allow for rounding errors.
            for pair in ticks.windows(2) {
                prop_assert!(scale.at(pair[1]) - scale.at(pair[0]) >= pixels * 0.999);
            }
            for tick in ticks {
                prop_assert!((-0.1..=1000.1).contains(&scale.at(tick)));
            }
        }
    }
}
