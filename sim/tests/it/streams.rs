//! Output that cannot be written: a full disk, a closed pipe, a closed terminal. Messages may be lost, but runs are not.

use std::io::{Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{bash, finished};

/// How long a test waits for something that would otherwise never happen.
const PATIENCE: Duration = Duration::from_secs(120);
const VIRTUAL: &str = "seed = 7\nrepetitions = 3\nduration_s = 5\nengine = \"virtual\"\n[parameters]\nrates = [1, 3, 6]\ninternal = [0.7, 0.4]\n";
/// With `--jobs 1` the four runs end one after the other.
const TCP: &str = "seed = 7\nrepetitions = 4\nduration_s = 2\ntime_scale = 10\n[parameters]\nrates = [[1, 3]]\ninternal = 0.5\n";

fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().expect("a folder");
    std::fs::write(desk.path().join("v.toml"), VIRTUAL).expect("written");
    std::fs::write(desk.path().join("t.toml"), TCP).expect("written");
    desk
}

#[test]
fn every_run_is_made_if_stderr_cannot_be_written() {
    let desk = desk();
    for (name, line, runs) in [
        ("full", "$SIM run v.toml --data full 2> /dev/full", 6),
        ("closed", "$SIM run v.toml --data closed 2>&-", 6),
        ("all", "$SIM run v.toml --data all <&- >&- 2>&-", 6),
        // The reader closes the pipe before the first message, or after it.
        (
            "gone",
            "mkfifo f; exec 8<> f 9> f; exec 8<&-; $SIM run v.toml --data gone 2>&9",
            6,
        ),
        (
            "went",
            "set -o pipefail; $SIM run t.toml --jobs 1 --data went 2>&1 | head -1",
            4,
        ),
    ] {
        let output = bash(desk.path(), line);
        assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
        assert_eq!(finished(&desk.path().join(name)).len(), runs, "{name}");
    }
}

/// A full pipe that nobody reads, as with a stopped terminal or a connection that hangs.
#[test]
fn every_run_is_made_if_nobody_reads_the_messages() {
    let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
    let full = rustix::fs::OFlags::NONBLOCK;
    rustix::fs::fcntl_setfl(&writer, full).expect("a pipe that does not wait");
    while writer.write(&[b'.'; 4096]).is_ok() || writer.write(b".").is_ok() {}
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::empty()).expect("a pipe that waits");
    let desk = desk();
    let mut sweep = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(["run", "v.toml", "--data", "unread", "--sync-every", "0"])
        .current_dir(desk.path())
        .stderr(writer)
        .spawn()
        .expect("it runs");
    let (start, root) = (Instant::now(), desk.path().join("unread"));
    while finished(&root).len() < 6 {
        assert!(start.elapsed() < PATIENCE, "the runs wait for the reader");
        std::thread::yield_now();
    }
    let mut said = vec![];
    reader.read_to_end(&mut said).expect("what was said");
    assert!(sweep.wait().expect("it ends").success());
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("6 runs ok, 0 failed"), "{said:.200}");
}

/// A limit on the size of files gives an error, not a signal that ends the process.
#[test]
fn a_file_that_may_not_grow_is_an_error_of_the_disk() {
    let desk = desk();
    let line = "ulimit -f 4; exec $SIM run v.toml --data d";
    let output = bash(desk.path(), line);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("d/events-0000.csv: File too large"),
        "{stderr}"
    );
    assert!(
        bash(desk.path(), "$SIM run v.toml --data d")
            .status
            .success()
    );
    assert_eq!(finished(&desk.path().join("d")).len(), 6);
}

/// The log of a machine in its own process is larger than the dataset's first files. If it may not grow, there is one error, not
/// one failed run after the other.
#[test]
fn a_machines_log_that_may_not_grow_is_one_error_of_the_disk() {
    let desk = desk();
    let experiment = "seed = 7\nrepetitions = 3\nduration_s = 400\ntime_scale = 400\nisolation = \"process\"\n[parameters]\nrates = [4, 6]\ninternal = 0.5\n";
    std::fs::write(desk.path().join("p.toml"), experiment).expect("written");
    let limited = bash(
        desk.path(),
        "ulimit -f 32; exec $SIM run p.toml --jobs 1 --data d",
    );
    let said = String::from_utf8_lossy(&limited.stderr);
    assert_eq!(limited.status.code(), Some(2), "{said}");
    assert!(said.contains("'s log: File too large"), "{said}");
    assert!(said.contains("run the same command again"), "{said}");
    assert!(!said.contains("run 0 failed"), "{said}");
    let resumed = bash(desk.path(), "exec $SIM run p.toml --data d");
    assert!(resumed.status.success(), "{resumed:?}");
    assert_eq!(finished(&desk.path().join("d")).len(), 3);
}

/// The terminal closes while it shows a bar, as when a connection breaks under `nohup`.
#[test]
fn every_run_is_made_if_the_terminal_closes() {
    const TERMINAL: &str = "
import os, pty, signal, sys
process, terminal = pty.fork()
if process == 0:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.execv(sys.argv[1], sys.argv[1:])
os.read(terminal, 1)
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
";
    let desk = desk();
    let sweep = "run t.toml --jobs 1 --data lost";
    // Python creates the terminal.
    let output = Command::new("python3")
        .args(["-c", TERMINAL, env!("CARGO_BIN_EXE_sim")])
        .args(sweep.split(' '))
        .current_dir(desk.path())
        .output()
        .expect("python3");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(finished(&desk.path().join("lost")).len(), 4);
}

#[test]
fn output_that_cannot_be_printed_is_an_error_that_names_stdout() {
    let desk = desk();
    assert!(
        bash(desk.path(), "$SIM run v.toml --data d")
            .status
            .success()
    );
    for words in [
        "plan v.toml",
        "status d",
        "status d --format json",
        "completions bash",
        "--help",
        "run --help",
        "--version",
        "help plan",
    ] {
        let output = bash(desk.path(), &format!("$SIM {words} > /dev/full"));
        assert_eq!(output.status.code(), Some(2), "{words}: {output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            stderr.starts_with("error: stdout: No space left on device"),
            "{words}: {stderr}"
        );
        let line = format!("set -o pipefail; $SIM {words} | true");
        let output = bash(desk.path(), &line);
        assert_eq!(output.status.code(), Some(0), "{words}: {output:?}");
        assert!(output.stderr.is_empty(), "{words}: {output:?}");
    }
    for words in ["plan", "plan missing.toml", "fly"] {
        let output = bash(desk.path(), &format!("$SIM {words} 2> /dev/full"));
        assert_eq!(output.status.code(), Some(2), "{words}: {output:?}");
    }
}

#[test]
fn manual_pages_that_cannot_be_written_name_their_folder() {
    let desk = desk();
    let output = bash(desk.path(), "$SIM man /proc/here");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("manual pages to /proc/here"), "{stderr}");
}
