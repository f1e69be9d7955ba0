//! Counts equal values. If there are many, an interval of the mean cannot be trusted.

/// Two values count as equal if they differ by at most this share of the larger one. Rounding errors of sums and quotients are
/// not larger.
const ROUNDING: f64 = 1e-9;
/// Two values also count as equal if they differ by at most this. For example, a slope of zero may have such a rounding error. No
/// measure has values as small as this.
const NOTHING: f64 = 1e-12;
/// If at least this many values differ from the most frequent one, the mean is close to normally distributed.
const ENOUGH_OTHERS: u64 = 50;
/// An interval is rough if there are fewer different values than this. With fewer than five values it is rough unless all differ.
const ENOUGH_DIFFERENT: u64 = 5;

/// Numbers of equal and different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ties {
    /// Number of values that equal the most frequent value.
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
            difference <= NOTHING || difference <= ROUNDING * a.abs().max(b.abs())
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

    /// Whether Student's interval of the mean of `n` such values covers the true mean in clearly fewer than 95 % of samples.
    ///
    /// This is so if many values are equal or few are different: rare values, on which the mean depends, may then be missing in
    /// the sample. The limits were chosen by simulation (`experiments/bench/coverage.py`): for every measure, intervals of ten
    /// repetitions that are not rough cover the true mean in at least 92 % of all samples.
    pub(crate) fn too_many(&self, n: u64) -> bool {
        let most_are_equal = 5 * self.most_frequent > 2 * n;
        let few_differ = self.different < ENOUGH_DIFFERENT.min(n);
        (most_are_equal || few_differ) && n - self.most_frequent < ENOUGH_OTHERS
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
    fn four_of_ten_may_be_equal() {
        let of = |equal: usize| {
            let mut values = vec![7.0; equal];
            values.extend((equal..10).map(|index| index as f64 * 0.1));
            ties(&values).too_many(10)
        };
        assert_eq!([of(1), of(4), of(5), of(10)], [false, false, true, true]);
    }

    #[test]
    fn few_different_values_are_rough_unless_many_differ_from_the_most_frequent() {
        assert!(ties(&[1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]).too_many(8));
        assert!(!ties(&[1.0, 2.0, 3.0]).too_many(3));
        let coins = |n: u32| -> Vec<f64> { (0..n).map(|k| f64::from(k % 2)).collect() };
        assert!(ties(&coins(98)).too_many(98));
        assert!(!ties(&coins(100)).too_many(100));
    }
}
