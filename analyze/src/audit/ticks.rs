//! Checks ticks, their times, and the phases.

use sim::experiment::{PhaseRule, ReceiveRule};
use sim::machine::EventKind;

use super::checks::Check;
use super::log::{Entry, Log};
use super::setup::{ROUNDING_NS, Setup};
use super::tally::{At, RunFindings};
use super::timetable::MILLION_SECONDS_NS;
use super::words::event;
use crate::output::words::counted;

/// Checks [`Check::Ticks`] and [`Check::Times`]. Returns the lateness of the latest event in nanoseconds.
pub(super) fn check(setup: &Setup, log: &Log, findings: &mut RunFindings<'_>) -> u64 {
    let mut latest_ns = 0;
    for (machine, events) in log.machines.iter().enumerate() {
        let known = setup.known;
        if known.ticks {
            findings.checked(
                Check::Ticks,
                events.len() as u64 + u64::from(known.timetable),
            );
        }
        findings.checked(Check::Times, events.len() as u64);
        let mut before: Option<&Entry> = None;
        for entry in events {
            if known.ticks {
                check_tick((setup.receive, machine), before, entry, findings);
            }
            latest_ns = check_time(setup, machine, before, entry, findings).max(latest_ns);
            before = Some(entry);
        }
        if known.timetable {
            check_last(setup, machine, before, findings);
        }
    }
    latest_ns
}

/// Checks that ticks have no gaps. With receive = all, several events can have the same tick.
fn check_tick(
    (receive, machine): (ReceiveRule, usize),
    before: Option<&Entry>,
    entry: &Entry,
    findings: &mut RunFindings<'_>,
) {
    let may_share_tick = |before: &Entry| {
        receive == ReceiveRule::All
            && before.queue > 0
            && [before.kind.clone(), entry.kind.clone()]
                .iter()
                .all(|kind| matches!(kind, EventKind::Receive(_)))
    };
    let expected = match before {
        None => 0,
        Some(before) if may_share_tick(before) => before.tick,
        Some(before) => before.tick.saturating_add(1),
    };
    if entry.tick != expected {
        findings.violated(Check::Ticks, At::Row(entry.row), || match before {
            None => format!(
                "the first tick of machine {machine} is {}, not 0",
                entry.tick
            ),
            Some(before) => format!(
                "machine {machine} goes from tick {} to tick {}",
                before.tick, entry.tick
            ),
        });
    }
}

/// Checks that the machine has all its ticks.
fn check_last(setup: &Setup, machine: usize, last: Option<&Entry>, findings: &mut RunFindings<'_>) {
    let ticks = setup.timetables[machine].ticks;
    let ticks_done = last.map_or(0, |last| last.tick.saturating_add(1));
    if ticks_done != ticks {
        let at = last.map_or(At::Journal, |last| At::Row(last.row));
        findings.violated(Check::Ticks, at, || {
            format!(
                "machine {machine} has {}, but according to its phase, its rate of {}/s and the duration it should have {ticks}",
                counted(ticks_done as usize, "tick"),
                setup.rates[machine]
            )
        });
    }
}

/// Checks the time of an event. Returns the event's lateness in nanoseconds.
fn check_time(
    setup: &Setup,
    machine: usize,
    before: Option<&Entry>,
    entry: &Entry,
    findings: &mut RunFindings<'_>,
) -> u64 {
    let due_ns = match setup.known.timetable {
        true => setup.due_at_ns(setup.timetables[machine].due_ns(entry.tick)),
        false => entry.time_ns,
    };
    let is_early = if setup.is_virtual {
        entry.time_ns != due_ns
    } else {
        entry.time_ns.saturating_add(ROUNDING_NS) < due_ns
    };
    if is_early {
        findings.violated(Check::Times, At::Row(entry.row), || {
            let rule = if setup.is_virtual {
                "exactly at"
            } else {
                "not before"
            };
            format!(
                "{}: its time is {} ns, but it was due {rule} {due_ns} ns",
                event(machine, entry),
                entry.time_ns
            )
        });
    } else if let Some(before) = before.filter(|before| before.time_ns > entry.time_ns) {
        findings.violated(Check::Times, At::Row(entry.row), || {
            format!(
                "{}: its time is {} ns, which is {} ns before the machine's previous event at tick {}",
                event(machine, entry),
                entry.time_ns,
                before.time_ns - entry.time_ns,
                before.tick
            )
        });
    }
    entry.time_ns.saturating_sub(due_ns)
}

/// Checks [`Check::Phases`]. All phases must be shorter than the time between two ticks. `aligned` phases must be 0. `spread`
/// phases must be multiples of 1 / (lcm(rates) N) seconds, where N is the number of machines, and no two machines may ever tick
/// at the same time.
pub(super) fn check_phases(setup: &Setup, findings: &mut RunFindings<'_>) {
    let machines = setup.machines() as u64;
    if !setup.known.timetable {
        return;
    }
    findings.checked(Check::Phases, machines);
    let steps = setup.steps();
    let mut residues = vec![None; setup.machines()];
    let million_seconds_ns = u128::from(MILLION_SECONDS_NS);
    for (machine, (&phase_ns, &rate)) in setup.phases_ns.iter().zip(&setup.rates).enumerate() {
        let mut violated = |why: String| {
            let words =
                || format!("machine {machine} at {rate}/s has a phase of {phase_ns} ns: {why}");
            findings.violated(Check::Phases, At::Journal, words);
        };
        if setup.phase == PhaseRule::Aligned && phase_ns != 0 {
            violated("with phase = aligned it must be 0".to_owned());
        } else if u128::from(phase_ns) * u128::from(rate.micro_hertz()) >= million_seconds_ns {
            violated("it must be shorter than the time between two ticks".to_owned());
        } else if setup.phase == PhaseRule::Spread
            && let Some(steps) = steps
        {
            // Phases are rounded down to nanoseconds.
            let in_a_second = steps as f64 / 1e6;
            let steps = u128::from(steps);
            let step = (u128::from(phase_ns) * steps).div_ceil(million_seconds_ns);
            let residue = (step % u128::from(machines)) as usize;
            if step * million_seconds_ns / steps != u128::from(phase_ns) {
                violated(format!(
                    "with phase = spread it must be a multiple of 1/{in_a_second} s"
                ));
            } else if let Some(other) = residues[residue].replace(machine) {
                violated(format!(
                    "it ticks at the same time as machine {other}, which must not happen with phase = spread"
                ));
            }
        }
    }
}
