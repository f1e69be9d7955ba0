//! Tests with limits of the operating system: on threads, open files and sizes of files. Results are the same as without the limit, or
//! there is an error that names what is missing.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Output};

use crate::fixture;

/// Runs a line of shell commands in `folder`. In this line, `$0` is the program `analyze`.
fn shell(line: &str, folder: &Path) -> Output {
    Command::new("sh")
        .args(["-c", line])
        .arg(assert_cmd::cargo::cargo_bin!("analyze"))
        .current_dir(folder)
        .output()
        .unwrap()
}

/// A folder with the dataset `small`.
fn with_small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    folder
}

#[test]
fn wrong_numbers_of_threads_are_refused() {
    let folder = with_small();
    for variable in ["POLARS_MAX_THREADS", "POLARS_ASYNC_THREAD_COUNT"] {
        for number in ["0", "-1", "many", "", "1000000", "99999999999999999999"] {
            let output = shell(
                &format!("{variable}='{number}' \"$0\" drift small"),
                folder.path(),
            );
            let err = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{number}: {err}");
            let start = format!("error: the environment variable {variable} is `{number}`, ");
            assert!(err.starts_with(&start), "{err}");
        }
    }
}

#[test]
fn one_thread_gives_the_same_table() {
    let folder = with_small();
    // With --no-cache, both commands calculate the measures. Without it, the second command would read them from the cache.
    let wanted = shell("\"$0\" drift small --no-cache", folder.path());
    let single = shell(
        "POLARS_MAX_THREADS=1 \"$0\" drift small --no-cache",
        folder.path(),
    );
    assert_eq!(String::from_utf8(single.stderr).unwrap(), "");
    assert_eq!(single.stdout, wanted.stdout);
}

/// `ulimit -u` limits the number of processes and threads of a user, but not of root. So if root runs this test, it starts the program as
/// the user `nobody` (65534).
#[test]
#[ignore = "needs bash and, if root runs it, setpriv"]
fn too_few_threads_are_an_error() {
    let folder = with_small();
    let program = folder.path().join("analyze");
    std::fs::copy(assert_cmd::cargo::cargo_bin!("analyze"), &program).unwrap();
    // The first and the last part of this line only check that bash and, for root, setpriv exist. The part with `chmod` lets `nobody` read
    // the dataset and start the copy of the program.
    let prepared = shell(
        "bash -c true && chmod -R a+rX . && { [ $(id -u) -ne 0 ] || setpriv --reuid 65534 --clear-groups true; }",
        folder.path(),
    );
    assert!(prepared.status.success(), "{prepared:?}");
    // `$as` is the command with which root becomes `nobody`. For other users it is empty. Bash sets the limit, because not every `sh` can.
    let limited = |limit: u32, arguments: &str| {
        let line = format!(
            "[ $(id -u) -ne 0 ] || as='setpriv --reuid 65534 --clear-groups'; $as bash -c 'ulimit -u {limit}; exec ./analyze {arguments}'"
        );
        shell(&line, folder.path())
    };
    // With a limit of 1 the program has its main thread and can start no other. A query needs 6: one thread for each of the three thread
    // pools that Polars uses, and the same number in reserve.
    let output = limited(1, "drift small --no-cache");
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(
        err.starts_with("error: a query needs 6 threads at once"),
        "{err}"
    );
    // The audit does not use the table library Polars, so one thread is enough.
    let output = limited(1, "audit small");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn too_few_open_files_are_an_error() {
    let folder = with_small();
    // Every program has three open files from its start (standard input, output and error), and the limit counts them too. So with these
    // limits, `analyze` can open only 1 to 4 more files at the same time.
    for limit in 4..8 {
        let line = format!("ulimit -n {limit}; exec \"$0\" drift small --no-cache");
        let output = shell(&line, folder.path());
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{limit}: {err}");
        let start = "error: a query needs 8 open files at once";
        assert!(err.starts_with(start), "{limit}: {err}");
    }
    // 32 is enough for the three standard files, the 8 files of the query, and the files of the dataset.
    let enough = shell(
        "ulimit -n 32; exec \"$0\" drift small --no-cache",
        folder.path(),
    );
    assert_eq!(enough.status.code(), Some(0));
}

/// `ulimit -f` limits the size of files, in blocks of 512 or 1024 bytes (this depends on the shell). If a program writes beyond the limit,
/// the system sends a signal that kills the program, unless the program handles the signal. `analyze` must end with an error, and leave no
/// part of a file.
#[test]
fn a_file_beyond_the_size_limit_is_an_error() {
    let folder = with_small();
    let line = "ulimit -f 1; exec \"$0\" export small --no-cache";
    let output = shell(line, folder.path());
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("File too large"), "{err}");
    let remaining = std::fs::read_dir(folder.path().join("small/processed")).unwrap();
    let remaining: Vec<_> = remaining.map(|entry| entry.unwrap().file_name()).collect();
    // Every export makes the file `.lock` and never removes it.
    assert_eq!(remaining, [".lock"]);
}

#[test]
fn an_import_that_cannot_write_leaves_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let log = "machine,time,event,clock,queue\na,0,internal,1,0\nb,0,internal,1,0\na,1,internal,2,0\nb,1,internal,2,0\n";
    std::fs::write(folder.path().join("log.csv"), log).unwrap();
    let line = "ulimit -f 0; exec \"$0\" import log.csv --into into";
    let output = shell(line, folder.path());
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("File too large"), "{err}");
    let remaining = std::fs::read_dir(folder.path()).unwrap();
    let remaining: Vec<_> = remaining.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(remaining, ["log.csv"]);
}
