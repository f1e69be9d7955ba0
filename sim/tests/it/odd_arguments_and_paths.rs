//! Unusual arguments and environments: paths that are not UTF-8, that need quotes in a shell, or that are too long; terminals that
//! report no width.

use std::path::Path;

use crate::support::{bash, finished};

const VIRTUAL: &str = "seed = 7\nduration_s = 5\nengine = \"virtual\"\n[parameters]\nrates = [1, 3, 6]\ninternal = [0.7, 0.4]\n";

fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().expect("a folder");
    std::fs::write(desk.path().join("e.toml"), VIRTUAL).expect("written");
    desk
}

// macOS refuses such names.
#[cfg(target_os = "linux")]
#[test]
fn paths_that_are_not_utf_8_can_be_used() {
    let desk = desk();
    let made = bash(desk.path(), r"mkdir $'caf\xe9'");
    assert!(made.status.success(), "{made:?}");
    for line in [
        r"$SIM plan e.toml --data $'caf\xe9'",
        r"$SIM run e.toml --data $'caf\xe9'",
        r"$SIM status $'caf\xe9'",
        r"cp e.toml $'\xe9.toml' && $SIM run $'\xe9.toml'",
    ] {
        let output = bash(desk.path(), line);
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    }
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9");
    let folder = desk.path().join(name);
    assert_eq!(finished(&folder).len(), 2);
    let manifest = std::fs::read_to_string(folder.join("dataset.json")).expect("a manifest");
    assert!(manifest.contains(r"--data $'caf\\xe9'"), "{manifest}");
}

/// If a path cannot be a folder, no run was finished before, and repeating the command would not help.
#[test]
fn a_path_that_cannot_be_a_folder_is_reported() {
    let desk = desk();
    let made = bash(
        desk.path(),
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
            // A plan creates nothing, so it does not notice that a link leads nowhere.
            if path == "dangling" && !line.contains("run") {
                continue;
            }
            let output = bash(desk.path(), &line);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{line}: {said}");
            assert!(said.contains("cannot be a dataset's folder"), "{said}");
            assert!(said.ends_with("; choose another folder\n"), "{said}");
        }
    }
}

/// Printed commands can be pasted into a shell. A script replaces `analyze` and prints its arguments.
#[test]
fn printed_commands_work_when_pasted() {
    let desk = desk();
    for name in ["a b", "it's", "$HOME", "a;b", "-d", "*"] {
        let data = format!("--data=./'{}'", name.replace('\'', r"'\''"));
        // A folder in place of a file: writing fails, and the command to resume is printed.
        let refused = bash(
            desk.path(),
            &format!(
                "mkdir -p {}/experiment.toml; $SIM run e.toml {data}",
                &data[7..]
            ),
        );
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let said = String::from_utf8(refused.stderr).expect("text");
        let (_, resume) = said.rsplit_once("resume with: ").expect(&said);
        let went_on = bash(
            desk.path(),
            &format!("rmdir {}/experiment.toml; {resume}", &data[7..]),
        );
        assert_eq!(went_on.status.code(), Some(0), "{went_on:?}");
        assert_eq!(finished(&desk.path().join(name)).len(), 2, "{name}");
        let said = String::from_utf8(went_on.stderr).expect("text");
        let (_, next) = said.split_once("next: ").expect(&said);
        let analyzed = bash(
            desk.path(),
            &format!("analyze() {{ printf %s \"$2\"; }}; {next}"),
        );
        let root = String::from_utf8(analyzed.stdout).expect("text");
        assert!(
            finished(&desk.path().join(&root)).len() == 2 && root.contains(name),
            "{next}"
        );
    }
    let line = r"CARGO=x $SIM run e.toml --data 'c d'";
    let said = String::from_utf8(bash(desk.path(), line).stderr).expect("text");
    assert!(said.contains("next: cargo analyze summary 'c d'"), "{said}");
}

#[test]
fn names_that_are_too_long_are_reported_by_plan() {
    let desk = desk();
    let long = "n".repeat(256);
    let deep = format!("{}x", "d/".repeat(2040));
    for folder in [long.clone(), format!("new/{long}"), deep] {
        for verb in ["plan", "run"] {
            let output = bash(desk.path(), &format!("$SIM {verb} e.toml --data {folder}"));
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{stderr}");
            assert!(
                stderr.contains("longer than this system allows; give a shorter path with --data"),
                "{stderr}"
            );
        }
    }
    let text = format!("name = \"{long}\"\n{VIRTUAL}");
    std::fs::write(desk.path().join("e.toml"), text).expect("written");
    let output = bash(desk.path(), "$SIM plan e.toml");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let said =
        "e.toml:1: `name`: the name has 256 letters, but a folder's name may have at most 255";
    assert!(stderr.contains(said), "{stderr}");
    assert!(!Path::new(&desk.path().join("data")).exists());
}

#[test]
fn terminals_without_a_width_are_supported() {
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
    let desk = desk();
    for words in [
        "plan e.toml",
        "run e.toml",
        "status data/e",
        "run --help",
        "run e.toml --engine tcp --time-scale 20 --jobs 1 --data columns",
    ] {
        for columns in ["0", "1", "65535"] {
            // Python creates the terminal.
            let output = std::process::Command::new("python3")
                .args(["-c", TERMINAL, columns, env!("CARGO_BIN_EXE_sim")])
                .args(words.replace("columns", columns).split(' '))
                .env("COLUMNS", columns)
                .current_dir(desk.path())
                .output()
                .expect("python3");
            assert_eq!(output.status.code(), Some(0), "{words}: {output:?}");
        }
    }
}
