//! Sentences and facts of a report: what was run, what stands out, and how the dataset was made.

use sim::sweep::words::{grouped, micros_in_words};

use crate::measures;
use crate::output::table::number;
use crate::output::words::counted;
use crate::read::dataset::Dataset;
use crate::stats::estimate::Estimate;
use crate::stats::intervals::estimate_words;
use crate::stats::repetitions::Group;
use crate::theory::{Compared, PredictionComparison};

/// Names of facts and their values, such as `events` and `1,200`.
type Facts = Vec<(String, String)>;

fn fact(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// What was run, and how punctual it was.
pub(super) fn facts(dataset: &Dataset, groups: &[Group]) -> Facts {
    let runs = dataset.finished();
    // A group is one machine of one configuration. So there are as many configurations as groups of machine 0.
    let configurations = groups.iter().filter(|group| group.machine == 0).count();
    let events: u64 = runs.iter().map(|run| run.events).sum();
    let mut facts = vec![
        fact("runs", counted(runs.len(), "finished run")),
        fact("configurations", grouped(configurations as u64)),
        fact("events", grouped(events)),
    ];
    let not_counted = [
        (dataset.failed(), "failed"),
        (dataset.to_do() as usize, "not done yet"),
        (
            dataset.left_out().len(),
            "left out, because they are not punctual",
        ),
    ];
    for (count, what) in not_counted {
        if count > 0 {
            facts.push(fact(
                "not counted",
                format!("{} {what}", counted(count, "run")),
            ));
        }
    }
    facts.push(fact("punctuality", punctuality(dataset)));
    let warm_up = dataset.warm_up_s();
    if warm_up > 0.0 {
        facts.push(fact(
            "warm-up",
            format!("the first {warm_up} s of every run are ignored"),
        ));
    }
    facts
}

/// How many runs were punctual, and how large the delays were, in words.
fn punctuality(dataset: &Dataset) -> String {
    let runs = dataset.finished();
    if dataset.manifest().imported.is_some() {
        return "not known, because the logs come from another program".to_owned();
    }
    if dataset.is_virtual() {
        return "simulated time, so every run is punctual".to_owned();
    }
    let punctual = runs.iter().filter(|run| run.punctual).count();
    let largest =
        |read: fn(&sim::log::JournalRow) -> f64| runs.iter().map(read).fold(0.0, f64::max);
    format!(
        "{} of {} punctual; the latest tick was {} late, the slowest message took {}",
        grouped(punctual as u64),
        counted(runs.len(), "run"),
        micros_in_words(largest(|run| run.lateness_max_us)),
        micros_in_words(largest(|run| run.latency_max_us))
    )
}

/// The measures whose largest mean is reported: the name of the measure, the beginning of the sentence, and the unit (empty if the measure
/// has none).
const LARGEST: [(&str, &str, &str); 3] = [
    (
        "backlog_growth",
        "The queue that grows fastest grows by",
        "messages/s",
    ),
    (
        "lag_final",
        "The clock that is furthest behind at the end has a lag of",
        "",
    ),
    ("jump_mean", "The largest mean jump is", ""),
];

/// What stands out: the largest values, how many configurations have a growing queue, and how well theory fits.
pub(super) fn findings(compared: &[PredictionComparison<'_>]) -> Vec<String> {
    let mut sentences = vec![];
    for (name, words, unit) in LARGEST {
        let measure = measures::named(name);
        let estimates = compared
            .iter()
            .filter_map(|comparison| Some((comparison.group, comparison.group.estimate(measure)?)));
        let Some((group, estimate)) = estimates.max_by(|a, b| a.1.mean.total_cmp(&b.1.mean)) else {
            continue;
        };
        // Such as `0.505 ± 0.030`.
        let value = estimate_words(&estimate, measure.digits()).join(" ");
        let unit = if unit.is_empty() {
            String::new()
        } else {
            format!(" {unit}")
        };
        sentences.push(format!(
            "{words} {value}{unit}: {}.",
            machine_in_words(group)
        ));
    }
    sentences.extend(growing(compared));
    sentences.extend(agreement(compared));
    sentences
}

/// Which machine of which configuration a group is, in words.
fn machine_in_words(group: &Group) -> String {
    let configuration = &group.configuration;
    format!(
        "machine {} at {}/s, with rates {} and internal {}",
        group.machine,
        group.rate,
        configuration.rates,
        // One value, or one for each machine if the values differ.
        crate::read::runs::shown(&group.parameters, "internal")
    )
}

/// Says in how many configurations the queue of at least one machine grows. A queue grows if the 95 % interval of `backlog_growth` is above
/// 0. `compared` has one entry for each machine of each configuration. The entries of a configuration follow each other, machine 0 first.
fn growing(compared: &[PredictionComparison<'_>]) -> Option<String> {
    let measure = measures::named("backlog_growth");
    let grows = |estimate: Estimate| estimate.interval().is_some_and(|(low, _)| low > 0.0);
    // There is a sentence only if `backlog_growth` is known for at least one machine.
    let (mut configurations, mut growing, mut is_any_known) = (0_usize, 0_usize, false);
    // Whether the present configuration is counted in `growing`.
    let mut is_counted = false;
    for comparison in compared {
        if comparison.group.machine == 0 {
            configurations += 1;
            is_counted = false;
        }
        let estimate = comparison.group.estimate(measure);
        is_any_known |= estimate.is_some();
        if !is_counted && estimate.is_some_and(grows) {
            growing += 1;
            is_counted = true;
        }
    }
    is_any_known.then(|| {
        format!(
            "In {} of {}, the queue of at least one machine grows: the 95 % interval of its growth is above 0.",
            grouped(growing as u64),
            counted(configurations, "configuration")
        )
    })
}

/// Says how many of the predictions without a caveat agree with the measurements.
fn agreement(compared: &[PredictionComparison<'_>]) -> Option<String> {
    // One entry for each quantity of each machine. An entry has the predicted and the measured value, if they are known.
    let quantities = compared.iter().flat_map(PredictionComparison::compared);
    let without_caveat: Vec<Compared> = quantities
        .filter(|quantity| quantity.caveats.is_empty())
        .collect();
    // A z-score is the measured mean minus its prediction, in standard errors of the mean. With a single repetition there is no standard
    // error. If all measured values are equal, the standard error is 0. In both cases there is no z-score.
    let z_scores: Vec<f64> = without_caveat.iter().filter_map(Compared::z).collect();
    let near = z_scores.iter().filter(|z| z.abs() <= 2.0).count();
    (!z_scores.is_empty()).then(|| {
        format!(
            "Theory: {} without a caveat can be tested; {} % of the measured means are within two standard errors of their prediction.",
            counted(z_scores.len(), "prediction"),
            number(100.0 * near as f64 / z_scores.len() as f64, 1)
        )
    })
}

/// How the dataset was made.
pub(super) fn provenance(dataset: &Dataset) -> Facts {
    let manifest = dataset.manifest();
    let mut facts = vec![
        fact("dataset", dataset.label()),
        fact("folder", dataset.root().display().to_string()),
        // A hash of the values `name`, `shard`, `experiment` and `imported` in the manifest (the file `dataset.json`).
        fact("identity", manifest.identity.as_str()),
        fact("schema of the dataset", manifest.schema.to_string()),
        fact("seed", manifest.experiment.seed.to_string()),
        fact("engine", manifest.experiment.engine.as_str()),
        fact("time scale", manifest.experiment.time_scale.to_string()),
        fact("planned runs", grouped(manifest.experiment.runs)),
    ];
    if let Some(imported) = &manifest.imported {
        for file in &imported.files {
            facts.push(fact("imported from", file.path.as_str()));
        }
    }
    // Each sweep is one use of the command `sim run` that made runs of this dataset.
    for sweep in &manifest.sweeps {
        let words = format!(
            "{}, by version {} (commit {}) on {} ({}, {}, {}): {}",
            sweep.started_at,
            sweep.tool_version,
            sweep.git_commit,
            sweep.host,
            sweep.cpu,
            counted(sweep.cores, "core"),
            sweep.os,
            sweep.command
        );
        facts.push(fact("made", words));
    }
    facts.push(fact(
        "report made by",
        format!("analyze {}", env!("CARGO_PKG_VERSION")),
    ));
    facts
}
