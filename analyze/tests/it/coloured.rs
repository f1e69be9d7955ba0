//! Tests of colours: verdicts (such as `Check passed`) and regimes (such as `overloaded`) have colours on a terminal, but not in a pipe.

#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use crate::fixture;
use crate::pager::in_terminal_with;

/// What `analyze` writes to a pipe if these environment variables are set.
fn piped(arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("analyze"));
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    let output = command
        .args(arguments)
        .current_dir(folder)
        // The width of the terminal in `shown`, so that both texts have the same line breaks.
        .env("COLUMNS", "100")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What `analyze` shows on a terminal, without a pager, if these environment variables are set.
fn shown(arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> String {
    let arguments = [arguments, &["--no-pager"]].concat();
    let pager = None;
    let (_exit_code, text) = in_terminal_with(&arguments, pager, folder, variables);
    text
}

/// The text without the codes of colours: red, green, yellow and the end of a colour.
fn without_colours(text: &str) -> String {
    ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"]
        .iter()
        .fold(text.to_owned(), |text, code| text.replace(code, ""))
}

/// A folder with the dataset `small`.
fn small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    folder
}

#[test]
fn colours_do_not_change_the_text() {
    let folder = small();
    let folder = folder.path();
    for (command, word) in [
        ("theory", "\x1b[31moverloaded\x1b[0m"),
        ("summary", "\x1b[31moverloaded\x1b[0m"),
        ("audit", "\x1b[32mCheck passed\x1b[0m"),
    ] {
        let arguments = [command, "small"];
        let text = shown(&arguments, folder, &[]);
        assert!(text.contains(word), "{text}");
        let text_in_pipe = piped(&arguments, folder, &[]);
        assert!(!text_in_pipe.contains('\x1b'), "{text_in_pipe}");
        assert_eq!(without_colours(&text), text_in_pipe);
    }
}

#[test]
fn environment_variables_switch_colours_off_and_on() {
    let folder = small();
    let folder = folder.path();
    let arguments = ["theory", "small"];
    let plain = piped(&arguments, folder, &[]);
    for off in [
        &[("NO_COLOR", "1")][..],
        &[("CLICOLOR", "0")],
        &[("TERM", "dumb")],
        // NO_COLOR has priority over CLICOLOR_FORCE.
        &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
    ] {
        assert_eq!(shown(&arguments, folder, off), plain, "{off:?}");
    }
    let forced = [("CLICOLOR_FORCE", "1")];
    let coloured = piped(&arguments, folder, &forced);
    assert_eq!(coloured, shown(&arguments, folder, &[]));
    for format in ["csv", "json", "markdown"] {
        let arguments = ["theory", "small", "--format", format];
        let text = piped(&arguments, folder, &forced);
        assert!(!text.contains('\x1b'), "{text}");
        assert_eq!(text, piped(&arguments, folder, &[]));
    }
}

#[test]
fn check_failed_and_the_number_of_violations_are_coloured() {
    let folder = tempfile::tempdir().unwrap();
    // With `stamp = "before"`, the clock of a receive can be equal to the clock of its send. So the check of the Clock Condition fails.
    let before = fixture::SMALL.replace("[parameters]", "[parameters]\nstamp = \"before\"");
    fixture::simulated(&folder.path().join("before"), &before);
    let text = shown(&["audit", "before"], folder.path(), &[]);
    assert!(text.contains("\x1b[31mCHECK FAILED\x1b[0m"), "{text}");
    // In the row of the failed check, the last cell is coloured: the number of violations. So this row ends with the code for the end of a
    // colour. No other line does.
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.ends_with("\x1b[0m"))
        .collect();
    assert_eq!(rows.len(), 1, "{text}");
    // The text on the terminal is longer, because the terminal also shows the error on stderr.
    let text_in_pipe = piped(&["audit", "before"], folder.path(), &[]);
    assert!(without_colours(&text).starts_with(&text_in_pipe), "{text}");
}
