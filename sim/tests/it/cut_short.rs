//! Interrupted sweeps: the same command resumes them, no finished run is lost, and none is counted twice.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sim::log::{Dataset, parse_rows};
use tempfile::TempDir;

use crate::support::{files, finished, signal};

/// Forty runs of 0.1 s, one after the other: long enough to interrupt the sweep in the middle.
const OVER_TCP: &str = "seed = 7\nduration_s = 2\ntime_scale = 20\nrepetitions = 40\n[parameters]\nrates = [1, 3, 6]\ninternal = 0.5\n";
const RUNS: u64 = 40;
/// Enough runs to take some hundredths of a second. Rows are added to the journal every few milliseconds.
const IN_VIRTUAL_TIME: &str = "seed = 7\nduration_s = 20\nengine = \"virtual\"\nrepetitions = 400\n[parameters]\nrates = [1, 3, 6]\ninternal = [0.3, 0.7]\n";
/// How often sweeps are killed. The environment variable `SIM_KILLS` can change it.
const KILLS: u32 = 200;

fn kills() -> u32 {
    let said = env::var("SIM_KILLS").ok();
    said.map_or(KILLS, |kills| kills.parse().expect("a number"))
}

struct Sweep {
    folder: TempDir,
    options: Vec<&'static str>,
}

impl Sweep {
    fn new(experiment: &str, options: &[&'static str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("e.toml"), experiment).expect("written");
        Self {
            folder,
            options: options.to_vec(),
        }
    }

    fn over_tcp() -> Self {
        Self::new(OVER_TCP, &["--jobs", "1"])
    }

    fn dataset(&self) -> PathBuf {
        self.folder.path().join("data/e")
    }

    /// Returns the command, preceded by the words of another command that runs it.
    fn command(&self, wrapper: &[&str]) -> Command {
        let mut words = wrapper.to_vec();
        words.extend([env!("CARGO_BIN_EXE_sim"), "run", "e.toml"]);
        words.extend(&self.options);
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(self.folder.path())
            .env_remove("CARGO");
        command
    }

    fn start(&self, wrapper: &[&str]) -> (Child, BufReader<ChildStderr>) {
        let mut child = self
            .command(wrapper)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        (child, stderr)
    }

    /// Starts the sweep, waits until some runs have ended, and sends it signals. Returns its exit status and its messages.
    fn cut_short(&self, wrapper: &[&str], signals: &[&str]) -> (ExitStatus, String) {
        let (mut child, mut stderr) = self.start(wrapper);
        let mut said = String::new();
        stderr.read_line(&mut said).expect("text");
        self.wait_for_rows(2, &mut child);
        for name in signals {
            signal(name, child.id());
        }
        stderr.read_to_string(&mut said).expect("text");
        (child.wait().expect("a child"), said)
    }

    /// Waits until `rows` runs have ended.
    fn wait_for_rows(&self, rows: usize, child: &mut Child) {
        while journal_rows(&self.dataset()) < rows {
            let ended = child.try_wait().expect("a child");
            assert_eq!(ended, None, "it ended too soon");
            thread::yield_now();
        }
    }

    /// Makes the other runs. Returns the messages of the sweep.
    fn resume(&self) -> String {
        let (mut child, mut stderr) = self.start(&[]);
        let mut said = String::new();
        stderr.read_to_string(&mut said).expect("text");
        assert_eq!(child.wait().expect("a child").code(), Some(0), "{said}");
        said
    }

    /// Starts the sweep and kills it after it has written `bytes` more bytes and `turns` turns of a loop. Returns whether it had
    /// ended before.
    fn kill_after(&self, bytes: u64, turns: u32) -> bool {
        let mut child = self
            .command(&[])
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let before = self.bytes();
        let ended = |child: &mut Child| child.try_wait().expect("a child").is_some();
        while self.bytes() < before + bytes && !ended(&mut child) {
            thread::yield_now();
        }
        for _ in 0..turns {
            thread::yield_now();
        }
        let ended = ended(&mut child);
        child.kill().expect("killed, or gone");
        child.wait().expect("a child");
        ended
    }

    fn bytes(&self) -> u64 {
        let length = |name| fs::metadata(self.dataset().join(name)).map_or(0, |file| file.len());
        length("runs.csv") + length("events-0000.csv")
    }

    /// Checks that every run exists once with all its events, and that there are no others.
    fn check_complete(&self) {
        let dataset = Dataset::open(&self.dataset()).expect("a dataset");
        let runs: BTreeSet<u64> = dataset.finished().map(|row| row.run).collect();
        assert_eq!(dataset.attempted().len() as u64, RUNS);
        assert_eq!(runs, (0..RUNS).collect());
        let mut bytes = 0;
        for row in dataset.finished() {
            let events = dataset.read_events(row).expect("events");
            bytes += events.len();
            let rows: Result<Vec<_>, _> = parse_rows(&events).collect();
            // Two seconds with 1 + 3 + 6 ticks per second.
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
fn the_first_signal_stops_in_good_order_and_the_last_line_says_how_to_resume() {
    for name in ["INT", "TERM"] {
        let sweep = Sweep::over_tcp();
        let (status, said) = sweep.cut_short(&[], &[name]);
        assert_eq!(status.code(), Some(130), "{said}");
        assert!(said.starts_with("40 runs to do, 1 at once"), "{said}");
        assert!(said.contains("stopping: "), "{said}");
        let done = journal_rows(&sweep.dataset()) as u64;
        let left = RUNS - done;
        assert!(
            said.contains(&format!("interrupted with {left} runs to do; to resume: ")),
            "{said}"
        );
        assert!(
            said.trim_end().ends_with("sim run e.toml --jobs 1"),
            "{said}"
        );
        let said = sweep.resume();
        assert!(said.starts_with(&format!("{left} runs to do")), "{said}");
        assert!(!said.contains("was interrupted"), "{said}");
        sweep.check_complete();
    }
}

/// After the first signal the sweep waits for a run that needs two more seconds. If this run ends before the second signal, the
/// test is repeated.
#[test]
fn the_second_signal_stops_at_once() {
    let experiment = OVER_TCP.replace("duration_s = 2\n", "duration_s = 50\n");
    let at_once = || {
        let sweep = Sweep::new(&experiment, &["--jobs", "1", "--sync-every", "0"]);
        let (mut child, mut stderr) = sweep.start(&[]);
        sweep.wait_for_rows(1, &mut child);
        signal("INT", child.id());
        let mut said = String::new();
        while !said.contains("stopping: ") {
            assert!(stderr.read_line(&mut said).expect("text") > 0, "{said}");
        }
        signal("TERM", child.id());
        stderr.read_to_string(&mut said).expect("text");
        assert_eq!(child.wait().expect("a child").code(), Some(130), "{said}");
        !said.contains("interrupted with")
    };
    assert!((0..5).any(|_| at_once()));
}

#[test]
fn under_nohup_a_sweep_continues_without_its_terminal() {
    let sweep = Sweep::over_tcp();
    let (status, said) = sweep.cut_short(&["nohup"], &["HUP"]);
    assert_eq!(status.code(), Some(0), "{said}");
    sweep.check_complete();
}

/// A limit on the size of files replaces a full disk: the system refuses to write more.
#[test]
fn a_full_disk_ends_the_sweep_with_a_message_and_loses_nothing() {
    let mut sweep = Sweep::new(IN_VIRTUAL_TIME, &["--sync-every", "0"]);
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 400; exec \"$@\"", "sh"];
    let (mut child, mut stderr) = sweep.start(&limited);
    let mut said = String::new();
    stderr.read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("a child").code(), Some(2), "{said}");
    assert!(said.contains("File too large"), "{said}");
    assert!(
        said.contains("after you have solved the problem, resume with: "),
        "{said}"
    );
    let kept = finished(&sweep.dataset());
    assert!(kept.len() > 5, "{} runs", kept.len());
    sweep.options.clear();
    let said = sweep.resume();
    assert!(
        said.contains("an earlier `sim run` was interrupted"),
        "{said}"
    );
    let whole = finished(&sweep.dataset());
    assert_eq!(whole.len(), 800);
    assert!(
        kept.iter()
            .all(|(run, events)| whole.get(run) == Some(events))
    );
}

#[test]
fn a_virtual_sweep_killed_at_any_time_ends_with_the_same_bytes() {
    let options = ["--sync-every", "0.005"];
    let undisturbed = Sweep::new(IN_VIRTUAL_TIME, &options);
    undisturbed.resume();
    let whole = files(&undisturbed.dataset());
    let wanted = finished(&undisturbed.dataset());
    let bytes: u64 = whole.iter().map(|file| file.len() as u64).sum();
    let mut random = ChaCha8Rng::seed_from_u64(262);
    let mut sweep = Sweep::new(IN_VIRTUAL_TIME, &options);
    let (mut kills, mut counted, mut ended, mut compared) = (0, 0, 0, 0);
    while kills < self::kills() {
        // Some sweeps are killed at the very start, the others at any time within the first tenth of the sweep.
        let after = random
            .random_range(0..bytes / 10)
            .saturating_sub(bytes / 50);
        if sweep.kill_after(after, random.random_range(0..200)) {
            ended += 1;
            assert!(
                files(&sweep.dataset()) == whole,
                "other bytes than undisturbed"
            );
            sweep = Sweep::new(IN_VIRTUAL_TIME, &options);
            counted = 0;
            continue;
        }
        kills += 1;
        let found = finished(&sweep.dataset());
        assert!(found.len() >= counted, "finished runs are lost");
        counted = found.len();
        let right = |(run, events): (&u64, &Vec<u8>)| wanted.get(run) == Some(events);
        assert!(found.iter().all(right));
        compared += found.len();
    }
    sweep.resume();
    assert!(
        files(&sweep.dataset()) == whole,
        "other bytes than undisturbed"
    );
    assert!(compared > 0, "no kill left a finished run");
    assert!(ended > 0, "no sweep came to its end in between");
}

#[test]
fn a_sweep_over_tcp_killed_at_any_time_has_every_run_once() {
    let sweep = Sweep::new(OVER_TCP, &["--jobs", "4", "--sync-every", "0"]);
    let mut random = ChaCha8Rng::seed_from_u64(262);
    let (mut kills, mut ended) = (0, false);
    while kills < self::kills() / 10 && !ended {
        ended = sweep.kill_after(random.random_range(0..4_000), random.random_range(0..200));
        kills += 1;
    }
    sweep.resume();
    sweep.check_complete();
}
