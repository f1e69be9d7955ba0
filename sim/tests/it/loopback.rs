//! Tests on systems whose loopback interface (over which a computer talks to itself) is switched off, or has the single address 127.0.0.1.
//! On most Linux systems the interface has all addresses 127.x.y.z, and each run over TCP uses an address of its own.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::{Command, Output};

use sim::log::Dataset;
use tempfile::TempDir;

/// The text of an experiment file with 5 runs over TCP. Its last section is `[parameters]`, so a test can append a parameter.
const EXPERIMENT: &str = "seed = 7\nrepetitions = 5\nduration_s = 10\ntime_scale = 20\n[parameters]\nrates = [1, 3, 6]\ninternal = 0.5\n";

/// Runs a shell command in a network of its own (a network namespace), whose loopback interface is switched off at first. Returns the
/// folder in which the command ran, and its output.
fn in_own_network(command: &str) -> (TempDir, Output) {
    let run = |command: &str, folder: &TempDir| {
        Command::new("unshare")
            .args(["--net", "sh", "-c", command])
            .current_dir(folder.path())
            .env("SIM", env!("CARGO_BIN_EXE_sim"))
            .output()
            .expect("unshare")
    };
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("e.toml"), EXPERIMENT).expect("written");
    // This call only checks that the user may make network namespaces. Each call of `run` makes a new network, so the interface that is
    // switched on here is not the interface of `command`.
    let check = run("ip link set lo up", &folder);
    assert!(
        check.status.success(),
        "this user may not make network namespaces here: {check:?}"
    );
    let output = run(command, &folder);
    (folder, output)
}

#[test]
#[ignore = "needs the right to make network namespaces"]
fn without_loopback_there_is_one_error() {
    for options in ["", "--isolation process"] {
        let command = format!("exec $SIM run e.toml --data d {options}");
        let (folder, output) = in_own_network(&command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("is there a loopback interface?"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(!folder.path().join("d").exists());
    }
}

#[test]
#[ignore = "needs the right to make network namespaces"]
fn runs_share_127_0_0_1_if_it_is_the_only_loopback_address() {
    // Replaces the addresses of the interface by a single one: `/32` is a range of one address.
    const ONE_ADDRESS: &str =
        "ip link set lo up && ip address flush dev lo && ip address add 127.0.0.1/32 dev lo";
    for (connection, options) in [
        ("persistent", ""),
        ("per-message", ""),
        ("persistent", "--isolation process"),
    ] {
        let command = format!(
            "{ONE_ADDRESS} && echo 'connection = \"{connection}\"' >> e.toml && exec $SIM run e.toml --data d {options}"
        );
        let (folder, output) = in_own_network(&command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let dataset = Dataset::open(&folder.path().join("d")).expect("a dataset");
        assert_eq!(dataset.finished().count(), 5, "{said}");
    }
}
