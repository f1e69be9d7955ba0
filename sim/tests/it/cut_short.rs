//! Tests of sweeps that are interrupted by a signal, by a kill or by a full disk. The same command `sim run` resumes the sweep. No finished
//! run is lost, and no run is counted twice.
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

/// Forty runs of 0.1 s each: 2 s of model time, which passes 20 times faster than real time. Made one after the other, they take long
/// enough to interrupt the sweep in the middle.
const OVER_TCP: &str = "seed = 7\nduration_s = 2\ntime_scale = 20\nrepetitions = 40\n[parameters]\nrates = [1, 3, 6]\ninternal = 0.5\n";
const RUNS: u64 = 40;
/// Two configurations with 400 runs each. All 800 runs together take some hundredths of a second.
const IN_VIRTUAL_TIME: &str = "seed = 7\nduration_s = 20\nengine = \"virtual\"\nrepetitions = 400\n[parameters]\nrates = [1, 3, 6]\ninternal = [0.3, 0.7]\n";
/// How many times sweeps are killed, unless the environment variable `SIM_KILLS` has another number.
const KILLS: u32 = 200;

fn wanted_kills() -> u32 {
    let from_environment = env::var("SIM_KILLS").ok();
    from_environment.map_or(KILLS, |kills| kills.parse().expect("a number"))
}

/// An experiment in a temporary folder, and the options with which `sim run` makes its runs.
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

    /// Returns the command `sim run` with its options. If `wrapper` is not empty, it has the words of another command, such as `nohup`,
    /// which then starts `sim run`.
    fn command(&self, wrapper: &[&str]) -> Command {
        let mut words = wrapper.to_vec();
        words.extend([env!("CARGO_BIN_EXE_sim"), "run", "e.toml"]);
        words.extend(&self.options);
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(self.folder.path())
            // Cargo sets this variable in tests. `sim` would take it as a sign that it was started as `cargo sim`.
            .env_remove("CARGO");
        command
    }

    /// Starts the sweep. Returns its process and its messages.
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

    /// Starts the sweep, waits until two runs have ended, and sends signals to the sweep. Returns its exit status and its messages.
    fn interrupt(&self, wrapper: &[&str], signals: &[&str]) -> (ExitStatus, String) {
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
            let exit_status = child.try_wait().expect("a child");
            assert_eq!(exit_status, None, "the sweep ended too soon");
            thread::yield_now();
        }
    }

    /// Starts the sweep, for the first time or again, and waits until it has made all remaining runs. Returns its messages.
    fn resume(&self) -> String {
        let (mut child, mut stderr) = self.start(&[]);
        let mut said = String::new();
        stderr.read_to_string(&mut said).expect("text");
        assert_eq!(child.wait().expect("a child").code(), Some(0), "{said}");
        said
    }

    /// Starts the sweep, waits until it has written `bytes` more bytes, waits a little longer (for `turns` turns of a loop), and kills
    /// it. Returns whether the sweep had ended before it was killed.
    fn kill_after(&self, bytes: u64, turns: u32) -> bool {
        let mut child = self
            .command(&[])
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let before = self.bytes();
        let has_ended = |child: &mut Child| child.try_wait().expect("a child").is_some();
        while self.bytes() < before + bytes && !has_ended(&mut child) {
            thread::yield_now();
        }
        for _ in 0..turns {
            thread::yield_now();
        }
        let ended = has_ended(&mut child);
        child.kill().expect("killed, or gone");
        child.wait().expect("a child");
        ended
    }

    /// Returns how many bytes the dataset's journal and events have together.
    fn bytes(&self) -> u64 {
        let length = |name| fs::metadata(self.dataset().join(name)).map_or(0, |file| file.len());
        length("runs.csv") + length("events-0000.csv")
    }

    /// Checks that the dataset has every run of [`OVER_TCP`] once, with all its events, and no other events.
    fn check_complete(&self) {
        let dataset = Dataset::open(&self.dataset()).expect("a dataset");
        let runs: BTreeSet<u64> = dataset.finished().map(|row| row.run).collect();
        // Each attempt to make a run has a row. There are only as many rows as runs, so no run was made twice.
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
        // The events' file has only its header and the events of these runs.
        let text = fs::read_to_string(self.dataset().join("events-0000.csv")).expect("events");
        let header_bytes = text.lines().next().expect("a header").len() + 1;
        assert_eq!(text.len(), header_bytes + bytes);
    }
}

/// Returns the number of rows of the journal, which is the number of runs that have ended.
fn journal_rows(dataset: &Path) -> usize {
    let journal = fs::read_to_string(dataset.join("runs.csv")).unwrap_or_default();
    journal.lines().count().saturating_sub(1)
}

#[test]
fn the_first_signal_stops_the_sweep_and_the_last_line_says_how_to_resume_it() {
    for name in ["INT", "TERM"] {
        let sweep = Sweep::over_tcp();
        let (status, said) = sweep.interrupt(&[], &[name]);
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
        // After INT or TERM, the sweep ends in good order and leaves no incomplete data. Otherwise `sim run` would now remove the incomplete
        // data and say "an earlier `sim run` was interrupted: removed ...".
        assert!(!said.contains("was interrupted"), "{said}");
        sweep.check_complete();
    }
}

/// Each run takes 2.5 s (50 s of model time). After the first signal, the sweep waits for runs that will end within 3 s. So it waits for
/// the current run. After the second signal, it does not wait. If the run ends before the second signal arrives, the test is repeated.
#[test]
fn the_second_signal_stops_at_once() {
    let experiment = OVER_TCP.replace("duration_s = 2\n", "duration_s = 50\n");
    let stops_at_once = || {
        // With `--sync-every 0`, the row of a run is in the journal as soon as the run has ended.
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
        // A sweep that ends by itself after the first signal writes the line `interrupted with ...`.
        !said.contains("interrupted with")
    };
    assert!((0..5).any(|_| stops_at_once()));
}

#[test]
fn under_nohup_a_sweep_continues_without_its_terminal() {
    let sweep = Sweep::over_tcp();
    let (status, said) = sweep.interrupt(&["nohup"], &["HUP"]);
    assert_eq!(status.code(), Some(0), "{said}");
    sweep.check_complete();
}

/// The test needs no full disk. Instead, a limit on the size of files (400 blocks of 512 bytes) makes the system refuse to write more.
#[test]
fn a_full_disk_ends_the_sweep_with_a_message_and_loses_nothing() {
    let mut sweep = Sweep::new(IN_VIRTUAL_TIME, &["--sync-every", "0"]);
    // The system sends the signal XFSZ at the limit. The script ignores this signal, so writing returns an error instead. `start` appends
    // the words of the command `sim run`. In the script, `$@` stands for these words. The second `sh` is only the script's name (`$0`).
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
    // A run has 200 events of about 40 bytes, so the limit of 204,800 bytes leaves space for more than 20 runs.
    assert!(kept.len() > 5, "{} runs", kept.len());
    // Removes `--sync-every 0`: it would force every run to the disk separately, which is slow.
    sweep.options.clear();
    let said = sweep.resume();
    assert!(
        said.contains("an earlier `sim run` was interrupted"),
        "{said}"
    );
    let all_runs = finished(&sweep.dataset());
    assert_eq!(all_runs.len(), 800);
    assert!(
        kept.iter()
            .all(|(run, events)| all_runs.get(run) == Some(events))
    );
}

#[test]
fn a_virtual_sweep_that_is_killed_and_resumed_has_the_same_bytes_as_an_undisturbed_one() {
    // Every 0.005 s, the rows of ended runs are added to the journal. The default, 1 s, is longer than the whole sweep.
    let options = ["--sync-every", "0.005"];
    let undisturbed = Sweep::new(IN_VIRTUAL_TIME, &options);
    undisturbed.resume();
    let complete_files = files(&undisturbed.dataset());
    let all_runs = finished(&undisturbed.dataset());
    let bytes: u64 = complete_files.iter().map(|file| file.len() as u64).sum();
    let mut random = ChaCha8Rng::seed_from_u64(262);
    let mut sweep = Sweep::new(IN_VIRTUAL_TIME, &options);
    let (mut kills, mut ended_sweeps, mut compared_runs) = (0, 0, 0);
    // Number of finished runs in the current dataset after the previous kill.
    let mut runs_before = 0;
    while kills < wanted_kills() {
        // How many bytes the sweep writes before it is killed: a random number below 10 % of all bytes, minus 2 % of all bytes, but at least
        // 0. So about one kill in five comes at the very start of a sweep, and the others after up to 8 % of all bytes.
        let after = random
            .random_range(0..bytes / 10)
            .saturating_sub(bytes / 50);
        if sweep.kill_after(after, random.random_range(0..200)) {
            ended_sweeps += 1;
            assert!(
                files(&sweep.dataset()) == complete_files,
                "other bytes than undisturbed"
            );
            sweep = Sweep::new(IN_VIRTUAL_TIME, &options);
            runs_before = 0;
            continue;
        }
        kills += 1;
        let found = finished(&sweep.dataset());
        assert!(found.len() >= runs_before, "finished runs are lost");
        runs_before = found.len();
        let is_unchanged = |(run, events): (&u64, &Vec<u8>)| all_runs.get(run) == Some(events);
        assert!(found.iter().all(is_unchanged));
        compared_runs += found.len();
    }
    sweep.resume();
    assert!(
        files(&sweep.dataset()) == complete_files,
        "other bytes than undisturbed"
    );
    assert!(compared_runs > 0, "no kill left a finished run");
    assert!(ended_sweeps > 0, "no sweep ended before it was killed");
}

#[test]
fn a_sweep_over_tcp_that_is_killed_and_resumed_has_every_run_once() {
    let sweep = Sweep::new(OVER_TCP, &["--jobs", "4", "--sync-every", "0"]);
    let mut random = ChaCha8Rng::seed_from_u64(262);
    let (mut kills, mut ended) = (0, false);
    // Runs over TCP are slow, so this test makes only a tenth of the kills. A run adds about 1,200 bytes to the dataset. So each kill
    // comes within the first few runs after a start.
    while kills < wanted_kills() / 10 && !ended {
        ended = sweep.kill_after(random.random_range(0..4_000), random.random_range(0..200));
        kills += 1;
    }
    sweep.resume();
    sweep.check_complete();
}
