//! The averages below the rows of a contrast. Each row compares a machine of one configuration with a machine of another configuration (a
//! pair). For each dataset with several rows, there is an average: the mean of their differences, with its interval.

use std::collections::BTreeSet;

use super::{Contrast, Pair, datasets};
use crate::error::Error;
use crate::measures::Measure;
use crate::stats::difference::Difference;
use crate::stats::repetitions::{Group, Repetitions};

/// The data from which the intervals of averages are calculated.
#[derive(Clone, Copy)]
pub struct AllRuns<'d> {
    /// The values of each run.
    pub repetitions: &'d Repetitions<'d>,
    /// The groups of `repetitions`. A group has the values of one machine in all runs of one configuration. There is a group for each
    /// machine that the user chose with --where.
    pub groups: &'d [Group],
}

/// The average over the pairs of a dataset.
pub(super) struct Average<'g> {
    pub(super) dataset: &'g str,
    /// For each measure, the mean difference.
    pub(super) differences: Vec<Option<Difference>>,
}

/// The average of each dataset that has more than one pair.
pub(super) fn dataset_averages<'g>(
    contrast: &Contrast,
    pairs: &[Pair<'g>],
    measures: &[&Measure],
    all_runs: Option<AllRuns<'_>>,
) -> Result<Vec<Average<'g>>, Error> {
    let mut found = vec![];
    for dataset in datasets(pairs) {
        let is_of_dataset = |pair: &&Pair<'_>| pair.a.dataset == dataset;
        let pairs: Vec<Pair<'_>> = pairs.iter().filter(is_of_dataset).copied().collect();
        if pairs.len() > 1 {
            found.push(Average {
                dataset,
                differences: averages(contrast, &pairs, measures, all_runs)?,
            });
        }
    }
    Ok(found)
}

/// Number of machines that both configurations of a pair have. (One can have more machines than the other in a contrast of `rates`.)
fn common_machines(pair: &Pair<'_>) -> u32 {
    let machines = |group: &Group| group.configuration.rates.machines();
    machines(pair.a).min(machines(pair.b))
}

/// For each measure, the average of the differences of `pairs`, which belong to one dataset. `None` if no pair has a difference. In
/// three cases the average has no interval, even if the differences have intervals:
///
/// - A machine has no value in one of the runs.
/// - `all_runs` is `None`.
/// - --where chooses a machine in only one of two compared configurations, or in only some of their runs. For example, in a contrast of
///   `internal`, the condition `machine = 0 or (machine = 1 and internal = 0.4)` chooses machine 1 in only one configuration.
fn averages(
    contrast: &Contrast,
    pairs: &[Pair<'_>],
    measures: &[&Measure],
    all_runs: Option<AllRuns<'_>>,
) -> Result<Vec<Option<Difference>>, Error> {
    let run_means = match all_runs {
        Some(all_runs) => run_means(pairs, all_runs.repetitions)?,
        None => vec![],
    };
    let configuration_pairs =
        all_runs.and_then(|all_runs| weighted_pairs(contrast, pairs, &run_means, all_runs.groups));
    let average = |measure: &&Measure| {
        let differences = pairs.iter().filter_map(|pair| pair.difference(measure));
        let mean_differences: Vec<f64> = differences.map(|difference| difference.mean).collect();
        let has_all_values = |group: &Group| {
            let estimate = group.estimate(measure);
            estimate.is_some_and(|estimate| estimate.n == group.n)
        };
        let difference_and_weight = |(pair, row_count): &(Pair<'_>, usize)| {
            let is_complete = has_all_values(pair.a) && has_all_values(pair.b);
            let difference = pair.difference(measure).filter(|_| is_complete);
            Some((difference?, *row_count as f64))
        };
        // `None` if there are no weighted pairs, or if one of them is not complete.
        let differences: Option<Vec<(Difference, f64)>> = configuration_pairs
            .as_ref()
            .and_then(|found| found.iter().map(difference_and_weight).collect());
        match differences
            .as_deref()
            .and_then(Difference::weighted_average)
        {
            Some(average) => Some(average),
            None if mean_differences.is_empty() => None,
            None => {
                let mean = mean_differences.iter().sum::<f64>() / mean_differences.len() as f64;
                Some(Difference::without_interval(mean))
            }
        }
    };
    Ok(measures.iter().map(average).collect())
}

/// Makes groups that combine the machines of each run. Of two configurations with the rates 1,3,6 and 1,3, only the first two machines can
/// be compared: `k` is 2. In a group for `k`, each run has one value: the mean over the first `k` of the machines that the user chose with
/// --where. Different rows can have a different `k`. For each `k` that occurs, the result has this `k` and a group for each
/// configuration.
fn run_means(
    pairs: &[Pair<'_>],
    repetitions: &Repetitions<'_>,
) -> Result<Vec<(u32, Vec<Group>)>, Error> {
    let machine_counts: BTreeSet<u32> = pairs.iter().map(common_machines).collect();
    machine_counts
        .into_iter()
        .map(|k| Ok((k, repetitions.run_means(k)?)))
        .collect()
}

/// Puts the rows of the same two configurations together. Each of `rows` compares a machine of side A with a machine of side B. The result has one
/// pair for each configuration of A and the configuration of B with which it is compared, and a weight: the number of rows that compare
/// their machines. The two groups of such a pair are from `run_means`.
///
/// The result is `None` if a value in `run_means` includes a machine that has no row. This happens if the user chose a machine (with
/// --where) in only one of two compared configurations. The result is also `None` if the user did not choose the same machines in all runs
/// of a configuration, as with `machine = 0 or (machine = 1 and run < 5)`. `chosen_machines` has, for each configuration, one group for
/// each machine that the user chose.
fn weighted_pairs<'g>(
    contrast: &Contrast,
    rows: &[Pair<'_>],
    run_means: &'g [(u32, Vec<Group>)],
    chosen_machines: &[Group],
) -> Option<Vec<(Pair<'g>, usize)>> {
    let mut found = vec![];
    for (k, groups) in run_means {
        let all_pairs = contrast.find_pairs(groups).into_iter();
        let is_wanted =
            |pair: &Pair<'_>| common_machines(pair) == *k && pair.a.dataset == rows[0].a.dataset;
        for pair in all_pairs.filter(is_wanted) {
            let is_row_of_pair = |row: &&Pair<'_>| {
                row.a.is_of_same_configuration(pair.a) && row.b.is_of_same_configuration(pair.b)
            };
            let row_count = rows.iter().filter(is_row_of_pair).count();
            let is_complete = |group: &Group| {
                let machines = chosen_machines.iter();
                let machines = machines.filter(|machine| machine.is_of_same_configuration(group));
                let machines: Vec<&Group> = machines.collect();
                // No machine has two rows. So if there are as many rows as machines in the mean, each of these machines has a row.
                let each_machine_has_a_row = machines.len().min(*k as usize) == row_count;
                // `group.n` is the number of runs in which at least one machine was chosen.
                let all_runs_have_the_same_machines =
                    machines.iter().all(|machine| machine.n == group.n);
                each_machine_has_a_row && all_runs_have_the_same_machines
            };
            if row_count > 0 {
                if !is_complete(pair.a) || !is_complete(pair.b) {
                    return None;
                }
                found.push((pair, row_count));
            }
        }
    }
    // The `machine` of a group in `run_means` is its first chosen machine. If the user chose machines 0 and 1 in one configuration, but
    // only machine 1 in the other, the two groups have different machines, and `find_pairs` does not pair them. Then the row of machine 1
    // was not counted above, and the result is `None`.
    let rows_found: usize = found.iter().map(|(_, row_count)| row_count).sum();
    (rows_found == rows.len()).then_some(found)
}
