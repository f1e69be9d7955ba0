//! Tests of how long messages travel: as long as the delay that was drawn at random for them, or longer if they wait for earlier messages
//! from the same sender to the same recipient.

use std::collections::HashMap;

use sim::engine::virtual_time;
use sim::experiment::{Experiment, MachineIndex, Run};
use sim::machine::{EventKind, Machine};
use sim::random::machine_stream;

use crate::support::experiment;

const SECOND_NS: f64 = 1e9;

/// How long messages travel. [`add_messages`] adds up the times of all messages, and [`mean_times`] divides the sums by the number of
/// messages.
#[derive(Default)]
struct TravelTimes {
    /// Number of messages.
    messages: u32,
    /// The delays that were drawn.
    drawn_s: f64,
    /// The times from the send to the arrival: until the delay is over and all earlier messages from the same sender to the same recipient
    /// have arrived.
    travel_s: f64,
}

/// Adds the messages of `run` to `times`. The log does not say which delays were drawn. So this function runs the machines again. They
/// draw the same delays as before, and the function calculates when each message arrives. Then it checks that these times agree with the
/// ticks at which the machines received the messages in the virtual engine.
fn add_messages(times: &mut TravelTimes, experiment: &Experiment, run: &Run) {
    let schedule = run.schedule(experiment.seed);
    let log = virtual_time::run(run, experiment.seed);
    // When each message arrives, by sender, recipient and the tick of the send.
    let mut arrival_ns: HashMap<(MachineIndex, MachineIndex, u64), u64> = HashMap::new();
    for (sender, events) in (0..).zip(&log.machines) {
        let stream = machine_stream(experiment.seed, &run.stream_key(), sender);
        let mut machine = Machine::new(sender, &run.configuration, stream);
        // When the last message to each recipient arrives.
        let mut last_arrival_ns = HashMap::new();
        for event in events.iter().map(|logged| &logged.event) {
            let tick_ns = schedule.due_ns(sender as usize, event.tick);
            if let EventKind::Receive(message) = &event.kind {
                // The log says that this tick receives this message, but not when the message arrived. Any arrival time before the tick
                // gives the same event. So here the message is sent 1 ns before the tick and has no delay.
                machine.arrive(*message, tick_ns - 1, 0);
            }
            let repeated = machine.tick(tick_ns);
            assert_eq!(
                (&repeated.kind, repeated.logical_clock),
                (&event.kind, event.logical_clock)
            );
            if let EventKind::Send { recipients, .. } = &event.kind {
                for &peer in recipients.among(&run.configuration.neighbours(sender)) {
                    let drawn_ns = machine.draw_delay_ns();
                    let last_ns = last_arrival_ns.entry(peer).or_insert(0);
                    // A message does not overtake an earlier message to the same recipient.
                    *last_ns = (tick_ns + drawn_ns).max(*last_ns);
                    arrival_ns.insert((sender, peer, event.tick), *last_ns);
                    times.messages += 1;
                    times.drawn_s += drawn_ns as f64 / SECOND_NS;
                    times.travel_s += (*last_ns - tick_ns) as f64 / SECOND_NS;
                }
            }
        }
    }
    // Number of messages that did not wait for other messages in the queue.
    let mut taken_at_once = 0;
    // The engine must agree with `arrival_ns`: no message was received before it arrived, and a message that found an empty queue was
    // received at the first tick after it arrived. A message that arrives exactly at the time of a tick is too late for this tick.
    for (machine, events) in (0..).zip(&log.machines) {
        // Length of the queue after the previous event.
        let mut queue_before = 0;
        for event in events.iter().map(|logged| &logged.event) {
            if let EventKind::Receive(message) = &event.kind {
                let arrival_ns = arrival_ns[&(message.sender, machine, message.sent_tick)];
                assert!(schedule.due_ns(machine as usize, event.tick) > arrival_ns);
                // If the queue was empty after the previous tick, the message arrived at the time of that tick or later. (Tick 0 has no
                // previous tick.)
                if queue_before == 0 && event.tick > 0 {
                    assert!(schedule.due_ns(machine as usize, event.tick - 1) <= arrival_ns);
                    taken_at_once += 1;
                }
            }
            queue_before = event.queue_length;
        }
    }
    assert!(taken_at_once > 0);
}

/// The mean times over 100 runs with rates 1, 3 and 6.
fn mean_times(internal: f64, delay: &str) -> TravelTimes {
    let experiment = experiment(&format!(
        "engine = \"virtual\"\nrepetitions = 100\nduration_s = 60\n[parameters]\nrates = [[1, 3, 6]]\ninternal = {internal}\ndelay_s = {delay}"
    ));
    let mut times = TravelTimes::default();
    for run in experiment.runs() {
        add_messages(&mut times, &experiment, &run);
    }
    times.drawn_s /= f64::from(times.messages);
    times.travel_s /= f64::from(times.messages);
    println!(
        "{delay}: {} messages, drawn {} s, travel {} s",
        times.messages, times.drawn_s, times.travel_s
    );
    times
}

/// Each row: the probability of an internal event, the delay with a mean of 1 s, and the mean time that messages travel. `sim/README.md`
/// has these times.
#[test]
fn messages_travel_longer_than_their_random_delays_because_they_keep_their_order() {
    for (internal, delay, travel_s) in [
        (0.7, "{ exponential = 1.0 }", 1.36),
        (0.4, "{ exponential = 1.0 }", 1.69),
        (0.4, "{ uniform = [0, 2] }", 1.21),
    ] {
        let times = mean_times(internal, delay);
        assert!((times.drawn_s - 1.0).abs() < 0.01, "{delay}");
        assert!((times.travel_s - travel_s).abs() < 0.02, "{delay}");
    }
    // With a constant delay, no message has to wait for an earlier one.
    let constant = mean_times(0.7, "1.0");
    assert_eq!((constant.drawn_s, constant.travel_s), (1.0, 1.0));
}
