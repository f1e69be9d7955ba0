//! `analyze` prints commands and lines of Python. These tests check that a user can paste and run them, even if the name of the dataset's
//! folder has special characters.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command_line::analyze;
use crate::fixture;

/// Names that are hard to quote: they have characters with a meaning in a shell, in Python or in a file pattern (such as `*`), or they
/// look like an option.
const NAMES: [&str; 8] = [
    "a b",
    "quo\"te",
    "it's",
    "br[1]",
    "back\\slash",
    "$HOME",
    "é;*?",
    "-dash",
];

/// A log of two machines.
const LOG: &str = "machine,time,event,clock,queue\na,0,internal,1,0\nb,0,internal,1,0\na,1,internal,2,0\nb,1,internal,2,0\n";

/// Runs `line` in a shell, as if a user had pasted it. The word `analyze` in the line calls the tested program. Returns the exit code and
/// stdout.
fn run_pasted(line: &str, folder: &Path) -> (Option<i32>, String) {
    let output = Command::new("sh")
        // The argument after the text of the script is `$0` in the script: here, the path of the tested program.
        .args(["-c", &format!("analyze() {{ \"$0\" \"$@\"; }}; {line}")])
        .arg(assert_cmd::cargo::cargo_bin!("analyze"))
        .current_dir(folder)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn the_command_printed_after_an_import_can_be_pasted() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log.csv"), LOG).unwrap();
    for name in NAMES {
        let into = format!("--into={name}");
        let (code, out, err) = analyze(&["import", "log.csv", &into], folder.path());
        assert_eq!(code, 0, "{err}");
        // The output ends with `Next: analyze summary DATASET, analyze audit DATASET`.
        let (_, commands) = out.trim_end().rsplit_once(" Next: ").unwrap();
        let (summary, dataset) = commands.split_once(", analyze audit ").unwrap();
        let (code, table) = run_pasted(summary, folder.path());
        assert_eq!(code, Some(0), "{summary}");
        assert!(table.contains("1 run finished"), "{table}");
        let (code, _) = run_pasted(&format!("analyze audit {dataset}"), folder.path());
        // The audit may find violations in this log (exit code 4). But exit code 2 means that the pasted command is wrong, for example that
        // the folder was not found.
        assert!(code.is_some_and(|code| code != 2), "{dataset}");
    }
}

#[test]
fn the_python_line_printed_after_an_export_can_be_pasted() {
    let folder = tempfile::tempdir().unwrap();
    for name in NAMES {
        fixture::simulated(&folder.path().join(name), fixture::BY_HAND);
        let (code, _, err) = analyze(&["export", "--", name], folder.path());
        assert_eq!(code, 0, "{err}");
        let line = err.lines().last().unwrap();
        let call = line.strip_prefix("In Python: ").unwrap();
        // This program has its own `pl` in place of Polars. Its `read_parquet` only checks that the path exists, and that `glob=False` is
        // given if the path has characters of file patterns.
        let program = format!(
            "import os\nclass pl:\n  def read_parquet(path, glob=True):\n    assert os.path.exists(path), path\n    assert not (glob and set('*?[') & set(path)), path\n{call}\n"
        );
        let output = Command::new("python3")
            .args(["-c", &program])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{line}: {error}");
    }
}

#[test]
fn the_command_that_makes_a_missing_dataset_can_be_pasted() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("my claims")).unwrap();
    let claims = include_str!("../../../experiments/claims.toml");
    fs::write(folder.path().join("my claims/all.toml"), claims).unwrap();
    let arguments = ["claims", "my claims/all.toml", "--data", "my data"];
    let (code, _, err) = analyze(&arguments, folder.path());
    assert_eq!(code, 2);
    // The message has each command between two backticks.
    let commands: Vec<&str> = err
        .split('`')
        .filter(|part| part.starts_with("cargo sim run "))
        .collect();
    assert!(!commands.is_empty(), "{err}");
    // A command is `cargo sim run EXPERIMENT --data FOLDER`. `set --` does not run the command, but stores its 6 words in `$1` to `$6`.
    // Then the shell prints the number of words (`$#`), the experiment (`$4`) and the folder (`$6`).
    for command in commands {
        let (_, words) = run_pasted(
            &format!("set -- {command}; echo $#; echo \"$4\"; echo \"$6\""),
            folder.path(),
        );
        let words: Vec<&str> = words.lines().collect();
        assert_eq!(words[0], "6", "{command}");
        assert!(words[1].starts_with("my claims/"), "{command}");
        assert!(words[2].starts_with("my data/"), "{command}");
    }
}
