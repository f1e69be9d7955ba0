//! The history of a run: its events in an order in which each receive comes after its send, and the times that the machines' physical
//! clocks show at these events. Lamport clocks, vector clocks and other clocks are replayed over this history.

use std::sync::Arc;

use sim::clock::PhysicalTime;
use sim::experiment;
use sim::log::{Action, IMPORTED};

use crate::measures::concurrency::{causal_order, skipped};
use crate::measures::timeline::timeline;
use crate::read::run_log::{NO_EVENT, Run};

/// A run, prepared for the replay of clocks.
#[derive(Clone, Debug)]
pub(super) struct History<'r> {
    pub(super) run: &'r Run<'r>,
    /// For each event, the index of the send whose message it receives. [`NO_EVENT`] for events that are not receives.
    pub(super) sends: Arc<[u32]>,
    /// The indices of all events in the order of the replay: each receive comes after its send.
    pub(super) order: Arc<[u32]>,
    /// For each event, its model time in nanoseconds. In runs of the simulator it is the time at which the tick is due, in imported runs the
    /// logged time.
    pub(super) times_ns: Arc<[i64]>,
    /// For each machine, the number of its events in the warm-up (the first seconds of a run, which are not measured).
    pub(super) skipped: Arc<[u32]>,
    /// The seed and the run's stream key (a text made of the run's parameters and repetition). They determine the random errors of the
    /// physical clocks. `None` for imported runs, which get no random errors: their logged times were already read from physical clocks.
    drawn_from: Option<(u64, String)>,
    /// For each machine, its physical clock; empty if the replayed clock uses no physical time.
    physical: Vec<PhysicalTime>,
    /// The resolution of the physical clocks, in nanoseconds: they show only multiples of it.
    pub(super) resolution_ns: u64,
}

impl<'r> History<'r> {
    /// The history of a run. `seed` is the seed of the run's experiment. `None` if no order of the events respects happens-before, for
    /// example because a receive has no send in the log.
    pub(super) fn new(run: &'r Run<'r>, seed: u64) -> Option<Self> {
        let sends = run.sends();
        let timeline = timeline(run);
        // The timeline has the events in the order of their measured times. If these times contradict happens-before, because they come
        // from the physical clocks of different machines, another order is needed.
        let order = match respects_sends(run, &sends, &timeline) {
            true => timeline,
            false => causal_order(run, &sends)?,
        };
        let row = run.row();
        let is_imported = row.engine == IMPORTED;
        // The run as the experiment describes it. The schedule and the stream key are made from this description.
        let planned = experiment::Run {
            index: row.run,
            configuration: Arc::clone(&row.configuration),
            repetition: row.repetition,
        };
        let times_ns = match is_imported {
            true => logged_times_ns(run),
            false => due_times_ns(run, &planned, seed),
        };
        Some(Self {
            run,
            sends: sends.into(),
            order: order.into(),
            times_ns,
            skipped: skipped(run).into(),
            drawn_from: (!is_imported).then(|| (seed, planned.stream_key())),
            physical: vec![],
            resolution_ns: 1,
        })
    }

    /// The same history, with physical clocks that show multiples of `resolution_ns`. In runs of the simulator, two of these
    /// clocks differ by at most `epsilon_ns` (before they are rounded to the resolution).
    pub(super) fn with_physical_clocks(&self, epsilon_ns: u64, resolution_ns: u64) -> Self {
        let duration_ns = self.run.row().configuration.duration_ns;
        let (seed, key, epsilon_ns) = match &self.drawn_from {
            Some((seed, key)) => (*seed, &**key, epsilon_ns),
            // With an epsilon of 0, the clocks have no errors, whatever the seed and the key are. So they show the logged times.
            None => (0, "", 0),
        };
        let clock = |machine| {
            PhysicalTime::draw((seed, key), machine, epsilon_ns, duration_ns, resolution_ns)
        };
        Self {
            physical: (0..self.run.machines() as u32).map(clock).collect(),
            resolution_ns,
            ..self.clone()
        }
    }

    /// What the physical clock of the event's machine shows at the event, in units of the resolution: 1234 if the clock shows 1.234 s
    /// and the resolution is 1 ms. 0 if there are no physical clocks.
    pub(super) fn reading(&self, event: usize) -> i64 {
        let machine = self.run.events().machine[event] as usize;
        let clock = self.physical.get(machine);
        clock.map_or(0, |clock| clock.reading(self.times_ns[event]))
    }

    /// The index of the event among those of its machine.
    pub(super) fn index_within_machine(&self, event: usize) -> u32 {
        let machine = self.run.events().machine[event] as usize;
        // The events of a machine have consecutive indices. `bounds()[machine]` is the index of the machine's first event.
        (event - self.run.bounds()[machine]) as u32
    }

    /// Whether the event is after the warm-up, so that it is measured.
    pub(super) fn is_after_warm_up(&self, event: usize) -> bool {
        let machine = self.run.events().machine[event] as usize;
        self.index_within_machine(event) >= self.skipped[machine]
    }
}

/// Whether each receive has a send in the log, and comes after this send in `order`.
fn respects_sends(run: &Run<'_>, sends: &[u32], order: &[u32]) -> bool {
    let mut is_visited = vec![false; run.len()];
    order.iter().all(|&event| {
        let event = event as usize;
        is_visited[event] = true;
        if run.events().action[event] != Action::Receive {
            return true;
        }
        let send = sends[event];
        send != NO_EVENT && is_visited[send as usize]
    })
}

/// For each event, the model time at which its tick is due.
fn due_times_ns(run: &Run<'_>, planned: &experiment::Run, seed: u64) -> Arc<[i64]> {
    let schedule = planned.schedule(seed);
    let events = run.events();
    let ticks = std::iter::zip(&events.machine, &events.tick);
    ticks
        .map(|(&machine, &tick)| schedule.due_ns(machine as usize, tick) as i64)
        .collect()
}

/// For each event, the model time in the log.
fn logged_times_ns(run: &Run<'_>) -> Arc<[i64]> {
    let times_s = run.times_s().iter();
    times_s
        .map(|time_s| (time_s * 1e9).round() as i64)
        .collect()
}
