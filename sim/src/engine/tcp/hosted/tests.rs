//! Tests with frames that a correct machine cannot send. (A frame is what one machine sends another over a connection, for example a
//! message.) When such a frame arrives, the run fails, and the reason for the failure names both machines.

use std::time::{Duration, Instant};

use super::*;
use crate::engine::tcp::address::{AddressBook, PortRange};
use crate::engine::tcp::mesh::Endpoints;
use crate::engine::tcp::secret::Secret;
use crate::engine::tcp::wiring::Wiring;
use crate::experiment::{Experiment, Overrides};

/// Two machines with 10 ticks each. The run's limit of events (`max_events`) is 40: for each of the 20 ticks, it allows the send of one
/// message, and the receipt of this message by the other machine. Clocks have the same limit, because a clock cannot be higher than the
/// number of events.
const EXPERIMENT: &str =
    "seed = 1\nduration_s = 10\n[parameters]\nrates = [1, 1]\ninternal = 0.5\n";

/// A run whose two machines are connected. It has not started.
struct Fixture {
    hosted: HostedRun,
    reactor: Reactor,
    clock: WallClock,
}

impl Fixture {
    fn new() -> Self {
        Self::with_experiment(EXPERIMENT)
    }

    fn with_experiment(text: &str) -> Self {
        let experiment = Experiment::parse(text, "e.toml".as_ref(), Overrides::default());
        let run = experiment.expect("an experiment").run(0).expect("a run");
        let (seed, time_scale) = (1, 1.0);
        let (clock, mut reactor) = (WallClock::start(), Reactor::new().expect("a reactor"));
        let listeners = AddressBook::new(PortRange::default()).listen(2);
        let endpoints = Endpoints::in_this_process(listeners.expect("ports")).expect("addresses");
        let (wiring, secret) = (
            Wiring::new(&run.configuration),
            Secret::new(&[1; 16], seed, 1.0, "run"),
        );
        // The position of the run in the event loop.
        let slot = 0;
        let mesh = Mesh::new(slot, wiring, endpoints, secret, clock, &mut reactor).expect("a mesh");
        let hosted = HostedRun::new(run, seed, time_scale, mesh);
        let mut fixture = Self {
            hosted,
            reactor,
            clock,
        };
        while !fixture.hosted.mesh.is_complete() {
            fixture
                .hosted
                .set_up(&mut fixture.reactor)
                .expect("no failure");
            fixture.turn().expect("no failure");
        }
        fixture
    }

    /// Waits for sockets once, and handles those that are ready.
    fn turn(&mut self) -> Result<(), String> {
        let soon = Instant::now() + Duration::from_millis(1);
        self.reactor.wait(Some(soon)).expect("a wait");
        let mut ready = vec![];
        self.reactor.take_ready(&mut ready);
        let mut scratch = [0; 100];
        ready.into_iter().try_for_each(|socket| {
            self.hosted
                .exchange(socket, &mut scratch, &mut self.reactor, &self.clock)
        })
    }

    /// Sends `frame` from machine 1 to machine 0, `times` times. Returns the reason why the run fails.
    fn failure(mut self, frame: Frame, times: usize) -> String {
        for _ in 0..times {
            self.hosted.mesh.send(1, 0, &frame).expect("sent");
        }
        loop {
            if let Err(reason) = self.turn() {
                return reason;
            }
        }
    }
}

fn message(stamp: u64, sent_tick: u64, delay_ns: u64) -> Frame {
    Frame::Message {
        stamp,
        sent_tick,
        delay_ns,
        // A time in the future is not refused. The latency of the message then counts as 0.
        sent_at_ns: u64::MAX,
        timestamp: None,
    }
}

#[test]
fn impossible_messages_make_the_run_fail_with_both_machines_named() {
    for (frame, times) in [
        // A Lamport timestamp above 40.
        (message(u64::MAX, 0, 0), 1),
        (message(41, 0, 0), 1),
        // A tick after the sender's last tick, which has number 9.
        (message(1, 10, 0), 1),
        // A delay that is longer than any that a sender can draw.
        (message(1, 0, u64::MAX), 1),
        // 41 messages, although the run can have at most 40 events. (All 41 messages have the same tick. But a repeated tick makes a run
        // fail only if the messages carry a vector or hybrid timestamp, as in the next test.)
        (message(1, 0, 0), 41),
    ] {
        let reason = Fixture::new().failure(frame, times);
        assert_eq!(
            reason,
            "machine 0's connection to machine 1 carried a message that the sender cannot have sent"
        );
    }
}

#[test]
fn impossible_timestamps_make_the_run_fail_with_both_machines_named() {
    use crate::clock::HybridClock;
    use crate::clock::vector::VectorTimestamp;

    let stamped = |timestamp: CarriedTimestamp| {
        let mut frame = message(1, 0, 0);
        if let Frame::Message {
            timestamp: carried, ..
        } = &mut frame
        {
            *carried = Some(Arc::new(timestamp));
        }
        frame
    };
    let vector = |components: [u64; 2]| {
        stamped(CarriedTimestamp::Vector(VectorTimestamp::new(
            components.into(),
        )))
    };
    let hybrid = |time, counter| {
        stamped(CarriedTimestamp::Hybrid(HybridClock::from_parts(
            time, counter,
        )))
    };
    let impossible = "carried a message that the sender cannot have sent";
    for (clock, frame, times, problem) in [
        // A component (a count of one machine's events) above 40.
        ("vector", vector([0, u64::MAX]), 1, impossible),
        ("vector", vector([41, 0]), 1, impossible),
        // The first message is possible. The second message has the same tick, so it would come from the same send. But a send has only
        // one message for each recipient.
        ("vector", vector([0, 1]), 2, impossible),
        // A time that is far from the run's time, or a counter above 40.
        ("hlc", hybrid(i64::MAX, 0), 1, impossible),
        ("hlc", hybrid(i64::MIN, 0), 1, impossible),
        ("hlc", hybrid(5, u64::MAX), 1, impossible),
        // A vector timestamp in a run with hybrid logical clocks (`hlc`). Its two components, 0 and 1, take one byte each. A hybrid
        // timestamp takes 8 bytes for the time and 1 to 10 bytes for the counter.
        (
            "hlc",
            vector([0, 1]),
            1,
            "sent a timestamp of 2 bytes, but timestamps of this run have 9 to 18 bytes",
        ),
        // No timestamp in a run with vector clocks, and a timestamp in a run that has only Lamport clocks.
        (
            "vector",
            message(1, 0, 0),
            1,
            "sent a message without the timestamp of the run's clock",
        ),
        (
            "lamport",
            hybrid(5, 0),
            1,
            "sent a message with a timestamp, but the messages of this run carry none",
        ),
    ] {
        let text = format!("{EXPERIMENT}clock = \"{clock}\"\n");
        let reason = Fixture::with_experiment(&text).failure(frame, times);
        let expected = format!("machine 0's connection to machine 1 {problem}");
        assert_eq!(reason, expected, "{clock}");
    }
}

#[test]
fn a_report_or_a_start_that_is_not_expected_makes_the_run_fail() {
    // `Ready` is the report that a machine is ready. `Start` announces the time at which the run starts. Machine 0 never expects a
    // `Start`, because it chooses this time itself.
    for frame in [Frame::Ready, Frame::Start { at_ns: u64::MAX }] {
        let mut fixture = Fixture::new();
        // After this line, machine 0 does not expect a `Ready` either, as if all machines had reported.
        fixture.hosted.agreement.awaited.clear();
        let reason = fixture.failure(frame, 1);
        assert!(
            reason.contains("that this machine does not expect"),
            "{reason}"
        );
    }
}
