//! How many of some values are equal: what decides whether an interval of their mean can be trusted.

/// Two values are equal if they differ by no more than this share of the larger: the rounding of sums and quotients.
const ROUNDING: f64 = 1e-9;
/// With so many values that differ from the most frequent one, a mean is close to normally distributed even if all others are equal.
const ENOUGH_OTHERS: u64 = 50;
/// An interval of fewer different values is rough (of fewer than five values: unless all differ).
const ENOUGH_DIFFERENT: u64 = 5;

/// How often values occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ties {
    /// How many values have the most frequent value.
    most_frequent: u64,
    /// How many different values there are.
    different: u64,
}

impl Ties {
    /// Counts equal values. All of them are finite; sorts them.
    pub(crate) fn count(values: &mut [f64]) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let is_equal = |a: &f64, b: &f64| (a - b).abs() <= ROUNDING * a.abs().max(b.abs());
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

    /// Whether Student's interval of the mean of `n` such values covers the true mean less often than it says.
    ///
    /// It does where most values are equal or few different ones occur: such samples miss the rare values that the mean depends on.
    /// The bounds are chosen by simulation (`experiments/bench/coverage.py`): with them, every interval of ten repetitions that is
    /// not rough covers the true mean in at least 92 % of all samples, whatever the measure.
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
        assert_eq!(counted(&[0.0, -0.0, 1e-300]), (2, 2));
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
    fn few_different_values_are_rough_unless_there_are_many_of_them() {
        assert!(ties(&[1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]).too_many(8));
        assert!(!ties(&[1.0, 2.0, 3.0]).too_many(3));
        let coins = |n: u32| -> Vec<f64> { (0..n).map(|k| f64::from(k % 2)).collect() };
        assert!(ties(&coins(98)).too_many(98));
        assert!(!ties(&coins(100)).too_many(100));
    }
}
