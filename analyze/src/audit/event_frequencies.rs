//! Checks that the shares of internal events and of recipients fit the configured probabilities.
//!
//! Each idle tick draws its outcome independently. The counts of all runs of a configuration are added. Each share is then
//! compared with its probability p by Chernoff's bound: let k of n independent draws have the outcome. A share at least as far
//! from p as k / n has a probability of at most 2 exp(-n D), where D is the relative entropy of k / n to p. The number of idle
//! ticks n itself depends on earlier draws. So the bound is summed over every possible n (at most the number of ticks), and over
//! all tested shares. Therefore a correct dataset of any size fails with a probability below [`FALSE_ALARM`].

use std::collections::BTreeMap;

use sim::machine::{EventKind, Recipients};

use super::checks::Check;
use super::log::Log;
use super::model::Model;
use super::setup::{Known, Setup};
use super::tally::{At, Tally};

/// The probability that a correct dataset fails is below this value.
pub(super) const FALSE_ALARM: f64 = 1e-9;

/// Counts of what idle machines did, by configuration.
#[derive(Debug, Default)]
pub(super) struct EventFrequencies(BTreeMap<String, Counts>);

#[derive(Debug)]
struct Counts {
    /// The index of the configuration's first run among the audited runs.
    ordinal: usize,
    known: Known,
    model: Model,
    /// Number of ticks of all kinds.
    ticks: u64,
    /// Number of idle ticks of each machine.
    idle: Vec<u64>,
    /// Number of internal events of each machine.
    internals: Vec<u64>,
    /// Number of sends of each machine.
    sends: Vec<u64>,
    /// Number of sends of each machine to all its neighbours.
    to_all: Vec<u64>,
    /// Number of sends of each machine that are not to all and have the expected number of recipients.
    well_sized: Vec<u64>,
    /// For each number of neighbours: over all machines with this number of neighbours, how many sends went to the machine's
    /// first neighbour, to its second, and so on. Neighbours are in the order of machines. Sends to all do not count.
    by_rank: BTreeMap<usize, Vec<u64>>,
    /// Number of messages to each machine. Sends to all do not count.
    by_recipient: Vec<u64>,
}

/// How often an outcome was drawn: `count` times in `of` draws. `probability` is the configured probability of the outcome.
struct Share {
    what: String,
    count: u64,
    of: u64,
    probability: f64,
}

impl Counts {
    fn new(ordinal: usize, setup: &Setup) -> Self {
        let zeros = || vec![0; setup.machines()];
        let degrees = (0..setup.machines()).map(|machine| setup.model.neighbours(machine));
        Self {
            ordinal,
            known: setup.known,
            model: setup.model.clone(),
            ticks: 0,
            idle: zeros(),
            internals: zeros(),
            sends: zeros(),
            to_all: zeros(),
            well_sized: zeros(),
            by_rank: degrees
                .filter(|&d| d > 0)
                .map(|d| (d, vec![0; d]))
                .collect(),
            by_recipient: zeros(),
        }
    }

    fn count(&mut self, log: &Log) {
        for (machine, events) in log.machines.iter().enumerate() {
            self.ticks += events.len() as u64;
            for entry in events {
                match &entry.kind {
                    EventKind::Internal => self.internals[machine] += 1,
                    EventKind::Send { recipients, .. } => self.count_send(machine, recipients),
                    EventKind::Receive(_) => continue,
                }
                self.idle[machine] += 1;
            }
        }
    }

    fn count_send(&mut self, machine: usize, recipients: &Recipients) {
        self.sends[machine] += 1;
        if *recipients == Recipients::All {
            self.to_all[machine] += 1;
            return;
        }
        let neighbours = self.model.neighbours(machine);
        let peers = recipients.among(&[]);
        if neighbours > 0
            && self.model.send_probabilities(neighbours).recipients == Some(peers.len())
        {
            self.well_sized[machine] += 1;
        }
        for peer in peers.iter().map(|&peer| peer as usize) {
            if peer < self.sends.len() && self.model.may_send(machine, peer) {
                let rank = self.model.rank(machine, peer);
                if let Some(ranks) = self.by_rank.get_mut(&neighbours) {
                    ranks[rank] += 1;
                }
                self.by_recipient[peer] += 1;
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.ordinal = self.ordinal.min(other.ordinal);
        self.ticks += other.ticks;
        let by_rank = self.by_rank.values_mut().zip(other.by_rank.values());
        for (counts, others) in [
            (&mut self.idle, &other.idle),
            (&mut self.internals, &other.internals),
            (&mut self.sends, &other.sends),
            (&mut self.to_all, &other.to_all),
            (&mut self.well_sized, &other.well_sized),
            (&mut self.by_recipient, &other.by_recipient),
        ]
        .into_iter()
        .chain(by_rank)
        {
            counts
                .iter_mut()
                .zip(others)
                .for_each(|(count, other)| *count += other);
        }
    }

    /// Number of shares that are tested.
    fn tests(&self) -> usize {
        self.internal_shares().len() + self.recipient_shares().len()
    }

    fn check(&self, configuration: &str, tests: usize, tally: &mut Tally) {
        // The bound is summed over all numbers of ticks and over all tests.
        let limit = (2.0 * self.ticks.max(1) as f64 * tests as f64 / FALSE_ALARM).ln();
        let mut findings = tally.findings(self.ordinal);
        for (check, _, shares) in [
            (
                Check::InternalShare,
                self.known.internal,
                self.internal_shares(),
            ),
            (Check::Recipients, self.known.sends, self.recipient_shares()),
        ]
        .into_iter()
        .filter(|(_, is_known, _)| *is_known)
        {
            findings.checked(check, shares.len() as u64);
            for share in shares.iter().filter(|share| share.surprise() > limit) {
                findings.violated(check, At::Journal, || share.in_words(configuration));
            }
        }
    }

    /// The share of internal events of each machine. If all machines have the same probability, also the share over all machines.
    fn internal_shares(&self) -> Vec<Share> {
        let machines = || 0..self.idle.len();
        let by_machine = machines().map(|machine| Share {
            what: format!("idle ticks of machine {machine} were internal events"),
            count: self.internals[machine],
            of: self.idle[machine],
            probability: self.model.internal(machine),
        });
        let first = self.model.internal(0);
        let are_alike = machines().all(|machine| self.model.internal(machine) == first);
        let pooled = are_alike.then(|| Share {
            what: "idle ticks were internal events".to_owned(),
            count: self.internals.iter().sum(),
            of: self.idle.iter().sum(),
            probability: first,
        });
        pooled.into_iter().chain(by_machine).collect()
    }

    /// For machines with the same number of neighbours: the shares of sends to all, of sends to each neighbour, and of sends with
    /// the right number of recipients. Then, for each machine, the share of the other machines' sends that go to this machine.
    fn recipient_shares(&self) -> Vec<Share> {
        let alike = self.by_rank.iter().flat_map(|(&neighbours, ranks)| {
            let law = self.model.send_probabilities(neighbours);
            let sum = |counts: &[u64]| -> u64 {
                let machines = 0..counts.len();
                let like = machines.filter(|&machine| self.model.neighbours(machine) == neighbours);
                like.map(|machine| counts[machine]).sum()
            };
            let (sends, to_all) = (sum(&self.sends), sum(&self.to_all));
            let share = move |what: String, count: u64, of: u64, probability: f64| Share {
                what: format!("sends{what}"),
                count,
                of,
                probability,
            };
            let by_rank = ranks.iter().enumerate().map(move |(rank, &count)| {
                let what = format!(" went to neighbour {rank} of their machine");
                share(what, count, sends, law.to_each)
            });
            let sized = law
                .recipients
                .filter(|&recipients| recipients > 1)
                .map(|recipients| {
                    let what = format!(" to fewer than all neighbours had {recipients} recipients");
                    share(what, sum(&self.well_sized), sends - to_all, 1.0)
                });
            let all = share(" were to all".to_owned(), to_all, sends, law.to_all);
            by_rank.chain(sized).chain([all])
        });
        let machines = 0..self.sends.len();
        let by_recipient = machines.clone().filter_map(|machine| {
            let mut senders = machines
                .clone()
                .filter(|&from| self.model.may_send(from, machine));
            let neighbours = self.model.neighbours(senders.clone().next()?);
            // In every topology, all senders send to a given machine with the same probability.
            debug_assert!(senders.all(|from| self.model.neighbours(from) == neighbours));
            let senders = machines
                .clone()
                .filter(|&from| self.model.may_send(from, machine));
            Some(Share {
                what: format!(
                    "sends of other machines went to machine {machine} without going to all"
                ),
                count: self.by_recipient[machine],
                of: senders.map(|from| self.sends[from]).sum(),
                probability: self.model.send_probabilities(neighbours).to_each,
            })
        });
        alike.chain(by_recipient).collect()
    }
}

impl Share {
    /// n D of the formula above: minus the logarithm of Chernoff's bound for one side. It is 0 if the share equals the
    /// probability, and grows as the share becomes less likely.
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
            "{configuration}, all runs together: {count} of {of} {what}. This is a share of {:.4}; {probability:.4} was expected",
            *count as f64 / *of as f64
        )
    }
}

impl EventFrequencies {
    /// Counts the events of a run.
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

    /// Adds the counts of other runs.
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
    fn an_impossible_outcome_has_infinite_surprise_and_a_certain_one_has_none() {
        assert_eq!(surprise(1, 10, 0.0), f64::INFINITY);
        assert_eq!(surprise(9, 10, 1.0), f64::INFINITY);
        assert_eq!(surprise(0, 10, 0.0), 0.0);
        assert_eq!(surprise(10, 10, 1.0), 0.0);
        assert_eq!(surprise(0, 0, 0.3), 0.0);
        assert_eq!(surprise(7, 10, 0.7), 0.0);
    }

    /// The probability that all of n draws have an outcome of probability p is p^n.
    #[test]
    fn the_bound_is_sharp_at_the_ends() {
        assert!((surprise(20, 20, 0.5) - 20.0 * 2f64.ln()).abs() < 1e-9);
        assert!((surprise(0, 20, 0.1) - 20.0 * (1.0 / 0.9f64).ln()).abs() < 1e-9);
    }
}
