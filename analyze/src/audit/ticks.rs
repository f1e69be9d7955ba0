//! Ticks, their times, and where first ticks fall.

use sim::experiment::{PhaseRule, ReceiveRule};
use sim::machine::EventKind;

use super::checks::Check;
use super::log::{Entry, Log};
use super::setup::{ROUNDING_NS, Setup};
use super::tally::{At, RunFindings};
use super::timetable::MILLION_SECONDS_NS;
use super::words::event;
use crate::output::words::counted;

/// Checks [`Check::Ticks`] and [`Check::Times`]. Returns by how much the latest event was late, in nanoseconds.
pub(super) fn check(setup: &Setup, log: &Log, page: &mut RunFindings<'_>) -> u64 {
    let mut latest_ns = 0;
    for (machine, events) in log.machines.iter().enumerate() {
        let known = setup.known;
        if known.ticks {
            page.checked(
                Check::Ticks,
                events.len() as u64 + u64::from(known.timetable),
            );
        }
        page.checked(Check::Times, events.len() as u64);
        let mut before: Option<&Entry> = None;
        for entry in events {
            if known.ticks {
                check_tick((setup.receive, machine), before, entry, page);
            }
            latest_ns = check_time(setup, machine, before, entry, page).max(latest_ns);
            before = Some(entry);
        }
        if known.timetable {
            check_last(setup, machine, before, page);
        }
    }
    latest_ns
}

/// A tick is the one after the one before it. Where a tick takes all messages, each is an event of the same tick.
fn check_tick(
    (receive, machine): (ReceiveRule, usize),
    before: Option<&Entry>,
    entry: &Entry,
    page: &mut RunFindings<'_>,
) {
    let goes_on = |before: &&Entry| {
        receive == ReceiveRule::All
            && before.queue > 0
            && [before.kind.clone(), entry.kind.clone()]
                .iter()
                .all(|kind| matches!(kind, EventKind::Receive(_)))
    };
    let expected = match before {
        None => 0,
        Some(before) if goes_on(&before) => before.tick,
        Some(before) => before.tick.saturating_add(1),
    };
    if entry.tick != expected {
        page.violated(Check::Ticks, At::Row(entry.row), || match before {
            None => format!("machine {machine} begins with tick {}, not 0", entry.tick),
            Some(before) => format!(
                "machine {machine} goes from tick {} to tick {}",
                before.tick, entry.tick
            ),
        });
    }
}

fn check_last(setup: &Setup, machine: usize, last: Option<&Entry>, page: &mut RunFindings<'_>) {
    let ticks = setup.timetables[machine].ticks;
    let done = last.map_or(0, |last| last.tick.saturating_add(1));
    if done != ticks {
        let at = last.map_or(At::Journal, |last| At::Row(last.row));
        page.violated(Check::Ticks, at, || {
            format!(
                "machine {machine} ends after {}, but its phase, its rate of {}/s and the duration say {ticks}",
                counted(done as usize, "tick"),
                setup.rates[machine]
            )
        });
    }
}

/// Returns by how much the event was late.
fn check_time(
    setup: &Setup,
    machine: usize,
    before: Option<&Entry>,
    entry: &Entry,
    page: &mut RunFindings<'_>,
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
        page.violated(Check::Times, At::Row(entry.row), || {
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
        page.violated(Check::Times, At::Row(entry.row), || {
            format!(
                "{}: its time is {} ns, {} ns before that of tick {}, the event before",
                event(machine, entry),
                entry.time_ns,
                before.time_ns - entry.time_ns,
                before.tick
            )
        });
    }
    entry.time_ns.saturating_sub(due_ns)
}

/// Checks [`Check::Phases`]: aligned ones are 0, all are within a period, and spread ones lie on a grid of
/// 1 / (lcm(rates) N) seconds, each machine in a residue of its own modulo 1 / lcm(rates).
pub(super) fn check_phases(setup: &Setup, page: &mut RunFindings<'_>) {
    let machines = setup.machines() as u64;
    if !setup.known.timetable {
        return;
    }
    page.checked(Check::Phases, machines);
    let steps = setup.steps();
    let mut residues = vec![None; setup.machines()];
    let million_seconds_ns = u128::from(MILLION_SECONDS_NS);
    for (machine, (&phase_ns, &rate)) in setup.phases_ns.iter().zip(&setup.rates).enumerate() {
        let mut violated = |why: String| {
            let words =
                || format!("machine {machine} at {rate}/s has a phase of {phase_ns} ns: {why}");
            page.violated(Check::Phases, At::Journal, words);
        };
        if setup.phase == PhaseRule::Aligned && phase_ns != 0 {
            violated("aligned ones are 0".to_owned());
        } else if u128::from(phase_ns) * u128::from(rate.micro_hertz()) >= million_seconds_ns {
            violated("that is not within its period".to_owned());
        } else if setup.phase == PhaseRule::Spread
            && let Some(steps) = steps
        {
            // The grid's points are rounded down to nanoseconds.
            let in_a_second = steps as f64 / 1e6;
            let steps = u128::from(steps);
            let step = (u128::from(phase_ns) * steps).div_ceil(million_seconds_ns);
            let residue = (step % u128::from(machines)) as usize;
            if step * million_seconds_ns / steps != u128::from(phase_ns) {
                violated(format!("spread ones are multiples of 1/{in_a_second} s"));
            } else if let Some(other) = residues[residue].replace(machine) {
                violated(format!(
                    "it ticks together with machine {other}, which spread phases never do"
                ));
            }
        }
    }
}
