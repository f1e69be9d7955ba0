//! Checks that the logged Lamport clocks of each machine follow Lamport's rules.

use sim::experiment::StampRule;
use sim::machine::EventKind;

use super::checks::Check;
use super::log::{Entry, Log};
use super::setup::Setup;
use super::tally::{At, RunFindings};
use super::words::event;

/// How often each check was made on the events of a machine.
#[derive(Default)]
struct ChecksMade {
    initial_clock: u64,
    local_clock: u64,
    receive_clock: u64,
    stamp: u64,
}

/// Checks [`Check::InitialClock`], [`Check::LocalClock`], [`Check::ReceiveClock`], [`Check::RisingClock`] and [`Check::Stamp`].
/// Each clock is compared with the logged clock of the machine's previous event. So one wrong step is one violation, even if all
/// later clocks are wrong because of it.
pub(super) fn check(setup: &Setup, log: &Log, findings: &mut RunFindings<'_>) {
    for (machine, events) in log.machines.iter().enumerate() {
        let mut made = ChecksMade::default();
        // Before its first event, a machine's clock must be 0.
        let mut clock_before = 0;
        for (position, entry) in events.iter().enumerate() {
            let is_first = position == 0;
            check_rise(machine, clock_before, entry, findings);
            if can_check_step(setup, entry) {
                check_step(machine, clock_before, is_first, entry, &mut made, findings);
            }
            // `send_stamps` is false if the import had to compute timestamps of sends, because they were not logged. The import uses the
            // same rule as `check_stamp`, so a check would prove nothing.
            if setup.known.send_stamps {
                check_stamp(setup, machine, clock_before, entry, &mut made, findings);
            }
            clock_before = entry.clock;
        }
        findings.checked(Check::InitialClock, made.initial_clock);
        findings.checked(Check::LocalClock, made.local_clock);
        findings.checked(Check::ReceiveClock, made.receive_clock);
        findings.checked(Check::RisingClock, events.len() as u64);
        findings.checked(Check::Stamp, made.stamp);
    }
}

/// Tells whether the log has the data to check the clock of this event. For a receive, the message's timestamp is needed.
fn can_check_step(setup: &Setup, entry: &Entry) -> bool {
    setup.known.receive_stamps || !matches!(entry.kind, EventKind::Receive(_))
}

/// Checks [`Check::RisingClock`]: the clock is larger than `clock_before`, the clock of the machine's previous event.
fn check_rise(machine: usize, clock_before: u64, entry: &Entry, findings: &mut RunFindings<'_>) {
    if entry.clock <= clock_before {
        findings.violated(Check::RisingClock, At::Row(entry.row), || {
            format!(
                "{}: its clock went from {clock_before} to {}, and did not rise",
                event(machine, entry),
                entry.clock
            )
        });
    }
}

/// Checks that an internal event or a send sets the clock to `clock_before` + 1, and that a receive sets it to
/// max(`clock_before`, timestamp of the message) + 1. At the machine's first event, this check is [`Check::InitialClock`]. At a later
/// receive it is [`Check::ReceiveClock`], and at any other later event [`Check::LocalClock`].
fn check_step(
    machine: usize,
    clock_before: u64,
    is_first: bool,
    entry: &Entry,
    made: &mut ChecksMade,
    findings: &mut RunFindings<'_>,
) {
    // The number to which 1 is added.
    let base = match entry.kind {
        EventKind::Receive(message) => clock_before.max(message.stamp),
        _ => clock_before,
    };
    let (check, times_made) = match entry.kind {
        _ if is_first => (Check::InitialClock, &mut made.initial_clock),
        EventKind::Receive(_) => (Check::ReceiveClock, &mut made.receive_clock),
        _ => (Check::LocalClock, &mut made.local_clock),
    };
    *times_made += 1;
    // In a damaged log, a clock may be the largest possible number. Then a plain `+ 1` would overflow.
    let expected = base.wrapping_add(1);
    if entry.clock != expected {
        findings.violated(check, At::Row(entry.row), || {
            let sum = match entry.kind {
                EventKind::Receive(message) => {
                    format!("max({clock_before}, {}) + 1", message.stamp)
                }
                _ => format!("{clock_before} + 1"),
            };
            format!(
                "{}: its clock went from {clock_before} to {}, but {sum} is {expected}",
                event(machine, entry),
                entry.clock
            )
        });
    }
}

/// Checks [`Check::Stamp`]: a send has the timestamp that the parameter `stamp` asks for.
fn check_stamp(
    setup: &Setup,
    machine: usize,
    clock_before: u64,
    entry: &Entry,
    made: &mut ChecksMade,
    findings: &mut RunFindings<'_>,
) {
    let EventKind::Send { stamp, .. } = entry.kind else {
        return;
    };
    made.stamp += 1;
    let expected = match setup.stamp {
        StampRule::After => entry.clock,
        StampRule::Before => clock_before,
    };
    if stamp != expected {
        findings.violated(Check::Stamp, At::Row(entry.row), || {
            format!(
                "{}: its clock went from {clock_before} to {}. With stamp = {}, its message must carry {expected}",
                event(machine, entry),
                entry.clock,
                setup.stamp
            )
        });
    }
}
