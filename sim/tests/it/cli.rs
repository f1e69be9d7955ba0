//! Tests of the program `sim` as a user sees it: its commands, exit codes and messages.

mod changed_values;
mod refusals;
mod shards;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

use refusals::check_refused;

/// Two configurations with two runs each.
const EXPERIMENT: &str = "seed = 7\nduration_s = 2\ntime_scale = 20\nrepetitions = 2\n[parameters]\nrates = [[1, 3, 6], [2, 3]]\ninternal = 0.5\n";

/// A temporary folder in which the program is run.
struct Fixture {
    folder: TempDir,
}

/// What a command of the program did.
struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Fixture {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Writes a file in the folder. Returns its path.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("written");
        path
    }

    /// Runs the program in the folder. Without the variable `CARGO`, the program's messages name commands as `sim ...`, not as
    /// `cargo sim ...`.
    fn sim(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
        let output = command
            .current_dir(self.folder.path())
            .env_remove("CARGO")
            .args(arguments)
            .output()
            .expect("it runs");
        Outcome {
            code: output.status.code().expect("no signal"),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Returns the number of lines of a file.
fn lines(path: &Path) -> usize {
    fs::read_to_string(path).expect("a file").lines().count()
}

#[test]
fn runs_over_real_tcp_and_skips_finished_runs() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    let first = fixture.sim(&["run", "e.toml"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(
        first.stderr.contains("4 runs ok, 0 failed"),
        "{}",
        first.stderr
    );
    assert!(
        first.stderr.contains("next: analyze summary data/e"),
        "{}",
        first.stderr
    );
    assert_eq!(first.stdout, "");
    // The header and four runs.
    assert_eq!(lines(&fixture.path("data/e/runs.csv")), 5);
    // Two repetitions of two seconds, in one configuration with 1 + 3 + 6 ticks per second and in one with 2 + 3. One more line is
    // the header.
    assert_eq!(
        lines(&fixture.path("data/e/events-0000.csv")),
        2 * 2 * (10 + 5) + 1
    );
    let second = fixture.sim(&["run", "e.toml"]);
    assert_eq!(second.code, 0);
    assert!(second.stderr.contains("nothing to do"), "{}", second.stderr);
}

#[test]
fn plans_without_running() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    let plan = fixture.sim(&["plan", "e.toml"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    for line in [
        "configurations   2",
        "4 (0 done, 0 failed, 4 to do)",
        // All four runs are made at once. The plan counts as if each of them had the three machines of the largest run. Three machines have
        // three connections, each with a socket at both ends. So each run counts as 6 sockets.
        "sockets at once  24",
        // The end of the line `shortest margin`. The brackets contain the configuration that has this margin.
        " ms (rates 1,3,6, phase spread)",
        "wall time        about 0 s",
    ] {
        assert!(plan.stdout.contains(line), "{line} not in\n{}", plan.stdout);
    }
    assert!(!fixture.path("data").exists());
    fixture.sim(&["run", "e.toml", "--engine", "virtual"]);
    let plan = fixture.sim(&["plan", "e.toml", "--engine", "virtual"]);
    assert!(
        plan.stdout.contains("4 (4 done, 0 failed, 0 to do)"),
        "{}",
        plan.stdout
    );
}

/// With the phase `uniform`, ticks of two machines can be due at nearly the same time. So no margin is guaranteed.
#[test]
fn a_plan_says_for_which_phases_no_margin_is_guaranteed() {
    let fixture = Fixture::new();
    let margin = |phases: &str| {
        fixture.write("e.toml", &format!("{EXPERIMENT}phase = {phases}\n"));
        let plan = fixture.sim(&["plan", "e.toml"]).stdout;
        let line = plan
            .lines()
            .find(|line| line.starts_with("shortest margin"));
        line.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    // With the phase `spread`, the guaranteed margin is 1 / (L * N) seconds of model time. For the rates 1,3,6 the least common multiple
    // is L = 6, and the number of machines is N = 3. The plan shows real time. Model time passes 20 times faster than real time, so the
    // plan shows 1000 ms / (6 * 3) / 20 = 2.778 ms.
    let spread = "shortest margin at least 2.778 ms (rates 1,3,6, phase spread)";
    assert_eq!(margin("\"spread\"").as_deref(), Some(spread));
    let both = format!("{spread}; other phases have no guaranteed margin");
    assert_eq!(margin("[\"spread\", \"uniform\"]"), Some(both));
    assert_eq!(margin("\"uniform\""), None);
}

#[test]
fn options_replace_values_of_the_file() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    let run = fixture.sim(&[
        "run", "e.toml", "--engine", "virtual", "--data", "other", "--quiet",
    ]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let journal = fs::read_to_string(fixture.path("other/runs.csv")).expect("a journal");
    assert_eq!(journal.matches(",virtual,").count(), 4);
}

#[test]
fn status_counts_done_failed_and_remaining_runs() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    fixture.sim(&["run", "e.toml", "--engine", "virtual"]);
    // Remove run 1 from the journal (`runs.csv`, a row for each ended run), and change the row of run 2 as if the run had failed.
    let journal = fs::read_to_string(fixture.path("data/e/runs.csv")).expect("a journal");
    let mut rows: Vec<String> = journal.lines().map(str::to_owned).collect();
    // Line 0 is the header, so run 1 is in line 2. After its removal, run 2 is in line 2.
    rows.remove(2);
    // The columns `outcome` and `reason`. The reason is empty if the run is ok.
    rows[2] = rows[2].replace(",ok,,", ",failed,machine 1 was lost,");
    // Each row must have the right checksum again.
    let edited = sim::log::seal_journal(&(rows.join("\n") + "\n")).expect("CSV");
    fs::write(fixture.path("data/e/runs.csv"), edited).expect("written");
    let status = fixture.sim(&["status", "data/e"]);
    assert_eq!(status.code, 0, "{}", status.stderr);
    for line in [
        "runs planned    4",
        "done            2 (50.0 %)",
        "failed          1",
        "to do           1",
        "failures        1 x machine 1 was lost",
    ] {
        assert!(
            status.stdout.contains(line),
            "{line} not in\n{}",
            status.stdout
        );
    }
    // In virtual time no tick is late, so punctuality is not reported.
    assert!(!status.stdout.contains("punctual"), "{}", status.stdout);
    check_refused(&fixture, &["status", "."], ". is not a dataset");
}

/// Makes all runs of the experiment in virtual time. Then changes the row of run `run` in the journal
/// (`runs.csv`) as if the run had failed.
fn make_runs_with_a_failed_one(fixture: &Fixture, run: usize) {
    fixture.write("e.toml", EXPERIMENT);
    assert_eq!(
        fixture.sim(&["run", "e.toml", "--engine", "virtual"]).code,
        0
    );
    let journal = fs::read_to_string(fixture.path("data/e/runs.csv")).expect("a journal");
    let mut rows: Vec<String> = journal.lines().map(str::to_owned).collect();
    // Row 0 is the header. The columns `outcome` and `reason` are changed, and then the checksum of the row.
    rows[run + 1] = rows[run + 1].replace(",ok,,", ",failed,machine 1 was lost,");
    let edited = sim::log::seal_journal(&(rows.join("\n") + "\n")).expect("CSV");
    fs::write(fixture.path("data/e/runs.csv"), edited).expect("written");
}

/// `--only RUN` makes a single run, even if it has failed before. The run is named by its number or by its key.
#[test]
fn a_failed_run_that_the_user_names_is_made_again() {
    let fixture = Fixture::new();
    make_runs_with_a_failed_one(&fixture, 2);
    let again = fixture.sim(&["run", "e.toml", "--engine", "virtual"]);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    let journal = fs::read_to_string(fixture.path("data/e/runs.csv")).expect("a journal");
    // Runs 0 and 1 are repetition 0 of the two configurations. Run 2 is repetition 1 of the first configuration.
    let key = "rates=1,3,6 internal=0.5 phase=spread stamp=after duration_s=2 repetition=1";
    assert!(journal.contains(key), "{journal}");
    for name in ["2", key] {
        // Restores the journal in which run 2 has failed.
        fs::write(fixture.path("data/e/runs.csv"), &journal).expect("written");
        let only = ["run", "e.toml", "--engine", "virtual", "--only", name];
        let repeated = fixture.sim(&only);
        assert_eq!(repeated.code, 0, "{}", repeated.stderr);
        assert!(
            repeated.stderr.contains("1 runs ok, 0 failed"),
            "{}",
            repeated.stderr
        );
        // The header, four runs, and the second attempt of run 2.
        assert_eq!(lines(&fixture.path("data/e/runs.csv")), 1 + 4 + 1);
        let finished = fixture.sim(&only);
        assert!(finished.stderr.contains("nothing to do"), "{name}");
    }
    for (name, said) in [
        ("4", "--only 4: no such run"),
        ("rates=1", "--only `rates=1`: no such run"),
    ] {
        let only = ["run", "e.toml", "--engine", "virtual", "--only", name];
        check_refused(&fixture, &only, said);
    }
}

#[test]
fn a_wrong_run_name_creates_no_dataset() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    check_refused(&fixture, &["run", "e.toml", "--only", "4"], "no such run");
    assert!(!fixture.path("data").exists());
}

#[test]
fn the_last_messages_of_a_sweep_count_failed_and_punctual_runs_correctly() {
    let fixture = Fixture::new();
    make_runs_with_a_failed_one(&fixture, 1);
    let again = fixture.sim(&["run", "e.toml", "--engine", "virtual"]);
    let said = "1 runs failed in an earlier `sim run` and were not tried again";
    assert!(again.stderr.contains(said), "{}", again.stderr);
    // `--only 1` makes the failed run again. Then the message about earlier failures is left out.
    let retried = ["run", "e.toml", "--engine", "virtual", "--only", "1"];
    assert!(
        !fixture
            .sim(&retried)
            .stderr
            .contains("failed in an earlier")
    );
    let over_tcp = fixture.sim(&["run", "e.toml", "--data", "tcp"]).stderr;
    let dataset = sim::log::Dataset::open(&fixture.path("tcp")).expect("a dataset");
    let count = |condition: fn(&sim::log::JournalRow) -> bool| {
        dataset.finished().filter(|row| condition(row)).count()
    };
    let said = format!(
        "{} of 4 runs are identical to the simulated run with the same seed\n{} of 4 runs were punctual",
        count(|row| row.as_scheduled),
        count(|row| row.punctual)
    );
    assert!(over_tcp.contains(&said), "{said} not in {over_tcp}");
}

#[test]
fn runs_that_are_no_longer_planned_have_their_own_line_in_status() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    fixture.sim(&["run", "e.toml", "--engine", "virtual"]);
    // The second repetitions are no longer planned. Two runs with `internal = 0.6` are new in the plan.
    let smaller = EXPERIMENT.replace("repetitions = 2", "repetitions = 1");
    fixture.write("e.toml", &smaller.replace("0.5", "[0.5, 0.6]"));
    fixture.sim(&["run", "e.toml", "--engine", "virtual"]);
    let status = fixture.sim(&["status", "data/e"]).stdout;
    for line in [
        "runs planned       4\n",
        "done               4 (100.0 %)",
        "no longer planned  2 finished, which `done` does not count",
    ] {
        assert!(status.contains(line), "{line} not in\n{status}");
    }
}

#[test]
fn the_option_retry_failed_repeats_failed_runs() {
    let fixture = Fixture::new();
    make_runs_with_a_failed_one(&fixture, 1);
    let again = ["run", "e.toml", "--engine", "virtual", "--retry-failed"];
    let repeated = fixture.sim(&again);
    assert!(
        repeated.stderr.contains("1 runs ok, 0 failed"),
        "{}",
        repeated.stderr
    );
    let status = fixture.sim(&["status", "data/e", "--format", "json"]);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).expect("JSON");
    assert_eq!((&status["done"], &status["failed"]), (&4.into(), &0.into()));
}

#[test]
fn after_a_change_of_the_experiment_new_runs_and_runs_no_longer_planned_are_reported() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    fixture.sim(&["run", "e.toml", "--engine", "virtual"]);
    fixture.write("e.toml", &EXPERIMENT.replace("0.5", "[0.4, 0.5]"));
    let plan = fixture.sim(&["plan", "e.toml", "--engine", "virtual"]);
    assert!(
        plan.stdout.contains("8 (4 done, 0 failed, 4 to do)"),
        "{}",
        plan.stdout
    );
    let extended = fixture.sim(&["run", "e.toml", "--engine", "virtual"]);
    assert!(
        extended.stderr.starts_with(
            "the experiment was extended: 4 runs were added to the earlier 4\n4 runs to do"
        ),
        "{}",
        extended.stderr
    );
    // Without `repetitions`, each configuration has one run.
    fixture.write(
        "e.toml",
        &EXPERIMENT
            .replace("0.5", "[0.4, 0.5]")
            .replace("repetitions = 2", ""),
    );
    let fewer = fixture.sim(&["run", "e.toml", "--engine", "virtual"]);
    assert_eq!(fewer.code, 0);
    assert!(
        fewer
            .stderr
            .starts_with("4 runs of the dataset are not planned any more; they are kept"),
        "{}",
        fewer.stderr
    );
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_not_an_error() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    // `true` ends without reading its input. With `pipefail`, the exit code is that of `sim` if `sim` fails.
    for verb in ["plan e.toml", "completions bash"] {
        let command = format!("{} {verb} | true", env!("CARGO_BIN_EXE_sim"));
        let output = Command::new("bash")
            .args(["-o", "pipefail", "-c", &command])
            .current_dir(fixture.folder.path())
            .output()
            .expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""));
    }
}

#[test]
fn no_color_turns_colours_off() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    command.env("CLICOLOR_FORCE", "1").arg("--help");
    let coloured = command.output().expect("it runs").stdout;
    let plain = command.env("NO_COLOR", "1").output().expect("it runs");
    // The byte with which a change of the colour begins.
    let escape = 0x1b;
    assert!(coloured.contains(&escape) && !plain.stdout.contains(&escape));
}

#[test]
fn completions_and_manual_pages_contain_every_command() {
    let fixture = Fixture::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = fixture.sim(&["completions", shell]);
        assert_eq!(script.code, 0, "{}", script.stderr);
        // `--retry-failed` is an option of `sim run`. A script that contains this option contains the command `run` too.
        assert!(script.stdout.contains("retry-failed"), "{shell}");
    }
    // `pages` is the folder for the manual pages.
    assert_eq!(fixture.sim(&["man", "pages"]).code, 0);
    for page in ["sim.1", "sim-run.1", "sim-status.1"] {
        let page = fs::read_to_string(fixture.path("pages").join(page)).expect("a page");
        assert!(page.contains(".TH sim"), "{page}");
    }
}

#[test]
fn status_shows_the_next_command_after_an_unfinished_and_after_a_finished_sweep() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    let run = ["run", "e.toml", "--engine", "virtual"];
    fixture.sim(&[&run[..], &["--only", "1"]].concat());
    let status = fixture.sim(&["status", "data/e"]);
    // The command to resume makes all runs that are left, so it is shown without `--only 1`.
    assert!(
        status.stdout.contains("e.toml --engine virtual\n"),
        "{}",
        status.stdout
    );
    assert!(status.stdout.contains("to resume"), "{}", status.stdout);
    // The command for a renamed dataset continues this dataset.
    fs::rename(fixture.path("data/e"), fixture.path("data/moved")).expect("renamed");
    let status = fixture.sim(&["status", "data/moved"]);
    assert!(
        status.stdout.contains("e.toml --engine virtual --data ")
            && status.stdout.contains("data/moved\n"),
        "{}",
        status.stdout
    );
    fs::rename(fixture.path("data/moved"), fixture.path("data/e")).expect("renamed");
    fixture.sim(&run);
    let plan = fixture.sim(&[&["plan"], &run[1..]].concat());
    assert!(plan.stdout.contains(" 0 to do)") && !plan.stdout.contains("runs at once"));
    let status = fixture.sim(&["status", "data/e"]);
    assert!(!status.stdout.contains("to resume"), "{}", status.stdout);
    assert!(
        status.stdout.contains("analyze summary data/e"),
        "{}",
        status.stdout
    );
}

#[test]
fn sim_run_and_sim_status_give_advice_if_all_margins_are_0() {
    let fixture = Fixture::new();
    // With aligned phases, ticks of different machines are due at the same time. So any delay can change their order: the margin is 0.
    fixture.write("e.toml", &format!("{EXPERIMENT}phase = \"aligned\"\n"));
    let run = fixture.sim(&["run", "e.toml"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for (name, text) in [
        ("run", &run.stderr),
        ("status", &fixture.sim(&["status", "data/e"]).stdout),
    ] {
        // A table may have broken the text into several lines.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            text.contains("none of the runs can be punctual")
                && text.contains("phase = \"spread\""),
            "{name}: {text}"
        );
    }
}
