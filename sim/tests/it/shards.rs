//! Tests of shards. `sim run --shard 2/3` makes the second of three parts of the runs, in a folder of its own. All shards together are
//! the whole experiment. A dataset cannot have shards of different experiments. It cannot have shards of two divisions of the same experiment
//! either, such as shard 1/2 (a half) and shard 2/3 (a third).

use std::fs;
use std::path::{Path, PathBuf};

use sim::engine::Control;
use sim::experiment::{Experiment, Shard};
use sim::log::{Dataset, Status};
use sim::sweep::{self, Options, Progress, Summary, SweepError};

use crate::support::{experiment, rows};

/// Four configurations with five repetitions: 20 runs.
const GRID: &str = "engine = \"virtual\"\nduration_s = 5\nrepetitions = 5\n[parameters]\nrates = [[1, 3], [2, 2]]\ninternal = [0.2, 0.7]";

/// Returns the experiment with only the runs of one shard.
fn shard(number: u32, of: u32) -> Experiment {
    let mut experiment = experiment(GRID);
    experiment.keep_shard(Shard { number, of });
    experiment
}

/// Makes the missing runs of `experiment` in the dataset `root`.
fn sweep(experiment: &Experiment, root: &Path) -> Result<Summary, SweepError> {
    let (control, mut progress) = (Control::default(), Progress::silent());
    sweep::run(
        experiment,
        root,
        &Options::default(),
        &control,
        &mut progress,
    )
}

/// Copies all files of a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

/// A temporary folder for datasets.
struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Returns the folder in which a test makes its shards. It is opened as one dataset.
    fn root(&self) -> PathBuf {
        self.folder.path().join("shards")
    }

    /// Checks that the shards cannot be opened as one dataset, and that the error message contains `said`.
    fn check_is_refused(&self, said: &str) {
        let refused = Dataset::open(&self.root()).expect_err("not one dataset");
        assert!(refused.to_string().contains(said), "{refused}");
    }
}

#[test]
fn all_shards_together_are_the_whole_experiment() {
    let fixture = Fixture::new();
    let whole = fixture.folder.path().join("whole");
    sweep(&experiment(GRID), &whole).expect("a sweep");
    let mut runs = 0;
    for number in 1..=3 {
        // Shard `number` is not made yet. The dataset has `runs` runs, from the earlier shards.
        let dataset = Dataset::open(&fixture.root());
        match number {
            1 => assert!(dataset.is_err(), "there is no dataset yet"),
            _ => {
                let dataset = dataset.expect("some shards");
                let missing: Vec<u32> = dataset
                    .missing_shards()
                    .iter()
                    .map(|shard| shard.number)
                    .collect();
                assert_eq!(missing, (number..=3).collect::<Vec<_>>());
                let status = Status::from_dataset(&dataset);
                assert_eq!((status.planned, status.done), (20, runs));
                assert_eq!(status.to_do, 20 - runs);
            }
        }
        runs += sweep(&shard(number, 3), &fixture.root())
            .expect("a sweep")
            .ok;
    }
    let dataset = Dataset::open(&fixture.root()).expect("a dataset");
    assert!(dataset.missing_shards().is_empty());
    assert_eq!((runs, dataset.planned()), (20, 20));
    assert_eq!(rows(&fixture.root()), rows(&whole));
    // A second sweep of a complete shard makes no run, and leaves none to do.
    let again = sweep(&shard(2, 3), &fixture.root()).expect("a sweep");
    assert_eq!((again.ok, again.left), (0, 0));
}

#[test]
fn one_shard_can_be_read_as_a_dataset() {
    let fixture = Fixture::new();
    let runs = sweep(&shard(2, 3), &fixture.root()).expect("a sweep").ok;
    let dataset = Dataset::open(&fixture.root().join("shard-2-of-3")).expect("a dataset");
    assert_eq!(dataset.planned(), runs);
    assert_eq!(Status::from_dataset(&dataset).to_do, 0);
}

#[test]
fn a_dataset_cannot_be_continued_with_another_number_of_shards() {
    let fixture = Fixture::new();
    sweep(&shard(1, 2), &fixture.root()).expect("a sweep");
    let whole = fixture.folder.path().join("whole");
    sweep(&experiment(GRID), &whole).expect("a sweep");
    for (refused, said) in [
        (
            sweep(&shard(1, 3), &fixture.root()),
            "is divided into 2 shards, so it cannot be divided into 3 shards too; continue with --shard 1/2",
        ),
        (
            sweep(&experiment(GRID), &fixture.root()),
            "is divided into 2 shards; continue with --shard 1/2",
        ),
        (
            sweep(&shard(1, 2), &whole),
            "contains a dataset that is not split into shards; continue without --shard",
        ),
    ] {
        let error = refused.expect_err("refused").to_string();
        assert!(error.contains(said), "{error}");
    }
    assert!(!fixture.root().join("shard-1-of-3").exists());
    assert!(!whole.join("shard-1-of-2").exists());
}

#[test]
fn another_experiments_shards_are_refused() {
    let fixture = Fixture::new();
    sweep(&shard(1, 2), &fixture.root()).expect("a sweep");
    let mut other = experiment(&GRID.replace("duration_s = 5", "duration_s = 6"));
    other.keep_shard(Shard { number: 2, of: 2 });
    let refused = sweep(&other, &fixture.root())
        .expect_err("refused")
        .to_string();
    assert!(
        refused.contains("duration_s: 5 in the dataset, 6 in the experiment"),
        "{refused}"
    );
    // In another folder, the same shard can be made. But if it is then copied beside the shard of the first experiment, the two cannot be
    // opened as one dataset.
    let elsewhere = fixture.folder.path().join("elsewhere");
    sweep(&other, &elsewhere).expect("a sweep");
    copy(
        &elsewhere.join("shard-2-of-2"),
        &fixture.root().join("shard-2-of-2"),
    );
    fixture.check_is_refused("are not shards of the same experiment:\n  duration_s");
}

#[test]
fn overlapping_and_renamed_shards_are_refused() {
    let fixture = Fixture::new();
    sweep(&shard(1, 2), &fixture.root()).expect("a sweep");
    let folder = |name: &str| fixture.root().join(name);
    // Two folders with the same shard.
    copy(&folder("shard-1-of-2"), &folder("shard-2-of-2"));
    fixture.check_is_refused(
        "shard-2-of-2 contains shard 1/2, but the folder has the name of another shard",
    );
    // Now one folder has the name of shard 1/2, and the other the name of shard 1/4. These names alone cause the error.
    // The contents of the folders are not read.
    fs::rename(folder("shard-2-of-2"), folder("shard-1-of-4")).expect("renamed");
    fixture.check_is_refused(
        "is divided both into 2 and into 4 shards, so some runs would count twice",
    );
    fs::remove_dir_all(folder("shard-1-of-4")).expect("removed");
    // An empty folder is not refused. It stands for a shard that has not started.
    fs::create_dir(folder("shard-2-of-2")).expect("a folder");
    let dataset = Dataset::open(&fixture.root()).expect("a dataset");
    assert_eq!(dataset.missing_shards(), [Shard { number: 2, of: 2 }]);
}
