//! Tests of datasets: what a sweep (the runs of one `sim run`) writes, how the next sweep continues, and which datasets are refused. A
//! dataset has a journal (`runs.csv`, a row for each ended run), events (`events-0000.csv`) and a manifest (`dataset.json`).

use std::fs;
use std::path::Path;
use std::time::Duration;

use sim::engine::Control;
use sim::experiment::{EngineKind, Experiment};
use sim::log::{Dataset, DatasetError, DatasetWriter, EndedRun, JournalRow, Status, parse_rows};
use sim::sweep::{self, Options, Progress, Summary, SweepError};

use crate::support::{experiment, files, rows, run_all};

/// Four configurations with three runs each.
const GRID: &str = "engine = \"virtual\"\nduration_s = 10\nrepetitions = 3\n[parameters]\nrates = [[1, 3, 6], [2, 2]]\ninternal = [0.2, 0.7]";

/// Makes the runs that are still to do in the dataset at `root`.
fn sweep(experiment: &Experiment, root: &Path) -> Result<Summary, SweepError> {
    sweep::run(
        experiment,
        root,
        &Options::default(),
        &Control::default(),
        &mut Progress::silent(),
    )
}

#[test]
fn a_dataset_contains_every_run_once_with_the_events_that_the_engine_makes() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("new");
    let experiment = experiment(GRID);
    let summary = sweep(&experiment, &root).expect("a sweep");
    assert_eq!((summary.ok, summary.failed, summary.left), (12, 0, 0));
    let dataset = Dataset::open(&root).expect("a dataset");
    let outcomes = run_all(&experiment, EngineKind::Virtual);
    for (run, bytes) in rows(&root) {
        let log = outcomes[run as usize].result.as_ref().expect("ok");
        let logged: Vec<_> = parse_rows(&bytes)
            .map(|row| row.expect("a row").logged)
            .collect();
        assert_eq!(logged, log.machines.concat());
    }
    // A run's key names its configuration and its repetition. So no run occurs twice if all keys differ.
    let mut keys: Vec<&str> = dataset.finished().map(|run| run.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 12);
    assert_eq!(dataset.manifest().experiment.runs, 12);
    assert_eq!(
        fs::read_to_string(root.join("experiment.toml")).expect("a copy"),
        experiment.source()
    );
}

#[test]
fn a_second_sweep_has_nothing_to_do_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let experiment = experiment(GRID);
    sweep(&experiment, folder.path()).expect("a sweep");
    let journal = fs::read(folder.path().join("runs.csv")).expect("a journal");
    let summary = sweep(&experiment, folder.path()).expect("a sweep");
    assert_eq!((summary.ok, summary.left), (0, 0));
    assert_eq!(
        fs::read(folder.path().join("runs.csv")).expect("a journal"),
        journal
    );
}

/// A crash may end the journal at any byte. The next sweep then removes an incomplete row and the events without a row, keeps complete
/// runs, and makes the missing runs.
#[test]
fn a_sweep_that_was_interrupted_at_any_byte_is_resumed() {
    let folder = tempfile::tempdir().expect("a folder");
    let experiment = experiment(GRID);
    let whole = folder.path().join("whole");
    sweep(&experiment, &whole).expect("a sweep");
    let journal = fs::read(whole.join("runs.csv")).expect("a journal");
    let first_newline = journal.iter().position(|&byte| byte == b'\n');
    let header_bytes = first_newline.expect("a header") + 1;
    // Not every byte is tried, to keep the test short.
    for cut in (header_bytes..journal.len()).step_by(97) {
        let root = folder.path().join(cut.to_string());
        fs::create_dir(&root).expect("a folder");
        for file in ["dataset.json", "experiment.toml", "events-0000.csv"] {
            fs::copy(whole.join(file), root.join(file)).expect("a copy");
        }
        fs::write(root.join("runs.csv"), &journal[..cut]).expect("a torn journal");
        let kept = Dataset::open(&root)
            .expect("readable as it is")
            .finished()
            .count() as u64;
        let summary = sweep(&experiment, &root).expect("a sweep");
        assert_eq!(summary.ok, 12 - kept);
        // `recovered` says how much of the journal and of the events was removed.
        assert!(!summary.recovered.is_empty());
        assert_eq!(rows(&root), rows(&whole), "cut at byte {cut}");
    }
}

#[test]
fn a_changed_experiment_is_refused_with_the_differences() {
    let folder = tempfile::tempdir().expect("a folder");
    sweep(&experiment(GRID), folder.path()).expect("a sweep");
    let before = rows(folder.path());
    let refuse = |text: &str| match sweep(&experiment(text), folder.path()) {
        Err(error @ SweepError::Dataset(DatasetError::OtherExperiment { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    };
    // Each row: a text of the experiment, the text that replaces it, and the difference that the message names.
    for (find, replace, difference) in [
        (
            "duration_s = 10",
            "duration_s = 11",
            "duration_s: 10 in the dataset, 11 in the experiment",
        ),
        (
            "[0.2, 0.7]",
            "0.2",
            "internal: 0.2 | 0.7 in the dataset, 0.2 in the experiment",
        ),
        (
            "engine = \"virtual\"",
            "engine = \"tcp\"",
            "engine: virtual in the dataset, tcp in the experiment",
        ),
    ] {
        let refused = refuse(&GRID.replace(find, replace));
        // In the message, the list of differences stands between a line that ends with `:` and the line `undo the change ...`.
        // `difference` must be the only entry of the list.
        assert!(
            refused.contains(&format!(":\n  {difference}\nundo")),
            "{refused}"
        );
    }
    assert_eq!(rows(folder.path()), before);
}

#[test]
fn a_folder_with_other_files_is_refused_and_not_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("thesis.tex"), "all of it").expect("a file");
    let refused = sweep(&experiment(GRID), folder.path());
    assert!(
        matches!(
            refused,
            Err(SweepError::Dataset(DatasetError::ForeignFolder(_)))
        ),
        "{refused:?}"
    );
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[test]
fn a_second_writer_is_refused_while_the_first_one_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let experiment = experiment(GRID);
    let _writer = DatasetWriter::open(folder.path(), &experiment).expect("the first writer");
    let refused = DatasetWriter::open(folder.path(), &experiment).expect_err("a second writer");
    assert!(
        refused
            .to_string()
            .contains(&format!("process {}", std::process::id())),
        "{refused}"
    );
}

/// While a sweep writes, its status shows the process, the speed and the planned end. After the sweep, the status shows the time at which
/// the last run ended.
#[test]
fn the_status_shows_the_speed_and_the_end_of_a_running_sweep() {
    let folder = tempfile::tempdir().expect("a folder");
    let experiment = experiment(GRID);
    let whole = folder.path().join("whole");
    sweep(&experiment, &whole).expect("a sweep");
    let whole = Dataset::open(&whole).expect("a dataset");
    // The runs are copied from `whole` to a dataset that is still being written.
    let root = folder.path().join("under-way");
    let status = || Status::from_dataset(&Dataset::open(&root).expect("a dataset"));
    let mut writer = DatasetWriter::open(&root, &experiment).expect("a writer");
    // 12 runs are to do, and they are planned to take an hour.
    writer
        .announce(12, Duration::from_secs(3600))
        .expect("announced");
    let [at_start] = &status().sweeps[..] else {
        panic!("not exactly one sweep is under way")
    };
    assert_eq!(at_start.process, std::process::id());
    assert_eq!(at_start.runs_per_hour, None);
    assert_eq!(at_start.finishes_at_s, Some(at_start.since_s + 3600));
    for row in whole.attempted().iter().take(3) {
        let events = whole.read_events(row).expect("events");
        let row = row.clone();
        writer.append(EndedRun { row, events }).expect("appended");
    }
    writer.sync().expect("synced");
    let under_way = status();
    assert_eq!((under_way.done, under_way.to_do), (3, 9));
    assert!(under_way.sweeps[0].runs_per_hour > Some(0.0));
    assert_eq!(under_way.finishes_at_s, at_start.finishes_at_s);
    // Now the runs are planned to take no time, so the planned end has passed. But 9 runs are still to do. In this case the status shows
    // an end that is calculated from the speed of the runs so far.
    writer.announce(12, Duration::ZERO).expect("announced");
    assert!(status().finishes_at_s.is_some());
    drop(writer);
    let at_end = status();
    assert!(at_end.sweeps.is_empty() && at_end.finishes_at_s.is_none());
    assert!(at_end.last_run_at_s.is_some() && at_end.bytes > 0);
}

#[test]
fn the_manifest_says_how_the_sweep_was_made_and_every_row_has_the_version_of_sim() {
    let folder = tempfile::tempdir().expect("a folder");
    sweep(&experiment(GRID), folder.path()).expect("a sweep");
    let dataset = Dataset::open(folder.path()).expect("a dataset");
    let [provenance] = &dataset.manifest().sweeps[..] else {
        panic!("the manifest does not have exactly one sweep")
    };
    assert_eq!(provenance.tool_version, sim::VERSION);
    for text in [
        &provenance.git_commit,
        &provenance.host,
        &provenance.cpu,
        &provenance.os,
        &provenance.command,
        &provenance.started_at,
    ] {
        assert!(!text.is_empty(), "{provenance:?}");
    }
    assert!(provenance.cores > 0);
    assert!(!dataset.attempted().is_empty());
    let mut rows = dataset.attempted().iter();
    assert!(rows.all(|row| row.tool_version == sim::VERSION));
}

/// The schema is the version of the format of datasets.
#[test]
fn a_dataset_with_an_unknown_schema_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    sweep(&experiment(GRID), folder.path()).expect("a sweep");
    let manifest = folder.path().join("dataset.json");
    let text = fs::read_to_string(&manifest)
        .expect("a manifest")
        .replace("\"schema\": 5", "\"schema\": 99");
    fs::write(&manifest, text).expect("written");
    let refused = Dataset::open(folder.path()).expect_err("another schema");
    assert!(refused.to_string().contains("has schema 99"), "{refused}");
}

#[test]
fn changed_or_missing_events_are_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    sweep(&experiment(GRID), folder.path()).expect("a sweep");
    let events = folder.path().join("events-0000.csv");
    let mut bytes = fs::read(&events).expect("events");
    let last = Dataset::open(folder.path())
        .expect("a dataset")
        .attempted()
        .last()
        .cloned()
        .expect("a run");
    let read = |run: &JournalRow| {
        Dataset::open(folder.path())
            .expect("a dataset")
            .read_events(run)
    };
    // Change one byte of the last run's events: the one with index 5.
    let changed_index = last.offset as usize + 5;
    bytes[changed_index] ^= 1;
    fs::write(&events, &bytes).expect("written");
    assert!(
        read(&last)
            .expect_err("a changed byte")
            .to_string()
            .contains("checksum")
    );
    // Cut the file before this byte. Then only 5 bytes of the last run's events are left.
    bytes.truncate(changed_index);
    fs::write(&events, &bytes).expect("written");
    assert!(
        read(&last)
            .expect_err("a short file")
            .to_string()
            .contains("the file has only")
    );
}

/// A row of the journal with an impossible value is refused, even if its checksum is correct. The message says in which line the row
/// is. A huge number must not make the program reserve that much memory or disk space.
#[test]
fn journal_rows_with_impossible_values_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    sweep(&experiment(GRID), folder.path()).expect("a sweep");
    let path = folder.path().join("runs.csv");
    let whole = fs::read_to_string(&path).expect("a journal");
    let columns: Vec<&str> = whole.lines().next().expect("a header").split(',').collect();
    // The row that is changed below belongs to a run with two machines. The run has `events` events. They are in the file with the number
    // `segment`, from the byte `offset` on, and take `bytes` bytes. The numbers with 20 digits are near the largest number of 64 bits, and
    // 4294967295 is the largest number of 32 bits.
    for (column, value) in [
        ("machines", "0"),
        ("machines", "4294967295"),
        // Four machines, but two rates.
        ("machines", "4"),
        // One rate, but two machines.
        ("rates", "2"),
        ("events", "18446744073709551615"),
        // More events than fit into the bytes of the run.
        ("events", "100000"),
        ("bytes", "18446744073709551615"),
        ("bytes", "18446744073709550000"),
        ("offset", "18446744073709551615"),
        ("segment", "4294967295"),
        // The largest number that is accepted is 2^20 = 1048576.
        ("segment", "1048577"),
    ] {
        let mut records = csv::Reader::from_reader(whole.as_bytes());
        let mut changed = csv::Writer::from_writer(vec![]);
        changed.write_record(&columns).expect("written");
        for (index, record) in records.records().enumerate() {
            let mut cells: Vec<String> = record.expect("a row").iter().map(str::to_owned).collect();
            let cell_index = columns.iter().position(|name| *name == column);
            // The third row is line 4, because line 1 is the header.
            if index == 2 {
                cells[cell_index.expect("a column")] = value.to_owned();
            }
            changed.write_record(&cells).expect("written");
        }
        let changed = String::from_utf8(changed.into_inner().expect("written")).expect("text");
        // Gives the changed row a correct checksum.
        let sealed = sim::log::seal_journal(&changed).expect("CSV");
        fs::write(&path, &sealed).expect("written");
        let refused = sweep(&experiment(GRID), folder.path()).expect_err("refused");
        let names_the_line = refused.to_string().contains("runs.csv: line 4, column ");
        assert!(names_the_line, "{column} {value}: {refused}");
        // The journal was not changed.
        assert_eq!(fs::read_to_string(&path).expect("a journal"), sealed);
        assert!(Dataset::open(folder.path()).is_err(), "{column}");
        assert!(Status::read(folder.path()).is_err(), "{column}");
    }
}

/// Each attempt to make a run has a row in the journal. `Status::read` counts the rows while it reads the journal, and does not keep the
/// rows. `Status::from_dataset` counts the rows of a `Dataset` that is already in memory. Both must give the same status.
#[test]
fn a_run_with_several_attempts_counts_once_in_the_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let experiment = experiment(GRID);
    let whole = folder.path().join("whole");
    sweep(&experiment, &whole).expect("a sweep");
    let whole = Dataset::open(&whole).expect("a dataset");
    // Each attempt below is a changed copy of a run of `whole`.
    let root = folder.path().join("again");
    let mut writer = DatasetWriter::open(&root, &experiment).expect("a writer");
    let mut attempt = |run: usize, failure_reason: Option<&str>, lateness_us: f64| {
        let mut row = whole.attempted()[run].clone();
        row.lateness_p99_us = lateness_us;
        row.rejected_connections = 1;
        let mut events = whole.read_events(&row).expect("events");
        if let Some(reason) = failure_reason {
            row.outcome = sim::log::Outcome::Failed;
            (row.reason, row.events, events) = (reason.to_owned(), 0, vec![]);
            row.checksum = String::new();
        }
        writer.append(EndedRun { row, events }).expect("appended");
    };
    // Run 0 finishes at its second attempt. Its third attempt fails, but the run stays finished. Runs 3 and 4 finish at their first
    // attempt. Runs 1 and 2 fail.
    attempt(0, Some("no memory"), 9.0);
    attempt(0, None, 3.0);
    attempt(0, Some("no network"), 9.0);
    attempt(1, Some("no memory"), 9.0);
    attempt(1, Some("no network"), 9.0);
    attempt(2, Some("no network"), 9.0);
    attempt(3, None, 1.0);
    attempt(4, None, 2.0);
    writer.sync().expect("synced");
    drop(writer);
    // Of the 12 planned runs, 3 are done, 2 have failed, and 7 were never attempted.
    let status = Status::read(&root).expect("a status");
    assert_eq!((status.done, status.failed, status.to_do), (3, 2, 7));
    // Rejected connections are those of all eight attempts. The lateness is the median over the three finished runs.
    assert_eq!(
        (status.rejected_connections, status.lateness_p99_us),
        (8, 2.0)
    );
    // The last attempts of both failed runs have the same reason.
    let [reason] = &status.reasons[..] else {
        panic!("{:?}", status.reasons)
    };
    assert_eq!((reason.reason.as_str(), reason.runs), ("no network", 2));
    let dataset = Dataset::open(&root).expect("a dataset");
    assert_eq!(status, Status::from_dataset(&dataset));
    let events: u64 = [0, 3, 4]
        .map(|run| whole.attempted()[run].events)
        .iter()
        .sum();
    assert_eq!(status.events, events);
}

/// Git on Windows may convert line ends of text files from LF to CRLF. Then the checksums in the journal no longer fit the bytes of the
/// events.
#[test]
fn events_with_crlf_line_ends_are_reported_and_nothing_is_appended() {
    let folder = tempfile::tempdir().expect("a folder");
    sweep(&experiment(GRID), folder.path()).expect("a sweep");
    for name in ["runs.csv", "events-0000.csv", "dataset.json"] {
        let path = folder.path().join(name);
        let text = fs::read_to_string(&path).expect("text");
        fs::write(path, text.replace('\n', "\r\n")).expect("written");
    }
    let bytes = || fs::read(folder.path().join("events-0000.csv")).expect("bytes");
    let before = bytes();
    let dataset = Dataset::open(folder.path()).expect("a dataset");
    let refused = dataset.read_events(&dataset.attempted()[0]);
    let refused = refused.expect_err("other bytes").to_string();
    assert!(refused.contains("has CRLF line ends"), "{refused}");
    let refused = sweep(&experiment(GRID), folder.path());
    let refused = refused.expect_err("other bytes").to_string();
    assert!(refused.contains("events-0000.csv has CRLF"), "{refused}");
    assert!(bytes() == before);
}

/// Workers are the threads that make the runs.
#[test]
fn the_number_of_workers_does_not_change_the_bytes_of_datasets_in_virtual_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let experiment = experiment(GRID);
    let files_made_by = |workers: usize| {
        let root = folder.path().join(workers.to_string());
        let options = Options {
            jobs: Some(workers),
            ..Options::default()
        };
        let (control, mut progress) = (Control::default(), Progress::silent());
        sweep::run(&experiment, &root, &options, &control, &mut progress).expect("a sweep");
        files(&root)
    };
    let alone = files_made_by(1);
    assert_eq!(alone, files_made_by(2));
    assert_eq!(alone, files_made_by(5));
}
