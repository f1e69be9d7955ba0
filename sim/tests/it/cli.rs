//! The `sim` program as a user meets it: verbs, exit codes, messages.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

const EXPERIMENT: &str = "seed = 7\nduration_s = 2\ntime_scale = 20\nrepetitions = 2\n[parameters]\nrates = [[1, 3, 6], [2, 3]]\ninternal = 0.5\n";

struct Desk {
    folder: TempDir,
}

struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    }

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

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).expect("a file").lines().count()
}

#[test]
fn runs_over_real_tcp_and_skips_what_is_done() {
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    let first = desk.sim(&["run", "e.toml"]);
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
    assert_eq!(lines(&desk.path("data/e/runs.csv")), 5);
    // Two seconds of 1 + 3 + 6 and of 2 + 3 ticks per second, twice each, and the header.
    assert_eq!(
        lines(&desk.path("data/e/events-0000.csv")),
        2 * 2 * (10 + 5) + 1
    );
    let second = desk.sim(&["run", "e.toml"]);
    assert_eq!(second.code, 0);
    assert!(second.stderr.contains("nothing to do"), "{}", second.stderr);
}

#[test]
fn plans_without_running() {
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    let plan = desk.sim(&["plan", "e.toml"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    for line in [
        "configurations   2",
        "4 (0 done, 0 failed, 4 to do)",
        "sockets at once  24",
        " ms (rates 1,3,6, phase spread)",
        "wall time        about 0 s",
    ] {
        assert!(plan.stdout.contains(line), "{line} not in\n{}", plan.stdout);
    }
    assert!(!desk.path("data").exists());
    desk.sim(&["run", "e.toml", "--engine", "virtual"]);
    let plan = desk.sim(&["plan", "e.toml", "--engine", "virtual"]);
    assert!(
        plan.stdout.contains("4 (4 done, 0 failed, 0 to do)"),
        "{}",
        plan.stdout
    );
}

#[test]
fn options_stand_in_for_the_file() {
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    let run = desk.sim(&[
        "run", "e.toml", "--engine", "virtual", "--data", "twins", "--quiet",
    ]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let journal = fs::read_to_string(desk.path("twins/runs.csv")).expect("a journal");
    assert_eq!(journal.matches(",virtual,").count(), 4);
}

#[test]
fn status_says_how_far_a_dataset_has_come() {
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    desk.sim(&["run", "e.toml", "--engine", "virtual"]);
    // Take one run out, and let another have failed.
    let journal = fs::read_to_string(desk.path("data/e/runs.csv")).expect("a journal");
    let mut rows: Vec<String> = journal.lines().map(str::to_owned).collect();
    rows.remove(2);
    rows[2] = rows[2].replace(",ok,,", ",failed,machine 1 was lost,");
    let edited = sim::log::seal_journal(&(rows.join("\n") + "\n")).expect("CSV");
    fs::write(desk.path("data/e/runs.csv"), edited).expect("written");
    let status = desk.sim(&["status", "data/e"]);
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
    assert!(!status.stdout.contains("punctual"), "{}", status.stdout);
    is_refused(&desk, &["status", "."], ". is not a dataset");
}

/// Exit code 2, a message that names the place, and nothing made or damaged.
fn is_refused(desk: &Desk, arguments: &[&str], said: &str) {
    let run = desk.sim(arguments);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains(said), "{said} not in\n{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn mistakes_in_the_file_are_refused_with_line_and_key() {
    let desk = Desk::new();
    for (find, replace, said) in [
        (
            "seed",
            "sead",
            "e.toml:1: `sead`: no such key; did you mean `seed`?",
        ),
        (
            "= 2\n",
            "= \"x\"\n",
            "e.toml:2: `duration_s`: wanted a number of seconds",
        ),
        (
            "[1, 3, 6]",
            "[1, 0, 6]",
            "e.toml:6: `parameters.rates[1][2]`: 0 is not a rate",
        ),
        (
            "0.5",
            "1.2",
            "e.toml:7: `parameters.internal`: 1.2 is not a probability from 0 to 1",
        ),
        ("0.5", "[]", "e.toml:7: `parameters.internal`: empty"),
    ] {
        desk.write("e.toml", &EXPERIMENT.replacen(find, replace, 1));
        is_refused(&desk, &["run", "e.toml"], said);
        is_refused(&desk, &["plan", "e.toml"], said);
        assert!(!desk.path("data").exists());
    }
    is_refused(
        &desk,
        &["run", "missing.toml"],
        "cannot read the experiment file missing.toml",
    );
}

#[test]
fn another_experiments_dataset_is_refused() {
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    assert_eq!(desk.sim(&["run", "e.toml"]).code, 0);
    let before = fs::read(desk.path("data/e/runs.csv")).expect("a journal");
    desk.write("e.toml", &EXPERIMENT.replace("seed = 7", "seed = 8"));
    is_refused(
        &desk,
        &["run", "e.toml"],
        "data/e holds runs that this experiment would change the meaning of:\n  seed: 7 there, 8 here\nundo the change",
    );
    is_refused(&desk, &["plan", "e.toml"], "seed: 7 there, 8 here");
    assert_eq!(
        fs::read(desk.path("data/e/runs.csv")).expect("a journal"),
        before
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    // A file where the folder should be: refused whoever asks, even where permissions bind nobody (root).
    desk.write("data", "in the way");
    is_refused(&desk, &["run", "e.toml"], "data/e");
    assert_eq!(
        fs::read_to_string(desk.path("data")).expect("still there"),
        "in the way"
    );
}

/// Root may write everywhere: where it runs the tests, the program is run as another user.
#[cfg(unix)]
#[test]
#[ignore = "needs a user other than root, or setpriv"]
fn a_read_only_folder_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    fs::create_dir(desk.path("data")).expect("a folder");
    fs::set_permissions(desk.path("data"), fs::Permissions::from_mode(0o555)).expect("permissions");
    let is_root = fs::write(desk.path("data/probe"), "").is_ok();
    fs::set_permissions(desk.folder.path(), fs::Permissions::from_mode(0o755)).expect("set");
    fs::copy(env!("CARGO_BIN_EXE_sim"), desk.path("sim")).expect("a copy");
    let mut command = Command::new(if is_root { "setpriv" } else { "./sim" });
    if is_root {
        command.args(["--reuid", "65534", "--clear-groups", "./sim"]);
    }
    let output = command
        .args(["run", "e.toml"])
        .current_dir(desk.folder.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("data/e cannot be a dataset's folder: Permission denied"),
        "{said}"
    );
}

#[test]
fn ports_that_do_not_do_are_refused() {
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    is_refused(
        &desk,
        &["run", "e.toml", "--ports", "20000-20001"],
        "3 free ports from 20000-20001",
    );
    is_refused(
        &desk,
        &["run", "e.toml", "--ports", "20000"],
        "is not a range of ports",
    );
    if cfg!(target_os = "linux") {
        let everywhere = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
        let port = everywhere.local_addr().expect("bound").port();
        is_refused(
            &desk,
            &["run", "e.toml", "--ports", &format!("{port}-{}", port + 2)],
            "name other ports with --ports",
        );
    }
    assert!(!desk.path("data").exists());
}

#[cfg(unix)]
#[test]
fn a_run_larger_than_the_process_may_be_is_refused() {
    let desk = Desk::new();
    let rates = vec!["1"; 20].join(",");
    desk.write(
        "e.toml",
        &format!("seed = 1\n[parameters]\nrates = [{rates}]\ninternal = 0.5\n"),
    );
    let command = format!("ulimit -n 300; {} plan e.toml", env!("CARGO_BIN_EXE_sim"));
    let output = Command::new("sh")
        .args(["-c", &command])
        .current_dir(desk.folder.path())
        .output()
        .expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("20 machines needs 380 sockets, but this process may open 300 files"),
        "{stderr}"
    );
}

/// The journal of two virtual sweeps, in which one run has failed by the stroke of a pen.
fn with_a_failed_run(desk: &Desk, run: usize) {
    desk.write("e.toml", EXPERIMENT);
    assert_eq!(desk.sim(&["run", "e.toml", "--engine", "virtual"]).code, 0);
    let journal = fs::read_to_string(desk.path("data/e/runs.csv")).expect("a journal");
    let mut rows: Vec<String> = journal.lines().map(str::to_owned).collect();
    rows[run + 1] = rows[run + 1].replace(",ok,,", ",failed,machine 1 was lost,");
    let edited = sim::log::seal_journal(&(rows.join("\n") + "\n")).expect("CSV");
    fs::write(desk.path("data/e/runs.csv"), edited).expect("written");
}

#[test]
fn a_failed_run_is_repeated_alone() {
    let desk = Desk::new();
    with_a_failed_run(&desk, 2);
    let again = desk.sim(&["run", "e.toml", "--engine", "virtual"]);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    let journal = fs::read_to_string(desk.path("data/e/runs.csv")).expect("a journal");
    let key = "rates=1,3,6 internal=0.5 phase=spread stamp=after duration_s=2 repetition=1";
    assert!(journal.contains(key), "{journal}");
    for name in ["2", key] {
        fs::write(desk.path("data/e/runs.csv"), &journal).expect("written");
        let only = ["run", "e.toml", "--engine", "virtual", "--only", name];
        let repeated = desk.sim(&only);
        assert_eq!(repeated.code, 0, "{}", repeated.stderr);
        assert!(
            repeated.stderr.contains("1 runs ok, 0 failed"),
            "{}",
            repeated.stderr
        );
        assert_eq!(lines(&desk.path("data/e/runs.csv")), 1 + 4 + 1);
        let repeated = desk.sim(&only);
        assert!(repeated.stderr.contains("nothing to do"), "{name}");
    }
    for (name, said) in [
        ("4", "--only 4: no such run"),
        ("rates=1", "--only `rates=1`: no such run"),
    ] {
        let only = ["run", "e.toml", "--engine", "virtual", "--only", name];
        is_refused(&desk, &only, said);
    }
}

#[test]
fn a_slip_in_a_runs_name_makes_no_dataset() {
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    is_refused(&desk, &["run", "e.toml", "--only", "4"], "no such run");
    assert!(!desk.path("data").exists());
}

#[test]
fn the_closing_line_counts_what_it_says() {
    let desk = Desk::new();
    with_a_failed_run(&desk, 1);
    let again = desk.sim(&["run", "e.toml", "--engine", "virtual"]);
    let said = "1 runs failed in an earlier sweep and were not tried again";
    assert!(again.stderr.contains(said), "{}", again.stderr);
    let retried = ["run", "e.toml", "--engine", "virtual", "--only", "1"];
    assert!(!desk.sim(&retried).stderr.contains("failed in an earlier"));
    let over_tcp = desk.sim(&["run", "e.toml", "--data", "tcp"]).stderr;
    let journal = sim::log::Dataset::open(&desk.path("tcp")).expect("a dataset");
    let count = |counts: fn(&sim::log::JournalRow) -> bool| {
        journal.finished().filter(|row| counts(row)).count()
    };
    let said = format!(
        "{} of 4 are identical to the simulated run of the same seed, {} of 4 were punctual",
        count(|row| row.as_scheduled),
        count(|row| row.punctual)
    );
    assert!(over_tcp.contains(&said), "{said} not in {over_tcp}");
}

#[test]
fn status_tells_runs_apart_that_are_no_longer_planned() {
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    desk.sim(&["run", "e.toml", "--engine", "virtual"]);
    let smaller = EXPERIMENT.replace("repetitions = 2", "repetitions = 1");
    desk.write("e.toml", &smaller.replace("0.5", "[0.5, 0.6]"));
    desk.sim(&["run", "e.toml", "--engine", "virtual"]);
    let status = desk.sim(&["status", "data/e"]).stdout;
    for line in [
        "runs planned       4\n",
        "done               4 (100.0 %)",
        "no longer planned  2 more",
    ] {
        assert!(status.contains(line), "{line} not in\n{status}");
    }
}

#[test]
fn failed_runs_are_repeated_on_request() {
    let desk = Desk::new();
    with_a_failed_run(&desk, 1);
    let again = ["run", "e.toml", "--engine", "virtual", "--retry-failed"];
    let repeated = desk.sim(&again);
    assert!(
        repeated.stderr.contains("1 runs ok, 0 failed"),
        "{}",
        repeated.stderr
    );
    let status = desk.sim(&["status", "data/e", "--format", "json"]);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).expect("JSON");
    assert_eq!((&status["done"], &status["failed"]), (&4.into(), &0.into()));
}

#[test]
fn shards_make_one_dataset() {
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    let run = |shard: &str| desk.sim(&["run", "e.toml", "--engine", "virtual", "--shard", shard]);
    let first = run("1/2");
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(
        first.stderr.contains("-> data/e/shard-1-of-2 (")
            && first.stderr.contains("next: analyze summary data/e\n"),
        "{}",
        first.stderr
    );
    let status = || desk.sim(&["status", "data/e"]).stdout;
    assert!(status().contains("missing shards  2/2"), "{}", status());
    assert_eq!(run("2/2").code, 0);
    assert!(
        status().contains("done            4 (100.0 %)"),
        "{}",
        status()
    );
    assert!(!status().contains("missing"), "{}", status());
    let plan = desk.sim(&["plan", "e.toml", "--engine", "virtual", "--shard", "2/2"]);
    assert!(
        plan.stdout.contains("shard           2/2"),
        "{}",
        plan.stdout
    );
    assert!(plan.stdout.contains(" 0 to do)"), "{}", plan.stdout);
    is_refused(
        &desk,
        &["run", "e.toml", "--shard", "3/2"],
        "`3/2` is not a shard such as 1/4, from 1/4 to 4/4",
    );
}

#[test]
fn an_extended_experiment_says_what_it_adds() {
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    desk.sim(&["run", "e.toml", "--engine", "virtual"]);
    desk.write("e.toml", &EXPERIMENT.replace("0.5", "[0.4, 0.5]"));
    let plan = desk.sim(&["plan", "e.toml", "--engine", "virtual"]);
    assert!(
        plan.stdout.contains("8 (4 done, 0 failed, 4 to do)"),
        "{}",
        plan.stdout
    );
    let extended = desk.sim(&["run", "e.toml", "--engine", "virtual"]);
    assert!(
        extended.stderr.starts_with(
            "the experiment was extended: 4 runs more than the 4 that there were\n4 runs to do"
        ),
        "{}",
        extended.stderr
    );
    desk.write(
        "e.toml",
        &EXPERIMENT
            .replace("0.5", "[0.4, 0.5]")
            .replace("repetitions = 2", ""),
    );
    let fewer = desk.sim(&["run", "e.toml", "--engine", "virtual"]);
    assert_eq!(fewer.code, 0);
    assert!(
        fewer
            .stderr
            .starts_with("4 runs of the dataset are not planned any more; they stay"),
        "{}",
        fewer.stderr
    );
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let desk = Desk::new();
    desk.write("e.toml", EXPERIMENT);
    for verb in ["plan e.toml", "completions bash"] {
        let command = format!("{} {verb} | true", env!("CARGO_BIN_EXE_sim"));
        let output = Command::new("bash")
            .args(["-o", "pipefail", "-c", &command])
            .current_dir(desk.folder.path())
            .output()
            .expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""));
    }
}

#[test]
fn there_is_no_colour_where_none_is_wanted() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    command.env("CLICOLOR_FORCE", "1").arg("--help");
    let coloured = command.output().expect("it runs").stdout;
    let plain = command.env("NO_COLOR", "1").output().expect("it runs");
    assert!(coloured.contains(&0x1b) && !plain.stdout.contains(&0x1b));
}

#[test]
fn shells_and_manuals_know_every_verb() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = desk.sim(&["completions", shell]);
        assert_eq!(script.code, 0, "{}", script.stderr);
        assert!(script.stdout.contains("retry-failed"), "{shell}");
    }
    assert_eq!(desk.sim(&["man", "pages"]).code, 0);
    for page in ["sim.1", "sim-run.1", "sim-status.1"] {
        let page = fs::read_to_string(desk.path("pages").join(page)).expect("a page");
        assert!(page.contains(".TH sim"), "{page}");
    }
}
