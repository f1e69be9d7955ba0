//! Sentences for a paper about the number of runs, and about the programs and computers that made the runs.

use sim::log::{JournalRow, Provenance};
use sim::sweep::words::{grouped, micros_in_words};

use super::{distinct, listed, range_in_words};
use crate::output::table::number;
use crate::output::words::counted;
use crate::read::configurations::Configurations;
use crate::read::dataset::Dataset;

/// The sentences about the finished runs of `dataset`. `conditions` are the conditions of `--where`, by which these runs were chosen.
pub(super) fn sentences(
    dataset: &Dataset,
    configurations: &Configurations<'_>,
    conditions: &[String],
) -> Vec<String> {
    let mut sentences = vec![run_counts(dataset, configurations)];
    if !conditions.is_empty() {
        let conditions: Vec<String> = conditions.iter().map(|one| format!("`{one}`")).collect();
        sentences.push(format!("Only runs with {} are used.", listed(&conditions)));
    }
    sentences.extend(not_used(dataset));
    if dataset.manifest().imported.is_none() {
        sentences.push(format!(
            "All random draws come from the seed {}; each machine of each run has its own stream of random numbers (ChaCha8).",
            dataset.manifest().experiment.seed
        ));
        sentences.push(engine(dataset));
        sentences.push(origin(dataset));
        sentences.extend(punctuality(dataset));
    }
    sentences
}

/// The sentence about how many configurations, repetitions, runs and events there are. For example: "The dataset has 2 configurations with
/// 3 repetitions each: 6 finished runs with 1,140 events."
fn run_counts(dataset: &Dataset, configurations: &Configurations<'_>) -> String {
    let runs = dataset.finished();
    // How many runs each configuration has. `first_runs` has one entry for each configuration. `numbers` has one entry for each run: the
    // index of the run's configuration.
    let mut repetitions = vec![0_u32; configurations.first_runs().len()];
    for &configuration in configurations.numbers() {
        repetitions[configuration as usize] += 1;
    }
    let events: u64 = runs.iter().map(|run| run.events).sum();
    let each = match repetitions.len() {
        1 => "",
        _ => " each",
    };
    // Whether each configuration has a single run. Then the sentence says `1 run`, not `1 repetitions`.
    let is_once = repetitions.iter().all(|&count| count == 1);
    format!(
        "The dataset has {} with {} {}{each}: {} with {}.",
        counted(repetitions.len(), "configuration"),
        range_in_words(repetitions.iter().map(|&count| f64::from(count))),
        if is_once { "run" } else { "repetitions" },
        counted(runs.len(), "finished run"),
        counted(events as usize, "event")
    )
}

/// How many runs are not used, and why. `None` if all runs are used.
fn not_used(dataset: &Dataset) -> Option<String> {
    let counts = [
        (dataset.failed(), "failed"),
        (dataset.to_do() as usize, "not made yet"),
        (dataset.left_out().len(), "not punctual"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = counts
        .map(|(count, what)| format!("{} {what}", grouped(*count as u64)))
        .collect();
    (!words.is_empty()).then(|| format!("Not used: {}.", words.join(", ")))
}

/// The sentences about the engine, about whether machines shared a process, and about the time scale (model seconds per second of real
/// time).
fn engine(dataset: &Dataset) -> String {
    // The isolation says whether each machine was a process of its own.
    let kind = |run: &JournalRow| (run.isolation.clone(), run.time_scale);
    let kinds = distinct(dataset.finished().iter().map(kind));
    if dataset.is_virtual() {
        return "The runs were simulated in virtual time: each tick happens exactly when it is due, and each message arrives exactly after its delay, \
                so every run is punctual."
            .to_owned();
    }
    let is_process = |(isolation, _): &(String, f64)| isolation == "process";
    let in_all_runs = kinds.iter().all(is_process);
    let in_some_runs = kinds.iter().any(is_process);
    let processes = match (in_all_runs, in_some_runs) {
        (true, _) => "each machine was a process of its own",
        (false, true) => {
            "in some runs each machine was a process of its own, the other runs shared a process"
        }
        (false, false) => "runs shared a process",
    };
    let scales = kinds.iter().map(|(_, time_scale)| *time_scale);
    format!(
        "The machines ran in real time and exchanged messages over real TCP connections on one computer; {processes}. A second of real time had {} s of \
         model time.",
        range_in_words(scales)
    )
}

/// The sentence about the versions of the program, the dates and the computers.
fn origin(dataset: &Dataset) -> String {
    // A sweep is one execution of `sim run`.
    let sweeps: Vec<&Provenance> = dataset
        .manifests()
        .flat_map(|manifest| &manifest.sweeps)
        .collect();
    let versions = distinct(
        sweeps
            .iter()
            .map(|sweep| format!("{} (commit {})", sweep.tool_version, sweep.git_commit)),
    );
    let day = |sweep: &&Provenance| {
        sweep
            .started_at
            .split('T')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let mut days = distinct(sweeps.iter().map(day));
    days.sort();
    let days = match &days[..] {
        [first, .., last] => format!("from {first} to {last}"),
        // A single day.
        days => format!("on {}", days.concat()),
    };
    format!(
        "The runs were made by `sim` {} {days} on {}.",
        listed(&versions),
        listed(&computers(&sweeps))
    )
}

/// The computers on which the runs were made, in words. Computers with the same equipment are described together:
/// `2 computers, each with ...`.
fn computers(sweeps: &[&Provenance]) -> Vec<String> {
    let computers = distinct(
        sweeps
            .iter()
            .map(|sweep| (sweep.host.as_str(), equipment(sweep))),
    );
    let kinds = distinct(computers.iter().map(|(_, equipment)| equipment));
    let count = |kind: &String| {
        let has_kind = |(_, equipment): &&(&str, String)| equipment == kind;
        computers.iter().filter(has_kind).count()
    };
    let words = |kind: &String| match count(kind) {
        1 => format!("a computer with {kind}"),
        count => format!("{} computers, each with {kind}", grouped(count as u64)),
    };
    kinds.into_iter().map(words).collect()
}

/// The cores, the processor and the operating system of a computer.
fn equipment(sweep: &Provenance) -> String {
    format!(
        "{} ({}) and {}",
        counted(sweep.cores, "core"),
        sweep.cpu,
        sweep.os
    )
}

/// The sentences about how many runs were punctual. `None` for runs in virtual time.
fn punctuality(dataset: &Dataset) -> Option<String> {
    let runs = dataset.finished();
    let punctual = runs.iter().filter(|run| run.punctual).count();
    let largest = |value: fn(&JournalRow) -> f64| runs.iter().map(value).fold(0.0, f64::max);
    (!dataset.is_virtual()).then(|| {
        format!(
            "{} of {} ({} %) were punctual. In a punctual run, the lateness of the latest tick plus the travel time of the slowest message is less \
             than the run's margin (the shortest time between two ticks whose order can affect the events). Then no delay changes the order of \
             events. The latest tick of all runs was {} late, and the slowest message took {}.",
            grouped(punctual as u64),
            counted(runs.len(), "run"),
            number(100.0 * punctual as f64 / runs.len() as f64, 1),
            micros_in_words(largest(|run| run.lateness_max_us)),
            micros_in_words(largest(|run| run.latency_max_us))
        )
    })
}
