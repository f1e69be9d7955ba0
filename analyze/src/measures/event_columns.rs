//! The events of a batch as far as measures look at them: a row an event, those of a machine in a run one behind the other.

use polars::prelude::*;
use polars::series::IsSorted;
use sim::log::EventRow;
use sim::machine::{EventKind, Recipients};

use crate::measures::{self, OnTimeline};
use crate::read::events::known;
use crate::read::run_log::Run;

/// Columns under construction.
#[derive(Default)]
pub(crate) struct EventColumns {
    /// How many machines of how many runs came before.
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
    /// Appends the events of `run`, no value of which exceeds 63 bits.
    pub(crate) fn push(&mut self, run: &Run<'_>, timeline: &[usize], sends: &[Option<usize>]) {
        let on_timeline = measures::on_timeline(run.events(), timeline);
        let mut in_run = std::iter::zip(on_timeline, sends);
        for log in run.logs() {
            let first = self.index.len();
            let mut clock = 0;
            for (event, (on_timeline, send)) in std::iter::zip(log, &mut in_run) {
                let next = log.get(self.index.len() + 1 - first);
                let tick = event.logged.event.tick;
                let ends_tick = next.is_none_or(|next| next.logged.event.tick != tick);
                let sent_at_ns = send.map(|index| run.events()[index].logged.system_time_ns);
                let before = std::mem::replace(&mut clock, event.logged.event.logical_clock as i64);
                self.jump.push(clock - before);
                self.push_event(run, event, on_timeline, sent_at_ns);
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
        on_timeline: OnTimeline,
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
        self.counts.push(run.counts(time_s));
        self.left_s.push(run.left_s(time_s));
        self.logical_clock.push(event.logical_clock as i64);
        let queue_length = known(event.queue_length).map(|length| length as i64);
        self.queue_length.push(queue_length);
        self.received_stamp.push(match &event.kind {
            EventKind::Receive(message) => known(message.stamp).map(|stamp| stamp as i64),
            EventKind::Internal | EventKind::Send { .. } => None,
        });
        self.age_s.push(age_s);
        self.greatest_step.push(on_timeline.greatest_step as i64);
        self.centred_time_s.push(time_s);
        self.centred_lag.push(on_timeline.lag as f64);
        self.centred_queue_length
            .push(queue_length.unwrap_or(0) as f64);
    }

    /// The frame: `place` numbers the machines of the batch's runs in their order, `counts` says whether an event is after the
    /// warm-up, `at_ticks` whether it is the last of its tick besides, `left_s` how long what it changed lasted within the time
    /// observed. But at such last events, what is centred is 0.
    pub(crate) fn finish(self) -> PolarsResult<DataFrame> {
        let mut index = Series::new("place".into(), self.index);
        // Then a machine's events are taken for neighbours, and not looked for.
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
