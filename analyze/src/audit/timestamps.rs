//! Checks the timestamps of the clocks that machines keep beside their Lamport clocks: vector clocks and hybrid logical clocks.
//!
//! Each timestamp is compared with the logged timestamps of the machine's previous event and, for a receive, of the send. So one wrong step
//! is one violation, even if all later timestamps are wrong because of it.
//!
//! Sources: C. J. Fidge, "Timestamps in Message-Passing Systems That Preserve the Partial Ordering", 1988; S. S. Kulkarni et al., "Logical
//! Physical Clocks", OPODIS 2014. The readings of physical clocks are not in the log. They are only known to be within epsilon / 2 of the
//! time at which the tick is due. So a time of a hybrid logical clock that is a new reading is checked against these bounds.

use sim::clock::physical::{EPSILON_NS, RESOLUTION_NS};
use sim::clock::{CarriedTimestamp, HybridClock};
use sim::experiment::ClockKind;
use sim::machine::EventKind;

use super::checks::Check;
use super::log::{Entry, Log};
use super::setup::Setup;
use super::tally::{At, RunFindings};
use super::words::event;

/// Checks [`Check::Timestamp`].
pub(super) fn check(setup: &Setup, log: &Log, findings: &mut RunFindings<'_>) {
    if setup.clock == ClockKind::Lamport {
        return;
    }
    for (machine, events) in log.machines.iter().enumerate() {
        let mut before = None;
        let mut checked = 0;
        for entry in events {
            let own = entry.timestamp.as_deref();
            if let (Some(own), Some(sent)) = (own, timestamp_of_send(log, entry)) {
                checked += 1;
                if let Some(problem) = find_problem(setup, machine, (before, sent), entry, own) {
                    findings.violated(Check::Timestamp, At::Row(entry.row), || {
                        let before = before.map_or("none".to_owned(), ToString::to_string);
                        format!(
                            "{}: its timestamp went from {before} to {own}, but {problem}",
                            event(machine, entry)
                        )
                    });
                }
            }
            before = own;
        }
        findings.checked(Check::Timestamp, checked);
    }
}

/// For a receive: the timestamp of the send, which its message carries. For other events: `Some(None)`. `None` for a receive without a
/// send, which [`Check::Sent`] reports.
fn timestamp_of_send<'l>(log: &'l Log, entry: &Entry) -> Option<Option<&'l CarriedTimestamp>> {
    let EventKind::Receive(message) = entry.kind else {
        return Some(None);
    };
    let sender = log.machines.get(message.sender as usize)?;
    let from = sender.partition_point(|sent| sent.tick < message.sent_tick);
    let of_tick = sender[from..]
        .iter()
        .take_while(|sent| sent.tick == message.sent_tick);
    let mut sends = of_tick.filter(|sent| matches!(sent.kind, EventKind::Send { .. }));
    sends.next()?.timestamp.as_deref().map(Some)
}

/// What is wrong with `own`, the timestamp of `entry`. `before` is the machine's timestamp before the event.
fn find_problem(
    setup: &Setup,
    machine: usize,
    (before, sent): (Option<&CarriedTimestamp>, Option<&CarriedTimestamp>),
    entry: &Entry,
    own: &CarriedTimestamp,
) -> Option<String> {
    match own {
        CarriedTimestamp::Vector(own) => {
            let expected = expected_vector(machine, own.components().len(), [before, sent]);
            (own.components() != expected).then(|| {
                let numbers: Vec<String> = expected.iter().map(u64::to_string).collect();
                format!("it must be {}", numbers.join(";"))
            })
        }
        CarriedTimestamp::Hybrid(own) => {
            let due_ns = setup.timetables[machine].due_ns(entry.tick);
            find_hybrid_problem(*own, [before, sent], due_ns)
        }
    }
}

/// The greatest components of the two timestamps, and 1 more for the machine's own event.
fn expected_vector(
    machine: usize,
    machines: usize,
    known: [Option<&CarriedTimestamp>; 2],
) -> Vec<u64> {
    let mut expected = vec![0; machines];
    for timestamp in known.into_iter().flatten() {
        if let CarriedTimestamp::Vector(vector) = timestamp {
            for (component, &other) in std::iter::zip(&mut expected, vector.components()) {
                *component = other.max(*component);
            }
        }
    }
    if let Some(component) = expected.get_mut(machine) {
        *component = component.saturating_add(1);
    }
    expected
}

fn find_hybrid_problem(
    own: HybridClock,
    known: [Option<&CarriedTimestamp>; 2],
    due_ns: u64,
) -> Option<String> {
    // A clock starts from time 0, with counter 0.
    let start = HybridClock::default();
    let known = known.map(|timestamp| match timestamp {
        Some(CarriedTimestamp::Hybrid(clock)) => Some((clock.time(), clock.count())),
        _ => None,
    });
    let before = known[0].unwrap_or((start.time(), start.count()));
    let latest = known[1].map_or(before.0, |sent| sent.0.max(before.0));
    let (time, counter) = (own.time(), own.count());
    let (least, most) = possible_readings(due_ns);
    if time < latest {
        return Some(format!("its time must be at least {latest}"));
    }
    if time > latest {
        if !(least..=most).contains(&time) {
            return Some(format!("a physical clock reads {least} to {most} there"));
        }
        return (counter != 0).then(|| "a later time has counter 0".to_owned());
    }
    if least > latest {
        return Some(format!("a physical clock reads at least {least} there"));
    }
    let same_time = [Some(before), known[1]].into_iter().flatten();
    let counters = same_time.filter(|known| known.0 == time);
    let expected = counters
        .map(|known| known.1)
        .max()
        .map_or(0, |most| most.saturating_add(1));
    (counter != expected).then(|| format!("its counter must be {expected}"))
}

/// The earliest and the latest reading of a physical clock at model time `due_ns`.
fn possible_readings(due_ns: u64) -> (i64, i64) {
    let error_ns = EPSILON_NS / 2;
    let step_ns = RESOLUTION_NS as i64;
    let earliest_ns = due_ns as i64 - error_ns as i64;
    let latest_ns = due_ns.saturating_add(error_ns) as i64;
    (
        earliest_ns.div_euclid(step_ns),
        latest_ns.div_euclid(step_ns),
    )
}
