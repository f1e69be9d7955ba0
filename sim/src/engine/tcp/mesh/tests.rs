//! Tests of meshes (the connections between a run's machines). In some tests, other programs connect to the machines too. A listener
//! accepts connections in the order in which they were opened. So a test in which the other programs connect first does not depend on
//! timing: the machines' connections are always accepted later.

use std::io::Write;
use std::net::TcpStream as OtherProgram;
use std::time::{Duration, Instant};

mod apart;

use super::*;
use crate::engine::tcp::address::{AddressBook, PortRange};
use crate::engine::tcp::reactor::MAX_SILENT;
use crate::engine::tcp::secret::new_step;
use crate::experiment::{Configuration, Connection, Probability, Topology};
use crate::wire::{RunToken, STEP_BYTES, StepKind};

const TOKEN: RunToken = [42; 16];
/// Number of turns of the event loop before a test fails: far more than are needed.
const PATIENCE: usize = 1000;

/// Creates the key with which machines prove that they know `token` (16 bytes that only the machines of the run know). In all tests, the
/// seed is 1 and the run's name is `run`.
fn secret(token: RunToken) -> Secret {
    Secret::new(&token, 1, 1.0, "run")
}

/// A mesh whose machines are all in this process, and what has arrived.
struct Fixture {
    reactor: Reactor,
    mesh: Mesh,
    /// The frames that have arrived, each as (recipient, sender, frame).
    received: Vec<(MachineIndex, MachineIndex, Frame)>,
}

impl Fixture {
    fn new(machines: u32) -> Self {
        Self::with_topology(Topology::Mesh, machines)
    }

    fn with_topology(topology: Topology, machines: u32) -> Self {
        Self::with_connection(topology, Connection::Persistent, machines)
    }

    fn with_connection(topology: Topology, connection: Connection, machines: u32) -> Self {
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
        let slot_in_event_loop = 0;
        let mesh = Mesh::new(
            slot_in_event_loop,
            Wiring::new(&configuration),
            Endpoints::in_this_process(listeners).expect("addresses"),
            secret(TOKEN),
            WallClock::start(),
            &mut reactor,
        )
        .expect("a mesh");
        Self {
            reactor,
            mesh,
            received: vec![],
        }
    }

    /// Returns the dial that `machine` sends to machine `to`: the first bytes on a new connection. They contain a proof (a hash) that the
    /// sender knows `token`.
    fn dial(&self, token: RunToken, machine: MachineIndex, to: usize) -> [u8; STEP_BYTES] {
        // The challenge is a part of the hashed bytes. It has the listener's nonce (a random number) and system time. System times are
        // compared only between processes. Here all machines are in one process, so all times are 0.
        let mut challenge = self.mesh.listeners[to].nonce.to_vec();
        challenge.extend([0; 8]);
        let any_nonce = [5; 16];
        let dial = new_step(StepKind::Dial, machine, any_nonce, 0);
        secret(token)
            .signed(dial, to as MachineIndex, &challenge)
            .encode()
    }

    /// Opens a connection to `machine` as another program does, and sends `bytes`.
    fn other_program(&self, machine: usize, bytes: &[u8]) -> OtherProgram {
        let mut other_program =
            OtherProgram::connect(self.mesh.addresses[machine][0]).expect("a listener");
        other_program.write_all(bytes).expect("a connection");
        other_program
    }

    /// Does one step of the set-up, waits for sockets once, and handles those that are ready.
    fn turn(&mut self) -> Result<(), String> {
        self.mesh.dial(&mut self.reactor)?;
        self.reactor
            .wait(Some(Instant::now() + Duration::from_millis(10)))
            .expect("a wait");
        let mut ready = vec![];
        self.reactor.take_ready(&mut ready);
        let received = &mut self.received;
        for socket in ready {
            let handle = |recipient, sender, frame| {
                received.push((recipient, sender, frame));
                Ok(())
            };
            let (scratch, reactor) = (&mut [0; 100], &mut self.reactor);
            match socket.route.socket {
                SocketId::Listener(machine) => {
                    self.mesh.accept(machine, scratch, reactor, handle)?;
                }
                SocketId::Link(index) => {
                    self.mesh
                        .exchange(index, socket.readiness, scratch, reactor, handle)?;
                }
            }
        }
        Ok(())
    }

    /// Takes turns until `is_done` returns true.
    fn turn_until(&mut self, is_done: impl Fn(&Self) -> bool) {
        for _ in 0..PATIENCE {
            if is_done(self) {
                return;
            }
            self.turn().expect("no failure");
        }
        panic!("not done after {PATIENCE} turns");
    }
}

/// A message with this stamp. Its other values are arbitrary.
fn message(stamp: u64) -> Frame {
    Frame::Message {
        stamp,
        sent_tick: 5,
        delay_ns: 0,
        sent_at_ns: 6,
        timestamp: None,
    }
}

#[test]
fn every_pair_is_connected_for_any_number_of_machines() {
    for machines in [2, 3, 8] {
        let mut fixture = Fixture::new(machines);
        fixture.turn_until(|fixture| fixture.mesh.is_complete());
        assert_eq!(fixture.mesh.rejected_connections(), 0);
        // Each of the n (n - 1) / 2 connections between n machines has two sides.
        assert_eq!(
            fixture.mesh.links.iter().flatten().count() as u32,
            machines * (machines - 1)
        );
    }
}

#[test]
fn only_machines_that_exchange_messages_are_connected() {
    // There are six machines. With `Star` and `TimeKeeper`, machine 0 is connected to each of the other five, and there are no other
    // connections.
    for (topology, connected_pairs) in [
        (Topology::Ring, 6),
        (Topology::Star, 5),
        (Topology::TimeKeeper, 5),
    ] {
        let mut fixture = Fixture::with_topology(topology, 6);
        fixture.turn_until(|fixture| fixture.mesh.is_complete());
        assert_eq!(fixture.mesh.rejected_connections(), 0);
        assert_eq!(
            fixture.mesh.links.iter().flatten().count(),
            2 * connected_pairs
        );
        // With an end frame, a machine says that it sends nothing more.
        (0..6).for_each(|sender| fixture.mesh.send_end_frames(sender).expect("sent"));
        fixture.turn_until(|fixture| fixture.mesh.has_ended());
        assert_eq!(fixture.mesh.find_missing(), None);
    }
}

#[test]
fn messages_reach_their_recipients() {
    let mut fixture = Fixture::new(3);
    fixture.turn_until(|fixture| fixture.mesh.is_complete());
    for (sender, recipient, stamp) in [(0, 2, 7), (2, 0, 8), (1, 0, 9)] {
        fixture
            .mesh
            .send(sender, recipient, &message(stamp))
            .expect("sent");
    }
    fixture.turn_until(|fixture| fixture.received.len() == 3);
    fixture
        .received
        .sort_by_key(|&(recipient, sender, _)| (recipient, sender));
    assert_eq!(
        fixture.received,
        [(0, 1, message(9)), (0, 2, message(8)), (2, 0, message(7))]
    );
}

/// Creates a complete mesh in which each message has its own connection. The machines have persistent connections too, for end frames.
fn per_message(machines: u32) -> Fixture {
    let mut fixture = Fixture::with_connection(Topology::Mesh, Connection::PerMessage, machines);
    fixture.turn_until(|fixture| fixture.mesh.is_complete());
    fixture.mesh.end_set_up(&mut fixture.reactor);
    fixture
}

impl Fixture {
    fn send_message(&mut self, sender: MachineIndex, peer: MachineIndex, stamp: u64) {
        self.mesh
            .send_message(sender, peer, &message(stamp), &mut self.reactor)
            .expect("sent");
    }

    fn open_links(&self) -> usize {
        self.mesh.links.iter().flatten().count()
    }
}

/// After a connection is closed, its port can stay in use for some time, in the state TIME_WAIT. If each message left such a
/// port, many messages could use up all ports.
#[test]
fn connections_for_messages_are_closed_and_leave_no_port_in_time_wait() {
    let mut fixture = per_message(3);
    for stamp in 0..100 {
        for (sender, peer) in [(0, 2), (2, 0), (1, 0)] {
            fixture.send_message(sender, peer, stamp);
        }
        // The connection for a message is closed when the message is confirmed. Waiting here keeps the number of open connections small.
        fixture.turn_until(|fixture| fixture.mesh.unconfirmed_messages < 20);
    }
    // Only the two sides of each of the three persistent connections stay open.
    fixture
        .turn_until(|fixture| fixture.mesh.unconfirmed_messages == 0 && fixture.open_links() == 6);
    assert_eq!(fixture.received.len(), 300);
    for (recipient, sender) in [(2, 0), (0, 2), (0, 1)] {
        let stamps = fixture
            .received
            .iter()
            .filter_map(|(to, from, frame)| match frame {
                Frame::Message { stamp, .. } if (*to, *from) == (recipient, sender) => Some(*stamp),
                _ => None,
            });
        let mut stamps: Vec<u64> = stamps.collect();
        stamps.sort_unstable();
        assert!(stamps.into_iter().eq(0..100));
    }
    assert_eq!(fixture.mesh.rejected_connections(), 0);
    #[cfg(target_os = "linux")]
    assert_eq!(sockets_in_time_wait(fixture.mesh.addresses[0][0]), 0);
}

/// Counts the closed connections that are still in the state TIME_WAIT and have the IP address of `address`, with any port. (All machines of
/// a run have the same IP address.) The kernel's table of sockets lists these connections: its second and third columns are the two
/// addresses of a connection, and its fourth column is the state.
#[cfg(target_os = "linux")]
fn sockets_in_time_wait(address: SocketAddr) -> usize {
    const TIME_WAIT: &str = "06";
    let SocketAddr::V4(address) = address else {
        panic!("{address} is not the IPv4 address at which a machine of the test listens")
    };
    // The table shows an address as one hexadecimal number with the bytes in this computer's order, for example `0100007F:` for 127.0.0.1.
    // After the colon comes the port.
    let address = format!("{:08X}:", u32::from_ne_bytes(address.ip().octets()));
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("a table");
    let is_in_time_wait = |line: &&str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let has_address = columns[1..3]
            .iter()
            .any(|column| column.starts_with(&address));
        has_address && columns[3] == TIME_WAIT
    };
    sockets.lines().skip(1).filter(is_in_time_wait).count()
}

/// The end frame goes over the persistent connection. A message with its own connection can be slower.
#[test]
fn a_message_may_arrive_after_the_end_frame() {
    let mut fixture = per_message(2);
    fixture.send_message(0, 1, 1);
    fixture.mesh.send_end_frames(0).expect("sent");
    fixture.mesh.send_end_frames(1).expect("sent");
    assert!(!fixture.mesh.has_ended());
    assert_eq!(fixture.mesh.unconfirmed_messages, 1);
    fixture.turn_until(|fixture| fixture.mesh.has_ended());
    assert_eq!(fixture.mesh.find_missing(), None);
    assert!(fixture.received.contains(&(1, 0, message(1))));
}

#[test]
fn a_message_that_cannot_be_delivered_is_an_error_that_names_both_machines() {
    let mut fixture = per_message(2);
    fixture.mesh.close_listeners(&mut fixture.reactor);
    let sent = fixture
        .mesh
        .send_message(0, 1, &message(1), &mut fixture.reactor);
    // The error is noticed either at once or in a later turn.
    let failure = sent.and_then(|()| (0..PATIENCE).try_for_each(|_| fixture.turn()));
    let failure = failure.expect_err("nobody listens");
    assert!(failure.contains("machine 0"), "{failure}");
    assert!(failure.contains("message"), "{failure}");
    assert!(failure.contains("machine 1"), "{failure}");
}

#[test]
fn messages_of_other_programs_are_refused() {
    let mut fixture = per_message(2);
    let step = new_step(StepKind::Message, 0, [0; 16], 0);
    // The proof is a hash. The hashed bytes must include two nonces (16 bytes each) and two times (8 bytes each) from the handshake of the
    // persistent connection. The other program knows neither these 48 bytes nor the token, so it uses zeros for both.
    let mut bytes = secret([0; 16]).signed(step, 1, &[0; 48]).encode().to_vec();
    bytes.extend(message(7).encode());
    let other_program = fixture.other_program(1, &bytes);
    fixture.turn_until(|fixture| fixture.mesh.rejected_connections() == 1);
    assert!(fixture.received.is_empty());
    // The connection must stay open until here. A connection that the other program closes is counted as rejected too, whatever its proof.
    drop(other_program);
}

#[test]
fn a_mesh_has_ended_when_all_end_frames_have_arrived() {
    let mut fixture = Fixture::new(3);
    fixture.turn_until(|fixture| fixture.mesh.is_complete());
    for sender in 0..3 {
        assert!(!fixture.mesh.has_ended());
        fixture
            .mesh
            .send(sender, (sender + 1) % 3, &message(1))
            .expect("sent");
        fixture.mesh.send_end_frames(sender).expect("sent");
    }
    fixture.turn_until(|fixture| fixture.mesh.has_ended());
    assert_eq!(fixture.mesh.find_missing(), None);
}

#[test]
fn other_programs_are_refused_and_disturb_nothing() {
    let mut fixture = Fixture::new(3);
    // A valid dial of machine 2 to machine 0. Another program sends a copy of it to machine 1.
    let replayed = fixture.dial(TOKEN, 2, 0);
    let other_programs = [
        fixture.other_program(
            0,
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: who-reads-what-listens/1.0\r\n\r\n",
        ),
        fixture.other_program(0, &[0xff; 5000]),
        // A wrong token.
        fixture.other_program(1, &fixture.dial([0; 16], 2, 1)),
        fixture.other_program(1, &replayed),
        // There is no machine 77.
        fixture.other_program(1, &fixture.dial(TOKEN, 77, 1)),
        // The last two send less than a step of the handshake, so they are refused only when the listeners close.
        fixture.other_program(2, b"LC"),
        fixture.other_program(0, b""),
    ];
    fixture.turn_until(|fixture| {
        fixture.mesh.is_complete() && fixture.mesh.rejected_connections() >= 5
    });
    fixture.mesh.close_listeners(&mut fixture.reactor);
    assert_eq!(
        fixture.mesh.rejected_connections(),
        other_programs.len() as u32
    );
    fixture.mesh.send(2, 0, &message(3)).expect("sent");
    fixture.turn_until(|fixture| fixture.received == [(0, 2, message(3))]);
}

#[test]
fn another_program_that_closes_its_connection_is_counted() {
    let mut fixture = Fixture::new(2);
    // The first four bytes of a handshake.
    drop(fixture.other_program(0, b"LCLK"));
    fixture.turn_until(|fixture| fixture.mesh.rejected_connections() == 1);
    fixture.turn_until(|fixture| fixture.mesh.is_complete());
}

/// A connection is silent until its other side has proved which machine it is. If more than [`MAX_SILENT`] are silent, the mesh closes the
/// oldest of them.
#[test]
fn many_silent_connections_use_little_memory_and_block_no_machine() {
    let mut fixture = Fixture::new(2);
    let other_programs: Vec<OtherProgram> = (0..MAX_SILENT + 100)
        .map(|_| fixture.other_program(0, b""))
        .collect();
    fixture.turn_until(|fixture| fixture.mesh.is_complete());
    // A closed connection leaves a free place in `links`, and the next connection takes this place. So the length of `links` is the largest
    // number of places that were in use at the same time. `MAX_SILENT` places are for silent connections. The other 8 are for the two sides
    // of the machines' connection, and for a few connections that were just accepted.
    assert!(
        fixture.mesh.links.len() <= MAX_SILENT + 8,
        "{}",
        fixture.mesh.links.len()
    );
    fixture.mesh.close_listeners(&mut fixture.reactor);
    assert_eq!(
        fixture.mesh.rejected_connections() as usize,
        other_programs.len()
    );
}

/// If each message has its own connection, listeners stay open for the whole run. So other programs can connect at any time.
#[test]
fn messages_arrive_despite_many_silent_connections() {
    let mut fixture = per_message(2);
    let other_programs: Vec<OtherProgram> = (0..10 * MAX_SILENT)
        .map(|_| fixture.other_program(1, b""))
        .collect();
    for stamp in 0..50 {
        fixture.send_message(0, 1, stamp);
    }
    fixture.turn_until(|fixture| {
        // Two sides of the persistent connection, two for each message, the silent connections, and one that was just accepted.
        assert!(fixture.open_links() <= 2 + 2 * 50 + MAX_SILENT + 1);
        fixture.received.len() == 50 && fixture.mesh.unconfirmed_messages == 0
    });
    // The last MAX_SILENT connections of the other programs stay open until the listeners close.
    let closed_early = other_programs.len() - MAX_SILENT;
    fixture.turn_until(|fixture| fixture.mesh.rejected_connections() as usize == closed_early);
    fixture.mesh.close_listeners(&mut fixture.reactor);
    assert_eq!(
        fixture.mesh.rejected_connections() as usize,
        other_programs.len()
    );
}

/// Plays the part of machine 1: connects to machine 0, sends a valid dial and then `bytes`, and closes the connection. Machine 0 accepts
/// frames as soon as it has the dial. Returns the error of machine 0.
fn failure_if_the_peer_sends(bytes: &[u8]) -> String {
    let mut fixture = Fixture::new(2);
    // The fixture's own machine 1 does not dial.
    fixture.mesh.pairs_to_dial.clear();
    let dial = fixture.dial(TOKEN, 1, 0);
    drop(fixture.other_program(0, &[&dial, bytes].concat()));
    (0..PATIENCE)
        .find_map(|_| fixture.turn().err())
        .expect("noticed")
}

#[test]
fn a_connection_that_closes_within_a_frame_is_an_error() {
    let failure = failure_if_the_peer_sends(&message(1).encode()[..7]);
    assert!(
        failure.contains("machine 0's connection to machine 1 was closed in the middle of a frame"),
        "{failure}"
    );
}

#[test]
fn a_lost_message_is_an_error() {
    let end = Frame::End { messages: 2 }.encode();
    let failure = failure_if_the_peer_sends(&[message(1).encode(), end].concat());
    assert!(
        failure
            .contains("has a wrong number of messages: 1 arrived, but its end frame announced 2"),
        "{failure}"
    );
}

#[test]
fn a_frame_after_the_end_frame_is_an_error() {
    let end = Frame::End { messages: 0 }.encode();
    let failure = failure_if_the_peer_sends(&[end, message(1).encode()].concat());
    assert!(
        failure.contains("sent more after its last frame"),
        "{failure}"
    );
}
