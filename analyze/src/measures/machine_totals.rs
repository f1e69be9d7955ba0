//! What one machine's events add up to, found in one pass over its columns.

use std::ops::Range;

use sim::log::{Action, UNKNOWN};

use super::distribution::{Description, Distribution};
use super::line::Line;
use super::ratio;
use crate::read::events::known;
use crate::read::run_log::{NO_EVENT, Run};

/// Totals over one machine's events. Except where the field says otherwise, events in the warm-up do not count.
#[derive(Clone, Debug, Default)]
pub(crate) struct MachineTotals {
    pub(crate) ticks: u64,
    pub(crate) internal_events: u64,
    pub(crate) sends: u64,
    pub(crate) broadcasts: u64,
    pub(crate) receives: u64,
    /// Ticks whose last event is a receive.
    pub(crate) receiving_ticks: u64,
    /// The clock at the end of the warm-up.
    pub(crate) start_clock: u64,
    /// The clock after the last event.
    pub(crate) final_clock: u64,
    /// How far the clock advanced at each event; none if no event counts.
    pub(crate) jumps: Option<Description>,
    /// The integral of the clock over the observed time, in model seconds.
    pub(crate) clock_area: f64,
    /// The queue lengths after ticks; none if no tick counts or no length is known.
    pub(crate) queue_lengths: Option<Description>,
    /// The queue length after the last event, also in the warm-up; none if it is not known or there is no event.
    pub(crate) final_queue_length: Option<u64>,
    /// The queue length after each tick, over time.
    pub(crate) queue_line: Line,
    /// The lag after each tick, over time. [`RunTotals`](super::run_totals::RunTotals) adds its points.
    pub(crate) lag_line: Line,
    /// Sum of the times from each receive to the end, within the observed time, also for receives in the warm-up; in model seconds.
    pub(crate) receive_left_s: f64,
    /// Sum and number of the ages of the messages received whose send is in the log, in model seconds.
    ages_s: (f64, u64),
    /// Sum and number of the differences between the clock after a receive and the message's timestamp.
    logical_ages: (f64, u64),
}

/// Memory that is used for one machine after the other.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    jumps: Distribution,
    queue_lengths: Distribution,
}

impl MachineTotals {
    /// Adds up the events of `run` with the indices `log`, which are all events of one machine. `sends` has the index of the send for
    /// each receive.
    pub(crate) fn of_log(
        run: &Run<'_>,
        log: Range<usize>,
        sends: &[u32],
        scratch: &mut Scratch,
    ) -> Self {
        let mut totals = Self::default();
        let (events, end) = (run.events(), log.end);
        let last = log.clone().next_back();
        scratch.jumps.clear();
        scratch.queue_lengths.clear();
        let mut before = 0;
        for index in log {
            let (time_s, clock) = (run.times_s()[index], events.logical_clock[index]);
            let action = events.action[index];
            let left_s = run.time_left_s(time_s);
            let jump = clock as i64 - before as i64;
            before = clock;
            totals.final_clock = clock.max(totals.final_clock);
            totals.clock_area += jump as f64 * left_s;
            if action == Action::Receive {
                totals.receive_left_s += left_s;
            }
            if !run.is_after_warm_up(time_s) {
                totals.start_clock = clock.max(totals.start_clock);
                continue;
            }
            scratch.jumps.add(jump);
            totals.count(run, index, sends);
            if run.ends_tick(index, end) {
                totals.ticks += 1;
                totals.receiving_ticks += u64::from(action == Action::Receive);
                let length = events.queue_length[index];
                if length != UNKNOWN {
                    scratch.queue_lengths.add(length as i64);
                    totals.queue_line.add(time_s, length as f64);
                }
            }
        }
        totals.final_queue_length = last.and_then(|last| known(events.queue_length[last]));
        totals.jumps = scratch.jumps.describe();
        totals.queue_lengths = scratch.queue_lengths.describe();
        totals
    }

    /// Counts an event after the warm-up by what happened.
    fn count(&mut self, run: &Run<'_>, index: usize, sends: &[u32]) {
        match run.events().action[index] {
            Action::Internal => self.internal_events += 1,
            Action::Send => {
                self.sends += 1;
                self.broadcasts += u64::from(run.is_broadcast(index));
            }
            Action::Receive => {
                self.receives += 1;
                if sends[index] != NO_EVENT {
                    self.ages_s.0 += run.age_s(index, sends[index] as usize);
                    self.ages_s.1 += 1;
                }
                let stamp = run.events().stamp[index];
                if stamp != UNKNOWN {
                    let clock = run.events().logical_clock[index];
                    self.logical_ages.0 += (clock as i64 - stamp as i64) as f64;
                    self.logical_ages.1 += 1;
                }
            }
        }
    }

    /// How far the clock advanced after the warm-up.
    pub(crate) fn advance(&self) -> i64 {
        self.final_clock as i64 - self.start_clock as i64
    }

    /// Mean age of the messages received, in model seconds; none if there is none.
    pub(crate) fn age_mean_s(&self) -> Option<f64> {
        ratio(self.ages_s.0, self.ages_s.1 as f64)
    }

    /// Mean difference between the clock after a receive and the message's timestamp; none if there is no receive.
    pub(crate) fn logical_age_mean(&self) -> Option<f64> {
        ratio(self.logical_ages.0, self.logical_ages.1 as f64)
    }
}
