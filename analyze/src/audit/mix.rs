//! What idle machines do: as often this, as often that, as the configuration says?
//!
//! Every idle tick draws anew. Counts are pooled over the runs of a configuration and held against the probability that they
//! should have, on both sides, by Chernoff's bound: of n independent draws of probability p the chance of a share as far off as
//! k / n is at most 2 exp(-n D), where D is the relative entropy of k / n to p. How many ticks are idle depends on what was drawn
//! before, so the bound is taken for every number of draws that there might have been, at most one a tick, and for every share
//! tested. Then a correct dataset fails with a chance below [`FALSE_ALARM`], however large or small it is.

use std::collections::BTreeMap;

use sim::machine::{EventKind, Recipients};

use super::checks::Check;
use super::log::Log;
use super::setup::Setup;
use super::tally::{At, Tally};

/// The chance that the shares of a correct dataset are called wrong is below this.
pub(super) const FALSE_ALARM: f64 = 1e-9;

/// What idle machines did, by configuration.
#[derive(Debug, Default)]
pub(super) struct Mix(BTreeMap<String, Counts>);

#[derive(Debug)]
struct Counts {
    /// The first of its runs.
    ordinal: usize,
    internal: f64,
    /// Ticks of all kinds.
    ticks: u64,
    /// Idle ticks of each machine.
    idle: Vec<u64>,
    /// Internal events of each machine.
    internals: Vec<u64>,
    /// Sends of each machine.
    sends: Vec<u64>,
    /// Sends by outcome: to the first, second, ... peer in the order of machines, and last to all.
    by_outcome: Vec<u64>,
    /// Messages to each machine alone.
    by_recipient: Vec<u64>,
}

/// So many of so many, where each had a probability.
struct Share {
    what: String,
    count: u64,
    of: u64,
    probability: f64,
}

impl Counts {
    fn new(ordinal: usize, setup: &Setup) -> Self {
        let zeros = || vec![0; setup.machines()];
        Self {
            ordinal,
            internal: setup.internal,
            ticks: 0,
            idle: zeros(),
            internals: zeros(),
            sends: zeros(),
            by_outcome: zeros(),
            by_recipient: zeros(),
        }
    }

    fn count(&mut self, log: &Log) {
        let machines = log.machines.len();
        for (machine, events) in log.machines.iter().enumerate() {
            self.ticks += events.len() as u64;
            for entry in events {
                match &entry.kind {
                    EventKind::Internal => self.internals[machine] += 1,
                    EventKind::Send { recipients, .. } => {
                        self.sends[machine] += 1;
                        match recipients {
                            Recipients::All => self.by_outcome[machines - 1] += 1,
                            Recipients::One(peer) => self.count_unicast(machine, *peer as usize),
                            // No outcome of the mix: see [`Setup::of`].
                            Recipients::Several(_) => {}
                        }
                    }
                    EventKind::Receive(_) => continue,
                }
                self.idle[machine] += 1;
            }
        }
    }

    fn count_unicast(&mut self, machine: usize, peer: usize) {
        if peer != machine && peer < self.sends.len() {
            self.by_outcome[peer - usize::from(peer > machine)] += 1;
            self.by_recipient[peer] += 1;
        }
    }

    fn add(&mut self, other: &Self) {
        self.ordinal = self.ordinal.min(other.ordinal);
        self.ticks += other.ticks;
        for (counts, others) in [
            (&mut self.idle, &other.idle),
            (&mut self.internals, &other.internals),
            (&mut self.sends, &other.sends),
            (&mut self.by_outcome, &other.by_outcome),
            (&mut self.by_recipient, &other.by_recipient),
        ] {
            counts
                .iter_mut()
                .zip(others)
                .for_each(|(count, other)| *count += other);
        }
    }

    /// How many shares are tested.
    fn tests(&self) -> usize {
        1 + 3 * self.idle.len()
    }

    fn check(&self, configuration: &str, tests: usize, tally: &mut Tally) {
        // As many bounds are taken as there are ticks, and tests.
        let limit = (2.0 * self.ticks as f64 * tests as f64 / FALSE_ALARM).ln();
        let mut page = tally.page(self.ordinal);
        for (check, shares) in [
            (Check::InternalShare, self.internal_shares()),
            (Check::Recipients, self.recipient_shares()),
        ] {
            page.checked(check, shares.len() as u64);
            for share in shares.iter().filter(|share| share.surprise() > limit) {
                page.violated(check, At::Journal, || share.in_words(configuration));
            }
        }
    }

    /// Of all machines together, and of each.
    fn internal_shares(&self) -> Vec<Share> {
        let share = |of_machine: String, count: u64, of: u64| Share {
            what: format!("idle ticks{of_machine} were internal events"),
            count,
            of,
            probability: self.internal,
        };
        let machines = self.internals.iter().zip(&self.idle).enumerate();
        let each = machines.map(|(machine, (&internals, &idle))| {
            share(format!(" of machine {machine}"), internals, idle)
        });
        let all = share(
            String::new(),
            self.internals.iter().sum(),
            self.idle.iter().sum(),
        );
        std::iter::once(all).chain(each).collect()
    }

    /// Of each outcome, and of each recipient.
    fn recipient_shares(&self) -> Vec<Share> {
        let sends: u64 = self.sends.iter().sum();
        let outcomes = self.by_outcome.len();
        let share = |what: String, count: u64, of: u64| Share {
            what: format!("sends{what}"),
            count,
            of,
            probability: 1.0 / outcomes as f64,
        };
        let by_outcome = self.by_outcome.iter().enumerate().map(|(outcome, &count)| {
            let what = if outcome + 1 == outcomes {
                " were to all".to_owned()
            } else {
                format!(" were to their machine's peer {outcome}")
            };
            share(what, count, sends)
        });
        let by_recipient = self
            .by_recipient
            .iter()
            .enumerate()
            .map(|(machine, &count)| {
                let what = format!(" of other machines were to machine {machine} alone");
                share(what, count, sends - self.sends[machine])
            });
        by_outcome.chain(by_recipient).collect()
    }
}

impl Share {
    /// n D: minus the logarithm of the bound on the chance of a share as far off on that side.
    fn surprise(&self) -> f64 {
        let n = self.of as f64;
        let share = if self.of == 0 {
            self.probability
        } else {
            self.count as f64 / n
        };
        let part = |share: f64, probability: f64| match share {
            0.0 => 0.0,
            share => share * (share / probability).ln(),
        };
        let entropy = part(share, self.probability) + part(1.0 - share, 1.0 - self.probability);
        if self.of == 0 { 0.0 } else { n * entropy }
    }

    fn in_words(&self, configuration: &str) -> String {
        let Self {
            what,
            count,
            of,
            probability,
        } = self;
        format!(
            "{configuration}, all runs together: {count} of {of} {what}, a share of {:.4}, where {probability:.4} is drawn",
            *count as f64 / *of as f64
        )
    }
}

impl Mix {
    /// Counts a run's events.
    pub(super) fn count(&mut self, ordinal: usize, setup: &Setup, log: &Log) {
        let known = self.0.get_mut(&setup.configuration);
        let counts = match known.filter(|counts| counts.idle.len() == setup.machines()) {
            Some(counts) => counts,
            None => self
                .0
                .entry(setup.configuration.clone())
                .or_insert_with(|| Counts::new(ordinal, setup)),
        };
        counts.ordinal = counts.ordinal.min(ordinal);
        counts.count(log);
    }

    /// Adds what was counted in other runs.
    pub(super) fn add(&mut self, other: Self) {
        for (configuration, counts) in other.0 {
            match self.0.get_mut(&configuration) {
                Some(known) => known.add(&counts),
                None => drop(self.0.insert(configuration, counts)),
            }
        }
    }

    /// Checks [`Check::InternalShare`] and [`Check::Recipients`].
    pub(super) fn check(&self, tally: &mut Tally) {
        let tests = self.0.values().map(Counts::tests).sum();
        for (configuration, counts) in &self.0 {
            counts.check(configuration, tests, tally);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surprise(count: u64, of: u64, probability: f64) -> f64 {
        Share {
            what: String::new(),
            count,
            of,
            probability,
        }
        .surprise()
    }

    #[test]
    fn what_cannot_be_is_infinitely_surprising_and_what_must_be_is_not_at_all() {
        assert_eq!(surprise(1, 10, 0.0), f64::INFINITY);
        assert_eq!(surprise(9, 10, 1.0), f64::INFINITY);
        assert_eq!(surprise(0, 10, 0.0), 0.0);
        assert_eq!(surprise(10, 10, 1.0), 0.0);
        assert_eq!(surprise(0, 0, 0.3), 0.0);
        assert_eq!(surprise(7, 10, 0.7), 0.0);
    }

    /// All of n draws at probability p: p^n.
    #[test]
    fn the_bound_is_sharp_at_the_ends() {
        assert!((surprise(20, 20, 0.5) - 20.0 * 2f64.ln()).abs() < 1e-9);
        assert!((surprise(0, 20, 0.1) - 20.0 * (1.0 / 0.9f64).ln()).abs() < 1e-9);
    }
}
