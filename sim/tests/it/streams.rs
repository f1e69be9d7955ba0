//! Tests of output that cannot be written. If `sim` cannot write its messages to the user (to a full disk, a closed pipe or a closed
//! terminal), the messages may be lost, but every run is made. If a file of the dataset cannot be written, the sweep ends with an error. In
//! shell commands, `$SIM` is the program `sim`.

use std::io::{Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{bash, finished};

/// How long a test waits for the runs of a sweep before it fails.
const PATIENCE: Duration = Duration::from_secs(120);
/// Six runs in virtual time.
const VIRTUAL: &str = "seed = 7\nrepetitions = 3\nduration_s = 5\nengine = \"virtual\"\n[parameters]\nrates = [1, 3, 6]\ninternal = [0.7, 0.4]\n";
/// Four runs over TCP. With `--jobs 1` they end one after the other.
const TCP: &str = "seed = 7\nrepetitions = 4\nduration_s = 2\ntime_scale = 10\n[parameters]\nrates = [[1, 3]]\ninternal = 0.5\n";

/// Returns a folder with the experiments `v.toml` (virtual time) and `t.toml` (TCP).
fn folder_with_experiments() -> tempfile::TempDir {
    let work = tempfile::tempdir().expect("a folder");
    std::fs::write(work.path().join("v.toml"), VIRTUAL).expect("written");
    std::fs::write(work.path().join("t.toml"), TCP).expect("written");
    work
}

#[test]
fn every_run_is_made_if_stderr_cannot_be_written() {
    let work = folder_with_experiments();
    for (name, line, runs) in [
        ("full", "$SIM run v.toml --data full 2> /dev/full", 6),
        ("closed", "$SIM run v.toml --data closed 2>&-", 6),
        // stdin, stdout and stderr are all closed.
        ("all", "$SIM run v.toml --data all <&- >&- 2>&-", 6),
        // Nobody reads the pipe any more when `sim` starts. If bash opened the named pipe `f` only for writing, it would wait for a
        // reader. So bash first opens `f` for reading and writing (file descriptor 8), and then for writing (9). Then it closes 8, and
        // `sim` writes to 9.
        (
            "gone",
            "mkfifo f; exec 8<> f 9> f; exec 8<&-; $SIM run v.toml --data gone 2>&9",
            6,
        ),
        // The reader closes the pipe after the first message.
        (
            "went",
            "set -o pipefail; $SIM run t.toml --jobs 1 --data went 2>&1 | head -1",
            4,
        ),
    ] {
        let output = bash(work.path(), line);
        assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
        assert_eq!(finished(&work.path().join(name)).len(), runs, "{name}");
    }
}

/// `sim` writes its messages to a pipe that is full, as with a stopped terminal or a connection that hangs. The test reads the pipe only
/// after all runs are finished.
#[test]
fn every_run_is_made_if_nobody_reads_the_messages() {
    let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
    // Fills the pipe: with pieces of 4096 bytes while they fit, then byte by byte. The pipe is non-blocking until it is full: a write that
    // does not fit returns an error.
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).expect("a non-blocking pipe");
    while writer.write(&[b'.'; 4096]).is_ok() || writer.write(b".").is_ok() {}
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::empty()).expect("a blocking pipe");
    let work = folder_with_experiments();
    // With `--sync-every 0`, `sim` writes the row of a run into `runs.csv` as soon as the run has ended. The loop below waits for six rows.
    let mut sweep = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(["run", "v.toml", "--data", "unread", "--sync-every", "0"])
        .current_dir(work.path())
        .stderr(writer)
        .spawn()
        .expect("it runs");
    let (start, root) = (Instant::now(), work.path().join("unread"));
    while finished(&root).len() < 6 {
        assert!(start.elapsed() < PATIENCE, "the runs wait for the reader");
        std::thread::yield_now();
    }
    let mut said = vec![];
    reader.read_to_end(&mut said).expect("messages");
    assert!(sweep.wait().expect("it ends").success());
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("6 runs ok, 0 failed"), "{said:.200}");
}

/// If a file reaches the limit on the size of files (`ulimit -f`, in KiB), the system sends the signal SIGXFSZ. The signal would end `sim`,
/// but `sim` handles it. So the write returns an error instead. Without the limit, the same command resumes the sweep.
#[test]
fn a_sweep_ends_with_an_error_if_a_file_reaches_the_size_limit() {
    let work = folder_with_experiments();
    let line = "ulimit -f 4; exec $SIM run v.toml --data d";
    let output = bash(work.path(), line);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("d/events-0000.csv: File too large"),
        "{stderr}"
    );
    assert!(
        bash(work.path(), "$SIM run v.toml --data d")
            .status
            .success()
    );
    assert_eq!(finished(&work.path().join("d")).len(), 6);
}

/// With `isolation = "process"`, each machine is a process and writes its own log. A file may have at most 32 KiB here. The sweep
/// can create the dataset, but the log of a machine is larger than 32 KiB. So the sweep ends with an error in its first run. This run does
/// not count as failed, and no other run begins.
#[test]
fn a_sweep_ends_with_an_error_if_a_machines_log_reaches_the_size_limit() {
    let work = folder_with_experiments();
    let experiment = "seed = 7\nrepetitions = 3\nduration_s = 400\ntime_scale = 400\nisolation = \"process\"\n[parameters]\nrates = [4, 6]\ninternal = 0.5\n";
    std::fs::write(work.path().join("p.toml"), experiment).expect("written");
    let with_limit = bash(
        work.path(),
        "ulimit -f 32; exec $SIM run p.toml --jobs 1 --data d",
    );
    let said = String::from_utf8_lossy(&with_limit.stderr);
    assert_eq!(with_limit.status.code(), Some(2), "{said}");
    assert!(said.contains("'s log: File too large"), "{said}");
    assert!(said.contains("run the same command again"), "{said}");
    assert!(!said.contains("run 0 failed"), "{said}");
    let resumed = bash(work.path(), "exec $SIM run p.toml --data d");
    assert!(resumed.status.success(), "{resumed:?}");
    assert_eq!(finished(&work.path().join("d")).len(), 3);
}

/// The terminal closes while it shows the progress, for example because an SSH connection breaks. Then the system sends the signal SIGHUP,
/// which normally ends `sim`. Here `sim` runs as with `nohup`: it ignores SIGHUP. The Python program creates the terminal and closes it
/// after the first output.
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
    let work = folder_with_experiments();
    let sweep = "run t.toml --jobs 1 --data lost";
    let output = Command::new("python3")
        .args(["-c", TERMINAL, env!("CARGO_BIN_EXE_sim")])
        .args(sweep.split(' '))
        .current_dir(work.path())
        .output()
        .expect("python3");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(finished(&work.path().join("lost")).len(), 4);
}

#[test]
fn output_that_cannot_be_written_is_an_error_that_names_stdout() {
    let work = folder_with_experiments();
    assert!(
        bash(work.path(), "$SIM run v.toml --data d")
            .status
            .success()
    );
    for arguments in [
        "plan v.toml",
        "status d",
        "status d --format json",
        "completions bash",
        "--help",
        "run --help",
        "--version",
        "help plan",
    ] {
        let output = bash(work.path(), &format!("$SIM {arguments} > /dev/full"));
        assert_eq!(output.status.code(), Some(2), "{arguments}: {output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            stderr.starts_with("error: stdout: No space left on device"),
            "{arguments}: {stderr}"
        );
        // A pipe that its reader closes is not an error.
        let line = format!("set -o pipefail; $SIM {arguments} | true");
        let output = bash(work.path(), &line);
        assert_eq!(output.status.code(), Some(0), "{arguments}: {output:?}");
        assert!(output.stderr.is_empty(), "{arguments}: {output:?}");
    }
    // Three errors: no file is given, the file is missing, there is no such command. Even if the message of an error cannot be printed,
    // the exit code is that of the error.
    for arguments in ["plan", "plan missing.toml", "fly"] {
        let output = bash(work.path(), &format!("$SIM {arguments} 2> /dev/full"));
        assert_eq!(output.status.code(), Some(2), "{arguments}: {output:?}");
    }
}

#[test]
fn the_error_names_the_folder_to_which_manual_pages_cannot_be_written() {
    let work = folder_with_experiments();
    // In /proc, not even root can create a folder.
    let output = bash(work.path(), "$SIM man /proc/here");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("manual pages to /proc/here"), "{stderr}");
}
