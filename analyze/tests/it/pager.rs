//! Tests of the pager: if stdout is a terminal, `analyze` shows tables in the pager of the user (a program such as `less`).

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::fixture;

/// A Python program. Its arguments are a command, such as `analyze drift small`. The program runs this command in a pseudo-terminal and has
/// the same exit code as the command.
const IN_TERMINAL: &str =
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/// Runs `analyze` in a pseudo-terminal. The environment variable `PAGER` has the value of `pager`. With `None`, the variable is not set.
/// Returns the exit code and what the terminal shows.
fn in_terminal(arguments: &[&str], pager: Option<&str>, folder: &Path) -> (i32, String) {
    in_terminal_with(arguments, pager, folder, &[])
}

/// Like [`in_terminal`], with further environment variables.
pub(crate) fn in_terminal_with(
    arguments: &[&str],
    pager: Option<&str>,
    folder: &Path,
    variables: &[(&str, &str)],
) -> (i32, String) {
    let mut command = Command::new("python3");
    command
        .args(["-c", IN_TERMINAL])
        .arg(assert_cmd::cargo::cargo_bin!("analyze"))
        .args(arguments)
        .current_dir(folder)
        .env("COLUMNS", "100")
        .env("TERM", "vt100")
        .env("LINES", "100")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .env_remove("PAGER");
    if let Some(pager) = pager {
        command.env("PAGER", pager);
    }
    let output = command.output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n"),
    )
}

/// A folder with the dataset `small` and the program `marking pager`. This pager prints the word `pager` and its first argument in
/// a line (`pager x` for the argument `x`), and then the text. The pager's name has a space, so the name must be in quotes in `PAGER`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let pager = folder.path().join("marking pager");
    fs::write(&pager, "#!/bin/sh\necho \"pager $1\"\ncat\n").unwrap();
    fs::set_permissions(&pager, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// What `analyze` writes if stdout is a pipe.
fn piped(arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("analyze"))
        .args(arguments)
        .current_dir(folder)
        .env("COLUMNS", "100")
        // `analyze` must not use this pager. If it did, the output would begin with the line `pager x`.
        .env("PAGER", "'./marking pager' x")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_terminal_shows_tables_in_the_pager_and_a_pipe_does_not() {
    let folder = folder();
    let pager = Some("'./marking pager' option");
    let whole = piped(&["drift", "small"], folder.path());
    assert!(whole.starts_with("Drift\n"), "{whole}");
    let (code, shown) = in_terminal(&["drift", "small"], pager, folder.path());
    assert_eq!((code, shown), (0, format!("pager option\n{whole}")));
    // With one of these options, `analyze` uses no pager, although stdout is a terminal.
    for arguments in [
        &["drift", "small", "--no-pager"][..],
        &["drift", "small", "--format", "csv"],
        &["drift", "small", "--format", "markdown"],
    ] {
        let (code, shown) = in_terminal(arguments, pager, folder.path());
        let piped = piped(arguments, folder.path());
        assert_eq!((code, shown), (0, piped), "{arguments:?}");
    }
}

#[test]
fn a_pager_that_is_missing_or_quits_early_is_no_error() {
    let folder = folder();
    let whole = piped(&["drift", "small"], folder.path());
    // `no-such-pager` does not exist, and in `'unbalanced` the second quote is missing. So in these two cases no pager can be
    // started, and the text is shown directly. The text is also shown directly if `PAGER` is empty or `cat`, because this is how users say
    // that they want no pager.
    for pager in ["no-such-pager", "", "cat", "'unbalanced"] {
        let shown = in_terminal(&["drift", "small"], Some(pager), folder.path());
        assert_eq!(shown, (0, whole.clone()), "{pager}");
    }
    // The program `false` quits at once and shows nothing.
    let shown = in_terminal(&["drift", "small"], Some("false"), folder.path());
    assert_eq!(shown, (0, String::new()));
    // This table is longer than the 65,536 bytes that a pipe can hold. So `analyze` still writes when `head` quits.
    let many = "
        name = \"many\"
        seed = 262
        duration_s = 4
        engine = \"virtual\"
        [parameters]
        rates = { every = \"ordered\", machines = 3, from = 1, to = 8 }
        internal = [0.5]
    ";
    fixture::simulated(&folder.path().join("many"), many);
    assert!(piped(&["drift", "many"], folder.path()).len() > 65_536);
    let shown = in_terminal(&["drift", "many"], Some("head -n 1"), folder.path());
    assert_eq!(shown, (0, "Drift\n".to_owned()));
}

/// If a check failed, `analyze` says so and has exit code 4, even if the pager shows nothing.
#[test]
fn a_failed_check_is_reported_after_the_pager() {
    let folder = folder();
    // The report of an audit is shown in the pager too.
    let arguments = ["audit", "small"];
    let (_, shown) = in_terminal(&arguments, Some("'./marking pager' x"), folder.path());
    assert!(shown.starts_with("pager x\n"), "{shown}");
    // If messages carry the sender's clock from before the send, a check fails.
    fixture::simulated(
        &folder.path().join("before"),
        &fixture::SMALL.replace("[parameters]", "[parameters]\nstamp = \"before\""),
    );
    let (code, shown) = in_terminal(&["audit", "before"], Some("false"), folder.path());
    assert_eq!(code, 4, "{shown}");
    assert!(shown.contains("check failed"), "{shown}");
}

/// `analyze` starts `less` with the option `-F`: then `less` quits at once if the text fits on the screen, as it does here. If
/// `less` is not installed, the text is shown directly.
#[test]
fn the_default_pager_is_less() {
    let folder = folder();
    let whole = piped(&["drift", "small"], folder.path());
    let (code, shown) = in_terminal(&["drift", "small"], None, folder.path());
    assert_eq!(code, 0);
    // `less` adds control characters, so only the lines are compared.
    assert!(whole.lines().all(|line| shown.contains(line)), "{shown}");
}
