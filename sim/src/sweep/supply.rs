//! Limits how many runs over TCP are in progress. A run is in progress from the moment at which it is given out to the event loops
//! (the threads that run machines) until the rows of its log have been given to the thread that writes rows to the disk.

use crossbeam_channel::{Receiver, Sender};

use crate::experiment::Run;

/// Gives a new run to the event loops each time that another run is no longer in progress. Event loops never wait for the disk, because
/// waiting would make their ticks late. So if the disk is slow, the logs of ended runs wait in memory. These runs still count as in
/// progress, so the limit keeps their logs from filling the memory.
pub(super) struct Supply<I> {
    remaining_runs: I,
    /// The channel to the event loops. `None` when all runs have been given out.
    run_sender: Option<Sender<Run>>,
}

impl<I: Iterator<Item = Run>> Supply<I> {
    /// Gives out the first `limit` of `runs`. Returns the supply of the remaining runs, and the channel from which event loops take
    /// runs.
    pub(super) fn new(runs: I, limit: usize) -> (Self, Receiver<Run>) {
        let (sender, receiver) = crossbeam_channel::bounded(limit);
        let mut supply = Self {
            remaining_runs: runs,
            run_sender: Some(sender),
        };
        (0..limit).for_each(|_| supply.hand_out_one());
        (supply, receiver)
    }

    /// Gives out the next run. If there is none, closes the channel, so that event loops stop. Must be called once for each run that is no
    /// longer in progress.
    pub(super) fn hand_out_one(&mut self) {
        let Some(sender) = &self.run_sender else {
            return;
        };
        let Some(run) = self.remaining_runs.next() else {
            self.run_sender = None;
            return;
        };
        // The channel has space for all runs in progress, so `send` does not wait. `send` fails if all event loops have ended.
        if sender.send(run).is_err() {
            self.run_sender = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::TryRecvError;

    use super::*;
    use crate::experiment::{Experiment, Overrides};

    #[test]
    fn after_the_first_runs_each_call_gives_out_one_run_until_all_are_out() {
        let text =
            "seed = 1\nrepetitions = 5\n[parameters]\nrates = [1, 3]\ninternal = 0.5".to_owned();
        let experiment = Experiment::parse(&text, "e.toml".as_ref(), Overrides::default());
        let experiment = experiment.expect("an experiment");
        let (mut supply, runs) = Supply::new(experiment.runs(), 2);
        let take = || runs.try_recv().map(|run| run.index);
        assert_eq!([take(), take()], [Ok(0), Ok(1)]);
        for next in 2..5 {
            assert_eq!(take(), Err(TryRecvError::Empty));
            supply.hand_out_one();
            assert_eq!(take(), Ok(next));
        }
        supply.hand_out_one();
        assert_eq!(take(), Err(TryRecvError::Disconnected));
    }

    #[test]
    fn fewer_runs_than_the_limit_are_all_given_out_at_once() {
        let text = "seed = 1\n[parameters]\nrates = [1, 3]\ninternal = 0.5";
        let experiment = Experiment::parse(text, "e.toml".as_ref(), Overrides::default());
        let experiment = experiment.expect("an experiment");
        let (_supply, runs) = Supply::new(experiment.runs(), 9);
        // The iterator ends because the supply found no second run and closed the channel.
        assert_eq!(runs.iter().count(), 1);
    }
}
