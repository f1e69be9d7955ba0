//! The test opens very many connections to the machines of a sweep (`sim run`), as another program could. All runs must still succeed.
//! Each connection that a machine accepts is an open file of the sweep. The test opens more connections than the sweep may have open files.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::process::{Command, Stdio};

use sim::log::Dataset;

/// Ports that no other test uses. Each run has its own IP address, so all runs can use the same ports.
const PORTS: std::ops::RangeInclusive<u16> = 18_200..=18_207;
/// Number of files that the sweep may have open: far fewer than [`CONNECTIONS`].
const FILES: u64 = 400;
/// Number of connections that the test opens to the machines, in the role of another program.
const CONNECTIONS: usize = 1500;
/// The state of a listening socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// Returns the addresses of all listening sockets with a port in [`PORTS`].
fn listeners() -> Vec<SocketAddrV4> {
    let sockets = fs::read_to_string("/proc/net/tcp").expect("a table");
    let listener = |line: &str| {
        // Column 1 (counted from 0) is the socket's own address in hexadecimal digits, column 3 its state.
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (ip, port) = columns.get(1)?.split_once(':')?;
        let ip = u32::from_str_radix(ip, 16).ok()?;
        let port = u16::from_str_radix(port, 16).ok()?;
        // The kernel writes the four bytes of the IP address as one number, in the byte order of this computer.
        let address = SocketAddrV4::new(Ipv4Addr::from(ip.to_ne_bytes()), port);
        (columns[3] == LISTENING && PORTS.contains(&port)).then_some(address)
    };
    sockets.lines().filter_map(listener).collect()
}

/// With `connection = "per-message"`, each message opens a new connection, so machines listen during the whole run, and other programs can
/// connect to the machines at any time. If these programs then send nothing, their connections neither use up the sweep's files nor block
/// a message.
#[test]
fn no_run_fails_because_of_a_thousand_silent_connections() {
    // The test itself needs an open file for each of its connections.
    rlimit::increase_nofile_limit(u64::MAX).expect("files");
    let folder = tempfile::tempdir().expect("a folder");
    let experiment = "seed = 7\nduration_s = 20\ntime_scale = 5\nrepetitions = 4\n[parameters]\nrates = [1, 3, 6]\ninternal = 0.3\nconnection = \"per-message\"\n";
    fs::write(folder.path().join("e.toml"), experiment).expect("written");
    let ports = format!("{}-{}", PORTS.start(), PORTS.end());
    let command = format!(
        "ulimit -n {FILES}; exec {} run e.toml --data d --ports {ports}",
        env!("CARGO_BIN_EXE_sim")
    );
    let mut sweep = Command::new("sh")
        .args(["-c", &command])
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut connections = vec![];
    while sweep.try_wait().expect("a process").is_none() {
        for address in listeners() {
            if connections.len() < CONNECTIONS {
                // Adds nothing if the connection was refused.
                connections.extend(TcpStream::connect(address));
            }
        }
    }
    let output = sweep.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let dataset = Dataset::open(&folder.path().join("d")).expect("a dataset");
    assert_eq!(dataset.finished().count(), 4);
    let rejected: u32 = dataset.finished().map(|row| row.rejected_connections).sum();
    // `rejected_connections` counts connections of other programs, so a count above 0 shows that machines got connections of the test.
    assert!(
        rejected > 0 && connections.len() > FILES as usize,
        "{rejected} of {} connections were rejected",
        connections.len()
    );
}
