//! Checks the numbers of ticks, the times of events, and the phases (the times of the first ticks).

use sim::experiment::{PhaseRule, ReceiveRule};
use sim::machine::EventKind;

use super::checks::Check;
use super::log::{Entry, Log};
use super::setup::{ROUNDING_NS, Setup};
use super::tally::{At, RunFindings};
use super::timetable::MILLION_SECONDS_NS;
use super::words::event;
use crate::output::words::counted;

/// Makes the checks [`Check::Ticks`] (the numbers of ticks) and [`Check::Times`] (the times of events). Returns the largest lateness of an
/// event, in nanoseconds. Logs of other programs do not say when ticks were due (the timetable), and some do not say at which tick an
/// event was. The parts of the checks that need a missing fact are left out.
pub(super) fn check(setup: &Setup, log: &Log, findings: &mut RunFindings<'_>) -> u64 {
    let mut largest_lateness_ns = 0;
    for (machine, events) in log.machines.iter().enumerate() {
        let known = setup.known;
        if known.ticks {
            // The tick of each event is checked. If the timetable is known, there is one check more: the machine's number of ticks.
            let checks_of_number = u64::from(known.timetable);
            findings.checked(Check::Ticks, events.len() as u64 + checks_of_number);
        }
        findings.checked(Check::Times, events.len() as u64);
        let mut before: Option<&Entry> = None;
        for entry in events {
            if known.ticks {
                check_tick((setup.receive, machine), before, entry, findings);
            }
            let lateness_ns = check_time(setup, machine, before, entry, findings);
            largest_lateness_ns = largest_lateness_ns.max(lateness_ns);
            before = Some(entry);
        }
        if known.timetable {
            check_number_of_ticks(setup, machine, before, findings);
        }
    }
    largest_lateness_ns
}

/// Checks the number of an event's tick: 0 for the machine's first event, otherwise 1 more than at its previous event (`before`). With
/// `receive = "all"`, several receives in succession can have the same tick.
fn check_tick(
    (receive, machine): (ReceiveRule, usize),
    before: Option<&Entry>,
    entry: &Entry,
    findings: &mut RunFindings<'_>,
) {
    let is_receive = |entry: &Entry| matches!(entry.kind, EventKind::Receive(_));
    // With `receive = "all"`, a tick receives one message after the other until the queue is empty.
    let must_have_same_tick = |before: &Entry| {
        receive == ReceiveRule::All && before.queue > 0 && is_receive(before) && is_receive(entry)
    };
    let expected = match before {
        None => 0,
        Some(before) if must_have_same_tick(before) => before.tick,
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

/// Checks that the machine has as many ticks as its timetable says. `last` is the machine's last event.
fn check_number_of_ticks(
    setup: &Setup,
    machine: usize,
    last: Option<&Entry>,
    findings: &mut RunFindings<'_>,
) {
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

/// Checks the time of an event. In virtual time, the event must happen exactly when its tick is due. Over TCP, the event must not happen
/// before its tick is due. In both cases, the event must also not be earlier than the machine's previous event. Returns the event's lateness
/// in nanoseconds.
fn check_time(
    setup: &Setup,
    machine: usize,
    before: Option<&Entry>,
    entry: &Entry,
    findings: &mut RunFindings<'_>,
) -> u64 {
    // The timetable gives the model time of the tick. `due_at_ns` converts it into system time, as in the log. If the timetable is not
    // known, the event's own time is used, so that no event is early or late.
    let due_ns = match setup.known.timetable {
        true => setup.due_at_ns(setup.timetables[machine].due_ns(entry.tick)),
        false => entry.time_ns,
    };
    // In virtual time, `due_ns` is exact. Over TCP, it was converted from model time, with an error of at most `ROUNDING_NS`.
    let has_wrong_time = if setup.is_virtual {
        entry.time_ns != due_ns
    } else {
        entry.time_ns.saturating_add(ROUNDING_NS) < due_ns
    };
    if has_wrong_time {
        findings.violated(Check::Times, At::Row(entry.row), || {
            let rule = if setup.is_virtual {
                "due exactly at"
            } else {
                "not due before"
            };
            format!(
                "{}: its time is {} ns, but it was {rule} {due_ns} ns",
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

/// Checks [`Check::Phases`]. A phase must be shorter than the time between two ticks of the machine. With `phase = "aligned"`, it must be
/// 0. With `phase = "spread"`, it must be a whole number of steps of 1 / (L N) seconds, where L is the least common multiple of the rates
/// and N the number of machines. Also, the numbers of steps must have a different remainder modulo N for each machine.
///
/// Because of the different remainders, no two machines ever tick at the same time. A machine with rate r ticks every 1 / r seconds, that
/// is, every N L / r steps. L / r is a whole number, so N L / r is a multiple of N. So the steps at which a machine ticks all have the same
/// remainder. For example, at the rates 1 and 2, both L and N are 2, so a step is 1/4 s. The machine with rate 1 ticks every 4 steps, the
/// other machine every 2 steps. With phases of 0 steps and 1 step, the first machine ticks at steps 0, 4, 8, ... (remainder 0) and the
/// second at steps 1, 3, 5, ... (remainder 1).
pub(super) fn check_phases(setup: &Setup, findings: &mut RunFindings<'_>) {
    let machines = setup.machines() as u64;
    if !setup.known.timetable {
        return;
    }
    findings.checked(Check::Phases, machines);
    // Rates are whole numbers of ticks in a million seconds, so the number of steps in a million seconds is a whole number too. (The number
    // in one second can be a fraction, because rates such as 0.5 are possible.) If the number does not fit into 64 bits, it is `None`, and
    // the steps are not checked.
    let steps_per_million_seconds = setup.steps_per_million_seconds();
    // For each remainder modulo N, the machine that has it.
    let mut machine_with_remainder = vec![None; setup.machines()];
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
            // The condition is phase >= 1 / rate. A division would round, so both sides are multiplied by the rate: phase * rate >= 1. In
            // nanoseconds and micro-hertz: phase_ns * micro_hertz >= 10^9 * 10^6, which is `million_seconds_ns`.
            violated("it must be shorter than the time between two ticks".to_owned());
        } else if setup.phase == PhaseRule::Spread
            && let Some(steps_per_million_seconds) = steps_per_million_seconds
        {
            let steps_per_second = steps_per_million_seconds as f64 / 1e6;
            let steps_per_million_seconds = u128::from(steps_per_million_seconds);
            // The phase in the journal was rounded down to nanoseconds. For example, if a step is 1/18 s, a phase of one step is 55555555 ns
            // in the journal, which is a little less than one step. So the number of steps is rounded up here. As a check, this number is
            // converted back to nanoseconds and rounded down. The result must be the phase in the journal.
            let steps =
                (u128::from(phase_ns) * steps_per_million_seconds).div_ceil(million_seconds_ns);
            let remainder = (steps % u128::from(machines)) as usize;
            let phase_of_steps_ns = steps * million_seconds_ns / steps_per_million_seconds;
            if phase_of_steps_ns != u128::from(phase_ns) {
                violated(format!(
                    "with phase = spread it must be a multiple of 1/{steps_per_second} s"
                ));
            // `replace` stores this machine, and returns the machine that was stored for the same remainder before.
            } else if let Some(other) = machine_with_remainder[remainder].replace(machine) {
                violated(format!(
                    "counted in steps of 1/{steps_per_second} s, it has the same remainder after division by {machines} as the phase of machine {other}; \
                     with phase = spread all remainders must be different"
                ));
            }
        }
    }
}
