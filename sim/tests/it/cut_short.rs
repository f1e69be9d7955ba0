//! Sweeps that are cut short: the same command goes on, nothing finished is lost, nothing is counted twice.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use sim::log::{Dataset, parse_rows};
use tempfile::TempDir;

use crate::support::signal;

/// Forty runs of 0.1 s one after the other: long enough to be cut short in the middle.
const EXPERIMENT: &str = "seed = 7\nduration_s = 2\ntime_scale = 20\nrepetitions = 40\n[parameters]\nrates = [1, 3, 6]\ninternal = 0.5\n";
const RUNS: u64 = 40;

struct Sweep {
    folder: TempDir,
}

impl Sweep {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("e.toml"), EXPERIMENT).expect("written");
        Self { folder }
    }

    fn dataset(&self) -> PathBuf {
        self.folder.path().join("data/e")
    }

    fn start(&self) -> (Child, BufReader<ChildStderr>) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sim"))
            .args(["run", "e.toml", "--jobs", "1"])
            .current_dir(self.folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        (child, stderr)
    }

    /// Starts the sweep, lets some runs end, and sends it the signal `name`; returns its exit code, if it had one, and what it said.
    fn cut_short(&self, name: &str) -> (Option<i32>, String) {
        let (mut child, mut stderr) = self.start();
        let mut said = String::new();
        stderr.read_line(&mut said).expect("text");
        while journal_rows(&self.dataset()) < 2 {
            assert_eq!(
                child.try_wait().expect("a child"),
                None,
                "it ended too soon"
            );
            std::thread::yield_now();
        }
        signal(name, child.id());
        stderr.read_to_string(&mut said).expect("text");
        (child.wait().expect("a child").code(), said)
    }

    /// Runs the rest; returns what it said.
    fn go_on(&self) -> String {
        let (mut child, mut stderr) = self.start();
        let mut said = String::new();
        stderr.read_to_string(&mut said).expect("text");
        assert_eq!(child.wait().expect("a child").code(), Some(0), "{said}");
        said
    }

    /// Every run is there once, with all its events, and no others.
    fn is_whole(&self) {
        let dataset = Dataset::open(&self.dataset()).expect("a dataset");
        let runs: BTreeSet<u64> = dataset.finished().map(|row| row.run).collect();
        assert_eq!(dataset.attempted().len() as u64, RUNS);
        assert_eq!(runs, (0..RUNS).collect());
        let mut bytes = 0;
        for row in dataset.finished() {
            let events = dataset.read_events(row).expect("events");
            bytes += events.len();
            let rows: Result<Vec<_>, _> = parse_rows(&events).collect();
            // Two seconds of 1 + 3 + 6 ticks per second.
            assert_eq!(rows.expect("rows").len(), 20);
        }
        let segment =
            fs::read_to_string(self.dataset().join("events-0000.csv")).expect("a segment");
        let header = segment.lines().next().expect("a header").len() + 1;
        assert_eq!(segment.len(), header + bytes);
    }
}

fn journal_rows(dataset: &Path) -> usize {
    let journal = fs::read_to_string(dataset.join("runs.csv")).unwrap_or_default();
    journal.lines().count().saturating_sub(1)
}

#[test]
fn an_interrupted_sweep_goes_on() {
    let sweep = Sweep::new();
    let (code, said) = sweep.cut_short("INT");
    assert_eq!(code, Some(130), "{said}");
    assert!(said.starts_with("40 runs to do, 1 at once"), "{said}");
    assert!(
        said.contains("the same command goes on from here"),
        "{said}"
    );
    let done = journal_rows(&sweep.dataset()) as u64;
    let said = sweep.go_on();
    assert!(
        said.starts_with(&format!("{} runs to do", RUNS - done)),
        "{said}"
    );
    sweep.is_whole();
}

#[test]
fn a_killed_sweep_goes_on() {
    let sweep = Sweep::new();
    let (code, _) = sweep.cut_short("KILL");
    assert_eq!(code, None);
    sweep.go_on();
    sweep.is_whole();
}
