//! The distribution of whole numbers, most of which are small: exact mean, standard deviation, quantiles and largest value.

/// Numbers that are at least 0 and below this one are counted by value. All other numbers are stored one by one.
const COUNTED_BELOW: usize = 1 << 12;

/// Whole numbers, added one by one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distribution {
    /// How often each small number was added: `counts[3]` for the number 3.
    counts: Vec<u32>,
    /// The numbers that are negative or at least [`COUNTED_BELOW`].
    others: Vec<i64>,
}

impl Distribution {
    /// Removes all numbers, but does not free the memory.
    pub(crate) fn clear(&mut self) {
        self.counts.clear();
        self.others.clear();
    }

    /// Adds a number.
    #[inline]
    pub(crate) fn add(&mut self, number: i64) {
        // A negative number becomes a very large index, for which there is no count.
        match self.counts.get_mut(number as usize) {
            Some(count) => *count += 1,
            None => self.add_new(number),
        }
    }

    /// Adds a number for which there is no count yet.
    #[cold]
    fn add_new(&mut self, number: i64) {
        if (0..COUNTED_BELOW as i64).contains(&number) {
            let index = number as usize;
            self.counts.resize(index + 1, 0);
            self.counts[index] = 1;
        } else {
            self.others.push(number);
        }
    }

    /// Describes the numbers. `None` if no number was added.
    pub(crate) fn describe(&mut self) -> Option<Description> {
        self.others.sort_unstable();
        let n = self.len();
        if n == 0 {
            return None;
        }
        let sum: i128 = self
            .values()
            .map(|(value, count)| i128::from(value) * i128::from(count))
            .sum();
        let mean = sum as f64 / n as f64;
        // The sum of the squared deviations from the mean.
        let squares: f64 = self
            .values()
            .map(|(value, count)| f64::from(count) * (value as f64 - mean).powi(2))
            .sum();
        let above_1: u64 = self
            .values()
            .filter(|(value, _)| *value > 1)
            .map(|(_, count)| u64::from(count))
            .sum();
        Some(Description {
            mean,
            sd: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()),
            p50: self.quantile(0.5, n),
            p95: self.quantile(0.95, n),
            max: self.at(n - 1),
            share_above_1: above_1 as f64 / n as f64,
        })
    }

    /// How many numbers were added.
    fn len(&self) -> u64 {
        let counted: u64 = self.counts.iter().map(|&count| u64::from(count)).sum();
        counted + self.others.len() as u64
    }

    /// Pairs of a number and its count. A small number that was added three times gives one pair with the count 3. A number that is in
    /// `others` three times gives three pairs, each with the count 1.
    fn values(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        let counted = (0..).zip(self.counts.iter().copied());
        let others = self.others.iter().map(|&other| (other, 1));
        counted.filter(|&(_, count)| count > 0).chain(others)
    }

    /// A quantile of the `n` numbers. For example, 95 % of them lie below the quantile for the share 0.95. If the quantile lies
    /// between two of the numbers, it is interpolated linearly.
    fn quantile(&self, share: f64, n: u64) -> f64 {
        let position = share * (n - 1) as f64;
        let below = position.floor();
        let low = self.at(below as u64) as f64;
        let high = self.at(position.ceil() as u64) as f64;
        low + (position - below) * (high - low)
    }

    /// The number at `index` (from 0) in ascending order. `others` must be sorted.
    fn at(&self, index: u64) -> i64 {
        let negative = self.others.partition_point(|&other| other < 0) as u64;
        if index < negative {
            return self.others[index as usize];
        }
        // How many of the numbers that are not negative come before the wanted one.
        let mut to_skip = index - negative;
        for (value, &count) in (0..).zip(&self.counts) {
            match to_skip.checked_sub(u64::from(count)) {
                Some(fewer) => to_skip = fewer,
                // Fewer than `count` numbers are left to skip, so the wanted number is one of those that equal `value`.
                None => return value,
            }
        }
        // The wanted number is at least COUNTED_BELOW. In `others`, such numbers come after the negative ones.
        self.others[(negative + to_skip) as usize]
    }
}

/// Statistics of some whole numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Description {
    pub(crate) mean: f64,
    /// Standard deviation with divisor n - 1; `None` for a single number.
    pub(crate) sd: Option<f64>,
    /// The median.
    pub(crate) p50: f64,
    /// The 95th percentile.
    pub(crate) p95: f64,
    pub(crate) max: i64,
    /// Share of the numbers that are greater than 1.
    pub(crate) share_above_1: f64,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn quantile(sorted: &[i64], share: f64) -> f64 {
        let at = share * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
        low as f64 + (at - at.floor()) * (high - low) as f64
    }

    proptest! {
        #[test]
        fn statistics_are_those_of_a_direct_computation_from_the_sorted_numbers(
            // Most numbers are small. Some are near COUNTED_BELOW, which is 4,096, some are negative, and some are large.
            mut numbers in prop::collection::vec(
                prop_oneof![4 => 0i64..9, 1 => 4_000i64..4_200, 1 => -5i64..0, 1 => 10_000i64..1_000_000], 1..80),
        ) {
            let mut distribution = Distribution::default();
            // The second pass shows that `clear` removes the numbers of the first one.
            for _ in 0..2 {
                distribution.clear();
                numbers.iter().for_each(|&number| distribution.add(number));
            }
            let found = distribution.describe().unwrap();
            numbers.sort_unstable();
            let n = numbers.len() as f64;
            let mean = numbers.iter().sum::<i64>() as f64 / n;
            let squares: f64 = numbers.iter().map(|&number| (number as f64 - mean).powi(2)).sum();
            let above = numbers.iter().filter(|&&number| number > 1).count();
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(1.0);
            prop_assert!(near(found.mean, mean));
            prop_assert_eq!(found.sd.is_some(), numbers.len() > 1);
            prop_assert!(found.sd.is_none_or(|sd| near(sd, (squares / (n - 1.0)).sqrt())));
            prop_assert!(near(found.p50, quantile(&numbers, 0.5)));
            prop_assert!(near(found.p95, quantile(&numbers, 0.95)));
            prop_assert_eq!(found.max, *numbers.last().unwrap());
            prop_assert!(near(found.share_above_1, above as f64 / n));
        }
    }

    #[test]
    fn without_numbers_there_is_no_description() {
        assert_eq!(Distribution::default().describe(), None);
    }
}
