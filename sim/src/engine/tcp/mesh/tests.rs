//! Meshes beset by strangers. What is connected before the first dial is accepted first, so nothing here depends on timing.

use std::io::Write;
use std::net::TcpStream as Stranger;
use std::time::{Duration, Instant};

mod apart;

use super::*;
use crate::engine::tcp::address::{AddressBook, PortRange};
use crate::engine::tcp::reactor::SILENT;
use crate::engine::tcp::secret::step;
use crate::experiment::{Configuration, Connection, Probability, Topology};
use crate::wire::{HELLO_BYTES, HelloKind, RunToken};

const TOKEN: RunToken = [42; 16];
/// Waits before a test gives up: far more than any machine needs.
const PATIENCE: usize = 1000;

fn secret(token: RunToken) -> Secret {
    Secret::new(&token, 1, "run")
}

struct Bench {
    reactor: Reactor,
    mesh: Mesh,
    heard: Vec<(MachineIndex, MachineIndex, Frame)>,
}

impl Bench {
    fn new(machines: u32) -> Self {
        Self::with(Topology::Mesh, machines)
    }

    fn with(topology: Topology, machines: u32) -> Self {
        Self::connected(topology, Connection::Persistent, machines)
    }

    fn connected(topology: Topology, connection: Connection, machines: u32) -> Self {
        let mut reactor = Reactor::new().expect("a reactor");
        let listeners = AddressBook::new(PortRange::default())
            .listen(machines)
            .expect("ports");
        let rates = vec!["1"; machines as usize].join(",");
        let internal = Probability::new(0.5).expect("a probability");
        let configuration = Configuration {
            topology,
            connection,
            ..Configuration::new(rates.parse().expect("rates"), internal, 1)
        };
        let mesh = Mesh::new(
            0,
            Wiring::new(&configuration),
            Endpoints::here(listeners).expect("addresses"),
            secret(TOKEN),
            WallClock::start(),
            &mut reactor,
        )
        .expect("a mesh");
        Self {
            reactor,
            mesh,
            heard: vec![],
        }
    }

    /// What a machine `machine` of the run with that `token` says first to the listener of machine `to`.
    fn dial(&self, token: RunToken, machine: MachineIndex, to: usize) -> [u8; HELLO_BYTES] {
        let mut challenge = self.mesh.listeners[to].nonce.to_vec();
        challenge.extend([0; 8]);
        let dial = step(HelloKind::Dial, machine, [5; 16], 0);
        secret(token)
            .signed(dial, to as MachineIndex, &challenge)
            .encode()
    }

    /// A stranger who connects to `machine` and says `bytes`.
    fn stranger(&self, machine: usize, bytes: &[u8]) -> Stranger {
        let mut stranger = Stranger::connect(self.mesh.addresses[machine][0]).expect("a listener");
        stranger.write_all(bytes).expect("a connection");
        stranger
    }

    fn turn(&mut self) -> Result<(), String> {
        self.mesh.dial(&mut self.reactor)?;
        self.reactor
            .wait(Some(Instant::now() + Duration::from_millis(10)))
            .expect("a wait");
        let mut ready = vec![];
        self.reactor.take_ready(&mut ready);
        let heard = &mut self.heard;
        for socket in ready {
            let hear = |owner, peer, frame| {
                heard.push((owner, peer, frame));
                Ok(())
            };
            let (scratch, reactor) = (&mut [0; 100], &mut self.reactor);
            match socket.route.socket {
                SocketId::Listener(machine) => self.mesh.accept(machine, scratch, reactor, hear)?,
                SocketId::Link(index) => {
                    self.mesh
                        .exchange(index, socket.readiness, scratch, reactor, hear)?;
                }
            }
        }
        Ok(())
    }

    fn turn_until(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..PATIENCE {
            if done(self) {
                return;
            }
            self.turn().expect("no failure");
        }
        panic!("given up after {PATIENCE} turns");
    }
}

fn message(stamp: u64) -> Frame {
    Frame::Message {
        stamp,
        sent_tick: 5,
        delay_ns: 0,
        sent_at_ns: 6,
    }
}

#[test]
fn every_pair_is_connected_whatever_the_number_of_machines() {
    for machines in [2, 3, 8] {
        let mut bench = Bench::new(machines);
        bench.turn_until(|bench| bench.mesh.stands());
        assert_eq!(bench.mesh.rejected_connections(), 0);
        assert_eq!(
            bench.mesh.links.iter().flatten().count() as u32,
            machines * (machines - 1)
        );
    }
}

#[test]
fn only_machines_between_which_messages_flow_are_connected() {
    for (topology, pairs) in [
        (Topology::Ring, 6),
        (Topology::Star, 5),
        (Topology::TimeKeeper, 5),
    ] {
        let mut bench = Bench::with(topology, 6);
        bench.turn_until(|bench| bench.mesh.stands());
        assert_eq!(bench.mesh.rejected_connections(), 0);
        assert_eq!(bench.mesh.links.iter().flatten().count(), 2 * pairs);
        (0..6).for_each(|owner| bench.mesh.end_all(owner).expect("sent"));
        bench.turn_until(|bench| bench.mesh.has_ended());
        assert_eq!(bench.mesh.missing(), None);
    }
}

#[test]
fn messages_reach_whom_they_are_for() {
    let mut bench = Bench::new(3);
    bench.turn_until(|bench| bench.mesh.stands());
    for (sender, peer, stamp) in [(0, 2, 7), (2, 0, 8), (1, 0, 9)] {
        bench
            .mesh
            .send(sender, peer, &message(stamp))
            .expect("sent");
    }
    bench.turn_until(|bench| bench.heard.len() == 3);
    bench.heard.sort_by_key(|&(owner, peer, _)| (owner, peer));
    assert_eq!(
        bench.heard,
        [(0, 1, message(9)), (0, 2, message(8)), (2, 0, message(7))]
    );
}

/// A mesh that stands, and whose messages take connections of their own.
fn per_message(machines: u32) -> Bench {
    let mut bench = Bench::connected(Topology::Mesh, Connection::PerMessage, machines);
    bench.turn_until(|bench| bench.mesh.stands());
    bench.mesh.end_set_up(&mut bench.reactor);
    bench
}

impl Bench {
    fn send_message(&mut self, sender: MachineIndex, peer: MachineIndex, stamp: u64) {
        self.mesh
            .send_message(sender, peer, &message(stamp), &mut self.reactor)
            .expect("sent");
    }

    fn open_links(&self) -> usize {
        self.mesh.links.iter().flatten().count()
    }
}

#[test]
fn connections_for_messages_leave_nothing_behind() {
    let mut bench = per_message(3);
    for stamp in 0..100 {
        for (sender, peer) in [(0, 2), (2, 0), (1, 0)] {
            bench.send_message(sender, peer, stamp);
        }
        bench.turn_until(|bench| bench.mesh.under_way < 20);
    }
    bench.turn_until(|bench| bench.mesh.under_way == 0 && bench.open_links() == 6);
    assert_eq!(bench.heard.len(), 300);
    for (owner, sender) in [(2, 0), (0, 2), (0, 1)] {
        let stamps = bench
            .heard
            .iter()
            .filter_map(|(to, from, frame)| match frame {
                Frame::Message { stamp, .. } if (*to, *from) == (owner, sender) => Some(*stamp),
                _ => None,
            });
        let mut stamps: Vec<u64> = stamps.collect();
        stamps.sort_unstable();
        assert!(stamps.into_iter().eq(0..100));
    }
    assert_eq!(bench.mesh.rejected_connections(), 0);
    #[cfg(target_os = "linux")]
    assert_eq!(waiting_sockets(bench.mesh.addresses[0][0]), 0);
}

/// Closed connections at the address that the system still remembers.
#[cfg(target_os = "linux")]
fn waiting_sockets(address: SocketAddr) -> usize {
    const TIME_WAIT: &str = "06";
    let SocketAddr::V4(address) = address else {
        panic!("{address} is no loopback address of ours")
    };
    let address = format!("{:08X}:", u32::from_ne_bytes(address.ip().octets()));
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("a table");
    let waits = |line: &&str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        cells[3] == TIME_WAIT && cells[1..3].iter().any(|cell| cell.starts_with(&address))
    };
    sockets.lines().skip(1).filter(waits).count()
}

#[test]
fn the_last_message_may_come_after_the_last_word() {
    let mut bench = per_message(2);
    bench.send_message(0, 1, 1);
    bench.mesh.end_all(0).expect("sent");
    bench.mesh.end_all(1).expect("sent");
    assert!(!bench.mesh.has_ended());
    assert_eq!(bench.mesh.under_way, 1);
    bench.turn_until(|bench| bench.mesh.has_ended());
    assert_eq!(bench.mesh.missing(), None);
    assert!(bench.heard.contains(&(1, 0, message(1))));
}

#[test]
fn a_message_that_cannot_be_delivered_ends_the_run_by_name() {
    let mut bench = per_message(2);
    bench.mesh.close_listeners(&mut bench.reactor);
    let sent = bench
        .mesh
        .send_message(0, 1, &message(1), &mut bench.reactor);
    let failure = sent.and_then(|()| (0..PATIENCE).try_for_each(|_| bench.turn()));
    let failure = failure.expect_err("nobody listens");
    assert!(failure.contains("machine 0"), "{failure}");
    assert!(failure.contains("message"), "{failure}");
    assert!(failure.contains("machine 1"), "{failure}");
}

#[test]
fn strangers_bring_no_messages() {
    let mut bench = per_message(2);
    let hello = step(HelloKind::Message, 0, [0; 16], 0);
    let mut bytes = secret([0; 16]).signed(hello, 1, &[0; 48]).encode().to_vec();
    bytes.extend(message(7).encode());
    let stranger = bench.stranger(1, &bytes);
    bench.turn_until(|bench| bench.mesh.rejected_connections() == 1);
    assert!(bench.heard.is_empty());
    drop(stranger);
}

#[test]
fn the_run_ends_when_everybody_has_heard_everybodys_last() {
    let mut bench = Bench::new(3);
    bench.turn_until(|bench| bench.mesh.stands());
    for owner in 0..3 {
        assert!(!bench.mesh.has_ended());
        bench
            .mesh
            .send(owner, (owner + 1) % 3, &message(1))
            .expect("sent");
        bench.mesh.end_all(owner).expect("sent");
    }
    bench.turn_until(|bench| bench.mesh.has_ended());
    assert_eq!(bench.mesh.missing(), None);
}

#[test]
fn strangers_are_turned_away_and_disturb_nothing() {
    let mut bench = Bench::new(3);
    let replayed = bench.dial(TOKEN, 2, 0);
    let rejected_connections = [
        bench.stranger(
            0,
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: who-reads-what-listens/1.0\r\n\r\n",
        ),
        bench.stranger(0, &[0xff; 5000]),
        bench.stranger(1, &bench.dial([0; 16], 2, 1)),
        bench.stranger(1, &replayed),
        bench.stranger(1, &bench.dial(TOKEN, 77, 1)),
        bench.stranger(2, b"LC"),
        bench.stranger(0, b""),
    ];
    bench.turn_until(|bench| bench.mesh.stands() && bench.mesh.rejected_connections() >= 5);
    bench.mesh.close_listeners(&mut bench.reactor);
    assert_eq!(
        bench.mesh.rejected_connections(),
        rejected_connections.len() as u32
    );
    bench.mesh.send(2, 0, &message(3)).expect("sent");
    bench.turn_until(|bench| bench.heard == [(0, 2, message(3))]);
}

#[test]
fn a_stranger_who_hangs_up_is_counted() {
    let mut bench = Bench::new(2);
    drop(bench.stranger(0, b"LCLK"));
    bench.turn_until(|bench| bench.mesh.rejected_connections() == 1);
    bench.turn_until(|bench| bench.mesh.stands());
}

#[test]
fn a_crowd_of_silent_strangers_costs_bounded_memory_and_keeps_nobody_out() {
    let mut bench = Bench::new(2);
    let crowd: Vec<Stranger> = (0..SILENT + 100).map(|_| bench.stranger(0, b"")).collect();
    bench.turn_until(|bench| bench.mesh.stands());
    assert!(
        bench.mesh.links.len() <= SILENT + 8,
        "{}",
        bench.mesh.links.len()
    );
    bench.mesh.close_listeners(&mut bench.reactor);
    assert_eq!(bench.mesh.rejected_connections() as usize, crowd.len());
}

/// Where each message takes a connection of its own, listeners stay open as long as the run.
#[test]
fn messages_get_through_a_crowd_of_silent_strangers() {
    let mut bench = per_message(2);
    let crowd: Vec<Stranger> = (0..10 * SILENT).map(|_| bench.stranger(1, b"")).collect();
    for stamp in 0..50 {
        bench.send_message(0, 1, stamp);
    }
    bench.turn_until(|bench| {
        assert!(bench.open_links() <= 2 + 2 * 50 + SILENT + 1);
        bench.heard.len() == 50 && bench.mesh.under_way == 0
    });
    let all_but_the_last = crowd.len() - SILENT;
    bench.turn_until(|bench| bench.mesh.rejected_connections() as usize == all_but_the_last);
    bench.mesh.close_listeners(&mut bench.reactor);
    assert_eq!(bench.mesh.rejected_connections() as usize, crowd.len());
}

/// A machine 0 whose machine 1 is another process: it knows the token, says `bytes` after its hello, and hangs up.
fn failure_of_a_peer_that_says(bytes: &[u8]) -> String {
    let mut bench = Bench::new(2);
    bench.mesh.to_dial.clear();
    let hello = bench.dial(TOKEN, 1, 0);
    drop(bench.stranger(0, &[&hello, bytes].concat()));
    (0..PATIENCE)
        .find_map(|_| bench.turn().err())
        .expect("noticed")
}

#[test]
fn a_peer_that_dies_mid_frame_is_noticed() {
    let failure = failure_of_a_peer_that_says(&message(1).encode()[..7]);
    assert!(
        failure.contains("machine 0's connection to machine 1 was closed in the middle of a frame"),
        "{failure}"
    );
}

#[test]
fn a_lost_message_is_noticed() {
    let end = Frame::End { messages: 2 }.encode();
    let failure = failure_of_a_peer_that_says(&[message(1).encode(), end].concat());
    assert!(failure.contains("lost messages: 1 of 2 came"), "{failure}");
}

#[test]
fn who_goes_on_after_its_end_is_noticed() {
    let end = Frame::End { messages: 0 }.encode();
    let failure = failure_of_a_peer_that_says(&[end, message(1).encode()].concat());
    assert!(failure.contains("went on after its end"), "{failure}");
}
