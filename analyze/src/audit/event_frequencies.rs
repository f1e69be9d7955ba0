//! Checks that the shares of internal events and of recipients fit the configured probabilities.
//!
//! At an idle tick (a tick without a waiting message), a machine draws at random whether it has an internal event or sends, and to which
//! machines. The draws are independent. The counts of all runs of a configuration are added. Each share is then compared with its
//! configured probability p. Chernoff's bound says how improbable a share is that differs from p:
//!
//! - Let k of n independent draws have an outcome, such as an internal event. The share is q = k / n.
//! - Let D = q ln(q / p) + (1 - q) ln((1 - q) / (1 - p)). This measure of the distance between q and p is called relative entropy. It is 0
//!   if q = p.
//! - If q > p, a share of q or more has a probability of at most exp(-n D). If q < p, a share of q or less has a probability of at most
//!   exp(-n D). So a share with this D or a larger D, above or below p, has a probability of at most 2 exp(-n D).
//!
//! This holds for one share with a fixed n. But the number n of draws (idle ticks, or sends) depends on earlier draws. It can have at most
//! `events` values, where `events` is the number of events of the configuration. Also, many shares are tested. Their number in the whole
//! dataset is `all_shares`. So a share is reported only if 2 exp(-n D) is below the quotient `FALSE_ALARM / (events * all_shares)`. For one
//! share and one value of n, the probability of a false report is then below this quotient. The quotients for all shares and all values of
//! n add up to at most [`FALSE_ALARM`]. So a correct dataset of any size fails with a probability below [`FALSE_ALARM`].

use std::collections::BTreeMap;

use sim::machine::{EventKind, Recipients};

use super::checks::Check;
use super::log::Log;
use super::model::Model;
use super::setup::{Known, Setup};
use super::tally::{At, Tally};
use crate::output::words::counted;

/// The probability that a correct dataset fails is below this value.
pub(super) const FALSE_ALARM: f64 = 1e-9;

/// Counts of what machines did at idle ticks, for each configuration. The key is the text of the configuration.
#[derive(Debug, Default)]
pub(super) struct EventFrequencies(BTreeMap<String, Counts>);

/// The counts of one configuration. Each list except `by_rank` has one number for each machine.
#[derive(Debug)]
struct Counts {
    /// The index of the configuration's first run among the audited runs. A violation is reported at this run.
    first_run: usize,
    /// Which facts about the runs are known. Imported logs may lack some.
    known: Known,
    model: Model,
    /// Number of events of all kinds, of all machines together.
    events: u64,
    /// Number of idle ticks of each machine.
    idle: Vec<u64>,
    /// Number of internal events of each machine.
    internals: Vec<u64>,
    /// Number of sends of each machine.
    sends: Vec<u64>,
    /// Number of sends of each machine to all its neighbours.
    to_all: Vec<u64>,
    /// For each machine, the number of sends that have the right number of recipients: as many as the parameter `sends` says. Sends to all
    /// do not count.
    with_right_count: Vec<u64>,
    /// The key is a number of neighbours. For example, the value for the key 2 is the list `[a, b]`: all machines with 2 neighbours
    /// together made `a` sends to their first neighbour and `b` sends to their second. The neighbours of a machine are ordered by their
    /// index. The first neighbour has rank 0, the second has rank 1. Sends to all do not count.
    by_rank: BTreeMap<usize, Vec<u64>>,
    /// Number of messages that were sent to each machine. Sends to all do not count.
    by_recipient: Vec<u64>,
}

/// How often an outcome was drawn, and its probability. The symbols k, n and p are those at the top of this file.
struct Share {
    /// The outcome, as the end of the sentence "3 of 10 ...".
    outcome: String,
    /// Number of draws with the outcome (k).
    count: u64,
    /// Number of draws (n).
    draws: u64,
    /// The configured probability of the outcome (p).
    probability: f64,
}

impl Counts {
    fn new(run_index: usize, setup: &Setup) -> Self {
        let zeros = || vec![0; setup.machines()];
        let neighbour_counts = (0..setup.machines()).map(|machine| setup.model.neighbours(machine));
        Self {
            first_run: run_index,
            known: setup.known,
            model: setup.model.clone(),
            events: 0,
            idle: zeros(),
            internals: zeros(),
            sends: zeros(),
            to_all: zeros(),
            with_right_count: zeros(),
            by_rank: neighbour_counts
                .filter(|&neighbours| neighbours > 0)
                .map(|neighbours| (neighbours, vec![0; neighbours]))
                .collect(),
            by_recipient: zeros(),
        }
    }

    /// Counts the events of a run.
    fn count(&mut self, log: &Log) {
        for (machine, events) in log.machines.iter().enumerate() {
            self.events += events.len() as u64;
            for entry in events {
                match &entry.kind {
                    EventKind::Internal => self.internals[machine] += 1,
                    EventKind::Send { recipients, .. } => self.count_send(machine, recipients),
                    // The tick of a receive is not idle.
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
        // `among` needs the list of neighbours only for `All`, which does not occur here.
        let peers = recipients.among(&[]);
        if neighbours > 0
            && self.model.send_probabilities(neighbours).recipients == Some(peers.len())
        {
            self.with_right_count[machine] += 1;
        }
        // In a damaged log, a recipient may be a machine that does not exist or is no neighbour. The check of rows reports this.
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

    /// Adds the counts of other runs of the same configuration.
    fn add(&mut self, other: &Self) {
        self.first_run = self.first_run.min(other.first_run);
        self.events += other.events;
        let by_rank = self.by_rank.values_mut().zip(other.by_rank.values());
        for (counts, others) in [
            (&mut self.idle, &other.idle),
            (&mut self.internals, &other.internals),
            (&mut self.sends, &other.sends),
            (&mut self.to_all, &other.to_all),
            (&mut self.with_right_count, &other.with_right_count),
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

    /// Number of shares that are tested if all facts about the runs are known.
    fn tested_shares(&self) -> usize {
        self.internal_shares().len() + self.recipient_shares().len()
    }

    /// Checks the shares of a configuration. `all_shares` is the sum of `tested_shares` over all configurations.
    fn check(&self, configuration: &str, all_shares: usize, tally: &mut Tally) {
        // A share is a violation if events * all_shares * 2 exp(-n D) < FALSE_ALARM. Solved for n D, this is n D > limit:
        let limit = (2.0 * self.events.max(1) as f64 * all_shares as f64 / FALSE_ALARM).ln();
        let mut findings = tally.findings(self.first_run);
        let mut check_shares = |check: Check, shares: Vec<Share>| {
            findings.checked(check, shares.len() as u64);
            for share in shares.iter().filter(|share| share.surprise() > limit) {
                findings.violated(check, At::Journal, || share.describe(configuration));
            }
        };
        if self.known.internal {
            check_shares(Check::InternalShare, self.internal_shares());
        }
        if self.known.recipient_rule {
            check_shares(Check::Recipients, self.recipient_shares());
        }
    }

    /// The share of internal events of each machine. If all machines have the same probability, also the share over all machines.
    fn internal_shares(&self) -> Vec<Share> {
        let machines = || 0..self.idle.len();
        let by_machine = machines().map(|machine| Share {
            outcome: format!("idle ticks of machine {machine} were internal events"),
            count: self.internals[machine],
            draws: self.idle[machine],
            probability: self.model.internal_probability(machine),
        });
        let first = self.model.internal_probability(0);
        let all_have_the_same =
            machines().all(|machine| self.model.internal_probability(machine) == first);
        let over_all_machines = all_have_the_same.then(|| Share {
            outcome: "idle ticks were internal events".to_owned(),
            count: self.internals.iter().sum(),
            draws: self.idle.iter().sum(),
            probability: first,
        });
        over_all_machines.into_iter().chain(by_machine).collect()
    }

    /// The shares of [`Counts::shares_to_neighbours`] for each number of neighbours, then [`Counts::share_to`] for each machine to
    /// which at least one machine may send.
    fn recipient_shares(&self) -> Vec<Share> {
        let to_neighbours = self
            .by_rank
            .iter()
            .flat_map(|(&neighbours, ranks)| self.shares_to_neighbours(neighbours, ranks));
        let to_machines = (0..self.sends.len()).filter_map(|machine| self.share_to(machine));
        to_neighbours.chain(to_machines).collect()
    }

    /// The shares for the sends of all machines with `neighbours` neighbours:
    ///
    /// - the share of sends to the sender's first neighbour, the share of sends to its second neighbour, and so on,
    /// - among the sends that are not to all, the share of sends with the right number of recipients,
    /// - the share of sends to all.
    ///
    /// `ranks` is the list for `neighbours` in [`Counts::by_rank`].
    fn shares_to_neighbours(&self, neighbours: usize, ranks: &[u64]) -> Vec<Share> {
        let probabilities = self.model.send_probabilities(neighbours);
        let sum_over_machines = |counts: &[u64]| -> u64 {
            let machines = 0..counts.len();
            let chosen = machines.filter(|&machine| self.model.neighbours(machine) == neighbours);
            chosen.map(|machine| counts[machine]).sum()
        };
        let sends = sum_over_machines(&self.sends);
        let to_all = sum_over_machines(&self.to_all);
        let mut shares: Vec<Share> = ranks
            .iter()
            .enumerate()
            .map(|(rank, &count)| Share {
                outcome: format!("sends went to neighbour {rank} of the sender (counted from 0)"),
                count,
                draws: sends,
                probability: probabilities.to_each,
            })
            .collect();
        if let Some(recipients) = probabilities.recipients {
            shares.push(Share {
                outcome: format!(
                    "sends to fewer than all neighbours had {}",
                    counted(recipients, "recipient")
                ),
                count: sum_over_machines(&self.with_right_count),
                draws: sends - to_all,
                // By the parameter `sends`, every send that is not to all has this number of recipients.
                probability: 1.0,
            });
        }
        shares.push(Share {
            outcome: "sends were to all".to_owned(),
            count: to_all,
            draws: sends,
            probability: probabilities.to_all,
        });
        shares
    }

    /// The share of sends to `machine` (not counting sends to all) among all sends of the machines that may send to it. `None` if no
    /// machine may send to it.
    fn share_to(&self, machine: usize) -> Option<Share> {
        let senders: Vec<usize> = (0..self.sends.len())
            .filter(|&sender| self.model.may_send(sender, machine))
            .collect();
        let neighbours = self.model.neighbours(*senders.first()?);
        // In every topology, all machines that may send to a given machine have equally many neighbours. So each of them sends to it with
        // the same probability.
        debug_assert!(
            senders
                .iter()
                .all(|&sender| self.model.neighbours(sender) == neighbours)
        );
        Some(Share {
            outcome: format!("sends of other machines went to machine {machine}, but not to all"),
            count: self.by_recipient[machine],
            draws: senders.iter().map(|&sender| self.sends[sender]).sum(),
            probability: self.model.send_probabilities(neighbours).to_each,
        })
    }
}

impl Share {
    /// Computes n D of the formula at the top of this file. It is 0 if the share equals the probability or if there are no draws. A share
    /// with a large n D is improbable, because of the bound 2 exp(-n D).
    fn surprise(&self) -> f64 {
        if self.draws == 0 {
            return 0.0;
        }
        let n = self.draws as f64;
        let share = self.count as f64 / n;
        // q ln(q / p) has the limit 0 as q goes to 0, but the formula would give NaN.
        let term = |q: f64, p: f64| if q == 0.0 { 0.0 } else { q * (q / p).ln() };
        let relative_entropy =
            term(share, self.probability) + term(1.0 - share, 1.0 - self.probability);
        n * relative_entropy
    }

    /// Describes the share, for the message about a violation.
    fn describe(&self, configuration: &str) -> String {
        let Self {
            outcome,
            count,
            draws,
            probability,
        } = self;
        format!(
            "{configuration}, all runs together: {count} of {draws} {outcome}. This is a share of {:.4}; {probability:.4} was expected",
            *count as f64 / *draws as f64
        )
    }
}

impl EventFrequencies {
    /// Counts the events of the run with this index among the audited runs.
    pub(super) fn count(&mut self, run_index: usize, setup: &Setup, log: &Log) {
        // The text of the configuration is copied only if it is new.
        let counts = match self.0.get_mut(&setup.configuration) {
            Some(counts) => counts,
            None => self
                .0
                .entry(setup.configuration.clone())
                .or_insert_with(|| Counts::new(run_index, setup)),
        };
        counts.first_run = counts.first_run.min(run_index);
        counts.count(log);
    }

    /// Adds the counts of other runs.
    pub(super) fn add(&mut self, other: Self) {
        for (configuration, counts) in other.0 {
            match self.0.get_mut(&configuration) {
                Some(own) => own.add(&counts),
                None => drop(self.0.insert(configuration, counts)),
            }
        }
    }

    /// Checks [`Check::InternalShare`] and [`Check::Recipients`].
    pub(super) fn check(&self, tally: &mut Tally) {
        let all_shares = self.0.values().map(Counts::tested_shares).sum();
        for (configuration, counts) in &self.0 {
            counts.check(configuration, all_shares, tally);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surprise(count: u64, draws: u64, probability: f64) -> f64 {
        Share {
            outcome: String::new(),
            count,
            draws,
            probability,
        }
        .surprise()
    }

    #[test]
    fn surprise_is_infinite_for_an_impossible_share_and_0_for_the_expected_share() {
        assert_eq!(surprise(1, 10, 0.0), f64::INFINITY);
        assert_eq!(surprise(9, 10, 1.0), f64::INFINITY);
        assert_eq!(surprise(0, 10, 0.0), 0.0);
        assert_eq!(surprise(10, 10, 1.0), 0.0);
        assert_eq!(surprise(0, 0, 0.3), 0.0);
        assert_eq!(surprise(7, 10, 0.7), 0.0);
    }

    /// Let p be the probability of an outcome in one draw. The probability that all of n draws have this outcome is p^n. In this case
    /// Chernoff's bound exp(-n D) is exact, so n D = n ln(1 / p). The probability that no draw has the outcome is (1 - p)^n. The bound is
    /// exact here too, so n D = n ln(1 / (1 - p)).
    #[test]
    fn the_bound_is_the_exact_probability_if_all_or_no_draws_have_the_outcome() {
        assert!((surprise(20, 20, 0.5) - 20.0 * 2f64.ln()).abs() < 1e-9);
        assert!((surprise(0, 20, 0.1) - 20.0 * (1.0 / 0.9f64).ln()).abs() < 1e-9);
    }
}
