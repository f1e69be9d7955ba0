//! Lags of machines over time: how far each clock is behind the largest clock of the run.

use sim::machine::MachineIndex;

use super::Execution;

/// A machine's lag from the time `from_ns` until the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When the lag begins, in model nanoseconds since the run's start.
    pub from_ns: i64,
    /// The largest clock of the run at that time minus the machine's clock.
    pub lag: u64,
}

/// For each of `machines`, the steps of its lag from `from_ns` to `to_ns`. The first step begins at `from_ns`. Each further step begins at
/// an event of this machine or of another, because every event can change the largest clock.
pub fn steps(
    execution: &Execution,
    machines: &[MachineIndex],
    (from_ns, to_ns): (i64, i64),
) -> Vec<Vec<Step>> {
    let events = execution.events();
    // The indices of the events in the order of their times.
    let timeline = execution.timeline();
    let start = timeline.partition_point(|&index| events[index].time_ns <= from_ns);
    let end = timeline.partition_point(|&index| events[index].time_ns <= to_ns);
    let mut clocks = Clocks {
        all: vec![0; execution.machines()],
        largest: 0,
    };
    // The events up to `from_ns` determine the clocks at `from_ns`.
    for &index in &timeline[..start] {
        clocks.set(events[index].machine, events[index].clock);
    }
    let first_step = |&machine: &MachineIndex| {
        let lag = clocks.lag(machine);
        vec![Step { from_ns, lag }]
    };
    let mut steps: Vec<Vec<Step>> = machines.iter().map(first_step).collect();
    for &index in &timeline[start..end] {
        let event = &events[index];
        clocks.set(event.machine, event.clock);
        for (steps, &machine) in steps.iter_mut().zip(machines) {
            add_step(steps, event.time_ns, clocks.lag(machine));
        }
    }
    steps
}

/// Adds a step that begins at `from_ns`, unless the last step has the same lag. If the last step begins at `from_ns` too, its
/// lag is replaced and no step is added: of several events at the same time, the last event determines the lag.
fn add_step(steps: &mut Vec<Step>, from_ns: i64, lag: u64) {
    match steps.last_mut() {
        Some(last) if last.lag == lag => {}
        Some(last) if last.from_ns == from_ns => last.lag = lag,
        _ => steps.push(Step { from_ns, lag }),
    }
}

/// The clocks of all machines at a time.
struct Clocks {
    /// For each machine, its clock.
    all: Vec<u64>,
    /// The largest value that any clock has had so far. It is never below a clock in `all`, so the subtraction in `lag` cannot overflow.
    largest: u64,
}

impl Clocks {
    fn set(&mut self, machine: MachineIndex, clock: u64) {
        self.all[machine as usize] = clock;
        self.largest = self.largest.max(clock);
    }

    fn lag(&self, machine: MachineIndex) -> u64 {
        self.largest - self.all[machine as usize]
    }
}
