//! Chooses a part of a run by time and by machine.

use sim::machine::MachineIndex;

use super::{EventName, Execution, to_ns};
use crate::error::Error;

/// The part of a run that the user chose to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// Start of the part, in model seconds. If `from_s` is `None`, `around` determines the start. If both are `None`, the part starts with
    /// the run.
    pub from_s: Option<f64>,
    /// End of the part, in model seconds. If `to_s` is `None`, `around` determines the end. If both are `None`, the part ends with the run.
    pub to_s: Option<f64>,
    /// A tick, for example `2:14` (tick 14 of machine 2). The part starts `within_s` before the tick's first event and ends `within_s`
    /// after that event. (With `receive = "all"`, a tick can have several events.) If `from_s` is given too, the part starts at `from_s`
    /// instead. If `to_s` is given too, the part ends at `to_s` instead.
    pub around: Option<EventName>,
    /// Model seconds that are shown before and after `around`.
    pub within_s: f64,
    /// Only these machines. If the list is empty, all machines.
    pub machines: Vec<MachineIndex>,
}

/// A part of a run: some of its machines, from `from_ns` to `to_ns` (both included).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Start in model nanoseconds since the run's start.
    pub from_ns: i64,
    /// End in model nanoseconds since the run's start.
    pub to_ns: i64,
    /// The chosen machines, in ascending order.
    pub machines: Vec<MachineIndex>,
    /// The events in the window, as indices in [`Execution::events`], in the order of [`Execution::timeline`] (by time).
    pub events: Vec<usize>,
}

impl Choice {
    /// Finds the chosen part of a run.
    ///
    /// # Errors
    ///
    /// [`Error::Choice`] if the run has no tick `around`, or not all of the chosen machines, or if the end is before the start.
    pub fn window(&self, execution: &Execution) -> Result<Window, Error> {
        let (from_ns, to_ns) = self.bounds_ns(execution)?;
        let mut machines = self.machines.clone();
        machines.sort_unstable();
        machines.dedup();
        for &machine in &machines {
            execution.check_machine(machine)?;
        }
        if machines.is_empty() {
            machines = (0..execution.machines() as MachineIndex).collect();
        }
        Ok(Window::new(execution, from_ns, to_ns, machines))
    }

    /// The first and the last time of the chosen part, in model nanoseconds since the run's start.
    fn bounds_ns(&self, execution: &Execution) -> Result<(i64, i64), Error> {
        // The end is called `until_ns` here, because `to_ns` is the function that converts seconds.
        let (mut from_ns, mut until_ns) = whole_ns(execution);
        if let Some(name) = self.around {
            let events_of_tick = execution.find(name)?;
            let at_ns = execution.events()[events_of_tick.start].time_ns;
            let within_ns = to_ns(self.within_s);
            from_ns = at_ns.saturating_sub(within_ns).max(from_ns);
            until_ns = at_ns.saturating_add(within_ns).min(until_ns);
        }
        if let Some(from_s) = self.from_s {
            from_ns = to_ns(from_s);
        }
        if let Some(to_s) = self.to_s {
            until_ns = to_ns(to_s);
        }
        if until_ns < from_ns {
            return Err(execution.choice(format!(
                "the part from {} s to {} s is empty; --from must not be after --to, and the run lasts {} s",
                super::to_s(from_ns),
                super::to_s(until_ns),
                super::to_s(execution.duration_ns)
            )));
        }
        Ok((from_ns, until_ns))
    }
}

/// Start and end of the whole run, in model nanoseconds. If events are before the planned start or after the planned end, the run is
/// extended to these events.
pub fn whole_ns(execution: &Execution) -> (i64, i64) {
    let times = || execution.events().iter().map(|event| event.time_ns);
    (
        times().min().unwrap_or(0).min(0),
        times().max().unwrap_or(0).max(execution.duration_ns),
    )
}

impl Window {
    /// The part of `execution` from `from_ns` to `to_ns` (both included) on `machines`, which must be in ascending order.
    pub fn new(
        execution: &Execution,
        from_ns: i64,
        to_ns: i64,
        machines: Vec<MachineIndex>,
    ) -> Self {
        let is_in = |index: &usize| {
            let event = &execution.events()[*index];
            (from_ns..=to_ns).contains(&event.time_ns)
                && machines.binary_search(&event.machine).is_ok()
        };
        let mut events: Vec<usize> = (0..execution.events().len()).filter(is_in).collect();
        // The same order as in `Execution::timeline`.
        let key = |&index: &usize| {
            let event = &execution.events()[index];
            (event.time_ns, event.clock, index)
        };
        events.sort_by_key(key);
        Self {
            from_ns,
            to_ns,
            machines,
            events,
        }
    }

    /// Tells whether the machine is in the window.
    pub fn has_machine(&self, machine: MachineIndex) -> bool {
        self.machines.binary_search(&machine).is_ok()
    }

    /// Tells whether the event at `index` is in the window.
    pub fn has(&self, execution: &Execution, index: usize) -> bool {
        let event = &execution.events()[index];
        (self.from_ns..=self.to_ns).contains(&event.time_ns) && self.has_machine(event.machine)
    }
}
