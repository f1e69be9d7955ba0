//! Tests of what `sim` refuses: files with mistakes, datasets of other experiments, and folders, ports and limits that it cannot use.

use super::*;

/// Checks that the command ends with exit code 2, with a message that contains `said`, and without output on stdout.
pub(super) fn check_refused(fixture: &Fixture, arguments: &[&str], said: &str) {
    let run = fixture.sim(arguments);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains(said), "{said} not in\n{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn mistakes_in_the_file_are_refused_with_line_and_key() {
    let fixture = Fixture::new();
    // Each row: a text of the file, the text that replaces it, and the message. In messages, the first entry of a list has the number 1:
    // `rates[1][2]` is the second rate in the first list of rates.
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
        fixture.write("e.toml", &EXPERIMENT.replacen(find, replace, 1));
        check_refused(&fixture, &["run", "e.toml"], said);
        check_refused(&fixture, &["plan", "e.toml"], said);
        assert!(!fixture.path("data").exists());
    }
    check_refused(
        &fixture,
        &["run", "missing.toml"],
        "cannot read the experiment file missing.toml",
    );
}

#[test]
fn a_dataset_of_another_experiment_is_refused_and_stays_as_it_is() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    assert_eq!(fixture.sim(&["run", "e.toml"]).code, 0);
    let before = fs::read(fixture.path("data/e/runs.csv")).expect("a journal");
    fixture.write("e.toml", &EXPERIMENT.replace("seed = 7", "seed = 8"));
    check_refused(
        &fixture,
        &["run", "e.toml"],
        "data/e contains runs of an experiment that has been changed:\n  seed: 7 in the dataset, 8 in the experiment\nundo the change",
    );
    check_refused(
        &fixture,
        &["plan", "e.toml"],
        "seed: 7 in the dataset, 8 in the experiment",
    );
    assert_eq!(
        fs::read(fixture.path("data/e/runs.csv")).expect("a journal"),
        before
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    // The file `data` prevents the creation of a folder with this name. This is an error for every user, even for root, whom
    // permissions do not restrict.
    fixture.write("data", "in the way");
    check_refused(&fixture, &["run", "e.toml"], "data/e");
    assert_eq!(
        fs::read_to_string(fixture.path("data")).expect("still there"),
        "in the way"
    );
}

/// Root may write everywhere, so the program is run as another user if root runs the tests.
#[cfg(unix)]
#[test]
#[ignore = "needs a user other than root, or setpriv"]
fn a_read_only_folder_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    fs::create_dir(fixture.path("data")).expect("a folder");
    fs::set_permissions(fixture.path("data"), fs::Permissions::from_mode(0o555))
        .expect("permissions");
    // Only root can write to the read-only folder.
    let is_root = fs::write(fixture.path("data/probe"), "").is_ok();
    // If root runs this test, the program runs as the user `nobody`. This user gets the permission to enter the test's folder. Perhaps
    // `nobody` cannot enter the folder of the build, so the program is copied to the test's folder.
    fs::set_permissions(fixture.folder.path(), fs::Permissions::from_mode(0o755)).expect("set");
    fs::copy(env!("CARGO_BIN_EXE_sim"), fixture.path("sim")).expect("a copy");
    let mut command = Command::new(if is_root { "setpriv" } else { "./sim" });
    if is_root {
        // 65534 is the user `nobody`.
        command.args(["--reuid", "65534", "--clear-groups", "./sim"]);
    }
    let output = command
        .args(["run", "e.toml"])
        .current_dir(fixture.folder.path())
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
fn unusable_ports_are_refused() {
    let fixture = Fixture::new();
    fixture.write("e.toml", EXPERIMENT);
    // One configuration of the experiment has three machines, and each machine needs a port. The first range below has only two ports.
    check_refused(
        &fixture,
        &["run", "e.toml", "--ports", "20000-20001"],
        "3 free ports from 20000-20001",
    );
    check_refused(
        &fixture,
        &["run", "e.toml", "--ports", "20000"],
        "is not a range of ports",
    );
    if cfg!(target_os = "linux") {
        // This listener occupies a port at all addresses of the computer. (A port that is taken at one address could be free at another.)
        let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        // The range has exactly the three ports that are needed, but its first port is occupied.
        check_refused(
            &fixture,
            &["run", "e.toml", "--ports", &format!("{port}-{}", port + 2)],
            "give other ports with --ports",
        );
    }
    assert!(!fixture.path("data").exists());
}

#[cfg(unix)]
#[test]
fn a_run_that_needs_more_sockets_than_the_limit_of_open_files_is_refused() {
    let fixture = Fixture::new();
    let rates = vec!["1"; 20].join(",");
    fixture.write(
        "e.toml",
        &format!("seed = 1\n[parameters]\nrates = [{rates}]\ninternal = 0.5\n"),
    );
    let command = format!("ulimit -n 300; {} plan e.toml", env!("CARGO_BIN_EXE_sim"));
    let output = Command::new("sh")
        .args(["-c", &command])
        .current_dir(fixture.folder.path())
        .output()
        .expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    // Each of the 20 machines has 19 sockets, one for its connection to each other machine. 20 * 19 = 380.
    assert!(
        stderr.contains(" open files (380 of them sockets), but this process may open 300;"),
        "{stderr}"
    );
}
