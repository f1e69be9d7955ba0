//! Tests of machines in different processes: how they prove that they know the token (a secret of the run), and how they compare their
//! system clocks (not their Lamport clocks). Both happen in the handshake: the listener sends a challenge, then the dialler (which opened
//! the connection) sends a dial, then the listener sends an answer.

use std::io::Read;

use super::*;
use crate::engine::tcp::address;
use crate::wire::{HandshakeStep, Proof};

/// One of the two machines of a run, as if it were in a process of its own.
struct Process {
    reactor: Reactor,
    mesh: Mesh,
}

impl Process {
    fn new(
        machine: MachineIndex,
        listener: TcpListener,
        addresses: &[SocketAddr],
        token: RunToken,
        clock: WallClock,
    ) -> Self {
        let mut reactor = Reactor::new().expect("a reactor");
        let internal = Probability::new(0.5).expect("a probability");
        let configuration = Configuration::new("1,1".parse().expect("rates"), internal, 1);
        let endpoints = Endpoints {
            listeners: vec![listener],
            // The first machine of this process, and the only one.
            first: machine,
            addresses: addresses.iter().map(|&address| vec![address]).collect(),
        };
        let (wiring, secret) = (Wiring::new(&configuration), secret(token));
        let slot_in_event_loop = 0;
        let mesh = Mesh::new(
            slot_in_event_loop,
            wiring,
            endpoints,
            secret,
            clock,
            &mut reactor,
        )
        .expect("a mesh");
        Self { reactor, mesh }
    }

    /// Does one step of the set-up, waits for sockets once, and handles those that are ready.
    fn turn(&mut self) {
        self.mesh.dial(&mut self.reactor).expect("no failure");
        let soon = Instant::now() + Duration::from_millis(1);
        self.reactor.wait(Some(soon)).expect("a wait");
        let mut ready = vec![];
        self.reactor.take_ready(&mut ready);
        for socket in ready {
            let (scratch, reactor) = (&mut [0; 100], &mut self.reactor);
            // Frames (what a connection carries after the handshake) are ignored.
            let handle = |_, _, _| Ok(());
            let result = match socket.route.socket {
                SocketId::Listener(machine) => self.mesh.accept(machine, scratch, reactor, handle),
                SocketId::Link(index) => {
                    self.mesh
                        .exchange(index, socket.readiness, scratch, reactor, handle)
                }
            };
            result.expect("no failure");
        }
    }
}

/// Opens a listener for each of the two machines. Returns the listeners and their addresses.
fn listeners() -> (Vec<TcpListener>, Vec<SocketAddr>) {
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let listeners: Vec<_> = (0..2)
        .map(|_| address::listen(any).expect("a port"))
        .collect();
    let addresses = listeners
        .iter()
        .map(|listener| listener.local_addr().expect("bound"));
    let addresses = addresses.collect();
    (listeners, addresses)
}

/// Creates machines 0 and 1, each with its token. The system clock of machine 1 is `ahead_ns` ahead of that of machine 0.
fn pair(tokens: [RunToken; 2], ahead_ns: u64) -> [Process; 2] {
    let (mut listeners, addresses) = listeners();
    let clock = WallClock::start();
    let second = listeners.remove(1);
    [
        Process::new(0, listeners.remove(0), &addresses, tokens[0], clock),
        Process::new(1, second, &addresses, tokens[1], clock.ahead_by(ahead_ns)),
    ]
}

#[test]
fn both_machines_measure_how_much_their_clocks_differ() {
    // 20 s: much longer than the handshake takes.
    const AHEAD_NS: u64 = 20_000_000_000;
    for ahead_ns in [0, AHEAD_NS] {
        let mut processes = pair([TOKEN; 2], ahead_ns);
        while !processes.iter().all(|process| process.mesh.is_complete()) {
            processes.iter_mut().for_each(Process::turn);
        }
        for process in &processes {
            let difference = process.mesh.clock_difference().expect("compared");
            assert_eq!(difference.machines, (0, 1));
            // The reported difference is never larger than the real difference. It is smaller by at most the duration of the handshake,
            // so it is above 0 if the real difference is 20 s.
            assert!(difference.at_least_ns <= ahead_ns, "{difference:?}");
            assert!(
                ahead_ns == 0 || difference.at_least_ns > 0,
                "{difference:?}"
            );
        }
    }
}

#[test]
fn machines_with_different_tokens_refuse_each_other() {
    let mut processes = pair([TOKEN, [43; 16]], 0);
    while processes[0].mesh.rejected_connections() == 0 {
        processes.iter_mut().for_each(Process::turn);
    }
    assert!(processes.iter().all(|process| !process.mesh.is_complete()));
}

/// Reads a step of the handshake (for example a dial) that `process` sends to another program. `other_program` is that program's end of the
/// connection.
fn read_step(other_program: &mut OtherProgram, process: &mut Process) -> HandshakeStep {
    other_program.set_nonblocking(true).expect("set");
    let mut bytes = vec![];
    while bytes.len() < STEP_BYTES {
        process.turn();
        let mut byte = [0];
        while bytes.len() < STEP_BYTES && matches!(other_program.read(&mut byte), Ok(1)) {
            bytes.push(byte[0]);
        }
    }
    HandshakeStep::decode(bytes[..].try_into().expect("whole")).expect("a step")
}

/// A program without the token listens at the address of machine 0, so machine 1 sends its dial to this program. The dial does not contain
/// the token. It contains a proof, but the program cannot use this proof in an answer.
#[test]
fn a_false_listener_does_not_learn_the_token() {
    let (mut listeners, mut addresses) = listeners();
    let false_listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    addresses[0] = false_listener.local_addr().expect("bound");
    let clock = WallClock::start();
    let mut process = Process::new(1, listeners.remove(1), &addresses, TOKEN, clock);
    process.turn();
    let (mut other_program, _) = false_listener.accept().expect("the dialler");
    let (any_nonce, time_ns) = ([9; 16], 0);
    let challenge = new_step(StepKind::Challenge, 0, any_nonce, time_ns);
    other_program
        .write_all(&challenge.encode())
        .expect("written");
    let dial = read_step(&mut other_program, &mut process);
    assert_eq!((dial.kind, dial.machine), (StepKind::Dial, 1));
    assert!(!dial.encode().windows(16).any(|window| window == TOKEN));
    // The program answers with a copy of the proof of machine 1. This is not accepted.
    let answer = HandshakeStep {
        kind: StepKind::Answer,
        machine: 0,
        ..dial
    };
    other_program.write_all(&answer.encode()).expect("written");
    // Enough turns to read the answer.
    (0..20).for_each(|_| process.turn());
    assert!(!process.mesh.is_complete());
}

/// A program without the token connects to a machine. It receives a challenge and nothing else.
#[test]
fn a_listener_proves_nothing_to_other_programs() {
    let mut processes = pair([TOKEN; 2], 0);
    let process = &mut processes[0];
    let mut other_program =
        OtherProgram::connect(process.mesh.addresses[0][0]).expect("a listener");
    let challenge = read_step(&mut other_program, process);
    assert_eq!(challenge.kind, StepKind::Challenge);
    // All bytes of the proof are 0.
    assert_eq!(challenge.proof, Proof::default());
    // This dial has no proof.
    let (any_nonce, time_ns) = ([1; 16], 0);
    let dial = new_step(StepKind::Dial, 1, any_nonce, time_ns);
    other_program.write_all(&dial.encode()).expect("written");
    while process.mesh.rejected_connections() == 0 {
        process.turn();
    }
    other_program.set_nonblocking(false).expect("set");
    // The listener has closed the connection without an answer.
    assert!(matches!(other_program.read(&mut [0; 1]), Ok(0) | Err(_)));
}
