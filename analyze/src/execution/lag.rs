//! How far each clock is behind the largest clock of the run.

use sim::machine::MachineIndex;

use super::Execution;

/// A lag that holds from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Model nanoseconds since the run's start.
    pub from_ns: i64,
    /// The largest clock of the run at that time minus the machine's clock.
    pub lag: u64,
}

/// The lag of each machine over time. Steps begin with events of any machine; before the first step the lag is 0.
pub fn steps(execution: &Execution, machines: &[MachineIndex]) -> Vec<Vec<Step>> {
    let mut clocks = vec![0; execution.machines()];
    let mut largest = 0;
    let mut steps: Vec<Vec<Step>> = vec![vec![]; machines.len()];
    for index in execution.timeline() {
        let event = &execution.events()[index];
        clocks[event.machine as usize] = event.clock;
        largest = largest.max(event.clock);
        for (steps, &machine) in steps.iter_mut().zip(machines) {
            let lag = largest - clocks[machine as usize].min(largest);
            match steps.last_mut() {
                Some(last) if last.lag == lag => {}
                Some(last) if last.from_ns == event.time_ns => last.lag = lag,
                _ => steps.push(Step {
                    from_ns: event.time_ns,
                    lag,
                }),
            }
        }
    }
    steps
}
