//! Verdicts, regimes and failures have colours on a terminal, and only there.

#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use crate::fixture;
use crate::pager::in_terminal_with;

/// What a pipe receives with these environment variables.
fn piped(arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("analyze"));
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    let output = command
        .args(arguments)
        .current_dir(folder)
        .env("COLUMNS", "100")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What a terminal shows without a pager.
fn shown(arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> String {
    let arguments = [arguments, &["--no-pager"]].concat();
    in_terminal_with(&arguments, None, folder, variables).1
}

/// A text without the codes of colours.
fn plain(text: &str) -> String {
    ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"]
        .iter()
        .fold(text.to_owned(), |text, code| text.replace(code, ""))
}

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
        let without = piped(&arguments, folder, &[]);
        assert!(!without.contains('\x1b'), "{without}");
        assert_eq!(plain(&text), without);
    }
}

#[test]
fn variables_switch_colours_off_and_on() {
    let folder = small();
    let folder = folder.path();
    let arguments = ["theory", "small"];
    let without = piped(&arguments, folder, &[]);
    for off in [
        &[("NO_COLOR", "1")][..],
        &[("CLICOLOR", "0")],
        &[("TERM", "dumb")],
        &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
    ] {
        assert_eq!(shown(&arguments, folder, off), without, "{off:?}");
    }
    let forced = [("CLICOLOR_FORCE", "1")];
    let with = piped(&arguments, folder, &forced);
    assert_eq!(with, shown(&arguments, folder, &[]));
    for format in ["csv", "json", "markdown"] {
        let arguments = ["theory", "small", "--format", format];
        let text = piped(&arguments, folder, &forced);
        assert!(!text.contains('\x1b'), "{text}");
        assert_eq!(text, piped(&arguments, folder, &[]));
    }
}

#[test]
fn a_failed_check_is_red() {
    let folder = tempfile::tempdir().unwrap();
    let before = fixture::SMALL.replace("[parameters]", "[parameters]\nstamp = \"before\"");
    fixture::simulated(&folder.path().join("before"), &before);
    let text = shown(&["audit", "before"], folder.path(), &[]);
    assert!(text.contains("\x1b[31mCHECK FAILED\x1b[0m"), "{text}");
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.ends_with("\x1b[0m"))
        .collect();
    assert_eq!(rows.len(), 1, "{text}");
    // The terminal also shows the error on stderr.
    let without = piped(&["audit", "before"], folder.path(), &[]);
    assert!(plain(&text).starts_with(&without), "{text}");
}
