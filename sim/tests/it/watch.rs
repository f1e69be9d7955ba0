//! Tests of `sim status --watch`, the live view of a sweep, and of [`Follower`], which reads a journal (`runs.csv`, a row for each ended
//! run) while a sweep appends rows.

use std::path::Path;

use sim::engine::Control;
use sim::experiment::{EngineKind, Experiment, RunName, Shard};
use sim::log::{Dataset, Follower, JournalRow};
use sim::sweep::{self, Options, Progress};

use crate::support::experiment;

const SIX_RUNS: &str = "duration_s = 2\nengine = \"virtual\"\nrepetitions = 3\n[parameters]\nrates = [1, 3, 6]\ninternal = [0.4, 0.7]\n";

/// Makes the runs with the numbers `only`, or all runs if `only` is empty.
fn make(experiment: &Experiment, root: &Path, only: &[u64]) {
    assert_eq!(experiment.engine, EngineKind::Virtual);
    let name = |run: &u64| -> RunName { run.to_string().parse().expect("a run's name") };
    let options = Options {
        only: only.iter().map(name).collect(),
        ..Options::default()
    };
    let (control, mut progress) = (Control::default(), Progress::silent());
    sweep::run(experiment, root, &options, &control, &mut progress).expect("a sweep");
}

/// Returns the rows that the follower has not read before.
fn read_new(follower: &mut Follower) -> Vec<JournalRow> {
    let mut rows = vec![];
    follower.read_new(|row| rows.push(row)).expect("rows");
    rows
}

/// Returns the numbers of the rows' runs.
fn numbers(rows: &[JournalRow]) -> Vec<u64> {
    rows.iter().map(|row| row.run).collect()
}

#[test]
fn each_row_is_read_once_and_only_when_it_is_complete() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("data");
    make(&experiment(SIX_RUNS), &root, &[0, 2]);
    let mut follower = Follower::open(&root).expect("a dataset");
    let mut all = read_new(&mut follower);
    assert_eq!(numbers(&all), [0, 2]);
    assert_eq!(read_new(&mut follower), []);
    // A follower is outdated if a new sweep has started, or if a journal has become shorter. Then the dataset must be opened again.
    assert!(!follower.is_outdated());

    // The journal of the dataset `longer` begins with the same two rows, and two more rows follow. The loop appends the two further rows
    // to the journal in `root`, byte by byte.
    let longer = folder.path().join("longer");
    make(&experiment(SIX_RUNS), &longer, &[0, 2]);
    make(&experiment(SIX_RUNS), &longer, &[5, 1]);
    let journal = std::fs::read(longer.join("runs.csv")).expect("a journal");
    let before = std::fs::read(root.join("runs.csv")).expect("a journal");
    assert!(journal.starts_with(&before));
    let mut counts = vec![];
    for end in before.len() + 1..=journal.len() {
        std::fs::write(root.join("runs.csv"), &journal[..end]).expect("written");
        let new = read_new(&mut follower);
        if !new.is_empty() {
            let last_byte = journal[end - 1];
            assert_eq!(last_byte, b'\n');
            counts.push(new.len());
        }
        all.extend(new);
    }
    // Each of the two rows was read alone, when its last byte had arrived.
    assert_eq!(counts, [1, 1]);
    // `attempted` returns all rows of the journal.
    assert_eq!(all, Dataset::open(&longer).expect("a dataset").attempted());
}

#[test]
fn a_damaged_row_is_an_error_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    make(&experiment(SIX_RUNS), folder.path(), &[0]);
    let mut follower = Follower::open(folder.path()).expect("a dataset");
    assert_eq!(read_new(&mut follower).len(), 1);
    make(&experiment(SIX_RUNS), folder.path(), &[1]);
    let journal = folder.path().join("runs.csv");
    let text = std::fs::read_to_string(&journal).expect("a journal");
    let last = text.lines().last().expect("a row");
    // After this change, the checksum in the row is wrong.
    let changed = text.replace(last, &last.replace("ok", "failed"));
    std::fs::write(&journal, changed).expect("written");
    let error = follower.read_new(|_| {}).expect_err("a changed row");
    // Line 1 is the header, line 2 the row that was read before.
    assert!(error.to_string().contains("line 3"), "{error}");
}

/// The first row has a cell of two lines: the reason of a failure. So the three rows begin in the lines 2, 4 and 5. The third row is
/// damaged, and then repaired.
#[test]
fn after_a_cell_with_a_line_feed_errors_name_the_right_line_and_each_row_is_read_once() {
    let folder = tempfile::tempdir().expect("a folder");
    make(&experiment(SIX_RUNS), folder.path(), &[0, 1, 2]);
    let journal = folder.path().join("runs.csv");
    let text = std::fs::read_to_string(&journal).expect("a journal");
    let mut rows: Vec<Vec<String>> = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes())
        .records()
        .map(|row| row.expect("CSV").iter().map(str::to_owned).collect())
        .collect();
    for (name, value) in [("outcome", "failed"), ("reason", "one\ntwo")] {
        let column = rows[0].iter().position(|column| column == name);
        rows[1][column.expect("a column")] = value.to_owned();
    }
    let mut writer = csv::Writer::from_writer(vec![]);
    for row in &rows {
        writer.write_record(row).expect("written");
    }
    let changed = String::from_utf8(writer.into_inner().expect("written"));
    // The first row was changed, so it needs a new checksum.
    let whole = sim::log::seal_journal(&changed.expect("text")).expect("CSV");
    let third = whole.lines().last().expect("a row");
    let damaged = whole.replace(third, &third.replace("ok", "failed"));

    // At first, the journal ends with the row of two lines. The other rows come later.
    let second_line = whole.find("two").expect("the reason");
    let row_end = second_line + whole[second_line..].find('\n').expect("a line feed") + 1;
    std::fs::write(&journal, &whole[..row_end]).expect("written");
    let mut follower = Follower::open(folder.path()).expect("a dataset");
    assert_eq!(numbers(&read_new(&mut follower)), [0]);
    std::fs::write(&journal, damaged).expect("written");
    let mut taken = vec![];
    // Each read reports the damaged row, but only the first read returns the row before it.
    for _ in 0..2 {
        let read = follower.read_new(|row| taken.push(row.run));
        let error = read.expect_err("a changed row");
        assert!(error.to_string().contains("line 5"), "{error}");
    }
    assert_eq!(taken, [1]);
    std::fs::write(&journal, whole).expect("written");
    assert_eq!(numbers(&read_new(&mut follower)), [2]);
}

#[test]
fn new_shards_larger_plans_and_shorter_journals_are_noticed() {
    // A dataset of two shards. A shard is a part of the runs, in a folder of its own.
    let folder = tempfile::tempdir().expect("a folder");
    let shard = |number| {
        let mut experiment = experiment(SIX_RUNS);
        experiment.keep_shard(Shard { number, of: 2 });
        experiment
    };
    make(&shard(1), folder.path(), &[]);
    let mut follower = Follower::open(folder.path()).expect("a dataset");
    assert_eq!((follower.planned(), follower.part_count()), (6, 1));
    assert_eq!(follower.missing_shards().len(), 1);
    assert_eq!(read_new(&mut follower).len(), 3);
    assert!(!follower.is_outdated());

    make(&shard(2), folder.path(), &[]);
    assert!(follower.is_outdated());
    let mut follower = Follower::open(folder.path()).expect("a dataset");
    let rows = read_new(&mut follower);
    // Each row says in which of the two shards it is.
    let parts: Vec<usize> = rows.iter().map(|row| row.part).collect();
    assert_eq!((rows.len(), parts), (6, vec![0, 0, 0, 1, 1, 1]));
    assert!(!follower.is_outdated());

    // A dataset without shards gets more repetitions, and then loses all rows of its journal.
    let whole = tempfile::tempdir().expect("a folder");
    make(&experiment(SIX_RUNS), whole.path(), &[]);
    let mut follower = Follower::open(whole.path()).expect("a dataset");
    assert_eq!(read_new(&mut follower).len(), 6);
    let larger = SIX_RUNS.replace("repetitions = 3", "repetitions = 4");
    make(&experiment(&larger), whole.path(), &[]);
    assert!(follower.is_outdated());
    let mut follower = Follower::open(whole.path()).expect("a dataset");
    assert_eq!(read_new(&mut follower).len(), 8);
    let journal = whole.path().join("runs.csv");
    let text = std::fs::read_to_string(&journal).expect("a journal");
    let header = text.lines().next().expect("a header");
    std::fs::write(&journal, format!("{header}\n")).expect("written");
    assert!(follower.is_outdated());
}

#[cfg(unix)]
mod in_a_terminal {
    use std::fs;
    use std::path::Path;
    use std::process::{Command, Output, Stdio};

    use super::{SIX_RUNS, make};
    use crate::support::experiment;

    /// A Python program that runs another program in a pseudo-terminal and does steps with it: waits for texts, presses keys, and so on.
    const DRIVER: &str = include_str!("watch/terminal.py");

    /// Runs `sim status --watch` in a pseudo-terminal and does the steps with it, such as `expect 6 of 6 done` or `send q`.
    fn in_terminal(folder: &Path, arguments: &[&str], steps: &[&str]) -> Output {
        Command::new("python3")
            .args(["-c", DRIVER])
            .args(steps)
            .arg("--")
            .args([env!("CARGO_BIN_EXE_sim"), "status", "--watch"])
            .args(arguments)
            .current_dir(folder)
            .env("TERM", "xterm-256color")
            .env("SIM", env!("CARGO_BIN_EXE_sim"))
            .stdin(Stdio::null())
            .output()
            .expect("Python runs")
    }

    /// Does the same as [`in_terminal`]. The program must restore the terminal, and end with the exit code `code`. Returns what the program
    /// prints after it has restored the terminal.
    fn watch(folder: &Path, arguments: &[&str], steps: &[&str], code: i32) -> String {
        let output = in_terminal(folder, arguments, steps);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{shown}\n{errors}");
        assert_eq!(errors, "");
        // The control sequences that switch to a separate screen, switch back, and show the cursor.
        let (enter_screen, leave_screen) = ("\x1b[?1049h", "\x1b[?1049l");
        let show_cursor = "\x1b[?25h";
        let (_, after) = shown.rsplit_once(leave_screen).expect("the screen is left");
        assert!(shown.contains(enter_screen), "{shown:?}");
        assert!(shown.contains(show_cursor), "{shown:?}");
        after.trim_start_matches(show_cursor).replace("\r\n", "\n")
    }

    /// Returns a folder with the finished dataset `name`.
    fn dataset(name: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        make(&experiment(SIX_RUNS), &folder.path().join(name), &[]);
        folder
    }

    #[test]
    fn a_finished_sweep_stays_until_a_key_is_pressed() {
        let folder = dataset("night");
        // The keys q, Escape and Ctrl-C.
        for key in ["send q", "send \\x1b", "send \\x03"] {
            let after = watch(folder.path(), &["night"], &["expect 6 of 6 done", key], 0);
            assert_eq!(after, "night: finished; 100.0 %, 6/6 runs\n");
        }
    }

    #[test]
    fn runs_of_another_sweep_appear_and_the_view_follows_the_terminals_size() {
        let folder = tempfile::tempdir().expect("a folder");
        // An experiment file must have a seed. Any number would do here.
        let text = format!("seed = 262\n{SIX_RUNS}");
        fs::write(folder.path().join("e.toml"), text).expect("written");
        let mut first_run = Command::new(env!("CARGO_BIN_EXE_sim"));
        first_run.args(["run", "e.toml", "--only", "0"]);
        let output = first_run.current_dir(folder.path()).output();
        assert!(output.expect("it runs").status.success());
        let steps = [
            "expect 1 of 6 done",
            // These numbers count configurations. The first configuration is under way, because one of its three runs is done. The
            // second configuration has no run yet.
            "expect 0 done, 1 under way, 0 failed, 1 not begun",
            "run $SIM run e.toml --quiet",
            "expect 6 of 6 done",
            // The step `resize` has the rows first. The program's message `needs 40 x 12` has the columns first.
            "resize 20 60",
            "expect finished",
            "resize 4 30",
            "expect needs 40 x 12",
            "resize 40 120",
            "expect 2 done, 0 under way",
            "send q",
        ];
        let after = watch(folder.path(), &["data/e"], &steps, 0);
        assert_eq!(after, "data/e: finished; 100.0 %, 6/6 runs\n");
    }

    #[test]
    fn tab_shows_the_next_dataset() {
        let folder = dataset("night");
        let day = SIX_RUNS.replace("repetitions = 3", "repetitions = 1");
        make(&experiment(&day), &folder.path().join("day"), &[]);
        let steps = [
            "expect night (1 of 2)",
            "send \\t",
            "expect day (2 of 2)",
            "send q",
        ];
        let after = watch(folder.path(), &["night", "day"], &steps, 0);
        assert_eq!(
            after,
            "night: finished; 100.0 %, 6/6 runs\nday: finished; 100.0 %, 2/2 runs\n"
        );
    }

    #[test]
    fn signals_and_errors_restore_the_terminal() {
        let folder = dataset("night");
        // After each of these signals, the exit code is 130.
        for signal in ["signal TERM", "signal INT", "signal HUP"] {
            watch(
                folder.path(),
                &["night"],
                &["expect 6 of 6 done", signal],
                130,
            );
        }
        // The dataset is deleted while it is watched.
        let steps = ["expect 6 of 6 done", "run rm -r night"];
        let after = watch(folder.path(), &["night"], &steps, 2);
        assert!(after.contains("error: "), "{after}");
        assert!(after.contains("night"), "{after}");
    }

    /// When the terminal is closed, the system sends the program the signal SIGHUP. At this signal, the program ends with code 130. But if
    /// the program notices before the signal arrives that the terminal no longer exists, the program ends with code 2.
    #[test]
    fn the_program_ends_when_the_terminal_is_closed() {
        let folder = dataset("night");
        let output = in_terminal(folder.path(), &["night"], &["expect 6 of 6 done", "close"]);
        let code = output.status.code();
        assert!([Some(130), Some(2)].contains(&code), "{output:?}");
    }

    /// The names, contents and times of all files of the dataset stay the same.
    #[test]
    fn watching_writes_nothing_to_the_dataset() {
        let folder = dataset("night");
        let files = || {
            let entries = fs::read_dir(folder.path().join("night")).expect("a folder");
            let mut files: Vec<_> = entries
                .map(|entry| {
                    let path = entry.expect("an entry").path();
                    let written = fs::metadata(&path).and_then(|metadata| metadata.modified());
                    (path.clone(), fs::read(&path).ok(), written.expect("a time"))
                })
                .collect();
            files.sort();
            files
        };
        let before = files();
        watch(
            folder.path(),
            &["night"],
            &["expect 6 of 6 done", "send q"],
            0,
        );
        assert_eq!(files(), before);
    }

    /// The output of `sim` is a pipe here, not a terminal. The message must be the same with every value of the variable `TERM`.
    #[test]
    fn without_a_terminal_the_message_says_what_to_use() {
        let folder = dataset("night");
        let sim = |terminal: Option<&str>| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
            command.args(["status", "night", "--watch"]);
            command.current_dir(folder.path()).env_remove("TERM");
            if let Some(terminal) = terminal {
                command.env("TERM", terminal);
            }
            command.output().expect("it runs")
        };
        for terminal in [None, Some("dumb"), Some("xterm")] {
            let output = sim(terminal);
            assert_eq!(output.status.code(), Some(2));
            assert_eq!(output.stdout, b"");
            assert_eq!(
                String::from_utf8_lossy(&output.stderr),
                "error: --watch needs a terminal that can move its cursor; use `sim status DATASET`, or `sim status DATASET --format json` for programs\n"
            );
        }
    }
}

#[test]
fn the_status_of_several_datasets_has_a_table_or_json_object_for_each() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a", "b"] {
        make(&experiment(SIX_RUNS), &folder.path().join(name), &[]);
    }
    let status = |format: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sim"));
        command.args(["status", "a", "b", "--format", format]);
        let output = command.current_dir(folder.path()).output();
        String::from_utf8(output.expect("it runs").stdout).expect("text")
    };
    assert_eq!(status("table").matches("runs planned").count(), 2);
    let json = status("json");
    let objects = serde_json::Deserializer::from_str(&json).into_iter::<serde_json::Value>();
    let done: Vec<_> = objects
        .map(|object| object.expect("JSON")["done"].clone())
        .collect();
    assert_eq!(done, [6, 6]);
}
