//! How late the ticks and messages of a run were, and whether this could have changed its events.

use serde::{Deserialize, Serialize};

/// How punctual a run was. Times are in wall nanoseconds (real time, not model time).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Punctuality {
    /// The run's margin: the shortest wall time between two ticks whose order matters for the run's events
    /// ([`crate::experiment::Schedule::margin_ns`] divided by the time scale).
    pub margin_ns: u64,
    /// Quantiles over the ticks of all machines: the time at which the tick was done minus the time at which it was due.
    pub lateness: Quantiles,
    /// Quantiles over all messages: the time at which the message was queued minus the time at which it was sent.
    pub latency: Quantiles,
    /// Whether every message was queued in the scheduled order, and between the same two ticks of its recipient as in the
    /// schedule. Then the run has the same events as the simulated run with the same seed, even if ticks were late.
    pub as_scheduled: bool,
}

/// Median, 99th percentile and maximum of samples, in nanoseconds. Without samples, all three are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantiles {
    /// Median.
    pub p50_ns: u64,
    /// 99th percentile.
    pub p99_ns: u64,
    /// Maximum.
    pub max_ns: u64,
}

impl Punctuality {
    /// Whether the maximum lateness plus the maximum latency is less than the margin. Then lateness and latency certainly did not
    /// change the order of events: every message was queued between the same two ticks of its recipient as in the schedule.
    pub fn is_punctual(&self) -> bool {
        self.lateness.max_ns + self.latency.max_ns < self.margin_ns
    }
}

/// Samples of a duration in nanoseconds, collected one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Samples(Vec<u64>);

impl Samples {
    /// Adds a duration in nanoseconds.
    pub fn push(&mut self, duration_ns: u64) {
        self.0.push(duration_ns);
    }

    /// Adds all of `others`.
    pub fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// The quantiles of all added durations, by nearest rank. For example, the 99th percentile of 150 durations is the 149th in
    /// ascending order, because 0.99 * 150 = 148.5 is rounded up.
    pub fn quantiles(mut self) -> Quantiles {
        self.0.sort_unstable();
        let quantile = |share: f64| {
            // Counted from 1.
            let rank = (share * self.0.len() as f64).ceil() as usize;
            self.0.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        Quantiles {
            p50_ns: quantile(0.5),
            p99_ns: quantile(0.99),
            max_ns: quantile(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_not_interpolated() {
        let mut samples = Samples::default();
        (1..=200).rev().for_each(|duration| samples.push(duration));
        assert_eq!(
            samples.quantiles(),
            Quantiles {
                p50_ns: 100,
                p99_ns: 198,
                max_ns: 200
            }
        );
        assert_eq!(Samples::default().quantiles(), Quantiles::default());
    }

    #[test]
    fn a_run_is_punctual_if_lateness_plus_latency_is_less_than_the_margin() {
        let max = |max_ns| Quantiles {
            max_ns,
            ..Quantiles::default()
        };
        let run = |margin_ns| Punctuality {
            margin_ns,
            lateness: max(60),
            latency: max(40),
            as_scheduled: true,
        };
        assert!(run(101).is_punctual());
        assert!(!run(100).is_punctual());
    }
}
