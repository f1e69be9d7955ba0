//! Checks the timestamps of the clocks that machines keep beside their Lamport clocks: vector clocks and hybrid logical clocks.
//!
//! Each timestamp is compared with the logged timestamp of the machine's previous event. For a receive, it is also compared with the logged
//! timestamp of the send. So if one timestamp is wrong, and the later ones follow correctly from it, the audit counts one violation.
//!
//! Sources: C. J. Fidge, "Timestamps in Message-Passing Systems That Preserve the Partial Ordering", 1988; S. S. Kulkarni et al., "Logical
//! Physical Clocks", OPODIS 2014.
//!
//! A hybrid logical clock has a time, which comes from physical clocks, and a counter, which orders events with the same time. At a tick,
//! the machine reads its physical clock. The log does not have this reading, but the audit knows an earliest and a latest possible reading:
//! a physical clock is wrong by at most `EPSILON_NS / 2`, so the reading is at most `EPSILON_NS / 2` before or after the time at which the
//! tick is due. If a timestamp has a later time than the machine's previous timestamp and the received timestamp, this time must be the
//! reading. Then the audit checks that the time lies between the two limits.

use sim::clock::physical::{EPSILON_NS, RESOLUTION_NS};
use sim::clock::{CarriedTimestamp, HybridClock};
use sim::experiment::ClockKind;
use sim::machine::EventKind;

use super::checks::Check;
use super::log::{Entry, Log};
use super::setup::Setup;
use super::tally::{At, RunFindings};
use super::words::event;

/// Makes the check [`Check::Timestamp`]: each timestamp follows from the previous one and the received one.
pub(super) fn check(setup: &Setup, log: &Log, findings: &mut RunFindings<'_>) {
    if setup.clock == ClockKind::Lamport {
        return;
    }
    for (machine, events) in log.machines.iter().enumerate() {
        let mut before = None;
        let mut checked = 0;
        for entry in events {
            let own = entry.timestamp.as_deref();
            // A receive whose send is not in the log is left out.
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

/// Finds the timestamp that the event received. There are three cases:
///
/// - For a receive whose send is in the log, it is `Some(Some(timestamp of the send))`.
/// - For an internal event or a send, which receive no timestamp, it is `Some(None)`.
/// - For a receive whose send is not in the log or has no timestamp, it is `None`. [`Check::Sent`] reports missing sends.
fn timestamp_of_send<'l>(log: &'l Log, entry: &Entry) -> Option<Option<&'l CarriedTimestamp>> {
    let EventKind::Receive(message) = entry.kind else {
        return Some(None);
    };
    let sender = log.machines.get(message.sender as usize)?;
    // In the model, a tick with a send has no other event. But a faulty log can have more events with the same tick, so the first send
    // among them is used.
    let first_of_tick = sender.partition_point(|event| event.tick < message.sent_tick);
    let of_tick = sender[first_of_tick..]
        .iter()
        .take_while(|event| event.tick == message.sent_tick);
    let mut sends = of_tick.filter(|event| matches!(event.kind, EventKind::Send { .. }));
    sends.next()?.timestamp.as_deref().map(Some)
}

/// Says what is wrong with `own`, the timestamp of `entry`. Returns `None` if nothing is wrong. `before` is the machine's timestamp before
/// the event, and `sent` is the received timestamp.
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

/// The components that a vector clock must have. Each component is the larger of its values in the two `known` timestamps (the machine's
/// previous one and the received one; a missing timestamp counts as zeros). The event itself adds 1 to the machine's own component.
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

/// Says what is wrong with the timestamp `own` of a hybrid logical clock. `known` has the machine's previous timestamp and the received
/// one, and `due_ns` is the time at which the tick is due. The rules of the clock are:
///
/// - The new time is the largest one of three times: the previous time, the received time, and the reading of the physical clock.
/// - If neither the previous nor the received timestamp has the new time, the new counter is 0. If one of them has the new time, the new
///   counter is 1 more than the counter of that timestamp. If both have it, the new counter is 1 more than the larger of their counters.
fn find_hybrid_problem(
    own: HybridClock,
    known: [Option<&CarriedTimestamp>; 2],
    due_ns: u64,
) -> Option<String> {
    let [before, sent] = known.map(|timestamp| match timestamp {
        Some(CarriedTimestamp::Hybrid(clock)) => Some(*clock),
        _ => None,
    });
    // A clock starts from time 0, with counter 0.
    let before = before.unwrap_or_default();
    let latest_known = sent.map_or(before.time(), |sent| sent.time().max(before.time()));
    let (time, counter) = (own.time(), own.count());
    let (earliest_reading, latest_reading) = possible_readings(due_ns);
    if time < latest_known {
        return Some(format!("its time must be at least {latest_known}"));
    }
    if time > latest_known {
        // The time is a new reading of the physical clock.
        if !(earliest_reading..=latest_reading).contains(&time) {
            return Some(format!(
                "at this event the physical clock can only read {earliest_reading} to {latest_reading}"
            ));
        }
        return (counter != 0).then(|| "a new time must have counter 0".to_owned());
    }
    // The time is the previous or the received one. That is wrong if every possible reading of the physical clock is later than this time.
    if earliest_reading > latest_known {
        return Some(format!(
            "at this event the physical clock reads at least {earliest_reading}"
        ));
    }
    let known = [Some(before), sent].into_iter().flatten();
    // Here `time` is equal to `latest_known`, so at least one of the two known timestamps has this time.
    let with_this_time = known.filter(|clock| clock.time() == time);
    let largest_counter = with_this_time.map(|clock| clock.count()).max();
    let expected = largest_counter.map_or(0, |largest| largest.saturating_add(1));
    (counter != expected).then(|| format!("its counter must be {expected}"))
}

/// The earliest and the latest reading that a physical clock can have at model time `due_ns`. Readings are counted in steps of
/// [`RESOLUTION_NS`], like the times of hybrid logical clocks.
fn possible_readings(due_ns: u64) -> (i64, i64) {
    let max_error_ns = EPSILON_NS / 2;
    let step_ns = RESOLUTION_NS as i64;
    let earliest_ns = due_ns as i64 - max_error_ns as i64;
    let latest_ns = due_ns.saturating_add(max_error_ns) as i64;
    (
        earliest_ns.div_euclid(step_ns),
        latest_ns.div_euclid(step_ns),
    )
}
