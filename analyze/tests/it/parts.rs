//! Tests of the folder `processed/events/`, into which `analyze export` writes the events in parts. A part is a Parquet file with all
//! events of one run or of several runs. A later export keeps a part if none of its runs has changed. It writes new parts for the runs
//! that are not in a kept part. If new parts are needed, small parts are not kept. Other programs can read the folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use analyze::Dataset;
use analyze::error::Error;
use analyze::export::Additions;
use analyze::export::{PartCount, export};
use polars::prelude::*;
use polars_io::parquet::read::ParquetReader;
use polars_io::parquet::write::{KeyValueMetadata, ParquetWriter};
use sim::log::seal_journal;

use crate::exported::{files_in, read_parts};
use crate::fixture;
use crate::notebooks::{environment_with, run};

/// The number of events in each of the 6 runs of [`fixture::SMALL`]: 20 s with 1 + 3 + 6 ticks per second, and one event at each tick.
const EVENTS_PER_RUN: u64 = 200;

/// A dataset that seems to grow: its event file has all runs from the start, but its journal (`runs.csv`) can be cut to the rows of some
/// runs. Runs without a row do not count. The parts of its export have at most two runs.
struct Growing {
    folder: tempfile::TempDir,
    /// All lines of the journal, with the header.
    journal: Vec<String>,
}

impl Growing {
    fn new(experiment: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fixture::simulated(folder.path(), experiment);
        let journal = fs::read_to_string(folder.path().join("runs.csv")).unwrap();
        let journal = journal.lines().map(str::to_owned).collect();
        Self { folder, journal }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the parts.
    fn events(&self) -> PathBuf {
        self.root().join("processed/events")
    }

    /// Writes the journal with the rows of these runs only.
    fn with_runs(&self, runs: impl IntoIterator<Item = usize>) -> &Self {
        // Line 0 is the header.
        let rows = std::iter::once(0).chain(runs.into_iter().map(|run| run + 1));
        let rows = rows.map(|row| self.journal[row].as_str());
        let text = rows.collect::<Vec<_>>().join("\n") + "\n";
        fs::write(self.root().join("runs.csv"), text).unwrap();
        self
    }

    fn dataset(&self) -> Dataset {
        let mut dataset = Dataset::open(self.root()).unwrap();
        dataset.cache_measures().unwrap();
        dataset.limit_parts(2 * EVENTS_PER_RUN);
        dataset
    }

    /// Exports the dataset. Returns the number of all parts and the number of new parts.
    fn export(&self) -> (usize, usize) {
        export_parts(&self.dataset())
    }

    /// Requires that the parts contain every event once.
    fn require_complete(&self) {
        let by = ["run", "machine", "tick"];
        let events = read_parts(&self.events());
        let events = events.sort(by, SortMultipleOptions::default()).unwrap();
        let dataset = self.dataset();
        // The dataset is so small that its first batch has all runs.
        let all = dataset.batches().next().unwrap();
        assert!(events.equals_missing(&all.events().unwrap()));
    }

    /// For each part, the time at which it was written and its contents.
    fn state(&self) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
        let parts = files_in(&self.events()).into_iter();
        parts
            .map(|part| {
                let written = fs::metadata(&part).unwrap().modified().unwrap();
                let bytes = fs::read(&part).unwrap();
                (part, (written, bytes))
            })
            .collect()
    }

    /// Changes the events of the first `runs` runs, so that reading them fails with a checksum error.
    fn damage(&self, runs: usize) {
        let log = self.root().join("events-0000.csv");
        let whole = fs::read_to_string(&log).unwrap();
        let damaged = whole.split_inclusive('\n').enumerate().map(|(line, text)| {
            // Line 0 is the header.
            let is_damaged = (1..=runs * EVENTS_PER_RUN as usize).contains(&line);
            if is_damaged {
                text.replace(',', ";")
            } else {
                text.to_owned()
            }
        });
        fs::write(&log, damaged.collect::<String>()).unwrap();
    }
}

/// Exports the dataset. Returns the number of all parts and the number of new parts.
fn export_parts(dataset: &Dataset) -> (usize, usize) {
    // An export locks a file, and while the file is locked, other exports of the dataset are refused. The file can stay locked for a moment
    // after the export has ended: if another test starts a program during the export, the child process shares the lock until it executes
    // the program. So a refused export is repeated.
    let exported = loop {
        match export(dataset, Additions::default()) {
            Err(Error::Exporting { .. }) => std::thread::yield_now(),
            result => break result.unwrap(),
        }
    };
    let part_counts = exported.iter().filter_map(|output| output.parts);
    let [PartCount { all, written }] = part_counts.collect::<Vec<_>>()[..] else {
        panic!("an export writes one folder of parts");
    };
    (all, written)
}

#[test]
fn an_export_of_a_grown_sweep_adds_parts_and_reads_only_new_runs() {
    let small = Growing::new(fixture::SMALL);
    assert_eq!(small.with_runs(0..2).export(), (1, 1));
    let first = small.state();
    assert_eq!(small.export(), (1, 0));
    assert_eq!(small.state(), first);
    // The first two runs are in a part, so their events are not read again, and the damage to them is not noticed.
    small.with_runs(0..5).damage(2);
    // Two parts are new: one with the runs 2 and 3, and one with run 4.
    assert_eq!(small.export(), (3, 2));
    let second = small.state();
    assert!(
        first
            .iter()
            .all(|(path, part)| second.get(path) == Some(part))
    );
    // Run 5 is new. So the part with run 4, which is only half full, is replaced by a part with the runs 4 and 5.
    assert_eq!(small.with_runs(0..6).export(), (3, 1));
    let third = small.state();
    let unchanged = second
        .iter()
        .filter(|(path, part)| third.get(*path) == Some(*part));
    assert_eq!(unchanged.count(), 2);
}

/// A part may have up to 5 runs. If there are new runs, a part that is at most half full (1 or 2 runs) is not kept: its runs are written
/// again, together with the new ones. So each part has at least 3 runs, except perhaps the last one.
#[test]
fn repeated_exports_do_not_make_many_parts() {
    // Two configurations with 20 repetitions each: 40 runs.
    let experiment = fixture::SMALL.replace("repetitions = 3", "repetitions = 20");
    let grown = Growing::new(&experiment);
    // `dataset` is declared here because it is used after the loop too. This first value is never read.
    let mut dataset = grown.with_runs(0..1).dataset();
    for runs in 1..=40 {
        dataset = grown.with_runs(0..runs).dataset();
        dataset.limit_parts(5 * EVENTS_PER_RUN);
        let (all, written) = export_parts(&dataset);
        // One run is new. It is written to one part, perhaps together with the runs of a part that is not kept.
        assert!(all <= runs.div_ceil(3) && written == 1, "{runs}: {all}");
    }
    grown.require_complete();
    assert_eq!(export_parts(&dataset), (files_in(&grown.events()).len(), 0));
}

#[test]
fn parts_of_changed_and_removed_runs_are_written_again() {
    let mut small = Growing::new(fixture::SMALL);
    assert_eq!(small.export(), (3, 3));
    let first = small.state();
    // Tells for each part of the first export whether it is unchanged.
    let are_unchanged = |now: BTreeMap<_, _>| {
        let are_unchanged: Vec<bool> = first
            .iter()
            .map(|(path, part)| now.get(path) == Some(part))
            .collect();
        are_unchanged
    };
    // The row of run 2 (the third run) gets another time scale. Then the rows get new checksums.
    let other = small.journal[3].replace(",virtual,shared,1.0,", ",virtual,shared,2.0,");
    assert_ne!(other, small.journal[3]);
    small.journal[3] = other;
    let sealed = seal_journal(&(small.journal.join("\n") + "\n")).unwrap();
    small.journal = sealed.lines().map(str::to_owned).collect();
    assert_eq!(small.with_runs(0..6).export(), (3, 1));
    assert_eq!(are_unchanged(small.state()), [true, false, true]);
    small.require_complete();
    // The second part has the runs 2 and 3. Run 2 is removed, and after that run 3. Then no run of this part is left.
    assert_eq!(small.with_runs([0, 1, 3, 4, 5]).export(), (3, 1));
    assert_eq!(are_unchanged(small.state()), [true, false, true]);
    small.require_complete();
    assert_eq!(small.with_runs([0, 1, 4, 5]).export(), (2, 0));
    small.require_complete();
}

#[test]
fn an_export_of_all_runs_is_complete_after_an_export_of_some_runs() {
    let small = Growing::new(fixture::SMALL);
    small.export();
    let mut chosen = small.dataset();
    chosen
        .keep_where(&["internal=0.4".parse().unwrap()])
        .unwrap();
    // Only measures leave out the warm-up. The exported events include it.
    chosen.cut_warm_up(5.0).unwrap();
    export(&chosen, Additions::default()).unwrap();
    let events = read_parts(&small.events());
    assert_eq!(events.height() as u64, 3 * EVENTS_PER_RUN);
    let selected = chosen.batches().next().unwrap();
    assert!(events.equals_missing(&selected.events().unwrap()));
    small.export();
    small.require_complete();
}

#[test]
fn all_parts_are_written_again_without_a_cache_or_after_another_version() {
    let small = Growing::new(fixture::SMALL);
    small.export();
    let mut without_cache = Dataset::open(small.root()).unwrap();
    without_cache.limit_parts(2 * EVENTS_PER_RUN);
    assert_eq!(export_parts(&without_cache), (3, 3));
    // All parts get a footer with another version of the measures. The parts lose their checksums too, so there are two reasons to write
    // them again.
    for part in files_in(&small.events()) {
        let file = || File::open(&part).unwrap();
        let mut reader = ParquetReader::new(file());
        let footer = reader.get_metadata().unwrap().key_value_metadata.clone();
        let runs = footer
            .unwrap()
            .into_iter()
            .find(|entry| entry.key == "runs");
        let about = [
            ("measures_version", "0".to_owned()),
            ("runs", runs.unwrap().value.unwrap()),
        ];
        let about = about.map(|(key, value)| (key.to_owned(), value));
        let mut frame = ParquetReader::new(file()).finish().unwrap();
        fs::remove_file(&part).unwrap();
        ParquetWriter::new(File::create(&part).unwrap())
            .with_key_value_metadata(Some(KeyValueMetadata::from_static(about.to_vec())))
            .finish(&mut frame)
            .unwrap();
    }
    assert_eq!(small.export(), (3, 3));
    assert_eq!(small.export(), (3, 0));
}

#[test]
fn incomplete_parts_copies_and_old_files_do_not_remain() {
    let small = Growing::new(fixture::SMALL);
    small.export();
    // The second half of a part is missing.
    let part = &files_in(&small.events())[1];
    let bytes = fs::read(part).unwrap();
    fs::write(part, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(small.export(), (3, 1));
    small.require_complete();
    // With this copy, the folder contains the runs of the part twice, until the next export removes the copy.
    fs::copy(part, part.with_file_name("part-00009.parquet")).unwrap();
    small.export();
    small.require_complete();
    assert_eq!(files_in(&small.events()).len(), 3);
    // Earlier versions wrote this single file of all events.
    let single = small.root().join("processed/events.parquet");
    fs::write(&single, "stale").unwrap();
    assert_eq!(small.export(), (3, 0));
    assert!(!single.exists());
}

/// The second half of the file of events is damaged. Runs 4 and 5 are in a part already, so the export needs two new parts. It can write
/// the part with runs 0 and 1, because their events are in the first half. It cannot write the part with runs 2 and 3.
#[test]
fn an_export_that_fails_changes_nothing() {
    let small = Growing::new(fixture::SMALL);
    small.with_runs(4..6).export();
    let before = small.state();
    small.with_runs(0..6);
    let whole = fs::read(small.root().join("events-0000.csv")).unwrap();
    // This computes all measures before the damage, and keeps them in the cache. So the export needs events only for the parts, and the
    // error occurs when it writes parts.
    small.dataset().machines().unwrap();
    let half = whole.len() / 2;
    let damaged = [&whole[..half], &vec![b'x'; whole.len() - half]].concat();
    fs::write(small.root().join("events-0000.csv"), damaged).unwrap();
    let error = export(&small.dataset(), Additions::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("checksum"), "{error}");
    // No unfinished file remains.
    let processed = small.root().join("processed");
    let names = [".lock", "events", "machines.parquet", "runs.parquet"];
    assert_eq!(files_in(&processed), names.map(|name| processed.join(name)));
    assert_eq!(small.state(), before);
    fs::write(small.root().join("events-0000.csv"), whole).unwrap();
    // The part with runs 4 and 5 stays. Two parts are new.
    assert_eq!(small.export(), (3, 2));
    small.require_complete();
}

/// One bit of a part is flipped, and the next export writes the part again. This is repeated for bits all over the part, in its data and in
/// its footer.
#[test]
fn a_damaged_part_is_replaced() {
    let small = Growing::new(fixture::SMALL);
    assert_eq!(small.export(), (3, 3));
    let whole = small.state();
    let (part, (_, bytes)) = whole.iter().nth(1).unwrap();
    // The step is odd, so each of the 8 bits of a byte is flipped in some of the bytes.
    let bits: Vec<usize> = (0..8 * bytes.len()).step_by(2003).collect();
    assert!(bits.len() > 20, "{}", bytes.len());
    for bit in bits {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        // The part is removed first, so that the damaged bytes go to a new file. Exports make hard links to kept parts, so one file can
        // have several names. A write into this file would change the part under all of these names.
        fs::remove_file(part).unwrap();
        fs::write(part, damaged).unwrap();
        assert_eq!(small.export(), (3, 1), "bit {bit}");
        let contents = |state: &BTreeMap<PathBuf, (SystemTime, Vec<u8>)>| -> Vec<Vec<u8>> {
            state.values().map(|(_, bytes)| bytes.clone()).collect()
        };
        assert_eq!(contents(&small.state()), contents(&whole), "bit {bit}");
    }
}

/// The Python packages are those of `experiments/bench/requirements.txt`.
#[test]
fn polars_pandas_and_duckdb_open_the_folder() {
    let small = Growing::new(fixture::SMALL);
    assert_eq!(small.export(), (3, 3));
    let script = "
import sys
import duckdb, pandas, polars
folder = sys.argv[1]
counted = [
    polars.read_parquet(folder).select(polars.len(), polars.sum('logical_clock')).row(0),
    polars.scan_parquet(folder).select(polars.len(), polars.sum('logical_clock')).collect().row(0),
    pandas.read_parquet(folder)['logical_clock'].agg(['count', 'sum']),
    duckdb.sql(f\"select count(*), sum(logical_clock) from read_parquet('{folder}/*.parquet')\").fetchall()[0],
]
for rows, clocks in counted:
    print(int(rows), int(clocks))
";
    let events = read_parts(&small.events());
    let clocks = events.column("logical_clock").unwrap().i64().unwrap();
    let line = format!("{} {}\n", clocks.len(), clocks.sum().unwrap());
    let python = environment_with("../experiments/bench/requirements.txt").join("bin/python");
    let output = run(Command::new(python)
        .args(["-c", script])
        .arg(small.events()));
    assert_eq!(output, line.repeat(4));
}

/// Spark and Dask are for datasets that are too large for one computer.
#[test]
#[ignore = "needs java"]
fn spark_and_dask_open_the_folder() {
    let small = Growing::new(fixture::SMALL);
    assert_eq!(small.export(), (3, 3));
    let script = "
import sys
import dask.dataframe
from pyspark.sql import SparkSession
folder = sys.argv[1]
spark = SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false').getOrCreate()
spark.read.parquet(folder).createOrReplaceTempView('events')
query = 'select count(*), sum(logical_clock), sum(size(recipients)) filter (where event = \\'send\\') from events'
print(*spark.sql(query).first())
events = dask.dataframe.read_parquet(folder)
recipients = events['recipients'].explode().count()
print(*(int(value.compute()) for value in (events['event'].count(), events['logical_clock'].sum(), recipients)))
";
    let events = read_parts(&small.events());
    let clocks = events.column("logical_clock").unwrap().i64().unwrap();
    let recipients = events.column("recipients").unwrap().list().unwrap();
    let recipients: usize = (0..recipients.len())
        .filter_map(|row| recipients.get_as_series(row))
        .map(|list| list.len())
        .sum();
    let (rows, sum) = (clocks.len(), clocks.sum().unwrap());
    let line = format!("{rows} {sum} {recipients}\n");
    let python = environment_with("tests/spark/requirements.txt").join("bin/python");
    let output = run(Command::new(python)
        .args(["-W", "ignore", "-c", script])
        .arg(small.events())
        .env("SPARK_LOCAL_IP", "127.0.0.1"));
    assert_eq!(output, line.repeat(2));
}
