//! The least-squares line through points that are added one by one, for example a queue's length against time.

/// Sums over points, from which the slope of their line is computed.
///
/// The first point is subtracted from every point before the sums are made. So if all points have the same `y`, all summands with `y` are
/// exactly 0, and the slope is exactly 0. If all points have the same `x`, the variance of `x` is exactly 0, and there is no slope. Without
/// the subtraction, rounding errors could give a small number instead of 0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line {
    /// The first point, which is subtracted from every point.
    first: Option<(f64, f64)>,
    n: f64,
    sum_x: f64,
    sum_y: f64,
    sum_xx: f64,
    sum_xy: f64,
}

impl Line {
    /// Adds a point.
    #[inline]
    pub(crate) fn add(&mut self, x: f64, y: f64) {
        let (first_x, first_y) = *self.first.get_or_insert((x, y));
        let (x, y) = (x - first_x, y - first_y);
        self.n += 1.0;
        self.sum_x += x;
        self.sum_y += y;
        self.sum_xx += x * x;
        self.sum_xy += x * y;
    }

    /// The slope of the line. `None` if all points have the same `x`, or if there are no points.
    pub(crate) fn slope(&self) -> Option<f64> {
        // The variance of x and the covariance of x and y, both multiplied by n².
        let variance = self.n * self.sum_xx - self.sum_x * self.sum_x;
        let covariance = self.n * self.sum_xy - self.sum_x * self.sum_y;
        (variance > 0.0).then(|| covariance / variance)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn line(points: &[(f64, f64)]) -> Line {
        let mut line = Line::default();
        points.iter().for_each(|&(x, y)| line.add(x, y));
        line
    }

    proptest! {
        /// The direct computation goes through the points twice: for the means, and for the products of the distances from the means. `Line`
        /// goes through them once.
        #[test]
        fn the_slope_is_that_of_a_direct_computation(
            points in prop::collection::vec((0u32..60_000, 0u32..10_000), 2..200),
        ) {
            let points: Vec<(f64, f64)> =
                points.iter().map(|&(x, y)| (f64::from(x) / 1000.0, f64::from(y))).collect();
            let n = points.len() as f64;
            let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / n;
            let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / n;
            let xx: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
            let xy: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
            // If all points have nearly the same x, rounding errors make the slope meaningless.
            prop_assume!(xx > 1e-6);
            let slope = line(&points).slope().unwrap();
            prop_assert!((slope - xy / xx).abs() < 1e-6 * (1.0 + (xy / xx).abs()), "{slope} {}", xy / xx);
        }
    }

    #[test]
    fn the_slope_is_zero_if_all_y_are_equal_and_none_if_all_x_are_equal() {
        assert_eq!(
            line(&[(0.1, 7.0), (0.3, 7.0), (0.7, 7.0)]).slope(),
            Some(0.0)
        );
        assert_eq!(line(&[(0.1, 7.0), (0.1, 8.0)]).slope(), None);
        assert_eq!(line(&[(0.1, 7.0)]).slope(), None);
        assert_eq!(line(&[]).slope(), None);
    }
}
