//! Random executions and simulated runs, for the tests of clocks. [`CausalPast`] calculates which of their events happened before which
//! others. It needs no clock for this.

use std::ops::Range;

use proptest::prelude::*;

use super::super::Clock;
use crate::engine::virtual_time;
use crate::experiment::{Configuration, Probability, Run};
use crate::machine::{EventKind, MachineIndex};

/// The events of some machines, in an order in which each receive comes after its send.
#[derive(Clone, Debug)]
pub struct Execution {
    pub machines: u32,
    pub events: Vec<Event>,
    /// For each event, the reading of its machine's physical clock. The readings of a machine increase, and in random executions no two
    /// events have the same reading.
    pub readings: Vec<i64>,
}

#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub machine: MachineIndex,
    /// Index of the send whose message the event receives; `None` if the event is not a receive.
    pub receives: Option<usize>,
}

/// Random executions. The number of machines (at most 8) is drawn from the range `machines`, and the number of events from the range
/// `events`. An event that is not a receive is a send if a later event receives its message, otherwise it is internal. Several events may
/// receive the message of the same send, which is then a multicast.
pub fn execution(machines: Range<u32>, events: Range<usize>) -> impl Strategy<Value = Execution> {
    // Three numbers for each event. The first selects its machine, the second an earlier event. If the third (0, 1 or 2) is not 0, the new
    // event receives a message of the earlier event, unless the earlier event is on the same machine or is itself a receive.
    let drawn = prop::collection::vec((any::<u32>(), any::<u32>(), 0u8..3), events);
    // For each of up to 8 machines, how far its physical clock is ahead of the true time. The unit is the time between two successive
    // events of the execution.
    let errors = prop::collection::vec(0i64..40, 8);
    (machines, drawn, errors).prop_map(|(machines, drawn, errors)| {
        let mut events: Vec<Event> = vec![];
        let mut readings = vec![];
        for (index, (machine, send, kind)) in drawn.into_iter().enumerate() {
            let machine = machine % machines;
            // The first event has no earlier event: its `send` is 0, and `events` is still empty, so `get` finds nothing.
            let send = send as usize % index.max(1);
            let can_be_received = |sent: &Event| sent.machine != machine && sent.receives.is_none();
            let is_receive = kind > 0 && events.get(send).is_some_and(can_be_received);
            events.push(Event {
                machine,
                receives: is_receive.then_some(send),
            });
            // A reading divided by the number of machines leaves the machine's index as the remainder. So readings of different machines
            // are never equal.
            let error = errors[machine as usize] * i64::from(machines);
            readings.push(i64::from(machines) * index as i64 + i64::from(machine) + error);
        }
        Execution {
            machines,
            events,
            readings,
        }
    })
}

/// The events of a simulated run with these rates and this duration. Readings are the times at which ticks are due.
pub fn of_simulated_run(rates: &str, duration_s: u64) -> Execution {
    let internal = Probability::new(0.3).expect("a probability");
    let configuration = Configuration::new(
        rates.parse().expect("rates"),
        internal,
        duration_s * 1_000_000_000,
    );
    let run = Run {
        index: 0,
        configuration: configuration.into(),
        repetition: 0,
    };
    let machines = run.configuration.rates.machines();
    let (mut events, mut readings) = (vec![], vec![]);
    // For each machine and each of its ticks, the index of the tick's event in `events`. By default a tick receives at most one message,
    // so it has one event.
    let mut event_of_tick = vec![vec![]; machines as usize];
    let seed = 5;
    virtual_time::observe(&run, seed, |machine, logged| {
        let receives = match logged.event.kind {
            EventKind::Receive(message) => {
                Some(event_of_tick[message.sender as usize][message.sent_tick as usize])
            }
            _ => None,
        };
        event_of_tick[machine].push(events.len());
        events.push(Event {
            machine: machine as u32,
            receives,
        });
        readings.push(logged.system_time_ns as i64);
    });
    Execution {
        machines,
        events,
        readings,
    }
}

impl Execution {
    /// Calculates the timestamp of each event with these clocks, one for each machine.
    pub fn replay<C: Clock>(&self, mut clocks: Vec<C>) -> Vec<C::Timestamp> {
        let mut timestamps: Vec<C::Timestamp> = vec![];
        for (event, &now) in std::iter::zip(&self.events, &self.readings) {
            let clock = &mut clocks[event.machine as usize];
            match event.receives {
                Some(send) => clock.receive(&timestamps[send], now),
                None => clock.advance(now),
            }
            timestamps.push(clock.timestamp());
        }
        timestamps
    }

    /// The indices of all pairs of events of different machines. Each pair comes twice, as (a, b) and as (b, a).
    pub fn pairs_across_machines(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let indices = 0..self.events.len();
        let pairs = indices
            .clone()
            .flat_map(move |a| indices.clone().map(move |b| (a, b)));
        pairs.filter(|&(a, b)| self.events[a].machine != self.events[b].machine)
    }

    /// The largest difference of two machines' physical clocks that the readings show. Example: event a comes before event b in `events`,
    /// but a has the reading 9 and b only 7. Then the clock of b's machine is at least 2 behind the clock of a's machine.
    pub fn epsilon(&self) -> i64 {
        let mut largest_so_far = i64::MIN;
        let mut epsilon = 0;
        for &reading in &self.readings {
            largest_so_far = largest_so_far.max(reading);
            epsilon = epsilon.max(largest_so_far - reading);
        }
        epsilon
    }
}

/// Which events happened before each event: element `[b][a]` says whether event a happened before event b.
pub struct CausalPast(Vec<Vec<bool>>);

impl CausalPast {
    pub fn new(execution: &Execution) -> Self {
        let mut pasts: Vec<Vec<bool>> = vec![];
        let mut newest_of_machine: Vec<Option<usize>> = vec![None; execution.machines as usize];
        for (index, event) in execution.events.iter().enumerate() {
            let mut past = vec![false; execution.events.len()];
            let previous = &mut newest_of_machine[event.machine as usize];
            // The past consists of the machine's previous event, of the send whose message is received, and of the pasts of both.
            for cause in previous.iter().chain(&event.receives) {
                std::iter::zip(&mut past, &pasts[*cause]).for_each(|(own, other)| *own |= other);
                past[*cause] = true;
            }
            *previous = Some(index);
            pasts.push(past);
        }
        Self(pasts)
    }

    /// Whether event `a` happened before event `b`.
    pub fn happened_before(&self, a: usize, b: usize) -> bool {
        self.0[b][a]
    }
}
