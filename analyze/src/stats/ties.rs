//! Counts equal values (ties) in a sample. If there are many, the 95 % interval of the mean cannot be trusted: it is *rough*.

/// Two values count as equal if they differ by at most this share of the larger one. The rounding errors of sums and quotients are
/// smaller than this.
const RELATIVE_ROUNDING: f64 = 1e-9;
/// Two values also count as equal if they differ by at most this number. The share alone is not enough: a slope that is truly 0 may be
/// computed as 1e-17, which differs from 0 by 100 % of the larger value. Measures have no values so close to 0, except by such errors.
const ABSOLUTE_ROUNDING: f64 = 1e-12;
/// If at least this many values differ from the most frequent one, the mean is close to normally distributed.
const ENOUGH_OTHERS: u64 = 50;
/// A sample has too few different values if it has fewer than this number. A sample of fewer than five values has too few if two of its
/// values are equal.
const ENOUGH_DIFFERENT: u64 = 5;

/// How many values of a sample are equal and how many are different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ties {
    /// How often the most frequent value occurs.
    most_frequent: u64,
    /// Number of different values.
    different: u64,
}

impl Ties {
    /// Sorts the values and counts equal ones. The values must be finite.
    pub(crate) fn count(values: &mut [f64]) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let is_equal = |a: &f64, b: &f64| {
            let difference = (a - b).abs();
            difference <= ABSOLUTE_ROUNDING
                || difference <= RELATIVE_ROUNDING * a.abs().max(b.abs())
        };
        let groups = || values.chunk_by(is_equal);
        Self {
            most_frequent: groups().map(<[f64]>::len).max().unwrap_or(0) as u64,
            different: groups().count() as u64,
        }
    }

    /// Whether all values are equal.
    pub(crate) fn all_equal(&self) -> bool {
        self.different <= 1
    }

    /// Whether the sample has too many ties, so that the interval of its mean (by Student's t distribution) is rough: such intervals cover
    /// the true mean in clearly fewer than 95 % of samples. `n` is the number of values in the sample.
    ///
    /// There are two such cases: more than two fifths of the values are equal, or there are only a few different values. Then rare values
    /// may be missing in the sample, although the true mean depends on them. But if at least [`ENOUGH_OTHERS`] values differ from the most
    /// frequent one, the interval is good enough all the same. The limits were chosen by simulation of samples of ten repetitions
    /// (`experiments/bench/coverage.py`). In this simulation, for every measure, at least 92 % of the intervals that are not rough cover the
    /// true mean.
    pub(crate) fn too_many(&self, n: u64) -> bool {
        // More than two fifths of `n`. For a sample of two values this is always true, because even one value is half of the sample.
        let many_are_equal = 5 * self.most_frequent > 2 * n;
        let few_are_different = self.different < ENOUGH_DIFFERENT.min(n);
        let others = n - self.most_frequent;
        (many_are_equal || few_are_different) && others < ENOUGH_OTHERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ties(values: &[f64]) -> Ties {
        Ties::count(&mut values.to_vec())
    }

    #[test]
    fn counts_equal_and_different_values() {
        let counted = |values: &[f64]| {
            let ties = ties(values);
            (ties.most_frequent, ties.different)
        };
        assert_eq!(counted(&[2.0, 1.0, 2.0, 3.0, 2.0]), (3, 3));
        assert_eq!(counted(&[0.1 + 0.2, 0.3]), (2, 1));
        assert_eq!(counted(&[0.0, -0.0, 1e-18]), (3, 1));
        assert_eq!(counted(&[]), (0, 0));
    }

    #[test]
    fn an_interval_is_rough_if_more_than_four_of_ten_values_are_equal() {
        let is_rough_with = |equal: usize| {
            let mut values = vec![7.0; equal];
            values.extend((equal..10).map(|index| index as f64 * 0.1));
            ties(&values).too_many(10)
        };
        assert_eq!([1, 4, 5, 10].map(is_rough_with), [false, false, true, true]);
    }

    #[test]
    fn an_interval_is_rough_with_few_different_values_unless_many_differ_from_the_most_frequent() {
        // Four different values among eight are too few; three among three are enough.
        assert!(ties(&[1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]).too_many(8));
        assert!(!ties(&[1.0, 2.0, 3.0]).too_many(3));
        // Half of the values are 0 and half are 1, so n/2 values differ from the most frequent one: 49, and then 50.
        let zeros_and_ones = |n: u32| -> Vec<f64> { (0..n).map(|k| f64::from(k % 2)).collect() };
        assert!(ties(&zeros_and_ones(98)).too_many(98));
        assert!(!ties(&zeros_and_ones(100)).too_many(100));
    }
}
