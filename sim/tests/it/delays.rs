//! How long messages travel: as long as their drawn delay, or longer if they wait for earlier messages from the same sender to
//! the same recipient.

use std::collections::HashMap;

use sim::engine::virtual_time;
use sim::experiment::{Experiment, MachineIndex, Run};
use sim::machine::{EventKind, Machine};
use sim::random::machine_stream;

use crate::support::experiment;

const SECOND_NS: f64 = 1e9;

/// Mean times in seconds, over all messages of some runs.
#[derive(Default)]
struct Means {
    messages: u32,
    drawn_s: f64,
    under_way_s: f64,
}

/// The delays that the machines of `run` draw, found from the events of the virtual engine. For each message (sender, recipient
/// and tick): the time at which its delay is over.
fn add(means: &mut Means, experiment: &Experiment, run: &Run) {
    let schedule = run.schedule(experiment.seed);
    let log = virtual_time::run(run, experiment.seed);
    // To repeat the draws, the same machines run again and get the messages that they received according to the log.
    let mut through_ns: HashMap<(MachineIndex, MachineIndex, u64), u64> = HashMap::new();
    for (sender, events) in (0..).zip(&log.machines) {
        let stream = machine_stream(experiment.seed, &run.stream_key(), sender);
        let mut machine = Machine::new(sender, &run.configuration, stream);
        let mut last_ns = HashMap::new();
        for event in events.iter().map(|logged| &logged.event) {
            let sent_ns = schedule.due_ns(sender as usize, event.tick);
            if let EventKind::Receive(message) = &event.kind {
                // The message is passed to the machine directly before the tick that takes it.
                machine.arrive(*message, sent_ns - 1, 0);
            }
            let again = machine.tick(sent_ns);
            assert_eq!(
                (&again.kind, again.logical_clock),
                (&event.kind, event.logical_clock)
            );
            if let EventKind::Send { recipients, .. } = &event.kind {
                for &peer in recipients.among(&run.configuration.neighbours(sender)) {
                    let drawn_ns = machine.draw_delay_ns();
                    let last_ns = last_ns.entry(peer).or_insert(0);
                    *last_ns = (sent_ns + drawn_ns).max(*last_ns);
                    through_ns.insert((sender, peer, event.tick), *last_ns);
                    means.messages += 1;
                    means.drawn_s += drawn_ns as f64 / SECOND_NS;
                    means.under_way_s += (*last_ns - sent_ns) as f64 / SECOND_NS;
                }
            }
        }
    }
    // The engine must agree: if a message did not wait in the queue, the first tick after its delay has received it.
    let mut taken_at_once = 0;
    for (machine, events) in (0..).zip(&log.machines) {
        let mut waiting = 0;
        for event in events.iter().map(|logged| &logged.event) {
            if let EventKind::Receive(message) = &event.kind {
                let through_ns = through_ns[&(message.sender, machine, message.sent_tick)];
                assert!(schedule.due_ns(machine as usize, event.tick) > through_ns);
                if waiting == 0 && event.tick > 0 {
                    assert!(schedule.due_ns(machine as usize, event.tick - 1) <= through_ns);
                    taken_at_once += 1;
                }
            }
            waiting = event.queue_length;
        }
    }
    assert!(taken_at_once > 0);
}

fn means(internal: f64, delay: &str) -> Means {
    let experiment = experiment(&format!(
        "engine = \"virtual\"\nrepetitions = 100\nduration_s = 60\n[parameters]\nrates = [[1, 3, 6]]\ninternal = {internal}\ndelay_s = {delay}"
    ));
    let mut means = Means::default();
    for run in experiment.runs() {
        add(&mut means, &experiment, &run);
    }
    means.drawn_s /= f64::from(means.messages);
    means.under_way_s /= f64::from(means.messages);
    println!(
        "{delay}: {} messages, drawn {} s, under way {} s",
        means.messages, means.drawn_s, means.under_way_s
    );
    means
}

/// The figures in the README.
#[test]
fn messages_wait_for_earlier_messages_of_the_same_sender() {
    for (internal, delay, under_way_s) in [
        (0.7, "{ exponential = 1.0 }", 1.36),
        (0.4, "{ exponential = 1.0 }", 1.69),
        (0.4, "{ uniform = [0, 2] }", 1.21),
    ] {
        let means = means(internal, delay);
        assert!((means.drawn_s - 1.0).abs() < 0.01, "{delay}");
        assert!((means.under_way_s - under_way_s).abs() < 0.02, "{delay}");
    }
    let constant = means(0.7, "1.0");
    assert_eq!((constant.drawn_s, constant.under_way_s), (1.0, 1.0));
}
