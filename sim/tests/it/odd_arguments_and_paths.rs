//! Tests of unusual arguments and environments: paths that are not UTF-8, that need quotes in a shell, or that are too long, and
//! terminals that report no width or an extreme one. In shell commands, `$SIM` is the program `sim`.

use std::path::Path;

use crate::support::{bash, finished};

const VIRTUAL: &str = "seed = 7\nduration_s = 5\nengine = \"virtual\"\n[parameters]\nrates = [1, 3, 6]\ninternal = [0.7, 0.4]\n";

/// Returns a folder with the experiment `e.toml`, which has two runs.
fn folder_with_experiment() -> tempfile::TempDir {
    let work = tempfile::tempdir().expect("a folder");
    std::fs::write(work.path().join("e.toml"), VIRTUAL).expect("written");
    work
}

// macOS refuses names that are not UTF-8.
#[cfg(target_os = "linux")]
#[test]
fn paths_that_are_not_utf_8_can_be_used() {
    let work = folder_with_experiment();
    // The byte e9 is the letter `é` in Latin-1. In UTF-8 it is not a whole letter.
    let made = bash(work.path(), r"mkdir $'caf\xe9'");
    assert!(made.status.success(), "{made:?}");
    for line in [
        r"$SIM plan e.toml --data $'caf\xe9'",
        r"$SIM run e.toml --data $'caf\xe9'",
        r"$SIM status $'caf\xe9'",
        r"cp e.toml $'\xe9.toml' && $SIM run $'\xe9.toml'",
    ] {
        let output = bash(work.path(), line);
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    }
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9");
    let root = work.path().join(name);
    assert_eq!(finished(&root).len(), 2);
    let manifest = std::fs::read_to_string(root.join("dataset.json")).expect("a manifest");
    // The manifest has the command that made the dataset. In JSON the backslash is doubled.
    assert!(manifest.contains(r"--data $'caf\\xe9'"), "{manifest}");
}

/// If a path cannot be a folder, the message ends with the advice to choose another one. It does not say how to resume: there are no
/// finished runs, and the same command would fail again.
#[test]
fn a_path_that_cannot_be_a_folder_is_reported() {
    let work = folder_with_experiment();
    let made = bash(
        work.path(),
        "touch file; ln -s nowhere dangling; ln -s loop loop",
    );
    assert!(made.status.success());
    for path in ["file", "file/below", "dangling", "loop", "/dev/null"] {
        for line in [
            format!("$SIM run e.toml --data {path}"),
            format!("$SIM run e.toml --shard 1/2 --data {path}"),
            format!("$SIM plan e.toml --data {path}"),
            format!("$SIM status {path}"),
        ] {
            // `plan` and `status` create nothing, so they do not notice that the link `dangling` leads nowhere.
            let creates_nothing = !line.contains("run");
            if path == "dangling" && creates_nothing {
                continue;
            }
            let output = bash(work.path(), &line);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{line}: {said}");
            assert!(said.contains("cannot be a dataset's folder"), "{said}");
            assert!(said.ends_with("; choose another folder\n"), "{said}");
        }
    }
}

/// The commands in the messages `resume with:` and `next:` can be pasted into a shell, whatever the name of the dataset. The command after
/// `next:` is `analyze summary DATASET`. Here a shell function replaces `analyze`. It prints its second argument, the dataset.
#[test]
fn printed_commands_work_when_pasted() {
    let work = folder_with_experiment();
    for name in ["a b", "it's", "$HOME", "a;b", "-d", "*"] {
        // Within a text in single quotes, a single quote is written as '\''. For the shell, the first of these four characters ends the
        // quoted text, \' is the quote, and the last character begins a quoted text again.
        let quoted = format!("./'{}'", name.replace('\'', r"'\''"));
        // `sim` cannot write the file `experiment.toml`, because a folder has this name. So it fails, and prints the command to resume.
        let refused = bash(
            work.path(),
            &format!("mkdir -p {quoted}/experiment.toml; $SIM run e.toml --data={quoted}"),
        );
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let said = String::from_utf8(refused.stderr).expect("text");
        let (_, resume) = said.rsplit_once("resume with: ").expect(&said);
        let resumed = bash(
            work.path(),
            &format!("rmdir {quoted}/experiment.toml; {resume}"),
        );
        assert_eq!(resumed.status.code(), Some(0), "{resumed:?}");
        assert_eq!(finished(&work.path().join(name)).len(), 2, "{name}");
        let said = String::from_utf8(resumed.stderr).expect("text");
        let (_, next) = said.split_once("next: ").expect(&said);
        let analyzed = bash(
            work.path(),
            &format!("analyze() {{ printf %s \"$2\"; }}; {next}"),
        );
        let root = String::from_utf8(analyzed.stdout).expect("text");
        assert!(
            finished(&work.path().join(&root)).len() == 2 && root.contains(name),
            "{next}"
        );
    }
    // If `sim` was started by cargo, which sets the variable `CARGO`, the message names the command as `cargo analyze`.
    let line = r"CARGO=x $SIM run e.toml --data 'c d'";
    let said = String::from_utf8(bash(work.path(), line).stderr).expect("text");
    assert!(said.contains("next: cargo analyze summary 'c d'"), "{said}");
}

#[test]
fn names_that_are_too_long_are_reported() {
    let work = folder_with_experiment();
    // A name may have at most 255 bytes.
    let long = "n".repeat(256);
    // A path may have at most 4095 bytes (on Linux). The path `deep` has 2 * 2040 + 1 = 4081 bytes, so it is short enough. But the path of
    // the file `experiment.toml` in this folder would have 4081 + 1 + 15 = 4097 bytes.
    let deep = format!("{}x", "d/".repeat(2040));
    for data in [long.clone(), format!("new/{long}"), deep] {
        for verb in ["plan", "run"] {
            let output = bash(work.path(), &format!("$SIM {verb} e.toml --data {data}"));
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{stderr}");
            assert!(
                stderr.contains("longer than this system allows; give a shorter path with --data"),
                "{stderr}"
            );
        }
    }
    let text = format!("name = \"{long}\"\n{VIRTUAL}");
    std::fs::write(work.path().join("e.toml"), text).expect("written");
    let output = bash(work.path(), "$SIM plan e.toml");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let said =
        "e.toml:1: `name`: the name has 256 letters, but a folder's name may have at most 255";
    assert!(stderr.contains(said), "{stderr}");
    // Without --data, `sim` puts the dataset into the folder `data`. The refused command has not created this folder.
    assert!(!Path::new(&work.path().join("data")).exists());
}

#[test]
fn terminals_may_report_no_width_or_an_extreme_one() {
    // A Python script with the arguments SIZE PROGRAM ARGUMENT... It runs the program in a terminal that reports SIZE rows and SIZE
    // columns, reads all output of the program, and exits with the program's exit code. Python before 3.11 has no `os.login_tty`; then
    // `os.dup2` connects the program with the terminal. On Linux, `os.read` fails with an `OSError` when the program has ended.
    const TERMINAL: &str = "
import fcntl, os, pty, struct, sys, termios
parent, child = pty.openpty()
fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack('HHHH', int(sys.argv[1]), int(sys.argv[1]), 0, 0))
process = os.fork()
if process == 0:
    os.login_tty(child) if hasattr(os, 'login_tty') else [os.dup2(child, number) for number in range(3)]
    os.execv(sys.argv[2], sys.argv[2:])
os.close(child)
try:
    while os.read(parent, 65536):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
";
    let work = folder_with_experiment();
    for words in [
        "plan e.toml",
        "run e.toml",
        "status data/e",
        "run --help",
        "run e.toml --engine tcp --time-scale 20 --jobs 1 --data NEW",
    ] {
        // A terminal reports the width 0 if its width is not known. The largest width that it can report is 65535 (16 bits).
        for columns in ["0", "1", "65535"] {
            // The last command should make runs at every width. In a finished dataset no runs are left to do,
            // so each width has a dataset of its own.
            let words = words.replace("NEW", columns);
            // `COLUMNS` is set too, because `sim` prefers it to the terminal's width, and the tester's shell may have set it.
            let output = std::process::Command::new("python3")
                .args(["-c", TERMINAL, columns, env!("CARGO_BIN_EXE_sim")])
                .args(words.split(' '))
                .env("COLUMNS", columns)
                .current_dir(work.path())
                .output()
                .expect("python3");
            assert_eq!(output.status.code(), Some(0), "{words}: {output:?}");
        }
    }
}
