//! Tests of extended experiments: an experiment gets more repetitions or values, and a sweep (one start of `sim run`) with the same
//! dataset makes only the new runs. Existing runs stay as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sim::engine::Control;
use sim::experiment::{Experiment, Overrides, Shard};
use sim::log::{Dataset, JournalRow};
use sim::sweep::{self, Options, Progress, Summary};

use crate::support::experiment;

/// Returns the text of an experiment in virtual time with two rate sets. `internal` is one number or a list such as `[0.2, 0.7]`.
fn grid(repetitions: u32, internal: &str) -> String {
    format!(
        "engine = \"virtual\"\nduration_s = 5\nrepetitions = {repetitions}\n[parameters]\nrates = [[1, 3], [2, 2]]\ninternal = {internal}"
    )
}

/// Makes the runs of the experiment `text` that are missing in the dataset `root`. With a `shard`, makes only the missing runs of this
/// shard, in the shard's own folder in `root`.
fn sweep(root: &Path, text: &str, shard: Option<Shard>) -> Summary {
    let mut experiment = experiment(text);
    if let Some(shard) = shard {
        experiment.keep_shard(shard);
    }
    let (control, mut progress) = (Control::default(), Progress::silent());
    sweep::run(
        &experiment,
        root,
        &Options::default(),
        &control,
        &mut progress,
    )
    .expect("a sweep")
}

/// Returns a map with the number and the events of each finished run. The keys of the map are the runs' keys: a run's key is a text of its
/// parameters and its repetition. The events are rows without their first cell, because this cell is the run's number.
fn runs(root: &Path) -> BTreeMap<String, (u64, String)> {
    let dataset = Dataset::open(root).expect("a dataset");
    let log = |row: &JournalRow| {
        let text = String::from_utf8(dataset.read_events(row).expect("events")).expect("text");
        let unnumbered = text.lines().map(|line| {
            let (run, rest) = line.split_once(',').expect("a row");
            assert_eq!(run, row.run.to_string());
            rest
        });
        unnumbered.collect::<Vec<_>>().join("\n")
    };
    let runs: BTreeMap<_, _> = dataset
        .finished()
        .map(|row| (row.key.clone(), (row.run, log(row))))
        .collect();
    assert_eq!(
        runs.len(),
        dataset.attempted().len(),
        "a run has failed, or has several rows"
    );
    runs
}

/// Returns the events of each run by its key. Unlike [`runs`], the result does not depend on the runs' numbers.
fn logs(root: &Path) -> BTreeMap<String, String> {
    let without_number = |(key, (_, log))| (key, log);
    runs(root).into_iter().map(without_number).collect()
}

#[test]
fn only_new_runs_are_made_and_old_ones_keep_their_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("grown");
    // Repetitions, values of `internal`, and the number of new runs. With two rate sets, there are 2 * repetitions * values runs in all:
    // first 8, then 12, 18 and 32.
    let steps = [
        (2, "[0.2, 0.7]", 8),
        (3, "[0.2, 0.7]", 4),
        // The new value is in the middle of the list. The old runs keep their numbers all the same.
        (3, "[0.2, 0.5, 0.7]", 6),
        (4, "[0.9, 0.7, 0.5, 0.2]", 14),
    ];
    let mut before = BTreeMap::new();
    for (repetitions, internal, new_runs) in steps {
        let summary = sweep(&root, &grid(repetitions, internal), None);
        // `left` is the number of runs that were to do but were not made.
        assert_eq!((summary.ok, summary.left), (new_runs, 0), "{internal}");
        let after = runs(&root);
        for (key, run) in &before {
            assert_eq!(after.get(key), Some(run));
        }
        before = after;
    }
    let mut numbers: Vec<u64> = before.values().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..32).collect::<Vec<_>>());
    // A dataset that was made in a single sweep, with the last experiment, has the same events.
    let at_once = folder.path().join("at-once");
    sweep(&at_once, &grid(4, "[0.9, 0.7, 0.5, 0.2]"), None);
    assert_eq!(logs(&root), logs(&at_once));
    let manifest = Dataset::open(&root).expect("a dataset").manifest().clone();
    assert_eq!(manifest.experiment.runs, 32);
    assert_eq!(manifest.sweeps.len(), steps.len());
    let copy = fs::read_to_string(root.join("experiment.toml")).expect("a copy");
    assert!(copy.ends_with("[0.9, 0.7, 0.5, 0.2]"), "{copy}");
}

#[test]
fn fewer_repetitions_keep_existing_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    sweep(folder.path(), &grid(3, "0.2"), None);
    let before = runs(folder.path());
    let summary = sweep(folder.path(), &grid(1, "0.2"), None);
    assert_eq!((summary.ok, summary.left), (0, 0));
    assert_eq!(runs(folder.path()), before);
    // Three of the four repetitions exist. A repetition has two runs, one for each rate set.
    let summary = sweep(folder.path(), &grid(4, "0.2"), None);
    assert_eq!((summary.ok, summary.left), (2, 0));
}

/// Two equal datasets, `grown` and `cut`. The dataset `cut` loses the last bytes of its journal (`runs.csv`, a row for each ended run), as
/// if its second sweep had been interrupted. When the sweep is repeated, every run gets the same number and events as in `grown`.
#[test]
fn an_interrupted_extension_is_resumed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (grown, cut) = (folder.path().join("grown"), folder.path().join("cut"));
    for root in [&grown, &cut] {
        sweep(root, &grid(2, "0.2"), None);
        sweep(root, &grid(3, "[0.2, 0.5]"), None);
    }
    let journal = fs::read(cut.join("runs.csv")).expect("a journal");
    // A row has about 300 bytes. So the last two rows are lost, and a part of the row before them.
    let last_rows_bytes = 700;
    let journal = &journal[..journal.len() - last_rows_bytes];
    fs::write(cut.join("runs.csv"), journal).expect("cut");
    let summary = sweep(&cut, &grid(3, "[0.2, 0.5]"), None);
    // `recovered` says which unfinished data the sweep has removed.
    assert!(summary.ok > 0 && !summary.recovered.is_empty());
    assert_eq!(runs(&grown), runs(&cut));
}

/// A dataset in shards has the same run numbers as the undivided dataset, even if one shard skips an extension and another shard has no
/// runs before the last extension.
#[test]
fn extended_shards_agree_on_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, whole) = (folder.path().join("shards"), folder.path().join("whole"));
    let shard = |number| Some(Shard { number, of: 3 });
    let (small, middle, large) = (
        grid(2, "0.2"),
        grid(2, "[0.2, 0.5]"),
        grid(3, "[0.9, 0.2, 0.5]"),
    );
    sweep(&root, &small, shard(1));
    sweep(&root, &small, shard(2));
    sweep(&root, &middle, shard(1));
    // The second shard is extended from `small` directly to `large`. The third shard has no runs before `large`.
    for number in [2, 3, 1] {
        sweep(&root, &large, shard(number));
    }
    for text in [&small, &middle, &large] {
        sweep(&whole, text, None);
    }
    assert_eq!(runs(&root), runs(&whole));
}

/// Schema 3 is an earlier version of the format of datasets. In its journal, the columns `as_scheduled` and `rejected_connections` have
/// their old names, `in_order` and `strangers`. An extension adds rows, but leaves these names as they are.
#[test]
fn a_dataset_of_schema_3_can_be_extended() {
    let folder = tempfile::tempdir().expect("a folder");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema-3/virtual");
    for file in [
        "dataset.json",
        "events-0000.csv",
        "experiment.toml",
        "runs.csv",
    ] {
        fs::copy(from.join(file), folder.path().join(file)).expect("copied");
    }
    let before = runs(folder.path());
    let text = fs::read_to_string(from.join("experiment.toml")).expect("a file");
    let more = text.replace("repetitions = 2", "repetitions = 3");
    let experiment = Experiment::parse(&more, "virtual.toml".as_ref(), Overrides::default())
        .expect("an experiment");
    let (control, mut progress) = (Control::default(), Progress::silent());
    let options = Options::default();
    let summary = sweep::run(
        &experiment,
        folder.path(),
        &options,
        &control,
        &mut progress,
    );
    // The experiment has 8 configurations. Each of them gets one more repetition.
    assert_eq!(summary.expect("a sweep").ok, 8);
    let after = runs(folder.path());
    assert_eq!((before.len(), after.len()), (16, 24));
    for (key, run) in &before {
        assert_eq!(after.get(key), Some(run), "{key}");
    }
    // In the old rows, column `margin_us` has only a lower limit of the run's margin. In the new rows it has the true margin. From the
    // schema `SCHEMA_OF_TRUE_MARGINS` on, all rows must have true margins. So the extended dataset gets the schema before it.
    let dataset = Dataset::open(folder.path()).expect("a dataset");
    assert_eq!(
        dataset.manifest().schema,
        sim::log::SCHEMA_OF_TRUE_MARGINS - 1
    );
    let journal = fs::read_to_string(folder.path().join("runs.csv")).expect("a journal");
    let header = journal.lines().next().expect("a header");
    assert!(header.contains(",in_order,strangers,"), "{header}");
    // A new dataset with all runs has the same events.
    let anew = folder.path().join("anew");
    let options = Options::default();
    sweep::run(&experiment, &anew, &options, &control, &mut progress).expect("a sweep");
    assert_eq!(logs(&anew), logs(folder.path()));
}

/// The beginning of a table that gives more repetitions to the configurations with the rates 2 and 2. A test appends the number of
/// repetitions.
const REPEAT: &str = "\n[[repeat]]\nrates = [2, 2]\nrepetitions = ";

/// Returns how many runs each configuration has, ordered by rates and then by `internal`.
fn counts(root: &Path) -> Vec<usize> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for key in runs(root).keys() {
        let (configuration, _) = key.rsplit_once(" repetition=").expect("a repetition");
        *counts.entry(configuration.to_owned()).or_default() += 1;
    }
    counts.into_values().collect()
}

#[test]
fn some_configurations_have_more_repetitions_and_old_runs_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("grown");
    let grid_with = |more: &str| grid(2, "[0.2, 0.7]") + more;
    let repeat_3 = format!("{REPEAT}3\n");
    // The experiment, the number of new runs, and the number of runs of each configuration.
    let steps = [
        (grid_with(""), 8, [2, 2, 2, 2]),
        (grid_with(&repeat_3), 2, [2, 2, 3, 3]),
        // If several tables `[[repeat]]` match a configuration, the largest number counts: here 5 for `internal` = 0.7, and 3 for 0.2. The
        // table with the number 1 changes nothing, because every configuration has at least 2 repetitions anyway.
        (
            grid_with(&format!(
                "{REPEAT}5\ninternal = 0.7\n{REPEAT}3\n{REPEAT}1\n"
            )),
            2,
            [2, 2, 3, 5],
        ),
        // Now 3 runs of each configuration are planned. So each of the first two configurations gets a new run. The last configuration
        // keeps its 5 runs.
        (grid(3, "[0.2, 0.7]") + &repeat_3, 2, [3, 3, 3, 5]),
    ];
    let mut before = BTreeMap::new();
    for (text, new_runs, wanted) in steps {
        let summary = sweep(&root, &text, None);
        assert_eq!((summary.ok, summary.left), (new_runs, 0), "{text}");
        let after = runs(&root);
        for (key, run) in &before {
            assert_eq!(after.get(key), Some(run));
        }
        before = after;
        assert_eq!(counts(&root), wanted);
        assert_eq!(Dataset::open(&root).expect("a dataset").to_do(), 0);
    }
    // If a single sweep makes the same repetitions (3, 3, 3 and 5), the events are the same.
    let at_once = folder.path().join("at-once");
    let text = grid(3, "[0.2, 0.7]") + REPEAT + "5\ninternal = 0.7\n";
    sweep(&at_once, &text, None);
    assert_eq!(logs(&at_once), logs(&root));
}

#[test]
fn shards_share_the_additional_repetitions() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("shards");
    let text = grid(2, "[0.2, 0.7]") + REPEAT + "5\n";
    for number in 1..=3 {
        sweep(&root, &text, Some(Shard { number, of: 3 }));
        let dataset = Dataset::open(&root).expect("a dataset");
        // 14 runs: two configurations with 2 repetitions each, and two with 5 each.
        assert_eq!(dataset.planned(), 14);
        assert_eq!(dataset.to_do(), 14 - dataset.finished().count() as u64);
    }
    assert_eq!(counts(&root), [2, 2, 5, 5]);
}
