//! Words that are no plain ones: paths that are not UTF-8, that a shell would take apart, that are too long for a file; terminals
//! without columns.

use std::path::Path;

use crate::support::{bash, finished};

const VIRTUAL: &str = "seed = 7\nduration_s = 5\nengine = \"virtual\"\n[parameters]\nrates = [1, 3, 6]\ninternal = [0.7, 0.4]\n";

fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().expect("a folder");
    std::fs::write(desk.path().join("e.toml"), VIRTUAL).expect("written");
    desk
}

// Not every system has such names: macOS refuses them.
#[cfg(target_os = "linux")]
#[test]
fn paths_that_are_not_text_are_paths() {
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

/// Where no folder can be, nothing was finished before, and the same command would never go on.
#[test]
fn a_path_that_cannot_be_a_folder_is_no_dataset() {
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
            // A plan makes nothing, so it cannot know that a link leads nowhere.
            if path == "dangling" && !line.contains("run") {
                continue;
            }
            let output = bash(desk.path(), &line);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{line}: {said}");
            assert!(said.contains("cannot be a dataset's folder"), "{said}");
            assert!(said.ends_with("; name another folder\n"), "{said}");
        }
    }
}

/// The commands that are printed are pasted into a shell. `analyze` stands in for itself: it prints its words.
#[test]
fn printed_commands_do_when_they_are_pasted() {
    let desk = desk();
    for name in ["a b", "it's", "$HOME", "a;b", "-d", "*"] {
        let data = format!("--data=./'{}'", name.replace('\'', r"'\''"));
        // A folder in a file's way: the disk refuses, and the command to go on with is printed.
        let refused = bash(
            desk.path(),
            &format!(
                "mkdir -p {}/experiment.toml; $SIM run e.toml {data}",
                &data[7..]
            ),
        );
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let said = String::from_utf8(refused.stderr).expect("text");
        let (_, go_on) = said.rsplit_once("go on with: ").expect(&said);
        let went_on = bash(
            desk.path(),
            &format!("rmdir {}/experiment.toml; {go_on}", &data[7..]),
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
fn names_that_are_too_long_are_found_by_the_plan() {
    let desk = desk();
    let long = "n".repeat(256);
    let deep = format!("{}x", "d/".repeat(2040));
    for folder in [long.clone(), format!("new/{long}"), deep] {
        for verb in ["plan", "run"] {
            let output = bash(desk.path(), &format!("$SIM {verb} e.toml --data {folder}"));
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{stderr}");
            assert!(
                stderr.contains("longer than this system allows; name a shorter one with --data"),
                "{stderr}"
            );
        }
    }
    let text = format!("name = \"{long}\"\n{VIRTUAL}");
    std::fs::write(desk.path().join("e.toml"), text).expect("written");
    let output = bash(desk.path(), "$SIM plan e.toml");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let said = "e.toml:1: `name`: a name of 256 letters; a folder's name has 255 at most";
    assert!(stderr.contains(said), "{stderr}");
    assert!(!Path::new(&desk.path().join("data")).exists());
}

#[test]
fn terminals_without_columns_are_written_to() {
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
            // Python makes the terminal.
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
