//! The columns of a batch's events that the measures use: one row per event, ordered by run, machine and tick.

use polars::prelude::*;
use polars::series::IsSorted;
use sim::log::EventRow;
use sim::machine::{EventKind, Recipients};

use crate::measures::{self, ClockChange};
use crate::read::events::known;
use crate::read::run_log::Run;

/// The columns under construction.
#[derive(Default)]
pub(crate) struct EventColumns {
    /// Number of machines, over all runs, whose events are complete.
    machines: i64,
    index: Vec<i64>,
    is_internal: Vec<bool>,
    is_send: Vec<bool>,
    is_broadcast: Vec<bool>,
    is_receive: Vec<bool>,
    counts: Vec<bool>,
    at_ticks: Vec<bool>,
    left_s: Vec<f64>,
    logical_clock: Vec<i64>,
    jump: Vec<i64>,
    queue_length: Vec<Option<i64>>,
    received_stamp: Vec<Option<i64>>,
    age_s: Vec<Option<f64>>,
    greatest_step: Vec<i64>,
    centred_time_s: Vec<f64>,
    centred_lag: Vec<f64>,
    centred_queue_length: Vec<f64>,
}

impl EventColumns {
    /// Appends the events of `run`. No value may exceed 63 bits.
    pub(crate) fn push(&mut self, run: &Run<'_>, timeline: &[usize], sends: &[Option<usize>]) {
        let clock_changes = measures::trace_clocks(run.events(), timeline);
        let mut in_run = std::iter::zip(clock_changes, sends);
        for log in run.logs() {
            let first = self.index.len();
            let mut clock = 0;
            for (event, (clock_change, send)) in std::iter::zip(log, &mut in_run) {
                let next = log.get(self.index.len() + 1 - first);
                let tick = event.logged.event.tick;
                let ends_tick = next.is_none_or(|next| next.logged.event.tick != tick);
                let sent_at_ns = send.map(|index| run.events()[index].logged.system_time_ns);
                let before = std::mem::replace(&mut clock, event.logged.event.logical_clock as i64);
                self.jump.push(clock - before);
                self.push_event(run, event, clock_change, sent_at_ns);
                let counts = self.counts.last().is_some_and(|counts| *counts);
                self.at_ticks.push(counts && ends_tick);
            }
            let at_ticks = &self.at_ticks[first..];
            measures::centre(&mut self.centred_time_s[first..], at_ticks);
            measures::centre(&mut self.centred_lag[first..], at_ticks);
            measures::centre(&mut self.centred_queue_length[first..], at_ticks);
            self.machines += 1;
        }
    }

    fn push_event(
        &mut self,
        run: &Run<'_>,
        row: &EventRow,
        clock_change: ClockChange,
        sent_at_ns: Option<u64>,
    ) {
        let event = &row.logged.event;
        let time_s = run.time_s(row);
        let age_s = sent_at_ns.map(|sent_ns| run.age_s(row, sent_ns));
        let to_all = Recipients::All;
        self.index.push(self.machines);
        self.is_internal.push(event.kind == EventKind::Internal);
        self.is_send
            .push(matches!(event.kind, EventKind::Send { .. }));
        self.is_broadcast.push(
            matches!(&event.kind, EventKind::Send { recipients, .. } if *recipients == to_all),
        );
        self.is_receive
            .push(matches!(event.kind, EventKind::Receive(_)));
        self.counts.push(run.is_after_warm_up(time_s));
        self.left_s.push(run.time_left_s(time_s));
        self.logical_clock.push(event.logical_clock as i64);
        let queue_length = known(event.queue_length).map(|length| length as i64);
        self.queue_length.push(queue_length);
        self.received_stamp.push(match &event.kind {
            EventKind::Receive(message) => known(message.stamp).map(|stamp| stamp as i64),
            EventKind::Internal | EventKind::Send { .. } => None,
        });
        self.age_s.push(age_s);
        self.greatest_step.push(clock_change.greatest_step as i64);
        self.centred_time_s.push(time_s);
        self.centred_lag.push(clock_change.lag as f64);
        self.centred_queue_length
            .push(queue_length.unwrap_or(0) as f64);
    }

    /// The data frame. `machine_index` numbers the machines of all runs of the batch. `counts` says whether an event is after the
    /// warm-up, and `at_ticks` whether it is also the last event of its tick. `left_s` is the time from the event to the end,
    /// within the observed time. The centred columns are 0 where `at_ticks` is false.
    pub(crate) fn finish(self) -> PolarsResult<DataFrame> {
        let mut index = Series::new("machine_index".into(), self.index);
        // Because of this flag, Polars groups adjacent rows instead of searching for equal ones.
        index.set_sorted_flag(IsSorted::Ascending);
        DataFrame::new(
            self.left_s.len(),
            vec![
                index.into(),
                Series::new("is_internal".into(), self.is_internal).into(),
                Series::new("is_send".into(), self.is_send).into(),
                Series::new("is_broadcast".into(), self.is_broadcast).into(),
                Series::new("is_receive".into(), self.is_receive).into(),
                Series::new("counts".into(), self.counts).into(),
                Series::new("at_ticks".into(), self.at_ticks).into(),
                Series::new("left_s".into(), self.left_s).into(),
                Series::new("logical_clock".into(), self.logical_clock).into(),
                Series::new("jump".into(), self.jump).into(),
                Series::new("queue_length".into(), self.queue_length).into(),
                Series::new("received_stamp".into(), self.received_stamp).into(),
                Series::new("age_s".into(), self.age_s).into(),
                Series::new("greatest_step".into(), self.greatest_step).into(),
                Series::new("centred_time_s".into(), self.centred_time_s).into(),
                Series::new("centred_lag".into(), self.centred_lag).into(),
                Series::new("centred_queue_length".into(), self.centred_queue_length).into(),
            ],
        )
    }
}
