//! Checks the rules of the clocks for each machine.

use sim::experiment::StampRule;
use sim::machine::EventKind;

use super::checks::Check;
use super::log::{Entry, Log};
use super::setup::Setup;
use super::tally::{At, RunFindings};
use super::words::event;

/// Counts how often each rule was applied.
#[derive(Default)]
struct Applied {
    initial: u64,
    local: u64,
    receive: u64,
    stamp: u64,
}

/// Checks [`Check::InitialClock`], [`Check::LocalClock`], [`Check::ReceiveClock`], [`Check::RisingClock`] and [`Check::Stamp`].
/// Each clock is compared with the logged clock of the machine's previous event. So one wrong step is one violation, even if all
/// later clocks are wrong because of it.
pub(super) fn check(setup: &Setup, log: &Log, findings: &mut RunFindings<'_>) {
    for (machine, events) in log.machines.iter().enumerate() {
        let mut applied = Applied::default();
        let mut before = 0;
        for (position, entry) in events.iter().enumerate() {
            let is_first = position == 0;
            check_rise(machine, before, entry, findings);
            if knows_step(setup, entry) {
                check_step(machine, before, is_first, entry, &mut applied, findings);
            }
            if setup.known.send_stamps {
                check_stamp(setup, machine, before, entry, &mut applied, findings);
            }
            before = entry.clock;
        }
        findings.checked(Check::InitialClock, applied.initial);
        findings.checked(Check::LocalClock, applied.local);
        findings.checked(Check::ReceiveClock, applied.receive);
        findings.checked(Check::RisingClock, events.len() as u64);
        findings.checked(Check::Stamp, applied.stamp);
    }
}

/// Tells whether the rule for the event's clock can be checked. For a receive, this needs the message's timestamp.
fn knows_step(setup: &Setup, entry: &Entry) -> bool {
    setup.known.stamps || !matches!(entry.kind, EventKind::Receive(_))
}

fn check_rise(machine: usize, before: u64, entry: &Entry, findings: &mut RunFindings<'_>) {
    if entry.clock <= before {
        findings.violated(Check::RisingClock, At::Row(entry.row), || {
            format!(
                "{}: its clock went from {before} to {}, and did not rise",
                event(machine, entry),
                entry.clock
            )
        });
    }
}

fn check_step(
    machine: usize,
    before: u64,
    is_first: bool,
    entry: &Entry,
    applied: &mut Applied,
    findings: &mut RunFindings<'_>,
) {
    let (rule, count, reached) = match entry.kind {
        EventKind::Receive(message) => {
            let reached = before.max(message.stamp);
            (Check::ReceiveClock, &mut applied.receive, reached)
        }
        _ => (Check::LocalClock, &mut applied.local, before),
    };
    let (rule, count) = if is_first {
        (Check::InitialClock, &mut applied.initial)
    } else {
        (rule, count)
    };
    *count += 1;
    if entry.clock != reached.wrapping_add(1) {
        findings.violated(rule, At::Row(entry.row), || {
            let sum = match entry.kind {
                EventKind::Receive(message) => format!("max({before}, {}) + 1", message.stamp),
                _ => format!("{before} + 1"),
            };
            format!(
                "{}: its clock went from {before} to {}, but {sum} is {}",
                event(machine, entry),
                entry.clock,
                reached.wrapping_add(1)
            )
        });
    }
}

fn check_stamp(
    setup: &Setup,
    machine: usize,
    before: u64,
    entry: &Entry,
    applied: &mut Applied,
    findings: &mut RunFindings<'_>,
) {
    let EventKind::Send { stamp, .. } = entry.kind else {
        return;
    };
    applied.stamp += 1;
    let expected = match setup.stamp {
        StampRule::After => entry.clock,
        StampRule::Before => before,
    };
    if stamp != expected {
        findings.violated(Check::Stamp, At::Row(entry.row), || {
            format!(
                "{}: its clock went from {before} to {}. With stamp = {}, its message must carry {expected}",
                event(machine, entry),
                entry.clock,
                setup.stamp
            )
        });
    }
}
