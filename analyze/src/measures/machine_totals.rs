//! Totals over the events of one machine, for example its number of sends. They are computed in one pass over the machine's events.
//! Measures such as the mean jump are calculated from these totals.

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
    /// Number of sends that go to all machines to which the sender may send.
    pub(crate) broadcasts: u64,
    pub(crate) receives: u64,
    /// Number of ticks that receive. With `receive = "all"` a tick can receive several messages, but it counts once.
    pub(crate) receiving_ticks: u64,
    /// The clock at the end of the warm-up; 0 without a warm-up.
    pub(crate) start_clock: u64,
    /// The clock after the last event, even if this event is in the warm-up.
    pub(crate) final_clock: u64,
    /// Statistics of the jumps: how far the clock advanced at each event. `None` if all events are in the warm-up.
    pub(crate) jumps: Option<Description>,
    /// The integral of the clock over the observed time (the run without its warm-up, in model seconds).
    pub(crate) clock_area: f64,
    /// Statistics of the queue lengths after ticks. `None` if all ticks are in the warm-up, or the log does not have queue lengths.
    pub(crate) queue_lengths: Option<Description>,
    /// The queue length after the last event, even if this event is in the warm-up. `None` if the log does not have it, or the machine
    /// has no events.
    pub(crate) final_queue_length: Option<u64>,
    /// The least-squares line through these points: for each tick, its time and the queue length after it.
    pub(crate) queue_line: Line,
    /// The least-squares line through these points: for each tick, its time and the lag after it. The lag is the run's largest clock minus
    /// this machine's clock. The points are added by [`RunTotals`](super::run_totals::RunTotals), because they need the clocks of all
    /// machines.
    pub(crate) lag_line: Line,
    /// The sum, over all receives, of the observed time that is left after the receive, in model seconds. Receives in the warm-up count
    /// too: after each of them, the whole observed time is left. The mean backlog is calculated from this sum: see `backlog.rs`.
    pub(crate) receive_time_left_sum_s: f64,
    /// The ages of received messages, in model seconds. The age of a message is the time from its send to its receive. Messages whose
    /// send is not in the log do not count.
    ages_s: Sum,
    /// The logical ages of received messages. The logical age of a message is the clock after its receive minus its timestamp. Messages
    /// whose timestamp is not in the log do not count.
    logical_ages: Sum,
}

/// The sum of some numbers, and the count of these numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    sum: f64,
    count: u64,
}

impl Sum {
    fn add(&mut self, number: f64) {
        self.sum += number;
        self.count += 1;
    }

    /// The mean of the numbers. `None` if there are no numbers.
    fn mean(&self) -> Option<f64> {
        ratio(self.sum, self.count as f64)
    }
}

/// Memory for the jumps and queue lengths of one machine. The same memory is used again for the next machine.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    jumps: Distribution,
    queue_lengths: Distribution,
}

impl MachineTotals {
    /// Computes the totals of one machine of `run`. `log` has the indices of all events of this machine. `sends` is the result of
    /// [`Run::sends`]: if event `i` is a receive, `sends[i]` is the index of the send of the same message.
    pub(crate) fn of_log(
        run: &Run<'_>,
        log: Range<usize>,
        sends: &[u32],
        scratch: &mut Scratch,
    ) -> Self {
        let mut totals = Self::default();
        let (events, end) = (run.events(), log.end);
        // The index of the machine's last event.
        let last = log.clone().next_back();
        scratch.jumps.clear();
        scratch.queue_lengths.clear();
        let mut previous_clock = 0;
        for index in log {
            let (time_s, clock) = (run.times_s()[index], events.logical_clock[index]);
            let action = events.action[index];
            let left_s = run.time_left_s(time_s);
            let jump = clock as i64 - previous_clock as i64;
            previous_clock = clock;
            // In a correct log the clock only grows, so `final_clock` is the clock of the last event. In an incorrect log, it is the largest
            // clock.
            totals.final_clock = clock.max(totals.final_clock);
            // A jump raises the clock for the whole time that is left. So it adds `jump * left_s` to the integral of the clock. For a jump
            // in the warm-up, `left_s` is the whole observed time.
            totals.clock_area += jump as f64 * left_s;
            if action == Action::Receive {
                totals.receive_time_left_sum_s += left_s;
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

    /// Counts the event at `index`, which is after the warm-up, as an internal event, a send or a receive. For a receive, also adds the
    /// ages of the message.
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
                    self.ages_s.add(run.age_s(index, sends[index] as usize));
                }
                let stamp = run.events().stamp[index];
                if stamp != UNKNOWN {
                    let clock = run.events().logical_clock[index];
                    self.logical_ages.add((clock as i64 - stamp as i64) as f64);
                }
            }
        }
    }

    /// How far the clock advanced after the warm-up.
    pub(crate) fn advance(&self) -> i64 {
        self.final_clock as i64 - self.start_clock as i64
    }

    /// Mean age of the received messages, in model seconds. `None` if no received message has a known age.
    pub(crate) fn age_mean_s(&self) -> Option<f64> {
        self.ages_s.mean()
    }

    /// Mean logical age (clock after the receive minus timestamp) of the received messages. `None` if no received message has a known
    /// timestamp.
    pub(crate) fn logical_age_mean(&self) -> Option<f64> {
        self.logical_ages.mean()
    }
}
