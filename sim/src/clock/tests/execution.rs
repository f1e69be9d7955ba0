//! Random executions, and which of their events happened before which.

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
    /// For each event, the reading of its machine's physical clock. Readings of a machine increase, and no two events have the same.
    pub readings: Vec<i64>,
}

#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub machine: MachineIndex,
    /// The send whose message the event receives.
    pub receives: Option<usize>,
}

/// Random executions. Every event that is not a receive may be a send, also to several machines or to none.
pub fn execution(machines: Range<u32>, events: Range<usize>) -> impl Strategy<Value = Execution> {
    let drawn = prop::collection::vec((any::<u32>(), any::<u32>(), 0u8..3), events);
    let errors = prop::collection::vec(0i64..40, 8);
    (machines, drawn, errors).prop_map(|(machines, drawn, errors)| {
        let mut events: Vec<Event> = vec![];
        let mut readings = vec![];
        for (index, (machine, send, kind)) in drawn.into_iter().enumerate() {
            let machine = machine % machines;
            let send = send as usize % index.max(1);
            let can_be_received = |sent: &Event| sent.machine != machine && sent.receives.is_none();
            let is_receive = kind > 0 && events.get(send).is_some_and(can_be_received);
            events.push(Event {
                machine,
                receives: is_receive.then_some(send),
            });
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

/// The execution of a run in virtual time.
pub fn of_a_run(rates: &str, duration_s: u64) -> Execution {
    let configuration = Configuration::new(
        rates.parse().expect("rates"),
        Probability::new(0.3).expect("a probability"),
        duration_s * 1_000_000_000,
    );
    let run = Run {
        index: 0,
        configuration: configuration.into(),
        repetition: 0,
    };
    let machines = run.configuration.rates.machines();
    let (mut events, mut readings) = (vec![], vec![]);
    let mut index_of_tick = vec![vec![]; machines as usize];
    virtual_time::observe(&run, 5, |machine, logged| {
        let receives = match logged.event.kind {
            EventKind::Receive(message) => {
                Some(index_of_tick[message.sender as usize][message.sent_tick as usize])
            }
            _ => None,
        };
        index_of_tick[machine].push(events.len());
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
    /// The timestamp of each event.
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

    /// All ordered pairs of events of different machines.
    pub fn pairs_across_machines(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let all = 0..self.events.len();
        let pairs = all
            .clone()
            .flat_map(move |a| all.clone().map(move |b| (a, b)));
        pairs.filter(|&(a, b)| self.events[a].machine != self.events[b].machine)
    }

    /// The largest difference of two machines' physical clocks: a later event can have a reading that is lower by at most this.
    pub fn epsilon(&self) -> i64 {
        let mut largest = i64::MIN;
        let mut epsilon = 0;
        for &reading in &self.readings {
            largest = largest.max(reading);
            epsilon = epsilon.max(largest - reading);
        }
        epsilon
    }
}

/// For each event, the events that happened before it.
pub struct Reachable(Vec<Vec<bool>>);

impl Reachable {
    pub fn new(execution: &Execution) -> Self {
        let mut before: Vec<Vec<bool>> = vec![];
        let mut newest: Vec<Option<usize>> = vec![None; execution.machines as usize];
        for (index, event) in execution.events.iter().enumerate() {
            let mut past = vec![false; execution.events.len()];
            let newest = &mut newest[event.machine as usize];
            for cause in newest.iter().chain(&event.receives) {
                std::iter::zip(&mut past, &before[*cause]).for_each(|(own, other)| *own |= other);
                past[*cause] = true;
            }
            *newest = Some(index);
            before.push(past);
        }
        Self(before)
    }

    pub fn happened_before(&self, a: usize, b: usize) -> bool {
        self.0[b][a]
    }
}
